//! The channels over the documented paths: the forms of an old page, notifies
//! that lie, and the way back.

use crate::harness::{Database, World, a_while, eventually, value_of};
use crate::pay::{body_of, decoded, errcode};
use crate::sign::hmac_body;
use reqwest::Response;
use serde_json::{Value, json};

const SECRET: &str = "demo-secret";
const FORMS: [&str; 3] = ["Alipay", "ChinapayOld", "Paypal"];

/// Starts a payment, and sends the form as an old page does; gives the channel's
/// number.
pub(crate) async fn opened(world: &World, query: &str, path: &str, channel: &str) -> String {
    let answer = world.post(path, &body_of(query, channel)).await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let form = answer["obj"].as_str().unwrap();
    assert!(
        form.starts_with("<form") && form.ends_with("</script>"),
        "{form}"
    );
    let page = sent(world, form).await;
    let sum = if channel == "Paypal" {
        "USD 17.39"
    } else {
        "¥123.45"
    };
    assert!(page.contains(sum), "{page}");
    world.newest_order().await
}

/// What a browser shows after a form was sent.
pub(crate) async fn sent(world: &World, form: &str) -> String {
    submitted(world, form, "").await.text().await.unwrap()
}

/// What a form is answered, sent by a button of it.
pub(crate) async fn submitted(world: &World, form: &str, button: &str) -> Response {
    let unescaped = |text: &str| text.replace("&quot;", "\"").replace("&amp;", "&");
    let value = |text: &str, name: &str| {
        let rest = text.split_once(&format!("{name}=\"")).unwrap().1;
        unescaped(rest.split_once('"').unwrap().0)
    };
    let fields: Vec<_> = form
        .split("<input ")
        .skip(1)
        .map(|input| {
            let escaped: String = value(input, "value")
                .bytes()
                .map(|byte| format!("%{byte:02X}"))
                .collect();
            format!("{}={escaped}", value(input, "name"))
        })
        .chain((!button.is_empty()).then(|| button.to_owned()))
        .collect();
    let (action, fields) = (value(form, "action"), fields.join("&"));
    let request = match value(form, "method").as_str() {
        "get" => world.client.get(format!("{action}?{fields}")),
        _ => world
            .client
            .post(action)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(fields),
    };
    request.send().await.unwrap()
}

/// Waits for a request's callbacks.
pub(crate) async fn called_back(world: &World, key: &str) -> Vec<Value> {
    eventually("the callback", async || {
        let callbacks = world.callbacks(key).await;
        (!callbacks.is_empty()).then_some(callbacks)
    })
    .await
}

async fn an_old_page_pays_by_its_form(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    for channel in FORMS {
        for path in ["/pay/api/pc/pay", "/pay/api/h5/pay"] {
            let query = world.signed_query().await;
            let key = value_of(&query, "requestKey");
            let number = opened(&world, &query, path, channel).await;
            let pay = json!({ "channelOrderNo": number });
            world.control(&world.gateway, "pay", pay).await;
            let callbacks = called_back(&world, &key).await;
            assert_eq!(callbacks[0]["verified"], true);
            let values = &callbacks[0]["values"];
            assert_eq!(values["payTypeCode"], channel);
            // Whatever the channel charged, it is told in what was asked.
            assert_eq!(
                (&values["money"], &values["currencyType"]),
                (&json!("12345"), &json!("CNY"))
            );
        }
    }
}

/// Waits until the gateway's order is in this state.
async fn reaches(world: &World, number: &str, state: &str) {
    eventually("the order's state at the gateway", async || {
        let orders = world.book().await;
        let order = orders.iter().find(|o| o["channelOrderNo"] == number);
        (order.unwrap()["state"] == state).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_lie_in_a_genuine_notify_is_not_settled_by_it() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for (channel, kind) in [
        ("Alipay", "wrong_amount"),
        ("Alipay", "wrong_merchant"),
        ("Alipay", "wrong_app"),
        ("ChinapayOld", "wrong_amount"),
        ("ChinapayOld", "wrong_currency"),
        ("ChinapayOld", "strange_currency"),
        ("ChinapayOld", "wrong_merchant"),
        ("Paypal", "wrong_amount"),
        ("Paypal", "wrong_currency"),
        ("Paypal", "strange_currency"),
        ("Paypal", "wrong_merchant"),
    ] {
        let query = world.signed_query().await;
        let number = opened(&world, &query, "/pay/api/pc/pay", channel).await;
        let pay = json!({ "channelOrderNo": number });
        if channel == "Paypal" {
            // The answer to a capture would settle it: the money waits.
            let held = json!({"on": "capture", "kind": "pending"});
            world.control(&world.gateway, "fault", held).await;
            world.control(&world.gateway, "pay", pay.clone()).await;
            reaches(&world, &number, "PENDING").await;
            // And the news of the capture that waits is out of the way.
            told(&world, &number, "PAYMENT.CAPTURE.PENDING").await;
        }
        // No query may settle it meanwhile.
        let deaf = json!({"on": "query", "kind": "unsigned_502", "times": 50});
        world.control(&world.gateway, "fault", deaf).await;
        let lie = json!({"on": "notify", "kind": kind, "amount": 1});
        world.control(&world.gateway, "fault", lie).await;
        world.control(&world.gateway, "pay", pay).await;
        let event = match channel {
            "Alipay" => "trade_status_sync",
            "ChinapayOld" => "paid",
            _ => "PAYMENT.CAPTURE.COMPLETED",
        };
        told(&world, &number, event).await;
        a_while().await;
        let polled = world
            .text(&format!("/pay/api/pc/wechatQuery?{query}"))
            .await;
        assert_eq!(errcode(&polled), "30000", "{channel} {kind}: {polled}");
        // The channel's own word, once it is heard, settles it.
        world.control(&world.gateway, "reset", json!({})).await;
        eventually(
            &format!("{channel} {kind}: it is settled by a query"),
            async || {
                let polled = world
                    .text(&format!("/pay/api/pc/wechatQuery?{query}"))
                    .await;
                (errcode(&polled) == "0").then_some(())
            },
        )
        .await;
    }
}

/// Waits until the platform answered a notify of this kind.
async fn told(world: &World, number: &str, event: &str) {
    eventually("the notify was taken", async || {
        let url = format!("{}/control/notifies", world.gateway);
        let sent: Vec<Value> = world.json(&url).await;
        let of = |one: &Value| {
            one["channelOrderNo"] == number && one["eventType"] == event && one["status"] == 200
        };
        sent.iter().any(of).then_some(())
    })
    .await;
}

#[tokio::test]
async fn dollars_are_asked_and_paid_in_dollars_or_in_yuan() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for (channel, charged) in [("Paypal", 12_345), ("ChinapayOld", 87_650)] {
        let query = world.signed_query().await;
        let key = value_of(&query, "requestKey");
        // A SHA-1 sign is taken in the domain's own currency alone.
        let pairs: Vec<_> = query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .filter(|(name, _)| *name != "sign")
            .map(|(name, value)| (name, decoded(value).replacen("CNY", "USD", 1)))
            .collect();
        let pairs: Vec<_> = pairs.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let body = hmac_body("pay", &pairs, SECRET);
        let mut body: Value = serde_json::from_str(&body).unwrap();
        body["payTypeCode"] = json!(channel);
        let answer = world.post("/pay/api/pc/pay", &body.to_string()).await;
        assert_eq!(errcode(&answer), "0", "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        sent(&world, answer["obj"].as_str().unwrap()).await;
        let number = world.newest_order().await;
        let orders = world.book().await;
        let order = orders.iter().find(|o| o["channelOrderNo"] == number);
        assert_eq!(order.unwrap()["amount"], charged, "{channel}");
        let pay = json!({ "channelOrderNo": number });
        world.control(&world.gateway, "pay", pay).await;
        let callbacks = called_back(&world, &key).await;
        let values = &callbacks[0]["values"];
        assert_eq!(
            (&values["money"], &values["currencyType"]),
            (&json!("12345"), &json!("USD"))
        );
    }
}

#[tokio::test]
async fn an_old_page_on_a_phone_is_told_that_openid_is_missing() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let answer = world
        .post("/pay/api/h5/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "10010", "{answer}");
}

#[tokio::test]
async fn openid_goes_to_wechat_and_only_back_to_our_own_pages() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let ask = async |back_url: &str| {
        let back_url: String = back_url
            .bytes()
            .map(|byte| format!("%{byte:02X}"))
            .collect();
        let path = format!("/pay/api/h5/openid?domainCode=demo&backUrl={back_url}");
        let answer = world.get(&path).await;
        let location = answer.headers().get("location").cloned();
        let cookie = answer.headers().get("set-cookie").cloned();
        let text = |value: Option<reqwest::header::HeaderValue>| {
            value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
        };
        (answer.status().as_u16(), text(location), text(cookie))
    };
    let own = format!("{}/mpay.html#/?a=1", world.platform);
    let (status, location, cookie) = ask(&own).await;
    assert_eq!(status, 303, "{location}");
    assert!(
        location.contains("/connect/oauth2/authorize?appid="),
        "{location}"
    );
    assert!(location.ends_with("#wechat_redirect"), "{location}");
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax"),
        "{cookie}"
    );
    for other in [
        "https://evil.cn/",
        "//evil.cn/",
        "javascript:alert(1)",
        &format!("{}.evil.cn/", world.platform),
        &format!("{}@evil.cn/", world.platform),
    ] {
        let (status, location, _) = ask(other).await;
        assert_eq!((status, location.as_str()), (400, ""), "{other}");
    }
    // A state of another browser, or of nobody, leads nowhere.
    let state = location
        .split_once("&state=")
        .unwrap()
        .1
        .split('#')
        .next()
        .unwrap();
    for state in [state, "0123456789abcdef"] {
        let path = format!("/pay/api/h5/openid?code=c&state={state}");
        assert_eq!(world.get(&path).await.status(), 400, "{state}");
    }
}

#[tokio::test]
async fn an_old_page_pays_by_its_form_on_sqlite() {
    an_old_page_pays_by_its_form(Database::Sqlite).await;
}

#[tokio::test]
async fn an_old_page_pays_by_its_form_on_postgres() {
    an_old_page_pays_by_its_form(Database::Postgres).await;
}
