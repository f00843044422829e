//! Exchange rates between CNY and another currency: CNY per unit of that, exact to
//! the millionth (docs/protocol.md, Requests and attempts).

use crate::money::{Currency, Money};
use std::fmt;

/// One in millionths.
const ONE: i128 = 1_000_000;

/// What a binary figure may have beyond the millionths.
const CUT_DECIMALS_MAX: usize = 16;

/// Why the platform has no rate of its own for a currency and a payment: partners
/// read it as `err` (docs/forecore.md).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRate {
    /// No figure is configured, and no source of rates.
    #[error("no rate is configured for this currency and payment")]
    Unset,
    /// The source of rates could not be read so far.
    #[error("our rates could not be read yet")]
    Unread,
    /// The source of rates names none for this.
    #[error("our source of rates has none for this currency and payment")]
    NotGiven,
    /// The source's last rate is older than this many days.
    #[error("our last rate is more than {0} days old, and is not used any more")]
    TooOld(u32),
}

/// CNY per unit of another currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    millionths: i64,
}

impl Rate {
    /// Reads `6.8`: digits, and at most six decimals; more than zero.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || whole.len() > 4 || decimals.len() > 6 {
            return None;
        }
        if !digits(whole) || !digits(decimals) {
            return None;
        }
        Self::from_millionths(format!("{whole}{decimals:0<6}").parse().ok()?)
    }

    /// Reads a figure with more decimals too, half up to the millionth: programs that
    /// reckon in binary write `7.012000000000001`.
    #[must_use]
    pub fn parse_rounded(text: &str) -> Option<Self> {
        let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
        let Some((kept, cut)) = decimals.split_at_checked(6) else {
            return Self::parse(text);
        };
        if cut.len() > CUT_DECIMALS_MAX || !cut.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let up = i64::from(cut.as_bytes().first().is_some_and(|digit| *digit >= b'5'));
        let down = Self::parse(&format!("{whole}.{kept}"))?;
        Self::from_millionths(down.millionths + up)
    }

    /// A rate of so many millionths; more than zero.
    #[must_use]
    pub fn from_millionths(millionths: i64) -> Option<Self> {
        (millionths > 0).then_some(Self { millionths })
    }

    /// The rate in millionths.
    #[must_use]
    pub fn millionths(self) -> i64 {
        self.millionths
    }

    /// The sum in another currency, half up to the minor unit; the same sum in
    /// its own. `None` between two that are both not CNY.
    #[must_use]
    pub fn convert(self, money: Money, to: Currency) -> Option<Money> {
        let (minor, rate) = (i128::from(money.minor()), i128::from(self.millionths));
        let converted = match (money.currency(), to) {
            (from, to) if from == to => return Some(money),
            (Currency::Cny, _) => (2 * minor * ONE + rate) / (2 * rate),
            (_, Currency::Cny) => (2 * minor * rate + ONE) / (2 * ONE),
            _ => return None,
        };
        Money::from_minor(i64::try_from(converted).ok()?, to)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.millionths / 1_000_000;
        let decimals = format!("{:06}", self.millionths % 1_000_000);
        write!(
            f,
            "{whole}.{}",
            match decimals.trim_end_matches('0') {
                "" => "0",
                kept => kept,
            }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn converted(minor: i64, from: Currency, rate: &str) -> i64 {
        let money = Money::from_minor(minor, from).unwrap();
        let to = if from == Currency::Cny {
            Currency::Usd
        } else {
            Currency::Cny
        };
        Rate::parse(rate)
            .unwrap()
            .convert(money, to)
            .unwrap()
            .minor()
    }

    #[test]
    fn conversion_is_half_up_to_the_minor_unit() {
        assert_eq!(converted(680, Currency::Cny, "6.8"), 100);
        assert_eq!(converted(100, Currency::Usd, "6.8"), 680);
        // 12345 / 6.8 = 1815.44…; 3.4 / 6.8 = 0.5 goes up.
        assert_eq!(converted(12_345, Currency::Cny, "6.8"), 1_815);
        assert_eq!(converted(1, Currency::Cny, "2.0"), 1);
        assert_eq!(converted(1, Currency::Cny, "6.8"), 0);
        assert_eq!(converted(1, Currency::Usd, "7.262774"), 7);
        assert_eq!(converted(1, Currency::Usd, "7.5"), 8);
        assert_eq!(
            converted(999_999_999, Currency::Usd, "20.0"),
            19_999_999_980
        );
    }

    #[test]
    fn binary_figures_are_rounded_half_up() {
        for (text, rate) in [
            ("7.012", Some("7.012")),
            ("7", Some("7.0")),
            ("7.012000000000001", Some("7.012")),
            ("7.0119999999999996", Some("7.012")),
            ("6.9999995", Some("7.0")),
            ("6.9999994", Some("6.999999")),
            ("0.0000001", None),
            ("7.0120001e1", None),
            ("-7.0120001", None),
            ("+7.0120001", None),
            (".0120001", None),
            ("12345.0120001", None),
            ("7.01200000000000000000001", None),
        ] {
            let read = Rate::parse_rounded(text).map(|rate| rate.to_string());
            assert_eq!(read.as_deref(), rate, "{text}");
        }
    }

    #[test]
    fn a_sum_in_its_own_currency_stays() {
        let money = Money::from_minor(5, Currency::Cny).unwrap();
        assert_eq!(
            Rate::parse("6.8").unwrap().convert(money, Currency::Cny),
            Some(money)
        );
    }

    #[test]
    fn rates_are_read_exactly_and_written_back() {
        for text in ["6.8", "7.262774", "0.01", "20.0"] {
            assert_eq!(Rate::parse(text).unwrap().to_string(), text);
        }
        for bad in ["0.0", "", ".5", "6.1234567", "-1.0", "1e3", "12345.0"] {
            assert_eq!(Rate::parse(bad), None, "{bad}");
        }
    }
}
