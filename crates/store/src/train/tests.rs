//! Who travels together, and what becomes of them.

use super::*;
use crate::db::{Database, LIMIT};
use crate::line::Row;
use crate::open_error::Tables;
use crate::sql::Sql;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A fresh database, and its train.
async fn opened() -> (Database, Arc<Train>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let address = format!("sqlite:{}", folder.path().join("train.db").display());
    let store = crate::sqlite::open(&address, 4, Arc::default(), Tables::Migrate)
        .await
        .unwrap();
    let crate::db::Writes::Train(train) = &store.writes else {
        panic!("no train on SQLite");
    };
    let train = Arc::clone(train);
    (store, train, folder)
}

fn made(text: &str) -> Sql {
    let text: &str = text.to_owned().leak();
    let (sqlite, postgres) = (text, text);
    Sql { sqlite, postgres }
}

async fn close_key(tx: &mut Tx, key: &str) -> Answer<()> {
    let close = "insert into closed_request (domain_code, request_key) values ('shop', $1)";
    tx.change(made(close).bind(key)).await.map(drop)
}

async fn closed_keys(store: &Database) -> Vec<String> {
    let all = made("select request_key from closed_request order by request_key");
    let read = |row: &Row| row.get("request_key");
    store.list(LIMIT, all.into(), read).await.unwrap()
}

/// Writes one key and waits there until it may go on, so that others come meanwhile.
async fn slow(train: &Arc<Train>, key: &str, may_go: &Semaphore) -> Answer<()> {
    let work = async |tx: &mut Tx| {
        close_key(tx, key).await?;
        let _ = may_go.acquire().await;
        Ok(())
    };
    train.ride(|()| true, work).await
}

async fn quick(train: &Arc<Train>, key: &str) -> Answer<()> {
    train
        .ride(|()| true, async |tx: &mut Tx| close_key(tx, key).await)
        .await
}

/// Lets the others come before the first one goes on.
async fn after_all(may_go: &Semaphore) -> Answer<()> {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    may_go.add_permits(1);
    Ok(())
}

#[tokio::test]
async fn those_who_come_meanwhile_are_committed_together() {
    let (store, train, _folder) = opened().await;
    let may_go = Semaphore::new(0);
    let keys = (10..50).map(|key| key.to_string());
    let mut others = JoinSet::new();
    for key in keys {
        let train = Arc::clone(&train);
        others.spawn(async move { quick(&train, &key).await });
    }
    let (first, _) = tokio::join!(slow(&train, "01", &may_go), after_all(&may_go));
    let others = others.join_all().await;
    assert_eq!(first, Ok(()));
    assert!(others.iter().all(Result::is_ok));
    assert_eq!(train.engine.lock().await.trips, 1);
    assert_eq!(closed_keys(&store).await.len(), 41);
    // Nobody is left on the way.
    assert!(train.engine.lock().await.trip.is_none());
}

#[tokio::test]
async fn a_failure_is_its_own() {
    let (store, train, _folder) = opened().await;
    let may_go = Semaphore::new(0);
    let fails = train.ride(
        |()| true,
        async |tx: &mut Tx| {
            close_key(tx, "fails").await?;
            Err(StoreError::Corrupt("no".to_owned()))
        },
    );
    let unwanted = train.ride(
        |wanted: &bool| *wanted,
        async |tx: &mut Tx| {
            close_key(tx, "unwanted").await?;
            Ok(false)
        },
    );
    // A name that is taken ends its statement, and nothing else.
    let twice = quick(&train, "first");
    let (first, fails, unwanted, twice, last, _) = tokio::join!(
        slow(&train, "first", &may_go),
        fails,
        unwanted,
        twice,
        quick(&train, "last"),
        after_all(&may_go)
    );
    assert_eq!((first, last), (Ok(()), Ok(())));
    assert_eq!(fails, Err(StoreError::Corrupt("no".to_owned())));
    assert_eq!(unwanted, Ok(false));
    assert!(matches!(twice, Err(StoreError::Unavailable(_))));
    assert_eq!(closed_keys(&store).await, ["first", "last"]);
    assert_eq!(train.engine.lock().await.trips, 1);
}

#[tokio::test]
async fn a_first_one_that_fails_leaves_no_trip() {
    let (store, train, _folder) = opened().await;
    let fails = async |tx: &mut Tx| {
        close_key(tx, "fails").await?;
        Err::<(), _>(StoreError::Corrupt("no".to_owned()))
    };
    assert!(train.ride(|()| true, fails).await.is_err());
    assert!(train.engine.lock().await.trip.is_none());
    assert_eq!(quick(&train, "next").await, Ok(()));
    assert_eq!(closed_keys(&store).await, ["next"]);
}

#[tokio::test]
async fn a_commit_that_fails_is_unknown_to_all_and_its_connection_is_given_up() {
    let (store, train, _folder) = opened().await;
    let may_go = Semaphore::new(0);
    // What is judged at the commit alone.
    let spoils = train.ride(
        |()| true,
        async |tx: &mut Tx| {
            tx.say("pragma defer_foreign_keys = on").await?;
            let orphan = "insert into event (order_sn, seq, at_ms, source, what, detail, hash) \
                values ('none', 1, 0, '', '', '', '')";
            tx.change(made(orphan)).await.map(drop)
        },
    );
    let (first, spoils, _) =
        tokio::join!(slow(&train, "first", &may_go), spoils, after_all(&may_go));
    assert!(
        matches!(first, Err(StoreError::Unavailable(_))),
        "{first:?}"
    );
    assert!(matches!(spoils, Err(StoreError::Unavailable(_))));
    assert!(train.engine.lock().await.connection.is_none());
    assert_eq!(quick(&train, "next").await, Ok(()));
    assert_eq!(closed_keys(&store).await, ["next"]);
}

#[tokio::test]
async fn who_is_cut_off_at_work_takes_the_trip_with_him() {
    let (store, train, _folder) = opened().await;
    let may_go = Arc::new(Semaphore::new(0));
    let cut = tokio::spawn({
        let (train, may_go) = (Arc::clone(&train), Arc::clone(&may_go));
        async move { slow(&train, "cut", &may_go).await }
    });
    while !train.engine.try_lock().is_err_and(|_| true) {
        tokio::task::yield_now().await;
    }
    cut.abort();
    assert!(cut.await.is_err());
    assert_eq!(quick(&train, "next").await, Ok(()));
    assert_eq!(closed_keys(&store).await, ["next"]);
}

/// The trip's first word is on its way: whether it was heard is not known.
#[tokio::test]
async fn who_is_cut_off_as_the_trip_begins_keeps_nobody_from_the_next() {
    let (store, train, _folder) = opened().await;
    assert_eq!(quick(&train, "first").await, Ok(()));
    tokio::select! {
        biased;
        _ = quick(&train, "cut") => {}
        () = std::future::ready(()) => {}
    }
    assert_eq!(quick(&train, "next").await, Ok(()));
    // He may have come as far as his own work.
    let mut kept = closed_keys(&store).await;
    kept.retain(|key| key != "cut");
    assert_eq!(kept, ["first", "next"]);
}

#[tokio::test]
async fn who_goes_away_before_the_end_is_committed_all_the_same() {
    let (store, train, _folder) = opened().await;
    let number = {
        let mut engine = train.engine.lock().await;
        let (number, _) = train.board(&mut engine).await.unwrap();
        let work = async |tx: &mut Tx| close_key(tx, "gone").await;
        assert!(engine.carry(|()| true, work).await.is_ok());
        number
    };
    drop(Ticket {
        train: Arc::clone(&train),
        number,
        used: false,
    });
    while train.engine.lock().await.trip.is_some() {
        tokio::task::yield_now().await;
    }
    assert_eq!(closed_keys(&store).await, ["gone"]);
}
