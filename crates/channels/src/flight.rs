//! One request at a time for what many wait for, and no other for a minute.

use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// One flight begins in this time, ms, whether the one before succeeded or not.
const GAP_MS: u64 = 60_000;

/// The last flight: when it began. It landed when its sender is gone. No lock is held while
/// anybody waits.
#[derive(Default)]
pub(crate) struct Flight(Mutex<Option<(i64, watch::Receiver<()>)>>);

/// How a caller goes on.
pub(crate) enum Turn {
    /// He begins a flight, and drops this when it landed.
    Begin(watch::Sender<()>),
    /// The last one is young: its landing.
    Last(watch::Receiver<()>),
}

impl Flight {
    pub(crate) fn turn(&self, now_ms: i64) -> Turn {
        let mut last = self.last();
        if let Some((began_ms, landed)) = last.as_ref()
            && is_young(*began_ms, now_ms)
        {
            return Turn::Last(landed.clone());
        }
        let (sender, landed) = watch::channel(());
        *last = Some((now_ms, landed));
        Turn::Begin(sender)
    }

    /// Whether none may begin yet.
    pub(crate) fn is_young(&self, now_ms: i64) -> bool {
        let last = self.last();
        last.as_ref()
            .is_some_and(|(began_ms, _)| is_young(*began_ms, now_ms))
    }

    fn last(&self) -> MutexGuard<'_, Option<(i64, watch::Receiver<()>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_young(began_ms: i64, now_ms: i64) -> bool {
    now_ms.abs_diff(began_ms) < GAP_MS
}
