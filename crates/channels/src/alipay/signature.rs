//! What is signed: requests, notifies, and the node of an answer (sections 3.2,
//! 3.4, 3.6).

use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The text of a request's signature: all values but `sign` that are not empty,
/// by name, as they are before they are escaped.
#[must_use]
pub fn request_text(pairs: &[(String, String)]) -> String {
    joined(pairs, &["sign"])
}

/// The text of a notify's signature: `sign_type` is left out too.
#[must_use]
pub fn notify_text(pairs: &[(String, String)]) -> String {
    joined(pairs, &["sign", "sign_type"])
}

fn joined(pairs: &[(String, String)], left_out: &[&str]) -> String {
    let mut kept: Vec<_> = pairs
        .iter()
        .filter(|(name, value)| !value.is_empty() && !left_out.contains(&name.as_str()))
        .collect();
    kept.sort();
    let pair = |(name, value): &(String, String)| format!("{name}={value}");
    kept.into_iter().map(pair).collect::<Vec<_>>().join("&")
}

/// The exact characters of an answer's node, which its signature covers, and the
/// signature. The first node of the name counts.
#[must_use]
pub fn answer_node(raw: &str, node: &str) -> Option<AnswerNode> {
    let mut deserializer = serde_json::Deserializer::from_str(raw);
    let found = deserializer.deserialize_map(Nodes { node }).ok()?;
    Some(AnswerNode {
        text: found.node?,
        sign: found.sign,
        certificate_sn: found.certificate_sn,
    })
}

/// The signed part of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnswerNode {
    /// Its exact characters.
    pub text: String,
    /// The signature over them.
    pub sign: Option<String>,
    /// The certificate that signed, in certificate mode.
    pub certificate_sn: Option<String>,
}

#[derive(Default)]
struct Found {
    node: Option<String>,
    sign: Option<String>,
    certificate_sn: Option<String>,
}

struct Nodes<'a> {
    node: &'a str,
}

impl<'de> Visitor<'de> for Nodes<'_> {
    type Value = Found;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let mut found = Found::default();
        while let Some(name) = map.next_key::<String>()? {
            if name == self.node && found.node.is_none() {
                let value: Box<RawValue> = map.next_value()?;
                found.node = Some(value.get().to_owned());
            } else if name == "sign" && found.sign.is_none() {
                found.sign = Some(map.next_value()?);
            } else if name == "alipay_cert_sn" && found.certificate_sn.is_none() {
                found.certificate_sn = Some(map.next_value()?);
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_requests_text_is_sorted_and_raw() {
        let pairs = [
            ("method", "alipay.trade.query"),
            ("biz_content", r#"{"out_trade_no":"A1"}"#),
            ("sign", "x"),
            ("return_url", ""),
            ("sign_type", "RSA2"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(
            request_text(&pairs),
            r#"biz_content={"out_trade_no":"A1"}&method=alipay.trade.query&sign_type=RSA2"#
        );
        assert!(!notify_text(&pairs).contains("sign_type"));
    }
}
