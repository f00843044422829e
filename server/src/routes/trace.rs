//! A span for each request, and its number in the answer, so that what a caller saw is
//! found in the log.

use crate::operator::metrics::REQUESTS;
use axum::extract::{MatchedPath, Request};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
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
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("none", MatchedPath::as_str).to_owned();
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
    let began = Instant::now();
    let answered = async {
        let mut response = next.run(request).await;
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let ms = began.elapsed().as_millis();
        let status = response.status().as_u16();
        tracing::debug!(status, ms, "answered");
        // Its entry has it already: this is for traces.
        Span::current().record("http.status", i64::from(status));
        let counted = metrics::counter!(REQUESTS, "route" => route, "status" => status.to_string());
        counted.increment(1);
        response
    };
    answered.instrument(span).await
}
