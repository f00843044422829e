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
const SHORT_MS: std::ops::Range<u64> = 50..3_000;
/// Longer than any merchant's server waits.
const LONG_MS: std::ops::Range<u64> = 9_000..12_000;
/// One delay in so many is a long one.
const LONG_ONE_IN: u32 = 8;

/// How much chaos, as the control interface takes it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Wish {
    seed: u64,
    percent: u32,
}

/// A source of faults.
#[derive(Clone, Debug)]
pub(crate) struct Chaos {
    rng: Rng,
    percent: u32,
}

impl Chaos {
    /// Nothing where no call is to fail.
    pub(crate) fn of(wish: Wish) -> Option<Self> {
        (wish.percent > 0).then(|| Self {
            rng: Rng::with_seed(wish.seed),
            percent: wish.percent,
        })
    }

    /// What goes wrong with this call or notify, if anything does.
    pub(crate) fn draw(&mut self, on: On) -> Option<Fault> {
        if on == On::Oauth || self.rng.u32(0..100) >= self.percent {
            return None;
        }
        let kinds: &[Kind] = match on {
            On::Notify => &OF_NOTIFIES,
            _ => &OF_CALLS,
        };
        let kind = kinds[self.rng.usize(0..kinds.len())];
        let long = self.rng.u32(0..LONG_ONE_IN) == 0;
        let ms = self.rng.u64(if long { LONG_MS } else { SHORT_MS });
        Some(Fault {
            on,
            kind,
            ms,
            times: 1,
            reason: PendingReason::default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(seed: u64, percent: u32) -> Vec<Option<Kind>> {
        let mut chaos = Chaos::of(Wish { seed, percent }).unwrap();
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
        assert!(
            Chaos::of(Wish {
                seed: 1,
                percent: 0
            })
            .is_none()
        );
    }
}
