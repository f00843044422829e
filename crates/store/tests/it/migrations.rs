//! Databases of older versions are brought up to date with what they hold.

use crate::harness::{self, temp_folder};
use payment::obj::Obj;
use payment::ports::Store;
use sqlx::migrate::Migrator;
use sqlx::{Connection, Executor};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::OpenError;

/// An open attempt as the first version wrote it.
const OLD_ROWS: &str = "\
    insert into payment_request (domain_code, request_key, money, currency, status, created_ms) \
    values ('shop', 'k', 100, 'CNY', 'NOTPAY', 1); \
    insert into attempt (order_sn, request_id, token, channel, account, kind, channel_order_no, \
    channel_money, channel_currency, signed_values, secret_generation, status, obj, created_ms, \
    expires_ms, next_query_ms) select '00000000000000000001', id, 't', 'Wechat', 'a', 'native', \
    'n', 100, 'CNY', 'info=x', 1, 'NOTPAY', 'weixin://wxpay/bizpayurl?pr=\"x', 1, 2, 3 \
    from payment_request;";

/// A folder with the first migration alone.
fn first(dialect: &str) -> PathBuf {
    let folder = temp_folder();
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("migrations")
        .join(dialect);
    let name = "0001_first_payment.sql";
    std::fs::copy(source.join(name), folder.join(name)).unwrap();
    folder
}

/// Brings an old database up to date, and what that would do is told before.
async fn holds_the_code_once_migrated(address: &str) {
    let pending = store::pending(address).await.unwrap();
    let second = pending.first().unwrap();
    assert_eq!(
        (second.version, second.name.as_str(), second.compatible),
        (2, "channels", false)
    );
    assert!(pending.last().unwrap().compatible);
    let store = store::migrate(address).await.unwrap();
    assert_eq!(store::pending(address).await.unwrap(), []);
    holds_the_code(store).await;
}

async fn holds_the_code(store: Arc<dyn Store>) {
    let attempt = store
        .attempt("00000000000000000001")
        .await
        .unwrap()
        .unwrap();
    let code = "weixin://wxpay/bizpayurl?pr=\"x".to_owned();
    assert_eq!(attempt.obj, Some(Obj::Code(code)));
}

/// Another program beside, in a schema of its own, notes its migrations as we do.
#[tokio::test]
async fn what_another_program_migrated_is_not_ours() {
    let Some(address) = harness::postgres_address().await else {
        return;
    };
    let mut other = sqlx::PgConnection::connect(&address).await.unwrap();
    let theirs = "create schema theirs; create table theirs._sqlx_migrations (version bigint)";
    other.execute(theirs).await.unwrap();
    let missing = store::open(&address).await.err();
    assert!(matches!(missing, Some(OpenError::Missing)), "{missing:?}");
    assert_eq!(store::pending(&address).await.unwrap()[0].version, 1);
    store::migrate(&address).await.unwrap();
}

#[tokio::test]
async fn a_code_of_the_first_version_is_still_shown_on_sqlite() {
    let address = format!("sqlite:{}?mode=rwc", temp_folder().join("old.db").display());
    let mut old = sqlx::SqliteConnection::connect(&address).await.unwrap();
    let migrator = Migrator::new(first("sqlite")).await.unwrap();
    migrator.run_direct(None, &mut old, false).await.unwrap();
    old.execute(OLD_ROWS).await.unwrap();
    old.close().await.unwrap();
    holds_the_code_once_migrated(&address).await;
}

#[tokio::test]
async fn a_code_of_the_first_version_is_still_shown_on_postgres() {
    let Some(address) = harness::postgres_address().await else {
        return;
    };
    let mut old = sqlx::PgConnection::connect(&address).await.unwrap();
    let migrator = Migrator::new(first("postgres")).await.unwrap();
    migrator.run_direct(None, &mut old, false).await.unwrap();
    old.execute(OLD_ROWS).await.unwrap();
    old.close().await.unwrap();
    holds_the_code_once_migrated(&address).await;
}

#[tokio::test]
async fn a_look_at_what_is_to_come_makes_no_file() {
    let path = temp_folder().join("none.db");
    let address = format!("sqlite:{}?mode=rwc", path.display());
    let pending = store::pending(&address).await.unwrap();
    assert_eq!(pending.first().unwrap().name, "first payment");
    assert!(!path.exists());
}
