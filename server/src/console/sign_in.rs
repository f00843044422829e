//! Signing in and out (docs/console.md, Signing in).

use super::address::path;
use super::answer::{language, lead, message, page};
use super::desk::{Answered, Desk};
use super::session::{COOKIE, caller, foreign, is_ours, remote};
use crate::payer::cookies::Cookies;
use crate::state::State;
use crate::typed;
use axum::Form;
use axum::extract::{self, Query};
use axum::http::header::{HOST, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::Response;
use checkout::NotSignedIn;
use payment::lang::Lang;
use serde::Deserialize;

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
    // Phones write a blank behind a name, and input methods wide digits.
    let (name, code) = (typed::meant(&said.name), typed::meant(&said.code));
    let signed = operators.sign_in(&name, &said.password, &code, &from).await;
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
        return Err(desk.unproved());
    }
    let cookies = Cookies::of(&desk.parts.headers);
    let id = cookies.get(COOKIE).unwrap_or_default();
    let signed_out = desk.state.console.operators.sign_out(id).await;
    signed_out.map_err(|error| desk.trouble(&error))?;
    let mut response = lead("/sign-in");
    keep(&mut response, "", "; Max-Age=0");
    Ok(response)
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

fn put_off(lang: Lang, wait_s: u64) -> String {
    match lang {
        Lang::Zh => format!("失败次数太多，请 {wait_s} 秒后再试。"),
        Lang::En => format!("It failed too often; try again in {wait_s} s."),
    }
}

fn keep(response: &mut Response, id: &str, more: &str) {
    let cookie = format!("{COOKIE}={id}; Path=/; Secure; HttpOnly; SameSite=Strict{more}");
    let cookie = HeaderValue::from_str(&cookie).ok();
    let headers = response.headers_mut();
    headers.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
}
