//! The MD5 sign: the key, then every field but `sign`, sorted by name, as
//! `name=value` joined by `&` (docs/forecore.md, The sign).

use crate::budget::{Budget, hashed};
use crate::domain::Secret;
use crate::escape::escape_keeping;
use crate::fields::{Field, Fields};
use crate::sign::equal;
use md5::{Digest, Md5};

/// What clients leave bare when they escape a value.
#[derive(Clone, Copy)]
enum Escaping {
    /// As node's querystring: letters, digits and `-._~!'()*`.
    Node,
    /// As Java's URLEncoder: letters, digits and `-._*`, a blank as `+`.
    Java,
    /// As RFC 3986: letters, digits and `-._~`.
    Rfc3986,
}

impl Escaping {
    const ALL: [Self; 3] = [Self::Node, Self::Java, Self::Rfc3986];

    fn escape(self, value: &str) -> String {
        match self {
            Self::Node => escape_keeping(value, b"-._~!'()*"),
            Self::Java => crate::sign::java_url_encode(value),
            Self::Rfc3986 => escape_keeping(value, b"-._~"),
        }
    }
}

/// The sign of an answer or a notification of ours, in the documented form.
#[must_use]
pub fn md5_sign<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, key: &Secret) -> String {
    let pairs = pairs.map(|(name, value)| (name, value.to_owned()));
    md5(&text(pairs, Escaping::Node), key)
}

/// Whether `sign` is the sign of these fields, in any of the forms that clients are
/// known to use; all of them need the key. Compared in constant time.
#[must_use]
pub fn verifies(fields: &Fields, key: &Secret) -> bool {
    proved(fields, key).is_some()
}

/// A call as its sign proves it.
#[derive(Clone)]
pub struct Proved {
    /// The fields as they were signed: JSON numbers as JavaScript writes them, where the
    /// sign holds so alone. It says no more of `5` and `5.0` than that both are five.
    pub fields: Fields,
    /// The text, less the key, that the sign is over: calls that one sign proves have one
    /// such text, however their fields are written.
    pub text: String,
}

/// What the sign of these fields proves, in any of the forms that clients are known to use;
/// none where it does not hold. Compared in constant time.
#[must_use]
pub fn proved(fields: &Fields, key: &Secret) -> Option<Proved> {
    let theirs = fields.get("sign").unwrap_or_default();
    let (mut budget, mut tried) = (Budget::new(), Vec::new());
    for form in Form::all() {
        let text = form.text(fields);
        if tried.contains(&text) {
            continue;
        }
        if !budget.spend(key.expose().len() + text.len()) {
            return None;
        }
        if equal(&md5(&text, key), theirs) {
            let fields = form.read(fields.clone());
            return Some(Proved { fields, text });
        }
        tried.push(text);
    }
    None
}

/// What clients sign differently.
#[derive(Clone, Copy)]
struct Form {
    /// Empty fields are signed too.
    empties: bool,
    value: fn(&Field) -> String,
    escaping: Escaping,
}

impl Form {
    fn all() -> impl Iterator<Item = Self> {
        let values: [fn(&Field) -> String; 2] = [as_it_stands, as_javascript_writes];
        [true, false].into_iter().flat_map(move |empties| {
            values.into_iter().flat_map(move |value| {
                Escaping::ALL.into_iter().map(move |escaping| Self {
                    empties,
                    value,
                    escaping,
                })
            })
        })
    }

    /// The fields with the values that the sign covers.
    fn read(self, mut fields: Fields) -> Fields {
        for field in &mut fields.0 {
            field.value = (self.value)(field);
        }
        fields
    }

    fn text(self, fields: &Fields) -> String {
        let signed = fields
            .0
            .iter()
            .filter(|field| field.name != "sign" && (self.empties || !field.value.is_empty()));
        let pairs = signed.map(|field| (field.name.as_str(), (self.value)(field)));
        text(pairs, self.escaping)
    }
}

/// What the key is put before.
fn text<'a>(pairs: impl Iterator<Item = (&'a str, String)>, escaping: Escaping) -> String {
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| *name != "sign").collect();
    pairs.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    let joined: Vec<_> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", escaping.escape(value)))
        .collect();
    joined.join("&")
}

fn md5(text: &str, key: &Secret) -> String {
    hashed(key.expose().len() + text.len());
    let mut hash = Md5::new();
    hash.update(key.expose().as_bytes());
    hash.update(text.as_bytes());
    hex::encode(hash.finalize())
}

fn as_it_stands(field: &Field) -> String {
    field.value.clone()
}

fn as_javascript_writes(field: &Field) -> String {
    if field.is_number {
        javascript_number(&field.value).unwrap_or_else(|| field.value.clone())
    } else {
        field.value.clone()
    }
}

/// A JSON number as JavaScript prints it, for those that a sum may be: `1.00` is
/// `1`, `1e2` is `100`. Nothing for what has too many digits for that.
fn javascript_number(text: &str) -> Option<String> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent
        .parse()
        .ok()
        .filter(|exp| (-6..=15).contains(exp))?;
    let (sign, mantissa) = match mantissa.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", mantissa),
    };
    let (whole, decimals) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{decimals}");
    if digits.len() > 15 {
        return None;
    }
    let point = i32::try_from(whole.len()).ok()? + exponent;
    let padded = match point {
        ..=0 => format!("{}{digits}", "0".repeat(usize::try_from(1 - point).ok()?)),
        _ => format!("{digits:0<width$}", width = usize::try_from(point).ok()?),
    };
    let at = usize::try_from(point.max(1)).ok()?;
    let (whole, decimals) = padded.split_at(at);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    let decimals = decimals.trim_end_matches('0');
    let sign = if whole == "0" && decimals.is_empty() {
        ""
    } else {
        sign
    };
    Some(match decimals {
        "" => format!("{sign}{whole}"),
        _ => format!("{sign}{whole}.{decimals}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "a90a66d09bde8a32725c9efde082fae1";

    fn key() -> Secret {
        Secret::new(1, "123456", None)
    }

    /// Whether the text, hashed by other means, is taken as the sign of the fields.
    fn signed(query: &str, text: &str) -> bool {
        let hash = Md5::digest(format!("123456{text}").as_bytes());
        let sign = hex::encode(hash);
        let fields = Fields::from_query(&format!("{query}&sign={sign}")).unwrap();
        verifies(&fields, &key())
    }

    #[test]
    fn the_seeds_example_is_reproduced() {
        let pairs = [
            ("outOrderId", "abc123"),
            ("money", "1.00"),
            ("partnerId", "p001"),
            ("type", "WECHATPAYH5"),
            ("currency", "USD"),
            ("sign", "not signed"),
        ];
        assert_eq!(md5_sign(pairs.into_iter(), &key()), SEED);
        let query = "outOrderId=abc123&money=1.00&partnerId=p001&type=WECHATPAYH5&currency=USD";
        let fields = |sign: &str| Fields::from_query(&format!("{query}&sign={sign}")).unwrap();
        assert!(verifies(&fields(SEED), &key()));
        assert!(!verifies(&fields(&SEED.to_uppercase()), &key()));
        assert!(!verifies(&fields(""), &key()));
        assert!(!verifies(&fields(SEED), &Secret::new(1, "123457", None)));
    }

    /// What is hashed for these fields and a wrong sign.
    fn hashed_for(query: &str) -> usize {
        let fields = Fields::from_query(&format!("{query}&sign=wrong")).unwrap();
        crate::budget::count_of(|| assert!(!verifies(&fields, &key())))
    }

    #[test]
    fn equal_texts_are_hashed_once_and_never_more_than_the_budget() {
        assert_eq!(hashed_for("a=1&b=2"), "123456a=1&b=2".len());
        let long = "~".repeat(60 << 10);
        let bytes = hashed_for(&format!("a={long}&b="));
        assert!(bytes <= 256 << 10, "{bytes}");
    }

    #[test]
    fn every_field_is_signed_empty_and_unknown_ones_too() {
        assert!(signed("b=&a=1&zz=x", "a=1&b=&zz=x"));
        assert!(!signed("b=&a=1&zz=x", "a=1&b="));
        // Some clients leave empty ones out; nobody leaves others out.
        assert!(signed("b=&a=1", "a=1"));
        assert!(!signed("b=2&a=1", "a=1"));
    }

    #[test]
    fn the_three_ways_of_escaping_are_taken() {
        let query = "a=x%20~!%27()*%E4%B8%AD";
        assert!(signed(query, "a=x%20~!'()*%E4%B8%AD"));
        assert!(signed(query, "a=x+%7E%21%27%28%29*%E4%B8%AD"));
        assert!(signed(query, "a=x%20~%21%27%28%29%2A%E4%B8%AD"));
        assert!(!signed(query, "a=x ~!'()*中"));
    }

    #[test]
    fn json_numbers_are_signed_as_they_stand_or_as_javascript_writes_them() {
        let body = |text: &str| {
            let hash = Md5::digest(format!("123456{text}").as_bytes());
            let sign = hex::encode(hash);
            let json = format!(r#"{{"money":1.00,"note":"1.00","n":null,"sign":"{sign}"}}"#);
            verifies(&Fields::from_json(json.as_bytes()).unwrap(), &key())
        };
        assert!(body("money=1&n=&note=1.00"));
        assert!(body("money=1.00&n=&note=1.00"));
        assert!(!body("money=1&n=&note=1"));
    }

    #[test]
    fn numbers_are_read_as_they_were_signed() {
        let read = |text: &str, number: &str| {
            let hash = Md5::digest(format!("123456{text}").as_bytes());
            let sign = hex::encode(hash);
            let json = format!(r#"{{"a":{number},"b":"1.00","sign":"{sign}"}}"#);
            let fields = Fields::from_json(json.as_bytes()).unwrap();
            let fields = proved(&fields, &key()).unwrap().fields;
            assert!(verifies(&fields, &key()), "{json}");
            let value = |name| fields.get(name).unwrap().to_owned();
            (value("a"), value("b"))
        };
        let pair = |a: &str| (a.to_owned(), "1.00".to_owned());
        for number in ["5", "5.0", "50e-1", "\"5\""] {
            assert_eq!(read("a=5&b=1.00", number), pair("5"), "{number}");
        }
        assert_eq!(read("a=5.0&b=1.00", "5.0"), pair("5.0"));
    }

    #[test]
    fn numbers_are_written_as_javascript_does() {
        for (text, expected) in [
            ("1.00", "1"),
            ("14.27", "14.27"),
            ("14.270", "14.27"),
            ("0.10", "0.1"),
            ("1e2", "100"),
            ("1.5E1", "15"),
            ("25e-2", "0.25"),
            ("-0.0", "0"),
            ("-3.50", "-3.5"),
            ("0", "0"),
        ] {
            assert_eq!(javascript_number(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(javascript_number("0.1234567890123456"), None);
        assert_eq!(javascript_number("1e99"), None);
    }
}
