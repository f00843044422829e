//! The platform's answer: `errcode`, `errormsg`, `obj`, in the seed's order.

use crate::errcode::ErrCode;
use crate::lang::Lang;
use crate::obj::{Bridge, Obj};
use serde::{Deserialize, Serialize};

/// The JSON that every `/pay/api` path answers with (docs/protocol.md).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope<T> {
    /// `0`, or the code of a cause: text, as in the seed.
    pub errcode: String,
    /// What a person reads.
    pub errormsg: String,
    /// The content; `null` with every error.
    pub obj: Option<T>,
}

impl<T> Envelope<T> {
    /// Success with content; `errormsg` is the seed's.
    #[must_use]
    pub fn success(obj: Option<T>, lang: Lang) -> Self {
        Self {
            obj,
            ..Self::error(ErrCode::Success, ErrCode::Success.message(lang))
        }
    }

    /// An error with its text; `obj` is null.
    #[must_use]
    pub fn error(code: ErrCode, message: impl Into<String>) -> Self {
        Self {
            errcode: code.code().to_owned(),
            errormsg: message.into(),
            obj: None,
        }
    }
}

/// pay's `obj`: text (a code, or a form that submits itself), or the bridge's
/// parameters as an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PayObj {
    /// A code, or a form.
    Text(String),
    /// What the in-WeChat bridge takes.
    Bridge(Bridge),
}

impl From<Obj> for PayObj {
    fn from(obj: Obj) -> Self {
        match obj {
            Obj::Code(code) => Self::Text(code),
            Obj::Bridge(bridge) => Self::Bridge(bridge),
            Obj::Form(form) => Self::Text(form.to_html()),
        }
    }
}

/// One entry of pay-types' `obj`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PayType {
    /// The channel's code.
    pub pay_type_code: String,
    /// The channel's name as the seed spells it.
    pub pay_type_name: String,
}

/// queryInfo's `obj`: the seed's nine keys, in the order of its sample.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentInfo {
    /// ISO code that the business system asked in.
    pub currency_type: String,
    /// The paid channel's code.
    pub pay_type_code: String,
    /// The business system.
    pub domain_code: String,
    /// The sum in fen (cents).
    pub money: i64,
    /// The business system's key.
    pub request_key: String,
    /// Time of payment, ms since 1970.
    pub pay_time: i64,
    /// Our order number, 20 digits.
    pub order_sn: String,
    /// A word of [`crate::status::PayStatus`].
    pub pay_status: String,
    /// The paid channel's name.
    pub pay_type_name: String,
    /// All that was given back so far, fen (cents), where the domain wants details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunded_money: Option<i64>,
    /// Each refund, oldest first, where the domain wants details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refunds: Option<Vec<RefundDetail>>,
}

/// One refund in queryInfo's `refunds`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundDetail {
    /// The business system's key; `ch-` and the channel's number for money that went
    /// back without a refund of ours; our own number for the operator's.
    pub refund_key: String,
    /// The sum in fen (cents).
    pub refund_money: i64,
    /// A word of [`crate::status::PayStatus`].
    pub pay_status: String,
}

/// refund's `obj` (ours; docs/protocol.md, Refunds and closing).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundInfo {
    /// The business system's key of the payment.
    pub request_key: String,
    /// Its key of the refund.
    pub refund_key: String,
    /// The sum in fen (cents).
    pub refund_money: i64,
    /// A word of [`crate::status::PayStatus`].
    pub refund_status: String,
    /// Our order number, 20 digits.
    pub order_sn: String,
    /// All that was given back of the payment so far, fen (cents).
    pub refunded_money: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seeds_query_answer_is_made_byte_for_byte() {
        let answer = Envelope::success(Some(false), Lang::Zh);
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!(json, r#"{"errcode":"0","errormsg":"操作成功","obj":false}"#);
    }

    #[test]
    fn errors_carry_a_null_obj() {
        let answer = Envelope::<bool>::error(ErrCode::BadSign, "no");
        let json = serde_json::to_string(&answer).unwrap();
        assert_eq!(json, r#"{"errcode":"10004","errormsg":"no","obj":null}"#);
    }

    #[test]
    fn the_seeds_query_info_answer_is_made_byte_for_byte() {
        let info = PaymentInfo {
            currency_type: "CNY".into(),
            pay_type_code: "Alipay".into(),
            domain_code: "test".into(),
            money: 2,
            request_key: "88a17e1fbf275c12c77a4b88ce3bf632".into(),
            pay_time: 1_465_955_306_000,
            order_sn: "20160615094750987511".into(),
            pay_status: "SUCCESSPAY".into(),
            pay_type_name: "支付宝支付".into(),
            refunded_money: None,
            refunds: None,
        };
        let json = serde_json::to_string(&Envelope::success(Some(info), Lang::Zh)).unwrap();
        assert_eq!(
            json,
            r#"{"errcode":"0","errormsg":"操作成功","obj":{"currencyType":"CNY","payTypeCode":"Alipay","domainCode":"test","money":2,"requestKey":"88a17e1fbf275c12c77a4b88ce3bf632","payTime":1465955306000,"orderSn":"20160615094750987511","payStatus":"SUCCESSPAY","payTypeName":"支付宝支付"}}"#
        );
    }
}
