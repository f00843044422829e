//! Orders as an operator looks for them.

use crate::harness::{act, attempt, begun, beside, callback, money, settle};
use crate::refunds::{done, refund};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::money::{Currency, Money};
use payment::order::Attempt;
use payment::ports::{
    CallbackTry, NewAttempt, NewRefund, Store, TryOutcome, Wanted, WantedRefunds,
};
use payment::refund::{Cause, Refund};
use std::sync::Arc;

pub(crate) async fn orders_are_found_by_what_is_known_of_them(store: Arc<dyn Store>) {
    let open = begun(&*store, &attempt("k1", 1, 1_000)).await;
    let paid = begun(&*store, &attempt("k2", 2, 2_000)).await;
    let (callback, beside) = (callback(), beside("R"));
    store
        .settle_paid(&paid.order_sn, &money(&callback, &beside), act())
        .await
        .unwrap();
    let paid = store.attempt(&paid.order_sn).await.unwrap().unwrap();
    let numbers = async |wanted: Wanted| {
        let found = store.wanted(&wanted, "", 9).await.unwrap();
        let numbers = found.into_iter().map(|row| row.order.order_sn);
        let numbers = numbers.collect::<Vec<_>>();
        // The same from the other end.
        let newest = store.newest(&wanted, "~", 9).await.unwrap();
        let newest = newest.into_iter().map(|row| row.order.order_sn);
        assert_eq!(newest.rev().collect::<Vec<_>>(), numbers);
        numbers
    };
    let all = Wanted::default();
    let both = {
        let mut both = vec![open.order_sn.clone(), paid.order_sn.clone()];
        both.sort();
        both
    };
    assert_eq!(numbers(all.clone()).await, both);
    let (first, second) = (vec![open.order_sn.clone()], vec![paid.order_sn.clone()]);
    let fits = |change: fn(&mut Wanted)| {
        let mut wanted = Wanted::default();
        change(&mut wanted);
        wanted
    };
    for (wanted, expected) in [
        (fits(|one| one.state = Some(Attempt::Paid)), &second),
        (fits(|one| one.until_ms = Some(2_000)), &first),
        (fits(|one| one.since_ms = Some(2_000)), &second),
        (
            fits(|one| (one.paid, one.since_ms) = (true, Some(0))),
            &second,
        ),
        (
            fits(|one| one.domain_code = Some("none".to_owned())),
            &Vec::new(),
        ),
        (
            fits(|one| one.account = Some("none".to_owned())),
            &Vec::new(),
        ),
        (fits(|one| one.channel = Some(Channel::Paypal)), &Vec::new()),
        (fits(|one| one.currency = Some(Currency::Usd)), &Vec::new()),
        (fits(|one| one.currency = Some(Currency::Cny)), &both),
        (fits(|one| one.max = Some(1)), &Vec::new()),
        (fits(|one| one.min = Some(1)), &both),
    ] {
        assert_eq!(&numbers(wanted.clone()).await, expected, "{wanted:?}");
    }

    // Its callback was not tried yet, then not taken, and at last it is.
    for (outcome, fails) in [
        (None, false),
        (Some(TryOutcome::Again(7_000)), true),
        (Some(TryOutcome::Parked), true),
        (Some(TryOutcome::Delivered), false),
    ] {
        if let Some(outcome) = outcome {
            let tried = CallbackTry {
                at_ms: 3_000,
                tries: 0,
                status: Some(500),
                location: None,
                answer: String::new(),
                duration_ms: 1,
                outcome,
            };
            let written = store.callbacks(&paid.order_sn).await.unwrap();
            store.callback_tried(written[0].id, &tried).await.unwrap();
        }
        let expected = if fails { second.clone() } else { Vec::new() };
        for by_payment in [false, true] {
            let wanted = Wanted {
                failing: true,
                paid: by_payment,
                ..Wanted::default()
            };
            assert_eq!(numbers(wanted).await, expected, "{outcome:?}");
        }
        let elsewhere = Wanted {
            failing: true,
            domain_code: Some("none".to_owned()),
            ..Wanted::default()
        };
        assert!(numbers(elsewhere).await.is_empty());
    }

    let mut shop = Domain::test();
    "shop".clone_into(&mut shop.code);
    store.add_domain(&shop).await.unwrap();
    let named = refund(&paid.order_sn, "R9", Some("his number"), 1);
    store.begin_refund(&named).await.unwrap();
    let trade_no = paid.trade_no.clone().unwrap();
    let callback = store.callbacks(&paid.order_sn).await.unwrap()[0].id;
    let callback = callback.to_string();
    for number in [
        &callback,
        "k2",
        &paid.order_sn,
        &paid.channel_order_no,
        &trade_no,
        &paid.token,
        "R9",
        "his number",
    ] {
        let found = store.named(number).await.unwrap();
        let found: Vec<_> = found.iter().map(|row| &row.order.order_sn).collect();
        assert_eq!(found, [&paid.order_sn], "{number}");
    }
    assert!(store.named("k").await.unwrap().is_empty());
}

/// A page begins after the last one's end, by the time that is wanted.
pub(crate) async fn a_list_goes_on_where_its_page_ended(store: Arc<dyn Store>) {
    // Made in this order, two at once, and paid the other way round.
    let made_ms = [1_000, 2_000, 2_000, 3_000];
    for (number, made_ms) in (1..).zip(made_ms) {
        let row = begun(&*store, &attempt(&format!("k{number}"), number, made_ms)).await;
        settle(&*store, &row, 9_000 - i64::from(number)).await;
    }
    let pages = async |paid: bool, limit: i64, of_few: bool| {
        let wanted = Wanted {
            paid,
            of_few,
            domain_code: of_few.then(|| "shop".to_owned()),
            ..Wanted::default()
        };
        let mut all = Vec::new();
        let mut before = "z".to_owned();
        loop {
            let page = store.newest(&wanted, &before, limit).await.unwrap();
            let Some(last) = page.last() else {
                return all;
            };
            before.clone_from(&last.order.order_sn);
            all.extend(page.into_iter().map(|row| row.order.request_key));
        }
    };
    let further = async |before: &str, rows: i64, paid: bool| {
        let wanted = Wanted {
            paid,
            ..Wanted::default()
        };
        let place = store.further_back(&wanted, before, rows).await.unwrap();
        let (order_sn, at_ms) = place?;
        let order = store.attempt(&order_sn).await.unwrap().unwrap();
        let time = if paid {
            order.paid_ms
        } else {
            Some(order.created_ms)
        };
        assert_eq!(time, Some(at_ms));
        Some((order.request_key, order_sn))
    };
    let (key, third) = further("z", 1, false).await.unwrap();
    assert_eq!(key, "k3");
    assert_eq!(further(&third, 1, false).await.unwrap().0, "k1");
    assert_eq!(further(&third, 2, false).await, None);
    assert_eq!(further("z", 1, true).await.unwrap().0, "k2");
    let each = [1, 3, 9].map(|limit| [(limit, false), (limit, true)]);
    for (limit, of_few) in each.into_iter().flatten() {
        let made = pages(false, limit, of_few).await;
        assert_eq!(made, ["k4", "k3", "k2", "k1"]);
        let paid = pages(true, limit, of_few).await;
        assert_eq!(paid, ["k1", "k2", "k3", "k4"]);
    }
    for (code, than, is_fewer) in [("shop", 5, true), ("shop", 4, false), ("none", 1, true)] {
        let fewer = store.has_fewer_requests(code, than).await.unwrap();
        assert_eq!(fewer, is_fewer, "{code} {than}");
    }
}

pub(crate) async fn refunds_are_listed_by_what_is_known_of_them(store: Arc<dyn Store>) {
    // Its channel takes another currency.
    let dollars = NewAttempt {
        channel_money: Money::from_minor(50, Currency::Usd).unwrap(),
        ..attempt("k", 1, 1_000)
    };
    let row = begun(&*store, &dollars).await;
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    let whole = store.attempt(&row.order_sn).await.unwrap().unwrap();
    // Two at once, one later.
    for (number, fen, at_ms) in [("R1", 10, 5_000), ("R2", 20, 5_000), ("R3", 30, 6_000)] {
        let new = NewRefund {
            created_ms: at_ms,
            ..refund(&row.order_sn, number, None, fen)
        };
        store.begin_refund(&new).await.unwrap();
    }
    done(&*store, "R3").await;
    let numbers = async |wanted: WantedRefunds, before: &str, limit: i64| {
        let page = store.newest_refunds(&wanted, before, limit).await.unwrap();
        assert!(page.iter().all(|one| one.domain_code == whole.domain_code));
        let numbers = page.into_iter().map(|one| one.refund.refund_no);
        numbers.collect::<Vec<_>>().join(" ")
    };
    let all = WantedRefunds::default();
    assert_eq!(numbers(all.clone(), "", 9).await, "R3 R2 R1");
    assert_eq!(numbers(all.clone(), "", 2).await, "R3 R2");
    assert_eq!(numbers(all, "R2", 2).await, "R1");
    let fits = |change: fn(&mut WantedRefunds)| {
        let mut wanted = WantedRefunds::default();
        change(&mut wanted);
        wanted
    };
    for (wanted, expected) in [
        (fits(|one| one.state = Some(Refund::Done)), "R3"),
        (fits(|one| one.until_ms = Some(6_000)), "R2 R1"),
        (fits(|one| one.since_ms = Some(6_000)), "R3"),
        (fits(|one| one.domain_code = Some("none".to_owned())), ""),
        (
            fits(|one| one.domain_code = Some("shop".to_owned())),
            "R3 R2 R1",
        ),
        (fits(|one| one.state = Some(Refund::New)), "R2 R1"),
        (
            fits(|one| {
                one.state = Some(Refund::New);
                one.domain_code = Some("none".to_owned());
            }),
            "",
        ),
        (fits(|one| one.cause = Some(Cause::Operator)), ""),
        (fits(|one| one.cause = Some(Cause::Business)), "R3 R2 R1"),
    ] {
        assert_eq!(numbers(wanted.clone(), "", 9).await, expected, "{wanted:?}");
    }
    let listed = store.newest(&Wanted::default(), "", 9).await.unwrap();
    let back: Vec<_> = listed.iter().map(|one| one.refunded).collect();
    assert_eq!(back, [30]);
}
