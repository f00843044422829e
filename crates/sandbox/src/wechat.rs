//! WeChat Pay APIv3, the platform's side (docs/reference/wechat.md): every
//! request is verified over its raw target and body, every answer is signed.

mod answer;
mod authorization;
pub(crate) mod bridge;
mod calls;
pub(crate) mod keys;
pub(crate) mod notice;
pub(crate) mod oauth;
mod refunds;
pub(crate) mod sealed;
pub(crate) mod signed;

use crate::book::{Order, Stage};
use crate::clock::now_ms;
use crate::fault::{self, Fault, Kind, On};
use crate::refund::Refund;
use crate::text::rfc3339;
use crate::world::World;
use answer::Answer;
use authorization::Asked;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use keys::Mode;
use serde_json::{Value, json};
use signed::Misdeed;
use std::sync::Arc;

/// The one payer of the sandbox.
const PAYER: &str = "oSandboxPayer0000000000000001";
const BODY_BYTES_MAX: usize = 1 << 20;

/// Any call of the API.
pub(crate) async fn call(State(world): State<Arc<World>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let target = parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let method = parts.method.as_str();
    let asked = Asked {
        method,
        target,
        headers: &parts.headers,
        body: &body,
    };
    let proved = authorization::verify(&world.keys.wechat, &asked, now_ms());
    let merchant = match proved {
        Ok(merchant) => merchant,
        Err(unproved) => {
            let cause = unproved.why;
            tracing::warn!(http.method = method, cause, "a request does not verify");
            // Nothing is signed for somebody who may be anybody.
            let Answer { status, body } = unproved.answer(&asked);
            return written(status, body.into_bytes(), Vec::new());
        }
    };
    let mode = merchant.file.mode;
    if let Some(name) = authorization::wrong_header(&asked) {
        let answer = Answer::header(name, &parts.headers);
        return respond(&world, mode, &parts.headers, answer, None).await;
    }
    let fault = kind_of(method, parts.uri.path()).and_then(|on| world.faults.take(on));
    if let Some(instead) = fault::before(fault) {
        return instead;
    }
    let answer = calls::answer(&world, merchant, method, target, &body, fault, now_ms());
    respond(&world, mode, &parts.headers, answer, fault).await
}

/// The answer, signed; or as a fault spoils it, after the effect.
async fn respond(
    world: &World,
    mode: Mode,
    asked: &HeaderMap,
    mut answer: Answer,
    fault: Option<Fault>,
) -> Response {
    if let Some(instead) = fault::instead(fault).await {
        return instead;
    }
    match fault.map(|fault| fault.kind) {
        Some(Kind::Error) => answer = Answer::error(500, "SYSTEM_ERROR", "系统异常，请稍后重试"),
        Some(Kind::RateLimit) => answer = Answer::error(429, "FREQUENCY_LIMITED", "频率超限"),
        _ => {}
    }
    let misdeed = fault.map_or(Misdeed::None, |fault| Misdeed::of(fault.kind));
    let wished = asked
        .get("wechatpay-serial")
        .and_then(|value| value.to_str().ok());
    let headers = signed::headers(
        &world.keys.wechat,
        mode,
        wished,
        answer.body.as_bytes(),
        misdeed,
    );
    let Answer { status, body } = answer;
    let body = signed::spoiled(body.into_bytes(), misdeed);
    written(status, body, headers)
}

fn written(status: u16, body: Vec<u8>, headers: Vec<(&'static str, String)>) -> Response {
    let mut response = Response::builder()
        .status(status)
        .header("Content-Type", "application/json; charset=utf-8")
        .header("Request-ID", crate::random::random_text(24));
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(Body::from(body)).unwrap_or_default()
}

/// The transaction object of a query and of a notify (docs/reference/wechat.md, Query and close).
pub(crate) fn transaction(world: &World, order: &Order, now_ms: i64) -> Option<Value> {
    let merchant = world.keys.wechat.named(&order.account)?;
    let state = order.state_at(now_ms);
    let mut object = json!({
        "appid": merchant.file.appid,
        "mchid": merchant.file.mchid,
        "out_trade_no": order.channel_order_no,
        "trade_state": state,
        "trade_state_desc": state,
        "amount": {"total": order.amount, "currency": order.currency},
    });
    // It comes back once the order ended.
    let ended = !matches!(state, Stage::NotPay | Stage::PayError);
    if let Some(attach) = order.attach.as_ref().filter(|_| ended) {
        object["attach"] = json!(attach);
    }
    if let (Some(transaction_id), Some(paid_ms)) = (&order.transaction_id, order.paid_ms) {
        object["transaction_id"] = json!(transaction_id);
        object["trade_type"] = json!(order.trade_type);
        object["bank_type"] = json!("OTHERS");
        object["success_time"] = json!(rfc3339(paid_ms));
        object["payer"] = json!({"openid": PAYER});
        object["amount"]["payer_total"] = json!(order.amount);
        object["amount"]["payer_currency"] = json!(order.currency);
    }
    Some(object)
}

/// The content of a refund's notify (docs/reference/wechat.md, Notifies).
pub(crate) fn refund_notice(world: &World, order: &Order, refund: &Refund) -> Option<Value> {
    let merchant = world.keys.wechat.named(&order.account)?;
    let mut content = json!({
        "mchid": merchant.file.mchid,
        "out_trade_no": order.channel_order_no,
        "transaction_id": order.transaction_id,
        "out_refund_no": refund.out_refund_no,
        "refund_id": refund.refund_id,
        "refund_status": refund_state(refund),
        "user_received_account": "支付用户零钱",
        "amount": {
            "total": order.amount, "refund": refund.amount,
            "payer_total": order.amount, "payer_refund": refund.amount,
        },
    });
    if refund_state(refund) == "SUCCESS" {
        content["success_time"] = json!(rfc3339(refund.at_ms));
    }
    Some(content)
}

/// SUCCESS, or what a refund that is stuck waits in.
pub(crate) fn refund_state(refund: &Refund) -> &str {
    refund.state.as_deref().unwrap_or("SUCCESS")
}

/// Which kind of call a path is, for faults.
fn kind_of(method: &str, path: &str) -> Option<On> {
    match (method, path) {
        ("POST", path) if path.ends_with("/close") => Some(On::Close),
        ("POST", path) if path.starts_with("/v3/pay/transactions/") => Some(On::Create),
        ("GET", path) if path.starts_with("/v3/pay/transactions/") => Some(On::Query),
        (_, path) if path.starts_with("/v3/refund/") => Some(On::Refund),
        _ => None,
    }
}
