//! What is counted where it happens (docs/operating.md, To look).

use crate::alarm::{self, Alarm};
use crate::budget::{self, Asker};
use metrics::{Counter, counter};
use payment::channel::Channel;
use payment::order::Attempt;
use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError, RwLock};

/// Attempts, by channel and by what became of them.
pub const ATTEMPTS: &str = "tongfu_attempts_total";
/// Answers to business systems, by door and errcode.
pub const ANSWERS: &str = "tongfu_answers_total";
/// How long after it was written a callback is taken, seconds.
pub const CALLBACKS: &str = "tongfu_callback_seconds";
/// How far our clock is ahead of the database's, seconds.
pub const CLOCK: &str = "tongfu_clock_ahead_seconds";
/// What a clock had put too far ahead, and was made due.
pub const HASTENED: &str = "tongfu_timers_hastened_total";

/// An attempt began.
pub(crate) fn begun(channel: Channel) {
    attempt(channel, BEGUN).increment(1);
}

/// Its channel did not say whether it took the order.
pub(crate) fn unanswered(channel: Channel) {
    attempt(channel, UNANSWERED).increment(1);
}

/// It went on to this state.
pub(crate) fn went(channel: Channel, state: Attempt) {
    if let Some(outcome) = outcome(state) {
        attempt(channel, outcome).increment(1);
    }
}

const BEGUN: &str = "begun";
const UNANSWERED: &str = "unanswered";

/// The word that the metrics have for a state; none for those between.
fn outcome(state: Attempt) -> Option<&'static str> {
    match state {
        Attempt::Creating | Attempt::Open => None,
        Attempt::Declined => Some("declined"),
        Attempt::Closed => Some("closed"),
        Attempt::Held => Some("held"),
        Attempt::Paid => Some("paid"),
        Attempt::Duplicate => Some("duplicate"),
        Attempt::PaidAfterClose => Some("late"),
    }
}

fn attempt(channel: Channel, outcome: &'static str) -> Counter {
    counter!(ATTEMPTS, "channel" => channel.code(), "outcome" => outcome)
}

/// An answer to a business system: by which door, and its errcode, one of the published.
pub fn answered(door: &str, errcode: &str) {
    static ALL: Counters = Counters::new(ANSWERS, ["door", "errcode"]);
    ALL.count(door, errcode);
}

/// Counters of one name by two labels, of few values each: what is raised with every request
/// is looked for in the recorder once.
pub struct Counters {
    name: &'static str,
    labels: [&'static str; 2],
    known: LazyLock<RwLock<Known>>,
}

/// By the first label's value, and then by the second's.
type Known = HashMap<String, HashMap<String, Counter>>;

impl Counters {
    /// None yet; the recorder of metrics is installed before the first one is raised.
    #[must_use]
    pub const fn new(name: &'static str, labels: [&'static str; 2]) -> Self {
        let known = LazyLock::new(RwLock::default as fn() -> RwLock<Known>);
        Self {
            name,
            labels,
            known,
        }
    }

    /// Raises the one of these values by one.
    pub fn count(&self, first: &str, second: &str) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = known.get(first).and_then(|some| some.get(second)) {
            return counter.increment(1);
        }
        drop(known);
        let [one, other] = self.labels;
        let counter = counter!(self.name, one => first.to_owned(), other => second.to_owned());
        counter.increment(1);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let some = known.entry(first.to_owned()).or_default();
        some.insert(second.to_owned(), counter);
    }
}

/// Lets what is rare read 0, and not nothing, before it first happens; once the recorder of
/// metrics is installed.
pub fn count_from_zero() {
    for alarm in Alarm::ALL {
        alarm::counter(alarm).absolute(0);
    }
    counter!(HASTENED).absolute(0);
    for channel in Channel::ALL {
        let outcomes = Attempt::ALL.into_iter().filter_map(outcome);
        for outcome in outcomes.chain([BEGUN, UNANSWERED]) {
            attempt(channel, outcome).absolute(0);
        }
        for asker in Asker::ALL {
            budget::counter(channel, asker).absolute(0);
        }
    }
}
