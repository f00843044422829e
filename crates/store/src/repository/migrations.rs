//! Which of our tables a database has. A migration whose name begins with
//! `compatible_` leaves programs that don't know it at work: it adds tables,
//! indexes, or columns that may stay empty. Any other refuses them.

use super::rows::get;
use super::{Db, StoreError};
use crate::open::{OpenError, Tables, refused};
use sqlx::Pool;
use sqlx::migrate::Migrator;

const COMPATIBLE: &str = "compatible ";

/// Refuses tables of a program that this one can't work beside, and, where they are
/// not to be brought up to date, older ones.
pub(in super::super) async fn check(
    pool: &Pool<Db>,
    known: &Migrator,
    tables: Tables,
) -> Result<(), OpenError> {
    let applied = applied(pool).await?;
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

/// The migrations that the database has seen: number and name.
async fn applied(pool: &Pool<Db>) -> Result<Vec<(i64, String)>, OpenError> {
    let table = sqlx::query(super::super::MIGRATIONS_TABLE).fetch_optional(pool);
    if table.await.map_err(refused)?.is_none() {
        return Ok(Vec::new());
    }
    let query = "select version, description from _sqlx_migrations order by version";
    let rows = sqlx::query(query).fetch_all(pool).await.map_err(refused)?;
    let read = |row| Ok((get(row, "version")?, get(row, "description")?));
    let read = rows.iter().map(read).collect::<Result<_, StoreError>>();
    read.map_err(refused)
}
