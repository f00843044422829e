//! PayPal's REST API at the wire.

use crate::world::{Answer, World, number, read};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A merchant's server.
struct Merchant<'a> {
    world: &'a World,
    account: toml::Table,
    token: String,
}

impl<'a> Merchant<'a> {
    async fn new(world: &'a World) -> Self {
        let account = world.account("sandbox-paypal");
        let get = |name: &str| account[name].as_str().unwrap();
        let both = format!("{}:{}", get("client_id"), get("client_secret"));
        let request = world
            .client
            .post(format!("{}/v1/oauth2/token", get("base")));
        let request = request
            .header("Authorization", format!("Basic {}", STANDARD.encode(both)))
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let token = read(request).await.json()["access_token"].clone();
        let token = token.as_str().unwrap().to_owned();
        Self {
            world,
            account,
            token,
        }
    }

    async fn post(&self, path: &str, id: &str, prefer: &str, body: &Value) -> Answer {
        let base = self.account["base"].as_str().unwrap();
        let request = self.world.client.post(format!("{base}{path}"));
        let request = request
            .bearer_auth(&self.token)
            .header("PayPal-Request-Id", id)
            .header("Prefer", format!("return={prefer}"))
            .header("Content-Type", "application/json");
        read(request.body(body.to_string())).await
    }

    async fn get(&self, path: &str) -> Value {
        let base = self.account["base"].as_str().unwrap();
        let request = self.world.client.get(format!("{base}{path}"));
        read(request.bearer_auth(&self.token)).await.json()
    }

    fn order(&self, number: &str) -> Value {
        json!({
            "intent": "CAPTURE",
            "purchase_units": [{
                "amount": {"currency_code": "USD", "value": "10.00"},
                "custom_id": number, "invoice_id": number,
            }],
            "application_context": {"return_url": format!("{}/back", self.world.target)},
        })
    }

    /// An order that its payer approved: its number and its id.
    async fn approved(&self) -> (String, String) {
        let number = number();
        let path = "/v2/checkout/orders";
        let request_id = format!("create-{number}");
        let order = self.order(&number);
        let made = self.post(path, &request_id, "minimal", &order).await;
        let id = made.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(
            self.world
                .control("pay", json!({"channelOrderNo": number}))
                .await,
            204
        );
        assert_eq!(self.told().await.0, "CHECKOUT.ORDER.APPROVED");
        (number, id)
    }

    async fn capture(&self, id: &str, request_id: &str) -> Answer {
        let path = format!("/v2/checkout/orders/{id}/capture");
        self.post(&path, request_id, "representation", &json!({}))
            .await
    }

    /// A captured order: its number, and the capture's id.
    async fn captured(&self) -> (String, String) {
        let (number, id) = self.approved().await;
        let made = self.capture(&id, &format!("cap-{number}")).await.json();
        assert_eq!(self.told().await.0, "PAYMENT.CAPTURE.COMPLETED");
        (number, capture_in(&made)["id"].as_str().unwrap().to_owned())
    }

    /// Kind and resource of the next webhook.
    async fn told(&self) -> (String, Value) {
        let event: Value = serde_json::from_str(&self.world.letter().await.body).unwrap();
        let kind = event["event_type"].as_str().unwrap().to_owned();
        (kind, event["resource"].clone())
    }
}

fn capture_in(order: &Value) -> &Value {
    &order["purchase_units"][0]["payments"]["captures"][0]
}

fn issue(answer: &Answer) -> String {
    let issue = &answer.json()["details"][0]["issue"];
    issue.as_str().unwrap_or_default().to_owned()
}

fn names(value: &Value) -> Vec<&str> {
    value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn an_answer_is_as_long_as_it_is_preferred() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    let path = "/v2/checkout/orders";
    let (one, other) = (number(), number());
    let brief = ours.post(path, &one, "minimal", &ours.order(&one)).await;
    assert_eq!(
        (brief.status, names(&brief.json())),
        (201, vec!["id", "links", "status"])
    );
    let whole = ours
        .post(path, &other, "representation", &ours.order(&other))
        .await;
    assert_eq!(whole.json()["purchase_units"][0]["custom_id"], json!(other));

    let (_, capture) = ours.captured().await;
    let path = format!("/v2/payments/captures/{capture}/refund");
    let body = json!({"amount": {"currency_code": "USD", "value": "4.00"}, "custom_id": "r"});
    let brief = ours.post(&path, "r1", "minimal", &body).await;
    assert_eq!(
        (brief.status, names(&brief.json())),
        (201, vec!["id", "links", "status"])
    );
    let whole = ours.post(&path, "r2", "representation", &body).await.json();
    assert_eq!(
        (&whole["amount"]["value"], &whole["custom_id"]),
        (&json!("4.00"), &json!("r"))
    );
    let rest = &whole["seller_payable_breakdown"]["total_refunded_amount"]["value"];
    assert_eq!(rest, "8.00");
}

#[tokio::test]
async fn parts_add_up_and_errors_name_their_place() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    let path = "/v2/checkout/orders";
    let usd = |value: &str| json!({"currency_code": "USD", "value": value});
    let mut order = ours.order(&number());
    order["purchase_units"][0]["amount"]["breakdown"] =
        json!({"item_total": usd("9.00"), "shipping": usd("2.00"), "discount": usd("0.99")});
    let answer = ours.post(path, "a", "minimal", &order).await;
    let detail = &answer.json()["details"][0];
    assert_eq!(
        (answer.status, &detail["issue"]),
        (422, &json!("AMOUNT_MISMATCH"))
    );
    assert_eq!(detail["field"], "/purchase_units/0/amount/value");
    assert_eq!(
        (&detail["value"], &detail["location"]),
        (&json!("10.00"), &json!("body"))
    );
    order["purchase_units"][0]["amount"]["breakdown"]["discount"] = usd("1.00");
    order["purchase_units"][0]["items"] =
        json!([{"name": "a", "quantity": "2", "unit_amount": usd("4.00")}]);
    let answer = ours.post(path, "b", "minimal", &order).await;
    assert_eq!(issue(&answer), "ITEM_TOTAL_MISMATCH");
    order["purchase_units"][0]["items"][0]["unit_amount"] = usd("4.50");
    assert_eq!(ours.post(path, "c", "minimal", &order).await.status, 201);
    order["purchase_units"][0]["amount"] = usd("10.00");
    let answer = ours.post(path, "d", "minimal", &order).await;
    assert_eq!(issue(&answer), "ITEM_TOTAL_REQUIRED");
    order["purchase_units"][0]["amount"]["value"] = json!("1.234");
    let answer = ours.post(path, "e", "minimal", &order).await;
    assert_eq!(
        answer.json()["details"][0]["value"],
        "1.234",
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_failure_is_the_answer_of_its_request_id() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    let number = number();
    let path = "/v2/checkout/orders";
    let made = ours
        .post(path, "new", "minimal", &ours.order(&number))
        .await
        .json();
    let id = made["id"].as_str().unwrap();
    let refused = ours.capture(id, "cap").await;
    assert_eq!(
        (refused.status, issue(&refused).as_str()),
        (422, "ORDER_NOT_APPROVED")
    );
    world
        .control("pay", json!({"channelOrderNo": number}))
        .await;
    let again = ours.capture(id, "cap").await;
    assert_eq!((again.status, again.text), (422, refused.text));
    let other = ours.capture(id, "cap-1").await;
    assert_eq!(capture_in(&other.json())["status"], "COMPLETED");

    let capture = capture_in(&other.json())["id"].as_str().unwrap().to_owned();
    let path = format!("/v2/payments/captures/{capture}/refund");
    world.fault("refund", "not_enough", 0).await;
    for _ in 0..2 {
        let short = ours.post(&path, "r1", "minimal", &json!({})).await;
        assert_eq!(issue(&short), "REFUND_FAILED_INSUFFICIENT_FUNDS");
    }
    assert_eq!(
        ours.post(&path, "r2", "minimal", &json!({})).await.status,
        201
    );
}

#[tokio::test]
async fn a_capture_waits_for_a_reason_until_a_control_ends_it() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    for (end, event, status) in [
        ("pay", "PAYMENT.CAPTURE.COMPLETED", "COMPLETED"),
        ("decline", "PAYMENT.CAPTURE.DENIED", "DECLINED"),
    ] {
        let (number, id) = ours.approved().await;
        let fault = json!({"on": "capture", "kind": "pending", "reason": "ECHECK"});
        world.control("fault", fault).await;
        let held = ours.capture(&id, &number).await.json();
        let held = capture_in(&held);
        assert_eq!(
            (&held["status"], &held["status_details"]["reason"]),
            (&json!("PENDING"), &json!("ECHECK"))
        );
        assert_eq!(ours.told().await.0, "PAYMENT.CAPTURE.PENDING");
        assert_eq!(
            world.control(end, json!({"channelOrderNo": number})).await,
            204
        );
        let (kind, resource) = ours.told().await;
        assert_eq!(
            (kind.as_str(), &resource["status"]),
            (event, &json!(status))
        );
        let order = ours.get(&format!("/v2/checkout/orders/{id}")).await;
        assert_eq!(capture_in(&order)["status"], status);
    }
}

#[tokio::test]
async fn money_is_taken_back_by_the_channel_itself() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    let (number, capture) = ours.captured().await;
    let path = format!("/v2/payments/captures/{capture}/refund");
    let body = json!({"amount": {"currency_code": "USD", "value": "4.00"}});
    ours.post(&path, "r1", "minimal", &body).await;
    assert_eq!(ours.told().await.0, "PAYMENT.CAPTURE.REFUNDED");
    assert_eq!(
        world
            .control("reverse", json!({"channelOrderNo": number}))
            .await,
        204
    );
    let (kind, resource) = ours.told().await;
    assert_eq!(
        (kind.as_str(), &resource["amount"]["value"]),
        ("PAYMENT.CAPTURE.REVERSED", &json!("6.00"))
    );
    let up = &resource["links"][1];
    assert!(up["href"].as_str().unwrap().ends_with(&capture), "{up}");
    assert_eq!(
        world
            .control("reverse", json!({"channelOrderNo": number}))
            .await,
        409
    );
    let answer = ours.post(&path, "r2", "minimal", &body).await;
    assert_eq!(issue(&answer), "REFUND_NOT_PERMITTED_DUE_TO_CHARGEBACK");
}

#[tokio::test]
async fn a_webhook_is_verified_for_who_has_a_token() {
    let world = World::start().await;
    let mut ours = Merchant::new(&world).await;
    let number = number();
    ours.post(
        "/v2/checkout/orders",
        &number,
        "minimal",
        &ours.order(&number),
    )
    .await;
    world
        .control("pay", json!({"channelOrderNo": number}))
        .await;
    let letter = world.letter().await;
    let header = |name: &str| {
        let mut headers = letter.headers.iter();
        headers.find(|(key, _)| key == name).unwrap().1.clone()
    };
    let event: &serde_json::value::RawValue = serde_json::from_str(&letter.body).unwrap();
    let asked = format!(
        "{{\"auth_algo\":\"SHA256withRSA\",\"cert_url\":\"{}\",\"transmission_id\":\"{}\",\
         \"transmission_time\":\"{}\",\"transmission_sig\":\"{}\",\"webhook_id\":\"{}\",\
         \"webhook_event\":{event}}}",
        header("paypal-cert-url"),
        header("paypal-transmission-id"),
        header("paypal-transmission-time"),
        header("paypal-transmission-sig"),
        ours.account["webhook_id"].as_str().unwrap(),
    );
    let base = ours.account["base"].as_str().unwrap();
    let path = format!("{base}/v1/notifications/verify-webhook-signature");
    let ask = |token: &str| {
        let request = world.client.post(&path).bearer_auth(token);
        read(
            request
                .header("Content-Type", "application/json")
                .body(asked.clone()),
        )
    };
    let answer = ask(&ours.token).await;
    assert_eq!(
        answer.json()["verification_status"],
        "SUCCESS",
        "{}",
        answer.text
    );
    ours.token.push('x');
    let answer = ask(&ours.token).await;
    assert_eq!(
        (answer.status, &answer.json()["name"]),
        (401, &json!("AUTHENTICATION_FAILURE"))
    );
}

#[tokio::test]
async fn the_short_answer_to_a_capture_names_the_capture() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    let (_, id) = ours.approved().await;
    let order = ours.get(&format!("/v2/checkout/orders/{id}")).await;
    let path = format!("/v2/checkout/orders/{id}/capture");
    let brief = ours.post(&path, "cap", "minimal", &json!({})).await.json();
    assert_eq!(brief["status"], "COMPLETED", "{brief}");
    assert_eq!(capture_in(&brief)["status"], "COMPLETED", "{brief}");
    assert!(brief.get("intent").is_none(), "{brief}");
    let payer = &brief["payer"]["payer_id"];
    assert_eq!(payer.as_str().map(str::len), Some(13), "{brief}");
    assert_eq!(payer, &brief["payment_source"]["paypal"]["account_id"]);
    assert_eq!(payer, &order["payer"]["payer_id"], "since the approval");
}

#[tokio::test]
async fn what_an_order_was_not_given_is_left_out() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    let mut order = ours.order("");
    order["purchase_units"] = json!([{"amount": {"currency_code": "USD", "value": "10.00"}}]);
    let made = ours
        .post("/v2/checkout/orders", "new", "representation", &order)
        .await
        .json();
    let unit = &made["purchase_units"][0];
    assert_eq!(names(unit), ["amount", "payee", "reference_id"]);
    let id = made["id"].as_str().unwrap();
    assert_eq!(
        world.control("pay", json!({"channelOrderNo": id})).await,
        204
    );
    ours.told().await;
    let captured = ours.capture(id, "cap").await;
    assert!(!captured.text.contains("null"), "{}", captured.text);
    let told = world.letter().await.body;
    assert!(!told.contains("null"), "{told}");
    let capture = capture_in(&captured.json())["id"].clone();
    let path = format!("/v2/payments/captures/{}/refund", capture.as_str().unwrap());
    let refund = ours.post(&path, "r", "representation", &json!({})).await;
    assert!(!refund.text.contains("null"), "{}", refund.text);
    let told = world.letter().await.body;
    assert!(!told.contains("null"), "{told}");
}

#[tokio::test]
async fn a_post_of_another_type_than_json_is_refused() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    let (_, id) = ours.approved().await;
    let base = ours.account["base"].as_str().unwrap();
    let path = format!("{base}/v2/checkout/orders/{id}/capture");
    let bare = || world.client.post(&path).bearer_auth(&ours.token);
    for request in [bare(), bare().header("Content-Type", "text/plain")] {
        let answer = read(request).await;
        assert_eq!(
            (answer.status, &answer.json()["name"]),
            (415, &json!("UNSUPPORTED_MEDIA_TYPE"))
        );
    }
    let charset = "application/json; charset=utf-8";
    let answer = read(bare().header("Content-Type", charset)).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
}

#[tokio::test]
async fn a_declined_capture_leads_its_payer_back() {
    let world = World::start().await;
    let ours = Merchant::new(&world).await;
    let (number, id) = ours.approved().await;
    let which = json!({"channelOrderNo": number});
    assert_eq!(world.control("decline", which).await, 204);
    let answer = ours.capture(&id, "cap").await;
    assert_eq!(issue(&answer), "INSTRUMENT_DECLINED");
    let answer = answer.json();
    let mut links = answer["links"].as_array().unwrap().iter();
    let back = links.find(|link| link["rel"] == "redirect").unwrap();
    let page = format!("/checkoutnow?token={id}");
    assert!(back["href"].as_str().unwrap().ends_with(&page), "{back}");
}
