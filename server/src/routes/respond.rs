//! The forms of an answer: the envelope, and a page with its security headers.

use super::assets::{FALLBACK, STYLE, module};
use crate::payer::cookies::{self, Cookies};
use app::page::{Marks, Payee, Screen, Setting, render};
use axum::Json;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY,
    RETRY_AFTER, SET_COOKIE, USER_AGENT, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::Browser;
use payment::envelope::Envelope;
use payment::errcode::ErrCode;
use payment::lang::Lang;
use serde_json::{Map, Value};
use std::any::Any;
use std::borrow::Cow;

/// Media type of what programs are answered.
const JSON: &str = "application/json; charset=utf-8";

/// An error in the platform's envelope, status 200 as the seed shows.
pub(crate) fn envelope(code: ErrCode, text: &str) -> Json<Envelope<bool>> {
    checkout::answered("platform", code.code());
    Json(Envelope::error(code, text))
}

/// A JSON object, as doors other than the platform's answer.
pub(crate) fn json(object: Map<String, Value>) -> Response {
    let json = Value::Object(object).to_string();
    ([(CONTENT_TYPE, JSON)], json).into_response()
}

/// What is answered to programs is kept by nobody on the way, who would go on saying
/// "not paid" (RFC 9111, 4.2.2), and says which letters it is written in: old clients guess.
pub(super) fn for_programs(response: &mut Response) {
    let headers = response.headers_mut();
    headers
        .entry(CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    if headers
        .get(CONTENT_TYPE)
        .is_some_and(|media| media == "application/json")
    {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    }
}

/// Whether a link to this address stays with us: browsers read what begins with two slashes
/// as another host, a backslash as a slash, and pass over tabs and line ends.
pub(crate) fn stays_here(address: &str) -> bool {
    let is_path = address.starts_with('/') && !address.starts_with("//");
    is_path && !address.contains(|c: char| c == '\\' || c.is_control())
}

/// The status of a page that is refused. By 503 proxies take an instance for one that can't
/// work: a channel in trouble, or a business system that is frozen, is none of its.
pub(crate) fn status_of((is_ours, passes): (bool, bool), wait_s: Option<u64>) -> StatusCode {
    match (is_ours, passes) {
        _ if wait_s.is_some() => StatusCode::TOO_MANY_REQUESTS,
        (true, _) => StatusCode::SERVICE_UNAVAILABLE,
        (_, true) => StatusCode::CONFLICT,
        (_, false) => StatusCode::BAD_REQUEST,
    }
}

/// Says after how many seconds the same call may come again.
pub(crate) fn retry_after(response: &mut Response, wait_s: u64) {
    let headers = response.headers_mut();
    headers.insert(RETRY_AFTER, HeaderValue::from(wait_s));
}

/// The language of a caller who says no more than his headers do: the one that he
/// chose on a page before, else what his browser prefers.
pub(crate) fn wished_language(headers: &HeaderMap) -> Lang {
    if let Some(lang) = Cookies::of(headers).lang() {
        return lang;
    }
    Lang::from_accept_language(&text(headers, ACCEPT_LANGUAGE))
}

/// The caller's browser, by its User-Agent.
pub(crate) fn browser(headers: &HeaderMap) -> Browser {
    Browser::of(&text(headers, USER_AGENT))
}

/// Whether the caller holds a phone or tablet in his hands: he can't scan its screen.
/// Who does not say what he has is taken for one.
pub(crate) fn is_phone(headers: &HeaderMap) -> bool {
    checkout::is_held_in_hands(&text(headers, USER_AGENT))
}

/// Whether nobody looks at the answer, yet or at all: a HEAD, a browser that fetches
/// ahead, a program that previews links.
pub(crate) fn is_preview(parts: &Parts) -> bool {
    let ahead = ["sec-purpose", "purpose", "x-moz"].into_iter().any(|name| {
        let purpose = parts.headers.get(name).map(HeaderValue::as_bytes);
        purpose.is_some_and(|purpose| {
            let purpose = purpose.to_ascii_lowercase();
            ["prefetch", "prerender", "preview"].iter().any(|word| {
                purpose
                    .windows(word.len())
                    .any(|part| part == word.as_bytes())
            })
        })
    });
    let agent = text(&parts.headers, USER_AGENT);
    parts.method == Method::HEAD || ahead || checkout::is_previewer(&agent)
}

/// Whether the answer is shown in a frame, by a browser that tells.
pub(crate) fn in_frame(headers: &HeaderMap) -> bool {
    let target = headers.get("sec-fetch-dest");
    target.is_some_and(|target| target == "iframe" || target == "frame")
}

/// A header's text; some browsers put other scripts than Latin into it.
fn text(headers: &HeaderMap, name: HeaderName) -> Cow<'_, str> {
    let header = headers.get(name).map(HeaderValue::as_bytes);
    String::from_utf8_lossy(header.unwrap_or_default())
}

/// How a page is to be sent.
pub(crate) struct Form {
    pub(crate) status: StatusCode,
    pub(crate) lang: Lang,
    /// The page's own address in the other language.
    pub(crate) other_lang_url: Option<String>,
    /// The address says another language than the browser does: it is kept; whether
    /// by https alone.
    pub(crate) keep_lang: Option<Secure>,
    /// Origins that may show the page in a frame.
    pub(crate) frame_origins: Vec<String>,
    /// The operator's pictures of the channels.
    pub(crate) marks: Marks,
    /// What the operator tells whoever picks a channel.
    pub(crate) notice: Option<String>,
    /// Who is paid.
    pub(crate) payee: Option<Payee>,
}

impl Form {
    /// A page that knows of no business system.
    pub(crate) fn plain(status: StatusCode, lang: Lang) -> Self {
        Self {
            status,
            lang,
            other_lang_url: None,
            keep_lang: None,
            frame_origins: Vec::new(),
            marks: Marks::default(),
            notice: None,
            payee: None,
        }
    }
}

/// Whether our own address is https.
#[derive(Clone, Copy)]
pub(crate) struct Secure(pub(crate) bool);

/// A page, with its headers.
pub(crate) fn page(screen: Screen, form: Form) -> Response {
    let Ok(nonce) = checkout::token() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let policy = policy(&nonce, &screen, &form.frame_origins);
    let Form {
        status,
        lang,
        other_lang_url,
        keep_lang,
        frame_origins,
        marks,
        notice,
        payee,
    } = form;
    let html = render(
        screen,
        &Setting {
            lang,
            other_lang_url,
            nonce,
            style: STYLE,
            fallback: FALLBACK,
            module: module(),
            frame_origins,
            marks,
            notice,
            payee,
        },
    );
    let headers: [(HeaderName, HeaderValue); 5] = [
        (
            CONTENT_TYPE,
            HeaderValue::from_static("text/html; charset=utf-8"),
        ),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, policy),
    ];
    let mut response = (status, headers, html).into_response();
    let kept = keep_lang.and_then(|Secure(secure)| cookies::keep_lang(lang, secure));
    if let Some(cookie) = kept {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Nothing but our own: scripts and styles of this response, and our module. A
/// form that leads to a channel may be sent on from host to host there, and
/// browsers hold those to the same list: so any https host is on it.
fn policy(nonce: &str, screen: &Screen, frame_origins: &[String]) -> HeaderValue {
    // Who may hold the page in a frame stands in the parameters: the page that reads
    // them from the fragment can't know it, and holds nothing. Nor does the page of trouble
    // that passes before a request was looked at.
    let frames = match screen {
        Screen::Fragment => "*".to_owned(),
        Screen::Refused {
            order: None,
            again: Some(_),
            ..
        } => "*".to_owned(),
        _ => frame_origins.join(" "),
    };
    let forms = match screen {
        Screen::Pay(pay) => pay.way.form_origin(),
        _ => None,
    };
    let forms = forms.map_or_else(String::new, |origin| format!(" https: {origin}"));
    let text = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; \
         script-src 'self' 'nonce-{nonce}' 'wasm-unsafe-eval'; connect-src 'self'; \
         img-src 'self' data:; form-action 'self'{forms}; base-uri 'none'; \
         frame-ancestors 'self' {frames}"
    );
    let closed = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    HeaderValue::from_str(text.trim_end()).unwrap_or(closed)
}

/// For who finds all connections taken.
pub(crate) async fn busy() -> Response {
    let mut response = StatusCode::SERVICE_UNAVAILABLE.into_response();
    retry_after(&mut response, 1);
    response
}

/// The last resort: a defect of ours is logged and answered, never shown.
pub(crate) fn panicked(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(cause = text.unwrap_or("unknown"), "a request panicked");
    let message = ErrCode::Internal.message(Lang::Zh);
    let body = serde_json::to_vec(&Envelope::<bool>::error(ErrCode::Internal, message));
    let mut response = Response::new(Body::from(body.unwrap_or_default()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
    for_programs(&mut response);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Some phones name themselves in their maker's script.
    #[test]
    fn a_header_in_another_script_is_read_all_the_same() {
        let with = |name: HeaderName, text: &str| {
            let value = HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
            HeaderMap::from_iter([(name, value)])
        };
        let phone = "Mozilla/5.0 (Linux; Android 14; 小米14) Mobile MicroMessenger/8.0.49";
        assert_eq!(browser(&with(USER_AGENT, phone)), Browser::Wechat);
        let desktop = "Mozilla/5.0 (Windows NT 10.0; 联想) Chrome/126";
        assert!(!is_phone(&with(USER_AGENT, desktop)));
        let wish = with(ACCEPT_LANGUAGE, "en, 中文;q=0.1");
        assert_eq!(wished_language(&wish), Lang::En);
    }
}
