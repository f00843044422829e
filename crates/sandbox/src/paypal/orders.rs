//! Orders, captures and refunds (sections 5.2 to 5.6).

use super::{Answer, id};
use crate::book::{Channel, Order, Refund};
use crate::text::{plain_yuan, utc_time, yuan_text};
use crate::world::World;
use serde_json::{Value, json};
use std::sync::Arc;

/// A payer has this long to approve, ms.
const LIFE_MS: i64 = 3 * 3_600_000;
/// The issue of a capture that the payer's bank declines.
pub(super) const DECLINED: &str = "INSTRUMENT_DECLINED";
const TEXT_MAX: usize = 127;
/// Open to every account; CNY, BRL and MYR are for accounts of their countries.
const CURRENCIES: [&str; 21] = [
    "AUD", "CAD", "CZK", "DKK", "EUR", "HKD", "HUF", "ILS", "JPY", "MXN", "TWD", "NZD", "NOK",
    "PHP", "PLN", "GBP", "SGD", "SEK", "CHF", "THB", "USD",
];
const WITHOUT_DECIMALS: [&str; 3] = ["HUF", "JPY", "TWD"];

/// A sum as it is written: hundredths, whatever the currency.
fn sum(amount: &Value) -> Result<(String, i64), Answer> {
    let invalid = |issue: &str| Answer::refused(400, "INVALID_REQUEST", issue);
    let currency = amount["currency_code"].as_str();
    let currency = currency.ok_or_else(|| invalid("MISSING_REQUIRED_PARAMETER"))?;
    if !CURRENCIES.contains(&currency) {
        return Err(Answer::unprocessable("CURRENCY_NOT_SUPPORTED"));
    }
    let value = amount["value"].as_str();
    let value = value.ok_or_else(|| invalid("MISSING_REQUIRED_PARAMETER"))?;
    if WITHOUT_DECIMALS.contains(&currency) && value.contains('.') {
        return Err(Answer::unprocessable("DECIMALS_NOT_SUPPORTED"));
    }
    if value.split_once('.').is_some_and(|(_, d)| d.len() > 2) {
        return Err(Answer::unprocessable("DECIMAL_PRECISION"));
    }
    let minor = yuan_text(value).ok_or_else(|| invalid("INVALID_PARAMETER_SYNTAX"))?;
    if minor < 1 {
        return Err(Answer::unprocessable("CANNOT_BE_ZERO_OR_NEGATIVE"));
    }
    Ok((currency.to_owned(), minor))
}

pub(super) fn money(order: &Order, minor: i64) -> Value {
    let value = match WITHOUT_DECIMALS.contains(&order.currency.as_str()) {
        true => (minor / 100).to_string(),
        false => plain_yuan(minor),
    };
    json!({"currency_code": order.currency, "value": value})
}

pub(super) fn create(world: &World, asked: &Value, request_id: &str, now_ms: i64) -> Answer {
    let invalid = |issue: &str| Answer::refused(400, "INVALID_REQUEST", issue);
    if asked["intent"] != "CAPTURE" {
        return invalid("INVALID_PARAMETER_VALUE");
    }
    let units = asked["purchase_units"].as_array().map_or(&[][..], |u| u);
    let [unit] = units else {
        return invalid("INVALID_ARRAY_MAX_ITEMS");
    };
    let (currency, amount) = match sum(&unit["amount"]) {
        Ok(sum) => sum,
        Err(answer) => return answer,
    };
    for name in ["description", "custom_id", "invoice_id"] {
        let text = unit[name].as_str().unwrap_or_default();
        if text.chars().count() > TEXT_MAX {
            return invalid("INVALID_STRING_LENGTH");
        }
    }
    let source = &asked["payment_source"]["paypal"]["experience_context"];
    if source.is_object() && request_id.is_empty() {
        return invalid("PAYPAL_REQUEST_ID_REQUIRED");
    }
    let context = match source.is_object() {
        true => source,
        false => &asked["application_context"],
    };
    let page = |name: &str| context[name].as_str().unwrap_or_default().to_owned();
    let (return_url, cancel_url) = (page("return_url"), page("cancel_url"));
    for url in [&return_url, &cancel_url] {
        if !url.is_empty() && !url.starts_with("http") {
            return invalid("INVALID_PARAMETER_SYNTAX");
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
        more: json!({
            "id": id,
            "custom_id": unit["custom_id"],
            "invoice_id": unit["invoice_id"],
            "return_url": return_url,
            "cancel_url": cancel_url,
            "payer_action": source.is_object(),
            "approved": false,
        }),
        ..Order::fresh(
            Channel::Paypal,
            &keys.merchant.name,
            if free { custom_id } else { &id },
            now_ms,
        )
    };
    let answer = brief(world, &order, now_ms);
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
        "SUCCESS" | "REFUND" | "PENDING" => "COMPLETED",
        "CLOSED" => "VOIDED",
        _ if order.more["approved"] == true => "APPROVED",
        _ if order.more["payer_action"] == true => "PAYER_ACTION_REQUIRED",
        _ => "CREATED",
    }
}

fn brief(world: &World, order: &Order, now_ms: i64) -> Value {
    let base = &world.keys.paypal.base;
    let id = order.more["id"].as_str().unwrap_or_default();
    let rel = match order.more["payer_action"] == true {
        true => "payer-action",
        false => "approve",
    };
    json!({
        "id": id,
        "status": status(order, now_ms),
        "links": [
            {"href": format!("{base}/v2/checkout/orders/{id}"), "rel": "self", "method": "GET"},
            {"href": format!("{base}/checkoutnow?token={id}"), "rel": rel, "method": "GET"},
        ],
    })
}

pub(super) fn whole(world: &World, order: &Order, now_ms: i64) -> Value {
    let mut shown = brief(world, order, now_ms);
    shown["intent"] = json!("CAPTURE");
    shown["create_time"] = json!(utc_time(order.created_ms));
    let mut unit = json!({
        "reference_id": "default",
        "amount": money(order, order.amount),
        "payee": {"merchant_id": world.keys.paypal.merchant.merchant_id},
        "description": order.description,
        "custom_id": order.more["custom_id"],
        "invoice_id": order.more["invoice_id"],
    });
    if order.transaction_id.is_some() {
        unit["payments"] = json!({"captures": [captured(world, order)]});
    }
    shown["purchase_units"] = json!([unit]);
    shown
}

pub(super) fn captured(world: &World, order: &Order) -> Value {
    let status = match order.state.as_str() {
        "PENDING" => "PENDING",
        "REFUND" if order.refunded() < order.amount => "PARTIALLY_REFUNDED",
        "REFUND" => "REFUNDED",
        _ => "COMPLETED",
    };
    let id = order.transaction_id.as_deref().unwrap_or_default();
    let base = &world.keys.paypal.base;
    let mut capture = json!({
        "id": id,
        "status": status,
        "amount": money(order, order.amount),
        "final_capture": true,
        "custom_id": order.more["custom_id"],
        "invoice_id": order.more["invoice_id"],
        "create_time": utc_time(order.paid_ms.unwrap_or(order.created_ms)),
        "update_time": utc_time(order.paid_ms.unwrap_or(order.created_ms)),
        "supplementary_data": {"related_ids": {"order_id": order.more["id"]}},
        "links": [{"href": format!("{base}/v2/payments/captures/{id}"), "rel": "self", "method": "GET"}],
    });
    if status == "PENDING" {
        capture["status_details"] = json!({"reason": "PENDING_REVIEW"});
    }
    capture
}

pub(super) fn by_id(world: &World, id: &str) -> Option<Order> {
    let wanted = |order: &Order| order.channel == Channel::Paypal && order.more["id"] == id;
    world.book().find(wanted).cloned()
}

fn by_capture(world: &World, id: &str) -> Option<Order> {
    let wanted = |order: &Order| {
        order.channel == Channel::Paypal && order.transaction_id.as_deref() == Some(id)
    };
    world.book().find(wanted).cloned()
}

pub(super) fn order(world: &World, id: &str, now_ms: i64) -> Answer {
    match by_id(world, id) {
        Some(order) if order.state == "NOTPAY" && now_ms >= order.expires_ms => Answer::not_found(),
        Some(order) => Answer::new(200, whole(world, &order, now_ms)),
        None => Answer::not_found(),
    }
}

pub(super) fn capture(
    world: &Arc<World>,
    id: &str,
    pending: bool,
    representation: bool,
    now_ms: i64,
) -> Answer {
    let Some(order) = by_id(world, id) else {
        return Answer::not_found();
    };
    let number = &order.channel_order_no;
    match order.state_at(now_ms) {
        "CLOSED" => return Answer::not_found(),
        "PAYERROR" => {
            // The payer may choose another instrument, and has to approve anew.
            let _ = world.disapprove(number);
            return Answer::unprocessable(DECLINED);
        }
        "NOTPAY" if order.more["approved"] != true => {
            return Answer::unprocessable("ORDER_NOT_APPROVED");
        }
        "NOTPAY" => {}
        _ => return Answer::unprocessable("ORDER_ALREADY_CAPTURED"),
    }
    let invoice = &order.more["invoice_id"];
    let again = |other: &Order| {
        other.channel == Channel::Paypal
            && other.transaction_id.is_some()
            && !invoice.is_null()
            && other.more["invoice_id"] == *invoice
    };
    if world.book().find(again).is_some() {
        return Answer::unprocessable("DUPLICATE_INVOICE_ID");
    }
    let captured = match pending {
        true => world.hold(number, now_ms),
        false => world.settle(number, now_ms),
    };
    match captured {
        Ok(order) if representation => Answer::new(201, whole(world, &order, now_ms)),
        Ok(order) => Answer::new(201, brief(world, &order, now_ms)),
        Err(_) => Answer::unprocessable("ORDER_ALREADY_CAPTURED"),
    }
}

pub(super) fn shown_capture(world: &World, id: &str) -> Answer {
    match by_capture(world, id) {
        Some(order) => Answer::new(200, captured(world, &order)),
        None => Answer::not_found(),
    }
}

pub(super) fn refund(
    world: &Arc<World>,
    capture: &str,
    asked: &Value,
    request_id: &str,
    now_ms: i64,
) -> Answer {
    let Some(order) = by_capture(world, capture) else {
        return Answer::not_found();
    };
    let (currency, amount) = match asked["amount"].is_null() {
        true => (order.currency.clone(), order.amount - order.refunded()),
        false => match sum(&asked["amount"]) {
            Ok(sum) => sum,
            Err(answer) => return answer,
        },
    };
    if currency != order.currency {
        return Answer::unprocessable("REFUND_CAPTURE_CURRENCY_MISMATCH");
    }
    if order.state == "PENDING" {
        return Answer::unprocessable("PENDING_CAPTURE");
    }
    if order.refunded() >= order.amount {
        return Answer::unprocessable("CAPTURE_FULLY_REFUNDED");
    }
    if order.refunded() + amount > order.amount {
        return Answer::unprocessable("REFUND_AMOUNT_EXCEEDED");
    }
    // Each request id is a refund of its own, whatever custom_id says.
    let under = match request_id {
        "" => id(),
        request_id => request_id.to_owned(),
    };
    let custom_id = asked["custom_id"].clone();
    match world.refund_as(&order.channel_order_no, &under, amount, custom_id, now_ms) {
        Ok((order, refund)) => Answer::new(201, refunded(world, &order, &refund)),
        Err(_) => Answer::unprocessable("REFUND_NOT_ALLOWED"),
    }
}

pub(super) fn refunded(world: &World, order: &Order, refund: &Refund) -> Value {
    let base = &world.keys.paypal.base;
    let capture = order.transaction_id.as_deref().unwrap_or_default();
    json!({
        "id": refund.refund_id,
        "status": "COMPLETED",
        "amount": money(order, refund.amount),
        "custom_id": refund.custom_id,
        "create_time": utc_time(refund.at_ms),
        "update_time": utc_time(refund.at_ms),
        "seller_payable_breakdown": {"total_refunded_amount": money(order, order.refunded())},
        "links": [
            {"href": format!("{base}/v2/payments/refunds/{}", refund.refund_id), "rel": "self", "method": "GET"},
            {"href": format!("{base}/v2/payments/captures/{capture}"), "rel": "up", "method": "GET"},
        ],
    })
}

pub(super) fn shown_refund(world: &World, id: &str) -> Answer {
    let of = |order: &Order| {
        order
            .refunds
            .iter()
            .find(|refund| refund.refund_id == id)
            .cloned()
    };
    let found = world.book().find(|order| of(order).is_some()).cloned();
    match found.as_ref().and_then(|order| Some((order, of(order)?))) {
        Some((order, refund)) => Answer::new(200, refunded(world, order, &refund)),
        None => Answer::not_found(),
    }
}
