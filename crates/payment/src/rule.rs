//! The rules that keep a domain's requests to one meaning, as the developer of a
//! business system reads them: each with its figure, in both languages.

use crate::lang::Lang;
use crate::money::Currency;

/// A rule that a request breaks whose sign holds (docs/signing.md).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// requestKey: the domain's prefix, and its length in all.
    Key {
        /// The prefix.
        prefix: String,
        /// Characters in all.
        length: usize,
    },
    /// requestChannel: one of the domain's values.
    RequestChannel(Vec<String>),
    /// The domain's one currency.
    Currency(Currency),
    /// rate: one digit, a point, and this many decimals.
    Rate(u8),
    /// These goods begin with a letter.
    GoodsBegin(String),
    /// These goods don't hold the prefix.
    GoodsHoldPrefix {
        /// The parameter.
        name: String,
        /// The prefix.
        prefix: String,
    },
    /// payTypeCodeIn is empty.
    PayTypeCodeIn,
    /// The signed values, joined, don't hold SUCCESSPAY.
    StatusWord,
    /// rate: none is taken, since the domain's decimals are not set.
    NoRate,
    /// These goods, or this bare host, could be cut out of money or rate, or these
    /// out of them.
    Cut(String),
    /// requestKey, money, rate or requestChannel could begin and end elsewhere.
    DigitsMove,
    /// The values hold the word of the other currency.
    OtherCurrency(Currency),
    /// Whole values, given to other parameters, make another payment.
    Swapped,
}

impl Rule {
    /// The rule with its figure.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        match lang {
            Lang::Zh => self.zh(),
            Lang::En => self.en(),
        }
    }

    fn zh(&self) -> String {
        match self {
            Self::Key { prefix, length } => {
                format!("requestKey 须以 {prefix} 开头、共 {length} 位，只含字母、数字、_ 和 -")
            }
            Self::RequestChannel(values) => {
                format!("requestChannel 须为 {}", listed(values, "或", "空"))
            }
            Self::Currency(code) => format!("currencyType 须为 {code}"),
            Self::Rate(decimals) => format!("rate 须为一位整数、小数点和 {decimals} 位小数"),
            Self::GoodsBegin(name) => format!("{name} 须以字母或汉字开头"),
            Self::GoodsHoldPrefix { name, prefix } => format!("{name} 不得包含 {prefix}"),
            Self::PayTypeCodeIn => "payTypeCodeIn 须为空".to_owned(),
            Self::StatusWord => "参数值连接后不得包含 SUCCESSPAY".to_owned(),
            Self::NoRate => "该domain不接受 rate（未登记小数位数 --rate-decimals）".to_owned(),
            Self::Cut(name) if name.starts_with("info") => {
                format!("{name} 与金额相邻，须以字母或汉字开头，否则金额可被改读")
            }
            Self::Cut(name) => {
                format!("{name} 与金额相邻，须以 http:// 或 https:// 开头，否则金额可被改读")
            }
            Self::DigitsMove => {
                "money、rate 或 requestChannel 可被改读：请以字母作 requestKey 的首字符".to_owned()
            }
            Self::OtherCurrency(word) => format!("参数值不得包含另一币种 {word}"),
            Self::Swapped => "money、currencyType 或 rate 可读作其他参数的值".to_owned(),
        }
    }

    fn en(&self) -> String {
        match self {
            Self::Key { prefix, length } => format!(
                "requestKey begins with {prefix} and has {length} characters in all: letters, digits, _ and -"
            ),
            Self::RequestChannel(values) => {
                format!("requestChannel is {}", listed(values, "or", "empty"))
            }
            Self::Currency(code) => format!("currencyType is {code}"),
            Self::Rate(decimals) => format!("rate is one digit, a point and {decimals} decimals"),
            Self::GoodsBegin(name) => format!("{name} begins with a letter"),
            Self::GoodsHoldPrefix { name, prefix } => format!("{name} does not hold {prefix}"),
            Self::PayTypeCodeIn => "payTypeCodeIn is empty".to_owned(),
            Self::StatusWord => "the values, joined, don't hold SUCCESSPAY".to_owned(),
            Self::NoRate => "rate is not taken: the domain has no --rate-decimals".to_owned(),
            Self::Cut(name) if name.starts_with("info") => format!(
                "{name} stands next to the sum, which could be cut into it: begin goods with a letter"
            ),
            Self::Cut(name) => format!(
                "{name} stands next to the sum, which could be cut into it: begin it with http:// or https://"
            ),
            Self::DigitsMove => "money, rate or requestChannel could begin elsewhere: begin requestKey with a letter".to_owned(),
            Self::OtherCurrency(word) => format!("no value holds the other currency, {word}"),
            Self::Swapped => {
                "money, currencyType or rate could be another value of the request".to_owned()
            }
        }
    }
}

/// Values of a parameter as a list; an empty one by a word.
fn listed(values: &[String], or: &str, empty: &str) -> String {
    let shown: Vec<&str> = values
        .iter()
        .map(|value| if value.is_empty() { empty } else { value })
        .collect();
    shown.join(&format!(" {or} "))
}
