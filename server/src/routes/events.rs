//! The push stream of a waiting page: it says "ask now" when something changed, and
//! nothing else. A page that hears nothing polls all the same.

use crate::state::State;
use axum::extract;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use checkout::Bell;
use futures_util::stream;
use payment::pairs::Pairs;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// So many pages hear at once at most; others poll, and no more.
const STREAMS_MAX: u64 = 20_000;
/// A stream ends after this time; a page that still waits opens another.
const LIFE: Duration = Duration::from_secs(600);
/// Something is sent this often, so that proxies keep the connection.
const ALIVE_EACH: Duration = Duration::from_secs(20);
/// How long a browser waits before it opens a broken stream again.
const AGAIN: Duration = Duration::from_secs(5);

/// Room for streams, shared by all of them: half of the connections that the system
/// grants, as far as it lets us raise them. The others are for who asks.
pub(crate) fn room() -> Arc<Semaphore> {
    let files = rlimit::increase_nofile_limit(2 * STREAMS_MAX).unwrap_or_else(|error| {
        tracing::warn!(cause = %error, "the limit of open files is not known");
        0
    });
    let room = usize::try_from((files / 2).min(STREAMS_MAX)).unwrap_or(0);
    tracing::debug!(files, room, "room for push streams");
    Arc::new(Semaphore::new(room))
}

/// What one stream needs to go on.
struct Stream {
    bell: Bell,
    stopped: watch::Receiver<bool>,
    ends: Instant,
    first: bool,
    _room: OwnedSemaphorePermit,
}

/// `GET /pay/events?{signed values}`. 204 tells a browser not to ask again.
pub(super) async fn events(extract::State(state): extract::State<State>, parts: Parts) -> Response {
    let query = parts.uri.query().unwrap_or_default();
    let request = async {
        let pairs = Pairs::from_query(query)?;
        state.checkout.verified(&pairs).await
    };
    let request = match request.await {
        Ok((_, request)) => request,
        Err(failure) => {
            tracing::info!(cause = %failure, "no stream for this");
            return StatusCode::NO_CONTENT.into_response();
        }
    };
    let Ok(room) = Arc::clone(&state.streams).try_acquire_owned() else {
        return StatusCode::NO_CONTENT.into_response();
    };
    let stream = Stream {
        bell: state
            .checkout
            .bell(&request.domain_code, &request.request_key),
        stopped: state.stopped.clone(),
        ends: Instant::now() + LIFE,
        first: true,
        _room: room,
    };
    let events = Sse::new(stream::unfold(stream, next))
        .keep_alive(KeepAlive::new().interval(ALIVE_EACH))
        .into_response();
    // Proxies that collect answers would keep it to themselves.
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
        (CONTENT_TYPE, "text/event-stream"),
    ];
    (headers, events.into_body()).into_response()
}

/// Waits for the bell; the end is an end of life, or ours.
async fn next(mut stream: Stream) -> Option<(Result<Event, Infallible>, Stream)> {
    if stream.first {
        stream.first = false;
        return Some((Ok(Event::default().retry(AGAIN).comment("")), stream));
    }
    let rung = tokio::select! {
        () = stream.bell.rung() => true,
        () = tokio::time::sleep_until(stream.ends) => false,
        _ = stream.stopped.wait_for(|stop| *stop) => false,
    };
    rung.then(|| (Ok(Event::default().data("changed")), stream))
}
