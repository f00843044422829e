//! Money that goes back, closed requests, and trips for an openid.

use crate::harness::{act, attempt, begun, beside, callback, changed, money};
use payment::by_two::{AloneMost, Hands, Judged, Meant, NotMeant, RefundRequest};
use payment::domain::{Domain, LateMoney};
use payment::money::{Currency, Money};
use payment::order::{Attempt, Event};
use payment::ports::{
    Asked, AttemptRow, Begun, BesideRefund, ClosedRequest, NewAttempt, NewCallback, NewRefund,
    OtherReadings, RefundStep, Refunded, RiskKind, Settled, Store, StoreError, TakenBack,
    WriteCallback,
};
use payment::refund::{Cause, Left, Refund};
use payment::signed::Signed;
use payment::status::PayStatus;
use std::sync::Arc;

pub(crate) async fn paid(store: &dyn Store) -> AttemptRow {
    let row = begun(store, &attempt("k", 1, 0)).await;
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    row
}

pub(crate) fn refund(order_sn: &str, number: &str, key: Option<&str>, fen: i64) -> NewRefund {
    let money = Money::from_minor(fen, Currency::Cny).unwrap();
    NewRefund {
        refund_no: number.to_owned(),
        order_sn: order_sn.to_owned(),
        refund_key: key.map(str::to_owned),
        money,
        cause: Cause::Business,
        day_max: None,
        hands: None,
        reason: String::new(),
        created_ms: 10,
    }
}

/// Brings a refund to its good end.
pub(crate) async fn done(store: &dyn Store, number: &str) {
    done_and_told(store, number, None).await;
}

/// The same, and that is told.
pub(crate) async fn done_and_told(
    store: &dyn Store,
    number: &str,
    told: Option<WriteCallback<'_>>,
) {
    for next in [Refund::Sent, Refund::Done] {
        let step = RefundStep {
            next,
            reference: None,
            note: "",
            by_hand: None,
            next_ms: None,
            callback: told.filter(|_| next == Refund::Done),
            act: act(),
        };
        store.step_refund(number, &step).await.unwrap();
    }
}

async fn status(store: &dyn Store) -> PayStatus {
    store.attempts("shop", "k").await.unwrap()[0].request_status
}

/// A refund is brought from new to sent once, whoever asks.
pub(crate) async fn a_refund_is_claimed_once(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    let new = refund(&order, "R1", Some("a"), 60);
    store.begin_refund(&new).await.unwrap();
    let step = RefundStep {
        next: Refund::Sent,
        reference: None,
        note: "sent",
        by_hand: None,
        next_ms: Some(20),
        callback: None,
        act: act(),
    };
    let claim = || store.claim_refund("R1", &step);
    let (one, other) = tokio::join!(claim(), claim());
    assert_ne!(one.unwrap(), other.unwrap());
    assert!(!claim().await.unwrap());
    let row = store.refund("R1").await.unwrap().unwrap();
    assert_eq!((row.state, row.note.as_str()), (Refund::Sent, "sent"));
}

pub(crate) async fn partial_refunds_stay_within_the_sum(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    let first = store
        .begin_refund(&refund(&order, "R1", Some("a"), 60))
        .await;
    assert!(matches!(first.unwrap(), Refunded::New(row) if row.state == Refund::New));
    assert_eq!(status(&*store).await, PayStatus::NotRefund);
    let begin = async |number, key, fen| {
        let new = refund(&order, number, key, fen);
        store.begin_refund(&new).await.unwrap()
    };
    // The same key again is the same refund, and with another sum it is refused.
    assert!(
        matches!(begin("R2", Some("a"), 60).await, Refunded::Same(row) if row.refund_no == "R1")
    );
    assert_eq!(begin("R2", Some("a"), 61).await, Refunded::KeyReused);
    assert_eq!(begin("R2", Some("b"), 41).await, Refunded::TooMuch(40));
    assert_eq!(begin("R1", Some("b"), 40).await, Refunded::NumberTaken);
    assert!(matches!(begin("R2", None, 40).await, Refunded::New(_)));
    assert_eq!(begin("R3", None, 1).await, Refunded::TooMuch(0));
    assert_eq!(store.refunds(&order).await.unwrap().len(), 2);
}

pub(crate) async fn ten_refunds_at_once_never_exceed_the_sum(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    let tasks: Vec<_> = (0..10)
        .map(|number| {
            let (store, order) = (Arc::clone(&store), order.clone());
            tokio::spawn(async move {
                let new = refund(&order, &format!("R{number}"), None, 30);
                store.begin_refund(&new).await.unwrap()
            })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        made += usize::from(matches!(task.await.unwrap(), Refunded::New(_)));
    }
    assert_eq!(made, 3);
}

/// Twenty at once, and the operator's beside.
pub(crate) async fn refunds_of_a_day_stay_within_their_limit(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    store.add_domain(&shop()).await.unwrap();
    let day_ms = 86_400_000;
    let limited = |number: u32, at_ms: i64| NewRefund {
        day_max: Some(10),
        created_ms: at_ms,
        ..refund(
            &order,
            &format!("R{number}"),
            Some(&format!("k{number}")),
            4,
        )
    };
    let tasks: Vec<_> = (0..20)
        .map(|number| {
            let (store, new) = (Arc::clone(&store), limited(number, day_ms));
            tokio::spawn(async move { store.begin_refund(&new).await.unwrap() })
        })
        .collect();
    let mut made = 0;
    for task in tasks {
        match task.await.unwrap() {
            Refunded::New(_) => made += 1,
            other => assert_eq!(other, Refunded::OverDay),
        }
    }
    assert_eq!(made, 2);
    let by_operator = NewRefund {
        cause: Cause::Operator,
        day_max: None,
        hands: None,
        ..limited(30, day_ms)
    };
    let begun = store.begin_refund(&by_operator).await.unwrap();
    assert!(matches!(begun, Refunded::New(_)));
    let soon = store.begin_refund(&limited(31, 2 * day_ms - 1)).await;
    assert_eq!(soon.unwrap(), Refunded::OverDay);
    let later = store.begin_refund(&limited(32, 2 * day_ms)).await.unwrap();
    assert!(matches!(later, Refunded::New(_)), "a day later");

    let many = store.many_refunds(day_ms - 1, 3).await.unwrap();
    let asked = Asked {
        domain_code: "shop".to_owned(),
        count: 3,
    };
    assert_eq!(many, [asked]);
    assert_eq!(store.many_refunds(day_ms - 1, 4).await, Ok(Vec::new()));
    let between = store.refunds_between("shop", day_ms - 1, day_ms).await;
    assert_eq!(between, Ok(2));
}

/// The business system of the orders.
fn shop() -> Domain {
    let mut shop = Domain::test();
    shop.code = "shop".to_owned();
    shop
}

pub(crate) async fn parts_of_a_changed_sum_make_the_whole(store: Arc<dyn Store>) {
    // 1.00 was asked for, and 1.05 paid.
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let order = row.order_sn;
    let accepted = store.accept_attempt(&order, &changed(105), act()).await;
    accepted.unwrap();
    store
        .settle_paid(&order, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    let begin = async |number, fen| {
        let new = refund(&order, number, None, fen);
        match store.begin_refund(&new).await.unwrap() {
            Refunded::New(row) => Ok((row.money.minor(), row.channel_money.minor())),
            other => Err(other),
        }
    };
    assert_eq!(begin("R1", 33).await, Ok((33, 35)));
    assert_eq!(begin("R2", 33).await, Ok((33, 34)));
    // One that failed gives its part back to the others.
    store
        .step_refund("R2", &ended(Refund::Failed, "no"))
        .await
        .unwrap();
    assert_eq!(begin("R3", 33).await, Ok((33, 34)));
    assert_eq!(begin("R4", 33).await, Ok((33, 35)));
    assert_eq!(begin("R5", 2).await, Err(Refunded::TooMuch(1)));
    assert_eq!(begin("R5", 1).await, Ok((1, 1)));
    assert_eq!(begin("R6", 1).await, Err(Refunded::TooMuch(0)));
    // Money beside the request goes back as it came.
    let other = NewAttempt {
        signed: Signed::parse("info=y").unwrap(),
        ..attempt("other", 2, 0)
    };
    let first = begun(&*store, &attempt("other", 3, 0)).await;
    let second = begun(&*store, &other).await;
    let accepted = store
        .accept_attempt(&second.order_sn, &changed(95), act())
        .await;
    accepted.unwrap();
    for order_sn in [&first.order_sn, &second.order_sn] {
        let beside = beside(&format!("D{order_sn}"));
        store
            .settle_paid(order_sn, &money(&callback(), &beside), act())
            .await
            .unwrap();
    }
    let beside = store.refunds(&second.order_sn).await.unwrap();
    assert_eq!(
        (
            beside[0].cause,
            beside[0].money.minor(),
            beside[0].channel_money.minor()
        ),
        (Cause::Duplicate, 100, 95)
    );
}

pub(crate) fn ended(next: Refund, note: &str) -> RefundStep<'_> {
    RefundStep {
        next,
        reference: None,
        note,
        by_hand: None,
        next_ms: None,
        callback: None,
        act: act(),
    }
}

pub(crate) async fn a_refund_goes_forward_and_shows_in_the_status(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    store
        .begin_refund(&refund(&order, "R1", None, 30))
        .await
        .unwrap();
    let step = async |next, reference, next_ms| {
        let told = |_| callback();
        let step = RefundStep {
            next,
            reference,
            note: "note",
            by_hand: None,
            next_ms,
            callback: (next == Refund::Done).then_some(&told as WriteCallback<'_>),
            act: act(),
        };
        store.step_refund("R1", &step).await.unwrap().state
    };
    assert_eq!(store.take_due_refunds(10, 50, 9).await.unwrap().len(), 1);
    assert!(store.take_due_refunds(10, 50, 9).await.unwrap().is_empty());
    assert_eq!(step(Refund::Sent, None, Some(60)).await, Refund::Sent);
    assert_eq!(status(&*store).await, PayStatus::WaitRefund);
    assert_eq!(store.take_due_refunds(60, 99, 9).await.unwrap().len(), 1);
    assert_eq!(
        step(Refund::Done, Some("theirs"), Some(70)).await,
        Refund::Done
    );
    assert_eq!(status(&*store).await, PayStatus::SuccessRefund);
    // What is done stays done, is told once, and is not looked at again.
    assert_eq!(step(Refund::Failed, None, Some(80)).await, Refund::Done);
    assert_eq!(step(Refund::Done, None, Some(80)).await, Refund::Done);
    let told = store.callbacks(&order).await.unwrap();
    assert_eq!(told.len(), 2, "of the payment, and of the refund");
    assert!(
        store
            .take_due_refunds(9_999, 9_999, 9)
            .await
            .unwrap()
            .is_empty()
    );
    let row = store.refund("R1").await.unwrap().unwrap();
    assert_eq!(row.reference.as_deref(), Some("theirs"));
}

/// Each callback names all that went back, also where two refunds end at once.
pub(crate) async fn the_last_refund_is_told_with_the_whole_sum(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    for (number, fen) in [("R1", 40), ("R2", 60)] {
        let new = refund(&order, number, None, fen);
        store.begin_refund(&new).await.unwrap();
    }
    let told = |sum: i64| NewCallback {
        url: format!("http://shop.cn/cb?refundedMoney={sum}"),
        ..callback()
    };
    let step = RefundStep {
        callback: Some(&told),
        ..ended(Refund::Done, "done")
    };
    let (one, other) = tokio::join!(
        store.step_refund("R1", &step),
        store.step_refund("R2", &step)
    );
    assert!(one.is_ok() && other.is_ok());
    let written = store.callbacks(&order).await.unwrap();
    let whole = "http://shop.cn/cb?refundedMoney=100";
    assert_eq!(written.iter().filter(|row| row.url == whole).count(), 1);
}

pub(crate) async fn a_failed_refund_frees_its_sum_and_is_listed(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    store
        .begin_refund(&refund(&order, "R1", None, 100))
        .await
        .unwrap();
    let failed = store
        .step_refund("R1", &ended(Refund::Failed, "no balance"))
        .await;
    assert_eq!(failed.unwrap().state, Refund::Failed);
    assert_eq!(status(&*store).await, PayStatus::FailureRefund);
    let risks = store.at_risk(0).await.unwrap();
    assert_eq!((risks.len(), risks[0].kind), (1, RiskKind::Refund));
    assert!(risks[0].detail.ends_with("no balance"), "{risks:?}");
    let refunds = store.refunds(&risks[0].order_sn).await.unwrap();
    assert_eq!(risks[0].money, Some(refunds[0].money), "the refund's own");
    let again = store
        .begin_refund(&refund(&order, "R2", None, 100))
        .await
        .unwrap();
    assert!(matches!(again, Refunded::New(_)));
    assert_eq!(status(&*store).await, PayStatus::NotRefund);
}

pub(crate) async fn money_beside_the_request_is_to_be_refunded(store: Arc<dyn Store>) {
    let first = begun(&*store, &attempt("k", 1, 0)).await;
    let mut other = attempt("k", 2, 10);
    other.signed = Signed::parse("info=y").unwrap();
    let second = begun(&*store, &other).await;
    for row in [&first, &second] {
        let beside = beside(&format!("R{}", row.order_sn));
        store
            .settle_paid(&row.order_sn, &money(&callback(), &beside), act())
            .await
            .unwrap();
    }
    let due = store.take_due_refunds(99_999, 999_999, 9).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(
        (due[0].order_sn.as_str(), due[0].cause),
        (second.order_sn.as_str(), Cause::Duplicate)
    );
    assert_eq!(due[0].money.minor(), 100);
    // It is not the request's own refund: that stays paid.
    store
        .step_refund(&due[0].refund_no, &ended(Refund::Done, ""))
        .await
        .unwrap();
    assert_eq!(status(&*store).await, PayStatus::SuccessPay);
}

pub(crate) async fn money_that_went_back_is_kept_once_within_what_is_left(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    let back_of = async |key: &str, fen, reckoned_from| {
        let money = Money::from_minor(fen, Currency::Cny).unwrap();
        let told = |sum: i64| NewCallback {
            url: format!("http://shop.cn/cb?refundedMoney={sum}"),
            ..callback()
        };
        let taken = TakenBack {
            order_sn: &order,
            refund_key: key,
            money,
            channel_money: money,
            reckoned_from,
            cause: Cause::Chargeback,
            reference: "theirs",
            note: "a dispute",
            callback: Some(&told),
            act: act(),
        };
        store.take_back(&taken).await
    };
    let back = async |key: &str, fen| back_of(key, fen, None).await;
    let kept = back("ch-1", 60).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.cause), (Refund::Done, Cause::Chargeback));
    assert_eq!(kept.reference.as_deref(), Some("theirs"));
    assert_eq!(back("ch-1", 60).await, Ok(None), "known");
    let refused = back("ch-2", 41).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    // Reckoned from what is not so any more.
    let from = |left| {
        Some(Left {
            money: left,
            channel: left,
        })
    };
    let refused = back_of("ch-2", 40, from(100)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert!(back_of("ch-2", 40, from(40)).await.unwrap().is_some());
    assert_eq!(status(&*store).await, PayStatus::SuccessRefund);
    let told = store.callbacks(&order).await.unwrap();
    assert!(told.iter().any(|row| row.url.ends_with("=100")), "{told:?}");
    let risks = store.at_risk(0).await.unwrap();
    let all = |kind| risks.iter().all(|risk| risk.kind == kind);
    assert!(risks.len() == 2 && all(RiskKind::TakenBack), "{risks:?}");
    let sums = risks.iter().filter_map(|risk| risk.money);
    let mut sums: Vec<_> = sums.map(Money::minor).collect();
    sums.sort_unstable();
    assert_eq!(sums, [40, 60], "each has its own");
    // Somebody looks after one of them, once; it stays a refund.
    let numbers = store.to_look_after(&order).await.unwrap();
    assert_eq!(numbers, ["ch-1", "ch-2"]);
    let look = async |number: &str| store.look_after(&order, number, "an: seen", act()).await;
    for (number, looked) in [("ch-1", true), ("ch-1", false), ("ch-3", false)] {
        assert_eq!(look(number).await, Ok(looked), "{number}");
    }
    assert_eq!(store.to_look_after(&order).await.unwrap(), ["ch-2"]);
    assert_eq!(store.at_risk(0).await.unwrap().len(), 1);
    let counts = store.risk_counts(0).await.unwrap();
    let counted = counts.iter().find(|one| one.kind == RiskKind::TakenBack);
    assert_eq!(counted.map(|one| one.count), Some(1));
    assert_eq!(store.refunds(&order).await.unwrap().len(), 2);
    let story = store.story(&order).await.unwrap().unwrap();
    let told = story.entries.iter().filter(|one| one.detail == "an: seen");
    assert_eq!(told.count(), 1);
    assert_eq!(
        crate::harness::contradictions(&*store).await,
        Vec::<String>::new()
    );
}

pub(crate) async fn a_closed_request_takes_no_attempt(store: Arc<dyn Store>) {
    let is_closed = async |key| store.is_closed("shop", key).await.unwrap();
    assert!(!is_closed("never opened").await);
    store
        .close_request("shop", "never opened", None, act())
        .await
        .unwrap();
    assert!(is_closed("never opened").await);
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    assert_eq!(
        store.close_request("shop", "k", None, act()).await.unwrap(),
        ClosedRequest::Open
    );
    // While it is being closed nobody starts anew.
    let mut other = attempt("k", 2, 10);
    other.signed = Signed::parse("info=y").unwrap();
    assert!(matches!(
        store.begin_attempt(&other).await.unwrap(),
        Begun::Closed
    ));
    store
        .apply(&row.order_sn, Event::Closed, act())
        .await
        .unwrap();
    let told = (row.order_sn.clone(), callback());
    for _ in 0..2 {
        let closed = store.close_request("shop", "k", Some(&told), act()).await;
        assert_eq!(closed.unwrap(), ClosedRequest::Closed);
    }
    let due = store.take_due_callbacks(i64::MAX, i64::MAX, 9, &[]).await;
    assert_eq!(due.unwrap().len(), 1, "told once");
    assert_eq!(status(&*store).await, PayStatus::Closed);
    // A request that nobody has opened yet is closed as well.
    assert_eq!(
        store
            .close_request("shop", "new", None, act())
            .await
            .unwrap(),
        ClosedRequest::Closed
    );
    let new = attempt("new", 3, 0);
    assert!(matches!(
        store.begin_attempt(&new).await.unwrap(),
        Begun::Closed
    ));
}

pub(crate) async fn a_paid_request_is_not_closed(store: Arc<dyn Store>) {
    paid(&*store).await;
    assert_eq!(
        store.close_request("shop", "k", None, act()).await.unwrap(),
        ClosedRequest::Paid
    );
    // Nothing of the wish is left.
    assert!(!store.is_closed("shop", "k").await.unwrap());
    let again = store.begin_attempt(&attempt("k", 2, 0)).await.unwrap();
    assert!(matches!(again, Begun::AlreadyPaid));
}

pub(crate) async fn late_money_follows_the_domains_policy(store: Arc<dyn Store>) {
    for (number, policy) in [(1, LateMoney::Refund), (2, LateMoney::Honour)] {
        let key = format!("k{number}");
        let row = begun(&*store, &attempt(&key, number, 0)).await;
        store
            .apply(&row.order_sn, Event::Closed, act())
            .await
            .unwrap();
        store
            .close_request("shop", &key, None, act())
            .await
            .unwrap();
        let beside = BesideRefund {
            refund_no: format!("R{number}"),
            after_close: policy,
        };
        let settled = store
            .settle_paid(&row.order_sn, &money(&callback(), &beside), act())
            .await;
        let (state, status) = match policy {
            LateMoney::Refund => (Attempt::PaidAfterClose, PayStatus::Closed),
            LateMoney::Honour => (Attempt::Paid, PayStatus::SuccessPay),
        };
        assert_eq!(settled.unwrap(), Settled::Went(state));
        let kept = store.attempt(&row.order_sn).await.unwrap().unwrap();
        assert_eq!(kept.request_status, status);
        let refunds = store.refunds(&row.order_sn).await.unwrap();
        assert_eq!(refunds.len(), usize::from(policy == LateMoney::Refund));
    }
}

pub(crate) async fn a_trip_is_used_once(store: Arc<dyn Store>) {
    assert!(store.use_trip("a", 1_000, 0).await.unwrap());
    assert!(!store.use_trip("a", 1_000, 500).await.unwrap());
    assert!(store.use_trip("b", 2_000, 500).await.unwrap());
    // What ended is forgotten: its own end refuses it.
    assert!(store.use_trip("c", 3_000, 1_001).await.unwrap());
    assert!(store.use_trip("a", 1_000, 1_001).await.unwrap());
    assert!(!store.use_trip("b", 2_000, 1_001).await.unwrap());
}

pub(crate) async fn all_instances_sign_trips_by_the_first_ones_key(store: Arc<dyn Store>) {
    assert_eq!(store.trip_key(b"first").await.unwrap(), b"first");
    assert_eq!(store.trip_key(b"second").await.unwrap(), b"first");
}

pub(crate) async fn a_long_address_is_kept_once_until_its_end(store: Arc<dyn Store>) {
    let keep = async |token: &str, until_ms: i64, now_ms: i64| {
        let kept = store.keep_trip_address(token, "http://x/", until_ms, now_ms);
        kept.await.unwrap();
    };
    keep("a", 1_000, 0).await;
    keep("a", 2_000, 500).await;
    keep("b", 3_000, 1_500).await;
    let address = store.trip_address("a").await.unwrap();
    assert_eq!(address.as_deref(), Some("http://x/"));
    keep("b", 4_000, 2_001).await;
    assert_eq!(store.trip_address("a").await.unwrap(), None);
}

pub(crate) async fn signs_with_other_readings_are_counted(store: Arc<dyn Store>) {
    store.add_domain(&Domain::test()).await.unwrap();
    let requests = [
        (1, true, true),
        (2, false, true),
        (3, true, true),
        (4, false, false),
    ];
    for (number, fits, recut) in requests {
        let mut new = attempt(&format!("k{number}"), number, 0);
        new.domain_code = "test".to_owned();
        new.fits_another_key = fits;
        new.could_be_recut = recut;
        begun(&*store, &new).await;
    }
    let counted = store.other_readings("test").await.unwrap();
    assert_eq!((counted.other_key, counted.recut), (2, 3));
    let unknown = store.other_readings("unknown").await.unwrap();
    assert_eq!(unknown, OtherReadings::default());
}

fn by_operators(new: NewRefund, hands: Hands) -> NewRefund {
    NewRefund {
        cause: Cause::Operator,
        hands: Some(hands),
        ..new
    }
}

/// Of who has seen what went back before.
const AGAIN: Meant = Meant {
    again: true,
    left: None,
};

fn asked(order_sn: &str, number: &str, fen: i64) -> RefundRequest {
    RefundRequest {
        request_no: number.to_owned(),
        order_sn: order_sn.to_owned(),
        refund_key: format!("key of {number}"),
        money: Money::from_minor(fen, Currency::Cny).unwrap(),
        reason: "why".to_owned(),
        asked_by: "li".to_owned(),
        asked_ms: 10,
        expires_ms: 1_000,
        state: Judged::Asked,
        judged_by: None,
    }
}

/// Two operators see the same alarm: what both mean goes back once, and is asked for once.
pub(crate) async fn operators_of_one_moment_give_a_sum_once(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    let alone = |number: &str, fen: i64| {
        let hands = Hands::Alone {
            operator: "li".to_owned(),
            most: None,
            meant: Meant::default(),
        };
        by_operators(refund(&order, number, None, fen), hands)
    };
    let same = Refunded::NotMeant(NotMeant::SameSum);
    let (first, second) = (alone("R1", 30), alone("R2", 30));
    let both = tokio::join!(store.begin_refund(&first), store.begin_refund(&second));
    let both = [both.0.unwrap(), both.1.unwrap()];
    assert_eq!(
        both.iter().filter(|one| **one == same).count(),
        1,
        "{both:?}"
    );
    let (first, second) = (asked(&order, "Q1", 20), asked(&order, "Q2", 20));
    let meant = Meant::default();
    let both = tokio::join!(
        store.ask_refund(&first, meant),
        store.ask_refund(&second, meant)
    );
    let both = [both.0.unwrap(), both.1.unwrap()];
    let refused = both.iter().filter(|one| **one == Err(NotMeant::SameSum));
    assert_eq!(refused.count(), 1, "{both:?}");
    assert_eq!(store.begin_refund(&alone("R3", 20)).await.unwrap(), same);
}

/// Twenty at once of four fen each, where one may give back ten.
pub(crate) async fn what_an_operator_gives_back_alone_stays_within_its_limit(
    store: Arc<dyn Store>,
) {
    let order = paid(&*store).await.order_sn;
    // Of several orders: no lock of one keeps them in a row.
    let mut orders = vec![order.clone()];
    for number in 2..6 {
        let row = begun(&*store, &attempt(&format!("k{number}"), number, 0)).await;
        let (callback, beside) = (callback(), beside(&format!("B{number}")));
        let payment = money(&callback, &beside);
        let settled = store.settle_paid(&row.order_sn, &payment, act());
        settled.await.unwrap();
        orders.push(row.order_sn);
    }
    let alone = |number: u32, an_order: i64, a_day: i64| {
        let of = if a_day < 100 {
            number as usize % orders.len()
        } else {
            0
        };
        let new = refund(&orders[of], &format!("R{number}"), None, 4);
        let operator = "li".to_owned();
        let most = Some(AloneMost { an_order, a_day });
        let hands = Hands::Alone {
            operator,
            most,
            meant: AGAIN,
        };
        by_operators(new, hands)
    };
    for (number, an_order, a_day) in [(0, 100, 10), (100, 12, 100)] {
        let tasks: Vec<_> = (number..number + 20)
            .map(|number| {
                let (store, new) = (Arc::clone(&store), alone(number, an_order, a_day));
                tokio::spawn(async move { store.begin_refund(&new).await.unwrap() })
            })
            .collect();
        let mut made = 0;
        for task in tasks {
            match task.await.unwrap() {
                Refunded::New(_) => made += 1,
                other => assert_eq!(other, Refunded::NeedsTwo),
            }
        }
        // Two of the day; then three of the order, less those that it has.
        let of_order = store.refunds(&order).await.unwrap().len();
        assert_eq!(
            if number == 0 { made } else { of_order },
            if number == 0 { 2 } else { 3 }
        );
    }
    let over = store.begin_refund(&alone(201, 100, 10)).await.unwrap();
    assert_eq!(over, Refunded::NeedsTwo);
    let unbound = Hands::Alone {
        operator: "li".to_owned(),
        most: None,
        meant: AGAIN,
    };
    let unbound = by_operators(refund(&order, "R200", None, 4), unbound);
    let begun = store.begin_refund(&unbound).await.unwrap();
    assert!(matches!(begun, Refunded::New(_)));
}

/// The tables themselves hold no refund that one operator asked for and granted.
pub(crate) async fn who_asks_for_a_refund_cannot_grant_it(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    let request = asked(&order, "Q1", 30);
    let kept = store.ask_refund(&request, AGAIN).await.unwrap().unwrap();
    assert_eq!(kept, request);
    let again = RefundRequest {
        request_no: "Q2".to_owned(),
        ..request.clone()
    };
    let once = store.ask_refund(&again, AGAIN).await.unwrap();
    assert_eq!(once, Ok(request.clone()), "once");
    let granted = |by: &str, at_ms: i64| {
        let new = refund(&order, "R1", Some("key of Q1"), 30);
        let hands = Hands::Granted {
            request_no: "Q1".to_owned(),
            granted_by: by.to_owned(),
        };
        let new = by_operators(new, hands);
        NewRefund {
            created_ms: at_ms,
            ..new
        }
    };
    let own = store.begin_refund(&granted("li", 20)).await;
    assert!(
        matches!(
            own,
            Err(StoreError::Unavailable(_) | StoreError::Corrupt(_))
        ),
        "{own:?}"
    );
    assert!(store.refunds(&order).await.unwrap().is_empty());
    let late = store.begin_refund(&granted("an", 1_000)).await.unwrap();
    assert_eq!(late, Refunded::NotAsked);
    let other = NewRefund {
        money: Money::from_minor(31, Currency::Cny).unwrap(),
        ..granted("an", 20)
    };
    assert!(store.begin_refund(&other).await.is_err(), "another sum");
    assert_eq!(store.waiting_refund_requests(20).await.unwrap(), [request]);
    let begun = store.begin_refund(&granted("an", 20)).await.unwrap();
    assert!(matches!(begun, Refunded::New(_)));
    let judged = store.refund_request("Q1").await.unwrap().unwrap();
    let by = judged.judged_by.as_deref();
    assert_eq!((judged.state, by), (Judged::Granted, Some("an")));
    assert!(!store.refuse_refund("Q1", "an", "no", 21).await.unwrap());
    let third = store.ask_refund(&asked(&order, "Q3", 1), AGAIN).await;
    third.unwrap().unwrap();
    assert!(store.refuse_refund("Q3", "li", "no", 21).await.unwrap());
    assert_eq!(store.waiting_refund_requests(20).await.unwrap(), []);
    let all = store.refund_requests(&order).await.unwrap();
    assert_eq!(all.len(), 2);
    let story = store.story(&order).await.unwrap().unwrap();
    let told: Vec<_> = story.entries.iter().map(|one| one.what.as_str()).collect();
    for what in ["refund asked", "refund begun", "refund refused"] {
        assert!(told.contains(&what), "{told:?}");
    }
    store
        .note_operator(&order, "li: order requery", act())
        .await
        .unwrap();
}
