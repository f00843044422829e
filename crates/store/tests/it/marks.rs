//! Books that go back are not worked on until a person accepts them.

use crate::harness::{attempt, begun, postgres_address, temp_folder};
use payment::ports::{Acceptance, Mark, Store, StoreError};
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use std::path::Path;
use std::sync::Arc;
use store::Address;

fn acceptance(seen: Option<Mark>) -> Acceptance {
    Acceptance {
        by: "li".to_owned(),
        reason: "restored".to_owned(),
        at_ms: 1,
        seen,
    }
}

pub(crate) async fn how_far_the_books_are_is_kept(store: Arc<dyn Store>) {
    let new = store.mark().await.unwrap();
    assert_eq!((new.era, new.sequence), (0, 0));
    assert!(store.keep_mark().await.unwrap());
    begun(&*store, &attempt("k", 1, 0)).await;
    for _ in 0..2 {
        store.keep_mark().await.unwrap();
        let mark = store.mark().await.unwrap();
        assert_eq!(mark.sequence, 1, "it rises where something was written");
    }
    let accepted = store.accept(&acceptance(None)).await.unwrap();
    assert_eq!(accepted.era, 1);
    assert_eq!(store.mark().await.unwrap(), accepted);
    store.keep_mark().await.unwrap();
}

/// An instance with a mark of its own.
async fn instance(address: &str, mark: &Path) -> Arc<dyn Store> {
    let address = Address::from(address).marked_in(mark.to_owned());
    store::migrate(address).await.unwrap()
}

fn seen(mark: &Path) -> Mark {
    Mark::parse(&std::fs::read_to_string(mark).unwrap()).unwrap()
}

async fn refused(store: &dyn Store) {
    let Err(StoreError::Unavailable(why)) = store.keep_mark().await else {
        panic!("the books went back");
    };
    assert!(why.contains("went back"), "{why}");
    assert!(store.ready().await.is_err());
    assert!(store.order_numbers("", 9).await.is_err());
    assert!(store.takes_writes().await.is_err());
    assert!(store.changes().await.is_err());
    assert!(store.forget_changes().await.is_err());
}

async fn books_that_go_back(address: &str, go_back: impl AsyncFn(&str)) {
    let folder = temp_folder();
    let marks = ["one", "two"].map(|name| folder.join(name));
    let [one, two] = &marks;
    let first = instance(address, one).await;
    let second = instance(address, two).await;
    for (number, key) in [(1, "k1"), (2, "k2"), (3, "k3")] {
        begun(&*first, &attempt(key, number, 0)).await;
        first.keep_mark().await.unwrap();
        second.keep_mark().await.unwrap();
    }
    assert_eq!(seen(one).sequence, 3);
    go_back("update book set sequence = 2").await;
    refused(&*first).await;
    refused(&*second).await;
    // One that starts only now knows it too.
    refused(&*instance(address, one).await).await;

    let operator = store::open(address).await.unwrap();
    assert!(!operator.keep_mark().await.unwrap(), "it has no mark");
    let accepted = operator.accept(&acceptance(Some(seen(one)))).await;
    let accepted = accepted.unwrap();
    assert!(accepted.era == 1 && accepted.sequence > 3, "{accepted}");
    for store in [&first, &second] {
        store.keep_mark().await.unwrap();
        store.ready().await.unwrap();
    }
    assert_eq!(seen(two), seen(one));
    // It was taken once: to go back behind it is to go back.
    go_back("update book set era = 0").await;
    refused(&*first).await;
}

#[tokio::test]
async fn books_that_go_back_are_refused_on_sqlite() {
    let address = format!("sqlite:{}", temp_folder().join("book.db").display());
    books_that_go_back(&address, async |act: &str| {
        let mut line = SqliteConnection::connect(&address).await.unwrap();
        line.execute(sqlx::AssertSqlSafe(act)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn books_that_go_back_are_refused_on_postgres() {
    let Some(address) = postgres_address().await else {
        return;
    };
    books_that_go_back(&address, async |act: &str| {
        let mut line = PgConnection::connect(&address).await.unwrap();
        line.execute(sqlx::AssertSqlSafe(act)).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_mark_that_can_not_be_read_is_told_at_the_start() {
    let folder = temp_folder();
    let mark = folder.join("mark");
    std::fs::write(&mark, "half a m").unwrap();
    let address = format!("sqlite:{}", folder.join("book.db").display());
    let opened = store::migrate(Address::from(&address).marked_in(mark)).await;
    let error = opened.err().unwrap().to_string();
    assert!(error.contains("holds no mark"), "{error}");
}
