//! What a person gives back by another way, or at the channel (docs/reference/refunds.md, What
//! a person decides).

use crate::scene::{Gate, Scene, paid};
use crate::taken_back::{
    back, by_hand, fen, hears, paid_order, refund, refunds, told, with_all_on_its_way,
};
use payment::domain::Domain;
use payment::ports::{
    AttemptRow, BackSum, ChannelError, Doubt, GivenBack, MoneyBack, Notify, OrderState,
    RefundReport, RefundState, RefundStep,
};
use payment::refund::{Cause, Refund, Way};
use payment::story::{Act, Source};
use std::sync::Arc;

/// A refund that its channel refuses; the next one it takes.
async fn refund_that_fails(scene: &Scene, fen: &str) {
    scene.channel.told.lock().unwrap().refund = Some(Err(ChannelError::Refused {
        code: "NOT_ENOUGH".to_owned(),
        message: "no balance".to_owned(),
    }));
    refund(scene, "a", fen).await.unwrap();
    scene.refunds_after_s(1).await;
    scene.channel.told.lock().unwrap().refund = None;
}

#[tokio::test]
async fn a_refund_that_failed_and_was_made_anew_is_not_ended_by_hand() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    refund_that_fails(&scene, "100").await;
    refund(&scene, "b", "100").await.unwrap();
    scene.refunds_after_s(1).await;
    let rows = scene.store.refunds(&order.order_sn).await.unwrap();
    let states: Vec<_> = rows.iter().map(|row| row.state).collect();
    assert_eq!(states, [Refund::Failed, Refund::Done], "{rows:?}");
    // Both would be twice the money.
    let failed = &rows[0].refund_no;
    let by_hand = scene
        .checkout
        .refund_by_hand(&order.order_sn, failed, Way::Another, false)
        .await;
    assert_eq!(by_hand, Err(checkout::Failure::TooMuch(0)));
    // It is at risk until somebody says so.
    let at_risk = async || scene.store.at_risk(scene.now_ms()).await.unwrap().len();
    assert_eq!(at_risk().await, 1);
    let waiting = scene.store.to_look_after(&order.order_sn).await.unwrap();
    assert_eq!(waiting, std::slice::from_ref(failed));
    let act = Act {
        at_ms: scene.now_ms(),
        by: Source::Operator,
    };
    let store = &scene.store;
    let looked = store
        .look_after(&order.order_sn, failed, "made anew", act)
        .await;
    assert!(looked.unwrap());
    assert_eq!(at_risk().await, 0);
}

/// Enough is left for both: he has to say that it went back beside.
#[tokio::test]
async fn a_part_that_failed_and_was_made_anew_is_ended_by_hand_only_where_it_is_meant() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    refund_that_fails(&scene, "30").await;
    for (key, fen) in [("b", "20"), ("c", "30")] {
        let rows = scene.store.refunds(&order.order_sn).await.unwrap();
        assert!(rows.iter().all(|one| !one.stands_for(&rows[0])));
        refund(&scene, key, fen).await.unwrap();
        scene.refunds_after_s(1).await;
    }
    let rows = scene.store.refunds(&order.order_sn).await.unwrap();
    let failed = &rows[0].refund_no;
    let by_hand = async |again| {
        let ended = scene
            .checkout
            .refund_by_hand(&order.order_sn, failed, Way::Another, again)
            .await;
        ended.map(|row| row.state)
    };
    assert_eq!(by_hand(false).await, Err(checkout::Failure::MadeAnew));
    assert_eq!(by_hand(true).await, Ok(Refund::Done));
}

/// One of 30 that waits for a person at its channel.
async fn one_that_waits(scene: &Scene) -> (AttemptRow, String) {
    let order = paid_order(scene).await;
    scene.channel.told.lock().unwrap().refund = Some(Err(ChannelError::NotOffered));
    refund(scene, "a", "30").await.unwrap();
    scene.refunds_after_s(0).await;
    let rows = scene.store.refunds(&order.order_sn).await.unwrap();
    assert_eq!(rows[0].state, Refund::Parked);
    (order, rows[0].refund_no.clone())
}

/// The person gave it back there by another number: that is this refund, once.
#[tokio::test]
async fn a_refund_that_waits_and_is_made_by_hand_goes_back_once() {
    let scene = Scene::new().await;
    let told = |domain: &mut Domain| {
        (
            domain.settings.refund_callbacks,
            domain.settings.refund_details,
        ) = (true, true);
    };
    scene.with_domain(told).await;
    let (order, number) = one_that_waits(&scene).await;
    let waiting = async || {
        let waits = scene.checkout.to_look_after(&order.order_sn);
        waits.await.unwrap()
    };
    assert!(waiting().await.is_empty(), "it may still be made");
    hears(&scene, by_hand("X1", BackSum::Of(fen(30)))).await;
    // It would still fit beside: nobody is told that it failed.
    assert_eq!(waiting().await, ["ch-X1"]);
    let looked = scene
        .checkout
        .looked_after(&order.order_sn, &number, "given back there");
    assert_eq!(looked.await, Ok(false));
    let ended = scene
        .checkout
        .refund_by_hand(&order.order_sn, &number, Way::Channel, false)
        .await;
    assert_eq!(ended.map(|row| row.state), Ok(Refund::Done));
    let both = [
        (Cause::Business, Refund::Done, 30),
        (Cause::AtChannel, Refund::Withdrawn, 30),
    ];
    assert_eq!(refunds(&scene, &order).await, both);
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    assert!(risks.is_empty(), "{risks:?}");
    // Told again, and seen in the order's own list.
    hears(&scene, by_hand("X1", BackSum::Of(fen(30)))).await;
    assert_eq!(refunds(&scene, &order).await, both);
    assert!(refund(&scene, "b", "71").await.is_err());
    assert!(refund(&scene, "b", "70").await.is_ok());
    let told = told_of(&scene, &order.order_sn).await;
    let shown = |key: &str, status: &str| (key.to_owned(), status.to_owned());
    assert_eq!(
        told,
        [
            shown("ch-X1", "SUCCESSREFUND"),
            shown("ch-X1", "FAILUREREFUND"),
            shown("a", "SUCCESSREFUND"),
        ]
    );
}

/// He says so before the channel does: what comes then is that refund, and no other.
#[tokio::test]
async fn what_a_person_gave_back_at_the_channel_may_be_told_after_his_word() {
    let scene = Scene::new().await;
    let (order, number) = one_that_waits(&scene).await;
    let ended = scene
        .checkout
        .refund_by_hand(&order.order_sn, &number, Way::Channel, false)
        .await;
    assert_eq!(ended.map(|row| row.state), Ok(Refund::Done));
    let one = (Cause::Business, Refund::Done, 30);
    let beside = (Cause::AtChannel, Refund::Done, 30);
    for _ in 0..2 {
        hears(&scene, by_hand("X1", BackSum::Of(fen(30)))).await;
        assert_eq!(refunds(&scene, &order).await, [one]);
    }
    let waits = scene.checkout.to_look_after(&order.order_sn).await.unwrap();
    assert!(waits.is_empty(), "{waits:?}");
    // Its channel makes it after all.
    let after_all = Notify::Refund {
        refund_no: number.clone(),
        report: RefundReport {
            state: RefundState::Done,
            reference: Some("r1".to_owned()),
        },
        back: back("r1", BackSum::Of(fen(30))),
    };
    for _ in 0..2 {
        hears(&scene, after_all.clone()).await;
        assert_eq!(refunds(&scene, &order).await, [one, beside]);
    }
    // Another of the same sum is another.
    hears(&scene, by_hand("X2", BackSum::Of(fen(30)))).await;
    assert_eq!(refunds(&scene, &order).await, [one, beside, beside]);
    let waits = scene.checkout.to_look_after(&order.order_sn).await.unwrap();
    assert_eq!(waits, ["ch-r1", "ch-X2"]);
}

/// The same where the channel's word came first.
#[tokio::test]
async fn a_refund_that_its_channel_makes_after_all_went_back_twice() {
    let scene = Scene::new().await;
    let (order, number) = one_that_waits(&scene).await;
    hears(&scene, by_hand("X1", BackSum::Of(fen(30)))).await;
    let ended = scene
        .checkout
        .refund_by_hand(&order.order_sn, &number, Way::Channel, false)
        .await;
    assert_eq!(ended.map(|row| row.state), Ok(Refund::Done));
    // Its order's own list names it by our number.
    let mut listed = back("r1", BackSum::Of(fen(30)));
    listed.channel_order_no = Some(number.clone());
    lists(
        &scene,
        &order,
        vec![back("X1", BackSum::Of(fen(30))), listed],
    )
    .await;
    let all = [
        (Cause::Business, Refund::Done, 30),
        (Cause::AtChannel, Refund::Withdrawn, 30),
        (Cause::AtChannel, Refund::Done, 30),
    ];
    assert_eq!(refunds(&scene, &order).await, all);
}

/// Its channel tells all that went back there: what a person paid by another way is not in it.
#[tokio::test]
async fn what_a_person_paid_by_another_way_hides_nothing_at_the_channel() {
    let scene = Scene::new().await;
    let (order, number) = one_that_waits(&scene).await;
    let ended = scene
        .checkout
        .refund_by_hand(&order.order_sn, &number, Way::Another, false)
        .await;
    assert_eq!(ended.map(|row| row.state), Ok(Refund::Done));
    let one = (Cause::Business, Refund::Done, 30);
    let beside = |fen| (Cause::AtChannel, Refund::Done, fen);
    hears(&scene, by_hand("M1", BackSum::InAll(fen(8)))).await;
    assert_eq!(refunds(&scene, &order).await, [one, beside(8)]);
    assert!(refund(&scene, "b", "63").await.is_err());
    // More than his sum is not his sum and more.
    hears(&scene, by_hand("M2", BackSum::InAll(fen(43)))).await;
    let all = [one, beside(8), beside(35)];
    assert_eq!(refunds(&scene, &order).await, all);
    assert!(refund(&scene, "b", "28").await.is_err());
    assert!(refund(&scene, "b", "27").await.is_ok());
}

/// He made it there: all that went back is his, until it is more.
#[tokio::test]
async fn all_that_went_back_may_be_what_a_person_gave_back() {
    let scene = Scene::new().await;
    let (order, number) = one_that_waits(&scene).await;
    let ended = scene
        .checkout
        .refund_by_hand(&order.order_sn, &number, Way::Channel, false)
        .await;
    assert_eq!(ended.map(|row| row.state), Ok(Refund::Done));
    let one = (Cause::Business, Refund::Done, 30);
    for _ in 0..2 {
        hears(&scene, by_hand("M1", BackSum::InAll(fen(30)))).await;
        assert_eq!(refunds(&scene, &order).await, [one]);
    }
    // Its channel makes ours after all.
    let mut after_all = by_hand(&number, BackSum::InAll(fen(60)));
    if let Notify::Refund { report, .. } = &mut after_all {
        report.reference = None;
    }
    for _ in 0..2 {
        hears(&scene, after_all.clone()).await;
        let both = [one, (Cause::AtChannel, Refund::Done, 30)];
        assert_eq!(refunds(&scene, &order).await, both);
    }
}

/// The word of it was lost; that of ours says how much went back in all.
#[tokio::test]
async fn a_word_of_our_refund_tells_what_else_went_back() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    refund(&scene, "a", "30").await.unwrap();
    scene.refunds_after_s(1).await;
    let number = scene.store.refunds(&order.order_sn).await.unwrap()[0]
        .refund_no
        .clone();
    let one = (Cause::Business, Refund::Done, 30);
    hears(&scene, by_hand(&number, BackSum::InAll(fen(30)))).await;
    assert_eq!(refunds(&scene, &order).await, [one]);
    for _ in 0..2 {
        hears(&scene, by_hand(&number, BackSum::InAll(fen(38)))).await;
        let both = [one, (Cause::AtChannel, Refund::Done, 8)];
        assert_eq!(refunds(&scene, &order).await, both);
    }
}

/// The order's own list shows what went back of it.
async fn lists(scene: &Scene, order: &AttemptRow, parts: Vec<MoneyBack>) {
    let OrderState::Paid(mut report) = paid(order, 100) else {
        panic!("not paid")
    };
    report.given_back = GivenBack::Parts(parts);
    scene.answers(Ok(OrderState::Paid(report)));
    scene.checkout.requery(order).await.unwrap();
}

/// Which refunds a business system is told of, and how.
async fn told_of(scene: &Scene, order_sn: &str) -> Vec<(String, String)> {
    let told = told(scene, order_sn).await;
    let refunds = told.iter().filter_map(|values| {
        let key = values.get("refundKey")?.to_owned();
        Some((key, values.get("payStatus")?.to_owned()))
    });
    refunds.collect()
}

/// A dispute took all: nothing is left that the refund could have been.
#[tokio::test]
async fn a_refund_that_waits_while_a_dispute_takes_all_is_made_no_more() {
    let scene = Scene::new().await;
    let (order, number) = one_that_waits(&scene).await;
    hears(&scene, by_hand("X1", BackSum::Of(fen(100)))).await;
    for again in [false, true] {
        let ended = scene
            .checkout
            .refund_by_hand(&order.order_sn, &number, Way::Channel, again)
            .await;
        assert_eq!(ended, Err(checkout::Failure::TooMuch(0)));
    }
    let look = async || {
        let looked = scene
            .checkout
            .looked_after(&order.order_sn, &number, "a dispute took it");
        looked.await
    };
    let state = async || scene.store.refund(&number).await.unwrap().unwrap().state;
    assert_eq!((look().await, state().await), (Ok(true), Refund::Failed));
    // A late word of its channel lets it wait again: it can be ended again.
    let step = RefundStep {
        next: Refund::Parked,
        reference: None,
        note: "waits",
        by_hand: None,
        next_ms: None,
        callback: None,
        act: Act {
            at_ms: scene.now_ms(),
            by: Source::Channel,
        },
    };
    scene.store.step_refund(&number, &step).await.unwrap();
    assert_eq!((look().await, state().await), (Ok(true), Refund::Failed));
}

/// One that left, and of which its channel says nothing.
#[tokio::test]
async fn a_silent_refund_for_which_nothing_is_left_is_ended_too() {
    let scene = Scene::new().await;
    let order = with_all_on_its_way(&scene).await;
    hears(&scene, by_hand("X1", BackSum::Of(fen(99)))).await;
    let number = scene.store.refunds(&order.order_sn).await.unwrap()[0]
        .refund_no
        .clone();
    let waits = async || scene.checkout.to_look_after(&order.order_sn).await.unwrap();
    assert!(!waits().await.contains(&number), "its channel has time");
    scene.refunds_after_s(9 * 86_400).await;
    assert!(waits().await.contains(&number));
    let looked = scene
        .checkout
        .looked_after(&order.order_sn, &number, "gone");
    assert_eq!(looked.await, Ok(true));
    let row = scene.store.refund(&number).await.unwrap().unwrap();
    assert_eq!(row.state, Refund::Failed);
}

/// The order's own list names it by our number.
#[tokio::test]
async fn a_refund_that_ended_by_hand_is_known_by_our_number() {
    let scene = Scene::new().await;
    let (order, number) = one_that_waits(&scene).await;
    let ended = scene
        .checkout
        .refund_by_hand(&order.order_sn, &number, Way::Channel, false)
        .await;
    assert_eq!(ended.map(|row| row.state), Ok(Refund::Done));
    let mut listed = back("X1", BackSum::Of(fen(30)));
    listed.channel_order_no = Some(number);
    lists(&scene, &order, vec![listed]).await;
    let one = [(Cause::Business, Refund::Done, 30)];
    assert_eq!(refunds(&scene, &order).await, one);
}

/// By another way he said, and the channel makes it all the same: it went back twice,
/// whichever word brings that.
#[tokio::test]
async fn what_was_paid_by_another_way_and_goes_back_too_counts_beside() {
    let one = (Cause::Business, Refund::Done, 30);
    let beside = (Cause::AtChannel, Refund::Done, 30);
    for sum in [BackSum::Of(fen(30)), BackSum::InAll(fen(30))] {
        for by_us in [false, true] {
            let scene = Scene::new().await;
            let (order, number) = one_that_waits(&scene).await;
            let ended = ends(&scene, &order, &number, Way::Another).await;
            assert_eq!(ended, Ok(Refund::Done));
            let told = match by_us {
                true => Notify::Refund {
                    refund_no: number.clone(),
                    report: RefundReport::from(RefundState::Done),
                    back: back(&number, sum),
                },
                // Six weeks later, by a colleague.
                false => by_hand("X9", sum),
            };
            for _ in 0..2 {
                hears(&scene, told.clone()).await;
                assert_eq!(refunds(&scene, &order).await, [one, beside]);
            }
            assert!(refund(&scene, "b", "41").await.is_err());
            let waits = scene.checkout.to_look_after(&order.order_sn).await.unwrap();
            assert_eq!(waits.len(), 1);
        }
    }
}

/// He says so while its channel is asked, which answers that it is done, or nothing.
#[tokio::test]
async fn an_answer_that_comes_after_his_word_counts_beside_too() {
    let done = || Ok(RefundState::Done);
    let lost = || Err(ChannelError::unknown(Doubt::TimeOut, "no answer"));
    for (way, answer, rows) in [
        (Way::Another, done(), 2),
        (Way::Channel, done(), 1),
        (Way::Another, lost(), 1),
    ] {
        let scene = Scene::new().await;
        let (order, number) = one_that_is_silent(&scene).await;
        let gate = Arc::new(Gate::default());
        {
            let mut told = scene.channel.told.lock().unwrap();
            told.query_refund = Some(answer);
            told.reference = Some("r1".to_owned());
            told.gate = Some(Arc::clone(&gate));
        }
        let by_hand = async {
            gate.entered.notified().await;
            assert_eq!(ends(&scene, &order, &number, way).await, Ok(Refund::Done));
            gate.go_on.notify_one();
        };
        tokio::join!(scene.refunds_after_s(601), by_hand);
        assert_eq!(refunds(&scene, &order).await.len(), rows, "{way:?}");
        let kept = scene.store.refund(&number).await.unwrap().unwrap();
        assert!(kept.note.starts_with("given back by hand"), "{}", kept.note);
    }
}

/// Two that failed, which he made there as one.
#[tokio::test]
async fn one_refund_at_the_channel_may_be_two_of_ours() {
    for sum in [BackSum::Of(fen(50)), BackSum::InAll(fen(50))] {
        let scene = Scene::new().await;
        let order = paid_order(&scene).await;
        let refused = ChannelError::Refused {
            code: "X".to_owned(),
            message: "no".to_owned(),
        };
        scene.channel.told.lock().unwrap().refund = Some(Err(refused));
        for (key, money) in [("a", "30"), ("b", "20")] {
            refund(&scene, key, money).await.unwrap();
            scene.refunds_after_s(61).await;
        }
        for row in scene.store.refunds(&order.order_sn).await.unwrap() {
            assert_eq!(row.state, Refund::Failed);
            let ended = ends(&scene, &order, &row.refund_no, Way::Channel).await;
            assert_eq!(ended, Ok(Refund::Done));
        }
        let both = [
            (Cause::Business, Refund::Done, 30),
            (Cause::Business, Refund::Done, 20),
        ];
        for _ in 0..2 {
            hears(&scene, by_hand("X1", sum)).await;
            assert_eq!(refunds(&scene, &order).await, both);
        }
        let waits = scene.checkout.to_look_after(&order.order_sn).await.unwrap();
        assert!(waits.is_empty(), "{waits:?}");
        assert!(refund(&scene, "c", "51").await.is_err());
        assert!(refund(&scene, "c", "50").await.is_ok());
    }
}

/// What had left and was seen done there is in the channel's sum.
#[tokio::test]
async fn one_that_had_left_and_was_seen_done_is_in_its_channels_sum() {
    let scene = Scene::new().await;
    let (order, number) = one_that_is_silent(&scene).await;
    scene.refunds_after_s(601).await;
    let ended = ends(&scene, &order, &number, Way::Channel).await;
    assert_eq!(ended, Ok(Refund::Done));
    let one = (Cause::Business, Refund::Done, 30);
    hears(&scene, by_hand("M1", BackSum::InAll(fen(38)))).await;
    let both = [one, (Cause::AtChannel, Refund::Done, 8)];
    assert_eq!(refunds(&scene, &order).await, both);
    // Another one of the same sum is another.
    hears(&scene, by_hand("M2", BackSum::Of(fen(30)))).await;
    assert_eq!(refunds(&scene, &order).await.len(), 3);
}

async fn ends(
    scene: &Scene,
    order: &AttemptRow,
    number: &str,
    way: Way,
) -> Result<Refund, checkout::Failure> {
    let ended = scene
        .checkout
        .refund_by_hand(&order.order_sn, number, way, false);
    ended.await.map(|row| row.state)
}

/// A refund that left, and of which its channel says nothing.
async fn one_that_is_silent(scene: &Scene) -> (AttemptRow, String) {
    let order = paid_order(scene).await;
    let lost = ChannelError::unknown(Doubt::TimeOut, "no answer");
    {
        let mut told = scene.channel.told.lock().unwrap();
        (told.refund, told.query_refund) = (Some(Err(lost.clone())), Some(Err(lost)));
    }
    refund(scene, "a", "30").await.unwrap();
    scene.refunds_after_s(0).await;
    let row = scene
        .store
        .refunds(&order.order_sn)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(row.state, Refund::Sent);
    (order, row.refund_no)
}
