//! What bringing a database up to date would change, found without changing it.

use crate::migrations::{self, COMPATIBLE};
use crate::open_error::{OpenError, Tables};
use crate::{Address, postgres, sqlite};

/// A migration that a database has not seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its number.
    pub version: i64,
    /// Its name, in words.
    pub name: String,
    /// Whether programs that don't know it go on beside it; others are to be stopped first.
    pub compatible: bool,
}

/// What [`crate::migrate`] would do to a database, in its order; changes nothing.
///
/// # Errors
/// [`OpenError`] when the address is malformed, the database refuses, or its tables are of a
/// newer program.
pub async fn pending(address: impl Into<Address>) -> Result<Vec<Pending>, OpenError> {
    let address = address.into();
    let url = address.url();
    let (folder, applied) = if url.starts_with("sqlite:") {
        (migrations::SQLITE, sqlite::applied(url).await?)
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        (migrations::POSTGRES, postgres::applied(url).await?)
    } else {
        return Err(OpenError::Scheme);
    };
    let known = migrations::migrator(folder);
    migrations::check(&applied, &known, Tables::Migrate)?;
    let is_there = |version| applied.iter().any(|(there, _)| *there == version);
    let pending = known.iter().filter(|one| !is_there(one.version));
    let pending = pending.map(|one| Pending {
        version: one.version,
        name: one.description.to_string(),
        compatible: one.description.starts_with(COMPATIBLE),
    });
    Ok(pending.collect())
}
