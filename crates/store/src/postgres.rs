//! What is PostgreSQL's own: row locks, and statement time limits.

mod hosts;

use crate::open::{OpenError, Tables, refused};
use crate::renewal::Renewal;
use hosts::Hosts;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgPool};
use std::time::Duration;

/// A query whose rows nobody else changes until the transaction ends.
macro_rules! locked {
    ($($query:expr),+ $(,)?) => {
        concat!($($query),+, " for update")
    };
}

/// The same, passing over rows that others have locked.
macro_rules! skip_locked {
    ($($query:expr),+ $(,)?) => {
        concat!($($query),+, " for update skip locked")
    };
}

/// The texts of a JSON array, as rows with the column `value`.
macro_rules! json_texts {
    ($place:literal) => {
        concat!(
            "json_array_elements_text(",
            $place,
            "::json) as busy (value)"
        )
    };
}

#[path = "repository.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries, compiled for each database"
)]
mod repository;

use repository::Repository;

type Db = sqlx::Postgres;

const BEGIN: &str = "begin";

const MIGRATIONS_TABLE: &str =
    "select tablename from pg_tables where tablename = '_sqlx_migrations'";

/// Tries of the migrations: two programs that start at once may meet there.
const MIGRATION_TRIES: u32 = 5;
const MIGRATION_PAUSE: Duration = Duration::from_millis(500);
/// A connection that has not answered for this long is not used again.
const PING_LIMIT: Duration = Duration::from_secs(2);

pub(crate) async fn open(address: &str, tables: Tables) -> Result<Repository, OpenError> {
    let unreadable = || OpenError::Database("the address can't be read".to_owned());
    let hosts = Hosts::parse(address).ok_or_else(unreadable)?;
    let options = hosts
        .writable()
        .await
        .ok_or_else(|| OpenError::Database("no server takes writes".to_owned()))?;
    let renewal = Renewal::default();
    let judge = renewal.clone();
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let usable = !judge.is_old(meta.age) && !connection.is_in_transaction();
            Box::pin(async move {
                let ping = tokio::time::timeout(PING_LIMIT, connection.ping());
                Ok(usable && matches!(ping.await, Ok(Ok(()))))
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(refused)?;
    let mut migrator = sqlx::migrate!("migrations/postgres");
    repository::check_tables(&pool, &migrator, tables).await?;
    if tables == Tables::Migrate {
        migrator.set_ignore_missing(true).set_locking(false);
        migrate(&pool, &migrator).await?;
    }
    tokio::spawn(hosts.watch(options, pool.clone(), renewal.clone()));
    Ok(Repository::new(pool.clone(), pool, renewal))
}

/// Without the driver's advisory lock, which not every server of this wire has: who
/// comes second fails on what the first one wrote, and then finds it done.
async fn migrate(pool: &PgPool, migrator: &Migrator) -> Result<(), OpenError> {
    let mut tries = 1;
    loop {
        match migrator.run(pool).await {
            Ok(()) => return Ok(()),
            Err(_) if tries < MIGRATION_TRIES => tries += 1,
            Err(error) => return Err(refused(error)),
        }
        tokio::time::sleep(MIGRATION_PAUSE).await;
    }
}

/// What tests of single queries need.
#[cfg(test)]
mod trial {
    use super::{Repository, Tables, open};
    use sqlx::postgres::PgRow;
    use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

    /// Before a query: how it would be answered.
    pub(super) const PLAN: &str = "explain";

    /// A fresh database; `None`, said aloud, where no PostgreSQL is given.
    pub(super) async fn fresh() -> Option<Repository> {
        let Ok(server) = std::env::var("TONGFU_TEST_POSTGRES") else {
            eprintln!("SKIPPED on PostgreSQL: TONGFU_TEST_POSTGRES is not set");
            return None;
        };
        let name = format!("plan_{}", std::process::id());
        let admin = PgConnection::connect(&format!("{server}/postgres")).await;
        let create = AssertSqlSafe(format!("create database {name}"));
        let created = sqlx::query(create).execute(&mut admin.unwrap()).await;
        created.unwrap();
        Some(
            open(&format!("{server}/{name}"), Tables::Migrate)
                .await
                .unwrap(),
        )
    }

    /// The steps that read every row of a table.
    pub(super) fn scans(plan: &[PgRow]) -> Vec<String> {
        let steps = plan.iter().map(|row| row.get::<String, _>(0));
        steps.filter(|step| step.contains("Seq Scan")).collect()
    }
}
