//! What a time comes to, from what is kept of it and from the rest (docs/console.md,
//! Figures).

use crate::scene::{Scene, paid};
use checkout::figures::{By, Reckoning, totals};
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::ports::{Buckets, NewRefund, OrderState, PaidReport, Total};
use payment::refund::Cause;

const HOUR_MS: i64 = 3_600_000;

/// What the last day comes to by channel, which is what its orders come to.
async fn last_day(scene: &Scene) -> Vec<Total> {
    let until_ms = (scene.now_ms() / HOUR_MS + 1) * HOUR_MS;
    let span = (until_ms - 24 * HOUR_MS, until_ms);
    let by = Buckets {
        each_ms: 24 * HOUR_MS,
        ahead_ms: 8 * HOUR_MS,
    };
    let reckoning = Reckoning::of(&*scene.store, span, by).await.unwrap();
    let sums = reckoning.read(&*scene.store).await.unwrap();
    let from_orders = scene.store.sums(span.0, span.1, by).await.unwrap();
    assert_eq!(totals(&sums, By::Bucket), totals(&from_orders, By::Bucket));
    totals(&sums, By::Channel)
}

#[tokio::test]
async fn a_time_comes_to_the_same_however_much_of_it_is_kept() {
    let scene = Scene::new().await;
    let comes_to = async |count, refunded| {
        let total = Total {
            name: Channel::Wechat.code().to_owned(),
            currency: Currency::Cny,
            count,
            paid: 100 * count,
            refunded,
        };
        assert_eq!(last_day(&scene).await, [total]);
    };
    let sum_up = async || {
        // They are marked first, and summed when nobody can be writing who saw no mark.
        scene.checkout.sum_hours().await.unwrap();
        scene.set_clock(scene.now_ms() + 61_000);
        let mut summed = 0;
        loop {
            match scene.checkout.sum_hours().await.unwrap() {
                0 => return summed,
                more => summed += more,
            }
        }
    };
    // Shortly before an hour ends.
    scene.set_clock((scene.now_ms() / HOUR_MS + 1) * HOUR_MS - 30_000);
    let first = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&first, 100)));
    scene.after_s(5).await;
    let first = scene.attempt("k").await;
    comes_to(1, 0).await;
    let second = scene.pay("l").await.unwrap();
    scene.set_clock(scene.now_ms() + 11 * 60_000);
    assert_eq!(scene.checkout.sum_hours().await.unwrap(), 0);
    assert_eq!(scene.checkout.sum_hours().await.unwrap(), 0, "too soon");
    assert_eq!(sum_up().await, 32 * 24);
    comes_to(1, 0).await;
    assert_eq!(sum_up().await, 0);

    let new = NewRefund {
        refund_no: "R1".to_owned(),
        order_sn: first.order_sn.clone(),
        refund_key: None,
        money: Money::from_minor(30, Currency::Cny).unwrap(),
        cause: Cause::Business,
        day_max: None,
        hands: None,
        reason: String::new(),
        created_ms: scene.now_ms(),
    };
    scene.store.begin_refund(&new).await.unwrap();
    scene.refunds_after_s(0).await;
    comes_to(1, 30).await;
    assert_eq!(sum_up().await, 1);
    comes_to(1, 30).await;

    // Late money, of an hour that is over.
    let OrderState::Paid(report) = paid(&second, 100) else {
        unreachable!("it is paid");
    };
    scene.answers(Ok(OrderState::Paid(PaidReport {
        paid_ms: first.paid_ms,
        ..report
    })));
    scene.after_s(20).await;
    let second = scene.attempt("l").await;
    assert_eq!(second.paid_ms, first.paid_ms);
    comes_to(2, 30).await;
    assert!(sum_up().await >= 1);
    comes_to(2, 30).await;
}
