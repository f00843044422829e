//! Fills a database with what a busy year leaves in it, for measurements: run by
//! `cargo xtask bench` and `cargo xtask scale` (docs/scale.md).

use anyhow::{Context, Result, bail};
use payment::story::Entry;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use std::env;
use std::fmt::Write;

/// Entries of each order's story.
const ENTRIES: i64 = 2;
/// Rows that PostgreSQL has read of tables and indexes since it was made.
const READS: &str = "select tup_returned + tup_fetched from pg_stat_database \
    where datname = current_database()";
/// Orders whose stories are written at once.
const PAGE: usize = 1_000;

#[derive(Debug)]
enum Line {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Line {
    async fn open(address: &str) -> sqlx::Result<Self> {
        if address.starts_with("sqlite:") {
            let mut line = SqliteConnection::connect(address).await?;
            let wait = "pragma busy_timeout = 60000; pragma synchronous = off";
            line.execute(wait).await?;
            Ok(Self::Sqlite(line))
        } else {
            PgConnection::connect(address).await.map(Self::Postgres)
        }
    }

    async fn run(&mut self, statement: String) -> sqlx::Result<()> {
        let statement = AssertSqlSafe(statement);
        match self {
            Self::Sqlite(line) => line.execute(statement).await.map(drop),
            Self::Postgres(line) => line.execute(statement).await.map(drop),
        }
    }

    async fn numbers(&mut self) -> sqlx::Result<Vec<(String, i64)>> {
        let all = "select order_sn, created_ms from attempt order by request_id";
        Ok(match self {
            Self::Sqlite(line) => {
                let rows = line.fetch_all(all).await?;
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
            Self::Postgres(line) => {
                let rows = line.fetch_all(all).await?;
                rows.iter().map(|row| (row.get(0), row.get(1))).collect()
            }
        })
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, which, values @ ..] = arguments.as_slice() else {
        bail!("book DATABASE orders|callbacks NAME=VALUE …, or reads");
    };
    if which == "reads" {
        let mut line = PgConnection::connect(address).await?;
        println!("{}", line.fetch_one(READS).await?.get::<i64, _>(0));
        return Ok(());
    }
    let stories = which == "orders";
    let mut text = match which.as_str() {
        "orders" => include_str!("../../book/fill.sql"),
        "callbacks" => include_str!("../../book/callbacks.sql"),
        other => bail!("{other} is neither orders nor callbacks"),
    }
    .to_owned();
    for value in values {
        let (name, value) = value.split_once('=').context("NAME=VALUE")?;
        text = text.replace(&format!("{{{name}}}"), value);
    }
    let mut line = Line::open(address).await.context("the database")?;
    line.run("begin".to_owned()).await?;
    for statement in text.split_inclusive(";\n") {
        let done = line.run(statement.to_owned()).await;
        done.with_context(|| statement.to_owned())?;
    }
    if stories {
        tell(&mut line).await?;
    }
    line.run("commit".to_owned()).await?;
    line.run("analyze".to_owned()).await?;
    Ok(())
}

/// Writes a story for each order, chained as the program does.
async fn tell(line: &mut Line) -> Result<()> {
    line.run("delete from event".to_owned()).await?;
    let numbers = line.numbers().await?;
    for page in numbers.chunks(PAGE) {
        let (mut entries, mut ends) = (String::new(), String::new());
        for (order_sn, created_ms) in page {
            let mut before = String::new();
            for seq in 1..=ENTRIES {
                let mut entry = Entry {
                    seq,
                    at_ms: created_ms + seq,
                    by: "channel".to_owned(),
                    what: "SUCCESSPAY".to_owned(),
                    detail: "trade 4200002026".to_owned(),
                    notify_id: None,
                    hash: String::new(),
                };
                entry.hash = entry.link(order_sn, &before);
                let comma = if entries.is_empty() { "" } else { ", " };
                let (at_ms, hash) = (entry.at_ms, &entry.hash);
                write!(
                    entries,
                    "{comma}('{order_sn}', {seq}, {at_ms}, 'channel', 'SUCCESSPAY', \
                     'trade 4200002026', '{hash}')"
                )?;
                before.clone_from(&entry.hash);
            }
            let comma = if ends.is_empty() { "" } else { ", " };
            write!(ends, "{comma}('{order_sn}', '{before}')")?;
        }
        line.run(format!(
            "insert into event (order_sn, seq, at_ms, source, what, detail, hash) \
             values {entries}"
        ))
        .await?;
        line.run(format!(
            "with told (number, head) as (values {ends}) update attempt \
             set story_length = {ENTRIES}, story_hash = (select head from told where number = order_sn) \
             where order_sn in (select number from told)"
        ))
        .await?;
    }
    Ok(())
}
