//! Whether the program lives, and whether it can work.

use crate::state::State;
use axum::extract;
use axum::http::StatusCode;

/// Alive: it answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the database answers and its tables are there.
pub(super) async fn readyz(
    extract::State(state): extract::State<State>,
) -> (StatusCode, &'static str) {
    match state.checkout.store().ready().await {
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
