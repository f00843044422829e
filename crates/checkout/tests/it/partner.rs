//! A partner's refunds, sentence by sentence of what the documents promise
//! (docs/forecore.md, Refunds).

use crate::scene::{AGAIN, Scene};
use doors::apay::{self, Failure, PartnerRefund};
use payment::fields::Fields;
use payment::forecore::md5_sign;
use payment::money::{Currency, Money};
use payment::pairs::Pairs;
use payment::partner::Ordered;
use payment::ports::{AttemptRow, ChannelError, Doubt, RefundState};

/// A scene with the partner `p001`, whose order of one yuan is paid.
async fn paid_order() -> (Scene, AttemptRow) {
    paid_order_told_at("http://127.0.0.1:9").await
}

async fn paid_order_told_at(cb_url: &str) -> (Scene, AttemptRow) {
    let scene = Scene::new().await;
    let domain = apay::p001().unwrap();
    scene.store.add_domain(&domain).await.unwrap();
    let order = Ordered {
        out_order_id: "o1".to_owned(),
        money: Money::from_minor(100, Currency::Cny).unwrap(),
        cb_url: cb_url.to_owned(),
        return_url: String::new(),
        user_id: String::new(),
        pay_type: None,
        goods: String::new(),
        passback: String::new(),
    };
    let kept = scene.checkout.keep_order(&domain, order).await.unwrap();
    let secret = &domain.secrets()[0];
    let url = scene.checkout.order_page(&domain, secret, &kept, None);
    let attempt = scene.pay_page(&url, 100).await;
    (scene, attempt)
}

fn fields(fields: &[(&str, &str)]) -> Fields {
    let domain = apay::p001().unwrap();
    let fields = || {
        [("partnerId", "p001")]
            .into_iter()
            .chain(fields.iter().copied())
    };
    let sign = md5_sign(fields(), &domain.secrets()[0]);
    let all = fields().chain([("sign", sign.as_str())]);
    let all = all.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let query = Pairs::from_stored(all.collect()).to_query();
    Fields::from_query(&query).unwrap()
}

async fn refund(scene: &Scene, money: &str, number: &str) -> Result<PartnerRefund, Failure> {
    let wish = [
        ("outOrderId", "o1"),
        ("money", money),
        ("out_refund_no", number),
    ];
    // A number that is not given is not sent either.
    let count = if number.is_empty() { 2 } else { 3 };
    apay::refund(&scene.checkout, &fields(&wish[..count])).await
}

const DAY_S: i64 = 86_400;

/// A refund without a number, said at this time.
async fn unnamed(scene: &Scene, money: &str, time: &str) -> Result<PartnerRefund, Failure> {
    let wish = [("outOrderId", "o1"), ("money", money), ("time", time)];
    apay::refund(&scene.checkout, &fields(&wish)).await
}

#[tokio::test]
async fn without_a_number_the_same_call_is_the_same_refund_for_ever() {
    let (scene, attempt) = paid_order().await;
    let first = unnamed(&scene, "0.30", "1").await.unwrap();
    assert_eq!(first.out_refund_no, first.trans_no, "ours, to be kept");
    // A replay, however late.
    for seconds in [0, DAY_S, 400 * DAY_S] {
        scene.refunds_after_s(seconds).await;
        let again = unnamed(&scene, "0.30", "1").await.unwrap();
        assert_eq!(again.trans_no, first.trans_no, "{seconds}");
    }
    // Another of the same sum has another time, or a number of its own.
    let other = unnamed(&scene, "0.30", "2").await.unwrap();
    assert_ne!(other.trans_no, first.trans_no);
    let named = refund(&scene, "0.30", "n1").await.unwrap();
    assert_eq!(named.out_refund_no, "n1");
    // Our number is taken for his in a later call.
    let asked = refund(&scene, "0.3", &first.out_refund_no).await.unwrap();
    assert_eq!(asked.trans_no, first.trans_no);
    let wrong = refund(&scene, "0.1", &first.out_refund_no).await;
    assert_eq!(wrong, Err(Failure::RefundReused));
    let kept = scene.store.refunds(&attempt.order_sn).await.unwrap();
    assert_eq!(kept.len(), 3);
    let much = unnamed(&scene, "0.11", "3").await;
    assert_eq!(much, Err(Failure::TooMuch(10)));
    assert!(much.unwrap_err().to_string().contains("0.1 are left"));
}

/// Who heard a signed call writes it otherwise: what was signed is the same.
#[tokio::test]
async fn without_a_number_one_sign_gives_one_refund() {
    let (scene, attempt) = paid_order().await;
    let domain = apay::p001().unwrap();
    let signed = [
        ("money", "0.3"),
        ("outOrderId", "o1"),
        ("partnerId", "p001"),
    ];
    let sign = md5_sign(signed.into_iter(), &domain.secrets()[0]);
    let forms = [
        r#""money":"0.3""#,
        r#""money":0.3"#,
        r#""money":0.30"#,
        r#""money":3e-1"#,
        r#""money":"0.3","more":"""#,
        r#""money":0.300,"more":null,"less":"""#,
    ];
    let mut taken = 0;
    for form in forms {
        let body = format!(r#"{{"partnerId":"p001","outOrderId":"o1",{form},"sign":"{sign}"}}"#);
        let fields = Fields::from_json(body.as_bytes()).unwrap();
        taken += u8::from(apay::refund(&scene.checkout, &fields).await.is_ok());
    }
    assert_eq!(taken, 6, "each is 0.3 as JavaScript writes it");
    let kept = scene.store.refunds(&attempt.order_sn).await.unwrap();
    assert_eq!(kept.len(), 1);
}

/// The same of a refund with a number: JavaScript writes, and so signs, each of these as 5.
#[tokio::test]
async fn one_sign_names_one_refund_however_its_number_is_written() {
    let (scene, attempt) = paid_order().await;
    let domain = apay::p001().unwrap();
    let signed = [
        ("money", "0.3"),
        ("outOrderId", "o1"),
        ("out_refund_no", "5"),
        ("partnerId", "p001"),
    ];
    let sign = md5_sign(signed.into_iter(), &domain.secrets()[0]);
    for number in ["\"5\"", "5", "5.0", "0.5e1"] {
        let body = format!(
            r#"{{"partnerId":"p001","outOrderId":"o1","money":"0.3","out_refund_no":{number},"sign":"{sign}"}}"#
        );
        let fields = Fields::from_json(body.as_bytes()).unwrap();
        let told = apay::refund(&scene.checkout, &fields).await.unwrap();
        assert_eq!(told.out_refund_no, "5", "{number}");
    }
    let kept = scene.store.refunds(&attempt.order_sn).await.unwrap();
    assert_eq!(kept.len(), 1);
}

/// An operator's refund is one of the order's: its number, which queryOrder lists, asks how it
/// stands, also while no refund can begin.
#[tokio::test]
async fn the_number_of_an_operators_refund_asks_about_it_while_refunds_are_frozen() {
    let (scene, attempt) = paid_order().await;
    for key in [Some("k"), None] {
        let by = ("li", "he rang");
        let begun = scene
            .checkout
            .refund_order(by.0, &attempt.order_sn, 30, key, (by.1, AGAIN));
        begun.await.unwrap();
    }
    let was = scene.store.domain("apay.p001").await.unwrap().unwrap();
    let mut frozen = was.clone();
    frozen.settings.refunds_frozen = true;
    scene.store.set_domain(&was, &frozen).await.unwrap();
    let question = fields(&[("outOrderId", "o1")]);
    let info = apay::query_order(&scene.checkout, &question).await.unwrap();
    assert_eq!(info.refunds.len(), 2);
    for listed in &info.refunds {
        let told = refund(&scene, "0.3", &listed.out_refund_no).await.unwrap();
        assert_eq!(told.trans_no, listed.trans_no);
    }
    let new = refund(&scene, "0.3", "r1").await.unwrap_err();
    assert_eq!(new.json()["errcode"], "10099");
}

/// The sign does not cover what a call asks for.
#[tokio::test]
async fn the_call_of_an_order_is_no_refund() {
    let (scene, attempt) = paid_order().await;
    for name in ["cb_url", "providerOrderId"] {
        let order = [("outOrderId", "o1"), ("money", "1"), (name, "http://a.cn/")];
        let refused = apay::refund(&scene.checkout, &fields(&order)).await;
        assert!(refused.unwrap_err().to_string().contains(name));
    }
    let kept = scene.store.refunds(&attempt.order_sn).await.unwrap();
    assert!(kept.is_empty());
}

#[tokio::test]
async fn a_number_is_one_refund_for_ever() {
    let (scene, attempt) = paid_order().await;
    let first = refund(&scene, "0.30", "r1").await.unwrap();
    assert_eq!(
        (first.status, first.out_refund_no.as_str()),
        ("REFUNDING", "r1")
    );
    scene.refunds_after_s(30 * DAY_S).await;
    let again = refund(&scene, "0.3", "r1").await.unwrap();
    assert_eq!((again.trans_no, again.status), (first.trans_no, "SUCCESS"));
    assert_eq!(
        refund(&scene, "0.31", "r1").await,
        Err(Failure::RefundReused)
    );
    // The same sum twice within a day, by two numbers; and beside one without.
    for number in ["r2", ""] {
        let more = refund(&scene, "0.3", number).await.unwrap();
        assert_eq!(more.status, "REFUNDING");
    }
    let kept = scene.store.refunds(&attempt.order_sn).await.unwrap();
    assert_eq!(kept.len(), 3);
    let longest = "r".repeat(65);
    let refused = refund(&scene, "0.1", &longest)
        .await
        .unwrap_err()
        .to_string();
    assert!(refused.contains("out_refund_no"), "{refused}");
}

#[tokio::test]
async fn a_refund_that_the_channel_refuses_is_closed_and_frees_its_sum() {
    let (scene, _) = paid_order().await;
    let refused = RefundState::Failed("no".to_owned());
    scene.channel.told.lock().unwrap().refund = Some(Ok(refused));
    refund(&scene, "1", "r1").await.unwrap();
    scene.refunds_after_s(0).await;
    assert_eq!(refund(&scene, "1", "r1").await.unwrap().status, "CLOSE");
    let question = fields(&[("outOrderId", "o1")]);
    let info = apay::query_order(&scene.checkout, &question).await.unwrap();
    assert_eq!((info.status, info.received), ("refundclosed", Some(100)));
    scene.channel.told.lock().unwrap().refund = None;
    refund(&scene, "1", "r2").await.unwrap();
    scene.refunds_after_s(0).await;
    assert_eq!(refund(&scene, "1", "r2").await.unwrap().status, "SUCCESS");
}

#[tokio::test]
async fn a_channel_that_can_not_refund_says_so() {
    let (scene, _) = paid_order().await;
    scene.channel.told.lock().unwrap().refund = Some(Err(ChannelError::NotOffered));
    refund(&scene, "1", "r1").await.unwrap();
    scene.refunds_after_s(0).await;
    let refused = refund(&scene, "1", "r1").await.unwrap_err();
    assert_eq!(refused, Failure::Parked);
    assert!(refused.to_string().contains("waits for a person"));
}

#[tokio::test]
async fn a_refund_of_unknown_outcome_is_asked_about_before_all() {
    let (scene, _) = paid_order().await;
    let unknown = || ChannelError::unknown(Doubt::TimeOut, "time-out");
    scene.channel.told.lock().unwrap().refund = Some(Err(unknown()));
    scene.channel.told.lock().unwrap().query_refund = Some(Err(unknown()));
    let first = refund(&scene, "1", "r1").await.unwrap();
    scene.refunds_after_s(0).await;
    assert_eq!(scene.asked(), ["refund"]);
    for _ in 0..3 {
        // The partner asks again, and nothing is sent again.
        let again = refund(&scene, "1", "r1").await.unwrap();
        assert_eq!(
            (again.status, &again.trans_no),
            ("REFUNDING", &first.trans_no)
        );
        scene.refunds_after_s(3_600).await;
        assert_eq!(scene.asked(), ["query_refund"]);
    }
}

#[tokio::test]
async fn an_order_whose_cb_url_cant_be_read_is_refused() {
    let scene = Scene::new().await;
    let domain = apay::p001().unwrap();
    scene.store.add_domain(&domain).await.unwrap();
    let many = "http://127.0.0.1:9/cb?".to_owned() + &"a=1&".repeat(65);
    for cb_url in ["http://127.0.0.1:9/cb?name=%C4%E3", many.as_str()] {
        let order = [
            ("outOrderId", "o1"),
            ("money", "1"),
            ("currency", "CNY"),
            ("cb_url", cb_url),
        ];
        let refused = apay::order(&scene.checkout, &fields(&order)).await;
        assert!(
            refused.unwrap_err().to_string().contains("cb_url"),
            "{cb_url}"
        );
    }
}

#[tokio::test]
async fn an_old_order_whose_cb_url_cant_be_read_is_paid_and_told() {
    let (scene, attempt) = paid_order_told_at("http://127.0.0.1:9/cb?name=%C4%E3").await;
    let attempt = scene.store.attempt(&attempt.order_sn).await.unwrap();
    assert_eq!(attempt.unwrap().status, payment::order::Attempt::Paid);
}

/// Else each of its callbacks would have a lane of its own.
#[tokio::test]
async fn a_receiver_with_an_order_s_number_in_its_address_is_one() {
    for number in ["o1", "o2"] {
        let cb_url = format!("http://127.0.0.1:9/cb/{number}?order={number}");
        let (scene, attempt) = paid_order_told_at(&cb_url).await;
        let callbacks = scene.store.callbacks(&attempt.order_sn).await.unwrap();
        assert_eq!(callbacks[0].receiver, "http://127.0.0.1:9");
    }
}
