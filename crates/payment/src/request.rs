//! The requests that business systems sign, typed, and the shapes of their
//! values (docs/protocol.md; docs/signing.md, Shapes that every request keeps).

use crate::address::{Address, AddressError};
use crate::channel::Channel;
use crate::domain::{Domain, KeyRule};
use crate::lang::Lang;
use crate::money::{Currency, Money};
use crate::param::Param;
use crate::refund::AT_CHANNEL_PREFIX;
use crate::refusal::Refusal;
use crate::status::PayStatus;

const INFO_MAX: usize = 1024;
const KEY_MAX: usize = 64;

/// A payment request: the pages, pay, wechatQuery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayRequest {
    /// The business system.
    pub domain_code: String,
    /// Its key of this payment.
    pub request_key: String,
    /// The sum.
    pub money: Money,
    /// CNY per USD, as it was sent (`6.8`).
    pub rate: Option<String>,
    /// The goods.
    pub info: String,
    /// The goods in English.
    pub info_en: String,
    /// The channel, where the address or the page names one.
    pub pay_type: Option<Channel>,
    /// The business system's own extension.
    pub request_channel: String,
    /// Where the payer goes.
    pub page_url: Option<String>,
    /// Where the callback goes.
    pub bg_url: String,
    /// Where a paid payer goes.
    pub dialog_ok_url: Option<String>,
    /// Where a payer goes whose payment failed.
    pub dialog_fail_url: Option<String>,
    /// The payer's openid.
    pub openid: Option<String>,
    /// The language that the address asks for.
    pub lang: Option<Lang>,
}

/// A question whether a request was paid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueryRequest {
    /// The business system.
    pub domain_code: String,
    /// Its key of the payment.
    pub request_key: String,
}

/// A wish to refund: HMAC only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRequest {
    /// The business system.
    pub domain_code: String,
    /// Its key of the payment.
    pub request_key: String,
    /// Its key of the refund: the same again is the same refund.
    pub refund_key: String,
    /// The sum, fen.
    pub refund_money: i64,
}

/// A wish to close: HMAC only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseRequest {
    /// The business system.
    pub domain_code: String,
    /// Its key of the payment.
    pub request_key: String,
}

/// Whether `value`, not empty, has the shape of a parameter: what every
/// request keeps, whatever its sign. Also asked of values in other places, to
/// find out whether a sign has another reading.
///
/// # Errors
/// The refusal that names the parameter and its form.
pub fn check_shape(domain: &Domain, param: Param, value: &str) -> Result<(), Refusal> {
    let legacy = matches!(domain.rule, KeyRule::Legacy(_));
    let malformed = |form: (&str, &str)| Err(Refusal::malformed(param.name(), form));
    let ok = match param {
        Param::Money | Param::RefundMoney => {
            if !is_sum(value) {
                return malformed((
                    "whole fen: [1-9][0-9]{0,8}",
                    "整数分，1 到 9 位，不以 0 开头",
                ));
            }
            // What goes back is bounded by what was paid, also where less may be paid by now.
            let is_payment = param == Param::Money;
            let sum = value.parse::<i64>();
            if is_payment && sum.is_ok_and(|sum| sum > domain.settings.largest_sum) {
                return Err(Refusal::Amount(param.name().to_owned()));
            }
            true
        }
        Param::CurrencyType => {
            let partner = domain.settings.partner.is_some();
            let taken = |currency: &Currency| partner || Currency::SEED.contains(currency);
            if Currency::parse(value).filter(taken).is_none() {
                return Err(Refusal::Amount(param.name().to_owned()));
            }
            true
        }
        Param::Rate => is_rate(value),
        Param::RequestKey => is_key(value),
        Param::RefundKey => is_key(value) && is_free_refund_key(value),
        Param::DomainCode => is_key(value),
        Param::PayTypeCode | Param::PayTypeCodeIn => Channel::parse(value).is_some(),
        Param::Info | Param::InfoEn => is_goods(domain, value),
        Param::BgUrl => {
            let read = Address::callback(value);
            return read
                .map(|_| ())
                .map_err(|rule| broken_address(param.name(), rule));
        }
        Param::PageUrl | Param::DialogOkUrl | Param::DialogFailUrl => {
            let read = Address::page(value, legacy);
            return read
                .map(|_| ())
                .map_err(|rule| broken_address(param.name(), rule));
        }
        Param::Openid => value.len() <= 128 && value.bytes().all(|byte| byte.is_ascii_graphic()),
        Param::RequestChannel | Param::Sign | Param::SignType | Param::Lang => true,
    };
    if ok {
        Ok(())
    } else {
        malformed(form_of(param))
    }
}

/// The rule that an address breaks.
#[must_use]
pub fn broken_address(name: &str, rule: AddressError) -> Refusal {
    Refusal::malformed(name, (rule.to_string(), rule.zh()))
}

/// The words of payTypeCode.
const CHANNELS: &str = "Wechat | Alipay | ChinapayOld | Paypal";

/// What a parameter must be, for the developer who reads the refusal.
pub(crate) fn form_of(param: Param) -> (&'static str, &'static str) {
    match param {
        Param::Rate => (
            "0.01 to 20 with a point: [0-9]{1,2}.[0-9]{1,6}",
            "0.01 到 20，有小数点：[0-9]{1,2}.[0-9]{1,6}",
        ),
        Param::RequestKey | Param::DomainCode => (
            "1 to 64 printable ASCII characters, no blank",
            "1 到 64 个可见 ASCII 字符，没有空格",
        ),
        Param::RefundKey => (
            "1 to 64 printable ASCII characters, no blank; not beginning with ch- and without any payStatus word",
            "1 到 64 个可见 ASCII 字符，没有空格；不以 ch- 开头，不含 payStatus 的词",
        ),
        Param::PayTypeCode | Param::PayTypeCodeIn => (CHANNELS, CHANNELS),
        Param::Info | Param::InfoEn => (
            "at most 1024 characters with a letter, or digits that can't be a sum; not a currency alone, no :// and no payStatus word",
            "至多 1024 个字符，有字母或汉字，或不可能是金额的数字；不能就是币种，不含 :// 和 payStatus 的词",
        ),
        Param::Openid => (
            "1 to 128 printable ASCII characters",
            "1 到 128 个可见 ASCII 字符",
        ),
        _ => ("of its documented form", "文档里的形式"),
    }
}

/// `[1-9][0-9]{0,8}`.
fn is_sum(text: &str) -> bool {
    text.len() <= 9 && !text.starts_with('0') && is_digits(text)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// `[0-9]{1,2}\.[0-9]{1,6}` from 0.01 to 20.
fn is_rate(text: &str) -> bool {
    let Some((whole, decimals)) = text.split_once('.') else {
        return false;
    };
    if !is_digits(whole) || !is_digits(decimals) || whole.len() > 2 || decimals.len() > 6 {
        return false;
    }
    let millionths: u64 = format!("{whole}{decimals:0<6}").parse().unwrap_or(0);
    (10_000..=20_000_000).contains(&millionths)
}

fn is_key(text: &str) -> bool {
    (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Goods as real senders name them, and nothing that could be a sum, a
/// currency, an address or a status.
fn is_goods(domain: &Domain, text: &str) -> bool {
    let could_be_sum = is_sum(text)
        && text
            .parse::<i64>()
            .is_ok_and(|sum| sum <= domain.settings.largest_sum);
    let named = text.contains(char::is_alphabetic) || (is_digits(text) && !could_be_sum);
    named
        && text.chars().count() <= INFO_MAX
        && Currency::parse(text).is_none()
        && !text.contains("://")
        && !holds_status(text)
}

fn holds_status(text: &str) -> bool {
    let mut words = PayStatus::ALL.iter().map(|status| status.word());
    words.any(|word| text.contains(word))
}

/// Neither one of those that stand for money that went back at the channel, nor one
/// that a callback could be taken for another by.
fn is_free_refund_key(key: &str) -> bool {
    !key.starts_with(AT_CHANNEL_PREFIX) && !holds_status(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(name: &str, value: &str) -> bool {
        check_shape(&Domain::test(), Param::parse(name).unwrap(), value).is_ok()
    }

    #[test]
    fn money_is_whole_positive_fen_up_to_the_largest_sum() {
        for good in ["1", "2678100", "50000000"] {
            assert!(takes("money", good), "{good}");
        }
        for bad in [
            "0",
            "-1",
            "1.5",
            "1e3",
            "01",
            "+1",
            "12345678901234567890",
            "50000001",
            "１",
        ] {
            assert!(!takes("money", bad), "{bad}");
        }
    }

    #[test]
    fn a_rate_always_has_a_point() {
        for good in ["6.8", "0.01", "20.0", "6.123456", "20.000000"] {
            assert!(takes("rate", good), "{good}");
        }
        for bad in [
            "6",
            "6.",
            ".8",
            "0.009",
            "20.1",
            "6.1234567",
            "100.1",
            "6.8.1",
            "-6.8",
            "0.0",
        ] {
            assert!(!takes("rate", bad), "{bad}");
        }
    }

    #[test]
    fn goods_can_be_nothing_else() {
        for good in [
            "这是你买的商品详单信息",
            "96577886",
            "0123",
            "耳机 A+B~",
            "x1",
            "50000001",
        ] {
            assert!(takes("info", good), "{good}");
        }
        for bad in [
            "2678100",
            "1",
            "CNY",
            "USD",
            "a http://b",
            "xSUCCESSPAYx",
            "CLOSED",
            "...",
            "6.8",
        ] {
            assert!(!takes("info", bad), "{bad}");
        }
        assert!(!takes("info", &"耳".repeat(1025)));
        assert!(takes("info", &"耳".repeat(1024)));
    }

    #[test]
    fn keys_are_printable_ascii() {
        for good in ["324", "88a17e1fbf275c12c77a4b88ce3bf632", "!~"] {
            assert!(takes("requestKey", good), "{good}");
        }
        for bad in ["a b", "键", &"x".repeat(65)] {
            assert!(!takes("requestKey", bad), "{bad}");
        }
    }

    #[test]
    fn only_legacy_domains_send_bare_hosts() {
        assert!(takes("pageUrl", "www.10020.cn"));
        assert!(check_shape(&Domain::demo(), Param::PageUrl, "www.10020.cn").is_err());
        assert!(!takes("bgUrl", "www.10020.cn"));
        assert!(!takes("pageUrl", "javascript:alert(1)"));
    }
}
