//! Money as whole minor units with a currency. Nothing here, or anywhere else
//! in the product, holds an amount in a floating-point number.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A currency that the platform takes: its ISO 4217 code decides minor units
/// and symbol. All of them have two decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Renminbi, counted in fen.
    Cny,
    /// US dollar, counted in cents.
    Usd,
    /// Canadian dollar, counted in cents; partners alone order in it (docs/forecore.md).
    Cad,
}

impl Currency {
    /// Every currency.
    pub const ALL: [Self; 3] = [Self::Cny, Self::Usd, Self::Cad];
    /// Those that `currencyType` may name (docs/protocol.md).
    pub const SEED: [Self; 2] = [Self::Cny, Self::Usd];

    /// The ISO 4217 code, as `currencyType` spells it.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Cny => "CNY",
            Self::Usd => "USD",
            Self::Cad => "CAD",
        }
    }

    /// Reads an ISO code, in capitals as the seed writes it.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|currency| currency.code() == code)
    }

    /// The sign that stands before an amount on a page.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Cny => "¥",
            Self::Usd => "US$",
            Self::Cad => "CA$",
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// An amount of money: minor units (fen, cents) of one currency.
///
/// It prints as a payer reads it: `¥1,234.56`, `US$0.01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Money {
    minor: i64,
    currency: Currency,
}

impl Money {
    /// An amount of `minor` units (fen, cents); negative sums are refused.
    #[must_use]
    pub fn from_minor(minor: i64, currency: Currency) -> Option<Self> {
        (minor >= 0).then_some(Self { minor, currency })
    }

    /// The amount in minor units (fen, cents).
    #[must_use]
    pub fn minor(self) -> i64 {
        self.minor
    }

    /// The currency.
    #[must_use]
    pub fn currency(self) -> Currency {
        self.currency
    }
}

/// Fen (cents) as yuan (dollars) with two decimals, as programs read them: `1234.50`.
#[must_use]
pub fn two_decimals(minor: i64) -> String {
    let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
    format!("{sign}{}.{:02}", minor / 100, minor % 100)
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let major = (self.minor / 100).to_string();
        f.write_str(self.currency.symbol())?;
        for (index, digit) in major.chars().enumerate() {
            if index > 0 && (major.len() - index).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        write!(f, ".{:02}", self.minor % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(minor: i64, currency: Currency) -> String {
        Money::from_minor(minor, currency).unwrap().to_string()
    }

    #[test]
    fn a_currency_is_kept_as_its_code_and_no_other_is_read() {
        for currency in Currency::ALL {
            let kept = serde_json::to_value(currency).unwrap();
            assert_eq!(kept, currency.code());
        }
        assert!(serde_json::from_str::<Currency>("\"EUR\"").is_err());
    }

    #[test]
    fn amounts_are_written_with_thousands_and_two_decimals() {
        assert_eq!(shown(1, Currency::Cny), "¥0.01");
        assert_eq!(shown(12_345, Currency::Cny), "¥123.45");
        assert_eq!(shown(123_456, Currency::Cny), "¥1,234.56");
        assert_eq!(shown(100_000_000, Currency::Usd), "US$1,000,000.00");
        assert_eq!(shown(0, Currency::Usd), "US$0.00");
    }

    #[test]
    fn negative_sums_do_not_exist() {
        assert_eq!(Money::from_minor(-1, Currency::Cny), None);
    }

    #[test]
    fn currency_codes_are_read_in_capitals_only() {
        assert_eq!(Currency::parse("USD"), Some(Currency::Usd));
        assert_eq!(Currency::parse("usd"), None);
        assert_eq!(Currency::parse("EUR"), None);
    }
}
