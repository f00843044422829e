//! The fields of a call and their MD5 sign (docs/forecore.md): every field but
//! `sign`, empty and unknown ones too.

use crate::text::pairs_of;
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, PercentEncode, utf8_percent_encode};
use serde_json::Value;
use std::collections::BTreeMap;

/// Names and values, as they are signed.
pub(crate) type Fields = BTreeMap<String, String>;

/// A call's fields: the query's and the body's; the body's value holds.
pub(crate) fn fields(query: &str, body: &[u8]) -> Option<Fields> {
    let mut fields: Fields = pairs_of(query).into_iter().collect();
    let text = std::str::from_utf8(body).ok()?;
    if !text.trim_start().starts_with('{') {
        fields.extend(pairs_of(text));
        return Some(fields);
    }
    let members: BTreeMap<String, Value> = serde_json::from_str(text).ok()?;
    for (name, value) in members {
        let value = match value {
            Value::String(text) => text,
            Value::Number(number) => javascript(&number.to_string()),
            Value::Null => String::new(),
            _ => return None,
        };
        fields.insert(name, value);
    }
    Some(fields)
}

/// A number as JavaScript prints it: `1.0` is `1`.
fn javascript(number: &str) -> String {
    if number.contains('.') {
        number
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_owned()
    } else {
        number.to_owned()
    }
}

/// Yuan as JavaScript prints them: `1`, `14.27`.
pub(crate) fn yuan(fen: i64) -> String {
    javascript(&crate::text::plain_yuan(fen))
}

/// The sign over all fields but `sign`.
pub(crate) fn sign(fields: &Fields, key: &str) -> String {
    let mut pairs: Vec<_> = fields.iter().filter(|(name, _)| *name != "sign").collect();
    pairs.sort_by_key(|(name, _)| name.encode_utf16().collect::<Vec<_>>());
    let joined: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    hex::encode(Md5::digest(format!("{key}{}", joined.join("&"))))
}

/// As node's querystring escapes.
fn escaped(value: &str) -> PercentEncode<'_> {
    const BARE: &AsciiSet = &crate::text::BARE
        .remove(b'!')
        .remove(b'\'')
        .remove(b'(')
        .remove(b')')
        .remove(b'*');
    utf8_percent_encode(value, BARE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_example_is_reproduced() {
        let query = "outOrderId=abc123&money=1.00&partnerId=p001&type=WECHATPAYH5&currency=USD";
        let fields = fields(query, b"").unwrap();
        assert_eq!(sign(&fields, "123456"), "a90a66d09bde8a32725c9efde082fae1");
    }

    #[test]
    fn query_form_and_json_are_one_and_the_body_holds() {
        let json = br#"{"money":1.00,"cents":14.270,"n":null,"count":10,"t":"1.00"}"#;
        let fields = fields("money=2&a=x%20y", json).unwrap();
        let expected = [
            ("a", "x y"),
            ("cents", "14.27"),
            ("count", "10"),
            ("money", "1"),
            ("n", ""),
            ("t", "1.00"),
        ];
        let fields: Vec<_> = fields
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        assert_eq!(fields, expected);
        assert!(super::fields("", br#"{"a":[1]}"#).is_none());
    }

    #[test]
    fn yuan_are_written_as_javascript_does() {
        let written = [100, 1_427, 50, 1_000].map(yuan);
        assert_eq!(written, ["1", "14.27", "0.5", "10"]);
    }
}
