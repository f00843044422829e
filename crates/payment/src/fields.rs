//! The fields of a partner's call: query and body together, each decoded once, with what
//! the signs over names and values need to know of them.

use crate::pairs::{JsonValue, Pairs, json_members};
use crate::refusal::Refusal;
use crate::story::digest;
use std::collections::HashSet;

/// No name of a field is longer, in bytes.
const NAME_BYTES_MAX: usize = 64;

/// One field as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) value: String,
    /// It was a JSON number: some clients sign it as JavaScript writes it.
    pub(crate) is_number: bool,
}

/// The fields of a call. A name in query and body both has the body's value; twice
/// in one of them it is refused.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Fields(pub(crate) Vec<Field>);

impl Fields {
    /// Reads a query or a form body.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] as [`Pairs::from_query`]; [`Refusal::Repeated`] for a
    /// name that comes twice.
    pub fn from_query(raw: &str) -> Result<Self, Refusal> {
        let pairs = Pairs::from_query(raw)?;
        let fields = pairs.iter().map(|(name, value)| Field {
            name: name.to_owned(),
            value: value.to_owned(),
            is_number: false,
        });
        Self(fields.collect()).checked()
    }

    /// Reads a flat JSON body: text, numbers as they stand there, null as empty.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] for anything else; [`Refusal::Repeated`] for a name
    /// that comes twice.
    pub fn from_json(body: &[u8]) -> Result<Self, Refusal> {
        let field = |(name, value)| {
            let (value, is_number) = match value {
                JsonValue::Text(text) => (text, false),
                JsonValue::Number(text) => (text, true),
                JsonValue::Null => (String::new(), false),
            };
            Field {
                name,
                value,
                is_number,
            }
        };
        let members = json_members(body)?;
        Self(members.into_iter().map(field).collect()).checked()
    }

    /// These fields and the body's: the body's value holds where both have one.
    #[must_use]
    pub fn overlaid(mut self, body: Self) -> Self {
        let bodys: HashSet<&str> = body.0.iter().map(|field| field.name.as_str()).collect();
        self.0.retain(|field| !bodys.contains(field.name.as_str()));
        self.0.extend(body.0);
        self
    }

    /// These fields but one, which a sign does not cover.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|field| field.name != name);
        self
    }

    /// These fields but those without a value, which not every client signs.
    #[must_use]
    pub fn without_empties(mut self) -> Self {
        self.0.retain(|field| !field.value.is_empty());
        self
    }

    /// The value of a field that is there and not empty.
    #[must_use]
    pub fn given(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// The same, of a field that must be.
    ///
    /// # Errors
    /// [`Refusal::Missing`].
    pub fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.given(name).ok_or_else(|| Refusal::missing(name))
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        fields
            .find(|field| field.name == name)
            .map(|field| field.value.as_str())
    }

    /// Names and values, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let fields = self.0.iter();
        fields.map(|field| (field.name.as_str(), field.value.as_str()))
    }

    /// These fields as old PHP clients sign them: each backslash of a value stands for what
    /// follows it.
    #[must_use]
    pub fn unslashed(mut self) -> Self {
        for field in &mut self.0 {
            let mut text = String::with_capacity(field.value.len());
            let mut rest = field.value.chars();
            while let Some(next) = rest.next() {
                text.extend(if next == '\\' {
                    rest.next()
                } else {
                    Some(next)
                });
            }
            field.value = text;
        }
        self
    }

    /// Names and values, as they came.
    pub(crate) fn named(&self) -> Vec<(String, String)> {
        let fields = self.0.iter();
        fields
            .map(|field| (field.name.clone(), field.value.clone()))
            .collect()
    }

    /// What two calls with the same values have in common, whatever the order of their
    /// fields: a digest of all but the sign.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut fields: Vec<_> = self.0.iter().filter(|one| one.name != "sign").collect();
        fields.sort_by(|one, other| one.name.cmp(&other.name));
        // Each text with its length: no two lists of fields read the same.
        let text = |text: &str| format!("{}:{text}", text.len());
        let all: String = fields
            .iter()
            .map(|one| text(&one.name) + &text(&one.value))
            .collect();
        digest(all.as_bytes())
    }

    /// Names are part of what is signed, unescaped: none may read as another pair.
    fn checked(self) -> Result<Self, Refusal> {
        let mut seen = HashSet::new();
        let repeated = self.0.iter().find(|field| !seen.insert(&field.name));
        if let Some(field) = repeated {
            return Err(Refusal::repeated(&field.name));
        }
        let plain = |name: &str| name.len() <= NAME_BYTES_MAX && !name.contains(['&', '=']);
        if let Some(field) = self.0.iter().find(|field| !plain(&field.name)) {
            let form = (
                "named by at most 64 bytes without & and =",
                "名字最多 64 字节，不能有 & 和 =",
            );
            return Err(Refusal::malformed(&format!("field {}", field.name), form));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bodys_value_holds() {
        let query = Fields::from_query("partnerId=p001&money=1&a=").unwrap();
        let body = Fields::from_json(br#"{"money":2.50,"b":null,"c":"x"}"#).unwrap();
        let both = query.overlaid(body);
        let value = |name| both.get(name);
        assert_eq!(value("money"), Some("2.50"));
        assert_eq!(value("partnerId"), Some("p001"));
        assert_eq!((value("a"), value("b")), (Some(""), Some("")));
        assert_eq!((value("c"), value("d")), (Some("x"), None));
        let both = both.without("c");
        assert_eq!((both.get("c"), both.get("b")), (None, Some("")));
    }

    #[test]
    fn a_name_twice_in_one_of_them_is_refused() {
        let repeated = Refusal::Repeated("money".to_owned());
        for refused in [
            Fields::from_query("money=1&x=2&money=1"),
            Fields::from_json(br#"{"money":1,"money":1}"#),
        ] {
            assert_eq!(refused.err(), Some(repeated.clone()));
        }
    }

    #[test]
    fn a_name_can_not_read_as_another_pair() {
        let long = "x".repeat(65);
        for body in [
            Fields::from_query("time%3D1000%26userId=7"),
            Fields::from_query("a%3Db=1"),
            Fields::from_query(&format!("{long}=1")),
            Fields::from_json(br#"{"time=1000&userId":"7"}"#),
            Fields::from_json(br#"{"a\u000ab":"7"}"#),
        ] {
            let refusal = body.err().unwrap().to_string();
            assert!(!refusal.contains('\n'), "{refusal}");
        }
        assert!(Fields::from_query(&format!("{}=1", &long[1..])).is_ok());
    }

    #[test]
    fn more_fields_than_any_call_has_are_refused() {
        let query: Vec<_> = (0..65).map(|count| format!("a{count}=1")).collect();
        let json: Vec<_> = (0..65).map(|count| format!("\"a{count}\":1")).collect();
        let read = |count| Fields::from_query(&query[..count].join("&"));
        assert!(read(64).is_ok());
        let json = |count| Fields::from_json(format!("{{{}}}", json[..count].join(",")).as_bytes());
        assert!(json(64).is_ok());
        for refused in [read(65), json(65)] {
            let text = refused.err().map(|refusal| refusal.to_string());
            assert_eq!(text.as_deref(), Some("fields must be at most 64"));
        }
    }

    #[test]
    fn what_is_not_flat_or_not_text_is_refused() {
        for body in [
            &br#"{"a":[1]}"#[..],
            br#"{"a":{}}"#,
            br#"{"a":true}"#,
            br#"{"a":"\u0007"}"#,
            br#"[1]"#,
            b"\xff",
        ] {
            assert!(Fields::from_json(body).is_err());
        }
        assert!(Fields::from_query("a=%zz").is_err());
    }
}
