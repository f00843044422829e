//! Alipay's gateway at the wire.

use crate::world::{Answer, World, form, number, read, sign};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use time::{OffsetDateTime, UtcOffset};

/// A merchant's server.
struct Merchant<'a> {
    world: &'a World,
    account: toml::Table,
}

impl<'a> Merchant<'a> {
    fn new(world: &'a World) -> Self {
        let account = world.account("sandbox-alipay");
        Self { world, account }
    }

    fn get(&self, name: &str) -> &str {
        self.account[name].as_str().unwrap()
    }

    /// A signed call; `spoil` changes it after that.
    async fn sent(&self, method: &str, content: &Value, spoil: bool) -> Answer {
        let more: &[(&str, &str)] = if spoil { &[("extra", "1")] } else { &[] };
        self.sent_with(method, content, more).await
    }

    /// A signed call; these values are set after that.
    async fn sent_with(&self, method: &str, content: &Value, after: &[(&str, &str)]) -> Answer {
        let pairs = [
            ("app_id", self.get("app_id")),
            ("method", method),
            ("charset", "utf-8"),
            ("sign_type", "RSA2"),
            ("timestamp", &beijing()),
            ("version", "1.0"),
            ("notify_url", &format!("{}/alipay", self.world.target)),
            ("return_url", "http://127.0.0.1:9/back"),
            ("biz_content", &content.to_string()),
        ];
        let mut pairs = pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec();
        pairs.sort();
        let lines: Vec<_> = pairs.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let key = self.world.file(self.get("private_key"));
        pairs.push(("sign".to_owned(), sign(&key, &lines.join("&"))));
        for (name, value) in after {
            pairs.retain(|(known, _)| known != name);
            pairs.push(((*name).to_owned(), (*value).to_owned()));
        }
        let request = self.world.client.post(self.get("gateway"));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        read(request.body(form(&pairs))).await
    }

    /// The node of an answer.
    async fn call(&self, method: &str, content: &Value) -> Value {
        let answer = self.sent(method, content, false).await.json();
        answer[format!("{}_response", method.replace('.', "_"))].clone()
    }

    async fn open(&self, content: &Value) -> String {
        self.sent("alipay.trade.page.pay", content, false)
            .await
            .text
    }

    async fn query(&self, number: &str) -> Value {
        let content = json!({"out_trade_no": number});
        self.call("alipay.trade.query", &content).await
    }

    async fn refund(&self, number: &str, request: &str, sum: &str) -> Value {
        let content =
            json!({"out_trade_no": number, "out_request_no": request, "refund_amount": sum});
        self.call("alipay.trade.refund", &content).await
    }

    async fn pay(&self, number: &str) -> Answer {
        let account = ("account".to_owned(), self.get("name").to_owned());
        let which = ("channelOrderNo".to_owned(), number.to_owned());
        let pairs = [account, which, ("act".to_owned(), "pay".to_owned())];
        let request = self
            .world
            .client
            .post(format!("{}/alipay/act", self.world.base));
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        read(request.body(form(&pairs))).await
    }
}

fn beijing() -> String {
    let at = OffsetDateTime::now_utc().to_offset(UtcOffset::from_hms(8, 0, 0).unwrap());
    let (date, time) = (at.date(), at.time());
    let (hour, minute, second) = time.as_hms();
    format!("{date} {hour:02}:{minute:02}:{second:02}")
}

fn order(number: &str, sum: &str) -> Value {
    json!({
        "out_trade_no": number, "total_amount": sum, "subject": "耳机",
        "product_code": "FAST_INSTANT_TRADE_PAY",
    })
}

fn pairs_of(text: &str) -> BTreeMap<String, String> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let escaped = rest.get(1..3).filter(|_| first == '%');
            match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
                Some(byte) => {
                    bytes.push(byte);
                    rest = &rest[3..];
                }
                None => {
                    bytes.extend(first.to_string().bytes());
                    rest = &rest[first.len_utf8()..];
                }
            }
        }
        String::from_utf8(bytes).unwrap()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[tokio::test]
async fn a_trade_has_one_number_for_life_and_gives_back_what_it_was_given() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let number = number();
    let mut content = order(&number, "88.88");
    content["body"] = json!("两副 & 一个盒子");
    content["passback_params"] = json!("a%3D1%26b%3D2");
    assert!(ours.open(&content).await.contains("支付宝收银台"));
    let trade_no = ours.query(&number).await["trade_no"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(trade_no.len(), 28, "{trade_no}");
    assert!(
        ours.open(&content).await.contains("支付宝收银台"),
        "opened again"
    );
    let back = ours.pay(&number).await;
    assert_eq!(back.status, 303, "{}", back.text);
    let back = back.headers["location"].to_str().unwrap();
    assert_eq!(
        pairs_of(back.split_once('?').unwrap().1)["trade_no"],
        trade_no
    );
    let told = pairs_of(&world.letter().await.body);
    assert_eq!(told["trade_no"], trade_no);
    assert_eq!(told["body"], "两副 & 一个盒子");
    assert_eq!(told["passback_params"], "a%3D1%26b%3D2");
    assert_eq!(ours.query(&number).await["trade_no"], trade_no);
    let done = ours.refund(&number, "R1", "8.88").await;
    assert_eq!(
        (&done["trade_no"], &done["fund_change"]),
        (&json!(trade_no), &json!("Y"))
    );
    assert_eq!(pairs_of(&world.letter().await.body)["out_biz_no"], "R1");
    assert_eq!(ours.refund(&number, "R1", "8.88").await["fund_change"], "N");
    world.silence().await;
    let by_no = json!({"trade_no": trade_no, "out_trade_no": "another"});
    let found = ours.call("alipay.trade.query", &by_no).await;
    assert_eq!(found["out_trade_no"], json!(number), "trade_no counts");
}

#[tokio::test]
async fn a_failure_has_its_own_sub_code() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let (open, paid) = (number(), number());
    ours.open(&order(&open, "1.00")).await;
    ours.open(&order(&paid, "1.00")).await;
    ours.pay(&paid).await;
    world.letter().await;
    let failed = |answer: Value| answer["sub_code"].as_str().unwrap_or("none").to_owned();
    let refund = |number, request, sum| ours.refund(number, request, sum);
    assert_eq!(
        failed(refund("nobody", "R", "1.00").await),
        "ACQ.TRADE_NOT_EXIST"
    );
    assert_eq!(
        failed(refund(&open, "R", "1.00").await),
        "ACQ.TRADE_STATUS_ERROR"
    );
    assert_eq!(
        failed(refund(&paid, "R", "1.01").await),
        "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    );
    assert_eq!(
        failed(refund(&paid, "R", "0.00").await),
        "ACQ.REASON_TRADE_REFUND_FEE_ERR"
    );
    let partly = json!({"out_trade_no": paid, "refund_amount": "0.40"});
    let partly = ours.call("alipay.trade.refund", &partly).await;
    assert_eq!(
        failed(partly),
        "ACQ.INVALID_PARAMETER",
        "without a number of its own"
    );
    world.fault("refund", "not_enough", 0).await;
    let short = refund(&paid, "R", "0.40").await;
    assert_eq!(failed(short), "ACQ.SELLER_BALANCE_NOT_ENOUGH");
    assert_eq!(refund(&paid, "R", "0.40").await["code"], "10000");
    assert_eq!(
        failed(refund(&paid, "R", "0.41").await),
        "ACQ.DISCORDANT_REPEAT_REQUEST"
    );
    let close = json!({"out_trade_no": paid});
    let close = ours.call("alipay.trade.close", &close).await;
    assert_eq!(failed(close), "ACQ.REASON_TRADE_STATUS_INVALID");
    assert_eq!(
        failed(ours.call("alipay.trade.query", &json!({})).await),
        "ACQ.INVALID_PARAMETER"
    );
}

#[tokio::test]
async fn sums_and_times_out_of_range_open_no_cashier() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    for (sum, why) in [
        ("100000000.01", "ACQ.TOTAL_FEE_EXCEED"),
        ("0.00", "ACQ.TOTAL_FEE_EXCEED"),
        ("1.001", "ACQ.INVALID_PARAMETER"),
    ] {
        let page = ours.open(&order(&number(), sum)).await;
        assert!(page.contains(why), "{sum}: {page}");
    }
    let most = ours.open(&order(&number(), "100000000.00")).await;
    assert!(most.contains("¥100000000.00"), "{most}");
    let mut content = order(&number(), "1.00");
    content["timeout_express"] = json!("16d");
    assert!(ours.open(&content).await.contains("ACQ.INVALID_PARAMETER"));
    content["timeout_express"] = json!("90m");
    ours.open(&content).await;
    let orders = world.told("orders").await;
    let mut orders = orders.as_array().unwrap().iter();
    let made = orders.find(|order| order["channelOrderNo"] == content["out_trade_no"]);
    let made = made.unwrap();
    let life = made["expiresMs"].as_i64().unwrap() - made["createdMs"].as_i64().unwrap();
    assert_eq!(life, 90 * 60_000);
}

#[tokio::test]
async fn a_failure_of_the_gateway_is_unsigned_and_in_the_methods_node() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let content = json!({"out_trade_no": number()});
    let answer = ours.sent("alipay.trade.query", &content, true).await.json();
    let node = &answer["alipay_trade_query_response"];
    assert_eq!(node["sub_code"], "isv.invalid-signature", "{answer}");
    assert!(answer.get("sign").is_none(), "{answer}");
    let answer = ours
        .sent("alipay.trade.nothing", &content, false)
        .await
        .json();
    assert_eq!(
        answer["error_response"]["sub_code"], "isv.invalid-method",
        "{answer}"
    );
    world.fault("query", "error_response", 0).await;
    let answer = ours
        .sent("alipay.trade.query", &content, false)
        .await
        .json();
    assert_eq!(answer["error_response"]["code"], "20000", "{answer}");
    assert!(answer.get("sign").is_none(), "{answer}");
    let answer = ours
        .sent("alipay.trade.query", &content, false)
        .await
        .json();
    assert_eq!(
        answer["alipay_trade_query_response"]["sub_code"],
        "ACQ.TRADE_NOT_EXIST"
    );
    assert!(
        answer["sign"].is_string(),
        "a failure of the business is signed"
    );
}

#[tokio::test]
async fn a_sum_may_be_written_as_a_number() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    for (sum, shown) in [
        (json!(88.88), "88.88"),
        (json!(0.1), "0.10"),
        (json!(12), "12.00"),
    ] {
        let number = number();
        let mut content = order(&number, "");
        content["total_amount"] = sum;
        let page = ours.open(&content).await;
        assert!(page.contains(&format!("¥{shown}")), "{page}");
        assert_eq!(ours.query(&number).await["total_amount"], shown);
        ours.pay(&number).await;
        world.letter().await;
    }
}

#[tokio::test]
async fn a_notify_holds_no_empty_value_and_tells_when_a_trade_closed() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let number = number();
    let mut content = order(&number, "1.00");
    content["body"] = json!("");
    content["passback_params"] = json!("");
    ours.open(&content).await;
    ours.pay(&number).await;
    let paid = pairs_of(&world.letter().await.body);
    assert!(paid.values().all(|value| !value.is_empty()), "{paid:?}");
    assert!(!paid.contains_key("gmt_close"));
    ours.refund(&number, "R1", "0.40").await;
    let part = pairs_of(&world.letter().await.body);
    assert!(!part.contains_key("gmt_close"));
    // Of a desktop page's trade nobody is told that it closed.
    ours.refund(&number, "R2", "0.60").await;
    world.silence().await;
    let number = self::number();
    let mut content = order(&number, "1.00");
    content["product_code"] = json!("QUICK_WAP_WAY");
    ours.sent("alipay.trade.wap.pay", &content, false).await;
    ours.pay(&number).await;
    world.letter().await;
    ours.refund(&number, "R3", "1.00").await;
    let whole = pairs_of(&world.letter().await.body);
    assert_eq!(whole["trade_status"], "TRADE_CLOSED");
    assert_eq!(whole["gmt_close"], whole["gmt_refund"][..19]);
}

#[tokio::test]
async fn the_gateway_knows_its_caller_before_it_looks_at_a_signature() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let content = json!({"out_trade_no": number()});
    let nobody = [("app_id", "2021000000000001"), ("sign", "")];
    let nameless = [("app_id", ""), ("sign", "")];
    for (after, sub_code) in [
        (&nobody[..], "isv.invalid-app-id"),
        (&nameless[..], "isv.missing-app-id"),
        (&[("sign", "")][..], "isv.missing-signature"),
    ] {
        let answer = ours.sent_with("alipay.trade.query", &content, after).await;
        let node = &answer.json()["alipay_trade_query_response"];
        assert_eq!(node["sub_code"], sub_code, "{}", answer.text);
    }
    world.fault("query", "rate_limit", 0).await;
    let limited = ours.call("alipay.trade.query", &content).await;
    assert_eq!(
        (&limited["code"], &limited["sub_code"]),
        (&json!("40005"), &json!("isv.app-call-limited"))
    );
}

#[tokio::test]
async fn a_form_past_its_time_begins_no_trade() {
    let world = World::start().await;
    let ours = Merchant::new(&world);
    let number = number();
    let mut content = order(&number, "1.00");
    content["time_expire"] = json!("2026-01-01 00:00:00");
    let page = ours.open(&content).await;
    assert!(
        page.contains("ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR"),
        "{page}"
    );
    let asked = ours.query(&number).await;
    assert_eq!(asked["sub_code"], "ACQ.TRADE_NOT_EXIST", "{asked}");
}
