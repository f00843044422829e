//! A payment over the documented paths, as an old page and a business system
//! make it [docs/protocol.md].

use crate::harness::{Database, World, eventually, value_of};
use crate::sign::signed;
use serde_json::{Value, json};

/// The JSON body of an old page for a query string: every value as text.
pub(crate) fn body_of(query: &str, channel: &str) -> String {
    let mut body = serde_json::Map::new();
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap();
        body.insert(name.to_owned(), json!(decoded(value)));
    }
    body.insert("payTypeCode".to_owned(), json!(channel));
    Value::Object(body).to_string()
}

pub(crate) fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: String = rest.by_ref().take(2).map(char::from).collect();
            bytes.push(u8::from_str_radix(&digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

pub(crate) fn errcode(answer: &str) -> String {
    let json: Value = serde_json::from_str(answer).unwrap();
    json["errcode"].as_str().unwrap().to_owned()
}

async fn an_old_page_pays(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    let question = signed(
        &[("domainCode", "demo"), ("requestKey", &key)],
        "demo-secret",
    );

    let types = world
        .text("/pay/api/pc/pay-types?domainCode=demo&paySceneName=pc")
        .await;
    let expected = r#"{"errcode":"0","errormsg":"操作成功","obj":[{"payTypeCode":"Wechat","payTypeName":"微信支付"},{"payTypeCode":"Alipay","payTypeName":"支付宝支付"},{"payTypeCode":"ChinapayOld","payTypeName":"银联支付"},{"payTypeCode":"Paypal","payTypeName":"PayPal"}]}"#;
    assert_eq!(types, expected);
    let unpaid = world
        .text(&format!("/pay/api/private/pay/query?{question}"))
        .await;
    assert_eq!(
        unpaid,
        r#"{"errcode":"0","errormsg":"操作成功","obj":false}"#
    );
    let nothing = world
        .text(&format!("/pay/api/private/pay/queryInfo?{question}"))
        .await;
    assert_eq!(
        nothing,
        r#"{"errcode":"0","errormsg":"操作成功","obj":null}"#
    );
    assert_eq!(
        errcode(
            &world
                .text(&format!("/pay/api/pc/wechatQuery?{query}"))
                .await
        ),
        "30000"
    );

    let started = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    let started: Value = serde_json::from_str(&started).unwrap();
    assert_eq!(started["errcode"], "0", "{started}");
    assert!(
        started["obj"].as_str().unwrap().starts_with("weixin://"),
        "{started}"
    );
    let again = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(
        serde_json::from_str::<Value>(&again).unwrap()["obj"],
        started["obj"]
    );
    let waiting = world
        .text(&format!(
            "/pay/api/pc/wechatQuery?{query}&payTypeCode=Wechat"
        ))
        .await;
    assert_eq!(
        waiting,
        r#"{"errcode":"30000","errormsg":"等待支付，请继续查询","obj":null}"#
    );

    let order = world.book().await.remove(0);
    assert_eq!(order["amount"], 12_345);
    let number = json!({ "channelOrderNo": order["channelOrderNo"] });
    world.control(&world.gateway, "pay", number).await;
    eventually("errcode 0", async || {
        let answer = world
            .text(&format!("/pay/api/pc/wechatQuery?{query}"))
            .await;
        (errcode(&answer) == "0").then_some(())
    })
    .await;
    let paid = world
        .text(&format!("/pay/api/private/pay/query?{question}"))
        .await;
    assert_eq!(paid, r#"{"errcode":"0","errormsg":"操作成功","obj":true}"#);
    check_info(&world, &question, &key).await;

    let late = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(errcode(&late), "10009");
}

/// queryInfo has exactly the seed's nine keys and types, and agrees with the callback.
async fn check_info(world: &World, question: &str, key: &str) {
    let info = world
        .text(&format!("/pay/api/private/pay/queryInfo?{question}"))
        .await;
    let info: Value = serde_json::from_str(&info).unwrap();
    let obj = info["obj"].as_object().unwrap();
    assert_eq!(obj.len(), 9, "{info}");
    assert_eq!(obj["money"], 12_345);
    assert_eq!(obj["requestKey"], key);
    assert_eq!(obj["domainCode"], "demo");
    assert_eq!(obj["currencyType"], "CNY");
    assert_eq!(obj["payTypeCode"], "Wechat");
    assert_eq!(obj["payTypeName"], "微信支付");
    assert_eq!(obj["payStatus"], "SUCCESSPAY");
    assert!(obj["payTime"].is_i64());
    assert_eq!(obj["orderSn"].as_str().unwrap().len(), 20);
    let callback = eventually("the callback", async || world.callbacks(key).await.pop()).await;
    assert_eq!(callback["verified"], true);
    assert_eq!(callback["answer"], "success");
    assert_eq!(callback["values"]["money"], "12345");
    assert_eq!(callback["values"]["orderSn"], obj["orderSn"]);
    assert_eq!(callback["values"]["payTime"], obj["payTime"].to_string());
}

#[tokio::test]
async fn an_old_page_pays_on_sqlite() {
    an_old_page_pays(Database::Sqlite).await;
}

#[tokio::test]
async fn an_old_page_pays_on_postgres() {
    an_old_page_pays(Database::Postgres).await;
}

#[tokio::test]
async fn the_documents_query_is_answered_byte_for_byte() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query =
        "domainCode=test&requestKey=1464844451098&sign=07c34ea79a804e7c54b0538c45d2015e2f13814e";
    let expected = r#"{"errcode":"0","errormsg":"操作成功","obj":false}"#;
    assert_eq!(
        world
            .text(&format!("/pay/api/private/pay/query?{query}"))
            .await,
        expected
    );
    // A browser that opens the address gets the JSON too.
    let url = format!("{}/pay/api/private/pay/query?{query}", world.platform);
    let answer = world
        .client
        .get(url)
        .header("Accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.text().await.unwrap(), expected);

    let pay = signed(
        &[
            ("domainCode", "test"),
            ("money", "1"),
            ("info", "商品"),
            ("requestKey", "1464844451098"),
            ("currencyType", "CNY"),
            ("bgUrl", &format!("{}/callback", world.shop)),
        ],
        "test",
    );
    world.text(&format!("/pay.html?{pay}&pick=Wechat")).await;
    let order = world.book().await.remove(0);
    world
        .control(
            &world.gateway,
            "pay",
            json!({"channelOrderNo": order["channelOrderNo"]}),
        )
        .await;
    eventually("obj true", async || {
        let answer = world
            .text(&format!("/pay/api/private/pay/query?{query}"))
            .await;
        (answer == r#"{"errcode":"0","errormsg":"操作成功","obj":true}"#).then_some(())
    })
    .await;
}

#[tokio::test]
async fn money_may_be_a_json_number() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let body = body_of(&query, "Wechat").replace("\"money\":\"12345\"", "\"money\":12345");
    assert!(body.contains("\"money\":12345"));
    assert_eq!(errcode(&world.post("/pay/api/pc/pay", &body).await), "0");
}

#[tokio::test]
async fn picking_a_channel_leads_to_an_attempt_that_only_its_token_opens() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let pick = world
        .client
        .post(format!("{}/pay/start?{query}", world.platform));
    let answer = pick.body("channel=Wechat").send().await.unwrap();
    assert_eq!(answer.status(), 303);
    let address = answer.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(address.len(), "/pay/attempt/".len() + 32);
    assert!(world.text(&address).await.contains("<svg"));
    let number = world.book().await.remove(0)["channelOrderNo"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        world.get(&format!("/pay/attempt/{number}")).await.status(),
        404
    );
    let strange = world
        .client
        .post(format!("{}/pay/start?{query}", world.platform));
    assert_eq!(
        strange.body("channel=Cash").send().await.unwrap().status(),
        400
    );
}

#[tokio::test]
async fn a_request_key_takes_no_other_sum() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let bg_url = format!("{}/callback", world.shop);
    let query = |money: &str| {
        let pairs = [
            ("domainCode", "test"),
            ("payTypeCode", ""),
            ("money", money),
            ("info", "商品"),
            ("requestKey", "k1"),
            ("currencyType", "CNY"),
            ("bgUrl", &bg_url),
        ];
        signed(&pairs, "test")
    };
    let first = world
        .post("/pay/api/pc/pay", &body_of(&query("100"), "Wechat"))
        .await;
    assert_eq!(errcode(&first), "0");
    let other = world
        .post("/pay/api/pc/pay", &body_of(&query("200"), "Wechat"))
        .await;
    assert_eq!(errcode(&other), "10007");
    assert_eq!(world.book().await.len(), 1);
}

/// Nobody on the way keeps what programs are answered, who would go on saying "not paid",
/// and nobody guesses in which letters it is written.
#[tokio::test]
async fn what_programs_are_answered_is_kept_by_nobody() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    for path in [
        &format!("/pay/api/pc/wechatQuery?{query}"),
        "/pay/api/pc/wechatQuery?domainCode=demo",
        "/pay/api/private/pay/queryInfo?domainCode=demo",
        "/pay/api/nothing",
        "/forecore/queryOrder?partnerId=p001",
        "/epay/api.php?act=order",
    ] {
        let answer = world.get(path).await;
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(
            header("content-type"),
            "application/json; charset=utf-8",
            "{path}"
        );
    }
    let begun = format!("{}/pay/api/pc/pay", world.platform);
    let begun = world.client.post(begun).body(body_of(&query, "Wechat"));
    let begun = begun.header("Content-Type", "application/json");
    let begun = begun.send().await.unwrap();
    assert_eq!(begun.headers()["cache-control"], "no-store");
}
