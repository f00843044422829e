//! One channel account, as the use cases see it.

use crate::channel::Channel;
use crate::money::Money;

/// How a payment is started at a channel (design rule 2).
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
    /// A form for a mobile browser.
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

/// An order to be made at a channel.
#[derive(Clone, Debug)]
pub struct NewOrder {
    /// How the payer will pay.
    pub kind: Kind,
    /// The number that the channel knows the order by.
    pub channel_order_no: String,
    /// What the payer buys; the adapter shortens it to the channel's limit.
    pub goods: String,
    /// The sum in the channel's currency.
    pub money: Money,
    /// When the attempt ends, ms since 1970.
    pub expires_ms: i64,
    /// The payer's openid, for [`Kind::Jsapi`].
    pub openid: Option<String>,
}

/// A channel took the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Created {
    /// What the page needs to go on: the code to scan, bridge parameters, or a form.
    pub obj: String,
}

/// Why a channel call gave no answer to rely on (design rule 5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The channel refused for certain; nothing was done.
    #[error("refused by the channel: {code}: {message}")]
    Refused {
        /// The channel's own code.
        code: String,
        /// The channel's own text, for the log.
        message: String,
    },
    /// Time-out, 5xx, or an answer that does not verify: only a query settles it.
    #[error("outcome unknown: {0}")]
    Unknown(String),
    /// This account or channel does not offer the call.
    #[error("not offered by this channel account")]
    NotOffered,
}

/// How a channel says an order stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderState {
    /// Paid.
    Paid(PaidReport),
    /// Open: not paid yet.
    Pending,
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
    /// Genuine, and of no concern to us.
    Other(String),
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
    /// The merchant identity that reports must name.
    fn merchant(&self) -> String;
    /// Whether the account is offered to payers who start a payment now.
    fn enabled(&self) -> bool;
    /// Whether the account can start a payment of this kind.
    fn offers(&self, kind: Kind) -> bool;
    /// Makes the order. The same order again is the same order.
    async fn create(&self, order: &NewOrder) -> Result<Created, ChannelError>;
    /// Asks how the order stands.
    async fn query(&self, channel_order_no: &str) -> Result<OrderState, ChannelError>;
    /// Closes the order; `Ok` means that it is closed and unpaid.
    async fn close(&self, channel_order_no: &str) -> Result<(), ChannelError>;
    /// Verifies a notify over its raw bytes, and only then reads it.
    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError>;
    /// The status and body that tell the channel "received" or "send it again".
    fn notify_answer(&self, received: bool) -> (u16, String);
}
