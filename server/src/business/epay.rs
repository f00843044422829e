//! `/epay/*` (docs/epay.md): `submit.php` for payers' browsers, `mapi.php` and `api.php`
//! for servers, which are answered JSON with HTTP status 200.

use super::fields;
use crate::routes::respond::{self, Form, status_of, wished_language};
use crate::state::State;
use app::page::Screen;
use axum::body::Body;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::Checkout;
use doors::epay::{self, Failure};
use payment::errcode::ErrCode;
use payment::fields::Fields;
use serde_json::{Map, Value};
use std::sync::Arc;

const SUBMIT: &str = "submit.php";
const MAPI: &str = "mapi.php";
const API: &str = "api.php";

/// Whether what is asked for at a path is read by a server.
pub(crate) fn is_for_servers(path: &str) -> bool {
    matches!(file_of(path), MAPI | API)
}

/// The file that a path names. Clients append it to what their owner pasted, which may
/// end with a file or slashes already.
fn file_of(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or_default();
    let named = [MAPI, SUBMIT, API].into_iter();
    let mut named = named.filter(|file| last.ends_with(file));
    named.next().unwrap_or(last)
}

/// `/epay/` itself: some clients send payers to the address as it was pasted.
pub(super) async fn bare(state: extract::State<State>, parts: Parts, body: Body) -> Response {
    call(state, Path(SUBMIT.to_owned()), parts, body).await
}

/// Any path below `/epay/`.
pub(super) async fn call(
    extract::State(state): extract::State<State>,
    Path(path): Path<String>,
    parts: Parts,
    body: Body,
) -> Response {
    let read = async || {
        let read = fields::read(&parts, body).await;
        read.map_err(Failure::from)
    };
    let checkout = &state.checkout;
    match file_of(&path) {
        SUBMIT => {
            let page = match read().await {
                Ok((query, body)) => submit(checkout, query, body).await,
                Err(failure) => Err(failure),
            };
            page.unwrap_or_else(|failure| refused_page(&parts.headers, &failure))
        }
        MAPI => {
            let made = match read().await {
                Ok((query, body)) => mapi(checkout, query, body).await,
                Err(failure) => Err(failure),
            };
            answer(MAPI, made)
        }
        API => {
            let posted = parts.method == Method::POST;
            let done = match read().await {
                Ok((query, body)) => epay::api(checkout, query.overlaid(body), posted).await,
                Err(failure) => Err(failure),
            };
            answer(API, done)
        }
        _ => refused_page(&parts.headers, &Failure::NoFile),
    }
}

async fn submit(checkout: &Checkout, query: Fields, body: Fields) -> Result<Response, Failure> {
    let page = epay::submit(checkout, epay::of_one(query, body)?).await?;
    let internal = |_| checkout::Failure::Internal("an address is no header".to_owned());
    let page = HeaderValue::from_str(&page).map_err(internal)?;
    checkout::answered(epay::NAME, ErrCode::Success.code());
    Ok((StatusCode::FOUND, [(LOCATION, page)]).into_response())
}

async fn mapi(
    checkout: &Arc<Checkout>,
    query: Fields,
    body: Fields,
) -> Result<Map<String, Value>, Failure> {
    epay::mapi(checkout, epay::of_one(query, body)?).await
}

fn answer(file: &'static str, done: Result<Map<String, Value>, Failure>) -> Response {
    match done {
        Ok(object) => {
            checkout::answered(epay::NAME, ErrCode::Success.code());
            respond::json(object)
        }
        Err(failure) => {
            tracing::info!(file, cause = %failure, "an epay call is refused");
            refused(&failure)
        }
    }
}

/// The answer to a server whose call is not done.
pub(crate) fn refused(failure: &Failure) -> Response {
    checkout::answered(epay::NAME, failure.errcode().code());
    let mut response = respond::json(failure.json());
    if let Some(wait_s) = failure.wait_s() {
        respond::retry_after(&mut response, wait_s);
    }
    response
}

/// The page of a payer who can't be sent on, in words.
fn refused_page(headers: &HeaderMap, failure: &Failure) -> Response {
    tracing::info!(file = SUBMIT, cause = %failure, "an epay call is refused");
    checkout::answered(epay::NAME, failure.errcode().code());
    let lang = wished_language(headers);
    let screen = Screen::Refused {
        order: None,
        code: failure.errcode().code(),
        cause: failure.text(lang),
        again: None,
        others: None,
        leave: None,
    };
    let status = match failure {
        Failure::NoFile => StatusCode::NOT_FOUND,
        _ => status_of((failure.is_ours(), failure.passes()), failure.wait_s()),
    };
    let mut response = respond::page(screen, Form::plain(status, lang));
    if let Some(wait_s) = failure.wait_s() {
        respond::retry_after(&mut response, wait_s);
    }
    response
}
