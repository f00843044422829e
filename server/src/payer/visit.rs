//! A payer's request to one of our pages, and what every answer to it has in common.

use super::cookies::Cookies;
use super::leave::Leave;
use super::marks::Pictures;
use crate::routes::respond::{
    Form, Secure, browser, is_phone, is_preview, page, retry_after, status_of, wished_language,
};
use crate::state::State;
use app::page::{Bought, Screen};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::{Browser, Checkout, Failure, LAP, Place, Scene, links};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::escape::escape;
use payment::lang::Lang;
use payment::payee::Payee;
use payment::ports::AttemptRow;

/// A request to a page: its raw query, the payer's language and browser.
pub(super) struct Visit {
    pub(super) raw: String,
    pub(super) lang: Lang,
    /// Whether the address says another language than the browser does.
    chosen: bool,
    secure: Secure,
    pictures: Pictures,
    notice: Option<String>,
    pub(super) path: String,
    pub(super) scene: Scene,
    pub(super) browser: Browser,
    pub(super) phone: bool,
    /// Nobody looks at it: it starts nothing.
    pub(super) preview: bool,
    cookies: Cookies,
}

impl Visit {
    pub(super) fn of(state: &State, parts: &Parts) -> Self {
        let raw = parts.uri.query().unwrap_or_default().to_owned();
        let asked = raw.split('&').find_map(|pair| pair.strip_prefix("lang="));
        let asked = asked.and_then(Lang::parse);
        let wished = wished_language(&parts.headers);
        let lang = asked.unwrap_or(wished);
        let secure = Secure(state.is_secure());
        let path = parts.uri.path().to_owned();
        let scene = if path.starts_with("/mpay") {
            Scene::H5
        } else {
            Scene::Pc
        };
        Self {
            raw,
            lang,
            chosen: lang != wished,
            secure,
            pictures: state.pictures.clone(),
            notice: state.notice.of(lang),
            path,
            scene,
            browser: browser(&parts.headers),
            phone: is_phone(&parts.headers),
            preview: is_preview(parts),
            cookies: Cookies::of(&parts.headers),
        }
    }

    /// Where the payer of this domain is. Only the cookie knows who he is: an address
    /// may come from somebody else.
    pub(super) fn place(&self, checkout: &Checkout, domain: &Domain) -> Place {
        let kept = || self.cookies.openid(&checkout.openid_account(domain)?);
        let h5 = self.scene == Scene::H5;
        Place {
            scene: self.scene,
            browser: self.browser,
            openid: h5.then(kept).flatten(),
            own_page: true,
        }
    }

    /// The channel that this payer picked last.
    pub(super) fn last_channel(&self) -> Option<Channel> {
        self.cookies.channel()
    }

    /// Where a payer is who goes on with an attempt.
    pub(super) fn place_of(&self, attempt: &AttemptRow) -> Place {
        Place {
            scene: Scene::of(attempt.kind),
            browser: self.browser,
            openid: attempt.openid.clone(),
            own_page: true,
        }
    }

    /// The page on which this payer begins an order of his own, where the attempt that he
    /// opens inside WeChat was made for another payer, who alone can pay it by the bridge.
    pub(super) fn own_start(&self, attempt: &AttemptRow) -> Option<String> {
        let openid = attempt.openid.as_ref()?;
        // Accounts may share an official account: which one fetched it does not matter.
        let mut his = self.cookies.openids().into_values();
        if self.browser != Browser::Wechat || his.any(|one| one == *openid) {
            return None;
        }
        let scene = Scene::of(attempt.kind);
        let code = attempt.channel.code();
        Some(self.on(links::picked(scene, &attempt.signed, code)))
    }

    /// What the address holds under a name of ours.
    pub(super) fn own(&self, name: &str) -> Option<&str> {
        self.raw
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// The raw query without these names.
    pub(super) fn without(&self, names: &[&str]) -> String {
        let of = |pair: &str| names.contains(&pair.split('=').next().unwrap_or_default());
        let kept = self
            .raw
            .split('&')
            .filter(|pair| !pair.is_empty() && !of(pair));
        kept.collect::<Vec<_>>().join("&")
    }

    /// The same address in the other language.
    fn other_language(&self) -> String {
        let kept = self.without(&["lang", LAP]);
        let joint = if kept.is_empty() { "" } else { "?" };
        let address = format!("{}{joint}{kept}", self.page_path());
        links::in_lang(address, Some(self.lang.other()))
    }

    /// Another address of ours, in the language that this one was asked for in.
    pub(super) fn on(&self, address: String) -> String {
        links::in_lang(address, self.chosen.then_some(self.lang))
    }

    /// The page that this request belongs to: what a form was sent to is none.
    fn page_path(&self) -> &str {
        if self.path.ends_with("/start") {
            return links::page(self.scene);
        }
        self.path.strip_suffix("/again").unwrap_or(&self.path)
    }

    /// This page once more.
    fn again(&self) -> String {
        format!("{}?{}", self.page_path(), self.raw)
    }

    /// Who is paid, where anything of it can be shown.
    fn payee(&self, payee: &Payee) -> Option<app::page::Payee> {
        let shown = app::page::Payee {
            name: payee.name(self.lang).to_owned(),
            help: payee.help(self.lang).to_owned(),
            picture: self.pictures.address(&payee.picture),
        };
        let nothing = shown.name.is_empty() && shown.help.is_empty() && shown.picture.is_none();
        (!nothing).then_some(shown)
    }

    pub(super) fn form(&self, status: StatusCode, leave: Option<&Leave>) -> Form {
        Form {
            payee: leave.and_then(|leave| self.payee(&leave.payee)),
            status,
            lang: self.lang,
            other_lang_url: Some(self.other_language()),
            keep_lang: self.chosen.then_some(self.secure),
            frame_origins: leave.map(|leave| leave.frames.clone()).unwrap_or_default(),
            marks: self.pictures.marks(),
            notice: self.notice.clone(),
        }
    }
}

/// What a refusal may tell of a genuine request.
pub(super) struct Known {
    pub(super) leave: Leave,
    pub(super) order: Bought,
    /// Where another channel can be picked, where there is one.
    pub(super) others: Option<String>,
}

/// Leads to another address. What is not ASCII in it is escaped: browsers read a header in
/// different encodings.
pub(super) fn see_other(address: &str) -> Response {
    let mut ascii = String::with_capacity(address.len());
    for c in address.chars() {
        match c.is_ascii() {
            true => ascii.push(c),
            false => ascii.push_str(&escape(c.encode_utf8(&mut [0; 4]))),
        }
    }
    match HeaderValue::from_str(&ascii) {
        Ok(address) => (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A page that a payer understands; the cause goes to the log.
pub(super) fn refused(visit: &Visit, failure: &Failure, known: Option<Known>) -> Response {
    tracing::info!(errcode = failure.code().code(), cause = %failure, "page refused");
    let passing = failure.passes();
    let status = status_of((failure.is_ours(), passing), failure.wait_s());
    let others = known.as_ref().and_then(|known| known.others.clone());
    let (leave, order) = known.map(|known| (known.leave, known.order)).unzip();
    let screen = Screen::Refused {
        order,
        code: failure.code().code(),
        cause: failure.text(visit.lang),
        again: passing.then(|| visit.again()),
        others: others.filter(|_| offers_others(failure)),
        leave: leave.as_ref().and_then(|leave| leave.fail.clone()),
    };
    let mut response = page(screen, visit.form(status, leave.as_ref()));
    if let Some(wait_s) = failure.wait_s() {
        retry_after(&mut response, wait_s);
    }
    response
}

/// Whether another channel may take what this one does not.
fn offers_others(failure: &Failure) -> bool {
    matches!(
        failure,
        Failure::UnsupportedChannel | Failure::ChannelUnavailable(_)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_led_to_in_ascii_as_headers_are_read() {
        for (address, led) in [
            (
                "https://m.shop.cn/#/?info=耳机&x=%20",
                "https://m.shop.cn/#/?info=%E8%80%B3%E6%9C%BA&x=%20",
            ),
            ("/pay.html?a=1", "/pay.html?a=1"),
        ] {
            let answer = see_other(address);
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
            let location = answer.headers().get(LOCATION).map(HeaderValue::as_bytes);
            assert_eq!(location, Some(led.as_bytes()));
        }
    }
}
