//! Opens a database by its address.

use payment::ports::Store;
use std::sync::Arc;

/// The database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address names neither database.
    #[error("the database address must begin with sqlite: or postgres:")]
    Scheme,
    /// There is no such database, or none of our tables in it.
    #[error("there is no database of ours at TONGFU_DATABASE_URL: `tongfu migrate` makes one")]
    Missing,
    /// Its tables are those of an older program.
    #[error("the database's tables are of an older program: run `tongfu migrate` first")]
    Older,
    /// Its tables are those of a newer program, and not marked as compatible.
    #[error(
        "the database's tables are of a newer program, which this one can't work beside \
         (migration {0}): run the newer one"
    )]
    Newer(String),
    /// The database refused, or its migrations failed.
    #[error("the database can't be opened: {0}")]
    Database(String),
}

/// What is to be done with tables that are missing or of an older program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tables {
    /// They are brought up to date.
    Migrate,
    /// The database is refused.
    Expect,
}

/// Opens `sqlite:PATH` or `postgres://…` whose tables are up to date, or newer and
/// compatible; changes nothing. A PostgreSQL address may name several hosts,
/// `postgres://user@a,b:5433/name`: the one that takes writes is used, and another
/// one once it does.
///
/// The address may hold a password: it is in no error text.
///
/// # Errors
/// [`OpenError`] when the address is malformed, the database refuses, or its tables
/// are not up to date.
pub async fn open(address: &str) -> Result<Arc<dyn Store>, OpenError> {
    open_with(address, Tables::Expect).await
}

/// The same, and brings its tables up to date first; makes a file that is missing.
///
/// # Errors
/// [`OpenError`] when the address is malformed, the database refuses, or its tables
/// are of a newer program.
pub async fn migrate(address: &str) -> Result<Arc<dyn Store>, OpenError> {
    open_with(address, Tables::Migrate).await
}

async fn open_with(address: &str, tables: Tables) -> Result<Arc<dyn Store>, OpenError> {
    if address.starts_with("sqlite:") {
        return Ok(Arc::new(crate::sqlite::open(address, tables).await?));
    }
    if address.starts_with("postgres:") || address.starts_with("postgresql:") {
        return Ok(Arc::new(crate::postgres::open(address, tables).await?));
    }
    Err(OpenError::Scheme)
}

/// What a failed opening tells: the driver's cause, never the address.
pub(crate) fn refused(cause: impl std::fmt::Display) -> OpenError {
    OpenError::Database(cause.to_string())
}
