//! Who looks, by his session, and what every form must prove (docs/console.md, Signing in).

use super::answer::{Who, lead, message, page, trouble};
use crate::limits::Caller;
use crate::listen::Remote;
use crate::payer::cookies::Cookies;
use crate::state::State;
use axum::extract;
use axum::http::header::{HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::form_token;
use std::net::IpAddr;

/// No other host and no plain page can set it.
pub(crate) const COOKIE: &str = "__Host-tongfu_console";

/// Who looks; else the page that asks him, or why it can't be known.
pub(super) async fn who(state: &State, parts: &Parts) -> Result<Who, Response> {
    let cookies = Cookies::of(&parts.headers);
    let id = cookies.get(COOKIE).unwrap_or_default();
    let session = state.console.operators.session(id).await;
    match session.map_err(|error| trouble(parts, None, &error))? {
        Some(session) => Ok(Who {
            operator: session.operator,
            token: form_token(id),
        }),
        None => {
            let escaped =
                |here: &str| form_urlencoded::byte_serialize(here.as_bytes()).collect::<String>();
            let sign_in = match (&parts.method, parts.uri.path()) {
                (&Method::GET | &Method::HEAD, _) => {
                    let here = parts.uri.path_and_query().map_or("/", |here| here.as_str());
                    format!("/sign-in?next={}", escaped(here))
                }
                (_, "/sign-out") => "/sign-in".to_owned(),
                // A form that came too late did nothing: its own address shows no page.
                (_, sent_to) => {
                    format!("/sign-in?next={}&undone=1", escaped(&page_of_form(sent_to)))
                }
            };
            Err(lead(&sign_in))
        }
    }
}

/// The page that a form stands on, by the address that it is sent to.
pub(super) fn page_of_form(sent_to: &str) -> String {
    let words: Vec<_> = sent_to.split('/').skip(1).collect();
    match words.as_slice() {
        ["order" | "business", of, _] => format!("/{}/{of}", words[0]),
        ["account", channel, name, _] => format!("/account/{channel}/{name}"),
        ["businesses", _] => "/businesses".to_owned(),
        _ => "/".to_owned(),
    }
}

/// What no page has: told with the ways on to who has signed in, and to nobody else.
pub(super) async fn unknown(
    extract::State(state): extract::State<State>,
    parts: Parts,
) -> Response {
    let Ok(who) = who(&state, &parts).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    page(&parts, Some(&who), StatusCode::NOT_FOUND, console::nowhere)
}

/// The answer to a form that is none of ours.
pub(super) fn foreign(parts: &Parts) -> Response {
    let text = (
        "这个请求不是从控制台的页面发出的，没有执行。",
        "This request does not come from a page of the console: nothing was done.",
    );
    message(parts, None, StatusCode::FORBIDDEN, text)
}

/// The answer to a form that this session was not shown: it is from elsewhere, or from before
/// he signed in again in another tab.
pub(super) fn unproved(parts: &Parts, who: &Who) -> Response {
    if !is_ours(&parts.headers) {
        return foreign(parts);
    }
    let back = page_of_form(parts.uri.path());
    page(parts, Some(who), StatusCode::FORBIDDEN, |setting| {
        console::stale(setting, &back)
    })
}

/// Whether a browser that tells where a form comes from names us.
pub(super) fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    let site = text("sec-fetch-site").is_none_or(|site| site == "same-origin");
    let host = text(HOST.as_str()).unwrap_or_default();
    let origin = text(ORIGIN.as_str()).is_none_or(|origin| {
        let named = origin.split_once("://").map(|(_, host)| host);
        named == Some(host)
    });
    site && origin
}

pub(super) fn remote(parts: &Parts) -> Option<IpAddr> {
    parts
        .extensions
        .get::<Remote>()
        .map(|Remote(address)| *address)
}

pub(super) fn caller(state: &State, parts: &Parts) -> Option<String> {
    let Caller(peer) = state.limits.proxies.caller(remote(parts)?, &parts.headers);
    peer.map(|peer| peer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn a_form_stands_on_a_page_of_ours() {
        for (sent_to, page) in [
            ("/order/20261128/refund", "/order/20261128"),
            ("/business/demo/set", "/business/demo"),
            ("/account/Wechat/main/drain", "/account/Wechat/main"),
            ("/businesses/epay", "/businesses"),
            ("//evil.example/x", "/"),
            ("/", "/"),
        ] {
            assert_eq!(page_of_form(sent_to), page, "{sent_to}");
        }
    }

    #[test]
    fn a_form_from_elsewhere_is_foreign() {
        let ours = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| {
                let name = axum::http::HeaderName::from_static(name);
                (name, HeaderValue::from_str(value).unwrap())
            });
            is_ours(&headers.collect())
        };
        let host = ("host", "127.0.0.1:3003");
        assert!(ours(&[host]));
        assert!(ours(&[
            host,
            ("origin", "http://127.0.0.1:3003"),
            ("sec-fetch-site", "same-origin")
        ]));
        for foreign in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("origin", "http://127.0.0.1:3004"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            assert!(!ours(&[host, foreign]), "{foreign:?}");
        }
    }
}
