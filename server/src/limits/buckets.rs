//! Token buckets, one for each of many, in bounded memory.

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hash};
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So many buckets there are at most: who comes is given one by a keyed hash, so that
/// nobody can choose whose bucket he empties, and no number of names fills the memory.
const BUCKETS: u64 = 1 << 16;

/// How fast a bucket fills, and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Tokens a second; `0` is without limit.
    pub(crate) per_second: u32,
    /// Tokens that a full bucket holds.
    pub(crate) burst: u32,
}

impl Rate {
    fn quota(self) -> Option<Quota> {
        let per_second = NonZeroU32::new(self.per_second)?;
        let burst = NonZeroU32::new(self.burst).unwrap_or(NonZeroU32::MIN);
        Some(Quota::per_second(per_second).allow_burst(burst))
    }
}

/// How long an empty bucket needs for its next token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait(Duration);

impl Wait {
    /// For `Retry-After`: whole seconds, at least one.
    pub(crate) fn seconds(self) -> u64 {
        self.0.as_secs() + 1
    }
}

/// A bucket for each of many.
pub(crate) struct Buckets {
    limiter: Option<DefaultKeyedRateLimiter<u64>>,
    /// Who may not even try, and until when.
    blocked: Mutex<HashMap<u64, Instant>>,
    hasher: RandomState,
}

impl Buckets {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            limiter: rate.quota().map(RateLimiter::hashmap),
            blocked: Mutex::default(),
            hasher: RandomState::new(),
        }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// How long there will be none.
    pub(crate) fn charge(&self, who: &impl Hash) -> Result<(), Wait> {
        self.take(self.bucket(who))
    }

    /// Takes a token for what was found to be wrong; with the last one he is blocked.
    pub(crate) fn blame(&self, who: &impl Hash) {
        let bucket = self.bucket(who);
        if let Err(Wait(wait)) = self.take(bucket) {
            let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
            blocked.insert(bucket, Instant::now() + wait);
        }
    }

    /// Whether he is not blocked; takes nothing.
    ///
    /// # Errors
    /// How long he is.
    pub(crate) fn check(&self, who: &impl Hash) -> Result<(), Wait> {
        let bucket = self.bucket(who);
        let mut blocked = self.blocked.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = blocked.get(&bucket) else {
            return Ok(());
        };
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            blocked.remove(&bucket);
            return Ok(());
        }
        Err(Wait(left))
    }

    fn take(&self, bucket: u64) -> Result<(), Wait> {
        let Some(limiter) = &self.limiter else {
            return Ok(());
        };
        let now = governor::clock::Clock::now(limiter.clock());
        let taken = limiter.check_key(&bucket);
        taken.map_err(|until| Wait(until.wait_time_from(now)))
    }

    fn bucket(&self, who: &impl Hash) -> u64 {
        self.hasher.hash_one(who) % BUCKETS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A test may see one token more.
    const SLOW: Rate = Rate {
        per_second: 1,
        burst: 100,
    };

    #[test]
    fn a_burst_passes_and_no_more_and_others_are_not_charged() {
        let buckets = Buckets::new(SLOW);
        let passed = (0..1000).filter(|_| buckets.charge(&"a").is_ok()).count();
        assert!((100..=101).contains(&passed), "{passed}");
        assert!(buckets.charge(&"b").is_ok());
        assert_eq!(buckets.charge(&"a").map_err(Wait::seconds), Err(1));
    }

    #[test]
    fn without_a_rate_there_is_no_limit() {
        let free = Buckets::new(Rate {
            per_second: 0,
            burst: 1,
        });
        assert!((0..1000).all(|_| free.charge(&"a").is_ok()));
    }

    #[test]
    fn who_is_blamed_too_often_is_blocked_and_a_check_takes_nothing() {
        let buckets = Buckets::new(Rate {
            per_second: 1,
            burst: 3,
        });
        for _ in 0..10 {
            assert!(buckets.check(&"a").is_ok());
        }
        for _ in 0..5 {
            buckets.blame(&"a");
        }
        assert!(buckets.check(&"a").is_err());
        assert!(buckets.check(&"b").is_ok());
    }

    #[test]
    fn many_names_take_bounded_memory() {
        let buckets = Buckets::new(SLOW);
        for name in 0..200_000 {
            let _ = buckets.charge(&name);
            buckets.blame(&name);
        }
        let kept = buckets.limiter.as_ref().map(RateLimiter::len);
        assert!(kept.is_some_and(|kept| kept <= 1 << 16), "{kept:?}");
        assert!(buckets.blocked.lock().unwrap().len() <= 1 << 16);
    }
}
