//! The published table of errcodes: one code per cause (docs/protocol.md, errcodes).

use crate::lang::Lang;

/// An `errcode` of the platform's envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrCode {
    /// `0`: done.
    Success,
    /// `10001`: a required parameter is missing.
    Missing,
    /// `10002`: a parameter, or the request as a whole, is malformed.
    Malformed,
    /// `10003`: no such domainCode.
    UnknownDomain,
    /// `10004`: the sign does not match.
    BadSign,
    /// `10005`: the domain does not have this channel.
    UnsupportedChannel,
    /// `10006`: the amount or the currency is refused.
    Amount,
    /// `10007`: the requestKey was used with another sum or currency.
    KeyReused,
    /// `10008`: the request was closed by the business system.
    Closed,
    /// `10009`: the request is paid already.
    AlreadyPaid,
    /// `10010`: openid is missing.
    OpenidMissing,
    /// `10011`: the sign would hold for another reading of the values too, or a rule
    /// is broken that keeps the domain's requests to one (docs/signing.md).
    Ambiguous,
    /// `10012`: the channel can't be reached or refused the order.
    ChannelUnavailable,
    /// `10013`: too many requests.
    TooMany,
    /// `10014`: an address that this domain may not name.
    AddressRefused,
    /// `10015`: this call takes HMAC only, or the domain requires it.
    HmacRequired,
    /// `10016`: the HTTP method is not the documented one.
    Method,
    /// `10017`: a channel has not said yet how the order stands; repeat the call.
    InProgress,
    /// `10018`: there is no payment under this requestKey.
    NotPaid,
    /// `10019`: the refundKey was used for another payment or sum.
    RefundKeyReused,
    /// `10099`: our own trouble; try again.
    Internal,
    /// `30000`: keep polling.
    KeepPolling,
}

impl ErrCode {
    /// Every code, in the order of the published table.
    pub const ALL: [Self; 22] = [
        Self::Success,
        Self::Missing,
        Self::Malformed,
        Self::UnknownDomain,
        Self::BadSign,
        Self::UnsupportedChannel,
        Self::Amount,
        Self::KeyReused,
        Self::Closed,
        Self::AlreadyPaid,
        Self::OpenidMissing,
        Self::Ambiguous,
        Self::ChannelUnavailable,
        Self::TooMany,
        Self::AddressRefused,
        Self::HmacRequired,
        Self::Method,
        Self::InProgress,
        Self::NotPaid,
        Self::RefundKeyReused,
        Self::Internal,
        Self::KeepPolling,
    ];

    /// The text of `errcode`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.row().0
    }

    /// A general errormsg for the code, in the caller's language; it says what to do.
    #[must_use]
    pub fn message(self, lang: Lang) -> &'static str {
        let (_, zh, en) = self.row();
        lang.choose(zh, en)
    }

    fn row(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Success => ("0", "操作成功", "OK"),
            Self::Missing => (
                "10001",
                "缺少参数，请补全后重试",
                "A parameter is missing; add it",
            ),
            Self::Malformed => (
                "10002",
                "参数格式错误，请检查后重试",
                "A parameter is malformed; correct it",
            ),
            Self::UnknownDomain => (
                "10003",
                "domainCode不存在，请核对支付平台分配的domainCode",
                "Unknown domainCode; use the one that the platform assigned",
            ),
            Self::BadSign => (
                "10004",
                "签名错误，请核对domainSecret与签名规则",
                "The sign does not match; check the secret and the sign rule",
            ),
            Self::UnsupportedChannel => (
                "10005",
                "不支持该支付方式，请选择其他支付方式",
                "This channel is not available; pick another one",
            ),
            Self::Amount => (
                "10006",
                "支付金额或币种不被接受，请检查money与currencyType",
                "The amount or currency is refused; check money and currencyType",
            ),
            Self::KeyReused => (
                "10007",
                "requestKey已用于其他金额或币种的支付，请更换requestKey",
                "This requestKey was used with another sum; use a new one",
            ),
            Self::Closed => (
                "10008",
                "支付请求已关闭，请重新下单",
                "This payment request is closed; place a new order",
            ),
            Self::AlreadyPaid => (
                "10009",
                "该订单已支付成功，请勿重复支付",
                "This order is paid already; do not pay again",
            ),
            Self::OpenidMissing => (
                "10010",
                "缺少openid，请先在微信中获取openid",
                "openid is missing; get it inside WeChat first",
            ),
            Self::Ambiguous => (
                "10011",
                "请求存在多种含义，为保护资金已拒绝，请使用HMAC签名或调整参数",
                "The signed values can be read in more than one way; use the HMAC sign",
            ),
            Self::ChannelUnavailable => (
                "10012",
                "支付渠道暂不可用，请稍后再试或选择其他支付方式",
                "The channel is unavailable; try again or pick another one",
            ),
            Self::TooMany => (
                "10013",
                "请求过于频繁，请稍后再试",
                "Too many requests; wait a moment",
            ),
            Self::AddressRefused => (
                "10014",
                "地址不在允许范围内，请联系支付平台登记该地址",
                "This address is not allowed for the domain; have it listed",
            ),
            Self::HmacRequired => (
                "10015",
                "该接口或该domain要求使用HMAC-SHA256签名",
                "HMAC-SHA256 is required here; sign with signType=HMAC-SHA256",
            ),
            Self::Method => (
                "10016",
                "HTTP方法错误，请按接口文档使用GET或POST",
                "Wrong HTTP method; use the documented one",
            ),
            Self::InProgress => (
                "10017",
                "渠道尚未确认，请稍后用相同参数重试",
                "The channel has not confirmed yet; repeat the same call later",
            ),
            Self::NotPaid => (
                "10018",
                "该requestKey没有已支付的订单，无法退款",
                "There is no payment under this requestKey, so nothing to refund",
            ),
            Self::RefundKeyReused => (
                "10019",
                "refundKey已用于其他退款，请更换refundKey",
                "This refundKey was used for another refund; use a new one",
            ),
            Self::Internal => (
                "10099",
                "系统繁忙，请稍后再试",
                "The system is busy; try again in a moment",
            ),
            Self::KeepPolling => (
                "30000",
                "等待支付，请继续查询",
                "Not paid yet; keep polling",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_a_code_of_its_own() {
        let mut codes: Vec<_> = ErrCode::ALL.iter().map(|code| code.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), ErrCode::ALL.len());
    }
}
