//! What operators did.

use payment::acts::check_acts;
use payment::ports::{KeptAlarm, Store};
use std::sync::Arc;

pub(crate) async fn acts_are_chained_each_in_a_place_of_its_own(store: Arc<dyn Store>) {
    assert_eq!(store.last_act().await, Ok(None));
    let first = store.record_act("li", "domain add shop", 5).await.unwrap();
    assert_eq!((first.seq, first.at_ms), (1, 5));
    assert_eq!(
        store.acts_before(2, 5).await.unwrap(),
        std::slice::from_ref(&first)
    );
    assert!(store.acts_before(1, 5).await.unwrap().is_empty());
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
}

/// One message a kind, of whichever instance.
pub(crate) async fn an_alarm_is_taken_by_one_and_ends_when_it_is_seen_no_more(
    store: Arc<dyn Store>,
) {
    for now_ms in [10, 20] {
        store.see_alarm("callback", now_ms).await.unwrap();
    }
    assert!(store.take_alarms(9, 100).await.unwrap().is_empty());
    let kept = |told| KeptAlarm {
        kind: "callback".to_owned(),
        since_ms: 10,
        last_ms: 20,
        told,
    };
    let (one, other) = tokio::join!(store.take_alarms(30, 100), store.take_alarms(30, 100));
    let both = [one.unwrap(), other.unwrap()].concat();
    assert_eq!(both, [kept(false)], "one has it");
    store.tell_alarm("callback").await.unwrap();
    assert_eq!(store.take_alarms(100, 200).await.unwrap(), [kept(true)]);
    assert!(
        !store.end_alarm("callback", 19).await.unwrap(),
        "seen since"
    );
    assert!(store.end_alarm("callback", 20).await.unwrap());
    assert!(store.take_alarms(1_000, 2_000).await.unwrap().is_empty());
}
