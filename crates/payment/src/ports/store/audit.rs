//! What a person, a gauge or a check of the whole database looks at.

use super::Answer;
use crate::channel::Channel;
use crate::lang::Lang;
use crate::money::Money;
use crate::story::{Act, Checkpoint, Entry};

/// An order's story as it is kept, with what it must end with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Story {
    /// Whose story it is.
    pub order_sn: String,
    /// Its entries, oldest first.
    pub entries: Vec<Entry>,
    /// For each entry the digest of the raw bytes of its notify, where they are kept.
    pub bodies: Vec<Option<String>>,
    /// How many entries were written.
    pub length: i64,
    /// The hash of the last entry that was written.
    pub head: String,
}

/// That an entry was written to an order's story.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// When, ms since 1970.
    pub at_ms: i64,
    /// Of which order.
    pub order_sn: String,
}

/// A receiver that is gone, or a channel, may leave any number of lines of one cause: so many
/// of them are read.
pub const RISKS_MAX: usize = 1_000;

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
    /// A refund that another operator must grant.
    Asked,
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
    pub const ALL: [Self; 9] = [
        Self::Duplicate,
        Self::Late,
        Self::Mismatch,
        Self::Unknown,
        Self::Refund,
        Self::Asked,
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
            Self::Asked => "asked",
            Self::Callback => "callback",
            Self::Held => "held",
            Self::TakenBack => "takenback",
        }
    }

    /// What it is, and its one next step.
    #[must_use]
    pub fn told(self, lang: Lang) -> (&'static str, &'static str) {
        let (zh, en) = match self {
            Self::Duplicate => (
                (
                    "付了两次，这一笔还没退回",
                    "会自动退：打开订单看退款走到哪一步",
                ),
                (
                    "Paid twice, this one not given back yet",
                    "It goes back by itself: open the order and see how far its refund is",
                ),
            ),
            Self::Late => (
                (
                    "关闭之后才付，还没退回",
                    "会自动退；要认账：tongfu order honour",
                ),
                (
                    "Paid after the request was closed, not given back yet",
                    "It goes back by itself; to let it pay: tongfu order honour",
                ),
            ),
            Self::Mismatch => (
                (
                    "收到的钱与订单对不上",
                    "看差在哪里。有订单号的：账户设错了就改好再 tongfu order requery；不该收的，到渠道\
                     后台退，再 order looked-after 和 order unpaid。没有的：认得出就 tongfu notify \
                     attach",
                ),
                (
                    "Money that does not fit its order",
                    "See what differs. Of an order: where its account is set wrongly, mend that and \
                     tongfu order requery; else give it back at the channel's console, then order \
                     looked-after and order unpaid. Of none: where you know it, tongfu notify attach",
                ),
            ),
            Self::Unknown => (
                ("渠道没说结果", "打开订单，现在查询"),
                (
                    "The channel has not said how it ended",
                    "Open the order and ask now",
                ),
            ),
            Self::Refund => (
                (
                    "退款失败，或渠道做不了",
                    "等人处理的在渠道后台了结，失败的用别的办法退，再 tongfu order refund --by-hand 退款号 --way channel 或 another",
                ),
                (
                    "A refund failed, or the channel can't do it",
                    "End one that waits for a person at its channel, give one that failed back by \
                     another way; then tongfu order refund --by-hand REFUND_NO --way channel or another",
                ),
            ),
            Self::Asked => (
                (
                    "有人要退款，等另一个人同意",
                    "打开订单，同意或拒绝；一天后过期",
                ),
                (
                    "A refund that another operator must grant",
                    "Open the order and grant or refuse it; it expires after a day",
                ),
            ),
            Self::Callback => (
                ("业务系统没收下回调", "打开订单看它答了什么，修好再重发"),
                (
                    "The business system did not take its callback",
                    "Open the order, see what it answered, mend that and send again",
                ),
            ),
            Self::Held => (
                ("钱在渠道审核", "等，或到渠道后台看"),
                (
                    "The channel holds the money and checks it",
                    "Wait, or look at its console",
                ),
            ),
            Self::TakenBack => (
                (
                    "钱被渠道退走，不是我们退的",
                    "到渠道后台核对：争议还是人工退款；处理了就 tongfu order looked-after",
                ),
                (
                    "Money went back without a refund of ours",
                    "Look at the channel's console: a dispute, or by hand; once you have seen to \
                     it, tongfu order looked-after",
                ),
            ),
        };
        lang.choose(zh, en)
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
    /// The sum at risk: of a refund its own, of one that is asked for what is asked for, else
    /// the order's; none where no order is known.
    pub money: Option<Money>,
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
    /// When the oldest callback was written that still waits, ms since 1970.
    pub oldest_callback_ms: Option<i64>,
}

/// What a person, a gauge or a check of the whole database looks at.
#[async_trait::async_trait]
pub trait Audit: Send + Sync {
    /// The order's story.
    async fn story(&self, order_sn: &str) -> Answer<Option<Story>>;
    /// Money that needs a person's eye, the oldest first: of one cause at most [`RISKS_MAX`].
    async fn at_risk(&self, now_ms: i64) -> Answer<Vec<Risk>>;
    /// How many lines [`Audit::at_risk`] would have of each kind, in the order of
    /// [`RiskKind::ALL`]; cheap, however many orders there are.
    async fn risk_counts(&self, now_ms: i64) -> Answer<Vec<RiskCount>>;
    /// What of an order's money went back without a refund of ours and nobody has looked
    /// after: the refunds' numbers, or its own where its channel has not said how much.
    async fn to_look_after(&self, order_sn: &str) -> Answer<Vec<String>>;
    /// An operator has looked after one of these, which its story tells in these words: it is
    /// at risk no more. `false`: it is none of them.
    async fn look_after(
        &self,
        order_sn: &str,
        number: &str,
        detail: &str,
        act: Act,
    ) -> Answer<bool>;
    /// What waits to be done.
    async fn backlog(&self, now_ms: i64) -> Answer<Backlog>;
    /// The accounts that open orders or refunds wait for.
    async fn accounts_in_use(&self) -> Answer<Vec<(Channel, String)>>;
    /// States that contradict each other, a line each, around these orders, or, without
    /// any, what no order leads to; none in a sound database.
    async fn contradictions(&self, among: Option<&[String]>) -> Answer<Vec<String>>;
    /// Numbers of up to `limit` orders that come after this one.
    async fn order_numbers(&self, after: &str, limit: i64) -> Answer<Vec<String>>;
    /// Orders whose stories have entries after this one, by the entries' times and
    /// numbers; an order comes once for each time.
    async fn orders_told(&self, after: &Told, limit: i64) -> Answer<Vec<Told>>;
    /// The stories of these orders, by their numbers.
    async fn stories(&self, orders: &[String]) -> Answer<Vec<Story>>;
    /// What was looked over and found sound, the oldest first.
    async fn checkpoints(&self) -> Answer<Vec<Checkpoint>>;
    /// Gives up what was kept, so that another record can begin.
    async fn unseal(&self) -> Answer<()>;
    /// Keeps the next one. `false`: another one was kept in its place.
    async fn seal(&self, checkpoint: &Checkpoint) -> Answer<bool>;
}
