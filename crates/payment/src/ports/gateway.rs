//! One channel account, as the use cases see it.

use super::unknown::{Doubt, Unknown};
use crate::channel::Channel;
use crate::money::{Currency, Money};
use crate::obj::Obj;
use crate::printable::printable;
use std::borrow::Cow;

/// How a payment is started at a channel (docs/reference/orders.md, Attempts).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A code that the payer scans.
    Native,
    /// The in-WeChat bridge.
    Jsapi,
    /// WeChat from a mobile browser.
    Mweb,
    /// A form for a desktop browser.
    Page,
    /// A form for a mobile browser; of WeChat's, a page that opens inside it.
    Wap,
}

impl Kind {
    /// The word under which the store keeps it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Jsapi => "jsapi",
            Self::Mweb => "mweb",
            Self::Page => "page",
            Self::Wap => "wap",
        }
    }

    /// Reads the store's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Native, Self::Jsapi, Self::Mweb, Self::Page, Self::Wap]
            .into_iter()
            .find(|kind| kind.word() == word)
    }
}

/// An order as its channel knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelOrder {
    /// The number that we gave it.
    pub number: String,
    /// The channel's own name of it, from [`Created::reference`].
    pub reference: Option<String>,
    /// The channel's number of the payment, once it is paid.
    pub trade_no: Option<String>,
    /// The sum in the channel's currency.
    pub money: Money,
    /// The sum that we asked for, where the channel changed it.
    pub asked: Option<Money>,
    /// When the attempt began, ms since 1970.
    pub created_ms: i64,
}

/// An order to be made at a channel.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// How the payer will pay.
    pub kind: Kind,
    /// Number, sum and time.
    pub order: ChannelOrder,
    /// What the payer buys; the adapter shortens it to the channel's limit.
    pub goods: String,
    /// When the attempt ends, ms since 1970.
    pub expires_ms: i64,
    /// The payer's openid, for [`Kind::Jsapi`].
    pub openid: Option<String>,
    /// Our page that the channel sends the payer back to.
    pub return_url: String,
    /// Our page for a payer who gives up at the channel.
    pub quit_url: String,
}

/// A channel took the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// What the page needs to go on.
    pub obj: Obj,
    /// The channel's own name of the order, where calls about it need that.
    pub reference: Option<String>,
    /// What is really to be paid, where the channel changed the sum; in the currency
    /// of the order. The adapter refuses what is too far from what was asked.
    pub changed: Option<Money>,
}

/// Money to be given back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundOrder {
    /// The paid order.
    pub order: ChannelOrder,
    /// Our number of the refund: the same again is the same refund.
    pub refund_no: String,
    /// The channel's own number of the refund, where it gave one, or what it was last
    /// refused with ([`RefundState::Again`]).
    pub reference: Option<String>,
    /// The sum to give back, in the channel's currency.
    pub money: Money,
    /// When it was begun, ms since 1970: it was not sent before.
    pub begun_ms: i64,
    /// Whether it may have been sent before.
    pub was_sent: bool,
    /// Whether another refund of the order was begun before it, and may have been taken.
    pub follows: bool,
}

/// How a channel says a refund stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// Taken, and on its way.
    Pending,
    /// The money is back with the payer.
    Done,
    /// It will not be done; the channel's reason.
    Failed(String),
    /// Only a person can bring it to its end, at the channel; why. Its money may be
    /// back, or may still go: it is not sent again, and its sum stays used.
    Held(String),
    /// Refused for now, and nothing was given back; why. It is sent again, and then bears
    /// the report's reference.
    Again(String),
    /// The channel does not know the number: nothing was given back under it.
    NotFound,
}

/// A channel's verified word about a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundReport {
    /// How it stands.
    pub state: RefundState,
    /// The channel's own number of it.
    pub reference: Option<String>,
}

/// One of which the channel has no number to tell.
impl From<RefundState> for RefundReport {
    fn from(state: RefundState) -> Self {
        Self {
            state,
            reference: None,
        }
    }
}

/// To whom and for what an account is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Whether it takes new payments; orders already made are looked after anyway.
    pub enabled: bool,
    /// The business systems that it serves; none listed: all.
    pub domains: Vec<String>,
    /// The currency that it charges in.
    pub currency: Currency,
    /// The smallest sum, minor units of that currency.
    pub smallest: i64,
    /// The largest sum, minor units of that currency.
    pub largest: i64,
    /// How often it may be asked how orders stand.
    pub queries: QueryRate,
}

/// How often an account may be asked how orders and refunds stand, by all instances
/// together. What makes, closes, captures or gives back is not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryRate {
    /// Questions a second; `0` is without limit.
    pub per_second: u32,
    /// Questions at once.
    pub burst: u32,
}

impl Default for QueryRate {
    fn default() -> Self {
        Self {
            per_second: 20,
            burst: 40,
        }
    }
}

impl Terms {
    /// Whether it serves this business system now.
    #[must_use]
    pub fn serves(&self, domain_code: &str) -> bool {
        self.enabled
            && (self.domains.is_empty() || self.domains.iter().any(|code| code == domain_code))
    }

    /// Whether it takes this sum, which is in its currency.
    #[must_use]
    pub fn takes(&self, money: Money) -> bool {
        money.currency() == self.currency && (self.smallest..=self.largest).contains(&money.minor())
    }
}

/// Why a channel call gave no answer to rely on (docs/reference/orders.md, What is unknown).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The channel refused for certain; nothing was done.
    #[error("refused by the channel: {}: {}", printable(.code), printable(.message))]
    Refused {
        /// The channel's own code.
        code: String,
        /// The channel's own text, for the log.
        message: String,
    },
    /// No answer, or none to believe: only a query settles it.
    #[error("outcome unknown: {0}")]
    Unknown(#[from] Unknown),
    /// This account or channel does not offer the call.
    #[error("not offered by this channel account")]
    NotOffered,
}

impl ChannelError {
    /// An unknown outcome that no other error caused.
    #[must_use]
    pub fn unknown(doubt: Doubt, what: impl Into<String>) -> Self {
        Self::Unknown(Unknown::new(doubt, what))
    }

    /// Whether the channel refused with this code of its own.
    #[must_use]
    pub fn is_refusal(&self, of: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == of)
    }

    /// The same, where a refusal says nothing about what was asked, or may be
    /// lifted: unknown.
    #[must_use]
    pub fn or_unknown(self) -> Self {
        match self {
            Self::Refused { code, message } => {
                Self::unknown(Doubt::Undecided, format!("{code}: {message}"))
            }
            other => other,
        }
    }
}

/// How a channel says an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Paid.
    Paid(PaidReport),
    /// Open: not paid yet.
    Pending,
    /// The payer approved; the money moves once it is captured.
    Approved,
    /// The channel has the payer's money and checks it; its reason. It may still come,
    /// or go back.
    Held(String),
    /// The payment failed; nothing was paid.
    Declined,
    /// Closed and unpaid.
    Closed,
    /// The channel does not know the number.
    NotFound,
}

/// A channel's verified word that an order was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaidReport {
    /// The merchant identity that the channel names, as [`Gateway::merchant`] spells it.
    pub merchant: String,
    /// The number that we gave the order.
    pub channel_order_no: String,
    /// The channel's number.
    pub trade_no: String,
    /// The order's sum, in the channel's currency.
    pub money: Money,
    /// When it was paid, ms since 1970, where the channel says so.
    pub paid_ms: Option<i64>,
    /// What went back of it since.
    pub given_back: GivenBack,
}

/// What a channel, asked about a paid order, shows to have gone back of it, by
/// refunds of ours too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GivenBack {
    /// Nothing.
    #[default]
    Nothing,
    /// A part or the whole: it does not say which.
    Untold,
    /// These.
    Parts(Vec<MoneyBack>),
}

/// A notify as it came in: nothing about it is known to be true.
#[derive(Clone, Debug)]
pub struct RawNotify {
    /// Header names in lower case, with their values.
    pub headers: Vec<(String, String)>,
    /// The raw bytes of the body.
    pub body: Vec<u8>,
    /// When it arrived, ms since 1970.
    pub received_ms: i64,
}

impl RawNotify {
    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// A verified notify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notify {
    /// An order was paid.
    Paid(PaidReport),
    /// An order changed in another way: ask the channel how it stands.
    Changed {
        /// The number that we gave it.
        channel_order_no: String,
    },
    /// A refund came to this state: ours, or one that was made at the channel.
    Refund {
        /// Our number of the refund, or whatever stands there for another's.
        refund_no: String,
        /// How it stands.
        report: RefundReport,
        /// What it was of, and how much.
        back: MoneyBack,
    },
    /// Money was taken from us without a refund of ours: a dispute, a chargeback.
    Reversed(MoneyBack),
    /// Genuine, and of no concern to us.
    Other(String),
    /// Genuine, and not to be understood: another currency than any of ours, a
    /// missing field; why. It is kept for a person, and settles nothing.
    Odd(String),
}

/// Money that went back to a payer, as its channel tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MoneyBack {
    /// Our number of the order, where the channel names it.
    pub channel_order_no: Option<String>,
    /// The channel's number of the payment, where it names that.
    pub trade_no: Option<String>,
    /// The channel's own number of what went back.
    pub number: String,
    /// How much.
    pub sum: BackSum,
}

/// How a channel tells the sum of what went back, in its currency.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackSum {
    /// Not at all: what is left of the payment.
    #[default]
    Rest,
    /// By itself.
    Of(Money),
    /// By all that went back of the payment so far.
    InAll(Money),
}

impl Notify {
    /// What a verified notify was read as; what can't be read is odd.
    #[must_use]
    pub fn verified(read: Result<Self, ChannelError>) -> Self {
        read.unwrap_or_else(|error| Self::Odd(error.to_string()))
    }
}

/// What a channel is answered to a notify.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: Cow<'static, str>,
}

/// Why no openid was had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OauthError {
    /// The code is invalid, used or too old: begin anew.
    #[error("the code is not taken: {}", printable(.0))]
    Code(String),
    /// The payer looks at a snapshot of the page: the openid is not a person's.
    #[error("the payer is in snapshot mode")]
    Snapshot,
    /// Anything else: configuration, limits, no connection.
    #[error("openid unavailable: {0}")]
    Unavailable(#[from] Unknown),
}

/// The way to a payer's openid (docs/reference/wechat.md, openid).
#[async_trait::async_trait]
pub trait Oauth: Send + Sync {
    /// Where the payer's browser goes; WeChat sends it on to `redirect_uri` with
    /// a code and `state`.
    fn authorize_url(&self, redirect_uri: &str, state: &str) -> String;
    /// The openid that a code stands for, once.
    async fn openid(&self, code: &str) -> Result<String, OauthError>;
}

/// One account at one channel.
///
/// An implementation verifies every answer over its raw bytes and never calls
/// an unverified one a failure.
#[async_trait::async_trait]
pub trait Gateway: Send + Sync {
    /// The channel.
    fn channel(&self) -> Channel;
    /// The account's name in our configuration.
    fn account(&self) -> &str;
    /// The address that its calls go to; empty where it makes none.
    fn address(&self) -> &str {
        ""
    }
    /// The merchant identity that reports must name.
    fn merchant(&self) -> String;
    /// To whom and for what it is offered.
    fn terms(&self) -> &Terms;
    /// Whether the account can start a payment of this kind.
    fn offers(&self, kind: Kind) -> bool;
    /// The channel's number for our order number, where its rule is tighter.
    fn order_no(&self, order_sn: &str) -> String {
        order_sn.to_owned()
    }
    /// Whether it makes orders without asking its channel, which meets them when their
    /// payers come: that one was made says nothing of the channel.
    fn makes_orders_alone(&self) -> bool {
        false
    }
    /// Whether an order may still be paid after its attempt has ended, because
    /// the channel can't close it or meets it only when the payer opens it: such
    /// an order is asked about for a day.
    fn lingers(&self) -> bool {
        false
    }
    /// Whether the channel, asked about a refund that it does not know, says so itself.
    /// Where it can't be asked, a refusal of a refund that was sent before proves nothing:
    /// the first one may have been taken.
    fn answers_for_refunds(&self) -> bool {
        true
    }
    /// Whether a refund waits until those of its order that were begun before it are
    /// answered.
    fn refunds_in_turn(&self) -> bool {
        false
    }
    /// How long the channel wants between two refunds of one order, ms.
    fn refund_gap_ms(&self) -> i64 {
        0
    }
    /// An order that was begun before this can't be opened any more by a payer who has
    /// not opened it yet, ms since 1970: he needs a new one.
    fn fresh_since_ms(&self, _now_ms: i64) -> i64 {
        i64::MIN
    }
    /// Asks the channel something that changes nothing, and says in words for the
    /// operator which setting or key is wrong, or why it could not be asked.
    async fn check(&self) -> Result<(), String>;
    /// The way to a payer's openid, where the account has one.
    fn oauth(&self) -> Option<&dyn Oauth> {
        None
    }
    /// Whether an order that is made again under the same number is the same order. Where
    /// not, one whose answer was lost is never made again: its payer gets a new attempt.
    fn repeats_orders(&self) -> bool {
        true
    }
    /// Makes the order. The same order again is the same order, but where
    /// [`Self::repeats_orders`] says no.
    async fn create(&self, order: &NewOrder) -> Result<Created, ChannelError>;
    /// Asks how the order stands.
    async fn query(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError>;
    /// Takes the money of an order that its payer approved; the same again takes
    /// it once.
    async fn capture(&self, _order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        Err(ChannelError::NotOffered)
    }
    /// Closes the order; `Ok` means that it takes no money any more, where the channel had
    /// it. Of one that it did not know, `Ok` may mean nothing.
    async fn close(&self, order: &ChannelOrder) -> Result<(), ChannelError>;
    /// Gives money back; the same refund number again is the same refund.
    async fn refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError>;
    /// Asks how a refund stands.
    async fn query_refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError>;
    /// Verifies a notify over its raw bytes, and only then reads it.
    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError>;
    /// What the signature of a notify that was read covers, in one form of it: the same is kept
    /// once. Its body, where the signature is over bytes and not values.
    fn signed<'a>(&self, notify: &'a RawNotify) -> Cow<'a, [u8]> {
        Cow::from(&notify.body)
    }
    /// What tells the channel "received" or "send it again".
    fn notify_answer(&self, received: bool) -> NotifyAnswer;
}
