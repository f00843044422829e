//! What is PostgreSQL's own: row locks, and statement time limits.

use crate::open::{OpenError, refused};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use std::str::FromStr;
use std::time::Duration;

#[path = "repository.rs"]
#[expect(
    clippy::duplicate_mod,
    reason = "the same queries, compiled for each database"
)]
mod repository;

use repository::Repository;

type Db = sqlx::Postgres;

const BEGIN: &str = "begin";

const LOCK_REQUEST: &str = "select id, money, currency, status from payment_request \
    where domain_code = $1 and request_key = $2 for update";

/// The request is locked with its attempt: who settles is alone with both.
const LOCK_ATTEMPT: &str = "select a.status, r.id as request_id, r.status as request_status, \
    r.domain_code from attempt a join payment_request r on r.id = a.request_id \
    where a.order_sn = $1 for update of a, r";

const TAKE_DUE_ATTEMPTS: &str = "update attempt set next_query_ms = $2 where order_sn in \
    (select order_sn from attempt where next_query_ms <= $1 order by next_query_ms limit $3 \
    for update skip locked) returning order_sn";

const TAKE_DUE_CALLBACKS: &str = "update callback set next_ms = $2 where id in \
    (select id from callback where next_ms <= $1 order by next_ms limit $3 \
    for update skip locked) returning id, domain_code, order_sn, url, tries";

const TAKE_DUE_REFUNDS: &str = "update refund set next_ms = $2 where refund_no in \
    (select refund_no from refund where next_ms <= $1 order by next_ms limit $3 \
    for update skip locked) \
    returning refund_no";

/// The refund with its order and request, all locked.
const LOCK_REFUND: &str = "select f.state, f.domain_code, f.order_sn, r.id as request_id, \
    r.status as request_status from refund f join attempt a on a.order_sn = f.order_sn \
    join payment_request r on r.id = a.request_id where f.refund_no = $1 for update of f, r";

pub(crate) async fn open(address: &str) -> Result<Repository, OpenError> {
    let options = PgConnectOptions::from_str(address)
        .map_err(|_| OpenError::Database("the address can't be read".to_owned()))?
        .options([("statement_timeout", "10s"), ("lock_timeout", "5s")]);
    let pool = PgPoolOptions::new()
        .max_connections(16)
        .acquire_timeout(Duration::from_secs(5))
        .connect_with(options)
        .await
        .map_err(refused)?;
    sqlx::migrate!("migrations/postgres")
        .run(&pool)
        .await
        .map_err(refused)?;
    Ok(Repository::new(pool.clone(), pool))
}
