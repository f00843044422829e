//! Statements: their texts, joined while the program is compiled, and the values that
//! are bound to them. A statement has a text for each database, which differ where
//! its parts name what a [`Dialect`](crate::dialect::Dialect) writes its own way.

use std::borrow::Cow;

/// A statement's text for each database. Only `statements!` makes one, and lists
/// it: the contract suite reaches each.
#[derive(Clone, Copy, Debug)]
pub struct Sql {
    /// As SQLite takes it.
    pub sqlite: &'static str,
    /// As PostgreSQL takes it.
    pub postgres: &'static str,
}

impl Sql {
    /// With its first value.
    pub(crate) fn bind<'q>(self, value: impl Into<Value<'q>>) -> Statement<'q> {
        Statement::from(self).bind(value)
    }
}

/// A statement with its values.
#[derive(Clone, Debug)]
pub(crate) struct Statement<'q> {
    pub(crate) sql: Sql,
    pub(crate) values: Vec<Value<'q>>,
}

impl<'q> Statement<'q> {
    /// With one value more.
    pub(crate) fn bind(mut self, value: impl Into<Value<'q>>) -> Self {
        self.values.push(value.into());
        self
    }
}

impl From<Sql> for Statement<'_> {
    fn from(sql: Sql) -> Self {
        let values = Vec::new();
        Self { sql, values }
    }
}

/// What is bound to a statement.
#[derive(Clone, Debug)]
pub(crate) enum Value<'q> {
    Number(Option<i64>),
    Text(Option<Cow<'q, str>>),
    Bytes(&'q [u8]),
}

/// What each type is bound as.
macro_rules! values {
    ($($type:ty: $value:ident => $bound:expr;)+) => {
        $(impl<'q> From<$type> for Value<'q> {
            fn from($value: $type) -> Self {
                $bound
            }
        })+
    };
}

values! {
    i64: value => Value::Number(Some(value));
    bool: value => Value::Number(Some(value.into()));
    Option<i64>: value => Value::Number(value);
    &'q str: value => Value::Text(Some(value.into()));
    &'q String: value => Value::Text(Some(value.into()));
    String: value => Value::Text(Some(value.into()));
    Option<&'q str>: value => Value::Text(value.map(Cow::from));
    &'q Option<String>: value => Value::Text(value.as_deref().map(Cow::from));
    Option<String>: value => Value::Text(value.map(Cow::from));
    &'q [u8]: value => Value::Bytes(value);
    &'q Vec<u8>: value => Value::Bytes(value);
}

/// How long the joined texts are.
pub(crate) const fn length(parts: &[&str]) -> usize {
    let (mut at, mut sum) = (0, 0);
    while at < parts.len() {
        sum += parts[at].len();
        at += 1;
    }
    sum
}

/// The joined texts, as bytes.
pub(crate) const fn joined<const N: usize>(parts: &[&str]) -> [u8; N] {
    let (mut all, mut end, mut at) = ([0; N], 0, 0);
    while at < parts.len() {
        let (_, rest) = all.split_at_mut(end);
        let (place, _) = rest.split_at_mut(parts[at].len());
        place.copy_from_slice(parts[at].as_bytes());
        end += parts[at].len();
        at += 1;
    }
    all
}

/// Joins constant texts.
macro_rules! text {
    ($($part:expr),+ $(,)?) => {{
        const PARTS: &[&str] = &[$($part),+];
        const JOINED: [u8; $crate::sql::length(PARTS)] = $crate::sql::joined(PARTS);
        match std::str::from_utf8(&JOINED) {
            Ok(text) => text,
            Err(_) => panic!("texts make a text"),
        }
    }};
}
pub(crate) use text;

/// A word of an enum's as a literal.
macro_rules! word {
    ($word:expr) => {
        $crate::sql::text!("'", $word.word(), "'")
    };
}
pub(crate) use word;

/// Words of an enum's as a list of literals.
macro_rules! words {
    ($first:expr $(, $other:expr)* $(,)?) => {
        $crate::sql::text!("('", $first.word(), $("', '", $other.word(),)* "')")
    };
}
pub(crate) use words;

/// A statement of parts: with `(of)`, once for each dialect.
macro_rules! sql {
    (($of:ident) $($part:expr),+) => {
        $crate::sql::Sql {
            sqlite: {
                const $of: $crate::dialect::Dialect = $crate::dialect::SQLITE;
                $crate::sql::text!($($part),+)
            },
            postgres: {
                const $of: $crate::dialect::Dialect = $crate::dialect::POSTGRES;
                $crate::sql::text!($($part),+)
            },
        }
    };
    ($($part:expr),+) => {{
        const TEXT: &str = $crate::sql::text!($($part),+);
        $crate::sql::Sql { sqlite: TEXT, postgres: TEXT }
    }};
}
pub(crate) use sql;

/// A module's statements, each a constant, and `STATEMENTS`, which lists them.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident $(($of:ident))? = $($part:expr),+;)+) => {
        $($(#[$meta])* pub(super) const $name: $crate::sql::Sql = $crate::sql::sql!($(($of))? $($part),+);)+

        /// Every statement of this module.
        pub(super) const STATEMENTS: &[$crate::sql::Sql] = &[$($name),+];
    };
}
pub(crate) use statements;
