//! Query and refund, by a merchant's server (sections 4.7 and 4.8).

use super::keys::{Keys, QUERY_GAP_S};
use super::{UNPAID, broken, get, is_digits, is_of};
use crate::book::{Order, Stage};
use crate::clock::now_ms;
use crate::fault::{self, Fault, Kind, On};
use crate::refund::Refund;
use crate::text::{beijing_time, pairs_of};
use crate::world::{Asked, World};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use std::sync::{Arc, PoisonError};

pub(super) const PAID: [&str; 7] = [
    "merid",
    "orderno",
    "amount",
    "currencycode",
    "transdate",
    "transtype",
    "status",
];
pub(super) const REFUNDED: [&str; 7] = [
    "MerID",
    "ProcessDate",
    "TransType",
    "OrderId",
    "RefundAmout",
    "Status",
    "Priv1",
];
/// The status of a refund that came to nothing.
const FAILED: &str = "8";
const PRIV_OF_REFUND_MAX: usize = 40;

/// The values of these names, one after the other.
pub(super) fn signed(pairs: &[(String, String)], names: &[&str]) -> String {
    names.iter().map(|name| get(pairs, name)).collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

/// What notify, page return and query say of an order; the signature is missing.
pub(super) fn fields(keys: &Keys, order: &Order, status: &str) -> Vec<(String, String)> {
    let own = order.chinapay();
    owned(&[
        ("merid", &keys.mer_id),
        ("orderno", &order.channel_order_no),
        ("transdate", own.map_or("", |own| &own.day)),
        ("amount", &format!("{:012}", order.amount)),
        ("currencycode", "156"),
        ("transtype", "0001"),
        ("status", status),
        ("GateId", "8607"),
        ("Priv1", own.map_or("", |own| &own.priv1)),
    ])
}

/// What is said of a refund; the signature is missing.
pub(super) fn refund_fields(
    keys: &Keys,
    order: &Order,
    refund: &Refund,
    status: &str,
) -> Vec<(String, String)> {
    owned(&[
        ("ResponseCode", "0"),
        ("MerID", &keys.mer_id),
        ("ProcessDate", &day(refund.at_ms)),
        (
            "SendTime",
            &beijing_time(refund.at_ms)[11..].replace(':', ""),
        ),
        ("TransType", kind_of(order, refund)),
        ("OrderId", &order.channel_order_no),
        ("RefundAmout", &format!("{:012}", refund.amount)),
        ("Status", status),
        ("Priv1", &refund.out_refund_no),
    ])
}

/// `yyyyMMdd` on Beijing's clocks.
pub(super) fn day(at_ms: i64) -> String {
    beijing_time(at_ms)[..10].replace('-', "")
}

/// The one line of an answer, in a page.
fn page(line: &str) -> Response {
    Html(format!(
        "<html>\r\n<body>\r\n{line}\r\n</body>\r\n</html>\r\n"
    ))
    .into_response()
}

fn trouble(name: &str, code: &str) -> Response {
    page(&format!("{name}={code}&Message=see the code"))
}

fn line(code: &str, pairs: &[(String, String)]) -> String {
    let pairs: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
    format!("{code}{}", pairs.join("&"))
}

/// A signed answer, or as a fault spoils it.
async fn respond(
    world: &World,
    code: &str,
    mut pairs: Vec<(String, String)>,
    names: &[&str],
    sign: &str,
    fault: Option<Fault>,
) -> Response {
    if let Some(instead) = fault::instead(fault).await {
        return instead;
    }
    let keys = &world.keys.chinapay;
    let text = signed(&pairs, names);
    let value = match fault.map(|fault| fault.kind) {
        Some(Kind::Error) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Some(Kind::BadSignature | Kind::Signtest) => keys.gateway.sign("something else"),
        Some(Kind::UnknownSerial) => keys.merchant.sign(&text),
        _ => keys.gateway.sign(&text),
    };
    // Answers have no time: an old one is one for another order.
    if fault.is_some_and(|f| matches!(f.kind, Kind::Corrupt | Kind::OldTimestamp)) {
        for (name, value) in &mut pairs {
            if matches!(name.as_str(), "amount" | "RefundAmout") {
                "000000000001".clone_into(value);
            }
        }
    }
    pairs.push((sign.to_owned(), value));
    page(&line(code, &pairs))
}

fn found(world: &World, number: &str, on: &str) -> Option<Order> {
    let book = world.book();
    let found = book.get(&world.keys.chinapay.name, number);
    found.filter(|order| is_of(order, on)).cloned()
}

/// `/QueryWeb/processQuery.jsp`.
pub(super) async fn query(State(world): State<Arc<World>>, body: String) -> Response {
    let pairs = pairs_of(&body);
    let keys = &world.keys.chinapay;
    let (number, on) = (get(&pairs, "OrdId"), get(&pairs, "TransDate"));
    let text = signed(&pairs, &["MerId", "TransDate", "OrdId", "TransType"]);
    let proved = keys.merchant.verifies(&text, get(&pairs, "ChkValue"));
    let checks = [
        ("101", get(&pairs, "MerId") == keys.mer_id),
        ("104", get(&pairs, "TransType") == "0001"),
        ("203", proved),
    ];
    if let Some(code) = broken(checks) {
        return trouble("ResponeseCode", code);
    }
    let now_ms = now_ms();
    let before_ms = {
        let mut asked = world.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(format!("{on}{number}"), now_ms)
    };
    if before_ms.is_some_and(|before_ms| now_ms - before_ms < QUERY_GAP_S * 1000) {
        return trouble("ResponeseCode", "305");
    }
    let fault = world.faults.take(On::Query);
    if let Some(instead) = fault::before(fault) {
        return instead;
    }
    if fault.is_some_and(|fault| fault.kind == Kind::RateLimit) {
        return trouble("ResponeseCode", "305");
    }
    let Some(order) = found(&world, number, on) else {
        if let Some(instead) = fault::instead(fault).await {
            return instead;
        }
        return trouble("ResponeseCode", "307");
    };
    let status = match order.state_at(now_ms) {
        Stage::Success | Stage::Refund => "1001",
        _ => UNPAID,
    };
    let pairs = fields(keys, &order, status);
    respond(
        &world,
        "ResponeseCode=0&",
        pairs,
        &PAID,
        "checkvalue",
        fault,
    )
    .await
}

/// What ChinaPay's own demo sends for a refund: of the whole or a part, the first or not.
fn refund_type(is_part: bool, follows: bool) -> &'static str {
    match (is_part, follows) {
        (false, false) => "0002",
        (true, false) => "0102",
        (false, true) => "0012",
        (true, true) => "0112",
    }
}

/// The type of a refund that was taken.
fn kind_of(order: &Order, refund: &Refund) -> &'static str {
    let mut taken = order.refunds_taken();
    let follows = taken.any(|one| one.at_ms < refund.at_ms);
    refund_type(refund.amount != order.amount, follows)
}

/// `/refund/SingleRefund.jsp`.
pub(super) async fn refund(State(world): State<Arc<World>>, body: String) -> Response {
    let pairs = pairs_of(&body);
    let keys = &world.keys.chinapay;
    let names = [
        "MerID",
        "TransDate",
        "TransType",
        "OrderId",
        "RefundAmount",
        "Priv1",
    ];
    let text = signed(&pairs, &names);
    let (number, sum) = (get(&pairs, "OrderId"), get(&pairs, "RefundAmount"));
    let priv1 = get(&pairs, "Priv1");
    let proved = keys.merchant.verifies(&text, get(&pairs, "ChkValue"));
    let checks = [
        ("101", get(&pairs, "MerID") == keys.mer_id),
        (
            "104",
            ["0002", "0102", "0012", "0112"].contains(&get(&pairs, "TransType")),
        ),
        ("110", get(&pairs, "Version") == "20070129"),
        ("111", get(&pairs, "ReturnURL").starts_with("http")),
        ("116", is_digits(sum, 12)),
        ("117", (1..=PRIV_OF_REFUND_MAX).contains(&priv1.len())),
        ("203", proved),
    ];
    if let Some(code) = broken(checks) {
        return trouble("ResponseCode", code);
    }
    let fault = world.faults.take(On::Refund);
    if let Some(instead) = fault::before(fault) {
        return instead;
    }
    if fault.is_some_and(|fault| fault.kind == Kind::RateLimit) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Some(order) = found(&world, number, get(&pairs, "TransDate")) else {
        return trouble("ResponseCode", "402");
    };
    if order.refund(priv1).is_some() {
        return trouble("ResponseCode", "205");
    }
    let amount = sum.parse().unwrap_or(0);
    if order.paid_ms.is_some() && amount > order.refundable() {
        return trouble("ResponseCode", "123");
    }
    // The demo's four types: of the whole, of a part, and each where another went before.
    let kind = refund_type(
        amount != order.amount,
        order.refunds_taken().next().is_some(),
    );
    match (get(&pairs, "TransType"), kind) {
        (said, kind) if said == kind => {}
        ("0002" | "0012", "0102" | "0112") => return trouble("ResponseCode", "121"),
        ("0102" | "0112", "0002" | "0012") => return trouble("ResponseCode", "122"),
        _ => return trouble("ResponseCode", "205"),
    }
    let asked = Asked {
        number: priv1,
        amount,
        notify_url: Some(get(&pairs, "ReturnURL").to_owned()),
        ..Asked::default()
    };
    let made = match fault.map(|fault| fault.kind) {
        Some(Kind::RefundFails) => world.stick((&order).into(), asked, FAILED, now_ms()),
        _ => world.refund((&order).into(), asked, now_ms()),
    };
    let Ok((_, refund)) = made else {
        return trouble("ResponseCode", "402");
    };
    let pairs = refund_fields(keys, &order, &refund, "1");
    respond(&world, "", pairs, &REFUNDED, "CheckValue", fault).await
}
