//! What a time comes to, from what is kept of it and from the rest (docs/console.md,
//! Figures).

use crate::scene::{Scene, paid};
use checkout::figures::{By, OfBusinesses, Reckoning, totals};
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::ports::{Buckets, NewRefund, OrderState, PaidReport, Sums, Total};
use payment::refund::Cause;
use std::collections::HashSet;

const HOUR_MS: i64 = 3_600_000;
const DAYS: Buckets = Buckets {
    each_ms: 24 * HOUR_MS,
    ahead_ms: 8 * HOUR_MS,
};

/// What the last day comes to by channel, which is what its orders come to.
async fn last_day(scene: &Scene) -> Vec<Total> {
    let until_ms = (scene.now_ms() / HOUR_MS + 1) * HOUR_MS;
    let span = (until_ms - 24 * HOUR_MS, until_ms);
    let reckoning = Reckoning::of(&*scene.store, span, DAYS).await.unwrap();
    let sums = reckoning.read(&*scene.store).await.unwrap();
    let from_orders = scene.store.sums(span.0, span.1, DAYS).await.unwrap();
    assert_eq!(totals(&sums, By::Bucket), totals(&from_orders, By::Bucket));
    let made = |sums: &[Sums]| {
        let made = sums.iter().map(|one| (one.made, one.made_paid));
        made.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1))
    };
    assert_eq!(made(&sums), made(&from_orders));
    totals(&sums, By::Channel)
}

/// What two days come to by business system, which is what their orders come to.
async fn by_business(scene: &Scene) -> Total {
    let until_ms = scene.now_ms() + HOUR_MS;
    let span = (until_ms - 3 * DAYS.each_ms, until_ms);
    let store = &*scene.store;
    let reckoning = OfBusinesses::of(store, span, DAYS.ahead_ms).await.unwrap();
    let mut totals = reckoning.read(store).await.unwrap();
    let from_orders = store.totals_of_businesses(span.0, span.1).await.unwrap();
    assert_eq!(totals, from_orders);
    assert_eq!(totals.len(), 1);
    totals.remove(0)
}

#[tokio::test]
async fn business_systems_come_to_the_same_however_many_days_are_kept() {
    let scene = Scene::new().await;
    let (store, checkout) = (&scene.store, &scene.checkout);
    let kept = async || {
        let hour = scene.now_ms() / HOUR_MS + 1;
        store.kept_days(hour - 72, hour, 8).await.unwrap().1
    };
    let sum_up = async || {
        let mut failed = HashSet::new();
        checkout.sum_hours(&mut failed).await.unwrap();
        while checkout.sum_hours(&mut failed).await.unwrap() {}
        while checkout.sum_days(DAYS.ahead_ms).await.unwrap() {}
    };
    let first = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&first, 100)));
    scene.after_s(5).await;
    assert_eq!(by_business(&scene).await.paid, 100);
    assert_eq!(checkout.sum_days(DAYS.ahead_ms).await, Ok(false));
    assert_eq!(kept().await, [], "no hour is summed");
    scene.set_clock(scene.now_ms() + DAYS.each_ms + 11 * 60_000);
    sum_up().await;
    assert_eq!(kept().await, [by_business(&scene).await]);

    let second = scene.pay("l").await.unwrap();
    scene.answers(Ok(paid(&second, 100)));
    scene.after_s(5).await;
    let both = by_business(&scene).await;
    assert_eq!((both.count, both.paid), (2, 200));
    assert_eq!(kept().await[0].count, 1, "today is not over");
    assert_eq!(checkout.sum_days(DAYS.ahead_ms + 1).await, Ok(false));
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
    // How many of the day's hours are kept.
    let kept = async || {
        let hour = scene.now_ms() / HOUR_MS + 1;
        let kept = scene.store.kept_sums(hour - 24, hour, DAYS).await;
        kept.unwrap().0.len()
    };
    let sum_up = async || {
        let mut failed = HashSet::new();
        // The first round marks what the others sum.
        scene.checkout.sum_hours(&mut failed).await.unwrap();
        while scene.checkout.sum_hours(&mut failed).await.unwrap() {}
        assert!(failed.is_empty());
        assert_eq!(kept().await, 23, "all but the one that is not over");
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
    assert_eq!(kept().await, 0);
    sum_up().await;
    comes_to(1, 0).await;

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
    assert_eq!(kept().await, 22);
    sum_up().await;
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
    assert_eq!(kept().await, 22);
    sum_up().await;
    comes_to(2, 30).await;
}
