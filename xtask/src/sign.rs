//! The HMAC form of the sign, and a partner's MD5, as they are written from the
//! documents.

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use sha2::Sha256;

/// What a sign is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Pay,
    Query,
    Refund,
    Close,
}

impl Purpose {
    fn word(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Query => "query",
            Self::Refund => "refund",
            Self::Close => "close",
        }
    }
}

/// `values` with signType and sign.
pub(crate) fn signed(
    purpose: Purpose,
    values: &[(&str, &str)],
    secret: &str,
) -> Vec<(String, String)> {
    let mut all = values.to_vec();
    all.push(("signType", "HMAC-SHA256"));
    all.sort_unstable();
    let pairs: Vec<String> = all
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    let text = format!("{}\n{}", purpose.word(), pairs.join("&"));
    let sign = hmac(secret, &text);
    let mut pairs: Vec<(String, String)> = all
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    pairs.push(("sign".to_owned(), sign));
    pairs
}

/// A partner's fields with their sign (docs/forecore.md). None of ours holds a
/// character that its escaping leaves bare and ours does not.
pub(crate) fn md5_signed(fields: &[(&str, &str)], key: &str) -> Vec<(String, String)> {
    let mut pairs: Vec<(String, String)> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    pairs.sort_unstable();
    let digest = Md5::digest(format!("{key}{}", query(&pairs)).as_bytes());
    let sign = hex::encode(digest);
    pairs.push(("sign".to_owned(), sign));
    pairs
}

/// Pairs as a JSON object of texts.
pub(crate) fn json(pairs: &[(String, String)]) -> String {
    let object: Map<String, Value> = pairs
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().into()))
        .collect();
    Value::Object(object).to_string()
}

/// Pairs as a query string or a form's body.
pub(crate) fn query(pairs: &[(String, String)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}

/// The pairs of a query string, decoded.
pub(crate) fn pairs(query: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect()
}

/// As RFC 3986 has it.
pub(crate) fn escape(text: &str) -> String {
    const BARE: AsciiSet = NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    utf8_percent_encode(text, &BARE).to_string()
}

fn hmac(secret: &str, text: &str) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sign_of(purpose: Purpose, values: &[(&str, &str)]) -> String {
        let pairs = signed(purpose, values, "demo-secret");
        pairs.last().unwrap().1.clone()
    }

    #[test]
    fn the_documents_golden_values_are_reproduced() {
        let pay = [
            ("domainCode", "demo"),
            ("requestKey", "D1-0000000000001"),
            ("requestChannel", "1"),
            ("money", "12345"),
            ("info", "耳机 A+B~"),
            ("currencyType", "CNY"),
            ("bgUrl", "http://127.0.0.1:3002/callback"),
        ];
        assert_eq!(
            sign_of(Purpose::Pay, &pay),
            "fc6f4ab4115cb778256fabd08d507b588c702ddbcc1df3901013c96f362899c4"
        );
        let refund = [
            ("domainCode", "demo"),
            ("requestKey", "D1-0000000000001"),
            ("refundKey", "R1"),
            ("refundMoney", "100"),
        ];
        assert_eq!(
            sign_of(Purpose::Refund, &refund),
            "433955e2566e7e918b0108f352e339376fa26c7fdaa1681fef3fc6a5cf847217"
        );
    }

    #[test]
    fn the_partners_documents_example_is_reproduced() {
        let fields = [
            ("outOrderId", "abc123"),
            ("money", "1.00"),
            ("partnerId", "p001"),
            ("type", "WECHATPAYH5"),
            ("currency", "USD"),
        ];
        let signed = md5_signed(&fields, "123456");
        assert_eq!(signed.last().unwrap().1, "a90a66d09bde8a32725c9efde082fae1");
    }

    #[test]
    fn a_query_is_read_as_it_was_written() {
        let written = [("a", "号 /+%&=~"), ("b", "")];
        let written = written.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(pairs(&query(&written)), written);
    }
}
