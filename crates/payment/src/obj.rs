//! What a started payment gives the page to go on with: `obj` of pay (docs/protocol.md).

use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// `obj` of pay, by kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Obj {
    /// The text of a code that the payer scans.
    Code(String),
    /// What `getBrandWCPayRequest` of the in-WeChat bridge takes.
    Bridge(Bridge),
    /// A form that leads to the channel.
    Form(Form),
}

/// The parameters of the in-WeChat bridge, spelt as it spells them; all text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Bridge {
    /// The official account.
    pub app_id: String,
    /// Unix seconds, as text: a number fails on old phones.
    pub time_stamp: String,
    /// Random text.
    pub nonce_str: String,
    /// `prepay_id=…`.
    pub package: String,
    /// `RSA`.
    pub sign_type: String,
    /// Signature of the first four.
    pub pay_sign: String,
}

/// How a form is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Fields in the address.
    Get,
    /// Fields in the body.
    Post,
}

impl Method {
    /// As HTML spells it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

/// A form that takes the payer to the channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// How it is sent.
    pub method: Method,
    /// Where it is sent.
    pub action: String,
    /// Its fields, in order.
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The HTML that the seed's page appends: a form that submits itself. That page removes
    /// none: of several the last is meant.
    #[must_use]
    pub fn to_html(&self) -> String {
        let mut html = format!(
            "<form name=\"tongfuForm\" action=\"{}\" method=\"{}\">",
            escaped(&self.action),
            self.method.word()
        );
        for (name, value) in &self.fields {
            // Writing to a String can't fail.
            let _ = write!(
                html,
                "<input type=\"hidden\" name=\"{}\" value=\"{}\">",
                escaped(name),
                escaped(value)
            );
        }
        html + "</form><script>var tongfuForms=document.getElementsByName('tongfuForm');\
                tongfuForms[tongfuForms.length-1].submit()</script>"
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_begins_and_ends_as_the_seeds_page_needs_it() {
        let form = Form {
            method: Method::Post,
            action: "https://a.cn/pay?x=1&y=2".into(),
            fields: vec![("biz".into(), r#"{"a":"<\">"}"#.into())],
        };
        let html = form.to_html();
        assert!(html.starts_with("<form ") && html.ends_with("submit()</script>"));
        assert!(html.contains("x=1&amp;y=2"));
        assert!(
            html.contains("value=\"{&quot;a&quot;:&quot;&lt;\\&quot;&gt;&quot;}\""),
            "{html}"
        );
    }

    #[test]
    fn the_bridge_is_spelt_as_it_spells_itself() {
        let bridge = Bridge {
            app_id: "wx1".into(),
            time_stamp: "1554208460".into(),
            nonce_str: "n".into(),
            package: "prepay_id=p".into(),
            sign_type: "RSA".into(),
            pay_sign: "s".into(),
        };
        assert_eq!(
            serde_json::to_string(&bridge).unwrap(),
            r#"{"appId":"wx1","timeStamp":"1554208460","nonceStr":"n","package":"prepay_id=p","signType":"RSA","paySign":"s"}"#
        );
    }
}
