//! `/forecore/*` for partners (docs/forecore.md): by GET, form POST and JSON POST; every
//! answer is JSON with HTTP status 200, an error is a text in `err`.

use super::{body, respond};
use crate::state::State;
use axum::body::Body;
use axum::extract;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use checkout::{Failure, ListedRefund, OrderInfo, Ordered, PartnerFailure, PartnerRefund};
use payment::errcode::ErrCode;
use payment::forecore::{Fields, yuan};
use payment::pairs::body_text;
use payment::rate::Rate;
use payment::refusal::Refusal;
use serde_json::{Map, Value, json};

/// No documented body is longer.
const BODY_BYTES_MAX: usize = 64 << 10;

/// `/forecore/order`.
pub(super) async fn order(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let ordered = async {
        let fields = read(&parts, body).await?;
        state.checkout.partner_orders(&fields).await
    };
    answer("order", ordered.await.map(ordered_json))
}

/// `/forecore/queryOrder`.
pub(super) async fn query_order(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let asked = async {
        let fields = read(&parts, body).await?;
        state.checkout.partner_asks(&fields).await
    };
    answer("queryOrder", asked.await.map(info_json))
}

/// `/forecore/refund`.
pub(super) async fn refund(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let refunded = async {
        let fields = read(&parts, body).await?;
        state.checkout.partner_refunds(&fields).await
    };
    answer("refund", refunded.await.map(refund_json))
}

/// `/forecore/exchangeRate`.
pub(super) async fn exchange_rate(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let rate = async {
        let fields = read(&parts, body).await?;
        state.checkout.partner_rate(&fields).await
    };
    answer("exchangeRate", rate.await.map(rate_json))
}

/// Query and body together; the body's value holds where both have a name.
async fn read(parts: &Parts, body: Body) -> Result<Fields, Refusal> {
    if !matches!(parts.method, Method::GET | Method::POST) {
        return Err(Refusal::malformed("the method", "GET or POST"));
    }
    let fields = Fields::from_query(parts.uri.query().unwrap_or_default())?;
    if parts.method == Method::GET {
        return Ok(fields);
    }
    let body = body::read(body, BODY_BYTES_MAX).await;
    let body = body.ok_or_else(|| Refusal::malformed("body", "at most 64 KB"))?;
    let media = parts.headers.get(CONTENT_TYPE);
    let media = media
        .and_then(|media| media.to_str().ok())
        .unwrap_or_default();
    let body = match Media::of(media) {
        Some(Media::Json) => Fields::from_json(&body)?,
        None if !body.is_empty() => {
            let form = "application/x-www-form-urlencoded or application/json";
            return Err(Refusal::malformed("Content-Type", form));
        }
        Some(Media::Form) | None => Fields::from_query(body_text(&body)?.trim())?,
    };
    Ok(fields.overlaid(body))
}

/// How a body is written.
enum Media {
    Form,
    Json,
}

impl Media {
    /// What a Content-Type header says; old clients send none with a form.
    fn of(header: &str) -> Option<Self> {
        let header = header.to_ascii_lowercase();
        match () {
            () if header.contains("json") => Some(Self::Json),
            () if header.is_empty() || header.contains("x-www-form-urlencoded") => Some(Self::Form),
            () => None,
        }
    }
}

fn ordered_json(ordered: Ordered) -> Map<String, Value> {
    object(json!({
        "result": "ok",
        "outOrderId": ordered.out_order_id,
        "orderId": ordered.order_id,
        "url": ordered.url,
        "sign": ordered.sign,
    }))
}

fn info_json(info: OrderInfo) -> Map<String, Value> {
    let order = &info.order.order;
    object(json!({
        "result": "ok",
        "outOrderId": order.out_order_id,
        "orderId": info.order.order_id,
        // Old clients read this name.
        "_id": info.order.order_id,
        "money": number(order.money.minor()),
        "received": info.received.map_or_else(|| json!(-1), number),
        "currency": order.money.currency().code(),
        "status": info.status,
        "refunds": info.refunds.iter().map(listed_json).collect::<Vec<_>>(),
    }))
}

fn listed_json(refund: &ListedRefund) -> Value {
    json!({
        "trans_no": refund.trans_no,
        "out_refund_no": refund.out_refund_no,
        "money": number(refund.minor),
        "trans_status": refund.status,
    })
}

fn refund_json(refund: PartnerRefund) -> Map<String, Value> {
    object(json!({
        "result": "ok",
        "trans_no": refund.trans_no,
        "out_order_no": refund.out_order_id,
        "out_refund_no": refund.out_refund_no,
        "trans_status": refund.status,
    }))
}

fn rate_json(rate: Rate) -> Map<String, Value> {
    let exact = serde_json::from_str(&rate.to_string()).unwrap_or(Value::Null);
    object(json!({"result": "ok", "exchange_rate": exact}))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// A sum in yuan as a JSON number, its text exact.
fn number(minor: i64) -> Value {
    serde_json::from_str(&yuan(minor)).unwrap_or(Value::Null)
}

fn answer(call: &str, done: Result<Map<String, Value>, PartnerFailure>) -> Response {
    match done {
        Ok(object) => json_answer(object),
        Err(failure) => {
            tracing::info!(call, cause = %failure, "a partner's call is refused");
            refused(&failure)
        }
    }
}

/// An error as partners read it.
pub(super) fn refused(failure: &PartnerFailure) -> Response {
    let mut response = json_answer(refused_json(failure));
    if let PartnerFailure::Other(Failure::TooMany { wait_s }) = failure {
        respond::retry_after(&mut response, *wait_s);
    }
    response
}

fn json_answer(object: Map<String, Value>) -> Response {
    let json = Value::Object(object).to_string();
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response()
}

/// What is not refused for good has an errcode beside the text: a program sees that
/// the call may be done, and is to be repeated with the same values.
fn refused_json(failure: &PartnerFailure) -> Map<String, Value> {
    let mut refused = object(json!({"result": "error", "err": text(failure)}));
    let code = match failure {
        PartnerFailure::Other(Failure::Internal(_)) => Some(ErrCode::Internal),
        PartnerFailure::Other(Failure::TooMany { .. }) => Some(ErrCode::TooMany),
        PartnerFailure::Parked => Some(ErrCode::InProgress),
        _ => None,
    };
    if let Some(code) = code {
        refused.insert("errcode".to_owned(), code.code().into());
    }
    refused
}

/// What a person reads: what was wrong and what to do; causes of our own stay out.
fn text(failure: &PartnerFailure) -> String {
    match failure {
        PartnerFailure::Other(failure) => failure.text(payment::lang::Lang::En),
        told => told.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_done_has_an_errcode_and_what_is_refused_has_none() {
        let internal = Failure::Internal("the key is 123".to_owned());
        let told = refused_json(&internal.into());
        assert_eq!(told["errcode"], "10099");
        assert!(!told["err"].to_string().contains("123"));
        assert_eq!(refused_json(&PartnerFailure::Parked)["errcode"], "10017");
        let refused = refused_json(&PartnerFailure::TooMuch(Some(1)));
        assert!(refused["err"].is_string() && !refused.contains_key("errcode"));
    }
}
