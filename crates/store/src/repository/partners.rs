//! What partners order (docs/forecore.md).

use super::rows::{get, money};
use super::{Answer, Db, DbRow, is_unique_violation, unavailable};
use payment::partner::{Order, PartnerOrder};
use sqlx::Pool;

/// Orders, with what [`order_row`] reads of each.
macro_rules! orders_where {
    ($condition:literal) => {
        concat!(
            "select order_id, domain_code, out_order_id, money, currency, cb_url, return_url, ",
            "user_id, pay_type, created_ms from partner_order where ",
            $condition
        )
    };
}

/// Keeps an order; where the partner's number is known, gives the order that has it,
/// and nothing where only our number is taken.
pub(super) async fn begin(write: &Pool<Db>, new: &PartnerOrder) -> Answer<Option<PartnerOrder>> {
    let order = &new.order;
    let query = "insert into partner_order (order_id, domain_code, out_order_id, money, currency, \
        cb_url, return_url, user_id, pay_type, created_ms) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) \
        on conflict (domain_code, out_order_id) do nothing";
    let written = sqlx::query(query)
        .bind(&new.order_id)
        .bind(&new.domain_code)
        .bind(&order.out_order_id)
        .bind(order.money.minor())
        .bind(order.money.currency().code())
        .bind(&order.cb_url)
        .bind(&order.return_url)
        .bind(&order.user_id)
        .bind(&order.pay_type)
        .bind(new.created_ms)
        .execute(write)
        .await;
    match written {
        Err(error) if is_unique_violation(&error) => Ok(None),
        Err(error) => Err(unavailable(error)),
        Ok(_) => by_out_order_id(write, &new.domain_code, &order.out_order_id).await,
    }
}

pub(super) async fn by_order_id(
    pool: &Pool<Db>,
    domain_code: &str,
    order_id: &str,
) -> Answer<Option<PartnerOrder>> {
    let query = orders_where!("domain_code = $1 and order_id = $2");
    find(pool, query, domain_code, order_id).await
}

pub(super) async fn by_out_order_id(
    pool: &Pool<Db>,
    domain_code: &str,
    out_order_id: &str,
) -> Answer<Option<PartnerOrder>> {
    let query = orders_where!("domain_code = $1 and out_order_id = $2");
    find(pool, query, domain_code, out_order_id).await
}

async fn find(
    pool: &Pool<Db>,
    query: &'static str,
    domain_code: &str,
    id: &str,
) -> Answer<Option<PartnerOrder>> {
    let row = sqlx::query(query)
        .bind(domain_code)
        .bind(id)
        .fetch_optional(pool)
        .await;
    row.map_err(unavailable)?
        .as_ref()
        .map(order_row)
        .transpose()
}

fn order_row(row: &DbRow) -> Answer<PartnerOrder> {
    Ok(PartnerOrder {
        order_id: get(row, "order_id")?,
        domain_code: get(row, "domain_code")?,
        order: Order {
            out_order_id: get(row, "out_order_id")?,
            money: money(row, "money", "currency")?,
            cb_url: get(row, "cb_url")?,
            return_url: get(row, "return_url")?,
            user_id: get(row, "user_id")?,
            pay_type: get(row, "pay_type")?,
        },
        created_ms: get(row, "created_ms")?,
    })
}
