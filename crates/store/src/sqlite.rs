//! What is SQLite's own: one connection writes, several read; a commit is on
//! disk before it is answered (`synchronous = full`).

use crate::open::{OpenError, refused};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use std::str::FromStr;
use std::time::Duration;

#[path = "repository.rs"]
mod repository;

use repository::Repository;

type Db = sqlx::Sqlite;

/// Takes the write lock at once, so that what is read stays true until the commit.
const BEGIN: &str = "begin immediate";

const LOCK_REQUEST: &str = "select id, money, currency, status from payment_request \
    where domain_code = $1 and request_key = $2";

const LOCK_ATTEMPT: &str = "select a.status, r.id as request_id, r.status as request_status, \
    r.domain_code from attempt a join payment_request r on r.id = a.request_id \
    where a.order_sn = $1";

const TAKE_DUE_ATTEMPTS: &str = "update attempt set next_query_ms = $2 where order_sn in \
    (select order_sn from attempt where next_query_ms <= $1 order by next_query_ms limit $3) \
    returning order_sn";

const TAKE_DUE_CALLBACKS: &str = "update callback set next_ms = $2 where id in \
    (select id from callback where next_ms <= $1 order by next_ms limit $3) \
    returning id, domain_code, order_sn, url, tries";

const TAKE_DUE_REFUNDS: &str = "update refund set next_ms = $2 where refund_no in \
    (select refund_no from refund where next_ms <= $1 order by next_ms limit $3) \
    returning refund_no";

/// The refund with its order and request.
const LOCK_REFUND: &str = "select f.state, f.domain_code, f.order_sn, r.id as request_id, \
    r.status as request_status from refund f join attempt a on a.order_sn = f.order_sn \
    join payment_request r on r.id = a.request_id where f.refund_no = $1";

pub(crate) async fn open(address: &str) -> Result<Repository, OpenError> {
    let options = SqliteConnectOptions::from_str(address)
        .map_err(refused)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(Duration::from_secs(5));
    let pool = |size| {
        SqlitePoolOptions::new()
            .max_connections(size)
            .acquire_timeout(Duration::from_secs(5))
    };
    let write = pool(1)
        .connect_with(options.clone())
        .await
        .map_err(refused)?;
    sqlx::migrate!("migrations/sqlite")
        .run(&write)
        .await
        .map_err(refused)?;
    let read = pool(4)
        .connect_with(options.read_only(true))
        .await
        .map_err(refused)?;
    Ok(Repository::new(read, write))
}
