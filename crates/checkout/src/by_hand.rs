//! What an operator says of refunds that only a person can end (docs/reference/refunds.md, What
//! a person decides).

use crate::{Checkout, Failure};
use payment::ports::{RefundRow, RefundStep, WriteCallback};
use payment::refund::{ByHand, Left, NOTHING_LEFT_FOR_IT, Refund, Way, in_vain};
use payment::story::Source;

/// What an operator says of a refund that ends.
enum End {
    /// Its money is back.
    ByHand(ByHand),
    /// It is made no more.
    NothingLeft,
}

impl Checkout {
    /// The operator knows a refund's money to be back, and which `way`; gives it as it stands
    /// then. One that is on its way is left to its channel, unless that is silent about it
    /// ([`RefundRow::may_end_by_hand`]). Where the same sum was made at the channel by another
    /// number, that is what he gave back there, unless it went back beside (`again`).
    ///
    /// # Errors
    /// [`Failure::NotPaid`] when the order has no such refund, [`Failure::InProgress`]
    /// when it is on its way, or done, [`Failure::TooMuch`] when too little is left for it,
    /// [`Failure::MadeAnew`] when the same sum went back since, unless this one did beside
    /// (`again`).
    pub async fn refund_by_hand(
        &self,
        order_sn: &str,
        refund_no: &str,
        way: Way,
        again: bool,
    ) -> Result<RefundRow, Failure> {
        let row = self.parts.store.refund(refund_no).await?;
        let row = row.filter(|row| row.order_sn == order_sn);
        let row = row.ok_or(Failure::NotPaid)?;
        if !row.may_end_by_hand(self.now_ms()) {
            return Err(Failure::InProgress);
        }
        let attempt = self.reload(&row.order_sn).await?;
        let refunds = self.parts.store.refunds(&row.order_sn).await?;
        let mut stand_ins = refunds.iter().filter(|one| !again && one.stands_for(&row));
        let is_there = way == Way::Channel && row.state.counts();
        let at_channel = stand_ins.clone().find(|_| is_there);
        if at_channel.is_none() {
            let (paid, channel_paid) = (attempt.money, attempt.channel_money);
            let left = Left::beside(paid, channel_paid, &refunds, &row);
            if !left.holds(&row) {
                return Err(Failure::TooMuch(left.money));
            }
            if stand_ins.next().is_some() {
                return Err(Failure::MadeAnew);
            }
        }
        let by_hand = match (way, at_channel) {
            (Way::Another, _) => ByHand::AnotherWay,
            (Way::Channel, Some(_)) => ByHand::ByAnother,
            // He saw that one which had left: another one there is one more.
            (Way::Channel, None) if row.state == Refund::Sent => ByHand::ByOurs,
            (Way::Channel, None) => ByHand::AtChannel,
        };
        self.end_refund(&row, End::ByHand(by_hand), at_channel)
            .await
    }

    /// A person's word ends a refund, which `other` is, where somebody made it at the channel
    /// by another number.
    async fn end_refund(
        &self,
        row: &RefundRow,
        end: End,
        other: Option<&RefundRow>,
    ) -> Result<RefundRow, Failure> {
        let act = self.act(Source::Operator);
        let (next, note, by_hand) = match end {
            End::ByHand(by_hand) => (Refund::Done, by_hand.note(), Some(by_hand)),
            End::NothingLeft => (Refund::Failed, NOTHING_LEFT_FOR_IT, None),
        };
        let news = self.refund_news(row, next, act.at_ms).await?;
        let write = news.as_ref().map(|news| |sum| news.callback(sum));
        let step = RefundStep {
            next,
            reference: other.and_then(|one| one.reference.as_deref()),
            note,
            by_hand,
            next_ms: None,
            callback: write.as_ref().map(|write| write as WriteCallback<'_>),
            act,
        };
        let store = &self.parts.store;
        let Some(other) = other else {
            return Ok(store.step_refund(&row.refund_no, &step).await?);
        };
        // Whoever heard of the other row by its name hears that it is none.
        let attempt = self.reload(&row.order_sn).await?;
        let domain = self.domain_named(&attempt.domain_code).await?;
        let gone = match domain.settings.refund_details {
            true => self.refund_news(other, Refund::Failed, act.at_ms).await?,
            false => None,
        };
        let told = gone.as_ref().map(|gone| |sum| gone.callback(sum));
        let told = told.as_ref().map(|told| told as WriteCallback<'_>);
        let (number, there) = (&row.refund_no, &other.refund_no);
        let ended = store.step_refund_of(number, there, &step, told).await?;
        let detail = format!("{there} is refund {number}");
        store.look_after(&row.order_sn, there, &detail, act).await?;
        Ok(ended)
    }

    /// What of an order waits for somebody to look after it: money that went back without a
    /// refund of ours or that differs, refunds that failed, and those that no longer fit
    /// beside what else went back.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn to_look_after(&self, order_sn: &str) -> Result<Vec<String>, Failure> {
        let store = &self.parts.store;
        let mut waits = store.to_look_after(order_sn).await?;
        if let Some(attempt) = store.attempt(order_sn).await? {
            let refunds = store.refunds(order_sn).await?;
            let (paid, channel_paid) = (attempt.money, attempt.channel_money);
            let in_vain = in_vain(paid, channel_paid, &refunds, self.now_ms());
            waits.extend(in_vain.map(|one| one.refund_no.clone()));
        }
        Ok(waits)
    }

    /// Somebody has looked after what waits for him under this number
    /// ([`Self::to_look_after`]), and why, in his words: a refund that no longer fits is made
    /// no more, and so is none that could be asked for anew. Gives whether it waited.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn looked_after(
        &self,
        order_sn: &str,
        number: &str,
        detail: &str,
    ) -> Result<bool, Failure> {
        let store = &self.parts.store;
        let waits = self.to_look_after(order_sn).await?;
        if !waits.iter().any(|one| one == number) {
            return Ok(false);
        }
        let act = self.act(Source::Operator);
        let row = store.refund(number).await?;
        let Some(row) = row.filter(|row| row.state.counts() && !row.state.is_done()) else {
            return Ok(store.look_after(order_sn, number, detail, act).await?);
        };
        let ended = self.end_refund(&row, End::NothingLeft, None).await?;
        store.look_after(order_sn, number, detail, act).await?;
        Ok(ended.state == Refund::Failed)
    }
}
