//! The platform's certificates as they were last listed, and the one flight that
//! asks for the list (docs/reference/wechat.md, Platform certificates).

use super::keys::PlatformKey;
use crate::flight::Flight;
use std::sync::{PoisonError, RwLock};

/// The list is asked for again when it is so old, ms: a new certificate is listed a
/// day before it signs.
const AGE_MAX_MS: u64 = 12 * 3_600_000;

/// What is known of the certificates. No lock is held while anybody waits.
#[derive(Default)]
pub(super) struct Certificates {
    kept: RwLock<Kept>,
    /// The one for the list.
    pub(super) flight: Flight,
}

#[derive(Default)]
struct Kept {
    keys: Vec<PlatformKey>,
    fetched_ms: i64,
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
}
