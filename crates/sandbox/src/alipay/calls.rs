//! What each call does and answers (sections 3.5, 3.8).

use super::keys::Merchant;
use super::signed::get;
use crate::book::{Order, Stage};
use crate::fault::{Kind, On};
use crate::refund::Refund;
use crate::text::{beijing_time, plain_yuan, yuan_text};
use crate::world::{Asked, Cannot, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// The node of an answer, as it is signed.
pub(super) struct Answer {
    pub(super) node: String,
}

impl Answer {
    fn success(mut value: Value) -> Self {
        value["code"] = json!("10000");
        value["msg"] = json!("Success");
        Self::written(&value)
    }

    pub(super) fn error(code: &str, sub_code: &str) -> Self {
        let msg = match code {
            "20000" => "Service Currently Unavailable",
            "40001" => "Missing Required Arguments",
            "40002" => "Invalid Arguments",
            "40005" => "Call Limited",
            _ => "Business Failed",
        };
        Self::written(&json!({
            "code": code, "msg": msg, "sub_code": sub_code, "sub_msg": "见sub_code",
        }))
    }

    /// Slashes are escaped, as the gateway does: who writes the node anew fails.
    fn written(value: &Value) -> Self {
        Self {
            node: value.to_string().replace('/', "\\/"),
        }
    }

    fn failed(sub_code: &str) -> Self {
        Self::error("40004", sub_code)
    }
}

/// Which kind of call a method is, for faults.
pub(super) fn kind_of(method: &str) -> Option<On> {
    match method {
        "alipay.trade.query" => Some(On::Query),
        "alipay.trade.close" => Some(On::Close),
        "alipay.trade.refund" | "alipay.trade.fastpay.refund.query" => Some(On::Refund),
        _ => None,
    }
}

/// Whether there is such a method here.
pub(super) fn is_method(method: &str) -> bool {
    let pages = ["alipay.trade.page.pay", "alipay.trade.wap.pay"];
    pages.contains(&method) || kind_of(method).is_some()
}

/// Does what a verified request asks for.
pub(super) fn answer(
    world: &Arc<World>,
    merchant: &Merchant,
    method: &str,
    pairs: &[(String, String)],
    fault: Option<Kind>,
    now_ms: i64,
) -> Answer {
    let Ok(content) = serde_json::from_str::<Value>(get(pairs, "biz_content")) else {
        return Answer::error("40002", "isv.invalid-parameter");
    };
    let names = ["out_trade_no", "trade_no"];
    if names
        .iter()
        .all(|name| content[name].as_str().is_none_or(str::is_empty))
    {
        return Answer::failed("ACQ.INVALID_PARAMETER");
    }
    let Some(order) = found(world, merchant, &content) else {
        return Answer::failed("ACQ.TRADE_NOT_EXIST");
    };
    match method {
        "alipay.trade.query" => query(&order, now_ms),
        "alipay.trade.close" => close(world, &order, now_ms),
        "alipay.trade.refund" => refund(world, &order, &content, fault, now_ms),
        _ => refund_query(&order, &content),
    }
}

fn found(world: &World, merchant: &Merchant, content: &Value) -> Option<Order> {
    let book = world.book();
    let ours = |order: &Order| order.alipay().is_some() && order.account == merchant.name;
    // Where both are given trade_no counts.
    let found = match content["trade_no"].as_str().filter(|no| !no.is_empty()) {
        Some(no) => book.find(|order| ours(order) && trade_no(order) == no),
        None => {
            let number = content["out_trade_no"].as_str()?;
            book.get(&merchant.name, number).filter(|order| ours(order))
        }
    };
    found.cloned()
}

/// The one number of a trade, from the opening of the cashier on.
pub(super) fn trade_no(order: &Order) -> &str {
    order.alipay().map_or("", |own| &own.trade_no)
}

/// docs/reference/alipay.md, Orders: wholly refunded reads TRADE_CLOSED.
pub(super) fn status(order: &Order, now_ms: i64) -> &'static str {
    match order.state_at(now_ms) {
        Stage::Success => "TRADE_SUCCESS",
        Stage::Refund if order.refunded() < order.amount => "TRADE_SUCCESS",
        Stage::Refund | Stage::Closed => "TRADE_CLOSED",
        _ => "WAIT_BUYER_PAY",
    }
}

fn query(order: &Order, now_ms: i64) -> Answer {
    let mut node = json!({
        "out_trade_no": order.channel_order_no,
        "trade_no": trade_no(order),
        "trade_status": status(order, now_ms),
        "total_amount": plain_yuan(order.amount),
        "buyer_logon_id": "san***@sandbox.cn",
        "buyer_user_id": "2088000000000001",
    });
    if let Some(paid_ms) = order.paid_ms {
        node["send_pay_date"] = json!(beijing_time(paid_ms));
        node["receipt_amount"] = json!(plain_yuan(order.amount));
        node["buyer_pay_amount"] = json!(plain_yuan(order.amount));
    }
    Answer::success(node)
}

fn close(world: &World, order: &Order, now_ms: i64) -> Answer {
    match world.close(order.into(), now_ms) {
        Ok(order) => Answer::success(json!({
            "out_trade_no": order.channel_order_no,
            "trade_no": trade_no(&order),
        })),
        Err(Cannot::NotFound) => Answer::failed("ACQ.TRADE_NOT_EXIST"),
        Err(Cannot::Conflict) => Answer::failed("ACQ.REASON_TRADE_STATUS_INVALID"),
    }
}

fn refund(
    world: &Arc<World>,
    order: &Order,
    content: &Value,
    fault: Option<Kind>,
    now_ms: i64,
) -> Answer {
    let amount = match &content["refund_amount"] {
        Value::String(text) => yuan_text(text),
        Value::Number(number) => yuan_text(&number.to_string()),
        _ => None,
    };
    let Some(amount) = amount else {
        return Answer::failed("ACQ.INVALID_PARAMETER");
    };
    let number = content["out_request_no"].as_str();
    // Without a number of its own a refund is one of the whole.
    if number.map_or(amount != order.amount, |number| number.len() > 64) {
        return Answer::failed("ACQ.INVALID_PARAMETER");
    }
    let number = number.unwrap_or(&order.channel_order_no);
    let old = order.refund(number);
    if let Some(refused) = refused(order, old.as_ref(), amount, fault) {
        return Answer::failed(refused);
    }
    let fund_change = if old.is_some() { "N" } else { "Y" };
    let asked = Asked {
        number,
        amount,
        ..Asked::default()
    };
    match world.refund(order.into(), asked, now_ms) {
        Ok((order, refund)) => Answer::success(json!({
            "trade_no": trade_no(&order),
            "out_trade_no": order.channel_order_no,
            "buyer_logon_id": "san***@sandbox.cn",
            "fund_change": fund_change,
            "refund_fee": plain_yuan(order.refunded()),
            "gmt_refund_pay": beijing_time(refund.at_ms),
        })),
        Err(_) => Answer::failed("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
    }
}

/// Why no money is given back (docs/reference/alipay.md, Codes).
fn refused(
    order: &Order,
    old: Option<&Refund>,
    amount: i64,
    fault: Option<Kind>,
) -> Option<&'static str> {
    match old {
        Some(old) if old.amount != amount => Some("ACQ.DISCORDANT_REPEAT_REQUEST"),
        Some(_) => None,
        None if order.paid_ms.is_none() => Some("ACQ.TRADE_STATUS_ERROR"),
        None if order.refundable() == 0 => Some("ACQ.TRADE_HAS_CLOSE"),
        None if amount < 1 => Some("ACQ.REASON_TRADE_REFUND_FEE_ERR"),
        None if amount > order.refundable() => Some("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"),
        None if fault == Some(Kind::NotEnough) => Some("ACQ.SELLER_BALANCE_NOT_ENOUGH"),
        None => None,
    }
}

fn refund_query(order: &Order, content: &Value) -> Answer {
    let number = content["out_request_no"]
        .as_str()
        .unwrap_or(&order.channel_order_no);
    let found = order
        .refunds
        .iter()
        .find(|refund| refund.out_refund_no == number);
    Answer::success(match found {
        Some(refund) => json!({
            "trade_no": trade_no(order),
            "out_trade_no": order.channel_order_no,
            "out_request_no": number,
            "total_amount": plain_yuan(order.amount),
            "refund_amount": plain_yuan(refund.amount),
            "refund_status": "REFUND_SUCCESS",
        }),
        None => json!({}),
    })
}
