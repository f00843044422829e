//! The PayPal adapter against the sandbox, and every PayPal vector.

use crate::world::{World, assert_unknown, now_ms, order, refund_of, vectors};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use channels::paypal::signed_text;
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::obj::{Form, Method, Obj};
use payment::ports::{
    BackSum, ChannelError, ChannelOrder, Gateway, GivenBack, Kind, NewOrder, Notify, OrderState,
    RefundState,
};
use serde_json::Value;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;

fn adapter(world: &World) -> Arc<dyn Gateway> {
    world.of(Channel::Paypal).remove(0)
}

fn dollars(cents: i64) -> Money {
    Money::from_minor(cents, Currency::Usd).unwrap()
}

/// An order that no test made before, and whose webhooks come to this world.
fn fresh(world: &World) -> NewOrder {
    let mut new = order();
    new.kind = Kind::Page;
    new.order.money = dollars(12_345);
    new.return_url = format!("{}/pay/return/t", world.target);
    new
}

/// Makes an order; gives it with PayPal's name for it, and its form.
async fn made(gateway: &Arc<dyn Gateway>, new: &NewOrder) -> (ChannelOrder, Form) {
    let created = gateway.create(new).await.unwrap();
    let Obj::Form(form) = created.obj else {
        panic!("no form")
    };
    let order = ChannelOrder {
        reference: created.reference,
        ..new.order.clone()
    };
    (order, form)
}

/// An order whose payer has approved; its webhook is put aside.
async fn approved(world: &World, gateway: &Arc<dyn Gateway>) -> ChannelOrder {
    let (order, _) = made(gateway, &fresh(world)).await;
    world.act("pay", &order.number).await;
    world.letter().await;
    order
}

/// An order that is paid, with the capture's number.
async fn paid(world: &World, gateway: &Arc<dyn Gateway>) -> ChannelOrder {
    let mut order = approved(world, gateway).await;
    let Ok(OrderState::Paid(report)) = gateway.capture(&order).await else {
        panic!("not paid")
    };
    order.trade_no = Some(report.trade_no);
    world.letter().await;
    order
}

#[tokio::test]
async fn an_order_is_approved_captured_and_paid() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let new = fresh(&world);
    let unknown = gateway.query(&new.order).await;
    assert_eq!(unknown, Ok(OrderState::NotFound), "before it has a name");
    let (order, form) = made(&gateway, &new).await;
    assert_eq!(form.method, Method::Get);
    assert_eq!(form.fields[0].0, "token");
    let page = world
        .page(&format!("{}?token={}", form.action, form.fields[0].1))
        .await;
    assert!(
        page.contains("USD 123.45") && page.contains("蓝牙耳机"),
        "{page}"
    );
    let again = made(&gateway, &new).await.0;
    assert_eq!(again, order, "the same order again is the same order");
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Pending));
    assert_eq!(gateway.capture(&order).await, Ok(OrderState::Pending));
    let before_ms = now_ms() / 1000 * 1000;
    world.act("pay", &order.number).await;
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Approved));
    let Ok(OrderState::Paid(report)) = gateway.capture(&order).await else {
        panic!("not paid")
    };
    assert_eq!(
        (report.money, &report.channel_order_no),
        (new.order.money, &order.number)
    );
    assert_eq!(report.merchant, gateway.merchant());
    assert!(report.paid_ms.unwrap() >= before_ms);
    let once_more = gateway.capture(&order).await;
    assert_eq!(once_more, Ok(OrderState::Paid(report.clone())));
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Paid(report)));
}

#[tokio::test]
async fn a_capture_may_wait() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = approved(&world, &gateway).await;
    assert_eq!(gateway.close(&order).await, Ok(()), "nothing is taken yet");
    world.fault("capture", "pending").await;
    let held = Ok(OrderState::Held("PENDING_REVIEW".to_owned()));
    assert_eq!(gateway.capture(&order).await, held);
    assert_eq!(gateway.query(&order).await, held);
    let left = gateway.close(&order).await;
    assert!(
        matches!(left, Err(ChannelError::Refused { .. })),
        "{left:?}"
    );
    world.act("pay", &order.number).await;
    assert!(matches!(
        gateway.query(&order).await,
        Ok(OrderState::Paid(_))
    ));
}

#[tokio::test]
async fn a_held_capture_may_be_denied() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = approved(&world, &gateway).await;
    let fault = serde_json::json!({"on": "capture", "kind": "pending", "reason": "ECHECK"});
    world.control("fault", fault).await;
    let held = Ok(OrderState::Held("ECHECK".to_owned()));
    assert_eq!(gateway.capture(&order).await, held);
    world.letter().await;
    world.act("decline", &order.number).await;
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Declined));
    let changed = Notify::Changed {
        channel_order_no: order.number.clone(),
    };
    assert_eq!(
        gateway.read_notify(&world.letter().await).await,
        Ok(changed)
    );
}

#[tokio::test]
async fn a_refund_that_a_short_balance_holds_up_is_not_over() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    // The whole: it can't be made twice.
    let mut refund = refund_of(&order, "R1", 12_345);
    for _ in 0..2 {
        world.fault("refund", "not_enough").await;
        let held_up = gateway.refund(&refund).await.unwrap();
        let RefundState::Again(why) = &held_up.state else {
            panic!("{held_up:?}")
        };
        assert!(why.contains("REFUND_FAILED_INSUFFICIENT_FUNDS"), "{why}");
        // The balance is filled up, and PayPal answers the same to the same.
        assert_eq!(gateway.refund(&refund).await, Ok(held_up.clone()));
        assert_ne!(held_up.reference, refund.reference);
        refund.reference = held_up.reference;
        let asked = gateway.query_refund(&refund).await.unwrap();
        assert_eq!(asked.state, RefundState::NotFound, "to be sent again");
    }
    // An answer that was lost is had by the same once more.
    world.fault("refund", "drop").await;
    assert_unknown("lost", &gateway.refund(&refund).await);
    let done = gateway.refund(&refund).await.unwrap();
    assert_eq!(done.state, RefundState::Done);
    refund.reference.clone_from(&done.reference);
    assert_eq!(gateway.query_refund(&refund).await, Ok(done));
}

#[tokio::test]
async fn money_that_paypal_takes_back_is_told() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    world.act("reverse", &order.number).await;
    let read = gateway.read_notify(&world.letter().await).await;
    let Ok(Notify::Reversed(back)) = read else {
        panic!("{read:?}")
    };
    assert_eq!(back.trade_no, order.trade_no);
    assert_eq!(back.sum, BackSum::Of(order.money));
    // What is left is the dispute's: a refund waits for a person.
    let refund = gateway.refund(&refund_of(&order, "R1", 1)).await;
    let held = RefundState::Held("REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK".to_owned());
    assert_eq!(refund.map(|made| made.state), Ok(held));
}

#[tokio::test]
async fn a_refund_of_a_disputed_payment_waits_for_a_person() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    world.fault("refund", "disputed").await;
    let refund = gateway.refund(&refund_of(&order, "R1", 1)).await;
    let held = RefundState::Held("TRANSACTION_DISPUTED".to_owned());
    assert_eq!(refund.map(|made| made.state), Ok(held));
}

/// An order whose payer approved it, and whose bank then declines.
async fn declined(world: &World, gateway: &Arc<dyn Gateway>, order: &ChannelOrder) {
    world.act("decline", &order.number).await;
    let pending = Ok(OrderState::Pending);
    assert_eq!(gateway.capture(order).await, pending, "to be approved anew");
    assert_eq!(gateway.query(order).await, pending);
}

#[tokio::test]
async fn a_declined_order_is_approved_anew_and_captured() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = approved(&world, &gateway).await;
    declined(&world, &gateway, &order).await;
    // The same question once more is answered the same, and changes nothing.
    assert_eq!(gateway.capture(&order).await, Ok(OrderState::Pending));
    world.act("pay", &order.number).await;
    world.letter().await;
    declined(&world, &gateway, &order).await;
    world.act("pay", &order.number).await;
    world.letter().await;
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Approved));
    world.fault("capture", "drop").await;
    assert_unknown("lost", &gateway.capture(&order).await);
    // Another instance, or the same started again, knows nothing of what went before.
    let another = world.changed(Channel::Paypal, |_| {}).remove(0);
    let captured = another.capture(&order).await;
    let Ok(OrderState::Paid(report)) = &captured else {
        panic!("{captured:?}")
    };
    assert_eq!(report.money, order.money);
    assert_eq!(gateway.capture(&order).await, captured);
}

/// PayPal says of one order at once that it is approved and that it is not: that ends
/// nothing, and spends one id for each question.
#[tokio::test]
async fn an_approval_that_paypal_does_not_know_everywhere_yet_is_waited_for() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = approved(&world, &gateway).await;
    // Whoever asks often spends no more than one id a second.
    let captured = async |gateway: &Arc<dyn Gateway>| loop {
        match gateway.capture(&order).await {
            Ok(OrderState::Pending) => {
                assert_eq!(gateway.query(&order).await, Ok(OrderState::Approved));
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            other => return other,
        }
    };
    for _ in 0..2 {
        world.fault("capture", "lags").await;
    }
    // Another instance finds the spent ids one by one, and the first that is not.
    let another = world.changed(Channel::Paypal, |_| {}).remove(0);
    let first = captured(&gateway).await;
    assert!(matches!(first, Ok(OrderState::Paid(_))), "{first:?}");
    assert_eq!(captured(&another).await, first);
}

#[tokio::test]
async fn what_paypal_takes_from_nobody_is_declined_at_once() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = approved(&world, &gateway).await;
    world.fault("capture", "denied").await;
    assert_eq!(gateway.capture(&order).await, Ok(OrderState::Declined));
}

/// PayPal keeps a refund's request id for 45 days: later the same id is another refund.
#[tokio::test]
async fn a_refund_that_was_not_answered_for_long_is_not_sent_again() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = approved(&world, &gateway).await;
    let mut refund = refund_of(&order, "R", 100);
    refund.was_sent = true;
    for (age_days, is_held) in [(39, false), (40, true)] {
        refund.begun_ms = now_ms() - age_days * 86_400_000;
        let asked = gateway.query_refund(&refund).await.unwrap();
        assert_eq!(
            matches!(asked.state, RefundState::Held(_)),
            is_held,
            "{age_days}"
        );
    }
}

#[tokio::test]
async fn an_order_that_is_always_declined_ends() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = approved(&world, &gateway).await;
    for _ in 0..4 {
        declined(&world, &gateway, &order).await;
        world.act("pay", &order.number).await;
        world.letter().await;
    }
    world.act("decline", &order.number).await;
    assert_eq!(gateway.capture(&order).await, Ok(OrderState::Declined));
}

#[tokio::test]
async fn an_order_past_its_time_is_closed_and_one_elsewhere_not_found() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let (order, _) = made(&gateway, &fresh(&world)).await;
    world.act("expire", &order.number).await;
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Closed));
    // Of money that PayPal held before it says nothing: no end of its own.
    let elsewhere = ChannelOrder {
        reference: Some("5O190127TN364715T".to_owned()),
        ..order
    };
    assert_eq!(gateway.query(&elsewhere).await, Ok(OrderState::NotFound));
    assert_eq!(gateway.close(&elsewhere).await, Ok(()));
}

#[tokio::test]
async fn a_withdrawn_token_is_renewed_once() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let (order, _) = made(&gateway, &fresh(&world)).await;
    world.fault("query", "token_expired").await;
    assert_eq!(gateway.query(&order).await, Ok(OrderState::Pending));
    world.fault("query", "token_expired").await;
    world.fault("query", "token_expired").await;
    let unknown = gateway.query(&order).await;
    assert!(
        matches!(unknown, Err(ChannelError::Unknown(_))),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_running_adapter_says_that_it_is_well_only_once_it_asked() {
    let world = World::start().await;
    let gateway = adapter(&world);
    assert_eq!(gateway.check().await, Ok(()));
    // The token at hand is good, and nothing answers.
    world.fault("query", "unsigned_502").await;
    assert!(gateway.check().await.is_err());
    assert_eq!(gateway.check().await, Ok(()));
}

/// Whoever waited for a token while there was none to be had waits for no second try.
#[tokio::test]
async fn a_token_that_is_not_to_be_had_is_asked_for_once() {
    let world = World::start().await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", nobody.local_addr().unwrap());
    let asked = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((caller, _)) = nobody.accept().await {
            counted.fetch_add(1, Ordering::Relaxed);
            // All others are waiting by the time that it hangs up.
            let _ = caller.readable().await;
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
    });
    let change = |account: &mut toml::Table| {
        account.insert("base".to_owned(), address.as_str().into());
    };
    let gateway = world.changed(Channel::Paypal, change).remove(0);
    let (order, _) = made(&adapter(&world), &fresh(&world)).await;
    let all = (0..8).map(|_| {
        let (gateway, order) = (Arc::clone(&gateway), order.clone());
        tokio::spawn(async move { gateway.query(&order).await })
    });
    let all: Vec<_> = all.collect();
    for answer in all {
        assert_unknown("a query", &answer.await.unwrap());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_lost_capture_is_found_again() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in ["drop", "error", "unsigned_502", "corrupt"] {
        let order = approved(&world, &gateway).await;
        world.fault("capture", kind).await;
        let lost = gateway.capture(&order).await;
        assert_unknown(kind, &lost);
        let again = gateway.capture(&order).await;
        assert!(
            matches!(again, Ok(OrderState::Paid(_))),
            "{kind}: {again:?}"
        );
    }
}

#[tokio::test]
async fn what_is_not_answered_is_unknown_and_never_refused() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    for kind in ["unsigned_502", "corrupt", "error", "rate_limit", "drop"] {
        world.fault("create", kind).await;
        let created = gateway.create(&fresh(&world)).await;
        assert_unknown(&format!("create {kind}"), &created);
        world.fault("query", kind).await;
        let queried = gateway.query(&order).await;
        assert_unknown(&format!("query {kind}"), &queried);
        world.fault("query", kind).await;
        let closed = gateway.close(&order).await;
        assert_unknown(&format!("close {kind}"), &closed);
        world.fault("refund", kind).await;
        let refund = refund_of(&order, kind, 100);
        let lost = gateway.refund(&refund).await;
        assert_unknown(&format!("refund {kind}"), &lost);
        let again = gateway.refund(&refund).await.unwrap();
        assert_eq!(again.state, RefundState::Done, "refund {kind}");
    }
    // Five lost answers, and five refunds: none was made twice.
    let rest = gateway.refund(&refund_of(&order, "rest", 11_845)).await;
    assert_eq!(rest.unwrap().state, RefundState::Done);
    let more = gateway.refund(&refund_of(&order, "more", 1)).await;
    assert!(
        matches!(&more, Err(ChannelError::Refused { code, .. }) if code == "CAPTURE_FULLY_REFUNDED"),
        "{more:?}"
    );
}

#[tokio::test]
async fn refunds_are_partial_repeatable_and_asked_about() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let order = paid(&world, &gateway).await;
    let mut refund = refund_of(&order, "R1", 2_345);
    let asked = gateway.query_refund(&refund).await.unwrap();
    assert_eq!(asked.state, RefundState::NotFound);
    let done = gateway.refund(&refund).await.unwrap();
    assert_eq!(done.state, RefundState::Done);
    assert_eq!(
        gateway.refund(&refund).await.unwrap(),
        done,
        "the same again"
    );
    refund.reference.clone_from(&done.reference);
    assert_eq!(gateway.query_refund(&refund).await.unwrap(), done);
    let Ok(Notify::Refund {
        refund_no, report, ..
    }) = gateway.read_notify(&world.letter().await).await
    else {
        panic!("unread")
    };
    assert_eq!((refund_no, report), (refund.refund_no, done));
    let too_much = gateway.refund(&refund_of(&order, "R2", 10_001)).await;
    assert!(matches!(too_much, Err(ChannelError::Refused { .. })));
    // Given back in part: it was paid all the same, and the order names the part.
    let Ok(OrderState::Paid(paid)) = gateway.query(&order).await else {
        panic!("not paid")
    };
    let GivenBack::Parts(parts) = &paid.given_back else {
        panic!("{paid:?}")
    };
    assert_eq!(parts.len(), 1);
    assert_eq!(Some(&parts[0].number), refund.reference.as_ref());
    assert_eq!(parts[0].sum, BackSum::Of(refund.money));
}

#[tokio::test]
async fn a_genuine_webhook_is_read_and_no_other() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let (order, _) = made(&gateway, &fresh(&world)).await;
    world.act("pay", &order.number).await;
    let approval = gateway.read_notify(&world.letter().await).await;
    let changed = Notify::Changed {
        channel_order_no: order.number.clone(),
    };
    assert_eq!(approval, Ok(changed));
    gateway.capture(&order).await.unwrap();
    let letter = world.letter().await;
    let Ok(Notify::Paid(report)) = gateway.read_notify(&letter).await else {
        panic!("unread")
    };
    assert_eq!(
        (report.money, report.merchant, report.channel_order_no),
        (order.money, gateway.merchant(), order.number)
    );
    let with = |name: &str, value: &str| {
        let mut other = letter.clone();
        for (header, old) in &mut other.headers {
            if header == name {
                value.clone_into(old);
            }
        }
        other
    };
    let mut changed = letter.clone();
    changed.body.push(b'\n');
    let mut without = letter.clone();
    without
        .headers
        .retain(|(name, _)| name != "paypal-cert-url");
    let mut twice = letter.clone();
    twice.headers.extend_from_slice(&letter.headers);
    let base = letter.header("paypal-cert-url").unwrap();
    let elsewhere = base.replace("/certs/", "/certs/../certs/");
    for (what, other) in [
        ("a changed byte", changed),
        ("no address", without),
        ("headers twice", twice),
        ("another id", with("paypal-transmission-id", "x")),
        (
            "another time",
            with("paypal-transmission-time", "2026-01-01T00:00:00Z"),
        ),
        ("another algorithm", with("paypal-auth-algo", "SHA1withRSA")),
        (
            "a foreign host",
            with("paypal-cert-url", "https://paypal.com.evil.cn/c"),
        ),
        ("a way around", with("paypal-cert-url", &elsewhere)),
        (
            "another query",
            with("paypal-cert-url", &format!("{base}?x=1")),
        ),
        (
            "no certificate there",
            with("paypal-cert-url", &base.replace("CERT-", "X")),
        ),
    ] {
        let read = gateway.read_notify(&other).await;
        assert_unknown(what, &read);
    }
    assert!(gateway.read_notify(&letter).await.is_ok());
}

/// Who names the genuine certificate and goes away keeps nobody from it.
#[tokio::test]
async fn a_certificate_is_fetched_though_its_caller_hangs_up() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let (order, _) = made(&gateway, &fresh(&world)).await;
    world.act("pay", &order.number).await;
    let letter = world.letter().await;
    let mut junk = letter.clone();
    junk.body = b"{}".to_vec();
    // He is there once, and gone.
    tokio::select! {
        biased;
        read = gateway.read_notify(&junk) => panic!("{read:?}"),
        () = std::future::ready(()) => {}
    }
    assert!(gateway.read_notify(&letter).await.is_ok());
}

/// What was kept is worked on later.
#[tokio::test]
async fn a_webhook_is_judged_as_of_the_time_when_it_came() {
    let world = World::start().await;
    let gateway = adapter(&world);
    let (order, _) = made(&gateway, &fresh(&world)).await;
    world.act("pay", &order.number).await;
    let mut letter = world.letter().await;
    let now_ms = letter.received_ms;
    // The sandbox's certificates hold since 1975.
    for (years, holds) in [(0, true), (-60, false)] {
        letter.received_ms = now_ms + years * 31_536_000_000;
        let read = gateway.read_notify(&letter).await;
        assert_eq!(read.is_ok(), holds, "{years}: {read:?}");
    }
}

#[tokio::test]
async fn a_spoiled_webhook_is_not_believed_and_a_late_one_is() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in ["bad_signature", "corrupt", "unknown_serial", "wrong_app"] {
        let (order, _) = made(&gateway, &fresh(&world)).await;
        world.fault("notify", kind).await;
        world.act("pay", &order.number).await;
        assert!(
            gateway.read_notify(&world.letter().await).await.is_err(),
            "{kind}"
        );
    }
    let (order, _) = made(&gateway, &fresh(&world)).await;
    world.fault("notify", "old_timestamp").await;
    world.act("pay", &order.number).await;
    // Repeats keep their first time.
    assert!(gateway.read_notify(&world.letter().await).await.is_ok());
}

#[tokio::test]
async fn a_lie_under_a_good_signature_is_shown_to_the_settlement() {
    let world = World::start().await;
    let gateway = adapter(&world);
    for kind in ["wrong_amount", "wrong_currency", "wrong_merchant"] {
        let order = approved(&world, &gateway).await;
        world.fault("notify", kind).await;
        gateway.capture(&order).await.unwrap();
        let read = gateway.read_notify(&world.letter().await).await;
        let Ok(Notify::Paid(report)) = read else {
            panic!("{read:?}")
        };
        let fits = report.money == order.money && report.merchant == gateway.merchant();
        assert!(!fits, "{kind}: {report:?}");
    }
    let order = approved(&world, &gateway).await;
    world.fault("notify", "strange_currency").await;
    gateway.capture(&order).await.unwrap();
    let read = gateway.read_notify(&world.letter().await).await;
    assert!(matches!(read, Ok(Notify::Odd(_))), "{read:?}");
}

#[test]
fn the_webhooks_of_others_verify_and_changed_ones_do_not() {
    let Some(file) = vectors("paypal/webhook_signatures.json") else {
        return;
    };
    let hex = file["public_modulus_hex"].as_str().unwrap();
    let n = hex::decode(hex).unwrap();
    let key = RsaPublicKeyComponents {
        n: &n[..],
        e: &[1, 0, 1],
    };
    for case in file["cases"].as_array().unwrap() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let headers = &case["headers"];
        let body = text(&case["body"]);
        let signed = |body: &str, webhook_id: &str| {
            signed_text(
                &text(&headers["PAYPAL-TRANSMISSION-ID"]),
                &text(&headers["PAYPAL-TRANSMISSION-TIME"]),
                webhook_id,
                body.as_bytes(),
            )
        };
        let webhook_id = text(&case["webhook_id"]);
        assert_eq!(signed(&body, &webhook_id), text(&case["message"]));
        let signature = STANDARD.decode(text(&case["signature_b64"])).unwrap();
        let holds = |text: &str| {
            key.verify(&RSA_PKCS1_2048_8192_SHA256, text.as_bytes(), &signature)
                .is_ok()
        };
        assert!(holds(&signed(&body, &webhook_id)), "{}", case["id"]);
        assert!(!holds(&signed(&format!("{body} "), &webhook_id)));
        assert!(!holds(&signed(&body, "WEBHOOK_ID")));
        let anew: Value = serde_json::from_str(&body).unwrap();
        let anew = anew.to_string();
        assert!(
            anew == body || !holds(&signed(&anew, &webhook_id)),
            "written anew"
        );
    }
}
