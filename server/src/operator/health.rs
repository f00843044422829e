//! Whether the program lives, whether it can work, and what it counts.

use crate::state::State;
use axum::extract;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use payment::ports::Answer;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Who balances load waits no longer to hear that we can't work.
const READY_LIMIT: Duration = Duration::from_secs(1);

/// When the last look began, and what it came to. One look is under way at a time, and all
/// who asked before it began are told the same: anybody may ask, and as often as he likes.
static LOOKED: Mutex<Option<(Instant, Answer<()>)>> = Mutex::const_new(None);

/// What a look comes to in time. It is not cut in the middle of a write, which others
/// may be waiting for with it.
async fn ready(state: &State) -> Option<Answer<()>> {
    let checkout = Arc::clone(&state.checkout);
    let asked_at = Instant::now();
    let looked = tokio::spawn(async move {
        let mut kept = LOOKED.lock().await;
        if let Some((begun_at, answer)) = &*kept
            && *begun_at >= asked_at
        {
            return answer.clone();
        }
        let begun_at = Instant::now();
        let answer = checkout.ready().await;
        let before = kept.replace((begun_at, answer.clone()));
        tell(before.map(|(_, answer)| answer), &answer);
        answer
    });
    let looked = tokio::time::timeout(READY_LIMIT, looked).await;
    looked.ok()?.ok()
}

/// Says why we are not ready, once for each cause.
fn tell(before: Option<Answer<()>>, now: &Answer<()>) {
    if let Err(error) = now
        && before.is_none_or(|before| before != *now)
    {
        tracing::warn!(cause = %error, "not ready");
    }
}

/// Alive: it answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Ready: the database answers and its tables are there.
pub(super) async fn readyz(
    extract::State(state): extract::State<State>,
) -> (StatusCode, &'static str) {
    match ready(&state).await {
        Some(Ok(())) => (StatusCode::OK, "ready\n"),
        Some(Err(_)) | None => (
            StatusCode::SERVICE_UNAVAILABLE,
            // Who asks may be anybody: what an error says stands in the log alone.
            "the database does not answer, or its books are refused: the log says which\n",
        ),
    }
}

/// Prometheus: alarms, what waits to be done, and money at risk.
pub(super) async fn metrics(extract::State(state): extract::State<State>) -> Response {
    let text = state.metrics.text(&state.checkout).await;
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
