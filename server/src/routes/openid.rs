//! `GET /pay/api/h5/openid`: the payer's way to WeChat and back [seed 000,
//! 获取openid]. WeChat sends the payer back to the same address, with `code` and
//! `state`.

use super::cookies::{self, Cookies};
use super::page::see_other;
use super::respond::{Form, page, wished_language};
use crate::state::State;
use app::page::{Marks, Screen};
use axum::extract;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::{Arrival, Failure, OPENID_PATH};
use payment::pairs::{Pairs, escape};

/// Where a page of ours sends a payer whose openid it needs.
pub(super) fn address(public_url: &str, domain_code: &str, path: &str, raw: &str) -> String {
    let back_url = format!("{public_url}{path}?{raw}");
    format!(
        "{OPENID_PATH}?domainCode={}&backUrl={}",
        escape(domain_code),
        escape(&back_url)
    )
}

pub(super) async fn openid(extract::State(state): extract::State<State>, parts: Parts) -> Response {
    let cookies = Cookies::of(&parts.headers);
    let secure = state.public_url.starts_with("https://");
    let mark = match cookies.browser() {
        Some(mark) => mark.to_owned(),
        None => match checkout::token() {
            Ok(mark) => mark,
            Err(_) => return refused(&parts, &Failure::Internal("no random numbers".to_owned())),
        },
    };
    let arrival = async {
        let pairs = Pairs::from_query(parts.uri.query().unwrap_or_default())?;
        let checkout = &state.checkout;
        match (pairs.get("state"), pairs.get("code")) {
            (Some(trip), Some(code)) => {
                let known = |account: &str| cookies.openid(account);
                checkout.openid_end(trip, code, &mark, known).await
            }
            _ => checkout.openid_begin(&pairs, &mark).await,
        }
    };
    match arrival.await {
        Err(failure) => refused(&parts, &failure),
        Ok(Arrival::Authorize(url)) => {
            let mut response = see_other(&url);
            if let Some(cookie) = cookies::keep_browser(&mark, OPENID_PATH, secure) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Ok(Arrival::Back {
            account,
            openid,
            url,
        }) => {
            let mut response = see_other(&url);
            if let Some(cookie) = cookies::keep_openid(&account, &openid, secure) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
    }
}

fn refused(parts: &Parts, failure: &Failure) -> Response {
    tracing::info!(errcode = failure.code().code(), cause = %failure, "openid refused");
    let lang = wished_language(&parts.headers);
    let screen = Screen::Refused {
        code: failure.code().code(),
        cause: failure.text(lang),
        order: None,
        again: failure.passes().then(|| parts.uri.to_string()),
        leave: None,
    };
    let form = Form {
        status: StatusCode::BAD_REQUEST,
        lang,
        other_lang_url: None,
        keep_lang: None,
        frame_origins: Vec::new(),
        marks: Marks::default(),
    };
    page(screen, form)
}
