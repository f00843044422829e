//! Money that needs a person's eye, what waits to be done, and states that
//! contradict each other.

use super::rows::{get, word};
use super::{Answer, Db, DbRow, unavailable};
use payment::channel::Channel;
use payment::ports::{Backlog, Risk, RiskCount, RiskKind};
use payment::refund::SILENT_MS;
use sqlx::Pool;

/// Each kind with the rows that belong to it: order, detail, since.
const STANDING: [(RiskKind, &str); 9] = [
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
         where a.status = 'PAIDAFTERCLOSE' and f.state <> 'SUCCESSREFUND'",
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
         where outcome in ('no such order', 'no such refund') \
         or substr(outcome, 1, 9) = 'mismatch:'",
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
    // Until a refund, or a notify of one, says how much it was (`UNTOLD`).
    (
        RiskKind::TakenBack,
        "select order_sn, mismatch as detail, created_ms as since_ms from attempt \
         where mismatch is not null and substr(mismatch, 1, 10) = 'given back' \
         and not exists (select 1 from refund f where f.order_sn = attempt.order_sn \
         and f.state not in ('FAILUREREFUND', 'WITHDRAWN'))",
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

/// How many lines of each kind [`at_risk`] gives, from indexes that hold no more than
/// those: `cross join` says in which order SQLite reads. The kinds are in the order of
/// [`RiskKind::ALL`]; `$1` is when an answer was due.
const COUNTS: &str = "select \
    (select count(*) from refund f cross join attempt a where a.order_sn = f.order_sn \
        and f.cause = 'duplicate' and f.state <> 'SUCCESSREFUND' \
        and a.status = 'DUPLICATE') as duplicate, \
    (select count(*) from refund f cross join attempt a where a.order_sn = f.order_sn \
        and f.cause = 'afterclose' and f.state <> 'SUCCESSREFUND' \
        and a.status = 'PAIDAFTERCLOSE') as late, \
    (select count(*) from attempt where mismatch is not null and status not in \
        ('SUCCESSPAY', 'DUPLICATE', 'PAIDAFTERCLOSE')) + \
    (select count(*) from notify where outcome in ('no such order', 'no such refund') \
        or substr(outcome, 1, 9) = 'mismatch:') as mismatch, \
    (select count(*) from attempt where status in ('CREATING', 'NOTPAY') \
        and expires_ms < $1) + \
    (select count(*) from refund where state in ('NOTREFUND', 'WAITREFUND') \
        and created_ms < $1) as unknown, \
    (select count(*) from refund where state in ('FAILUREREFUND', 'PARKED')) as refund, \
    (select count(*) from callback where state = 'PARKED') as callback, \
    (select count(*) from attempt where status = 'HELD') as held, \
    (select count(*) from refund where cause in ('chargeback', 'atchannel')) + \
    (select count(*) from attempt where mismatch is not null \
        and substr(mismatch, 1, 10) = 'given back' \
        and not exists (select 1 from refund f where f.order_sn = attempt.order_sn \
        and f.state not in ('FAILUREREFUND', 'WITHDRAWN'))) as takenback";

pub(super) async fn risk_counts(pool: &Pool<Db>, now_ms: i64) -> Answer<Vec<RiskCount>> {
    let row = sqlx::query(COUNTS).bind(now_ms - SILENT_MS).fetch_one(pool);
    let row = row.await.map_err(unavailable)?;
    let count = |kind: RiskKind| {
        Ok(RiskCount {
            kind,
            count: get(&row, kind.word())?,
        })
    };
    RiskKind::ALL.into_iter().map(count).collect()
}

const BACKLOG: &str = "select \
    (select count(*) from attempt where next_query_ms <= $1) as queries, \
    (select count(*) from callback where next_ms is not null) as callbacks, \
    (select count(*) from refund where next_ms is not null) as refunds, \
    (select count(*) from notify where next_ms is not null) as notifies";

pub(super) async fn backlog(pool: &Pool<Db>, now_ms: i64) -> Answer<Backlog> {
    let row = sqlx::query(BACKLOG).bind(now_ms).fetch_one(pool).await;
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
         and (f.state = 'SUCCESSREFUND' or not exists (select 1 from refund o where \
         o.order_sn = a.order_sn and o.cause in ('chargeback', 'atchannel'))) \
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

#[cfg(test)]
mod tests {
    use super::super::super::trial::{PLAN, fresh, scans};
    use super::*;
    use sqlx::AssertSqlSafe;

    /// Orders that are done, and a few that are not.
    const FILL: [&str; 5] = [
        "insert into payment_request \
         (domain_code, request_key, money, currency, status, created_ms) \
         values ('shop', 'k', 1, 'CNY', 'SUCCESSPAY', 0)",
        "insert into attempt (order_sn, request_id, token, channel, account, kind, \
         channel_order_no, channel_money, channel_currency, signed_values, secret_generation, \
         status, created_ms, expires_ms, next_query_ms) \
         with recursive n (i) as (select 1 union all select i + 1 from n where i < 20000) \
         select 'o' || i, 1, 't' || i, 'Wechat', 'a', 'native', 'c' || i, 1, 'CNY', '', 1, \
         case when i % 2000 = 0 then 'NOTPAY' else 'SUCCESSPAY' end, 0, i, \
         case when i % 2000 = 0 then i end from n",
        "insert into callback (domain_code, order_sn, url, state, tries, next_ms, created_ms) \
         select 'shop', order_sn, '', case when status = 'NOTPAY' then 'PARKED' else 'DONE' end, \
         1, null, 0 from attempt",
        "insert into refund (refund_no, order_sn, domain_code, money, currency, channel_money, \
         channel_currency, cause, state, note, created_ms) \
         select 'r' || order_sn, order_sn, 'shop', 1, 'CNY', 1, 'CNY', 'duplicate', \
         'SUCCESSREFUND', '', 0 from attempt",
        "insert into notify (channel, account, headers, body, received_ms, outcome) \
         select 'Wechat', 'a', '', 'x', 0, 'SUCCESSPAY' from attempt",
    ];

    #[tokio::test]
    async fn a_scrape_reads_no_more_than_what_it_counts() {
        let Some(store) = fresh().await else {
            return;
        };
        for statement in FILL {
            sqlx::query(statement).execute(&store.write).await.unwrap();
        }
        sqlx::query("analyze").execute(&store.write).await.unwrap();
        for query in [COUNTS, BACKLOG] {
            let explained = AssertSqlSafe(format!("{PLAN} {}", query.replace("$1", "5")));
            let plan = sqlx::query(explained)
                .fetch_all(&store.write)
                .await
                .unwrap();
            let found = scans(&plan);
            assert!(found.is_empty(), "{found:#?}");
        }
        let counts = risk_counts(&store.read, 1_000_000).await.unwrap();
        let count = |kind| {
            counts
                .iter()
                .find(|risk| risk.kind == kind)
                .map(|risk| risk.count)
        };
        assert_eq!(count(RiskKind::Unknown), Some(10));
        assert_eq!(count(RiskKind::Callback), Some(10));
        assert_eq!(count(RiskKind::Duplicate), Some(0));
    }
}
