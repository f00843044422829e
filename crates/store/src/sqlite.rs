//! What is SQLite's own: one connection writes, several read; a commit is on
//! disk before it is answered (`synchronous = full`).

use crate::db::{Database, Writes};
use crate::guard::Guard;
use crate::line::Pool;
use crate::migrations;
use crate::open_error::{OpenError, Tables, refused};
use crate::renewal::Renewal;
use crate::train::Train;
use payment::ports::{Answer, StoreError};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection, Executor, Row};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

const MIGRATIONS_TABLE: &str =
    "select name from sqlite_master where type = 'table' and name = '_sqlx_migrations'";

/// What the writer keeps of the file, as SQLite counts KiB: where a book is large, little
/// of what it writes to lies together.
const WRITER_CACHE: &str = "-16384";

pub(crate) async fn open(
    address: &str,
    connections: u32,
    guard: Arc<Guard>,
    tables: Tables,
) -> Result<Database, OpenError> {
    let options = SqliteConnectOptions::from_str(address).map_err(refused)?;
    check_log(options.get_filename())?;
    let renewal = Renewal::default();
    let mut migrator = migrations::migrator(migrations::SQLITE);
    match tables {
        Tables::Migrate => create(options.get_filename()).map_err(refused)?,
        Tables::Expect if !options.get_filename().exists() => return Err(OpenError::Missing),
        Tables::Expect => {
            // Another program's file stays as it is: the journal is of its choosing.
            migrations::check(&looked(options.clone()).await?, &migrator, tables)?;
        }
    }
    let options = options
        .create_if_missing(tables == Tables::Migrate)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let write = pool(1, &renewal)
        .connect_with(options.clone().pragma("cache_size", WRITER_CACHE))
        .await
        .map_err(refused)?;
    if tables == Tables::Migrate {
        let applied = migrations::applied(&write, MIGRATIONS_TABLE).await?;
        migrations::check(&applied, &migrator, tables)?;
        migrator.set_ignore_missing(true);
        migrator.run(&write).await.map_err(refused)?;
    }
    let read = pool(connections, &renewal)
        .connect_with(options.read_only(true))
        .await
        .map_err(refused)?;
    let writes = Train::new(Pool::Sqlite(write), renewal.clone());
    let (reads, writes) = (Pool::Sqlite(read), Writes::Train(writes));
    Ok(Database::new(reads, writes, renewal, guard))
}

/// The migrations that a file has seen, number and name: none where there is no file.
pub(crate) async fn applied(address: &str) -> Result<Vec<(i64, String)>, OpenError> {
    let options = SqliteConnectOptions::from_str(address).map_err(refused)?;
    check_log(options.get_filename())?;
    match options.get_filename().exists() {
        true => looked(options).await,
        false => Ok(Vec::new()),
    }
}

async fn looked(options: SqliteConnectOptions) -> Result<Vec<(i64, String)>, OpenError> {
    let look = pool(1, &Renewal::default()).connect_with(options).await;
    let look = look.map_err(refused)?;
    let applied = migrations::applied(&look, MIGRATIONS_TABLE).await;
    look.close().await;
    applied
}

/// Where the header of a file says how it is read and written, and what a copy by
/// `vacuum into` says there: by no log.
const FORMAT_AT: u64 = 18;
const WITHOUT_LOG: [u8; 2] = [1, 1];

/// Refuses a copy that was put beside the log of the file before it: nothing ties a log to
/// its file, and SQLite would write the newer pages over the older books.
///
/// # Errors
/// [`OpenError::OldLog`].
fn check_log(file: &Path) -> Result<(), OpenError> {
    let mut log = file.as_os_str().to_owned();
    log.push("-wal");
    let has_log = std::fs::metadata(&log).is_ok_and(|log| log.len() > 0);
    let mut format = [0; 2];
    let read = File::open(file).and_then(|file| file.read_exact_at(&mut format, FORMAT_AT));
    match has_log && read.is_ok() && format == WITHOUT_LOG {
        true => Err(OpenError::OldLog),
        false => Ok(()),
    }
}

/// Makes a file that is missing, which nobody else reads; those beside it are made as it is.
fn create(file: &Path) -> io::Result<()> {
    if is_in_memory(file) {
        return Ok(());
    }
    let mut new = OpenOptions::new();
    match new.write(true).create_new(true).mode(0o600).open(file) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Writes the whole file anew, without what was freed in it, and empties the log beside it.
///
/// # Errors
/// While others read or write.
pub(crate) async fn rewrite(reads: &SqlitePool) -> Answer<()> {
    let options = reads.connect_options().as_ref().clone();
    let options = options.read_only(false).pragma("secure_delete", "on");
    let written = async {
        let mut alone = options.connect().await?;
        alone.execute("vacuum").await?;
        let done = alone.fetch_one("pragma wal_checkpoint(truncate)").await?;
        let is_busy: i64 = done.try_get(0)?;
        alone.close().await?;
        Ok::<_, sqlx::Error>(is_busy != 0)
    };
    match written.await {
        Ok(false) => Ok(()),
        Ok(true) => Err(StoreError::Unavailable("others read the file".to_owned())),
        Err(error) => Err(StoreError::Unavailable(error.to_string())),
    }
}

/// The file that an address names; none for one in memory.
#[must_use]
pub fn sqlite_file(address: &str) -> Option<PathBuf> {
    let options = SqliteConnectOptions::from_str(address).ok()?;
    let file = options.get_filename();
    (!is_in_memory(file)).then(|| file.to_owned())
}

fn is_in_memory(file: &Path) -> bool {
    file.as_os_str().is_empty() || file.to_string_lossy().starts_with("file:")
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
