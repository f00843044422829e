//! The outbox of callbacks, and notifies as they came.

use crate::harness::{act, attempt, begun, beside, callback, money};
use crate::refunds::{done_and_told, refund};
use crate::timers::horizons;
use payment::channel::Channel;
use payment::ports::{
    Attached, CallbackRow, CallbackState, CallbackTry, Horizons, NewCallback, NotifyOutcome,
    NotifyRow, Payment, Resend, RiskKind, Store, TryOutcome,
};
use std::sync::Arc;

async fn one_callback(store: &dyn Store) -> CallbackRow {
    let row = begun(store, &attempt("k", 1, 0)).await;
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    store
        .take_due_callbacks(1_000, 1_000, 99, &[])
        .await
        .unwrap()
        .remove(0)
}

fn tried(outcome: TryOutcome) -> CallbackTry {
    CallbackTry {
        at_ms: 1,
        tries: 0,
        status: Some(200),
        location: None,
        answer: "faild".to_owned(),
        duration_ms: 2,
        outcome,
    }
}

pub(crate) async fn a_callback_is_written_with_the_payment_alone(store: Arc<dyn Store>) {
    begun(&*store, &attempt("k", 1, 0)).await;
    assert!(
        store
            .take_due_callbacks(9_000, 9_000, 99, &[])
            .await
            .unwrap()
            .is_empty()
    );
    let row = store.attempts("shop", "k").await.unwrap().remove(0);
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    let due = store
        .take_due_callbacks(1_000, 9_000, 99, &[])
        .await
        .unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].url, callback().url);
    assert_eq!((due[0].domain_code.as_str(), due[0].tries), ("shop", 0));
    assert_eq!(due[0].order_sn, row.order_sn);
}

pub(crate) async fn a_due_callback_is_taken_by_one(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    let take = || {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .take_due_callbacks(1_000, 9_000, 99, &[])
                .await
                .unwrap()
        })
    };
    let (one, two) = (take(), take());
    assert_eq!(one.await.unwrap().len() + two.await.unwrap().len(), 1);
    // Who took it and died has lost it to others at the end of his lease.
    assert_eq!(
        store
            .take_due_callbacks(9_000, 20_000, 99, &[])
            .await
            .unwrap()
            .len(),
        1
    );
}

pub(crate) async fn a_callback_is_tried_again_delivered_or_parked(store: Arc<dyn Store>) {
    let callback = one_callback(&*store).await;
    store
        .callback_tried(callback.id, &tried(TryOutcome::Again(7_000)))
        .await
        .unwrap();
    assert!(
        store
            .take_due_callbacks(6_999, 9_000, 99, &[])
            .await
            .unwrap()
            .is_empty()
    );
    let again = store
        .take_due_callbacks(7_000, 9_000, 99, &[])
        .await
        .unwrap()
        .remove(0);
    assert_eq!((again.tries, &again.url), (1, &callback.url));
    let parked = CallbackTry {
        tries: 1,
        ..tried(TryOutcome::Parked)
    };
    store.callback_tried(callback.id, &parked).await.unwrap();
    assert!(
        store
            .take_due_callbacks(i64::MAX, 9_000, 99, &[])
            .await
            .unwrap()
            .is_empty()
    );
}

/// The callback of a payment, which was not taken and is due again at 7 s, and then those of
/// refunds of these sums.
async fn told_of_refunds(store: &dyn Store, sums: &[i64]) -> Vec<CallbackRow> {
    let paid = one_callback(store).await;
    let again = tried(TryOutcome::Again(7_000));
    store.callback_tried(paid.id, &again).await.unwrap();
    let told = NewCallback {
        url: "http://shop.cn/cb?payStatus=SUCCESSREFUND&sign=x".to_owned(),
        ..callback()
    };
    let write = |_| told.clone();
    for (number, fen) in sums.iter().enumerate() {
        let number = format!("R{number}");
        let new = refund(&paid.order_sn, &number, Some(&number), *fen);
        store.begin_refund(&new).await.unwrap();
        done_and_told(store, &number, Some(&write)).await;
    }
    store.callbacks(&paid.order_sn).await.unwrap()
}

async fn due(store: &dyn Store, now_ms: i64) -> Vec<i64> {
    let due = store.take_due_callbacks(now_ms, now_ms, 9, &[]).await;
    due.unwrap().iter().map(|one| one.id).collect()
}

/// Receivers believe what they hear last.
pub(crate) async fn callbacks_of_an_order_go_out_in_turn(store: Arc<dyn Store>) {
    let all = told_of_refunds(&*store, &[60]).await;
    let (first, second) = (all[0].id, all[1].id);
    // What waits for another one is not overdue, and not too far ahead.
    let overdue = store.overdue(66_999).await.unwrap();
    assert_eq!(overdue.callbacks.count, 0);
    assert!(due(&*store, 6_999).await.is_empty());
    assert_eq!(due(&*store, 8_000).await, [first]);
    let later = CallbackTry {
        tries: 1,
        ..tried(TryOutcome::Again(9_000_000))
    };
    store.callback_tried(first, &later).await.unwrap();
    let horizons = Horizons {
        callbacks_ms: vec![60_000, 60_000, 10_000_000],
        ..horizons()
    };
    assert_eq!(store.too_far(8_000, &horizons).await, Ok(0));
    let delivered = CallbackTry {
        at_ms: 8_000,
        tries: 2,
        ..tried(TryOutcome::Delivered)
    };
    store.callback_tried(first, &delivered).await.unwrap();
    assert_eq!(due(&*store, 8_000).await, [second]);
}

/// Who hears of a payment hands out what it paid for.
pub(crate) async fn nobody_is_told_of_a_payment_that_went_back_whole(store: Arc<dyn Store>) {
    let all = told_of_refunds(&*store, &[60, 40]).await;
    let states: Vec<_> = all.iter().map(|one| one.state).collect();
    let waits = CallbackState::Waiting;
    assert_eq!(states, [CallbackState::Overtaken, waits, waits]);
    // What waited behind it waits no more.
    assert_eq!(due(&*store, 2_000).await, [all[1].id]);
}

/// What was told behind a callback that was parked is told behind it again.
pub(crate) async fn what_is_sent_again_comes_in_its_order(store: Arc<dyn Store>) {
    let all = told_of_refunds(&*store, &[60]).await;
    for (one, tries, outcome) in [
        (&all[0], 1, TryOutcome::Parked),
        (&all[1], 0, TryOutcome::Delivered),
    ] {
        let tried = CallbackTry {
            tries,
            ..tried(outcome)
        };
        store.callback_tried(one.id, &tried).await.unwrap();
    }
    let since = Resend::Since {
        created_ms: 0,
        delivered: false,
    };
    assert_eq!(store.resend_callbacks(&since, 5_000).await, Ok(2));
    assert_eq!(due(&*store, 9_000).await, [all[0].id]);
}

/// A receiver that hung is mended and told again: what it did before puts nothing off.
pub(crate) async fn what_is_sent_again_is_put_off_by_no_try_from_before(store: Arc<dyn Store>) {
    let callback = one_callback(&*store).await;
    let first = tried(TryOutcome::Again(2_000));
    store.callback_tried(callback.id, &first).await.unwrap();
    store
        .take_due_callbacks(2_000, 9_000, 9, &[])
        .await
        .unwrap();
    let resent = store.resend_callbacks(&Resend::Waiting, 3_000).await;
    assert_eq!(resent.unwrap(), 1);
    let hung = CallbackTry {
        tries: 1,
        ..tried(TryOutcome::Again(99_000))
    };
    store.callback_tried(callback.id, &hung).await.unwrap();
    let due = store.take_due_callbacks(3_000, 9_000, 9, &[]).await;
    assert_eq!(due.unwrap().len(), 1);
}

pub(crate) async fn callbacks_of_a_business_system_are_read_on(store: Arc<dyn Store>) {
    assert_eq!(store.last_callback("shop", 0).await.unwrap(), None);
    let mut written = Vec::new();
    for (key, number) in [("k1", 1), ("k2", 2), ("k3", 3)] {
        let row = begun(&*store, &attempt(key, number, 0)).await;
        let (callback, beside) = (callback(), beside(key));
        let paid = Payment {
            trade_no: key,
            ..money(&callback, &beside)
        };
        store
            .settle_paid(&row.order_sn, &paid, act())
            .await
            .unwrap();
        let of_order = store.callbacks(&row.order_sn).await.unwrap();
        written.push(of_order[0].clone());
    }
    let last = async |but| store.last_callback("shop", but).await.unwrap();
    assert_eq!(last(0).await, Some(written[2].id));
    assert_eq!(last(2).await, Some(written[0].id));
    assert_eq!(last(3).await, None);
    assert_eq!(store.last_callback("other", 0).await.unwrap(), None);
    let after = async |code, id, limit| store.callbacks_after(code, id, limit).await.unwrap();
    assert_eq!(after("shop", 0, 2).await, written[..2]);
    assert_eq!(after("shop", written[0].id, 9).await, written[1..]);
    assert!(after("shop", written[2].id, 9).await.is_empty());
    assert!(after("other", 0, 9).await.is_empty());
}

pub(crate) async fn each_try_is_kept_with_what_followed(store: Arc<dyn Store>) {
    let callback = one_callback(&*store).await;
    let outcomes = [
        TryOutcome::Again(7_000),
        TryOutcome::Parked,
        TryOutcome::Delivered,
    ];
    for outcome in outcomes {
        let redirected = CallbackTry {
            status: Some(302),
            location: Some("/login".to_owned()),
            ..tried(outcome)
        };
        store
            .callback_tried(callback.id, &redirected)
            .await
            .unwrap();
    }
    let tries = store.callback_tries(callback.id).await.unwrap();
    let kept: Vec<_> = tries.iter().map(|kept| kept.outcome).collect();
    assert_eq!(kept, outcomes.map(Some));
    assert_eq!(tries[0].location.as_deref(), Some("/login"));
    assert_eq!((tries[0].status, tries[0].duration_ms), (Some(302), 2));
}

pub(crate) async fn a_delivered_callback_stays_delivered(store: Arc<dyn Store>) {
    let callback = one_callback(&*store).await;
    store
        .callback_tried(callback.id, &tried(TryOutcome::Delivered))
        .await
        .unwrap();
    store
        .callback_tried(callback.id, &tried(TryOutcome::Again(1)))
        .await
        .unwrap();
    assert!(
        store
            .take_due_callbacks(i64::MAX, 9_000, 99, &[])
            .await
            .unwrap()
            .is_empty()
    );
}

pub(crate) async fn a_notify_is_kept_byte_for_byte(store: Arc<dyn Store>) {
    let notify = NotifyRow {
        channel: Channel::Wechat,
        account: "a".to_owned(),
        channel_order_no: None,
        body: vec![0, 0xff, 0xfe, b'x'],
        headers: "a: b\n".to_owned(),
        received_ms: 1,
    };
    let first = store
        .keep_notify(&notify, &notify.body, 50)
        .await
        .unwrap()
        .unwrap();
    // The same again is not kept again; another account's is.
    assert_eq!(
        store.keep_notify(&notify, &notify.body, 50).await.unwrap(),
        None
    );
    let mut other = notify.clone();
    other.account = "b".to_owned();
    assert!(
        store
            .keep_notify(&other, &other.body, 50)
            .await
            .unwrap()
            .is_some()
    );
    assert_eq!(store.notify_body(first).await.unwrap(), Some(notify.body));
    store
        .mark_notify(first, NotifyOutcome::Settled, "", None)
        .await
        .unwrap();
}

pub(crate) async fn a_notify_that_nobody_finished_is_due_again(store: Arc<dyn Store>) {
    let notify = NotifyRow {
        channel: Channel::Alipay,
        account: "a".to_owned(),
        channel_order_no: Some("n".to_owned()),
        body: b"x=1".to_vec(),
        headers: "a: b\n".to_owned(),
        received_ms: 1,
    };
    let other = NotifyRow {
        body: b"x=2".to_vec(),
        ..notify.clone()
    };
    let one = store
        .keep_notify(&other, &other.body, 50)
        .await
        .unwrap()
        .unwrap();
    let two = store
        .keep_notify(&notify, &notify.body, 50)
        .await
        .unwrap()
        .unwrap();
    let due = async |now_ms| {
        store
            .take_due_notifies(now_ms, now_ms + 30, 9)
            .await
            .unwrap()
    };
    assert!(due(49).await.is_empty(), "its first worker has it");
    store
        .mark_notify(one, NotifyOutcome::Settled, "", None)
        .await
        .unwrap();
    let taken = due(50).await;
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].id, two);
    assert_eq!(
        (taken[0].row.body.as_slice(), taken[0].row.received_ms),
        (&b"x=1"[..], 1)
    );
    assert!(due(79).await.is_empty());
    store
        .mark_notify(two, NotifyOutcome::PutOff, "", Some(200))
        .await
        .unwrap();
    assert!(due(199).await.is_empty());
    assert_eq!(due(200).await.len(), 1);
}

pub(crate) async fn a_busy_receiver_is_passed_over(store: Arc<dyn Store>) {
    for number in 1..=3 {
        let key = format!("k{number}");
        let row = begun(&*store, &attempt(&key, number, 0)).await;
        let callback = NewCallback {
            receiver: format!("http://shop{number}.cn"),
            ..callback()
        };
        store
            .settle_paid(&row.order_sn, &money(&callback, &beside("R")), act())
            .await
            .unwrap();
    }
    let busy = ["http://shop1.cn".to_owned(), "http://shop3.cn".to_owned()];
    let due = store.take_due_callbacks(1_000, 9_000, 99, &busy).await;
    let due = due.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].receiver, "http://shop2.cn");
    // Given back untried it is due at once, and counts no try.
    store.put_back_callback(due[0].id, 1_000).await.unwrap();
    let due = store
        .take_due_callbacks(1_000, 9_000, 99, &[])
        .await
        .unwrap();
    assert_eq!(due.len(), 3);
    assert!(due.iter().all(|callback| callback.tries == 0));
}

pub(crate) async fn a_parked_callback_is_listed_and_sent_again(store: Arc<dyn Store>) {
    let callback = one_callback(&*store).await;
    let park = async || {
        let parked = tried(TryOutcome::Parked);
        store.callback_tried(callback.id, &parked).await.unwrap();
    };
    let resend = async |which| store.resend_callbacks(&which, 5_000).await.unwrap();
    let since = |created_ms, delivered| Resend::Since {
        created_ms,
        delivered,
    };
    assert!(store.parked_callbacks().await.unwrap().is_empty());
    park().await;
    let parked = store.parked_callbacks().await.unwrap();
    assert_eq!((parked.len(), parked[0].tries), (1, 1));
    assert_eq!(resend(since(i64::MAX, true)).await, 0, "written before");
    assert_eq!(resend(since(0, false)).await, 1);
    assert!(store.parked_callbacks().await.unwrap().is_empty());
    let due = store
        .take_due_callbacks(5_000, 6_000, 9, &[])
        .await
        .unwrap();
    assert_eq!(
        (due[0].url.as_str(), due[0].tries),
        (callback.url.as_str(), 0)
    );
    let delivered = tried(TryOutcome::Delivered);
    store.callback_tried(callback.id, &delivered).await.unwrap();
    assert_eq!(resend(since(0, false)).await, 0, "delivered");
    assert_eq!(resend(since(0, true)).await, 1);
    let delivered = tried(TryOutcome::Delivered);
    store.callback_tried(callback.id, &delivered).await.unwrap();
    assert_eq!(resend(Resend::Order(callback.order_sn.clone())).await, 1);
    assert_eq!(resend(Resend::Order("none".to_owned())).await, 0);
}

/// Of all outcomes two are money that nothing of ours is about.
pub(crate) async fn a_notify_is_listed_by_its_outcome_alone(store: Arc<dyn Store>) {
    let outcomes = [
        NotifyOutcome::NoSuchOrder,
        NotifyOutcome::Odd,
        NotifyOutcome::Settled,
        NotifyOutcome::Differs,
        NotifyOutcome::Ignored,
        // Worded as one that older programs list.
        NotifyOutcome::TakenBack,
    ];
    for (number, outcome) in (0..).zip(outcomes) {
        let notify = NotifyRow {
            channel: Channel::Wechat,
            account: "a".to_owned(),
            channel_order_no: None,
            body: vec![number],
            headers: String::new(),
            received_ms: number.into(),
        };
        let id = store
            .keep_notify(&notify, &notify.body, 50)
            .await
            .unwrap()
            .unwrap();
        let marked = store.mark_notify(id, outcome, "mismatch: x", None).await;
        marked.unwrap();
    }
    let risks = store.at_risk(0).await.unwrap();
    let since: Vec<_> = risks.iter().map(|risk| risk.since_ms).collect();
    assert_eq!(since, [0, 1], "{risks:?}");
    assert!(risks.iter().all(|risk| risk.kind == RiskKind::Mismatch));
    assert!(risks[0].detail.ends_with("no such order"), "{risks:?}");
    assert_eq!(risks[0].money, None, "of no order of ours");
}

pub(crate) async fn a_stray_notify_is_attached_by_a_person(store: Arc<dyn Store>) {
    let order = begun(&*store, &attempt("k", 1, 0)).await.order_sn;
    let notify = NotifyRow {
        channel: Channel::Wechat,
        account: "a".to_owned(),
        channel_order_no: Some("theirs".to_owned()),
        body: b"{}".to_vec(),
        headers: "h: 1".to_owned(),
        received_ms: 7,
    };
    let id = store
        .keep_notify(&notify, &notify.body, 50)
        .await
        .unwrap()
        .unwrap();
    let attach = async |id, order: &str| {
        let attached = store.attach_notify(id, order, "seen at the console", act());
        attached.await.unwrap()
    };
    assert_eq!(
        attach(id, &order).await,
        Attached::NotStray,
        "not worked on"
    );
    let outcome = NotifyOutcome::NoSuchOrder;
    store.mark_notify(id, outcome, "", None).await.unwrap();
    assert_eq!(store.at_risk(0).await.unwrap().len(), 1);
    assert_eq!(attach(id, "nobody").await, Attached::NoOrder);
    assert_eq!(attach(id + 9, &order).await, Attached::NotStray);
    assert_eq!(attach(id, &order).await, Attached::Done);
    assert_eq!(attach(id, &order).await, Attached::NotStray, "once");
    assert_eq!(store.at_risk(0).await.unwrap(), []);
    let seen = store.notify(id).await.unwrap().unwrap();
    assert_eq!((seen.row.body, seen.row.received_ms), (notify.body, 7));
    assert!(seen.outcome.unwrap().contains(&order));
    assert!(store.notify(id + 9).await.unwrap().is_none());
    let story = store.story(&order).await.unwrap().unwrap();
    let last = story.entries.last().unwrap();
    assert_eq!(last.what, "notify attached");
    assert!(last.detail.contains("console"), "{last:?}");
}
