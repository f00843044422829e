//! Own query timers: no order waits for a notify alone (docs/reference/orders.md, Timers).

use crate::alarm::{Alarm, raise};
use crate::budget::Asker;
use crate::patience::next_look_ms;
use crate::settle::Outcome;
use crate::{Checkout, Failure};
use payment::order::{Attempt, Event};
use payment::ports::{AttemptRow, ChannelError, Gateway, OrderState};
use payment::refund::SILENT_MS;
use payment::story::Source;
use std::sync::Arc;
use tracing::{Instrument, info_span};

/// After these many ms since an attempt began its channel is asked; then each minute.
const SCHEDULE_MS: [i64; 5] = [5_000, 10_000, 20_000, 40_000, 60_000];
const THEN_EACH_MS: i64 = 60_000;
/// One whose channel says nothing long after its end is asked about at least this often.
pub(crate) const SILENT_EACH_MS: i64 = 3_600_000;
/// An order that may be paid after its end is asked about this long, ms.
const LINGER_MS: i64 = 26 * 3_600_000;
/// An order call that may still be under way after this long is lost, ms: it has a
/// time limit of its own.
pub(crate) const CREATE_LIMIT_MS: i64 = 30_000;
/// A capture is over after this long, ms: it has a time limit of its own.
const CAPTURE_LIMIT_MS: i64 = 15_000;
/// Queries that one round takes.
const ROUND: i64 = 32;

impl Checkout {
    /// One round of due queries; gives how many were due.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble: try again later.
    pub async fn run_due_queries(self: &Arc<Self>) -> Result<usize, Failure> {
        let now_ms = self.now_ms();
        let due = self
            .parts
            .store
            .take_due_attempts(now_ms, self.lease_end_ms(now_ms), ROUND)
            .await?;
        let count = due.len();
        let mut tasks = Vec::with_capacity(count);
        for attempt in due {
            let this = Arc::clone(self);
            let span = info_span!("query", order.sn = attempt.order_sn);
            let work = async move {
                if let Err(error) = this.run_query(&attempt).await {
                    tracing::warn!(order.sn = attempt.order_sn, cause = %error,
                        "query failed; it is repeated");
                }
            };
            tasks.push(tokio::spawn(work.instrument(span)));
        }
        for task in tasks {
            task.await
                .map_err(|error| Failure::Internal(error.to_string()))?;
        }
        Ok(count)
    }

    async fn run_query(&self, attempt: &AttemptRow) -> Result<(), Failure> {
        if let Some(after_ms) = self.not_yet(attempt)? {
            let at_ms = Some(self.now_ms() + after_ms);
            return Ok(self.parts.store.schedule_query(attempt, at_ms).await?);
        }
        let outcome = match attempt.status {
            Attempt::Creating | Attempt::Open | Attempt::Declined => {
                if self.now_ms() < attempt.expires_ms {
                    self.check_alone(attempt).await?
                } else {
                    self.expire(attempt, Source::Timer).await?
                }
            }
            Attempt::Held => self.check(attempt, Source::Timer).await?,
            Attempt::Closed if self.lingers(attempt) => self.check_closed(attempt).await?,
            _ => Outcome::Ended,
        };
        let ended = outcome == Outcome::Ended || attempt.status == Attempt::Closed;
        let now_ms = self.now_ms();
        let next_ms = match outcome {
            Outcome::Paid | Outcome::Mismatch => None,
            Outcome::Held => next_look_ms(now_ms - attempt.created_ms).map(|after| now_ms + after),
            // One that was held and is not any more, or of which nothing was learnt.
            Outcome::Open if attempt.status == Attempt::Held => {
                next_look_ms(now_ms - attempt.created_ms).map(|after| now_ms + after)
            }
            Outcome::Open if !ended => Some(next_query_ms(attempt, now_ms)),
            // A declined order is asked about until it expires: late money counts.
            Outcome::Ended if now_ms < attempt.expires_ms => Some(attempt.expires_ms),
            Outcome::Open | Outcome::Ended => {
                let end_ms = self.close_overdue(attempt).await?;
                let linger_ms = lingering_ms(attempt, now_ms).filter(|_| self.lingers(attempt));
                linger_ms.or(end_ms)
            }
        };
        Ok(self.parts.store.schedule_query(attempt, next_ms).await?)
    }

    /// In how many ms an attempt that is due may be asked about, where not now.
    fn not_yet(&self, attempt: &AttemptRow) -> Result<Option<i64>, Failure> {
        let open = matches!(
            attempt.status,
            Attempt::Creating | Attempt::Open | Attempt::Declined
        );
        let asker = match attempt.status {
            _ if open && self.now_ms() >= attempt.expires_ms => Asker::End,
            Attempt::Closed if !self.lingers(attempt) => return Ok(None),
            _ if open || matches!(attempt.status, Attempt::Held | Attempt::Closed) => Asker::Timer,
            _ => return Ok(None),
        };
        let gateway = self.gateway_of(attempt)?;
        let Err(put_off) = self.budget.take(&*gateway, asker, self.now_ms()) else {
            return Ok(None);
        };
        if put_off.too_late {
            raise!(
                Alarm::Queries,
                order.sn = attempt.order_sn,
                channel.code = attempt.channel.code(),
                account = attempt.account,
                "more is open than this account may be asked about: raise queries_per_second"
            );
        }
        Ok(Some(put_off.after_ms))
    }

    /// The operator's question: the channel is asked now, whatever the order's
    /// state, and its answer settles as ever; gives how the order stands then.
    ///
    /// # Errors
    /// [`Failure`] when the channel does not answer, or its account is gone.
    pub async fn requery(&self, attempt: &AttemptRow) -> Result<AttemptRow, Failure> {
        let gateway = self.gateway_of(attempt)?;
        self.budget.charge(&*gateway, self.now_ms());
        self.ask(&*gateway, attempt, Source::Operator).await?;
        self.ask_refunds(&*gateway, attempt).await?;
        self.reload(&attempt.order_sn).await
    }

    /// The operator saw at the channel's own console that an order is not paid, and its
    /// channel has not said so for [`SILENT_MS`] after its end: it ends. Money that comes
    /// all the same is dealt with as after any end.
    ///
    /// # Errors
    /// [`Failure::NotPaid`] when there is no such order, [`Failure::AlreadyPaid`] when
    /// the channel, asked once more, says that it is paid, [`Failure::Differs`] when it says
    /// so of another sum that nobody has looked after, [`Failure::InProgress`] when
    /// its time or that of its channel is not over, or the channel says that it is open.
    pub async fn end_unpaid(&self, order_sn: &str) -> Result<(), Failure> {
        let attempt = self.parts.store.attempt(order_sn).await?;
        let attempt = attempt.ok_or(Failure::NotPaid)?;
        if attempt.status.has_money() {
            return Err(Failure::AlreadyPaid);
        }
        if self.now_ms() - attempt.expires_ms <= SILENT_MS {
            return Err(Failure::InProgress);
        }
        let outcome = match self.gateway(attempt.channel, &attempt.account) {
            Some(gateway) if gateway.query(&attempt.order()).await.is_ok() => {
                self.expire(&attempt, Source::Operator).await?
            }
            // While its channel holds the money, that alone says how it ends.
            _ if attempt.status == Attempt::Held => return Err(Failure::InProgress),
            _ => self.end(&attempt, Event::Closed, Source::Operator).await?,
        };
        let outcome = match outcome {
            Outcome::Mismatch => self.end_differing(&attempt).await?,
            outcome => outcome,
        };
        match outcome {
            Outcome::Ended => {
                // No timer of one that differs would come to that deadline.
                let end_ms = self.close_overdue(&attempt).await?;
                let linger_ms = lingering_ms(&attempt, self.now_ms());
                let next_ms = linger_ms.filter(|_| self.lingers(&attempt)).or(end_ms);
                if next_ms.is_some() {
                    self.parts.store.schedule_query(&attempt, next_ms).await?;
                }
                Ok(())
            }
            Outcome::Paid | Outcome::Mismatch => Err(Failure::AlreadyPaid),
            Outcome::Open | Outcome::Held => Err(Failure::InProgress),
        }
    }

    /// Ends an order whose money differs, once somebody has looked after that.
    pub(crate) async fn end_differing(&self, attempt: &AttemptRow) -> Result<Outcome, Failure> {
        let waits = self.parts.store.to_look_after(&attempt.order_sn).await?;
        if waits.contains(&attempt.order_sn) {
            return Err(Failure::Differs);
        }
        self.end(attempt, Event::Closed, Source::Operator).await
    }

    /// The timer's question, unless a page has just asked it.
    async fn check_alone(&self, attempt: &AttemptRow) -> Result<Outcome, Failure> {
        match self.flights.take_off(&attempt.order_sn, self.now_ms()) {
            Some(_flight) => self.check(attempt, Source::Timer).await,
            None => Ok(Outcome::Open),
        }
    }

    /// Asks the channel how an order stands, and settles by the answer.
    ///
    /// # Errors
    /// [`Failure::ChannelUnavailable`] when it gives none.
    pub(crate) async fn ask(
        &self,
        gateway: &dyn Gateway,
        attempt: &AttemptRow,
        by: Source,
    ) -> Result<Outcome, Failure> {
        let state = gateway.query(&attempt.order()).await;
        let state = state.map_err(|error| Failure::ChannelUnavailable(error.to_string()))?;
        self.settle(gateway, attempt, state, by).await
    }

    /// The same, by the account that the order was made with; without an answer it is open
    /// as before.
    pub(crate) async fn check(&self, attempt: &AttemptRow, by: Source) -> Result<Outcome, Failure> {
        let gateway = self.gateway_of(attempt)?;
        match gateway.query(&attempt.order()).await {
            Ok(state) => self.settle(&*gateway, attempt, state, by).await,
            Err(error) => Ok(unanswered(attempt, &error)),
        }
    }

    /// The same for one that has ended and may be paid all the same: once its payer has
    /// opened it at its channel, it can be closed there.
    async fn check_closed(&self, attempt: &AttemptRow) -> Result<Outcome, Failure> {
        let gateway = self.gateway_of(attempt)?;
        let order = attempt.order();
        match gateway.query(&order).await {
            Ok(OrderState::Pending) => {
                if let Err(error) = gateway.close(&order).await {
                    tracing::debug!(order.sn = attempt.order_sn, cause = %error, "not closed there");
                }
                Ok(Outcome::Open)
            }
            Ok(state) => self.settle(&*gateway, attempt, state, Source::Timer).await,
            Err(error) => Ok(unanswered(attempt, &error)),
        }
    }

    /// Expiry: query, close at the channel, query, and only then CLOSED.
    pub(crate) async fn expire(
        &self,
        attempt: &AttemptRow,
        by: Source,
    ) -> Result<Outcome, Failure> {
        let gateway = self.gateway_of(attempt)?;
        let order = attempt.order();
        let known = match gateway.query(&order).await {
            // What is under way to the channel would open it after the close.
            Ok(OrderState::NotFound) if self.may_be_under_way(attempt) => {
                return Ok(Outcome::Open);
            }
            Ok(OrderState::NotFound) => false,
            Ok(OrderState::Approved) if self.may_be_captured(attempt) => {
                return self.end_captures(attempt).await;
            }
            Ok(OrderState::Pending | OrderState::Approved | OrderState::Declined) => true,
            Ok(state) => return self.settle(&*gateway, attempt, state, by).await,
            Err(_) => return Ok(Outcome::Open),
        };
        // What the channel does not know is closed all the same: an order call still under
        // way finds it closed at some channels. At WeChat it does not, and is lingered for.
        let closed = match gateway.close(&order).await {
            Err(ChannelError::Unknown(_)) => return Ok(Outcome::Open),
            Err(ChannelError::Refused { .. }) => !known,
            Ok(()) | Err(ChannelError::NotOffered) => true,
        };
        self.budget.charge(&*gateway, self.now_ms());
        match gateway.query(&order).await {
            Ok(OrderState::Closed) => self.end(attempt, Event::Closed, by).await,
            // A capture may have been under way: its channel has the money now.
            Ok(state @ (OrderState::Paid(_) | OrderState::Held(_))) => {
                self.settle(&*gateway, attempt, state, by).await
            }
            // Approved meanwhile: a capture may have begun.
            Ok(OrderState::Approved) if self.may_be_captured(attempt) => {
                self.end_captures(attempt).await
            }
            // Its payer opened it there meanwhile: what closed nothing closes it next time.
            Ok(OrderState::Pending) if !known => Ok(Outcome::Open),
            Ok(_) if closed => self.end(attempt, Event::Closed, by).await,
            Ok(_) | Err(_) => Ok(Outcome::Open),
        }
    }

    /// Whether a capture that began before the attempt's end may still be under way.
    fn may_be_captured(&self, attempt: &AttemptRow) -> bool {
        self.now_ms() < attempt.expires_ms + CAPTURE_LIMIT_MS
    }

    /// Ends an attempt so that no capture begins any more; it is closed once those are over
    /// that did.
    async fn end_captures(&self, attempt: &AttemptRow) -> Result<Outcome, Failure> {
        let now_ms = self.now_ms();
        if now_ms < attempt.expires_ms {
            self.parts
                .store
                .end_attempt(&attempt.order_sn, now_ms)
                .await?;
            self.request_changed(&attempt.domain_code, &attempt.request_key);
        }
        Ok(Outcome::Open)
    }

    /// Whether an order may be paid after its attempt has ended: its channel can't
    /// close it, or never said that it took it and may still do so.
    fn lingers(&self, attempt: &AttemptRow) -> bool {
        let gateway = self.gateway(attempt.channel, &attempt.account);
        attempt.obj.is_none() || gateway.is_some_and(|gateway| gateway.lingers())
    }

    /// Whether a payer who has not opened the order yet can't any more: he needs a new
    /// one. One whose account is gone is left as it is.
    #[must_use]
    pub fn is_stale(&self, attempt: &AttemptRow) -> bool {
        let gateway = self.gateway(attempt.channel, &attempt.account);
        gateway.is_some_and(|one| attempt.created_ms < one.fresh_since_ms(self.now_ms()))
    }

    fn may_be_under_way(&self, attempt: &AttemptRow) -> bool {
        attempt.status == Attempt::Creating && self.now_ms() - attempt.created_ms < CREATE_LIMIT_MS
    }

    pub(crate) fn gateway_of(&self, attempt: &AttemptRow) -> Result<Arc<dyn Gateway>, Failure> {
        self.gateway(attempt.channel, &attempt.account)
            .ok_or_else(|| {
                Failure::Internal(format!(
                    "no account {}: neither in the accounts' file nor in the database",
                    attempt.account
                ))
            })
    }
}

fn unanswered(attempt: &AttemptRow, error: &ChannelError) -> Outcome {
    tracing::warn!(order.sn = attempt.order_sn, cause = %error, "query unanswered");
    Outcome::Open
}

/// When an order that may be paid after its end is asked about next.
fn lingering_ms(attempt: &AttemptRow, now_ms: i64) -> Option<i64> {
    let age_ms = now_ms - attempt.created_ms;
    (age_ms < LINGER_MS).then(|| now_ms + (age_ms / 4).max(THEN_EACH_MS))
}

/// When an open attempt is asked about next: by the schedule, at its end, and then the
/// more seldom the longer its channel says nothing of its end.
fn next_query_ms(attempt: &AttemptRow, now_ms: i64) -> i64 {
    let since = attempt.created_ms;
    if now_ms >= attempt.expires_ms {
        let silent_ms = now_ms - attempt.expires_ms;
        return now_ms + (silent_ms / 4).clamp(THEN_EACH_MS, SILENT_EACH_MS);
    }
    let scheduled = SCHEDULE_MS
        .into_iter()
        .map(|after| since + after)
        .find(|at| *at > now_ms);
    let next_ms = scheduled.unwrap_or(now_ms + THEN_EACH_MS);
    next_ms.min(attempt.expires_ms)
}
