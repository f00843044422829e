//! Writes the rows of a payment that begins, as durably as ours, and nothing else.

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use sqlx::pool::PoolOptions;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, Database, Pool, Postgres, Sqlite};
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};

/// No more are committed together.
const TOGETHER: usize = 64;
/// Who waits for the writer.
const WAITING: usize = 4_096;
/// Connections to a server of databases.
const CONNECTIONS: u32 = 16;

/// One table a row that a start writes: its request, its attempt, two entries of a story.
const TABLES: [&str; 3] = [
    "create table if not exists request (id bigint primary key, business text not null, \
     name text not null, money bigint not null, status text not null, unique (business, name))",
    "create table if not exists attempt (number text primary key, request bigint not null, \
     token text not null unique, signed text not null, status text not null, \
     due bigint not null)",
    "create table if not exists event (number text not null, seq bigint not null, \
     what text not null, hash text not null, primary key (number, seq))",
];
const INDEXES: [&str; 2] = [
    "create index if not exists attempt_request on attempt (request)",
    "create index if not exists attempt_due on attempt (due)",
];

const REQUEST: &str = "insert into request (id, business, name, money, status) \
    values ($1, 'demo', $2, 100, 'NOTPAY')";
const ATTEMPT: &str = "insert into attempt (number, request, token, signed, status, due) \
    values ($1, $2, $1, $3, 'CREATING', $2)";
const EVENT: &str = "insert into event (number, seq, what, hash) values ($1, $2, 'begun', $1)";
const ACCEPTED: &str = "update attempt set status = 'NOTPAY' where number = $1";

static NEXT: AtomicU64 = AtomicU64::new(0);

type Waiting = oneshot::Sender<bool>;
type Done = Result<(), sqlx::Error>;

/// `batched`: whoever waits is committed together, over one connection.
pub(crate) async fn router(database: &str, schema: &str, batched: bool) -> Result<Router> {
    if database.starts_with("sqlite:") {
        let pool = PoolOptions::<Sqlite>::new().max_connections(1);
        let pool = pool
            .connect(database)
            .await
            .context("opening the database")?;
        for setting in ["pragma journal_mode = wal", "pragma synchronous = full"] {
            sqlx::query(setting).execute(&pool).await?;
        }
        sqlite::make_tables(&pool).await?;
        Ok(sqlite::router(pool, batched))
    } else {
        let connections = if batched { 1 } else { CONNECTIONS };
        let options: PgConnectOptions = database.parse()?;
        let options = options.options([("search_path", schema)]);
        let pool = PoolOptions::<Postgres>::new().max_connections(connections);
        let pool = pool
            .connect_with(options)
            .await
            .context("opening the database")?;
        let schema = AssertSqlSafe(format!("create schema if not exists {schema}"));
        sqlx::query(schema).execute(&pool).await?;
        postgres::make_tables(&pool).await?;
        Ok(postgres::router(pool, batched))
    }
}

fn status(done: bool) -> StatusCode {
    if done {
        StatusCode::OK
    } else {
        StatusCode::INTERNAL_SERVER_ERROR
    }
}

async fn queued(State(queue): State<mpsc::Sender<Waiting>>) -> StatusCode {
    let (told, done) = oneshot::channel();
    let sent = queue.send(told).await;
    status(sent.is_ok() && done.await == Ok(true))
}

/// The same for each database: the driver's types are not to be named by one bound.
macro_rules! on {
    ($module:ident, $database:ty) => {
        mod $module {
            use super::*;

            type Line = <$database as Database>::Connection;

            pub(super) async fn make_tables(pool: &Pool<$database>) -> Done {
                for statement in TABLES.into_iter().chain(INDEXES) {
                    sqlx::query(statement).execute(pool).await?;
                }
                Ok(())
            }

            pub(super) fn router(pool: Pool<$database>, batched: bool) -> Router {
                if batched {
                    let (queue, waiting) = mpsc::channel(WAITING);
                    tokio::spawn(commit_together(pool, waiting));
                    Router::new().fallback(queued).with_state(queue)
                } else {
                    Router::new().fallback(alone).with_state(pool)
                }
            }

            async fn alone(State(pool): State<Pool<$database>>) -> StatusCode {
                status(write(&pool, 1).await.is_ok())
            }

            async fn commit_together(pool: Pool<$database>, mut waiting: mpsc::Receiver<Waiting>) {
                let mut together = Vec::with_capacity(TOGETHER);
                while waiting.recv_many(&mut together, TOGETHER).await > 0 {
                    let done = write(&pool, together.len()).await.is_ok();
                    for told in together.drain(..) {
                        let _ = told.send(done);
                    }
                }
            }

            async fn write(pool: &Pool<$database>, starts: usize) -> Done {
                let mut line = pool.acquire().await?;
                let mut tx = line.begin().await?;
                for _ in 0..starts {
                    start(&mut tx).await?;
                }
                tx.commit().await
            }

            async fn start(line: &mut Line) -> Done {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let id = i64::try_from(number).unwrap_or_default();
                let text = format!("{number:020}");
                let request = sqlx::query(REQUEST).bind(id).bind(&text);
                request.execute(&mut *line).await?;
                let attempt = sqlx::query(ATTEMPT).bind(&text).bind(id);
                attempt.bind("x".repeat(400)).execute(&mut *line).await?;
                for seq in [1_i64, 2] {
                    let event = sqlx::query(EVENT).bind(&text).bind(seq);
                    event.execute(&mut *line).await?;
                }
                let accepted = sqlx::query(ACCEPTED).bind(&text);
                accepted.execute(line).await.map(drop)
            }
        }
    };
}
on!(sqlite, Sqlite);
on!(postgres, Postgres);
