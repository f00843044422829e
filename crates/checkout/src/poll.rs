//! What a waiting page is told [docs/protocol.md].

use crate::{Checkout, Failure};
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::AttemptRow;
use payment::status::PayStatus;
use payment::story::Source;
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// A waiting page gets its answer after this time, whatever the channel does.
const CHANNEL_WAIT: Duration = Duration::from_millis(1_500);

/// Where a payment request stands, for the page that waits for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Poll {
    /// Paid: errcode 0.
    Paid,
    /// Keep polling: errcode 30000. Where an attempt was begun, the orderSn of the
    /// one that is open now, or that none is.
    Waiting(Option<Option<String>>),
    /// It can't be paid any more, or the question itself is refused. After too many
    /// of them ([`Failure::TooMany`]) a page polls on.
    Failed(Failure),
}

impl Checkout {
    /// Speaks for the request, over all its attempts. Trouble of ours or of the
    /// channel is `Waiting`: any other code sends an old page's payer away.
    pub async fn poll(self: &Arc<Self>, pairs: &Pairs) -> Poll {
        match self.poll_verified(pairs).await {
            Ok(poll) => poll,
            Err(failure) if failure.passes() && failure.wait_s().is_none() => {
                tracing::warn!(cause = %failure, "poll in trouble");
                Poll::Waiting(None)
            }
            Err(failure) => Poll::Failed(failure),
        }
    }

    async fn poll_verified(self: &Arc<Self>, pairs: &Pairs) -> Result<Poll, Failure> {
        let (domain, request) = self.verified(pairs).await?;
        let attempts = self
            .parts
            .store
            .attempts(&domain.code, &request.request_key)
            .await?;
        let Some(newest) = attempts.last() else {
            let key = &request.request_key;
            let closed = self.parts.store.is_closed(&domain.code, key).await?;
            return Ok(if closed {
                Poll::Failed(Failure::Closed)
            } else {
                Poll::Waiting(None)
            });
        };
        if newest.money != request.money {
            return Err(Failure::KeyReused);
        }
        self.watch(newest).await
    }

    /// Where the request of an attempt stands; asks the channel at most every
    /// few seconds, however many pages watch.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn watch(self: &Arc<Self>, newest: &AttemptRow) -> Result<Poll, Failure> {
        if let Some(poll) = final_answer(newest) {
            return Ok(poll);
        }
        let flight = match newest.status {
            Attempt::Open => self.flights.take_off(&newest.order_sn, self.now_ms()),
            _ => None,
        };
        let Some(flight) = flight else {
            return Ok(waiting(newest, self.now_ms()));
        };
        let (this, attempt) = (Arc::clone(self), newest.clone());
        let work = async move {
            let checked = this.check(&attempt, Source::Page).await;
            drop(flight);
            checked
        };
        let asked = self.tasks.spawn(work.in_current_span());
        if tokio::time::timeout(CHANNEL_WAIT, asked).await.is_err() {
            tracing::debug!(
                order.sn = newest.order_sn,
                "the channel is slow; the page polls on"
            );
        }
        let attempt = self.reload(&newest.order_sn).await?;
        Ok(final_answer(&attempt).unwrap_or_else(|| waiting(&attempt, self.now_ms())))
    }
}

fn waiting(newest: &AttemptRow, now_ms: i64) -> Poll {
    let held = newest.status == Attempt::Held;
    let open = held || newest.status.is_open() && now_ms < newest.expires_ms;
    Poll::Waiting(Some(open.then(|| newest.order_sn.clone())))
}

fn final_answer(attempt: &AttemptRow) -> Option<Poll> {
    // Its channel has the payer's money, though the request was closed meanwhile.
    if attempt.status == Attempt::Held {
        return None;
    }
    match attempt.request_status {
        PayStatus::Closed => Some(Poll::Failed(Failure::Closed)),
        status if status.was_paid() => Some(Poll::Paid),
        _ => None,
    }
}
