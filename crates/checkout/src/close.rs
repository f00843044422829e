//! Closing a request, for its business system (docs/protocol.md, Refunds and closing) or
//! by an operator.

use crate::settle::Outcome;
use crate::{Checkout, Failure};
use payment::domain::Domain;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, ClosedRequest, NewCallback, StoreError};
use payment::status::PayStatus;
use payment::story::Source;
use payment::verify;

impl Checkout {
    /// `private/pay/close`: by HMAC alone. Done when it returns: no payer can pay
    /// the request any more.
    ///
    /// # Errors
    /// [`Failure::AlreadyPaid`] when it is paid, [`Failure::InProgress`] while a
    /// channel has not said so, or what kept one from being asked: the same call is to be
    /// repeated.
    pub async fn close_asked(&self, pairs: &Pairs) -> Result<(), Failure> {
        let domain = self.domain(pairs).await?;
        let request = verify::verify_close(&domain, pairs, self.now_ms())?;
        self.take_toll(&domain.code, Some(&request.request_key))?;
        self.see_secret_used(&domain, request.generation());
        let told = self.failure_told(&domain, &request.request_key).await?;
        self.close_telling(&domain, &request.request_key, told, Source::Business)
            .await
    }

    /// Closes the request of an order for an operator, as its business system's own call
    /// does: where that wants it, it is told.
    ///
    /// # Errors
    /// [`Failure::AlreadyPaid`] when it is paid, [`Failure::InProgress`] while a channel has
    /// not said that it takes no money any more: it is not closed, and to be closed again.
    pub(crate) async fn close_order(&self, order: &AttemptRow) -> Result<(), Failure> {
        let domain = self.domain_named(&order.domain_code).await?;
        let told = self.failure_told(&domain, &order.request_key).await?;
        self.close_telling(&domain, &order.request_key, told, Source::Operator)
            .await
    }

    /// Whether a close that failed has begun: no other payment of the order's request can
    /// begin, which is not closed yet.
    ///
    /// # Errors
    /// When the database is in trouble.
    pub(crate) async fn is_closing(
        &self,
        order: &AttemptRow,
        failure: &Failure,
    ) -> Result<bool, StoreError> {
        let store = &self.parts.store;
        let order = store.attempt(&order.order_sn).await?;
        let open = order.filter(|order| {
            *failure != Failure::AlreadyPaid
                && order.request_status != PayStatus::Closed
                && !order.request_status.was_paid()
        });
        match open {
            Some(order) => {
                store
                    .is_closed(&order.domain_code, &order.request_key)
                    .await
            }
            None => Ok(false),
        }
    }

    /// Closes a request without a word to its business system; where a channel has not said
    /// so yet, it is to be done again.
    pub(crate) async fn close_silently(&self, domain: &Domain, key: &str) -> Result<(), Failure> {
        self.close_telling(domain, key, None, Source::Operator)
            .await
    }

    async fn close_telling(
        &self,
        domain: &Domain,
        key: &str,
        told: Option<(String, NewCallback)>,
        by: Source,
    ) -> Result<(), Failure> {
        let code = &domain.code;
        let store = &self.parts.store;
        let act = self.act(by);
        // From the first call on no payer starts anew.
        let closed = store.close_request(code, key, told.as_ref(), act).await?;
        self.request_changed(code, key);
        if let Some(done) = answer(closed) {
            return done;
        }
        let mut failed = None;
        for attempt in store.attempts(code, key).await? {
            // A declined order may be paid after all, until its channel closes it.
            let ended = attempt.status == Attempt::Closed || attempt.status.has_money();
            if !ended {
                // The others can be paid all the same: each is closed that can be.
                let expired = self.expire(&attempt, by).await;
                failed = failed.or(match expired {
                    // A business system can do nothing about it.
                    Ok(Outcome::Mismatch) if by == Source::Operator => {
                        self.end_differing(&attempt).await.err()
                    }
                    expired => expired.err(),
                });
            }
        }
        // The last order may be another one meanwhile.
        let told = match told {
            Some(_) => self.failure_told(domain, key).await?,
            None => None,
        };
        let closed = store.close_request(code, key, told.as_ref(), act).await?;
        let open = failed.unwrap_or(Failure::InProgress);
        answer(closed).unwrap_or(Err(open))
    }

    /// Closes a request that is past its domain's deadline, or was to be closed before,
    /// unless it is paid or an attempt is still open: that one's end comes here again.
    pub(crate) async fn close_unpaid(
        &self,
        domain: &Domain,
        request_key: &str,
    ) -> Result<(), Failure> {
        let told = self.failure_told(domain, request_key).await?;
        let act = self.act(Source::Timer);
        let store = &self.parts.store;
        let closed = store
            .close_request(&domain.code, request_key, told.as_ref(), act)
            .await?;
        self.request_changed(&domain.code, request_key);
        tracing::info!(domain.code = domain.code, ?closed, "a request ends");
        Ok(())
    }

    /// At an ended attempt: closes its request where that is past the domain's
    /// deadline; gives when that will be, where it is still to come. So is done with a
    /// close that was waiting for this end: nobody can begin anew, and who asked for it
    /// may not ask again.
    pub(crate) async fn close_overdue(&self, attempt: &AttemptRow) -> Result<Option<i64>, Failure> {
        let domain = self.domain_named(&attempt.domain_code).await?;
        let (code, key) = (&attempt.domain_code, &attempt.request_key);
        let is_asked = attempt.request_status == PayStatus::NotPay
            && self.parts.store.is_closed(code, key).await?;
        if is_asked {
            self.close_unpaid(&domain, key).await?;
            return Ok(None);
        }
        let Some(deadline_s) = domain.settings.deadline_s else {
            return Ok(None);
        };
        let end_ms = attempt.request_created_ms + deadline_s * 1000;
        if self.now_ms() < end_ms {
            return Ok(Some(end_ms));
        }
        self.close_unpaid(&domain, &attempt.request_key).await?;
        Ok(None)
    }

    /// The FAILUREPAY of a request that is closed unpaid, for a domain that wants
    /// it (rule 8), with its last order; one that nobody opened has none, nor an
    /// address to tell it to.
    async fn failure_told(
        &self,
        domain: &Domain,
        request_key: &str,
    ) -> Result<Option<(String, NewCallback)>, Failure> {
        let status = PayStatus::FailurePay;
        if !self.door(domain)?.tells(domain, status) {
            return Ok(None);
        }
        let attempts = self.parts.store.attempts(&domain.code, request_key).await?;
        let Some(last) = attempts.last() else {
            return Ok(None);
        };
        let told = self.news(domain, last, status, self.now_ms()).await?;
        Ok(told.map(|told| (last.order_sn.clone(), told.callback(0))))
    }
}

fn answer(closed: ClosedRequest) -> Option<Result<(), Failure>> {
    match closed {
        ClosedRequest::Closed => Some(Ok(())),
        ClosedRequest::Paid => Some(Err(Failure::AlreadyPaid)),
        ClosedRequest::Open => None,
    }
}
