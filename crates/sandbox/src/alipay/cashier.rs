//! Alipay's cashier: the page on which the payer pays, and the way back.

use super::calls::trade_no;
use super::keys::Merchant;
use super::signed::{get, text};
use crate::book::{Order, OrderRef, Stage};
use crate::clock::now_ms;
use crate::keys::digits;
use crate::memory::{self, Memory};
use crate::text::{
    beijing_time, encode, from_beijing_time, html, page, plain_yuan, yuan, yuan_text,
};
use crate::world::World;
use axum::Form;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{Html, IntoResponse, Response};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::sync::Arc;

/// An order without a time of its own lives this long, ms.
const DEFAULT_LIFE_MS: i64 = 15 * DAY_MS;
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
/// The highest sum, fen.
const FEN_MAX: i64 = 10_000_000_000;
const BODY_MAX: usize = 400;
const PASSBACK_MAX: usize = 512;

#[derive(Deserialize)]
struct Content {
    out_trade_no: String,
    #[serde(deserialize_with = "written")]
    total_amount: String,
    subject: String,
    product_code: String,
    time_expire: Option<String>,
    timeout_express: Option<String>,
    body: Option<String>,
    passback_params: Option<String>,
    quit_url: Option<String>,
}

/// A text, or a number as it is written: widely used libraries send sums so.
fn written<'de, D: Deserializer<'de>>(value: D) -> Result<String, D::Error> {
    match Value::deserialize(value)? {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(D::Error::custom("neither text nor a number")),
    }
}

/// page.pay and wap.pay: the trade begins when its payer opens the cashier.
pub(super) fn open(world: &World, merchant: &Merchant, pairs: &[(String, String)]) -> Response {
    let Ok(content) = serde_json::from_str::<Content>(get(pairs, "biz_content")) else {
        return trouble("ACQ.INVALID_PARAMETER");
    };
    let wap = get(pairs, "method") == "alipay.trade.wap.pay";
    if let Some(why) = wrong(&content, wap) {
        return trouble(why);
    }
    let now_ms = now_ms();
    let fields = format!(
        "{} {} {} {}",
        content.total_amount,
        content.subject,
        content.product_code,
        get(pairs, "notify_url")
    );
    let mut book = world.book();
    let order = match book.get(&merchant.name, &content.out_trade_no).cloned() {
        None => {
            let order = fresh(merchant, &content, pairs, fields, now_ms);
            if order.state_at(now_ms) == Stage::Closed {
                return trouble("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR");
            }
            book.put(order.clone());
            order
        }
        Some(old) if old.fields != fields => return trouble("ACQ.CONTEXT_INCONSISTENT"),
        Some(old) => old,
    };
    match order.state_at(now_ms) {
        Stage::NotPay | Stage::PayError => Html(cashier(&order)).into_response(),
        Stage::Closed => trouble("ACQ.TRADE_HAS_CLOSE"),
        _ => trouble("ACQ.TRADE_HAS_SUCCESS"),
    }
}

fn wrong(content: &Content, wap: bool) -> Option<&'static str> {
    let number = content.out_trade_no.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    // A widely used library sends the older word for wap.
    let products: &[&str] = if wap {
        &["QUICK_WAP_WAY", "QUICK_WAP_PAY"]
    } else {
        &["FAST_INSTANT_TRADE_PAY"]
    };
    let expire = content.time_expire.as_deref();
    let express = content.timeout_express.as_deref();
    let long = |text: &Option<String>, max| text.as_ref().is_some_and(|t| t.chars().count() > max);
    let fen = yuan_text(&content.total_amount);
    let subject = &content.subject;
    let bad = number.is_empty()
        || number.len() > 64
        || !number.iter().all(plain)
        || fen.is_none()
        || subject.is_empty()
        || subject.chars().count() > 256
        || subject.contains(['/', '=', '&'])
        || !products.contains(&content.product_code.as_str())
        || long(&content.body, BODY_MAX)
        || long(&content.passback_params, PASSBACK_MAX)
        || express.is_some_and(|text| express_end_ms(text, 0).is_none())
        || expire.is_some_and(|text| from_beijing_time(text).is_none());
    let fits = fen.is_some_and(|fen| (1..=FEN_MAX).contains(&fen));
    match (bad, fits) {
        (true, _) => Some("ACQ.INVALID_PARAMETER"),
        (false, false) => Some("ACQ.TOTAL_FEE_EXCEED"),
        (false, true) => None,
    }
}

/// When `90m`, `2h`, `1d` or `1c`, the end of Beijing's day, is over: 1m to 15d.
fn express_end_ms(text: &str, now_ms: i64) -> Option<i64> {
    let (count, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let count: i64 = count.parse().ok().filter(|count| *count > 0)?;
    let life_ms = match unit {
        "m" => count.checked_mul(MINUTE_MS)?,
        "h" => count.checked_mul(60 * MINUTE_MS)?,
        "d" => count.checked_mul(DAY_MS)?,
        "c" if count == 1 => DAY_MS - (now_ms + 8 * 60 * MINUTE_MS).rem_euclid(DAY_MS),
        _ => return None,
    };
    (life_ms <= DEFAULT_LIFE_MS).then_some(now_ms + life_ms)
}

fn fresh(
    merchant: &Merchant,
    content: &Content,
    pairs: &[(String, String)],
    fields: String,
    now_ms: i64,
) -> Order {
    let until_ms = content.time_expire.as_deref().and_then(from_beijing_time);
    let express = content.timeout_express.as_deref();
    let express_ms = express.and_then(|text| express_end_ms(text, now_ms));
    let asked_ms = until_ms.into_iter().chain(express_ms).min();
    let day = &beijing_time(now_ms)[..10].replace('-', "");
    Order {
        trade_type: get(pairs, "method").to_owned(),
        description: content.subject.clone(),
        amount: yuan_text(&content.total_amount).unwrap_or_default(),
        notify_url: get(pairs, "notify_url").to_owned(),
        fields,
        expires_ms: asked_ms.unwrap_or(now_ms + DEFAULT_LIFE_MS),
        ..Order::fresh(
            Memory::Alipay(memory::Alipay {
                return_url: get(pairs, "return_url").to_owned(),
                quit_url: content.quit_url.clone(),
                body: content.body.clone(),
                passback_params: content.passback_params.clone(),
                trade_no: format!("{day}2200{}", digits(16)),
            }),
            &merchant.name,
            &content.out_trade_no,
            now_ms,
        )
    }
}

fn cashier(order: &Order) -> String {
    let number = html(&order.channel_order_no);
    let body = format!(
        "<h1>支付宝收银台（沙箱）</h1><section class=\"card\" data-order=\"{number}\"><div>{}</div>\
         <div class=\"amount\">{}</div><p class=\"small\">{number}</p>\
         <form method=\"post\" action=\"/alipay/act\">\
         <input type=\"hidden\" name=\"account\" value=\"{}\">\
         <input type=\"hidden\" name=\"channelOrderNo\" value=\"{number}\">\
         <button name=\"act\" value=\"pay\">支付</button>\
         <button class=\"quiet\" name=\"act\" value=\"cancel\">取消</button>\
         </form></section>",
        html(&order.description),
        yuan(order.amount),
        html(&order.account),
    );
    page("支付宝收银台", "", &body)
}

fn trouble(why: &str) -> Response {
    let body = format!("<h1 class=\"bad\">订单信息有误</h1><p>{}</p>", html(why));
    (StatusCode::OK, Html(page("支付宝收银台", "", &body))).into_response()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Act {
    account: String,
    channel_order_no: String,
    act: String,
}

/// A button of the cashier.
pub(crate) async fn act(State(world): State<Arc<World>>, Form(act): Form<Act>) -> Response {
    let found = world
        .book()
        .get(&act.account, &act.channel_order_no)
        .cloned();
    let Some(Memory::Alipay(own)) = found.as_ref().map(|order| &order.memory) else {
        return trouble("ACQ.TRADE_NOT_EXIST");
    };
    let address = match act.act.as_str() {
        "pay" => match world.pay(OrderRef::of(&act.account, &act.channel_order_no), now_ms()) {
            Ok(order) => back(&world, &order),
            Err(_) => return trouble("ACQ.TRADE_HAS_SUCCESS"),
        },
        _ => own
            .quit_url
            .clone()
            .or_else(|| Some(own.return_url.clone())),
    };
    match address.filter(|address| !address.is_empty()) {
        Some(address) => (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response(),
        None => Html(page("支付宝收银台", "", "<h1>支付成功</h1>")).into_response(),
    }
}

/// return_url with the signed parameters of docs/reference/alipay.md, Orders; no state among them.
fn back(world: &World, order: &Order) -> Option<String> {
    let merchant = world.keys.alipay.named(&order.account)?;
    let return_url = &order.alipay()?.return_url;
    let mut pairs: Vec<(String, String)> = [
        ("charset", "utf-8".to_owned()),
        ("out_trade_no", order.channel_order_no.clone()),
        ("method", format!("{}.return", order.trade_type)),
        ("total_amount", plain_yuan(order.amount)),
        ("trade_no", trade_no(order).to_owned()),
        ("auth_app_id", merchant.app_id.clone()),
        ("version", "1.0".to_owned()),
        ("app_id", merchant.app_id.clone()),
        ("sign_type", "RSA2".to_owned()),
        ("seller_id", merchant.seller_id.clone()),
        ("timestamp", beijing_time(now_ms())),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    let sign = merchant
        .alipay
        .sign(text(&pairs, &["sign", "sign_type"]).as_bytes());
    pairs.push(("sign".to_owned(), sign));
    let query: Vec<_> = pairs
        .iter()
        .map(|(k, v)| format!("{k}={}", encode(v)))
        .collect();
    let mark = if return_url.contains('?') { '&' } else { '?' };
    Some(format!("{return_url}{mark}{}", query.join("&")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_deadline_is_minutes_hours_days_or_the_days_end() {
        let midnight_ms = from_beijing_time("2026-11-23 00:00:00").unwrap();
        let now_ms = from_beijing_time("2026-11-22 22:30:00").unwrap();
        assert_eq!(express_end_ms("90m", now_ms), Some(midnight_ms));
        assert_eq!(express_end_ms("2h", now_ms), Some(now_ms + 7_200_000));
        assert_eq!(express_end_ms("1c", now_ms), Some(midnight_ms));
        assert_eq!(
            express_end_ms("15d", now_ms),
            Some(now_ms + DEFAULT_LIFE_MS)
        );
        for wrong in ["", "m", "0m", "16d", "2c", "1.5h", "90", "9é"] {
            assert_eq!(express_end_ms(wrong, now_ms), None, "{wrong}");
        }
    }
}
