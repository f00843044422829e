//! Ways to a server of PostgreSQL: encrypted, and through a pooler.

use crate::harness::postgres_address;
use payment::operators::Role;
use payment::ports::Change;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What a test beside needs; `None`, said aloud, where it is not there.
fn given(name: &str) -> Option<String> {
    let value = std::env::var(name).ok();
    if value.is_none() {
        eprintln!("SKIPPED: {name} is not set");
    }
    value
}

/// Who is connected to a database: name of the program, and whether it is encrypted.
async fn connected(address: &str, database: &str) -> Vec<(String, bool)> {
    let mut admin = PgConnection::connect(address).await.unwrap();
    let asked = AssertSqlSafe(format!(
        "select a.application_name, s.ssl from pg_stat_activity a \
         join pg_stat_ssl s on s.pid = a.pid \
         where a.datname = '{database}' and a.pid <> pg_backend_pid()"
    ));
    let rows = sqlx::query(asked).fetch_all(&mut admin).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn a_connection_is_encrypted_and_its_server_known() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let Some(certificate) = given("TONGFU_TEST_POSTGRES_CERTIFICATE") else {
        return;
    };
    let database = address.rsplit('/').next().unwrap();
    let verified = format!("{address}?sslmode=verify-full&sslrootcert={certificate}");
    let store = store::migrate(&verified).await.unwrap();
    let connected = connected(&address, database).await;
    assert!(!connected.is_empty());
    let ours = ("tongfu".to_owned(), true);
    assert!(connected.iter().all(|one| *one == ours), "{connected:?}");
    drop(store);

    store::open(&format!("{address}?sslmode=require"))
        .await
        .unwrap();
    // By the system's authorities it is nobody's.
    let unknown = store::open(&format!("{address}?sslmode=verify-full")).await;
    let error = unknown.err().unwrap().to_string();
    assert!(error.contains("certificate"), "{error}");
    // Another host's name.
    let other = verified.replace("127.0.0.1", "0.0.0.0");
    let error = store::open(&other).await.err().unwrap().to_string();
    assert!(error.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_pooler_may_keep_sessions_and_not_share_them() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let path = address.rsplit('/').next().unwrap();
    let names = [
        "TONGFU_TEST_POOLER_SESSION",
        "TONGFU_TEST_POOLER_TRANSACTION",
    ];
    let [Some(session), Some(transaction)] = names.map(given) else {
        return;
    };
    let store = store::migrate(&format!("{session}/{path}")).await.unwrap();
    for _ in 0..20 {
        store.takes_writes().await.unwrap();
        store.ready().await.unwrap();
    }
    store.changes().await.unwrap();

    let address = format!("{transaction}/{path}");
    let shared = store::open(&address);
    let shared = tokio::time::timeout(Duration::from_secs(30), shared).await;
    let error = shared.unwrap().err().unwrap().to_string();
    assert!(error.contains("pool_mode=session"), "{error}");
}

/// An index of a large book takes longer than any statement of ours may.
#[tokio::test]
async fn a_migration_takes_the_time_that_it_needs() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let mut admin = PgConnection::connect(&address).await.unwrap();
    admin
        .execute(
            "create table seen (statement text, lock text); \
             create function look() returns event_trigger language plpgsql as $$ begin \
             insert into seen values (current_setting('statement_timeout'), \
             current_setting('lock_timeout')); end $$; \
             create event trigger looks on ddl_command_start execute function look()",
        )
        .await
        .unwrap();
    let store = store::migrate(&address).await.unwrap();
    let seen = "select distinct statement, lock from seen";
    let seen: Vec<(String, String)> = sqlx::query_as(seen).fetch_all(&mut admin).await.unwrap();
    assert_eq!(seen, [("0".to_owned(), "5s".to_owned())]);
    drop(store);
}

/// What `doctor` asks of a large book takes longer than a payer may wait.
#[tokio::test]
async fn a_command_has_longer_than_an_instance() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let mut admin = PgConnection::connect(&address).await.unwrap();
    let address = store::Address::from(&address);
    let instance = store::migrate(address.clone()).await.unwrap();
    let command = store::open(address.patient()).await.unwrap();
    let limits = "create table seen (statement text); create function look() returns trigger language plpgsql as $$ begin \
        insert into seen values (current_setting('statement_timeout')); \
        return null; end $$; create trigger looks after insert or update on write_probe \
        for each statement execute function look()";
    admin.execute(limits).await.unwrap();
    instance.takes_writes().await.unwrap();
    command.takes_writes().await.unwrap();
    let seen = "select distinct statement from seen order by statement";
    let seen: Vec<String> = sqlx::query_scalar(seen)
        .fetch_all(&mut admin)
        .await
        .unwrap();
    assert_eq!(seen, ["10s", "295s"]);
}

/// Who watches the server is cut off once, and finds the same one again.
#[tokio::test]
async fn a_server_that_is_found_again_keeps_its_connections() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let (server, name) = address.rsplit_once('/').unwrap();
    // Nobody listens there.
    let several = store::Address::from(&format!("{server},127.0.0.1:1/{name}"));
    let store = store::migrate(several.over(1)).await.unwrap();
    let mut admin = PgConnection::connect(&address).await.unwrap();
    let asked = "select pid from pg_stat_activity where datname = current_database() \
        and application_name = 'tongfu' and pid <> pg_backend_pid() and ";
    let watcher = format!("{asked} query = 'show transaction_read_only'");
    let pool = format!("{asked} query like '%from domain%'");
    let mut pids = async |asked: &str| -> Vec<i32> {
        let asked = sqlx::query_scalar(AssertSqlSafe(asked.to_owned()));
        asked.fetch_all(&mut admin).await.unwrap()
    };
    store.domain("test").await.unwrap();
    let before = pids(&pool).await;
    assert_eq!(before.len(), 1);
    let mut cut = None;
    loop {
        match (pids(&watcher).await.as_slice(), cut) {
            ([watches], None) => {
                let end = format!(
                    "select pid from pg_stat_activity where \
                    pg_terminate_backend({watches}) and pid = {watches}"
                );
                pids(&end).await;
                cut = Some(*watches);
            }
            ([watches], Some(cut)) if *watches != cut => break,
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
    store.domain("test").await.unwrap();
    assert_eq!(pids(&pool).await, before);
}

/// Two connections, always taken, each of which is answered again and again: who waits too
/// long for one is told so, and none is made anew for it.
#[tokio::test]
async fn who_finds_no_connection_free_renews_none() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let database = address.rsplit('/').next().unwrap().to_owned();
    let over = store::Address::from(address.as_str()).over(2);
    let store = store::migrate(over).await.unwrap();
    store.changes().await.unwrap();
    let mut admin = PgConnection::connect(&address).await.unwrap();
    let asked = format!(
        "select pid from pg_stat_activity where datname = '{database}' \
         and application_name = 'tongfu' order by pid"
    );
    let mut pids = async || -> Vec<i32> {
        let asked = sqlx::query_scalar(AssertSqlSafe(asked.clone()));
        asked.fetch_all(&mut admin).await.unwrap()
    };
    // Everything that reads business systems waits for whoever holds their table, who lets
    // two pass and takes it again.
    let mut holder = PgConnection::connect(&address).await.unwrap();
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let holds = tokio::spawn(async move {
        while stopped.try_recv().is_err() {
            holder
                .execute("begin; lock table domain; select pg_sleep(1); commit")
                .await
                .unwrap();
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let reads = || {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.domain("test").await.is_ok() })
    };
    let mut readers: Vec<_> = (0..64).map(|_| reads()).collect();
    // Both are known to be in use.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = pids().await;
    // Those before give up together: others have to be before him until he does.
    readers.extend((0..64).map(|_| reads()));
    tokio::time::sleep(Duration::from_millis(1)).await;
    let waited = store.set_operator_role("nobody", Role::Viewer).await;
    assert!(waited.is_err(), "it had its turn at once: {waited:?}");
    let mut answered = 0;
    for reader in readers {
        answered += u32::from(reader.await.unwrap());
    }
    assert!(answered >= 4, "{answered}");
    stop.send(()).unwrap();
    holds.await.unwrap();
    assert!(store.domain("test").await.unwrap().is_none());
    assert_eq!(pids().await, before);
    assert!(!store.changes().await.unwrap().contains(&Change::All));
}

/// Two connections, in use when all that is sent over them is lost: no end of theirs is told.
/// Others take their places.
async fn silence_takes_no_places(settings: &str) {
    let Some(address) = postgres_address().await else {
        return;
    };
    let (scheme, rest) = address.split_once("://").unwrap();
    let (authority, name) = rest.split_once('/').unwrap();
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (format!("{user}@"), host.to_owned()),
        None => (String::new(), authority.to_owned()),
    };
    let (silence, silenced) = watch::channel(false);
    let way = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = way.local_addr().unwrap().port();
    tokio::spawn(lead(way, host, silenced));
    let through = format!("{scheme}://{user}127.0.0.1:{port}/{name}{settings}");
    let over = store::Address::from(&through).over(2);
    let store = store::migrate(over).await.unwrap();

    let mut holder = PgConnection::connect(&address).await.unwrap();
    holder.execute("begin; lock table domain").await.unwrap();
    let reads = || {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.domain("test").await.is_ok() })
    };
    let readers = [reads(), reads()];
    let waiting = "select count(*) from pg_stat_activity where datname = current_database() \
        and application_name = 'tongfu' and wait_event_type = 'Lock'";
    let mut waits = 0_i64;
    while waits < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        waits = sqlx::query_scalar(waiting)
            .fetch_one(&mut holder)
            .await
            .unwrap();
    }
    silence.send(true).unwrap();
    holder.execute("rollback").await.unwrap();
    for reader in readers {
        reader.abort();
    }
    // Each waits for a place as long as anybody does.
    let mut tries = 1;
    while let Err(error) = store.domain("test").await {
        assert!(tries < 12, "{error}");
        tries += 1;
    }
}

/// Leads to the server, until what is under way falls silent; whoever comes then is led.
async fn lead(way: TcpListener, server: String, silenced: watch::Receiver<bool>) {
    loop {
        let (mut near, _) = way.accept().await.unwrap();
        let (server, mut silenced) = (server.clone(), silenced.clone());
        tokio::spawn(async move {
            let mut far = TcpStream::connect(server).await.unwrap();
            silenced.mark_unchanged();
            tokio::select! {
                _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                _ = silenced.changed() => std::future::pending().await,
            }
        });
    }
}

#[tokio::test]
async fn connections_that_fell_silent_take_no_places() {
    silence_takes_no_places("").await;
}

#[tokio::test]
async fn nor_do_encrypted_ones() {
    if given("TONGFU_TEST_POSTGRES_CERTIFICATE").is_some() {
        silence_takes_no_places("?sslmode=require").await;
    }
}
