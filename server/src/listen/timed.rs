//! A stream that gives up when its other side takes too long, or sends more of an
//! unfinished request than there is room for.

use super::Times;
use super::phase::{Phase, Stretch};
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// So many bytes of a request are anybody's: nearly every header and body is shorter.
const FREE_BYTES: usize = 8 << 10;
/// Nobody keeps more of one request.
const KEPT_BYTES_MAX: usize = 320 << 10;

/// The stream of a connection.
pub(super) struct Timed<S> {
    stream: S,
    phase: Arc<Phase>,
    times: Times,
    reading: Option<(Stretch, Pin<Box<Sleep>>)>,
    writing: Option<Pin<Box<Sleep>>>,
    room: Room,
}

/// What of an unfinished request may lie in memory.
struct Room {
    shared: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    /// Of the request after so many that ended.
    request: u32,
    bytes: usize,
}

impl Room {
    fn new(shared: &Arc<Semaphore>) -> Self {
        Self {
            shared: Arc::clone(shared),
            taken: None,
            request: 0,
            bytes: 0,
        }
    }

    /// What ended needs no room any more.
    fn tidy(&mut self, ended: u32) {
        if self.request != ended {
            (self.request, self.bytes, self.taken) = (ended, 0, None);
        }
    }

    /// Whether so many bytes more have room.
    fn take(&mut self, bytes: usize) -> bool {
        let held = |bytes: usize| bytes.clamp(FREE_BYTES, KEPT_BYTES_MAX);
        let more = held(self.bytes + bytes) - held(self.bytes);
        self.bytes += bytes;
        let Ok(more @ 1..) = u32::try_from(more) else {
            return true;
        };
        let Ok(permit) = Arc::clone(&self.shared).try_acquire_many_owned(more) else {
            return false;
        };
        match &mut self.taken {
            Some(taken) => taken.merge(permit),
            none => *none = Some(permit),
        }
        true
    }
}

impl<S> Timed<S> {
    pub(super) fn new(
        stream: S,
        phase: Arc<Phase>,
        times: Times,
        unfinished: &Arc<Semaphore>,
    ) -> Self {
        Self {
            stream,
            phase,
            times,
            reading: None,
            writing: None,
            room: Room::new(unfinished),
        }
    }

    /// How long the stretch may last that the connection is in.
    fn limit(&self, stretch: Stretch) -> Option<Duration> {
        match stretch {
            Stretch::Idle(_) => Some(self.times.idle),
            Stretch::Header(_) => Some(self.times.header),
            Stretch::Busy => None,
        }
    }

    /// Ready once the stretch has lasted too long.
    fn poll_too_long(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let stretch = self.phase.stretch();
        let Some(limit) = self.limit(stretch) else {
            self.reading = None;
            self.phase.wake_at_end(context.waker());
            return Poll::Pending;
        };
        if self
            .reading
            .as_ref()
            .is_none_or(|(timed, _)| *timed != stretch)
        {
            self.reading = Some((stretch, Box::pin(sleep(limit))));
        }
        match &mut self.reading {
            Some((_, over)) => over.as_mut().poll(context),
            None => Poll::Pending,
        }
    }

    /// What was to be written, unless nobody takes it for too long.
    fn timed_write<T>(
        &mut self,
        written: Poll<Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<Result<T>> {
        if written.is_ready() {
            self.writing = None;
            return written;
        }
        let idle = self.times.idle;
        let over = self.writing.get_or_insert_with(|| Box::pin(sleep(idle)));
        ready!(over.as_mut().poll(context));
        Poll::Ready(Err(too_long()))
    }
}

fn too_long() -> Error {
    Error::new(ErrorKind::TimedOut, "the other side took too long")
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let ended = self.phase.ended();
        self.room.tidy(ended);
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Pending => {
                ready!(self.poll_too_long(context));
                Poll::Ready(Err(too_long()))
            }
            Poll::Ready(read) => {
                let bytes = buffer.filled().len() - before;
                if bytes > 0 {
                    self.phase.hear();
                }
                if !self.room.take(bytes) {
                    let full = "unfinished requests fill the room that they have";
                    return Poll::Ready(Err(Error::other(full)));
                }
                Poll::Ready(read)
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.timed_write(written, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.timed_write(written, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.timed_write(flushed, context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.timed_write(shut, context)
    }
}
