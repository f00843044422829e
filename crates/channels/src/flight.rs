//! One request at a time for what many wait for, and no other for a minute.

use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// One flight begins in this time, ms, whether the one before succeeded or not.
const GAP_MS: u64 = 60_000;

/// The last flight: what it is for, and when it began. It landed when its sender is
/// gone. No lock is held while anybody waits.
pub(crate) struct Flights<K>(Mutex<Option<(K, i64, watch::Receiver<()>)>>);

/// How a caller goes on.
pub(crate) enum Turn<K> {
    /// He begins a flight, and drops this when it landed.
    Begin(watch::Sender<()>),
    /// The last one is young: what it is for, and its landing.
    Last(K, watch::Receiver<()>),
}

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone> Flights<K> {
    pub(crate) fn turn(&self, of: &K, now_ms: i64) -> Turn<K> {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, began_ms, landed)) = last.as_ref()
            && now_ms.abs_diff(*began_ms) < GAP_MS
        {
            return Turn::Last(of.clone(), landed.clone());
        }
        let (sender, landed) = watch::channel(());
        *last = Some((of.clone(), now_ms, landed));
        Turn::Begin(sender)
    }
}
