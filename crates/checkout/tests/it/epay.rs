//! Refunds and keys of business systems that speak epay (docs/epay.md).

use crate::scene::Scene;
use doors::epay::{self, Failure};
use payment::fields::Fields;
use payment::pairs::Pairs;
use payment::ports::RefundState;
use serde_json::{Map, Value};

const KEY: &str = "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i";

fn fields(pairs: &[(&str, &str)]) -> Fields {
    let pairs = pairs.iter();
    let pairs = pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Fields::from_query(&Pairs::from_stored(pairs.collect()).to_query()).unwrap()
}

/// The same under the sign of the newest key.
fn signed(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    let domain = epay::p1001().unwrap();
    let sign = epay::md5_sign(pairs.iter().copied(), &domain.secrets()[0]);
    let all = pairs.iter().copied().chain([("sign", sign.as_str())]);
    all.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// A scene with the pid 1001, whose orders of one yuan are paid.
async fn paid_orders(numbers: &[&str]) -> Scene {
    let scene = Scene::new().await;
    let domain = epay::p1001().unwrap();
    scene.store.add_domain(&domain).await.unwrap();
    for number in numbers {
        let order = signed(&[
            ("pid", "1001"),
            ("out_trade_no", number),
            ("notify_url", "http://127.0.0.1:9/n"),
            ("return_url", "http://127.0.0.1:9/"),
            ("name", "VIP"),
            ("money", "1"),
        ]);
        let order = Fields::from_query(&Pairs::from_stored(order).to_query()).unwrap();
        let page = epay::submit(&scene.checkout, order).await.unwrap();
        scene.pay_page(&page, 100).await;
    }
    scene
}

async fn refund(scene: &Scene, more: &[(&str, &str)]) -> Result<Map<String, Value>, Failure> {
    let own = [("act", "refund"), ("pid", "1001"), ("key", KEY)];
    let pairs: Vec<_> = own.iter().chain(more).copied().collect();
    epay::api(&scene.checkout, fields(&pairs), true).await
}

/// How many refunds there are of all orders.
async fn made(scene: &Scene, numbers: &[&str]) -> usize {
    let domain = epay::p1001().unwrap();
    let mut made = 0;
    for number in numbers {
        let (_, attempts) = scene
            .checkout
            .ordered(&domain, number)
            .await
            .unwrap()
            .unwrap();
        let refunds = scene.store.refunds(&attempts[0].order_sn).await;
        made += refunds.unwrap().len();
    }
    made
}

#[tokio::test]
async fn refunds_of_two_orders_without_numbers_are_two() {
    let scene = paid_orders(&["o1", "o2"]).await;
    let mut numbers = Vec::new();
    for number in ["o1", "o2"] {
        let done = refund(&scene, &[("out_trade_no", number), ("money", "0.5")]).await;
        numbers.push(done.unwrap()["refund_no"].clone());
    }
    assert_ne!(numbers[0], numbers[1]);
    // Again is the same one, and said to be.
    let wish = [("out_trade_no", "o1"), ("money", "0.5")];
    let again = refund(&scene, &wish).await.unwrap();
    assert_eq!(again["refund_no"], numbers[0]);
    assert!(again["msg"].as_str().unwrap().contains("此前已经受理"));
    assert_eq!(made(&scene, &["o1", "o2"]).await, 2);
}

/// Who heard a signed call adds what no sign covers.
#[tokio::test]
async fn one_sign_gives_one_refund() {
    let scene = paid_orders(&["o1"]).await;
    let call = signed(&[
        ("act", "refund"),
        ("pid", "1001"),
        ("out_trade_no", "o1"),
        ("money", "0.3"),
        ("why", "ab"),
    ]);
    let mut calls = vec![call.clone()];
    for (name, value) in [("zz", ""), ("zz", " "), ("zz", "\\"), ("sign_type", "MD5")] {
        let mut more = call.clone();
        more.push((name.to_owned(), value.to_owned()));
        calls.push(more);
    }
    let mut slashed = call.clone();
    slashed[4].1 = "a\\b".to_owned();
    calls.push(slashed);
    for call in calls {
        let fields = Fields::from_query(&Pairs::from_stored(call).to_query()).unwrap();
        epay::api(&scene.checkout, fields, true).await.unwrap();
    }
    assert_eq!(made(&scene, &["o1"]).await, 1);
}

#[tokio::test]
async fn a_refused_refund_can_be_asked_for_again_with_the_key_alone() {
    let scene = paid_orders(&["o1"]).await;
    let refused = RefundState::Failed("no".to_owned());
    scene.channel.told.lock().unwrap().refund = Some(Ok(refused));
    let wish = [("out_trade_no", "o1"), ("money", "1")];
    // A shop books code 1 as given back: its channel is heard before.
    let heard = refund(&scene, &wish).await;
    assert!(matches!(heard, Err(Failure::RefundRefused)), "{heard:?}");
    scene.channel.told.lock().unwrap().refund = None;
    let by_sign = signed(&[
        ("act", "refund"),
        ("pid", "1001"),
        ("out_trade_no", "o1"),
        ("money", "1"),
    ]);
    let by_sign = Fields::from_query(&Pairs::from_stored(by_sign).to_query()).unwrap();
    let heard = epay::api(&scene.checkout, by_sign, true).await;
    assert!(matches!(heard, Err(Failure::RefundRefused)), "{heard:?}");
    let done = refund(&scene, &wish).await.unwrap();
    assert_eq!(done["refund_status"], "SUCCESS");
    assert_eq!(made(&scene, &["o1"]).await, 2);
}

/// A business system that still has the old key is told by the old key.
#[tokio::test]
async fn a_page_is_signed_by_the_key_that_ordered_it() {
    let scene = paid_orders(&["o1"]).await;
    let mut domain = epay::p1001().unwrap();
    let until_ms = scene.now_ms() + 1_000_000;
    domain.rotate("00000000000000000000000000000000", until_ms);
    let (kept, _) = scene
        .checkout
        .ordered(&domain, "o1")
        .await
        .unwrap()
        .unwrap();
    for secret in domain.secrets() {
        let page = scene.checkout.order_page(&domain, secret, &kept, None);
        let (_, values) = page.split_once('?').unwrap();
        let pairs = Pairs::from_query(values).unwrap();
        let request = payment::verify::verify_pay(&domain, &pairs, scene.now_ms()).unwrap();
        assert_eq!(request.generation(), secret.generation);
    }
}
