//! Faults drawn at random, from a seed: what a bad day looks like.

use crate::fault::{Fault, Kind, On, PendingReason};
use fastrand::Rng;
use serde::Deserialize;

/// What can happen to a call. A merchant's server must take all of them for
/// "unknown".
const OF_CALLS: [Kind; 9] = [
    Kind::Lost,
    Kind::Busy,
    Kind::Drop,
    Kind::Delay,
    Kind::Error,
    Kind::BadSignature,
    Kind::Unsigned502,
    Kind::Corrupt,
    Kind::TokenExpired,
];
/// What can happen to a notify.
const OF_NOTIFIES: [Kind; 7] = [
    Kind::Never,
    Kind::Drop,
    Kind::Delay,
    Kind::Duplicate,
    Kind::Reorder,
    Kind::BadSignature,
    Kind::Corrupt,
];
/// What becomes of money beside: a refund waits for its bank or for a person, or comes
/// to nothing.
const OF_REFUNDS: [Kind; 3] = [Kind::Pending, Kind::Abnormal, Kind::RefundFails];
/// Why a capture is held back, of the reasons that there are.
const REASONS: [PendingReason; 3] = [
    PendingReason::Echeck,
    PendingReason::PendingReview,
    PendingReason::ReceivingPreferenceMandatesManualAction,
];
/// So many fen more are asked where a sum is changed.
const MORE_FEN: std::ops::Range<u64> = 1..10;
const SHORT_MS: std::ops::Range<u64> = 50..3_000;
/// Longer than any merchant's server waits.
const LONG_MS: std::ops::Range<u64> = 9_000..12_000;
/// One delay in so many is a long one.
const LONG_ONE_IN: u32 = 8;

/// How much chaos, as the control interface takes it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Wish {
    #[serde(default)]
    seed: u64,
    percent: u32,
    /// Of a hundred captures, refunds and orders at Apay so many are held back, fail
    /// later, or are made with another sum: nothing of the wire, and worse.
    #[serde(default)]
    odd: u32,
}

/// A source of faults.
#[derive(Clone, Debug)]
pub(crate) struct Chaos {
    rng: Rng,
    percent: u32,
    odd: u32,
}

impl Chaos {
    /// Nothing where no call is to fail.
    pub(crate) fn of(wish: Wish) -> Option<Self> {
        (wish.percent > 0).then(|| Self {
            rng: Rng::with_seed(wish.seed),
            percent: wish.percent,
            odd: wish.odd,
        })
    }

    /// What goes wrong with this call or notify, if anything does.
    pub(crate) fn draw(&mut self, on: On) -> Option<Fault> {
        if self.rng.u32(0..100) < self.odd
            && let Some(fault) = self.draw_odd(on)
        {
            return Some(fault);
        }
        if on == On::Oauth || self.rng.u32(0..100) >= self.percent {
            return None;
        }
        let kinds: &[Kind] = match on {
            On::Notify => &OF_NOTIFIES,
            _ => &OF_CALLS,
        };
        let kind = kinds[self.rng.usize(0..kinds.len())];
        let ms = self.draw_ms();
        Some(Fault::once(on, kind, ms))
    }

    fn draw_odd(&mut self, on: On) -> Option<Fault> {
        match on {
            On::Create => Some(Fault::once(on, Kind::MoreAmount, self.rng.u64(MORE_FEN))),
            On::Capture => Some(Fault {
                reason: REASONS[self.rng.usize(0..REASONS.len())],
                ..Fault::once(on, Kind::Pending, 0)
            }),
            On::Refund => {
                let kind = OF_REFUNDS[self.rng.usize(0..OF_REFUNDS.len())];
                let ms = self.draw_ms();
                Some(Fault::once(on, kind, ms))
            }
            On::Query | On::Close | On::Notify | On::Oauth | On::Any => None,
        }
    }

    fn draw_ms(&mut self) -> u64 {
        let long = self.rng.u32(0..LONG_ONE_IN) == 0;
        self.rng.u64(if long { LONG_MS } else { SHORT_MS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(seed: u64, percent: u32, odd: u32) -> Option<Chaos> {
        Chaos::of(Wish { seed, percent, odd })
    }

    fn drawn(seed: u64, percent: u32) -> Vec<Option<Kind>> {
        let mut chaos = of(seed, percent, 0).unwrap();
        let draw = |_| chaos.draw(On::Query).map(|fault| fault.kind);
        (0..400).map(draw).collect()
    }

    #[test]
    fn a_seed_repeats_its_faults() {
        assert_eq!(drawn(7, 30), drawn(7, 30));
        assert_ne!(drawn(7, 30), drawn(8, 30));
    }

    #[test]
    fn every_kind_is_drawn_and_about_as_many_as_are_wished() {
        let drawn = drawn(7, 30);
        for kind in OF_CALLS {
            assert!(drawn.contains(&Some(kind)), "{kind:?}");
        }
        let faults = drawn.iter().flatten().count();
        assert!((80..160).contains(&faults), "{faults}");
    }

    #[test]
    fn without_a_share_there_is_no_chaos() {
        let none = serde_json::from_str(r#"{"percent": 0}"#).unwrap();
        assert!(Chaos::of(none).is_none());
        assert!(of(1, 0, 0).is_none());
    }

    #[test]
    fn money_is_held_back_fails_later_and_changes_where_that_is_wished() {
        let mut chaos = of(7, 30, 30).unwrap();
        let mut draw = |on| -> Vec<_> {
            let drawn = (0..400).filter_map(|_| chaos.draw(on));
            drawn.map(|fault| fault.kind).collect()
        };
        assert!(draw(On::Create).contains(&Kind::MoreAmount));
        assert!(draw(On::Capture).contains(&Kind::Pending));
        let of_refunds = draw(On::Refund);
        for kind in OF_REFUNDS {
            assert!(of_refunds.contains(&kind), "{kind:?}");
        }
        assert!(!draw(On::Query).contains(&Kind::Pending));
    }
}
