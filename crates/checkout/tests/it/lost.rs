//! What a dead instance, a hung receiver or a crowd of pages may not lose or double
//! (docs/reference/orders.md).

use crate::scene::{Scene, by_hmac, paid};
use crate::taken_back::paid_order;
use checkout::{Failure, Standing};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::order::Attempt;
use payment::ports::{
    AttemptRow, CallbackState, ChannelError, Doubt, Notify, NotifyRow, OrderState, PaidReport,
    Resend, RiskKind,
};
use payment::refund::{Refund, Way};
use payment::sign::Purpose;
use payment::status::PayStatus;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Callbacks that a receiver is sent at once.
const TURNS: u32 = 16;

fn report(attempt: &AttemptRow) -> PaidReport {
    match paid(attempt, 100) {
        OrderState::Paid(report) => report,
        other => panic!("{other:?}"),
    }
}

/// A notify that was stored and answered by an instance that died then.
async fn answered_and_lost(scene: &Scene, notify: Notify) -> i64 {
    scene.channel.told.lock().unwrap().notify = Some(notify);
    let now_ms = scene.now_ms();
    let row = NotifyRow {
        channel: Channel::Wechat,
        account: "fake".to_owned(),
        channel_order_no: None,
        body: b"x".to_vec(),
        headers: "a: b\n".to_owned(),
        received_ms: now_ms,
    };
    let id = scene
        .store
        .keep_notify(&row, &row.body, now_ms + 30_000)
        .await;
    id.unwrap().unwrap()
}

#[tokio::test]
async fn late_money_whose_notify_was_answered_by_a_dead_instance_is_found() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.after_s(900).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
    answered_and_lost(&scene, Notify::Paid(report(&attempt))).await;
    assert_eq!(scene.notifies_after_s(29).await, 0, "its lease");
    assert_eq!(scene.notifies_after_s(1).await, 1);
    assert_eq!(
        scene.attempt("k").await.request_status,
        PayStatus::SuccessPay
    );
    assert_eq!(scene.notifies_after_s(3_600).await, 0);
}

#[tokio::test]
async fn a_notify_that_can_not_be_read_now_is_read_later() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    answered_and_lost(&scene, Notify::Paid(report(&attempt))).await;
    let notify = scene.channel.told.lock().unwrap().notify.take();
    assert_eq!(scene.notifies_after_s(30).await, 1);
    assert_eq!(scene.attempt("k").await.status, Attempt::Open);
    scene.channel.told.lock().unwrap().notify = notify;
    assert_eq!(scene.notifies_after_s(60).await, 1);
    assert_eq!(scene.attempt("k").await.status, Attempt::Paid);
}

#[tokio::test]
async fn an_order_that_may_be_under_way_is_not_closed_unseen() {
    let scene = Scene::new().await;
    let lost = ChannelError::unknown(Doubt::Network, "the instance died");
    scene.channel.told.lock().unwrap().create = Some(lost);
    scene.pay("k").await.unwrap_err();
    // The payer picks another channel at once: the first order ends.
    let values = [("requestKey", "k"), ("rate", "6.8")];
    scene.pay_by(Channel::Paypal, &values).await.unwrap();
    scene.answers(Ok(OrderState::NotFound));
    scene.after_s(1).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Creating);
    // Its order call arrives late, and is paid.
    scene.answers(Ok(paid(&scene.attempt("k").await, 100)));
    scene.after_s(60).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Paid);
}

#[tokio::test]
async fn fifty_pages_that_watch_one_order_ask_its_channel_once() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.asked();
    let pages: Vec<_> = (0..50)
        .map(|_| {
            let (checkout, attempt) = (Arc::clone(&scene.checkout), attempt.clone());
            tokio::spawn(async move { checkout.watch(attempt).await.unwrap() })
        })
        .collect();
    for page in pages {
        assert_eq!(page.await.unwrap().standing, Standing::Open);
    }
    assert_eq!(scene.asked(), ["query"]);
}

#[tokio::test]
async fn a_receiver_that_hangs_delays_no_other() {
    let scene = Scene::new().await;
    *scene.receivers.hung.lock().unwrap() = Some("http://www.163.com");
    let mut keys = Vec::new();
    for number in 0..40 {
        let (key, host) = match number {
            0..20 => (format!("slow{number}"), "http://www.163.com/cb".to_owned()),
            _ => (
                format!("fast{number}"),
                format!("http://www{number}.sina.com/cb"),
            ),
        };
        let values = [("requestKey", key.as_str()), ("bgUrl", host.as_str())];
        let attempt = scene.pay_by(Channel::Wechat, &values).await.unwrap();
        scene.answers(Ok(paid(&attempt, 100)));
        scene.checkout.requery(&attempt).await.unwrap();
        keys.push(key);
    }
    while scene.receivers.taken.lock().unwrap().len() < 20 {
        scene.checkout.run_due_callbacks().await.unwrap();
        tokio::task::yield_now().await;
    }
    let taken = scene.receivers.taken.lock().unwrap().clone();
    assert!(taken.iter().all(|url| url.contains("sina")), "{taken:?}");
    // It holds no more calls than its lane has places.
    let hanging = scene.receivers.hanging.load(Ordering::Relaxed);
    assert!((1..=16).contains(&hanging), "{hanging}");
}

#[tokio::test]
async fn the_operator_honours_late_money_or_gives_it_back_by_hand() {
    let scene = Scene::new().await;
    for key in ["k1", "k2"] {
        let attempt = scene.pay(key).await.unwrap();
        scene.after_s(900).await;
        let closed = scene
            .store
            .close_request(
                "test",
                key,
                None,
                payment::story::Act {
                    at_ms: scene.now_ms(),
                    by: payment::story::Source::Business,
                },
            )
            .await;
        closed.unwrap();
        scene.answers(Ok(paid(&attempt, 100)));
        scene.checkout.requery(&attempt).await.unwrap();
        scene.channel.told.lock().unwrap().query = None;
        assert_eq!(scene.attempt(key).await.status, Attempt::PaidAfterClose);
    }
    let number = scene.attempt("k1").await.order_sn;
    scene.checkout.honour(&number).await.unwrap();
    assert_eq!(
        scene.attempt("k1").await.request_status,
        PayStatus::SuccessPay
    );
    assert_eq!(scene.checkout.honour(&number).await, Err(Failure::NotPaid));

    scene.channel.told.lock().unwrap().refund = Some(Err(ChannelError::NotOffered));
    scene.refunds_after_s(0).await;
    let number = scene.attempt("k2").await.order_sn;
    let refund = scene.store.refunds(&number).await.unwrap().remove(0);
    assert_eq!(refund.state, Refund::Parked);
    let kinds = async || {
        let risks = scene.store.at_risk(0).await.unwrap();
        risks.iter().map(|risk| risk.kind).collect::<Vec<_>>()
    };
    // It does not go back by itself any more.
    assert_eq!(kinds().await, [RiskKind::Refund]);
    let done = scene
        .checkout
        .refund_by_hand(&refund.order_sn, &refund.refund_no, Way::Channel, false)
        .await;
    assert_eq!(done.unwrap().state, Refund::Done);
    assert!(kinds().await.is_empty());
    let again = scene
        .checkout
        .refund_by_hand(&refund.order_sn, &refund.refund_no, Way::Channel, false)
        .await;
    assert_eq!(again, Err(Failure::InProgress));
}

/// The domain gives its requests so long.
async fn with_deadline(scene: &Scene, seconds: i64) {
    let settings = |domain: &mut Domain| {
        domain.settings.deadline_s = Some(seconds);
        domain.settings.failurepay = true;
    };
    scene.with_domain(settings).await;
}

#[tokio::test]
async fn a_request_past_its_deadline_is_closed_and_told_once() {
    let scene = Scene::new().await;
    with_deadline(&scene, 3_600).await;
    scene.pay("k").await.unwrap();
    scene.after_s(900).await;
    let attempt = scene.attempt("k").await;
    assert_eq!(
        (attempt.status, attempt.request_status),
        (Attempt::Closed, PayStatus::NotPay)
    );
    scene.after_s(2_699).await;
    assert_eq!(scene.attempt("k").await.request_status, PayStatus::NotPay);
    scene.after_s(1).await;
    assert_eq!(scene.attempt("k").await.request_status, PayStatus::Closed);
    assert!(matches!(scene.pay("k").await, Err(Failure::Closed)));
    let told = scene.store.callbacks(&attempt.order_sn).await.unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].url.contains("FAILUREPAY"));
}

/// Who was told "in progress" and does not repeat his call gets what he asked for all the
/// same: nobody can begin anew, so the end of what was open is the request's.
#[tokio::test]
async fn a_close_that_a_channel_kept_waiting_is_done_at_the_order_s_end() {
    let scene = Scene::new().await;
    scene
        .with_domain(|domain| domain.settings.failurepay = true)
        .await;
    scene.pay("k").await.unwrap();
    scene.answers(Err(ChannelError::unknown(Doubt::Network, "no answer")));
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    assert!(scene.checkout.close_asked(&close).await.is_err());
    assert!(matches!(scene.pay("k").await, Err(Failure::Closed)));
    assert_eq!(scene.attempt("k").await.request_status, PayStatus::NotPay);
    scene.answers(Ok(OrderState::Pending));
    scene.after_s(900).await;
    let attempt = scene.attempt("k").await;
    assert_eq!(
        (attempt.status, attempt.request_status),
        (Attempt::Closed, PayStatus::Closed)
    );
    let told = scene.store.callbacks(&attempt.order_sn).await.unwrap();
    assert_eq!(told.len(), 1);
    assert!(told[0].url.contains("FAILUREPAY"));
    // Said again, it is done, and nothing is told twice.
    scene.checkout.close_asked(&close).await.unwrap();
    let told = scene.store.callbacks(&attempt.order_sn).await.unwrap();
    assert_eq!(told.len(), 1);
}

#[tokio::test]
async fn nobody_begins_anew_past_the_deadline_and_a_paid_request_has_none() {
    let scene = Scene::new().await;
    let attempt = scene.pay("paid").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    scene.answers(Ok(OrderState::Pending));
    scene.pay("k").await.unwrap();
    scene.after_s(900).await;
    // The deadline comes while no timer runs any more.
    with_deadline(&scene, 600).await;
    assert!(matches!(scene.pay("k").await, Err(Failure::Closed)));
    assert_eq!(scene.attempt("k").await.request_status, PayStatus::Closed);
    assert!(matches!(scene.pay("paid").await, Err(Failure::AlreadyPaid)));
    assert_eq!(
        scene.attempt("paid").await.request_status,
        PayStatus::SuccessPay
    );
}

/// A scene whose business system is told of payments that failed.
async fn told_of_failures() -> Scene {
    let scene = Scene::new().await;
    let settings = |domain: &mut Domain| domain.settings.failurepay = true;
    scene.with_domain(settings).await;
    scene
}

/// Receivers believe what they hear last: of a request that is paid after all, a failure
/// that nobody took yet is told to nobody.
#[tokio::test]
async fn a_failure_is_not_told_after_a_payment() {
    let scene = told_of_failures().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.receivers.down.store(true, Ordering::Relaxed);
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    scene.checkout.close_asked(&close).await.unwrap();
    scene.checkout.run_due_callbacks().await.unwrap();
    scene.checkout.drained().await;
    scene.answers(Ok(paid(&attempt, 100)));
    scene.checkout.requery(&attempt).await.unwrap();
    assert_eq!(scene.attempt("k").await.status, Attempt::PaidAfterClose);
    scene.checkout.honour(&attempt.order_sn).await.unwrap();
    scene.receivers.down.store(false, Ordering::Relaxed);
    for resend in [
        None,
        Some(Resend::Waiting),
        Some(Resend::Order(attempt.order_sn.clone())),
    ] {
        if let Some(which) = resend {
            scene.checkout.resend(&which).await.unwrap();
        }
        scene.set_clock(scene.now_ms() + 3_600_000);
        while scene.checkout.run_due_callbacks().await.unwrap() > 0 {}
        scene.checkout.drained().await;
        let taken = scene.receivers.taken.lock().unwrap().clone();
        assert!(taken.iter().any(|url| url.contains("SUCCESSPAY")));
        assert!(
            !taken.iter().any(|url| url.contains("FAILUREPAY")),
            "{taken:?}"
        );
    }
    let states = scene.store.callbacks(&attempt.order_sn).await.unwrap();
    let states: Vec<_> = states.iter().map(|callback| callback.state).collect();
    assert_eq!(states, [CallbackState::Overtaken, CallbackState::Delivered]);
}

/// A shop that took both has lost them, and asks for them again: it hears what is true.
#[tokio::test]
async fn a_failure_that_was_taken_is_not_told_again_after_a_payment() {
    let scene = told_of_failures().await;
    let attempt = scene.pay("k").await.unwrap();
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    scene.checkout.close_asked(&close).await.unwrap();
    let told = async || {
        scene.set_clock(scene.now_ms() + 3_600_000);
        while scene.checkout.run_due_callbacks().await.unwrap() > 0 {}
        scene.checkout.drained().await;
        std::mem::take(&mut *scene.receivers.taken.lock().unwrap())
    };
    let first = told().await;
    assert!(
        first.len() == 1 && first[0].contains("FAILUREPAY"),
        "{first:?}"
    );
    scene.answers(Ok(paid(&attempt, 100)));
    scene.checkout.requery(&attempt).await.unwrap();
    scene.checkout.honour(&attempt.order_sn).await.unwrap();
    told().await;
    for which in [
        Resend::Order(attempt.order_sn.clone()),
        Resend::Since {
            created_ms: 0,
            delivered: true,
        },
    ] {
        assert_eq!(scene.checkout.resend(&which).await, Ok(1));
        let again = told().await;
        assert!(
            again.len() == 1 && again[0].contains("SUCCESSPAY"),
            "{again:?}"
        );
    }
}

/// A failure that waits for its turn with a slow receiver is not told once it is overtaken.
#[tokio::test]
async fn a_failure_that_waits_for_its_turn_is_looked_at_again() {
    let scene = told_of_failures().await;
    *scene.receivers.hung.lock().unwrap() = Some("");
    for number in 0..TURNS {
        let attempt = scene.pay(&format!("k{number}")).await.unwrap();
        scene.answers(Ok(paid(&attempt, 100)));
        scene.checkout.requery(&attempt).await.unwrap();
    }
    scene.checkout.run_due_callbacks().await.unwrap();
    while scene.receivers.hanging.load(Ordering::Relaxed) < TURNS {
        tokio::task::yield_now().await;
    }
    scene.answers(Ok(OrderState::NotFound));
    let attempt = scene.pay("late").await.unwrap();
    let close = by_hmac(Purpose::Close, &[("requestKey", "late")]);
    scene.checkout.close_asked(&close).await.unwrap();
    assert_eq!(scene.checkout.run_due_callbacks().await, Ok(1));
    scene.answers(Ok(paid(&attempt, 100)));
    scene.checkout.requery(&attempt).await.unwrap();
    scene.checkout.honour(&attempt.order_sn).await.unwrap();
    *scene.receivers.hung.lock().unwrap() = None;
    scene.receivers.released.notify_waiters();
    scene.checkout.run_due_callbacks().await.unwrap();
    scene.checkout.drained().await;
    let taken = scene.receivers.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), TURNS as usize + 1, "{taken:?}");
    assert!(
        !taken.iter().any(|url| url.contains("FAILUREPAY")),
        "{taken:?}"
    );
}

/// The same of a refund; another one's failure is told all the same.
#[tokio::test]
async fn a_refund_s_failure_is_not_told_after_its_end() {
    let scene = Scene::new().await;
    let attempt = paid_order(&scene).await;
    scene.receivers.down.store(true, Ordering::Relaxed);
    let refused = ChannelError::Refused {
        code: "NO".to_owned(),
        message: "refused".to_owned(),
    };
    scene.channel.told.lock().unwrap().refund = Some(Err(refused));
    for key in ["a", "b"] {
        let part = [
            ("requestKey", "k"),
            ("refundKey", key),
            ("refundMoney", "40"),
        ];
        let asked = by_hmac(Purpose::Refund, &part);
        scene.checkout.refund_asked(&asked).await.unwrap();
        scene.refunds_after_s(0).await;
    }
    let refund = scene
        .store
        .refunds(&attempt.order_sn)
        .await
        .unwrap()
        .remove(0);
    assert_eq!((refund.shown_key(), refund.state), ("a", Refund::Failed));
    scene
        .checkout
        .refund_by_hand(&refund.order_sn, &refund.refund_no, Way::Channel, false)
        .await
        .unwrap();
    let told = scene.store.callbacks(&attempt.order_sn).await.unwrap();
    let told: Vec<_> = told
        .iter()
        .map(|callback| {
            let status = callback.url.split("payStatus=").nth(1).unwrap();
            let status = status.split('&').next().unwrap();
            (status, callback.url.contains("refundKey=a"), callback.state)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("SUCCESSPAY", false, CallbackState::Waiting),
            ("FAILUREREFUND", true, CallbackState::Overtaken),
            ("FAILUREREFUND", false, CallbackState::Waiting),
            ("SUCCESSREFUND", true, CallbackState::Waiting),
        ]
    );
}

/// A channel that was told that we have its notify sends none again.
#[tokio::test]
async fn a_notify_whose_question_is_unanswered_is_asked_about_again() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.after_s(900).await;
    // No timer asks about it any more.
    scene.after_s(27 * 3_600).await;
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
    let changed = Notify::Changed {
        channel_order_no: attempt.channel_order_no.clone(),
    };
    let no_answer = || Err(ChannelError::unknown(Doubt::Network, "no answer"));
    scene.answers(no_answer());
    answered_and_lost(&scene, changed).await;
    assert_eq!(scene.notifies_after_s(30).await, 1);
    // It tells before it has written.
    scene.answers(Ok(OrderState::Pending));
    assert_eq!(scene.notifies_after_s(60).await, 1);
    assert_eq!(scene.attempt("k").await.status, Attempt::Closed);
    scene.answers(Ok(paid(&attempt, 100)));
    assert_eq!(scene.notifies_after_s(120).await, 1);
    assert_eq!(
        scene.attempt("k").await.request_status,
        PayStatus::SuccessPay
    );
    assert_eq!(scene.notifies_after_s(3_600).await, 0);
}

/// What a channel says of an order that it is never paid is not asked about for ever.
#[tokio::test]
async fn a_notify_of_an_order_that_is_not_paid_comes_to_an_end() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.after_s(900).await;
    scene.answers(Ok(OrderState::Pending));
    let changed = Notify::Changed {
        channel_order_no: attempt.channel_order_no.clone(),
    };
    answered_and_lost(&scene, changed).await;
    assert_eq!(scene.notifies_after_s(30).await, 1);
    assert_eq!(scene.notifies_after_s(3_600).await, 1);
    assert_eq!(scene.notifies_after_s(36_000).await, 0);
}

/// Between the question and the close the money came to the channel, which checks it.
#[tokio::test]
async fn money_that_is_held_at_the_last_question_is_not_closed() {
    let scene = Scene::new().await;
    scene.pay("k").await.unwrap();
    let held = OrderState::Held("PENDING_REVIEW".to_owned());
    scene.channel.told.lock().unwrap().after_close = Some(held);
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    let closed = scene.checkout.close_asked(&close).await;
    assert_eq!(closed, Err(Failure::InProgress));
    let attempt = scene.attempt("k").await;
    assert_eq!(
        (attempt.status, attempt.request_status),
        (Attempt::Held, PayStatus::NotPay)
    );
}

#[tokio::test]
async fn an_order_that_seems_lost_is_made_once_more_for_all_who_wait() {
    let scene = Scene::new().await;
    let lost = ChannelError::unknown(Doubt::Network, "no answer");
    scene.channel.told.lock().unwrap().create = Some(lost);
    scene.pay("k").await.unwrap_err();
    scene.set_clock(scene.now_ms() + 11_000);
    scene.channel.told.lock().unwrap().create = None;
    scene.asked();
    let pay = || scene.pay("k");
    let (one, two, three, four) = tokio::join!(pay(), pay(), pay(), pay());
    for attempt in [one, two, three, four] {
        assert!(attempt.unwrap().obj.is_some());
    }
    assert_eq!(scene.asked(), ["create"]);
}

/// Where the same number would be a second order, nobody says it twice: its payer gets a
/// new attempt, once no answer can come any more.
#[tokio::test]
async fn a_channel_that_takes_a_number_twice_is_told_it_once() {
    let scene = Scene::new().await;
    let lost = ChannelError::unknown(Doubt::Network, "no answer");
    {
        let mut told = scene.channel.told.lock().unwrap();
        (told.create, told.makes_anew) = (Some(lost), true);
    }
    scene.pay("k").await.unwrap_err();
    let first = scene.attempt("k").await;
    scene.channel.told.lock().unwrap().create = None;
    scene.asked();
    scene.set_clock(scene.now_ms() + 29_000);
    scene.pay("k").await.unwrap_err();
    assert_eq!(scene.asked(), [""; 0]);
    scene.set_clock(scene.now_ms() + 2_000);
    let second = scene.pay("k").await.unwrap();
    assert_ne!(second.order_sn, first.order_sn);
    assert_eq!(scene.asked(), ["create"]);
    // The first one was made all the same, and its money counts.
    scene.answers(Ok(paid(&first, 100)));
    scene.checkout.requery(&first).await.unwrap();
    let paid = scene.store.attempt(&first.order_sn).await.unwrap().unwrap();
    assert_eq!(paid.status, Attempt::Paid);
}

/// A capture may be under way somewhere while its request is closed: the close waits, and
/// no other one begins.
#[tokio::test]
async fn an_approved_order_is_closed_once_no_capture_can_be_under_way() {
    let scene = Scene::new().await;
    let values = [("requestKey", "k"), ("rate", "6.8")];
    let attempt = scene.pay_by(Channel::Paypal, &values).await.unwrap();
    let answers = |state| scene.paypal.told.lock().unwrap().query = Some(Ok(state));
    answers(OrderState::Approved);
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    let closed = scene.checkout.close_asked(&close).await;
    assert_eq!(closed, Err(Failure::InProgress));
    // The payer comes back now.
    let now = scene
        .store
        .attempt(&attempt.order_sn)
        .await
        .unwrap()
        .unwrap();
    scene.checkout.watch(now).await.unwrap();
    let calls = scene.paypal.told.lock().unwrap().calls.clone();
    assert!(!calls.contains(&"capture"), "{calls:?}");
    answers(OrderState::Approved);
    scene.after_s(14).await;
    assert_eq!(scene.attempt("k").await.request_status, PayStatus::NotPay);
    answers(OrderState::Approved);
    scene.after_s(60).await;
    assert_eq!(scene.attempt("k").await.request_status, PayStatus::Closed);
    scene.checkout.close_asked(&close).await.unwrap();
}

/// The payer approves between the close's first question and its last one.
#[tokio::test]
async fn an_order_that_is_approved_while_it_is_closed_waits_too() {
    let scene = Scene::new().await;
    let values = [("requestKey", "k"), ("rate", "6.8")];
    scene.pay_by(Channel::Paypal, &values).await.unwrap();
    scene.paypal.told.lock().unwrap().after_close = Some(OrderState::Approved);
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    let closed = scene.checkout.close_asked(&close).await;
    assert_eq!(closed, Err(Failure::InProgress));
    assert_eq!(scene.attempt("k").await.request_status, PayStatus::NotPay);
}
