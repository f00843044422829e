//! How many of something that lasts (connections, streams) each has at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How many each has; who has none is not kept.
pub(crate) struct Counts<K: Eq + Hash> {
    most: usize,
    now: Mutex<HashMap<K, usize>>,
}

impl<K: Eq + Hash + Clone> Counts<K> {
    /// Counts of at most `most` for each.
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            now: Mutex::default(),
        })
    }

    /// One more for `key`; nothing where he has all that he may have.
    pub(crate) fn enter(self: &Arc<Self>, key: K) -> Option<Slot<K>> {
        let mut now = self.lock();
        if now.get(&key).copied().unwrap_or_default() >= self.most {
            return None;
        }
        *now.entry(key.clone()).or_default() += 1;
        Some(Slot {
            counts: Arc::clone(self),
            key,
        })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, usize>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that is counted, until this is dropped.
pub(crate) struct Slot<K: Eq + Hash + Clone> {
    counts: Arc<Counts<K>>,
    key: K,
}

impl<K: Eq + Hash + Clone> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut now = self.counts.lock();
        if let Some(count) = now.get_mut(&self.key) {
            *count -= 1;
            if *count == 0 {
                now.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_so_many_and_who_has_none_is_forgotten() {
        let counts = Counts::new(2);
        let (first, second) = (counts.enter("a"), counts.enter("a"));
        assert!(first.is_some() && second.is_some());
        assert!(counts.enter("a").is_none());
        assert!(counts.enter("b").is_some());
        drop(first);
        assert!(counts.enter("a").is_some());
        drop(second);
        assert!(counts.lock().is_empty());
    }

    #[test]
    fn who_may_have_none_is_not_kept() {
        let counts = Counts::new(0);
        assert!(counts.enter("a").is_none());
        assert!(counts.lock().is_empty());
    }
}
