//! When work is due, beside a clock that may have been wrong when that was written.

use super::Answer;

/// How far ahead of now work may be due, ms: no schedule is longer. What is due later
/// was written by a clock that has been set back since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Horizons {
    /// The next question about an order that may be paid.
    pub open_ms: i64,
    /// The same, where the order's time is over and its channel says nothing.
    pub silent_ms: i64,
    /// The next try of a callback after none, one, two … tries.
    pub callbacks_ms: Vec<i64>,
    /// The next question about a refund that its channel has not confirmed.
    pub refund_ms: i64,
    /// The next try to work on a notify.
    pub notify_ms: i64,
    /// The next look at an alarm that is told by message.
    pub alarm_ms: i64,
}

/// Callbacks of one business system that it has not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untaken {
    /// The business system.
    pub domain_code: String,
    /// How many.
    pub count: i64,
    /// When the oldest was written, ms since 1970.
    pub oldest_ms: i64,
}

/// Work that was due a minute ago or longer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Late {
    /// How much.
    pub count: i64,
    /// When the oldest of it was due, ms since 1970.
    pub oldest_ms: Option<i64>,
}

/// The same, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overdue {
    /// Questions about orders.
    pub queries: Late,
    /// Refunds to be sent, or asked about.
    pub refunds: Late,
    /// Notifies to be worked on.
    pub notifies: Late,
    /// Callbacks to be sent: they wait for their receivers too.
    pub callbacks: Late,
}

impl Overdue {
    /// How much waits for us alone.
    #[must_use]
    pub fn ours(&self) -> i64 {
        self.queries.count + self.refunds.count + self.notifies.count
    }
}

/// When work is due.
#[async_trait::async_trait]
pub trait Timers: Send + Sync {
    /// What was due a minute ago or longer.
    async fn overdue(&self, now_ms: i64) -> Answer<Overdue>;
    /// How much is due later than any schedule says.
    async fn too_far(&self, now_ms: i64, horizons: &Horizons) -> Answer<i64>;
    /// Makes that due now; gives how much it was.
    async fn hasten(&self, now_ms: i64, horizons: &Horizons) -> Answer<u64>;
    /// The database's own clock, ms since 1970.
    async fn clock_ms(&self) -> Answer<i64>;
    /// Callbacks that were written before this time and still wait, by business system.
    async fn untaken(&self, before_ms: i64) -> Answer<Vec<Untaken>>;
}
