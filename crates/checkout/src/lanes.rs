//! Callbacks to one receiver share a lane of so many at once: a receiver that is
//! slow fills its own lane, and no other (docs/reference/orders.md, Callbacks).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Callbacks that are under way to one receiver at once.
const LANE: usize = 16;

type Counts = Arc<Mutex<HashMap<String, usize>>>;

/// How many callbacks are under way to each receiver.
#[derive(Default)]
pub(crate) struct Lanes(Counts);

/// One callback's place in a lane; free again when it goes away.
pub(crate) struct Slot {
    receiver: String,
    lanes: Counts,
}

impl Lanes {
    /// Receivers whose lane is full.
    pub(crate) fn full(&self) -> Vec<String> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let full = counts.iter().filter(|(_, count)| **count >= LANE);
        full.map(|(receiver, _)| receiver.clone()).collect()
    }

    /// A place in this receiver's lane, where it has one left.
    pub(crate) fn enter(&self, receiver: &str) -> Option<Slot> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(receiver.to_owned()).or_default();
        if *count >= LANE {
            return None;
        }
        *count += 1;
        Some(Slot {
            receiver: receiver.to_owned(),
            lanes: Arc::clone(&self.0),
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut counts = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(&self.receiver) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.receiver);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_lane_is_told_and_no_other_is_touched() {
        let lanes = Lanes::default();
        let mut places: Vec<_> = (0..LANE).map(|_| lanes.enter("slow")).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(lanes.enter("slow").is_none());
        assert_eq!(lanes.full(), ["slow"]);
        let other = lanes.enter("fast");
        assert!(other.is_some());
        places.pop();
        assert!(lanes.full().is_empty());
        assert!(lanes.enter("slow").is_some());
    }

    #[test]
    fn an_empty_lane_is_forgotten() {
        let lanes = Lanes::default();
        drop(lanes.enter("a"));
        assert!(lanes.0.lock().unwrap().is_empty());
    }
}
