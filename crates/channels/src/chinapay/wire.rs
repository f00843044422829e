//! What is signed, and what comes back (docs/reference/chinapay.md).

use crate::text::{each_once, form_pairs};
use payment::money::{Currency, Money};
use payment::ports::{ChannelError, Doubt};

/// How a merchant's pay requests are signed; ChinaPay tells each merchant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// Without `Priv1`.
    V20040916,
    /// With `Priv1`: most merchants'.
    V20070129,
    /// With the addresses, too.
    V20141120,
}

impl Version {
    /// Reads the eight digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::V20040916, Self::V20070129, Self::V20141120]
            .into_iter()
            .find(|version| version.word() == text)
    }

    /// The eight digits.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::V20040916 => "20040916",
            Self::V20070129 => "20070129",
            Self::V20141120 => "20141120",
        }
    }

    /// Whether an order's number must hold the end of the merchant's.
    pub(super) fn binds_merchant(self) -> bool {
        self != Self::V20070129
    }

    /// The values that a pay request's `ChkValue` covers, in this order.
    pub(super) fn signed(self) -> &'static [&'static str] {
        match self {
            Self::V20040916 => &SIGNED[..6],
            Self::V20070129 => &SIGNED[..7],
            Self::V20141120 => &[
                "MerId",
                "OrdId",
                "TransAmt",
                "CuryId",
                "TransDate",
                "TransType",
                "Version",
                "BgRetUrl",
                "PageRetUrl",
                "GateId",
                "Priv1",
            ],
        }
    }
}

const SIGNED: [&str; 7] = [
    "MerId",
    "OrdId",
    "TransAmt",
    "CuryId",
    "TransDate",
    "TransType",
    "Priv1",
];

/// What ChinaPay signs: values joined without separators, by one key. Their lengths are
/// fixed, and a word says which message it is, so that the same text has no other cut: a
/// payer holds what was signed of his payment, and could read it as its refund.
pub(super) struct Message {
    /// The name of the signature.
    pub(super) sign: &'static str,
    /// Each value's name, and what it is like.
    values: [(&'static str, Shape); 7],
}

enum Shape {
    Any,
    /// So many bytes.
    Long(usize),
    /// The transtype, which says which message it is.
    Words(&'static [&'static str]),
}

impl Shape {
    fn fits(&self, value: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Long(bytes) => value.len() == *bytes,
            Self::Words(words) => words.contains(&value),
        }
    }
}

/// A payment, as an answer or notify tells of it.
pub(super) static PAID: Message = Message {
    sign: "checkvalue",
    values: [
        ("merid", Shape::Long(15)),
        ("orderno", Shape::Long(16)),
        ("amount", Shape::Long(12)),
        ("currencycode", Shape::Long(3)),
        ("transdate", Shape::Long(8)),
        ("transtype", Shape::Words(&["0001"])),
        ("status", Shape::Long(4)),
    ],
};

/// A refund of the whole, of a part; and the same where another refund of the order went
/// before it.
pub(super) const REFUND_TYPES: [&str; 4] = ["0002", "0102", "0012", "0112"];

/// A refund, as an answer or notify tells of it; the misspelling is genuine.
pub(super) static REFUNDED: Message = Message {
    sign: "CheckValue",
    values: [
        ("MerID", Shape::Long(15)),
        ("ProcessDate", Shape::Long(8)),
        ("TransType", Shape::Words(&REFUND_TYPES)),
        ("OrderId", Shape::Long(16)),
        // Unconfirmed: the request has twelve digits.
        ("RefundAmout", Shape::Any),
        ("Status", Shape::Long(1)),
        ("Priv1", Shape::Any),
    ],
};

/// Pairs as they came, decoded once.
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    pub(super) fn of_form(body: &[u8]) -> Result<Self, ChannelError> {
        form_pairs(body).map(Self)
    }

    /// The line that an HTML answer holds between its tags.
    pub(super) fn of_page(page: &str) -> Result<Self, ChannelError> {
        let (mut text, mut inside) = (String::new(), false);
        for character in page.chars() {
            match character {
                '<' => inside = true,
                '>' => inside = false,
                _ if inside || character.is_whitespace() => {}
                _ => text.push(character),
            }
        }
        let text = text.replace("&amp;", "&");
        // The first spelling is the genuine one.
        let start = ["ResponeseCode=", "ResponseCode="]
            .into_iter()
            .filter_map(|name| text.find(name))
            .min();
        let none = || ChannelError::unknown(Doubt::Nonsense, "not the documented one");
        let pairs = text[start.ok_or_else(none)?..].split('&').map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        });
        let pairs: Vec<_> = pairs.collect();
        each_once(&pairs)?;
        Ok(Self(pairs))
    }

    /// The value of a name, case as written; nothing where it is missing.
    pub(super) fn get(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    /// The text that is signed of a message; none where its values are cut otherwise.
    pub(super) fn signed(&self, message: &Message) -> Option<String> {
        let values = message.values.iter();
        let values = values.map(|(name, shape)| Some(self.get(name)).filter(|it| shape.fits(it)));
        values.collect()
    }

    /// The code of an answer, in either spelling.
    pub(super) fn code(&self) -> &str {
        match self.get("ResponeseCode") {
            "" => self.get("ResponseCode"),
            code => code,
        }
    }
}

/// Twelve digits of fen.
pub(super) fn amount(money: Money) -> String {
    format!("{:012}", money.minor())
}

/// A sum of twelve digits and a currency's number.
pub(super) fn money(amount: &str, currency: &str) -> Option<Money> {
    let currency = match currency {
        "156" => Currency::Cny,
        "840" => Currency::Usd,
        _ => return None,
    };
    let digits = amount.len() == 12 && amount.bytes().all(|byte| byte.is_ascii_digit());
    let minor = digits.then(|| amount.parse().ok())?;
    Money::from_minor(minor?, currency)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_found_between_tags_and_in_both_spellings() {
        let page = "<html>\r\n<body>\r\n ResponeseCode=0&merid=8080\r\n&status=1001 </body></html>";
        let fields = Fields::of_page(page).unwrap();
        assert_eq!((fields.code(), fields.get("status")), ("0", "1001"));
        assert_eq!(fields.get("merid"), "8080");
        let fields = Fields::of_page("ResponseCode=307&Message=x").unwrap();
        assert_eq!((fields.code(), fields.get("Message")), ("307", "x"));
        assert!(Fields::of_page("<html>502</html>").is_err());
        assert!(Fields::of_page("ResponseCode=0&a=1&a=2").is_err());
    }

    #[test]
    fn sums_have_twelve_digits() {
        let sum = Money::from_minor(1_234, Currency::Cny).unwrap();
        assert_eq!(amount(sum), "000000001234");
        assert_eq!(money("000000001234", "156"), Some(sum));
        for (bad, currency) in [
            ("1234", "156"),
            ("00000000123a", "156"),
            ("+00000001234", "156"),
            ("000000001234", "999"),
        ] {
            assert_eq!(money(bad, currency), None, "{bad} {currency}");
        }
    }
}
