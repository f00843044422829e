//! Why a database is not opened.

/// The database can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address names neither database.
    #[error("the database address must begin with sqlite: or postgres:")]
    Scheme,
    /// There is no such database, or none of our tables in it.
    #[error(
        "there is no database of ours where TONGFU_DATABASE_URL points (sqlite:tongfu.db in this \
         folder where it is not set): `tongfu migrate` makes one"
    )]
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
    /// Its secrets are kept by another key than those that were given.
    #[error(
        "the database's secrets are kept by the key {0}, which is not given: secrets_key_file \
         names the file that holds it, and secrets_key may hold it itself"
    )]
    Key(String),
    /// Secrets stand in clear, and should not.
    #[error(
        "the database's secrets are not sealed, though secrets_sealed says so (docs/secrets.md)"
    )]
    Clear,
    /// What shows that the key is right, or that the secrets are sealed, is not what was
    /// written there.
    #[error(
        "the database's secrets are not as they were sealed: somebody changed or took away \
         what says so (docs/secrets.md)"
    )]
    Canary,
    /// A copy stands beside the log of the file that was there before it
    /// (docs/operate.md, Backups and restore).
    #[error(
        "beside the database's file lies the log of another (its name ends with -wal): move it \
         and the one that ends with -shm aside, then start again"
    )]
    OldLog,
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

/// What a failed opening tells: the driver's cause, never the address.
pub(crate) fn refused(cause: impl std::fmt::Display) -> OpenError {
    OpenError::Database(cause.to_string())
}
