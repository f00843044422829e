//! Money that goes back without a refund of ours, and parts that are told from the
//! whole.

use crate::scene::{AGAIN, Scene, by_hmac, paid};
use checkout::{Errand, NotDone, Outcome};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::money::{Currency, Money};
use payment::operators::{Operator, Role};
use payment::pairs::Pairs;
use payment::ports::{
    AttemptRow, BackSum, ChannelError, Doubt, GivenBack, MoneyBack, Notify, OrderState, RawNotify,
    RefundReport, RefundRow, RefundState, RiskCount, RiskKind,
};
use payment::refund::{Cause, Refund};
use payment::sign::{Purpose, callback_sign2, sha1_sign};
use payment::status::PayStatus;
use payment::story::{Act, Source};

pub(crate) fn fen(minor: i64) -> Money {
    Money::from_minor(minor, Currency::Cny).unwrap()
}

/// A paid order of one yuan, of a domain that wants to know everything.
pub(crate) async fn paid_order(scene: &Scene) -> AttemptRow {
    let settings = |domain: &mut Domain| {
        domain.settings.sign2 = true;
        domain.settings.refund_callbacks = true;
        domain.settings.refund_details = true;
    };
    scene.with_domain(settings).await;
    let attempt = scene.pay("k").await.unwrap();
    scene.answers(Ok(paid(&attempt, 100)));
    scene.after_s(5).await;
    scene.attempt("k").await
}

/// A genuine notify of this kind comes.
async fn comes(scene: &Scene, notify: Notify) {
    static NUMBER: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    scene.channel.told.lock().unwrap().notify = Some(notify);
    let raw = RawNotify {
        headers: Vec::new(),
        body: number.to_string().into_bytes(),
        received_ms: scene.now_ms(),
    };
    let answer = scene.checkout.take_notify(Channel::Wechat, "fake", raw);
    assert_eq!(answer.await.unwrap().answer.status, 200);
}

/// The same, and it is worked on.
pub(crate) async fn hears(scene: &Scene, notify: Notify) {
    comes(scene, notify).await;
    // What a dead instance leaves is taken up; here it is worked on at once.
    while scene.store.backlog(i64::MAX).await.unwrap().notifies > 0 {
        tokio::task::yield_now().await;
    }
}

pub(crate) fn back(number: &str, sum: BackSum) -> MoneyBack {
    MoneyBack {
        channel_order_no: None,
        trade_no: Some("t".to_owned()),
        number: number.to_owned(),
        sum,
    }
}

pub(crate) fn by_hand(number: &str, sum: BackSum) -> Notify {
    Notify::Refund {
        refund_no: number.to_owned(),
        report: RefundReport {
            state: RefundState::Done,
            reference: Some(number.to_owned()),
        },
        back: back(number, sum),
    }
}

pub(crate) async fn refund(
    scene: &Scene,
    key: &str,
    money: &str,
) -> Result<String, checkout::Failure> {
    let values = [
        ("requestKey", "k"),
        ("refundKey", key),
        ("refundMoney", money),
    ];
    let asked = by_hmac(Purpose::Refund, &values);
    let info = scene.checkout.refund_asked(&asked).await?;
    Ok(format!("{} {}", info.refund_status, info.refunded_money))
}

/// The refund callbacks that were written, oldest first.
pub(crate) async fn told(scene: &Scene, order_sn: &str) -> Vec<Pairs> {
    let callbacks = scene.store.callbacks(order_sn).await.unwrap();
    let read = |url: &str| Pairs::from_query(url.split_once('?').unwrap().1).unwrap();
    callbacks.iter().skip(1).map(|row| read(&row.url)).collect()
}

#[tokio::test]
async fn a_sum_in_another_currency_may_be_all_that_is_left() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    let cad = Money::from_minor(30, Currency::Cad).unwrap();
    hears(&scene, Notify::Reversed(back("C1", BackSum::Of(cad)))).await;
    let rows = scene.store.refunds(&order.order_sn).await.unwrap();
    assert_eq!((rows.len(), rows[0].money), (1, fen(100)));
    let refused = refund(&scene, "a", "1").await;
    assert!(refused.is_err(), "{refused:?}");
}

#[tokio::test]
async fn a_chargeback_is_named_alarmed_and_counts_as_given_back() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    for _ in 0..2 {
        hears(
            &scene,
            Notify::Reversed(back("C 1|争", BackSum::Of(fen(60)))),
        )
        .await;
    }
    let rows = scene.store.refunds(&order.order_sn).await.unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!((rows[0].cause, rows[0].money), (Cause::Chargeback, fen(60)));
    assert_eq!(rows[0].refund_key.as_deref(), Some("ch-C 1|争"));
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    assert!(risks.iter().any(|risk| risk.kind == RiskKind::TakenBack));
    let story = scene.store.story(&order.order_sn).await.unwrap().unwrap();
    assert!(story.entries.iter().any(|entry| entry.what == "chargeback"));
    // Looked after it is at risk no more, and stays in the story.
    let looked = Errand::LookedAfter {
        order_sn: order.order_sn.clone(),
        number: "ch-C 1|争".to_owned(),
    };
    let run = async |role: Role| {
        let an = Operator {
            name: "an".to_owned(),
            role,
            enabled: true,
            created_ms: 0,
        };
        scene.checkout.run_errand(&an, &looked, "we lost it").await
    };
    assert!(matches!(
        run(Role::Support).await,
        Err(NotDone::NotAllowed(_))
    ));
    assert_eq!(run(Role::Cashier).await, Ok(Outcome::Done));
    let once = run(Role::Cashier).await;
    assert!(matches!(once, Err(NotDone::Unfit(..))), "{once:?}");
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    assert!(risks.is_empty(), "{risks:?}");
    let story = scene.store.story(&order.order_sn).await.unwrap().unwrap();
    let noted = format!(
        "an: order looked-after {} --refund \"ch-C 1|争\": we lost it",
        order.order_sn
    );
    assert!(
        story.entries.iter().any(|entry| entry.detail == noted),
        "{story:?}"
    );
    // Ours never exceed what is left, and the refusal says what that is.
    let refused = refund(&scene, "a", "41").await;
    assert_eq!(refused, Err(checkout::Failure::TooMuch(40)));
    assert!(refund(&scene, "a", "40").await.is_ok());
    let callback = &told(&scene, &order.order_sn).await[0];
    let value = |name| callback.get(name).unwrap_or_default();
    assert_eq!(value("payStatus"), "SUCCESSREFUND");
    assert_eq!(
        (value("refundKey"), value("refundMoney")),
        ("ch-C 1|争", "60")
    );
}

#[tokio::test]
async fn a_refund_made_at_the_channel_joins_its_order() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    // Told by itself, and by all that went back so far.
    hears(&scene, by_hand("H1", BackSum::Of(fen(30)))).await;
    hears(&scene, by_hand("H2", BackSum::InAll(fen(50)))).await;
    hears(&scene, by_hand("H2", BackSum::InAll(fen(50)))).await;
    let rows = scene.store.refunds(&order.order_sn).await.unwrap();
    let sums: Vec<_> = rows
        .iter()
        .map(|row| (row.cause, row.money.minor()))
        .collect();
    assert_eq!(sums, [(Cause::AtChannel, 30), (Cause::AtChannel, 20)]);
    assert_eq!(
        scene.attempt("k").await.request_status,
        PayStatus::SuccessRefund
    );
    // More than is left is no more than that.
    hears(&scene, by_hand("H3", BackSum::Of(fen(80)))).await;
    let rows = scene.store.refunds(&order.order_sn).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.money.minor()).sum::<i64>(), 100);
    hears(&scene, by_hand("H4", BackSum::Rest)).await;
    assert_eq!(scene.store.refunds(&order.order_sn).await.unwrap().len(), 3);
    let all = scene.store.order_numbers("", 99).await.unwrap();
    let found = scene.store.contradictions(Some(&all)).await.unwrap();
    assert_eq!(found, Vec::<String>::new());
}

/// The order's refunds: whose they are, how they stand, and their fen.
pub(crate) async fn refunds(scene: &Scene, order: &AttemptRow) -> Vec<(Cause, Refund, i64)> {
    let rows = scene.store.refunds(&order.order_sn).await.unwrap();
    let tell = |row: &RefundRow| (row.cause, row.state, row.money.minor());
    rows.iter().map(tell).collect()
}

/// A paid order whose whole sum is on its way back, as far as its channel says.
pub(crate) async fn with_all_on_its_way(scene: &Scene) -> AttemptRow {
    let order = paid_order(scene).await;
    refund(scene, "a", "100").await.unwrap();
    scene.channel.told.lock().unwrap().refund = Some(Ok(RefundState::Pending));
    scene.channel.told.lock().unwrap().query_refund = Some(Ok(RefundState::Pending));
    scene.refunds_after_s(1).await;
    order
}

#[tokio::test]
async fn money_that_went_back_is_kept_though_a_refund_of_ours_holds_the_sum() {
    let scene = Scene::new().await;
    let order = with_all_on_its_way(&scene).await;
    hears(&scene, by_hand("H1", BackSum::Of(fen(60)))).await;
    // What is over is never less than nothing.
    let refused = refund(&scene, "b", "1").await;
    assert_eq!(refused, Err(checkout::Failure::TooMuch(0)));
    let failed = RefundState::Failed("refused".to_owned());
    scene.channel.told.lock().unwrap().query_refund = Some(Ok(failed));
    scene.refunds_after_s(60).await;
    let held = [
        (Cause::Business, Refund::Failed, 100),
        (Cause::AtChannel, Refund::Done, 60),
    ];
    assert_eq!(refunds(&scene, &order).await, held);
    let refused = refund(&scene, "c", "41").await;
    assert_eq!(refused, Err(checkout::Failure::TooMuch(40)));
    let all = scene.store.order_numbers("", 99).await.unwrap();
    let found = scene.store.contradictions(Some(&all)).await.unwrap();
    assert_eq!(found, Vec::<String>::new());
}

#[tokio::test]
async fn money_beside_the_request_goes_back_without_a_word_to_its_business() {
    for closed in [false, true] {
        let scene = Scene::new().await;
        let beside = scene.pay("k").await.unwrap();
        let settings = |domain: &mut Domain| {
            domain.settings.sign2 = true;
            domain.settings.refund_callbacks = true;
            domain.settings.refund_details = true;
        };
        scene.with_domain(settings).await;
        if closed {
            let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
            scene.checkout.close_asked(&close).await.unwrap();
        } else {
            let other = [("requestKey", "k"), ("rate", "6.8")];
            let first = scene.pay_by(Channel::Paypal, &other).await.unwrap();
            let OrderState::Paid(mut report) = paid(&first, 15) else {
                panic!("not paid")
            };
            report.money = Money::from_minor(15, Currency::Usd).unwrap();
            scene.paypal.told.lock().unwrap().query = Some(Ok(OrderState::Paid(report)));
            scene.after_s(5).await;
        }
        let OrderState::Paid(report) = paid(&beside, 100) else {
            panic!("not paid")
        };
        hears(&scene, Notify::Paid(report)).await;
        // Its refund is under way for long, and somebody makes it by hand.
        let lost = ChannelError::unknown(Doubt::Network, "lost");
        scene.channel.told.lock().unwrap().refund = Some(Err(lost));
        scene.refunds_after_s(1).await;
        hears(&scene, by_hand("H1", BackSum::Of(fen(60)))).await;
        hears(&scene, Notify::Reversed(back("C1", BackSum::Of(fen(40))))).await;
        let rows = refunds(&scene, &beside).await;
        assert_eq!(rows.len(), 3, "{rows:?}");
        let callbacks = scene.store.callbacks(&beside.order_sn).await.unwrap();
        assert!(callbacks.is_empty(), "{closed}: {callbacks:?}");
    }
}

#[tokio::test]
async fn a_refund_that_was_withdrawn_and_is_made_all_the_same_is_told() {
    let scene = Scene::new().await;
    let settings = |domain: &mut Domain| domain.settings.refund_callbacks = true;
    scene.with_domain(settings).await;
    let late = scene.pay("k").await.unwrap();
    let close = by_hmac(Purpose::Close, &[("requestKey", "k")]);
    scene.checkout.close_asked(&close).await.unwrap();
    let OrderState::Paid(report) = paid(&late, 100) else {
        panic!("not paid")
    };
    hears(&scene, Notify::Paid(report)).await;
    // It waits for a person at the channel, and an operator lets its money pay.
    let waits = RefundState::Held("ABNORMAL".to_owned());
    {
        let mut told = scene.channel.told.lock().unwrap();
        (told.refund, told.reference) = (Some(Ok(waits)), Some("F1".to_owned()));
    }
    scene.refunds_after_s(1).await;
    scene.checkout.honour(&late.order_sn).await.unwrap();
    let withdrawn = (Cause::AfterClose, Refund::Withdrawn, 100);
    assert_eq!(refunds(&scene, &late).await, [withdrawn]);
    // The person at the channel makes it.
    let rows = scene.store.refunds(&late.order_sn).await.unwrap();
    let made = Notify::Refund {
        refund_no: rows[0].refund_no.clone(),
        report: RefundReport {
            state: RefundState::Done,
            reference: Some("F1".to_owned()),
        },
        back: back("F1", BackSum::Of(fen(100))),
    };
    for _ in 0..2 {
        hears(&scene, made.clone()).await;
    }
    let made = (Cause::AtChannel, Refund::Done, 100);
    assert_eq!(refunds(&scene, &late).await, [withdrawn, made]);
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    let is_told = |kind| risks.iter().any(|risk| risk.kind == kind);
    assert!(is_told(RiskKind::TakenBack), "{risks:?}");
    let callbacks = scene.store.callbacks(&late.order_sn).await.unwrap();
    let last = callbacks.last().unwrap();
    assert!(last.url.contains("SUCCESSREFUND"), "{}", last.url);
}

#[tokio::test]
async fn what_goes_back_before_its_payment_is_heard_of_waits_for_it() {
    let scene = Scene::new().await;
    let settings = |domain: &mut Domain| domain.settings.refund_callbacks = true;
    scene.with_domain(settings).await;
    let attempt = scene.pay("k").await.unwrap();
    let early = |number: &str| {
        let mut back = back(number, BackSum::Of(fen(60)));
        back.channel_order_no = Some(attempt.channel_order_no.clone());
        Notify::Reversed(back)
    };
    // The channel does not say so yet: nothing is written, and it is looked at again.
    comes(&scene, early("C1")).await;
    let looked_at = async || scene.store.notify(1).await.unwrap().unwrap().outcome;
    while looked_at().await.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(refunds(&scene, &attempt).await, []);
    scene.answers(Ok(paid(&attempt, 100)));
    while scene.store.backlog(i64::MAX).await.unwrap().notifies > 0 {
        scene.notifies_after_s(60).await;
    }
    let rows = refunds(&scene, &attempt).await;
    assert_eq!(rows, [(Cause::Chargeback, Refund::Done, 60)]);
    let callbacks = scene.store.callbacks(&attempt.order_sn).await.unwrap();
    let words: Vec<_> = callbacks
        .iter()
        .map(|row| row.url.contains("payStatus=SUCCESSPAY"))
        .collect();
    assert_eq!(words, [true, false], "the payment is told first");
    // Of one that is closed unpaid it is for a person.
    let unpaid = scene.pay("u").await.unwrap();
    scene.answers(Ok(OrderState::Closed));
    let mut strange = back("C2", BackSum::Of(fen(60)));
    strange.channel_order_no = Some(unpaid.channel_order_no.clone());
    hears(&scene, Notify::Reversed(strange)).await;
    assert_eq!(refunds(&scene, &unpaid).await, []);
    let callbacks = scene.store.callbacks(&unpaid.order_sn).await.unwrap();
    assert!(callbacks.is_empty(), "{callbacks:?}");
}

#[tokio::test]
async fn what_goes_back_of_an_order_that_nobody_says_is_paid_is_for_a_person() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    scene.after_s(2 * 86_400).await;
    let mut early = back("C1", BackSum::Of(fen(60)));
    early.channel_order_no = Some(attempt.channel_order_no.clone());
    hears(&scene, Notify::Reversed(early)).await;
    assert_eq!(refunds(&scene, &attempt).await, []);
    let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
    assert!(
        risks.iter().any(|risk| risk.kind == RiskKind::Mismatch),
        "{risks:?}"
    );
}

#[tokio::test]
async fn a_number_that_two_orders_share_is_a_refund_of_each() {
    let scene = Scene::new().await;
    let mut orders = vec![paid_order(&scene).await];
    let second = scene.pay("other").await.unwrap();
    scene.answers(Ok(paid(&second, 100)));
    scene.after_s(5).await;
    orders.push(scene.attempt("other").await);
    for order in &orders {
        for _ in 0..2 {
            let mut made = back("1", BackSum::Of(fen(60)));
            made.channel_order_no = Some(order.channel_order_no.clone());
            hears(&scene, Notify::Reversed(made)).await;
        }
        let of_one = [(Cause::Chargeback, Refund::Done, 60)];
        assert_eq!(refunds(&scene, order).await, of_one);
    }
}

#[tokio::test]
async fn what_a_notify_tells_of_our_own_refund_is_not_counted_twice() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    refund(&scene, "a", "30").await.unwrap();
    scene.channel.told.lock().unwrap().reference = Some("CH7".to_owned());
    scene.refunds_after_s(1).await;
    // The channel names it by its own number alone.
    hears(&scene, by_hand("CH7", BackSum::Of(fen(30)))).await;
    let own = [(Cause::Business, Refund::Done, 30)];
    assert_eq!(refunds(&scene, &order).await, own);
}

#[tokio::test]
async fn a_number_of_ours_that_comes_back_as_a_key_is_that_refund() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    let row = scene
        .checkout
        .refund_order("li", &order.order_sn, 50, None, ("", AGAIN))
        .await;
    let number = row.unwrap().refund_no;
    assert!(refund(&scene, &number, "50").await.is_ok());
    let other = refund(&scene, &number, "49").await;
    assert_eq!(other, Err(checkout::Failure::RefundKeyReused));
    let one = [(Cause::Operator, Refund::New, 50)];
    assert_eq!(refunds(&scene, &order).await, one);
}

#[tokio::test]
async fn a_refusal_of_what_was_sent_before_is_no_proof() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    refund(&scene, "a", "30").await.unwrap();
    {
        let mut told = scene.channel.told.lock().unwrap();
        told.is_mute = true;
        told.refund = Some(Err(ChannelError::unknown(Doubt::Network, "lost")));
        told.query_refund = Some(Ok(RefundState::NotFound));
    }
    scene.refunds_after_s(1).await;
    let refused = Err(ChannelError::Refused {
        code: "111".to_owned(),
        message: String::new(),
    });
    scene.channel.told.lock().unwrap().refund = Some(refused.clone());
    scene.refunds_after_s(60).await;
    let parked = [(Cause::Business, Refund::Parked, 30)];
    assert_eq!(refunds(&scene, &order).await, parked);
    // Where the channel itself says that it knows none, a refusal is one.
    refund(&scene, "b", "30").await.unwrap();
    {
        let mut told = scene.channel.told.lock().unwrap();
        told.is_mute = false;
        told.refund = Some(Err(ChannelError::unknown(Doubt::Network, "lost")));
    }
    scene.refunds_after_s(1).await;
    scene.channel.told.lock().unwrap().refund = Some(refused);
    scene.refunds_after_s(60).await;
    let rows = refunds(&scene, &order).await;
    assert_eq!(rows[1], (Cause::Business, Refund::Failed, 30));
}

#[tokio::test]
async fn of_two_that_hold_a_refund_one_sends_it() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    refund(&scene, "a", "30").await.unwrap();
    scene.channel.told.lock().unwrap().query_refund = Some(Ok(RefundState::Pending));
    // The first one is slower than its lease: a second one takes the refund up.
    let (first, second) = tokio::join!(scene.refunds_after_s(1), scene.refunds_after_s(31));
    assert_eq!((first, second), (1, 1), "both hold it");
    let asked = scene.asked();
    assert_eq!(asked.iter().filter(|call| **call == "refund").count(), 1);
    assert_eq!(refunds(&scene, &order).await.len(), 1);
}

#[tokio::test]
async fn a_refund_that_no_longer_fits_never_leaves() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    refund(&scene, "a", "100").await.unwrap();
    hears(&scene, Notify::Reversed(back("C1", BackSum::Of(fen(60))))).await;
    scene.refunds_after_s(1).await;
    let held = [
        (Cause::Business, Refund::Failed, 100),
        (Cause::Chargeback, Refund::Done, 60),
    ];
    assert_eq!(refunds(&scene, &order).await, held);
    assert!(!scene.channel.told.lock().unwrap().calls.contains(&"refund"));
    assert!(refund(&scene, "b", "40").await.is_ok());
}

#[tokio::test]
async fn all_that_went_back_holds_of_ours_only_what_has_left() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    refund(&scene, "a", "30").await.unwrap();
    hears(&scene, by_hand("H1", BackSum::InAll(fen(50)))).await;
    let by_hand_of = async |fen: i64| {
        let rows = refunds(&scene, &order).await;
        rows.contains(&(Cause::AtChannel, Refund::Done, fen))
    };
    assert!(by_hand_of(50).await);
    // Nobody knows whether this one is in the sum: it is waited for.
    scene.channel.told.lock().unwrap().refund = Some(Ok(RefundState::Pending));
    scene.refunds_after_s(1).await;
    comes(&scene, by_hand("H2", BackSum::InAll(fen(90)))).await;
    let soon_ms = scene.now_ms() + 3_000;
    let put_off = async || scene.store.take_due_notifies(soon_ms, soon_ms, 1).await;
    while put_off().await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(refunds(&scene, &order).await.len(), 2);
    let failed = RefundState::Failed("refused".to_owned());
    scene.channel.told.lock().unwrap().query_refund = Some(Ok(failed));
    scene.refunds_after_s(60).await;
    scene.checkout.run_due_notifies().await.unwrap();
    assert!(by_hand_of(40).await);
}

/// An order that is found paid, and with this of it given back.
async fn found_given_back(scene: &Scene, given_back: GivenBack) -> AttemptRow {
    let attempt = scene.pay("k").await.unwrap();
    let OrderState::Paid(mut report) = paid(&attempt, 100) else {
        panic!("not paid")
    };
    report.given_back = given_back;
    scene.answers(Ok(OrderState::Paid(report)));
    scene.after_s(5).await;
    // Asked again, nothing more went back.
    scene.checkout.requery(&attempt).await.unwrap();
    scene.attempt("k").await
}

#[tokio::test]
async fn what_went_back_before_the_first_question_is_kept() {
    for sum in [BackSum::Of(fen(60)), BackSum::InAll(fen(60))] {
        let scene = Scene::new().await;
        let parts = GivenBack::Parts(vec![back("H1", sum)]);
        let order = found_given_back(&scene, parts).await;
        assert_eq!(order.request_status, PayStatus::SuccessRefund);
        let one = [(Cause::AtChannel, Refund::Done, 60)];
        assert_eq!(refunds(&scene, &order).await, one);
        // Its notify comes after.
        hears(&scene, by_hand("H1", sum)).await;
        assert_eq!(refunds(&scene, &order).await, one);
        let refused = refund(&scene, "a", "41").await;
        assert_eq!(refused, Err(checkout::Failure::TooMuch(40)));
    }
}

#[tokio::test]
async fn what_went_back_untold_is_for_a_person() {
    let scene = Scene::new().await;
    let order = found_given_back(&scene, GivenBack::Untold).await;
    assert_eq!(order.request_status, PayStatus::SuccessPay);
    assert!(refunds(&scene, &order).await.is_empty());
    let risks = async || scene.store.at_risk(scene.now_ms()).await.unwrap();
    let kinds: Vec<_> = risks().await.iter().map(|risk| risk.kind).collect();
    assert_eq!(kinds, [RiskKind::TakenBack]);
    let counts = scene.store.risk_counts(scene.now_ms()).await.unwrap();
    let counted = |count: &RiskCount| count.kind == RiskKind::TakenBack && count.count == 1;
    assert!(counts.iter().any(counted));
    // The order's sum is at risk, until somebody has looked after it.
    assert_eq!(risks().await[0].money, Some(order.money));
    let number = &order.order_sn;
    assert_eq!(
        scene.store.to_look_after(number).await,
        Ok(vec![number.clone()])
    );
    let act = Act {
        at_ms: scene.now_ms(),
        by: Source::Operator,
    };
    let looked = scene.store.look_after(number, number, "seen", act).await;
    assert_eq!((looked, risks().await.len()), (Ok(true), 0));
    // Asked again, and told the same.
    scene.checkout.requery(&order).await.unwrap();
    assert_eq!(risks().await.len(), 0);
    // A notify that says how much takes its place.
    hears(&scene, by_hand("H1", BackSum::Of(fen(60)))).await;
    let one = [(Cause::AtChannel, Refund::Done, 60)];
    assert_eq!(refunds(&scene, &order).await, one);
    assert_eq!(risks().await.len(), 1);
}

#[tokio::test]
async fn a_refund_of_ours_is_what_the_order_shows() {
    for given_back in [
        GivenBack::Untold,
        GivenBack::Parts(vec![back("CH7", BackSum::Of(fen(30)))]),
        GivenBack::Parts(vec![back("t-0.30", BackSum::InAll(fen(30)))]),
    ] {
        let scene = Scene::new().await;
        let order = paid_order(&scene).await;
        refund(&scene, "a", "30").await.unwrap();
        let OrderState::Paid(mut report) = paid(&order, 100) else {
            panic!("not paid")
        };
        report.given_back = given_back;
        scene.answers(Ok(OrderState::Paid(report)));
        // Both before it is known to be done and after.
        scene.checkout.requery(&order).await.unwrap();
        scene.channel.told.lock().unwrap().reference = Some("CH7".to_owned());
        scene.refunds_after_s(1).await;
        scene.checkout.requery(&order).await.unwrap();
        let own = [(Cause::Business, Refund::Done, 30)];
        assert_eq!(refunds(&scene, &order).await, own);
        let risks = scene.store.at_risk(scene.now_ms()).await.unwrap();
        assert!(risks.is_empty(), "{risks:?}");
    }
}

#[tokio::test]
async fn a_part_is_told_from_the_whole() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    for (key, money) in [("a", "34"), ("b", "66")] {
        refund(&scene, key, money).await.unwrap();
        scene.refunds_after_s(1).await;
    }
    assert_eq!(
        refund(&scene, "a", "34").await.unwrap(),
        "SUCCESSREFUND 100"
    );
    let callbacks = told(&scene, &order.order_sn).await;
    let sums: Vec<_> = callbacks
        .iter()
        .map(|one| ["refundKey", "refundMoney", "refundedMoney"].map(|name| one.get(name).unwrap()))
        .collect();
    assert_eq!(sums, [["a", "34", "34"], ["b", "66", "100"]]);
    let secret = &Domain::test().secrets()[0].clone();
    for callback in &callbacks {
        let sent: Vec<_> = callback.iter().collect();
        // The old sign covers the nine values as ever.
        let nine = sent.iter().take(9).map(|(_, value)| *value);
        assert_eq!(callback.get("sign"), Some(sha1_sign(nine, secret).as_str()));
        let all = sent.iter().copied();
        let all = all.filter(|(name, _)| !matches!(*name, "sign" | "sign2"));
        assert_eq!(
            callback.get("sign2"),
            Some(callback_sign2(all, secret).as_str())
        );
    }
    let query = by_hmac(Purpose::Query, &[("requestKey", "k")]);
    let info = scene.checkout.query_info(&query).await.unwrap().unwrap();
    assert_eq!(info.refunded_money, Some(100));
    let refunds = info.refunds.unwrap();
    assert_eq!(refunds.len(), 2);
    assert_eq!((refunds[0].refund_money, refunds[1].refund_money), (34, 66));
    assert_eq!(refunds[0].pay_status, "SUCCESSREFUND");
}

#[tokio::test]
async fn a_domain_without_the_option_is_told_the_nine_values() {
    let scene = Scene::new().await;
    let order = paid_order(&scene).await;
    let settings = |domain: &mut Domain| {
        domain.settings.sign2 = false;
        domain.settings.refund_details = false;
    };
    scene.with_domain(settings).await;
    refund(&scene, "a", "34").await.unwrap();
    scene.refunds_after_s(1).await;
    let callbacks = told(&scene, &order.order_sn).await;
    assert_eq!(callbacks[0].iter().count(), 10, "nine and the sign");
    let query = by_hmac(Purpose::Query, &[("requestKey", "k")]);
    let info = scene.checkout.query_info(&query).await.unwrap().unwrap();
    assert_eq!((info.refunded_money, info.refunds), (None, None));
    let mut details = Domain::test();
    details.settings.refund_details = true;
    assert!(details.check().is_err(), "the old sign does not cover them");
}

#[tokio::test]
async fn keys_that_stand_for_other_things_are_refused() {
    let scene = Scene::new().await;
    paid_order(&scene).await;
    for key in ["ch-C1", "SUCCESSPAY", "x-CLOSED-x"] {
        let refused = refund(&scene, key, "1").await;
        assert!(
            matches!(refused, Err(checkout::Failure::Refused(_))),
            "{key}"
        );
    }
}

#[tokio::test]
async fn a_notify_is_kept_once_however_often_it_comes() {
    let scene = Scene::new().await;
    let attempt = scene.pay("k").await.unwrap();
    let payment::ports::OrderState::Paid(report) = paid(&attempt, 100) else {
        panic!("not paid")
    };
    scene.channel.told.lock().unwrap().notify = Some(Notify::Paid(report));
    let raw = |unsigned: usize| RawNotify {
        headers: Vec::new(),
        body: format!("the same{}", " ".repeat(unsigned)).into_bytes(),
        received_ms: scene.now_ms(),
    };
    for count in 0..300 {
        let raw = raw(count % 3);
        let answer = scene.checkout.take_notify(Channel::Wechat, "fake", raw);
        assert_eq!(answer.await.unwrap().answer.status, 200);
    }
    assert!(scene.store.notify_body(1).await.unwrap().is_some());
    assert_eq!(scene.store.notify_body(2).await.unwrap(), None);
}

/// Who sends what does not verify is charged for it; the channel itself is not.
#[tokio::test]
async fn what_our_key_does_not_open_is_no_forgery() {
    let scene = Scene::new().await;
    let sealed = || {
        let raised = checkout::alarms_raised().into_iter();
        raised
            .filter(|(kind, _)| *kind == "sealed")
            .map(|(_, count)| count)
            .sum::<u64>()
    };
    let before = sealed();
    for (doubt, verified) in [(Doubt::Sealed, true), (Doubt::Signature, false)] {
        scene.channel.told.lock().unwrap().notify_doubt = Some(doubt);
        let raw = RawNotify {
            headers: Vec::new(),
            body: b"sealed".to_vec(),
            received_ms: scene.now_ms(),
        };
        let taken = scene.checkout.take_notify(Channel::Wechat, "fake", raw);
        let taken = taken.await.unwrap();
        assert_eq!(taken.verified, verified, "{doubt:?}");
        assert_eq!(sealed() - before, 1, "a person has to put the key right");
    }
    assert_eq!(scene.store.notify_body(1).await.unwrap(), None);
}

#[tokio::test]
async fn a_form_that_can_not_be_opened_any_more_is_not_given_again() {
    let scene = Scene::new().await;
    let first = scene.pay("k").await.unwrap();
    assert_eq!(scene.pay("k").await.unwrap().order_sn, first.order_sn);
    scene.channel.told.lock().unwrap().fresh_since_ms = scene.now_ms() + 1;
    scene.after_s(1).await;
    assert!(scene.checkout.is_stale(&first));
    let second = scene.pay("k").await.unwrap();
    assert_ne!(second.order_sn, first.order_sn);
    assert!(!scene.checkout.is_stale(&second));
}

#[tokio::test]
async fn a_refund_made_at_the_channel_that_is_on_its_way_is_asked_about() {
    let failed = || RefundState::Failed("refused".to_owned());
    // What the channel says at last, and after how many days.
    for (end, days) in [
        (Some(RefundState::Done), 3),
        (Some(failed()), 3),
        (None, 60),
    ] {
        let scene = Scene::new().await;
        let order = paid_order(&scene).await;
        scene.channel.told.lock().unwrap().query_refund = Some(Ok(RefundState::Pending));
        let mut told = by_hand("H1", BackSum::Of(fen(30)));
        if let Notify::Refund { report, .. } = &mut told {
            report.state = RefundState::Pending;
        }
        comes(&scene, told).await;
        // It waits, and is due again as often as that.
        let waits = async || scene.store.backlog(i64::MAX).await.unwrap().notifies;
        while !scene.asked().contains(&"query_refund") {
            tokio::task::yield_now().await;
        }
        scene.notifies_after_s(days * 86_400 - 3_600).await;
        assert_eq!(waits().await, 1);
        if let Some(state) = &end {
            scene.channel.told.lock().unwrap().query_refund = Some(Ok(state.clone()));
        }
        scene.notifies_after_s(3_600).await;
        assert_eq!(waits().await, 0);
        let back = refunds(&scene, &order).await;
        match end {
            Some(RefundState::Done) => {
                assert_eq!(back, [(Cause::AtChannel, Refund::Done, 30)]);
            }
            _ => assert_eq!(back, []),
        }
    }
}
