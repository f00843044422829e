//! Why a call is not done, and how it is told (docs/epay.md, Errors).

use super::answer::object;
use checkout::Failure as Trouble;
use payment::errcode::ErrCode;
use payment::lang::Lang;
use payment::money::two_decimals;
use payment::refusal::Refusal;
use payment::slip::{self, Slip, Slips};
use serde_json::{Map, Value, json};

/// Why a call is not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// Nothing came.
    #[error("no field came")]
    Nothing,
    /// No pid.
    #[error("pid is missing")]
    NoPid,
    /// No such pid.
    #[error("no such pid")]
    UnknownPid,
    /// No sign.
    #[error("sign is missing")]
    NoSign,
    /// The sign does not hold; what was done otherwise, where that may be told.
    #[error("wrong sign")]
    WrongSign(Slips),
    /// The key is another one.
    #[error("wrong key")]
    WrongKey,
    /// Another sign than MD5.
    #[error("sign_type is not MD5")]
    SignType,
    /// The sign holds for other fields too: what to change.
    #[error("{0} makes the sign ambiguous")]
    Ambiguous(String),
    /// A field that nobody knows comes right behind an address in the signed text, and may be
    /// a part of its query: the field, and the address.
    #[error("{0} comes right behind {1}")]
    BehindAddress(String, String),
    /// The number was used for another order.
    #[error("out_trade_no was used for an order with other content")]
    OrderReused,
    /// The order is paid already: its number.
    #[error("order {0} is paid already")]
    Paid(String),
    /// No such order.
    #[error("no such order")]
    UnknownOrder,
    /// The order is not paid.
    #[error("the order is not paid")]
    NotPaid,
    /// More than is left to refund: what is left, fen.
    #[error("more than is left to refund")]
    TooMuch(i64),
    /// The number was used for another refund.
    #[error("out_refund_no was used for another refund")]
    RefundReused,
    /// The channel refused the refund.
    #[error("the channel refused the refund")]
    RefundRefused,
    /// The channel can't refund, or can't say whether it did: the operator looks.
    #[error("the refund waits for a person")]
    Parked,
    /// No act, or one that there is not.
    #[error("no such act")]
    NoAct,
    /// Another file than the three.
    #[error("no such file")]
    NoFile,
    /// A field is missing or malformed, or something of ours failed.
    #[error("{0}")]
    Other(Trouble),
}

/// What is signed, behind the words that clients of this interface know.
const RULE_ZH: &str =
    "签名是除 sign、sign_type 和空值外全部参数按名排序、用 & 连接、再直接接密钥的 MD5。";

/// What was done otherwise, behind what is right.
fn otherwise(slips: &[Slip], lang: Lang) -> String {
    match (slips, lang) {
        ([], _) => String::new(),
        (_, Lang::Zh) => format!("看来{}", slip::told(slips, lang)),
        (_, Lang::En) => format!("; it seems that {}", slip::told(slips, lang)),
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal.into())
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::KeyReused => Self::OrderReused,
            Trouble::AlreadyPaid => Self::Paid(String::new()),
            Trouble::NotPaid => Self::NotPaid,
            Trouble::TooMuch(left) => Self::TooMuch(left),
            Trouble::RefundKeyReused => Self::RefundReused,
            Trouble::Refused(Refusal::UnknownDomain) => Self::UnknownPid,
            Trouble::Refused(Refusal::BadSign { slips, .. }) => Self::WrongSign(slips),
            other => Self::Other(other),
        }
    }
}

impl Failure {
    /// The code of the interface.
    #[must_use]
    pub fn code(&self) -> i64 {
        match self {
            Self::Nothing => -4,
            Self::NoSign | Self::WrongSign(_) | Self::WrongKey | Self::SignType => -3,
            Self::NoAct | Self::NoFile => -5,
            Self::Other(_) if self.passes() => -2,
            _ => -1,
        }
    }

    /// The errcode that a page of ours shows.
    #[must_use]
    pub fn errcode(&self) -> ErrCode {
        match self {
            Self::Nothing | Self::NoPid | Self::NoAct => ErrCode::Missing,
            Self::NoFile => ErrCode::Malformed,
            Self::UnknownPid => ErrCode::UnknownDomain,
            Self::NoSign | Self::WrongSign(_) | Self::WrongKey | Self::SignType => ErrCode::BadSign,
            Self::Ambiguous(_) | Self::BehindAddress(..) => ErrCode::Ambiguous,
            Self::OrderReused => ErrCode::KeyReused,
            Self::Paid(_) => ErrCode::AlreadyPaid,
            Self::UnknownOrder | Self::NotPaid => ErrCode::NotPaid,
            Self::TooMuch(_) | Self::RefundRefused => ErrCode::Amount,
            Self::RefundReused => ErrCode::RefundKeyReused,
            Self::Parked => ErrCode::InProgress,
            Self::Other(trouble) => trouble.code(),
        }
    }

    /// What the caller reads.
    #[must_use]
    pub fn text(&self, lang: Lang) -> String {
        let (zh, en): (String, String) = match self {
            Self::Nothing => ("未传入任何参数".into(), "No field came".into()),
            Self::NoPid => ("商户ID不能为空".into(), "pid is missing".into()),
            Self::UnknownPid => ("商户ID不存在".into(), "No such pid".into()),
            Self::NoSign => (
                format!("签名校验失败，请返回重试！没有sign。{RULE_ZH}"),
                "sign is missing".into(),
            ),
            Self::WrongSign(slips) => (
                format!(
                    "签名校验失败，请返回重试！{RULE_ZH}{}",
                    otherwise(slips, Lang::Zh)
                ),
                format!(
                    "Wrong sign: MD5 over every field that is not blank but sign and sign_type, \
                     sorted, and the key{}",
                    otherwise(slips, Lang::En)
                ),
            ),
            Self::WrongKey => ("商户密钥错误".into(), "Wrong key".into()),
            Self::SignType => ("签名类型只支持MD5".into(), "sign_type must be MD5".into()),
            Self::Ambiguous(name) => (
                format!("参数{name}使签名有歧义，请去掉其中的&参数名="),
                format!("{name} makes the sign ambiguous: leave & with a field's name and = out"),
            ),
            Self::BehindAddress(name, address) => (
                format!("参数{name}排在{address}后面，签名时会被看成地址的一部分：请改名或去掉"),
                format!(
                    "{name} comes right behind {address} in the signed text and could be a part \
                     of it: rename it or leave it out"
                ),
            ),
            Self::OrderReused => (
                "支付参数有变化，请更换订单号重新发起支付".into(),
                "out_trade_no was used for an order with other content: use a new one".into(),
            ),
            Self::Paid(number) => (
                format!("该订单({number})已完成支付，请勿重复发起支付"),
                format!("Order {number} is paid: do not pay it again"),
            ),
            Self::UnknownOrder => ("订单号不存在".into(), "No such order".into()),
            Self::NotPaid => (
                "订单未支付，不能退款".into(),
                "The order is not paid".into(),
            ),
            Self::TooMuch(left) => (
                format!("退款金额超过可退金额，可退￥{}", two_decimals(*left)),
                format!(
                    "More than is left to refund: {} are left",
                    two_decimals(*left)
                ),
            ),
            Self::RefundReused => (
                "退款单号已用于另一笔退款".into(),
                "out_refund_no was used for another refund".into(),
            ),
            Self::RefundRefused => (
                "支付渠道拒绝了这笔退款，请更换退款单号重试".into(),
                "The channel refused this refund: try again under another number".into(),
            ),
            Self::Parked => (
                "退款待平台人工处理，请稍后用同样的参数查询，不要另行退款".into(),
                "This refund waits for a person at the platform: ask again before you give the \
                 money back by another way"
                    .into(),
            ),
            Self::NoAct => ("没有这个act".into(), "No such act".into()),
            Self::NoFile => (
                "地址错误：接口地址请填写到 /epay/ 为止".into(),
                "No such address: paste the address up to /epay/ as the gateway".into(),
            ),
            Self::Other(trouble) => return trouble.text(lang),
        };
        lang.choose(zh, en)
    }

    /// The answer.
    #[must_use]
    pub fn json(&self) -> Map<String, Value> {
        object(json!({"code": self.code(), "msg": self.text(Lang::Zh)}))
    }

    /// Whether it is a trouble of this instance's, which another may not have.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Other(trouble) if trouble.is_ours())
    }

    /// Whether it passes: the same call may succeed a moment later.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Other(trouble) if trouble.passes())
    }

    /// After how many seconds the same call may come again, where there were too many.
    #[must_use]
    pub fn wait_s(&self) -> Option<u64> {
        match self {
            Self::Other(trouble) => trouble.wait_s(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_of_our_own_is_told_without_its_cause() {
        let internal = Failure::from(Trouble::Internal("the key is 123".to_owned()));
        assert_eq!(internal.code(), -2);
        assert!(!Value::Object(internal.json()).to_string().contains("123"));
    }
}
