//! What the business systems of the load asked for and were told: the yardstick
//! that the three books are held against.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A refund that was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AskedRefund {
    pub(crate) fen: i64,
    /// Whether the platform answered that it is begun.
    pub(crate) begun: bool,
}

/// A request of the load.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) fen: i64,
    /// A partner's own number of it; the platform's is the key.
    pub(crate) out_order_id: String,
    /// The platform said: paid.
    pub(crate) told_paid: bool,
    /// The platform said: closed, nobody can pay it any more.
    pub(crate) told_closed: bool,
    pub(crate) refunds: BTreeMap<String, AskedRefund>,
}

/// All requests by domain and requestKey, a partner's by the platform's orderId.
pub(crate) type Requests = BTreeMap<(String, String), Asked>;

/// The memory of all business systems.
#[derive(Default)]
pub(crate) struct Ledger {
    requests: Mutex<Requests>,
    /// Answers that no document promises.
    strange: Mutex<Vec<String>>,
}

impl Ledger {
    pub(crate) fn note(&self, domain: &str, key: &str, work: impl FnOnce(&mut Asked)) {
        let mut requests = lock(&self.requests);
        work(
            requests
                .entry((domain.to_owned(), key.to_owned()))
                .or_default(),
        );
    }

    pub(crate) fn strange(&self, what: String) {
        lock(&self.strange).push(what);
    }

    pub(crate) fn requests(&self) -> Requests {
        lock(&self.requests).clone()
    }

    pub(crate) fn all_strange(&self) -> Vec<String> {
        lock(&self.strange).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
