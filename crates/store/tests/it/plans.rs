//! What the databases do for each statement where the book is large: none that is sent
//! while the program serves reads every row of a table that grows.

use crate::harness;
use payment::ports::RiskKind;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};

/// Indexes that hold few rows, however large the book is.
const PARTIAL: [&str; 12] = [
    "attempt_due",
    "attempt_open",
    "attempt_payable",
    "attempt_mismatch",
    "callback_due",
    "refund_due",
    "refund_beside",
    "refund_taken",
    "refund_request_open",
    "notify_due",
    "notify_mismatch",
    "notify_mismatch_word",
];
/// What is read whole and stays small: a row each, one for each run of `doctor`, or a
/// list in the question.
const SMALL: [&str; 20] = [
    "CONSTANT ROW",
    "json_each",
    "sqlite_sequence",
    "secrets_key",
    "operator",
    "channel_account",
    "SCAN alarm",
    " on alarm ",
    "instance",
    "SCAN h",
    "trip_key",
    "write_probe",
    "checkpoint",
    " on book ",
    // The hours of a month, and their kinds of payment.
    " on hour ",
    " on hour_sum ",
    " on day ",
    // Most of it is wanted where a month is asked for.
    " on day_total ",
    // Rows that the statement itself has found, and no more than it says.
    "SCAN counted",
    "SCAN missing",
];

/// The statements that fill a book.
fn book() -> impl Iterator<Item = String> {
    let text = include_str!("../../../floor/book/fill.sql")
        .replace("{orders}", "300000")
        .replace("{open}", "100")
        .replace("{businesses}", "5000")
        .replace("{start_ms}", "1790000000000")
        .replace("{until_ms}", "1890000000000");
    let statements: Vec<_> = text.split_inclusive(";\n").map(str::to_owned).collect();
    statements.into_iter().chain(["analyze".to_owned()])
}

fn is_small(step: &str) -> bool {
    let last = |index: &str| step.split([' ', ':']).any(|word| word == index);
    PARTIAL.iter().any(|index| last(index)) || SMALL.iter().any(|name| step.contains(name))
}

/// Steps of SQLite's plan that read every row.
fn scans_of_sqlite(steps: &[String]) -> Vec<&str> {
    let reads_all = |step: &&str| step.starts_with("SCAN") && !is_small(step);
    steps.iter().map(String::as_str).filter(reads_all).collect()
}

/// The same of PostgreSQL's: of a table, or of an index without a condition on it.
fn scans_of_postgres(steps: &[String]) -> Vec<&str> {
    let mut found = Vec::new();
    for (place, step) in steps.iter().enumerate() {
        let by_index = step.contains("Index Scan using") || step.contains("Index Only Scan using");
        let next = steps
            .get(place + 1)
            .is_some_and(|next| next.contains("Index Cond:"));
        if (step.contains("Seq Scan") || by_index && !next) && !is_small(step) {
            found.push(step.as_str());
        }
    }
    found
}

/// What reads all and may not.
fn judged(found: Vec<(&str, Vec<String>)>, scans: fn(&[String]) -> Vec<&str>) {
    let mut wrong = Vec::new();
    for (text, steps) in &found {
        let of_a_command = |sql: &store::Sql| [sql.sqlite, sql.postgres].contains(text);
        let as_asked = store::as_asked().any(|sql| of_a_command(&sql));
        if !as_asked && !scans(steps).is_empty() {
            wrong.push((text, scans(steps)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(
        found.iter().any(|(_, steps)| !scans(steps).is_empty()),
        "even the whole book is read by no scan: the plans are not read right"
    );
}

/// What of the book asks for a person's eye, once its open orders are past their time.
async fn counted(address: &str) {
    let store = store::open(address).await.unwrap();
    let counts = store.risk_counts(1_990_000_000_000).await.unwrap();
    let count = |kind| {
        let found = counts.iter().find(|risk| risk.kind == kind);
        found.map(|risk| risk.count)
    };
    assert_eq!(count(RiskKind::Unknown), Some(100));
    assert_eq!(count(RiskKind::Callback), Some(10));
    assert_eq!(count(RiskKind::Duplicate), Some(0));
    assert_eq!(count(RiskKind::Mismatch), Some(20));
}

#[tokio::test]
async fn no_statement_reads_a_whole_table_of_sqlite() {
    let path = harness::temp_folder().join("book.db");
    let address = format!("sqlite:{}", path.display());
    drop(store::migrate(&address).await.unwrap());
    let mut line = SqliteConnection::connect(&address).await.unwrap();
    line.execute("pragma synchronous = off").await.unwrap();
    for statement in book() {
        line.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    judged(planned(&mut line).await, scans_of_sqlite);
    counted(&address).await;
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}

/// How SQLite goes about each statement.
async fn planned(line: &mut SqliteConnection) -> Vec<(&'static str, Vec<String>)> {
    let mut found = Vec::new();
    for sql in store::statements() {
        let plan = AssertSqlSafe(format!("explain query plan {}", sql.sqlite));
        let steps = line.fetch_all(plan).await.unwrap();
        let steps = steps.iter().map(|step| step.get("detail")).collect();
        found.push((sql.sqlite, steps));
    }
    found
}

/// By the plans for any value, which are what a prepared statement comes to.
#[tokio::test]
async fn no_statement_reads_a_whole_table_of_postgres() {
    let Some(address) = harness::postgres_address().await else {
        return;
    };
    drop(store::migrate(&address).await.unwrap());
    let mut line = PgConnection::connect(&address).await.unwrap();
    let settings = "set synchronous_commit = off; set plan_cache_mode = force_generic_plan";
    line.execute(settings).await.unwrap();
    for statement in book() {
        line.execute(AssertSqlSafe(statement)).await.unwrap();
    }
    let mut found = Vec::new();
    for sql in store::statements() {
        let text = sql.postgres;
        let places = (1..).take_while(|n| text.contains(&format!("${n}")));
        let nulls = vec!["null"; places.count()].join(", ");
        let values = if nulls.is_empty() {
            nulls
        } else {
            format!("({nulls})")
        };
        let asked = format!("prepare asked as {text}");
        line.execute(AssertSqlSafe(asked)).await.unwrap();
        let plan = AssertSqlSafe(format!("explain execute asked{values}"));
        let steps = line.fetch_all(sqlx::raw_sql(plan)).await.unwrap();
        line.execute("deallocate asked").await.unwrap();
        let steps = steps.iter().map(|step| step.get("QUERY PLAN")).collect();
        found.push((text, steps));
    }
    judged(found, scans_of_postgres);
    counted(&address).await;
}

/// `analyze` is a person's: without it SQLite takes every index for as good as another, so
/// that a statement has to say by which rows it is found.
#[tokio::test]
async fn nor_where_sqlite_has_counted_nothing() {
    let path = harness::temp_folder().join("new.db");
    let address = format!("sqlite:{}", path.display());
    drop(store::migrate(&address).await.unwrap());
    let mut line = SqliteConnection::connect(&address).await.unwrap();
    let found = planned(&mut line).await;
    let goes_by = |is_such: fn(&str) -> bool, indexes: &[&str]| {
        let mut times = 0;
        for (text, steps) in found.iter().filter(|(text, _)| is_such(text)) {
            times += 1;
            for index in indexes {
                let found = steps.iter().any(|step| step.contains(index));
                assert!(found, "{index}: {text}: {steps:?}");
            }
        }
        times
    };
    let is_sum = |text: &str| text.contains("a.paid_ms >= $1") && text.contains(" group by ");
    assert_eq!(goes_by(is_sum, &["attempt_paid (", "refund_order ("]), 2);
    let is_of_accounts = |text: &str| text.contains(" place counted ");
    assert_eq!(goes_by(is_of_accounts, &["(channel=? AND account>?)"]), 2);
    let are_payable = |text: &str| text.contains(" place counted where account > ''");
    assert_eq!(goes_by(are_payable, &["attempt_payable ("]), 1);
    judged(found, scans_of_sqlite);
    std::fs::remove_dir_all(path.parent().unwrap()).unwrap();
}
