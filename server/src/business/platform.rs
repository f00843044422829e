//! `/pay/api/*`: brings requests as clients really send them to the server
//! functions, and answers the documented envelope in every case.
//!
//! A server function by itself answers undecodable input with 500, a browser's
//! Accept with 302, and another method with 405. So the raw pairs are read here,
//! put beside the request, and the function gets a request that it can't misread.

use crate::payer::cookies::{self, Cookies};
use crate::routes::body::{self, Unread};
use crate::routes::respond::{browser, envelope, wished_language};
use crate::state::State;
use app::api::{Call, OwnPage};
use app::headers;
use axum::body::Body;
use axum::extract::{self, Request};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use leptos::prelude::provide_context;
use payment::channel::Channel;
use payment::errcode::ErrCode;
use payment::pairs::Pairs;
use payment::refusal::Refusal;
use std::sync::{Arc, LazyLock};
use tracing::Span;

/// No documented body is longer.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The paths of the server functions, each with its one method.
static PATHS: LazyLock<Vec<(&str, Method)>> =
    LazyLock::new(|| leptos::server_fn::axum::server_fn_paths().collect());

pub(super) async fn call(
    extract::State(state): extract::State<State>,
    request: Request,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = body::read(body, BODY_BYTES_MAX).await;
    let lang = wished_language(&parts.headers);
    let mut known = PATHS.iter().cloned();
    let Some((path, method)) = known.find(|(path, _)| parts.uri.path() == *path) else {
        let text = lang.choose(
            "没有这个接口，请检查地址",
            "There is no such call: check the address",
        );
        return (StatusCode::NOT_FOUND, envelope(ErrCode::Malformed, text)).into_response();
    };
    Span::current().record("http.path", path);
    if parts.method != method {
        return envelope(ErrCode::Method, ErrCode::Method.message(lang)).into_response();
    }
    let pairs = match read(&parts, body) {
        Ok(pairs) => pairs,
        Err(refusal) => {
            tracing::info!(
                http.path = path,
                errcode = refusal.code().code(),
                "request unreadable"
            );
            return envelope(refusal.code(), &refusal.text(lang)).into_response();
        }
    };
    let browser = browser(&parts.headers);
    let page = own_page(&parts.headers);
    let picked = page.as_ref().map(|page| page.pick);
    // Shared, since the server function's way to it copies all that lies beside a request.
    let call = Arc::new(Call {
        pairs,
        lang,
        browser,
        page,
    });
    let request = readable(path, method, call);
    let secure = state.is_secure();
    let checkout = Arc::clone(&state.checkout);
    let context = move || provide_context(checkout.clone());
    let response = leptos_axum::handle_server_fns_with_context(context, request).await;
    let mut response = response.into_response();
    if let Some(picked) = picked.filter(|_| response.headers().contains_key(headers::PAGE)) {
        cookies::keep_channel(&mut response, picked, secure);
    }
    if response.status() != StatusCode::OK {
        tracing::error!(
            http.path = path,
            status = response.status().as_u16(),
            "a server function failed"
        );
        return envelope(ErrCode::Internal, ErrCode::Internal.message(lang)).into_response();
    }
    response
}

/// What a page of ours says of itself: its header alone tells it from a business system.
fn own_page(headers: &HeaderMap) -> Option<OwnPage> {
    let pick = headers.get(headers::PICK)?.to_str().ok()?;
    Some(OwnPage {
        pick: Channel::parse(pick)?,
        openids: Cookies::of(headers).openids(),
    })
}

/// All values of a request: the query's, and a JSON body's after them.
fn read(parts: &Parts, body: Result<Vec<u8>, Unread>) -> Result<Pairs, Refusal> {
    let query = Pairs::from_query(parts.uri.query().unwrap_or_default())?;
    if parts.method != Method::POST {
        return Ok(query);
    }
    if !is_json(&parts.headers) {
        return Err(Refusal::malformed("Content-Type", "application/json"));
    }
    let body = body.map_err(|unread| unread.refusal(BODY_BYTES_MAX >> 10))?;
    Ok(query.chain(Pairs::from_json(&body)?))
}

/// JSON, or not said.
fn is_json(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    kind.to_str().is_ok_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    })
}

/// A request that a server function without arguments decodes.
fn readable(path: &'static str, method: Method, call: Arc<Call>) -> Request {
    let mut request = Request::new(Body::from("{}"));
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_static(path);
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(ACCEPT, json.clone());
    request.headers_mut().insert(CONTENT_TYPE, json);
    request.extensions_mut().insert(call);
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_functions_are_the_documented_paths() {
        let protocol = include_str!("../../../docs/protocol.md");
        let mut documented: Vec<_> = protocol
            .lines()
            .filter_map(|line| {
                let (path, rest) = line.strip_prefix("| `/pay/api/")?.split_once('`')?;
                let method = rest.trim_start_matches([' ', '|']).split(' ').next()?;
                Some((format!("/pay/api/{path}"), method.to_owned()))
            })
            // It answers with a redirection or a page.
            .filter(|(path, _)| path != checkout::OPENID_PATH)
            .collect();
        let known = |(path, method): &(&str, Method)| ((*path).to_owned(), method.to_string());
        let mut known: Vec<_> = PATHS.iter().map(known).collect();
        documented.sort();
        known.sort();
        assert_eq!(known.len(), 8);
        assert_eq!(known, documented);
    }
}
