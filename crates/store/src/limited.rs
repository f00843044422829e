//! A time limit on everything that the database is asked: a server that hangs, or
//! a network that swallows packets, is trouble like any other, and told as such.
//! What was asked to be written may have been written then; every step of the
//! store may be repeated.

use payment::channel::Channel;
use payment::domain::Domain;
use payment::order::Event;
use payment::partner::PartnerOrder;
use payment::ports::{
    AttemptRow, Backlog, Begun, CallbackRow, CallbackTry, ClosedRequest, Created, Honoured,
    KeptNotify, KeptTry, NewAttempt, NewCallback, NewRefund, NotifyRow, OtherReadings, Payment,
    RefundRow, RefundStep, Refunded, Resend, Risk, RiskCount, Settled, Store, StoreError, Story,
    TakenBack,
};
use payment::story::Act;
use std::time::Duration;

/// What a payer, a channel or a worker waits for. It is longer than the database's
/// own limits, so that those speak first where they can.
const LIMIT: Duration = Duration::from_secs(12);
/// What an operator's command over the whole database waits for.
const LONG_LIMIT: Duration = Duration::from_secs(300);

/// A store whose every answer comes in time, and which asks once more where tables
/// changed under a statement.
pub(crate) struct Limited<S>(pub(crate) S);

/// A store whose connections can be given up.
pub(crate) trait Renewed: Store {
    /// The connections that are there are not used again.
    fn renew(&self);
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = || StoreError::Unavailable("time-out".to_owned());
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(late()))
}

macro_rules! limited {
    ($($limit:ident $name:ident($($value:ident: $type:ty),*) -> $answer:ty;)*) => {
        #[async_trait::async_trait]
        impl<S: Renewed> Store for Limited<S> {
            $(async fn $name(&self, $($value: $type),*) -> Result<$answer, StoreError> {
                let answer = within($limit, self.0.$name($($value),*)).await;
                // Its transaction was not committed: nothing is done twice.
                let Err(StoreError::Outdated(_)) = answer else {
                    return answer;
                };
                self.0.renew();
                within($limit, self.0.$name($($value),*)).await
            })*
        }
    };
}

limited! {
    LIMIT ready() -> ();
    LIMIT takes_writes() -> ();
    LIMIT domain(code: &str) -> Option<Domain>;
    LIMIT domains() -> Vec<Domain>;
    LIMIT add_domain(domain: &Domain) -> ();
    LIMIT set_domain(domain: &Domain) -> ();
    LIMIT begin_attempt(new: &NewAttempt) -> Begun;
    LIMIT accept_attempt(order_sn: &str, created: &Created, act: Act) -> Settled;
    LIMIT apply(order_sn: &str, event: Event, act: Act) -> Settled;
    LIMIT hold(order_sn: &str, reason: &str, act: Act) -> Settled;
    LIMIT settle_paid(order_sn: &str, payment: &Payment<'_>, act: Act) -> Settled;
    LIMIT note_mismatch(order_sn: &str, difference: &str, act: Act) -> ();
    LIMIT honour(order_sn: &str, callback: &NewCallback, act: Act) -> Honoured;
    LIMIT close_request(
        code: &str, key: &str, told: Option<&(String, NewCallback)>, act: Act
    ) -> ClosedRequest;
    LIMIT begin_refund(new: &NewRefund) -> Refunded;
    LIMIT step_refund(refund_no: &str, step: &RefundStep<'_>) -> RefundRow;
    LIMIT claim_refund(refund_no: &str, step: &RefundStep<'_>) -> bool;
    LIMIT take_back(new: &TakenBack<'_>) -> Option<RefundRow>;
    LIMIT refund(refund_no: &str) -> Option<RefundRow>;
    LIMIT refunds(order_sn: &str) -> Vec<RefundRow>;
    LIMIT take_due_refunds(now_ms: i64, again_ms: i64, limit: i64) -> Vec<RefundRow>;
    LIMIT trip_key(offered: &[u8]) -> Vec<u8>;
    LIMIT use_trip(nonce: &str, until_ms: i64, now_ms: i64) -> bool;
    LIMIT keep_trip_address(token: &str, address: &str, until_ms: i64, now_ms: i64) -> ();
    LIMIT trip_address(token: &str) -> Option<String>;
    LIMIT other_readings(code: &str) -> OtherReadings;
    LIMIT attempt(order_sn: &str) -> Option<AttemptRow>;
    LIMIT attempt_by_token(token: &str) -> Option<AttemptRow>;
    LIMIT attempt_by_channel_no(channel: Channel, account: &str, no: &str) -> Option<AttemptRow>;
    LIMIT attempt_by_trade_no(channel: Channel, account: &str, no: &str) -> Option<AttemptRow>;
    LIMIT is_closed(code: &str, key: &str) -> bool;
    LIMIT attempts(code: &str, key: &str) -> Vec<AttemptRow>;
    LIMIT take_due_attempts(now_ms: i64, again_ms: i64, limit: i64) -> Vec<AttemptRow>;
    LIMIT schedule_query(order_sn: &str, at_ms: Option<i64>) -> ();
    LIMIT keep_notify(notify: &NotifyRow, again_ms: i64) -> Option<i64>;
    LIMIT take_due_notifies(now_ms: i64, again_ms: i64, limit: i64) -> Vec<KeptNotify>;
    LIMIT mark_notify(id: i64, outcome: &str, again_ms: Option<i64>) -> ();
    LIMIT take_due_callbacks(
        now_ms: i64, again_ms: i64, limit: i64, busy: &[String]
    ) -> Vec<CallbackRow>;
    LIMIT put_back_callback(id: i64, at_ms: i64) -> ();
    LIMIT callback_tried(id: i64, tried: &CallbackTry) -> ();
    LIMIT callbacks(order_sn: &str) -> Vec<CallbackRow>;
    LIMIT callback_tries(id: i64) -> Vec<KeptTry>;
    LIMIT story(order_sn: &str) -> Option<Story>;
    LIMIT notify_body(id: i64) -> Option<Vec<u8>>;
    LIMIT orders(after: &str, limit: i64) -> Vec<AttemptRow>;
    LIMIT begin_partner_order(new: &PartnerOrder) -> Option<PartnerOrder>;
    LIMIT partner_order(code: &str, order_id: &str) -> Option<PartnerOrder>;
    LIMIT partner_order_of(code: &str, out_order_id: &str) -> Option<PartnerOrder>;
    LIMIT backlog(now_ms: i64) -> Backlog;
    LIMIT risk_counts(now_ms: i64) -> Vec<RiskCount>;
    LIMIT at_risk(now_ms: i64) -> Vec<Risk>;
    LONG_LIMIT parked_callbacks() -> Vec<CallbackRow>;
    LONG_LIMIT resend_callbacks(which: &Resend, now_ms: i64) -> u64;
    LONG_LIMIT accounts_in_use() -> Vec<(Channel, String)>;
    LONG_LIMIT contradictions() -> Vec<String>;
}
