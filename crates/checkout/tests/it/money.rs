//! Two attempts paid, refunds with unknown outcomes, captures, other currencies.

use crate::scene::{AGAIN, Gate, Scene, paid};
use checkout::Failure;
use payment::channel::Channel;
use payment::errcode::ErrCode;
use payment::money::{Currency, Money};
use payment::obj::Obj;
use payment::order::Attempt;
use payment::ports::{
    AttemptRow, ChannelError, Created, Doubt, GivenBack, OrderState, PaidReport, RefundState,
    RiskKind,
};
use payment::refund::{Cause, Refund, Way};
use payment::status::PayStatus;
use payment::story::{Act, Source};
use std::sync::Arc;

fn unknown() -> ChannelError {
    ChannelError::unknown(Doubt::TimeOut, "time-out")
}

/// An attempt that is paid.
async fn paid_attempt(scene: &Scene, key: &str) -> AttemptRow {
    let attempt = scene.pay(key).await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    scene.asked();
    let attempt = scene.attempt(key).await;
    assert_eq!(attempt.status, Attempt::Paid);
    attempt
}

fn paid_in_cents(attempt: &AttemptRow, cents: i64) -> OrderState {
    OrderState::Paid(PaidReport {
        merchant: "m".to_owned(),
        channel_order_no: attempt.channel_order_no.clone(),
        trade_no: "capture".to_owned(),
        money: Money::from_minor(cents, Currency::Usd).unwrap(),
        paid_ms: None,
        given_back: GivenBack::Nothing,
    })
}

/// A request is paid by WeChat and by PayPal, once each is asked.
async fn pay_twice(scene: &Scene) {
    let first = scene.pay("k").await.unwrap();
    let other = [("requestKey", "k"), ("rate", "6.8")];
    let second = scene.pay_by(Channel::Paypal, &other).await.unwrap();
    scene.answers(Ok(paid(&first, 100)));
    scene.paypal.told.lock().unwrap().query = Some(Ok(paid_in_cents(&second, 15)));
}

#[tokio::test]
async fn the_second_paid_attempt_is_refunded_by_itself() {
    let scene = Scene::new().await;
    pay_twice(&scene).await;
    scene.after_s(5).await;
    let states = scene.store.attempts("test", "k").await.unwrap();
    let count = |state| states.iter().filter(|row| row.status == state).count();
    assert_eq!((count(Attempt::Paid), count(Attempt::Duplicate)), (1, 1));
    assert_eq!(scene.refunds_after_s(0).await, 1);
    let duplicate = states
        .iter()
        .find(|row| row.status == Attempt::Duplicate)
        .unwrap();
    let refunds = scene.store.refunds(&duplicate.order_sn).await.unwrap();
    assert_eq!(
        (refunds[0].state, refunds[0].cause),
        (Refund::Done, Cause::Duplicate)
    );
    assert_eq!(refunds[0].channel_money, duplicate.channel_money);
    assert_eq!(states[0].request_status, PayStatus::SuccessPay);
}

#[tokio::test]
async fn a_refund_of_unknown_outcome_is_asked_about_and_never_renumbered() {
    let scene = Scene::new().await;
    let order = paid_attempt(&scene, "k").await.order_sn;
    scene.channel.told.lock().unwrap().refund = Some(Err(unknown()));
    scene.channel.told.lock().unwrap().query_refund = Some(Err(unknown()));
    let row = scene
        .checkout
        .refund_order("li", &order, 40, None, ("", AGAIN))
        .await
        .unwrap();
    scene.refunds_after_s(0).await;
    assert_eq!(scene.asked(), ["refund"]);
    for _ in 0..3 {
        scene.refunds_after_s(60).await;
        assert_eq!(scene.asked(), ["query_refund"]);
    }
    // The channel never heard of it: the same number is sent again.
    scene.channel.told.lock().unwrap().query_refund = Some(Ok(RefundState::NotFound));
    scene.channel.told.lock().unwrap().refund = Some(Ok(RefundState::Pending));
    scene.refunds_after_s(3_600).await;
    assert_eq!(scene.asked(), ["query_refund", "refund"]);
    let refunds = scene.store.refunds(&order).await.unwrap();
    assert_eq!((refunds.len(), refunds[0].state), (1, Refund::Sent));
    assert_eq!(
        scene.attempt("k").await.request_status,
        PayStatus::WaitRefund
    );
    scene.channel.told.lock().unwrap().query_refund = Some(Ok(RefundState::Done));
    scene.refunds_after_s(3_600).await;
    assert_eq!(
        scene
            .store
            .refund(&row.refund_no)
            .await
            .unwrap()
            .unwrap()
            .state,
        Refund::Done
    );
    assert_eq!(
        scene.attempt("k").await.request_status,
        PayStatus::SuccessRefund
    );
    assert_eq!(scene.refunds_after_s(9_999).await, 0);
}

/// A duplicate's refund that failed is one line, until somebody has seen to it.
#[tokio::test]
async fn money_beside_whose_refund_failed_is_at_risk_once() {
    let scene = Scene::new().await;
    pay_twice(&scene).await;
    for channel in [&scene.channel, &scene.paypal] {
        channel.told.lock().unwrap().refund = Some(Err(ChannelError::Refused {
            code: "CLOSED".to_owned(),
            message: "no".to_owned(),
        }));
    }
    scene.after_s(5).await;
    let kinds = async || {
        let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
        let counts = scene.store.risk_counts(scene.now_ms()).await.unwrap();
        let counts = counts.into_iter().filter(|one| one.count > 0);
        let counts: Vec<_> = counts.map(|one| one.kind).collect();
        let kinds: Vec<_> = risks.iter().map(|one| one.kind).collect();
        assert_eq!(kinds, counts);
        kinds
    };
    assert_eq!(kinds().await, [RiskKind::Duplicate]);
    scene.refunds_after_s(1).await;
    assert_eq!(kinds().await, [RiskKind::Refund]);
    let risk = scene.store.at_risk(scene.now_ms()).await.unwrap().remove(0);
    let waiting = scene.store.to_look_after(&risk.order_sn).await.unwrap();
    let act = Act {
        at_ms: scene.now_ms(),
        by: Source::Operator,
    };
    let looked = scene
        .store
        .look_after(&risk.order_sn, &waiting[0], "paid by bank", act);
    assert!(looked.await.unwrap());
    assert_eq!(kinds().await, []);
}

/// ChinaPay's types say which part was first: none leaves while the one before it may have got
/// lost.
#[tokio::test]
async fn a_part_waits_until_the_one_before_it_is_answered() {
    let scene = Scene::new().await;
    let order = paid_attempt(&scene, "k").await.order_sn;
    {
        let mut told = scene.channel.told.lock().unwrap();
        told.is_mute = true;
        told.refund = Some(Err(unknown()));
        told.query_refund = Some(Ok(RefundState::NotFound));
    }
    for minor in [30, 40] {
        let begun = scene
            .checkout
            .refund_order("li", &order, minor, None, ("", AGAIN));
        begun.await.unwrap();
    }
    let sent = || {
        let calls = scene.asked();
        calls.iter().filter(|call| **call == "refund").count()
    };
    scene.refunds_after_s(1).await;
    assert_eq!(sent(), 1);
    // It is sent again, alone, and taken.
    {
        let mut told = scene.channel.told.lock().unwrap();
        told.refund = Some(Ok(RefundState::Pending));
        told.reference = Some("accepted".to_owned());
    }
    scene.refunds_after_s(4).await;
    // The other one may leave in the same round, once this one is answered.
    let by_then = sent();
    let pending = Some(Ok(RefundState::Pending));
    scene.channel.told.lock().unwrap().query_refund = pending;
    scene.refunds_after_s(60).await;
    assert_eq!(by_then + sent(), 2);
    let refunds = scene.store.refunds(&order).await.unwrap();
    assert!(
        refunds.iter().all(|one| one.reference.is_some()),
        "{refunds:?}"
    );
}

/// WeChat tells us nothing of a refund that was made in its console: that one of ours is
/// refused is the first sign of it.
#[tokio::test]
async fn what_went_back_by_hand_is_seen_when_a_refund_is_refused() {
    let scene = Scene::new().await;
    let order = paid_attempt(&scene, "k").await;
    let OrderState::Paid(mut report) = paid(&order, 100) else {
        panic!("not paid")
    };
    report.given_back = GivenBack::Untold;
    scene.answers(Ok(OrderState::Paid(report)));
    scene.channel.told.lock().unwrap().refund = Some(Err(ChannelError::Refused {
        code: "INVALID_REQUEST".to_owned(),
        message: "all went back".to_owned(),
    }));
    let number = &order.order_sn;
    let begun = scene
        .checkout
        .refund_order("li", number, 100, None, ("", AGAIN));
    begun.await.unwrap();
    scene.refunds_after_s(1).await;
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    let kinds: Vec<_> = risks.iter().map(|risk| risk.kind).collect();
    assert_eq!(kinds, [RiskKind::TakenBack, RiskKind::Refund]);
}

#[tokio::test]
async fn a_refund_that_the_channel_can_not_do_is_money_at_risk() {
    let scene = Scene::new().await;
    let order = paid_attempt(&scene, "k").await.order_sn;
    scene.channel.told.lock().unwrap().refund = Some(Err(ChannelError::NotOffered));
    scene
        .checkout
        .refund_order("li", &order, 100, None, ("", AGAIN))
        .await
        .unwrap();
    scene.refunds_after_s(0).await;
    let refunds = scene.store.refunds(&order).await.unwrap();
    assert_eq!(refunds[0].state, Refund::Parked);
    assert_eq!(
        scene.attempt("k").await.request_status,
        PayStatus::WaitRefund,
        "the channel may have made it: nobody is told that it failed"
    );
    let risks = scene.store.at_risk(0).await.unwrap();
    assert_eq!(risks[0].kind, RiskKind::Refund);
    // Its sum stays taken: nobody refunds it a second time by another way.
    let again = scene
        .checkout
        .refund_order("li", &order, 1, None, ("", AGAIN))
        .await;
    assert_eq!(again, Err(Failure::TooMuch(0)));
}

#[tokio::test]
async fn only_what_was_paid_is_refunded() {
    let scene = Scene::new().await;
    let open = scene.pay("open").await.unwrap();
    let refused = scene
        .checkout
        .refund_order("li", &open.order_sn, 1, None, ("", AGAIN))
        .await;
    assert_eq!(refused, Err(Failure::NotPaid));
    let order = paid_attempt(&scene, "k").await.order_sn;
    for bad in [101, 0, -1] {
        assert!(
            scene
                .checkout
                .refund_order("li", &order, bad, None, ("", AGAIN))
                .await
                .is_err(),
            "{bad}"
        );
    }
}

#[tokio::test]
async fn approved_money_is_captured_while_the_request_can_be_paid() {
    let scene = Scene::new().await;
    let values = [("requestKey", "k"), ("rate", "6.8")];
    let attempt = scene.pay_by(Channel::Paypal, &values).await.unwrap();
    // 100 fen at 6.8 are 14.7 cents.
    assert_eq!(
        attempt.channel_money,
        Money::from_minor(15, Currency::Usd).unwrap()
    );
    assert_eq!(attempt.rate.unwrap().to_string(), "6.8");
    let told = || scene.paypal.told.lock().unwrap();
    told().query = Some(Ok(OrderState::Approved));
    told().capture = Some(paid_in_cents(&attempt, 15));
    scene.after_s(5).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Paid);
    assert_eq!(
        scene.attempt("k").await.trade_no.as_deref(),
        Some("capture")
    );
}

#[tokio::test]
async fn what_is_approved_after_another_payment_is_never_captured() {
    let scene = Scene::new().await;
    let values = [("requestKey", "k"), ("rate", "6.8")];
    let attempt = scene.pay_by(Channel::Paypal, &values).await.unwrap();
    let second = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&second, 100)));
    scene.paypal.told.lock().unwrap().query = Some(Ok(OrderState::Approved));
    scene.after_s(5).await;
    scene.paypal.told.lock().unwrap().query = Some(Ok(OrderState::Approved));
    scene.after_s(60).await;
    let asked = std::mem::take(&mut scene.paypal.told.lock().unwrap().calls);
    assert!(!asked.contains(&"capture"), "{asked:?}");
    let row = scene
        .store
        .attempt(&attempt.order_sn)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.status, Attempt::Closed);
}

#[tokio::test]
async fn without_a_rate_of_its_own_the_platforms_holds() {
    let scene = Scene::new().await;
    let attempt = scene
        .pay_by(Channel::Paypal, &[("requestKey", "k")])
        .await
        .unwrap();
    assert_eq!(attempt.channel_money.minor(), 14);
    assert_eq!(attempt.money.minor(), 100);
}

/// 100 fen were paid as 14 cents: of three of them nothing comes, and of four one does.
#[tokio::test]
async fn a_part_of_which_nothing_comes_at_its_channel_is_called_too_little() {
    let scene = Scene::new().await;
    let values = [("requestKey", "k")];
    let attempt = scene.pay_by(Channel::Paypal, &values).await.unwrap();
    scene.paypal.told.lock().unwrap().query = Some(Ok(paid_in_cents(&attempt, 14)));
    scene.after_s(5).await;
    let number = &attempt.order_sn;
    let part = async |fen| {
        let begun = scene
            .checkout
            .refund_order("li", number, fen, None, ("", AGAIN));
        begun.await.map(|row| row.channel_money.minor())
    };
    assert_eq!(part(3).await, Err(Failure::TooLittle));
    assert_eq!(Failure::TooLittle.code(), ErrCode::Amount);
    assert_eq!(part(4).await, Ok(1));
    assert_eq!(part(96).await, Ok(13));
    assert_eq!(part(1).await, Err(Failure::TooMuch(0)));
}

#[tokio::test]
async fn money_on_an_order_that_can_not_be_closed_is_still_found() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    scene.channel.told.lock().unwrap().lingers = true;
    scene.channel.told.lock().unwrap().close = Some(ChannelError::NotOffered);
    scene.after_s(901).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
    scene.answers(Ok(paid(&scene.attempt("k").await, 100)));
    scene.after_s(3_600).await;
    let attempt = scene.attempt("k").await;
    assert_eq!(
        (attempt.status, attempt.request_status),
        (Attempt::Paid, PayStatus::SuccessPay)
    );
}

/// Its channel heard of it only after its end, when its payer opened it there.
#[tokio::test]
async fn an_order_that_is_opened_after_its_end_is_closed() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    let refused = ChannelError::Refused {
        code: "TRADE_NOT_EXIST".to_owned(),
        message: String::new(),
    };
    {
        let mut told = scene.channel.told.lock().unwrap();
        told.lingers = true;
        told.query = Some(Ok(OrderState::NotFound));
        told.close = Some(refused);
    }
    scene.after_s(901).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
    scene.answers(Ok(OrderState::Pending));
    {
        let mut told = scene.channel.told.lock().unwrap();
        told.close = None;
        told.calls.clear();
    }
    scene.after_s(3_600).await;
    {
        let told = scene.channel.told.lock().unwrap();
        // One question of each look that its account granted.
        assert_eq!(told.calls[..2], ["query", "close"]);
        assert_eq!(told.query, Some(Ok(OrderState::Closed)));
    }
    for answer in [OrderState::NotFound, OrderState::Declined] {
        scene.answers(Ok(answer));
        scene.asked();
        scene.after_s(7_200).await;
        assert_eq!(scene.asked(), ["query"]);
    }
}

/// Its payer opens it there between the close, which closed nothing, and the question after it.
#[tokio::test]
async fn an_order_that_is_opened_while_it_is_closed_is_not_called_closed() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    {
        let mut told = scene.channel.told.lock().unwrap();
        told.query = Some(Ok(OrderState::NotFound));
        told.close = Some(ChannelError::Refused {
            code: "TRADE_NOT_EXIST".to_owned(),
            message: String::new(),
        });
        told.meanwhile = Some(OrderState::Pending);
    }
    scene.after_s(901).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Open);
    scene.channel.told.lock().unwrap().close = None;
    scene.after_s(60).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
}

#[tokio::test]
async fn another_sum_of_the_channels_is_what_is_paid_and_refunded() {
    let scene = Scene::new().await;
    scene.channel.told.lock().unwrap().changed = Money::from_minor(103, Currency::Cny);
    let attempt = scene.pay("k").await.unwrap();
    let sums = |row: &AttemptRow| {
        (
            row.channel_money.minor(),
            row.asked_money,
            row.money.minor(),
        )
    };
    let asked = Money::from_minor(100, Currency::Cny);
    assert_eq!(sums(&attempt), (103, asked, 100));
    // What was asked for is not what is to be paid any more.
    scene.answers(Ok(paid(&attempt, 103)));
    scene.after_s(5).await;
    let attempt = scene.attempt("k").await;
    assert_eq!(
        (attempt.status, attempt.mismatch.clone()),
        (Attempt::Paid, None)
    );
    scene.checkout.run_due_callbacks().await.unwrap();
    scene.checkout.drained().await;
    let taken = scene.receivers.taken.lock().unwrap().clone();
    assert!(taken[0].contains("money=100&"), "{taken:?}");
    for fen in [33, 33, 34] {
        let refund = scene
            .checkout
            .refund_order("li", &attempt.order_sn, fen, None, ("", AGAIN))
            .await;
        refund.unwrap();
    }
    let refunds = scene.store.refunds(&attempt.order_sn).await.unwrap();
    let back: i64 = refunds
        .iter()
        .map(|refund| refund.channel_money.minor())
        .sum();
    assert_eq!(back, 103);
}

#[tokio::test]
async fn the_asked_sum_does_not_pay_a_changed_one() {
    let scene = Scene::new().await;
    scene.channel.told.lock().unwrap().changed = Money::from_minor(103, Currency::Cny);
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    let attempt = scene.attempt("k").await;
    assert_eq!(attempt.status, Attempt::Open);
    assert!(attempt.mismatch.unwrap().contains("amount"));
}

#[tokio::test]
async fn a_question_that_was_asked_before_the_sum_changed_settles_all_the_same() {
    let scene = Scene::new().await;
    scene.channel.told.lock().unwrap().create = Some(unknown());
    assert!(scene.pay("k").await.is_err());
    let before = scene.attempt("k").await;
    let created = Created {
        obj: Obj::Code("weixin://x".to_owned()),
        reference: None,
        changed: Money::from_minor(103, Currency::Cny),
    };
    let act = Act {
        at_ms: scene.now_ms(),
        by: Source::Channel,
    };
    let accepted = scene.store.accept_attempt(&before.order_sn, &created, act);
    accepted.await.unwrap();
    // The row that the question was asked with still has the sum that was asked for.
    scene.answers(Ok(paid(&before, 103)));
    let after = scene.checkout.requery(&before).await.unwrap();
    assert_eq!((after.status, after.mismatch), (Attempt::Paid, None));
}

#[tokio::test]
async fn a_refund_of_which_its_channel_says_nothing_is_ended_by_hand() {
    let scene = Scene::new().await;
    let order = paid_attempt(&scene, "k").await.order_sn;
    let refund = scene
        .checkout
        .refund_order("li", &order, 100, None, ("", AGAIN))
        .await
        .unwrap();
    scene.channel.told.lock().unwrap().refund = Some(Err(unknown()));
    scene.channel.told.lock().unwrap().query_refund = Some(Err(unknown()));
    scene.refunds_after_s(0).await;
    let early = scene
        .checkout
        .refund_by_hand(&refund.order_sn, &refund.refund_no, Way::Channel, false)
        .await;
    assert_eq!(early, Err(Failure::InProgress));
    scene.refunds_after_s(601).await;
    let done = scene
        .checkout
        .refund_by_hand(&refund.order_sn, &refund.refund_no, Way::Channel, false)
        .await;
    assert_eq!(done.unwrap().state, Refund::Done);
    assert!(
        scene
            .store
            .at_risk(scene.now_ms())
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test]
async fn a_refund_that_is_ended_by_hand_while_its_channel_is_asked_is_not_sent_again() {
    let scene = Scene::new().await;
    let order = paid_attempt(&scene, "k").await.order_sn;
    let refund = scene
        .checkout
        .refund_order("li", &order, 100, None, ("", AGAIN))
        .await
        .unwrap();
    scene.channel.told.lock().unwrap().refund = Some(Err(unknown()));
    scene.refunds_after_s(0).await;
    let gate = Arc::new(Gate::default());
    {
        let mut told = scene.channel.told.lock().unwrap();
        told.query_refund = Some(Ok(RefundState::NotFound));
        told.gate = Some(Arc::clone(&gate));
    }
    scene.asked();
    let by_hand = async {
        gate.entered.notified().await;
        let ended = scene
            .checkout
            .refund_by_hand(&refund.order_sn, &refund.refund_no, Way::Channel, false)
            .await;
        assert_eq!(ended.unwrap().state, Refund::Done);
        gate.go_on.notify_one();
    };
    tokio::join!(scene.refunds_after_s(601), by_hand);
    assert_eq!(scene.asked(), ["query_refund"]);
    let kept = scene.store.refund(&refund.refund_no).await.unwrap();
    assert_eq!(kept.unwrap().state, Refund::Done);
}

#[tokio::test]
async fn a_refund_that_is_refused_for_now_is_sent_again_under_what_was_answered() {
    let scene = Scene::new().await;
    let order = paid_attempt(&scene, "k").await.order_sn;
    let begun = scene
        .checkout
        .refund_order("li", &order, 40, None, ("", AGAIN));
    let refund_no = begun.await.unwrap().refund_no;
    // It is sent, and stands so then.
    let sent = async |answer, reference: Option<&str>| {
        {
            let mut told = scene.channel.told.lock().unwrap();
            told.query_refund = Some(Ok(RefundState::NotFound));
            told.refund = Some(answer);
            told.reference = reference.map(str::to_owned);
        }
        scene.refunds_after_s(3_600).await;
        let row = scene.store.refund(&refund_no).await.unwrap().unwrap();
        (row.state, row.reference.unwrap_or_default(), row.note)
    };
    let short = || Ok(RefundState::Again("short".to_owned()));
    let waits = |reference: &str, why: &str| (Refund::Sent, reference.to_owned(), why.to_owned());
    assert_eq!(sent(short(), Some("b")).await, waits("b", "short"));
    assert_eq!(sent(short(), Some("c")).await, waits("c", "short"));
    // What is unknown is repeated as it was.
    let lost = sent(Err(unknown()), None).await;
    assert_eq!((lost.0, lost.1.as_str()), (Refund::Sent, "c"));
    let done = sent(Ok(RefundState::Done), Some("d")).await;
    assert_eq!((done.0, done.1.as_str()), (Refund::Done, "d"));
    let with = std::mem::take(&mut scene.channel.told.lock().unwrap().sent_with);
    let with: Vec<_> = with.iter().map(|one| one.as_deref()).collect();
    assert_eq!(with, [None, Some("b"), Some("c"), Some("c")]);
}

#[tokio::test]
async fn refunds_of_one_order_leave_as_far_apart_as_their_channel_wants() {
    for gap_s in [0, 60] {
        let scene = Scene::new().await;
        scene.channel.told.lock().unwrap().refund_gap_ms = gap_s * 1_000;
        let order = paid_attempt(&scene, "k").await.order_sn;
        for key in ["a", "b"] {
            let begun = scene
                .checkout
                .refund_order("li", &order, 40, Some(key), ("", AGAIN));
            begun.await.unwrap();
        }
        let states = async || {
            let rows = scene.store.refunds(&order).await.unwrap();
            rows.iter().map(|row| row.state).collect::<Vec<_>>()
        };
        assert_eq!(scene.refunds_after_s(0).await, 2);
        if gap_s > 0 {
            assert_eq!(scene.asked(), ["refund"]);
            assert_eq!(states().await, [Refund::Done, Refund::New]);
            assert_eq!(scene.refunds_after_s(gap_s - 1).await, 0);
            assert_eq!(scene.refunds_after_s(1).await, 1);
            assert_eq!(scene.asked(), ["refund"]);
        } else {
            assert_eq!(scene.asked(), ["refund", "refund"]);
        }
        assert_eq!(states().await, [Refund::Done, Refund::Done]);
    }
}
