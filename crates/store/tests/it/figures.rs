//! Figures of a time.

use crate::harness::{act, attempt, begun, beside, callback, money};
use payment::channel::Channel;
use payment::ports::{CallbackTry, Delay, Extent, Outcomes, Payment, Store, TryOutcome};
use std::sync::Arc;

/// A try that was sent then, and answered two ms later.
fn tried(at_ms: i64, outcome: TryOutcome) -> CallbackTry {
    CallbackTry {
        at_ms,
        status: Some(200),
        location: None,
        answer: "success".to_owned(),
        duration_ms: 2,
        outcome,
    }
}

pub(crate) async fn what_became_of_a_time_is_told(store: Arc<dyn Store>) {
    let pay = async |key: &str, number: u32, made_ms: i64, paid_ms: i64| {
        let row = begun(&*store, &attempt(key, number, made_ms)).await;
        let (callback, beside) = (callback(), beside(&format!("R{number}")));
        let payment = Payment {
            trade_no: key,
            paid_ms,
            ..money(&callback, &beside)
        };
        store
            .settle_paid(&row.order_sn, &payment, act())
            .await
            .unwrap();
        row.order_sn
    };
    let told = pay("told", 1, 1_000, 4_000).await;
    // Its channel's clock is behind.
    pay("untold", 2, 2_000, 1_500).await;
    begun(&*store, &attempt("open", 3, 3_000)).await;
    pay("later", 4, 9_000, 9_500).await;
    let callback = store.callbacks(&told).await.unwrap().remove(0);
    for outcome in [
        (5_000, TryOutcome::Again(6_000)),
        (6_000, TryOutcome::Delivered),
        // Sent again by hand.
        (8_000, TryOutcome::Delivered),
    ] {
        let tried = tried(outcome.0, outcome.1);
        store.callback_tried(callback.id, &tried).await.unwrap();
    }

    let extent = |made, paid| Extent { made, paid };
    for (at_most, expected) in [(9, extent(3, 2)), (2, extent(2, 2)), (1, extent(1, 1))] {
        let counted = store.extent(1_000, 9_000, at_most).await.unwrap();
        assert_eq!(counted, expected);
    }
    let outcomes = store.outcomes(1_000, 9_000).await.unwrap();
    let (channel, made, paid) = (Channel::Wechat, 3, 2);
    let expected = Outcomes {
        channel,
        made,
        paid,
    };
    assert_eq!(outcomes, [expected]);
    assert!(store.outcomes(3_001, 9_000).await.unwrap().is_empty());

    let delay = |payment_ms, callback_ms| Delay {
        channel,
        payment_ms,
        callback_ms,
    };
    let delays = store.delays(1_000, 9_000, 9).await.unwrap();
    assert_eq!(delays, [delay(3_000, Some(2_002)), delay(0, None)]);
    let newest = store.delays(1_000, i64::MAX, 1).await.unwrap();
    assert_eq!(newest, [delay(500, None)]);
}
