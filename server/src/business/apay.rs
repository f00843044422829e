//! `/forecore/*` for partners (docs/forecore.md): by GET, form POST and JSON POST; every
//! answer is JSON with HTTP status 200, an error is a text in `err`.

use super::fields;
use crate::routes::respond;
use crate::state::State;
use axum::body::Body;
use axum::extract;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use doors::apay::{self, Failure, OrderInfo, Ordered, PartnerRefund};
use payment::errcode::ErrCode;
use payment::fields::Fields;
use serde_json::{Map, Value};

/// `/forecore/order`.
pub(super) async fn order(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    answer("order", &parts, body, async |fields| {
        let ordered = apay::order(&state.checkout, fields).await;
        ordered.map(Ordered::json)
    })
    .await
}

/// `/forecore/queryOrder`.
pub(super) async fn query_order(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    answer("queryOrder", &parts, body, async |fields| {
        let info = apay::query_order(&state.checkout, fields).await;
        info.map(OrderInfo::json)
    })
    .await
}

/// `/forecore/refund`.
pub(super) async fn refund(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    answer("refund", &parts, body, async |fields| {
        let refund = apay::refund(&state.checkout, fields).await;
        refund.map(PartnerRefund::json)
    })
    .await
}

/// `/forecore/exchangeRate`.
pub(super) async fn exchange_rate(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    answer("exchangeRate", &parts, body, async |fields| {
        apay::rate(&state.checkout, fields).await
    })
    .await
}

/// A path that there is not: JSON, as a partner's program reads it.
pub(super) async fn nowhere() -> Response {
    let err = Value::from("no such call: check the address");
    let mut response = respond::json(Map::from_iter([("err".to_owned(), err)]));
    *response.status_mut() = StatusCode::NOT_FOUND;
    response
}

/// Reads the fields of a call, has it done, and says what came of it.
async fn answer(
    call: &str,
    parts: &Parts,
    body: Body,
    done: impl AsyncFnOnce(&Fields) -> Result<Map<String, Value>, Failure>,
) -> Response {
    let read = fields::read(parts, body).await;
    let answer = match read.map(|(query, body)| query.overlaid(body)) {
        Ok(fields) => done(&fields).await,
        Err(refusal) => Err(refusal.into()),
    };
    match answer {
        Ok(object) => {
            checkout::answered("apay", ErrCode::Success.code());
            respond::json(object)
        }
        Err(failure) => {
            tracing::info!(call, cause = failure.cause(), "a partner's call is refused");
            refused(&failure)
        }
    }
}

/// The answer for a call that is not done.
pub(crate) fn refused(failure: &Failure) -> Response {
    let object = failure.json();
    // Most refusals have a text and no code.
    let errcode = object.get("errcode").and_then(Value::as_str);
    checkout::answered("apay", errcode.unwrap_or("none"));
    let mut response = respond::json(object);
    if let Some(wait_s) = failure.wait_s() {
        respond::retry_after(&mut response, wait_s);
    }
    response
}
