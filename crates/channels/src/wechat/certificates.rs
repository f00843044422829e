//! The platform's certificates as they were last listed, and the one flight that
//! asks for the list (docs/reference/wechat.md, Platform certificates).

use super::keys::PlatformKey;
use std::sync::{Mutex, PoisonError, RwLock};
use tokio::sync::watch;

/// One flight begins in this time, ms, whether the one before succeeded or not.
const GAP_MS: u64 = 60_000;
/// The list is asked for again when it is so old, ms: a new certificate is listed a
/// day before it signs.
const AGE_MAX_MS: u64 = 12 * 3_600_000;

/// What is known of the certificates. No lock is held while anybody waits.
#[derive(Default)]
pub(super) struct Certificates {
    kept: RwLock<Kept>,
    flight: Mutex<Option<Flight>>,
}

#[derive(Default)]
struct Kept {
    keys: Vec<PlatformKey>,
    fetched_ms: i64,
}

/// When the last flight began, and whether it landed: then its sender is gone.
struct Flight {
    began_ms: i64,
    landed: watch::Receiver<()>,
}

impl Certificates {
    /// The key of this serial, if it is valid now.
    pub(super) fn find(&self, serial: &str, now_ms: i64) -> Option<PlatformKey> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let mut keys = kept.keys.iter();
        let found = keys.find(|key| key.is_named(serial) && key.is_valid_at(now_ms));
        found.cloned()
    }

    /// Whether the list should be asked for again.
    pub(super) fn is_old(&self, now_ms: i64) -> bool {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        now_ms.abs_diff(kept.fetched_ms) >= AGE_MAX_MS
    }

    /// Takes a list that was proved, in place of the one before.
    pub(super) fn keep(&self, keys: Vec<PlatformKey>, fetched_ms: i64) {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        *kept = Kept { keys, fetched_ms };
    }

    /// Joins the last flight while it is young; else begins one, which drops what it is
    /// given when it lands.
    pub(super) fn flight(
        &self,
        now_ms: i64,
        begin: impl FnOnce(watch::Sender<()>),
    ) -> watch::Receiver<()> {
        let mut flight = self.flight.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = flight.as_ref()
            && now_ms.abs_diff(last.began_ms) < GAP_MS
        {
            return last.landed.clone();
        }
        let (sender, landed) = watch::channel(());
        begin(sender);
        *flight = Some(Flight {
            began_ms: now_ms,
            landed: landed.clone(),
        });
        landed
    }
}
