//! Alarms: each is counted and logged at error; what is at risk is on the operator's
//! list besides.

use metrics::Counter;
use std::sync::atomic::{AtomicU64, Ordering};

/// What needs a person's eye.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alarm {
    /// A request was paid twice.
    Duplicate,
    /// Money came for a closed request.
    Late,
    /// Verified money, or a refund, that fits none of our orders.
    Mismatch,
    /// A channel contradicts what it said before.
    Contradiction,
    /// A refund failed, or the channel can't do it.
    Refund,
    /// A callback that nobody took.
    Callback,
    /// A business system takes no callbacks for a while.
    Untaken,
    /// Money went back without a refund of ours.
    TakenBack,
    /// A business system gives back much more than it usually does, or all that it may.
    RefundSpeed,
    /// A sign that could fit another sum too.
    Recut,
    /// A channel grants too few questions for what is open.
    Queries,
    /// A channel account does not answer.
    Channel,
    /// A key of ours does not open what a channel sent.
    Sealed,
}

impl Alarm {
    pub(crate) const ALL: [Self; 13] = [
        Self::Duplicate,
        Self::Late,
        Self::Mismatch,
        Self::Contradiction,
        Self::Refund,
        Self::Callback,
        Self::Untaken,
        Self::TakenBack,
        Self::RefundSpeed,
        Self::Recut,
        Self::Queries,
        Self::Channel,
        Self::Sealed,
    ];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Mismatch => "mismatch",
            Self::Contradiction => "contradiction",
            Self::Refund => "refund",
            Self::Callback => "callback",
            Self::Untaken => "untaken",
            Self::TakenBack => "takenback",
            Self::RefundSpeed => "refundspeed",
            Self::Recut => "recut",
            Self::Queries => "queries",
            Self::Channel => "channel",
            Self::Sealed => "sealed",
        }
    }
}

/// How often each was raised in this process, in the order of [`Alarm::ALL`].
static RAISED: [AtomicU64; Alarm::ALL.len()] = [const { AtomicU64::new(0) }; Alarm::ALL.len()];

/// Alarms, by kind.
pub const ALARMS: &str = "tongfu_alarms_total";

pub(crate) fn counter(alarm: Alarm) -> Counter {
    metrics::counter!(ALARMS, "kind" => alarm.word())
}

pub(crate) fn count(alarm: Alarm) {
    counter(alarm).increment(1);
    RAISED[alarm as usize].fetch_add(1, Ordering::Relaxed);
}

/// How often alarms of each kind were raised since this process began.
#[must_use]
pub fn alarms_raised() -> Vec<(&'static str, u64)> {
    let all = Alarm::ALL.into_iter().zip(&RAISED);
    all.map(|(alarm, raised)| (alarm.word(), raised.load(Ordering::Relaxed)))
        .collect()
}

/// Counts an alarm, `tongfu_alarms_total` by kind, and logs it at error: its fields and
/// text are those of `tracing::error!`.
macro_rules! raise {
    ($alarm:expr, $($told:tt)+) => {{
        let alarm: $crate::alarm::Alarm = $alarm;
        $crate::alarm::count(alarm);
        tracing::error!($($told)+);
    }};
}
pub(crate) use raise;
