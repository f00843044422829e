//! What partners are answered (docs/forecore.md), and the words in it.

use crate::partner::refund_number;
use payment::forecore::yuan;
use payment::partner::PartnerOrder;
use payment::ports::{AttemptRow, CallbackState, RefundRow};
use payment::rate::Rate;
use payment::refund::Refund;
use payment::status::PayStatus;
use serde_json::{Map, Value, json};

/// The answer to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The partner's number.
    pub out_order_id: String,
    /// Ours.
    pub order_id: String,
    /// Where the payer pays.
    pub url: String,
    /// Over the fields above.
    pub sign: String,
}

impl Ordered {
    /// The answer's fields.
    #[must_use]
    pub fn json(self) -> Map<String, Value> {
        object(json!({
            "result": "ok",
            "outOrderId": self.out_order_id,
            "orderId": self.order_id,
            "url": self.url,
            "sign": self.sign,
        }))
    }
}

/// The answer to a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerRefund {
    /// Our number of it.
    pub trans_no: String,
    /// The partner's number of the order.
    pub out_order_id: String,
    /// The partner's number of the refund; ours where he gave none, which he may give
    /// in a later call.
    pub out_refund_no: String,
    /// `REFUNDING`, `SUCCESS` or `CLOSE`.
    pub status: &'static str,
}

impl PartnerRefund {
    /// The answer's fields.
    #[must_use]
    pub fn json(self) -> Map<String, Value> {
        object(json!({
            "result": "ok",
            "trans_no": self.trans_no,
            "out_order_no": self.out_order_id,
            "out_refund_no": self.out_refund_no,
            "trans_status": self.status,
        }))
    }
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderInfo {
    /// What was ordered.
    pub order: PartnerOrder,
    /// What the payer paid, minor units; `None` while nothing is paid.
    pub received: Option<i64>,
    /// One of the words that clients know.
    pub status: &'static str,
    /// What went back, or is to, oldest first.
    pub refunds: Vec<ListedRefund>,
}

impl OrderInfo {
    /// The answer's fields.
    #[must_use]
    pub fn json(self) -> Map<String, Value> {
        let order = &self.order.order;
        object(json!({
            "result": "ok",
            "outOrderId": order.out_order_id,
            "orderId": self.order.order_id,
            "_id": self.order.order_id,
            "money": number(order.money.minor()),
            "received": self.received.map_or_else(|| json!(-1), number),
            "currency": order.money.currency().code(),
            "status": self.status,
            "refunds": self.refunds.iter().map(ListedRefund::json).collect::<Vec<_>>(),
        }))
    }
}

/// One refund of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRefund {
    /// Our number of it.
    pub trans_no: String,
    /// The partner's; ours where he gave none.
    pub out_refund_no: String,
    /// Its sum, minor units.
    pub minor: i64,
    /// `REFUNDING`, `SUCCESS` or `CLOSE`.
    pub status: &'static str,
}

impl ListedRefund {
    pub(super) fn of(row: &RefundRow) -> Self {
        Self {
            trans_no: row.refund_no.clone(),
            out_refund_no: refund_number(row).to_owned(),
            minor: row.money.minor(),
            status: refund_word(row.state),
        }
    }

    fn json(&self) -> Value {
        json!({
            "trans_no": self.trans_no,
            "out_refund_no": self.out_refund_no,
            "money": number(self.minor),
            "trans_status": self.status,
        })
    }
}

/// The answer with a rate, its digits as they are.
pub(super) fn rate_json(rate: Rate) -> Map<String, Value> {
    let exact = serde_json::from_str(&rate.to_string()).unwrap_or(Value::Null);
    object(json!({"result": "ok", "exchange_rate": exact}))
}

/// The word for how a refund stands; one that waits for a person is under way.
pub(super) fn refund_word(state: Refund) -> &'static str {
    match state {
        Refund::New | Refund::Sent | Refund::Parked => "REFUNDING",
        Refund::Done => "SUCCESS",
        Refund::Failed | Refund::Withdrawn => "CLOSE",
    }
}

/// The word for a paid order of which money went back, or is to.
pub(super) fn refund_of(paid: &AttemptRow) -> Option<&'static str> {
    match paid.request_status {
        PayStatus::NotRefund | PayStatus::WaitRefund => Some("refunding"),
        PayStatus::SuccessRefund => Some("refund"),
        PayStatus::FailureRefund => Some("refundclosed"),
        _ => None,
    }
}

/// The word for any other paid order; `told` is how its callback stands.
pub(super) fn paid_word(told: Option<CallbackState>) -> &'static str {
    match told {
        Some(CallbackState::Delivered) => "complete",
        Some(CallbackState::Parked) => "通知失败",
        Some(CallbackState::Waiting) => "通知商户",
        Some(CallbackState::Overtaken) | None => "已支付",
    }
}

/// The word for an order that is not.
pub(super) fn unpaid_word(attempts: &[AttemptRow]) -> &'static str {
    match attempts.last() {
        None => "prepare",
        Some(last) if last.request_status == PayStatus::Closed => "作废",
        Some(_) => "待支付",
    }
}

/// The members of what `json!` made of braces.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// Yuan as the number that JavaScript writes.
fn number(minor: i64) -> Value {
    serde_json::from_str(&yuan(minor)).unwrap_or(Value::Null)
}
