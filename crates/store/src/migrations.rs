//! Which of our tables a database has. A migration whose name begins with
//! `compatible_` leaves programs that don't know it at work: it adds tables,
//! indexes, or columns that may stay empty. Any other refuses them.

use crate::open_error::{OpenError, Tables, refused};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{Database, Executor, FromRow, IntoArguments, Pool, SqlSafeStr};

pub(crate) const COMPATIBLE: &str = "compatible ";
/// What is noted once no clear text is kept, number and name: it is no file, and programs
/// that don't know it refuse the database.
pub(crate) const SEALED: (&str, &str) = ("1000000", "sealed");

/// The two folders of `migrations`. The driver's own `migrate!` would read them, and
/// compile both databases a second time, for the compiler itself.
macro_rules! folders {
    ($($name:literal)+) => {
        pub(crate) const SQLITE: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../migrations/sqlite/", $name, ".sql")),
        )),+];
        pub(crate) const POSTGRES: &[(&str, &str)] = &[$((
            $name,
            include_str!(concat!("../migrations/postgres/", $name, ".sql")),
        )),+];
    };
}

folders! {
    "0001_first_payment"
    "0002_channels"
    "0003_nothing_lost"
    "0004_partners"
    "0005_changed_sum"
    "0006_compatible_write_probe"
    "0007_compatible_money"
    "0008_compatible_recut"
    "0009_compatible_metrics"
    "0010_compatible_trips"
    "0011_compatible_notify_outcome"
    "0012_compatible_changes"
    "0013_compatible_checkpoints"
    "0014_compatible_book"
    "0015_compatible_sealed"
    "0016_compatible_acts"
    "0017_compatible_refunds_a_day"
    "0018_compatible_accounts"
    "0019_compatible_partner_texts"
    "0020_compatible_tries"
    "0021_compatible_operators"
    "0022_compatible_refunds_by_two"
    "0023_compatible_alarms"
    "0024_compatible_relay"
    "0025_compatible_figures"
    "0026_compatible_alarm_counts"
    "0027_compatible_refunds_listed"
    "0028_compatible_acts_and_signs"
    "0029_compatible_hours"
    "0030_compatible_hours_of_refunds"
    "0031_compatible_accounts_in_use"
    "0032_compatible_looked_after"
    "0033_compatible_notify_body"
    "0034_compatible_days"
    "0035_compatible_by_hand"
}

/// What brings a database up to date: the n-th file of a folder is version n.
pub(crate) fn migrator(folder: &[(&'static str, &'static str)]) -> Migrator {
    let migration = |(version, (name, sql)): (i64, &(&str, &'static str))| {
        let (_, words) = name.split_once('_').unwrap_or_default();
        let words = words.replace('_', " ").into();
        Migration::new(
            version,
            words,
            MigrationType::Simple,
            sql.into_sql_str(),
            false,
        )
    };
    Migrator::with_migrations((1..).zip(folder).map(migration).collect())
}

/// Refuses tables of a program that this one can't work beside, and, where they are
/// not to be brought up to date, older ones.
pub(crate) fn check(
    applied: &[(i64, String)],
    known: &Migrator,
    tables: Tables,
) -> Result<(), OpenError> {
    let foreign = |(version, name): &&(i64, String)| {
        !known.version_exists(*version) && !name.starts_with(COMPATIBLE) && name != SEALED.1
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

#[cfg(test)]
mod tests {
    use super::{Migrator, POSTGRES, SQLITE, migrator};
    use std::path::Path;

    #[tokio::test]
    async fn the_driver_reads_the_same_migrations_from_the_folders() {
        let folders = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
        for (folder, ours) in [("sqlite", SQLITE), ("postgres", POSTGRES)] {
            let ours = migrator(ours);
            let read = Migrator::new(folders.join(folder)).await.expect("a folder");
            assert_eq!(ours.iter().len(), read.iter().len(), "{folder}");
            for (ours, read) in ours.iter().zip(read.iter()) {
                assert_eq!(ours.version, read.version);
                assert_eq!(ours.description, read.description);
                assert_eq!(ours.checksum, read.checksum, "{}", ours.description);
            }
        }
    }
}
