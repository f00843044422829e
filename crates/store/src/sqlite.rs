//! What is SQLite's own: one connection writes, several read; a commit is on
//! disk before it is answered (`synchronous = full`).

use crate::open::{OpenError, Tables, refused};
use crate::renewal::Renewal;
use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::str::FromStr;
use std::time::Duration;

/// A query whose rows nobody else changes until the transaction ends: here the
/// transaction has the whole file.
macro_rules! locked {
    ($($query:expr),+ $(,)?) => {
        concat!($($query),+)
    };
}

/// The same, passing over rows that others have locked.
macro_rules! skip_locked {
    ($($query:expr),+ $(,)?) => {
        concat!($($query),+)
    };
}

/// The texts of a JSON array, as rows with the column `value`.
macro_rules! json_texts {
    ($place:literal) => {
        concat!("json_each(", $place, ")")
    };
}

#[path = "repository.rs"]
mod repository;

use repository::Repository;

type Db = sqlx::Sqlite;

/// Takes the write lock at once, so that what is read stays true until the commit.
const BEGIN: &str = "begin immediate";

const MIGRATIONS_TABLE: &str =
    "select name from sqlite_master where type = 'table' and name = '_sqlx_migrations'";

pub(crate) async fn open(address: &str, tables: Tables) -> Result<Repository, OpenError> {
    let options = SqliteConnectOptions::from_str(address).map_err(refused)?;
    if tables == Tables::Expect && !options.get_filename().exists() {
        return Err(OpenError::Missing);
    }
    let options = options
        .create_if_missing(tables == Tables::Migrate)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let renewal = Renewal::default();
    let write = pool(1, &renewal)
        .connect_with(options.clone())
        .await
        .map_err(refused)?;
    let mut migrator = sqlx::migrate!("migrations/sqlite");
    repository::check_tables(&write, &migrator, tables).await?;
    if tables == Tables::Migrate {
        migrator.set_ignore_missing(true);
        migrator.run(&write).await.map_err(refused)?;
    }
    let read = pool(4, &renewal)
        .connect_with(options.read_only(true))
        .await
        .map_err(refused)?;
    Ok(Repository::new(read, write, renewal))
}

fn pool(size: u32, renewal: &Renewal) -> SqlitePoolOptions {
    let renewal = renewal.clone();
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(5))
        .before_acquire(move |connection, meta| {
            // A full disk ends a transaction behind the driver's back, which then
            // believes itself in it for ever.
            let usable = !renewal.is_old(meta.age) && !connection.is_in_transaction();
            Box::pin(async move { Ok(usable) })
        })
}

/// What tests of single queries need.
#[cfg(test)]
mod trial {
    use super::{Repository, Tables, open};
    use sqlx::Row;
    use sqlx::sqlite::SqliteRow;

    /// Before a query: how it would be answered.
    pub(super) const PLAN: &str = "explain query plan";

    pub(super) async fn fresh() -> Option<Repository> {
        let name = format!("tongfu-plan-{}.db", std::process::id());
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_file(&path);
        let opened = open(&format!("sqlite:{}", path.display()), Tables::Migrate).await;
        Some(opened.unwrap())
    }

    /// The steps that read every row of a table: not those through an index that holds
    /// few of them.
    pub(super) fn scans(plan: &[SqliteRow]) -> Vec<String> {
        let steps = plan.iter().map(|row| row.get::<String, _>("detail"));
        let few = ["_due", "_mismatch", "_open", "_beside", "CONSTANT ROW"];
        let reads_all = |step: &String| {
            step.starts_with("SCAN") && !few.iter().any(|index| step.contains(index))
        };
        steps.filter(reads_all).collect()
    }
}
