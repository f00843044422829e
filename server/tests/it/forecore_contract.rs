//! The seed's four tables and its notification, name by name and type by type, and its
//! example of the sign (docs/forecore.md).

use crate::harness::{Database, World, eventually};
use crate::partner::{By, KEY, Receiver, call, fields_of, pay_order, query, sign, signed};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::SystemTime;

const BYS: [By; 3] = [By::Get, By::Form, By::Json];

/// The names of an answer with their JSON types, sorted.
fn shape(answer: &Value) -> Vec<(&str, &'static str)> {
    let kind = |value: &Value| match value {
        Value::String(_) => "text",
        Value::Number(_) => "number",
        _ => "other",
    };
    let members = answer.as_object().unwrap().iter();
    members
        .map(|(name, value)| (name.as_str(), kind(value)))
        .collect()
}

/// The raw text of an answer.
async fn raw(world: &World, path: &str, fields: &BTreeMap<String, String>) -> String {
    world
        .text(&format!("/forecore/{path}?{}", query(fields)))
        .await
}

#[tokio::test]
async fn the_seeds_example_of_the_sign_holds_in_each_form_of_a_call() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let fields = "outOrderId=abc123&money=1.00&partnerId=p001&type=WECHATPAYH5&currency=USD";
    let numbers = "{\"outOrderId\":\"abc123\",\"money\":1.00,\"partnerId\":\"p001\",\
                   \"type\":\"WECHATPAYH5\",\"currency\":\"USD\",\"sign\":\"SIGN\"}";
    let texts = numbers.replace("1.00", "\"1.00\"");
    let seed = "a90a66d09bde8a32725c9efde082fae1";
    // What is told once the sign holds: the example names no address, and no order
    // of this number was made.
    for (path, told) in [
        ("order", "cb_url"),
        ("queryOrder", "no such order"),
        ("refund", "no such order"),
        ("exchangeRate", "payment"),
    ] {
        let url = format!("{}/forecore/{path}", world.platform);
        let post = |media: &str, body: String| {
            let request = world.client.post(&url).header("Content-Type", media);
            request.body(body)
        };
        for (sign, told) in [(seed, told), (&seed.replace('9', "8"), "wrong sign")] {
            let calls = [
                world.client.get(format!("{url}?{fields}&sign={sign}")),
                post(
                    "application/x-www-form-urlencoded",
                    format!("{fields}&sign={sign}"),
                ),
                post("application/json", numbers.replace("SIGN", sign)),
                post(
                    "application/json; charset=utf-8",
                    texts.replace("SIGN", sign),
                ),
            ];
            for call in calls {
                let answer = call.send().await.unwrap().text().await.unwrap();
                assert!(answer.contains(told), "{path}: {answer}");
            }
        }
    }
}

/// Every parameter of the first table.
fn order<'a>(number: &'a str, cb_url: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("partnerId", "p001"),
        ("cb_url", cb_url),
        ("currency", "CNY"),
        ("money", "14.27"),
        ("outOrderId", number),
        ("return_url", "http://127.0.0.1:9/done"),
        ("userId", "u1"),
        ("type", "WECHATPAYH5"),
    ]
}

/// The same, and `time`.
fn timed<'a>(number: &'a str, now: &'a str) -> Vec<(&'a str, &'a str)> {
    let mut fields = order(number, CB_URL);
    fields.push(("time", now));
    fields
}

const CB_URL: &str = "http://127.0.0.1:9/cb";

#[tokio::test]
async fn an_order_takes_and_gives_what_its_table_names() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis();
    let now = now.to_string();
    for (number, by) in ["g", "f", "j"].into_iter().zip(BYS) {
        let answer = call(&world, "order", by, &signed(&timed(number, &now), KEY)).await;
        let expected = [
            ("orderId", "text"),
            ("outOrderId", "text"),
            ("result", "text"),
            ("sign", "text"),
            ("url", "text"),
        ];
        assert_eq!(shape(&answer), expected);
        assert_eq!(
            (&answer["result"], &answer["outOrderId"]),
            (&json!("ok"), &json!(number))
        );
        let signed_fields = ["orderId", "outOrderId", "url"];
        let signed_fields =
            signed_fields.map(|name| (name.to_owned(), answer[name].as_str().unwrap().to_owned()));
        assert_eq!(
            answer["sign"],
            sign(&signed_fields.into(), KEY),
            "without result"
        );
        let url = answer["url"].as_str().unwrap();
        assert!(url.starts_with(&world.platform), "{url}");
        assert!(
            !url.contains(KEY) && url.contains("payTypeCode=Wechat"),
            "{url}"
        );
    }
    // What must be there, and what may be missing.
    for (index, name) in ["cb_url", "currency", "money", "outOrderId"]
        .into_iter()
        .enumerate()
    {
        for empty in [true, false] {
            let mut fields = timed("missing", &now);
            fields.retain(|(other, _)| *other != name);
            fields.extend(empty.then_some((name, "")));
            let answer = call(&world, "order", BYS[index % 3], &signed(&fields, KEY)).await;
            assert_eq!(shape(&answer), [("err", "text"), ("result", "text")]);
            assert_eq!(answer["result"], "error");
            assert!(answer["err"].as_str().unwrap().contains(name), "{answer}");
        }
    }
    for name in ["return_url", "time", "userId", "type"] {
        let number = format!("without {name}");
        let mut fields = timed(&number, &now);
        fields.retain(|(other, _)| *other != name);
        let answer = call(&world, "order", By::Json, &signed(&fields, KEY)).await;
        assert_eq!(answer["result"], "ok", "{name}: {answer}");
    }
    // Each way to pay leads to its channel; each currency is taken.
    for (word, channel) in [
        ("WECHATPAYH5", "Wechat"),
        ("ALIPAYH5", "Alipay"),
        ("UNIONPAYH5", "ChinapayOld"),
    ] {
        for currency in ["CNY", "USD", "CAD"] {
            let number = format!("{word} {currency}");
            let mut fields = timed(&number, &now);
            fields.retain(|(name, _)| !["type", "currency"].contains(name));
            fields.extend([("type", word), ("currency", currency)]);
            let answer = call(&world, "order", By::Get, &signed(&fields, KEY)).await;
            let url = answer["url"].as_str().unwrap();
            assert!(url.contains(&format!("payTypeCode={channel}")), "{url}");
            assert!(url.contains(&format!("currencyType={currency}")), "{url}");
        }
    }
}

#[tokio::test]
async fn the_bodys_value_holds_and_what_nobody_knows_is_signed() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let mut fields = order("body", CB_URL);
    fields.push(("strange", "x y*'"));
    fields.push(("empty", ""));
    let fields = signed(&fields, KEY);
    let url = format!(
        "{}/forecore/order?outOrderId=query&sign=0&money=1",
        world.platform
    );
    let post = async |fields: &BTreeMap<String, String>| {
        let request = world.client.post(&url);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request.body(query(fields)).send().await.unwrap();
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()
    };
    let answer = post(&fields).await;
    assert_eq!(answer["outOrderId"], "body", "{answer}");
    for name in ["strange", "empty"] {
        let mut without = fields.clone();
        without.remove(name);
        // A sign that leaves empties out is known too.
        let wrong = post(&without).await["err"]
            == "wrong sign: MD5 over the key, then every field \
            but sign, sorted, URL-encoded";
        assert!(wrong, "{name} was signed");
    }
}

#[tokio::test]
async fn a_question_is_answered_as_its_table_says() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let expected = [
        ("_id", "text"),
        ("currency", "text"),
        ("money", "number"),
        ("orderId", "text"),
        ("outOrderId", "text"),
        ("received", "number"),
        ("refunds", "other"),
        ("result", "text"),
        ("status", "text"),
    ];
    let question = signed(&[("partnerId", "p001"), ("outOrderId", "q")], KEY);
    let nobody = call(&world, "queryOrder", By::Get, &question).await;
    assert_eq!(shape(&nobody), [("err", "text"), ("result", "text")]);
    let ordered = call(&world, "order", By::Get, &signed(&order("q", CB_URL), KEY)).await;
    for by in BYS {
        let unpaid = call(&world, "queryOrder", by, &question).await;
        assert_eq!(shape(&unpaid), expected);
        assert_eq!(
            (&unpaid["_id"], &unpaid["orderId"]),
            (&ordered["orderId"], &ordered["orderId"])
        );
        assert_eq!(unpaid["status"], "prepare");
    }
    let text = raw(&world, "queryOrder", &question).await;
    assert!(
        text.contains("\"money\":14.27,") && text.contains("\"received\":-1,"),
        "{text}"
    );
    pay_order(&world, &order("q", CB_URL)).await;
    let paid = call(&world, "queryOrder", By::Form, &question).await;
    assert_eq!(shape(&paid), expected);
    let known = ["已支付", "通知商户", "通知失败", "complete"];
    assert!(known.contains(&paid["status"].as_str().unwrap()), "{paid}");
    let text = raw(&world, "queryOrder", &question).await;
    assert!(text.contains("\"received\":14.27,"), "{text}");
}

#[tokio::test]
async fn a_refund_is_answered_as_its_table_says() {
    let world = World::start(Database::Sqlite).await.unwrap();
    pay_order(&world, &order("r", CB_URL)).await;
    let expected = [
        ("out_order_no", "text"),
        ("out_refund_no", "text"),
        ("result", "text"),
        ("trans_no", "text"),
        ("trans_status", "text"),
    ];
    let refund = |money, more: &[(&'static str, &'static str)]| {
        let mut fields = vec![("partnerId", "p001"), ("outOrderId", "r"), ("money", money)];
        fields.extend(more);
        signed(&fields, KEY)
    };
    for (by, money) in BYS.into_iter().zip(["0.01", "0.02", "0.03"]) {
        let answer = call(&world, "refund", by, &refund(money, &[])).await;
        assert_eq!(shape(&answer), expected, "without a number");
        assert_eq!(
            (&answer["out_order_no"], &answer["out_refund_no"]),
            (&json!("r"), &answer["trans_no"])
        );
        let states = ["REFUNDING", "SUCCESS", "CLOSE"];
        assert!(
            states.contains(&answer["trans_status"].as_str().unwrap()),
            "{answer}"
        );
    }
    let named = call(
        &world,
        "refund",
        By::Json,
        &refund("1", &[("out_refund_no", "n1")]),
    )
    .await;
    assert_eq!(
        (shape(&named), &named["out_refund_no"]),
        (expected.to_vec(), &json!("n1"))
    );
    let refused = call(&world, "refund", By::Get, &refund("99", &[])).await;
    assert_eq!(shape(&refused), [("err", "text"), ("result", "text")]);
}

#[tokio::test]
async fn a_rate_is_answered_as_its_table_says() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for currency in ["CAD", "USD"] {
        for payment in ["WECHATPAYH5", "ALIPAYH5", "UNIONPAYH5"] {
            let fields = [
                ("partnerId", "p001"),
                ("currency", currency),
                ("payment", payment),
            ];
            for by in BYS {
                let answer = call(&world, "exchangeRate", by, &signed(&fields, KEY)).await;
                assert_eq!(
                    shape(&answer),
                    [("exchange_rate", "number"), ("result", "text")]
                );
            }
        }
    }
}

/// The fields of the notification that this order comes to.
async fn notified(
    world: &World,
    money: &str,
    currency: &str,
) -> (String, BTreeMap<String, String>) {
    let receiver = Receiver::start().await;
    let mut fields = order("n", &receiver.url);
    fields.retain(|(name, _)| !["money", "currency", "outOrderId"].contains(name));
    let number = format!("n{money}");
    fields.extend([
        ("money", money),
        ("currency", currency),
        ("outOrderId", &number),
    ]);
    pay_order(world, &fields).await;
    let form = eventually("the notification", async || receiver.got().pop()).await;
    let media = receiver.media.lock().unwrap().pop().unwrap();
    (media, fields_of(&form))
}

#[tokio::test]
async fn a_notification_has_what_its_table_names_and_nothing_else() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for (money, told, currency) in [
        ("1.00", "1", "CNY"),
        ("14.27", "14.27", "CNY"),
        ("20.50", "20.5", "USD"),
        ("0.10", "0.1", "CAD"),
    ] {
        let (media, fields) = notified(&world, money, currency).await;
        assert_eq!(media, "application/x-www-form-urlencoded");
        let names: Vec<_> = fields.keys().map(String::as_str).collect();
        let expected = [
            // cb_url's own.
            "a",
            "currency",
            "money",
            "orderId",
            "outOrderId",
            "providerOrderId",
            "shop",
            "sign",
        ];
        assert_eq!(names, expected);
        assert_eq!(
            (fields["money"].as_str(), fields["currency"].as_str()),
            (told, currency)
        );
        assert_eq!(fields["outOrderId"], format!("n{money}"));
        assert_eq!(fields["sign"], sign(&fields, KEY));
    }
}
