//! Notifies: verified over raw bytes, stored, answered; work follows
//! (design section 4, rule 6).

use crate::settle::Outcome;
use crate::{Checkout, Failure};
use payment::channel::Channel;
use payment::ports::{
    AttemptRow, Gateway, Notify, NotifyAnswer, NotifyRow, OrderState, PaidReport, RawNotify,
};
use std::sync::Arc;

/// What a notify is marked with whose order we do not have.
const UNKNOWN_ORDER: &str = "no such order";

impl Checkout {
    /// Takes a notify for one of our accounts; `None` when there is no such account.
    ///
    /// A notify that is answered as received has been stored; one that does not
    /// verify changes nothing and is answered so that a genuine one comes again.
    pub async fn take_notify(
        self: &Arc<Self>,
        channel: Channel,
        account: &str,
        raw: RawNotify,
    ) -> Option<NotifyAnswer> {
        let gateway = Arc::clone(self.gateway(channel, account)?);
        let received = match self.keep(gateway.as_ref(), &raw).await {
            Ok((id, notify)) => {
                let this = Arc::clone(self);
                let worker = Arc::clone(&gateway);
                tokio::spawn(async move { this.work_on(worker.as_ref(), id, notify).await });
                true
            }
            Err(failure) => {
                tracing::warn!(channel.code = channel.code(), channel.account = account,
                    cause = %failure, "notify not taken");
                false
            }
        };
        Some(gateway.notify_answer(received))
    }

    async fn keep(&self, gateway: &dyn Gateway, raw: &RawNotify) -> Result<(i64, Notify), Failure> {
        let notify = gateway.read_notify(raw).await;
        let notify = notify.map_err(|error| Failure::ChannelUnavailable(error.to_string()))?;
        let channel_order_no = match &notify {
            Notify::Paid(report) => Some(report.channel_order_no.clone()),
            Notify::Changed { channel_order_no } => Some(channel_order_no.clone()),
            Notify::Refund { .. } | Notify::Other(_) | Notify::Odd(_) => None,
        };
        let row = NotifyRow {
            channel: gateway.channel(),
            account: gateway.account().to_owned(),
            channel_order_no,
            body: raw.body.clone(),
            headers: header_lines(raw),
            received_ms: raw.received_ms,
        };
        Ok((self.parts.store.keep_notify(&row).await?, notify))
    }

    async fn work_on(&self, gateway: &dyn Gateway, id: i64, notify: Notify) {
        let outcome = match notify {
            Notify::Paid(report) => self.settle_notified(gateway, report).await,
            Notify::Changed { channel_order_no } => {
                self.ask_notified(gateway, &channel_order_no).await
            }
            Notify::Refund { refund_no, report } => {
                self.refund_notified(gateway, &refund_no, report).await
            }
            Notify::Other(kind) => Ok(format!("ignored: {kind}")),
            Notify::Odd(cause) => {
                tracing::error!(
                    notify.id = id,
                    channel.code = gateway.channel().code(),
                    channel.account = gateway.account(),
                    cause,
                    "a genuine notify can't be understood; not settled"
                );
                Ok(format!("mismatch: {cause}"))
            }
        };
        let outcome = outcome.unwrap_or_else(|failure| {
            // The attempt's own timer settles what could not be settled now.
            tracing::warn!(notify.id = id, cause = %failure, "notify not worked on");
            format!("left to the timer: {failure}")
        });
        if let Err(error) = self.parts.store.mark_notify(id, &outcome).await {
            tracing::warn!(notify.id = id, cause = %error, "notify not marked");
        }
    }

    async fn settle_notified(
        &self,
        gateway: &dyn Gateway,
        report: PaidReport,
    ) -> Result<String, Failure> {
        let number = report.channel_order_no.clone();
        let Some(attempt) = self.attempt_of(gateway, &number).await? else {
            tracing::error!(
                channel.order_no = number,
                "a payment for an order that is not ours"
            );
            return Ok(UNKNOWN_ORDER.to_owned());
        };
        let outcome = self
            .settle(gateway, &attempt, OrderState::Paid(report))
            .await?;
        Ok(match outcome {
            Outcome::Mismatch => "mismatch".to_owned(),
            _ => "settled".to_owned(),
        })
    }

    /// The channel is asked: what a notify says of other things than money is a hint.
    async fn ask_notified(
        &self,
        gateway: &dyn Gateway,
        channel_order_no: &str,
    ) -> Result<String, Failure> {
        Ok(match self.attempt_of(gateway, channel_order_no).await? {
            Some(attempt) => format!("asked: {:?}", self.check(&attempt).await?),
            None => UNKNOWN_ORDER.to_owned(),
        })
    }

    async fn attempt_of(
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
