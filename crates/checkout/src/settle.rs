//! The one way by which money settles an order: notify, page query and timer
//! all come here (docs/reference/orders.md, Settling).

use crate::alarm::{Alarm, raise};
use crate::{Checkout, Failure, counted};
use payment::order::{Attempt, Event};
use payment::ports::{
    AttemptRow, BesideRefund, ChannelError, Doubt, Gateway, NewCallback, OrderState, PaidReport,
    Payment, Settled,
};
use payment::status::PayStatus;
use payment::story::Source;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// A capture with all that belongs to it, from when its time was judged on, takes no longer:
/// less than what is waited for those that began before an attempt's end (timer.rs).
const CAPTURE_MOST: Duration = Duration::from_secs(12);

/// What became of a report or query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The order is paid, now or before.
    Paid,
    /// The order is not paid, and may still be.
    Open,
    /// The channel holds the payer's money, which may come or go back.
    Held,
    /// The order is closed or declined.
    Ended,
    /// The report does not fit the order: kept, alarmed, not settled.
    Mismatch,
}

impl Checkout {
    /// Settles an order by what its channel says of it, verified.
    pub(crate) async fn settle(
        &self,
        gateway: &dyn Gateway,
        attempt: &AttemptRow,
        state: OrderState,
        by: Source,
    ) -> Result<Outcome, Failure> {
        match state {
            OrderState::Paid(report) => self.settle_paid(gateway, attempt, &report, by).await,
            OrderState::Approved => self.capture(gateway, attempt).await,
            OrderState::Held(reason) => self.hold(attempt, &reason, by).await,
            // An order call may still be under way: only its end ends it.
            OrderState::Pending | OrderState::NotFound => Ok(Outcome::Open),
            OrderState::Declined => self.end(attempt, Event::Declined, by).await,
            OrderState::Closed => self.end(attempt, Event::Closed, by).await,
        }
    }

    /// Takes the money that the payer approved, while the request can be paid:
    /// what is not captured is not paid, so nothing has to be given back.
    async fn capture(
        &self,
        gateway: &dyn Gateway,
        attempt: &AttemptRow,
    ) -> Result<Outcome, Failure> {
        let until = Instant::now() + CAPTURE_MOST;
        let now = self.reload(&attempt.order_sn).await?;
        let payable = matches!(
            now.request_status,
            PayStatus::NotPay | PayStatus::FailurePay
        );
        let open = matches!(now.status, Attempt::Creating | Attempt::Open);
        let late = self.now_ms() >= now.expires_ms;
        if !payable || !open || late || self.money_beside(&now).await?.is_some() {
            tracing::info!(order.sn = now.order_sn, "approved, and not captured");
            return Ok(Outcome::Open);
        }
        let captured = timeout_at(until, gateway.capture(&now.order())).await;
        let unanswered = |_| {
            Err(ChannelError::unknown(
                Doubt::TimeOut,
                "no answer to a capture",
            ))
        };
        match captured.unwrap_or_else(unanswered) {
            Ok(OrderState::Paid(report)) => {
                self.settle_paid(gateway, &now, &report, Source::Channel)
                    .await
            }
            Ok(OrderState::Declined) => self.end(&now, Event::Declined, Source::Channel).await,
            Ok(OrderState::Held(reason)) => self.hold(&now, &reason, Source::Channel).await,
            Ok(_) => Ok(Outcome::Open),
            Err(error) => {
                tracing::warn!(order.sn = now.order_sn, cause = %error, "capture not known");
                Ok(Outcome::Open)
            }
        }
    }

    /// The channel has the payer's money and checks it: the attempt stays open, however
    /// long that takes, and no other one is made.
    async fn hold(
        &self,
        attempt: &AttemptRow,
        reason: &str,
        by: Source,
    ) -> Result<Outcome, Failure> {
        if attempt.status == Attempt::Held && attempt.held.as_deref() == Some(reason) {
            return Ok(Outcome::Held);
        }
        let store = &self.parts.store;
        let held = store.hold(&attempt.order_sn, reason, self.act(by)).await?;
        if let Settled::Went(state) = held {
            counted::went(attempt.channel, state);
            self.request_changed(&attempt.domain_code, &attempt.request_key);
            tracing::warn!(
                order.sn = attempt.order_sn,
                reason,
                "the channel holds the payer's money"
            );
        }
        Ok(Outcome::Held)
    }

    async fn settle_paid(
        &self,
        gateway: &dyn Gateway,
        attempt: &AttemptRow,
        report: &PaidReport,
        by: Source,
    ) -> Result<Outcome, Failure> {
        let mut fresh = None;
        if difference(gateway, attempt, report).is_some() {
            // Since this row was read the channel may have changed the sum.
            fresh = Some(self.reload(&attempt.order_sn).await?);
        }
        let attempt = fresh.as_ref().unwrap_or(attempt);
        if let Some(difference) = difference(gateway, attempt, report) {
            let detail = format!(
                "{difference}: trade {} of {}",
                report.trade_no, report.money
            );
            let store = &self.parts.store;
            let noted = store.note_mismatch(&attempt.order_sn, &detail, self.act(by));
            // Asked again, nothing new has come.
            if noted.await? {
                self.request_changed(&attempt.domain_code, &attempt.request_key);
                raise!(
                    Alarm::Mismatch,
                    order.sn = attempt.order_sn,
                    channel.code = attempt.channel.code(),
                    difference,
                    "a payment does not fit its order; not settled"
                );
            }
            return Ok(Outcome::Mismatch);
        }
        let is_news = !attempt.status.has_money();
        if is_news {
            self.keep_paid(attempt, report, by).await?;
        }
        let seen = self.seen_back(attempt, &report.given_back, by).await;
        // What went back is written before anybody is told that it was paid.
        if is_news {
            self.callback_written.notify_one();
        }
        seen.map(|()| Outcome::Paid)
    }

    async fn keep_paid(
        &self,
        attempt: &AttemptRow,
        report: &PaidReport,
        by: Source,
    ) -> Result<(), Failure> {
        let now_ms = self.now_ms();
        let paid_ms = report.paid_ms.unwrap_or(now_ms);
        let (callback, beside) = self.consequences(attempt, paid_ms).await?;
        let payment = Payment {
            trade_no: &report.trade_no,
            paid_ms,
            callback: &callback,
            beside: &beside,
        };
        let store = &self.parts.store;
        let settled = store
            .settle_paid(&attempt.order_sn, &payment, self.act(by))
            .await?;
        if let Settled::Went(state) = settled {
            counted::went(attempt.channel, state);
        }
        match settled {
            Settled::Went(Attempt::Paid) => {
                self.request_changed(&attempt.domain_code, &attempt.request_key);
                tracing::info!(
                    order.sn = attempt.order_sn,
                    domain.code = attempt.domain_code,
                    "paid"
                );
            }
            Settled::Went(state) => {
                let alarm = match state {
                    Attempt::PaidAfterClose => Alarm::Late,
                    _ => Alarm::Duplicate,
                };
                raise!(
                    alarm,
                    order.sn = attempt.order_sn,
                    ?state,
                    "paid beside the request: the money goes back"
                );
            }
            Settled::Stayed(_) | Settled::Contradicts(_) => {}
        }
        Ok(())
    }

    /// An end without money.
    pub(crate) async fn end(
        &self,
        attempt: &AttemptRow,
        event: Event,
        by: Source,
    ) -> Result<Outcome, Failure> {
        let store = &self.parts.store;
        match store.apply(&attempt.order_sn, event, self.act(by)).await? {
            Settled::Contradicts(state) => {
                raise!(
                    Alarm::Contradiction,
                    order.sn = attempt.order_sn,
                    ?state,
                    ?event,
                    "the channel contradicts the order's state"
                );
                Ok(Outcome::Paid)
            }
            Settled::Went(state) => {
                counted::went(attempt.channel, state);
                self.request_changed(&attempt.domain_code, &attempt.request_key);
                tracing::info!(order.sn = attempt.order_sn, ?state, "attempt ended");
                Ok(Outcome::Ended)
            }
            Settled::Stayed(_) => Ok(Outcome::Ended),
        }
    }

    /// What is written together with the payment: the callback where it wins, and
    /// the refund where it comes beside the request.
    async fn consequences(
        &self,
        attempt: &AttemptRow,
        paid_ms: i64,
    ) -> Result<(NewCallback, BesideRefund), Failure> {
        let domain = self.domain_named(&attempt.domain_code).await?;
        let callback = self.paid_callback(&domain, attempt, paid_ms).await?;
        let beside = BesideRefund {
            // One order has one such refund at most.
            refund_no: format!("D{}", attempt.order_sn),
            after_close: domain.settings.late_money,
        };
        Ok((callback, beside))
    }
}

/// What a report names otherwise than the order does.
fn difference(
    gateway: &dyn Gateway,
    attempt: &AttemptRow,
    report: &PaidReport,
) -> Option<&'static str> {
    if report.channel_order_no != attempt.channel_order_no {
        return Some("order number");
    }
    if report.merchant != gateway.merchant() {
        return Some("merchant");
    }
    if report.money.currency() != attempt.channel_money.currency() {
        return Some("currency");
    }
    (report.money != attempt.channel_money).then_some("amount")
}
