//! Whether the program lives, whether it can work, and what it counts.

use crate::state::State;
use axum::extract;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

/// Alive: it answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the database answers and its tables are there.
pub(super) async fn readyz(
    extract::State(state): extract::State<State>,
) -> (StatusCode, &'static str) {
    match state.checkout.ready().await {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(cause = %error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the database does not answer\n",
            )
        }
    }
}

/// Prometheus: alarms, what waits to be done, and money at risk.
pub(super) async fn metrics(extract::State(state): extract::State<State>) -> Response {
    let text = state.metrics.text(state.checkout.now_ms()).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
