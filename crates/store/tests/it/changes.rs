//! What instances are told of each other's changes.

use crate::harness::{act, attempt, begun, beside, callback, money, postgres_address};
use payment::domain::Domain;
use payment::ports::{Change, Store};
use sqlx::{Connection, PgConnection};
use std::sync::Arc;

async fn told(store: &Arc<dyn Store>) -> Vec<Change> {
    store.changes().await.unwrap()
}

fn request(key: &str) -> Change {
    Change::Request {
        domain_code: "shop".to_owned(),
        request_key: key.to_owned(),
    }
}

/// What a poll tells is told whenever it changes, once, and what was before is not.
pub(crate) async fn a_change_is_told_once(store: Arc<dyn Store>) {
    let row = begun(store.as_ref(), &attempt("k1", 1, 1_000)).await;
    assert_eq!(told(&store).await, [Change::All]);
    assert_eq!(told(&store).await, []);
    begun(store.as_ref(), &attempt("k2", 2, 1_000)).await;
    assert_eq!(told(&store).await, [request("k2")]);
    assert_eq!(told(&store).await, []);
    let (callback, beside) = (callback(), beside("R"));
    let paid = money(&callback, &beside);
    store
        .settle_paid(&row.order_sn, &paid, act())
        .await
        .unwrap();
    store
        .close_request("shop", "k3", None, act())
        .await
        .unwrap();
    let changes = told(&store).await;
    assert!(changes.contains(&request("k1")), "{changes:?}");
    assert!(changes.contains(&request("k3")), "{changes:?}");
    assert_eq!(changes.len(), 2);
    // When it is asked about next is nobody's matter.
    store.schedule_query(&row, Some(5)).await.unwrap();
    assert_eq!(told(&store).await, []);
}

pub(crate) async fn a_business_system_that_changes_is_told(store: Arc<dyn Store>) {
    let mut domain = Domain::test();
    store.add_domain(&domain).await.unwrap();
    told(&store).await;
    let was = domain.clone();
    domain.settings.hmac_required = true;
    store.set_domain(&was, &domain).await.unwrap();
    let changes = told(&store).await;
    assert_eq!(changes, [Change::Business("test".to_owned())]);
}

/// Who was away for long reads everything anew; what is new is not forgotten.
pub(crate) async fn many_changes_are_told_as_all(store: Arc<dyn Store>) {
    told(&store).await;
    for number in 0..2_000 {
        let key = number.to_string();
        store
            .close_request("shop", &key, None, act())
            .await
            .unwrap();
    }
    store.forget_changes().await.unwrap();
    assert_eq!(told(&store).await, [Change::All]);
    assert_eq!(told(&store).await, []);
    store
        .close_request("shop", "last", None, act())
        .await
        .unwrap();
    assert_eq!(told(&store).await, [request("last")]);
}

/// A secret that is revoked, a business system that is taken away.
pub(crate) async fn a_business_system_that_comes_is_told(store: Arc<dyn Store>) {
    told(&store).await;
    store.add_domain(&Domain::test()).await.unwrap();
    let changes = told(&store).await;
    assert_eq!(changes, [Change::Business("test".to_owned())]);
}

/// A transaction that began before others and ends after them is not missed.
#[tokio::test]
async fn a_slow_commit_is_told_too() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let store = store::migrate(&address).await.unwrap();
    told(&store).await;
    let mut connection = PgConnection::connect(&address).await.unwrap();
    let mut slow = connection.begin().await.unwrap();
    let close = "insert into closed_request (domain_code, request_key) values ('shop', 'slow')";
    sqlx::query(close).execute(&mut *slow).await.unwrap();
    for key in ["one", "two"] {
        store.close_request("shop", key, None, act()).await.unwrap();
        assert_eq!(told(&store).await, [request(key)]);
    }
    slow.commit().await.unwrap();
    assert_eq!(told(&store).await, [request("slow")]);
    assert_eq!(told(&store).await, []);
}
