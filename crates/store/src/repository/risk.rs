//! Money that needs a person's eye, what waits to be done, and states that
//! contradict each other.

use super::rows::{get, word};
use super::{Answer, Db, DbRow, unavailable};
use payment::channel::Channel;
use payment::ports::{Backlog, Risk, RiskKind};
use payment::refund::SILENT_MS;
use sqlx::Pool;

/// Each kind with the rows that belong to it: order, detail, since.
const STANDING: [(RiskKind, &str); 8] = [
    (
        RiskKind::Duplicate,
        "select a.order_sn, 'paid twice; refund ' || f.state as detail, \
         coalesce(a.paid_ms, a.created_ms) as since_ms from attempt a \
         join refund f on f.order_sn = a.order_sn and f.cause = 'duplicate' \
         where a.status = 'DUPLICATE' and f.state <> 'SUCCESSREFUND'",
    ),
    (
        RiskKind::Late,
        "select a.order_sn, 'paid after its request was closed; refund ' || f.state as detail, \
         coalesce(a.paid_ms, a.created_ms) as since_ms from attempt a \
         join refund f on f.order_sn = a.order_sn and f.cause = 'afterclose' \
         where a.status = 'PAIDAFTERCLOSE' and f.state <> 'SUCCESSREFUND' \
        ",
    ),
    (
        RiskKind::Mismatch,
        "select order_sn, mismatch as detail, created_ms as since_ms from attempt \
         where mismatch is not null and status not in \
         ('SUCCESSPAY', 'DUPLICATE', 'PAIDAFTERCLOSE')",
    ),
    (
        RiskKind::Mismatch,
        "select '' as order_sn, 'notify ' || id || ' of ' || channel || '/' || account || ': ' \
         || outcome as detail, received_ms as since_ms from notify \
         where outcome in ('no such order', 'no such refund') or outcome like 'mismatch: %'",
    ),
    (
        RiskKind::Refund,
        "select order_sn, 'refund ' || refund_no || ' ' || state || ': ' || note as detail, \
         created_ms as since_ms from refund \
         where state in ('FAILUREREFUND', 'PARKED')",
    ),
    (
        RiskKind::Held,
        "select order_sn, 'the channel holds the payer''s money: ' || coalesce(held, '') \
         as detail, created_ms as since_ms from attempt where status = 'HELD'",
    ),
    (
        RiskKind::TakenBack,
        "select order_sn, note as detail, created_ms as since_ms from refund \
         where cause in ('chargeback', 'atchannel')",
    ),
    (
        RiskKind::Callback,
        "select order_sn, 'nobody took it in ' || tries || ' tries' as detail, \
         created_ms as since_ms from callback where state = 'PARKED'",
    ),
];

/// The same, where an answer was due before `$1`.
const OVERDUE: [(RiskKind, &str); 2] = [
    (
        RiskKind::Unknown,
        "select order_sn, 'the channel has not said how it ended' as detail, \
         expires_ms as since_ms from attempt \
         where status in ('CREATING', 'NOTPAY') and expires_ms < $1",
    ),
    (
        RiskKind::Unknown,
        "select order_sn, 'refund ' || refund_no || ' is not confirmed: ' || note as detail, \
         created_ms as since_ms from refund \
         where state in ('NOTREFUND', 'WAITREFUND') and created_ms < $1",
    ),
];

pub(super) async fn at_risk(pool: &Pool<Db>, now_ms: i64) -> Answer<Vec<Risk>> {
    let standing = STANDING.map(|(kind, query)| (kind, sqlx::query(query)));
    let overdue = OVERDUE.map(|(kind, query)| (kind, sqlx::query(query).bind(now_ms - SILENT_MS)));
    let mut risks = Vec::new();
    for (kind, query) in standing.into_iter().chain(overdue) {
        for row in &query.fetch_all(pool).await.map_err(unavailable)? {
            risks.push(risk(kind, row)?);
        }
    }
    risks.sort_by_key(|risk| risk.since_ms);
    Ok(risks)
}

fn risk(kind: RiskKind, row: &DbRow) -> Answer<Risk> {
    Ok(Risk {
        kind,
        order_sn: get(row, "order_sn")?,
        detail: get(row, "detail")?,
        since_ms: get(row, "since_ms")?,
    })
}

pub(super) async fn backlog(pool: &Pool<Db>, now_ms: i64) -> Answer<Backlog> {
    let query = "select \
        (select count(*) from attempt where next_query_ms <= $1) as queries, \
        (select count(*) from callback where next_ms is not null) as callbacks, \
        (select count(*) from refund where next_ms is not null) as refunds, \
        (select count(*) from notify where next_ms is not null) as notifies";
    let row = sqlx::query(query).bind(now_ms).fetch_one(pool).await;
    let row = row.map_err(unavailable)?;
    Ok(Backlog {
        queries: get(&row, "queries")?,
        callbacks: get(&row, "callbacks")?,
        refunds: get(&row, "refunds")?,
        notifies: get(&row, "notifies")?,
    })
}

pub(super) async fn accounts_in_use(pool: &Pool<Db>) -> Answer<Vec<(Channel, String)>> {
    let query = "select distinct a.channel, a.account from attempt a \
        where a.status in ('CREATING', 'NOTPAY', 'HELD') or exists (select 1 from refund f \
        where f.order_sn = a.order_sn and f.state in ('NOTREFUND', 'WAITREFUND', 'PARKED'))";
    let rows = sqlx::query(query).fetch_all(pool).await;
    let account = |row: &DbRow| Ok((word(row, "channel", Channel::parse)?, get(row, "account")?));
    rows.map_err(unavailable)?.iter().map(account).collect()
}

/// What can't be in a sound database, with the query that finds it.
const CONTRADICTIONS: [(&str, &str); 7] = [
    (
        "a paid request names no order that paid it",
        "select request_key as name from payment_request r where status not in \
         ('NOTPAY', 'FAILUREPAY', 'CLOSED') and not exists (select 1 from attempt a \
         where a.order_sn = r.paid_order_sn and a.status = 'SUCCESSPAY')",
    ),
    (
        "an unpaid request names an order that paid it",
        "select request_key as name from payment_request where status in \
         ('NOTPAY', 'FAILUREPAY', 'CLOSED') and paid_order_sn is not null",
    ),
    (
        "two orders paid one request",
        "select max(order_sn) as name from attempt where status = 'SUCCESSPAY' \
         group by request_id having count(*) > 1",
    ),
    (
        "an order is paid and its request was paid by another",
        "select a.order_sn as name from attempt a join payment_request r on r.id = a.request_id \
         where a.status = 'SUCCESSPAY' and (r.paid_order_sn is null \
         or r.paid_order_sn <> a.order_sn)",
    ),
    (
        "a paid order has no callback",
        "select order_sn as name from attempt a where status = 'SUCCESSPAY' and not exists \
         (select 1 from callback c where c.order_sn = a.order_sn)",
    ),
    (
        "money beside a request has no refund",
        "select order_sn as name from attempt a where status in ('DUPLICATE', 'PAIDAFTERCLOSE') \
         and not exists (select 1 from refund f where f.order_sn = a.order_sn)",
    ),
    (
        "more is given back than was paid",
        "select a.order_sn as name from attempt a join payment_request r on r.id = a.request_id \
         join refund f on f.order_sn = a.order_sn and f.state not in ('FAILUREREFUND', 'WITHDRAWN') \
         group by a.order_sn, a.channel_money, r.money \
         having sum(f.channel_money) > a.channel_money or sum(f.money) > r.money",
    ),
];

pub(super) async fn contradictions(pool: &Pool<Db>) -> Answer<Vec<String>> {
    let mut found = Vec::new();
    for (what, query) in CONTRADICTIONS {
        let rows = sqlx::query(query).fetch_all(pool).await;
        for row in &rows.map_err(unavailable)? {
            found.push(format!("{what}: {}", get::<String>(row, "name")?));
        }
    }
    Ok(found)
}
