//! A payer: scans codes, sends forms, invokes the bridge, and pays.

use super::business::OPENID;
use super::plan::Way;
use crate::sign::{self, escape, pairs, query};
use crate::wire::{Answer, Wire};
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// An order before the payer's eyes.
pub(crate) enum Opened {
    /// On a page of the channel, with the channel's number of it.
    Page(String),
    /// On PayPal's page: its number, and the token of the page.
    Paypal(String, String),
    /// In WeChat's sheet: the bridge's parameters.
    Sheet(Value),
}

/// A payer at one sandbox.
pub(crate) struct Payer<'a> {
    pub(crate) wire: &'a Wire,
    pub(crate) sandbox: &'a str,
}

impl Payer<'_> {
    /// Goes where `obj` leads; `None` where the code or form is dead by now.
    pub(crate) fn open(&self, way: Way, obj: &Value) -> Result<Option<Opened>> {
        if way == Way::Jsapi {
            return Ok(Some(Opened::Sheet(obj.clone())));
        }
        let text = obj.as_str().context("obj is no text")?;
        if way == Way::Native {
            // A code may hold the address of another checkout's page.
            let url = match text.starts_with("http") {
                true if !text.starts_with(self.sandbox) => return Ok(self.sheet_behind(text)),
                true => text.to_owned(),
                false => format!("{}/wallet/scan?code={}", self.sandbox, escape(text)),
            };
            return Ok(number_on(&self.wire.get(&url)?).map(Opened::Page));
        }
        let form = Form::read(text).context("obj is no form")?;
        let form = if form.action.starts_with(self.sandbox) {
            Some(form)
        } else {
            self.form_behind(&form)
        };
        let Some(form) = form else {
            return Ok(None);
        };
        let answer = self.send(&form)?;
        let Some(number) = number_on(&answer) else {
            return Ok(None);
        };
        if way != Way::Paypal {
            return Ok(Some(Opened::Page(number)));
        }
        let token = between(&answer.body, "name=\"token\" value=\"", "\"");
        let token = token.context("no token on PayPal's page")?;
        Ok(Some(Opened::Paypal(number, token.to_owned())))
    }

    fn send(&self, form: &Form) -> Result<Answer> {
        if form.post {
            return self.wire.post_form(&form.action, &query(&form.fields));
        }
        let mark = if form.action.contains('?') { '&' } else { '?' };
        let url = format!("{}{mark}{}", form.action, query(&form.fields));
        self.wire.get(&url)
    }

    /// WeChat's sheet on a page of the second platform, which may be away.
    fn sheet_behind(&self, page: &str) -> Option<Opened> {
        let (base, values) = page.split_once("/mpay.html?")?;
        let mut values = pairs(values);
        values.retain(|(name, _)| name != "payTypeCode");
        for (name, value) in [("payTypeCode", "Wechat"), ("openid", OPENID)] {
            values.push((name.to_owned(), value.to_owned()));
        }
        let url = format!("{base}/pay/api/h5/pay");
        let answer = self.wire.post_json(&url, &sign::json(&values)).ok()?;
        let mut answer: Value = serde_json::from_str(&answer.body).ok()?;
        (answer["errcode"] == "0").then(|| Opened::Sheet(answer["obj"].take()))
    }

    /// The channel's form on a page of the second platform, which may be away.
    fn form_behind(&self, form: &Form) -> Option<Form> {
        let page = self.send(form).ok()?;
        let form = Form::read(&page.body)?;
        form.action.starts_with(self.sandbox).then_some(form)
    }

    /// Pays; whether the channel took it. `returns` is whether a PayPal payer lets
    /// himself be sent back to us, or closes the window.
    pub(crate) fn pay(&self, opened: &Opened, returns: bool) -> Result<bool> {
        match opened {
            Opened::Sheet(bridge) => {
                let url = format!("{}/wallet/jsapi", self.sandbox);
                let answer = self.wire.post_json(&url, &bridge.to_string())?;
                Ok(answer.body.contains(":ok"))
            }
            Opened::Paypal(_, token) if returns => {
                let url = format!("{}/paypal/act", self.sandbox);
                let pairs = [("token", token.as_str()), ("act", "approve")];
                let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
                let answer = self.wire.post_form(&url, &query(&pairs))?;
                let Some(back) = answer.location else {
                    return Ok(false);
                };
                // He may meet a platform that was just killed: then it is as if
                // he had closed the window.
                let _ = self.wire.get(&back);
                Ok(true)
            }
            Opened::Page(number) | Opened::Paypal(number, _) => self.control("pay", number),
        }
    }

    /// The payer's bank says no. In WeChat's sheet nothing tells which order it is.
    pub(crate) fn is_declined(&self, opened: &Opened) -> Result<bool> {
        match opened {
            Opened::Sheet(_) => Ok(false),
            Opened::Page(number) | Opened::Paypal(number, _) => self.control("decline", number),
        }
    }

    fn control(&self, act: &str, number: &str) -> Result<bool> {
        let url = format!("{}/control/{act}", self.sandbox);
        let body = json!({ "channelOrderNo": number }).to_string();
        match self.wire.post_json(&url, &body)?.status {
            200 | 204 => Ok(true),
            404 | 409 => Ok(false),
            status => bail!("the sandbox answers {status} to {act}"),
        }
    }
}

/// The channel's number that a page of the sandbox shows.
fn number_on(answer: &Answer) -> Option<String> {
    between(&answer.body, "data-order=\"", "\"").map(str::to_owned)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// A form as a browser reads it.
#[derive(Debug, PartialEq, Eq)]
struct Form {
    post: bool,
    action: String,
    fields: Vec<(String, String)>,
}

impl Form {
    fn read(html: &str) -> Option<Self> {
        let head = between(html, "<form", ">")?;
        let fields = html.split("<input").skip(1).filter_map(|input| {
            let name = attribute(input, "name")?;
            Some((name, attribute(input, "value").unwrap_or_default()))
        });
        Some(Self {
            post: attribute(head, "method")?.eq_ignore_ascii_case("post"),
            action: attribute(head, "action")?,
            fields: fields.collect(),
        })
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let value = between(tag, &format!(" {name}=\""), "\"")?;
    let plain = value.replace("&lt;", "<").replace("&gt;", ">");
    Some(plain.replace("&quot;", "\"").replace("&amp;", "&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_read_as_a_browser_reads_it() {
        let html = "<form id=\"f\" action=\"http://a/b?x=1&amp;y=2\" method=\"post\">\
            <input type=\"hidden\" name=\"biz\" value=\"{&quot;a&quot;:1}\"></form><script></script>";
        let form = Form::read(html).unwrap();
        assert_eq!(
            form,
            Form {
                post: true,
                action: "http://a/b?x=1&y=2".to_owned(),
                fields: vec![("biz".to_owned(), "{\"a\":1}".to_owned())],
            }
        );
    }
}
