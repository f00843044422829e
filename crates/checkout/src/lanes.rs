//! Callbacks to one receiver share a lane of so many at once: a receiver that is
//! slow fills its own lane, and no other (docs/reference/orders.md, Callbacks).

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Callbacks that are under way to one receiver at once.
const LANE: usize = 16;
/// Callbacks of one receiver that one round may take.
pub(crate) const ROUND: usize = 64;
/// With so many taken and not done, no more of this receiver are; a round that began
/// before still finds room.
const FULL: usize = LANE + ROUND;
const ROOM: usize = FULL + ROUND;
/// Callbacks that are taken and not done, of all receivers.
const TAKEN: usize = 1_024;

/// The lanes, by receiver.
#[derive(Default)]
pub(crate) struct Lanes(Arc<Shared>);

/// How a receiver's lane stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Whose it is.
    pub receiver: String,
    /// Callbacks that are under way to it.
    pub sending: usize,
    /// Callbacks that were taken and wait for their turn.
    pub waiting: usize,
    /// No more are taken until some are done.
    pub is_full: bool,
}

#[derive(Default)]
struct Shared {
    lanes: Mutex<HashMap<String, Queue>>,
    /// Rings where a lane that was full takes more.
    room: Notify,
}

struct Queue {
    /// Callbacks that were taken and are not done.
    taken: usize,
    turns: Arc<Semaphore>,
}

/// One callback's place before its lane; free again when it goes away.
pub(crate) struct Slot {
    receiver: String,
    turns: Arc<Semaphore>,
    shared: Arc<Shared>,
}

impl Lanes {
    /// Receivers of whom no more are to be taken now.
    pub(crate) fn full(&self) -> Vec<String> {
        let lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        // Many that hang leave room for those that don't.
        let taken: usize = lanes.values().map(|lane| lane.taken).sum();
        let limit = if taken < TAKEN / 2 { FULL } else { LANE };
        let full = lanes.iter().filter(|(_, lane)| lane.taken >= limit);
        full.map(|(receiver, _)| receiver.clone()).collect()
    }

    /// How many callbacks a round may take.
    pub(crate) fn round(&self) -> usize {
        let lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let taken: usize = lanes.values().map(|lane| lane.taken).sum();
        TAKEN.saturating_sub(taken).min(ROUND)
    }

    /// The lanes that callbacks are in, by receiver.
    pub(crate) fn all(&self) -> Vec<Lane> {
        let lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = |(receiver, queue): (&String, &Queue)| Lane {
            receiver: receiver.clone(),
            sending: queue.taken.min(LANE),
            waiting: queue.taken.saturating_sub(LANE),
            is_full: queue.taken >= FULL,
        };
        let mut all: Vec<_> = lanes.iter().map(lane).collect();
        all.sort_by_key(|lane| (Reverse(lane.waiting), lane.receiver.clone()));
        all
    }

    /// A place before this receiver's lane, where there is one left.
    pub(crate) fn enter(&self, receiver: &str) -> Option<Slot> {
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = lanes.entry(receiver.to_owned()).or_insert_with(|| Queue {
            taken: 0,
            turns: Arc::new(Semaphore::new(LANE)),
        });
        if lane.taken >= ROOM {
            return None;
        }
        lane.taken += 1;
        Some(Slot {
            receiver: receiver.to_owned(),
            turns: Arc::clone(&lane.turns),
            shared: Arc::clone(&self.0),
        })
    }

    /// Waits until a lane that was full takes more.
    pub(crate) async fn room(&self) {
        self.0.room.notified().await;
    }
}

impl Slot {
    /// Its turn, where it need not wait for it.
    pub(crate) fn free_turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).try_acquire_owned().ok()
    }

    /// Its turn in the lane, as long as what is given lives; none where lanes are gone.
    pub(crate) async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.turns).acquire_owned().await.ok()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let lanes = self.shared.lanes.lock();
        let mut lanes = lanes.unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get_mut(&self.receiver) {
            lane.taken -= 1;
            if lane.taken == LANE {
                self.shared.room.notify_one();
            }
            if lane.taken == 0 {
                lanes.remove(&self.receiver);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_receivers_share_what_is_under_way() {
        let lanes = Lanes::default();
        let enter = |at: usize| lanes.enter(&format!("shop {at}"));
        let mut places: Vec<_> = (0..TAKEN - 1).map(enter).collect();
        assert_eq!(lanes.round(), 1);
        // Who fills his lane takes no more than that now.
        assert!(lanes.full().is_empty());
        let hung: Vec<_> = (0..LANE).map(|_| lanes.enter("hung")).collect();
        assert_eq!(lanes.full(), ["hung"]);
        assert_eq!(lanes.round(), 0);
        drop(hung);
        places.truncate(TAKEN / 2);
        assert_eq!(lanes.round(), ROUND);
    }

    #[test]
    fn a_full_lane_is_told_and_no_other_is_touched() {
        let lanes = Lanes::default();
        let mut places: Vec<_> = (0..FULL).map(|_| lanes.enter("slow")).collect();
        assert!(places.iter().all(Option::is_some));
        assert_eq!(lanes.full(), ["slow"]);
        let slow = lanes.all().remove(0);
        assert_eq!((slow.sending, slow.waiting), (LANE, ROUND));
        assert!(slow.is_full);
        // A round that is under way finds room; no more than that.
        places.extend((0..ROUND).map(|_| lanes.enter("slow")));
        assert!(places.iter().all(Option::is_some));
        assert!(lanes.enter("slow").is_none());
        let other = lanes.enter("fast");
        assert!(other.is_some());
        let all = lanes.all();
        assert_eq!((all.len(), all[1].receiver.as_str()), (2, "fast"));
        assert_eq!((all[1].sending, all[1].waiting), (1, 0));
        assert!(!all[1].is_full);
        places.truncate(FULL - 1);
        assert!(lanes.full().is_empty());
        assert!(lanes.enter("slow").is_some());
    }

    #[tokio::test]
    async fn so_many_are_under_way_at_once_and_the_next_one_waits() {
        let lanes = Lanes::default();
        let places: Vec<_> = (0..=LANE).filter_map(|_| lanes.enter("a")).collect();
        let mut turns = Vec::new();
        for place in &places[..LANE] {
            turns.push(place.turn().await);
        }
        let waits = places[LANE].turn();
        tokio::pin!(waits);
        let now = std::future::poll_fn(|context| {
            std::task::Poll::Ready(waits.as_mut().poll(context).is_ready())
        });
        assert!(!now.await);
        turns.pop();
        assert!(waits.await.is_some());
    }

    #[tokio::test]
    async fn a_lane_that_drains_asks_for_more() {
        let lanes = Lanes::default();
        let places: Vec<_> = (0..FULL).filter_map(|_| lanes.enter("a")).collect();
        drop(places);
        lanes.room().await;
    }

    #[test]
    fn an_empty_lane_is_forgotten() {
        let lanes = Lanes::default();
        drop(lanes.enter("a"));
        assert!(lanes.0.lanes.lock().unwrap().is_empty());
    }
}
