//! Refunds: written down with their number before the channel hears of them, and
//! sent until the channel says how they stand (docs/reference/refunds.md).

use crate::alarm::{Alarm, raise};
use crate::budget::Asker;
use crate::callback::Told;
use crate::patience::next_look_ms;
use crate::{Checkout, Failure};
use payment::by_two::{ASKED_MS, AloneMost, Hands, Judged, Meant, RefundRequest};
use payment::domain::Domain;
use payment::envelope::RefundInfo;
use payment::money::Money;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::{
    AttemptRow, ChannelError, Gateway, GivenBack, Honoured, NewRefund, OrderState, RefundOrder,
    RefundReport, RefundRow, RefundState, RefundStep, Refunded, WriteCallback,
};
use payment::refund::{
    Cause, Left, ON_ITS_WAY, Refund, given_back, waits_for_another, waits_until_ms,
};
use payment::refusal::Refusal;
use payment::story::Source;
use payment::verify;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{Instrument, info_span};

/// Refunds that one round takes.
const ROUND: i64 = 32;
/// A refund is asked about again after half its age, within these, ms.
const AGAIN_MIN_MS: i64 = 3_000;
pub(crate) const AGAIN_MAX_MS: i64 = 3_600_000;
/// So long a caller waits for the end of a refund that is sent at once.
const AT_ONCE_WAIT: Duration = Duration::from_secs(6);
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// One that waits for another one of its order looks again within this, ms.
const TURN_MAX_MS: i64 = 60_000;
/// New numbers are tried this often before the store is called broken.
const NUMBER_TRIES: usize = 8;

/// Why a refund was not sent.
const OVERTAKEN: &str = "not sent: so much went back without it that too little is left";

/// What is noted of one that is on its way to its channel, which has not answered.
const LEAVES: &str = "sent";

/// Beside a refusal.
const SHOWS_BACK: &str =
    "the order shows money that went back: look at the channel before it is paid otherwise";

/// Why it has not left yet.
const WAITS: &str = "waits for its turn among the refunds of its order";

/// What somebody wants to give back of a payment.
struct Wish<'a> {
    key: Option<String>,
    /// Fen or cents of the request.
    minor: i64,
    cause: Cause,
    day_max: Option<i64>,
    hands: Option<Hands>,
    reason: &'a str,
}

/// A key of operators: with a blank, which no key of a business system holds.
fn key_of_operators(key: &str) -> String {
    format!("operator {key}")
}

fn by_operators(minor: i64, key: Option<String>, hands: Hands, reason: &str) -> Wish<'_> {
    Wish {
        key,
        minor,
        cause: Cause::Operator,
        day_max: None,
        hands: Some(hands),
        reason,
    }
}

fn no_sum() -> Failure {
    Failure::Refused(Refusal::Amount("refundMoney".to_owned()))
}

/// A sum in a payment's currency.
fn part_of(paid: &AttemptRow, minor: i64) -> Result<Money, Failure> {
    let money = Money::from_minor(minor, paid.money.currency()).filter(|_| minor > 0);
    money.ok_or_else(no_sum)
}

impl Checkout {
    /// `private/pay/refund`: a business system's wish, by HMAC alone; the same
    /// call again asks how the refund stands (docs/protocol.md, Refunds and closing).
    ///
    /// # Errors
    /// [`Failure`] with the rule that it breaks.
    pub async fn refund_asked(&self, pairs: &Pairs) -> Result<RefundInfo, Failure> {
        let domain = self.domain(pairs).await?;
        let request = verify::verify_refund(&domain, pairs, self.now_ms())?;
        self.take_toll(&domain.code, Some(&request.request_key))?;
        self.see_secret_used(&domain, request.generation());
        let paid = self
            .paid_attempt_of(&domain.code, &request.request_key)
            .await?;
        let paid = paid.ok_or(Failure::NotPaid)?;
        let row = self
            .refund_of(&domain, &paid, &request.refund_key, request.refund_money)
            .await?;
        let all = self.parts.store.refunds(&row.order_sn).await?;
        Ok(RefundInfo {
            refunded_money: given_back(&all),
            request_key: request.request_key.clone(),
            refund_key: request.refund_key.clone(),
            refund_money: row.money.minor(),
            refund_status: row.state.status().word().to_owned(),
            order_sn: row.order_sn,
        })
    }

    /// A partner's refund, under a key that is unique among those of its payment;
    /// `minor` is fen or cents of the request. The same again is the same refund.
    ///
    /// # Errors
    /// [`Failure`] when more is asked for than is left, or the key was another refund's.
    pub async fn refund_keyed(
        &self,
        paid: &AttemptRow,
        key: String,
        minor: i64,
    ) -> Result<RefundRow, Failure> {
        let domain = self.domain_named(&paid.domain_code).await?;
        self.refund_of(&domain, paid, &key, minor).await
    }

    /// A refund that has not left is sent now, for a caller who hears of its end once: gives
    /// it as it stands then, or after six seconds where its channel takes longer.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn refund_at_once(self: &Arc<Self>, row: RefundRow) -> Result<RefundRow, Failure> {
        let until = Instant::now() + AT_ONCE_WAIT;
        if row.state == Refund::New {
            let (this, row) = (Arc::clone(self), row.clone());
            // Who hangs up stops nothing.
            self.tasks.spawn(async move { this.bring_on(&row).await });
        }
        let mut row = row;
        while !is_heard_of(&row) && Instant::now() < until {
            tokio::time::sleep(LOOK_AGAIN).await;
            let refund = self.parts.store.refund(&row.refund_no).await?;
            row = refund.ok_or_else(|| Failure::Internal("a refund is gone".to_owned()))?;
        }
        Ok(row)
    }

    /// The refund of this key, which begins unless it is there or such are frozen.
    async fn refund_of(
        &self,
        domain: &Domain,
        paid: &AttemptRow,
        key: &str,
        minor: i64,
    ) -> Result<RefundRow, Failure> {
        if domain.settings.refunds_frozen {
            let refunds = self.parts.store.refunds(&paid.order_sn).await?;
            let known = |row: &RefundRow| row.shown_key() == key && row.money.minor() == minor;
            return refunds.into_iter().find(known).ok_or(Failure::Frozen);
        }
        let wish = Wish {
            key: Some(key.to_owned()),
            minor,
            cause: Cause::Business,
            day_max: domain.settings.refunds_a_day,
            hands: None,
            reason: "",
        };
        let begun = self.begin_refund(paid, wish).await;
        if let Err(Failure::RefundsADay) = &begun
            && self.hasty.is_new(&domain.code)
        {
            raise!(
                Alarm::RefundSpeed,
                domain.code = domain.code,
                "a business system has given back what it may within a day"
            );
        }
        begun
    }

    /// An operator's refund of an order, alone; `minor` is fen or cents of the request.
    /// With a key, which is apart from those of business systems, the same again is the
    /// same refund; `by` and `reason` stand in the order's story, and `meant` is what he knew.
    ///
    /// # Errors
    /// [`Failure`] when nothing was paid, less than that is left, he may not mean it, the key
    /// was another refund's, or it takes two (docs/console.md, Refunds by two).
    pub async fn refund_order(
        &self,
        by: &str,
        order_sn: &str,
        minor: i64,
        key: Option<&str>,
        (reason, meant): (&str, Meant),
    ) -> Result<RefundRow, Failure> {
        let alone = Hands::Alone {
            operator: by.to_owned(),
            most: self.parts.refund_alone,
            meant,
        };
        let attempt = self.paid_order(order_sn).await?;
        let key = key.map(key_of_operators);
        self.begin_refund(&attempt, by_operators(minor, key, alone, reason))
            .await
    }

    /// An operator's refund of an order that another one must grant: the same, under a
    /// key. What was asked for under that key before is given as it stands.
    ///
    /// # Errors
    /// [`Failure`] when nothing was paid, he may not mean it, or the key was another refund's.
    pub async fn ask_refund(
        &self,
        by: &str,
        order_sn: &str,
        minor: i64,
        key: &str,
        (reason, meant): (&str, Meant),
    ) -> Result<RefundRequest, Failure> {
        let paid = self.paid_order(order_sn).await?;
        let money = part_of(&paid, minor)?;
        let now_ms = self.now_ms();
        let new = RefundRequest {
            request_no: format!("Q{}", self.numbers.order_sn(now_ms)),
            order_sn: order_sn.to_owned(),
            refund_key: key_of_operators(key),
            money,
            reason: reason.to_owned(),
            asked_by: by.to_owned(),
            asked_ms: now_ms,
            expires_ms: now_ms + ASKED_MS,
            state: Judged::Asked,
            judged_by: None,
        };
        let kept = self.parts.store.ask_refund(&new, meant).await??;
        if kept.money != money {
            return Err(Failure::RefundKeyReused);
        }
        Ok(kept)
    }

    /// Gives back what another operator asked for.
    ///
    /// # Errors
    /// [`Failure::NotAsked`] when it does not wait, [`Failure`] when less is left.
    pub async fn grant_refund(&self, by: &str, request_no: &str) -> Result<RefundRow, Failure> {
        let request = self.parts.store.refund_request(request_no).await?;
        let request = request.filter(|one| one.waits(self.now_ms()));
        let request = request.ok_or(Failure::NotAsked)?;
        let granted = Hands::Granted {
            request_no: request_no.to_owned(),
            granted_by: by.to_owned(),
        };
        let attempt = self.paid_order(&request.order_sn).await?;
        let (minor, key) = (request.money.minor(), Some(request.refund_key));
        let wish = by_operators(minor, key, granted, &request.reason);
        let refund = self.begin_refund(&attempt, wish).await?;
        // A refund of the same key may have begun without it, or by another's grant.
        let judged = self.parts.store.refund_request(request_no).await?;
        let is_his = |one: RefundRequest| {
            one.state == Judged::Granted && one.judged_by.as_deref() == Some(by)
        };
        match judged.is_some_and(is_his) {
            true => Ok(refund),
            false => Err(Failure::NotAsked),
        }
    }

    /// What operators may give back alone; none: all that was paid.
    #[must_use]
    pub fn refund_alone(&self) -> Option<AloneMost> {
        self.parts.refund_alone
    }

    async fn paid_order(&self, order_sn: &str) -> Result<AttemptRow, Failure> {
        let attempt = self.parts.store.attempt(order_sn).await?;
        let attempt = attempt.filter(|attempt| attempt.status.has_money());
        attempt.ok_or(Failure::NotPaid)
    }

    /// The operator lets money that came after its request was closed pay it after
    /// all (docs/reference/orders.md, One winner).
    ///
    /// # Errors
    /// [`Failure::NotPaid`] when the order is no such money, [`Failure::InProgress`]
    /// when its refund is on its way or done.
    pub async fn honour(&self, order_sn: &str) -> Result<(), Failure> {
        let attempt = self.parts.store.attempt(order_sn).await?;
        let attempt = attempt.ok_or(Failure::NotPaid)?;
        let domain = self.domain_named(&attempt.domain_code).await?;
        let now_ms = self.now_ms();
        let paid_ms = attempt.paid_ms.unwrap_or(now_ms);
        let callback = self.paid_callback(&domain, &attempt, paid_ms).await?;
        let act = self.act(Source::Operator);
        match self.parts.store.honour(order_sn, &callback, act).await? {
            Honoured::Done => Ok(()),
            Honoured::NotLate => Err(Failure::NotPaid),
            Honoured::GoingBack => Err(Failure::InProgress),
        }
    }

    async fn begin_refund(&self, paid: &AttemptRow, wish: Wish<'_>) -> Result<RefundRow, Failure> {
        let cause = wish.cause;
        let money = part_of(paid, wish.minor)?;
        for _ in 0..NUMBER_TRIES {
            let now_ms = self.now_ms();
            let new = NewRefund {
                refund_no: format!("R{}", self.numbers.order_sn(now_ms)),
                order_sn: paid.order_sn.clone(),
                refund_key: wish.key.clone(),
                money,
                cause,
                day_max: wish.day_max,
                hands: wish.hands.clone(),
                reason: wish.reason.to_owned(),
                created_ms: now_ms,
            };
            match self.parts.store.begin_refund(&new).await? {
                Refunded::New(row) => {
                    tracing::info!(
                        refund.no = row.refund_no,
                        order.sn = row.order_sn,
                        cause = cause.word(),
                        "refund begun"
                    );
                    return Ok(row);
                }
                Refunded::Same(row) => return Ok(row),
                Refunded::KeyReused => return Err(Failure::RefundKeyReused),
                Refunded::TooMuch(left) => return Err(Failure::TooMuch(left)),
                Refunded::OverDay => return Err(Failure::RefundsADay),
                Refunded::NeedsTwo => return Err(Failure::NeedsTwo),
                Refunded::NotAsked => return Err(Failure::NotAsked),
                Refunded::NotMeant(why) => return Err(why.into()),
                Refunded::TooLittle => return Err(Failure::TooLittle),
                Refunded::NumberTaken => {}
            }
        }
        Err(Failure::Internal("no free refund number".to_owned()))
    }

    /// One round of due refunds; gives how many were due.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble: try again later.
    pub async fn run_due_refunds(self: &Arc<Self>) -> Result<usize, Failure> {
        let now_ms = self.now_ms();
        let due = self
            .parts
            .store
            .take_due_refunds(now_ms, self.lease_end_ms(now_ms), ROUND)
            .await?;
        let count = due.len();
        let mut tasks = Vec::with_capacity(count);
        for refund in due {
            let this = Arc::clone(self);
            tasks.push(tokio::spawn(async move { this.bring_on(&refund).await }));
        }
        for task in tasks {
            task.await
                .map_err(|error| Failure::Internal(error.to_string()))?;
        }
        Ok(count)
    }

    async fn bring_on(&self, row: &RefundRow) {
        let span = info_span!("refund", refund.no = row.refund_no, order.sn = row.order_sn);
        let work = async {
            if let Err(error) = self.run_refund(row).await {
                tracing::warn!(refund.no = row.refund_no, cause = %error,
                    "refund not worked on; it is repeated");
            }
        };
        work.instrument(span).await;
    }

    /// Sends a new refund, asks about one that was sent, and sends the same number
    /// again only where the channel does not know it.
    async fn run_refund(&self, row: &RefundRow) -> Result<(), Failure> {
        let attempt = self.reload(&row.order_sn).await?;
        let gateway = self.gateway_of(&attempt)?;
        let all = self.parts.store.refunds(&row.order_sn).await?;
        let order = order_of(&attempt, row, &all);
        if row.state == Refund::New {
            if is_overtaken(&attempt, row, &all) {
                let overtaken = RefundReport::from(RefundState::Failed(OVERTAKEN.to_owned()));
                self.keep_refund(row, Ok(overtaken), Source::Timer).await?;
                return Ok(());
            }
            let (gap_ms, now_ms) = (gateway.refund_gap_ms(), self.now_ms());
            let until_ms = waits_until_ms(&all, row, gap_ms, now_ms).or_else(|| {
                let waits = gateway.refunds_in_turn() && waits_for_another(&all, row);
                waits.then(|| now_ms + again_ms(now_ms - row.created_ms).min(TURN_MAX_MS))
            });
            if let Some(until_ms) = until_ms {
                return self.put_off_refund(row, until_ms).await;
            }
        }
        // Its lease ends, and then it is its turn again.
        let asks = row.state != Refund::New;
        let now_ms = self.now_ms();
        if asks && self.budget.take(&*gateway, Asker::Refund, now_ms).is_err() {
            return Ok(());
        }
        let asked = match row.state {
            Refund::New => Ok(RefundReport::from(RefundState::NotFound)),
            _ => gateway.query_refund(&order).await,
        };
        let report = match asked {
            // One that waits for a person is asked about, and never sent again.
            Ok(report) if report.state == RefundState::NotFound && row.state.is_open() => {
                let Some(sent) = self.send_refund(&*gateway, row, &order).await? else {
                    return Ok(());
                };
                let proves = row.state == Refund::New || gateway.answers_for_refunds();
                match sent {
                    Err(error @ ChannelError::Refused { .. }) if !proves => Ok(RefundReport {
                        state: RefundState::Held(format!("sent before, and now {error}")),
                        reference: None,
                    }),
                    sent => sent,
                }
            }
            other => other,
        };
        let is_refused = matches!(report, Err(ChannelError::Refused { .. }));
        self.keep_answered(row, report, Source::Channel).await?;
        if is_refused {
            self.look_for_money_back(&*gateway, &attempt, row).await?;
        }
        Ok(())
    }

    /// A refund may be refused because somebody gave the money back in the channel's own
    /// console, of which not every channel tells us: its order is asked about once.
    async fn look_for_money_back(
        &self,
        gateway: &dyn Gateway,
        attempt: &AttemptRow,
        refused: &RefundRow,
    ) -> Result<(), Failure> {
        self.budget.charge(gateway, self.now_ms());
        let Ok(OrderState::Paid(report)) = gateway.query(&attempt.order()).await else {
            return Ok(());
        };
        if report.given_back == GivenBack::Untold {
            // An earlier refund of ours may be what the order shows, or not all of it.
            let store = &self.parts.store;
            let Some(refund) = store.refund(&refused.refund_no).await? else {
                return Ok(());
            };
            let note = format!("{}; {SHOWS_BACK}", refund.note);
            let step = RefundStep {
                next: refund.state,
                reference: None,
                note: &note,
                by_hand: None,
                next_ms: None,
                callback: None,
                act: self.act(Source::Channel),
            };
            store.step_refund(&refused.refund_no, &step).await?;
        }
        self.seen_back(attempt, &report.given_back, Source::Channel)
            .await
    }

    /// An operator asks how the refunds of an order stand that have left and have no end yet.
    /// Nothing is sent: that is the timer's.
    pub(crate) async fn ask_refunds(
        &self,
        gateway: &dyn Gateway,
        attempt: &AttemptRow,
    ) -> Result<(), Failure> {
        let all = self.parts.store.refunds(&attempt.order_sn).await?;
        for row in &all {
            if !matches!(row.state, Refund::Sent | Refund::Parked) {
                continue;
            }
            self.budget.charge(gateway, self.now_ms());
            match gateway.query_refund(&order_of(attempt, row, &all)).await {
                Ok(report) if report.state != RefundState::NotFound => {
                    self.keep_answered(row, Ok(report), Source::Operator)
                        .await?;
                }
                Err(error @ ChannelError::Unknown(_)) => {
                    return Err(Failure::ChannelUnavailable(error.to_string()));
                }
                // What its channel does not know, or does not answer for, is no end.
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// A new refund stays new until then.
    async fn put_off_refund(&self, row: &RefundRow, until_ms: i64) -> Result<(), Failure> {
        let step = RefundStep {
            next: Refund::New,
            reference: None,
            note: WAITS,
            by_hand: None,
            next_ms: Some(until_ms),
            callback: None,
            act: self.act(Source::Timer),
        };
        // Another worker may have sent it meanwhile.
        self.parts.store.claim_refund(&row.refund_no, &step).await?;
        Ok(())
    }

    /// From here on the channel may know it: that is written down first. Gives nothing
    /// where another worker sends it, or it has ended.
    async fn send_refund(
        &self,
        gateway: &dyn Gateway,
        row: &RefundRow,
        order: &RefundOrder,
    ) -> Result<Option<Result<RefundReport, ChannelError>>, Failure> {
        let step = RefundStep {
            next: Refund::Sent,
            reference: None,
            note: LEAVES,
            by_hand: None,
            next_ms: Some(self.lease_end_ms(self.now_ms())),
            callback: None,
            act: self.act(Source::Timer),
        };
        let store = &self.parts.store;
        let may_send = match row.state {
            // Another worker holds it too, where this one was slower than its lease.
            Refund::New => store.claim_refund(&row.refund_no, &step).await?,
            // Ended meanwhile, by its channel or by hand, it is not sent again.
            _ => store.step_refund(&row.refund_no, &step).await?.state == Refund::Sent,
        };
        match may_send {
            true => Ok(Some(gateway.refund(order).await)),
            false => Ok(None),
        }
    }

    /// Keeps a channel's word of a refund; gives it as it stands then.
    pub(crate) async fn keep_refund(
        &self,
        row: &RefundRow,
        report: Result<RefundReport, ChannelError>,
        by: Source,
    ) -> Result<RefundRow, Failure> {
        let (next, reference, note) = match report {
            Ok(RefundReport { state, reference }) => match state {
                RefundState::Pending => (Refund::Sent, reference, ON_ITS_WAY.to_owned()),
                RefundState::Done => (Refund::Done, reference, "done".to_owned()),
                RefundState::Failed(why) => (Refund::Failed, reference, why),
                RefundState::Held(why) => (Refund::Parked, reference, why),
                RefundState::Again(why) => (Refund::Sent, reference, why),
                RefundState::NotFound => {
                    (Refund::Sent, reference, "unknown to the channel".to_owned())
                }
            },
            Err(error @ ChannelError::Refused { .. }) => (Refund::Failed, None, error.to_string()),
            // Its last word was that it has it.
            Err(ChannelError::Unknown(_)) if row.note == ON_ITS_WAY => {
                (Refund::Sent, None, row.note.clone())
            }
            Err(error @ ChannelError::Unknown(_)) => (Refund::Sent, None, error.to_string()),
            Err(error @ ChannelError::NotOffered) => (Refund::Parked, None, error.to_string()),
        };
        // What is only not known yet takes nothing away of why it waits for a person.
        let is_news = matches!(next, Refund::Done | Refund::Failed) || reference.is_some();
        let note = match row.state == Refund::Parked && !is_news {
            true => row.note.clone(),
            false => note,
        };
        let now_ms = self.now_ms();
        let age_ms = now_ms - row.created_ms;
        let next_ms = if next == Refund::Parked || row.state == Refund::Parked {
            next_look_ms(age_ms).map(|after_ms| now_ms + after_ms)
        } else {
            Some(now_ms + again_ms(age_ms))
        };
        let news = self.refund_news(row, next, now_ms).await?;
        let write = news.as_ref().map(|news| |sum| news.callback(sum));
        let step = RefundStep {
            next,
            reference: reference.as_deref(),
            note: &note,
            by_hand: None,
            next_ms,
            callback: write.as_ref().map(|write| write as WriteCallback<'_>),
            act: self.act(by),
        };
        let kept = self.parts.store.step_refund(&row.refund_no, &step).await?;
        if kept.state == row.state && row.state == Refund::Parked {
            return Ok(kept);
        }
        match kept.state {
            Refund::Done => tracing::info!(
                refund.no = kept.refund_no,
                order.sn = kept.order_sn,
                "refunded"
            ),
            Refund::Failed | Refund::Parked => {
                raise!(
                    Alarm::Refund,
                    refund.no = kept.refund_no,
                    order.sn = kept.order_sn,
                    cause = note,
                    "money at risk: the refund is not done"
                );
            }
            Refund::Withdrawn | Refund::New | Refund::Sent => tracing::debug!(
                refund.no = kept.refund_no,
                cause = note,
                "refund not at its end"
            ),
        }
        Ok(kept)
    }

    /// What the business system is told of a refund's end, where it wants to be; money
    /// that came beside the request is none of its own, whoever gives it back.
    pub(crate) async fn refund_news(
        &self,
        row: &RefundRow,
        next: Refund,
        now_ms: i64,
    ) -> Result<Option<Told>, Failure> {
        if !row.cause.is_told() || !matches!(next, Refund::Done | Refund::Failed) {
            return Ok(None);
        }
        let attempt = self.reload(&row.order_sn).await?;
        if attempt.status != Attempt::Paid {
            return Ok(None);
        }
        let domain = self.domain_named(&attempt.domain_code).await?;
        let paid_ms = attempt.paid_ms.unwrap_or(now_ms);
        let told = self.news(&domain, &attempt, next.status(), paid_ms).await?;
        Ok(told.map(|told| told.of_refund(row.shown_key(), row.money.minor())))
    }
}

/// Whether its channel was heard, or is not yet to be asked.
fn is_heard_of(row: &RefundRow) -> bool {
    match row.state {
        Refund::New => row.note == WAITS,
        Refund::Sent => row.note != LEAVES,
        Refund::Parked | Refund::Done | Refund::Failed | Refund::Withdrawn => true,
    }
}

/// When a refund of this age is looked at again, ms from now.
fn again_ms(age_ms: i64) -> i64 {
    (age_ms / 2).clamp(AGAIN_MIN_MS, AGAIN_MAX_MS)
}

/// Whether what went back since leaves too little for a refund that never left.
fn is_overtaken(attempt: &AttemptRow, row: &RefundRow, all: &[RefundRow]) -> bool {
    let (paid, channel_paid) = (attempt.money, attempt.channel_money);
    let left = Left::after(paid, channel_paid, all, Refund::is_done);
    row.channel_money.minor() > left.channel
}

/// What a channel is told of a refund, among all of its order.
fn order_of(attempt: &AttemptRow, row: &RefundRow, all: &[RefundRow]) -> RefundOrder {
    let place = |one: &RefundRow| (one.created_ms, one.refund_no.clone());
    // One that was refused was not taken.
    let may_be_known = |one: &&RefundRow| match one.state {
        Refund::New | Refund::Withdrawn => false,
        Refund::Failed => one.reference.is_some(),
        Refund::Sent | Refund::Parked | Refund::Done => true,
    };
    let known = all.iter().filter(may_be_known);
    RefundOrder {
        begun_ms: row.created_ms,
        was_sent: row.state != Refund::New,
        follows: known.map(place).any(|one| one < place(row)),
        order: attempt.order(),
        refund_no: row.refund_no.clone(),
        reference: row.reference.clone(),
        money: row.channel_money,
    }
}
