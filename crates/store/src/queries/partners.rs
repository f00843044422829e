//! What partners order (docs/forecore.md; docs/epay.md).

use super::rows::partner_order_row;
use crate::db::{Database, LIMIT};
use crate::sql::statements;
use payment::partner::PartnerOrder;
use payment::ports::{Answer, Partners};

/// Orders, with what is read of each.
const ORDERS: &str = "select order_id, domain_code, out_order_id, money, currency, cb_url, \
    return_url, user_id, pay_type, goods, passback, created_ms from partner_order where ";

statements! {
    ADD = "insert into partner_order (order_id, domain_code, out_order_id, money, currency, \
        cb_url, return_url, user_id, pay_type, goods, passback, created_ms) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
        on conflict (domain_code, out_order_id) do nothing";
    BY_ORDER_ID = ORDERS, "domain_code = $1 and order_id = $2";
    LAST = ORDERS, "domain_code = $1 order by order_id desc limit $2 offset $3";
    COUNT = "select count(*) as count from (select 1 from partner_order \
        where domain_code = $1 and order_id >= $2 limit $3) as counted";
    BY_OUT_ORDER_ID = ORDERS, "domain_code = $1 and out_order_id = $2";
}

/// A text that is there; rows of before have none.
fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

#[async_trait::async_trait]
impl Partners for Database {
    async fn begin_partner_order(&self, new: &PartnerOrder) -> Answer<Option<PartnerOrder>> {
        self.write_each(LIMIT, async |line| {
            let order = &new.order;
            let added = ADD
                .bind(&new.order_id)
                .bind(&new.domain_code)
                .bind(&order.out_order_id)
                .bind(order.money.minor())
                .bind(order.money.currency().code())
                .bind(&order.cb_url)
                .bind(&order.return_url)
                .bind(&order.user_id)
                .bind(&order.pay_type)
                .bind(given(&order.goods))
                .bind(given(&order.passback))
                .bind(new.created_ms);
            if !line.insert(added).await? {
                return Ok(None);
            }
            let known = BY_OUT_ORDER_ID
                .bind(&new.domain_code)
                .bind(&order.out_order_id);
            line.find(known, partner_order_row).await
        })
        .await
    }

    async fn partner_order(
        &self,
        domain_code: &str,
        order_id: &str,
    ) -> Answer<Option<PartnerOrder>> {
        let known = BY_ORDER_ID.bind(domain_code).bind(order_id);
        self.find(known, partner_order_row).await
    }

    async fn partner_order_of(
        &self,
        domain_code: &str,
        out_order_id: &str,
    ) -> Answer<Option<PartnerOrder>> {
        let known = BY_OUT_ORDER_ID.bind(domain_code).bind(out_order_id);
        self.find(known, partner_order_row).await
    }

    async fn partner_orders(
        &self,
        domain_code: &str,
        limit: i64,
        offset: i64,
    ) -> Answer<Vec<PartnerOrder>> {
        let last = LAST.bind(domain_code).bind(limit).bind(offset);
        self.list(LIMIT, last, partner_order_row).await
    }

    async fn partner_orders_since(
        &self,
        domain_code: &str,
        order_id: &str,
        max: i64,
    ) -> Answer<i64> {
        let count = COUNT.bind(domain_code).bind(order_id).bind(max);
        let count = self.find(count, |row| row.get("count")).await?;
        Ok(count.unwrap_or_default())
    }
}
