//! Opens a database by its address.

use crate::guard::Guard;
use crate::keys::Keys;
use crate::open_error::{OpenError, Tables, refused};
use crate::postgres::connect::{LIMITS, PATIENT_LIMITS};
use payment::ports::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Where a database is, and over how many connections it is asked.
#[derive(Clone, Debug)]
pub struct Address {
    url: String,
    connections: Option<u32>,
    mark: Option<PathBuf>,
    keys: Keys,
    given_up: bool,
    sealed_only: bool,
    patient: bool,
}

impl Address {
    /// Connections that read a file of SQLite; one more writes.
    pub const SQLITE_READERS: u32 = 4;
    /// Connections to a server of PostgreSQL; one more hears what others change.
    pub const POSTGRES_CONNECTIONS: u32 = 16;

    /// With another number of connections.
    #[must_use]
    pub fn over(self, connections: u32) -> Self {
        let connections = Some(connections.max(1));
        Self {
            connections,
            ..self
        }
    }

    /// With a file beside, one for each instance, that keeps how far the books have come:
    /// a database that has gone back behind it is refused as if it were away
    /// ([`payment::ports::Marks`]).
    #[must_use]
    pub fn marked_in(self, file: PathBuf) -> Self {
        let mark = Some(file);
        Self { mark, ..self }
    }

    /// With the keys that its secrets are kept by.
    #[must_use]
    pub fn sealed_by(self, keys: Keys) -> Self {
        Self { keys, ..self }
    }

    /// Refuses it where its secrets stand in clear: who owns the database could say that
    /// they were never sealed.
    #[must_use]
    pub fn sealed_only(self) -> Self {
        let sealed_only = true;
        Self {
            sealed_only,
            ..self
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// For a command, which may ask what takes minutes. Where payers wait beside it, a server
    /// gives up sooner, and who asks much keeps no connection from them.
    #[must_use]
    pub fn patient(self) -> Self {
        let patient = true;
        Self { patient, ..self }
    }

    /// Opens it though its secrets are kept by keys that nobody has any more.
    #[must_use]
    pub fn with_lost_keys(self) -> Self {
        let given_up = true;
        Self { given_up, ..self }
    }
}

impl<T: AsRef<str> + ?Sized> From<&T> for Address {
    /// `sqlite:PATH` or `postgres://…`. A PostgreSQL address may name several hosts,
    /// `postgres://user@a,b:5433/name`: the one that takes writes is used, and another
    /// one once it does.
    fn from(url: &T) -> Self {
        Self {
            url: url.as_ref().to_owned(),
            connections: None,
            mark: None,
            keys: Keys::default(),
            given_up: false,
            sealed_only: false,
            patient: false,
        }
    }
}

/// Opens a database whose tables are up to date, or newer and compatible; changes nothing.
///
/// The address may hold a password: it is in no error text.
///
/// # Errors
/// [`OpenError`] when the address is malformed, the database refuses, or its tables
/// are not up to date.
pub async fn open(address: impl Into<Address>) -> Result<Arc<dyn Store>, OpenError> {
    open_with(address.into(), Tables::Expect).await
}

/// The same, and brings its tables up to date first; makes a file that is missing.
///
/// # Errors
/// [`OpenError`] when the address is malformed, the database refuses, or its tables
/// are of a newer program.
pub async fn migrate(address: impl Into<Address>) -> Result<Arc<dyn Store>, OpenError> {
    open_with(address.into(), Tables::Migrate).await
}

async fn open_with(address: Address, tables: Tables) -> Result<Arc<dyn Store>, OpenError> {
    let Address {
        url,
        connections,
        mark,
        keys,
        given_up,
        sealed_only,
        patient,
    } = address;
    let place = mark.clone().unwrap_or_default();
    let unusable = |error| refused(format!("the mark in {}: {error}", place.display()));
    let guard = Guard::read(mark).map_err(unusable)?;
    let guard = Arc::new(guard);
    let mut opened = if url.starts_with("sqlite:") {
        let readers = connections.unwrap_or(Address::SQLITE_READERS);
        crate::sqlite::open(&url, readers, guard, tables).await?
    } else if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        let connections = connections.unwrap_or(Address::POSTGRES_CONNECTIONS);
        let limits = match patient {
            true => PATIENT_LIMITS,
            false => LIMITS,
        };
        crate::postgres::open(&url, connections, limits, guard, tables).await?
    } else {
        return Err(OpenError::Scheme);
    };
    opened.take_keys(keys, tables, given_up).await?;
    if sealed_only && !given_up && !opened.sealed.load(Ordering::Relaxed) {
        return Err(OpenError::Clear);
    }
    Ok(Arc::new(opened))
}
