//! Money that goes back.

use super::Answer;
use super::callbacks::NewCallback;
use crate::by_two::{Hands, Meant, NotMeant, RefundRequest};
use crate::money::Money;
use crate::refund::{ByHand, Cause, Left, ON_ITS_WAY, Refund, SILENT_MS, WAY_END_MS};
use crate::story::Act;

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
    /// What refunds of this cause may give back for its business system within 24 hours,
    /// minor units; none: no limit but what was paid.
    pub day_max: Option<i64>,
    /// Which operators stand behind it, where they do.
    pub hands: Option<Hands>,
    /// Why, in an operator's words: for the order's story; empty where nobody says.
    pub reason: String,
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
    /// How its money went back, where an operator says that it is back.
    pub by_hand: Option<ByHand>,
    /// When it was written down.
    pub created_ms: i64,
}

impl RefundRow {
    /// Whether it may have been made in the place of another one: of the same sum, since that
    /// failed; or, of one that may still be made, by a hand at the channel.
    #[must_use]
    pub fn stands_for(&self, other: &Self) -> bool {
        let is_later = (self.created_ms, &self.refund_no) > (other.created_ms, &other.refund_no);
        let is_alike = match self.cause {
            // Its sum in the request's currency was reckoned back.
            Cause::AtChannel => self.channel_money == other.channel_money,
            _ => !other.state.counts() && self.money == other.money,
        };
        is_later && is_alike && self.state.counts()
    }

    /// Whether a person may note it as given back: it failed or is parked, or its channel,
    /// which has it, has said for too long nothing of its end.
    #[must_use]
    pub fn may_end_by_hand(&self, now_ms: i64) -> bool {
        let limit_ms = match self.note == ON_ITS_WAY {
            true => WAY_END_MS,
            false => SILENT_MS,
        };
        match self.state {
            Refund::Failed | Refund::Parked => true,
            Refund::Sent => now_ms - self.created_ms > limit_ms,
            Refund::New | Refund::Done | Refund::Withdrawn => false,
        }
    }

    /// Whether what went back by it is in what its channel says to have given back: not what
    /// a person paid by another way.
    #[must_use]
    pub fn is_of_its_channel(&self) -> bool {
        self.by_hand != Some(ByHand::AnotherWay)
    }

    /// Whether its channel's word that it is done, with this number of the channel's own,
    /// tells of other money than what ended it: a person gave that back by another way, or
    /// there by another number, or its order was let pay its request.
    #[must_use]
    pub fn is_beside(&self, reference: Option<&str>) -> bool {
        match self.by_hand {
            Some(ByHand::AnotherWay) => true,
            Some(ByHand::ByAnother) => self.reference.as_deref() != reference,
            Some(ByHand::AtChannel | ByHand::ByOurs) => false,
            None => self.state == Refund::Withdrawn,
        }
    }

    /// What it is called outside: by its key, or, without one, by our number. The
    /// operator's own names stay with him.
    #[must_use]
    pub fn shown_key(&self) -> &str {
        match (&self.refund_key, self.cause) {
            (Some(key), cause) if cause != Cause::Operator => key,
            _ => &self.refund_no,
        }
    }
}

/// A refund's next state, and what goes with it.
#[derive(Clone, Copy)]
pub struct RefundStep<'a> {
    /// The state that it comes to, where it may go there.
    pub next: Refund,
    /// The channel's own number of it, where it gave one.
    pub reference: Option<&'a str>,
    /// Why, for the operator.
    pub note: &'a str,
    /// How its money went back, where an operator says that it is back.
    pub by_hand: Option<ByHand>,
    /// When it is looked at again, ms since 1970.
    pub next_ms: Option<i64>,
    /// What the business system is told if this brings it to another state.
    pub callback: Option<WriteCallback<'a>>,
    /// When, and who says so.
    pub act: Act,
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
    /// What was left when the sum was reckoned from that: nothing is kept where it is
    /// another meanwhile.
    pub reckoned_from: Option<Left>,
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
    /// More than may go back within a day.
    OverDay,
    /// More than an operator may give back alone.
    NeedsTwo,
    /// What was to be granted does not wait for it, or no more.
    NotAsked,
    /// What an operator may not mean.
    NotMeant(NotMeant),
    /// Nothing is left of it in the channel's currency.
    TooLittle,
    /// A number was taken: make a new one and try again.
    NumberTaken,
}

/// Writes a refund's callback, given all that went back of its payment, minor units of
/// the request's currency: that sum is known only where no other refund can end.
pub type WriteCallback<'a> = &'a (dyn Fn(i64) -> NewCallback + Send + Sync);

/// A business system that asked for many refunds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Which.
    pub domain_code: String,
    /// How many.
    pub count: i64,
}

/// Refunds that one operator asks for and another grants, by
/// [`Refunds::begin_refund`].
#[async_trait::async_trait]
pub trait RefundRequests: Send + Sync {
    /// Keeps what an operator asks for, where he means it, which waits, and tells it in its
    /// order's story; gives what was asked for of this order under the same key, whenever that
    /// was.
    async fn ask_refund(
        &self,
        new: &RefundRequest,
        meant: Meant,
    ) -> Answer<Result<RefundRequest, NotMeant>>;
    /// What has this number.
    async fn refund_request(&self, request_no: &str) -> Answer<Option<RefundRequest>>;
    /// All that was asked for of an order, oldest first.
    async fn refund_requests(&self, order_sn: &str) -> Answer<Vec<RefundRequest>>;
    /// All that wait then, oldest first.
    async fn waiting_refund_requests(&self, now_ms: i64) -> Answer<Vec<RefundRequest>>;
    /// Refuses what waits, or takes it back, for a reason that its order's story tells;
    /// whether it waited.
    async fn refuse_refund(
        &self,
        request_no: &str,
        by: &str,
        reason: &str,
        now_ms: i64,
    ) -> Answer<bool>;
}

/// Money that goes back.
#[async_trait::async_trait]
pub trait Refunds: Send + Sync {
    /// Writes a refund down, within the sum that was paid.
    async fn begin_refund(&self, new: &NewRefund) -> Answer<Refunded>;
    /// Brings a refund forward, and shows it in its request's status; gives it as
    /// it stands then.
    async fn step_refund(&self, refund_no: &str, step: &RefundStep<'_>) -> Answer<RefundRow>;
    /// The same for a refund that somebody made at its channel by another number, under which
    /// it was kept as money that went back without a refund of ours: that row is withdrawn in
    /// the same moment, and `told` says so.
    async fn step_refund_of(
        &self,
        refund_no: &str,
        at_channel: &str,
        step: &RefundStep<'_>,
        told: Option<WriteCallback<'_>>,
    ) -> Answer<RefundRow>;
    /// The channel tells under which number of its own it knows refunds of one order that a
    /// person gave back there: of those that are [`ByHand::AtChannel`], once. Gives whether all
    /// of them were.
    async fn name_by_hand(&self, refund_nos: &[String], reference: &str, act: Act) -> Answer<bool>;
    /// Takes the step of a refund that is new; whether it was new until now: of all workers
    /// that hold it, one alone brings it to [`Refund::Sent`](crate::refund::Refund::Sent),
    /// and none that is slower puts off what has left.
    async fn claim_refund(&self, refund_no: &str, step: &RefundStep<'_>) -> Answer<bool>;
    /// Keeps money that went back without a refund of ours as given back, with what the
    /// business system is told of it; nothing where its key is kept already.
    async fn take_back(&self, new: &TakenBack<'_>) -> Answer<Option<RefundRow>>;
    /// The refund of this number.
    async fn refund(&self, refund_no: &str) -> Answer<Option<RefundRow>>;
    /// All refunds of an order, oldest first.
    async fn refunds(&self, order_sn: &str) -> Answer<Vec<RefundRow>>;
    /// Takes up to `limit` refunds that are due, and puts them to `again_ms`.
    async fn take_due_refunds(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<RefundRow>>;
    /// Business systems that asked for `least` refunds or more since then, ms since 1970.
    async fn many_refunds(&self, since_ms: i64, least: i64) -> Answer<Vec<Asked>>;
    /// How many one asked for between two times, ms since 1970.
    async fn refunds_between(&self, domain_code: &str, from_ms: i64, to_ms: i64) -> Answer<i64>;
}
