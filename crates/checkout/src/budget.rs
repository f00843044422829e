//! How often the channels are asked: what an account grants is divided among those who
//! ask, the more urgent first (docs/reference/orders.md, Who asks, and how often).

use metrics::Counter;
use payment::channel::Channel;
use payment::ports::{Gateway, QueryRate};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// This part of what an account grants is kept for the ends of attempts.
const FOR_ENDS: f64 = 0.2;
/// What comes too late is told of each account once in this time, ms.
const TELL_EACH_MS: f64 = 60_000.0;
/// Nobody is put off for longer, ms.
pub(crate) const STRETCH_MAX_MS: f64 = 600_000.0;

/// Who asks a channel how an order stands, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    /// A refund whose outcome is unknown.
    Refund,
    /// A page that woke or came back, and whose payer looks at it.
    Page,
    /// An attempt at its end.
    End,
    /// An attempt's schedule.
    Timer,
}

/// Questions that an account does not grant, by channel and asker.
pub const PUT_OFF: &str = "tongfu_queries_put_off_total";

/// How many were put off.
pub(crate) fn counter(channel: Channel, asker: Asker) -> Counter {
    metrics::counter!(PUT_OFF, "channel" => channel.code(), "asker" => asker.word())
}

impl Asker {
    /// Everybody who asks.
    pub(crate) const ALL: [Self; 4] = [Self::Refund, Self::Page, Self::End, Self::Timer];

    /// Which part of a full bucket is left to those who are more urgent.
    fn leaves(self) -> f64 {
        match self {
            Self::Refund => 0.0,
            Self::Page => 0.125,
            Self::End => 0.25,
            Self::Timer => 0.5,
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Refund => "refund",
            Self::Page => "page",
            Self::End => "end",
            Self::Timer => "timer",
        }
    }
}

/// What all accounts grant this instance.
pub(crate) struct Budget {
    accounts: Mutex<HashMap<(Channel, String), Bucket>>,
    /// Instances that share them.
    instances: f64,
}

/// Not now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PutOff {
    /// In how many ms it may be asked.
    pub(crate) after_ms: i64,
    /// Whether that is too late to be left alone, and was not told a moment ago.
    pub(crate) too_late: bool,
}

/// What one account grants, as it is left.
struct Bucket {
    for_all: f64,
    for_ends: f64,
    filled_ms: f64,
    /// When the next ones that were put off may ask, ends and timers; ms since 1970.
    next_ms: [f64; 2],
    /// When it was last told that somebody comes too late.
    told_ms: f64,
}

impl Budget {
    pub(crate) fn new(instances: u32) -> Self {
        Self {
            accounts: Mutex::default(),
            instances: f64::from(instances.max(1)),
        }
    }

    /// Takes the right to ask an account once, now.
    ///
    /// # Errors
    /// When it may be asked.
    pub(crate) fn take(
        &self,
        gateway: &dyn Gateway,
        asker: Asker,
        now_ms: i64,
    ) -> Result<(), PutOff> {
        let rate = gateway.terms().queries;
        let taken = self.of(gateway, now_ms, |bucket, share| bucket.take(asker, share));
        if rate.per_second == 0 || taken.is_ok() {
            return Ok(());
        }
        counter(gateway.channel(), asker).increment(1);
        taken
    }

    /// Charges for a question that is asked whatever is left: the second one of an end, an
    /// operator's, a business system's that closes a request. So many that nothing is left
    /// are owed for no longer than a burst takes to fill: refunds and pages wait behind them.
    pub(crate) fn charge(&self, gateway: &dyn Gateway, now_ms: i64) {
        self.of(gateway, now_ms, |bucket, share| {
            bucket.for_all = (bucket.for_all - 1.0).max(-share.burst);
        });
    }

    fn of<T>(
        &self,
        gateway: &dyn Gateway,
        now_ms: i64,
        work: impl FnOnce(&mut Bucket, Share) -> T,
    ) -> T {
        let share = Share::of(gateway.terms().queries, self.instances);
        let name = (gateway.channel(), gateway.account().to_owned());
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = accounts.entry(name).or_insert_with(|| Bucket::full(share));
        bucket.fill(share, now_ms as f64);
        work(bucket, share)
    }
}

/// What this instance has of an account's rate.
#[derive(Clone, Copy)]
struct Share {
    per_second: f64,
    burst: f64,
}

impl Share {
    fn of(rate: QueryRate, instances: f64) -> Self {
        Self {
            per_second: f64::from(rate.per_second.max(1)) / instances,
            burst: f64::from(rate.burst.max(1)) / instances,
        }
    }

    /// However little an account grants, everybody's turn comes.
    fn holds_for_all(self) -> f64 {
        (self.burst * (1.0 - FOR_ENDS)).max(1.0)
    }

    fn holds_for_ends(self) -> f64 {
        (self.burst * FOR_ENDS).max(1.0)
    }
}

impl Bucket {
    fn full(share: Share) -> Self {
        Self {
            for_all: share.holds_for_all(),
            for_ends: share.holds_for_ends(),
            filled_ms: 0.0,
            next_ms: [0.0; 2],
            told_ms: f64::MIN,
        }
    }

    fn fill(&mut self, share: Share, now_ms: f64) {
        if now_ms < self.filled_ms {
            // The clock was set back: nobody waits until it is where it was.
            self.next_ms = [now_ms; 2];
        }
        let passed_s = (now_ms - self.filled_ms).max(0.0) / 1e3;
        self.filled_ms = now_ms;
        let filled =
            |had: f64, part: f64, holds: f64| (had + passed_s * share.per_second * part).min(holds);
        self.for_all = filled(self.for_all, 1.0 - FOR_ENDS, share.holds_for_all());
        self.for_ends = filled(self.for_ends, FOR_ENDS, share.holds_for_ends());
    }

    fn take(&mut self, asker: Asker, share: Share) -> Result<(), PutOff> {
        if asker == Asker::End && self.for_ends >= 1.0 {
            self.for_ends -= 1.0;
            return Ok(());
        }
        let needed = 1.0 + asker.leaves() * (share.holds_for_all() - 1.0);
        if self.for_all >= needed {
            self.for_all -= 1.0;
            return Ok(());
        }
        Err(self.put_off(asker, share, needed))
    }

    /// Those who were put off come one after the other, as fast as the account grants.
    fn put_off(&mut self, asker: Asker, share: Share, needed: f64) -> PutOff {
        let lacks_ms = (needed - self.for_all) / share.per_second * 1e3;
        let (index, part) = match asker {
            // Both come again by themselves: a refund's lease ends, and a page polls.
            Asker::Refund | Asker::Page => return PutOff::of(lacks_ms),
            Asker::End => (0, FOR_ENDS),
            Asker::Timer => (1, 1.0 - FOR_ENDS),
        };
        let turn_ms = self.next_ms[index].max(self.filled_ms + lacks_ms);
        let mut put_off = PutOff::of(turn_ms - self.filled_ms);
        if !put_off.too_late {
            self.next_ms[index] = turn_ms + 1e3 / (share.per_second * part);
        } else if (self.filled_ms - self.told_ms).abs() < TELL_EACH_MS {
            put_off.too_late = false;
        } else {
            self.told_ms = self.filled_ms;
        }
        put_off
    }
}

impl PutOff {
    fn of(after_ms: f64) -> Self {
        Self {
            after_ms: after_ms.min(STRETCH_MAX_MS).ceil() as i64,
            too_late: after_ms > STRETCH_MAX_MS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHARE: Share = Share {
        per_second: 20.0,
        burst: 40.0,
    };

    /// How many may ask at once.
    fn at_once(bucket: &mut Bucket, asker: Asker) -> usize {
        (0..1_000)
            .take_while(|_| bucket.take(asker, SHARE).is_ok())
            .count()
    }

    #[test]
    fn the_more_urgent_find_what_the_others_left() {
        let mut bucket = Bucket::full(SHARE);
        assert_eq!(at_once(&mut bucket, Asker::Timer), 16);
        // A fifth is theirs alone, and some of the rest too.
        assert_eq!(at_once(&mut bucket, Asker::End), 8 + 8);
        assert_eq!(at_once(&mut bucket, Asker::Page), 4);
        assert_eq!(at_once(&mut bucket, Asker::Refund), 4);
        assert_eq!(at_once(&mut bucket, Asker::Refund), 0);
    }

    #[test]
    fn no_more_are_asked_than_the_account_grants() {
        let mut bucket = Bucket::full(SHARE);
        let mut asked = 0;
        bucket.fill(SHARE, 0.0);
        for round in 1..=100 {
            bucket.fill(SHARE, f64::from(round) * 100.0);
            for asker in [Asker::Timer, Asker::End, Asker::Page, Asker::Refund] {
                asked += at_once(&mut bucket, asker);
            }
        }
        // What it held at first, and ten seconds.
        assert!((230..=240).contains(&asked), "{asked}");
    }

    #[test]
    fn who_is_put_off_comes_in_his_turn() {
        let mut bucket = Bucket::full(SHARE);
        at_once(&mut bucket, Asker::Timer);
        let turns: Vec<i64> = (0..32)
            .filter_map(|_| bucket.take(Asker::Timer, SHARE).err())
            .map(|put_off| put_off.after_ms)
            .collect();
        assert!(turns.is_sorted() && turns[0] > 0);
        // Sixteen timers a second.
        let all_ms = turns[31] - turns[0];
        assert!((1_930..1_945).contains(&all_ms), "{all_ms}");
    }

    #[test]
    fn nobody_is_put_off_for_ever_and_too_late_is_told() {
        let mut bucket = Bucket::full(SHARE);
        let put_off = (0..100_000).filter_map(|_| bucket.take(Asker::Timer, SHARE).err());
        let put_off: Vec<PutOff> = put_off.collect();
        assert_eq!(put_off.last().unwrap().after_ms, 600_000);
        // Once, and not for each.
        assert_eq!(put_off.iter().filter(|put_off| put_off.too_late).count(), 1);
    }

    #[test]
    fn an_account_that_grants_little_is_asked_all_the_same() {
        let share = Share::of(
            QueryRate {
                per_second: 1,
                burst: 1,
            },
            4.0,
        );
        let mut bucket = Bucket::full(share);
        bucket.fill(share, 0.0);
        assert!(bucket.take(Asker::Timer, share).is_ok());
        assert!(bucket.take(Asker::Timer, share).is_err());
        bucket.fill(share, 5_000.0);
        assert!(bucket.take(Asker::Timer, share).is_ok());
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nobody() {
        let mut bucket = Bucket::full(SHARE);
        bucket.fill(SHARE, 9e9);
        while bucket.take(Asker::Timer, SHARE).is_ok() {}
        bucket.fill(SHARE, 1e9);
        let put_off = bucket.take(Asker::Timer, SHARE).unwrap_err();
        assert!(put_off.after_ms < 1_000, "{put_off:?}");
        bucket.fill(SHARE, 1e9 + 1e3);
        assert!(bucket.take(Asker::Timer, SHARE).is_ok());
    }
}
