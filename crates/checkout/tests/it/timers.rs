//! Own query timers, expiry, late money, and what is unknown (docs/reference/orders.md,
//! Timers).

use crate::scene::{Scene, paid};
use checkout::Failure;
use payment::order::Attempt;
use payment::ports::{ChannelError, Doubt, OrderState, RiskKind};
use payment::status::PayStatus;
use payment::story::{Act, Source};

#[tokio::test]
async fn an_open_order_is_asked_about_by_the_schedule() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    assert_eq!(scene.asked(), ["create"]);
    let mut asked_at = Vec::new();
    for second in 1..=180 {
        if scene.after_s(1).await > 0 {
            asked_at.push(second);
        }
    }
    assert_eq!(asked_at, [5, 10, 20, 40, 60, 120, 180]);
}

#[tokio::test]
async fn an_order_that_the_channel_does_not_know_yet_is_asked_about_again() {
    let scene = Scene::new().await;
    scene.channel.told.lock().unwrap().create =
        Some(ChannelError::unknown(Doubt::TimeOut, "time-out"));
    assert!(matches!(
        scene.pay("k").await,
        Err(Failure::ChannelUnavailable(_))
    ));
    scene.answers(Ok(OrderState::NotFound));
    assert_eq!(scene.after_s(5).await, 1);
    // The order call was slow: it arrives, and is paid.
    let attempt = scene.attempt("k").await;
    assert_eq!(attempt.status, Attempt::Creating);
    scene.answers(Ok(paid(&attempt, 100)));
    assert_eq!(scene.after_s(5).await, 1);
    assert_eq!(
        scene.attempt("k").await.request_status,
        PayStatus::SuccessPay
    );
}

#[tokio::test]
async fn at_its_end_an_order_is_queried_closed_queried_and_only_then_closed() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    scene.asked();
    scene.after_s(900).await;
    assert_eq!(scene.asked(), ["query", "close", "query"]);
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
    assert_eq!(scene.after_s(3_600).await, 0);
}

#[tokio::test]
async fn an_order_that_never_arrived_is_closed_under_its_number_too() {
    let scene = Scene::new().await;
    scene.channel.told.lock().unwrap().create = Some(ChannelError::unknown(Doubt::Network, "lost"));
    scene.pay("k").await.unwrap_err();
    scene.answers(Ok(OrderState::NotFound));
    scene.asked();
    scene.after_s(900).await;
    assert_eq!(scene.asked(), ["query", "close", "query"]);
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
}

#[tokio::test]
async fn what_is_unknown_at_the_end_stays_open_until_the_channel_speaks() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Err(ChannelError::unknown(Doubt::TimeOut, "time-out")));
    scene.after_s(900).await;
    scene.after_s(60).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Open);
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(60).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Paid);
}

#[tokio::test]
async fn what_stays_unknown_is_asked_about_hourly_and_ended_by_the_operator_alone() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    let end_unpaid = || scene.checkout.end_unpaid(&attempt.order_sn);
    scene.answers(Err(ChannelError::unknown(Doubt::Undecided, "code 307")));
    scene.after_s(900).await;
    assert_eq!(end_unpaid().await, Err(Failure::InProgress));
    let mut asked = 0;
    for _ in 0..48 * 60 {
        asked += scene.after_s(60).await;
    }
    // Some while it is young; then once an hour.
    assert!((46..70).contains(&asked), "{asked}");
    assert_eq!(scene.attempt("k").await.status, Attempt::Open);
    scene.answers(Ok(OrderState::Pending));
    scene.channel.told.lock().unwrap().close = Some(ChannelError::Refused {
        code: "X".to_owned(),
        message: "no".to_owned(),
    });
    assert_eq!(end_unpaid().await, Err(Failure::InProgress));
    scene.answers(Err(ChannelError::unknown(Doubt::Undecided, "code 307")));
    assert_eq!(end_unpaid().await, Ok(()));
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
    // The next payer's order is another one; money of the first still counts.
    let second = scene.pay("k").await.unwrap();
    assert_ne!(second.order_sn, attempt.order_sn);
    scene.answers(Ok(paid(&attempt, 100)));
    scene.checkout.requery(&attempt).await.unwrap();
    assert_eq!(end_unpaid().await, Err(Failure::AlreadyPaid));
}

/// Whose money differs nobody hears that it was settled: a person gives it back, and then ends
/// it.
#[tokio::test]
async fn money_of_another_sum_is_looked_after_and_then_ended() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 99)));
    scene.after_s(900 + 601).await;
    let kinds = async || {
        let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
        risks.iter().map(|risk| risk.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, [RiskKind::Mismatch], "what it said is known");
    let end_unpaid = || scene.checkout.end_unpaid(&attempt.order_sn);
    assert_eq!(end_unpaid().await, Err(Failure::Differs));
    let waiting = scene.store.to_look_after(&attempt.order_sn).await.unwrap();
    assert_eq!(waiting, [attempt.order_sn.as_str()]);
    let act = Act {
        at_ms: scene.now_ms(),
        by: Source::Operator,
    };
    let number = &attempt.order_sn;
    let looked = scene.store.look_after(number, number, "given back", act);
    assert!(looked.await.unwrap());
    assert_eq!(kinds().await, [RiskKind::Unknown], "it has no end yet");
    // Other money of it is seen to by itself.
    scene.answers(Ok(paid(&attempt, 98)));
    scene.checkout.requery(&attempt).await.unwrap();
    assert_eq!(kinds().await, [RiskKind::Mismatch]);
    assert_eq!(end_unpaid().await, Err(Failure::Differs));
    let looked = scene.store.look_after(number, number, "this too", act);
    assert!(looked.await.unwrap());
    assert_eq!(end_unpaid().await, Ok(()));
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
    assert_eq!(kinds().await, []);
    // The payer may pay now what it costs.
    assert_ne!(scene.pay("k").await.unwrap().order_sn, attempt.order_sn);
}

#[tokio::test]
async fn what_was_paid_all_the_while_is_not_ended_as_unpaid() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Err(ChannelError::unknown(Doubt::TimeOut, "time-out")));
    scene.after_s(900 + 601).await;
    scene.answers(Ok(paid(&attempt, 100)));
    let ended = scene.checkout.end_unpaid(&attempt.order_sn).await;
    assert_eq!(ended, Err(Failure::AlreadyPaid));
    assert_eq!(scene.attempt("k").await.status, Attempt::Paid);
    let nobody = scene.checkout.end_unpaid("none").await;
    assert_eq!(nobody, Err(Failure::NotPaid));
}

#[tokio::test]
async fn a_wrong_sum_is_never_settled() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 99)));
    scene.after_s(5).await;
    assert_eq!(scene.attempt("k").await.request_status, PayStatus::NotPay);
}

#[tokio::test]
async fn a_refused_order_is_declined_and_another_attempt_may_pay() {
    let scene = Scene::new().await;
    let refused = ChannelError::Refused {
        code: "X".to_owned(),
        message: "no".to_owned(),
    };
    scene.channel.told.lock().unwrap().create = Some(refused);
    assert!(matches!(
        scene.pay("k").await,
        Err(Failure::ChannelUnavailable(_))
    ));
    assert_eq!(scene.attempt("k").await.status, Attempt::Declined);
    scene.channel.told.lock().unwrap().create = None;
    assert!(scene.pay("k").await.unwrap().obj.is_some());
}

#[tokio::test]
async fn two_calls_at_once_make_one_order() {
    let scene = Scene::new().await;
    let (one, two) = tokio::join!(scene.pay("k"), scene.pay("k"));
    assert_eq!(one.unwrap().order_sn, two.unwrap().order_sn);
    assert_eq!(scene.asked(), ["create"]);
}

#[tokio::test]
async fn a_clock_that_jumps_ahead_and_back_leaves_no_order_unasked() {
    let scene = Scene::new().await;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let now_ms = i64::try_from(since.unwrap().as_millis()).unwrap();
    scene.set_clock(now_ms + 7_200_000);
    scene.pay("k").await.unwrap();
    scene.set_clock(now_ms);
    let attempt = scene.attempt("k").await;
    scene.answers(Ok(paid(&attempt, 100)));
    assert_eq!(
        scene.after_s(60).await,
        0,
        "it would be asked about in two hours"
    );
    // Whose clock is wrong hastens nothing.
    scene.set_clock(now_ms - 7_200_000);
    scene.checkout.look_after().await.unwrap();
    assert_eq!(scene.checkout.late_timers().await.unwrap().too_far, 1);
    scene.set_clock(now_ms);
    assert_eq!(scene.after_s(0).await, 0);
    scene.checkout.look_after().await.unwrap();
    assert_eq!(scene.after_s(0).await, 1);
    let status = scene.attempt("k").await.request_status;
    assert_eq!(status, PayStatus::SuccessPay);
}
