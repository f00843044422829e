//! The words and sums of Apay's wire (docs/forecore.md).

use crate::channel::Channel;
use crate::money::two_decimals;
use crate::refusal::Refusal;

/// The largest sum of an order: 9999999.99 (docs/forecore.md), in fen or cents.
pub const LARGEST_MINOR: i64 = 999_999_999;

/// The way to pay that a partner asks for; none: the payer chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PayType {
    /// `WECHATPAYH5`.
    Wechat,
    /// `ALIPAYH5`.
    Alipay,
    /// `UNIONPAYH5`.
    Union,
}

impl PayType {
    /// Every way.
    pub const ALL: [Self; 3] = [Self::Wechat, Self::Alipay, Self::Union];

    /// The seed's word.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Wechat => "WECHATPAYH5",
            Self::Alipay => "ALIPAYH5",
            Self::Union => "UNIONPAYH5",
        }
    }

    /// Reads the seed's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|pay_type| pay_type.word() == word)
    }

    /// Reads the seed's word in the field `name`.
    ///
    /// # Errors
    /// [`Refusal::Malformed`] with the words that there are.
    pub fn read(name: &str, word: &str) -> Result<Self, Refusal> {
        let form = "WECHATPAYH5, ALIPAYH5 or UNIONPAYH5";
        Self::parse(word).ok_or_else(|| Refusal::malformed(name, form))
    }

    /// The channel that it stands for.
    #[must_use]
    pub fn channel(self) -> Channel {
        match self {
            Self::Wechat => Channel::Wechat,
            Self::Alipay => Channel::Alipay,
            Self::Union => Channel::ChinapayOld,
        }
    }
}

/// Fen of a positive sum in yuan with at most two decimals, up to 9999999.99;
/// never through a float.
#[must_use]
pub fn fen_of_yuan(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, "00"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let led = whole.len() > 1 && whole.starts_with('0');
    if !digits(whole) || !digits(decimals) || led || whole.len() > 7 || decimals.len() > 2 {
        return None;
    }
    let fen: i64 = format!("{whole}{decimals:0<2}").parse().ok()?;
    (1..=LARGEST_MINOR).contains(&fen).then_some(fen)
}

/// The same of a sum that a program reckoned in binary: `1.6199999999999999` is 1.62. What
/// is further from a fen than that leaves is no sum.
#[must_use]
pub fn fen_of_binary(text: &str) -> Option<i64> {
    const NEAR_DIGITS: usize = 6;
    const DECIMALS_MAX: usize = 20;
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let parts = decimals.split_at_checked(2);
    let parts = parts.and_then(|(kept, cut)| Some((kept, cut, cut.get(..NEAR_DIGITS)?)));
    let Some((kept, cut, near)) = parts else {
        return fen_of_yuan(text);
    };
    if decimals.len() > DECIMALS_MAX || !cut.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let down = fen_of_yuan(&format!("{whole}.{kept}"))?;
    let is_all = |digit: u8| near.bytes().all(|byte| byte == digit);
    match (is_all(b'0'), is_all(b'9')) {
        (true, _) => Some(down),
        (_, true) => Some(down + 1).filter(|fen| *fen <= LARGEST_MINOR),
        _ => None,
    }
}

/// Yuan as JavaScript writes the number: `1`, `14.27`, `0.5`.
#[must_use]
pub fn yuan(fen: i64) -> String {
    let text = two_decimals(fen);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_that_were_reckoned_in_binary_are_read() {
        for (text, fen) in [
            ("1", Some(100)),
            ("1.5", Some(150)),
            ("14.27", Some(1427)),
            ("1.6199999999999999", Some(162)),
            ("2.0599999999999996", Some(206)),
            ("2.0600000000000001", Some(206)),
            ("0.30000000000000004", Some(30)),
            ("9999999.9899999999", Some(999_999_999)),
            ("9999999.9999999999", None),
            ("1.625", None),
            ("1.62500000000000000", None),
            ("1.6199999999999999e1", None),
            ("1.619999999999999999999999", None),
        ] {
            assert_eq!(fen_of_binary(text), fen, "{text}");
        }
        // Every sum of one step of such a program.
        for fen in 1_i64..3_000 {
            for step in [-3, -1, 1, 2] {
                let sum = fen as f64 / 100.0 + f64::from(step) / 100.0;
                let wanted = fen + i64::from(step);
                if wanted > 0 {
                    assert_eq!(fen_of_binary(&sum.to_string()), Some(wanted), "{sum}");
                }
            }
        }
    }

    #[test]
    fn sums_are_read_and_written_without_floats() {
        for (text, fen) in [
            ("1", Some(100)),
            ("1.00", Some(100)),
            ("0.1", Some(10)),
            ("14.27", Some(1427)),
            ("9999999.99", Some(999_999_999)),
            ("10000000", None),
            ("0", None),
            ("0.00", None),
            ("01", None),
            (".5", None),
            ("1.", None),
            ("1e2", None),
            ("+1", None),
            ("", None),
        ] {
            assert_eq!(fen_of_yuan(text), fen, "{text}");
        }
        for (fen, text) in [
            (100, "1"),
            (1427, "14.27"),
            (50, "0.5"),
            (10, "0.1"),
            (1000, "10"),
        ] {
            assert_eq!(yuan(fen), text);
        }
        assert_eq!(yuan(-100), "-1");
    }
}
