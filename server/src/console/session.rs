//! Who looks: signing in and out, and what every form must prove (docs/console.md, Signing
//! in).

use super::answer::{language, lead, message, page, trouble};
use super::desk::{Answered, Desk, Who};
use crate::limits::Caller;
use crate::listen::Remote;
use crate::payer::cookies::Cookies;
use crate::state::State;
use axum::Form;
use axum::extract::{self, Query};
use axum::http::header::{HOST, ORIGIN, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::{NotSignedIn, form_token};
use payment::lang::Lang;
use serde::Deserialize;
use std::net::IpAddr;

/// No other host and no plain page can set it.
pub(crate) const COOKIE: &str = "__Host-tongfu_console";

/// What the form of signing in says.
#[derive(Default, Deserialize)]
pub(super) struct Said {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// Where who signs in goes then.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    next: String,
    /// A form of his came when his session had ended.
    #[serde(default)]
    undone: String,
}

/// What every other form says.
#[derive(Deserialize)]
pub(super) struct Proof {
    #[serde(default)]
    token: String,
}

/// The page that asks who looks.
fn page_of(parts: &Parts, next: &str, name: &str, failure: Option<String>) -> Response {
    let status = match parts.method {
        Method::GET | Method::HEAD => StatusCode::OK,
        _ => StatusCode::FORBIDDEN,
    };
    page(parts, None, status, |setting| {
        console::sign_in(setting, failure.as_deref(), next, name)
    })
}

pub(super) async fn page_route(Query(wish): Query<Wish>, parts: Parts) -> Response {
    let undone = (wish.undone == "1").then(|| {
        let text = language(&parts).choose(
            "会话已结束（退出了，或太久没有操作），刚才的操作没有执行。登录后回到那一页，再做一次。",
            "Your session had ended (signed out, or idle for too long), and nothing was done. \
             Sign in to come back to that page, and do it again.",
        );
        text.to_owned()
    });
    page_of(&parts, path(&wish.next), "", undone)
}

/// Signs in.
pub(super) async fn sign_in(
    extract::State(state): extract::State<State>,
    parts: Parts,
    form: Form<Said>,
) -> Response {
    let Form(said) = form;
    let (lang, next) = (language(&parts), path(&said.next));
    if !is_private(&state, &parts) {
        let text = (
            "只能经 https 或本机地址登录：这里的 cookie 别处读得到。",
            "Sign in by https or from this machine alone: elsewhere others could read the cookie.",
        );
        return message(&parts, None, StatusCode::FORBIDDEN, text);
    }
    if !is_ours(&parts.headers) {
        return foreign(&parts);
    }
    let caller = caller(&state, &parts);
    if let Err(wait) = state.console.sign_ins.charge(&caller) {
        let failure = put_off(lang, wait.seconds());
        return page_of(&parts, next, &said.name, Some(failure));
    }
    let from = caller.unwrap_or_else(|| "-".to_owned());
    let operators = &state.console.operators;
    let signed = operators
        .sign_in(&said.name, &said.password, &said.code, &from)
        .await;
    let id = match signed {
        Ok(id) => id,
        Err(NotSignedIn::Internal(error)) => {
            tracing::error!(error, "signing in");
            let text = (
                "登录出错，请稍后再试。",
                "Signing in failed; try again later.",
            );
            return message(&parts, None, StatusCode::SERVICE_UNAVAILABLE, text);
        }
        Err(NotSignedIn::Wrong) => {
            let wrong = lang.choose(
                "名字、密码或一次性密码不对，或刚才失败太多次：半分钟后再试。",
                "The name, the password or the one-time password is wrong, or it failed too \
                 often lately: try again in half a minute.",
            );
            return page_of(&parts, next, &said.name, Some(wrong.to_owned()));
        }
    };
    let mut response = lead(next);
    keep(&mut response, &id, "");
    response
}

/// Signs out.
pub(super) async fn sign_out(desk: Desk, Form(proof): Form<Proof>) -> Answered {
    if !desk.is_proved(&proof.token) {
        return Err(foreign(&desk.parts));
    }
    let cookies = Cookies::of(&desk.parts.headers);
    let id = cookies.get(COOKIE).unwrap_or_default();
    let signed_out = desk.state.console.operators.sign_out(id).await;
    signed_out.map_err(|error| desk.trouble(&error))?;
    let mut response = lead("/sign-in");
    keep(&mut response, "", "; Max-Age=0");
    Ok(response)
}

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
fn page_of_form(sent_to: &str) -> String {
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

/// Whether the way to the browser is one that nobody else reads.
fn is_private(state: &State, parts: &Parts) -> bool {
    let host = parts.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, port)| {
        let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
        if is_port { name } else { host }
    });
    if ["localhost", "127.0.0.1", "[::1]"].contains(&name) {
        return true;
    }
    let forwarded = parts.headers.get("x-forwarded-proto");
    let by_proxy = remote(parts).is_some_and(|remote| state.limits.proxies.is_listed(remote));
    by_proxy && forwarded.is_some_and(|proto| proto == "https")
}

fn remote(parts: &Parts) -> Option<IpAddr> {
    parts
        .extensions
        .get::<Remote>()
        .map(|Remote(address)| *address)
}

pub(super) fn caller(state: &State, parts: &Parts) -> Option<String> {
    let Caller(peer) = state.limits.proxies.caller(remote(parts)?, &parts.headers);
    peer.map(|peer| peer.to_string())
}

fn put_off(lang: Lang, wait_s: u64) -> String {
    match lang {
        Lang::Zh => format!("失败次数太多，请 {wait_s} 秒后再试。"),
        Lang::En => format!("It failed too often; try again in {wait_s} s."),
    }
}

/// A way on within the console; anything else is its first page.
fn path(next: &str) -> &str {
    let is_path = next.starts_with('/') && !next.starts_with("//") && !next.contains('\\');
    if is_path && next.len() <= 2_000 {
        next
    } else {
        "/"
    }
}

fn keep(response: &mut Response, id: &str, more: &str) {
    let cookie = format!("{COOKIE}={id}; Path=/; Secure; HttpOnly; SameSite=Strict{more}");
    let cookie = HeaderValue::from_str(&cookie).ok();
    let headers = response.headers_mut();
    headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_on_stays_within_the_console() {
        assert_eq!(path("/order/1?a=b"), "/order/1?a=b");
        for elsewhere in ["", "//evil.example", "https://evil.example", "/\\evil", "x"] {
            assert_eq!(path(elsewhere), "/", "{elsewhere}");
        }
    }

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
            assert_eq!(path(&page_of_form(sent_to)), page, "{sent_to}");
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
