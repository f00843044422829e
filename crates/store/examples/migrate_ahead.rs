//! What a newer program's migration does to the tables of one that runs: adds a
//! column to each, in one transaction, and records it. For chaos, which has no newer
//! program. Takes the database's address.

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr, SqliteConnection};
use std::time::Duration;

const VERSION: i64 = 9_000;
const TABLES: [&str; 6] = [
    "payment_request",
    "attempt",
    "notify",
    "callback",
    "refund",
    "event",
];
/// A payer's transaction may hold a table, and nobody lead for a while: so often it is
/// tried again.
const TRIES: u32 = 200;
const PAUSE: Duration = Duration::from_millis(500);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("the database's address")?;
    let hosts = hosts(&address);
    let mut tries = 1;
    // One of several is the primary; who it is may change meanwhile.
    for host in hosts.iter().cycle() {
        match ahead(host).await {
            Err(error) if tries == TRIES => return Err(error.into()),
            Err(_) => tries += 1,
            Ok(()) => return Ok(()),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}

/// The address of each host of `postgres://USER@HOST:PORT,HOST:PORT/NAME`.
fn hosts(address: &str) -> Vec<String> {
    let parts = address.split_once('@').zip(address.rsplit_once('/'));
    let Some(((user, _), (before, name))) = parts.filter(|_| address.contains(',')) else {
        return vec![address.to_owned()];
    };
    let hosts = before.split_once('@').map_or("", |(_, hosts)| hosts);
    let one = |host| format!("{user}@{host}/{name}");
    hosts.split(',').map(one).collect()
}

/// One try: the server may be in the middle of a crash.
async fn ahead(address: &str) -> Result<(), MigrateError> {
    if address.starts_with("sqlite:") {
        run(SqliteConnection::connect(address).await?).await
    } else {
        run(PgConnection::connect(address).await?).await
    }
}

async fn run<C: Migrate>(mut connection: C) -> Result<(), MigrateError> {
    let add = |table: &&str| format!("alter table {table} add column ahead text;");
    let sql: String = TABLES.iter().map(add).collect();
    let ahead = Migration::new(
        VERSION,
        "compatible ahead".into(),
        MigrationType::Simple,
        AssertSqlSafe(sql).into_sql_str(),
        false,
    );
    let mut migrator = Migrator::with_migrations(vec![ahead]);
    migrator.set_ignore_missing(true).set_locking(false);
    migrator.run_direct(None, &mut connection, false).await
}
