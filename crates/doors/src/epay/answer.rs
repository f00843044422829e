//! What callers are answered (docs/epay.md), and the words in it.

use super::type_of;
use payment::beijing;
use payment::money::two_decimals;
use payment::partner::PartnerOrder;
use payment::ports::{AttemptRow, RefundRow};
use payment::refund::Refund;
use payment::status::PayStatus;
use serde_json::{Map, Value, json};

/// The answer to an order.
pub(super) fn ordered(kept: &PartnerOrder, page: &str, code: Option<String>) -> Map<String, Value> {
    let mut answer = object(json!({
        "code": 1,
        "msg": "succ",
        "trade_no": kept.order_id,
        "payurl": page,
    }));
    answer.extend(code.map(|code| ("qrcode".to_owned(), code.into())));
    answer
}

/// One order, with the attempt that paid it, and whether any of that went back or may.
pub(super) fn order(
    pid: i64,
    kept: &PartnerOrder,
    attempts: &[AttemptRow],
    paid: Option<&AttemptRow>,
    went_back: bool,
) -> Map<String, Value> {
    let order = &kept.order;
    let shown = paid.or(attempts.last());
    object(json!({
        "trade_no": kept.order_id,
        "out_trade_no": order.out_order_id,
        "api_trade_no": paid.and_then(|paid| paid.trade_no.as_deref()),
        "type": shown.map(|shown| type_of(shown.channel)),
        "pid": pid,
        "addtime": beijing::time(kept.created_ms),
        "endtime": paid.and_then(|paid| paid.paid_ms).map(beijing::time),
        "name": order.goods,
        "money": two_decimals(order.money.minor()),
        "param": order.passback,
        "buyer": null,
        "status": status(paid, went_back),
    }))
}

/// 0 unpaid, 1 paid, 2 where money went back or is on its way.
fn status(paid: Option<&AttemptRow>, went_back: bool) -> i64 {
    match paid.map(|paid| paid.request_status) {
        None => 0,
        Some(_) if went_back => 2,
        Some(PayStatus::NotRefund | PayStatus::WaitRefund | PayStatus::SuccessRefund) => 2,
        Some(_) => 1,
    }
}

/// The answer to a refund that is made or under way.
pub(super) fn refunded(
    code: i64,
    pid: i64,
    kept: &PartnerOrder,
    row: &RefundRow,
) -> Map<String, Value> {
    let sum = two_decimals(row.money.minor());
    let (msg, status) = match row.state {
        Refund::Done => (format!("退款成功！退款金额￥{sum}"), "SUCCESS"),
        _ => (format!("退款已受理！退款金额￥{sum}"), "REFUNDING"),
    };
    object(json!({
        "code": code,
        "msg": msg,
        "refund_no": row.refund_no,
        "out_refund_no": crate::partner::refund_number(row),
        "trade_no": kept.order_id,
        "out_trade_no": kept.order.out_order_id,
        "uid": pid,
        "money": sum,
        "reducemoney": sum,
        "refund_status": status,
    }))
}

/// What is said of a refund without a number that was made before: the caller may mean
/// another one of the same sum.
pub(super) fn again(fen: i64) -> String {
    format!(
        "￥{} 的这笔退款此前已经受理，没有再退；要再退相同金额，请另给 out_refund_no",
        two_decimals(fen)
    )
}

/// The members of what `json!` made of braces.
pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
