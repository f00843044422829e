//! Alarms: beside the log line at error and the operator's list, a count.

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
}

/// Counts an alarm: `tongfu_alarms_total` by kind.
pub(crate) fn raise(alarm: Alarm) {
    let kind = match alarm {
        Alarm::Duplicate => "duplicate",
        Alarm::Late => "late",
        Alarm::Mismatch => "mismatch",
        Alarm::Contradiction => "contradiction",
        Alarm::Refund => "refund",
        Alarm::Callback => "callback",
    };
    metrics::counter!("tongfu_alarms_total", "kind" => kind).increment(1);
}
