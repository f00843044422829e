//! Own query timers: no order waits for a notify alone (design section 4, rule 7).

use crate::settle::Outcome;
use crate::{Checkout, Failure};
use payment::order::{Attempt, Event};
use payment::ports::{AttemptRow, ChannelError, Gateway, OrderState};
use std::sync::Arc;

/// After these many ms since an attempt began its channel is asked; then each minute.
const SCHEDULE_MS: [i64; 5] = [5_000, 10_000, 20_000, 40_000, 60_000];
const THEN_EACH_MS: i64 = 60_000;
/// Who takes a query has it to himself for this long.
const LEASE_MS: i64 = 60_000;
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
            .take_due_attempts(now_ms, now_ms + LEASE_MS, ROUND)
            .await?;
        let count = due.len();
        let mut tasks = Vec::with_capacity(count);
        for attempt in due {
            let this = Arc::clone(self);
            tasks.push(tokio::spawn(async move {
                if let Err(error) = this.run_query(&attempt).await {
                    tracing::warn!(order.sn = attempt.order_sn, cause = %error,
                        "query failed; it is repeated");
                }
            }));
        }
        for task in tasks {
            task.await
                .map_err(|error| Failure::Internal(error.to_string()))?;
        }
        Ok(count)
    }

    async fn run_query(&self, attempt: &AttemptRow) -> Result<(), Failure> {
        let outcome = match attempt.status {
            Attempt::Creating | Attempt::Open | Attempt::Declined => {
                if self.now_ms() < attempt.expires_ms {
                    self.check(attempt).await?
                } else {
                    self.expire(attempt).await?
                }
            }
            _ => Outcome::Ended,
        };
        let next_ms = match outcome {
            Outcome::Open => Some(next_query_ms(attempt, self.now_ms())),
            // A declined order is asked about until it expires: late money counts.
            Outcome::Ended if self.now_ms() < attempt.expires_ms => Some(attempt.expires_ms),
            Outcome::Ended | Outcome::Paid | Outcome::Mismatch => None,
        };
        Ok(self
            .parts
            .store
            .schedule_query(&attempt.order_sn, next_ms)
            .await?)
    }

    /// Asks the channel how an order stands, and settles by the answer.
    pub(crate) async fn check(&self, attempt: &AttemptRow) -> Result<Outcome, Failure> {
        let gateway = self.gateway_of(attempt)?;
        match gateway.query(&attempt.channel_order_no).await {
            Ok(state) => self.settle(gateway, attempt, state).await,
            Err(error) => {
                tracing::warn!(order.sn = attempt.order_sn, cause = %error, "query unanswered");
                Ok(Outcome::Open)
            }
        }
    }

    /// Expiry: query, close at the channel, query, and only then CLOSED.
    async fn expire(&self, attempt: &AttemptRow) -> Result<Outcome, Failure> {
        let gateway = self.gateway_of(attempt)?;
        let number = &attempt.channel_order_no;
        match gateway.query(number).await {
            Ok(OrderState::NotFound) => return self.close_unknown(gateway, attempt).await,
            Ok(OrderState::Pending | OrderState::Declined) => {}
            Ok(state) => return self.settle(gateway, attempt, state).await,
            Err(_) => return Ok(Outcome::Open),
        }
        match gateway.close(number).await {
            Ok(()) | Err(ChannelError::Refused { .. }) => {}
            Err(ChannelError::NotOffered | ChannelError::Unknown(_)) => return Ok(Outcome::Open),
        }
        self.check(attempt).await
    }

    /// The channel does not know the order. Its number is closed all the same,
    /// so that an order call still under way can't open it later.
    async fn close_unknown(
        &self,
        gateway: &dyn Gateway,
        attempt: &AttemptRow,
    ) -> Result<Outcome, Failure> {
        match gateway.close(&attempt.channel_order_no).await {
            Err(ChannelError::Unknown(_)) => Ok(Outcome::Open),
            _ => {
                self.parts
                    .store
                    .apply(&attempt.order_sn, Event::Closed)
                    .await?;
                Ok(Outcome::Ended)
            }
        }
    }

    fn gateway_of(&self, attempt: &AttemptRow) -> Result<&dyn Gateway, Failure> {
        self.gateway(attempt.channel, &attempt.account)
            .map(AsRef::as_ref)
            .ok_or_else(|| Failure::Internal(format!("no account {} any more", attempt.account)))
    }
}

/// When an open attempt is asked about next: by the schedule, and at its end.
fn next_query_ms(attempt: &AttemptRow, now_ms: i64) -> i64 {
    let since = attempt.created_ms;
    let scheduled = SCHEDULE_MS
        .into_iter()
        .map(|after| since + after)
        .find(|at| *at > now_ms);
    let next_ms = scheduled.unwrap_or(now_ms + THEN_EACH_MS);
    if now_ms < attempt.expires_ms {
        next_ms.min(attempt.expires_ms)
    } else {
        next_ms
    }
}
