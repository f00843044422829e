//! What partners order.

use super::Answer;
use crate::partner::PartnerOrder;

/// What partners order.
#[async_trait::async_trait]
pub trait Partners: Send + Sync {
    /// Keeps what a partner orders; where his number is known, gives the order that
    /// has it, unchanged. `None` where only our number is taken: make a new one.
    async fn begin_partner_order(&self, new: &PartnerOrder) -> Answer<Option<PartnerOrder>>;
    /// A partner's order by our number.
    async fn partner_order(
        &self,
        domain_code: &str,
        order_id: &str,
    ) -> Answer<Option<PartnerOrder>>;
    /// A partner's order by his number.
    async fn partner_order_of(
        &self,
        domain_code: &str,
        out_order_id: &str,
    ) -> Answer<Option<PartnerOrder>>;
    /// A partner's orders, the newest first.
    async fn partner_orders(
        &self,
        domain_code: &str,
        limit: i64,
        offset: i64,
    ) -> Answer<Vec<PartnerOrder>>;
    /// How many orders of a partner's have our number `order_id` or a later one; no more
    /// than `max` are counted.
    async fn partner_orders_since(
        &self,
        domain_code: &str,
        order_id: &str,
        max: i64,
    ) -> Answer<i64>;
}
