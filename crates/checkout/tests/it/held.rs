//! Money that a person, a bank or a dispute can still turn: never called final, and
//! asked about hourly for a day and daily for sixty.

use crate::scene::{Scene, by_hmac, paid, signed};
use checkout::{Failure, Poll};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, ChannelError, Doubt, OrderState, RefundState, RiskKind};
use payment::refund::{Refund, Way};
use payment::sign::Purpose;
use payment::status::PayStatus;

const DAY_S: i64 = 86_400;

fn held() -> OrderState {
    OrderState::Held("ECHECK".to_owned())
}

#[tokio::test]
async fn a_payment_that_its_channel_checks_stays_open_and_alone() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    scene.answers(Ok(held()));
    scene.after_s(5).await;
    let attempt = scene.attempt("k").await;
    assert_eq!(attempt.status, Attempt::Held);
    assert_eq!(attempt.held.as_deref(), Some("ECHECK"));
    // Long after the attempt's time: no other is made, it can't be closed, pages wait.
    scene.after_s(3_600).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Held);
    assert_eq!(scene.pay("k").await.err(), Some(Failure::InProgress));
    let other = [("requestKey", "k"), ("rate", "6.8")];
    let other = scene.pay_by(Channel::Paypal, &other).await;
    assert_eq!(other.err(), Some(Failure::InProgress));
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    let closed = scene.checkout.close_asked(&close).await;
    assert_eq!(closed, Err(Failure::InProgress));
    let poll = scene.checkout.poll(&signed(&[("requestKey", "k")])).await;
    assert!(matches!(poll, Poll::Open(_)), "{poll:?}");
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    let risk = risks.iter().find(|risk| risk.kind == RiskKind::Held);
    assert!(risk.unwrap().detail.contains("ECHECK"));
    // Nor is it ended by an operator while the channel does not answer.
    let silent = ChannelError::unknown(Doubt::TimeOut, "time-out");
    scene.answers(Err(silent));
    let ended = scene.checkout.end_unpaid(&attempt.order_sn).await;
    assert_eq!(ended, Err(Failure::InProgress));
    assert_eq!(scene.attempt("k").await.status, Attempt::Held);
}

#[tokio::test]
async fn nothing_is_captured_while_another_attempt_is_held() {
    let scene = Scene::new().await;
    let first = scene.pay("k").await.unwrap();
    // Before the channel says that it holds the money, the payer picks another one.
    let other = [("requestKey", "k"), ("rate", "6.8")];
    let second = scene.pay_by(Channel::Paypal, &other).await.unwrap();
    scene.answers(Ok(held()));
    scene.after_s(0).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Held);
    let told = || scene.paypal.told.lock().unwrap();
    let OrderState::Paid(mut report) = paid(&second, 15) else {
        panic!("not paid")
    };
    report.money = second.channel_money;
    told().query = Some(Ok(OrderState::Approved));
    told().capture = Some(OrderState::Paid(report));
    scene.after_s(5).await;
    assert!(told().calls.contains(&"query"));
    assert!(!told().calls.contains(&"capture"));
    // The money went back to the payer: the other one may be taken.
    scene.answers(Ok(OrderState::Declined));
    scene.checkout.requery(&first).await.unwrap();
    scene.after_s(60).await;
    assert!(told().calls.contains(&"capture"));
    let second = scene.store.attempt(&second.order_sn).await.unwrap();
    assert_eq!(second.unwrap().status, Attempt::Paid);
}

#[tokio::test]
async fn who_waits_at_another_attempt_is_told_of_the_held_one() {
    let scene = Scene::new().await;
    let first = scene.pay("k").await.unwrap();
    let other = [("requestKey", "k"), ("rate", "6.8")];
    let second = scene.pay_by(Channel::Paypal, &other).await.unwrap();
    scene.answers(Ok(held()));
    // Long after the other one's time, too.
    for after_s in [0, 3_600] {
        scene.after_s(after_s).await;
        let poll = scene.checkout.poll(&signed(&other)).await;
        assert_eq!(poll, Poll::Open(first.order_sn.clone()));
        let now = scene.store.attempt(&second.order_sn).await.unwrap();
        let beside = scene.checkout.money_beside(&now.unwrap()).await.unwrap();
        assert_eq!(beside.unwrap().order_sn, first.order_sn);
    }
}

#[tokio::test]
async fn a_paid_request_is_paid_whatever_another_attempt_holds() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    let other = [("requestKey", "k"), ("rate", "6.8")];
    let second = scene.pay_by(Channel::Paypal, &other).await.unwrap();
    scene.answers(Ok(held()));
    scene.after_s(0).await;
    let OrderState::Paid(mut report) = paid(&second, 15) else {
        panic!("not paid")
    };
    report.money = second.channel_money;
    scene.paypal.told.lock().unwrap().query = Some(Ok(OrderState::Paid(report)));
    scene.after_s(5).await;
    for values in [&[("requestKey", "k")][..], &other] {
        assert_eq!(scene.checkout.poll(&signed(values)).await, Poll::Paid);
    }
}

#[tokio::test]
async fn a_held_payment_is_asked_about_hourly_and_then_daily_until_it_ends() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    scene.answers(Ok(held()));
    scene.after_s(5).await;
    scene.asked();
    scene.after_s(1_800).await;
    assert!(scene.asked().is_empty());
    let mut asked = 0;
    for _ in 0..24 {
        scene.after_s(3_600).await;
        asked += scene.asked().len();
    }
    assert!((23..=25).contains(&asked), "{asked}");
    for _ in 0..20 {
        scene.after_s(DAY_S / 2).await;
        asked += scene.asked().len();
    }
    assert!((32..=36).contains(&asked), "{asked}");
    scene.answers(Ok(paid(&scene.attempt("k").await, 100)));
    scene.after_s(DAY_S).await;
    let attempt = scene.attempt("k").await;
    assert_eq!(
        (attempt.status, attempt.request_status),
        (Attempt::Paid, PayStatus::SuccessPay)
    );
}

#[tokio::test]
async fn a_held_payment_that_is_declined_may_be_paid_anew() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    scene.answers(Ok(held()));
    scene.after_s(5).await;
    scene.answers(Ok(OrderState::Declined));
    scene.after_s(3_600).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Declined);
    assert!(scene.pay("k").await.is_ok());
}

/// A refund of the whole request, under this key.
fn whole(refund_key: &str) -> Pairs {
    let values = [
        ("requestKey", "k"),
        ("refundKey", refund_key),
        ("refundMoney", "100"),
    ];
    by_hmac(Purpose::Refund, &values)
}

#[tokio::test]
async fn a_refund_that_waits_for_a_person_keeps_its_sum_and_is_asked_about() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    let abnormal = || Some(Ok(RefundState::Held("ABNORMAL".to_owned())));
    let told = || scene.channel.told.lock().unwrap();
    told().refund = abnormal();
    told().query_refund = abnormal();
    let ask = whole("a");
    scene.checkout.refund_asked(&ask).await.unwrap();
    scene.refunds_after_s(0).await;
    let info = scene.checkout.refund_asked(&ask).await.unwrap();
    assert_eq!(info.refund_status, "WAITREFUND");
    let again = whole("b");
    let again = scene.checkout.refund_asked(&again).await;
    assert_eq!(again.err(), Some(Failure::TooMuch(0)));
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    assert!(risks.iter().any(|risk| risk.detail.contains("ABNORMAL")));
    // Not sent again, and asked about each hour.
    told().calls.clear();
    for _ in 0..6 {
        scene.refunds_after_s(1_800).await;
    }
    assert_eq!(scene.asked(), ["query_refund"; 3]);
    // Even an answer that it is unknown sends nothing.
    told().query_refund = Some(Ok(RefundState::NotFound));
    scene.refunds_after_s(3_600).await;
    assert_eq!(scene.asked(), ["query_refund"]);
    // Nor does it take away why it waits.
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    assert!(
        risks.iter().any(|risk| risk.detail.contains("ABNORMAL")),
        "{risks:?}"
    );
    // WeChat ends it by hand.
    told().query_refund = Some(Ok(RefundState::Done));
    scene.refunds_after_s(3_600).await;
    let rows = scene.store.refunds(&attempt.order_sn).await.unwrap();
    assert_eq!((rows.len(), rows[0].state), (1, Refund::Done));
}

/// A paid order, and a refund of it that its channel says is on its way.
async fn on_its_way() -> (Scene, AttemptRow) {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    scene.channel.told.lock().unwrap().refund = Some(Ok(RefundState::Pending));
    scene.checkout.refund_asked(&whole("a")).await.unwrap();
    scene.refunds_after_s(0).await;
    (scene, attempt)
}

/// A bank takes its days: what the channel says is on its way is no money at risk, and nobody
/// is offered to note it as given back; what it says nothing about is.
#[tokio::test]
async fn a_refund_on_its_way_is_left_to_its_channel() {
    let (scene, attempt) = on_its_way().await;
    let told = || scene.channel.told.lock().unwrap();
    told().query_refund = Some(Ok(RefundState::Pending));
    let refund = scene.store.refunds(&attempt.order_sn).await.unwrap()[0]
        .refund_no
        .clone();
    let is_at_risk = async || {
        let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
        let counts = scene.store.risk_counts(scene.now_ms()).await.unwrap();
        let counted = counts
            .iter()
            .any(|one| one.kind == RiskKind::Unknown && one.count > 0);
        assert_eq!(counted, !risks.is_empty(), "{risks:?}");
        counted
    };
    scene.refunds_after_s(86_400).await;
    assert!(!is_at_risk().await);
    // One question without an answer takes nothing of its word back.
    told().query_refund = Some(Err(ChannelError::unknown(Doubt::TimeOut, "time-out")));
    scene.refunds_after_s(86_400).await;
    assert!(!is_at_risk().await);
    let by_hand = async || {
        let done = scene
            .checkout
            .refund_by_hand(&attempt.order_sn, &refund, Way::Channel, false);
        done.await
    };
    assert_eq!(by_hand().await.unwrap_err(), Failure::InProgress);
    // Four days are too long, and it may still be made: WeChat ends it after seven.
    scene.refunds_after_s(3 * 86_400).await;
    assert!(is_at_risk().await);
    assert_eq!(by_hand().await.unwrap_err(), Failure::InProgress);
    scene.refunds_after_s(4 * 86_400).await;
    by_hand().await.unwrap();
}

#[tokio::test]
async fn who_asks_about_an_order_asks_about_its_refunds_too() {
    let (scene, attempt) = on_its_way().await;
    let told = || scene.channel.told.lock().unwrap();
    let state = async || scene.store.refunds(&attempt.order_sn).await.unwrap()[0].state;
    // What the channel does not know is no end, and an operator's question sends nothing.
    told().calls.clear();
    for (answer, expected) in [
        (Ok(RefundState::NotFound), Refund::Sent),
        (Ok(RefundState::Done), Refund::Done),
    ] {
        told().query_refund = Some(answer);
        scene.checkout.requery(&attempt).await.unwrap();
        assert_eq!(state().await, expected);
    }
    assert!(!told().calls.contains(&"refund"));
    // One that has its end is not asked about.
    told().calls.clear();
    scene.checkout.requery(&attempt).await.unwrap();
    assert!(!told().calls.contains(&"query_refund"));
}

#[tokio::test]
async fn attempts_of_one_request_are_bounded_by_the_hour() {
    let scene = Scene::new().await;
    let settings = |domain: &mut Domain| domain.settings.attempts_an_hour = 3;
    scene.with_domain(settings).await;
    for title in ["a", "b", "c"] {
        let values = [("requestKey", "k"), ("info", title)];
        scene.pay_by(Channel::Wechat, &values).await.unwrap();
    }
    let more = [("requestKey", "k"), ("info", "d")];
    let refused = scene.pay_by(Channel::Wechat, &more).await;
    assert!(matches!(refused, Err(Failure::TooMany { .. })));
    // The open one goes on, another request is another matter, and an hour passes.
    let open = [("requestKey", "k"), ("info", "c")];
    assert!(scene.pay_by(Channel::Wechat, &open).await.is_ok());
    assert!(scene.pay("other").await.is_ok());
    scene.after_s(3_601).await;
    assert!(scene.pay_by(Channel::Wechat, &more).await.is_ok());
}

#[tokio::test]
async fn a_payment_that_is_checked_after_its_request_was_closed_is_not_called_closed() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    scene.channel.told.lock().unwrap().lingers = true;
    scene.after_s(901).await;
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    scene.checkout.close_asked(&close).await.unwrap();
    scene.answers(Ok(held()));
    scene.after_s(3_600).await;
    let attempt = scene.attempt("k").await;
    assert_eq!(
        (attempt.status, attempt.request_status),
        (Attempt::Held, PayStatus::Closed)
    );
    let poll = scene.checkout.poll(&signed(&[("requestKey", "k")])).await;
    assert!(matches!(poll, Poll::Open(_)), "{poll:?}");
    assert_eq!(scene.pay("k").await.err(), Some(Failure::InProgress));
}

/// What an operator sets while a payer pays is no word on his payment: he is told how it
/// ends, and all of it can go back.
#[tokio::test]
async fn what_was_begun_is_told_of_though_the_settings_are_others_by_now() {
    let changes: [fn(&mut Domain); 3] = [
        |domain| domain.settings.largest_sum = 50,
        |domain| domain.settings.hmac_required = true,
        |domain| domain.settings.callbacks = vec!["https://other.example/".to_owned()],
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let scene = Scene::new().await;
        let attempt = scene.pay("k").await.unwrap();
        scene.with_domain(change).await;
        let page = signed(&[("requestKey", "k")]);
        let poll = scene.checkout.poll(&page).await;
        assert!(matches!(poll, Poll::Open(_)), "{number}: {poll:?}");
        // None begins so any more, nor is another address told of it.
        assert!(scene.pay("k").await.is_err(), "{number}");
        let other = signed(&[("requestKey", "k"), ("info", "Bag")]);
        let poll = scene.checkout.poll(&other).await;
        assert!(matches!(poll, Poll::Failed(_)), "{number}: {poll:?}");
        scene.answers(Ok(paid(&attempt, 100)));
        scene.after_s(5).await;
        assert_eq!(scene.checkout.poll(&page).await, Poll::Paid, "{number}");
        let whole = [
            ("requestKey", "k"),
            ("refundKey", "r"),
            ("refundMoney", "100"),
        ];
        let refund = by_hmac(Purpose::Refund, &whole);
        assert!(scene.checkout.refund_asked(&refund).await.is_ok());
    }
}

/// The end of a secret is no word on a payment that was begun with it.
#[tokio::test]
async fn what_was_begun_is_told_of_though_its_secret_has_ended() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    let now_ms = scene.now_ms();
    scene
        .with_domain(|domain| domain.rotate("another-secret-of-32-characters!", now_ms))
        .await;
    scene.set_clock(now_ms + 1);
    let page = signed(&[("requestKey", "k")]);
    let poll = scene.checkout.poll(&page).await;
    assert!(matches!(poll, Poll::Open(_)), "{poll:?}");
    assert!(scene.pay("k").await.is_err(), "nobody begins by it");
    let other = signed(&[("requestKey", "k"), ("info", "Bag")]);
    let poll = scene.checkout.poll(&other).await;
    assert!(matches!(poll, Poll::Failed(_)), "{poll:?}");
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    assert_eq!(scene.checkout.poll(&page).await, Poll::Paid);
}
