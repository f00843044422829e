//! Partners: Apay's interface as the seed and its known clients speak it (docs/forecore.md;
//! docs/forecore.md).

use crate::harness::{Database, World, eventually, tongfu};
use crate::partner::{
    By, KEY, Receiver, call, escaped, fields_of, paid_order, pay_order, sign, signed,
};
use crate::pay::{body_of, errcode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

async fn a_partner_is_paid_and_told(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let receiver = Receiver::start().await;
    receiver
        .answers
        .lock()
        .unwrap()
        .push("{\"err\":\"not now\"}");
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "abc/123 中"),
        ("money", "1.50"),
        ("currency", "CNY"),
        ("cb_url", receiver.url.as_str()),
        ("return_url", "http://127.0.0.1:9/done"),
        ("userId", "u1"),
        ("strange", ""),
    ];
    let order = signed(&order, KEY);
    let first = call(&world, "order", By::Get, &order).await;
    assert_eq!(first["result"], "ok", "{first}");
    assert_eq!(first["outOrderId"], "abc/123 中");
    let answered: BTreeMap<_, _> = ["orderId", "outOrderId", "url"]
        .into_iter()
        .map(|name| (name.to_owned(), first[name].as_str().unwrap().to_owned()))
        .collect();
    assert_eq!(first["sign"], sign(&answered, KEY));
    for by in [By::Form, By::Json] {
        assert_eq!(call(&world, "order", by, &order).await, first);
    }

    let question = signed(&[("partnerId", "p001"), ("outOrderId", "abc/123 中")], KEY);
    let unpaid = call(&world, "queryOrder", By::Form, &question).await;
    let expected = json!({"result": "ok", "outOrderId": "abc/123 中", "orderId": first["orderId"],
        "_id": first["orderId"], "money": 1.5, "received": -1, "currency": "CNY",
        "status": "prepare", "refunds": []});
    assert_eq!(unpaid, expected);

    // The page is our own, and is paid like any other.
    let url = first["url"].as_str().unwrap();
    let (path, values) = url
        .strip_prefix(&world.platform)
        .unwrap()
        .split_once('?')
        .unwrap();
    let page = world.text(&format!("{path}?{values}")).await;
    assert!(page.contains("¥1.50") && page.contains("abc/123"), "{page}");
    let started = world
        .post("/pay/api/pc/pay", &body_of(values, "Alipay"))
        .await;
    assert_eq!(errcode(&started), "0", "{started}");
    let waiting = call(&world, "queryOrder", By::Get, &question).await;
    assert_eq!(waiting["status"], "待支付");
    let (_, orders) = run(&world, &["order", "list", "--json"]);
    let made: Value = serde_json::from_str(orders.trim()).unwrap();
    let number = &made["channelOrderNo"];
    let cashier = format!("{}/alipay/gateway.do", world.gateway);
    open_cashier(&world, &started, &cashier).await;
    world
        .control(&world.gateway, "pay", json!({ "channelOrderNo": number }))
        .await;
    eventually("the notification is taken", async || {
        let info = call(&world, "queryOrder", By::Json, &question).await;
        (info["status"] == "complete").then_some(())
    })
    .await;
    let paid = call(&world, "queryOrder", By::Get, &question).await;
    assert_eq!(
        (&paid["received"], &paid["money"]),
        (&json!(1.5), &json!(1.5))
    );
    let got = receiver.got();
    assert_eq!(got.len(), 2, "refused once: {got:?}");
    assert_eq!(got[0], got[1]);
    let fields = fields_of(&got[0]);
    assert_eq!(fields["sign"], sign(&fields, KEY));
    for (name, value) in [
        ("outOrderId", "abc/123 中"),
        ("orderId", first["orderId"].as_str().unwrap()),
        ("money", "1.5"),
        ("currency", "CNY"),
        ("providerOrderId", made["orderSn"].as_str().unwrap()),
        ("shop", "7"),
        ("a", " b"),
    ] {
        assert_eq!(fields[name], value, "{name}");
    }
}

/// The payer's browser takes the form to the cashier: Alipay knows the order then.
async fn open_cashier(world: &World, started: &str, cashier: &str) {
    let started: Value = serde_json::from_str(started).unwrap();
    let form = started["obj"].as_str().unwrap();
    let action = form
        .split("action=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let action = action.replace("&amp;", "&");
    assert!(action.starts_with(cashier), "{action}");
    let content = form.split("name=\"biz_content\" value=\"").nth(1).unwrap();
    let content = content.split('"').next().unwrap().replace("&quot;", "\"");
    let body = format!("biz_content={}", escaped(&content.replace("&amp;", "&")));
    let request = world.client.post(action);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    request.body(body).send().await.unwrap();
}

async fn refunds_are_made_once(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let refund = async |out_order_id: &str, money: &str, number: &str| {
        let mut fields = vec![
            ("partnerId", "p001"),
            ("outOrderId", out_order_id),
            ("money", money),
        ];
        fields.extend((!number.is_empty()).then_some(("out_refund_no", number)));
        call(&world, "refund", By::Form, &signed(&fields, KEY)).await
    };
    let err = |answer: &Value| answer["err"].as_str().unwrap_or_default().to_owned();
    assert!(err(&refund("o1", "1", "").await).contains("no such order"));
    paid_order(&world, "o1").await;
    let first = refund("o1", "0.30", "r1").await;
    assert_eq!(
        (
            &first["result"],
            &first["out_order_no"],
            &first["out_refund_no"]
        ),
        (&json!("ok"), &json!("o1"), &json!("r1"))
    );
    // The same number is the same refund, and takes no other sum.
    assert_eq!(
        refund("o1", "0.3", "r1").await["trans_no"],
        first["trans_no"]
    );
    assert!(err(&refund("o1", "0.31", "r1").await).contains("out_refund_no"));
    // Without a number the same values are the same refund, which has our number.
    let unnamed = refund("o1", "0.2", "").await;
    assert_ne!(unnamed["trans_no"], first["trans_no"]);
    assert_eq!(unnamed["out_refund_no"], unnamed["trans_no"]);
    let ours = unnamed["out_refund_no"].as_str().unwrap();
    for number in ["", ours] {
        assert_eq!(
            refund("o1", "0.2", number).await["trans_no"],
            unnamed["trans_no"]
        );
    }
    assert_ne!(
        refund("o1", "0.1", "").await["trans_no"],
        unnamed["trans_no"]
    );
    assert!(err(&refund("o1", "0.5", "").await).contains("more than is left"));
    assert!(err(&refund("o1", "0", "").await).contains("money"));
    eventually("the money is back", async || {
        let done = refund("o1", "0.30", "r1").await;
        (done["trans_status"] == "SUCCESS").then_some(())
    })
    .await;
    let question = signed(&[("partnerId", "p001"), ("outOrderId", "o1")], KEY);
    eventually("and shown", async || {
        let info = call(&world, "queryOrder", By::Get, &question).await;
        (info["status"] == "refund" && info["received"] == 1).then_some(())
    })
    .await;
    let given: i64 = world.book().await[0]["refunds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|refund| refund["amount"].as_i64().unwrap())
        .sum();
    assert_eq!(given, 60);
}

#[tokio::test]
async fn refunds_are_made_once_on_sqlite() {
    refunds_are_made_once(Database::Sqlite).await;
}

#[tokio::test]
async fn refunds_are_made_once_on_postgres() {
    refunds_are_made_once(Database::Postgres).await;
}

#[tokio::test]
async fn a_partner_is_paid_and_told_on_sqlite() {
    a_partner_is_paid_and_told(Database::Sqlite).await;
}

#[tokio::test]
async fn a_partner_is_paid_and_told_on_postgres() {
    a_partner_is_paid_and_told(Database::Postgres).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said_and_nothing_is_written() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let good = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "1"),
        ("currency", "CNY"),
        ("cb_url", "http://127.0.0.1:9/cb"),
    ];
    let changed = |name: &str, value: &'static str| {
        let mut fields = good.to_vec();
        fields.retain(|(other, _)| *other != name);
        fields.extend(
            [
                "cb_url",
                "money",
                "currency",
                "outOrderId",
                "time",
                "type",
                "partnerId",
            ]
            .into_iter()
            .find(|known| *known == name)
            .map(|known| (known, value)),
        );
        signed(&fields, KEY)
    };
    let mut unsigned = signed(&good, KEY);
    unsigned.remove("sign");
    let mut forged = signed(&good, KEY);
    forged.insert("money".to_owned(), "0.01".to_owned());
    let cases = [
        (unsigned, "no sign"),
        (forged, "wrong sign"),
        (signed(&good, "other"), "wrong sign"),
        (changed("partnerId", "nobody"), "no such partner"),
        (changed("money", "-1"), "money"),
        (changed("money", "1.001"), "money"),
        (changed("money", "10000000"), "money"),
        (changed("currency", "EUR"), "currency"),
        (changed("cb_url", "http://10.0.0.1/cb"), "cb_url"),
        (changed("cb_url", "file:///etc/passwd"), "cb_url"),
        (changed("outOrderId", ""), "outOrderId"),
        (changed("time", "1"), "time"),
        (changed("type", "CASH"), "type"),
    ];
    for (fields, told) in cases {
        for by in [By::Get, By::Form, By::Json] {
            let answer = call(&world, "order", by, &fields).await;
            assert_eq!(answer["result"], "error", "{told}");
            let err = answer["err"].as_str().unwrap();
            assert!(err.contains(told), "{told}: {err}");
        }
    }
    // Bodies that can't be read, and a name that comes twice.
    for (media, body) in [
        ("application/json", "{"),
        ("application/json", "[1]"),
        ("application/x-www-form-urlencoded", "a=%zz"),
        ("application/x-www-form-urlencoded", "money=1&money=2"),
    ] {
        let request = world
            .client
            .post(format!("{}/forecore/order", world.platform));
        let answer = request
            .header("Content-Type", media)
            .body(body)
            .send()
            .await;
        let answer = answer.unwrap();
        assert_eq!(answer.status(), 200);
        let answer = answer.text().await.unwrap();
        assert!(answer.contains("\"err\""), "{answer}");
    }
    let question = signed(&[("partnerId", "p001"), ("outOrderId", "o1")], KEY);
    let answer = call(&world, "queryOrder", By::Get, &question).await;
    assert!(answer["err"].as_str().unwrap().contains("no such order"));

    // The same number with other content.
    let first = call(&world, "order", By::Get, &signed(&good, KEY)).await;
    assert_eq!(first["result"], "ok");
    let other = call(&world, "order", By::Get, &changed("money", "2")).await;
    assert!(
        other["err"].as_str().unwrap().contains("outOrderId"),
        "{other}"
    );
}

#[tokio::test]
async fn foreign_currencies_are_converted_by_the_rate_that_is_told() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let ask = async |currency: &str, payment: &str| {
        let fields = [
            ("partnerId", "p001"),
            ("currency", currency),
            ("payment", payment),
        ];
        call(&world, "exchangeRate", By::Get, &signed(&fields, KEY)).await
    };
    for payment in ["WECHATPAYH5", "ALIPAYH5", "UNIONPAYH5"] {
        assert_eq!(
            ask("USD", payment).await,
            json!({"result": "ok", "exchange_rate": 7.1})
        );
        assert_eq!(ask("CAD", payment).await["exchange_rate"], 5.2);
    }
    for (currency, payment) in [
        ("CNY", "ALIPAYH5"),
        ("EUR", "ALIPAYH5"),
        ("USD", "CASH"),
        ("USD", ""),
    ] {
        assert_eq!(ask(currency, payment).await["result"], "error");
    }
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "cad"),
        ("money", "10.00"),
        ("currency", "CAD"),
        ("type", "WECHATPAYH5"),
        ("cb_url", "http://127.0.0.1:9/cb"),
    ];
    let ordered = call(&world, "order", By::Get, &signed(&order, KEY)).await;
    let (_, values) = ordered["url"].as_str().unwrap().split_once('?').unwrap();
    let page = world.text(&format!("/pay.html?{values}")).await;
    assert!(
        page.contains("CA$10.00") && page.contains("¥52.00"),
        "{page}"
    );
    assert_eq!(world.book().await[0]["amount"], 5_200);
    // The platform itself knows no CAD.
    let types = "/pay/api/pc/pay-types?domainCode=test&paySceneName=pc&currencyType=CAD";
    assert_eq!(errcode(&world.text(types).await), "10006");
}

/// A second partner, with the key that the command prints.
fn add_partner(world: &World, name: &str) -> String {
    let (made, told) = run(world, &["partner", "add", name]);
    assert!(made, "{told}");
    let key = told.lines().find_map(|line| line.strip_prefix("key "));
    key.unwrap().trim().to_owned()
}

pub(crate) fn run(world: &World, arguments: &[&str]) -> (bool, String) {
    let output = tongfu(&world.database_url)
        .args(arguments)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn one_partner_sees_nothing_of_another() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let key = add_partner(&world, "other");
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "1"),
        ("currency", "CNY"),
        ("cb_url", "http://127.0.0.1:9/cb"),
    ];
    let mine = call(&world, "order", By::Get, &signed(&order, KEY)).await;
    let theirs = signed(&[("partnerId", "other"), ("outOrderId", "o1")], &key);
    let answer = call(&world, "queryOrder", By::Get, &theirs).await;
    assert!(answer["err"].as_str().unwrap().contains("no such order"));
    // The same number is another order there; its callbacks may not be private.
    let mut order = order.to_vec();
    order[0].1 = "other";
    let answer = call(&world, "order", By::Get, &signed(&order, &key)).await;
    assert!(answer["err"].as_str().unwrap().contains("cb_url"));
    order[4].1 = "https://shop.example/cb";
    let answer = call(&world, "order", By::Get, &signed(&order, &key)).await;
    assert_eq!(answer["result"], "ok", "{answer}");
    assert_ne!(answer["orderId"], mine["orderId"]);
    // A page that was never ordered is not paid, whoever signed it.
    let (_, values) = mine["url"].as_str().unwrap().split_once('?').unwrap();
    let cheaper = values.replace("money=100", "money=1");
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&cheaper, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "10004");
    let (_, listed) = run(&world, &["partner", "list"]);
    assert!(
        listed.contains("p001") && listed.contains("other"),
        "{listed}"
    );
    let (_, domains) = run(&world, &["domain", "list"]);
    assert!(!domains.contains("p001"), "{domains}");
}

#[tokio::test]
async fn one_partner_neither_refunds_nor_guesses_at_anothers_orders() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let key = add_partner(&world, "other");
    paid_order(&world, "o1").await;
    let mine = signed(&[("partnerId", "p001"), ("outOrderId", "o1")], KEY);
    let mine = call(&world, "queryOrder", By::Get, &mine).await;
    let as_other = async |path: &str, number: &str, key: &str, partner: &str| {
        let mut fields = vec![("partnerId", partner), ("outOrderId", number)];
        if path == "refund" {
            fields.extend([("money", "1"), ("out_refund_no", "r1")]);
        }
        call(&world, path, By::Form, &signed(&fields, key)).await
    };
    let our_number = mine["orderId"].as_str().unwrap();
    let (_, listed) = run(&world, &["order", "list", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).unwrap();
    let order_sn = listed["orderSn"].as_str().unwrap();
    for path in ["queryOrder", "refund"] {
        // What is there is answered as what is not, letter for letter.
        let nothing = as_other(path, "nothing", &key, "other").await;
        assert!(nothing["err"].as_str().unwrap().contains("no such order"));
        for number in ["o1", our_number, order_sn] {
            assert_eq!(
                as_other(path, number, &key, "other").await,
                nothing,
                "{number}"
            );
        }
        // Nor does one partner's key open the other's name.
        for (key, partner) in [(key.as_str(), "p001"), (KEY, "other")] {
            let refused = as_other(path, "o1", key, partner).await;
            assert!(refused["err"].as_str().unwrap().contains("wrong sign"));
        }
    }
    // The other's number of a refund is free for both.
    let refund = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "0.4"),
        ("out_refund_no", "r1"),
    ];
    let refund = call(&world, "refund", By::Get, &signed(&refund, KEY)).await;
    assert_eq!(refund["result"], "ok", "{refund}");
    let theirs = as_other("refund", "o1", &key, "other").await;
    assert!(
        theirs["err"].as_str().unwrap().contains("no such order"),
        "{theirs}"
    );
    // What the other one orders under the same number is its own, and unpaid.
    let order = [
        ("partnerId", "other"),
        ("outOrderId", "o1"),
        ("money", "1"),
        ("currency", "CNY"),
        ("cb_url", "https://shop.example/cb"),
    ];
    let ordered = call(&world, "order", By::Get, &signed(&order, &key)).await;
    assert_eq!(ordered["result"], "ok", "{ordered}");
    let theirs = as_other("queryOrder", "o1", &key, "other").await;
    assert_eq!(
        (&theirs["received"], &theirs["status"]),
        (&json!(-1), &json!("prepare"))
    );
    let theirs = as_other("refund", "o1", &key, "other").await;
    assert!(
        theirs["err"].as_str().unwrap().contains("not paid"),
        "{theirs}"
    );
    // A page that the other one signs for this order with its own key is none.
    let url = ordered["url"].as_str().unwrap();
    let (_, values) = url.split_once('?').unwrap();
    let their_number = ordered["orderId"].as_str().unwrap();
    for (from, to) in [(their_number, our_number), ("apay.other", "apay.p001")] {
        let forged = values.replace(from, to);
        assert_ne!(forged, values);
        let answer = world
            .post("/pay/api/pc/pay", &body_of(&forged, "Wechat"))
            .await;
        assert_eq!(errcode(&answer), "10004", "{answer}");
    }
}

#[tokio::test]
async fn a_refund_whose_answer_is_lost_is_one_under_its_number() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let ask = async |path: &str, number: &str, more: &[(&'static str, &'static str)]| {
        let mut fields = vec![("partnerId", "p001"), ("outOrderId", number)];
        fields.extend(more);
        call(&world, path, By::Form, &signed(&fields, KEY)).await
    };
    paid_order(&world, "o1").await;
    paid_order(&world, "o2").await;
    // The number is signed like any field, and is one of all orders of the partner.
    let part = [("money", "0.3"), ("out_refund_no", "r1")];
    let mut unsigned = signed(&[("partnerId", "p001"), ("outOrderId", "o1"), part[0]], KEY);
    unsigned.insert("out_refund_no".to_owned(), "r1".to_owned());
    let refused = call(&world, "refund", By::Form, &unsigned).await;
    assert!(
        refused["err"].as_str().unwrap().contains("wrong sign"),
        "{refused}"
    );
    let pending = json!({"on": "refund", "kind": "drop", "times": 2});
    world.control(&world.gateway, "fault", pending).await;
    let (first, second) = tokio::join!(ask("refund", "o1", &part), ask("refund", "o1", &part));
    assert_eq!(first["trans_status"], "REFUNDING", "{first}");
    assert_eq!(first["trans_no"], second["trans_no"]);
    let other = ask("refund", "o2", &part).await;
    assert!(
        other["err"].as_str().unwrap().contains("out_refund_no"),
        "{other}"
    );
    assert_eq!(ask("queryOrder", "o1", &[]).await["status"], "refunding");
    eventually("it is done", async || {
        let now = ask("refund", "o1", &part).await;
        assert_eq!(now["trans_no"], first["trans_no"]);
        (now["trans_status"] == "SUCCESS").then_some(())
    })
    .await;
    assert_eq!(ask("queryOrder", "o1", &[]).await["status"], "refund");
    let book = world.book().await;
    let refunds: Vec<_> = book
        .iter()
        .map(|order| order["refunds"].as_array().unwrap().len())
        .collect();
    assert_eq!(refunds.iter().sum::<usize>(), 1, "{book:?}");
    // The other order is untouched by it.
    assert_eq!(ask("queryOrder", "o2", &[]).await["received"], 1);
    let whole = ask("refund", "o2", &[("money", "1")]).await;
    assert_eq!(
        (&whole["result"], &whole["out_refund_no"]),
        (&json!("ok"), &whole["trans_no"])
    );
}

#[tokio::test]
async fn what_a_receiver_says_moves_nothing_on_the_operators_screen() {
    let Some(world) = World::start(Database::Sqlite).await else {
        return;
    };
    let receiver = Receiver::start().await;
    let said = "\u{1b}[2J\u{202e}no\rFAKE\u{7} DELIVERED";
    receiver.answers.lock().unwrap().push(said);
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "1"),
        ("currency", "CNY"),
        ("cb_url", receiver.url.as_str()),
    ];
    pay_order(&world, &order).await;
    eventually("it is told", async || {
        (receiver.got().len() > 1).then_some(())
    })
    .await;
    let (_, listed) = run(&world, &["order", "list", "--json"]);
    let listed: Value = serde_json::from_str(listed.trim()).unwrap();
    assert_eq!(listed["outOrderId"], "o1");
    let (_, shown) = run(
        &world,
        &["order", "show", listed["orderSn"].as_str().unwrap()],
    );
    let expected = "\\u{1b}[2J\\u{202e}no\\u{d}FAKE\\u{7} DELIVERED";
    assert!(shown.contains(expected), "{shown}");
    let unseen = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
    assert!(!shown.contains(unseen), "{shown:?}");
}

/// Partners show `url` as a code, so that it is short however long their own addresses are;
/// it outlives the key that ordered it, and leads nowhere else.
#[tokio::test]
async fn the_address_of_an_order_fits_into_a_code() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let key = add_partner(&world, "other");
    let back = format!("https://shop.example/{}", "a%3D".repeat(500));
    let order = [
        ("partnerId", "other"),
        ("outOrderId", "long"),
        ("money", "1"),
        ("currency", "CNY"),
        ("type", "ALIPAYH5"),
        ("cb_url", "https://shop.example/cb"),
        ("return_url", &back),
    ];
    let ordered = call(&world, "order", By::Get, &signed(&order, &key)).await;
    let again = call(&world, "order", By::Json, &signed(&order, &key)).await;
    assert_eq!(ordered, again);
    let url = ordered["url"].as_str().unwrap();
    assert!(url.len() <= 140, "{url}");
    let short = url.strip_prefix(&world.platform).unwrap();
    let page = async |short: &str| {
        let answer = world.get(short).await;
        let headers = answer.headers();
        headers
            .get("location")
            .map(|page| page.to_str().unwrap().to_owned())
    };
    let first = page(short).await.unwrap();
    assert!(first.contains("payTypeCode=Alipay"), "{first}");
    let opened = world
        .text(first.strip_prefix(&world.platform).unwrap())
        .await;
    assert!(opened.contains("long"), "{opened}");
    for (from, to) in [
        ("-Alipay-", "-Wechat-"),
        ("apay.other", "apay.p001"),
        ("-1-", "-2-"),
    ] {
        let forged = short.replacen(from, to, 1);
        assert_ne!(forged, short);
        assert_eq!(world.get(&forged).await.status(), 404, "{forged}");
    }
    for command in [
        &["partner", "rotate", "other", "--overlap", "1h"][..],
        &["partner", "end-older", "other"],
    ] {
        let (done, told) = run(&world, command);
        assert!(done, "{told}");
    }
    eventually("the page is signed by the key that holds", async || {
        let anew = page(short).await.unwrap();
        let opened = world
            .text(anew.strip_prefix(&world.platform).unwrap())
            .await;
        (anew != first && opened.contains("¥1.00")).then_some(())
    })
    .await;
}
