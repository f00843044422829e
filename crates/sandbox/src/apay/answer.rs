//! Answers: HTTP 200 and JSON, whatever they say.

use super::sign::{Fields, sign};
use crate::fault::{self, Fault, Kind};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// Names that are JSON numbers in answers and JSON notifies.
const NUMBERS: [&str; 3] = ["money", "received", "exchange_rate"];

/// `err`, as text.
pub(super) fn refused(err: &str) -> Response {
    let fields = [("result", "error"), ("err", err)];
    let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
    respond(&Fields::from(fields))
}

/// The same, once a call was proved: as a fault spoils it.
pub(super) async fn bad(err: &str, fault: Option<Fault>) -> Response {
    let instead = fault::instead(fault).await;
    instead.unwrap_or_else(|| refused(err))
}

/// Fields as a JSON object; sums are numbers.
pub(super) fn json(fields: &Fields) -> String {
    let member = |(name, value): (&String, &String)| {
        let value = if NUMBERS.contains(&name.as_str()) {
            value.clone()
        } else {
            Value::from(value.as_str()).to_string()
        };
        format!("{}:{value}", Value::from(name.as_str()))
    };
    let members: Vec<_> = fields.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}

fn respond(fields: &Fields) -> Response {
    ([(CONTENT_TYPE, "application/json")], json(fields)).into_response()
}

/// A good answer, or as a fault spoils it; signed where there is a key.
pub(super) async fn good(mut fields: Fields, key: Option<&str>, fault: Option<Fault>) -> Response {
    if let Some(instead) = fault::instead(fault).await {
        return instead;
    }
    let kind = fault.map(|fault| fault.kind);
    match kind {
        Some(Kind::Error) => return (StatusCode::INTERNAL_SERVER_ERROR, "{}").into_response(),
        Some(Kind::RateLimit) => return (StatusCode::TOO_MANY_REQUESTS, "{}").into_response(),
        // As it hands on what it caught.
        Some(Kind::Caught) => {
            let caught = r#"{"result":"error","err":{"code":"ETIMEDOUT","errno":-110}}"#;
            return ([(CONTENT_TYPE, "application/json")], caught).into_response();
        }
        _ => {}
    }
    if let Some(key) = key {
        let key = match kind {
            Some(Kind::BadSignature | Kind::Signtest | Kind::UnknownSerial) => "another key",
            _ => key,
        };
        let sign = sign(&fields, key);
        fields.insert("sign".to_owned(), sign);
    }
    fields.insert("result".to_owned(), "ok".to_owned());
    match (kind, key) {
        // Answers have no time: an old one is one for another order.
        (Some(Kind::OldTimestamp), _) => spoil(&mut fields, "outOrderId"),
        (Some(Kind::Corrupt), Some(_)) => spoil(&mut fields, "url"),
        // What is not signed came over TLS: it breaks off, and is not changed.
        (Some(Kind::Corrupt), None) => {
            let whole = json(&fields);
            let cut = whole.get(..whole.len() / 2).unwrap_or_default().to_owned();
            return ([(CONTENT_TYPE, "application/json")], cut).into_response();
        }
        _ => {}
    }
    respond(&fields)
}

fn spoil(fields: &mut Fields, name: &str) {
    let value = fields.entry(name.to_owned()).or_default();
    value.push('0');
}
