//! The fourth party's gateway at the wire.

use crate::world::{World, encode, number, read};
use md5::{Digest, Md5};
use serde_json::{Value, json};

async fn call(world: &World, path: &str, fields: &[(&str, &str)]) -> Value {
    let account = world.account("sandbox-apay");
    let get = |name: &str| account[name].as_str().unwrap();
    let mut fields = fields.to_vec();
    fields.push(("partnerId", get("partner_id")));
    fields.sort_unstable();
    let pairs: Vec<_> = fields
        .iter()
        .map(|(k, v)| format!("{k}={}", encode(v)))
        .collect();
    let query = pairs.join("&");
    let sign = Md5::digest(format!("{}{query}", get("key")).as_bytes());
    let sign = hex::encode(sign);
    let request = world
        .client
        .post(format!("{}/forecore/{path}", get("base")));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    read(request.body(format!("{query}&sign={sign}")))
        .await
        .json()
}

async fn ordered(world: &World, number: &str, money: &str) -> Value {
    let target = &world.target;
    let fields = [
        ("userId", "u"),
        ("outOrderId", number),
        ("money", money),
        ("currency", "CNY"),
        ("cb_url", &format!("{target}/cb")),
        ("return_url", &format!("{target}/back")),
        ("type", "WECHATPAYH5"),
    ];
    call(world, "order", &fields).await
}

#[tokio::test]
async fn a_number_passes_again_as_a_second_order_and_finds_the_first() {
    let world = World::start().await;
    let number = number();
    world.fault("create", "wrong_amount", 1_010).await;
    let made = ordered(&world, &number, "10").await;
    assert_eq!(made["money"], 10.1, "{made}");
    let again = ordered(&world, &number, "10").await;
    assert_ne!(again["orderId"], made["orderId"], "{again}");
    assert_eq!(again["outOrderId"], json!(number), "{again}");
    let asked = call(&world, "queryOrder", &[("outOrderId", &number)]).await;
    assert_eq!(asked["orderId"], made["orderId"], "{asked}");
    assert_eq!(
        (&asked["money"], &asked["received"]),
        (&json!(10.1), &json!(-1))
    );
}

#[tokio::test]
async fn refunds_bear_the_gateways_own_numbers_and_may_keep_the_status() {
    let world = World::start().await;
    for (status, seen) in [(Value::Null, "complete"), (json!(0), "refund")] {
        let number = number();
        ordered(&world, &number, "10").await;
        world
            .control("pay", json!({"channelOrderNo": number}))
            .await;
        let own = json!({"type": "WECHATPAYH5", "status": status});
        assert_eq!(world.control("forget", own).await, 204);
        let fields = [
            ("outOrderId", number.as_str()),
            ("money", "4"),
            ("out_refund_no", "mine"),
        ];
        let one = call(&world, "refund", &fields).await;
        let other = call(&world, "refund", &fields).await;
        assert_eq!(one["trans_status"], "SUCCESS", "{one}");
        assert!(
            one["out_refund_no"] != "mine" && one["out_order_no"] != json!(number),
            "{one}"
        );
        assert_ne!(
            one["out_refund_no"], other["out_refund_no"],
            "each call is one"
        );
        let asked = call(&world, "queryOrder", &[("outOrderId", &number)]).await;
        assert_eq!(asked["status"], seen, "{asked}");
    }
}
