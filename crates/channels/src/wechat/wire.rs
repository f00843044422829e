//! The JSON of WeChat Pay APIv3, as far as we use it (sections 1.6 to 1.12).

use crate::text::BEIJING;
use payment::money::Money;
use payment::ports::{ChannelError, Doubt, Unknown};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Body of an order call, Native or JSAPI.
#[derive(Serialize)]
pub(super) struct Order<'a> {
    pub(super) appid: &'a str,
    pub(super) mchid: &'a str,
    pub(super) description: &'a str,
    pub(super) out_trade_no: &'a str,
    pub(super) time_expire: String,
    pub(super) notify_url: &'a str,
    pub(super) amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) payer: Option<Payer<'a>>,
}

/// Who pays, in a JSAPI order.
#[derive(Serialize)]
pub(super) struct Payer<'a> {
    pub(super) openid: &'a str,
}

/// A sum: fen, and an ISO code.
#[derive(Serialize, Deserialize)]
pub(super) struct Amount {
    pub(super) total: i64,
    #[serde(default = "cny")]
    pub(super) currency: String,
}

/// Body of a close call.
#[derive(Serialize)]
pub(super) struct Merchant<'a> {
    pub(super) mchid: &'a str,
}

/// Answer to a Native order.
#[derive(Deserialize)]
pub(super) struct CodeUrl {
    pub(super) code_url: String,
}

/// Answer to a JSAPI order.
#[derive(Deserialize)]
pub(super) struct PrepayId {
    pub(super) prepay_id: String,
}

/// Body of a refund call.
#[derive(Serialize)]
pub(super) struct NewRefund<'a> {
    pub(super) out_trade_no: &'a str,
    pub(super) out_refund_no: &'a str,
    pub(super) notify_url: &'a str,
    pub(super) amount: RefundAmount,
}

/// The sums of a refund, fen.
#[derive(Serialize)]
pub(super) struct RefundAmount {
    pub(super) refund: i64,
    pub(super) total: i64,
    pub(super) currency: &'static str,
}

/// The refund object: answer to a refund and to its query.
#[derive(Deserialize)]
pub(super) struct Refund {
    pub(super) refund_id: String,
    pub(super) status: String,
    amount: Option<RefundNoticeAmount>,
}

impl Refund {
    /// Whether it may be of this sum.
    pub(super) fn is_of(&self, money: Money) -> bool {
        let amount = self.amount.as_ref();
        amount.is_none_or(|amount| amount.refund == money.minor())
    }
}

/// What a refund's notify holds; its state has another name than in the answers.
#[derive(Deserialize)]
pub(super) struct RefundNotice {
    pub(super) mchid: String,
    pub(super) out_trade_no: String,
    pub(super) transaction_id: String,
    pub(super) out_refund_no: String,
    pub(super) refund_id: String,
    pub(super) refund_status: String,
    pub(super) amount: RefundNoticeAmount,
}

/// The sum of a refund, fen.
#[derive(Deserialize)]
pub(super) struct RefundNoticeAmount {
    pub(super) refund: i64,
}

/// The transaction object: answer to a query, content of a notify.
#[derive(Deserialize)]
pub(super) struct Transaction {
    pub(super) appid: String,
    pub(super) mchid: String,
    pub(super) out_trade_no: String,
    pub(super) transaction_id: Option<String>,
    pub(super) trade_state: String,
    pub(super) success_time: Option<String>,
    pub(super) amount: Option<Amount>,
}

/// A notify's envelope.
#[derive(Deserialize)]
pub(super) struct Notification {
    pub(super) event_type: String,
    pub(super) resource: Sealed,
}

/// Something encrypted with the APIv3 key.
#[derive(Deserialize)]
pub(super) struct Sealed {
    pub(super) ciphertext: String,
    #[serde(default)]
    pub(super) associated_data: String,
    pub(super) nonce: String,
}

/// An error's body.
#[derive(Deserialize)]
pub(super) struct Trouble {
    pub(super) code: String,
    #[serde(default)]
    pub(super) message: String,
}

/// Answer of the certificate list.
#[derive(Deserialize)]
pub(super) struct CertificateList {
    pub(super) data: Vec<Certificate>,
}

/// One platform certificate, sealed.
#[derive(Deserialize)]
pub(super) struct Certificate {
    pub(super) encrypt_certificate: Sealed,
}

fn cny() -> String {
    "CNY".to_owned()
}

/// Reads JSON that was verified.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ChannelError> {
    Ok(serde_json::from_slice(bytes).map_err(|error| Unknown::by(Doubt::Nonsense, error))?)
}

/// RFC 3339 in Beijing time, whole seconds.
pub(super) fn time_text(at_ms: i64) -> Result<String, ChannelError> {
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .ok()
        .and_then(|at| at.to_offset(BEIJING).format(&Rfc3339).ok())
        .ok_or_else(|| ChannelError::Refused {
            code: "time_expire".to_owned(),
            message: "not a time".to_owned(),
        })
}
