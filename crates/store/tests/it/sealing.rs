//! Secrets encrypted at rest, from clear text to a key that is thrown away.

use crate::harness::{keys, postgres_address, temp_folder};
use payment::domain::{Domain, Secret};
use payment::ports::{Store, StoreError};
use sqlx::{Connection, PgConnection, SqliteConnection};
use std::collections::HashMap;
use std::sync::Arc;
use store::{Address, Keys, OpenError};

const SECRET: &str = "planted-0123456789";

fn planted(mut domain: Domain) -> Domain {
    domain.rotate(SECRET, 5_000);
    domain
}

async fn opened(address: &str, keys: Keys) -> Result<Arc<dyn Store>, OpenError> {
    store::migrate(Address::from(address).sealed_by(keys)).await
}

fn id(number: u8) -> String {
    keys(&[number]).ids().map(str::to_owned).collect()
}

pub(crate) async fn who_is_at_work_is_known_with_its_keys(store: Arc<dyn Store>) {
    for name in ["b:1", "a:1", "a:1"] {
        store.announce(name, "0.1.0").await.unwrap();
    }
    let state = store.sealing().await.unwrap();
    assert_eq!(state.ours, [id(2), id(1)]);
    let names: Vec<&str> = state
        .instances
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["a:1", "b:1"]);
    assert_eq!(state.instances[0].keys, state.ours);
    assert_eq!(state.instances[0].version, "0.1.0");
    store.take_leave("a:1").await.unwrap();
    assert_eq!(store.sealing().await.unwrap().instances.len(), 1);
}

pub(crate) async fn a_key_takes_over_what_another_kept(store: Arc<dyn Store>) {
    let domain = planted(Domain::test());
    store.add_domain(&domain).await.unwrap();
    let state = store.sealing().await.unwrap();
    assert_eq!(state.writes, Some(id(1)));
    assert_eq!(state.kept, [(Some(id(1)), 2)]);
    assert!(state.sealed_ms.is_some(), "a database of nobody's yet");
    assert_eq!(store.rotate_key().await, Ok(Ok(2)));
    assert_eq!(store.rotate_key().await, Ok(Ok(0)));
    let state = store.sealing().await.unwrap();
    assert_eq!(state.writes, Some(id(2)));
    assert_eq!(state.kept, [(Some(id(2)), 2)]);
    assert_eq!(store.domain("test").await, Ok(Some(domain)));
    store.erase_clear_text().await.unwrap();
}

/// The texts that a statement of a person's finds.
async fn asked(address: &str, sql: &'static str) -> Vec<String> {
    if address.starts_with("sqlite:") {
        let mut line = SqliteConnection::connect(address).await.unwrap();
        return sqlx::query_scalar(sql).fetch_all(&mut line).await.unwrap();
    }
    let mut line = PgConnection::connect(address).await.unwrap();
    sqlx::query_scalar(sql).fetch_all(&mut line).await.unwrap()
}

const CLEAR: &str = "select secret from domain_secret order by domain_code, generation";

async fn from_clear_text_to_the_seal(address: &str) {
    let without = opened(address, Keys::default()).await.unwrap();
    let first = planted(Domain::test());
    without.add_domain(&first).await.unwrap();
    assert_eq!(without.sealing().await.unwrap().kept, [(None, 2)]);

    // One with a key beside one without, which both read what the other writes.
    let with = opened(address, keys(&[1])).await.unwrap();
    assert_eq!(with.domain("test").await, Ok(Some(first.clone())));
    let second = planted(Domain::demo());
    with.add_domain(&second).await.unwrap();
    assert_eq!(without.domain("demo").await, Ok(Some(second.clone())));
    assert_eq!(with.domain("demo").await, Ok(Some(second.clone())));
    let kept = with.sealing().await.unwrap().kept;
    assert_eq!(kept.len(), 2, "{kept:?}");
    assert!(kept.contains(&(None, 2)) && kept.contains(&(Some(id(1)), 2)));
    let clear = asked(address, CLEAR).await;
    assert_eq!(clear.iter().filter(|text| *text == SECRET).count(), 2);
    let another = opened(address, keys(&[2])).await;
    assert!(matches!(another, Err(OpenError::Key(key)) if key == id(1)));

    without.announce("without", "0").await.unwrap();
    let why = with.seal_secrets().await.unwrap().unwrap_err();
    assert!(why.starts_with("without: "), "{why}");
    without.take_leave("without").await.unwrap();
    drop(without);
    assert_eq!(with.seal_secrets().await, Ok(Ok(4)));
    assert!(with.seal_secrets().await.unwrap().is_err(), "twice");
    with.erase_clear_text().await.unwrap();
    let state = with.sealing().await.unwrap();
    assert_eq!(
        (state.sealed_ms.is_some(), state.kept),
        (true, vec![(Some(id(1)), 4)])
    );
    for text in asked(address, CLEAR).await {
        assert!(text.len() == 64 && text != SECRET, "{text}");
    }
    let barred = "select description from _sqlx_migrations where version = 1000000";
    let barred = asked(address, barred).await;
    assert_eq!(barred, ["sealed"], "older programs refuse it");

    let with = opened(address, keys(&[3, 1])).await.unwrap();
    assert_eq!(with.domain("test").await, Ok(Some(first)));
    let mut third = second.clone();
    third.rotate("another one", 9_000);
    with.set_domain(&second, &third).await.unwrap();
    assert_eq!(with.domain("demo").await, Ok(Some(third)));
    assert!(
        !asked(address, CLEAR)
            .await
            .iter()
            .any(|text| text == "another one")
    );
    for other in [Keys::default(), keys(&[2]), Keys::development()] {
        assert!(matches!(
            opened(address, other).await,
            Err(OpenError::Key(_))
        ));
    }

    // What is sealed for one place is nothing at another, nor with another end.
    for (change, code) in [
        (
            "update domain_secret set sealed = (select sealed from domain_secret \
                where domain_code = 'test' and generation = 1) \
                where domain_code = 'demo' and generation = 1 returning domain_code",
            "demo",
        ),
        (
            "update domain_secret set not_after_ms = null \
                where domain_code = 'test' and generation = 1 returning domain_code",
            "test",
        ),
    ] {
        asked(address, change).await;
        let domain = with.domain(code).await;
        assert!(matches!(domain, Err(StoreError::Corrupt(_))), "{domain:?}");
    }
    // The seal taken off: for who starts, and for who has seen it.
    for change in [
        "update secrets_key set sealed_ms = null returning kek_id",
        "delete from secrets_key returning kek_id",
    ] {
        asked(address, change).await;
        let changed = opened(address, keys(&[1])).await;
        assert!(matches!(changed, Err(OpenError::Canary)), "{change}");
    }
    let mine = "update domain_secret set sealed = null, kek_id = null, secret = 'mine' \
        returning domain_code";
    asked(address, mine).await;
    let domain = with.domain("test").await;
    assert!(matches!(domain, Err(StoreError::Corrupt(_))), "{domain:?}");
}

/// All copies of the key are gone.
async fn a_lost_key_is_replaced(address: &str) {
    let first = opened(address, keys(&[1])).await.unwrap();
    first.add_domain(&planted(Domain::test())).await.unwrap();
    first.announce("first", "0").await.unwrap();
    let lost = Address::from(address)
        .sealed_by(keys(&[2]))
        .with_lost_keys();
    let second = store::open(lost).await.unwrap();
    let made = HashMap::from([("test".to_owned(), "made".to_owned().into())]);
    let why = second.replace_secrets(&made).await.unwrap().unwrap_err();
    assert!(why.starts_with("first: at work without"), "{why}");
    let why = first.replace_secrets(&made).await.unwrap().unwrap_err();
    assert!(why.contains("nothing is lost"), "{why}");
    first.take_leave("first").await.unwrap();
    assert_eq!(second.replace_secrets(&made).await, Ok(Ok(1)));
    let second = opened(address, keys(&[2])).await.unwrap();
    let domain = second.domain("test").await.unwrap().unwrap();
    let texts: Vec<&str> = domain.secrets().iter().map(Secret::expose).collect();
    assert_eq!(texts, ["made"]);
}

#[tokio::test]
async fn a_lost_key_is_replaced_on_sqlite() {
    let address = format!("sqlite:{}", temp_folder().join("lost.db").display());
    a_lost_key_is_replaced(&address).await;
}

#[tokio::test]
async fn a_lost_key_is_replaced_on_postgres() {
    if let Some(address) = postgres_address().await {
        a_lost_key_is_replaced(&address).await;
    }
}

/// The clear text stands until the seal: a wrong key that came first costs nothing.
#[tokio::test]
async fn before_the_seal_no_secret_is_lost_with_a_key() {
    let address = format!("sqlite:{}", temp_folder().join("wrong.db").display());
    let clear = opened(&address, Keys::default()).await.unwrap();
    let domain = planted(Domain::test());
    clear.add_domain(&domain).await.unwrap();
    opened(&address, keys(&[1])).await.unwrap();
    let lost = Address::from(&address)
        .sealed_by(keys(&[2]))
        .with_lost_keys();
    let second = store::open(lost).await.unwrap();
    assert_eq!(second.replace_secrets(&HashMap::new()).await, Ok(Ok(0)));
    let second = opened(&address, keys(&[2])).await.unwrap();
    assert_eq!(second.domain("test").await, Ok(Some(domain)));
    let same = planted(Domain::test());
    let left = clear.set_domain(&same, &same).await;
    assert!(left.is_err(), "it would write in clear alone");
}

#[tokio::test]
async fn secrets_leave_a_file_of_sqlite() {
    let file = temp_folder().join("clear.db");
    let address = format!("sqlite:{}", file.display());
    from_clear_text_to_the_seal(&address).await;
    for end in ["", "-wal"] {
        let bytes = std::fs::read(format!("{}{end}", file.display())).unwrap();
        let found = bytes
            .windows(SECRET.len())
            .any(|text| text == SECRET.as_bytes());
        assert!(!found, "in {end}");
    }
}

#[tokio::test]
async fn secrets_leave_a_postgresql() {
    if let Some(address) = postgres_address().await {
        from_clear_text_to_the_seal(&address).await;
    }
}

#[tokio::test]
async fn a_development_database_is_opened_by_the_key_that_everybody_has() {
    let address = format!("sqlite:{}", temp_folder().join("dev.db").display());
    let store = opened(&address, Keys::development()).await.unwrap();
    store.add_domain(&Domain::test()).await.unwrap();
    let store = store::open(&address).await.unwrap();
    assert!(store.domain("test").await.unwrap().is_some());
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_nobody_elses() {
    use std::os::unix::fs::PermissionsExt;
    let file = temp_folder().join("new.db");
    let address = format!("sqlite:{}", file.display());
    let store = opened(&address, Keys::default()).await.unwrap();
    store.add_domain(&Domain::test()).await.unwrap();
    for end in ["", "-wal"] {
        let known = std::fs::metadata(format!("{}{end}", file.display())).unwrap();
        assert_eq!(known.permissions().mode() & 0o777, 0o600, "{end}");
    }
}
