//! The raw decoded pairs of a request, in order and with repeats: the sign
//! covers values, so nothing may be lost before it is judged (docs/signing.md,
//! Shapes that every request keeps).

use crate::escape::escape;
use crate::refusal::Refusal;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// No interface has so many fields, and no client appends so many: more are not read.
pub const FIELDS_MAX: usize = 64;

/// Names and values as they came, decoded once. Its `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// Reads a query, a fragment's text or a form body: percent-decoded, `+` a blank.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for a `%` without two hex digits, bytes that are
    /// not UTF-8, control characters, and more than [`FIELDS_MAX`] pairs.
    pub fn from_query(raw: &str) -> Result<Self, Refusal> {
        let segments = raw.split('&').filter(|segment| !segment.is_empty());
        if segments.clone().nth(FIELDS_MAX).is_some() {
            return Err(too_many());
        }
        let pair = |segment: &str| {
            let (name, value) = segment.split_once('=').unwrap_or((segment, ""));
            let name = decode(name, name)?;
            let value = decode(&name, value)?;
            Ok((name, value))
        };
        segments.map(pair).collect::<Result<_, _>>().map(Self)
    }

    /// Reads a flat JSON object: text, or numbers as the text that stands in the
    /// bytes; null is absent.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for anything else, lone surrogates, control characters
    /// and more than [`FIELDS_MAX`] members among it.
    pub fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        let members = json_members(body)?.into_iter();
        let text = |(name, value)| match value {
            JsonValue::Text(text) | JsonValue::Number(text) => Some((name, text)),
            JsonValue::Null => None,
        };
        Ok(Self(members.filter_map(text).collect()))
    }

    /// Pairs that were read before.
    #[must_use]
    pub fn from_stored(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// These pairs and then those of another part of the request.
    #[must_use]
    pub fn chain(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The first value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }

    /// All pairs, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// A query string that reads back to the same pairs (RFC 3986 escaping).
    #[must_use]
    pub fn to_query(&self) -> String {
        let pair = |(name, value)| format!("{}={}", escape(name), escape(value));
        self.iter().map(pair).collect::<Vec<_>>().join("&")
    }
}

impl fmt::Debug for Pairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, _)| name))
            .finish()
    }
}

/// A body's text: UTF-8, less the byte order mark that some editors begin it with.
///
/// # Errors
/// [`Refusal::Malformed`] for another encoding.
pub fn body_text(body: &[u8]) -> Result<&str, Refusal> {
    let text = str::from_utf8(body).map_err(|_| {
        Refusal::malformed(
            "body",
            (
                "in UTF-8; its bytes are of another encoding, such as GBK",
                "UTF-8，收到的是别的编码，如 GBK",
            ),
        )
    })?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn too_many() -> Refusal {
    Refusal::malformed(
        "fields",
        (
            format!("at most {FIELDS_MAX}"),
            format!("最多 {FIELDS_MAX} 个"),
        ),
    )
}

fn decode(name: &str, raw: &str) -> Result<String, Refusal> {
    if !raw.contains(['%', '+']) {
        return clean(name, raw.to_owned());
    }
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = rest.next().zip(rest.next());
                let value = digits.and_then(|(high, low)| Some(hex(high)? << 4 | hex(low)?));
                value.ok_or_else(|| {
                    Refusal::malformed(name, ("percent-encoded UTF-8", "按 UTF-8 百分号编码"))
                })?
            }
            other => other,
        });
    }
    let text = String::from_utf8(bytes);
    clean(
        name,
        text.map_err(|_| {
            Refusal::malformed(
                name,
                (
                    "percent-encoded UTF-8, not GBK",
                    "按 UTF-8 百分号编码，不能是 GBK",
                ),
            )
        })?,
    )
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|value| u8::try_from(value).ok())
}

/// Text without control characters (U+0000 to 001F, 007F to 009F).
fn clean(name: &str, text: String) -> Result<String, Refusal> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain && text.chars().any(char::is_control) {
        return Err(Refusal::malformed(
            name,
            ("text without control characters", "不能有控制字符"),
        ));
    }
    Ok(text)
}

/// A value in a flat JSON object.
pub(crate) enum JsonValue {
    Text(String),
    /// A number as it stands in the bytes.
    Number(String),
    Null,
}

/// The members of a flat JSON object, in order and with repeats.
pub(crate) fn json_members(body: &[u8]) -> Result<Vec<(String, JsonValue)>, Refusal> {
    let object: RawObject = serde_json::from_str(body_text(body)?)
        .map_err(|_| Refusal::malformed("body", ("a flat JSON object", "一层的 JSON 对象")))?;
    if object.0.len() > FIELDS_MAX {
        return Err(too_many());
    }
    let member = |(name, value): (String, Box<RawValue>)| {
        let name = clean(&name, name.clone())?;
        let value = json_value(&name, value.get())?;
        Ok((name, value))
    };
    object.0.into_iter().map(member).collect()
}

fn json_value(name: &str, raw: &str) -> Result<JsonValue, Refusal> {
    match raw.as_bytes().first() {
        Some(b'"') => {
            let text = serde_json::from_str(raw);
            let text = text.map_err(|_| {
                Refusal::malformed(name, ("well-formed Unicode text", "完整的 Unicode 文本"))
            })?;
            clean(name, text).map(JsonValue::Text)
        }
        Some(b'-' | b'0'..=b'9') => Ok(JsonValue::Number(raw.to_owned())),
        Some(b'n') => Ok(JsonValue::Null),
        _ => Err(Refusal::malformed(name, ("text or a number", "文本或数字"))),
    }
}

/// A JSON object's members, in order and with repeats, their values unread; of more
/// than [`FIELDS_MAX`] one is kept to tell.
struct RawObject(Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawObject;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<RawObject, M::Error> {
                let mut members = Vec::new();
                while members.len() <= FIELDS_MAX {
                    let Some(member) = map.next_entry()? else {
                        return Ok(RawObject(members));
                    };
                    members.push(member);
                }
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(RawObject(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> Vec<(String, String)> {
        Pairs::from_query(raw).unwrap().0
    }

    #[test]
    fn a_query_is_decoded_once_in_order_and_with_repeats() {
        let pairs = read("a=1&b=%E8%BF%99+x&a=%2B&c&&raw=中 文");
        let expected = [
            ("a", "1"),
            ("b", "这 x"),
            ("a", "+"),
            ("c", ""),
            ("raw", "中 文"),
        ];
        assert_eq!(
            pairs,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(read("a=%2525"), [("a".to_owned(), "%25".to_owned())]);
    }

    #[test]
    fn what_does_not_decode_is_refused_by_name() {
        for raw in [
            "info=%",
            "info=%2",
            "info=%zz",
            "info=%FF",
            "info=%00",
            "info=%0A",
            "info=%C2%80",
            "info=%+1",
        ] {
            assert!(
                matches!(Pairs::from_query(raw), Err(Refusal::Malformed { name, .. }) if name == "info"),
                "{raw}"
            );
        }
    }

    #[test]
    fn json_keeps_numbers_as_they_stand_and_repeats() {
        let pairs = Pairs::from_json(br#"{"money":1.50,"a":"x","n":null,"a":1e3}"#).unwrap();
        let expected = [("money", "1.50"), ("a", "x"), ("a", "1e3")];
        assert_eq!(pairs.iter().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_byte_order_mark_is_dropped_and_another_encoding_is_named() {
        let pairs = Pairs::from_json(b"\xef\xbb\xbf{\"a\":\"x\"}").unwrap();
        assert_eq!(pairs.get("a"), Some("x"));
        assert_eq!(body_text(b"\xef\xbb\xbfa=x").unwrap(), "a=x");
        // 耳机 in GBK.
        for refused in [
            Pairs::from_json(b"{\"info\":\"\xb6\xfa\xbb\xfa\"}").unwrap_err(),
            body_text(b"info=\xb6\xfa\xbb\xfa").unwrap_err(),
            Pairs::from_query("info=%B6%FA%BB%FA").unwrap_err(),
        ] {
            assert!(refused.to_string().contains("GBK"), "{refused}");
        }
    }

    #[test]
    fn other_json_is_refused() {
        for body in [
            "",
            "[]",
            "1",
            "{",
            r#"{"a":true}"#,
            r#"{"a":[1]}"#,
            r#"{"a":{}}"#,
            r#"{"a":"\ud800"}"#,
            r#"{"a":"\u0007"}"#,
            r#"{"a":"x"}y"#,
            r#"{"\ud800":"x"}"#,
        ] {
            assert!(Pairs::from_json(body.as_bytes()).is_err(), "{body}");
        }
        assert!(Pairs::from_json(b"{\"a\":\"\xff\"}").is_err());
    }

    #[test]
    fn more_pairs_than_any_interface_has_are_refused_with_the_number() {
        let query = |count: usize| "a=1&&".repeat(count);
        assert!(Pairs::from_query(&query(64)).is_ok());
        let refused = Pairs::from_query(&query(65)).unwrap_err();
        assert_eq!(refused.to_string(), "fields must be at most 64");
        let json = |count: usize| format!("{{{}\"z\":1}}", "\"a\":1,".repeat(count - 1));
        assert!(Pairs::from_json(json(64).as_bytes()).is_ok());
        let refused = Pairs::from_json(json(60_000).as_bytes()).unwrap_err();
        assert_eq!(refused.to_string(), "fields must be at most 64");
    }

    #[test]
    fn a_query_that_is_written_reads_back() {
        let pairs = Pairs::from_query("a=%26%3D%25+%E4%B8%AD&b=").unwrap();
        assert_eq!(pairs.to_query(), "a=%26%3D%25%20%E4%B8%AD&b=");
        assert_eq!(Pairs::from_query(&pairs.to_query()).unwrap(), pairs);
    }

    #[test]
    fn debug_shows_no_values() {
        let pairs = Pairs::from_query("sign=abc&openid=o1").unwrap();
        assert_eq!(format!("{pairs:?}"), r#"["sign", "openid"]"#);
    }
}
