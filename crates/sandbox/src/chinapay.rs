//! ChinaPay's old interface, the gateway's side (docs/reference/chinapay.md):
//! the bank page that a signed form opens, queries, refunds and notifies.

mod calls;
pub(crate) mod keys;
pub(crate) mod notice;

use crate::book::{Order, Stage};
use crate::clock::now_ms;
use crate::memory::{self, Memory, Stuck};
use crate::text::{html, page, pairs_of, yuan};
use crate::world::World;
use axum::Router;
use axum::extract::{Form, RawQuery, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get as by_get, post};
use keys::Keys;
use serde::Deserialize;
use std::sync::Arc;

/// A payer has this long, ms.
const LIFE_MS: i64 = 3_600_000;
const ADDRESS_MAX: usize = 80;
const PRIV_MAX: usize = 60;
/// The status of what is not paid: any that is not told of something done.
const UNPAID: &str = "2000";

/// Everything under `/chinapay`.
pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/pay/TransGet", by_get(opened).post(posted))
        .route("/pay/act", post(act))
        .route("/QueryWeb/processQuery.jsp", post(calls::query))
        .route("/refund/SingleRefund.jsp", post(calls::refund))
}

fn get<'a>(pairs: &'a [(String, String)], name: &str) -> &'a str {
    let found = pairs.iter().find(|(key, _)| key == name);
    found.map_or("", |(_, value)| value.as_str())
}

fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
}

async fn opened(State(world): State<Arc<World>>, RawQuery(query): RawQuery) -> Response {
    open(&world, &pairs_of(&query.unwrap_or_default()))
}

async fn posted(State(world): State<Arc<World>>, body: String) -> Response {
    open(&world, &pairs_of(&body))
}

/// A payer comes with a signed form.
fn open(world: &World, pairs: &[(String, String)]) -> Response {
    let (keys, now_ms) = (&world.keys.chinapay, now_ms());
    if let Some(wrong) = wrong(keys, pairs, now_ms) {
        tracing::warn!(field = wrong, "a form does not hold");
        return trouble(wrong);
    }
    let number = get(pairs, "OrdId");
    let sign = get(pairs, "ChkValue");
    let mut book = world.book();
    let order = match book.get(&keys.name, number).cloned() {
        // The same form, opened again by a payer who went back.
        Some(old) if old.fields == sign => old,
        Some(old) if is_of(&old, get(pairs, "TransDate")) => return trouble("OrdId: 205"),
        _ => {
            let order = fresh(keys, pairs, now_ms);
            book.put(order.clone());
            order
        }
    };
    match order.state_at(now_ms) {
        Stage::NotPay | Stage::PayError => Html(bank(&order)).into_response(),
        _ => trouble("OrdId: 205"),
    }
}

/// The first field that is not of its form.
fn wrong(keys: &Keys, pairs: &[(String, String)], now_ms: i64) -> Option<&'static str> {
    let value = |name: &str| get(pairs, name);
    let address = |name: &str| value(name).starts_with("http") && value(name).len() <= ADDRESS_MAX;
    let common = [
        "MerId",
        "OrdId",
        "TransAmt",
        "CuryId",
        "TransDate",
        "TransType",
    ];
    let version = value("Version");
    let names: Vec<&str> = match version {
        "20040916" => common.to_vec(),
        "20070129" => [&common[..], &["Priv1"]].concat(),
        "20100304" => [&common[..], &["Priv1", "ClientIp"]].concat(),
        "20141120" => {
            let more = ["Version", "BgRetUrl", "PageRetUrl", "GateId", "Priv1"];
            [&common[..], &more[..]].concat()
        }
        _ => return Some("Version"),
    };
    let bound = matches!(version, "20040916" | "20141120") && keys.mer_id.starts_with("808080");
    let number = value("OrdId");
    let number_fits = is_digits(number, 16) && (!bound || number[4..9] == keys.mer_id[10..]);
    let checks = [
        ("MerId", value("MerId") == keys.mer_id),
        ("OrdId", number_fits),
        (
            "TransAmt",
            is_digits(value("TransAmt"), 12) && value("TransAmt").contains(|c| c != '0'),
        ),
        ("CuryId", value("CuryId") == "156"),
        ("TransDate", value("TransDate") == calls::day(now_ms)),
        ("TransType", value("TransType") == "0001"),
        ("BgRetUrl", address("BgRetUrl")),
        ("PageRetUrl", address("PageRetUrl")),
        ("GateId", matches!(value("GateId").len(), 0 | 4)),
        ("Priv1", value("Priv1").len() <= PRIV_MAX),
    ];
    if let Some(name) = broken(checks) {
        return Some(name);
    }
    let text = calls::signed(pairs, &names);
    let proved = keys.merchant.verifies(&text, value("ChkValue"));
    (!proved).then_some("ChkValue")
}

/// The name of the first rule that does not hold.
fn broken<'a>(rules: impl IntoIterator<Item = (&'a str, bool)>) -> Option<&'a str> {
    let mut rules = rules.into_iter();
    rules.find(|(_, holds)| !holds).map(|(name, _)| name)
}

/// Whether the order was made on this day.
fn is_of(order: &Order, day: &str) -> bool {
    order.chinapay().is_some_and(|own| own.day == day)
}

fn fresh(keys: &Keys, pairs: &[(String, String)], now_ms: i64) -> Order {
    Order {
        trade_type: "0001".to_owned(),
        description: format!("商户 {}", keys.mer_id),
        amount: get(pairs, "TransAmt").parse().unwrap_or_default(),
        notify_url: get(pairs, "BgRetUrl").to_owned(),
        fields: get(pairs, "ChkValue").to_owned(),
        expires_ms: now_ms + LIFE_MS,
        ..Order::fresh(
            Memory::ChinapayOld(memory::Chinapay {
                day: get(pairs, "TransDate").to_owned(),
                priv1: get(pairs, "Priv1").to_owned(),
                page_ret_url: get(pairs, "PageRetUrl").to_owned(),
                stuck: Stuck::new(),
            }),
            &keys.name,
            get(pairs, "OrdId"),
            now_ms,
        )
    }
}

fn bank(order: &Order) -> String {
    let number = html(&order.channel_order_no);
    let body = format!(
        "<h1>银联 ChinaPay（沙箱）</h1><section class=\"card\" data-order=\"{number}\"><div>{}</div>\
         <div class=\"amount\">{}</div><p class=\"small\">{number}</p>\
         <form method=\"post\" action=\"/chinapay/pay/act\">\
         <input type=\"hidden\" name=\"orderno\" value=\"{number}\">\
         <button name=\"act\" value=\"pay\">支付</button>\
         <button class=\"quiet\" name=\"act\" value=\"cancel\">取消</button>\
         </form></section>",
        html(&order.description),
        yuan(order.amount),
    );
    page("ChinaPay", "", &body)
}

fn trouble(what: &str) -> Response {
    let body = format!("<h1 class=\"bad\">交易错误</h1><p>{}</p>", html(what));
    Html(page("ChinaPay", "", &body)).into_response()
}

#[derive(Deserialize)]
struct Act {
    orderno: String,
    act: String,
}

/// A button of the bank page: the payer's browser takes the result back.
async fn act(State(world): State<Arc<World>>, Form(act): Form<Act>) -> Response {
    let keys = &world.keys.chinapay;
    let found = world.book().get(&keys.name, &act.orderno).cloned();
    let Some(order) = found else {
        return trouble("OrdId: 307");
    };
    let status = match act.act.as_str() {
        "pay" => match world.pay((&order).into(), now_ms()) {
            Ok(_) => "1001",
            Err(_) => return trouble("OrdId: 205"),
        },
        _ => UNPAID,
    };
    let mut pairs = calls::fields(keys, &order, status);
    let text = calls::signed(&pairs, &calls::PAID);
    pairs.push(("checkvalue".to_owned(), keys.gateway.sign(&text)));
    let inputs: String = pairs
        .iter()
        .map(|(name, value)| {
            let (name, value) = (html(name), html(value));
            format!("<input type=\"hidden\" name=\"{name}\" value=\"{value}\">")
        })
        .collect();
    let url = order.chinapay().map_or("", |own| &own.page_ret_url);
    let body = format!(
        "<h1>正在返回商户</h1><form id=\"back\" method=\"post\" action=\"{}\">{inputs}\
         <button>返回商户</button></form>\
         <script>document.getElementById('back').submit()</script>",
        html(url)
    );
    Html(page("ChinaPay", "", &body)).into_response()
}
