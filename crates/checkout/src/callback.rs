//! Callbacks to business systems: an outbox that is worked off on a schedule
//! (docs/protocol.md; docs/reference/orders.md, Callbacks).

use crate::alarm::{Alarm, raise};
use crate::counted::CALLBACKS;
use crate::lanes::Slot;
use crate::{Checkout, Failure};
use payment::domain::Domain;
use payment::param::Param;
use payment::partner::Ordered;
use payment::ports::{
    AttemptRow, Call, CallbackAnswer, CallbackRow, CallbackState, CallbackTry, Door, NewCallback,
    News, RefundTold, Resend, TryOutcome,
};
use payment::status::PayStatus;
use std::sync::Arc;
use std::time::Duration;
use tracing::{Instrument, info_span};

/// The default delays before each try, seconds: the first at once, fourteen in all.
const DELAYS_S: [i64; 14] = [
    0, 5, 15, 30, 60, 180, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 21_600, 32_400,
];
/// A callback that found no room before its lane is looked at again after this, ms.
const LANE_FULL_MS: i64 = 250;
/// So much of an answer is kept, bytes.
const KEPT_BYTES: usize = 2 << 10;

/// When callbacks are tried: the delay before each try, ms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    delays_ms: Vec<i64>,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            delays_ms: DELAYS_S.iter().map(|seconds| seconds * 1000).collect(),
        }
    }
}

impl Schedule {
    /// A schedule of its own: the delay before each try, ms; the first counts
    /// from the payment, each other from the try before.
    #[must_use]
    pub fn new(delays_ms: Vec<i64>) -> Self {
        Self { delays_ms }
    }

    /// After how many ms each try is due at the latest, after none, one, two … tries.
    pub(crate) fn longest_ms(&self) -> impl Iterator<Item = i64> {
        self.delays_ms
            .iter()
            .map(|delay_ms| delay_ms + delay_ms / 10)
    }

    /// When the try after `tried` tries is due; `None` once they are used up.
    /// `chance` (0 to 255) spreads it by up to 10 % either way.
    fn next_ms(&self, tried: i64, now_ms: i64, chance: u8) -> Option<i64> {
        let delay_ms = *self.delays_ms.get(usize::try_from(tried).ok()?)?;
        Some(now_ms + delay_ms + delay_ms * (i64::from(chance) - 128) / 1280)
    }
}

impl Checkout {
    /// One round of due callbacks: sends each in a task of its own, so that a
    /// slow receiver delays no other; gives how many were due.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble: try again later.
    pub async fn run_due_callbacks(self: &Arc<Self>) -> Result<usize, Failure> {
        let now_ms = self.now_ms();
        let round = i64::try_from(self.lanes.round()).unwrap_or(i64::MAX);
        let due = self
            .parts
            .store
            .take_due_callbacks(now_ms, self.lease_end_ms(now_ms), round, &self.lanes.full())
            .await?;
        let count = due.len();
        for callback in due {
            let Some(place) = self.lanes.enter(&callback.receiver) else {
                self.put_back(&callback, LANE_FULL_MS).await?;
                continue;
            };
            let this = Arc::clone(self);
            let span = info_span!("callback", callback.id, domain.code = callback.domain_code);
            let work = async move {
                if let Err(failure) = this.call_back_in_turn(&callback, &place).await {
                    tracing::warn!(callback.id, cause = %failure, "a callback's try is not kept");
                }
            };
            self.tasks.spawn(work.instrument(span));
        }
        Ok(count)
    }

    /// Sends a callback once its lane has a turn for it; one that waits too long is put
    /// back, while its lease holds.
    async fn call_back_in_turn(&self, callback: &CallbackRow, place: &Slot) -> Result<(), Failure> {
        if let Some(_turn) = place.free_turn() {
            return self.call_back(callback).await;
        }
        let patience = Duration::from_millis(self.parts.lease_ms.unsigned_abs() / 2);
        match tokio::time::timeout(patience, place.turn()).await {
            Ok(_turn) if self.waits_still(callback).await? => self.call_back(callback).await,
            Ok(_) => Ok(()),
            Err(_) => self.put_back(callback, 0).await,
        }
    }

    /// Whether it is to be sent still: others may have overtaken it meanwhile.
    async fn waits_still(&self, callback: &CallbackRow) -> Result<bool, Failure> {
        let all = self.parts.store.callbacks(&callback.order_sn).await?;
        let mut all = all.iter();
        Ok(all.any(|one| one.id == callback.id && one.state == CallbackState::Waiting))
    }

    async fn put_back(&self, callback: &CallbackRow, after_ms: i64) -> Result<(), Failure> {
        let at_ms = self.now_ms() + after_ms;
        Ok(self
            .parts
            .store
            .put_back_callback(callback.id, at_ms)
            .await?)
    }

    /// Waits until this instance has written a callback, or a lane that was full takes
    /// more: then there is something to do at once.
    pub async fn callbacks_to_send(&self) {
        tokio::select! {
            () = self.callback_written.notified() => {}
            () = self.lanes.room() => {}
        }
    }

    /// Has callbacks sent again, from the beginning of the schedule; gives how many.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble: try again later.
    pub async fn resend(&self, which: &Resend) -> Result<u64, Failure> {
        let store = &self.parts.store;
        let count = store.resend_callbacks(which, self.now_ms()).await?;
        self.callback_written.notify_one();
        Ok(count)
    }

    /// Sends one callback and keeps what came of it.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the try can't be kept: the callback is sent again.
    pub async fn call_back(&self, callback: &CallbackRow) -> Result<(), Failure> {
        let domain = self.domain_named(&callback.domain_code).await?;
        let at_ms = self.now_ms();
        let door = self.door(&domain)?;
        let answer = self
            .send(&domain, &callback.url, callback.body.as_deref())
            .await?;
        let outcome = self.outcome(door.as_ref(), callback, &answer);
        match outcome {
            TryOutcome::Delivered => {
                let waited_ms = (self.now_ms() - callback.created_ms).max(0);
                metrics::histogram!(CALLBACKS).record(waited_ms as f64 / 1e3);
                tracing::info!(
                    order.sn = callback.order_sn,
                    domain.code = callback.domain_code,
                    "callback delivered"
                );
            }
            TryOutcome::Again(_) => tracing::warn!(
                order.sn = callback.order_sn,
                domain.code = callback.domain_code,
                status = answer.status,
                duration_ms = answer.duration_ms,
                "callback not taken; it is tried again"
            ),
            TryOutcome::Parked => {
                raise!(
                    Alarm::Callback,
                    order.sn = callback.order_sn,
                    domain.code = callback.domain_code,
                    "callback parked after its last try"
                );
            }
        }
        let mut kept = answer.text;
        kept.truncate(kept.floor_char_boundary(KEPT_BYTES));
        let tried = CallbackTry {
            at_ms,
            tries: callback.tries,
            status: answer.status,
            location: answer.location,
            answer: kept,
            duration_ms: answer.duration_ms,
            outcome,
        };
        Ok(self.parts.store.callback_tried(callback.id, &tried).await?)
    }

    /// Calls a business system, at the addresses that it may name.
    pub(crate) async fn send(
        &self,
        domain: &Domain,
        url: &str,
        body: Option<&str>,
    ) -> Result<CallbackAnswer, Failure> {
        let media_type = self.door(domain)?.media_type();
        let call = Call {
            domain_code: &domain.code,
            url,
            body: body.map(|body| (media_type, body)),
            private_hosts: &domain.settings.private_callback_hosts,
            loopback: domain.development,
        };
        Ok(self.parts.receiver.call(&call).await)
    }

    fn outcome(
        &self,
        door: &dyn Door,
        callback: &CallbackRow,
        answer: &CallbackAnswer,
    ) -> TryOutcome {
        if is_taken(door, answer) {
            return TryOutcome::Delivered;
        }
        let chance = getrandom::u32().map_or(128, |random| random.to_le_bytes()[0]);
        let next_ms = self
            .parts
            .schedule
            .next_ms(callback.tries + 1, self.now_ms(), chance);
        next_ms.map_or(TryOutcome::Parked, TryOutcome::Again)
    }
}

/// Taken is a 2xx whose body its door reads as that.
#[must_use]
pub fn is_taken(door: &dyn Door, answer: &CallbackAnswer) -> bool {
    let answered = answer
        .status
        .is_some_and(|status| (200..300).contains(&status));
    answered && door.takes(&answer.text)
}

/// What a business system is told, but for the sum of all that went back of a payment.
pub(crate) struct Told {
    door: Arc<dyn Door>,
    domain: Domain,
    attempt: AttemptRow,
    number: String,
    address: String,
    ordered: Option<Ordered>,
    status: PayStatus,
    at_ms: i64,
    /// The refund that it is about: its key, and its sum in fen (cents).
    refund: Option<(String, i64)>,
    now_ms: i64,
}

impl Told {
    /// It is about this refund: its key, and its sum in fen (cents).
    pub(crate) fn of_refund(self, key: &str, minor: i64) -> Self {
        Self {
            refund: Some((key.to_owned(), minor)),
            ..self
        }
    }

    /// The callback; `refunded_money` is all that was given back of the payment so far,
    /// fen (cents).
    pub(crate) fn callback(&self, refunded_money: i64) -> NewCallback {
        self.door.callback(&self.as_of(refunded_money))
    }

    /// Where a payer who has paid goes on, told of it.
    pub(crate) fn return_address(&self) -> Option<String> {
        self.door.return_address(&self.as_of(0))
    }

    fn as_of(&self, refunded_money: i64) -> News<'_> {
        let refund = self.refund.as_ref().map(|(key, money)| RefundTold {
            key,
            money: *money,
            refunded_money,
        });
        News {
            domain: &self.domain,
            attempt: &self.attempt,
            number: &self.number,
            address: &self.address,
            ordered: self.ordered.as_ref(),
            status: self.status,
            at_ms: self.at_ms,
            refund,
            now_ms: self.now_ms,
        }
    }
}

impl Checkout {
    /// The door by which a business system comes in.
    ///
    /// # Errors
    /// [`Failure::Internal`] where this program does not have it.
    pub fn door(&self, domain: &Domain) -> Result<&Arc<dyn Door>, Failure> {
        let mut doors = self.parts.doors.iter();
        let door = doors.find(|door| door.name() == domain.door());
        door.ok_or_else(|| Failure::Internal(format!("no door `{}`", domain.door())))
    }

    /// What a business system is told of an attempt; none where it does not want to be.
    ///
    /// # Errors
    /// [`Failure::Internal`] where what was kept can't be read.
    pub(crate) async fn news(
        &self,
        domain: &Domain,
        attempt: &AttemptRow,
        status: PayStatus,
        at_ms: i64,
    ) -> Result<Option<Told>, Failure> {
        let door = self.door(domain)?;
        if !door.tells(domain, status) {
            return Ok(None);
        }
        let key = &attempt.request_key;
        let (number, address, ordered) = if domain.settings.partner.is_some() {
            let kept = self.parts.store.partner_order(&domain.code, key).await?;
            let gone = || Failure::Internal(format!("order {key} is gone"));
            let order = kept.ok_or_else(gone)?.order;
            let (number, address) = (order.out_order_id.clone(), order.cb_url.clone());
            (number, address, Some(order))
        } else {
            let bg_url = attempt.signed.get(Param::BgUrl).unwrap_or_default();
            (key.clone(), bg_url.to_owned(), None)
        };
        Ok(Some(Told {
            door: Arc::clone(door),
            domain: domain.clone(),
            attempt: attempt.clone(),
            number,
            address,
            ordered,
            status,
            at_ms,
            refund: None,
            now_ms: self.now_ms(),
        }))
    }

    /// Where the payer of a paid attempt goes on, where his business system's door has the
    /// address tell of it; none where the request's own address stays, as it does once
    /// money went back.
    ///
    /// # Errors
    /// [`Failure::Internal`] where what was kept can't be read.
    pub async fn return_address(
        &self,
        domain: &Domain,
        paid: &AttemptRow,
    ) -> Result<Option<String>, Failure> {
        if !self.door(domain)?.tells_payer() || paid.request_status != PayStatus::SuccessPay {
            return Ok(None);
        }
        let paid_ms = paid.paid_ms.unwrap_or_else(|| self.now_ms());
        let told = self.news(domain, paid, PayStatus::SuccessPay, paid_ms);
        Ok(told.await?.and_then(|told| told.return_address()))
    }

    /// The callback of a payment.
    ///
    /// # Errors
    /// [`Failure::Internal`] where what was kept can't be read.
    pub(crate) async fn paid_callback(
        &self,
        domain: &Domain,
        attempt: &AttemptRow,
        paid_ms: i64,
    ) -> Result<NewCallback, Failure> {
        let told = self
            .news(domain, attempt, PayStatus::SuccessPay, paid_ms)
            .await?;
        let told = told.ok_or_else(|| Failure::Internal("a door is silent".to_owned()))?;
        Ok(told.callback(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schedule_is_spread_by_a_tenth_and_ends() {
        let schedule = Schedule::default();
        assert_eq!(schedule.next_ms(1, 0, 128), Some(5_000));
        assert_eq!(schedule.next_ms(1, 0, 0), Some(4_500));
        assert!((5_400..=5_500).contains(&schedule.next_ms(1, 0, 255).unwrap()));
        assert_eq!(schedule.next_ms(13, 0, 128), Some(32_400_000));
        assert_eq!(schedule.next_ms(14, 0, 128), None);
    }
}
