//! By which of its secrets a business system signs while several hold, so that an operator
//! knows when the old one can go. It is kept in memory as calls come and written beside them:
//! nobody waits for it, and no more than once a minute of each business system.

use crate::{Checkout, Failure};
use payment::domain::Domain;
use payment::ports::SecretUse;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is seen of one business system is written so often at most, ms.
const WRITE_EVERY_MS: i64 = 60_000;

/// What was seen of those whose secrets are being rotated, by code.
#[derive(Default)]
pub(crate) struct SecretUses(Mutex<HashMap<String, Seen>>);

#[derive(Default)]
struct Seen {
    /// When it signed by which generation, since it was written last.
    unwritten: BTreeMap<i64, i64>,
    /// None: it never was.
    written_ms: Option<i64>,
}

impl SecretUses {
    /// A call of this business system was proved by the secret of this generation.
    fn see(&self, domain: &Domain, generation: i64, now_ms: i64) {
        if domain.live_secrets(now_ms).nth(1).is_some() {
            let mut all = self.lock();
            let seen = all.entry(domain.code.clone()).or_default();
            seen.unwritten.insert(generation, now_ms);
        }
    }

    /// What is to be written now; the rest waits for its minute.
    fn take_due(&self, now_ms: i64) -> Vec<(String, Vec<SecretUse>)> {
        let mut due = Vec::new();
        self.lock().retain(|code, seen| {
            let wrote = |at_ms: i64| (now_ms - at_ms).abs() < WRITE_EVERY_MS;
            if seen.written_ms.is_some_and(wrote) {
                return true;
            }
            let taken = std::mem::take(&mut seen.unwritten).into_iter();
            let uses: Vec<_> = taken
                .map(|(generation, at_ms)| SecretUse { generation, at_ms })
                .collect();
            // Nothing came for a minute: it is not remembered.
            let is_due = !uses.is_empty();
            if is_due {
                seen.written_ms = Some(now_ms);
                due.push((code.clone(), uses));
            }
            is_due
        });
        due
    }

    /// What could not be written, to be written the next time.
    fn put_back(&self, code: &str, uses: Vec<SecretUse>) {
        let mut all = self.lock();
        let seen = all.entry(code.to_owned()).or_default();
        seen.written_ms = None;
        for SecretUse { generation, at_ms } in uses {
            let last = seen.unwritten.entry(generation).or_insert(at_ms);
            *last = at_ms.max(*last);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Checkout {
    /// A call of this business system was proved by its secret of this generation.
    pub(crate) fn see_secret_used(&self, domain: &Domain, generation: i64) {
        self.secret_uses.see(domain, generation, self.now_ms());
    }

    /// Writes by which secrets business systems signed whose secrets are being rotated; what
    /// the database does not take is written the next time.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn write_secret_uses(&self) -> Result<(), Failure> {
        let mut failed = None;
        for (code, uses) in self.secret_uses.take_due(self.now_ms()) {
            if let Err(error) = self.parts.store.note_secret_uses(&code, &uses).await {
                self.secret_uses.put_back(&code, uses);
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), |error| Err(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_while_two_hold_is_written_once_a_minute() {
        let uses = SecretUses::default();
        let mut domain = Domain::test();
        uses.see(&domain, 1, 0);
        assert!(uses.take_due(0).is_empty(), "it has one secret");
        domain.rotate("next", 100_000);
        let used = |generation, at_ms| SecretUse { generation, at_ms };
        uses.see(&domain, 1, 1_000);
        let first = vec![("test".to_owned(), vec![used(1, 1_000)])];
        assert_eq!(uses.take_due(1_000), first);
        for at_ms in [2_000, 3_000] {
            uses.see(&domain, 2, at_ms);
            assert!(uses.take_due(at_ms).is_empty());
        }
        uses.see(&domain, 1, 4_000);
        let both = vec![used(1, 4_000), used(2, 3_000)];
        assert_eq!(uses.take_due(61_000), [("test".to_owned(), both)]);
        assert!(uses.take_due(121_000).is_empty());
        assert!(uses.lock().is_empty());
        uses.see(&domain, 2, 100_000);
        assert!(uses.lock().is_empty(), "the old one has ended");
    }

    #[test]
    fn what_is_not_written_is_written_the_next_time() {
        let uses = SecretUses::default();
        let mut domain = Domain::test();
        domain.rotate("next", 100_000);
        uses.see(&domain, 1, 1_000);
        let taken = uses.take_due(1_000);
        uses.see(&domain, 2, 2_000);
        for (code, unwritten) in taken {
            uses.put_back(&code, unwritten);
        }
        let used = |generation, at_ms| SecretUse { generation, at_ms };
        let both = vec![used(1, 1_000), used(2, 2_000)];
        assert_eq!(uses.take_due(3_000), [("test".to_owned(), both)]);
    }
}
