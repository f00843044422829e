//! WeChat Pay APIv3 at the wire.

use crate::world::{Answer, Letter, World, der, now_s, number, read, sign};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A merchant's server.
struct Merchant<'a> {
    world: &'a World,
    account: toml::Table,
}

impl<'a> Merchant<'a> {
    fn new(world: &'a World, name: &str) -> Self {
        let account = world.account(name);
        Self { world, account }
    }

    fn get(&self, name: &str) -> &str {
        self.account[name].as_str().unwrap()
    }

    async fn call(&self, method: &str, target: &str, body: &str) -> Answer {
        self.call_as(method, target, body, body, "application/json")
            .await
    }

    /// A call whose signature is over `signed`, with this content type.
    async fn call_as(
        &self,
        method: &str,
        target: &str,
        body: &str,
        signed: &str,
        content_type: &str,
    ) -> Answer {
        read(self.request(method, target, body, signed, content_type)).await
    }

    fn request(
        &self,
        method: &str,
        target: &str,
        body: &str,
        signed: &str,
        content_type: &str,
    ) -> reqwest::RequestBuilder {
        let (at_s, nonce) = (now_s(), "593BEC0C930BF1AFEB40B4A08C8FB242");
        let text = format!("{method}\n{target}\n{at_s}\n{nonce}\n{signed}\n");
        let signature = sign(&self.world.file(self.get("private_key")), &text);
        let authorization = format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",\
             signature=\"{signature}\",timestamp=\"{at_s}\",serial_no=\"{}\"",
            self.get("mchid"),
            self.get("serial"),
        );
        let method = method.parse().unwrap();
        let address = format!("{}{target}", self.world.base);
        let request = self.world.client.request(method, address);
        let request = request
            .header("Authorization", authorization)
            .header("Accept", "application/json")
            .header("Content-Type", content_type);
        request.body(body.to_owned())
    }

    fn order(&self, number: &str, total: i64) -> Value {
        json!({
            "appid": self.get("appid"), "mchid": self.get("mchid"), "description": "耳机",
            "out_trade_no": number, "notify_url": format!("{}/orders", self.world.target),
            "amount": {"total": total, "currency": "CNY"},
        })
    }

    async fn create(&self, order: &Value) -> Answer {
        let path = "/v3/pay/transactions/native";
        self.call("POST", path, &order.to_string()).await
    }

    async fn query(&self, number: &str) -> Answer {
        let path = "/v3/pay/transactions/out-trade-no";
        let target = format!("{path}/{number}?mchid={}", self.get("mchid"));
        self.call("GET", &target, "").await
    }

    async fn close(&self, number: &str) -> Answer {
        let path = format!("/v3/pay/transactions/out-trade-no/{number}/close");
        let body = json!({"mchid": self.get("mchid")});
        self.call("POST", &path, &body.to_string()).await
    }

    /// Told where orders are, unless it says otherwise.
    async fn refund(&self, body: &Value) -> Answer {
        let path = "/v3/refund/domestic/refunds";
        let mut body = body.clone();
        if body.get("notify_url").is_none() {
            body["notify_url"] = json!(format!("{}/orders", self.world.target));
        }
        self.call("POST", path, &body.to_string()).await
    }

    async fn query_refund(&self, number: &str) -> Answer {
        let target = format!("/v3/refund/domestic/refunds/{number}");
        self.call("GET", &target, "").await
    }

    /// An order that is paid, its notify taken.
    async fn paid(&self, total: i64) -> String {
        let number = number();
        assert_eq!(self.create(&self.order(&number, total)).await.status, 200);
        assert_eq!(self.pay(&number).await, 204);
        assert_eq!(self.world.letter().await.path, "/orders");
        number
    }

    async fn pay(&self, number: &str) -> u16 {
        let which = json!({"channelOrderNo": number, "account": self.get("name")});
        self.world.control("pay", which).await
    }

    /// Kind and content of a notify.
    fn opened(&self, letter: &Letter) -> (String, Value) {
        let notice: Value = serde_json::from_str(&letter.body).unwrap();
        let part = |name: &str| notice["resource"][name].as_str().unwrap();
        let key = self.get("api_v3_key").as_bytes();
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).unwrap());
        let nonce = Nonce::try_assume_unique_for_key(part("nonce").as_bytes()).unwrap();
        let mut text = STANDARD.decode(part("ciphertext")).unwrap();
        let aad = Aad::from(part("associated_data").as_bytes());
        let text = key.open_in_place(nonce, aad, &mut text).unwrap();
        let kind = notice["event_type"].as_str().unwrap().to_owned();
        (kind, serde_json::from_slice(text).unwrap())
    }
}

fn refund(order: &str, refund: &str, sum: i64, total: i64) -> Value {
    json!({
        "out_trade_no": order, "out_refund_no": refund,
        "amount": {"refund": sum, "total": total, "currency": "CNY"},
    })
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    let seen = (answer.status, answer.json()["code"].clone());
    assert_eq!(seen, (status, json!(code)), "{}", answer.text);
}

#[tokio::test]
async fn merchants_use_the_same_number_and_reach_their_own_order_only() {
    let world = World::start().await;
    let (ours, theirs) = (
        Merchant::new(&world, "sandbox"),
        Merchant::new(&world, "sandbox-cert"),
    );
    let both = number();
    assert_eq!(ours.create(&ours.order(&both, 100)).await.status, 200);
    assert_eq!(theirs.create(&theirs.order(&both, 300)).await.status, 200);
    assert_eq!(theirs.close(&both).await.status, 204);
    assert_eq!(ours.query(&both).await.json()["trade_state"], "NOTPAY");
    assert_eq!(ours.pay(&both).await, 204);
    assert_eq!(theirs.pay(&both).await, 409, "it is closed");
    assert_eq!(ours.query(&both).await.json()["amount"]["total"], 100);
    assert_eq!(theirs.query(&both).await.json()["trade_state"], "CLOSED");
    let answer = theirs.refund(&refund(&both, "r1", 100, 100)).await;
    assert_refused(&answer, 404, "RESOURCE_NOT_EXISTS");

    let one = ours.paid(100).await;
    let id = ours.query(&one).await.json()["transaction_id"].clone();
    assert_refused(&theirs.query(&one).await, 404, "ORDER_NOT_EXIST");
    // It closes what it does not know, and that says nothing.
    assert_eq!(theirs.close(&one).await.status, 204);
    let mut body = refund(&one, "r2", 100, 100);
    let answer = theirs.refund(&body).await;
    assert_refused(&answer, 404, "RESOURCE_NOT_EXISTS");
    body["transaction_id"] = id;
    body.as_object_mut().unwrap().remove("out_trade_no");
    let answer = theirs.refund(&body).await;
    assert_refused(&answer, 404, "RESOURCE_NOT_EXISTS");
    assert_eq!(ours.refund(&body).await.status, 200);
    assert_refused(&theirs.query_refund("r2").await, 404, "RESOURCE_NOT_EXISTS");
}

#[tokio::test]
async fn a_refund_is_refused_by_its_reason() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    let (order, other) = (ours.paid(100).await, ours.paid(100).await);
    for (body, why) in [
        (refund(&order, "r1", 101, 100), "more than was paid"),
        (refund(&order, "r1", 40, 99), "another total"),
    ] {
        let answer = ours.refund(&body).await;
        assert_eq!(answer.json()["code"], "INVALID_REQUEST", "{why}");
        assert_eq!(answer.status, 400, "{why}");
    }
    world.fault("refund", "not_enough", 0).await;
    let answer = ours.refund(&refund(&order, "r1", 40, 100)).await;
    assert_refused(&answer, 403, "NOT_ENOUGH");
    assert_eq!(
        ours.refund(&refund(&order, "r1", 40, 100)).await.status,
        200
    );
    for (body, why) in [
        (refund(&order, "r1", 41, 100), "a changed sum"),
        (refund(&other, "r1", 40, 100), "another order"),
        (refund(&order, "r2", 61, 100), "more than is left"),
    ] {
        let answer = ours.refund(&body).await;
        assert_eq!(answer.json()["code"], "INVALID_REQUEST", "{why}");
    }
    world.fault("refund", "not_enough", 0).await;
    let again = ours.refund(&refund(&order, "r1", 40, 100)).await;
    assert_eq!(again.status, 200, "it was made before: {}", again.text);
}

#[tokio::test]
async fn a_refund_is_processing_and_told_once_at_its_own_address() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    let order = ours.paid(100).await;
    let mut body = refund(&order, "r1", 40, 100);
    body["notify_url"] = json!(format!("{}/refunds", world.target));
    let taken = ours.refund(&body).await.json();
    assert_eq!(taken["status"], "PROCESSING");
    assert!(taken.get("success_time").is_none(), "{taken}");
    let letter = world.letter().await;
    assert_eq!(letter.path, "/refunds");
    let (kind, content) = ours.opened(&letter);
    assert_eq!(
        (kind.as_str(), &content["refund_status"]),
        ("REFUND.SUCCESS", &json!("SUCCESS"))
    );
    assert_eq!(content["refund_id"], taken["refund_id"]);
    let again = ours.refund(&body).await.json();
    assert_eq!(
        (&again["status"], &again["refund_id"]),
        (&json!("SUCCESS"), &taken["refund_id"])
    );
    assert!(again["success_time"].is_string());
    world.silence().await;
}

#[tokio::test]
async fn a_refund_ends_when_and_as_the_control_says() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    let order = ours.paid(100).await;
    world.fault("refund", "pending", 0).await;
    let taken = ours.refund(&refund(&order, "r1", 80, 100)).await.json();
    assert_eq!(ours.query_refund("r1").await.json()["status"], "PROCESSING");
    let answer = ours.refund(&refund(&order, "r2", 40, 100)).await;
    assert_refused(&answer, 400, "INVALID_REQUEST");
    world.silence().await;
    let end = |number: &str, state: Value| json!({"channelOrderNo": order, "outRefundNo": number, "state": state});
    assert_eq!(
        world
            .control("finish-refund", end("r1", json!("CLOSED")))
            .await,
        204
    );
    let (kind, content) = ours.opened(&world.letter().await);
    assert_eq!(kind, "REFUND.CLOSED");
    assert!(content.get("success_time").is_none(), "{content}");
    assert_eq!(
        ours.query_refund("r1").await.json()["refund_id"],
        taken["refund_id"]
    );

    world.fault("refund", "abnormal", 0).await;
    let taken = ours.refund(&refund(&order, "r3", 100, 100)).await.json();
    assert_eq!(taken["status"], "PROCESSING", "{taken}");
    assert_eq!(ours.opened(&world.letter().await).0, "REFUND.ABNORMAL");
    assert_eq!(ours.query_refund("r3").await.json()["status"], "ABNORMAL");
    assert_eq!(
        world.control("finish-refund", end("r3", Value::Null)).await,
        204
    );
    let (kind, content) = ours.opened(&world.letter().await);
    assert_eq!(
        (kind.as_str(), &content["refund_id"]),
        ("REFUND.SUCCESS", &taken["refund_id"])
    );

    let order = ours.paid(100).await;
    world.fault("refund", "pending", 100).await;
    ours.refund(&refund(&order, "r4", 100, 100)).await;
    assert_eq!(ours.opened(&world.letter().await).0, "REFUND.SUCCESS");
    world.silence().await;
}

#[tokio::test]
async fn a_wrong_signature_is_answered_with_detail_by_nobody_s_signature() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    let body = ours.order(&number(), 100).to_string();
    let path = "/v3/pay/transactions/native";
    let answer = ours
        .call_as("POST", path, &body, "{}", "application/json")
        .await;
    assert_refused(&answer, 401, "SIGN_ERROR");
    let detail = &answer.json()["detail"]["sign_information"];
    assert_eq!(
        (&detail["method"], &detail["url"]),
        (&json!("POST"), &json!(path))
    );
    let shown = detail["truncated_sign_message"].as_str().unwrap();
    assert!(shown.starts_with(&format!("POST\n{path}\n")), "{shown}");
    assert!(detail["sign_message_length"].as_u64().unwrap() > body.len() as u64);
    assert!(!answer.headers.contains_key("Wechatpay-Signature"));
    // Who has proved himself is refused by a signed answer.
    let answer = ours.query(&number()).await;
    let header = |name: &str| answer.headers[name].to_str().unwrap();
    assert_eq!(header("Wechatpay-Serial"), ours.get("public_key_id"));
    let text = format!(
        "{}\n{}\n{}\n",
        header("Wechatpay-Timestamp"),
        header("Wechatpay-Nonce"),
        answer.text
    );
    let key = der(&world.file(ours.get("public_key")));
    let signature = STANDARD.decode(header("Wechatpay-Signature")).unwrap();
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(text.as_bytes(), &signature)
        .unwrap();
}

#[tokio::test]
async fn what_breaks_a_rule_is_named_with_its_value() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    let body = ours.order(&number(), 100).to_string();
    let path = "/v3/pay/transactions/native";
    let answer = ours.call_as("POST", path, &body, &body, "text/plain").await;
    assert_refused(&answer, 400, "PARAM_ERROR");
    assert_eq!(answer.json()["detail"]["value"], "text/plain");

    let mut order = ours.order(&number(), 100);
    // Bytes count, as the genuine refusal says: 字节数 203，大于最大值 128.
    order["attach"] = json!("附".repeat(43));
    let answer = ours.create(&order).await;
    assert_refused(&answer, 400, "PARAM_ERROR");
    let detail = &answer.json()["detail"];
    assert_eq!(
        (&detail["field"], &detail["value"]),
        (&json!("/attach"), &order["attach"])
    );
    order["attach"] = json!("附".repeat(42));
    assert_eq!(ours.create(&order).await.status, 200);

    let answer = ours.create(&ours.order(&number(), 0)).await;
    let detail = &answer.json()["detail"];
    assert_eq!(
        (&detail["field"], &detail["value"]),
        (&json!("/amount/total"), &json!("0"))
    );

    let paid = ours.paid(100).await;
    let long = "r".repeat(65);
    let answer = ours.refund(&refund(&paid, &long, 100, 100)).await;
    assert_refused(&answer, 400, "PARAM_ERROR");
    let detail = &answer.json()["detail"];
    assert_eq!(
        (&detail["field"], &detail["value"]),
        (&json!("/out_refund_no"), &json!(long))
    );
    let mut body = refund(&paid, "r1", 100, 100);
    body["notify_url"] = json!(format!("{}/refunds?a=1", world.target));
    let answer = ours.refund(&body).await;
    assert_refused(&answer, 400, "PARAM_ERROR");
    assert_eq!(answer.json()["detail"]["field"], "/notify_url");
}

#[tokio::test]
async fn a_number_in_the_path_keeps_the_rule_of_numbers() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    for wrong in ["n".repeat(33), "short".to_owned(), "12%2F345".to_owned()] {
        for answer in [ours.query(&wrong).await, ours.close(&wrong).await] {
            assert_refused(&answer, 400, "PARAM_ERROR");
            let detail = &answer.json()["detail"];
            assert_eq!(
                (&detail["field"], &detail["location"]),
                (&json!("out_trade_no"), &json!("uri_template"))
            );
        }
    }
    let longest = "n".repeat(32);
    assert_refused(&ours.query(&longest).await, 404, "ORDER_NOT_EXIST");
}

#[tokio::test]
async fn a_merchant_is_the_one_who_signs() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    let mut order = ours.order(&number(), 100);
    order["mchid"] = json!("1900000109");
    let answer = ours.create(&order).await;
    assert_refused(&answer, 400, "PARAM_ERROR");
    assert_eq!(answer.json()["detail"]["field"], "/mchid");
    let mut order = ours.order(&number(), 100);
    order["appid"] = json!("wx0000000000000001");
    assert_refused(&ours.create(&order).await, 400, "APPID_MCHID_NOT_MATCH");
}

#[tokio::test]
async fn attach_comes_back_once_the_order_ended() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    let number = number();
    let mut order = ours.order(&number, 100);
    order["attach"] = json!("附加");
    assert_eq!(ours.create(&order).await.status, 200);
    let open = ours.query(&number).await.json();
    assert_eq!(open["trade_state"], "NOTPAY");
    assert!(open.get("attach").is_none(), "{open}");
    assert_eq!(ours.pay(&number).await, 204);
    let (_, content) = ours.opened(&world.letter().await);
    assert_eq!(content["attach"], "附加");
    assert_eq!(ours.query(&number).await.json()["attach"], "附加");
}

#[tokio::test]
async fn a_call_that_there_is_not_has_no_answer_to_read() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    for (method, path, status) in [
        ("GET", "/v3/pay/transactions/nothing", 404),
        ("GET", "/v3/pay/transactions/native", 405),
        ("POST", "/v3/certificates", 405),
    ] {
        let answer = ours.call(method, path, "").await;
        let seen = (answer.status, answer.text.as_str());
        assert_eq!(seen, (status, ""), "{method} {path}");
    }
    // The product exists; this merchant has not signed for it.
    for path in ["/v3/pay/transactions/h5", "/v3/pay/transactions/app"] {
        let body = ours.order(&number(), 100).to_string();
        assert_refused(&ours.call("POST", path, &body).await, 403, "NO_AUTH");
    }
}

#[tokio::test]
async fn a_caller_without_a_name_is_refused() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox-cert");
    let request = ours.request("GET", "/v3/certificates", "", "", "application/json");
    let answer = read(request.header("User-Agent", "")).await;
    assert_refused(&answer, 400, "INVALID_REQUEST");
}

#[tokio::test]
async fn a_merchant_with_a_public_key_has_no_certificates() {
    let world = World::start().await;
    let ours = Merchant::new(&world, "sandbox");
    let answer = ours.call("GET", "/v3/certificates", "").await;
    assert_refused(&answer, 404, "RESOURCE_NOT_EXISTS");
    let theirs = Merchant::new(&world, "sandbox-cert");
    let answer = theirs.call("GET", "/v3/certificates", "").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json()["data"][0]["serial_no"]
            .as_str()
            .unwrap()
            .len(),
        40
    );
}
