//! Proves a request by its Authorization header (docs/reference/wechat.md, Requests).

use super::answer::Answer;
use super::keys::{Keys, Merchant};
use axum::http::HeaderMap;
use serde_json::json;

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048 ";
const AGE_MAX_S: i64 = 300;
/// So much of a text that does not verify is shown again.
const SHOWN_MAX: usize = 256;

/// A request as it came.
pub(super) struct Asked<'a> {
    pub(super) method: &'a str,
    /// Path and query, raw.
    pub(super) target: &'a str,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

/// A request that is not proved: why, and the text that was to be signed, as far as it is
/// known.
pub(super) struct Unproved {
    pub(super) why: &'static str,
    text: String,
}

impl Unproved {
    /// The documented answer (docs/reference/wechat.md, Refusals).
    pub(super) fn answer(&self, asked: &Asked<'_>) -> Answer {
        let shown = self.text.floor_char_boundary(SHOWN_MAX);
        Answer::detailed(
            401,
            "SIGN_ERROR",
            self.why,
            &json!({
                "field": "signature",
                "issue": self.why,
                "location": "authorization",
                "sign_information": {
                    "method": asked.method,
                    "url": asked.target,
                    "truncated_sign_message": self.text.get(..shown),
                    "sign_message_length": self.text.len(),
                },
            }),
        )
    }
}

/// The merchant whose signature the request carries.
pub(super) fn verify<'k>(
    keys: &'k Keys,
    asked: &Asked<'_>,
    now_ms: i64,
) -> Result<&'k Merchant, Unproved> {
    let header = asked.headers.get("authorization");
    let header = header.and_then(|value| value.to_str().ok());
    let items = header.and_then(|header| header.strip_prefix(SCHEME));
    let item = |name: &str| {
        items?.split(',').find_map(|item| {
            // Base64 may hold `=`: the item is split at its first one only.
            let (key, value) = item.trim().split_once('=')?;
            (key == name).then(|| value.trim_matches('"'))
        })
    };
    let merchant = item("mchid").and_then(|mchid| keys.merchant(mchid));
    let (timestamp, nonce) = (item("timestamp"), item("nonce_str"));
    let (method, target) = (asked.method, asked.target);
    let text = format!(
        "{method}\n{target}\n{}\n{}\n{}\n",
        timestamp.unwrap_or_default(),
        nonce.unwrap_or_default(),
        String::from_utf8_lossy(asked.body),
    );
    let wrong = |why| {
        let text = text.clone();
        Err(Unproved { why, text })
    };
    if items.is_none() {
        return wrong("no Authorization");
    }
    let Some(known) = merchant else {
        return wrong("unknown mchid");
    };
    let serial = item("serial_no").unwrap_or_default();
    if !serial.eq_ignore_ascii_case(&known.file.serial) {
        return wrong("unknown serial_no");
    }
    let at_s: Option<i64> = timestamp.and_then(|at| at.parse().ok());
    if at_s.is_none_or(|at_s| (now_ms / 1000 - at_s).abs() > AGE_MAX_S) {
        return wrong("timestamp is no time, or too old");
    }
    if nonce.is_none_or(|nonce| nonce.is_empty() || nonce.len() > 32) {
        return wrong("nonce_str has 1 to 32 characters");
    }
    let signature = item("signature").unwrap_or_default();
    if !known.key.verifies(text.as_bytes(), signature) {
        return wrong("the signature does not verify");
    }
    Ok(known)
}

/// The header that a request lacks or that is wrong (docs/reference/wechat.md, Requests).
pub(super) fn wrong_header(asked: &Asked<'_>) -> Option<&'static str> {
    let value = |name: &str| {
        let value = asked.headers.get(name);
        value.and_then(|value| value.to_str().ok())
    };
    for needed in ["accept", "user-agent"] {
        if value(needed).is_none_or(str::is_empty) {
            return Some(needed);
        }
    }
    let kind = value("content-type").unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json");
    (asked.method == "POST" && !is_json).then_some("content-type")
}
