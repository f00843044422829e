//! Sums and their parts (sections 5.2 and 5.3).

use super::Answer;
use crate::book::Order;
use crate::text::{plain_yuan, yuan_text};
use serde_json::{Value, json};

/// Open to every account; CNY, BRL and MYR are for accounts of their countries.
const CURRENCIES: [&str; 21] = [
    "AUD", "CAD", "CZK", "DKK", "EUR", "HKD", "HUF", "ILS", "JPY", "MXN", "TWD", "NZD", "NOK",
    "PHP", "PLN", "GBP", "SGD", "SEK", "CHF", "THB", "USD",
];
const WITHOUT_DECIMALS: [&str; 3] = ["HUF", "JPY", "TWD"];

/// A sum as it is written at a place of the body: hundredths, whatever the currency.
pub(super) fn sum(body: &Value, at: &str) -> Result<(String, i64), Answer> {
    let amount = body.pointer(at).unwrap_or(&Value::Null);
    let field = |name: &str| format!("{at}/{name}");
    sum_of(amount).map_err(|(answer, name)| answer.at(body, &field(name)))
}

fn sum_of(amount: &Value) -> Result<(String, i64), (Answer, &'static str)> {
    let currency = amount["currency_code"].as_str();
    let currency = currency.ok_or_else(|| (missing(), "currency_code"))?;
    if !CURRENCIES.contains(&currency) {
        let answer = Answer::unprocessable("CURRENCY_NOT_SUPPORTED");
        return Err((answer, "currency_code"));
    }
    let value = amount["value"].as_str();
    let value = value.ok_or_else(|| (missing(), "value"))?;
    let minor = hundredths(currency, value).map_err(|answer| (answer, "value"))?;
    Ok((currency.to_owned(), minor))
}

fn missing() -> Answer {
    Answer::refused(400, "INVALID_REQUEST", "MISSING_REQUIRED_PARAMETER")
}

fn hundredths(currency: &str, value: &str) -> Result<i64, Answer> {
    let invalid = |issue: &str| Answer::refused(400, "INVALID_REQUEST", issue);
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
    Ok(minor)
}

/// Whether the parts of a unit's sum make it up (docs/reference/paypal.md, Sums).
pub(super) fn parts_add_up(body: &Value, amount: i64) -> Result<(), Answer> {
    let unit = &body["purchase_units"][0];
    let breakdown = &unit["amount"]["breakdown"];
    let at = "/purchase_units/0/amount";
    let part = |name: &str| {
        if breakdown[name].is_null() {
            Ok(0)
        } else {
            sum(body, &format!("{at}/breakdown/{name}")).map(|(_, minor)| minor)
        }
    };
    let mut items = 0;
    for (index, item) in unit["items"].as_array().into_iter().flatten().enumerate() {
        let count: i64 = item["quantity"]
            .as_str()
            .and_then(|q| q.parse().ok())
            .unwrap_or(0);
        let (_, price) = sum(
            body,
            &format!("/purchase_units/0/items/{index}/unit_amount"),
        )?;
        items += price * count;
    }
    if unit["items"].is_array() && breakdown["item_total"].is_null() {
        let answer = Answer::unprocessable("ITEM_TOTAL_REQUIRED");
        return Err(answer.at(body, &format!("{at}/breakdown/item_total")));
    }
    if unit["items"].is_array() && items != part("item_total")? {
        let answer = Answer::unprocessable("ITEM_TOTAL_MISMATCH");
        return Err(answer.at(body, &format!("{at}/breakdown/item_total/value")));
    }
    if !breakdown.is_object() {
        return Ok(());
    }
    let mut all = 0;
    for name in [
        "item_total",
        "shipping",
        "handling",
        "tax_total",
        "insurance",
    ] {
        all += part(name)?;
    }
    for name in ["shipping_discount", "discount"] {
        all -= part(name)?;
    }
    if all == amount {
        Ok(())
    } else {
        Err(Answer::unprocessable("AMOUNT_MISMATCH").at(body, &format!("{at}/value")))
    }
}

/// A sum as answers hold it.
pub(super) fn money(order: &Order, minor: i64) -> Value {
    let value = if WITHOUT_DECIMALS.contains(&order.currency.as_str()) {
        (minor / 100).to_string()
    } else {
        plain_yuan(minor)
    };
    json!({"currency_code": order.currency, "value": value})
}
