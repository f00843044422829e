//! The JSON of Orders v2 and Payments v2, and what its states mean
//! (docs/reference/paypal.md).

use crate::text::{minor, rfc3339_ms};
use payment::money::{Currency, Money};
use payment::ports::{
    BackSum, ChannelError, Doubt, GivenBack, MoneyBack, OrderState, PaidReport, RefundReport,
    RefundState,
};
use serde::Deserialize;

/// Whose payments an account believes.
pub(super) struct Merchant {
    /// PayPal's id of the merchant, where it is configured: payments to others are not his.
    pub(super) id: Option<String>,
    /// The application, which is paid for one merchant alone.
    pub(super) client_id: String,
}

impl Merchant {
    /// What he is called in reports.
    pub(super) fn name(&self) -> &str {
        self.id.as_deref().unwrap_or(&self.client_id)
    }

    /// Who is paid where an answer names this payee, or nobody.
    fn paid(&self, payee: Option<&Payee>) -> String {
        let named = payee.and_then(|payee| payee.merchant_id.as_deref());
        named
            .filter(|_| self.id.is_some())
            .unwrap_or(self.name())
            .to_owned()
    }
}

/// A sum: a currency, and a text in its major unit.
#[derive(Deserialize)]
pub(super) struct Amount {
    currency_code: String,
    value: String,
}

impl Amount {
    fn money(&self) -> Result<Money, ChannelError> {
        let no_sum = || ChannelError::unknown(Doubt::Nonsense, "amount is no sum that we know");
        let currency = Currency::parse(&self.currency_code).ok_or_else(no_sum)?;
        minor(&self.value)
            .and_then(|minor| Money::from_minor(minor, currency))
            .ok_or_else(no_sum)
    }
}

impl Amount {
    /// The sum without its sign: what leaves the merchant stands with a minus at times.
    fn size(&self) -> Option<Money> {
        let currency = Currency::parse(&self.currency_code)?;
        Money::from_minor(minor(self.value.trim_start_matches('-'))?, currency)
    }
}

#[derive(Deserialize)]
pub(super) struct Link {
    pub(super) href: String,
    pub(super) rel: String,
}

/// An order; an answer to create may hold no more than id, status and links.
#[derive(Deserialize)]
pub(super) struct Order {
    pub(super) id: String,
    /// Missing where the only capture was declined.
    #[serde(default)]
    status: String,
    #[serde(default)]
    purchase_units: Vec<PurchaseUnit>,
    #[serde(default)]
    pub(super) links: Vec<Link>,
}

#[derive(Deserialize)]
pub(super) struct PurchaseUnit {
    custom_id: Option<String>,
    payee: Option<Payee>,
    #[serde(default)]
    payments: Payments,
}

#[derive(Default, Deserialize)]
struct Payments {
    #[serde(default)]
    captures: Vec<Capture>,
    #[serde(default)]
    refunds: Vec<Refund>,
}

#[derive(Deserialize)]
struct Payee {
    merchant_id: Option<String>,
}

/// A capture: the payment itself.
#[derive(Deserialize)]
pub(super) struct Capture {
    id: String,
    status: String,
    amount: Amount,
    pub(super) custom_id: Option<String>,
    create_time: Option<String>,
    payee: Option<Payee>,
    status_details: Option<Details>,
}

/// A refund; a reversal's resource is of the same shape, or the capture itself.
#[derive(Deserialize)]
pub(super) struct Refund {
    pub(super) id: String,
    #[serde(default)]
    status: String,
    pub(super) custom_id: Option<String>,
    status_details: Option<Details>,
    amount: Option<Amount>,
    #[serde(default)]
    links: Vec<Link>,
}

/// Where a link to a capture leads.
const CAPTURES: &str = "/v2/payments/captures/";

#[derive(Deserialize)]
struct Details {
    reason: Option<String>,
}

impl Order {
    /// The number that we gave it.
    pub(super) fn number(&self) -> Option<&str> {
        self.purchase_units.first()?.custom_id.as_deref()
    }

    /// How it stands; a capture says more than the order does.
    pub(super) fn state(&self, merchant: &Merchant) -> Result<OrderState, ChannelError> {
        let mut states = Vec::new();
        for unit in &self.purchase_units {
            for capture in &unit.payments.captures {
                states.push(capture.state(Some(unit), merchant)?);
            }
        }
        let approved = self.status == "APPROVED";
        for state in &mut states {
            if let OrderState::Paid(report) = state {
                self.name_refunds(report);
            }
        }
        let paid = |state: &OrderState| matches!(state, OrderState::Paid(_));
        if let Some(index) = states.iter().position(paid) {
            return Ok(states.swap_remove(index));
        }
        let held = |state: &OrderState| matches!(state, OrderState::Held(_));
        if let Some(index) = states.iter().position(held) {
            return Ok(states.swap_remove(index));
        }
        match self.status.as_str() {
            "CREATED" | "SAVED" | "PAYER_ACTION_REQUIRED" => Ok(OrderState::Pending),
            _ if approved => Ok(OrderState::Approved),
            "VOIDED" => Ok(OrderState::Closed),
            "COMPLETED" | "" if !states.is_empty() => Ok(OrderState::Declined),
            other => Err(ChannelError::unknown(
                Doubt::Nonsense,
                format!("order status {other}"),
            )),
        }
    }

    /// An order names each refund of a capture; the capture alone says no more than
    /// that there were some.
    fn name_refunds(&self, report: &mut PaidReport) {
        let refunds = self.purchase_units.iter().flat_map(|u| &u.payments.refunds);
        let done = refunds.filter(|refund| refund.status == "COMPLETED");
        let parts: Vec<MoneyBack> = done
            .map(Refund::back)
            .filter(|back| back.trade_no.as_ref() == Some(&report.trade_no))
            .collect();
        if report.given_back != GivenBack::Nothing && !parts.is_empty() {
            report.given_back = GivenBack::Parts(parts);
        }
    }

    /// Whether money was taken that is not there yet: such an order can't be left.
    pub(super) fn is_capturing(&self) -> bool {
        let mut captures = self
            .purchase_units
            .iter()
            .flat_map(|u| &u.payments.captures);
        captures.any(|capture| capture.status == "PENDING")
    }
}

impl Capture {
    /// How it stands, as the payment of an order's `unit`, where that is at hand.
    pub(super) fn state(
        &self,
        unit: Option<&PurchaseUnit>,
        merchant: &Merchant,
    ) -> Result<OrderState, ChannelError> {
        match self.status.as_str() {
            "COMPLETED" | "PARTIALLY_REFUNDED" | "REFUNDED" => {
                let payee = self.payee.as_ref();
                let payee = payee.or(unit.and_then(|unit| unit.payee.as_ref()));
                let number = self.custom_id.as_deref();
                let number = number.or(unit.and_then(|unit| unit.custom_id.as_deref()));
                Ok(OrderState::Paid(PaidReport {
                    merchant: merchant.paid(payee),
                    channel_order_no: number.unwrap_or_default().to_owned(),
                    trade_no: self.id.clone(),
                    money: self.amount.money()?,
                    paid_ms: self.create_time.as_deref().and_then(rfc3339_ms),
                    given_back: match self.status.as_str() {
                        "COMPLETED" => GivenBack::Nothing,
                        _ => GivenBack::Untold,
                    },
                }))
            }
            "PENDING" => Ok(OrderState::Held(self.reason().to_owned())),
            "DECLINED" | "FAILED" => Ok(OrderState::Declined),
            other => Err(ChannelError::unknown(
                Doubt::Nonsense,
                format!("capture status {other}"),
            )),
        }
    }
}

impl Capture {
    /// PayPal's word for why it is as it is.
    fn reason(&self) -> &str {
        let details = self.status_details.as_ref();
        details
            .and_then(|details| details.reason.as_deref())
            .unwrap_or("no reason given")
    }
}

impl Refund {
    /// What it was of, and how much: the capture is in the link that leads up, or the
    /// resource itself.
    pub(super) fn back(&self) -> MoneyBack {
        let capture = |link: &Link| {
            let (_, id) = link.href.split_once(CAPTURES)?;
            id.split(['/', '?']).next().map(str::to_owned)
        };
        let up = self.links.iter().find(|link| link.rel == "up");
        let capture = up.and_then(capture);
        let money = self.amount.as_ref().and_then(Amount::size);
        MoneyBack {
            channel_order_no: self.custom_id.clone(),
            trade_no: Some(capture.unwrap_or_else(|| self.id.clone())),
            number: self.id.clone(),
            sum: money.map_or(BackSum::Rest, BackSum::Of),
        }
    }

    pub(super) fn report(&self) -> Result<RefundReport, ChannelError> {
        let reason = || {
            let details = self.status_details.as_ref();
            let reason = details.and_then(|d| d.reason.as_deref());
            format!("PayPal says {} {}", self.status, reason.unwrap_or_default())
        };
        let state = match self.status.as_str() {
            "COMPLETED" => RefundState::Done,
            "PENDING" => RefundState::Pending,
            "FAILED" | "CANCELLED" => RefundState::Failed(reason()),
            other => {
                return Err(ChannelError::unknown(
                    Doubt::Nonsense,
                    format!("refund status {other}"),
                ));
            }
        };
        Ok(RefundReport {
            state,
            reference: Some(self.id.clone()),
        })
    }
}

/// A refusal: its first issue says why (docs/reference/paypal.md, Refusals).
#[derive(Deserialize)]
pub(super) struct Trouble {
    name: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    debug_id: String,
    #[serde(default)]
    details: Vec<Issue>,
}

#[derive(Deserialize)]
struct Issue {
    issue: String,
}

impl Trouble {
    pub(super) fn code(&self) -> String {
        let issue = self.details.first().map(|detail| detail.issue.clone());
        issue.unwrap_or_else(|| self.name.clone())
    }

    pub(super) fn message(&self) -> String {
        format!("{} {} debug_id {}", self.name, self.message, self.debug_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn merchant(id: Option<&str>) -> Merchant {
        Merchant {
            id: id.map(str::to_owned),
            client_id: "application".to_owned(),
        }
    }

    fn state(order: Value) -> Result<OrderState, ChannelError> {
        let order: Order = serde_json::from_value(order).unwrap();
        order.state(&merchant(Some("M")))
    }

    #[test]
    fn who_is_paid_counts_where_the_account_names_its_merchant() {
        let named = json!({"merchant_id": "OTHER"});
        let unit = |payee: &Value, of_capture: &Value| {
            json!({"id": "O1", "status": "COMPLETED", "purchase_units": [{
                "payee": payee,
                "payments": {"captures": [{
                    "id": "C1", "status": "COMPLETED", "payee": of_capture,
                    "amount": {"currency_code": "USD", "value": "10.00"},
                }]},
            }]})
        };
        let nobody = Value::Null;
        for (payee, of_capture, id, paid) in [
            (&nobody, &nobody, Some("M"), "M"),
            (&named, &nobody, Some("M"), "OTHER"),
            (&nobody, &named, Some("M"), "OTHER"),
            (&nobody, &nobody, None, "application"),
            (&named, &nobody, None, "application"),
            (&nobody, &named, None, "application"),
        ] {
            let order: Order = serde_json::from_value(unit(payee, of_capture)).unwrap();
            let Ok(OrderState::Paid(report)) = order.state(&merchant(id)) else {
                panic!("not paid")
            };
            assert_eq!(report.merchant, paid, "{payee} {of_capture} {id:?}");
        }
    }

    #[test]
    fn a_declined_capture_tells_how_an_order_without_a_status_stands() {
        let capture = |status: &str| {
            json!([{"payments": {"captures": [{
                "id": "C1", "status": status,
                "amount": {"currency_code": "USD", "value": "10.00"},
            }]}}])
        };
        let declined = json!({"id": "O1", "purchase_units": capture("DECLINED")});
        assert_eq!(state(declined), Ok(OrderState::Declined));
        let paid = json!({"id": "O1", "purchase_units": capture("COMPLETED")});
        assert!(matches!(state(paid), Ok(OrderState::Paid(_))));
        assert!(state(json!({"id": "O1"})).is_err(), "it says nothing");
    }
}
