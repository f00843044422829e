//! The states of one refund (docs/protocol.md; docs/reference/refunds.md).

use crate::money::Money;
use crate::ports::RefundRow;
use crate::status::PayStatus;

/// Where one refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refund {
    /// Written down, not sent yet.
    New,
    /// Sent: its outcome is awaited, or asked for.
    Sent,
    /// The money is back with the payer.
    Done,
    /// The channel refused it.
    Failed,
    /// A person must end it, at the channel or by other means: money at risk, for
    /// the operator. It is not sent again.
    Parked,
    /// It never left, or waited for a person, who may still make it: the operator let the
    /// late money pay its request.
    Withdrawn,
}

/// A channel that has said nothing for this long, ms, about a refund that it was
/// sent is told to the operator, who may end it.
pub const SILENT_MS: i64 = 600_000;

/// What is noted of a refund whose channel said last that it is on its way.
pub const ON_ITS_WAY: &str = "on its way";

/// A refund that has been on its way for longer, ms, is told to the operator too: a bank may
/// take some working days, and WeChat waits for the balance of a merchant that is short.
pub const WAY_MS: i64 = 4 * 86_400_000;

/// It may be ended by hand after this, ms: WeChat may pay it for seven days, and then says
/// that it is closed.
pub const WAY_END_MS: i64 = 8 * 86_400_000;

/// Why money goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The business system asked for it.
    Business,
    /// The operator asked for it.
    Operator,
    /// Another attempt had paid the request already (rule 3).
    Duplicate,
    /// The request was closed before the money came (rule 7).
    AfterClose,
    /// A dispute or chargeback took it: no refund of ours.
    Chargeback,
    /// Somebody gave it back in the channel's own console.
    AtChannel,
}

/// The beginning of the refundKey under which money is kept that went back without a
/// refund of ours; no business system may use it.
pub const AT_CHANNEL_PREFIX: &str = "ch-";

/// What is noted of a paid order that shows money given back, and no sum.
pub const UNTOLD: &str =
    "given back, at least in part, without a refund of ours: see at the channel";

impl Refund {
    /// Every state.
    pub const ALL: [Self; 6] = [
        Self::New,
        Self::Sent,
        Self::Done,
        Self::Failed,
        Self::Parked,
        Self::Withdrawn,
    ];

    /// The state after a channel's word, or as it is: states only go forward.
    #[must_use]
    pub fn forward(self, next: Self) -> Self {
        match (self, next) {
            (Self::Done | Self::Withdrawn, _) | (Self::Sent, Self::Withdrawn) => self,
            // A refund that was called failed and then done is done.
            (Self::Failed | Self::Parked, Self::New | Self::Sent) => self,
            (Self::Sent, Self::New) => self,
            _ => next,
        }
    }

    /// Whether it waits for the channel or for us.
    #[must_use]
    pub fn is_open(self) -> bool {
        matches!(self, Self::New | Self::Sent)
    }

    /// Whether its channel may still bring it to its end: it is asked about.
    #[must_use]
    pub fn is_awaited(self) -> bool {
        self.is_open() || self == Self::Parked
    }

    /// Whether its sum is, or may be, given back.
    #[must_use]
    pub fn counts(self) -> bool {
        !matches!(self, Self::Failed | Self::Withdrawn)
    }

    /// Whether its money is back.
    #[must_use]
    pub fn is_done(self) -> bool {
        self == Self::Done
    }

    /// The seed's word for it. A parked one is not called failed: its money may be
    /// back already, and who gives it back once more gives it twice.
    #[must_use]
    pub const fn status(self) -> PayStatus {
        match self {
            Self::New => PayStatus::NotRefund,
            Self::Sent | Self::Parked => PayStatus::WaitRefund,
            Self::Done => PayStatus::SuccessRefund,
            Self::Failed | Self::Withdrawn => PayStatus::FailureRefund,
        }
    }

    /// The word under which the store keeps it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Parked => "PARKED",
            Self::Withdrawn => "WITHDRAWN",
            other => other.status().word(),
        }
    }

    /// Reads the store's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 6] = [
        Self::Business,
        Self::Operator,
        Self::Duplicate,
        Self::AfterClose,
        Self::Chargeback,
        Self::AtChannel,
    ];

    /// The word under which the store keeps it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Business => "business",
            Self::Operator => "operator",
            Self::Duplicate => "duplicate",
            Self::AfterClose => "afterclose",
            Self::Chargeback => "chargeback",
            Self::AtChannel => "atchannel",
        }
    }

    /// Whether it is told to the business system: money beside its request is none of
    /// its own.
    #[must_use]
    pub fn is_told(self) -> bool {
        !matches!(self, Self::Duplicate | Self::AfterClose)
    }

    /// Whether it went back at the channel, without a refund of ours.
    #[must_use]
    pub fn is_at_channel(self) -> bool {
        matches!(self, Self::Chargeback | Self::AtChannel)
    }

    /// Reads the store's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.word() == word)
    }
}

/// Until when a new refund waits, ms since 1970, where its channel wants `gap_ms` between
/// the refunds of one order; `None`: it may leave now. `all` are the order's.
///
/// Turns follow from when the refunds were begun, so that every instance reckons the same;
/// where earlier ones are late, and have not left, it waits for those too. What was begun
/// by a clock that was ahead holds nothing up.
#[must_use]
pub fn waits_until_ms(all: &[RefundRow], row: &RefundRow, gap_ms: i64, now_ms: i64) -> Option<i64> {
    let place = |one: &RefundRow| (one.created_ms, one.refund_no.clone());
    let mut before: Vec<_> = all
        .iter()
        .filter(|one| place(one) < place(row) && one.created_ms <= now_ms)
        .filter(|one| !one.cause.is_at_channel())
        .collect();
    before.sort_by_key(|one| place(one));
    let next = |free_ms: i64, one: &&RefundRow| free_ms.max(one.created_ms).saturating_add(gap_ms);
    let turn_ms = before.iter().fold(i64::MIN, next);
    let late = before.iter().filter(|one| one.state == Refund::New);
    let after_late_ms = late.fold(now_ms, |ms, _| ms.saturating_add(gap_ms));
    Some(turn_ms.max(after_late_ms)).filter(|until_ms| *until_ms > now_ms)
}

/// Whether a refund that has not left waits for another one of its order, where the channel
/// wants them in turn: for one that was begun before it, and for each that was sent and not
/// answered. `all` are the order's.
#[must_use]
pub fn waits_for_another(all: &[RefundRow], row: &RefundRow) -> bool {
    let place = |one: &RefundRow| (one.created_ms, one.refund_no.clone());
    let others = all.iter().filter(|one| one.refund_no != row.refund_no);
    let mut others = others.filter(|one| !one.cause.is_at_channel());
    others.any(|one| match one.state {
        Refund::New => place(one) < place(row),
        Refund::Sent => one.reference.is_none(),
        Refund::Parked | Refund::Done | Refund::Failed | Refund::Withdrawn => false,
    })
}

/// How the money of a refund went back that an operator says is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByHand {
    /// By another way than its channel, as by a bank transfer.
    AnotherWay,
    /// At its channel, and nothing has told yet whether by our number or by another one.
    AtChannel,
    /// At its channel, by our number.
    ByOurs,
    /// At its channel, by another number: the refund's reference.
    ByAnother,
}

impl ByHand {
    const ALL: [Self; 4] = [
        Self::AnotherWay,
        Self::AtChannel,
        Self::ByOurs,
        Self::ByAnother,
    ];

    /// Its word in the database.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::AnotherWay => "another way",
            Self::AtChannel => "at the channel",
            Self::ByOurs => "there by our number",
            Self::ByAnother => "there by another number",
        }
    }

    /// Reads its word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.word() == word)
    }

    /// The refund's note, for the operator.
    #[must_use]
    pub fn note(self) -> &'static str {
        match self {
            Self::AnotherWay => "given back by hand, by another way",
            Self::AtChannel | Self::ByOurs => "given back by hand at the channel",
            Self::ByAnother => "given back by hand at the channel, by another number",
        }
    }
}

/// Which way an operator says that a refund's money went back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// At its channel's console.
    Channel,
    /// By another one, as by a bank transfer.
    Another,
}

impl Way {
    /// Its word in forms and commands.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Channel => "channel",
            Self::Another => "another",
        }
    }

    /// Reads its word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Channel, Self::Another]
            .into_iter()
            .find(|one| one.word() == word)
    }
}

/// The note of a refund that an operator ends, since it fits no more beside what went back.
pub const NOTHING_LEFT_FOR_IT: &str = "what it was to give back went back without it";

/// What these refunds gave back in all, minor units of the request.
#[must_use]
pub fn given_back(refunds: &[RefundRow]) -> i64 {
    let done = refunds.iter().filter(|refund| refund.state.is_done());
    done.map(|refund| refund.money.minor()).sum()
}

/// What is left to refund of a payment, in both of its currencies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Minor units of the request's currency.
    pub money: i64,
    /// Minor units of the channel's currency.
    pub channel: i64,
}

impl Left {
    /// What of a payment is neither given back nor on its way back: the request's sum
    /// `paid`, and what the channel took for it.
    #[must_use]
    pub fn of(paid: Money, channel_paid: Money, refunds: &[RefundRow]) -> Self {
        Self::after(paid, channel_paid, refunds, Refund::counts)
    }

    /// What there is for one of them: beside what went back, where its sum counts already;
    /// beside all that may go back, where it does not.
    #[must_use]
    pub fn beside(
        paid: Money,
        channel_paid: Money,
        refunds: &[RefundRow],
        refund: &RefundRow,
    ) -> Self {
        let others = refunds.iter();
        let others = others.filter(|one| one.refund_no != refund.refund_no);
        let states = match refund.state.counts() {
            true => Refund::is_done,
            false => Refund::counts,
        };
        Self::after(paid, channel_paid, others, states)
    }

    /// Whether a refund fits into it: by what its channel gives back, and, where its sum
    /// does not count yet, by that too.
    #[must_use]
    pub fn holds(self, refund: &RefundRow) -> bool {
        let fits = refund.state.counts() || refund.money.minor() <= self.money;
        fits && refund.channel_money.minor() <= self.channel
    }

    /// What the refunds in these states leave; never less than nothing, though a refund
    /// of ours may wait for money that went back without it.
    #[must_use]
    pub fn after<'a>(
        paid: Money,
        channel_paid: Money,
        refunds: impl IntoIterator<Item = &'a RefundRow>,
        states: fn(Refund) -> bool,
    ) -> Self {
        let (mut money, mut channel) = (paid.minor(), channel_paid.minor());
        let refunds = refunds.into_iter();
        for refund in refunds.filter(|refund| states(refund.state)) {
            money -= refund.money.minor();
            channel -= refund.channel_money.minor();
        }
        Self {
            money: money.max(0),
            channel: channel.max(0),
        }
    }
}

/// Refunds that a person may end and that no longer fit beside what else went back, which none
/// of them is: they can be made no more.
pub fn in_vain(
    paid: Money,
    channel_paid: Money,
    refunds: &[RefundRow],
    now_ms: i64,
) -> impl Iterator<Item = &RefundRow> {
    refunds.iter().filter(move |one| {
        let left = Left::beside(paid, channel_paid, refunds, one);
        let may_be_other = refunds.iter().any(|other| other.stands_for(one));
        one.state.counts() && one.may_end_by_hand(now_ms) && !left.holds(one) && !may_be_other
    })
}

/// The channel's sum for a refund of `amount` out of a payment of `paid`, for
/// which the channel took `channel_paid`: what is given back in all stays in
/// proportion, half up, so that roundings don't add up, and the last refund takes
/// what is left: the parts make the whole, and one that is not the last leaves it something.
/// `None` when more is asked for than is left.
#[must_use]
pub fn share(paid: i64, channel_paid: i64, left: Left, amount: i64) -> Option<i64> {
    if amount < 1 || amount > left.money {
        return None;
    }
    if amount == left.money {
        return Some(left.channel);
    }
    let given = paid - left.money + amount;
    let (paid, wide) = (
        i128::from(paid),
        i128::from(given) * i128::from(channel_paid),
    );
    let in_all = i64::try_from((2 * wide + paid) / (2 * paid)).ok()?;
    let before = channel_paid - left.channel;
    let most = (left.channel - 1).max(left.channel.min(1));
    Some((in_all - before).clamp(0, most))
}

/// The same the other way: the request's sum for `amount` that went back at the channel
/// without a refund of ours, never more than is left of either.
#[must_use]
pub fn share_at_channel(paid: i64, channel_paid: i64, left: Left, amount: i64) -> Option<Left> {
    let channel = amount.min(left.channel);
    if channel < 1 || left.money < 1 {
        return None;
    }
    if channel == left.channel {
        return Some(left);
    }
    let (wide, by) = (
        i128::from(channel) * i128::from(paid),
        i128::from(channel_paid),
    );
    let money = i64::try_from((2 * wide + by) / (2 * by)).ok()?;
    let money = money.clamp(1, left.money);
    Some(Left { money, channel })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    #[test]
    fn a_part_leaves_the_last_one_something() {
        let left = |money, channel| Left { money, channel };
        assert_eq!(share(1000, 141, left(1000, 141), 997), Some(140));
        assert_eq!(share(1000, 141, left(3, 1), 3), Some(1));
        assert_eq!(share(1000, 141, left(3, 1), 2), Some(1));
    }

    #[test]
    fn what_went_back_at_the_channel_takes_no_more_than_is_left() {
        let left = Left {
            money: 100,
            channel: 15,
        };
        let part = |amount| share_at_channel(100, 15, left, amount);
        let shared = |money, channel| Some(Left { money, channel });
        assert_eq!(part(3), shared(20, 3));
        assert_eq!(part(15), shared(100, 15));
        assert_eq!(part(99), shared(100, 15));
        assert_eq!(part(0), None);
        let none = Left {
            money: 0,
            channel: 0,
        };
        assert_eq!(share_at_channel(100, 15, none, 3), None);
    }

    #[test]
    fn states_only_go_forward() {
        for state in Refund::ALL {
            assert_eq!(Refund::Done.forward(state), Refund::Done);
            let known = state != Refund::Withdrawn;
            assert_eq!(state.forward(Refund::Done) == Refund::Done, known);
            assert_eq!(Refund::Withdrawn.forward(state), Refund::Withdrawn);
        }
        // What has left can't be withdrawn.
        assert_eq!(Refund::Sent.forward(Refund::Withdrawn), Refund::Sent);
        assert_eq!(Refund::New.forward(Refund::Withdrawn), Refund::Withdrawn);
        assert_eq!(Refund::Parked.forward(Refund::Withdrawn), Refund::Withdrawn);
        assert_eq!(Refund::New.forward(Refund::Sent), Refund::Sent);
        assert_eq!(Refund::Sent.forward(Refund::New), Refund::Sent);
        assert_eq!(Refund::Sent.forward(Refund::Failed), Refund::Failed);
        assert_eq!(Refund::Failed.forward(Refund::Sent), Refund::Failed);
        assert_eq!(Refund::Parked.forward(Refund::Sent), Refund::Parked);
    }

    #[test]
    fn parts_make_the_whole_in_both_currencies() {
        // 100 fen were 15 cents: three refunds give exactly 15 back.
        let mut left = Left {
            money: 100,
            channel: 15,
        };
        let mut parts = Vec::new();
        for amount in [33, 33, 34] {
            let part = share(100, 15, left, amount).unwrap();
            left.money -= amount;
            left.channel -= part;
            parts.push(part);
        }
        assert_eq!(parts, [5, 5, 5]);
        assert_eq!(
            left,
            Left {
                money: 0,
                channel: 0
            }
        );
    }

    #[test]
    fn roundings_do_not_add_up() {
        // 100.00 were paid as 105.00: three thirds leave a fen on both sides.
        let mut left = Left {
            money: 10_000,
            channel: 10_500,
        };
        let mut parts = Vec::new();
        for amount in [3_333, 3_333, 3_333, 1] {
            let part = share(10_000, 10_500, left, amount).unwrap();
            left.money -= amount;
            left.channel -= part;
            parts.push(part);
        }
        assert_eq!(parts, [3_500, 3_499, 3_500, 1]);
        assert_eq!((left.money, left.channel), (0, 0));
    }

    /// A refund of a fen that was begun then, under a number that follows from that.
    fn begun(created_ms: i64, cause: Cause, state: Refund) -> RefundRow {
        let fen = Money::from_minor(1, Currency::Cny).unwrap();
        RefundRow {
            refund_no: format!("R{created_ms}"),
            order_sn: "o".to_owned(),
            refund_key: None,
            money: fen,
            channel_money: fen,
            cause,
            state,
            reference: None,
            note: String::new(),
            by_hand: None,
            created_ms,
        }
    }

    /// A payment of 100 was taken as 15 elsewhere; what a hand there gives back is reckoned
    /// back, and is not the sum that was asked for.
    #[test]
    fn what_was_made_at_the_channel_is_told_by_the_channels_sum() {
        let of = |ms, cause, state, (fen, cents)| RefundRow {
            money: Money::from_minor(fen, Currency::Cny).unwrap(),
            channel_money: Money::from_minor(cents, Currency::Usd).unwrap(),
            ..begun(ms, cause, state)
        };
        let paid = Money::from_minor(100, Currency::Cny).unwrap();
        let taken = Money::from_minor(15, Currency::Usd).unwrap();
        let waits = of(1, Cause::Business, Refund::Parked, (30, 5));
        let there = of(2, Cause::AtChannel, Refund::Done, (33, 5));
        assert!(there.stands_for(&waits));
        let both = [waits.clone(), there];
        assert_eq!(in_vain(paid, taken, &both, 0).count(), 0);
        // What is under way takes nothing from one that counts already, what is back does.
        let (sent, back) = (Refund::Sent, Refund::Done);
        for (state, in_all) in [(sent, 0), (back, 1)] {
            let other = of(2, Cause::Business, state, (80, 12));
            let all = [waits.clone(), other];
            assert_eq!(in_vain(paid, taken, &all, 0).count(), in_all);
        }
        // One that failed fits by both sums, or not.
        let failed = of(1, Cause::Business, Refund::Failed, (33, 5));
        let other = of(2, Cause::Business, Refund::Done, (68, 10));
        let left = Left::beside(paid, taken, &[failed.clone(), other], &failed);
        assert!(!left.holds(&failed), "{left:?}");
    }

    #[test]
    fn refunds_of_an_order_leave_a_gap_apart() {
        let ours = |ms, state| begun(ms, Cause::Business, state);
        let (sent, new) = (|ms| ours(ms, Refund::Sent), |ms| ours(ms, Refund::New));
        // The third one's turn is a gap after the second one's.
        let all = [sent(100), sent(130), new(140)];
        let waits = |now_ms| waits_until_ms(&all, &all[2], 60, now_ms);
        assert_eq!(
            (waits(140), waits(219), waits(220)),
            (Some(220), Some(220), None)
        );
        assert_eq!(waits_until_ms(&all, &all[0], 60, 100), None);
        assert_eq!(waits_until_ms(&all, &all[2], 0, 140), None);
        // Long after the others nothing is to be waited for.
        let all = [sent(100), sent(130), new(500)];
        assert_eq!(waits_until_ms(&all, &all[2], 60, 500), None);
        // What went back at the channel was none of ours; a later one waits for this one.
        let other = begun(139, Cause::AtChannel, Refund::Done);
        let all = [other, new(140), new(141)];
        assert_eq!(waits_until_ms(&all, &all[1], 60, 141), None);
    }

    #[test]
    fn refunds_that_are_late_leave_a_gap_apart_all_the_same() {
        let new = |ms| begun(ms, Cause::Operator, Refund::New);
        let mut all = [new(100), new(101), new(102)];
        let waits = |all: &[RefundRow], one: usize| waits_until_ms(all, &all[one], 60, 900);
        assert_eq!(waits(&all, 0), None);
        assert_eq!((waits(&all, 1), waits(&all, 2)), (Some(960), Some(1_020)));
        // Two of one millisecond leave by their numbers.
        all[1].created_ms = 100;
        all[1].refund_no = "D".to_owned();
        assert_eq!((waits(&all, 0), waits(&all, 1)), (Some(960), None));
        // The clock was an hour ahead, and is set back.
        all[1].created_ms = 3_600_900;
        assert_eq!((waits(&all, 0), waits(&all, 1)), (None, Some(1_020)));
    }

    #[test]
    fn more_than_is_left_is_not_shared() {
        let left = Left {
            money: 10,
            channel: 10,
        };
        assert_eq!(share(100, 100, left, 11), None);
        assert_eq!(share(100, 100, left, 0), None);
        assert_eq!(share(100, 100, left, 10), Some(10));
        assert_eq!(share(100, 100, left, 1), Some(1));
    }

    #[test]
    fn every_word_of_the_store_reads_back() {
        for state in Refund::ALL {
            assert_eq!(Refund::parse(state.word()), Some(state));
        }
        for cause in Cause::ALL {
            assert_eq!(Cause::parse(cause.word()), Some(cause));
        }
    }
}
