//! The MD5 sign: every field but `sign` and `sign_type` that is not blank, sorted by name,
//! as `name=value` joined by `&`, values as they are, directly followed by the key
//! (docs/epay.md, The sign). The text that is signed can be cut in other places; what would
//! be another request then is refused (docs/epay.md, One meaning).

use super::Failure;
use md5::{Digest, Md5};
use payment::domain::Secret;
use payment::fields::Fields;
use payment::sign::equal;

/// The addresses, whose own query may hold `&name=` where no field can begin.
const ADDRESSES: [&str; 2] = ["notify_url", "return_url"];

/// Every field that this interface or a client of it reads of what was signed. Not `status`,
/// which no order and no news of one has: clients end a `return_url` with it.
const KNOWN: [&str; 23] = [
    "act",
    "api_trade_no",
    "channel_id",
    "cid",
    "clientip",
    "device",
    "key",
    "limit",
    "mid",
    "money",
    "name",
    "notify_url",
    "offset",
    "out_refund_no",
    "out_trade_no",
    "param",
    "pid",
    "refund_no",
    "return_url",
    "sitename",
    "trade_no",
    "trade_status",
    "type",
];

/// The sign of these pairs.
#[must_use]
pub fn md5_sign<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, key: &Secret) -> String {
    md5(&joined(pairs), key)
}

/// Whether the sign of these fields holds, in either form. Compared in constant time, and
/// in hex of either case.
#[must_use]
pub fn verifies(fields: &Fields, key: &Secret) -> bool {
    holds(fields, key) || has_backslash(fields) && holds(&fields.clone().unslashed(), key)
}

/// The fields as they were signed: without backslashes, where the sign holds so alone.
#[must_use]
pub fn as_signed(fields: Fields, key: &Secret) -> Fields {
    if holds(&fields, key) || !has_backslash(&fields) {
        fields
    } else {
        fields.unslashed()
    }
}

/// Refuses fields whose sign is that of other fields too.
///
/// # Errors
/// [`Failure::Ambiguous`] or [`Failure::BehindAddress`] with the field that is to be changed.
pub fn one_meaning(fields: &Fields) -> Result<(), Failure> {
    let signed = signed(fields.iter());
    for (index, (name, value)) in signed.iter().enumerate() {
        let next = signed.get(index + 1).map(|(next, _)| *next);
        // In the news of an order its name and param stand before other fields.
        let next = match *name {
            "name" => Some("out_trade_no"),
            "param" => Some("pid"),
            _ => next,
        };
        let ambiguous = || Failure::Ambiguous((*name).to_owned());
        if name.contains('\\') {
            return Err(ambiguous());
        }
        let is_address = ADDRESSES.contains(name);
        // Behind an address a field that we don't know may be a part of its query.
        if is_address && let Some(next) = next.filter(|next| !KNOWN.contains(next)) {
            let (field, address) = (next.to_owned(), (*name).to_owned());
            return Err(Failure::BehindAddress(field, address));
        }
        for cut in cuts(value) {
            let begins_here = cut > *name && next.is_none_or(|next| cut <= next);
            let is_known = KNOWN.contains(&cut);
            let refused = if is_address {
                is_known && begins_here
            } else {
                is_known || begins_here
            };
            if refused {
                return Err(ambiguous());
            }
        }
    }
    Ok(())
}

/// The names behind an `&` in a value, where another field could be said to begin.
fn cuts(value: &str) -> impl Iterator<Item = &str> {
    let parts = value.split('&').skip(1);
    parts.filter_map(|part| part.split_once('=').map(|(name, _)| name))
}

fn holds(fields: &Fields, key: &Secret) -> bool {
    let theirs = fields.get("sign").unwrap_or_default().to_ascii_lowercase();
    equal(&md5_sign(fields.iter(), key), &theirs)
}

fn md5(text: &str, key: &Secret) -> String {
    let mut hash = Md5::new();
    hash.update(text.as_bytes());
    hash.update(key.expose().as_bytes());
    hex::encode(hash.finalize())
}

/// What the key is put behind.
pub(super) fn joined<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let pairs = signed(pairs);
    let pairs = pairs.iter().map(|(name, value)| format!("{name}={value}"));
    pairs.collect::<Vec<_>>().join("&")
}

/// What is signed, sorted by name.
fn signed<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<(&'a str, &'a str)> {
    let covered =
        |(name, value): &(&str, &str)| !matches!(*name, "sign" | "sign_type") && !is_blank(value);
    let mut pairs: Vec<_> = pairs.filter(covered).collect();
    pairs.sort_by_key(|(name, _)| *name);
    pairs
}

/// Whether a value is not there, as the clients see it.
pub(super) fn is_blank(value: &str) -> bool {
    value.trim_matches(' ').is_empty()
}

fn has_backslash(fields: &Fields) -> bool {
    fields.iter().any(|(_, value)| value.contains('\\'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment::pairs::Pairs;

    const KEY: &str = "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i";
    const SUBMIT: [(&str, &str); 8] = [
        ("pid", "1001"),
        ("type", "alipay"),
        ("out_trade_no", "20160806151343349"),
        ("notify_url", "http://127.0.0.1:3002/notify_url.php"),
        (
            "return_url",
            "http://127.0.0.1:3002/return_url.php?a=1&b=中",
        ),
        ("name", "VIP会员"),
        ("money", "1.00"),
        ("param", ""),
    ];
    const NOTIFY: [(&str, &str); 7] = [
        ("pid", "1001"),
        ("trade_no", "20160806151343349021"),
        ("out_trade_no", "20160806151343349"),
        ("type", "alipay"),
        ("name", "VIP会员"),
        ("money", "1"),
        ("trade_status", "TRADE_SUCCESS"),
    ];

    fn key() -> Secret {
        Secret::new(1, KEY, None)
    }

    fn fields(pairs: &[(&str, &str)], sign: &str) -> Fields {
        let beside = [("sign", sign), ("sign_type", "MD5")];
        let all = pairs.iter().copied().chain(beside);
        let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Fields::from_query(&Pairs::from_stored(all.collect()).to_query()).unwrap()
    }

    fn with<'a>(
        pairs: &[(&'a str, &'a str)],
        name: &'a str,
        value: &'a str,
    ) -> Vec<(&'a str, &'a str)> {
        let mut pairs = pairs.to_vec();
        pairs.retain(|(other, _)| *other != name);
        pairs.push((name, value));
        pairs
    }

    #[test]
    fn the_signs_of_known_clients_are_reproduced() {
        let short = Secret::new(1, "1234567", None);
        let pairs = [("money", "moneyv"), ("device", "devicev")];
        assert_eq!(
            md5_sign(pairs.into_iter(), &short),
            "3854cc9f022e0fb821bd2e002260245d"
        );
        let mut mapi = with(&SUBMIT, "clientip", "192.168.1.100");
        mapi.extend([("device", "pc"), ("sitename", "某站")]);
        let panel = [
            ("pid", "1001"),
            ("out_trade_no", "2026112700001"),
            (
                "notify_url",
                "https://panel.example/api/v1/guest/payment/notify/EPay/abc",
            ),
            ("return_url", "https://panel.example/#/order/2026112700001"),
            ("name", "2026112700001"),
            ("money", "9.9"),
        ];
        for (pairs, sign) in [
            (SUBMIT.to_vec(), "8dae27dc97df11aa88a0842c7be9c191"),
            (mapi, "582683239c4eed8b89b03c8829720bf1"),
            (NOTIFY.to_vec(), "d234c00c90982004526450b6a5e31089"),
            (
                with(&NOTIFY, "money", "1.00"),
                "3ec3bda0f65fd24c5320e7ab770b2547",
            ),
            (
                with(&NOTIFY, "param", "user=7&x=%20"),
                "86b899085e9f78d1d0259bd3f976d061",
            ),
            (panel.to_vec(), "5f41ddab87c2a9561470d3514bb3d924"),
            (
                with(&SUBMIT, "name", "a\\b"),
                "0192a583180e3a8bde409abc96202f11",
            ),
        ] {
            assert_eq!(md5_sign(pairs.iter().copied(), &key()), sign, "{pairs:?}");
            assert!(verifies(&fields(&pairs, sign), &key()));
            assert!(verifies(&fields(&pairs, &sign.to_uppercase()), &key()));
            assert!(!verifies(&fields(&pairs, sign), &short));
            assert!(!verifies(&fields(&pairs, ""), &key()));
            one_meaning(&fields(&pairs, sign)).unwrap();
        }
    }

    /// As sub2api makes it of an order's number and a token of its own.
    #[test]
    fn an_address_may_end_with_a_status() {
        let address = "https://p.example/payment/result?order_id=7&out_trade_no=sub2_1&\
            resume_token=AB&status=success";
        let order = with(&SUBMIT, "return_url", address);
        let sign = md5_sign(order.iter().copied(), &key());
        one_meaning(&fields(&order, &sign)).unwrap();
        let (short, _) = address.rsplit_once('&').unwrap();
        let mut forged = with(&order, "return_url", short);
        forged.push(("status", "success"));
        assert_eq!(md5_sign(forged.iter().copied(), &key()), sign);
        let refused = one_meaning(&fields(&forged, &sign)).unwrap_err();
        assert!(matches!(refused, Failure::BehindAddress(_, _)));
    }

    #[test]
    fn a_sign_over_a_named_key_is_refused() {
        let sign = "a10bec87d8d87cf5aa61cb8eff769d47";
        assert!(!verifies(&fields(&NOTIFY, sign), &key()));
    }

    #[test]
    fn what_was_signed_without_backslashes_is_read_so() {
        let named = with(&SUBMIT, "name", "a\\b");
        let old = fields(&named, "f8a99af0d5148ea702005e2239df2fd0");
        assert!(verifies(&old, &key()));
        assert_eq!(as_signed(old, &key()).get("name"), Some("ab"));
        let two = with(&SUBMIT, "name", "a\\\\b");
        let signed = md5_sign(named.iter().copied(), &key());
        assert_eq!(
            as_signed(fields(&two, &signed), &key()).get("name"),
            Some("a\\b")
        );
        let plain = fields(&named, "0192a583180e3a8bde409abc96202f11");
        assert_eq!(as_signed(plain, &key()).get("name"), Some("a\\b"));
    }
}
