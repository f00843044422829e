//! Notifies: verified over raw bytes, stored, answered; work follows
//! (docs/reference/orders.md, Settling).

use crate::alarm::{Alarm, raise};
use crate::settle::Outcome;
use crate::{Checkout, Failure};
use payment::channel::Channel;
use payment::order::Attempt;
use payment::ports::{
    AttemptRow, ChannelError, Doubt, Gateway, KeptNotify, Notify, NotifyAnswer, NotifyOutcome,
    NotifyRow, OrderState, PaidReport, RawNotify,
};
use payment::printable::printable;
use payment::refund::Cause;
use payment::story::Source;
use std::sync::Arc;
use tracing::{Instrument, info_span};

/// Notifies that one round takes.
const ROUND: i64 = 32;
/// A notify that could not be worked on is taken up again after half its age,
/// within these, ms.
const AGAIN_MIN_MS: i64 = 2_000;
pub(crate) const AGAIN_MAX_MS: i64 = 3_600_000;

/// A channel that tells of an order that has ended here, and says nothing of it when it is
/// asked, is asked on for so long, ms.
const ASKED_ON_MS: i64 = 3_600_000;

/// What a notify came to, and what there is to say of that.
pub(crate) type Noted = (NotifyOutcome, String);

/// An outcome of which there is no more to say.
pub(crate) fn noted(outcome: NotifyOutcome) -> Noted {
    (outcome, String::new())
}

/// What a notify came to.
#[derive(Debug)]
pub struct Taken {
    /// What its sender is answered.
    pub answer: NotifyAnswer,
    /// Whether it may be the channel's own: false where it did not verify.
    pub verified: bool,
}

impl Checkout {
    /// Whether notifies may come for this account.
    #[must_use]
    pub fn has_account(&self, channel: Channel, account: &str) -> bool {
        self.gateway(channel, account).is_some()
    }

    /// Takes a notify for one of our accounts; `None` when there is no such account.
    ///
    /// A notify that is answered as received has been stored; one that does not
    /// verify changes nothing and is answered so that a genuine one comes again.
    pub async fn take_notify(
        self: &Arc<Self>,
        channel: Channel,
        account: &str,
        raw: RawNotify,
    ) -> Option<Taken> {
        let gateway = self.gateway(channel, account)?;
        let (received, verified) = match self.keep(gateway.as_ref(), &raw).await {
            // It came before, and was or is worked on.
            Ok(None) => (true, true),
            Ok(Some((id, notify))) => {
                let this = Arc::clone(self);
                let worker = Arc::clone(&gateway);
                let received_ms = raw.received_ms;
                let span = info_span!("notify", notify.id = id);
                let work = async move {
                    this.work_on(worker.as_ref(), id, received_ms, notify).await;
                };
                self.tasks.spawn(work.instrument(span));
                (true, true)
            }
            Err(failure) => {
                let verified = !matches!(failure, Failure::ChannelUnavailable(_));
                if verified {
                    tracing::error!(channel.code = channel.code(), channel.account = account,
                        cause = %failure, "its channel's own notify not taken");
                } else {
                    tracing::warn!(channel.code = channel.code(), channel.account = account,
                        cause = %failure, "notify not taken");
                }
                (false, verified)
            }
        };
        let answer = gateway.notify_answer(received);
        Some(Taken { answer, verified })
    }

    async fn keep(
        &self,
        gateway: &dyn Gateway,
        raw: &RawNotify,
    ) -> Result<Option<(i64, Notify)>, Failure> {
        let notify = gateway.read_notify(raw).await;
        let notify = notify.map_err(|error| match &error {
            ChannelError::Unknown(unknown) if unknown.doubt == Doubt::Sealed => {
                raise!(
                    Alarm::Sealed,
                    channel.code = gateway.channel().code(),
                    channel.account = gateway.account(),
                    "a key of ours does not open what its channel signed"
                );
                Failure::Internal(error.to_string())
            }
            _ => Failure::ChannelUnavailable(error.to_string()),
        })?;
        let channel_order_no = match &notify {
            Notify::Paid(report) => Some(report.channel_order_no.clone()),
            Notify::Changed { channel_order_no } => Some(channel_order_no.clone()),
            Notify::Refund { back, .. } | Notify::Reversed(back) => back.channel_order_no.clone(),
            Notify::Other(_) | Notify::Odd(_) => None,
        };
        let row = NotifyRow {
            channel: gateway.channel(),
            account: gateway.account().to_owned(),
            channel_order_no,
            body: raw.body.clone(),
            headers: header_lines(raw),
            received_ms: raw.received_ms,
        };
        let again_ms = self.lease_end_ms(self.now_ms());
        let store = &self.parts.store;
        let signed = gateway.signed(raw);
        let id = store.keep_notify(&row, &signed, again_ms).await?;
        Ok(id.map(|id| (id, notify)))
    }

    /// One round of notifies that were answered and whose work was lost or put off:
    /// their channels do not send them again. Gives how many were due.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble: try again later.
    pub async fn run_due_notifies(self: &Arc<Self>) -> Result<usize, Failure> {
        let now_ms = self.now_ms();
        let due = self
            .parts
            .store
            .take_due_notifies(now_ms, self.lease_end_ms(now_ms), ROUND)
            .await?;
        for kept in &due {
            let span = info_span!("notify", notify.id = kept.id);
            self.take_up(kept).instrument(span).await;
        }
        Ok(due.len())
    }

    /// Reads a kept notify once more, as of the time when it came, and works on it.
    async fn take_up(&self, kept: &KeptNotify) {
        let (id, row) = (kept.id, &kept.row);
        match self.read_again(row).await {
            Ok((gateway, notify)) => {
                self.work_on(gateway.as_ref(), id, row.received_ms, notify)
                    .await;
            }
            Err(cause) => {
                let cause = printable(&cause);
                tracing::warn!(notify.id = id, cause, "a kept notify can't be read");
                self.put_off(id, row.received_ms, &cause).await;
            }
        }
    }

    /// Whether a kept notify is its channel's own, as of the time when it came, by the
    /// account as it is set up now.
    ///
    /// # Errors
    /// Why it is not, or why that can't be said.
    pub async fn check_notify(&self, row: &NotifyRow) -> Result<(), String> {
        self.read_again(row).await.map(drop)
    }

    async fn read_again(&self, row: &NotifyRow) -> Result<(Arc<dyn Gateway>, Notify), String> {
        let raw = RawNotify {
            headers: headers_of(&row.headers),
            body: row.body.clone(),
            received_ms: row.received_ms,
        };
        let gateway = self.gateway(row.channel, &row.account);
        let gateway = gateway.ok_or_else(|| format!("no account {} any more", row.account))?;
        let read = gateway.read_notify(&raw).await;
        let notify = read.map_err(|error| error.to_string())?;
        Ok((gateway, notify))
    }

    async fn work_on(&self, gateway: &dyn Gateway, id: i64, received_ms: i64, notify: Notify) {
        let outcome = match notify {
            Notify::Paid(report) => self.settle_notified(gateway, report, id).await,
            Notify::Changed { channel_order_no } => {
                self.ask_notified(gateway, &channel_order_no, id, received_ms)
                    .await
            }
            Notify::Refund {
                refund_no,
                report,
                back,
            } => {
                let by = Source::Notify(id);
                self.refund_notified(gateway, &refund_no, report, &back, by, received_ms)
                    .await
            }
            Notify::Reversed(back) => {
                let by = Source::Notify(id);
                self.taken_back(gateway, &back, Cause::Chargeback, by).await
            }
            Notify::Other(kind) => {
                tracing::warn!(
                    notify.id = id,
                    channel.code = gateway.channel().code(),
                    channel.account = gateway.account(),
                    kind = printable(&kind),
                    "a genuine notify of a kind that we do nothing about; kept"
                );
                Ok((NotifyOutcome::Ignored, kind))
            }
            Notify::Odd(cause) => {
                raise!(
                    Alarm::Mismatch,
                    notify.id = id,
                    channel.code = gateway.channel().code(),
                    channel.account = gateway.account(),
                    cause = printable(&cause),
                    "a genuine notify can't be understood; not settled"
                );
                Ok((NotifyOutcome::Odd, cause))
            }
        };
        match outcome {
            Ok((outcome, detail)) => self.mark(id, outcome, &detail, None).await,
            Err(failure) => {
                tracing::warn!(notify.id = id, cause = %failure, "notify not worked on");
                self.put_off(id, received_ms, &failure.to_string()).await;
            }
        }
    }

    async fn put_off(&self, id: i64, received_ms: i64, cause: &str) {
        let now_ms = self.now_ms();
        let after_ms = ((now_ms - received_ms) / 2).clamp(AGAIN_MIN_MS, AGAIN_MAX_MS);
        let again_ms = Some(now_ms + after_ms);
        self.mark(id, NotifyOutcome::PutOff, cause, again_ms).await;
    }

    /// A mark that is lost costs no more than a second look at the same notify.
    async fn mark(&self, id: i64, outcome: NotifyOutcome, detail: &str, again_ms: Option<i64>) {
        let store = &self.parts.store;
        if let Err(error) = store.mark_notify(id, outcome, detail, again_ms).await {
            tracing::warn!(notify.id = id, cause = %error, "notify not marked");
        }
    }

    async fn settle_notified(
        &self,
        gateway: &dyn Gateway,
        report: PaidReport,
        id: i64,
    ) -> Result<Noted, Failure> {
        let number = report.channel_order_no.clone();
        let Some(attempt) = self.attempt_of(gateway, &number).await? else {
            raise!(
                Alarm::Mismatch,
                channel.order_no = number,
                "a payment for an order that is not ours"
            );
            return Ok(noted(NotifyOutcome::NoSuchOrder));
        };
        let outcome = self
            .settle(
                gateway,
                &attempt,
                OrderState::Paid(report),
                Source::Notify(id),
            )
            .await?;
        Ok(noted(match outcome {
            Outcome::Mismatch => NotifyOutcome::Differs,
            _ => NotifyOutcome::Settled,
        }))
    }

    /// The channel is asked: what a notify says of other things than money is a hint.
    ///
    /// # Errors
    /// [`Failure::ChannelUnavailable`] when it does not answer: it has been told that we
    /// have its notify, and sends none again.
    async fn ask_notified(
        &self,
        gateway: &dyn Gateway,
        channel_order_no: &str,
        id: i64,
        received_ms: i64,
    ) -> Result<Noted, Failure> {
        let Some(attempt) = self.attempt_of(gateway, channel_order_no).await? else {
            return Ok(noted(NotifyOutcome::NoSuchOrder));
        };
        let outcome = self.ask(gateway, &attempt, Source::Notify(id)).await?;
        // A channel may tell before it has written, and no timer asks about this one again.
        let is_new = self.now_ms() - received_ms < ASKED_ON_MS;
        if attempt.status == Attempt::Closed && outcome == Outcome::Open && is_new {
            return Err(Failure::InProgress);
        }
        Ok((NotifyOutcome::Asked, format!("{outcome:?}")))
    }

    pub(crate) async fn attempt_of(
        &self,
        gateway: &dyn Gateway,
        channel_order_no: &str,
    ) -> Result<Option<AttemptRow>, Failure> {
        let (channel, account) = (gateway.channel(), gateway.account());
        let store = &self.parts.store;
        Ok(store
            .attempt_by_channel_no(channel, account, channel_order_no)
            .await?)
    }
}

fn header_lines(raw: &RawNotify) -> String {
    raw.headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}\n"))
        .collect()
}

fn headers_of(lines: &str) -> Vec<(String, String)> {
    lines
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}
