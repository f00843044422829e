//! Orders, captures and refunds (sections 5.2 to 5.6).

use super::refunds::{by_capture, refunded};
use super::sums::{money, parts_add_up, sum};
use super::{Answer, PAYER, id};
use crate::book::{Order, OrderRef, Stage};
use crate::fault::PendingReason;
use crate::memory::{self, Memory};
use crate::text::utc_time;
use crate::world::World;
use serde_json::{Value, json};
use std::sync::Arc;

/// A payer has this long to approve, ms.
const LIFE_MS: i64 = 3 * 3_600_000;
/// The issue of a capture that the payer's bank declines.
const DECLINED: &str = "INSTRUMENT_DECLINED";
const TEXT_MAX: usize = 127;
pub(super) fn create(
    world: &World,
    asked: &Value,
    request_id: &str,
    whole_answer: bool,
    now_ms: i64,
) -> Answer {
    let invalid =
        |issue: &str, field: &str| Answer::refused(400, "INVALID_REQUEST", issue).at(asked, field);
    if asked["intent"] != "CAPTURE" {
        return invalid("INVALID_PARAMETER_VALUE", "/intent");
    }
    let units = asked["purchase_units"].as_array().map_or(&[][..], |u| u);
    let [unit] = units else {
        return invalid("INVALID_ARRAY_MAX_ITEMS", "/purchase_units");
    };
    let (currency, amount) = match sum(asked, "/purchase_units/0/amount") {
        Ok(sum) => sum,
        Err(answer) => return answer,
    };
    if let Err(answer) = parts_add_up(asked, amount) {
        return answer;
    }
    for name in ["description", "custom_id", "invoice_id"] {
        let text = unit[name].as_str().unwrap_or_default();
        if text.chars().count() > TEXT_MAX {
            return invalid(
                "INVALID_STRING_LENGTH",
                &format!("/purchase_units/0/{name}"),
            );
        }
    }
    let source = &asked["payment_source"]["paypal"]["experience_context"];
    if source.is_object() && request_id.is_empty() {
        return Answer::refused(400, "INVALID_REQUEST", "PAYPAL_REQUEST_ID_REQUIRED");
    }
    let context = if source.is_object() {
        source
    } else {
        &asked["application_context"]
    };
    let page = |name: &str| context[name].as_str().unwrap_or_default().to_owned();
    let (return_url, cancel_url) = (page("return_url"), page("cancel_url"));
    let place = if source.is_object() {
        "/payment_source/paypal/experience_context"
    } else {
        "/application_context"
    };
    for (name, url) in [("return_url", &return_url), ("cancel_url", &cancel_url)] {
        if !url.is_empty() && !url.starts_with("http") {
            return invalid("INVALID_PARAMETER_SYNTAX", &format!("{place}/{name}"));
        }
    }
    let keys = &world.keys.paypal;
    let id = id();
    let custom_id = unit["custom_id"].as_str().unwrap_or_default();
    let mut book = world.book();
    let free = !custom_id.is_empty() && book.get(&keys.merchant.name, custom_id).is_none();
    let order = Order {
        trade_type: "CAPTURE".to_owned(),
        description: unit["description"].as_str().unwrap_or_default().to_owned(),
        amount,
        currency,
        notify_url: webhook_url(&return_url, &keys.merchant.name),
        fields: asked.to_string(),
        expires_ms: now_ms + LIFE_MS,
        ..Order::fresh(
            Memory::Paypal(memory::Paypal {
                id: id.clone(),
                custom_id: unit["custom_id"].clone(),
                invoice_id: unit["invoice_id"].clone(),
                return_url,
                cancel_url,
                payer_action: source.is_object(),
                approved: false,
                reason: None,
            }),
            &keys.merchant.name,
            if free { custom_id } else { &id },
            now_ms,
        )
    };
    let answer = if whole_answer {
        whole(world, &order, now_ms)
    } else {
        brief(world, &order, now_ms)
    };
    book.put(order);
    Answer::new(201, answer)
}

/// A merchant enters this by hand, once; here it lies beside the return page.
fn webhook_url(return_url: &str, account: &str) -> String {
    let origin: Vec<_> = return_url.splitn(4, '/').take(3).collect();
    format!("{}/notify/Paypal/{account}", origin.join("/"))
}

fn status(order: &Order, now_ms: i64) -> &'static str {
    match order.state_at(now_ms) {
        Stage::Success | Stage::Refund | Stage::Reversed | Stage::Pending | Stage::Denied => {
            "COMPLETED"
        }
        Stage::Closed => "VOIDED",
        _ if order.paypal().is_some_and(|own| own.approved) => "APPROVED",
        _ if order.paypal().is_some_and(|own| own.payer_action) => "PAYER_ACTION_REQUIRED",
        _ => "CREATED",
    }
}

fn brief(world: &World, order: &Order, now_ms: i64) -> Value {
    let base = &world.keys.paypal.base;
    let id = order.paypal().map_or("", |own| &own.id);
    let page = payers_page(world, id);
    let rel = if order.paypal().is_some_and(|own| own.payer_action) {
        "payer-action"
    } else {
        "approve"
    };
    json!({
        "id": id,
        "status": status(order, now_ms),
        "links": [
            {"href": format!("{base}/v2/checkout/orders/{id}"), "rel": "self", "method": "GET"},
            {"href": page, "rel": rel, "method": "GET"},
        ],
    })
}

/// Where a payer approves.
fn payers_page(world: &World, id: &str) -> String {
    format!("{}/checkoutnow?token={id}", world.keys.paypal.base)
}

/// Who approved the order, once somebody did, and what he pays with.
fn name_payer(shown: &mut Value, order: &Order) {
    if !order.paypal().is_some_and(|own| own.approved) {
        return;
    }
    let (name, email) = (
        json!({"given_name": "Sandbox", "surname": "Payer"}),
        "payer@sandbox.example",
    );
    shown["payer"] = json!({"name": name, "email_address": email, "payer_id": PAYER});
    shown["payment_source"] =
        json!({"paypal": {"name": name, "email_address": email, "account_id": PAYER}});
}

/// What is answered to a capture where no more is preferred: unlike other short
/// answers it holds the capture, and PayPal's own samples read it there.
fn captured_briefly(world: &World, order: &Order, now_ms: i64) -> Value {
    let mut shown = brief(world, order, now_ms);
    name_payer(&mut shown, order);
    let payments = json!({"captures": [captured(world, order)]});
    shown["purchase_units"] = json!([{"reference_id": "default", "payments": payments}]);
    shown
}

pub(super) fn whole(world: &World, order: &Order, now_ms: i64) -> Value {
    let mut shown = brief(world, order, now_ms);
    shown["intent"] = json!("CAPTURE");
    shown["create_time"] = json!(utc_time(order.created_ms));
    name_payer(&mut shown, order);
    let description = Some(&order.description).filter(|text| !text.is_empty());
    let mut unit = json!({
        "reference_id": "default",
        "amount": money(order, order.amount),
        "payee": {"merchant_id": world.keys.paypal.merchant.merchant_id},
        "description": description,
        "custom_id": order.paypal().map(|own| &own.custom_id),
        "invoice_id": order.paypal().map(|own| &own.invoice_id),
    });
    if order.transaction_id.is_some() {
        unit["payments"] = json!({"captures": [captured(world, order)]});
        let shown = |refund| refunded(world, order, refund);
        if !order.refunds.is_empty() {
            unit["payments"]["refunds"] = order.refunds.iter().map(shown).collect();
        }
    }
    shown["purchase_units"] = json!([unit]);
    shown
}

pub(super) fn captured(world: &World, order: &Order) -> Value {
    let status = match order.state {
        Stage::Pending => "PENDING",
        Stage::Denied => "DECLINED",
        Stage::Refund if order.refunded() < order.amount => "PARTIALLY_REFUNDED",
        Stage::Refund | Stage::Reversed => "REFUNDED",
        _ => "COMPLETED",
    };
    let id = order.transaction_id.as_deref().unwrap_or_default();
    let base = &world.keys.paypal.base;
    let mut capture = json!({
        "id": id,
        "status": status,
        "amount": money(order, order.amount),
        "final_capture": true,
        "custom_id": order.paypal().map(|own| &own.custom_id),
        "invoice_id": order.paypal().map(|own| &own.invoice_id),
        "create_time": utc_time(order.paid_ms.unwrap_or(order.created_ms)),
        "update_time": utc_time(order.paid_ms.unwrap_or(order.created_ms)),
        "supplementary_data": {"related_ids": {"order_id": order.paypal().map(|own| &own.id)}},
        "links": [{"href": format!("{base}/v2/payments/captures/{id}"), "rel": "self", "method": "GET"}],
    });
    if status == "PENDING" {
        capture["status_details"] = json!({"reason": order.paypal().map(|own| own.reason)});
    }
    capture
}

pub(super) fn by_id(world: &World, id: &str) -> Option<Order> {
    let wanted = |order: &Order| order.paypal().is_some_and(|own| own.id == id);
    world.book().find(wanted).cloned()
}

pub(super) fn order(world: &World, id: &str, now_ms: i64) -> Answer {
    match by_id(world, id) {
        Some(order) if order.state == Stage::NotPay && now_ms >= order.expires_ms => {
            Answer::not_found()
        }
        Some(order) => Answer::new(200, whole(world, &order, now_ms)),
        None => Answer::not_found(),
    }
}

pub(super) fn capture(
    world: &Arc<World>,
    id: &str,
    held: Option<PendingReason>,
    representation: bool,
    now_ms: i64,
) -> Answer {
    let Some(order) = by_id(world, id) else {
        return Answer::not_found();
    };
    let which = OrderRef::from(&order);
    match order.state_at(now_ms) {
        Stage::Closed => return Answer::not_found(),
        Stage::PayError => {
            // The payer may choose another instrument, and has to approve anew.
            let _ = world.disapprove(which);
            let mut answer = Answer::unprocessable(DECLINED);
            let page = payers_page(world, id);
            answer.body["links"] = json!([{"href": page, "rel": "redirect", "method": "GET"}]);
            return answer;
        }
        Stage::NotPay if !order.paypal().is_some_and(|own| own.approved) => {
            return Answer::unprocessable("ORDER_NOT_APPROVED");
        }
        Stage::NotPay => {}
        _ => return Answer::unprocessable("ORDER_ALREADY_CAPTURED"),
    }
    let invoice = |order: &Order| order.paypal().map(|own| own.invoice_id.clone());
    let wanted = invoice(&order).filter(|invoice| !invoice.is_null());
    let again = |other: &Order| {
        other.transaction_id.is_some() && wanted.is_some() && invoice(other) == wanted
    };
    if world.book().find(again).is_some() {
        return Answer::unprocessable("DUPLICATE_INVOICE_ID");
    }
    let captured = match held {
        Some(reason) => world.hold(which, reason, now_ms),
        None => world.settle(which, now_ms),
    };
    match captured {
        Ok(order) if representation => Answer::new(201, whole(world, &order, now_ms)),
        Ok(order) => Answer::new(201, captured_briefly(world, &order, now_ms)),
        Err(_) => Answer::unprocessable("ORDER_ALREADY_CAPTURED"),
    }
}

pub(super) fn shown_capture(world: &World, id: &str) -> Answer {
    match by_capture(world, id) {
        Some(order) => Answer::new(200, captured(world, &order)),
        None => Answer::not_found(),
    }
}
