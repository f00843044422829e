//! What operators did.

use payment::acts::check_acts;
use payment::ports::{KeptAlarm, Store};
use std::sync::Arc;

pub(crate) async fn acts_are_chained_each_in_a_place_of_its_own(store: Arc<dyn Store>) {
    assert_eq!(store.last_act().await, Ok(None));
    let first = store.record_act("li", "domain add shop", 5).await.unwrap();
    assert_eq!((first.seq, first.at_ms), (1, 5));
    let within = async |since_ms, until_ms, before| {
        let acts = store.acts_within(since_ms, until_ms, before, 5).await;
        acts.unwrap().iter().map(|act| act.seq).collect::<Vec<_>>()
    };
    assert_eq!(within(0, i64::MAX, i64::MAX).await, [1]);
    assert!(within(0, i64::MAX, 1).await.is_empty());
    let written: Vec<_> = (0..10)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.record_act("wang", &format!("do {number}"), 6).await })
        })
        .collect();
    for act in written {
        act.await.unwrap().unwrap();
    }
    let acts = store.acts(0, 100).await.unwrap();
    assert_eq!((acts.len(), &acts[0]), (11, &first));
    assert_eq!(store.acts(9, 1).await.unwrap(), acts[9..10]);
    let last = store.last_act().await.unwrap().unwrap();
    assert_eq!(last, acts[10]);
    assert_eq!(check_acts(&acts, &[last.head()]), Ok(()));
    assert_eq!(within(5, 7, i64::MAX).await, [11, 10, 9, 8, 7]);
    assert_eq!(within(5, 7, 7).await, [6, 5, 4, 3, 2]);
    assert_eq!(within(5, 7, 2).await, [1]);
    assert_eq!(within(5, 6, i64::MAX).await, [1], "the end is none of it");
    assert!(within(7, 9, i64::MAX).await.is_empty());
}

/// One message a kind, of whichever instance.
pub(crate) async fn an_alarm_is_taken_by_one_and_ends_when_it_is_seen_no_more(
    store: Arc<dyn Store>,
) {
    for (count, now_ms) in [(2, 10), (3, 20)] {
        store.see_alarm("callback", count, now_ms).await.unwrap();
    }
    assert_eq!(store.take_alarm(9, 100).await, Ok(None));
    let kept = |seen, told, told_of| KeptAlarm {
        kind: "callback".to_owned(),
        since_ms: 10,
        last_ms: 20,
        seen,
        told,
        told_of,
    };
    let (one, other) = tokio::join!(store.take_alarm(30, 100), store.take_alarm(30, 100));
    let both: Vec<_> = [one.unwrap(), other.unwrap()]
        .into_iter()
        .flatten()
        .collect();
    assert_eq!(both, [kept(3, false, 0)], "one has it");
    store.tell_alarm("callback", 3).await.unwrap();
    // As many as before, by an instance that sees fewer.
    store.see_alarm("callback", 0, 20).await.unwrap();
    assert_eq!(store.take_alarm(100, 200).await, Ok(Some(kept(3, true, 3))));
    // One is settled, and another one comes: that is more than is there of those told.
    for count in [2, 3] {
        store.see_alarm("callback", count, 20).await.unwrap();
    }
    assert_eq!(store.take_alarm(200, 300).await, Ok(Some(kept(3, true, 2))));
    store.put_off_alarm("callback", 250).await.unwrap();
    assert_eq!(store.take_alarm(249, 300).await, Ok(None));
    store.end_alarm("callback", 19).await.unwrap();
    let anew = store.take_alarm(250, 300).await.unwrap().unwrap();
    assert_eq!((anew.told, anew.since_ms), (false, 20), "it was seen since");
    store.end_alarm("callback", 20).await.unwrap();
    assert_eq!(store.take_alarm(1_000, 2_000).await, Ok(None));
}
