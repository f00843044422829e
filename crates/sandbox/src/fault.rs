//! Misbehaviour on demand, and what it does to an answer.

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a fault applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum On {
    Create,
    Query,
    Close,
    Refund,
    /// The taking of what a payer approved.
    Capture,
    Notify,
    /// The exchange of a code for an openid.
    Oauth,
    Any,
}

/// How it misbehaves; after the effect where nothing else is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// The connection closes; a notify is never sent.
    Drop,
    /// The request is lost: the connection closes, before the effect.
    Lost,
    /// Nobody has time: an unsigned 503, before the effect.
    Busy,
    /// A notify is never sent, and not tried again.
    Never,
    /// The answer, or notify, comes `ms` late.
    Delay,
    /// HTTP 500, signed; at Alipay code 20000.
    Error,
    /// Apay hands on what it caught, after the effect: its provider did not answer.
    Caught,
    /// A signature that is not ours.
    BadSignature,
    /// WeChat's own probe of bad signatures.
    Signtest,
    /// Signed 301 s ago.
    OldTimestamp,
    /// Alipay's failure of its gateway: `error_response`, unsigned.
    ErrorResponse,
    /// A serial that nobody knows.
    UnknownSerial,
    /// A gateway's error page.
    #[serde(rename = "unsigned_502")]
    Unsigned502,
    /// A notify comes twice at once.
    Duplicate,
    /// A notify waits for the next one, and comes after it.
    Reorder,
    /// One byte of the body is changed after signing.
    Corrupt,
    /// HTTP 429, signed.
    RateLimit,
    /// A notify comes as JSON.
    Json,
    /// A notify, or an answer of Apay, names another sum: `ms` fen. On `create` Apay
    /// makes the order with that sum.
    WrongAmount,
    /// Apay makes the order with `ms` fen more.
    MoreAmount,
    /// A notify, or an answer of Apay, names another currency.
    WrongCurrency,
    /// A notify names a currency that the merchant has nothing to do with.
    StrangeCurrency,
    /// A notify names another merchant.
    WrongMerchant,
    /// A notify names another app id.
    WrongApp,
    /// A capture is held back for a `reason` until `/control/pay` or
    /// `/control/decline` ends it; a refund is on its way for `ms`, at WeChat with 0
    /// until `/control/finish-refund`.
    Pending,
    /// A refund is taken, and fails later.
    RefundFails,
    /// A refund waits for a person at the merchant platform (WeChat's ABNORMAL).
    Abnormal,
    /// The merchant's balance is too short for a refund, before the effect.
    NotEnough,
    /// The merchant may not give back (WeChat's NO_AUTH), before the effect.
    NoAuth,
    /// A refund is taken, and its answer refuses it (WeChat's INVALID_REQUEST).
    Disowned,
    /// The payer disputes the payment: PayPal refuses a refund, before the effect.
    Disputed,
    /// A capture comes before PayPal knows everywhere that the payer approved it.
    Lags,
    /// PayPal declines to take the payer's money, for good.
    Denied,
    /// The access token is withdrawn, before the effect.
    TokenExpired,
    /// The payer looks at a snapshot of the page.
    Snapshot,
}

/// Why a capture is held back, in PayPal's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(crate) enum PendingReason {
    BuyerComplaint,
    Chargeback,
    Echeck,
    InternationalWithdrawal,
    Other,
    #[default]
    PendingReview,
    ReceivingPreferenceMandatesManualAction,
    Refunded,
    TransactionApprovedAwaitingFunding,
    Unilateral,
    VerificationRequired,
}

/// A fault as the control interface takes it.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Fault {
    pub(crate) on: On,
    pub(crate) kind: Kind,
    #[serde(default, alias = "amount")]
    pub(crate) ms: u64,
    #[serde(default = "once")]
    pub(crate) times: u32,
    /// Why a capture is held back.
    #[serde(default)]
    pub(crate) reason: PendingReason,
}

fn once() -> u32 {
    1
}

impl Fault {
    /// One that comes once.
    pub(crate) fn once(on: On, kind: Kind, ms: u64) -> Self {
        Self {
            on,
            kind,
            ms,
            times: once(),
            reason: PendingReason::default(),
        }
    }
}

/// What comes in place of the effect and its answer.
pub(crate) fn before(fault: Option<Fault>) -> Option<Response> {
    match fault?.kind {
        Kind::Lost => Some(dropped()),
        Kind::Busy => {
            Some((StatusCode::SERVICE_UNAVAILABLE, "<html>503 Busy</html>").into_response())
        }
        _ => None,
    }
}

/// What comes in place of any channel's answer; where the fault is a delay the
/// answer comes after it.
pub(crate) async fn instead(fault: Option<Fault>) -> Option<Response> {
    let fault = fault?;
    match fault.kind {
        Kind::Drop => Some(dropped()),
        Kind::Unsigned502 => {
            Some((StatusCode::BAD_GATEWAY, "<html>502 Bad Gateway</html>").into_response())
        }
        Kind::Delay => {
            tokio::time::sleep(Duration::from_millis(fault.ms)).await;
            None
        }
        _ => None,
    }
}

/// A body that breaks off: the caller sees a lost connection.
fn dropped() -> Response {
    let broken = Bytes::from_static(b"");
    let mut response = Response::new(Body::from(broken));
    *response.status_mut() = StatusCode::OK;
    // More is announced than comes, so that the connection breaks.
    response
        .headers_mut()
        .insert("content-length", HeaderValue::from_static("10"));
    response
}
