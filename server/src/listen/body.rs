//! A request's body that must come in time, and an answer's that tells its end.

use super::phase::Phase;
use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// A body that breaks off when its time is over.
pub(super) struct Deadline {
    body: Incoming,
    over: Pin<Box<Sleep>>,
}

impl Deadline {
    pub(super) fn new(body: Incoming, limit: Duration) -> Self {
        Self {
            body,
            over: Box::pin(tokio::time::sleep(limit)),
        }
    }
}

impl Body for Deadline {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if self.over.as_mut().poll(context).is_ready() {
            return Poll::Ready(Some(Err("the body took too long".into())));
        }
        let frame = pin!(&mut self.body).poll_frame(context);
        frame.map(|frame| frame.map(|frame| frame.map_err(BoxError::from)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A body whose end a connection's phase hears of.
pub(super) struct Marked {
    body: axum::body::Body,
    phase: Arc<Phase>,
}

impl Marked {
    pub(super) fn new(body: axum::body::Body, phase: Arc<Phase>) -> Self {
        Self { body, phase }
    }
}

impl Body for Marked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        pin!(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        self.phase.end();
    }
}
