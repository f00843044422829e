//! One call at a time about an order, however many pages watch it or payers wait for it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// No order is asked about more often than this while pages watch it, ms.
pub(crate) const WATCHED_QUERY_GAP_MS: i64 = 1_800;
/// Those asked long ago are forgotten when there are this many.
const CLEAR_AT: usize = 1_024;

#[derive(Clone, Copy)]
struct Asked {
    at_ms: i64,
    under_way: bool,
}

type Orders = Arc<Mutex<Remembered>>;

#[derive(Default)]
struct Remembered {
    orders: HashMap<String, Asked>,
    clear_at: usize,
}

/// When each order was last called about, and whether that goes on.
pub(crate) struct Flights {
    orders: Orders,
    gap_ms: i64,
}

/// A call that is under way; it ends when this goes away.
pub(crate) struct Flight {
    order_sn: String,
    orders: Orders,
}

impl Flights {
    /// Calls about the same order begin this far apart, ms.
    pub(crate) fn apart(gap_ms: i64) -> Self {
        Self {
            orders: Orders::default(),
            gap_ms,
        }
    }

    /// The right to call about this order now, where nobody does and nobody has just
    /// begun to.
    pub(crate) fn take_off(&self, order_sn: &str, now_ms: i64) -> Option<Flight> {
        let mut remembered = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back stops no question.
        let is_recent =
            |asked: &Asked| asked.under_way || (0..self.gap_ms).contains(&(now_ms - asked.at_ms));
        if remembered.orders.get(order_sn).is_some_and(is_recent) {
            return None;
        }
        if remembered.orders.len() >= remembered.clear_at.max(CLEAR_AT) {
            remembered.orders.retain(|_, asked| is_recent(asked));
            remembered.clear_at = 2 * remembered.orders.len();
        }
        let asked = Asked {
            at_ms: now_ms,
            under_way: true,
        };
        remembered.orders.insert(order_sn.to_owned(), asked);
        Some(Flight {
            order_sn: order_sn.to_owned(),
            orders: Arc::clone(&self.orders),
        })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut remembered = self.orders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(asked) = remembered.orders.get_mut(&self.order_sn) {
            asked.under_way = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_asked_about_once_in_two_seconds() {
        let flights = Flights::apart(WATCHED_QUERY_GAP_MS);
        assert!(flights.take_off("a", 0).is_some());
        assert!(flights.take_off("a", 1_799).is_none());
        assert!(flights.take_off("b", 1_799).is_some());
        assert!(flights.take_off("a", 1_800).is_some());
    }

    #[test]
    fn nobody_asks_while_a_slow_question_is_under_way() {
        let flights = Flights::apart(WATCHED_QUERY_GAP_MS);
        let slow = flights.take_off("a", 0);
        assert!(flights.take_off("a", 60_000).is_none());
        drop(slow);
        assert!(flights.take_off("a", 60_000).is_some());
    }
}
