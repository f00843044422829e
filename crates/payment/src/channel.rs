//! The payment channels that a payer can pick, with the words that payTypeCode has for
//! them (docs/protocol.md, The payment request).

use crate::lang::Lang;

/// A payment channel: the seed's `payTypeCode`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Channel {
    /// WeChat Pay.
    Wechat,
    /// Alipay.
    Alipay,
    /// ChinaPay (UnionPay), the old form interface.
    ChinapayOld,
    /// PayPal.
    Paypal,
}

impl Channel {
    /// All channels, in the order in which a page offers them.
    pub const ALL: [Self; 4] = [Self::Wechat, Self::Alipay, Self::ChinapayOld, Self::Paypal];

    /// `payTypeCode` as the seed spells it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wechat => "Wechat",
            Self::Alipay => "Alipay",
            Self::ChinapayOld => "ChinapayOld",
            Self::Paypal => "Paypal",
        }
    }

    /// Reads a `payTypeCode`; case matters, as in the seed.
    #[must_use]
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.code() == code)
    }

    /// `payTypeName`: what the seed's callback and queryInfo carry, always in Chinese.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wechat => "微信支付",
            Self::Alipay => "支付宝支付",
            Self::ChinapayOld => "银联支付",
            Self::Paypal => "PayPal",
        }
    }

    /// The name that a payer reads, in the language of the page.
    #[must_use]
    pub fn label(self, lang: Lang) -> &'static str {
        match (lang, self) {
            (Lang::Zh, channel) => channel.name(),
            (Lang::En, Self::Wechat) => "WeChat Pay",
            (Lang::En, Self::Alipay) => "Alipay",
            (Lang::En, Self::ChinapayOld) => "UnionPay",
            (Lang::En, Self::Paypal) => "PayPal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_names_are_the_seeds() {
        let all: Vec<_> = Channel::ALL.iter().map(|c| (c.code(), c.name())).collect();
        assert_eq!(
            all,
            [
                ("Wechat", "微信支付"),
                ("Alipay", "支付宝支付"),
                ("ChinapayOld", "银联支付"),
                ("Paypal", "PayPal")
            ]
        );
        assert_eq!(Channel::parse("wechat"), None);
        assert_eq!(Channel::parse("Paypal"), Some(Channel::Paypal));
    }
}
