//! Why a call of a partner is not done, and how it is told (docs/forecore.md).

use checkout::Failure as Trouble;
use payment::errcode::ErrCode;
use payment::forecore::yuan;
use payment::lang::Lang;
use payment::rate::NoRate;
use payment::refusal::Refusal;
use payment::slip::{self, Slip, Slips};
use serde_json::{Map, Value, json};

/// Why a call of a partner is not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// No sign.
    #[error("no sign: add the field sign, the MD5 of your key and all fields")]
    NoSign,
    /// No partnerId.
    #[error("no partnerId: add the field partnerId")]
    NoPartner,
    /// No such partner.
    #[error("no such partner: check partnerId")]
    UnknownPartner,
    /// The sign does not hold; what was done otherwise, where that may be told.
    #[error(
        "wrong sign: MD5 over the key, then every field but sign, sorted, URL-encoded{}",
        otherwise(.0)
    )]
    WrongSign(Slips),
    /// The clock is off.
    #[error("time is too far from ours: send ms since 1970, and set your clock")]
    Time,
    /// The number was used for another order.
    #[error("outOrderId was used for an order with other content: use a new one")]
    OrderReused,
    /// The order is not paid.
    #[error("the order is not paid: there is nothing to refund")]
    NotPaid,
    /// More than was paid and is not given back yet.
    #[error("money is more than is left to refund of this order: {} are left", yuan(*.0))]
    TooMuch(i64),
    /// The number was used for another refund.
    #[error("out_refund_no was used for a refund of another order or sum: use a new one")]
    RefundReused,
    /// The channel can't refund, or can't say whether it did: the operator looks.
    #[error(
        "this refund waits for a person at the platform: ask how it stands before you give the \
         money back by another way"
    )]
    Parked,
    /// There is no rate, or it is too old.
    #[error("{0}: try again later, or order in CNY")]
    NoRate(NoRate),
    /// The partner has no such order.
    #[error("no such order: check outOrderId")]
    UnknownOrder,
    /// A field is missing or malformed, or something of ours failed.
    #[error("{}", .0.text(Lang::En))]
    Other(Trouble),
}

fn otherwise(slips: &[Slip]) -> String {
    match slips {
        [] => String::new(),
        _ => format!("; it seems that {}", slip::told(slips, Lang::En)),
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal.into())
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        Self::Other(trouble)
    }
}

impl Failure {
    /// The answer: `err` says why, `errcode` is there where the same call may be done
    /// later.
    #[must_use]
    pub fn json(&self) -> Map<String, Value> {
        let mut answer = super::answer::object(json!({"result": "error", "err": self.to_string()}));
        let code = match self {
            Self::Other(Trouble::Internal(_) | Trouble::Frozen | Trouble::RefundsADay) => {
                Some(ErrCode::Internal)
            }
            Self::Other(Trouble::TooMany { .. }) => Some(ErrCode::TooMany),
            Self::Parked => Some(ErrCode::InProgress),
            _ => None,
        };
        answer.extend(code.map(|code| ("errcode".to_owned(), code.code().into())));
        answer
    }

    /// The cause in full: for the log alone.
    #[must_use]
    pub fn cause(&self) -> String {
        match self {
            Self::Other(trouble) => trouble.to_string(),
            told => told.to_string(),
        }
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
    fn what_may_be_done_has_an_errcode_and_what_is_refused_has_none() {
        let internal = Failure::from(Trouble::Internal("the key is 123".to_owned()));
        let told = internal.json();
        assert_eq!(told["errcode"], "10099");
        assert!(!told["err"].to_string().contains("123"));
        assert_eq!(Failure::Parked.json()["errcode"], "10017");
        let refused = Failure::TooMuch(1).json();
        assert!(refused["err"].is_string() && !refused.contains_key("errcode"));
    }
}
