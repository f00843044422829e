//! `GET /pay/api/h5/openid`: the payer's way to WeChat and back
//! (docs/protocol.md, openid). WeChat sends the payer back to the same address, with `code` and
//! `state`.

use super::cookies::{self, Cookies};
use super::visit::see_other;
use crate::limits::{Caller, Limits, Wait};
use crate::routes::respond::{Form, page, retry_after, wished_language};
use crate::state::State;
use app::page::Screen;
use axum::Extension;
use axum::extract;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::{Arrival, Failure, OPENID_PATH, Traveller};
use payment::escape::escape;
use payment::pairs::Pairs;
use std::sync::Arc;

/// Where a page of ours sends a payer whose openid it needs.
pub(super) fn address(public_url: &str, domain_code: &str, path: &str, raw: &str) -> String {
    let back_url = format!("{public_url}{path}?{raw}");
    format!(
        "{OPENID_PATH}?domainCode={}&backUrl={}",
        escape(domain_code),
        escape(&back_url)
    )
}

/// The browser of a request.
struct Guest {
    cookies: Cookies,
    mark: String,
    /// Whether a cookie kept the mark.
    kept: bool,
    limits: Arc<Limits>,
    caller: Caller,
}

impl Traveller for Guest {
    fn mark(&self) -> &str {
        &self.mark
    }

    fn keeps_mark(&self) -> bool {
        self.kept
    }

    fn openid(&self, account: &str) -> Option<String> {
        self.cookies.openid(account)
    }

    fn may_exchange(&self) -> Result<(), u64> {
        let may = self.limits.may_exchange(self.caller);
        may.map_err(Wait::seconds)
    }

    fn sent_junk(&self) {
        self.limits.junk(self.caller);
    }
}

pub(super) async fn openid(
    extract::State(state): extract::State<State>,
    Extension(caller): Extension<Caller>,
    parts: Parts,
) -> Response {
    let cookies = Cookies::of(&parts.headers);
    let secure = state.is_secure();
    let kept = cookies.browser(secure).map(str::to_owned);
    let has_kept = kept.is_some();
    let mark = match kept {
        Some(mark) => mark,
        None => match checkout::token() {
            Ok(mark) => mark,
            Err(_) => return refused(&parts, &no_numbers(), None),
        },
    };
    let guest = Guest {
        cookies,
        mark,
        kept: has_kept,
        limits: Arc::clone(&state.limits),
        caller,
    };
    let arrival = async {
        let pairs = Pairs::from_query(parts.uri.query().unwrap_or_default())?;
        match pairs.get("state") {
            Some(_) => state.checkout.openid_end(&pairs, &guest).await,
            None => state.checkout.openid_begin(&pairs, &guest).await,
        }
    };
    match arrival.await {
        Err(failure) => refused(&parts, &failure, None),
        Ok(Arrival::Untold { failure, others }) => refused(&parts, &failure, others),
        Ok(Arrival::Authorize(url)) => {
            let mut response = see_other(&url);
            if let Some(cookie) = cookies::keep_browser(&guest.mark, secure) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Ok(Arrival::NoCookie { url }) => {
            let lang = wished_language(&parts.headers);
            let screen = Screen::NoCookie {
                order: None,
                address: url,
                back: None,
            };
            page(screen, Form::plain(StatusCode::BAD_REQUEST, lang))
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

fn no_numbers() -> Failure {
    Failure::Internal("no random numbers".to_owned())
}

fn refused(parts: &Parts, failure: &Failure, others: Option<String>) -> Response {
    tracing::info!(errcode = failure.code().code(), cause = %failure, "openid refused");
    let lang = wished_language(&parts.headers);
    let screen = Screen::Refused {
        code: failure.code().code(),
        cause: failure.text(lang),
        order: None,
        again: failure.passes().then(|| parts.uri.to_string()),
        others,
        leave: None,
    };
    let status = match failure.wait_s() {
        Some(_) => StatusCode::TOO_MANY_REQUESTS,
        None => StatusCode::BAD_REQUEST,
    };
    let mut response = page(screen, Form::plain(status, lang));
    if let Some(wait_s) = failure.wait_s() {
        retry_after(&mut response, wait_s);
    }
    response
}
