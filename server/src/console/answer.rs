//! The console's answers: pages with their security headers, ways on, and what goes wrong.

use super::address::path;
use super::session::page_of_form;
use crate::payer::cookies::keep_lang;
use crate::routes::respond::wished_language;
use crate::zone;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use checkout::NotDone;
use console::{Notice, Setting};
use payment::lang::Lang;
use payment::operators::Operator;
use payment::ports::StoreError;
use serde::Deserialize;

/// Who looks, and the token of his forms.
pub(super) struct Who {
    pub(super) operator: Operator,
    pub(super) token: String,
}

/// What an address says was done a moment ago: anybody can write it.
#[derive(Deserialize)]
pub(super) struct Done {
    #[serde(default)]
    pub(super) done: String,
}

/// The status of a page that says what became of an act.
pub(super) fn status(notice: Option<&Notice>) -> StatusCode {
    match notice {
        Some(notice) if !notice.good => StatusCode::CONFLICT,
        _ => StatusCode::OK,
    }
}

/// The language that the address wishes, or else the browser.
pub(super) fn language(parts: &Parts) -> Lang {
    wished(parts).unwrap_or_else(|| wished_language(&parts.headers))
}

fn wished(parts: &Parts) -> Option<Lang> {
    let query = parts.uri.query().unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let lang = pairs.find_map(|(name, value)| (name == "lang").then_some(value))?;
    Lang::parse(&lang)
}

/// A page as it is drawn for who looks.
pub(super) fn page(
    parts: &Parts,
    who: Option<&Who>,
    status: StatusCode,
    draw: impl FnOnce(&Setting<'_>) -> String,
) -> Response {
    let Ok(nonce) = checkout::token() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    // What a form was sent to shows no page: the page does that it stands on.
    let form = page_of_form(parts.uri.path());
    let here = match parts.method {
        Method::GET => path(parts.uri.path_and_query().map_or("/", |here| here.as_str())),
        _ => path(&form),
    };
    let setting = Setting {
        lang: language(parts),
        nonce: &nonce,
        who: who.map(|who| (&who.operator, who.token.as_str())),
        here,
        time: zone::time,
    };
    let policy = format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; \
         frame-ancestors 'none'"
    );
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "same-origin"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, policy.as_str()),
    ];
    let mut response = (status, headers, Html(draw(&setting))).into_response();
    let kept = wished(parts).and_then(|lang| keep_lang(lang, false));
    response
        .headers_mut()
        .extend(kept.map(|cookie| (SET_COOKIE, cookie)));
    response
}

/// A page that says one thing.
pub(super) fn message(
    parts: &Parts,
    who: Option<&Who>,
    status: StatusCode,
    (zh, en): (&str, &str),
) -> Response {
    page(parts, who, status, |setting| {
        console::message(setting, status.as_str(), setting.lang.choose(zh, en))
    })
}

/// The status of a page that says what was not done.
pub(super) fn status_of(not_done: &NotDone) -> StatusCode {
    match not_done {
        NotDone::NotAllowed(_) => StatusCode::FORBIDDEN,
        NotDone::NotClosed(_) | NotDone::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
        NotDone::Nothing => StatusCode::NOT_FOUND,
        NotDone::NoReason
        | NotDone::LongReason(_)
        | NotDone::LinesOfReason
        | NotDone::OwnRequest
        | NotDone::TooMuch
        | NotDone::Breaks(_) => StatusCode::BAD_REQUEST,
        NotDone::Taken(_)
        | NotDone::Changed(_)
        | NotDone::MoreThanLeft(_)
        | NotDone::Ended(_)
        | NotDone::Unfit(..) => StatusCode::CONFLICT,
    }
}

/// The database is in trouble.
pub(super) fn trouble(parts: &Parts, who: Option<&Who>, error: &StoreError) -> Response {
    tracing::error!(%error, "a page of the console");
    let text = (
        "数据库暂时不可用，请稍后再试。",
        "The database is not available; try again later.",
    );
    message(parts, who, StatusCode::SERVICE_UNAVAILABLE, text)
}

/// Leads on.
pub(super) fn lead(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response(),
        Err(_) => StatusCode::BAD_REQUEST.into_response(),
    }
}
