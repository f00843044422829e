//! Starting a payment [docs/protocol.md; docs/reference/orders.md, Attempts].

use crate::alarm::{Alarm, raise};
use crate::links::{ATTEMPT, RETURN};
use crate::pay_types::{Choice, Sum};
use crate::timer::CREATE_LIMIT_MS;
use crate::{Checkout, Failure, Place, counted, numbers};
use payment::channel::Channel;
use payment::domain::{ATTEMPT_LIFE_MAX_S, Domain};
use payment::lang::Lang;
use payment::order::Event;
use payment::param::Param;
use payment::ports::{
    AttemptRow, Begun, ChannelError, Kind, NewAttempt, NewOrder, Settled, StoreError,
};
use payment::request::PayRequest;
use payment::story::Source;
use payment::verify::Verified;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{Instrument, Span};

/// New numbers are tried this often before the store is called broken.
const NUMBER_TRIES: usize = 8;
/// Another call's order is waited for this long, then asked for again.
pub(crate) const CREATING_MS: i64 = 10_000;
/// Nobody waits longer for it.
const WAITED_FOR: Duration = Duration::from_millis(CREATING_MS as u64);
/// Between two looks at another call's order.
const LOOK_AGAIN: Duration = Duration::from_millis(100);
/// Who has made too many attempts of a request comes again after so long, seconds.
const ATTEMPTS_WAIT_S: u64 = 600;
/// The first own query of an attempt, ms after it began (rule 7).
pub(crate) const FIRST_QUERY_MS: i64 = 5_000;

/// A wish to pay: the payer's channel, and where the payer is.
#[derive(Clone, Debug)]
pub struct Start {
    /// The channel that the payer picked.
    pub channel: Channel,
    /// Where the payer is.
    pub place: Place,
}

/// Who makes the order of an attempt.
enum Turn {
    /// This call, which began the attempt.
    Ours(AttemptRow),
    /// A call before this one.
    Anothers(AttemptRow),
}

impl Checkout {
    /// Starts a payment, or goes on with the one that was started: gives the
    /// attempt with its `obj`.
    ///
    /// It runs to its end even when the caller goes away: an order that reached
    /// a channel is always written down.
    ///
    /// # Errors
    /// [`Failure`]; after `ChannelUnavailable` the same call may be repeated.
    pub async fn pay(
        self: &Arc<Self>,
        domain: &Domain,
        request: &Verified<PayRequest>,
        start: Start,
    ) -> Result<AttemptRow, Failure> {
        let choice = self.choose(domain, start.channel, &start.place, Sum::of(request))?;
        let (this, domain, request) = (Arc::clone(self), domain.clone(), request.clone());
        let work = async move {
            match this.begin(&domain, &request, &start, &choice).await? {
                Turn::Ours(attempt) => this.order(attempt).await,
                Turn::Anothers(attempt) => this.order_of_another(attempt).await,
            }
        };
        let task = self.tasks.spawn(work.in_current_span());
        task.await
            .map_err(|error| Failure::Internal(error.to_string()))?
    }

    /// Starts a payment from values that were verified when they were stored:
    /// the payer of an attempt's page asks for a new code.
    ///
    /// # Errors
    /// As [`Checkout::pay`], and when the values do not verify any more.
    pub async fn pay_again(
        self: &Arc<Self>,
        attempt: &AttemptRow,
        start: Start,
    ) -> Result<AttemptRow, Failure> {
        let (domain, request) = self.verified(attempt.signed.pairs()).await?;
        self.pay(&domain, &request, start).await
    }

    async fn begin(
        &self,
        domain: &Domain,
        request: &Verified<PayRequest>,
        start: &Start,
        choice: &Choice,
    ) -> Result<Turn, Failure> {
        for _ in 0..NUMBER_TRIES {
            let new = self.new_attempt(domain, request, start, choice)?;
            match self.parts.store.begin_attempt(&new).await? {
                Begun::New(row) => {
                    self.memory.changed(&row.domain_code, &row.request_key);
                    Span::current().record("order.sn", &row.order_sn);
                    tracing::info!(
                        order.sn = row.order_sn,
                        domain.code = row.domain_code,
                        channel.code = row.channel.code(),
                        "attempt begun"
                    );
                    counted::begun(row.channel);
                    tell_other_readings(request, &row);
                    return Ok(Turn::Ours(row));
                }
                Begun::Same(row) => {
                    Span::current().record("order.sn", &row.order_sn);
                    return Ok(Turn::Anothers(row));
                }
                Begun::KeyReused => return Err(Failure::KeyReused),
                Begun::AlreadyPaid => return Err(Failure::AlreadyPaid),
                Begun::Closed => return Err(Failure::Closed),
                Begun::Overdue => {
                    self.close_unpaid(domain, &request.request_key).await?;
                    return Err(Failure::Closed);
                }
                Begun::Held => return Err(Failure::InProgress),
                Begun::TooMany if domain.settings.payments_frozen => return Err(Failure::Frozen),
                Begun::TooMany => {
                    return Err(Failure::TooMany {
                        wait_s: ATTEMPTS_WAIT_S,
                    });
                }
                Begun::NumberTaken => {}
            }
        }
        Err(Failure::Internal("no free order number".to_owned()))
    }

    fn new_attempt(
        &self,
        domain: &Domain,
        request: &Verified<PayRequest>,
        start: &Start,
        choice: &Choice,
    ) -> Result<NewAttempt, Failure> {
        let now_ms = self.now_ms();
        let order_sn = self.numbers.order_sn(now_ms);
        let token = numbers::token().map_err(|error| Failure::Internal(error.to_string()))?;
        Ok(NewAttempt {
            domain_code: domain.code.clone(),
            request_key: request.request_key.clone(),
            money: request.money,
            channel_order_no: choice.gateway.order_no(&order_sn),
            order_sn,
            token,
            channel: start.channel,
            account: choice.gateway.account().to_owned(),
            kind: choice.kind,
            channel_money: choice.money,
            rate: choice.rate,
            openid: start
                .place
                .openid
                .clone()
                .filter(|_| choice.kind == Kind::Jsapi),
            signed: request.signed(),
            secret_generation: request.generation(),
            created_ms: now_ms,
            expires_ms: now_ms + domain.settings.attempt_life_s.min(ATTEMPT_LIFE_MAX_S) * 1000,
            next_query_ms: now_ms + FIRST_QUERY_MS,
            fits_another_key: request.fits_another_key(),
            fresh_since_ms: choice.gateway.fresh_since_ms(now_ms),
            made_since_ms: match choice.gateway.repeats_orders() {
                true => i64::MIN,
                false => now_ms - CREATE_LIMIT_MS,
            },
            // None begins where they are frozen; one that has begun is found before.
            attempts_an_hour: if domain.settings.payments_frozen {
                0
            } else {
                domain.settings.attempts_an_hour
            },
            could_be_recut: request.could_be_recut().is_some(),
            deadline_after_ms: domain.settings.deadline_s.map(|seconds| seconds * 1000),
        })
    }

    /// Makes the order at the channel.
    async fn order(&self, attempt: AttemptRow) -> Result<AttemptRow, Failure> {
        let gateway = self.gateway_of(&attempt)?;
        match gateway.create(&self.order_for(&attempt)?).await {
            Ok(created) => {
                self.parts
                    .store
                    .accept_attempt(&attempt.order_sn, &created, self.act(Source::Channel))
                    .await?;
                self.memory
                    .changed(&attempt.domain_code, &attempt.request_key);
                self.reload(&attempt.order_sn).await
            }
            Err(error) => Err(self.not_made(&attempt, error).await?),
        }
    }

    /// Waits for the answer of another call that is making this order. Where that seems
    /// lost, one of those who wait makes it: the same number is the same order, but at
    /// channels that would make a second one.
    async fn order_of_another(&self, mut attempt: AttemptRow) -> Result<AttemptRow, Failure> {
        let (gateway, since) = (self.gateway_of(&attempt)?, Instant::now());
        while attempt.obj.is_none() && attempt.status.is_open() {
            let now_ms = self.now_ms();
            let is_lost = now_ms - attempt.created_ms >= CREATING_MS;
            if is_lost
                && gateway.repeats_orders()
                && let Some(_flight) = self.making.take_off(&attempt.order_sn, now_ms)
            {
                return self.order(attempt).await;
            }
            if is_lost && !gateway.repeats_orders() || since.elapsed() >= WAITED_FOR {
                return Err(Failure::ChannelUnavailable(
                    "another call has no answer yet".to_owned(),
                ));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
            attempt = self.reload(&attempt.order_sn).await?;
        }
        match attempt.obj {
            Some(_) => Ok(attempt),
            None => Err(Failure::ChannelUnavailable(
                "another call was refused".to_owned(),
            )),
        }
    }

    /// A refusal ends the attempt; what is unknown is left to its timer (rule 5).
    async fn not_made(
        &self,
        attempt: &AttemptRow,
        error: ChannelError,
    ) -> Result<Failure, StoreError> {
        tracing::warn!(order.sn = attempt.order_sn, channel.code = attempt.channel.code(),
            cause = %error, "the channel made no order");
        let is_refused = matches!(
            error,
            ChannelError::Refused { .. } | ChannelError::NotOffered
        );
        if is_refused {
            let act = self.act(Source::Channel);
            let store = &self.parts.store;
            let declined = store.apply(&attempt.order_sn, Event::Declined, act).await?;
            if let Settled::Went(state) = declined {
                counted::went(attempt.channel, state);
            }
        } else {
            counted::unanswered(attempt.channel);
        }
        Ok(Failure::ChannelUnavailable(error.to_string()))
    }

    pub(crate) async fn reload(&self, order_sn: &str) -> Result<AttemptRow, Failure> {
        let row = self.parts.store.attempt(order_sn).await?;
        row.ok_or_else(|| Failure::Internal(format!("attempt {order_sn} is gone")))
    }

    /// What the channel is told, the same in every call for this attempt.
    fn order_for(&self, attempt: &AttemptRow) -> Result<NewOrder, Failure> {
        let goods = attempt.signed.get(Param::Info);
        let (url, token) = (&self.parts.public_url, &attempt.token);
        Ok(NewOrder {
            kind: attempt.kind,
            order: attempt.order(),
            goods: goods.unwrap_or(&attempt.request_key).to_owned(),
            expires_ms: attempt.expires_ms,
            openid: attempt.openid.clone(),
            return_url: format!("{url}{RETURN}{token}"),
            quit_url: format!("{url}{ATTEMPT}{token}/stay"),
        })
    }
}

/// Logs that the sign of a request has other readings (docs/signing.md); that it could fit
/// another sum is an alarm.
fn tell_other_readings(request: &Verified<PayRequest>, row: &AttemptRow) {
    if request.fits_another_key() {
        tracing::warn!(
            order.sn = row.order_sn,
            domain.code = row.domain_code,
            "the sign fits another requestKey too; a strict domain or HMAC is the cure"
        );
    }
    if let Some(rule) = request.could_be_recut() {
        raise!(
            Alarm::Recut,
            order.sn = row.order_sn,
            domain.code = row.domain_code,
            rule = rule.text(Lang::En),
            "the sign could fit another sum too; HMAC, or recut=refuse, is the cure"
        );
    }
}
