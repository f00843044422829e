//! What becomes of attempts and their requests.

use super::Answer;
use super::callbacks::NewCallback;
use crate::domain::LateMoney;
use crate::order::{Attempt, Event};
use crate::story::Act;

/// Verified money, and what is written down with it.
#[derive(Clone, Copy, Debug)]
pub struct Payment<'a> {
    /// The channel's number of the payment.
    pub trade_no: &'a str,
    /// When it was paid, ms since 1970.
    pub paid_ms: i64,
    /// What the business system is told where it pays the request.
    pub callback: &'a NewCallback,
    /// What goes back where it comes beside the request.
    pub beside: &'a BesideRefund,
}

/// A refund that money beside the request calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BesideRefund {
    /// Our number for it.
    pub refund_no: String,
    /// Whether money for a closed request goes back; else it pays the request.
    pub after_close: LateMoney,
}

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The attempt went to this state, just now, by this call.
    Went(Attempt),
    /// Nothing changed.
    Stayed(Attempt),
    /// The event contradicts the state on record.
    Contradicts(Attempt),
}

/// What became of the wish to let late money pay its closed request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honoured {
    /// The request is paid by it.
    Done,
    /// The order is not money that came after its request was closed.
    NotLate,
    /// Its refund is on its way, or done.
    GoingBack,
}

/// What became of the wish to close a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClosedRequest {
    /// Closed, now or before.
    Closed,
    /// It is paid.
    Paid,
    /// An attempt is still open.
    Open,
}

/// What becomes of attempts and their requests.
#[async_trait::async_trait]
pub trait Settling: Send + Sync {
    /// An event that brings no money.
    async fn apply(&self, order_sn: &str, event: Event, act: Act) -> Answer<Settled>;
    /// The channel holds the payer's money, and why, for the operator.
    async fn hold(&self, order_sn: &str, reason: &str, act: Act) -> Answer<Settled>;
    /// Verified money: the first pays the request, and then the callback is
    /// written in the same transaction; money beside the request is written down
    /// to be refunded, in the same transaction too.
    async fn settle_paid(&self, order_sn: &str, payment: &Payment<'_>, act: Act)
    -> Answer<Settled>;
    /// Verified money that differs from its order: kept for a person, not settled. Gives
    /// whether that is new; whoever looked after other money of it has not seen this.
    async fn note_mismatch(&self, order_sn: &str, difference: &str, act: Act) -> Answer<bool>;
    /// Late money pays its closed request after all, by the operator's word; its
    /// refund, where it has not left, is withdrawn.
    async fn honour(&self, order_sn: &str, callback: &NewCallback, act: Act) -> Answer<Honoured>;
    /// Closes a request that is unpaid and has no open attempt; one that was
    /// never seen is closed too, and takes no attempt then. Where this closes it,
    /// `told` is called back, in the name of its last order.
    async fn close_request(
        &self,
        domain_code: &str,
        request_key: &str,
        told: Option<&(String, NewCallback)>,
        act: Act,
    ) -> Answer<ClosedRequest>;
    /// Writes into an order's story that its receiver is tried out with it; `false` where
    /// that stood there before.
    async fn note_golive(&self, order_sn: &str, act: Act) -> Answer<bool>;
    /// Writes into an order's story what an operator does with it.
    async fn note_operator(&self, order_sn: &str, detail: &str, act: Act) -> Answer<()>;
    /// Whether a request was closed, be it one that nobody ever opened.
    async fn is_closed(&self, domain_code: &str, request_key: &str) -> Answer<bool>;
    /// Those of several requests, each named by its business system and requestKey, that
    /// were closed.
    async fn closed_among(&self, requests: &[(String, String)]) -> Answer<Vec<(String, String)>>;
}
