//! A span for each request, and its number in the answer, so that what a caller saw is
//! found in the log.

use crate::operator::metrics::REQUESTS;
use axum::extract::{MatchedPath, Request};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use checkout::Counters;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, Span, info_span};

/// The header that tells the request's number.
const REQUEST_ID: &str = "x-request-id";

/// Numbers that no other process gives, and one after the other: each request has one,
/// so that it costs no call of the system's.
fn next_id() -> String {
    static PROCESS: LazyLock<String> =
        LazyLock::new(|| checkout::token().unwrap_or_default().split_off(16));
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}{:016x}", *PROCESS, NEXT.fetch_add(1, Relaxed))
}

/// Business system and order are filled in by the use case that learns them, the path of
/// a documented call by its route.
pub(super) async fn trace(request: Request, next: Next) -> Response {
    let id = next_id();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let span = info_span!(
        "request",
        id,
        method = %request.method(),
        route,
        http.path = Empty,
        domain.code = Empty,
        order.sn = Empty,
        http.status = Empty,
    );
    static ALL: Counters = Counters::new(REQUESTS, ["route", "status"]);
    let began = Instant::now();
    let answered = async {
        let mut response = next.run(request).await;
        if let Ok(id) = HeaderValue::try_from(id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let ms = began.elapsed().as_millis();
        let status = response.status().as_u16();
        tracing::debug!(status, ms, "answered");
        // Its entry has it already: this is for traces.
        Span::current().record("http.status", i64::from(status));
        ALL.count(route, response.status().as_str());
        response
    };
    answered.instrument(span).await
}
