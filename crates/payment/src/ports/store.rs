//! What is kept, and the steps that are kept together. Each method is one
//! transaction; times are ms since 1970, money is minor units.

use super::gateway::{ChannelOrder, Created, Kind};
use crate::channel::Channel;
use crate::domain::{Domain, LateMoney};
use crate::money::Money;
use crate::obj::Obj;
use crate::order::{Attempt, Event};
use crate::partner::PartnerOrder;
use crate::rate::Rate;
use crate::refund::{Cause, Refund};
use crate::status::PayStatus;
use crate::story::{Act, Entry};

/// The store could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, is full, locked or too slow: try again.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// The tables changed under a prepared statement, and nothing was done. A store
    /// asks once more by itself before it says so.
    #[error("the database's tables changed: {0}")]
    Outdated(String),
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
    /// CNY per USD, where the two sums differ in currency.
    pub rate: Option<Rate>,
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
    /// Whether the same sign fits another requestKey too (docs/signing.md): counted.
    pub fits_another_key: bool,
    /// Whether the same sign could fit another sum too, its values cut elsewhere:
    /// counted.
    pub could_be_recut: bool,
    /// How long after it was first seen the request takes attempts, ms; no end
    /// where the domain has none.
    pub deadline_after_ms: Option<i64>,
    /// An open attempt that began before this is not taken for the same one, ms since
    /// 1970.
    pub fresh_since_ms: i64,
    /// So many attempts of the request may begin within an hour.
    pub attempts_an_hour: i64,
}

/// Requests of a domain whose sign has other readings (docs/signing.md), counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherReadings {
    /// The sign fits another requestKey too.
    pub other_key: i64,
    /// The sign could fit another sum too, its values cut elsewhere.
    pub recut: i64,
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
    /// When the request was first seen.
    pub request_created_ms: i64,
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
    /// The sum at the channel: what is to be paid, and what refunds share.
    pub channel_money: Money,
    /// What the channel was asked for, where it wants another sum.
    pub asked_money: Option<Money>,
    /// CNY per USD, where the two sums differ in currency.
    pub rate: Option<Rate>,
    /// openid, for JSAPI.
    pub openid: Option<String>,
    /// The signed values, as a query string.
    pub signed_values: String,
    /// The generation of the secret that they were signed with.
    pub secret_generation: i64,
    /// Where the attempt stands.
    pub status: Attempt,
    /// What the page needs to go on, once the channel took the order.
    pub obj: Option<Obj>,
    /// The channel's own name of the order.
    pub reference: Option<String>,
    /// When it was started.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// The channel's number of the payment.
    pub trade_no: Option<String>,
    /// When it was paid.
    pub paid_ms: Option<i64>,
    /// How a verified report of money differed from the order; it settled nothing.
    pub mismatch: Option<String>,
    /// Why its channel holds, or held, the payer's money.
    pub held: Option<String>,
}

impl AttemptRow {
    /// The order as its channel knows it.
    #[must_use]
    pub fn order(&self) -> ChannelOrder {
        ChannelOrder {
            number: self.channel_order_no.clone(),
            reference: self.reference.clone(),
            trade_no: self.trade_no.clone(),
            money: self.channel_money,
            asked: self.asked_money,
            created_ms: self.created_ms,
        }
    }
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
    /// The request is unpaid and past its domain's deadline.
    Overdue,
    /// A channel holds the payer's money for another attempt of it.
    Held,
    /// The request has had its attempts of this hour.
    TooMany,
    /// A number or token was taken: make new ones and try again.
    NumberTaken,
}

/// A callback to be written with the state that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCallback {
    /// The complete address, sign included; the same in every try.
    pub url: String,
    /// Who is called: bgUrl or cb_url. Callbacks to one receiver share a lane.
    pub receiver: String,
    /// A body, which is posted; none: a plain GET.
    pub body: Option<String>,
    /// When it was decided.
    pub created_ms: i64,
}

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

/// Writes a refund's callback, given all that went back of its payment, minor units of
/// the request's currency: that sum is known only where no other refund can end.
pub type WriteCallback<'a> = &'a (dyn Fn(i64) -> NewCallback + Send + Sync);

/// A refund's next state, and what goes with it.
#[derive(Clone, Copy)]
pub struct RefundStep<'a> {
    /// The state that it comes to, where it may go there.
    pub next: Refund,
    /// The channel's own number of it, where it gave one.
    pub reference: Option<&'a str>,
    /// Why, for the operator.
    pub note: &'a str,
    /// When it is looked at again, ms since 1970.
    pub next_ms: Option<i64>,
    /// What the business system is told if this brings it to another state.
    pub callback: Option<WriteCallback<'a>>,
    /// When, and who says so.
    pub act: Act,
}

/// A refund that money beside the request calls for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BesideRefund {
    /// Our number for it.
    pub refund_no: String,
    /// Whether money for a closed request goes back; else it pays the request.
    pub after_close: LateMoney,
}

/// A refund to be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewRefund {
    /// Our number of it.
    pub refund_no: String,
    /// The order that was paid.
    pub order_sn: String,
    /// The business system's key of it, where it asked.
    pub refund_key: Option<String>,
    /// The sum in the request's currency.
    pub money: Money,
    /// Who wants it.
    pub cause: Cause,
    /// Now.
    pub created_ms: i64,
}

/// A refund as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRow {
    /// Our number of it.
    pub refund_no: String,
    /// The order that was paid.
    pub order_sn: String,
    /// The business system's key of it.
    pub refund_key: Option<String>,
    /// The sum in the request's currency.
    pub money: Money,
    /// The sum in the channel's currency.
    pub channel_money: Money,
    /// Who wants it.
    pub cause: Cause,
    /// Where it stands.
    pub state: Refund,
    /// The channel's own number of it.
    pub reference: Option<String>,
    /// What was last heard of it, for the operator.
    pub note: String,
    /// When it was written down.
    pub created_ms: i64,
}

/// Money that went back without a refund of ours.
#[derive(Clone, Copy)]
pub struct TakenBack<'a> {
    /// The order that was paid.
    pub order_sn: &'a str,
    /// Its key, which begins with [`crate::refund::AT_CHANNEL_PREFIX`]; the row's
    /// number too.
    pub refund_key: &'a str,
    /// The sum in the request's currency.
    pub money: Money,
    /// The sum in the channel's currency.
    pub channel_money: Money,
    /// Who took it.
    pub cause: Cause,
    /// The channel's own number of it.
    pub reference: &'a str,
    /// For the operator.
    pub note: &'a str,
    /// What the business system is told.
    pub callback: Option<WriteCallback<'a>>,
    /// When, and who says so.
    pub act: Act,
}

/// What became of the wish to refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refunded {
    /// Written down, to be sent.
    New(RefundRow),
    /// The refund of the same key.
    Same(RefundRow),
    /// The key was used for another sum or payment.
    KeyReused,
    /// More than was paid and is not given back yet, minor units.
    TooMuch(i64),
    /// Nothing is left of it in the channel's currency.
    TooLittle,
    /// A number was taken: make a new one and try again.
    NumberTaken,
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

/// A notify that is kept and not worked on yet.
#[derive(Clone, Debug)]
pub struct KeptNotify {
    /// Its number.
    pub id: i64,
    /// The notify as it came.
    pub row: NotifyRow,
}

/// A callback in the outbox.
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
    /// Who is called: bgUrl or cb_url.
    pub receiver: String,
    /// A body, which is posted; none: a plain GET.
    pub body: Option<String>,
    /// Where it stands.
    pub state: CallbackState,
    /// How often it was tried.
    pub tries: i64,
    /// When it was written, ms since 1970.
    pub created_ms: i64,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackState {
    /// To be tried.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// The schedule is used up.
    Parked,
}

impl CallbackState {
    /// The word under which the store keeps it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Delivered => "DELIVERED",
            Self::Parked => "PARKED",
        }
    }

    /// Reads the store's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Waiting, Self::Delivered, Self::Parked]
            .into_iter()
            .find(|state| state.word() == word)
    }
}

/// Which callbacks are sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resend {
    /// All of an order, delivered ones too.
    Order(String),
    /// All that are parked.
    Since {
        /// Written at this time or later, ms since 1970.
        created_ms: i64,
        /// Delivered ones too: a receiver has lost them.
        delivered: bool,
    },
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

/// A try as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTry {
    /// When it was sent.
    pub at_ms: i64,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// The first 2 KB of the answer, or the cause.
    pub answer: String,
    /// How long it took, ms.
    pub duration_ms: i64,
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

/// An order's story as it is kept, with what it must end with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Its entries, oldest first.
    pub entries: Vec<Entry>,
    /// How many entries were written.
    pub length: i64,
    /// The hash of the last entry that was written.
    pub head: String,
}

/// Why money needs a person's eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RiskKind {
    /// A second payment of one request that is not given back yet.
    Duplicate,
    /// Money for a closed request that is not given back yet.
    Late,
    /// Verified money that differs from its order, or names none of ours.
    Mismatch,
    /// The channel has not said how an order ended, or where a refund stands.
    Unknown,
    /// A refund that failed, or that the channel can't do.
    Refund,
    /// A callback that nobody took.
    Callback,
    /// The payer's money is with the channel, which checks it.
    Held,
    /// Money that went back without a refund of ours: a dispute, or by hand at the
    /// channel.
    TakenBack,
}

impl RiskKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Duplicate,
        Self::Late,
        Self::Mismatch,
        Self::Unknown,
        Self::Refund,
        Self::Callback,
        Self::Held,
        Self::TakenBack,
    ];

    /// Its word in lists and metrics.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Mismatch => "mismatch",
            Self::Unknown => "unknown",
            Self::Refund => "refund",
            Self::Callback => "callback",
            Self::Held => "held",
            Self::TakenBack => "takenback",
        }
    }
}

/// One line of the list of money at risk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risk {
    /// Why.
    pub kind: RiskKind,
    /// The order; empty for a notify that names none of ours.
    pub order_sn: String,
    /// What stands there, for the operator.
    pub detail: String,
    /// Since when, ms since 1970.
    pub since_ms: i64,
}

/// How much money of one kind is at risk, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RiskCount {
    /// Why.
    pub kind: RiskKind,
    /// How many lines the list has of it.
    pub count: i64,
}

/// What waits to be done, for the metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Orders whose query is due.
    pub queries: i64,
    /// Callbacks that wait for their next try.
    pub callbacks: i64,
    /// Refunds that are not at their end.
    pub refunds: i64,
    /// Notifies that are not worked on yet.
    pub notifies: i64,
}

/// The database behind the use cases.
#[async_trait::async_trait]
pub trait Store: Send + Sync {
    /// Whether the database answers and its migrations are done.
    async fn ready(&self) -> Result<(), StoreError>;
    /// Writes something that nobody reads: whether the database takes writes.
    async fn takes_writes(&self) -> Result<(), StoreError>;

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
    /// The channel took the order: keeps `obj` and the channel's name of it.
    async fn accept_attempt(
        &self,
        order_sn: &str,
        created: &Created,
        act: Act,
    ) -> Result<Settled, StoreError>;
    /// The channel holds the payer's money, and why, for the operator.
    async fn hold(&self, order_sn: &str, reason: &str, act: Act) -> Result<Settled, StoreError>;
    /// An event that brings no money.
    async fn apply(&self, order_sn: &str, event: Event, act: Act) -> Result<Settled, StoreError>;
    /// Verified money: the first pays the request, and then the callback is
    /// written in the same transaction; money beside the request is written down
    /// to be refunded, in the same transaction too.
    async fn settle_paid(
        &self,
        order_sn: &str,
        payment: &Payment<'_>,
        act: Act,
    ) -> Result<Settled, StoreError>;
    /// Verified money that differs from its order: kept for a person, not settled.
    async fn note_mismatch(
        &self,
        order_sn: &str,
        difference: &str,
        act: Act,
    ) -> Result<(), StoreError>;
    /// Late money pays its closed request after all, by the operator's word; its
    /// refund, where it has not left, is withdrawn.
    async fn honour(
        &self,
        order_sn: &str,
        callback: &NewCallback,
        act: Act,
    ) -> Result<Honoured, StoreError>;

    /// Closes a request that is unpaid and has no open attempt; one that was
    /// never seen is closed too, and takes no attempt then. Where this closes it,
    /// `told` is called back, in the name of its last order.
    async fn close_request(
        &self,
        domain_code: &str,
        request_key: &str,
        told: Option<&(String, NewCallback)>,
        act: Act,
    ) -> Result<ClosedRequest, StoreError>;

    /// Writes a refund down, within the sum that was paid.
    async fn begin_refund(&self, new: &NewRefund) -> Result<Refunded, StoreError>;
    /// Brings a refund forward, and shows it in its request's status; gives it as
    /// it stands then.
    async fn step_refund(
        &self,
        refund_no: &str,
        step: &RefundStep<'_>,
    ) -> Result<RefundRow, StoreError>;
    /// Brings a new refund to [`Refund::Sent`](crate::refund::Refund::Sent); whether it was
    /// new until now: of all workers that hold it, one alone sends it.
    async fn claim_refund(
        &self,
        refund_no: &str,
        step: &RefundStep<'_>,
    ) -> Result<bool, StoreError>;
    /// Keeps money that went back without a refund of ours as given back, with what the
    /// business system is told of it; nothing where its key is kept already.
    async fn take_back(&self, new: &TakenBack<'_>) -> Result<Option<RefundRow>, StoreError>;
    /// The refund of this number.
    async fn refund(&self, refund_no: &str) -> Result<Option<RefundRow>, StoreError>;
    /// All refunds of an order, oldest first.
    async fn refunds(&self, order_sn: &str) -> Result<Vec<RefundRow>, StoreError>;
    /// Takes up to `limit` refunds that are due, and puts them to `again_ms`.
    async fn take_due_refunds(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Result<Vec<RefundRow>, StoreError>;

    /// The key that signs the states of trips to WeChat: the one that is kept, else
    /// `offered` from now on.
    async fn trip_key(&self, offered: &[u8]) -> Result<Vec<u8>, StoreError>;
    /// Whether a state comes back for the first time; it is remembered until
    /// `until_ms`, when it ends by itself.
    async fn use_trip(&self, nonce: &str, until_ms: i64, now_ms: i64) -> Result<bool, StoreError>;
    /// Keeps an address under a token until `until_ms`; the same again is kept once.
    async fn keep_trip_address(
        &self,
        token: &str,
        address: &str,
        until_ms: i64,
        now_ms: i64,
    ) -> Result<(), StoreError>;
    /// The address that a token stands for.
    async fn trip_address(&self, token: &str) -> Result<Option<String>, StoreError>;

    /// How many requests of a domain had a sign with other readings.
    async fn other_readings(&self, domain_code: &str) -> Result<OtherReadings, StoreError>;

    /// The attempt of this order number.
    async fn attempt(&self, order_sn: &str) -> Result<Option<AttemptRow>, StoreError>;
    /// The attempt that a page token opens.
    async fn attempt_by_token(&self, token: &str) -> Result<Option<AttemptRow>, StoreError>;
    /// The attempt that a channel knows by this number of ours.
    async fn attempt_by_channel_no(
        &self,
        channel: Channel,
        account: &str,
        channel_order_no: &str,
    ) -> Result<Option<AttemptRow>, StoreError>;
    /// The attempt that an account was paid for under this number of its channel's.
    async fn attempt_by_trade_no(
        &self,
        channel: Channel,
        account: &str,
        trade_no: &str,
    ) -> Result<Option<AttemptRow>, StoreError>;
    /// Whether a request was closed, be it one that nobody ever opened.
    async fn is_closed(&self, domain_code: &str, request_key: &str) -> Result<bool, StoreError>;
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

    /// Keeps a notify as it came; gives its number, or nothing where the account's same
    /// one is kept already. Who keeps it works on it; if he dies, it is due at
    /// `again_ms`.
    async fn keep_notify(
        &self,
        notify: &NotifyRow,
        again_ms: i64,
    ) -> Result<Option<i64>, StoreError>;
    /// Takes up to `limit` notifies that nobody has worked on to the end, and puts
    /// them to `again_ms`.
    async fn take_due_notifies(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Result<Vec<KeptNotify>, StoreError>;
    /// Notes what became of a notify: `settled`, `mismatch`, …. Where it could not
    /// be worked on, it is due again at `again_ms`.
    async fn mark_notify(
        &self,
        id: i64,
        outcome: &str,
        again_ms: Option<i64>,
    ) -> Result<(), StoreError>;

    /// Takes up to `limit` callbacks that are due, and puts them to `again_ms`
    /// so that nobody else takes them before; none for the receivers in `busy`.
    async fn take_due_callbacks(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
        busy: &[String],
    ) -> Result<Vec<CallbackRow>, StoreError>;
    /// Gives a taken callback back untried: it is due at `at_ms`.
    async fn put_back_callback(&self, id: i64, at_ms: i64) -> Result<(), StoreError>;
    /// Keeps a try and what follows it.
    async fn callback_tried(&self, id: i64, attempt: &CallbackTry) -> Result<(), StoreError>;
    /// All callbacks of an order, oldest first.
    async fn callbacks(&self, order_sn: &str) -> Result<Vec<CallbackRow>, StoreError>;
    /// The tries of a callback, oldest first.
    async fn callback_tries(&self, id: i64) -> Result<Vec<KeptTry>, StoreError>;
    /// Callbacks whose schedule is used up, the oldest first.
    async fn parked_callbacks(&self) -> Result<Vec<CallbackRow>, StoreError>;
    /// Sends callbacks again, from the beginning of the schedule and with the same
    /// values; gives how many.
    async fn resend_callbacks(&self, which: &Resend, now_ms: i64) -> Result<u64, StoreError>;

    /// Keeps what a partner orders; where his number is known, gives the order that
    /// has it, unchanged. `None` where only our number is taken: make a new one.
    async fn begin_partner_order(
        &self,
        new: &PartnerOrder,
    ) -> Result<Option<PartnerOrder>, StoreError>;
    /// A partner's order by our number.
    async fn partner_order(
        &self,
        domain_code: &str,
        order_id: &str,
    ) -> Result<Option<PartnerOrder>, StoreError>;
    /// A partner's order by his number.
    async fn partner_order_of(
        &self,
        domain_code: &str,
        out_order_id: &str,
    ) -> Result<Option<PartnerOrder>, StoreError>;

    /// The order's story.
    async fn story(&self, order_sn: &str) -> Result<Option<Story>, StoreError>;
    /// The raw body of a notify.
    async fn notify_body(&self, id: i64) -> Result<Option<Vec<u8>>, StoreError>;
    /// Up to `limit` orders whose number is greater than `after`, by number.
    async fn orders(&self, after: &str, limit: i64) -> Result<Vec<AttemptRow>, StoreError>;
    /// Money that needs a person's eye, the oldest first.
    async fn at_risk(&self, now_ms: i64) -> Result<Vec<Risk>, StoreError>;
    /// How many lines [`Store::at_risk`] has of each kind, in the order of
    /// [`RiskKind::ALL`]; cheap, however many orders there are.
    async fn risk_counts(&self, now_ms: i64) -> Result<Vec<RiskCount>, StoreError>;
    /// What waits to be done.
    async fn backlog(&self, now_ms: i64) -> Result<Backlog, StoreError>;
    /// The accounts that open orders or refunds wait for.
    async fn accounts_in_use(&self) -> Result<Vec<(Channel, String)>, StoreError>;
    /// States that contradict each other, a line each; none in a sound database.
    async fn contradictions(&self) -> Result<Vec<String>, StoreError>;
}
