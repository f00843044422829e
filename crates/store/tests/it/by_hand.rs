//! What a person gives back at the channel (docs/reference/refunds.md, What a person decides).

use crate::harness::{act, callback};
use crate::refunds::{ended, paid, refund};
use payment::money::{Currency, Money};
use payment::ports::{NewCallback, RefundStep, Store, TakenBack};
use payment::refund::{ByHand, Cause, NOTHING_LEFT_FOR_IT, Refund};
use std::sync::Arc;

fn by_hand(way: ByHand) -> RefundStep<'static> {
    RefundStep {
        by_hand: Some(way),
        ..ended(Refund::Done, way.note())
    }
}

/// What a person made at the channel by another number is the refund that waited for him.
pub(crate) async fn a_refund_takes_the_place_of_its_row_at_the_channel(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    let new = refund(&order, "R1", Some("a"), 30);
    assert!(store.begin_refund(&new).await.is_ok());
    let waits = ended(Refund::Parked, "");
    assert!(store.step_refund("R1", &waits).await.is_ok());
    let money = Money::from_minor(30, Currency::Cny).unwrap();
    for (key, cause) in [("ch-1", Cause::AtChannel), ("ch-2", Cause::Chargeback)] {
        let taken = TakenBack {
            order_sn: &order,
            refund_key: key,
            money,
            channel_money: money,
            reckoned_from: None,
            cause,
            reference: "theirs",
            note: "at the channel",
            callback: None,
            act: act(),
        };
        assert!(store.take_back(&taken).await.unwrap().is_some());
    }
    let told = |sum: i64| NewCallback {
        url: format!("http://shop.cn/cb?none&refundedMoney={sum}"),
        ..callback()
    };
    let by_hand = by_hand(ByHand::ByAnother);
    let of = async |other: &str| {
        let ended = store.step_refund_of("R1", other, &by_hand, Some(&told));
        ended.await.map(|row| row.state)
    };
    assert!(of("ch-2").await.is_err(), "a dispute is no refund of ours");
    assert_eq!(of("ch-1").await, Ok(Refund::Done));
    assert!(of("ch-1").await.is_err(), "once");
    let rows = store.refunds(&order).await.unwrap();
    let states = |number: &str| {
        rows.iter()
            .find(|one| one.refund_no == number)
            .unwrap()
            .state
    };
    assert_eq!(states("ch-1"), Refund::Withdrawn);
    assert_eq!(states("ch-2"), Refund::Done);
    let callbacks = store.callbacks(&order).await.unwrap();
    assert!(
        callbacks
            .iter()
            .any(|one| one.url.ends_with("none&refundedMoney=30"))
    );
    assert_eq!(
        crate::harness::contradictions(&*store).await,
        Vec::<String>::new()
    );
}

/// Its channel tells of it after his word: one number of theirs is one refund of ours.
pub(crate) async fn a_refund_by_hand_is_named_once(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    let new = refund(&order, "R1", Some("a"), 30);
    assert!(store.begin_refund(&new).await.is_ok());
    let ours = ["R1".to_owned()];
    let name = async |theirs: &str| store.name_by_hand(&ours, theirs, act()).await;
    assert_eq!(name("X0").await, Ok(false), "nobody gave it back");
    // While it fits, nobody may say that it does not.
    assert!(
        store
            .step_refund("R1", &ended(Refund::Parked, ""))
            .await
            .is_ok()
    );
    let gone = ended(Refund::Failed, NOTHING_LEFT_FOR_IT);
    assert!(store.step_refund("R1", &gone).await.is_err());
    let by_hand = by_hand(ByHand::AtChannel);
    assert!(store.step_refund("R1", &by_hand).await.is_ok());
    assert_eq!(name("X1").await, Ok(true));
    assert_eq!(name("X2").await, Ok(false));
    let row = store.refund("R1").await.unwrap().unwrap();
    assert_eq!(row.reference.as_deref(), Some("X1"));
    let named = (Refund::Done, Some(ByHand::ByAnother));
    assert_eq!((row.state, row.by_hand), named);
    let story = store.story(&order).await.unwrap().unwrap();
    let last = story.entries.last().unwrap();
    assert_eq!(last.detail, "R1 is the channel's X1");
    assert_eq!(
        crate::harness::contradictions(&*store).await,
        Vec::<String>::new()
    );
}

/// What a person said of an ended refund stays, whatever comes late; the channel's number of
/// one that is back there is kept, and that it is ours.
pub(crate) async fn a_late_word_changes_nothing_of_what_a_person_said(store: Arc<dyn Store>) {
    let order = paid(&*store).await.order_sn;
    for (number, way) in [
        ("R1", ByHand::AnotherWay),
        ("R2", ByHand::AtChannel),
        ("R3", ByHand::ByAnother),
    ] {
        let new = refund(&order, number, Some(number), 10);
        assert!(store.begin_refund(&new).await.is_ok());
        let waits = ended(Refund::Parked, "");
        assert!(store.step_refund(number, &waits).await.is_ok());
        let theirs = (way == ByHand::ByAnother).then_some("X");
        let step = RefundStep {
            reference: theirs,
            ..by_hand(way)
        };
        let before = store.step_refund(number, &step).await.unwrap();
        for late in [Refund::Sent, Refund::Failed, Refund::Parked] {
            let late = RefundStep {
                reference: Some("late"),
                ..ended(late, "late")
            };
            let after = store.step_refund(number, &late).await.unwrap();
            assert_eq!(after, before, "{number}");
        }
        let done = RefundStep {
            reference: Some("r"),
            ..ended(Refund::Done, "done")
        };
        let after = store.step_refund(number, &done).await.unwrap();
        let (told, is_beside) = match way {
            ByHand::AtChannel => ((Some(ByHand::ByOurs), Some("r")), false),
            _ => ((Some(way), theirs), true),
        };
        assert_eq!((after.by_hand, after.reference.as_deref()), told);
        assert_eq!(after.is_beside(Some("r")), is_beside);
        assert_eq!(after.note, before.note);
    }
    assert_eq!(
        crate::harness::contradictions(&*store).await,
        Vec::<String>::new()
    );
}
