//! Times that a wrong clock wrote, and callbacks that nobody takes.

use crate::harness::{act, attempt, begun, beside, callback, money};
use payment::channel::Channel;
use payment::ports::{CallbackTry, Horizons, Late, NotifyRow, Resend, Store, TryOutcome, Untaken};
use std::sync::Arc;

/// The clock was two hours ahead when all was written.
const AHEAD_MS: i64 = 7_200_000;

pub(crate) fn horizons() -> Horizons {
    Horizons {
        open_ms: 60_000,
        silent_ms: 3_600_000,
        callbacks_ms: vec![1_000, 60_000],
        refund_ms: 3_600_000,
        alarm_ms: 1_000,
        notify_ms: 3_600_000,
    }
}

pub(crate) async fn what_a_wrong_clock_put_too_far_ahead_is_due(store: Arc<dyn Store>) {
    let open = begun(&*store, &attempt("open", 1, AHEAD_MS)).await.order_sn;
    let paid = begun(&*store, &attempt("paid", 2, AHEAD_MS)).await.order_sn;
    let (mut told, beside) = (callback(), beside("R"));
    told.created_ms = AHEAD_MS;
    store
        .settle_paid(&paid, &money(&told, &beside), act())
        .await
        .unwrap();
    let notify = NotifyRow {
        channel: Channel::Alipay,
        account: "a".to_owned(),
        channel_order_no: None,
        body: b"x".to_vec(),
        headers: String::new(),
        received_ms: AHEAD_MS,
    };
    let id = store
        .keep_notify(&notify, &notify.body, AHEAD_MS)
        .await
        .unwrap();
    assert!(id.is_some());
    store.see_alarm("callback", 1, AHEAD_MS).await.unwrap();
    let late = async |now_ms| {
        let too_far = store.too_far(now_ms, &horizons()).await.unwrap();
        (store.overdue(now_ms).await.unwrap().ours(), too_far)
    };
    assert_eq!(
        late(0).await,
        (0, 4),
        "an order, a callback, a notify, an alarm"
    );
    assert_eq!(late(AHEAD_MS).await, (0, 0), "by the clock that wrote them");
    let past_all = AHEAD_MS + 1_000_000;
    assert_eq!(
        late(past_all).await,
        (2, 0),
        "callbacks wait for their receivers"
    );
    let overdue = store.overdue(past_all).await.unwrap();
    let told = |late: Late| (late.count, late.oldest_ms);
    assert_eq!(told(overdue.refunds), (0, None));
    assert_eq!(told(overdue.callbacks), (1, Some(AHEAD_MS)));
    assert_eq!(told(overdue.notifies), (1, Some(AHEAD_MS)));
    let asked_ms = overdue.queries.oldest_ms.unwrap();
    assert!(overdue.queries.count == 1 && asked_ms >= AHEAD_MS);
    assert!(store.clock_ms().await.unwrap() > 1_700_000_000_000);

    assert_eq!(store.hasten(0, &horizons()).await.unwrap(), 4);
    assert_eq!(store.hasten(0, &horizons()).await.unwrap(), 0);
    assert_eq!(late(0).await, (0, 0));
    let due = store.take_due_attempts(0, 9, 9).await.unwrap();
    assert_eq!((due.len(), due[0].order_sn.as_str()), (1, open.as_str()));
    assert_eq!(
        store.take_due_callbacks(0, 9, 9, &[]).await.unwrap().len(),
        1
    );
    assert_eq!(store.take_due_notifies(0, 9, 9).await.unwrap().len(), 1);
    assert!(store.take_alarm(0, 9).await.unwrap().is_some());
}

pub(crate) async fn an_order_past_its_end_may_wait_longer(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let now_ms = row.expires_ms + 1;
    let waits = Some(now_ms + 3_000_000);
    store.schedule_query(&row, waits).await.unwrap();
    assert_eq!(store.hasten(now_ms, &horizons()).await.unwrap(), 0);
    let waits = Some(now_ms + 3_600_001);
    store.schedule_query(&row, waits).await.unwrap();
    assert_eq!(store.hasten(now_ms, &horizons()).await.unwrap(), 1);
}

pub(crate) async fn callbacks_that_nobody_takes_are_told(store: Arc<dyn Store>) {
    assert_eq!(store.backlog(0).await.unwrap().oldest_callback_ms, None);
    let order_sn = begun(&*store, &attempt("k", 1, 0)).await.order_sn;
    let (mut told, beside) = (callback(), beside("R"));
    told.created_ms = 1_000;
    store
        .settle_paid(&order_sn, &money(&told, &beside), act())
        .await
        .unwrap();
    assert!(store.untaken(1_000).await.unwrap().is_empty());
    let untaken = Untaken {
        domain_code: "shop".to_owned(),
        count: 1,
        oldest_ms: 1_000,
    };
    assert_eq!(store.untaken(1_001).await.unwrap(), [untaken]);
    let oldest_ms = store.backlog(0).await.unwrap().oldest_callback_ms;
    assert_eq!(oldest_ms, Some(1_000));
    let listed = store.untaken_callbacks(9).await.unwrap();
    assert_eq!(listed.len(), 1);

    // One that was not tried has its turn anyhow.
    let resent = store.resend_callbacks(&Resend::Waiting, 2_000).await;
    assert_eq!(resent.unwrap(), 0);
    let tried = |outcome| CallbackTry {
        at_ms: 2_000,
        tries: 0,
        status: Some(500),
        location: None,
        answer: "no".to_owned(),
        duration_ms: 1,
        outcome,
    };
    let again = tried(TryOutcome::Again(99_000));
    store.callback_tried(listed[0].id, &again).await.unwrap();
    let due = store
        .take_due_callbacks(3_000, 9_000, 9, &[])
        .await
        .unwrap();
    assert!(due.is_empty());
    let resent = store.resend_callbacks(&Resend::Waiting, 3_000).await;
    assert_eq!(resent.unwrap(), 1);
    let due = store
        .take_due_callbacks(3_000, 9_000, 9, &[])
        .await
        .unwrap();
    assert_eq!((due.len(), due[0].tries), (1, 0));

    let parked = tried(TryOutcome::Parked);
    store.callback_tried(listed[0].id, &parked).await.unwrap();
    assert!(store.untaken(9_000).await.unwrap().is_empty());
    assert_eq!(store.untaken_callbacks(9).await.unwrap().len(), 1);
    store.answers().await.unwrap();
}
