//! Refunds, closing, and money beside the request: over the wire, and by the
//! operator.

use crate::harness::{Database, World, eventually, tongfu, value_of};
use crate::pay::{body_of, errcode};
use crate::sign::{hmac_body, signed};
use serde_json::{Value, json};

pub(crate) const REFUND: &str = "/pay/api/private/pay/refund";
const CLOSE: &str = "/pay/api/private/pay/close";
const SECRET: &str = "demo-secret";

/// The order of a requestKey, paid: its query, and the channel's number.
pub(crate) async fn paid_order(world: &World) -> (String, String) {
    let query = world.signed_query().await;
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    let number = world.newest_order().await;
    let pay = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", pay).await;
    let key = value_of(&query, "requestKey");
    eventually("the callback", async || {
        (!world.callbacks(&key).await.is_empty()).then_some(())
    })
    .await;
    (query, number)
}

/// What the gateway's book gave back of an order, fen.
pub(crate) async fn given_back(world: &World, number: &str) -> i64 {
    let orders = world.book().await;
    let order = orders
        .iter()
        .find(|order| order["channelOrderNo"] == number);
    let refunds = order.unwrap()["refunds"].as_array().unwrap().clone();
    refunds
        .iter()
        .map(|refund| refund["amount"].as_i64().unwrap())
        .sum()
}

pub(crate) fn refund_body(key: &str, refund_key: &str, fen: &str) -> String {
    let pairs = [
        ("domainCode", "demo"),
        ("requestKey", key),
        ("refundKey", refund_key),
        ("refundMoney", fen),
    ];
    hmac_body("refund", &pairs, SECRET)
}

fn close_body(key: &str) -> String {
    let pairs = [("domainCode", "demo"), ("requestKey", key)];
    hmac_body("close", &pairs, SECRET)
}

async fn a_business_system_refunds_in_parts(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let (query, number) = paid_order(&world).await;
    let key = value_of(&query, "requestKey");
    let first = world.post(REFUND, &refund_body(&key, "R1", "2345")).await;
    assert_eq!(errcode(&first), "0", "{first}");
    // The same call again asks how it stands.
    let done = eventually("the refund is done", async || {
        let answer = world.post(REFUND, &refund_body(&key, "R1", "2345")).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        (answer["obj"]["refundStatus"] == "SUCCESSREFUND").then_some(answer)
    })
    .await;
    assert_eq!(done["obj"]["refundMoney"], 2345);
    assert_eq!(done["obj"]["requestKey"], key.as_str());
    assert_eq!(done["obj"]["orderSn"].as_str().unwrap().len(), 20);
    assert_eq!(given_back(&world, &number).await, 2_345);
    for (refund_key, fen, code) in [("R1", "1", "10019"), ("R2", "10001", "10006")] {
        let answer = world
            .post(REFUND, &refund_body(&key, refund_key, fen))
            .await;
        assert_eq!(errcode(&answer), code, "{answer}");
    }
    world.post(REFUND, &refund_body(&key, "R2", "10000")).await;
    eventually("all is given back", async || {
        (given_back(&world, &number).await == 12_345).then_some(())
    })
    .await;
    // It stays a payment that was made, and no second callback tells of it.
    let question = signed(&[("domainCode", "demo"), ("requestKey", &key)], SECRET);
    let asked = world
        .text(&format!("/pay/api/private/pay/query?{question}"))
        .await;
    assert!(asked.contains("\"obj\":true"), "{asked}");
    eventually("queryInfo shows the refund", async || {
        let info = world
            .text(&format!("/pay/api/private/pay/queryInfo?{question}"))
            .await;
        info.contains("\"payStatus\":\"SUCCESSREFUND\"")
            .then_some(())
    })
    .await;
    for callback in world.callbacks(&key).await {
        assert_eq!(callback["values"]["payStatus"], "SUCCESSPAY");
    }
}

#[tokio::test]
async fn a_domain_that_wants_it_is_told_of_its_refunds() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let mut command = tongfu(&world.database_url);
    let set = command.args(["domain", "set", "demo", "--refund-callbacks", "true"]);
    assert!(set.output().unwrap().status.success());
    let (query, _) = paid_order(&world).await;
    let key = value_of(&query, "requestKey");
    world.post(REFUND, &refund_body(&key, "R1", "2345")).await;
    let told = eventually("the refund is told", async || {
        let callbacks = world.callbacks(&key).await;
        let of_refund = |one: &&Value| one["values"]["payStatus"] == "SUCCESSREFUND";
        callbacks.iter().find(of_refund).cloned()
    })
    .await;
    assert_eq!(told["verified"], true);
    assert_eq!(told["values"]["money"], "12345");
}

#[tokio::test]
async fn a_domain_that_wants_it_is_told_of_a_close() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let mut command = tongfu(&world.database_url);
    let set = command.args(["domain", "set", "demo", "--failurepay", "true"]);
    assert!(set.output().unwrap().status.success());
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    let body = body_of(&query, "Wechat");
    world.post("/pay/api/pc/pay", &body).await;
    for _ in 0..2 {
        let closed = world.post(CLOSE, &close_body(&key)).await;
        assert_eq!(errcode(&closed), "0", "{closed}");
    }
    let callbacks = eventually("the close is told", async || {
        let callbacks = world.callbacks(&key).await;
        (!callbacks.is_empty()).then_some(callbacks)
    })
    .await;
    assert_eq!(callbacks[0]["verified"], true);
    assert_eq!(callbacks[0]["values"]["payStatus"], "FAILUREPAY");
    let same = |one: &Value| one["values"] == callbacks[0]["values"];
    assert!(world.callbacks(&key).await.iter().all(same));
}

async fn a_business_system_closes(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    let number = world.newest_order().await;
    let closed = world.post(CLOSE, &close_body(&key)).await;
    assert_eq!(errcode(&closed), "0", "{closed}");
    let orders = world.book().await;
    let order = orders
        .iter()
        .find(|order| order["channelOrderNo"] == number.as_str());
    assert_eq!(order.unwrap()["state"], "CLOSED");
    nobody_can_pay(&world, &query).await;
    // One that nobody opened is closed too; one that is paid is not.
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    assert_eq!(errcode(&world.post(CLOSE, &close_body(&key)).await), "0");
    nobody_can_pay(&world, &query).await;
    let (query, _) = paid_order(&world).await;
    let close = close_body(&value_of(&query, "requestKey"));
    assert_eq!(errcode(&world.post(CLOSE, &close).await), "10009");
}

/// Says so to who starts, who polls and who opens the page.
async fn nobody_can_pay(world: &World, query: &str) {
    let pay = world
        .post("/pay/api/pc/pay", &body_of(query, "Wechat"))
        .await;
    assert_eq!(errcode(&pay), "10008", "{pay}");
    let polled = world
        .text(&format!("/pay/api/pc/wechatQuery?{query}"))
        .await;
    assert_eq!(errcode(&polled), "10008", "{polled}");
    let page = world.text(&format!("/pay.html?{query}")).await;
    assert!(
        page.contains("10008") && !page.contains("name=\"channel\""),
        "{page}"
    );
}

async fn money_that_comes_twice_goes_back_by_itself(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    let first = world.newest_order().await;
    let late = json!({"on": "notify", "kind": "drop", "times": 2});
    world.control(&world.gateway, "fault", late).await;
    world
        .control(&world.gateway, "pay", json!({ "channelOrderNo": first }))
        .await;
    let openid = "oSandboxPayer0000000000000001";
    let mobile = body_of(&format!("{query}&openid={openid}"), "Wechat");
    let answer = world.post("/pay/api/h5/pay", &mobile).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert!(answer["obj"]["timeStamp"].is_string(), "{answer}");
    let package = answer["obj"]["package"].as_str().unwrap();
    assert!(package.starts_with("prepay_id=wx"), "{answer}");
    let second = world.newest_order().await;
    assert_ne!(first, second);
    world
        .control(&world.gateway, "pay", json!({ "channelOrderNo": second }))
        .await;
    eventually("one of both goes back", async || {
        let back = given_back(&world, &first).await + given_back(&world, &second).await;
        (back > 0).then_some(())
    })
    .await;
    let (one, two) = (
        given_back(&world, &first).await,
        given_back(&world, &second).await,
    );
    assert_eq!((one + two, one * two), (12_345, 0));
    let told = world.callbacks(&key).await;
    assert!(
        told.iter()
            .all(|callback| callback["values"]["payStatus"] == "SUCCESSPAY")
    );
}

async fn the_operator_refunds(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let (query, number) = paid_order(&world).await;
    let key = value_of(&query, "requestKey");
    let callbacks = world.callbacks(&key).await;
    let order_sn = callbacks[0]["values"]["orderSn"].as_str().unwrap();
    let run = |args: &[&str]| {
        let output = tongfu(&world.database_url).args(args).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let (done, text) = run(&["order", "refund", order_sn, "--money", "12346"]);
    assert!(!done && text.contains("12345 fen"), "{text}");
    let (done, text) = run(&["order", "refund", order_sn, "--money", "45"]);
    assert!(done, "{text}");
    eventually("it is given back", async || {
        (given_back(&world, &number).await == 45).then_some(())
    })
    .await;
    eventually("and shown", async || {
        let (_, text) = run(&["order", "show", order_sn]);
        text.contains("SUCCESSREFUND").then_some(())
    })
    .await;
    let (done, text) = run(&["order", "list", "--at-risk"]);
    assert!(done && text.contains("0 at risk"), "{text}");
}

#[tokio::test]
async fn the_operator_finds_a_payment_that_nobody_told() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    let number = world.newest_order().await;
    // The platform is down when its payer pays, and no notify reaches it.
    world.programs.pop().unwrap().kill();
    let pay = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", pay).await;
    let number = number.as_str();
    let order = |what: &str| {
        let mut command = tongfu(&world.database_url);
        command.env(
            "TONGFU_ACCOUNTS",
            world.folder.join("sandbox/accounts.toml"),
        );
        let output = command.args(["order", what, number]).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let deaf = json!({"on": "query", "kind": "unsigned_502"});
    world.control(&world.gateway, "fault", deaf).await;
    let (done, text) = order("requery");
    assert!(!done && text.contains("502"), "{text}");
    let (done, text) = order("unpaid");
    assert!(!done && text.contains("may still be paid"), "{text}");
    let (done, text) = order("requery");
    assert!(done && text.contains("SUCCESSPAY"), "{text}");
    let (done, text) = order("unpaid");
    assert!(!done && text.contains("is paid"), "{text}");
    let platform = world.start_platform();
    world.programs.push(platform);
    eventually("the callback", async || {
        (!world.callbacks(&key).await.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn nothing_but_an_hmac_of_its_own_refunds_or_closes() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (query, _) = paid_order(&world).await;
    let key = value_of(&query, "requestKey");
    let callback = &world.callbacks(&key).await[0]["values"];
    let question = signed(&[("domainCode", "demo"), ("requestKey", &key)], SECRET);
    for path in [REFUND, CLOSE] {
        let more = json!({"refundKey": "R1", "refundMoney": "1"});
        for replayed in [query.clone(), question.clone()] {
            let mut body: Value = serde_json::from_str(&body_of(&replayed, "Wechat")).unwrap();
            assert_eq!(errcode(&world.post(path, &body.to_string()).await), "10015");
            body["refundKey"] = more["refundKey"].clone();
            body["refundMoney"] = more["refundMoney"].clone();
            body["signType"] = json!("HMAC-SHA256");
            assert_eq!(errcode(&world.post(path, &body.to_string()).await), "10004");
        }
        let mut body = callback.clone();
        assert_eq!(errcode(&world.post(path, &body.to_string()).await), "10015");
        body["signType"] = json!("HMAC-SHA256");
        body["refundKey"] = json!("R1");
        body["refundMoney"] = json!("1");
        assert_eq!(errcode(&world.post(path, &body.to_string()).await), "10004");
    }
    // A sign for one purpose is none for the other.
    let pairs = [("domainCode", "demo"), ("requestKey", key.as_str())];
    let body = hmac_body("query", &pairs, SECRET);
    assert_eq!(errcode(&world.post(CLOSE, &body).await), "10004");
    assert_eq!(errcode(&world.text(REFUND).await), "10016");
    let unpaid = refund_body("D1-0000000000000", "R1", "1");
    assert_eq!(errcode(&world.post(REFUND, &unpaid).await), "10018");
}

#[tokio::test]
async fn a_sign_that_fits_another_key_is_counted_and_shown() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let show = || {
        let mut command = tongfu(&world.database_url);
        let output = command.args(["domain", "show", "test"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let line = "fits another requestKey: ";
    assert!(show().contains(&format!("{line}0")), "{}", show());
    // info of digits alone could be the key, and the key the info.
    let pairs = [
        ("domainCode", "test"),
        ("money", "2"),
        ("info", "96577886"),
        ("requestKey", "1464659622189"),
        ("currencyType", "CNY"),
        ("bgUrl", "http://www.sina.com"),
    ];
    let query = signed(&pairs, "test");
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    assert!(show().contains(&format!("{line}1")), "{}", show());
}

#[tokio::test]
async fn a_sign_that_could_fit_another_sum_is_counted_alarmed_and_named() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let run = |args: &[&str]| {
        let output = tongfu(&world.database_url).args(args).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    let line = "could fit another sum: ";
    assert!(run(&["domain", "show", "test"]).contains(&format!("{line}0")));
    // `test` lists requestChannel empty and 1: money=2345 could be channel 1's 345.
    let pairs = [
        ("domainCode", "test"),
        ("requestChannel", "1"),
        ("money", "2345"),
        ("info", "Bag"),
        ("requestKey", "K-7"),
        ("currencyType", "CNY"),
        ("bgUrl", "http://www.sina.com"),
    ];
    let query = signed(&pairs, "test");
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    assert!(run(&["domain", "show", "test"]).contains(&format!("{line}1")));
    assert!(run(&["domain", "list"]).contains("1 requests could fit another sum"));
    assert!(run(&["doctor"]).contains("domain test took 1 requests"));
    let metrics = world.metrics().await;
    assert!(
        metrics.contains("tongfu_alarms_total{kind=\"recut\"} 1"),
        "{metrics}"
    );
}

macro_rules! on_both {
    ($($scenario:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::harness::Database::Sqlite).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $scenario() {
                super::$scenario(crate::harness::Database::Postgres).await;
            })+
        }
    };
}

on_both! {
    a_business_system_refunds_in_parts,
    a_business_system_closes,
    money_that_comes_twice_goes_back_by_itself,
    the_operator_refunds,
}

/// An order and a refund are named together: where they don't belong to each other, nothing
/// is marked as given back.
#[tokio::test]
async fn a_refund_of_another_order_is_not_marked_by_hand() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let run = |arguments: &[&str]| crate::forecore::run(&world, arguments);
    let mut orders = Vec::new();
    for _ in 0..2 {
        let (query, _) = paid_order(&world).await;
        let callbacks = world.callbacks(&value_of(&query, "requestKey")).await;
        let order_sn = callbacks[0]["values"]["orderSn"].as_str().unwrap();
        orders.push(order_sn.to_owned());
    }
    let [one, other] = orders.as_slice() else {
        unreachable!()
    };
    assert!(run(&["order", "refund", other, "--money", "45"]).0);
    let (_, shown) = run(&["order", "show", other]);
    let mut words = shown.split_whitespace();
    let refund = words.find(|word| word.starts_with("R2")).unwrap();
    let (done, told) = run(&[
        "order",
        "refund",
        one,
        "--by-hand",
        refund,
        "--way",
        "another",
    ]);
    assert!(!done && told.contains("has no refund"), "{told}");
}
