//! The official account's side of openid (docs/reference/wechat.md, openid).

use super::PAYER;
use crate::clock::now_ms;
use crate::fault::{Kind, On};
use crate::memory::Code;
use crate::random::random_text;
use crate::text::{html, page};
use crate::world::World;
use axum::extract::{Query, RawQuery, State};
use axum::http::header::{CONTENT_TYPE, LOCATION, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::{Arc, PoisonError};

/// A code is valid this long, ms.
const CODE_LIFE_MS: i64 = 300_000;
/// WeChat matches the parameters in this order.
const ORDER: [&str; 5] = ["appid", "redirect_uri", "response_type", "scope", "state"];

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Authorize {
    appid: String,
    redirect_uri: String,
    response_type: String,
    scope: String,
    state: String,
}

/// `GET /connect/oauth2/authorize`: silent, and sends the browser on; `snsapi_userinfo`
/// asks the payer first.
pub(crate) async fn authorize(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    RawQuery(raw): RawQuery,
    Query(asked): Query<Authorize>,
) -> Response {
    let agent = headers
        .get(USER_AGENT)
        .and_then(|value| value.to_str().ok());
    if !agent.is_some_and(|agent| agent.contains("MicroMessenger")) {
        return trouble("请在微信客户端打开链接");
    }
    let raw = raw.unwrap_or_default();
    let names: Vec<_> = raw
        .split('&')
        .map(|pair| pair.split('=').next().unwrap_or_default())
        .collect();
    if let Some(why) = wrong(&world, &asked, &names) {
        return trouble(why);
    }
    let code = random_text(32);
    let mut codes = world.codes.lock().unwrap_or_else(PoisonError::into_inner);
    codes.push(Code {
        code: code.clone(),
        appid: asked.appid,
        scope: asked.scope.clone(),
        given_ms: now_ms(),
        token: None,
    });
    let mark = if asked.redirect_uri.contains('?') {
        '&'
    } else {
        '?'
    };
    let address = format!(
        "{}{mark}code={code}&state={}",
        asked.redirect_uri, asked.state
    );
    if asked.scope == "snsapi_userinfo" {
        let body = format!(
            "<h1>申请获取你的昵称、头像</h1><p><a class=\"button\" href=\"{}\">允许</a></p>",
            html(&address)
        );
        return Html(page("微信", "", &body)).into_response();
    }
    (StatusCode::FOUND, [(LOCATION, address)]).into_response()
}

/// Whether payers may be sent back there: the host is the registered domain, whole.
fn is_registered(world: &World, address: &str) -> bool {
    let host = address.split_once("://").map_or("", |(_, rest)| rest);
    let host = host.split(['/', '?', '\\']).next().unwrap_or_default();
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let has_port = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
    let name = match host.rsplit_once(':') {
        Some((name, port)) if has_port(port) => name,
        _ => host,
    };
    let domain = world.oauth_domain.lock();
    match &*domain.unwrap_or_else(PoisonError::into_inner) {
        Some(domain) => name.eq_ignore_ascii_case(domain),
        None => matches!(name, "127.0.0.1" | "localhost" | "[::1]"),
    }
}

/// The page's own errors (docs/reference/wechat.md, openid): the payer sees them, and goes nowhere.
fn wrong(world: &World, asked: &Authorize, names: &[&str]) -> Option<&'static str> {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let web = |url: &str| url.starts_with("http://") || url.starts_with("https://");
    match () {
        () if asked.appid.is_empty() => Some("10012 appid为空"),
        () if world.keys.wechat.official(&asked.appid).is_none() => Some("10016 appid无效"),
        () if asked.redirect_uri.is_empty() => Some("10011 redirect_uri为空"),
        () if !web(&asked.redirect_uri)
            || asked.redirect_uri.contains('#')
            || !is_registered(world, &asked.redirect_uri) =>
        {
            Some("10003 redirect_uri域名与后台配置不一致")
        }
        () if asked.scope.is_empty() => Some("10010 scope为空"),
        () if asked.scope != "snsapi_base" && asked.scope != "snsapi_userinfo" => {
            Some("10005 没有该scope权限")
        }
        () if asked.state.is_empty() => Some("10013 state为空"),
        () if asked.state.len() > 128 || !plain(&asked.state) => Some("state格式错误"),
        () if asked.response_type != "code" || names != ORDER => Some("参数顺序错误"),
        () => None,
    }
}

fn trouble(why: &str) -> Response {
    let body = format!("<h1>{}</h1>", html(why));
    Html(page("微信", "", &body)).into_response()
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Exchange {
    appid: String,
    secret: String,
    code: String,
    grant_type: String,
}

/// `GET /sns/oauth2/access_token`: HTTP 200 and text/plain, whatever it says.
pub(crate) async fn exchange(
    State(world): State<Arc<World>>,
    Query(asked): Query<Exchange>,
) -> Response {
    let answer = match world.faults.take(On::Oauth).map(|fault| fault.kind) {
        Some(Kind::Error) => error(-1, "system error"),
        Some(Kind::Snapshot) => {
            let mut token = token("snsapi_base");
            token["is_snapshotuser"] = json!(1);
            token
        }
        Some(Kind::BadSignature) => error(40029, "invalid code"),
        _ => spend(&world, &asked),
    };
    ([(CONTENT_TYPE, "text/plain")], answer.to_string()).into_response()
}

fn spend(world: &World, asked: &Exchange) -> Value {
    for (value, errcode, errmsg) in [
        (&asked.appid, 41002, "appid missing"),
        (&asked.secret, 41004, "appsecret missing"),
        (&asked.code, 41008, "missing code"),
    ] {
        if value.is_empty() {
            return error(errcode, errmsg);
        }
    }
    let Some(merchant) = world.keys.wechat.official(&asked.appid) else {
        return error(40013, "invalid appid");
    };
    if merchant.file.app_secret != asked.secret {
        return error(40125, "invalid appsecret");
    }
    if asked.grant_type != "authorization_code" {
        return error(40002, "invalid grant_type");
    }
    let mut codes = world.codes.lock().unwrap_or_else(PoisonError::into_inner);
    let given = codes
        .iter_mut()
        .find(|given| given.code == asked.code && given.appid == asked.appid);
    match given {
        Some(given) if given.token.is_some() => error(40163, "code been used"),
        Some(given) if now_ms() - given.given_ms > CODE_LIFE_MS => error(42003, "code expired"),
        Some(given) => {
            let token = token(&given.scope);
            given.token = token["access_token"].as_str().map(str::to_owned);
            token
        }
        None => error(40029, "invalid code"),
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Who {
    access_token: String,
    openid: String,
}

/// `GET /sns/userinfo`: who the payer is, where he was asked for that.
pub(crate) async fn userinfo(State(world): State<Arc<World>>, Query(who): Query<Who>) -> Response {
    let answer = told_of(&world, &who);
    ([(CONTENT_TYPE, "text/plain")], answer.to_string()).into_response()
}

fn told_of(world: &World, who: &Who) -> Value {
    if who.access_token.is_empty() {
        return error(41001, "access_token missing");
    }
    let codes = world.codes.lock().unwrap_or_else(PoisonError::into_inner);
    let given = codes
        .iter()
        .find(|given| given.token.as_ref() == Some(&who.access_token));
    match given {
        None => error(40001, "invalid credential, access_token is invalid"),
        Some(given) if given.scope != "snsapi_userinfo" => error(48001, "api unauthorized"),
        Some(_) if who.openid != PAYER => error(40003, "invalid openid"),
        Some(_) => json!({
            "openid": PAYER, "nickname": "沙箱付款人", "sex": 0, "province": "", "city": "",
            "country": "", "headimgurl": "", "privilege": [],
        }),
    }
}

fn token(scope: &str) -> Value {
    json!({
        "access_token": random_text(64),
        "expires_in": 7200,
        "refresh_token": random_text(64),
        "openid": PAYER,
        "scope": scope,
    })
}

fn error(errcode: i64, errmsg: &str) -> Value {
    json!({"errcode": errcode, "errmsg": format!("{errmsg}, rid: {}", random_text(24))})
}
