//! Keeps many pages that poll one order from asking the channel all at once.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// No order is asked about more often than this while pages watch it, ms.
const WATCHED_QUERY_GAP_MS: i64 = 1_800;
/// Past this many orders, those asked long ago are forgotten.
const REMEMBERED_MAX: usize = 10_000;

/// When each watched order was last asked about.
#[derive(Default)]
pub(crate) struct Flights {
    last_ms: Mutex<HashMap<String, i64>>,
}

impl Flights {
    /// Whether the caller may ask about this order now; it then counts as asked.
    pub(crate) fn take_off(&self, order_sn: &str, now_ms: i64) -> bool {
        let mut last_ms = self.last_ms.lock().unwrap_or_else(PoisonError::into_inner);
        if last_ms.len() > REMEMBERED_MAX {
            last_ms.retain(|_, at_ms| now_ms - *at_ms < WATCHED_QUERY_GAP_MS);
        }
        match last_ms.get(order_sn) {
            Some(at_ms) if now_ms - at_ms < WATCHED_QUERY_GAP_MS => false,
            _ => {
                last_ms.insert(order_sn.to_owned(), now_ms);
                true
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_asked_about_once_in_two_seconds() {
        let flights = Flights::default();
        assert!(flights.take_off("a", 0));
        assert!(!flights.take_off("a", 1_799));
        assert!(flights.take_off("b", 1_799));
        assert!(flights.take_off("a", 1_800));
    }
}
