//! What one channel alone remembers: of an order, which beside the book's common fields
//! is `channel` and `more` of its JSON, and beside the book.

use crate::fault::PendingReason;
use crate::refund::Refund;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

/// The channel whose order it is, and what that one remembers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "channel", content = "more")]
pub(crate) enum Memory {
    Wechat(Wechat),
    Alipay(Alipay),
    ChinapayOld(Chinapay),
    Paypal(Paypal),
    Apay(Apay),
}

/// Refunds that were taken and have moved no money, by their number.
pub(crate) type Stuck = BTreeMap<String, Refund>;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Wechat {
    pub(crate) prepay_id: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) stuck: Stuck,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alipay {
    pub(crate) return_url: String,
    pub(crate) quit_url: Option<String>,
    pub(crate) body: Option<String>,
    pub(crate) passback_params: Option<String>,
    /// The one number of a trade, from the opening of the cashier on.
    pub(crate) trade_no: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chinapay {
    pub(crate) day: String,
    pub(crate) priv1: String,
    pub(crate) page_ret_url: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) stuck: Stuck,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Paypal {
    pub(crate) id: String,
    /// As they were sent, whatever they are.
    pub(crate) custom_id: Value,
    pub(crate) invoice_id: Value,
    pub(crate) return_url: String,
    pub(crate) cancel_url: String,
    /// Whether the payer's page was asked for in today's way.
    pub(crate) payer_action: bool,
    pub(crate) approved: bool,
    /// Why the money is held back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<PendingReason>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Apay {
    #[serde(rename = "orderId")]
    pub(crate) order_id: String,
    /// What its partner calls it, and maybe another one too.
    #[serde(default, rename = "outOrderId")]
    pub(crate) out_order_id: String,
    pub(crate) return_url: String,
    /// Refunds that come to nothing: what was noted of them, by their number.
    pub(crate) closed: BTreeMap<String, Value>,
}

impl Memory {
    /// The refunds that are stuck, at channels where that happens.
    pub(crate) fn stuck(&self) -> Option<&Stuck> {
        match self {
            Self::Wechat(own) => Some(&own.stuck),
            Self::ChinapayOld(own) => Some(&own.stuck),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub(crate) fn stuck_mut(&mut self) -> Option<&mut Stuck> {
        match self {
            Self::Wechat(own) => Some(&mut own.stuck),
            Self::ChinapayOld(own) => Some(&mut own.stuck),
            _ => None,
        }
    }
}

/// A code that was given out.
pub(crate) struct Code {
    pub(crate) code: String,
    pub(crate) appid: String,
    pub(crate) scope: String,
    pub(crate) given_ms: i64,
    /// What it was exchanged for; a code is good once.
    pub(crate) token: Option<String>,
}

/// A type of Apay's.
#[derive(Deserialize)]
pub(crate) struct Forgotten {
    #[serde(rename = "type")]
    pub(crate) of_type: String,
    /// In how many ms after a refund the order's status says `refund`; anything but
    /// a number: never.
    #[serde(default)]
    pub(crate) status: Value,
}

/// What PayPal remembers beside the book.
#[derive(Default)]
pub(crate) struct PaypalCalls {
    pub(crate) tokens: Mutex<HashMap<String, i64>>,
    /// By request id: what was asked under it, and what was answered.
    pub(crate) answers: Mutex<HashMap<String, (String, PaypalAnswer)>>,
}

/// A status and the JSON that goes with it.
#[derive(Clone)]
pub(crate) struct PaypalAnswer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Order;
    use serde_json::json;

    #[test]
    fn the_books_lines_keep_their_shape() {
        let memory = Memory::Wechat(Wechat {
            prepay_id: "wx1".to_owned(),
            stuck: Stuck::new(),
        });
        let order = Order::fresh(memory, "main", "1", 0);
        let line = json!(order);
        assert_eq!(line["channel"], "Wechat");
        assert_eq!(line["more"], json!({"prepay_id": "wx1"}));
        assert_eq!(line["state"], "NOTPAY");
        assert_eq!(serde_json::from_value::<Order>(line).unwrap(), order);
    }
}
