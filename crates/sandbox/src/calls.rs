//! How many calls the channels got, by path: what somebody makes the platform ask.

use axum::Json;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Calls by their path, an order's number left out.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<BTreeMap<String, u64>>>);

/// Counts what is not the control interface's, the wallet's or a payer's.
pub(crate) async fn count(
    State(Calls(calls)): State<Calls>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let people = ["/control/", "/wallet", "/healthz", "/connect/"];
    if !people.iter().any(|own| path.starts_with(own)) {
        let plain = |part: &&str| !part.bytes().any(|byte| byte.is_ascii_digit()) || part.len() < 4;
        let name: Vec<_> = path.split('/').filter(plain).collect();
        let mut calls = calls.lock().unwrap_or_else(PoisonError::into_inner);
        *calls.entry(name.join("/")).or_default() += 1;
    }
    next.run(request).await
}

/// `GET /control/calls`.
pub(crate) async fn list(State(Calls(calls)): State<Calls>) -> Json<BTreeMap<String, u64>> {
    Json(calls.lock().unwrap_or_else(PoisonError::into_inner).clone())
}
