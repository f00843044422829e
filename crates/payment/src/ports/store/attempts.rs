//! Attempts: begun, found and asked about.

use super::Answer;
use super::settling::Settled;
use crate::channel::Channel;
use crate::money::Money;
use crate::obj::Obj;
use crate::order::Attempt;
use crate::ports::gateway::{ChannelOrder, Created, Kind};
use crate::rate::Rate;
use crate::signed::Signed;
use crate::status::PayStatus;
use crate::story::Act;

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
    /// What the business system signed.
    pub signed: Signed,
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
    /// Nor is one that began before this and has no order yet, ms since 1970.
    pub made_since_ms: i64,
    /// So many attempts of the request may begin within an hour.
    pub attempts_an_hour: i64,
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
    /// What the business system signed.
    pub signed: Signed,
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

    /// Whether what its channel says was paid does not fit it, and no operator has ended it.
    #[must_use]
    pub fn differs(&self) -> bool {
        let is_open = !self.status.has_money() && self.status != Attempt::Closed;
        is_open && self.mismatch.is_some()
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

/// Attempts: begun, found and asked about.
#[async_trait::async_trait]
pub trait Attempts: Send + Sync {
    /// Starts an attempt, or says why not; makes the request where it is new.
    async fn begin_attempt(&self, new: &NewAttempt) -> Answer<Begun>;
    /// The channel took the order: keeps `obj` and the channel's name of it.
    async fn accept_attempt(&self, order_sn: &str, created: &Created, act: Act) -> Answer<Settled>;
    /// The attempt of this order number.
    async fn attempt(&self, order_sn: &str) -> Answer<Option<AttemptRow>>;
    /// The attempt that a page token opens.
    async fn attempt_by_token(&self, token: &str) -> Answer<Option<AttemptRow>>;
    /// The attempt that a channel knows by this number of ours.
    async fn attempt_by_channel_no(
        &self,
        channel: Channel,
        account: &str,
        channel_order_no: &str,
    ) -> Answer<Option<AttemptRow>>;
    /// The attempt that an account was paid for under this number of its channel's.
    async fn attempt_by_trade_no(
        &self,
        channel: Channel,
        account: &str,
        trade_no: &str,
    ) -> Answer<Option<AttemptRow>>;
    /// All attempts of a request, oldest first.
    async fn attempts(&self, domain_code: &str, request_key: &str) -> Answer<Vec<AttemptRow>>;
    /// The same of several requests, each named by its business system and requestKey.
    async fn attempts_of(&self, requests: &[(String, String)]) -> Answer<Vec<AttemptRow>>;
    /// Takes up to `limit` attempts whose query is due, and puts their next
    /// query to `again_ms` so that nobody else takes them before.
    async fn take_due_attempts(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<AttemptRow>>;
    /// Ends an attempt's time now, ms since 1970: nobody pays it any more, and it is due to
    /// be asked about.
    async fn end_attempt(&self, order_sn: &str, now_ms: i64) -> Answer<()>;
    /// Puts the next query of an attempt as it was read; `None` ends them. One that another
    /// attempt has ended since then keeps its own.
    async fn schedule_query(&self, attempt: &AttemptRow, at_ms: Option<i64>) -> Answer<()>;
}
