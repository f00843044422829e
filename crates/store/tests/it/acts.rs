//! What operators did.

use payment::acts::check_acts;
use payment::ports::Store;
use std::sync::Arc;

pub(crate) async fn acts_are_chained_each_in_a_place_of_its_own(store: Arc<dyn Store>) {
    assert_eq!(store.last_act().await, Ok(None));
    let first = store.record_act("li", "domain add shop", 5).await.unwrap();
    assert_eq!((first.seq, first.at_ms), (1, 5));
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
