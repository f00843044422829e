//! What the book holds of a refund.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A refund of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Refund {
    pub(crate) out_refund_no: String,
    pub(crate) refund_id: String,
    pub(crate) amount: i64,
    pub(crate) at_ms: i64,
    /// The merchant's own word for it, where that is not the number above.
    #[serde(default)]
    pub(crate) custom_id: Value,
    /// Where this refund's end is told, where that is not the order's address.
    #[serde(default)]
    pub(crate) notify_url: Option<String>,
    /// The channel's word for a refund that has moved no money.
    #[serde(default)]
    pub(crate) state: Option<String>,
}
