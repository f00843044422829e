//! The parameters of the platform's requests (docs/protocol.md, The payment request).

/// A parameter that the interface knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is named as the documents name it")]
pub enum Param {
    DomainCode,
    PayTypeCode,
    RequestChannel,
    Money,
    Info,
    InfoEn,
    RequestKey,
    CurrencyType,
    PageUrl,
    BgUrl,
    DialogOkUrl,
    DialogFailUrl,
    Rate,
    PayTypeCodeIn,
    Sign,
    SignType,
    RefundKey,
    RefundMoney,
    Openid,
    Lang,
}

impl Param {
    /// Every parameter; the seed's fifteen come first, in its order.
    pub const ALL: [Self; 20] = [
        Self::DomainCode,
        Self::PayTypeCode,
        Self::RequestChannel,
        Self::Money,
        Self::Info,
        Self::InfoEn,
        Self::RequestKey,
        Self::CurrencyType,
        Self::PageUrl,
        Self::BgUrl,
        Self::DialogOkUrl,
        Self::DialogFailUrl,
        Self::Rate,
        Self::PayTypeCodeIn,
        Self::Sign,
        Self::SignType,
        Self::RefundKey,
        Self::RefundMoney,
        Self::Openid,
        Self::Lang,
    ];
    /// The four that the second form of the SHA-1 sign encodes.
    pub const ADDRESSES: [Self; 4] = [
        Self::PageUrl,
        Self::BgUrl,
        Self::DialogOkUrl,
        Self::DialogFailUrl,
    ];
    /// The three that send payers on.
    pub const PAGE_ADDRESSES: [Self; 3] = [Self::PageUrl, Self::DialogOkUrl, Self::DialogFailUrl];
    /// The two that name the goods.
    pub const GOODS: [Self; 2] = [Self::Info, Self::InfoEn];

    /// The name, as the documents write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DomainCode => "domainCode",
            Self::PayTypeCode => "payTypeCode",
            Self::RequestChannel => "requestChannel",
            Self::Money => "money",
            Self::Info => "info",
            Self::InfoEn => "infoEn",
            Self::RequestKey => "requestKey",
            Self::CurrencyType => "currencyType",
            Self::PageUrl => "pageUrl",
            Self::BgUrl => "bgUrl",
            Self::DialogOkUrl => "dialogOkUrl",
            Self::DialogFailUrl => "dialogFailUrl",
            Self::Rate => "rate",
            Self::PayTypeCodeIn => "payTypeCodeIn",
            Self::Sign => "sign",
            Self::SignType => "signType",
            Self::RefundKey => "refundKey",
            Self::RefundMoney => "refundMoney",
            Self::Openid => "openid",
            Self::Lang => "lang",
        }
    }

    /// The parameter of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|param| param.name() == name)
    }

    /// Whether it is one of the seed's fifteen.
    #[must_use]
    pub fn is_of_seed(self) -> bool {
        self <= Self::Sign
    }

    /// Whether no sign covers it.
    #[must_use]
    pub fn is_unsigned(self) -> bool {
        matches!(self, Self::Openid | Self::Lang)
    }

    /// Whether it is known with an HMAC sign alone.
    #[must_use]
    pub fn is_of_hmac(self) -> bool {
        matches!(self, Self::SignType | Self::RefundKey | Self::RefundMoney)
    }
}

#[cfg(test)]
mod tests {
    use super::Param;

    #[test]
    fn every_name_reads_back_and_the_seeds_come_first() {
        for param in Param::ALL {
            assert_eq!(Param::parse(param.name()), Some(param));
        }
        assert!(Param::ALL.is_sorted());
        assert!(Param::ALL[..15].iter().all(|param| param.is_of_seed()));
        assert!(!Param::ALL[15..].iter().any(|param| param.is_of_seed()));
        assert_eq!(Param::parse("Money"), None);
    }
}
