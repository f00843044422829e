//! `/forecore/*` for partners (docs/forecore.md): by GET, form POST and JSON POST; every
//! answer is JSON with HTTP status 200, an error is a text in `err`.

use crate::routes::{body, respond};
use crate::state::State;
use axum::body::Body;
use axum::extract;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use doors::apay::{self, Failure, OrderInfo, Ordered, PartnerRefund};
use payment::errcode::ErrCode;
use payment::forecore::Fields;
use payment::pairs::body_text;
use payment::refusal::Refusal;
use serde_json::{Map, Value};

/// No documented body is longer.
const BODY_BYTES_MAX: usize = 64 << 10;

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

/// Reads the fields of a call, has it done, and says what came of it.
async fn answer(
    call: &str,
    parts: &Parts,
    body: Body,
    done: impl AsyncFnOnce(&Fields) -> Result<Map<String, Value>, Failure>,
) -> Response {
    let answer = match read(parts, body).await {
        Ok(fields) => done(&fields).await,
        Err(refusal) => Err(refusal.into()),
    };
    match answer {
        Ok(object) => {
            checkout::answered("apay", ErrCode::Success.code());
            json_answer(object)
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
    let mut response = json_answer(object);
    if let Some(wait_s) = failure.wait_s() {
        respond::retry_after(&mut response, wait_s);
    }
    response
}

fn json_answer(object: Map<String, Value>) -> Response {
    let json = Value::Object(object).to_string();
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response()
}
