//! A business system's own SHA-1 sign, written from the document for the tests.

use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// The sign of these values under a secret.
pub(crate) fn sign(values: &[&str], secret: &str) -> String {
    let mut all: Vec<&str> = values
        .iter()
        .copied()
        .chain([secret])
        .filter(|v| !v.is_empty())
        .collect();
    all.sort_by_key(|value| value.encode_utf16().collect::<Vec<_>>());
    let digest = Sha1::digest(all.concat().as_bytes());
    hex::encode(digest)
}

/// A signed query string of these pairs.
pub(crate) fn signed(pairs: &[(&str, &str)], secret: &str) -> String {
    let values: Vec<&str> = pairs.iter().map(|(_, value)| *value).collect();
    unsigned(pairs, &sign(&values, secret))
}

/// A query string of these pairs under a sign that is given.
pub(crate) fn unsigned(pairs: &[(&str, &str)], sign: &str) -> String {
    let pair = |(name, value): &(&str, &str)| format!("{name}={}&", encode(value));
    format!("{}sign={sign}", pairs.iter().map(pair).collect::<String>())
}

/// A JSON body of these pairs with an HMAC for `purpose` (docs/signing.md).
pub(crate) fn hmac_body(purpose: &str, pairs: &[(&str, &str)], secret: &str) -> String {
    let mut pairs = pairs.to_vec();
    pairs.push(("signType", "HMAC-SHA256"));
    pairs.sort_unstable();
    let pair = |(name, value): &(&str, &str)| format!("{name}={}", encode(value));
    let text = pairs.iter().map(pair).collect::<Vec<_>>().join("&");
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("{purpose}\n{text}").as_bytes());
    let sign = mac.finalize().into_bytes();
    let sign = hex::encode(sign);
    let mut body: serde_json::Map<_, _> = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).into()))
        .collect();
    body.insert("sign".to_owned(), sign.into());
    serde_json::Value::Object(body).to_string()
}

fn encode(text: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let escape = |byte: u8| {
        if bare(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(escape).collect()
}
