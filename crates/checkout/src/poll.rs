//! What a waiting page is told (docs/protocol.md).

use crate::budget::Asker;
use crate::flights::Flight;
use crate::memory::{self, Business, Fingerprint, Known, Newest, Recalled, Woke};
use crate::numbers::is_token;
use crate::{Checkout, Failure};
use payment::domain::{Domain, Secret};
use payment::money::Money;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::param::Param;
use payment::ports::AttemptRow;
use payment::refund::Refund;
use payment::refusal::Refusal;
use payment::request::PayRequest;
use payment::status::PayStatus;
use payment::story::Source;
use payment::verify;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;
use tracing::Instrument;

/// Requests that are read anew in one statement.
const READ_AT_ONCE: usize = 500;
/// A waiting page gets its answer after this time, whatever the channel does.
const CHANNEL_WAIT: Duration = Duration::from_millis(1_500);
/// An order younger than this has not been paid by whom its page is shown to first, ms.
const JUST_MADE_MS: i64 = 1_800;

/// Where a payment request stands, for the page that waits for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Poll {
    /// Paid: errcode 0.
    Paid,
    /// Keep polling, errcode 30000; no attempt is known.
    Waiting,
    /// Keep polling: the attempt with this orderSn can be paid.
    Open(String),
    /// Keep polling: the last attempt has ended, and another can be begun.
    Ended,
    /// It can't be paid any more, or the question itself is refused. After too many
    /// of them ([`Failure::TooMany`]) a page polls on.
    Failed(Failure),
}

/// Where the request of an attempt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is paid.
    Paid,
    /// The attempt can be paid, or its channel has the payer's money and checks it.
    Open,
    /// The attempt has ended; another can be begun.
    Ended,
    /// The request can't be paid any more.
    Closed,
}

/// An attempt as it is now, and where its request stands.
#[derive(Clone, Debug)]
pub struct Watched {
    /// The attempt.
    pub attempt: AttemptRow,
    /// Where its request stands.
    pub standing: Standing,
}

impl Watched {
    fn of(attempt: AttemptRow, now_ms: i64) -> Self {
        Self {
            standing: Newest::of(&attempt).standing(now_ms),
            attempt,
        }
    }
}

/// Where a verified payment request stands, for a page that opens it.
#[derive(Clone, Debug)]
pub enum Requested {
    /// It can be paid.
    Payable,
    /// It is paid; by this attempt, unless that can't be told.
    Paid(Option<AttemptRow>),
    /// A channel has the payer's money and checks it.
    Held(AttemptRow),
    /// What a channel says was paid does not fit this order, and nobody has looked after it.
    Differs(AttemptRow),
    /// Money that came after its end goes back.
    GoingBack(AttemptRow),
}

/// Whether a request is refused by what an operator may have set since it was begun.
fn is_of_settings(failure: &Failure, domain: &Domain, now_ms: i64) -> bool {
    match failure {
        Failure::Refused(
            Refusal::Amount(_)
            | Refusal::AddressRefused(_)
            | Refusal::Rule(_)
            | Refusal::HmacRequired,
        ) => true,
        // It may have been signed with a secret that has ended.
        Failure::Refused(Refusal::BadSign { .. }) => {
            domain.live_secrets(now_ms).count() < domain.secrets().len()
        }
        _ => false,
    }
}

impl Checkout {
    /// Speaks for the request, over all its attempts. Trouble of ours or of the
    /// channel is `Waiting`: any other code sends an old page's payer away.
    pub async fn poll(self: &Arc<Self>, pairs: &Pairs) -> Poll {
        match self.poll_verified(pairs).await {
            Ok(poll) => poll,
            Err(failure) if failure.passes() && failure.wait_s().is_none() => {
                tracing::warn!(cause = %failure, "poll in trouble");
                Poll::Waiting
            }
            Err(failure) => Poll::Failed(failure),
        }
    }

    async fn poll_verified(self: &Arc<Self>, pairs: &Pairs) -> Result<Poll, Failure> {
        let (money, known, Woke(woke)) = self.page_question(pairs).await?;
        let Some(newest) = known.newest else {
            return if known.closed {
                Err(Failure::Closed)
            } else {
                Ok(Poll::Waiting)
            };
        };
        if newest.money != money {
            return Err(Failure::KeyReused);
        }
        // Else notifies and the attempt's own schedule bring what there is to tell.
        let newest = if woke {
            self.looked_at(newest).await?
        } else {
            newest
        };
        Ok(match newest.standing(self.now_ms()) {
            Standing::Paid => Poll::Paid,
            Standing::Open => Poll::Open(newest.order_sn),
            Standing::Ended => Poll::Ended,
            Standing::Closed => Poll::Failed(Failure::Closed),
        })
    }

    /// The sum of a waiting page's question, whose sign holds and which is charged for,
    /// and where its request stands: from memory, where that is known.
    async fn page_question(&self, pairs: &Pairs) -> Result<(Money, Known, Woke), Failure> {
        let named = |name: Param| pairs.get(name.name()).unwrap_or_default();
        let (domain_code, key) = (named(Param::DomainCode), named(Param::RequestKey));
        let digest = Fingerprint::of(pairs);
        let now_ms = self.now_ms();
        let (recalled, woke) = self.memory.recall(domain_code, key, digest, now_ms);
        if recalled != Recalled::Nothing {
            self.take_toll(domain_code, Some(key))?;
        }
        let money = match recalled {
            Recalled::Standing(money, known) => return Ok((money, known, woke)),
            Recalled::Signed(money) => money,
            Recalled::Nothing => self.verify_question(pairs, digest).await?,
        };
        Ok((money, self.read_known(domain_code, key).await?, woke))
    }

    async fn verify_question(&self, pairs: &Pairs, digest: Fingerprint) -> Result<Money, Failure> {
        let code = verify::domain_code(pairs)?;
        let business = match self.memory.business(code) {
            Some(business) => business,
            None => {
                let before = self.memory.moment();
                // A page that waits learns what became of it, also of one that is disabled.
                let domain = self.read_domain(code).await?;
                let domain = domain.ok_or(Refusal::UnknownDomain)?;
                let business = Business::read(domain, before);
                self.memory.keep_business(&business);
                business
            }
        };
        let request = match self.verified_by(&business.domain, pairs).await {
            Err(failure) if is_of_settings(&failure, &business.domain, self.now_ms()) => {
                return self.begun_before(code, pairs).await?.ok_or(failure);
            }
            verified => verified?,
        };
        let signed_with = |secret: &&Secret| secret.generation == request.generation();
        let secret = business.domain.secrets().iter().find(signed_with);
        let question = memory::Verified {
            digest,
            domain_code: &request.domain_code,
            request_key: &request.request_key,
            money: request.money,
            until_ms: secret.and_then(|secret| secret.not_after_ms),
        };
        self.memory.keep_question(&question, &business);
        Ok(request.money)
    }

    /// The sum of a request that was begun by this very message, whose sign held then: the
    /// settings of its business system are others by now, and its payer is still told what
    /// became of it.
    async fn begun_before(&self, code: &str, pairs: &Pairs) -> Result<Option<Money>, Failure> {
        let key = pairs.get(Param::RequestKey.name()).unwrap_or_default();
        let attempts = self.parts.store.attempts(code, key).await?;
        let is_of = |attempt: &&AttemptRow| attempt.signed.is_said_by(pairs);
        let Some(begun) = attempts.iter().find(is_of) else {
            return Ok(None);
        };
        self.take_toll(code, Some(key))?;
        Ok(Some(begun.money))
    }

    async fn read_known(&self, domain_code: &str, key: &str) -> Result<Known, Failure> {
        let before = self.memory.moment();
        let (attempts, closed) = self.attempts_or_end(domain_code, key).await?;
        let known = Known::of(&attempts, closed);
        self.memory.keep(domain_code, key, known.clone(), before);
        Ok(known)
    }

    /// Reads anew, many at once, where requests stand that pages go on asking about and that
    /// were read so long ago. Done in time, hardly a poll of them waits for the database.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble: polls ask it by themselves.
    pub async fn read_ahead(&self, age: Duration) -> Result<(), Failure> {
        let store = &self.parts.store;
        for requests in self.memory.aged(age).chunks(READ_AT_ONCE) {
            let before = self.memory.moment();
            let mut attempts: HashMap<_, Vec<AttemptRow>> = HashMap::new();
            for one in store.attempts_of(requests).await? {
                let named = (one.domain_code.clone(), one.request_key.clone());
                attempts.entry(named).or_default().push(one);
            }
            let closed = store.closed_among(requests).await?;
            let closed: HashSet<_> = closed.into_iter().collect();
            for named in requests {
                let attempts = attempts.remove(named).unwrap_or_default();
                let known = Known::of(&attempts, closed.contains(named));
                self.memory.keep(&named.0, &named.1, known, before);
            }
        }
        Ok(())
    }

    /// The attempt that speaks for its request, once its channel was asked, if it is time
    /// for that.
    async fn looked_at(self: &Arc<Self>, newest: Newest) -> Result<Newest, Failure> {
        let Some(flight) = self.asks_now(&newest) else {
            return Ok(newest);
        };
        let attempt = self.reload(&newest.order_sn).await?;
        // Another instance may have settled it a moment ago.
        if !Newest::of(&attempt).is_waited_for(self.now_ms()) {
            return Ok(Newest::of(&attempt));
        }
        Ok(Newest::of(&self.asked(attempt, flight).await?))
    }

    /// The right to ask an attempt's channel now, where it can be paid and its account
    /// grants that.
    fn asks_now(&self, attempt: &Newest) -> Option<Flight> {
        let now_ms = self.now_ms();
        if !attempt.is_waited_for(now_ms) {
            return None;
        }
        let gateway = self.gateway(attempt.channel, &attempt.account)?;
        let flight = self.flights.take_off(&attempt.order_sn, now_ms)?;
        let granted = self.budget.take(&*gateway, Asker::Page, now_ms);
        granted.ok().map(|()| flight)
    }

    /// Where a request stands that a page opens: what is paid stays paid, whatever
    /// channel its address names, and what is closed is offered to nobody.
    ///
    /// # Errors
    /// [`Failure::Closed`], [`Failure::KeyReused`], and [`Failure::Internal`] when the
    /// database is in trouble.
    pub async fn requested(&self, request: &PayRequest) -> Result<Requested, Failure> {
        let attempts = self.attempts_of(request).await?;
        let Some(last) = attempts.last() else {
            return Ok(Requested::Payable);
        };
        let status = last.request_status;
        let one = |state| attempts.iter().find(|attempt| attempt.status == state);
        if status.was_paid() {
            return Ok(Requested::Paid(one(Attempt::Paid).cloned()));
        }
        match money_among(&attempts) {
            Some(held) if held.status == Attempt::Held => {
                return Ok(Requested::Held(held.clone()));
            }
            Some(differs) => return Ok(Requested::Differs(differs.clone())),
            None => {}
        }
        // A payer whose money is on its way back is not told that he was not charged.
        if let Some(late) = one(Attempt::PaidAfterClose) {
            return Ok(Requested::GoingBack(late.clone()));
        }
        match status {
            PayStatus::Closed => Err(Failure::Closed),
            _ => Ok(Requested::Payable),
        }
    }

    /// The attempts of a request, oldest first; none where nobody has begun to pay it,
    /// which it may be closed before.
    async fn attempts_of(&self, request: &PayRequest) -> Result<Vec<AttemptRow>, Failure> {
        let (domain, key) = (&request.domain_code, &request.request_key);
        let (attempts, closed) = self.attempts_or_end(domain, key).await?;
        match attempts.last() {
            None if closed => Err(Failure::Closed),
            Some(last) if last.money != request.money => Err(Failure::KeyReused),
            _ => Ok(attempts),
        }
    }

    /// The attempts of a request, oldest first; where there is none, whether its key is
    /// closed.
    async fn attempts_or_end(
        &self,
        domain_code: &str,
        key: &str,
    ) -> Result<(Vec<AttemptRow>, bool), Failure> {
        let store = &self.parts.store;
        let attempts = store.attempts(domain_code, key).await?;
        let closed = attempts.is_empty() && store.is_closed(domain_code, key).await?;
        Ok((attempts, closed))
    }

    /// The attempt that paid the request of this one, where one did.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn winner(&self, attempt: AttemptRow) -> Result<Option<AttemptRow>, Failure> {
        if attempt.status == Attempt::Paid {
            return Ok(Some(attempt));
        }
        let (domain, key) = (&attempt.domain_code, &attempt.request_key);
        self.paid_attempt_of(domain, key).await
    }

    /// The attempt of the same request whose channel holds the payer's money, or has some that
    /// does not fit it: it may have begun before this one, and its channel said so later.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn money_beside(&self, attempt: &AttemptRow) -> Result<Option<AttemptRow>, Failure> {
        let (domain, key) = (&attempt.domain_code, &attempt.request_key);
        let attempts = self.parts.store.attempts(domain, key).await?;
        Ok(money_among(&attempts).cloned())
    }

    /// The attempt that paid a request, where one did.
    pub(crate) async fn paid_attempt_of(
        &self,
        domain_code: &str,
        request_key: &str,
    ) -> Result<Option<AttemptRow>, Failure> {
        let attempts = self.parts.store.attempts(domain_code, request_key).await?;
        let paid = |one: &AttemptRow| one.status == Attempt::Paid;
        Ok(attempts.into_iter().find(paid))
    }

    /// The refund of an attempt's whole money that is not for its request, where there is one.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn way_back(&self, attempt: &AttemptRow) -> Result<Option<Refund>, Failure> {
        let refunds = self.parts.store.refunds(&attempt.order_sn).await?;
        let beside = refunds.iter().find(|one| !one.cause.is_told());
        Ok(beside.map(|one| one.state))
    }

    /// The attempt whose page this token opens.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn attempt_by_token(&self, token: &str) -> Result<Option<AttemptRow>, Failure> {
        if !is_token(token) {
            return Ok(None);
        }
        Ok(self.parts.store.attempt_by_token(token).await?)
    }

    /// Where the request of an attempt stands; asks the channel at most every
    /// few seconds, however many pages watch.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn watch(self: &Arc<Self>, newest: AttemptRow) -> Result<Watched, Failure> {
        let attempt = match self.asks_now(&Newest::of(&newest)) {
            None => newest,
            Some(flight) => self.asked(newest, flight).await?,
        };
        Ok(Watched::of(attempt, self.now_ms()))
    }

    /// The same for a page that is opened: an order that was made a moment ago is shown
    /// as it is.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn shown(self: &Arc<Self>, attempt: AttemptRow) -> Result<Watched, Failure> {
        let now_ms = self.now_ms();
        if now_ms - attempt.created_ms >= JUST_MADE_MS {
            return self.watch(attempt).await;
        }
        Ok(Watched::of(attempt, now_ms))
    }

    /// The attempt as it is once its channel was asked, or has been waited for.
    async fn asked(
        self: &Arc<Self>,
        attempt: AttemptRow,
        flight: Flight,
    ) -> Result<AttemptRow, Failure> {
        let order_sn = attempt.order_sn.clone();
        let this = Arc::clone(self);
        let work = async move {
            let checked = this.check(&attempt, Source::Page).await;
            drop(flight);
            checked
        };
        let asked = self.tasks.spawn(work.in_current_span());
        if tokio::time::timeout(CHANNEL_WAIT, asked).await.is_err() {
            tracing::debug!(
                order.sn = order_sn,
                "the channel is slow; the page polls on"
            );
        }
        self.reload(&order_sn).await
    }
}

/// While a channel holds money, that attempt speaks for its request; one that is paid is
/// paid, whatever another one holds.
/// A held one first: its channel will say what becomes of it.
fn money_among(attempts: &[AttemptRow]) -> Option<&AttemptRow> {
    let differs = |one: &&AttemptRow| one.differs() && !one.request_status.was_paid();
    held_among(attempts).or_else(|| attempts.iter().find(differs))
}

fn held_among(attempts: &[AttemptRow]) -> Option<&AttemptRow> {
    let holds = |one: &&AttemptRow| one.status == Attempt::Held && !one.request_status.was_paid();
    attempts.iter().find(holds)
}

impl Known {
    /// By the attempts of a request, oldest first; `closed` of one that has none.
    fn of(attempts: &[AttemptRow], closed: bool) -> Self {
        Self {
            newest: money_among(attempts).or(attempts.last()).map(Newest::of),
            closed: closed && attempts.is_empty(),
        }
    }
}

impl Newest {
    /// Whether its channel may still bring news.
    fn is_waited_for(&self, now_ms: i64) -> bool {
        let over = matches!(self.standing(now_ms), Standing::Paid | Standing::Closed);
        !over && self.status == Attempt::Open
    }

    fn standing(&self, now_ms: i64) -> Standing {
        match self.request_status {
            status if status.was_paid() => Standing::Paid,
            // Its channel has the payer's money, though the request was closed meanwhile.
            _ if self.status == Attempt::Held => Standing::Open,
            PayStatus::Closed => Standing::Closed,
            // Its page says so, and waits for nothing.
            _ if self.differs => Standing::Ended,
            _ if self.status.is_open() && now_ms < self.expires_ms => Standing::Open,
            _ => Standing::Ended,
        }
    }
}
