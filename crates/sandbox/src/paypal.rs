//! PayPal's REST API, the gateway's side (docs/reference/paypal.md): access
//! tokens, Orders v2, Payments v2, webhooks and the page on which payers approve.

mod checkout;
pub(crate) mod keys;
pub(crate) mod notice;
mod orders;
mod refunds;
mod sums;

use crate::clock::now_ms;
use crate::fault::{self, Fault, Kind, On};
use crate::keys::upper;
use crate::memory::PaypalAnswer as Answer;
use crate::random::random_text;
use crate::text::pairs_of;
use crate::world::World;
use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Path, Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

const BODY_BYTES_MAX: usize = 1 << 20;
const TOKEN_LIFE_MS: i64 = 32_400_000;
/// The one payer of the sandbox.
const PAYER: &str = "SANDBXPAYER22";
/// A request id has at most this many characters.
const REQUEST_ID_MAX: usize = 108;

impl Answer {
    fn new(status: u16, mut body: Value) -> Self {
        leave_out_nulls(&mut body);
        Self { status, body }
    }

    /// The documented shape of a refusal.
    fn refused(status: u16, name: &str, issue: &str) -> Self {
        let details = match issue {
            "" => json!([]),
            issue => json!([{"issue": issue, "description": describe(issue)}]),
        };
        Self::new(
            status,
            json!({
                "name": name, "message": name, "debug_id": debug_id(),
                "details": details, "links": [],
            }),
        )
    }

    fn unprocessable(issue: &str) -> Self {
        Self::refused(422, "UNPROCESSABLE_ENTITY", issue)
    }

    /// The same, of a field of the body: a JSON pointer, and what stands there.
    fn at(mut self, body: &Value, field: &str) -> Self {
        let value = body.pointer(field).cloned().unwrap_or_default();
        let value = match value {
            Value::String(text) => text,
            Value::Null => String::new(),
            other => other.to_string(),
        };
        let detail = &mut self.body["details"][0];
        detail["field"] = json!(field);
        detail["value"] = json!(value);
        detail["location"] = json!("body");
        self
    }

    fn is_done(&self) -> bool {
        self.status < 300
    }

    fn not_found() -> Self {
        Self::refused(404, "RESOURCE_NOT_FOUND", "INVALID_RESOURCE_ID")
    }
}

/// What an object was not given it does not name.
fn leave_out_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, member| !member.is_null());
            members.values_mut().for_each(leave_out_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(leave_out_nulls),
        _ => {}
    }
}

/// An issue in words.
fn describe(issue: &str) -> String {
    let words = issue.to_lowercase().replace('_', " ");
    format!("The request was refused: {words}.")
}

fn debug_id() -> String {
    random_text(13).to_lowercase()
}

/// Everything under `/paypal`.
pub(crate) fn routes() -> Router<Arc<World>> {
    Router::new()
        .route("/v1/oauth2/token", post(token))
        .route("/certs/{name}", get(certificate))
        .route(
            "/v1/notifications/verify-webhook-signature",
            post(notice::verify),
        )
        .route("/checkoutnow", get(checkout::open))
        .route("/act", post(checkout::act))
        .fallback(call)
}

async fn token(State(world): State<Arc<World>>, parts: Parts, body: Bytes) -> Response {
    let merchant = &world.keys.paypal.merchant;
    let wanted = format!("{}:{}", merchant.client_id, merchant.client_secret);
    let wanted = format!("Basic {}", STANDARD.encode(wanted));
    let grant = pairs_of(&String::from_utf8_lossy(&body));
    let grant = grant.iter().find(|(name, _)| name == "grant_type");
    let (status, answer) = if header(&parts, AUTHORIZATION.as_str()) != wanted {
        let why = "Client Authentication failed";
        (
            401,
            json!({"error": "invalid_client", "error_description": why}),
        )
    } else if grant.is_none_or(|(_, value)| value != "client_credentials") {
        (400, json!({"error": "unsupported_grant_type"}))
    } else {
        let token = format!("A21AA{}", random_text(92));
        lock(&world.paypal.tokens).insert(token.clone(), now_ms() + TOKEN_LIFE_MS);
        let answer = json!({
            "scope": "https://uri.paypal.com/services/payments/payment",
            "access_token": token, "token_type": "Bearer", "app_id": "APP-80W284485P519543T",
            "expires_in": TOKEN_LIFE_MS / 1000, "nonce": random_text(20),
        });
        (200, answer)
    };
    written(&Answer::new(status, answer))
}

/// The webhook certificate, under whatever name it is asked for.
async fn certificate(State(world): State<Arc<World>>, Path(name): Path<String>) -> Response {
    if !name.starts_with("CERT-") {
        return StatusCode::NOT_FOUND.into_response();
    }
    let pem = world.keys.paypal.certificate.clone();
    ([(CONTENT_TYPE, "application/x-x509-ca-cert")], pem).into_response()
}

/// A call of the API.
async fn call(State(world): State<Arc<World>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, BODY_BYTES_MAX).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let path: Vec<&str> = parts.uri.path().trim_matches('/').split('/').collect();
    let call = Call::of(&parts.method, &path);
    let fault = call.as_ref().and_then(|call| world.faults.take(call.on()));
    if let Some(instead) = fault::before(fault) {
        return instead;
    }
    if let Err(answer) = allowed(&world, &parts.headers, fault) {
        return written(&answer);
    }
    let Some(call) = call else {
        return written(&Answer::not_found());
    };
    if call.changes() && !is_json(&parts.headers) {
        return written(&Answer::refused(415, "UNSUPPORTED_MEDIA_TYPE", ""));
    }
    let answer = once(&world, &parts, &call, &body, fault);
    respond(answer, fault).await
}

/// The calls that there are.
enum Call {
    Create,
    Order(String),
    Capture(String),
    CaptureShown(String),
    Refund(String),
    RefundShown(String),
}

impl Call {
    fn of(method: &Method, path: &[&str]) -> Option<Self> {
        let get = method == Method::GET;
        let post = method == Method::POST;
        Some(match *path {
            ["v2", "checkout", "orders"] if post => Self::Create,
            ["v2", "checkout", "orders", id] if get => Self::Order(id.to_owned()),
            ["v2", "checkout", "orders", id, "capture"] if post => Self::Capture(id.to_owned()),
            ["v2", "payments", "captures", id] if get => Self::CaptureShown(id.to_owned()),
            ["v2", "payments", "captures", id, "refund"] if post => Self::Refund(id.to_owned()),
            ["v2", "payments", "refunds", id] if get => Self::RefundShown(id.to_owned()),
            _ => return None,
        })
    }

    fn on(&self) -> On {
        match self {
            Self::Create => On::Create,
            Self::Order(_) | Self::CaptureShown(_) => On::Query,
            Self::Capture(_) => On::Capture,
            Self::Refund(_) | Self::RefundShown(_) => On::Refund,
        }
    }

    fn changes(&self) -> bool {
        matches!(self, Self::Create | Self::Capture(_) | Self::Refund(_))
    }
}

/// Whether a body is said to be JSON, also where there is none.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = value(headers, CONTENT_TYPE.as_str()).split(';').next();
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

fn allowed(world: &World, headers: &HeaderMap, fault: Option<Fault>) -> Result<(), Answer> {
    let mut tokens = lock(&world.paypal.tokens);
    if fault.is_some_and(|fault| fault.kind == Kind::TokenExpired) {
        tokens.clear();
    }
    let given = value(headers, AUTHORIZATION.as_str());
    let until = given
        .strip_prefix("Bearer ")
        .and_then(|token| tokens.get(token));
    if until.is_some_and(|until| now_ms() < *until) {
        return Ok(());
    }
    Err(Answer::refused(401, "AUTHENTICATION_FAILURE", ""))
}

/// Does the work of a request id once; the same again answers the same.
fn once(
    world: &Arc<World>,
    parts: &Parts,
    call: &Call,
    body: &[u8],
    fault: Option<Fault>,
) -> Answer {
    let request_id = header(parts, "paypal-request-id");
    let whole = header(parts, "prefer").contains("return=representation");
    if !call.changes() {
        return done(world, call, &Value::Null, "", whole, fault);
    }
    if request_id.len() > REQUEST_ID_MAX {
        return Answer::refused(400, "INVALID_REQUEST", "INVALID_STRING_LENGTH");
    }
    let asked = match body {
        [] => Ok(json!({})),
        body => serde_json::from_slice(body),
    };
    let Ok(asked) = asked else {
        return Answer::refused(400, "INVALID_REQUEST", "MALFORMED_REQUEST_JSON");
    };
    let under = format!("{} {asked}", parts.uri.path());
    let mut answers = lock(&world.paypal.answers);
    match answers.get(request_id) {
        Some((before, _)) if *before != under => {
            return Answer::unprocessable("PAYPAL_REQUEST_ID_PREVIOUSLY_USED");
        }
        Some((_, answer)) => {
            return Answer {
                status: if answer.is_done() { 200 } else { answer.status },
                ..answer.clone()
            };
        }
        None => {}
    }
    let answer = done(world, call, &asked, request_id, whole, fault);
    // A refusal too is the answer of this id from now on.
    if !request_id.is_empty() {
        answers.insert(request_id.to_owned(), (under, answer.clone()));
    }
    answer
}

fn done(
    world: &Arc<World>,
    call: &Call,
    asked: &Value,
    request_id: &str,
    whole: bool,
    fault: Option<Fault>,
) -> Answer {
    let now_ms = now_ms();
    match call {
        Call::Create => orders::create(world, asked, request_id, whole, now_ms),
        Call::Order(id) => orders::order(world, id, now_ms),
        Call::Capture(id) => {
            match fault.map(|fault| fault.kind) {
                Some(Kind::Lags) => return Answer::unprocessable("ORDER_NOT_APPROVED"),
                Some(Kind::Denied) => return Answer::unprocessable("PAYMENT_DENIED"),
                _ => {}
            }
            let held = fault.filter(|fault| fault.kind == Kind::Pending);
            let held = held.map(|fault| fault.reason);
            orders::capture(world, id, held, whole, now_ms)
        }
        Call::CaptureShown(id) => orders::shown_capture(world, id),
        Call::Refund(id) => {
            let wish = refunds::Wish {
                request_id,
                whole,
                trouble: fault.and_then(|fault| refunds::trouble(fault.kind)),
            };
            refunds::refund(world, id, asked, wish, now_ms)
        }
        Call::RefundShown(id) => refunds::shown(world, id),
    }
}

/// The answer, or as a fault spoils it, after the effect.
async fn respond(answer: Answer, fault: Option<Fault>) -> Response {
    if let Some(instead) = fault::instead(fault).await {
        return instead;
    }
    match fault.map(|fault| fault.kind) {
        Some(Kind::Error) => written(&Answer::refused(500, "INTERNAL_SERVER_ERROR", "")),
        Some(Kind::RateLimit) => written(&Answer::refused(429, "RATE_LIMIT_REACHED", "")),
        // Answers carry no signature: what is spoiled is no JSON any more.
        Some(Kind::Corrupt | Kind::BadSignature) => {
            let body = answer.body.to_string();
            (StatusCode::OK, body[1..].to_owned()).into_response()
        }
        _ => written(&answer),
    }
}

fn written(answer: &Answer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let headers = [
        (CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("paypal-debug-id", debug_id()),
    ];
    (status, headers, answer.body.to_string()).into_response()
}

fn header<'a>(parts: &'a Parts, name: &str) -> &'a str {
    value(&parts.headers, name)
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    let value = headers.get(name);
    value
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An id as PayPal makes them: 17 letters and digits.
fn id() -> String {
    upper(17)
}
