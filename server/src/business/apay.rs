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
    let ordered = async {
        let fields = read(&parts, body).await?;
        apay::order(&state.checkout, &fields).await
    };
    answer("order", ordered.await.map(Ordered::json))
}

/// `/forecore/queryOrder`.
pub(super) async fn query_order(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let asked = async {
        let fields = read(&parts, body).await?;
        apay::query_order(&state.checkout, &fields).await
    };
    answer("queryOrder", asked.await.map(OrderInfo::json))
}

/// `/forecore/refund`.
pub(super) async fn refund(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let refunded = async {
        let fields = read(&parts, body).await?;
        apay::refund(&state.checkout, &fields).await
    };
    answer("refund", refunded.await.map(PartnerRefund::json))
}

/// `/forecore/exchangeRate`.
pub(super) async fn exchange_rate(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let rate = async {
        let fields = read(&parts, body).await?;
        apay::rate(&state.checkout, &fields).await
    };
    answer("exchangeRate", rate.await)
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

fn answer(call: &str, done: Result<Map<String, Value>, Failure>) -> Response {
    match done {
        Ok(object) => json_answer(object),
        Err(failure) => {
            tracing::info!(call, cause = failure.cause(), "a partner's call is refused");
            refused(&failure)
        }
    }
}

/// The answer for a call that is not done.
pub(crate) fn refused(failure: &Failure) -> Response {
    let mut response = json_answer(failure.json());
    if let Some(wait_s) = failure.wait_s() {
        respond::retry_after(&mut response, wait_s);
    }
    response
}

fn json_answer(object: Map<String, Value>) -> Response {
    let json = Value::Object(object).to_string();
    ([(CONTENT_TYPE, "application/json; charset=utf-8")], json).into_response()
}
