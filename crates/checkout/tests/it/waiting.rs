//! What a waiting page hears, and how long a paid payer is held.

use crate::scene::{Scene, paid, signed};
use checkout::{Failure, Poll};
use payment::domain::Domain;
use payment::order::{Attempt, Event};
use payment::story::{Act, Source};
use std::time::Duration;

/// A paid request of a domain that holds its payers.
async fn paid_and_held() -> Scene {
    let scene = Scene::new().await;
    let settings = |domain: &mut Domain| domain.settings.hold_for_callback = true;
    scene.with_domain(settings).await;
    let attempt = scene.pay("k").await.unwrap();
    assert!(!scene.checkout.holds("test", "k").await, "not paid yet");
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    scene
}

#[tokio::test]
async fn a_paid_payer_is_held_until_the_callback_is_acknowledged() {
    let scene = paid_and_held().await;
    assert!(scene.checkout.holds("test", "k").await);
    scene.checkout.run_due_callbacks().await.unwrap();
    scene.checkout.drained().await;
    assert!(!scene.checkout.holds("test", "k").await);
}

#[tokio::test]
async fn nobody_is_held_longer_than_three_seconds() {
    let scene = paid_and_held().await;
    scene.after_s(2).await;
    assert!(scene.checkout.holds("test", "k").await);
    scene.after_s(1).await;
    assert!(!scene.checkout.holds("test", "k").await);
}

#[tokio::test]
async fn a_clock_that_was_set_back_holds_nobody() {
    let scene = paid_and_held().await;
    scene.set_clock(scene.now_ms() - 7_200_000);
    assert!(!scene.checkout.holds("test", "k").await);
}

#[tokio::test]
async fn without_the_option_nobody_is_held() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Paid);
    assert!(!scene.checkout.holds("test", "k").await);
}

#[tokio::test]
async fn a_page_hears_that_its_request_is_paid() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    let mut bell = scene.checkout.bell("test", "k");
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    bell.rung().await;
}

#[tokio::test]
async fn what_pages_ask_about_is_read_ahead_as_a_poll_reads_it() {
    let scene = Scene::new().await;
    let ended = scene.pay("ended").await.unwrap();
    let open = scene.pay("open").await.unwrap();
    scene.checkout.hear_changes().await.unwrap();
    let poll = async |key| scene.checkout.poll(&signed(&[("requestKey", key)])).await;
    for key in ["ended", "open", "closed", "unbegun"] {
        poll(key).await;
    }
    // Others change two of them; this instance has not heard of it.
    let act = Act {
        at_ms: scene.now_ms(),
        by: Source::Timer,
    };
    let store = &scene.store;
    store
        .apply(&ended.order_sn, Event::Closed, act)
        .await
        .unwrap();
    store
        .close_request("test", "closed", None, act)
        .await
        .unwrap();
    scene.checkout.read_ahead(Duration::ZERO).await.unwrap();
    assert_eq!(poll("ended").await, Poll::Ended);
    assert_eq!(poll("open").await, Poll::Open(open.order_sn));
    assert_eq!(poll("closed").await, Poll::Failed(Failure::Closed));
    assert_eq!(poll("unbegun").await, Poll::Waiting);
}

/// Whoever paid another sum is shown that, and no code to pay once more.
#[tokio::test]
async fn a_page_that_waits_for_what_differs_is_told_to_look() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    let poll = async || scene.checkout.poll(&signed(&[("requestKey", "k")])).await;
    assert_eq!(poll().await, Poll::Open(attempt.order_sn.clone()));
    scene.answers(Ok(paid(&attempt, 99)));
    scene.checkout.requery(&attempt).await.unwrap();
    assert_eq!(poll().await, Poll::Ended);
    // The sum was wrong with us: it is settled once that is mended.
    scene.answers(Ok(paid(&attempt, 100)));
    scene.checkout.requery(&attempt).await.unwrap();
    assert_eq!(poll().await, Poll::Paid);
}
