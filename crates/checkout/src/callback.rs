//! Callbacks to business systems: an outbox that is worked off on a schedule
//! (docs/protocol.md; docs/reference/orders.md, Callbacks).

use crate::alarm::{Alarm, raise};
use crate::{Checkout, Failure};
use payment::domain::Domain;
use payment::pairs::Pairs;
use payment::ports::{
    AttemptRow, CallbackAnswer, CallbackRow, CallbackTry, NewCallback, TryOutcome,
};
use payment::sign;
use payment::status::PayStatus;
use std::sync::Arc;
use tracing::{Instrument, info_span};

/// The default delays before each try, seconds: the first at once, fourteen in all.
const DELAYS_S: [i64; 14] = [
    0, 5, 15, 30, 60, 180, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 21_600, 32_400,
];
/// A callback whose lane is full is looked at again after this, ms.
const LANE_FULL_MS: i64 = 250;
/// Callbacks that one round takes.
const ROUND: i64 = 64;

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
        let due = self
            .parts
            .store
            .take_due_callbacks(now_ms, self.lease_end_ms(now_ms), ROUND, &self.lanes.full())
            .await?;
        let count = due.len();
        for callback in due {
            let Some(place) = self.lanes.enter(&callback.receiver) else {
                let later_ms = now_ms + LANE_FULL_MS;
                let store = &self.parts.store;
                store.put_back_callback(callback.id, later_ms).await?;
                continue;
            };
            let this = Arc::clone(self);
            let span = info_span!("callback", callback.id, domain.code = callback.domain_code);
            let work = async move {
                let _place = place;
                if let Err(failure) = this.call_back(&callback).await {
                    tracing::warn!(callback.id, cause = %failure, "a callback's try is not kept");
                }
            };
            self.tasks.spawn(work.instrument(span));
        }
        Ok(count)
    }

    /// Sends one callback and keeps what came of it.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the try can't be kept: the callback is sent again.
    pub async fn call_back(&self, callback: &CallbackRow) -> Result<(), Failure> {
        let domain = self.domain_named(&callback.domain_code).await?;
        let at_ms = self.now_ms();
        let hosts = &domain.settings.private_callback_hosts;
        let (url, loopback) = (&callback.url, domain.development);
        let receiver = &self.parts.receiver;
        let answer = match &callback.form {
            Some(form) => receiver.post(url, form, hosts, loopback).await,
            None => receiver.get(url, hosts, loopback).await,
        };
        let outcome = self.outcome(callback, &answer);
        match outcome {
            TryOutcome::Delivered => tracing::info!(
                order.sn = callback.order_sn,
                domain.code = callback.domain_code,
                "callback delivered"
            ),
            TryOutcome::Again(_) => tracing::warn!(
                order.sn = callback.order_sn,
                domain.code = callback.domain_code,
                status = answer.status,
                duration_ms = answer.duration_ms,
                "callback not taken; it is tried again"
            ),
            TryOutcome::Parked => {
                raise(Alarm::Callback);
                tracing::error!(
                    order.sn = callback.order_sn,
                    domain.code = callback.domain_code,
                    "callback parked after its last try"
                );
            }
        }
        let tried = CallbackTry {
            at_ms,
            status: answer.status,
            answer: answer.text,
            duration_ms: answer.duration_ms,
            outcome,
        };
        Ok(self.parts.store.callback_tried(callback.id, &tried).await?)
    }

    /// Taken is a 2xx whose body, trimmed, is the word `success`; of a partner, a
    /// JSON object without a true `err` (docs/forecore.md, The notification).
    fn outcome(&self, callback: &CallbackRow, answer: &CallbackAnswer) -> TryOutcome {
        let answered = answer
            .status
            .is_some_and(|status| (200..300).contains(&status));
        let taken = match callback.form {
            Some(_) => is_object_without_err(&answer.text),
            None => answer.text.trim() == "success",
        };
        if answered && taken {
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

/// `err` is true as JavaScript reads it: neither null, false, 0 nor empty.
fn is_object_without_err(text: &str) -> bool {
    let Ok(serde_json::Value::Object(object)) = serde_json::from_str(text) else {
        return false;
    };
    object.get("err").is_none_or(|err| match err {
        serde_json::Value::Null => true,
        serde_json::Value::Bool(err) => !err,
        serde_json::Value::Number(err) => err.to_string().trim_matches(['0', '.', '-']).is_empty(),
        serde_json::Value::String(err) => err.is_empty(),
        _ => false,
    })
}

/// A refund's callback, but for the sum of all that went back of its payment.
pub(crate) struct RefundNews {
    pub(crate) domain: Domain,
    pub(crate) attempt: AttemptRow,
    pub(crate) status: PayStatus,
    /// Where it goes to.
    pub(crate) bg_url: String,
    pub(crate) refund_key: String,
    /// The refund's sum, fen (cents).
    pub(crate) refund_money: i64,
    pub(crate) now_ms: i64,
}

impl RefundNews {
    /// The callback, with the sums where the domain wants them; `refunded_money` is
    /// all that was given back of the payment so far, fen (cents).
    pub(crate) fn callback(&self, refunded_money: i64) -> NewCallback {
        let (domain, attempt) = (&self.domain, &self.attempt);
        let details = [
            ("refundKey", self.refund_key.clone()),
            ("refundMoney", self.refund_money.to_string()),
            ("refundedMoney", refunded_money.to_string()),
        ];
        let details = if domain.settings.refund_details {
            &details[..]
        } else {
            &[]
        };
        let paid_ms = attempt.paid_ms.unwrap_or(self.now_ms);
        let nine = nine_values(attempt, self.status, paid_ms);
        written(domain, attempt, &self.bg_url, nine, details, self.now_ms)
    }
}

/// A callback to be written down: its complete address is bgUrl, the nine values, sign.
pub(crate) fn new(
    domain: &Domain,
    attempt: &AttemptRow,
    status: PayStatus,
    paid_ms: i64,
    now_ms: i64,
) -> Result<NewCallback, Failure> {
    let nine = nine_values(attempt, status, paid_ms);
    Ok(written(
        domain,
        attempt,
        &bg_url(attempt)?,
        nine,
        &[],
        now_ms,
    ))
}

/// The address that a request signed for its callbacks.
///
/// # Errors
/// [`Failure`] where the kept values can't be read.
pub(crate) fn bg_url(attempt: &AttemptRow) -> Result<String, Failure> {
    let signed = Pairs::from_query(&attempt.signed_values)?;
    Ok(signed.get("bgUrl").unwrap_or_default().to_owned())
}

/// `sign` covers the nine values, `sign2` all that is sent beside it and `sign`.
fn written(
    domain: &Domain,
    attempt: &AttemptRow,
    bg_url: &str,
    nine: Vec<(String, String)>,
    details: &[(&str, String)],
    now_ms: i64,
) -> NewCallback {
    let secret = domain.secret_for(attempt.secret_generation, now_ms);
    let sign = sign::sha1_sign(nine.iter().map(|(_, v)| v.as_str()), secret);
    let mut pairs = nine;
    let owned = |(name, value): &(&str, String)| ((*name).to_owned(), value.clone());
    pairs.extend(details.iter().map(owned));
    let all = pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let sign2 = domain
        .settings
        .sign2
        .then(|| sign::callback_sign2(all, secret));
    pairs.push(("sign".into(), sign));
    pairs.extend(sign2.map(|sign2| ("sign2".to_owned(), sign2)));
    NewCallback {
        url: format!("{bg_url}?{}", Pairs::from_stored(pairs).to_query()),
        receiver: bg_url.to_owned(),
        form: None,
        created_ms: now_ms,
    }
}

/// The callback's values, in the order of the seed's sample.
fn nine_values(attempt: &AttemptRow, status: PayStatus, paid_ms: i64) -> Vec<(String, String)> {
    [
        ("money", attempt.money.minor().to_string()),
        ("requestKey", attempt.request_key.clone()),
        ("payTime", paid_ms.to_string()),
        ("orderSn", attempt.order_sn.clone()),
        ("payTypeCode", attempt.channel.code().to_owned()),
        ("payTypeName", attempt.channel.name().to_owned()),
        ("currencyType", attempt.money.currency().code().to_owned()),
        ("payStatus", status.word().to_owned()),
        ("domainCode", attempt.domain_code.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partner_takes_by_any_object_without_err() {
        for taken in [
            r#"{"result":"success"}"#,
            "{}",
            r#" {"err":null} "#,
            r#"{"err":""}"#,
            r#"{"err":0}"#,
            r#"{"err":false}"#,
        ] {
            assert!(is_object_without_err(taken), "{taken}");
        }
        for refused in [
            "success",
            "",
            "[]",
            r#"{"err":"x"}"#,
            r#"{"err":{}}"#,
            r#"{"err":5}"#,
        ] {
            assert!(!is_object_without_err(refused), "{refused}");
        }
    }

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
