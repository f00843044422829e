//! How the databases answer what is asked often: never by reading every row.

use super::audit::{BACKLOG, COUNTS};
use crate::db::{Database, LIMIT};
use crate::line::{Line, Row};
use crate::open::Tables;
use crate::sql::Sql;
use payment::ports::{Audit, RiskKind};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// Orders that are done, and a few that are not.
const FILL: [&str; 6] = [
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
    "insert into notify (channel, account, headers, body, received_ms, outcome, outcome_word) \
     select 'Wechat', 'a', '', 'x', 0, 'settled', \
     case when status = 'NOTPAY' then 'odd' else 'settled' end from attempt",
    "insert into notify (channel, account, headers, body, received_ms, outcome, outcome_word) \
     select 'Wechat', 'a', '', 'x', 0, \
     case when status = 'NOTPAY' then 'no such order' else 'settled' end, \
     case when order_sn = 'o2000' then 'putoff' end from attempt",
];

/// A statement that is made here, the same for both databases.
fn made(text: String) -> Sql {
    let text: &str = text.leak();
    let (sqlite, postgres) = (text, text);
    Sql { sqlite, postgres }
}

async fn on_sqlite() -> Database {
    let name = format!("tongfu-plan-{}.db", std::process::id());
    let path = std::env::temp_dir().join(name);
    let _ = std::fs::remove_file(&path);
    let address = format!("sqlite:{}", path.display());
    crate::sqlite::open(&address, Tables::Migrate)
        .await
        .unwrap()
}

/// A fresh database; `None`, said aloud, where no PostgreSQL is given.
async fn on_postgres() -> Option<Database> {
    let Ok(server) = std::env::var("TONGFU_TEST_POSTGRES") else {
        eprintln!("SKIPPED on PostgreSQL: TONGFU_TEST_POSTGRES is not set");
        return None;
    };
    let name = format!("plan_{}", std::process::id());
    let admin = PgConnection::connect(&format!("{server}/postgres")).await;
    let create = AssertSqlSafe(format!("create database {name}"));
    let created = sqlx::query(create).execute(&mut admin.unwrap()).await;
    created.unwrap();
    let address = format!("{server}/{name}");
    let opened = crate::postgres::open(&address, Tables::Migrate).await;
    Some(opened.unwrap())
}

/// A step of a plan that reads every row of a table, and not through an index that
/// holds few of them.
fn is_scan(step: &str) -> bool {
    let few = ["_due", "_mismatch", "_open", "_beside", "CONSTANT ROW"];
    let reads_all = step.starts_with("SCAN") && !few.iter().any(|index| step.contains(index));
    reads_all || step.contains("Seq Scan")
}

async fn scans(line: &mut Line, explain: &str, text: &str) -> Vec<String> {
    let plan = made(format!("{explain} {}", text.replace("$1", "5")));
    let step = |row: &Row| {
        let column = match row {
            Row::Sqlite(_) => "detail",
            Row::Postgres(_) => "QUERY PLAN",
        };
        row.get::<String>(column)
    };
    let steps = line.list(plan, step).await.unwrap();
    steps.into_iter().filter(|step| is_scan(step)).collect()
}

async fn reads_no_more_than_it_counts(store: Database, explain: &str) {
    let work = async |line: &mut Line| {
        for statement in FILL {
            line.change(made(statement.to_owned())).await.unwrap();
        }
        line.change(made("analyze".to_owned())).await.unwrap();
        for sql in [COUNTS, BACKLOG] {
            let found = scans(line, explain, sql.sqlite).await;
            assert!(found.is_empty(), "{found:#?}");
        }
        Ok(())
    };
    store.write_each(10 * LIMIT, work).await.unwrap();
    let counts = store.risk_counts(1_000_000).await.unwrap();
    let count = |kind| {
        let found = counts.iter().find(|risk| risk.kind == kind);
        found.map(|risk| risk.count)
    };
    assert_eq!(count(RiskKind::Unknown), Some(10));
    assert_eq!(count(RiskKind::Callback), Some(10));
    assert_eq!(count(RiskKind::Duplicate), Some(0));
    assert_eq!(count(RiskKind::Mismatch), Some(20));
}

#[tokio::test]
async fn a_scrape_reads_no_more_than_what_it_counts_on_sqlite() {
    reads_no_more_than_it_counts(on_sqlite().await, "explain query plan").await;
}

#[tokio::test]
async fn a_scrape_reads_no_more_than_what_it_counts_on_postgres() {
    if let Some(store) = on_postgres().await {
        reads_no_more_than_it_counts(store, "explain").await;
    }
}
