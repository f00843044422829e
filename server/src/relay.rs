//! Those who listen to callbacks on machines of their own: how many there may be, which
//! calls they made, and in development the line by which callbacks are delivered to them
//! (docs/protocol.md, The relay).

mod line;

pub(crate) use line::{Line, Relayed};

use crate::limits::{Counts, Slot};
use checkout::Failure;
use payment::refusal::Refusal;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls that wait: in all, and of one business system.
const ROOM: usize = 64;
const ROOM_OF_ONE: usize = 3;
/// Who finds no room comes again after this, s.
const FULL_S: u64 = 10;
/// Nonces of one business system that are remembered: no more calls are taken.
const NONCES_MAX: usize = 2_048;

/// What a listener is given.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Given {
    /// Where he goes on from.
    pub(crate) cursor: String,
    /// Whether what his receiver answers is the delivery.
    pub(crate) delivery: bool,
    /// The word of the business system's door, by which an answer is judged.
    pub(crate) door: String,
    /// Until when the business system is relayed, ms since 1970.
    pub(crate) until_ms: Option<i64>,
    pub(crate) callbacks: Vec<Parcel>,
}

/// A callback for a listener. It holds signs: it is not for logs.
#[derive(Deserialize, Serialize)]
pub(crate) struct Parcel {
    /// What an answer to it names.
    pub(crate) number: i64,
    /// The complete address that the business system named.
    pub(crate) url: String,
    /// A body, which is posted; none: a GET.
    pub(crate) body: Option<String>,
}

/// What all listeners share.
pub(crate) struct Relay {
    /// In development alone.
    pub(crate) line: Option<Arc<Line>>,
    all: Arc<Semaphore>,
    businesses: Arc<Counts<String>>,
    nonces: Nonces,
}

/// The room of one call that waits, until this is dropped.
pub(crate) struct Room {
    _all: OwnedSemaphorePermit,
    _business: Slot<String>,
}

impl Relay {
    pub(crate) fn new(line: Option<Arc<Line>>) -> Self {
        Self {
            line,
            all: Arc::new(Semaphore::new(ROOM)),
            businesses: Counts::new(ROOM_OF_ONE),
            nonces: Nonces::default(),
        }
    }

    /// Room for a call that waits.
    pub(crate) fn enter(&self, code: &str) -> Result<Room, Failure> {
        let full = || Failure::TooMany { wait_s: FULL_S };
        let business = self.businesses.enter(code.to_owned()).ok_or_else(full)?;
        let all = Arc::clone(&self.all).try_acquire_owned();
        Ok(Room {
            _all: all.map_err(|_| full())?,
            _business: business,
        })
    }

    /// Takes a nonce that was proved, which is good once; it is remembered for as long as
    /// the call's time would be taken.
    pub(crate) fn take_nonce(
        &self,
        code: &str,
        nonce: &str,
        until_ms: i64,
        now_ms: i64,
    ) -> Result<(), Failure> {
        self.nonces.take(code, nonce, until_ms, now_ms)
    }
}

/// Nonces by business system, each with when it is forgotten, ms since 1970.
#[derive(Default)]
struct Nonces(Mutex<HashMap<String, HashMap<String, i64>>>);

impl Nonces {
    fn take(&self, code: &str, nonce: &str, until_ms: i64, now_ms: i64) -> Result<(), Failure> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, known| {
            known.retain(|_, until_ms| now_ms <= *until_ms);
            !known.is_empty()
        });
        let known = all.entry(code.to_owned()).or_default();
        if known.contains_key(nonce) {
            return Err(Refusal::malformed(
                "nonce",
                ("one that was not used before", "没有用过的"),
            )
            .into());
        }
        if known.len() >= NONCES_MAX {
            return Err(Failure::TooMany { wait_s: FULL_S });
        }
        known.insert(nonce.to_owned(), until_ms);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nonce_is_good_once_in_its_time_and_few_are_kept() {
        let nonces = Nonces::default();
        assert_eq!(nonces.take("a", "n", 10, 0), Ok(()));
        assert!(matches!(
            nonces.take("a", "n", 10, 10),
            Err(Failure::Refused(Refusal::Malformed { .. }))
        ));
        assert_eq!(nonces.take("b", "n", 10, 0), Ok(()), "another's");
        assert_eq!(nonces.take("a", "n", 20, 11), Ok(()), "its time is over");
        for number in 1..NONCES_MAX {
            assert_eq!(nonces.take("a", &number.to_string(), 20, 11), Ok(()));
        }
        let full = nonces.take("a", "more", 20, 11);
        assert_eq!(full, Err(Failure::TooMany { wait_s: FULL_S }));
        assert_eq!(nonces.take("b", "more", 20, 11), Ok(()));
        assert_eq!(nonces.take("a", "more", 40, 21), Ok(()));
    }

    #[test]
    fn one_business_system_leaves_room_for_the_others() {
        let relay = Relay::new(None);
        let rooms: Vec<_> = (0..ROOM_OF_ONE).map(|_| relay.enter("a").ok()).collect();
        assert!(rooms.iter().all(Option::is_some));
        assert!(relay.enter("a").is_err());
        assert!(relay.enter("b").is_ok());
        drop(rooms);
        assert!(relay.enter("a").is_ok());
    }
}
