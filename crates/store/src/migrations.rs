//! Which of our tables a database has. A migration whose name begins with
//! `compatible_` leaves programs that don't know it at work: it adds tables,
//! indexes, or columns that may stay empty. Any other refuses them.

use crate::open::{OpenError, Tables, refused};
use sqlx::migrate::Migrator;
use sqlx::{Database, Executor, FromRow, IntoArguments, Pool};

const COMPATIBLE: &str = "compatible ";

/// Refuses tables of a program that this one can't work beside, and, where they are
/// not to be brought up to date, older ones.
pub(crate) fn check(
    applied: &[(i64, String)],
    known: &Migrator,
    tables: Tables,
) -> Result<(), OpenError> {
    let foreign = |(version, name): &&(i64, String)| {
        !known.version_exists(*version) && !name.starts_with(COMPATIBLE)
    };
    if let Some((version, name)) = applied.iter().find(foreign) {
        return Err(OpenError::Newer(format!("{version}, {name}")));
    }
    let is_there = |version: i64| applied.iter().any(|(there, _)| *there == version);
    let complete = known.iter().all(|migration| is_there(migration.version));
    match tables {
        Tables::Expect if applied.is_empty() => Err(OpenError::Missing),
        Tables::Expect if !complete => Err(OpenError::Older),
        _ => Ok(()),
    }
}

/// The migrations that the database has seen, number and name; `table` finds where
/// they are noted.
pub(crate) async fn applied<D>(
    pool: &Pool<D>,
    table: &'static str,
) -> Result<Vec<(i64, String)>, OpenError>
where
    D: Database,
    D::Arguments: IntoArguments<D>,
    for<'c> &'c mut D::Connection: Executor<'c, Database = D>,
    for<'r> (i64, String): FromRow<'r, D::Row>,
{
    let table = sqlx::query(table).fetch_optional(pool);
    if table.await.map_err(refused)?.is_none() {
        return Ok(Vec::new());
    }
    let query = "select version, description from _sqlx_migrations order by version";
    let rows = sqlx::query_as(query).fetch_all(pool);
    rows.await.map_err(refused)
}
