//! What is PostgreSQL's own: row locks, and statement time limits.

pub(crate) mod connect;
mod hosts;

use crate::db::{Database, Writes};
use crate::guard::Guard;
use crate::line::Pool;
use crate::migrations;
use crate::open_error::{OpenError, Tables, refused};
use crate::renewal::Renewal;
use hosts::Hosts;
use payment::ports::{Answer, StoreError};
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor, PgPool, Row};
use std::sync::Arc;
use std::time::Duration;

/// Ours, and not that of another program beside, in a schema of its own.
const MIGRATIONS_TABLE: &str = "select 1 where to_regclass('_sqlx_migrations') is not null";

/// Tries of the migrations: two programs that start at once may meet there.
const MIGRATION_TRIES: u32 = 5;
const MIGRATION_PAUSE: Duration = Duration::from_millis(500);
/// An index of a large table takes its time; who waits for a table holds up those behind him.
const MIGRATION_LIMITS: &str = "set statement_timeout = 0; set lock_timeout = '5s'";
/// How long a connection that is of no use holds up the next one.
const REFUSED_PAUSE: Duration = Duration::from_millis(250);
/// A connection that has not answered for this long is not used again.
const PING_LIMIT: Duration = Duration::from_secs(2);

pub(crate) async fn open(
    address: &str,
    connections: u32,
    limits: &'static str,
    guard: Arc<Guard>,
    tables: Tables,
) -> Result<Database, OpenError> {
    let hosts = Hosts::parse(address)?;
    let options = writable(&hosts).await?;
    connect::refuse_shared_sessions(&options).await?;
    let renewal = Renewal::default();
    let judge = renewal.clone();
    let (known, given_up) = (Arc::clone(&guard), renewal.clone());
    let pool = PgPoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(Duration::from_secs(5))
        .test_before_acquire(false)
        .after_connect(move |connection, _| {
            let (guard, renewal) = (Arc::clone(&known), given_up.clone());
            Box::pin(async move {
                let ready = connect::ready(connection, limits, &guard, &renewal).await;
                if ready.is_err() {
                    // The pool makes the next one at once, and a pooler whose server is away,
                    // or a server whose books went back, refuses it at once.
                    tokio::time::sleep(REFUSED_PAUSE).await;
                }
                ready
            })
        })
        .before_acquire(move |connection, meta| {
            let usable = !judge.is_old(meta.age);
            Box::pin(async move {
                let ping = tokio::time::timeout(PING_LIMIT, connection.ping());
                Ok(usable && matches!(ping.await, Ok(Ok(()))))
            })
        })
        .connect_with(options.clone())
        .await
        .map_err(refused)?;
    let mut migrator = migrations::migrator(migrations::POSTGRES);
    let applied = migrations::applied(&pool, MIGRATIONS_TABLE).await?;
    migrations::check(&applied, &migrator, tables)?;
    if tables == Tables::Migrate {
        migrator.set_ignore_missing(true).set_locking(false);
        migrate(&options, &migrator).await?;
    }
    let watched = hosts.watch(options, pool.clone(), renewal.clone(), Arc::clone(&guard));
    tokio::spawn(watched);
    let (reads, writes) = (Pool::Postgres(pool.clone()), Pool::Postgres(pool));
    let writes = Writes::Beside(writes);
    Ok(Database::new(reads, writes, renewal, guard))
}

async fn writable(hosts: &Hosts) -> Result<PgConnectOptions, OpenError> {
    let none = || OpenError::Database("no server takes writes".to_owned());
    hosts.writable().await.ok_or_else(none)
}

/// The migrations that a database has seen, number and name.
pub(crate) async fn applied(address: &str) -> Result<Vec<(i64, String)>, OpenError> {
    let hosts = Hosts::parse(address)?;
    let options = writable(&hosts).await?;
    let pool = PgPoolOptions::new().max_connections(1);
    let pool = pool.connect_with(options).await.map_err(refused)?;
    let applied = migrations::applied(&pool, MIGRATIONS_TABLE).await;
    pool.close().await;
    applied
}

/// Writes the table of secrets anew, without what was overwritten in it.
///
/// # Errors
/// Where that is not ours to do, or somebody may still see what was there before.
pub(crate) async fn rewrite(pool: &PgPool) -> Answer<()> {
    let unavailable = |error: sqlx::Error| StoreError::Unavailable(error.to_string());
    let mut why = "";
    for _ in 0..REWRITE_TRIES {
        let asked = pool.fetch_one(REWRITABLE).await.map_err(unavailable)?;
        let answer = |column: usize| asked.try_get::<bool, _>(column).map_err(unavailable);
        if !answer(0)? {
            why = "the table domain_secret is another role's: let its owner do it";
            break;
        }
        if !answer(1)? {
            // What the planner knows of the column is made of its rows.
            let written = pool.execute("vacuum (full, analyze) domain_secret");
            return written.await.map(drop).map_err(unavailable);
        }
        why = "a transaction that began before is open, such as a dump's";
        // What an instance is at ends soon.
        tokio::time::sleep(REWRITE_PAUSE).await;
    }
    Err(StoreError::Unavailable(why.to_owned()))
}

/// How often, and after which pauses, it is looked whether older rows are seen by nobody.
const REWRITE_TRIES: u32 = 15;
const REWRITE_PAUSE: Duration = Duration::from_secs(1);

/// Whether the table is ours, and whether somebody may see older rows than its newest.
const REWRITABLE: &str = "select pg_has_role(c.relowner, 'usage'), exists ( \
    select from (select unnest(array[backend_xmin, backend_xid]) as seen from pg_stat_activity \
    where pid <> pg_backend_pid() and coalesce(datname, current_database()) = current_database() \
    union all select transaction from pg_prepared_xacts where database = current_database() \
    union all select xmin from pg_replication_slots) seen \
    where age(seen.seen) >= (select min(age(s.xmin)) from domain_secret s)) \
    from pg_class c where c.oid = 'domain_secret'::regclass";

/// Without the driver's advisory lock, which not every server of this wire has: who
/// comes second fails on what the first one wrote, and then finds it done.
async fn migrate(options: &PgConnectOptions, migrator: &Migrator) -> Result<(), OpenError> {
    let mut tries = 1;
    loop {
        let migrated = async {
            let mut own = options.connect().await?;
            own.execute(MIGRATION_LIMITS).await?;
            migrator.run(&mut own).await?;
            own.close().await.map_err(MigrateError::from)
        };
        match migrated.await {
            Ok(()) => return Ok(()),
            Err(_) if tries < MIGRATION_TRIES => tries += 1,
            Err(error) => return Err(refused(error)),
        }
        tokio::time::sleep(MIGRATION_PAUSE).await;
    }
}
