//! Notifies as they came, until they are worked on.

use super::Answer;
use crate::channel::Channel;
use crate::story::Act;

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

/// A notify, and what became of it.
#[derive(Clone, Debug)]
pub struct SeenNotify {
    /// The notify as it came; without headers and body where they were pruned.
    pub row: NotifyRow,
    /// What a person reads of what became of it; none where nobody has worked on it yet.
    pub outcome: Option<String>,
}

/// What became of the wish to attach a notify to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attached {
    /// It stands in the order's story, and is at risk no more.
    Done,
    /// There is no such notify, or it is none that a person has to look at.
    NotStray,
    /// There is no such order.
    NoOrder,
}

/// What became of a notify. Whether a person has to look at it follows from this
/// and never from how it is worded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyOutcome {
    /// Its money is what its order says.
    Settled,
    /// Its money differs from its order, which keeps the difference.
    Differs,
    /// It names no order of ours.
    NoSuchOrder,
    /// It is genuine, and can't be understood or be about what it names.
    Odd,
    /// Its refund is not done, and none of ours.
    NotOurs,
    /// It told of a refund of ours.
    Refund,
    /// It told of money that went back, which was known.
    Known,
    /// Money went back without a refund of ours, and is kept as given back.
    TakenBack,
    /// Money went back, and nothing was left of its order.
    NothingLeft,
    /// The channel was asked, since it is a hint and no more.
    Asked,
    /// It is of a kind that we do nothing about.
    Ignored,
    /// It could not be worked on yet.
    PutOff,
    /// A person has seen which order it is about.
    Attached,
}

impl NotifyOutcome {
    /// The word under which the store keeps it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Differs => "differs",
            Self::NoSuchOrder => "nosuchorder",
            Self::Odd => "odd",
            Self::NotOurs => "notours",
            Self::Refund => "refund",
            Self::Known => "known",
            Self::TakenBack => "takenback",
            Self::NothingLeft => "nothingleft",
            Self::Asked => "asked",
            Self::Ignored => "ignored",
            Self::PutOff => "putoff",
            Self::Attached => "attached",
        }
    }

    /// What a person reads of it. Programs that know no [`Self::word`] list by it what
    /// begins with `mismatch:` or is `no such order`.
    #[must_use]
    pub fn text(self, detail: &str) -> String {
        match self {
            Self::Settled => "settled".to_owned(),
            Self::Differs => "mismatch".to_owned(),
            Self::NoSuchOrder => "no such order".to_owned(),
            Self::Odd => format!("mismatch: {detail}"),
            Self::NotOurs => "a refund of another's that is not done".to_owned(),
            Self::Refund => "refund".to_owned(),
            Self::Known => "known".to_owned(),
            Self::TakenBack => detail.to_owned(),
            Self::NothingLeft => format!("{detail}: nothing was left of the order"),
            Self::Asked => format!("asked: {detail}"),
            Self::Ignored => format!("ignored: {detail}"),
            Self::PutOff => format!("put off: {detail}"),
            Self::Attached => format!("attached by a person: {detail}"),
        }
    }
}

/// Notifies as they came, until they are worked on.
#[async_trait::async_trait]
pub trait Notifies: Send + Sync {
    /// Keeps a notify as it came; gives its number, or nothing where one of the account's
    /// that signed the same is kept already. Who keeps it works on it; if he dies, it is due
    /// at `again_ms`.
    async fn keep_notify(
        &self,
        notify: &NotifyRow,
        signed: &[u8],
        again_ms: i64,
    ) -> Answer<Option<i64>>;
    /// Takes up to `limit` notifies that nobody has worked on to the end, and puts
    /// them to `again_ms`.
    async fn take_due_notifies(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<KeptNotify>>;
    /// Notes what became of a notify, and what there is to say of that. Where it
    /// could not be worked on, it is due again at `again_ms`.
    async fn mark_notify(
        &self,
        id: i64,
        outcome: NotifyOutcome,
        detail: &str,
        again_ms: Option<i64>,
    ) -> Answer<()>;
    /// A notify as a person looks at it.
    async fn notify(&self, id: i64) -> Answer<Option<SeenNotify>>;
    /// A person has seen which order a notify is about that fitted none, or could not be
    /// understood: it stands in that order's story. No state changes by it.
    async fn attach_notify(
        &self,
        id: i64,
        order_sn: &str,
        reason: &str,
        act: Act,
    ) -> Answer<Attached>;
    /// The raw body of a notify.
    async fn notify_body(&self, id: i64) -> Answer<Option<Vec<u8>>>;
}
