//! Exchange rates between CNY and another currency: CNY per unit of that, exact to
//! the millionth (seed 000, `rate`; design section 5).

use crate::money::{Currency, Money};
use std::fmt;

/// One in millionths.
const ONE: i128 = 1_000_000;

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
