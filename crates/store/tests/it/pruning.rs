//! Payloads that are taken away, and what stays.

use crate::harness::{act, attempt, begun, beside, callback, code, delivered, money};
use crate::refunds::refund;
use payment::channel::Channel;
use payment::order::Event;
use payment::ports::{
    CallbackState, Honoured, NotifyOutcome, NotifyRow, RefundStep, Resend, Store, TryOutcome,
};
use payment::refund::Refund;
use payment::story::{Act, Source, check};
use std::sync::Arc;

const BEFORE_MS: i64 = 1_000_000;
const NOW_MS: i64 = 9_000_000;

async fn prune(store: &dyn Store) -> (u64, u64) {
    let orders = store.prune_orders("", 9, BEFORE_MS, NOW_MS).await.unwrap();
    if let Some(last) = &orders.last {
        let more = store
            .prune_orders(last, 9, BEFORE_MS, NOW_MS)
            .await
            .unwrap();
        assert_eq!((more.count, more.last), (0, None));
    }
    let notifies = store.prune_notifies(0, 9, BEFORE_MS).await.unwrap();
    (orders.count, notifies.count)
}

async fn paid(store: &dyn Store, key: &str, number: u32) -> String {
    let row = begun(store, &attempt(key, number, 0)).await;
    let (callback, beside) = (callback(), beside(&format!("R{number}")));
    store
        .accept_attempt(&row.order_sn, &code("weixin://x"), act())
        .await
        .unwrap();
    store
        .settle_paid(&row.order_sn, &money(&callback, &beside), act())
        .await
        .unwrap();
    store.schedule_query(&row, None).await.unwrap();
    row.order_sn
}

/// What was overtaken, or looked after by a person, keeps nothing from being taken away.
pub(crate) async fn what_is_looked_after_is_done(store: Arc<dyn Store>) {
    let order_sn = paid(&*store, "k", 1).await;
    for callback in store.take_due_callbacks(i64::MAX, 9, 9, &[]).await.unwrap() {
        store
            .callback_tried(callback.id, &delivered())
            .await
            .unwrap();
    }
    let refund = refund(&order_sn, "R-1", Some("a"), 10);
    store.begin_refund(&refund).await.unwrap();
    let failed = RefundStep {
        next: Refund::Failed,
        reference: None,
        note: "refused",
        by_hand: None,
        next_ms: None,
        callback: None,
        act: act(),
    };
    store.step_refund("R-1", &failed).await.unwrap();
    assert_eq!(prune(&*store).await, (0, 0), "a person is to see it");
    assert_eq!(
        store.look_after(&order_sn, "R-1", "an: seen", act()).await,
        Ok(true)
    );
    assert_eq!(prune(&*store).await, (1, 0));
}

pub(crate) async fn an_overtaken_callback_keeps_nothing(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    store
        .apply(&row.order_sn, Event::Closed, act())
        .await
        .unwrap();
    let told = (row.order_sn.clone(), callback());
    store
        .close_request("shop", "k", Some(&told), act())
        .await
        .unwrap();
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    let honoured = store.honour(&row.order_sn, &callback(), act()).await;
    assert_eq!(honoured, Ok(Honoured::Done));
    for callback in store.take_due_callbacks(i64::MAX, 9, 9, &[]).await.unwrap() {
        store
            .callback_tried(callback.id, &delivered())
            .await
            .unwrap();
    }
    let told = store.callbacks(&row.order_sn).await.unwrap();
    let states: Vec<_> = told.iter().map(|callback| callback.state).collect();
    assert_eq!(states, [CallbackState::Overtaken, CallbackState::Delivered]);
    assert_eq!(prune(&*store).await, (1, 0));
}

pub(crate) async fn payloads_go_and_what_is_known_stays(store: Arc<dyn Store>) {
    let order_sn = paid(&*store, "k", 1).await;
    let waits = paid(&*store, "waits", 2).await;
    begun(&*store, &attempt("open", 3, 0)).await;
    let due = store.take_due_callbacks(i64::MAX, 9, 9, &[]).await.unwrap();
    let delivered = delivered();
    let taken = due.iter().find(|one| one.order_sn == order_sn).unwrap();
    store.callback_tried(taken.id, &delivered).await.unwrap();
    let before = store.story(&order_sn).await.unwrap().unwrap();
    let notify = |body: &[u8]| NotifyRow {
        channel: Channel::Wechat,
        account: "a".to_owned(),
        channel_order_no: None,
        body: body.to_vec(),
        headers: "a: b\n".to_owned(),
        received_ms: 5,
    };
    let (known, stray, told) = (notify(b"known"), notify(b"stray"), notify(b"told"));
    let id = store
        .keep_notify(&known, &known.body, 5)
        .await
        .unwrap()
        .unwrap();
    store
        .mark_notify(id, NotifyOutcome::Settled, "", None)
        .await
        .unwrap();
    let other = store
        .keep_notify(&stray, &stray.body, 5)
        .await
        .unwrap()
        .unwrap();
    store
        .mark_notify(other, NotifyOutcome::Odd, "odd", None)
        .await
        .unwrap();

    // What an order that stays is disputed by stays with it, and goes with one that goes.
    let mut disputed = Vec::new();
    for number in [&order_sn, &waits] {
        let row = store.attempt(number).await.unwrap().unwrap();
        let mut says = notify(number.as_bytes());
        says.channel_order_no = Some(row.channel_order_no);
        let id = store.keep_notify(&says, &says.body, 5).await.unwrap();
        disputed.push(id.unwrap());
        store
            .mark_notify(id.unwrap(), NotifyOutcome::Differs, "amount", None)
            .await
            .unwrap();
    }

    // The story of an order that stays speaks of a notify that goes.
    let of = store
        .keep_notify(&told, b"what is signed", 5)
        .await
        .unwrap()
        .unwrap();
    let by_notify = Act {
        at_ms: 7,
        by: Source::Notify(of),
    };
    store
        .note_mismatch(&waits, "amount", by_notify)
        .await
        .unwrap();
    store
        .mark_notify(of, NotifyOutcome::Settled, "", None)
        .await
        .unwrap();
    let parked = paid(&*store, "parked", 4).await;
    let due = store.callbacks(&parked).await.unwrap();
    let mut nobody = delivered.clone();
    nobody.outcome = TryOutcome::Parked;
    store.callback_tried(due[0].id, &nobody).await.unwrap();

    assert_eq!(prune(&*store).await, (1, 3));
    let body = async |id: i64| store.notify_body(id).await.unwrap().unwrap();
    assert!(body(disputed[0]).await.is_empty());
    assert_eq!(body(disputed[1]).await, waits.as_bytes());
    assert_eq!(prune(&*store).await, (0, 0), "once");
    let story = store.story(&order_sn).await.unwrap().unwrap();
    check(&order_sn, &story.entries, story.length, &story.head).unwrap();
    let [entry] = story.entries.as_slice() else {
        panic!("{story:?}");
    };
    assert_eq!((entry.what.as_str(), entry.at_ms), ("pruned", NOW_MS));
    let named = format!("{} entries, the last hash {}", before.length, before.head);
    assert_eq!(entry.detail, named);
    let row = store.attempt(&order_sn).await.unwrap().unwrap();
    assert!(row.obj.is_none() && row.status.has_money());
    assert!(store.callback_tries(taken.id).await.unwrap().is_empty());
    let resent = store
        .resend_callbacks(&Resend::Order(order_sn.clone()), 9)
        .await;
    assert_eq!(resent.unwrap(), 0);
    assert_eq!(store.notify_body(id).await.unwrap(), Some(Vec::new()));
    assert_eq!(
        store.notify_body(other).await.unwrap(),
        Some(stray.body.clone())
    );
    // The same again is known.
    for again in [known, stray] {
        assert_eq!(
            store.keep_notify(&again, &again.body, 5).await.unwrap(),
            None
        );
    }
    let number = [order_sn.clone()];
    assert_eq!(
        crate::harness::contradictions(&*store).await,
        Vec::<String>::new()
    );
    assert!(
        store
            .contradictions(Some(&number))
            .await
            .unwrap()
            .is_empty()
    );
    let stays = store.story(&waits).await.unwrap().unwrap();
    let told = stays.entries.iter().zip(&stays.bodies);
    let mut told = told.filter(|(entry, _)| entry.notify_id == Some(of));
    let (entry, body) = told.next().unwrap();
    assert!(entry.detail.ends_with(body.as_ref().unwrap()), "{entry:?}");
    let resent = store.resend_callbacks(&Resend::Order(parked), 9).await;
    assert_eq!(resent.unwrap(), 1, "a parked callback can still be sent");
    // The story goes on.
    store
        .note_mismatch(&order_sn, "amount", act())
        .await
        .unwrap();
    let story = store.story(&order_sn).await.unwrap().unwrap();
    check(&order_sn, &story.entries, story.length, &story.head).unwrap();
    assert_eq!(story.length, 2);
    assert!(store.story(&waits).await.unwrap().unwrap().length > 1);
}
