//! Ways to a server of PostgreSQL: encrypted, and through a pooler.

use crate::harness::postgres_address;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use std::time::Duration;

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
