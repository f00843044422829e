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

/// When work is due.
#[async_trait::async_trait]
pub trait Timers: Send + Sync {
    /// How many orders, refunds and notifies were due a minute ago or longer. (Callbacks
    /// wait for their receivers: see [`Timers::untaken`].)
    async fn overdue(&self, now_ms: i64) -> Answer<i64>;
    /// How much is due later than any schedule says.
    async fn too_far(&self, now_ms: i64, horizons: &Horizons) -> Answer<i64>;
    /// Makes that due now; gives how much it was.
    async fn hasten(&self, now_ms: i64, horizons: &Horizons) -> Answer<u64>;
    /// The database's own clock, ms since 1970.
    async fn clock_ms(&self) -> Answer<i64>;
    /// Callbacks that were written before this time and still wait, by business system.
    async fn untaken(&self, before_ms: i64) -> Answer<Vec<Untaken>>;
}
