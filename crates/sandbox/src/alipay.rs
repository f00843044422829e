//! Alipay's OpenAPI, the gateway's side (docs/reference/alipay.md): every
//! request is verified over the union of query and body, every answer is signed
//! over its exact node.

mod calls;
mod cashier;
pub(crate) mod keys;
pub(crate) mod notice;
mod signed;

pub(crate) use cashier::act;

use crate::clock::now_ms;
use crate::fault::{self, Fault, Kind};
use crate::text::pairs_of;
use crate::world::World;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use calls::Answer;
use keys::Merchant;
use std::sync::Arc;

const BODY_BYTES_MAX: usize = 1 << 20;

/// `/alipay/gateway.do`, by GET and POST.
pub(crate) async fn gateway(State(world): State<Arc<World>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let mut pairs = pairs_of(parts.uri.query().unwrap_or_default());
    pairs.extend(pairs_of(&String::from_utf8_lossy(&body)));
    let method = signed::get(&pairs, "method").to_owned();
    let merchant = match signed::verify(&world.keys.alipay, &pairs, now_ms()) {
        Ok(merchant) => merchant,
        Err((code, sub_code)) => {
            tracing::warn!(method, sub_code, "a request does not verify");
            // The gateway can't tell whose request it is: the answer is not signed.
            return unsigned(&method, &Answer::error(code, sub_code));
        }
    };
    if method == "alipay.trade.page.pay" || method == "alipay.trade.wap.pay" {
        return cashier::open(&world, merchant, &pairs);
    }
    let fault = calls::kind_of(&method).and_then(|on| world.faults.take(on));
    if let Some(instead) = fault::before(fault) {
        return instead;
    }
    if !calls::is_method(&method) {
        return unsigned(&method, &Answer::error("40002", "isv.invalid-method"));
    }
    let kind = fault.map(|fault| fault.kind);
    let answer = calls::answer(&world, merchant, &method, &pairs, kind, now_ms());
    respond(merchant, &method, answer, fault).await
}

/// A failure of the gateway (docs/reference/alipay.md, Answers): in the node of the
/// method, where there is
/// such a method.
fn unsigned(method: &str, answer: &Answer) -> Response {
    let node = if calls::is_method(method) {
        format!("{}_response", method.replace('.', "_"))
    } else {
        "error_response".to_owned()
    };
    let body = format!("{{\"{node}\":{}}}", answer.node);
    ([(CONTENT_TYPE, "text/html;charset=utf-8")], body).into_response()
}

/// The answer, signed; or as a fault spoils it, after the effect.
async fn respond(
    merchant: &Merchant,
    method: &str,
    mut answer: Answer,
    fault: Option<Fault>,
) -> Response {
    let kind = fault.map(|fault| fault.kind);
    if let Some(instead) = fault::instead(fault).await {
        return instead;
    }
    match kind {
        Some(Kind::ErrorResponse) => {
            return unsigned("", &Answer::error("20000", "isp.unknow-error"));
        }
        Some(Kind::Error) => answer = Answer::error("20000", "aop.unknow-error"),
        Some(Kind::RateLimit) => answer = Answer::error("40005", "isv.app-call-limited"),
        _ => {}
    }
    let mut number = merchant.certified.as_ref().map(|numbers| &numbers.alipay);
    let sign = match kind {
        Some(Kind::BadSignature | Kind::Signtest) => merchant.alipay.sign(b"something else"),
        Some(Kind::UnknownSerial) => {
            number = merchant.certified.as_ref().map(|numbers| &numbers.app);
            merchant.key.sign(answer.node.as_bytes())
        }
        _ => merchant.alipay.sign(answer.node.as_bytes()),
    };
    let mut node = answer.node;
    // Answers have no time of their own: an old one is one for another order.
    if matches!(kind, Some(Kind::Corrupt | Kind::OldTimestamp)) {
        node = node.replacen("\"code\":\"", "\"code\":\"1", 1);
    }
    let name = method.replace('.', "_");
    let number = number.map(|number| format!("\"alipay_cert_sn\":\"{number}\","));
    let number = number.unwrap_or_default();
    let body = format!("{{\"{name}_response\":{node},{number}\"sign\":\"{sign}\"}}");
    ([(CONTENT_TYPE, "text/html;charset=utf-8")], body).into_response()
}
