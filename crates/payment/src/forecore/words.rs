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
