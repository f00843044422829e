//! Refunds and what is said of them (docs/reference/wechat.md, Refunds).

use super::answer::{Answer, Call};
use super::refund_state;
use crate::book::{Order, OrderRef};
use crate::clock::now_ms;
use crate::fault::{Fault, Kind};
use crate::refund::Refund;
use crate::text::rfc3339;
use crate::world::{Asked, PROCESSING, World};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const REFUNDS_MAX: usize = 50;

#[derive(Deserialize)]
struct NewRefund {
    transaction_id: Option<String>,
    out_trade_no: Option<String>,
    out_refund_no: String,
    reason: Option<String>,
    notify_url: Option<String>,
    amount: Amount,
}

#[derive(Deserialize)]
struct Amount {
    refund: i64,
    total: i64,
    currency: String,
}

/// Takes a refund; the same again tells how it stands.
pub(super) fn refund(call: &Call<'_>) -> Answer {
    let new: NewRefund = match call.read() {
        Ok(new) => new,
        Err(answer) => return answer,
    };
    if let Some(field) = wrong_field(&new) {
        return Answer::parameter(call.body, field);
    }
    let Some(order) = order_of(call, &new) else {
        return Answer::error(404, "RESOURCE_NOT_EXISTS", "订单不存在");
    };
    let number = new.out_refund_no.as_str();
    if let Some((of, old)) = known(call, number) {
        let same = of.channel_order_no == order.channel_order_no
            && (old.amount, of.amount) == (new.amount.refund, new.amount.total);
        return if same {
            Answer::json(&object(&of, &old))
        } else {
            invalid("订单金额或退款金额与之前请求不一致，请核实后再试")
        };
    }
    let kind = call.fault.map(|fault| fault.kind);
    match () {
        // WeChat looks among what was paid.
        () if order.paid_ms.is_none() => {
            return Answer::error(404, "RESOURCE_NOT_EXISTS", "订单不存在");
        }
        () if new.amount.total != order.amount => return invalid("订单总金额与支付金额不一致"),
        () if new.amount.refund > order.refundable() => {
            return invalid("退款金额大于可退金额");
        }
        () if order.refunds.len() >= REFUNDS_MAX => return invalid("退款次数超过限制"),
        () if kind == Some(Kind::NoAuth) => {
            return Answer::error(403, "NO_AUTH", "没有退款权限");
        }
        () if kind == Some(Kind::NotEnough) => {
            return Answer::error(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起");
        }
        () => {}
    }
    let asked = Asked {
        number,
        amount: new.amount.refund,
        notify_url: new.notify_url,
        ..Asked::default()
    };
    let made = taken(call, &order, asked);
    match made {
        Some(_) if kind == Some(Kind::Disowned) => invalid("请求参数与订单信息不一致"),
        // However it ends: that is told by the notify, and by the query.
        Some((order, mut refund)) => {
            refund.state = Some(PROCESSING.to_owned());
            Answer::json(&object(&order, &refund))
        }
        None => invalid("退款金额大于可退金额"),
    }
}

fn taken(call: &Call<'_>, order: &Order, asked: Asked<'_>) -> Option<(Order, Refund)> {
    let (world, now_ms) = (call.world, call.now_ms);
    let state = match call.fault.map(|fault| fault.kind) {
        Some(Kind::Abnormal) => Some("ABNORMAL"),
        Some(Kind::RefundFails) => Some("CLOSED"),
        Some(Kind::Pending) => Some(PROCESSING),
        _ => None,
    };
    let made = match state {
        Some(state) => world.stick(order.into(), asked, state, now_ms),
        None => world.refund(order.into(), asked, now_ms),
    };
    let (order, refund) = made.ok()?;
    if let Some(fault) = call.fault.filter(|fault| fault.kind == Kind::Pending) {
        finish_later(world, &order, &refund, fault);
    }
    Some((order, refund))
}

/// A refund on its way comes to its end by itself, where a time is given.
fn finish_later(world: &Arc<World>, order: &Order, refund: &Refund, fault: Fault) {
    if fault.ms == 0 {
        return;
    }
    let (world, order, number) = (
        Arc::clone(world),
        order.clone(),
        refund.out_refund_no.clone(),
    );
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(fault.ms)).await;
        // A person may have ended it before.
        let _ = world.finish_refund((&order).into(), &number, None, now_ms());
    });
}

/// Business rules: the balance is not short.
fn invalid(why: &str) -> Answer {
    Answer::error(400, "INVALID_REQUEST", why)
}

/// Whether something may be told there, at an address of so many bytes at most.
pub(super) fn is_address(url: &str, most: usize) -> bool {
    url.starts_with("http") && !url.contains('?') && url.len() <= most
}

/// The first field that breaks its rule, as a JSON pointer.
fn wrong_field(new: &NewRefund) -> Option<&'static str> {
    let number = new.out_refund_no.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-|*@".contains(byte);
    let url = new.notify_url.as_deref();
    match () {
        () if new.transaction_id.is_none() && new.out_trade_no.is_none() => Some("/out_trade_no"),
        () if !(1..=64).contains(&number.len()) || !number.iter().all(plain) => {
            Some("/out_refund_no")
        }
        () if new.reason.as_ref().is_some_and(|reason| reason.len() > 80) => Some("/reason"),
        () if url.is_some_and(|url| !is_address(url, 256)) => Some("/notify_url"),
        () if new.amount.refund < 1 => Some("/amount/refund"),
        () if new.amount.total < 1 => Some("/amount/total"),
        () if new.amount.currency != "CNY" => Some("/amount/currency"),
        () => None,
    }
}

/// The merchant's own order; where both numbers are given they name the same.
fn order_of(call: &Call<'_>, new: &NewRefund) -> Option<Order> {
    let book = call.world.book();
    let by_id = |id: &str| {
        book.find(|order| {
            order.account == call.account() && order.transaction_id.as_deref() == Some(id)
        })
    };
    let found = match (&new.out_trade_no, &new.transaction_id) {
        (Some(number), _) => book.named(OrderRef::of(call.account(), number)),
        (None, id) => by_id(id.as_deref()?),
    };
    let id = new.transaction_id.as_ref();
    let found = found.filter(|order| id.is_none() || order.transaction_id.as_ref() == id);
    found.cloned()
}

/// The merchant's refund of this number, and its order.
fn known(call: &Call<'_>, number: &str) -> Option<(Order, Refund)> {
    let book = call.world.book();
    let mut ours = book.all().filter(|order| order.account == call.account());
    ours.find_map(|order| Some((order.clone(), order.refund(number)?)))
}

/// How a refund stands.
pub(super) fn query(call: &Call<'_>, number: &str) -> Answer {
    match known(call, number) {
        Some((order, refund)) => Answer::json(&object(&order, &refund)),
        None => Answer::error(404, "RESOURCE_NOT_EXISTS", "退款单不存在"),
    }
}

fn object(order: &Order, refund: &Refund) -> Value {
    let state = refund_state(refund);
    let mut object = json!({
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": order.transaction_id,
        "out_trade_no": order.channel_order_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund.at_ms),
        "status": state,
        "funds_account": "AVAILABLE",
        "amount": {
            "total": order.amount, "refund": refund.amount, "payer_total": order.amount,
            "payer_refund": refund.amount, "settlement_total": order.amount,
            "settlement_refund": refund.amount, "discount_refund": 0, "currency": order.currency,
        },
    });
    if state == "SUCCESS" {
        object["success_time"] = json!(rfc3339(refund.at_ms));
    }
    object
}
