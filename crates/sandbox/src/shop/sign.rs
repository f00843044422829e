//! The platform's SHA-1 sign, as a business system writes it from the document.

use crate::text::{encode, pairs_of};
use sha1::{Digest, Sha1};
use std::collections::BTreeMap;

pub(super) const DOMAIN: &str = "demo";
const SECRET: &str = "demo-secret";

/// The query string of `values`, with their sign.
pub(super) fn signed_query(values: &[(&str, String)]) -> String {
    let sign = sign(values.iter().map(|(_, value)| value.as_str()), SECRET);
    let mut query = String::new();
    for (name, value) in values {
        query.push_str(&format!("{name}={}&", encode(value)));
    }
    format!("{query}sign={sign}")
}

/// Whether a callback's sign holds over its other values.
pub(super) fn verifies(values: &BTreeMap<String, String>) -> bool {
    let others = values
        .iter()
        .filter(|(name, _)| *name != "sign" && *name != "sign2");
    // The README's first payment is made under the document's own domain.
    let test = values.get("domainCode").is_some_and(|code| code == "test");
    let secret = if test { "test" } else { SECRET };
    let expected = sign(others.map(|(_, value)| value.as_str()), secret);
    values.get("sign").is_some_and(|sign| *sign == expected)
}

/// The pairs of a query string.
pub(super) fn decode(query: &str) -> BTreeMap<String, String> {
    pairs_of(query).into_iter().collect()
}

fn sign<'a>(values: impl Iterator<Item = &'a str>, secret: &'a str) -> String {
    let mut all: Vec<&str> = values
        .chain([secret])
        .filter(|value| !value.is_empty())
        .collect();
    all.sort_by_key(|value| value.encode_utf16().collect::<Vec<_>>());
    hex::encode(Sha1::digest(all.concat()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documents_fourth_sample_is_reproduced() {
        let values = [
            "test",
            "1",
            "2678100",
            "这是耳机支付",
            "324",
            "CNY",
            "www.10020.cn",
            "http://192.168.108.171:30030/gateway/acceptpay",
        ];
        let expected = "f587f4cab9db83987bebd7a4ca0bad6c78a8ad08";
        assert_eq!(sign(values.into_iter(), "test"), expected);
    }

    #[test]
    fn a_signed_query_verifies_and_a_changed_one_does_not() {
        let query = signed_query(&[("money", "1".to_owned()), ("info", "耳机 A+B".to_owned())]);
        let mut values = decode(&query);
        assert!(verifies(&values));
        values.insert("money".to_owned(), "2".to_owned());
        assert!(!verifies(&values));
    }
}
