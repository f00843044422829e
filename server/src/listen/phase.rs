//! Where a connection stands between its requests.

use futures_util::task::AtomicWaker;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::task::Waker;

/// What a connection waits for. All of it happens on the connection's own task.
#[derive(Default)]
pub(super) struct Phase {
    begun: AtomicU32,
    ended: AtomicU32,
    /// A byte of the next request came.
    heard: AtomicBool,
    /// Who waits for the end of a request, so that the time after it is limited.
    waiting: AtomicWaker,
}

/// One stretch of time that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stretch {
    /// Between two requests; how many ended.
    Idle(u32),
    /// The header of a request; how many ended before.
    Header(u32),
    /// A request is worked on.
    Busy,
}

impl Phase {
    pub(super) fn stretch(&self) -> Stretch {
        let ended = self.ended.load(Relaxed);
        match () {
            () if self.begun.load(Relaxed) > ended => Stretch::Busy,
            () if ended == 0 || self.heard.load(Relaxed) => Stretch::Header(ended),
            () => Stretch::Idle(ended),
        }
    }

    /// How many requests came to their end.
    pub(super) fn ended(&self) -> u32 {
        self.ended.load(Relaxed)
    }

    /// A byte came.
    pub(super) fn hear(&self) {
        self.heard.store(true, Relaxed);
    }

    /// A header is complete; gives the number of its request, the first is 1.
    pub(super) fn begin(&self) -> u32 {
        self.begun.fetch_add(1, Relaxed) + 1
    }

    /// An answer was made to its end, or given up.
    pub(super) fn end(&self) {
        self.heard.store(false, Relaxed);
        self.ended.fetch_add(1, Relaxed);
        self.waiting.wake();
    }

    /// Wakes this task at the end of the request.
    pub(super) fn wake_at_end(&self, waker: &Waker) {
        self.waiting.register(waker);
    }
}
