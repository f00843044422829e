//! PayPal's Orders v2: create, approve, capture, refunds and webhooks
//! (docs/reference/paypal.md).

mod api;
mod certificates;
mod webhook;
mod wire;

pub use webhook::signed_text;

use crate::http::is_guarded;
use crate::link;
use crate::setup::{ConfigError, Setup};
use crate::text::{major, shortened};
use api::Api;
use payment::channel::Channel;
use payment::obj::Obj;
use payment::ports::{
    ChannelError, ChannelOrder, Created, Doubt, Gateway, Kind, NewOrder, Notify, NotifyAnswer,
    OrderState, RawNotify, RefundOrder, RefundReport, RefundState, Terms, Unknown,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use tokio::sync::Mutex;
use webhook::Webhook;
use wire::{Capture, Merchant, Order, Refund};

/// Refusals of an account that may not ask at all.
const NOT_ALLOWED: [&str; 2] = ["NOT_AUTHORIZED", "PERMISSION_DENIED"];
/// `description` takes 127 characters: cut at as many bytes it never has more.
const DESCRIPTION_BYTES_MAX: usize = 127;

/// The payer's bank declined; the payer may choose another instrument.
const DECLINED: &str = "INSTRUMENT_DECLINED";
/// Refusals that moved no money, and that are the answer of their request id for good:
/// once its payer approves, the order is captured under another id.
const SPENT: [&str; 3] = [DECLINED, "ORDER_NOT_APPROVED", "PAYER_ACTION_REQUIRED"];
/// An order that is declined so often ends.
const CAPTURES_MAX: u32 = 5;
/// So many ids are spent on an order that PayPal calls approved and not approved at once: then
/// its payer takes another way.
const LAGGING_MAX: u32 = 60;
/// Between two of these ids, ms.
const LAG_MS: i64 = 1_000;
/// How many orders' spent ids are remembered.
const SPENT_MAX: usize = 10_000;
/// Refusals of a capture that are final: the payer takes another way.
const FINAL: [&str; 19] = [
    "CARD_EXPIRED",
    "COMPLIANCE_VIOLATION",
    "DOMESTIC_TRANSACTION_REQUIRED",
    "MAX_NUMBER_OF_PAYMENT_ATTEMPTS_EXCEEDED",
    "PAYEE_ACCOUNT_INVALID",
    "PAYEE_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYEE_ACCOUNT_NOT_VERIFIED",
    "PAYEE_ACCOUNT_RESTRICTED",
    "PAYEE_BLOCKED_TRANSACTION",
    "PAYEE_NOT_CONSENTED",
    "PAYER_ACCOUNT_LOCKED_OR_CLOSED",
    "PAYER_ACCOUNT_RESTRICTED",
    "PAYER_CANNOT_PAY",
    "PAYMENT_DENIED",
    "REDIRECT_PAYER_FOR_ALTERNATE_FUNDING",
    "TRANSACTION_BLOCKED_BY_PAYEE",
    "TRANSACTION_LIMIT_EXCEEDED",
    "TRANSACTION_RECEIVING_LIMIT_EXCEEDED",
    "TRANSACTION_REFUSED",
];
/// PayPal keeps the request id of a refund for 45 days: later it would be another refund.
const REFUND_ID_MS: i64 = 40 * 86_400_000;

/// Refusals of a refund that pass, and that are the answer of their request id for good as
/// well: nobody else would give this money back, so it is sent again under another id, and
/// where it stays refused, a person sees it at risk.
const PASSING: [&str; 2] = ["REFUND_FAILED_INSUFFICIENT_FUNDS", "PENDING_CAPTURE"];
/// A refund that was refused so bears this and how often it was as its reference. PayPal's
/// own numbers are capital letters and digits.
const REFUSED: &str = "request-";

/// How often a refund of this reference was refused for now; `None` where the reference is
/// PayPal's own number.
fn refusals(reference: Option<&str>) -> Option<u32> {
    match reference {
        None => Some(0),
        Some(reference) => reference.strip_prefix(REFUSED)?.parse().ok(),
    }
}

/// What an account at PayPal has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    /// The address of the API.
    #[serde(default = "base")]
    base: String,
    /// The application's id.
    client_id: String,
    /// The application's secret.
    client_secret: String,
    /// The id that PayPal gave our webhook: its signatures cover it.
    webhook_id: String,
    /// The merchant's id; where it is given, payments to others are not believed. Without
    /// it the application's own payments are.
    merchant_id: Option<String>,
    /// Beginnings of addresses that webhook certificates may come from; none:
    /// PayPal's own hosts.
    #[serde(default)]
    certificate_urls: Vec<String>,
    /// The roots that webhook certificates must lead to, a PEM file; none: those
    /// of the public web.
    certificate_ca: Option<PathBuf>,
}

fn base() -> String {
    "https://api-m.paypal.com".to_owned()
}

/// The adapter of one PayPal account.
pub struct Paypal {
    name: String,
    terms: Terms,
    merchant: Merchant,
    api: Api,
    webhook: Webhook,
    /// By order number: how many ids of captures were spent on one that was not approved, and
    /// when the last was.
    spent: std::sync::Mutex<HashMap<String, (u32, i64)>>,
}

/// A webhook's envelope; what it is about stays raw until its kind is known.
#[derive(Deserialize)]
struct Event<'a> {
    event_type: String,
    #[serde(borrow)]
    resource: &'a RawValue,
}

impl Paypal {
    pub(crate) fn open(setup: &mut Setup) -> Result<Self, ConfigError> {
        let account: Account = setup.own()?;
        let base = account.base.trim_end_matches('/').to_owned();
        if !is_guarded(&base) {
            return Err(setup.invalid("base must be https: only TLS vouches for PayPal's answers"));
        }
        let webhook = Webhook::open(
            account.webhook_id,
            account.certificate_urls,
            account.certificate_ca.as_deref(),
            setup,
        )?;
        Ok(Self {
            name: setup.name.clone(),
            terms: setup.terms.clone(),
            merchant: Merchant {
                id: account.merchant_id,
                client_id: account.client_id.clone(),
            },
            api: Api {
                base,
                client_id: account.client_id,
                client_secret: account.client_secret,
                client: setup.client.clone(),
                clock: setup.clock.clone(),
                access: Mutex::default(),
            },
            webhook,
            spent: std::sync::Mutex::default(),
        })
    }

    /// What a verified webhook tells.
    fn told(&self, body: &[u8]) -> Result<Notify, ChannelError> {
        let event: Event<'_> = read(body)?;
        let resource = event.resource.get().as_bytes();
        match event.event_type.as_str() {
            "CHECKOUT.ORDER.APPROVED" => {
                let order: Order = read(resource)?;
                Ok(changed(order.number(), &event.event_type))
            }
            "PAYMENT.CAPTURE.COMPLETED" => {
                let capture: Capture = read(resource)?;
                match capture.state(None, &self.merchant)? {
                    OrderState::Paid(report) => Ok(Notify::Paid(report)),
                    _ => Ok(changed(capture.custom_id.as_deref(), &event.event_type)),
                }
            }
            "PAYMENT.CAPTURE.PENDING" | "PAYMENT.CAPTURE.DENIED" | "PAYMENT.CAPTURE.DECLINED" => {
                let capture: Capture = read(resource)?;
                Ok(changed(capture.custom_id.as_deref(), &event.event_type))
            }
            "PAYMENT.CAPTURE.REFUNDED" => {
                let refund: Refund = read(resource)?;
                Ok(Notify::Refund {
                    report: refund.report()?,
                    back: refund.back(),
                    // One without a number was made by hand, at PayPal.
                    refund_no: refund.custom_id.unwrap_or(refund.id),
                })
            }
            // A dispute, a chargeback or a bank took it back.
            "PAYMENT.CAPTURE.REVERSED" => {
                let reversal: Refund = read(resource)?;
                Ok(Notify::Reversed(reversal.back()))
            }
            other => Ok(Notify::Other(other.to_owned())),
        }
    }

    /// One capture; `count`: so many were declined before it.
    async fn capture_under(
        &self,
        order: &ChannelOrder,
        count: u32,
    ) -> Result<OrderState, ChannelError> {
        let Some(id) = &order.reference else {
            return Ok(OrderState::NotFound);
        };
        let path = format!("/v2/checkout/orders/{id}/capture");
        let request_id = format!("cap-{}-{count}", order.number);
        let captured: Result<Order, _> = self.api.post(&path, &request_id, &json!({})).await;
        let refused = match captured {
            Ok(found) => return found.state(&self.merchant),
            Err(error) => error,
        };
        let ChannelError::Refused { code, .. } = &refused else {
            return Err(refused);
        };
        match code.as_str() {
            code if SPENT.contains(&code) => Err(refused),
            "ORDER_ALREADY_CAPTURED" | "ORDER_COMPLETION_IN_PROGRESS" => self.query(order).await,
            code if FINAL.contains(&code) => {
                tracing::warn!(
                    order.sn = order.number,
                    account = self.name,
                    code,
                    "PayPal takes no money for an order"
                );
                Ok(OrderState::Declined)
            }
            _ => Err(refused.or_unknown()),
        }
    }

    /// How many ids were spent on an order that was not approved yet; nothing where the last
    /// was only just.
    fn spent(&self, order: &ChannelOrder) -> Option<u32> {
        let spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        match spent.get(&order.number) {
            // A clock that was set back stops no capture.
            Some((_, at_ms)) if (0..LAG_MS).contains(&((self.api.clock)() - at_ms)) => None,
            Some((count, _)) => Some(*count),
            None => Some(0),
        }
    }

    /// So many were, the last of them while PayPal called it approved or not.
    fn spend(&self, order: &ChannelOrder, count: u32, is_approved: bool) {
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= SPENT_MAX {
            spent.clear();
        }
        // Who approves now is not kept waiting.
        let at_ms = if is_approved { (self.api.clock)() } else { 0 };
        spent.insert(order.number.clone(), (count, at_ms));
    }

    async fn order(&self, order: &ChannelOrder) -> Result<Option<Order>, ChannelError> {
        // Without PayPal's name for it no payer was led to it, and none can pay.
        let Some(id) = &order.reference else {
            return Ok(None);
        };
        let asked = self.api.get(&format!("/v2/checkout/orders/{id}")).await;
        asked.map(Some)
    }
}

#[async_trait::async_trait]
impl Gateway for Paypal {
    fn channel(&self) -> Channel {
        Channel::Paypal
    }

    fn account(&self) -> &str {
        &self.name
    }

    fn address(&self) -> &str {
        &self.api.base
    }

    fn merchant(&self) -> String {
        self.merchant.name().to_owned()
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn offers(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Page | Kind::Wap)
    }

    /// A capture whose answer was lost may still be done after the attempt's end.
    fn lingers(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), String> {
        let token = self.api.token(None).await.map(drop);
        token.map_err(|error| format!("client_id and client_secret give nothing: {error}"))?;
        // A token at hand proves nothing: it is asked about an order that there is not.
        let asked = self
            .api
            .get::<Value>("/v2/checkout/orders/0TONGFU0CHECK0000")
            .await;
        match asked {
            Ok(_) => Ok(()),
            Err(ChannelError::Refused { code, .. }) if !NOT_ALLOWED.contains(&&*code) => Ok(()),
            Err(error) => Err(format!("an order can't be asked about: {error}")),
        }
    }

    async fn create(&self, new: &NewOrder) -> Result<Created, ChannelError> {
        let money = new.order.money;
        if !self.offers(new.kind) || money.currency() != self.terms.currency {
            return Err(ChannelError::NotOffered);
        }
        let number = &new.order.number;
        let body = json!({
            "intent": "CAPTURE",
            "purchase_units": [{
                "amount": amount(money),
                "description": shortened(&new.goods, DESCRIPTION_BYTES_MAX),
                "custom_id": number,
                "invoice_id": number,
            }],
            "payment_source": {"paypal": {"experience_context": {
                "return_url": new.return_url,
                "cancel_url": new.quit_url,
                "user_action": "PAY_NOW",
                "shipping_preference": "NO_SHIPPING",
            }}},
        });
        let id = format!("create-{number}");
        let order: Order = self.api.post("/v2/checkout/orders", &id, &body).await?;
        let mut links = order.links.iter();
        let link = links.find(|link| matches!(link.rel.as_str(), "payer-action" | "approve"));
        let form = link.and_then(|link| link::form(&link.href));
        let no_link = || ChannelError::unknown(Doubt::Nonsense, "no link for the payer");
        Ok(Created {
            obj: Obj::Form(form.ok_or_else(no_link)?),
            reference: Some(order.id),
            changed: None,
        })
    }

    async fn query(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        match self.order(order).await {
            Ok(Some(found)) => found.state(&self.merchant),
            Ok(None) => Ok(OrderState::NotFound),
            // Its three hours are over, or another application asks: of money that it held
            // that says nothing.
            Err(ChannelError::Refused { code, .. })
                if matches!(code.as_str(), "RESOURCE_NOT_FOUND" | "INVALID_RESOURCE_ID") =>
            {
                Ok(OrderState::NotFound)
            }
            Err(error) => Err(error.or_unknown()),
        }
    }

    /// A declined order can be approved anew, and then needs a capture of another
    /// request id; so does one that was not approved yet. How often that was is asked,
    /// not kept, so that it holds on every instance: the same id is answered as it was
    /// the first time, and a decline takes the approval back. Approved all the same,
    /// a decline is an old one; that it is not approved may be PayPal's own delay, and
    /// the next id waits for the next question.
    async fn capture(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let Some(spent) = self.spent(order) else {
            return Ok(OrderState::Pending);
        };
        let mut declined = 0;
        for count in spent..LAGGING_MAX {
            let is_declined = match self.capture_under(order, count).await {
                Err(ChannelError::Refused { code, .. }) if SPENT.contains(&code.as_str()) => {
                    code == DECLINED
                }
                known => return known,
            };
            declined += u32::from(is_declined);
            let state = self.query(order).await?;
            if !is_declined {
                self.spend(order, count + 1, state == OrderState::Approved);
            }
            match state {
                OrderState::Approved if !is_declined => return Ok(OrderState::Pending),
                OrderState::Approved if declined < CAPTURES_MAX => {}
                OrderState::Approved | OrderState::Pending if declined >= CAPTURES_MAX => {
                    return Ok(OrderState::Declined);
                }
                state => return Ok(state),
            }
        }
        Ok(OrderState::Declined)
    }

    /// There is no call for it: what we do not capture takes no money. Money that
    /// was taken and is on its way can't be left.
    async fn close(&self, order: &ChannelOrder) -> Result<(), ChannelError> {
        match self.order(order).await {
            Ok(Some(found)) if found.is_capturing() => Err(ChannelError::Refused {
                code: "PENDING_CAPTURE".to_owned(),
                message: "a capture is on its way".to_owned(),
            }),
            Ok(_) | Err(ChannelError::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// An unknown outcome repeats the request id, which is then the same refund; only a
    /// refusal that was answered is followed by another one.
    async fn refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let Some(capture) = &refund.order.trade_no else {
            return Err(ChannelError::unknown(Doubt::Unasked, "no capture is known"));
        };
        let path = format!("/v2/payments/captures/{capture}/refund");
        let body = json!({
            "amount": amount(refund.money),
            "custom_id": refund.refund_no,
        });
        let refused = refusals(refund.reference.as_deref()).unwrap_or_default();
        let request_id = match refused {
            0 => refund.refund_no.clone(),
            count => format!("{}-{count}", refund.refund_no),
        };
        let sent: Result<Refund, _> = self.api.post(&path, &request_id, &body).await;
        match sent {
            Ok(made) => made.report(),
            Err(error) if PASSING.iter().any(|passing| error.is_refusal(passing)) => {
                Ok(RefundReport {
                    state: RefundState::Again(error.to_string()),
                    reference: Some(format!("{REFUSED}{}", refused.saturating_add(1))),
                })
            }
            // The dispute decides who has the money: a person must look.
            Err(ChannelError::Refused { code, .. })
                if matches!(
                    code.as_str(),
                    "TRANSACTION_DISPUTED" | "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK"
                ) =>
            {
                Ok(RefundReport::from(RefundState::Held(code)))
            }
            Err(error) => Err(error),
        }
    }

    fn answers_for_refunds(&self) -> bool {
        false
    }

    async fn query_refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let reference = refund.reference.as_deref();
        let id = match reference {
            Some(id) if refusals(reference).is_none() => id,
            // PayPal finds no refund by our number; sent again under the same
            // request id it is the same refund, and answers how it stands.
            // One that was refused for now is sent under another id each time.
            reference
                if reference.is_some() || (self.api.clock)() - refund.begun_ms < REFUND_ID_MS =>
            {
                return Ok(RefundReport::from(RefundState::NotFound));
            }
            _ => {
                let why = "not answered for so long that PayPal may take it for another one";
                return Ok(RefundReport::from(RefundState::Held(why.to_owned())));
            }
        };
        let asked = self.api.get(&format!("/v2/payments/refunds/{id}")).await;
        let found: Refund = asked.map_err(ChannelError::or_unknown)?;
        found.report()
    }

    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError> {
        self.webhook.verify(notify).await?;
        Ok(Notify::verified(self.told(&notify.body)))
    }

    fn notify_answer(&self, received: bool) -> NotifyAnswer {
        NotifyAnswer {
            status: if received { 200 } else { 500 },
            content_type: "text/plain",
            body: (if received { "ok" } else { "not taken" }).into(),
        }
    }
}

fn amount(money: payment::money::Money) -> Value {
    json!({"currency_code": money.currency().code(), "value": major(money)})
}

fn changed(number: Option<&str>, event_type: &str) -> Notify {
    match number {
        Some(number) => Notify::Changed {
            channel_order_no: number.to_owned(),
        },
        None => Notify::Other(format!("{event_type} of no order of ours")),
    }
}

fn read<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ChannelError> {
    Ok(serde_json::from_slice(json).map_err(|error| Unknown::by(Doubt::Nonsense, error))?)
}
