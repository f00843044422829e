//! Whether the program lives, whether it can work, and what it counts.

use crate::state::State;
use axum::extract;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use payment::ports::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Who balances load waits no longer to hear that we can't work.
const READY_LIMIT: Duration = Duration::from_secs(1);

/// Looks that may be under way: who comes while none has ended is told that it is late.
static LOOKS: Semaphore = Semaphore::const_new(4);

/// What a look comes to in time. It is not cut in the middle of a write, which others
/// may be waiting for with it.
async fn ready(state: &State) -> Option<Result<(), StoreError>> {
    let look = LOOKS.try_acquire().ok()?;
    let checkout = Arc::clone(&state.checkout);
    let looked = tokio::spawn(async move {
        let _look = look;
        checkout.ready().await
    });
    let looked = tokio::time::timeout(READY_LIMIT, looked).await;
    looked.ok()?.ok()
}

/// Alive: it answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the database answers and its tables are there.
pub(super) async fn readyz(
    extract::State(state): extract::State<State>,
) -> (StatusCode, &'static str) {
    let late = || StoreError::Unavailable("no answer in time".to_owned());
    match ready(&state).await.unwrap_or_else(|| Err(late())) {
        Ok(()) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::warn!(cause = %error, "not ready");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                // Who asks may be anybody: what an error says stands in the log alone.
                "the database does not answer, or its books are refused: the log says which\n",
            )
        }
    }
}

/// Prometheus: alarms, what waits to be done, and money at risk.
pub(super) async fn metrics(extract::State(state): extract::State<State>) -> Response {
    let text = state.metrics.text(&state.checkout).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
