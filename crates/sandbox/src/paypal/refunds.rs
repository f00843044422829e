//! Refunds of captures (docs/reference/paypal.md, Refunds).

use super::sums::{money, sum};
use super::{Answer, id};
use crate::book::{Order, Stage};
use crate::fault::Kind;
use crate::refund::Refund;
use crate::text::utc_time;
use crate::world::{Asked, World};
use serde_json::{Value, json};
use std::sync::Arc;

/// How a refund is asked for, beside its body.
pub(super) struct Wish<'a> {
    pub(super) request_id: &'a str,
    /// Whether the answer holds more than id, status and links.
    pub(super) whole: bool,
    /// Why no refund is possible now.
    pub(super) trouble: Option<&'static str>,
}

/// The issue by which a fault keeps a refund from being made.
pub(super) fn trouble(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::NotEnough => Some("REFUND_FAILED_INSUFFICIENT_FUNDS"),
        Kind::Disputed => Some("TRANSACTION_DISPUTED"),
        _ => None,
    }
}

pub(super) fn refund(
    world: &Arc<World>,
    capture: &str,
    body: &Value,
    wish: Wish<'_>,
    now_ms: i64,
) -> Answer {
    let Some(order) = by_capture(world, capture) else {
        return Answer::not_found();
    };
    let (currency, amount) = if body["amount"].is_null() {
        (order.currency.clone(), order.refundable())
    } else {
        match sum(body, "/amount") {
            Ok(sum) => sum,
            Err(answer) => return answer,
        }
    };
    let refused = |issue: &str, field: &str| Answer::unprocessable(issue).at(body, field);
    match () {
        () if currency != order.currency => {
            return refused("REFUND_CAPTURE_CURRENCY_MISMATCH", "/amount/currency_code");
        }
        () if order.state == Stage::Pending => {
            return Answer::unprocessable("PENDING_CAPTURE");
        }
        () if order.state == Stage::Reversed => {
            return Answer::unprocessable("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK");
        }
        () if order.refundable() < 1 => return Answer::unprocessable("CAPTURE_FULLY_REFUNDED"),
        () if amount > order.refundable() => {
            return refused("REFUND_AMOUNT_EXCEEDED", "/amount/value");
        }
        () => {}
    }
    if let Some(issue) = wish.trouble {
        return Answer::unprocessable(issue);
    }
    let asked = Asked {
        // Each request id is a refund of its own, whatever custom_id says.
        number: &match wish.request_id {
            "" => id(),
            request_id => request_id.to_owned(),
        },
        amount,
        custom_id: body["custom_id"].clone(),
        ..Asked::default()
    };
    match world.refund((&order).into(), asked, now_ms) {
        Ok((order, refund)) if wish.whole => Answer::new(201, refunded(world, &order, &refund)),
        Ok((order, refund)) => Answer::new(201, brief(world, &order, &refund)),
        Err(_) => Answer::unprocessable("REFUND_NOT_ALLOWED"),
    }
}

/// What a refund says of itself where no more is preferred.
fn brief(world: &World, order: &Order, refund: &Refund) -> Value {
    let base = &world.keys.paypal.base;
    let (id, capture) = (&refund.refund_id, order.transaction_id.as_deref());
    let capture = capture.unwrap_or_default();
    json!({
        "id": id,
        "status": "COMPLETED",
        "links": [
            {"href": format!("{base}/v2/payments/refunds/{id}"), "rel": "self", "method": "GET"},
            {"href": format!("{base}/v2/payments/captures/{capture}"), "rel": "up", "method": "GET"},
        ],
    })
}

/// The whole refund, as webhooks and queries show it.
pub(super) fn refunded(world: &World, order: &Order, refund: &Refund) -> Value {
    let mut shown = brief(world, order, refund);
    shown["amount"] = money(order, refund.amount);
    shown["custom_id"] = refund.custom_id.clone();
    shown["create_time"] = json!(utc_time(refund.at_ms));
    shown["update_time"] = json!(utc_time(refund.at_ms));
    shown["seller_payable_breakdown"] = json!({
        "gross_amount": money(order, refund.amount),
        "paypal_fee": money(order, 0),
        "net_amount": money(order, refund.amount),
        "total_refunded_amount": money(order, order.refunded()),
    });
    shown
}

/// What a reversal's webhook shows: the shape of a refund of all that is left.
pub(super) fn reversed(world: &World, order: &Order, now_ms: i64) -> Value {
    let refund = Refund {
        out_refund_no: String::new(),
        refund_id: id(),
        amount: order.refundable(),
        at_ms: now_ms,
        custom_id: order
            .paypal()
            .map_or(Value::Null, |own| own.custom_id.clone()),
        notify_url: None,
        state: None,
    };
    let mut shown = refunded(world, order, &refund);
    shown["note_to_payer"] = json!("Payment reversed");
    shown["seller_payable_breakdown"]["total_refunded_amount"] = money(order, order.amount);
    shown
}

pub(super) fn shown(world: &World, id: &str) -> Answer {
    let of = |order: &Order| {
        let mut made = order.refunds.iter();
        made.find(|refund| refund.refund_id == id).cloned()
    };
    let found = world.book().find(|order| of(order).is_some()).cloned();
    match found.as_ref().and_then(|order| Some((order, of(order)?))) {
        Some((order, refund)) => Answer::new(200, refunded(world, order, &refund)),
        None => Answer::not_found(),
    }
}

pub(super) fn by_capture(world: &World, id: &str) -> Option<Order> {
    let wanted =
        |order: &Order| order.paypal().is_some() && order.transaction_id.as_deref() == Some(id);
    world.book().find(wanted).cloned()
}
