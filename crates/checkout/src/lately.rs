//! What an account's calls came to in the last minutes, as this instance made them.

use crate::breaker::Outcome;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many minutes are remembered, the running one among them.
pub const MINUTES: u64 = 15;

/// Calls to a channel account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How many.
    pub count: u32,
    /// Those that were refused for certain.
    pub refused: u32,
    /// Those without an answer to believe.
    pub lost: u32,
    /// The longest that one took.
    pub slowest: Duration,
    /// How long they took together.
    took: Duration,
}

impl Calls {
    /// How long one took in the mean.
    #[must_use]
    pub fn mean(&self) -> Duration {
        self.took.checked_div(self.count).unwrap_or_default()
    }

    fn add(&mut self, other: &Self) {
        self.count += other.count;
        self.refused += other.refused;
        self.lost += other.lost;
        self.took += other.took;
        self.slowest = self.slowest.max(other.slowest);
    }
}

/// The calls of the last minutes, minute by minute.
pub(crate) struct Lately {
    begun: Instant,
    minutes: VecDeque<(u64, Calls)>,
}

impl Lately {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            begun: now,
            minutes: VecDeque::new(),
        }
    }

    fn minute(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.begun).as_secs() / 60
    }

    /// A call took so long. What was not asked of the channel is none.
    pub(crate) fn add(&mut self, outcome: Outcome, took: Duration, now: Instant) {
        if outcome == Outcome::Unasked {
            return;
        }
        let minute = self.minute(now);
        // Who comes out of turn is counted in the minute that runs.
        if self.minutes.back().is_none_or(|(last, _)| *last < minute) {
            self.minutes.push_back((minute, Calls::default()));
        }
        while self
            .minutes
            .front()
            .is_some_and(|(at, _)| at + MINUTES <= minute)
        {
            self.minutes.pop_front();
        }
        if let Some((_, calls)) = self.minutes.back_mut() {
            calls.add(&Calls {
                count: 1,
                refused: u32::from(outcome == Outcome::Refused),
                lost: u32::from(outcome == Outcome::Lost),
                slowest: took,
                took,
            });
        }
    }

    /// All of the last minutes.
    pub(crate) fn sum(&self, now: Instant) -> Calls {
        let minute = self.minute(now);
        let mut sum = Calls::default();
        for (at, calls) in &self.minutes {
            if at + MINUTES > minute {
                sum.add(calls);
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_remembered_for_so_many_minutes() {
        let begun = Instant::now();
        let at = |minute: u64| begun + Duration::from_secs(minute * 60);
        let ms = Duration::from_millis;
        let mut lately = Lately::new(begun);
        assert_eq!(lately.sum(begun), Calls::default());
        assert_eq!(lately.sum(begun).mean(), Duration::ZERO);
        lately.add(Outcome::Done, ms(100), at(0));
        lately.add(Outcome::Lost, ms(800), at(0));
        lately.add(Outcome::Unasked, ms(9_000), at(0));
        lately.add(Outcome::Refused, ms(300), at(14));
        let all = lately.sum(at(14));
        assert_eq!((all.count, all.refused, all.lost), (3, 1, 1));
        assert_eq!((all.mean(), all.slowest), (ms(400), ms(800)));
        let later = lately.sum(at(15));
        assert_eq!((later.count, later.lost, later.slowest), (1, 0, ms(300)));
        for minute in 15..100 {
            lately.add(Outcome::Done, ms(1), at(minute));
        }
        assert_eq!(lately.minutes.len(), 15);
        assert_eq!(lately.sum(at(99)).count, 15);
    }
}
