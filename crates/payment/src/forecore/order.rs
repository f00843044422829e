//! What a partner orders (docs/forecore.md).

use super::Fields;
use crate::address::{Address, AddressError};
use crate::channel::Channel;
use crate::money::{Currency, Money};
use crate::refusal::Refusal;
use crate::request::broken_address;

/// The largest sum of an order: 9999999.99 (docs/forecore.md), in fen or cents.
pub const LARGEST_MINOR: i64 = 999_999_999;
const TEXT_MAX: usize = 128;
/// What no address of a partner holds, and a cb_url neither.
const URL_WITHOUT: [&str; 4] = ["\\", "\"", "<", ">"];
const CB_URL_WITHOUT: [&str; 5] = ["#", "\\", "\"", "<", ">"];

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

/// An order as a partner asks for it: its shapes hold, its sign is judged elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// The partner's own number of it.
    pub out_order_id: String,
    /// The sum.
    pub money: Money,
    /// Where the partner is told of the payment.
    pub cb_url: String,
    /// Where the payer goes then; empty: our own result page.
    pub return_url: String,
    /// The partner's payer.
    pub user_id: String,
    /// The way to pay.
    pub pay_type: Option<PayType>,
    /// The partner's clock, ms since 1970, where it is sent.
    pub time_ms: Option<i64>,
}

/// An order as it is kept, under a number of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerOrder {
    /// Our number of it, 20 digits: `orderId`.
    pub order_id: String,
    /// The partner, as [`crate::domain::Domain::partner_code`].
    pub domain_code: String,
    /// What was ordered; its `time_ms` is not kept.
    pub order: Order,
    /// When, ms since 1970.
    pub created_ms: i64,
}

impl Order {
    /// Reads an order.
    ///
    /// # Errors
    /// The first field that is missing or malformed, and its form.
    pub fn read(fields: &Fields) -> Result<Self, Refusal> {
        let out_order_id = short("outOrderId", fields.required("outOrderId")?)?;
        let currency = Currency::parse(fields.required("currency")?)
            .ok_or_else(|| Refusal::malformed("currency", "CNY, USD or CAD"))?;
        let fen = fen_of_yuan(fields.required("money")?);
        let money = fen.and_then(|fen| Money::from_minor(fen, currency));
        let money = money.ok_or_else(|| {
            Refusal::malformed(
                "money",
                "yuan from 0.01 to 9999999.99, at most two decimals",
            )
        })?;
        let cb_url = address("cb_url", fields.required("cb_url")?, &CB_URL_WITHOUT)?;
        let return_url = fields
            .given("return_url")
            .map_or(Ok(String::new()), |url| {
                address("return_url", url, &URL_WITHOUT)
            })?;
        let user_id = fields
            .given("userId")
            .map_or(Ok(String::new()), |id| short("userId", id))?;
        let pay_type = fields.given("type");
        let pay_type = pay_type
            .map(|word| PayType::read("type", word))
            .transpose()?;
        let time_ms = match fields.given("time") {
            None => None,
            Some(time) => Some(
                time.parse()
                    .map_err(|_| Refusal::malformed("time", "ms since 1970"))?,
            ),
        };
        Ok(Self {
            out_order_id,
            money,
            cb_url,
            return_url,
            user_id,
            pay_type,
            time_ms,
        })
    }

    /// Whether the other one orders the same: all but `time`.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let timeless = |order: &Self| Self {
            time_ms: None,
            ..order.clone()
        };
        timeless(self) == timeless(other)
    }
}

fn short(name: &str, text: &str) -> Result<String, Refusal> {
    if text.chars().count() > TEXT_MAX {
        return Err(Refusal::malformed(name, "at most 128 characters"));
    }
    Ok(text.to_owned())
}

/// An address: its query is the partner's own, and comes back to him.
fn address(name: &str, text: &str, without: &[&'static str]) -> Result<String, Refusal> {
    let refused = |rule| broken_address(name, rule);
    let address = Address::parse(text).map_err(refused)?;
    if let Some(held) = without.iter().find(|held| text.contains(**held)) {
        return Err(refused(AddressError::Holds(held)));
    }
    let before = text.split(['?', '#']).next().unwrap_or_default();
    if before.contains('@') {
        return Err(refused(AddressError::Holds("@")));
    }
    if before.matches("://").count() != 1 {
        return Err(refused(AddressError::SecondScheme));
    }
    Ok(address.as_str().to_owned())
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
    let (sign, fen) = (if fen < 0 { "-" } else { "" }, fen.unsigned_abs());
    let text = format!("{sign}{}.{:02}", fen / 100, fen % 100);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(more: &str) -> Result<Order, Refusal> {
        let base = "outOrderId=a1&currency=USD&money=14.27&cb_url=http%3A%2F%2Fa.cn%2Fcb%3Fx%3D1";
        Order::read(
            &Fields::from_query(base)
                .unwrap()
                .overlaid(Fields::from_query(more).unwrap()),
        )
    }

    #[test]
    fn an_order_is_read_with_its_parts() {
        let order = read("userId=u&type=ALIPAYH5&time=5&return_url=https%3A%2F%2Fa.cn%2F").unwrap();
        assert_eq!(order.money, Money::from_minor(1427, Currency::Usd).unwrap());
        assert_eq!(order.cb_url, "http://a.cn/cb?x=1");
        assert_eq!(order.pay_type.map(PayType::channel), Some(Channel::Alipay));
        assert_eq!((order.user_id.as_str(), order.time_ms), ("u", Some(5)));
        assert!(order.is_same(&Order {
            time_ms: None,
            ..order.clone()
        }));
        assert!(!order.is_same(&read("userId=u").unwrap()));
    }

    #[test]
    fn what_is_malformed_is_named() {
        for (more, name) in [
            ("outOrderId=", "outOrderId"),
            ("currency=cny", "currency"),
            ("money=-1", "money"),
            ("money=1.234", "money"),
            ("cb_url=ftp://a.cn/", "cb_url"),
            ("cb_url=http://u@a.cn/", "cb_url"),
            ("return_url=a.cn", "return_url"),
            ("type=CASH", "type"),
            ("time=now", "time"),
        ] {
            let refusal = read(more).unwrap_err().to_string();
            assert!(refusal.contains(name), "{more}: {refusal}");
        }
    }

    #[test]
    fn a_return_url_may_hold_a_fragment_and_the_broken_rule_is_named() {
        let order = read("return_url=https%3A%2F%2Fa.cn%2F%23%2Fpay%2Fresult").unwrap();
        assert_eq!(order.return_url, "https://a.cn/#/pay/result");
        for (more, rule) in [
            (
                "cb_url=http%3A%2F%2Fa.cn%2F%23x",
                "cb_url must be an address without #",
            ),
            ("return_url=https%3A%2F%2Fu%40a.cn%2F", "without @"),
            ("return_url=https%3A%2F%2Fa.cn%3A99999%2F", "port"),
            ("return_url=a.cn", "begins with http:// or https://"),
        ] {
            let refusal = read(more).unwrap_err().to_string();
            assert!(refusal.contains(rule), "{more}: {refusal}");
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
