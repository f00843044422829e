//! What is kept, and the steps that are kept together. Each method is one
//! transaction; times are ms since 1970, money is minor units.

use super::gateway::Kind;
use crate::channel::Channel;
use crate::domain::Domain;
use crate::money::Money;
use crate::order::{Attempt, Event};
use crate::status::PayStatus;

/// The store could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, is full, locked or too slow: try again.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// A row that breaks the rules of this program.
    #[error("corrupt row: {0}")]
    Corrupt(String),
    /// The name is taken.
    #[error("exists already: {0}")]
    Exists(String),
}

/// An attempt to be started.
#[derive(Clone, Debug)]
pub struct NewAttempt {
    /// The business system.
    pub domain_code: String,
    /// Its key of the request.
    pub request_key: String,
    /// The request's sum; it can't change.
    pub money: Money,
    /// Our order number, 20 digits.
    pub order_sn: String,
    /// The channel's number of the order.
    pub channel_order_no: String,
    /// A random 128-bit token in hex that opens the attempt's page.
    pub token: String,
    /// The channel.
    pub channel: Channel,
    /// The channel account's name.
    pub account: String,
    /// How it is paid.
    pub kind: Kind,
    /// The sum at the channel.
    pub channel_money: Money,
    /// openid, for JSAPI.
    pub openid: Option<String>,
    /// The signed values, as a query string.
    pub signed_values: String,
    /// The generation of the secret that they were signed with.
    pub secret_generation: i64,
    /// Now.
    pub created_ms: i64,
    /// When the attempt ends.
    pub expires_ms: i64,
    /// When the channel is first asked by our own timer.
    pub next_query_ms: i64,
}

/// An attempt as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptRow {
    /// Our order number, 20 digits.
    pub order_sn: String,
    /// The business system.
    pub domain_code: String,
    /// Its key of the request.
    pub request_key: String,
    /// The request's sum.
    pub money: Money,
    /// Where the request stands.
    pub request_status: PayStatus,
    /// Opens the attempt's page.
    pub token: String,
    /// The channel.
    pub channel: Channel,
    /// The channel account's name.
    pub account: String,
    /// How it is paid.
    pub kind: Kind,
    /// The channel's number of the order.
    pub channel_order_no: String,
    /// The sum at the channel.
    pub channel_money: Money,
    /// The signed values, as a query string.
    pub signed_values: String,
    /// The generation of the secret that they were signed with.
    pub secret_generation: i64,
    /// Where the attempt stands.
    pub status: Attempt,
    /// What the page needs to go on, once the channel took the order.
    pub obj: Option<String>,
    /// When it was started.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// The channel's number of the payment.
    pub trade_no: Option<String>,
    /// When it was paid.
    pub paid_ms: Option<i64>,
}

/// What became of the wish to start an attempt.
#[derive(Clone, Debug)]
pub enum Begun {
    /// A new attempt is written down; other open ones of the request end now,
    /// and their query timers close them at their channels.
    New(AttemptRow),
    /// The open attempt of the same channel, kind, values and openid.
    Same(AttemptRow),
    /// The request has another sum or currency.
    KeyReused,
    /// The request is paid.
    AlreadyPaid,
    /// The request is closed.
    Closed,
    /// A number or token was taken: make new ones and try again.
    NumberTaken,
}

/// A callback to be written with the state that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCallback {
    /// The complete address, sign included; the same in every try.
    pub url: String,
    /// When it was decided.
    pub created_ms: i64,
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

/// A notify to be kept as it came.
#[derive(Clone, Debug)]
pub struct NotifyRow {
    /// The channel.
    pub channel: Channel,
    /// The account that it was sent to.
    pub account: String,
    /// The order that it names, where it was verified and names one.
    pub channel_order_no: Option<String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// Headers, a line each.
    pub headers: String,
    /// When it came.
    pub received_ms: i64,
}

/// A callback that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackRow {
    /// Its number.
    pub id: i64,
    /// The business system.
    pub domain_code: String,
    /// The order that it tells of.
    pub order_sn: String,
    /// The complete address.
    pub url: String,
    /// How often it was tried.
    pub tries: i64,
}

/// One try of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackTry {
    /// When it was sent.
    pub at_ms: i64,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The first 2 KB of the answer, or the cause.
    pub answer: String,
    /// How long it took, ms.
    pub duration_ms: i64,
    /// What follows.
    pub outcome: TryOutcome,
}

/// What follows a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryOutcome {
    /// The receiver took it.
    Delivered,
    /// To be tried again then.
    Again(i64),
    /// The schedule is at its end: kept and listed.
    Parked,
}

/// The database behind the use cases.
#[async_trait::async_trait]
pub trait Store: Send + Sync {
    /// Whether the database answers and its migrations are done.
    async fn ready(&self) -> Result<(), StoreError>;

    /// A domain with its secrets.
    async fn domain(&self, code: &str) -> Result<Option<Domain>, StoreError>;
    /// All domains, by code.
    async fn domains(&self) -> Result<Vec<Domain>, StoreError>;
    /// A new domain; [`StoreError::Exists`] when the code is taken.
    async fn add_domain(&self, domain: &Domain) -> Result<(), StoreError>;
    /// Writes a domain's rule, settings and secrets over the old ones.
    async fn set_domain(&self, domain: &Domain) -> Result<(), StoreError>;

    /// Starts an attempt, or says why not; makes the request where it is new.
    async fn begin_attempt(&self, new: &NewAttempt) -> Result<Begun, StoreError>;
    /// The channel took the order: keeps `obj`, once.
    async fn accept_attempt(&self, order_sn: &str, obj: &str) -> Result<Settled, StoreError>;
    /// An event that brings no money.
    async fn apply(&self, order_sn: &str, event: Event) -> Result<Settled, StoreError>;
    /// Verified money: the first pays the request, and then the callback is
    /// written in the same transaction.
    async fn settle_paid(
        &self,
        order_sn: &str,
        trade_no: &str,
        paid_ms: i64,
        callback: &NewCallback,
    ) -> Result<Settled, StoreError>;

    /// The attempt of this order number.
    async fn attempt(&self, order_sn: &str) -> Result<Option<AttemptRow>, StoreError>;
    /// The attempt that a page token opens.
    async fn attempt_by_token(&self, token: &str) -> Result<Option<AttemptRow>, StoreError>;
    /// The attempt that a channel knows by this number.
    async fn attempt_by_channel_no(
        &self,
        channel: Channel,
        account: &str,
        channel_order_no: &str,
    ) -> Result<Option<AttemptRow>, StoreError>;
    /// All attempts of a request, oldest first.
    async fn attempts(
        &self,
        domain_code: &str,
        request_key: &str,
    ) -> Result<Vec<AttemptRow>, StoreError>;

    /// Takes up to `limit` attempts whose query is due, and puts their next
    /// query to `again_ms` so that nobody else takes them before.
    async fn take_due_attempts(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Result<Vec<AttemptRow>, StoreError>;
    /// Puts an attempt's next query; `None` ends them.
    async fn schedule_query(&self, order_sn: &str, at_ms: Option<i64>) -> Result<(), StoreError>;

    /// Keeps a notify as it came; gives its number.
    async fn keep_notify(&self, notify: &NotifyRow) -> Result<i64, StoreError>;
    /// Notes what became of a notify: `settled`, `mismatch`, `forged`, ….
    async fn mark_notify(&self, id: i64, outcome: &str) -> Result<(), StoreError>;

    /// Takes up to `limit` callbacks that are due, and puts them to `again_ms`
    /// so that nobody else takes them before.
    async fn take_due_callbacks(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Result<Vec<CallbackRow>, StoreError>;
    /// Keeps a try and what follows it.
    async fn callback_tried(&self, id: i64, attempt: &CallbackTry) -> Result<(), StoreError>;
}
