//! Opens a database by its address.

use crate::limited::Limited;
use payment::ports::Store;
use std::sync::Arc;

/// The database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address names neither database.
    #[error("the database address must begin with sqlite: or postgres:")]
    Scheme,
    /// The database refused, or its migrations failed.
    #[error("the database can't be opened: {0}")]
    Database(String),
}

/// Opens `sqlite:PATH` or `postgres://…`, and brings its tables up to date. A
/// PostgreSQL address may name several hosts, `postgres://user@a,b:5433/name`: the
/// one that takes writes is used, and another one once it does.
///
/// The address may hold a password: it is in no error text.
///
/// # Errors
/// [`OpenError`] when the address is malformed or the database refuses.
pub async fn open(address: &str) -> Result<Arc<dyn Store>, OpenError> {
    if address.starts_with("sqlite:") {
        return Ok(Arc::new(Limited(crate::sqlite::open(address).await?)));
    }
    if address.starts_with("postgres:") || address.starts_with("postgresql:") {
        return Ok(Arc::new(Limited(crate::postgres::open(address).await?)));
    }
    Err(OpenError::Scheme)
}

/// What a failed opening tells: the driver's cause, never the address.
pub(crate) fn refused(cause: impl std::fmt::Display) -> OpenError {
    OpenError::Database(cause.to_string())
}
