//! Proves a request by its Authorization header (section 1.3).

use super::keys::{Keys, Merchant};
use axum::http::HeaderMap;

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048 ";
const AGE_MAX_S: i64 = 300;

/// The merchant whose signature the request carries.
pub(super) fn verify<'k>(
    keys: &'k Keys,
    method: &str,
    target: &str,
    headers: &HeaderMap,
    body: &[u8],
    now_ms: i64,
) -> Result<&'k Merchant, &'static str> {
    let header = headers
        .get("authorization")
        .and_then(|value| value.to_str().ok());
    let items = header
        .and_then(|header| header.strip_prefix(SCHEME))
        .ok_or("no Authorization")?;
    let item = |name: &str| {
        items.split(',').find_map(|item| {
            let (key, value) = item.trim().split_once('=')?;
            (key == name).then(|| value.trim_matches('"'))
        })
    };
    for needed in ["accept", "user-agent"] {
        if headers.get(needed).is_none_or(|value| value.is_empty()) {
            return Err("Accept and User-Agent are required");
        }
    }
    let merchant = item("mchid")
        .and_then(|mchid| keys.merchant(mchid))
        .ok_or("unknown mchid")?;
    let serial = item("serial_no").ok_or("no serial_no")?;
    if !serial.eq_ignore_ascii_case(&merchant.file.serial) {
        return Err("unknown serial_no");
    }
    let (timestamp, nonce) = item("timestamp")
        .zip(item("nonce_str"))
        .ok_or("no timestamp or nonce")?;
    let at_s: i64 = timestamp.parse().map_err(|_| "timestamp is no number")?;
    if (now_ms / 1000 - at_s).abs() > AGE_MAX_S {
        return Err("timestamp is too old");
    }
    if nonce.is_empty() || nonce.len() > 32 {
        return Err("nonce_str has 1 to 32 characters");
    }
    let mut text = format!("{method}\n{target}\n{timestamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    // Base64 may hold `=`: the item was split at its first one only.
    let signature = item("signature").ok_or("no signature")?;
    if !merchant.key.verifies(&text, signature) {
        return Err("the signature does not verify");
    }
    Ok(merchant)
}
