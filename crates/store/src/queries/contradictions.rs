//! States that contradict each other, around some orders or around none.

use super::rows::{BESIDE, DONE, FREED, PAID, TAKEN_BACK, UNPAID};
use crate::sql::{statements, text};

/// Of requests `r` and their attempts `a`: what can't be in a sound database.
const FOUND: &str = text!(
    "select 'a paid request names no order that paid it: ' || request_key as found from r \
    where status not in ",
    UNPAID,
    " and not exists (select 1 from a where a.order_sn = r.paid_order_sn and a.status = ",
    PAID,
    ") union all \
    select 'an unpaid request names an order that paid it: ' || request_key from r \
    where status in ",
    UNPAID,
    " and paid_order_sn is not null union all \
    select 'two orders paid one request: ' || max(order_sn) from a where status = ",
    PAID,
    " group by request_id having count(*) > 1 union all \
    select 'an order is paid and its request was paid by another: ' || a.order_sn from a \
    join r on r.id = a.request_id where a.status = ",
    PAID,
    " and (r.paid_order_sn is null or r.paid_order_sn <> a.order_sn) union all \
    select 'a paid order has no callback: ' || order_sn from a where status = ",
    PAID,
    " and not exists (select 1 from callback c where c.order_sn = a.order_sn) union all \
    select 'money beside a request has no refund: ' || order_sn from a where status in ",
    BESIDE,
    " and not exists (select 1 from refund f where f.order_sn = a.order_sn) union all \
    select 'more is given back than was paid: ' || a.order_sn from a \
    join r on r.id = a.request_id \
    join refund f on f.order_sn = a.order_sn and f.state not in ",
    FREED,
    " and (f.state = ",
    DONE,
    " or not exists (select 1 from refund o where \
    o.order_sn = a.order_sn and o.cause in ",
    TAKEN_BACK,
    ")) group by a.order_sn, a.channel_money, r.money \
    having sum(f.channel_money) > a.channel_money or sum(f.money) > r.money"
);
const REQUESTS: &str = "select id, request_key, status, money, paid_order_sn from payment_request";
const ATTEMPTS: &str = "select order_sn, request_id, status, channel_money from attempt";

statements! {
    /// What no order leads to: requests without one, which can't be paid, and stories.
    ALONE = "select 'a request was paid by no order: ' || r.request_key as found \
        from payment_request r where (r.status not in ", UNPAID, " or r.paid_order_sn is not null) \
        and not exists (select 1 from attempt x where x.request_id = r.id) \
        union all select 'an order is gone, and its story is there: ' || e.order_sn \
        from event e where e.seq = 1 \
        and not exists (select 1 from attempt x where x.order_sn = e.order_sn)";
    /// Of the requests of some orders, with all their attempts.
    AMONG(OF) = "with r as (", REQUESTS, " where id in (select request_id from attempt \
        where order_sn in (select value from ", OF.texts[0], "$1", OF.texts[1], "))), a as (",
        ATTEMPTS, " where request_id in (select id from r)) ", FOUND;
}
