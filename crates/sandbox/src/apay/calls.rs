//! The four calls of a partner's server (docs/forecore.md).

use super::answer::{bad, good, refused};
use super::sign::{Fields, fields, sign, yuan};
use crate::book::{Order, Stage};
use crate::clock::now_ms;
use crate::fault::{self, Fault, Kind, On};
use crate::keys::{digits, hex};
use crate::memory::{self, Memory};
use crate::refund::Refund;
use crate::text::yuan_text;
use crate::world::{Asked, Cannot, World};
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

/// A payer has this long, ms.
const LIFE_MS: i64 = 7_200_000;
const TYPES: [&str; 3] = ["WECHATPAYH5", "ALIPAYH5", "UNIONPAYH5"];
const CURRENCIES: [&str; 3] = ["CNY", "USD", "CAD"];

type TheWorld = State<Arc<World>>;

/// The fields of a call that is signed by the partner; else what is wrong with it.
fn proved(world: &World, query: Option<String>, body: &[u8]) -> Result<Fields, &'static str> {
    let partner = &world.keys.apay.partner;
    let fields = fields(&query.unwrap_or_default(), body);
    let fields = fields.ok_or("the parameters can't be read")?;
    let value = |name: &str| fields.get(name).map_or("", String::as_str);
    match () {
        () if value("sign").is_empty() => Err("no sign"),
        () if value("partnerId").is_empty() => Err("no partnerId"),
        () if value("partnerId") != partner.partner_id => Err("no such partner"),
        () if value("sign") != sign(&fields, &partner.key) => Err("wrong sign"),
        () => Ok(fields),
    }
}

/// The fields of a signed call, and the fault that it meets; else what is answered.
fn begun(
    world: &World,
    query: Option<String>,
    body: &[u8],
    on: On,
) -> Result<(Fields, Option<Fault>), Box<Response>> {
    let fields = proved(world, query, body).map_err(|err| Box::new(refused(err)))?;
    let fault = world.faults.take(on);
    match fault::before(fault) {
        Some(instead) => Err(Box::new(instead)),
        None => Ok((fields, fault)),
    }
}

fn owned<const N: usize>(pairs: [(&str, &str); N]) -> Fields {
    Fields::from(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

/// `/forecore/order`.
pub(super) async fn order(
    State(world): TheWorld,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let (fields, fault) = match begun(&world, query, &body, On::Create) {
        Ok(begun) => begun,
        Err(answer) => return *answer,
    };
    let order = match made(&world, &fields, fault) {
        Ok(order) => order,
        Err(err) => return bad(err, fault).await,
    };
    let answer = owned([
        ("outOrderId", out_order_id(&order)),
        ("orderId", order_id(&order)),
        ("url", &order.code_url),
        ("money", &yuan(order.amount)),
        ("currency", &order.currency),
    ]);
    good(answer, Some(&world.keys.apay.partner.key), fault).await
}

/// The order of these fields. Such gateways let a number pass again: it is a second order,
/// and queries find the first.
fn made(world: &World, fields: &Fields, fault: Option<Fault>) -> Result<Order, &'static str> {
    let keys = &world.keys.apay;
    let now_ms = now_ms();
    let value = |name: &str| fields.get(name).map_or("", String::as_str);
    let web = |name: &str| value(name).starts_with("http");
    let fen = yuan_text(value("money")).filter(|fen| *fen > 0);
    let fen = fen.ok_or("money must be positive yuan with at most two decimals")?;
    let checks = [
        ("outOrderId is missing", !value("outOrderId").is_empty()),
        (
            "currency is not one of ours",
            CURRENCIES.contains(&value("currency")),
        ),
        ("cb_url is no address", web("cb_url")),
        ("return_url is no address", web("return_url")),
        ("userId is missing", !value("userId").is_empty()),
        // Without it the payer chooses.
        (
            "type is not one of ours",
            value("type").is_empty() || TYPES.contains(&value("type")),
        ),
    ];
    if let Some((err, _)) = checks.iter().find(|(_, good)| !good) {
        return Err(err);
    }
    let mut book = world.book();
    let order_id = format!("A{now_ms}{}", digits(8));
    let out_order_id = value("outOrderId").to_owned();
    let number = match book.get(&keys.partner.name, &out_order_id) {
        Some(_) => format!("{out_order_id} as {order_id}"),
        None => out_order_id.clone(),
    };
    let order = Order {
        trade_type: value("type").to_owned(),
        description: format!("合作商 {}", keys.partner.partner_id),
        // It may change the sum a little, so that sums in flight differ.
        amount: match fault.map(|fault| (fault.kind, i64::try_from(fault.ms))) {
            Some((Kind::WrongAmount, Ok(other))) => other,
            Some((Kind::MoreAmount, Ok(more))) => fen.saturating_add(more),
            _ => fen,
        },
        currency: value("currency").to_owned(),
        notify_url: value("cb_url").to_owned(),
        code_url: format!("{}/pay?order={order_id}", keys.base),
        expires_ms: now_ms + LIFE_MS,
        ..Order::fresh(
            Memory::Apay(memory::Apay {
                order_id,
                out_order_id,
                return_url: value("return_url").to_owned(),
                closed: BTreeMap::new(),
            }),
            &keys.partner.name,
            &number,
            now_ms,
        )
    };
    book.put(order.clone());
    Ok(order)
}

/// Apay's own number of an order.
pub(super) fn order_id(order: &Order) -> &str {
    order.apay().map_or("", |own| &own.order_id)
}

/// The partner's number of an order.
pub(super) fn out_order_id(order: &Order) -> &str {
    order.apay().map_or("", |own| &own.out_order_id)
}

fn found(world: &World, fields: &Fields) -> Result<Order, &'static str> {
    let number = fields.get("outOrderId").map_or("", String::as_str);
    let order = world
        .book()
        .get(&world.keys.apay.partner.name, number)
        .cloned();
    order.ok_or("无此订单")
}

/// `/forecore/queryOrder`; its answer is not signed.
pub(super) async fn query_order(
    State(world): TheWorld,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let (fields, fault) = match begun(&world, query, &body, On::Query) {
        Ok(begun) => begun,
        Err(answer) => return *answer,
    };
    let order = match found(&world, &fields) {
        Ok(order) => order,
        Err(err) => return bad(err, fault).await,
    };
    let mut sum = yuan(order.amount);
    let mut currency = order.currency.clone();
    match fault.map(|fault| (fault.kind, fault.ms)) {
        Some((Kind::WrongAmount, ms)) => sum = yuan(i64::try_from(ms).unwrap_or_default()),
        Some((Kind::WrongCurrency, _)) => currency = other_currency(&currency).to_owned(),
        Some((Kind::StrangeCurrency, _)) => "THB".clone_into(&mut currency),
        _ => {}
    }
    let is_paid = order.paid_ms.is_some();
    let answer = owned([
        ("outOrderId", out_order_id(&order)),
        ("orderId", order_id(&order)),
        ("_id", order_id(&order)),
        ("money", &sum),
        ("received", if is_paid { &sum } else { "-1" }),
        ("currency", &currency),
        ("status", status(&world, &order, now_ms())),
    ]);
    good(answer, None, fault).await
}

/// Another currency than this one.
pub(super) fn other_currency(currency: &str) -> &'static str {
    match currency {
        "USD" => "CNY",
        _ => "USD",
    }
}

fn status(world: &World, order: &Order, now_ms: i64) -> &'static str {
    if let Some(after_ms) = own_numbers(world, order)
        && let Some(last) = order.refunds.last()
    {
        return match after_ms {
            Some(after_ms) if now_ms >= last.at_ms + after_ms => "refund",
            _ => "complete",
        };
    }
    let closed = order.apay().map(|own| own.closed.values());
    let mut words = order
        .refunds
        .iter()
        .map(|refund| &refund.custom_id)
        .chain(closed.into_iter().flatten())
        .map(|word| trans_status(word, now_ms));
    match order.state_at(now_ms) {
        Stage::Success | Stage::Refund => match words.clone().any(|word| word == "REFUNDING") {
            true => "refunding",
            false if !order.refunds.is_empty() => "refund",
            false if words.any(|word| word == "CLOSE") => "refundclosed",
            false => "已支付",
        },
        Stage::Closed => "作废",
        _ => "待支付",
    }
}

/// How a refund stands, of what was noted when it was taken.
fn trans_status(noted: &Value, now_ms: i64) -> &'static str {
    match noted["until_ms"].as_i64() {
        Some(until_ms) if now_ms < until_ms => "REFUNDING",
        _ if noted["fails"] == true => "CLOSE",
        _ => "SUCCESS",
    }
}

/// `/forecore/refund`: known by its `out_refund_no`; one without gets one.
pub(super) async fn refund(
    State(world): TheWorld,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let (fields, fault) = match begun(&world, query, &body, On::Refund) {
        Ok(begun) => begun,
        Err(answer) => return *answer,
    };
    let (order, refund) = match refunded(&world, &fields, fault) {
        Ok(refunded) => refunded,
        Err(err) => return bad(err, fault).await,
    };
    let renames = own_numbers(&world, &order).is_some();
    let out_order_no = if renames {
        order_id(&order)
    } else {
        &order.channel_order_no
    };
    let answer = owned([
        ("trans_no", &refund.refund_id),
        ("out_order_no", out_order_no),
        ("out_refund_no", &refund.out_refund_no),
        ("trans_status", trans_status(&refund.custom_id, now_ms())),
    ]);
    good(answer, None, fault).await
}

fn refunded(
    world: &Arc<World>,
    fields: &Fields,
    fault: Option<Fault>,
) -> Result<(Order, Refund), &'static str> {
    let now_ms = now_ms();
    let order = found(world, fields)?;
    let value = |name: &str| fields.get(name).map_or("", String::as_str);
    let amount = yuan_text(value("money")).filter(|fen| *fen > 0);
    let amount = amount.ok_or("money must be positive yuan with at most two decimals")?;
    if order.paid_ms.is_none() {
        return Err("订单尚未支付");
    }
    let number = match value("out_refund_no") {
        "" => hex(24),
        number => number.to_owned(),
    };
    let until_ms = |ms: u64| now_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX));
    let noted = match fault {
        Some(Fault {
            kind: Kind::Pending,
            ms,
            ..
        }) => json!({"until_ms": until_ms(ms)}),
        Some(Fault {
            kind: Kind::RefundFails,
            ms,
            ..
        }) => {
            json!({"until_ms": until_ms(ms), "fails": true})
        }
        _ => Value::Null,
    };
    if own_numbers(world, &order).is_some() {
        // The number stays beside it, for whoever compares.
        let beside = json!({"number": number, "until_ms": noted["until_ms"]});
        let asked = Asked {
            number: &hex(24),
            amount,
            custom_id: beside,
            ..Asked::default()
        };
        let made = world.refund((&order).into(), asked, now_ms);
        return made.map_err(too_much);
    }
    let failed = order
        .apay()
        .and_then(|own| own.closed.get(&number).cloned());
    let known = order.refunds.iter().any(|old| old.out_refund_no == number);
    if failed.is_some() || (noted["fails"] == true && !known) {
        let refund = Refund {
            refund_id: format!("T{number}"),
            out_refund_no: number,
            amount,
            at_ms: now_ms,
            custom_id: failed.unwrap_or(noted),
            notify_url: None,
            state: None,
        };
        return fail(world, order, refund);
    }
    let asked = Asked {
        number: &number,
        amount,
        custom_id: noted,
        ..Asked::default()
    };
    let made = world.refund((&order).into(), asked, now_ms);
    made.map_err(too_much)
}

fn too_much(cannot: Cannot) -> &'static str {
    match cannot {
        Cannot::NotFound => "no such order",
        Cannot::Conflict => "the order has not so much to give back",
    }
}

/// Where the order's provider numbers refunds itself, as the original does
/// (docs/reference/apay.md, Refunds): in how many ms after a refund its status says so, if ever.
fn own_numbers(world: &World, order: &Order) -> Option<Option<i64>> {
    let forgotten = world.forgotten.lock();
    let forgotten = forgotten.unwrap_or_else(PoisonError::into_inner);
    let forgotten = forgotten.as_ref();
    let mine = forgotten.filter(|one| one.of_type == order.trade_type);
    mine.map(|one| one.status.as_i64())
}

/// A refund that was taken and comes to nothing: no money moves.
fn fail(world: &World, mut order: Order, refund: Refund) -> Result<(Order, Refund), &'static str> {
    if order.paid_ms.is_none() || order.refunded() + refund.amount > order.amount {
        return Err("the order has not so much to give back");
    }
    if let Memory::Apay(own) = &mut order.memory {
        let (number, noted) = (&refund.out_refund_no, &refund.custom_id);
        own.closed.insert(number.clone(), noted.clone());
    }
    world.book().put(order.clone());
    Ok((order, refund))
}

/// `/forecore/exchangeRate`: CNY for one of the currency.
pub(super) async fn exchange_rate(
    State(world): TheWorld,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let fields = match proved(&world, query, &body) {
        Ok(fields) => fields,
        Err(err) => return refused(err),
    };
    let value = |name: &str| fields.get(name).map_or("", String::as_str);
    if !matches!(value("payment"), "WECHATPAYH5" | "ALIPAYH5") {
        return refused("payment is not one of ours");
    }
    let rate = match value("currency") {
        "USD" => "7.012",
        "CAD" => "5.1",
        _ => return refused("no rate for this currency"),
    };
    good(owned([("exchange_rate", rate)]), None, None).await
}
