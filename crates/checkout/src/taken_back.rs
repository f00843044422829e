//! Money that went back without a refund of ours: a dispute, a chargeback, or a hand
//! in the channel's own console. It counts as given back, so that refunds of ours
//! never exceed what is left.

use crate::alarm::{Alarm, raise};
use crate::notify::{Noted, noted};
use crate::patience::next_look_ms;
use crate::settle::Outcome;
use crate::{Checkout, Failure};
use payment::money::Money;
use payment::ports::{
    AttemptRow, BackSum, ChannelError, Gateway, GivenBack, MoneyBack, NotifyOutcome, RefundOrder,
    RefundReport, RefundRow, RefundState, TakenBack, WriteCallback,
};
use payment::refund::{AT_CHANNEL_PREFIX, ByHand, Cause, Left, Refund, UNTOLD, share_at_channel};
use payment::story::Source;

/// So long after its end a channel is asked about an order whose money went back, ms.
const UNPAID_MS: i64 = 86_400_000;

/// What of an order went back.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    money: Money,
    channel_money: Money,
    /// What was left before, where the sum hangs on that: two words of all that went back,
    /// worked on at once, are not the sum of both.
    reckoned_from: Option<Left>,
}

impl Checkout {
    /// A channel's verified word about a refund of this account, ours or another's, that
    /// came at `told_ms`.
    pub(crate) async fn refund_notified(
        &self,
        gateway: &dyn Gateway,
        refund_no: &str,
        report: RefundReport,
        back: &MoneyBack,
        by: Source,
        told_ms: i64,
    ) -> Result<Noted, Failure> {
        let store = &self.parts.store;
        let Some(row) = store.refund(refund_no).await? else {
            let is_done = match report.state {
                RefundState::Pending => {
                    let RefundReport { reference, .. } = report;
                    self.is_done_by_now(gateway, refund_no, reference, back, told_ms)
                        .await?
                }
                state => state == RefundState::Done,
            };
            return match is_done {
                true => self.taken_back(gateway, back, Cause::AtChannel, by).await,
                false => Ok(noted(NotifyOutcome::NotOurs)),
            };
        };
        let attempt = self.reload(&row.order_sn).await?;
        if attempt.channel != gateway.channel() || attempt.account != gateway.account() {
            raise!(
                Alarm::Mismatch,
                refund.no = refund_no,
                "a refund of another account"
            );
            let detail = format!("refund {refund_no} of another account");
            return Ok((NotifyOutcome::Odd, detail));
        }
        let is_done = report.state == RefundState::Done;
        let reference = report.reference.clone();
        let kept = self.keep_refund(&row, Ok(report), by).await?;
        let back = back.clone();
        let back = match back.sum {
            _ if !is_done => return Ok(noted(NotifyOutcome::Refund)),
            _ if kept.is_beside(reference.as_deref()) => MoneyBack {
                channel_order_no: Some(kept.refund_no),
                ..back
            },
            // All that went back may be more than what is known, whose own word was lost.
            BackSum::InAll(money) => MoneyBack {
                channel_order_no: None,
                number: format!("{}-{}", attempt.channel_order_no, money.minor()),
                ..back
            },
            BackSum::Of(_) | BackSum::Rest => return Ok(noted(NotifyOutcome::Refund)),
        };
        let beside = self.keep_back(&attempt.order_sn, &back, Cause::AtChannel, by);
        match beside.await? {
            taken @ (NotifyOutcome::TakenBack | NotifyOutcome::NothingLeft, _) => Ok(taken),
            _ => Ok(noted(NotifyOutcome::Refund)),
        }
    }

    /// Keeps what its channel answered of a refund. Where a person gave the money back while
    /// it was asked, it went back twice, and counts beside.
    pub(crate) async fn keep_answered(
        &self,
        row: &RefundRow,
        report: Result<RefundReport, ChannelError>,
        by: Source,
    ) -> Result<(), Failure> {
        let done = report.as_ref().ok();
        let done = done.filter(|report| report.state == RefundState::Done);
        let done = done.map(|report| report.reference.clone());
        let kept = self.keep_refund(row, report, by).await?;
        let Some(reference) = done.filter(|number| kept.is_beside(number.as_deref())) else {
            return Ok(());
        };
        let back = MoneyBack {
            channel_order_no: Some(kept.refund_no.clone()),
            trade_no: None,
            number: reference.unwrap_or(kept.refund_no),
            sum: BackSum::Of(kept.channel_money),
        };
        let beside = self.keep_back(&kept.order_sn, &back, Cause::AtChannel, by);
        beside.await.map(|_| ())
    }

    /// Whether a refund that somebody made at the channel, and that was on its way when we
    /// were told, is done: the channel may tell nothing more of it.
    ///
    /// # Errors
    /// [`Failure::InProgress`] while it is on its way, for sixty days.
    async fn is_done_by_now(
        &self,
        gateway: &dyn Gateway,
        refund_no: &str,
        reference: Option<String>,
        back: &MoneyBack,
        told_ms: i64,
    ) -> Result<bool, Failure> {
        let Some(attempt) = self.paid_by(gateway, back).await? else {
            return Ok(false);
        };
        let asked = RefundOrder {
            order: attempt.order(),
            refund_no: refund_no.to_owned(),
            reference,
            money: match back.sum {
                BackSum::Of(money) => money,
                BackSum::Rest | BackSum::InAll(_) => attempt.channel_money,
            },
            // Somebody else made it, and it is only asked about.
            begun_ms: told_ms,
            was_sent: true,
            follows: false,
        };
        self.budget.charge(gateway, self.now_ms());
        match gateway.query_refund(&asked).await.map(|found| found.state) {
            Ok(RefundState::Done) => return Ok(true),
            Ok(RefundState::Failed(_))
            | Err(ChannelError::Refused { .. } | ChannelError::NotOffered) => return Ok(false),
            Ok(_) | Err(ChannelError::Unknown(_)) => {}
        }
        match next_look_ms(self.now_ms() - told_ms) {
            Some(_) => Err(Failure::InProgress),
            None => Ok(false),
        }
    }

    /// What a paid order shows to have gone back. A refund of ours that is under way may
    /// be what it shows, and is asked about by itself.
    pub(crate) async fn seen_back(
        &self,
        attempt: &AttemptRow,
        given_back: &GivenBack,
        by: Source,
    ) -> Result<(), Failure> {
        if *given_back == GivenBack::Nothing {
            return Ok(());
        }
        let store = &self.parts.store;
        let refunds = store.refunds(&attempt.order_sn).await?;
        if refunds.iter().any(|row| row.state.is_awaited()) {
            return Ok(());
        }
        let parts = match given_back {
            GivenBack::Parts(parts) => parts,
            _ if refunds.iter().any(|row| row.state.counts()) => return Ok(()),
            _ => {
                raise!(
                    Alarm::TakenBack,
                    order.sn = attempt.order_sn,
                    "money went back without a refund of ours; the channel does not say how much"
                );
                let act = self.act(by);
                store.note_mismatch(&attempt.order_sn, UNTOLD, act).await?;
                return Ok(());
            }
        };
        for back in parts {
            self.keep_back(&attempt.order_sn, back, Cause::AtChannel, by)
                .await?;
        }
        Ok(())
    }

    /// Keeps what went back of the order that its channel names.
    ///
    /// # Errors
    /// [`Failure::InProgress`] while the channel may still say that the order was paid.
    pub(crate) async fn taken_back(
        &self,
        gateway: &dyn Gateway,
        back: &MoneyBack,
        cause: Cause,
        by: Source,
    ) -> Result<Noted, Failure> {
        let Some(attempt) = self.paid_by(gateway, back).await? else {
            raise!(
                Alarm::Mismatch,
                channel.code = gateway.channel().code(),
                channel.account = gateway.account(),
                reference = back.number,
                cause = cause.word(),
                "money went back of no order of ours"
            );
            return Ok(noted(NotifyOutcome::NoSuchOrder));
        };
        // Money can't go back before it came: the payment is told before what went back of it.
        let outcome = match attempt.status.has_money() {
            true => Outcome::Paid,
            false => self.check(&attempt, by).await?,
        };
        if outcome != Outcome::Paid {
            raise!(
                Alarm::TakenBack,
                order.sn = attempt.order_sn,
                reference = back.number,
                cause = cause.word(),
                "money went back of an order that is not known to be paid"
            );
            let has_time = self.now_ms() - attempt.expires_ms <= UNPAID_MS;
            if has_time && matches!(outcome, Outcome::Open | Outcome::Held) {
                return Err(Failure::InProgress);
            }
            let detail = format!("{} went back of an unpaid order", back.number);
            return Ok((NotifyOutcome::Odd, detail));
        }
        self.keep_back(&attempt.order_sn, back, cause, by).await
    }

    /// Keeps what went back of a paid order, alarms, and tells the business system where it
    /// wants to be told of refunds.
    async fn keep_back(
        &self,
        order_sn: &str,
        back: &MoneyBack,
        cause: Cause,
        by: Source,
    ) -> Result<Noted, Failure> {
        let attempt = self.reload(order_sn).await?;
        let store = &self.parts.store;
        let mut key = format!("{AT_CHANNEL_PREFIX}{}", back.number);
        // Alipay's and ChinaPay's numbers are their makers', of each order anew.
        let other = store.refund(&key).await?;
        if other.is_some_and(|other| other.order_sn != order_sn) {
            key = format!("{AT_CHANNEL_PREFIX}{order_sn}-{}", back.number);
        }
        let refunds = store.refunds(order_sn).await?;
        // One of ours may be named by the channel's own number, or by ours in place of its
        // order's; one that was withdrawn counts for nothing.
        let has_our_number =
            |row: &RefundRow| back.channel_order_no.as_ref() == Some(&row.refund_no);
        let is_ours = |row: &RefundRow| match row.by_hand {
            Some(ByHand::AnotherWay) => false,
            _ if row.reference.as_ref() == Some(&back.number) => true,
            Some(ByHand::ByAnother) => false,
            _ => row.state.counts() && has_our_number(row),
        };
        let is_known = |row: &RefundRow| {
            row.refund_key.as_deref() == Some(&key)
                || row.state != Refund::Withdrawn && is_ours(row)
        };
        if refunds.iter().any(is_known) || is_within_known(&attempt, &refunds, back.sum) {
            return Ok(noted(NotifyOutcome::Known));
        }
        let sums = (attempt.money, attempt.channel_money);
        let sum = as_paid(attempt.channel_money, back.sum);
        let amount = amount_of(sums, &refunds, sum);
        // What is ours all the same has our number, and is nobody's hand.
        let by_hand = match sum {
            BackSum::Of(money) if cause == Cause::AtChannel => {
                made_by_hand(&refunds, money).filter(|_| !refunds.iter().any(has_our_number))
            }
            _ => None,
        };
        if let Some(numbers) = by_hand
            && store
                .name_by_hand(&numbers, &back.number, self.act(by))
                .await?
        {
            return Ok(noted(NotifyOutcome::Refund));
        }
        if matches!(sum, BackSum::InAll(_)) && amount.as_ref().is_ok_and(|amount| *amount < 1) {
            return Ok(noted(NotifyOutcome::Known));
        }
        // What waits for the end of one of ours may be that one.
        if amount.is_ok() || cause != Cause::AtChannel || is_beyond_ours(sums, &refunds, sum) {
            raise!(
                Alarm::TakenBack,
                order.sn = attempt.order_sn,
                reference = back.number,
                cause = cause.word(),
                "money went back without a refund of ours"
            );
        }
        let amount = amount?;
        let Some(part) = part_of(sums, &refunds, sum, amount) else {
            return Ok((NotifyOutcome::NothingLeft, cause.word().to_owned()));
        };
        self.keep_taken_back(&attempt, &key, back, part, cause, by)
            .await?;
        Ok((NotifyOutcome::TakenBack, cause.word().to_owned()))
    }

    async fn keep_taken_back(
        &self,
        attempt: &AttemptRow,
        key: &str,
        back: &MoneyBack,
        part: Part,
        cause: Cause,
        by: Source,
    ) -> Result<(), Failure> {
        let Part {
            money,
            channel_money,
            reckoned_from,
        } = part;
        let now_ms = self.now_ms();
        let note = format!("{}: the channel's {}", cause.word(), back.number);
        let row = RefundRow {
            refund_no: key.to_owned(),
            order_sn: attempt.order_sn.clone(),
            refund_key: Some(key.to_owned()),
            money,
            channel_money,
            cause,
            state: Refund::Done,
            reference: Some(back.number.clone()),
            note: note.clone(),
            by_hand: None,
            created_ms: now_ms,
        };
        let news = self.refund_news(&row, Refund::Done, now_ms).await?;
        let write = news.as_ref().map(|news| |sum| news.callback(sum));
        let kept = TakenBack {
            order_sn: &attempt.order_sn,
            refund_key: key,
            money,
            channel_money,
            reckoned_from,
            cause,
            reference: &back.number,
            note: &note,
            callback: write.as_ref().map(|write| write as WriteCallback<'_>),
            act: self.act(by),
        };
        if self.parts.store.take_back(&kept).await?.is_some() {
            self.callback_written.notify_one();
        }
        Ok(())
    }

    /// The order whose money this is.
    async fn paid_by(
        &self,
        gateway: &dyn Gateway,
        back: &MoneyBack,
    ) -> Result<Option<AttemptRow>, Failure> {
        if let Some(number) = &back.channel_order_no
            && let Some(attempt) = self.attempt_of(gateway, number).await?
        {
            return Ok(Some(attempt));
        }
        let Some(trade_no) = &back.trade_no else {
            return Ok(None);
        };
        let (channel, account) = (gateway.channel(), gateway.account());
        let store = &self.parts.store;
        Ok(store
            .attempt_by_trade_no(channel, account, trade_no)
            .await?)
    }
}

/// Whether all that the channel says to have gone back did so by refunds that it is known to
/// have told.
fn is_within_known(attempt: &AttemptRow, refunds: &[RefundRow], sum: BackSum) -> bool {
    let BackSum::InAll(money) = sum else {
        return false;
    };
    let paid = attempt.channel_money;
    let told = refunds.iter().filter(|row| row.is_of_its_channel());
    let left = Left::after(attempt.money, paid, told, Refund::is_done);
    money.currency() == paid.currency() && money.minor() <= paid.minor() - left.channel
}

/// A sum in another currency than was paid may be all that is left.
fn as_paid(channel_paid: Money, sum: BackSum) -> BackSum {
    match sum {
        BackSum::Of(money) | BackSum::InAll(money)
            if money.currency() != channel_paid.currency() =>
        {
            BackSum::Rest
        }
        sum => sum,
    }
}

/// How much went back, in the channel's minor units, beside what it is known to have told.
///
/// # Errors
/// [`Failure::InProgress`] where only the end of a refund of ours will tell the sum.
fn amount_of(
    (paid, channel_paid): (Money, Money),
    refunds: &[RefundRow],
    sum: BackSum,
) -> Result<i64, Failure> {
    let is_sent = refunds.iter().any(|row| row.state == Refund::Sent);
    Ok(match sum {
        BackSum::Rest | BackSum::InAll(_) if is_sent => return Err(Failure::InProgress),
        BackSum::Rest => Left::of(paid, channel_paid, refunds).channel,
        BackSum::Of(money) => money.minor(),
        // A parked one may be in the channel's sum; what a person paid by another way is not.
        BackSum::InAll(money) => {
            let told = refunds.iter().filter(|row| row.is_of_its_channel());
            let states = |state: Refund| state.counts() && state != Refund::New;
            let known = Left::after(paid, channel_paid, told, states).channel;
            money.minor() - (channel_paid.minor() - known)
        }
    })
}

/// Whether a channel gave back more than all refunds of ours together, whose end is awaited.
fn is_beyond_ours(
    (paid, channel_paid): (Money, Money),
    refunds: &[RefundRow],
    sum: BackSum,
) -> bool {
    let BackSum::InAll(money) = sum else {
        return false;
    };
    let told = refunds.iter().filter(|row| row.is_of_its_channel());
    let left = Left::after(paid, channel_paid, told, Refund::counts);
    money.minor() > channel_paid.minor() - left.channel
}

/// The refunds that a person gave back at the channel and that this sum may be, of which
/// nothing has told yet by which number: one of them, or all of them in one.
fn made_by_hand(refunds: &[RefundRow], money: Money) -> Option<Vec<String>> {
    let open = refunds.iter();
    let open = open.filter(|row| row.by_hand == Some(ByHand::AtChannel));
    let open: Vec<_> = open.collect();
    let one = open.iter().position(|row| row.channel_money == money);
    let made = match one {
        Some(one) => &open[one..=one],
        None => &open[..],
    };
    let minor: i64 = made.iter().map(|row| row.channel_money.minor()).sum();
    let is_it = !made.is_empty() && minor == money.minor();
    is_it.then(|| made.iter().map(|row| row.refund_no.clone()).collect())
}

/// What of the request's and the channel's sums went back; nothing where nothing is
/// left. A refund of ours that is not done does not stand in the way of money that is back.
fn part_of(
    (paid, channel_paid): (Money, Money),
    refunds: &[RefundRow],
    sum: BackSum,
    amount: i64,
) -> Option<Part> {
    let left = Left::after(paid, channel_paid, refunds, Refund::is_done);
    let part = share_at_channel(paid.minor(), channel_paid.minor(), left, amount)?;
    Some(Part {
        money: Money::from_minor(part.money, paid.currency())?,
        channel_money: Money::from_minor(part.channel, channel_paid.currency())?,
        reckoned_from: matches!(sum, BackSum::InAll(_)).then_some(left),
    })
}

#[cfg(test)]
mod tests {
    use super::{Part, amount_of, part_of};
    use payment::money::{Currency, Money};
    use payment::ports::BackSum;
    use payment::refund::Left;

    #[test]
    fn a_sum_of_all_says_what_it_was_reckoned_from() {
        let fen = |minor| Money::from_minor(minor, Currency::Cny).unwrap();
        let sums = (fen(100), fen(100));
        let part = |sum| {
            let amount = amount_of(sums, &[], sum).unwrap();
            part_of(sums, &[], sum, amount).unwrap()
        };
        let of = |money, reckoned_from| Part {
            money: fen(money),
            channel_money: fen(money),
            reckoned_from,
        };
        let before = Left {
            money: 100,
            channel: 100,
        };
        assert_eq!(part(BackSum::InAll(fen(30))), of(30, Some(before)));
        assert_eq!(part(BackSum::Of(fen(30))), of(30, None));
        assert_eq!(part(BackSum::Rest), of(100, None));
    }
}
