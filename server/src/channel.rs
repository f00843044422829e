//! `/notify/{channel}/{account}`: raw bytes, handed on before anything is parsed.

use crate::limits::Caller;
use crate::routes::body::{self, Unread};
use crate::state::State;
use axum::Extension;
use axum::body::Body;
use axum::extract::{self, Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use payment::channel::Channel;
use payment::ports::RawNotify;

/// No channel sends a longer notify.
const BODY_BYTES_MAX: usize = 256 << 10;

pub(super) async fn notify(
    extract::State(state): extract::State<State>,
    Path((channel, account)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let checkout = &state.checkout;
    let channel = Channel::parse(&channel);
    // Before the body is read.
    let Some(channel) = channel.filter(|channel| checkout.has_account(*channel, &account)) else {
        state.limits.forged(caller);
        return StatusCode::NOT_FOUND.into_response();
    };
    let raw = match read(request, checkout.now_ms()).await {
        Ok(raw) => raw,
        // A slow network is nobody's forgery.
        Err(Unread::Late) => return StatusCode::REQUEST_TIMEOUT.into_response(),
        Err(Unread::Long) => {
            state.limits.forged(caller);
            return StatusCode::PAYLOAD_TOO_LARGE.into_response();
        }
    };
    let Some(taken) = checkout.take_notify(channel, &account, raw).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if !taken.verified {
        state.limits.forged(caller);
    }
    let received = taken.answer;
    let status = StatusCode::from_u16(received.status).unwrap_or(StatusCode::OK);
    (
        status,
        [(CONTENT_TYPE, received.content_type)],
        Body::from(received.body.into_owned()),
    )
        .into_response()
}

async fn read(request: Request, received_ms: i64) -> Result<RawNotify, Unread> {
    let (parts, body) = request.into_parts();
    let text = |value: &axum::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), text(value)))
        .collect();
    let body = body::read(body, BODY_BYTES_MAX).await?;
    Ok(RawNotify {
        headers,
        body,
        received_ms,
    })
}
