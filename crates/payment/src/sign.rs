//! The platform's two signs: SHA-1 over sorted values, and HMAC-SHA256 over
//! names and values (docs/signing.md, SHA-1; docs/signing.md, HMAC-SHA256).

use crate::budget::hashed;
use crate::domain::Secret;
use crate::escape::{escape, escape_keeping};
use hmac::{Hmac, KeyInit, Mac};
use sha1::{Digest, Sha1};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// What an HMAC sign is for: one can't be used in another's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// The pages, pay and wechatQuery.
    Pay,
    /// query and queryInfo.
    Query,
    /// refund.
    Refund,
    /// close.
    Close,
}

impl Purpose {
    /// The word that begins the signed text.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pay => "pay",
            Self::Query => "query",
            Self::Refund => "refund",
            Self::Close => "close",
        }
    }
}

/// The SHA-1 sign: the non-empty values and the secret, sorted by UTF-16 code
/// unit (as Java sorts), joined, hashed; lower-case hex. Equal values are kept.
#[must_use]
pub fn sha1_sign<'a>(values: impl Iterator<Item = &'a str>, secret: &'a Secret) -> String {
    let mut all: Vec<&str> = values
        .chain([secret.expose()])
        .filter(|v| !v.is_empty())
        .collect();
    sort_utf16(&mut all);
    let mut hash = Sha1::new();
    for value in all {
        hashed(value.len());
        hash.update(value.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// Sorts texts by UTF-16 code unit, not by Unicode scalar: the two differ above U+FFFF.
pub fn sort_utf16(values: &mut [&str]) {
    values.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
}

/// The HMAC sign: over the purpose, a line feed, and every pair as `name=value`,
/// sorted by name, escaped as RFC 3986; lower-case hex. Empty values are left out.
#[must_use]
pub fn hmac_sign<'a>(
    purpose: Purpose,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    secret: &Secret,
) -> String {
    keyed(purpose.word(), pairs, secret)
}

/// `sign2` of a callback: the HMAC of `callback` and the nine pairs.
#[must_use]
pub fn callback_sign2<'a>(
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    secret: &Secret,
) -> String {
    keyed("callback", pairs, secret)
}

/// The sign of a call of the relay: over all that it holds (docs/protocol.md, The relay).
#[must_use]
pub fn relay_sign<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, secret: &Secret) -> String {
    keyed("relay", pairs, secret)
}

fn keyed<'a>(
    word: &str,
    pairs: impl Iterator<Item = (&'a str, &'a str)>,
    secret: &Secret,
) -> String {
    let mut pairs: Vec<_> = pairs.filter(|(_, value)| !value.is_empty()).collect();
    pairs.sort_by_key(|(name, _)| *name);
    let joined: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    let text = format!("{word}\n{}", joined.join("&"));
    let mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes());
    let mut mac = mac.expect("HMAC takes a key of any length");
    hashed(text.len());
    mac.update(text.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// The HMAC-SHA256 of texts, one after the other, each with its length before it;
/// lower-case hex. It proves to us what we gave out ourselves.
#[must_use]
pub fn seal(key: &[u8], texts: &[&str]) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key);
    let mut mac = mac.expect("HMAC takes a key of any length");
    for text in texts {
        mac.update(&text.len().to_be_bytes());
        mac.update(text.as_bytes());
    }
    hex::encode(mac.finalize().into_bytes())
}

/// Whether two signs are equal, in constant time.
#[must_use]
pub fn equal(ours: &str, theirs: &str) -> bool {
    ours.as_bytes().ct_eq(theirs.as_bytes()).into()
}

/// Text as `java.net.URLEncoder` writes it: the second form of the four
/// addresses (docs/signing.md, SHA-1).
#[must_use]
pub fn java_url_encode(text: &str) -> String {
    escape_keeping(text, b".-*_ ").replace(' ', "+")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(1, text, None)
    }

    #[test]
    fn the_documents_samples_are_reproduced() {
        let pc = "test|1|这是你买的商品详单信息|1464659622189|CNY|http://www.baidu.com|http://www.sina.com|http://www.sohu.com|http://www.163.com|6.8";
        let h5 = pc.replace("1464659622189", "1465183124626");
        let fourth = "test|1|2678100|这是耳机支付|324|CNY|www.10020.cn|http://192.168.108.171:30030/gateway/acceptpay";
        for (values, sign) in [
            (pc, "ad3b0a76afb7fecb0c64bed6503b7b1e9dcfd5ed"),
            (h5.as_str(), "cd437788bde98645fc2a738c620ecef069e901bc"),
            (
                "test|1464844451098",
                "07c34ea79a804e7c54b0538c45d2015e2f13814e",
            ),
            (fourth, "f587f4cab9db83987bebd7a4ca0bad6c78a8ad08"),
        ] {
            assert_eq!(sha1_sign(values.split('|'), &secret("test")), sign);
        }
    }

    #[test]
    fn the_designs_hmac_samples_are_reproduced() {
        let pay = [
            ("money", "12345"),
            ("bgUrl", "http://127.0.0.1:3002/callback"),
            ("currencyType", "CNY"),
            ("domainCode", "demo"),
            ("info", "耳机 A+B~"),
            ("infoEn", ""),
            ("requestChannel", "1"),
            ("requestKey", "D1-0000000000001"),
            ("signType", "HMAC-SHA256"),
        ];
        assert_eq!(
            hmac_sign(Purpose::Pay, pay.into_iter(), &secret("demo-secret")),
            "fc6f4ab4115cb778256fabd08d507b588c702ddbcc1df3901013c96f362899c4"
        );
        let refund = [
            ("domainCode", "demo"),
            ("refundKey", "R1"),
            ("refundMoney", "100"),
            ("requestKey", "D1-0000000000001"),
            ("signType", "HMAC-SHA256"),
        ];
        assert_eq!(
            hmac_sign(Purpose::Refund, refund.into_iter(), &secret("demo-secret")),
            "433955e2566e7e918b0108f352e339376fa26c7fdaa1681fef3fc6a5cf847217"
        );
    }

    #[test]
    fn the_documents_sample_of_the_relay_is_reproduced() {
        let call = [
            ("time", "1796000000000"),
            ("nonce", "0123456789abcdef0123456789abcdef"),
            ("last", ""),
            ("domainCode", "demo"),
            ("cursor", "12.14"),
        ];
        assert_eq!(
            relay_sign(call.into_iter(), &secret("demo-secret")),
            "a0dba09fa16ea79bc9531a7f65c01dd6a62b9d7262eece81181c11a8030441c6"
        );
    }

    #[test]
    fn values_are_sorted_by_utf16_code_unit_and_kept_when_equal() {
        // U+1F600 begins with the unit D83D, which is less than U+FF01.
        let mut values = ["\u{ff01}", "\u{1f600}", "a", "a"];
        sort_utf16(&mut values);
        assert_eq!(values, ["a", "a", "\u{1f600}", "\u{ff01}"]);
    }

    #[test]
    fn java_writes_addresses_its_own_way() {
        assert_eq!(
            java_url_encode("http://a.cn/b c*~中"),
            "http%3A%2F%2Fa.cn%2Fb+c*%7E%E4%B8%AD"
        );
    }
}
