//! Alipay over the documented paths: the form of an old page, notifies that lie,
//! and the way back.

use crate::harness::{Database, World, a_while, eventually, value_of};
use crate::pay::{body_of, errcode};
use serde_json::{Value, json};

/// Starts a payment by Alipay, and opens the cashier; gives the channel's number.
async fn opened(world: &World, query: &str, path: &str) -> String {
    let answer = world.post(path, &body_of(query, "Alipay")).await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    let answer: Value = serde_json::from_str(&answer).unwrap();
    let form = answer["obj"].as_str().unwrap();
    assert!(
        form.starts_with("<form") && form.ends_with("</script>"),
        "{form}"
    );
    let between = |before: &str, after: &str| {
        let rest = form.split_once(before).unwrap().1;
        let text = rest.split_once(after).unwrap().0;
        text.replace("&quot;", "\"").replace("&amp;", "&")
    };
    let (action, content) = (between("action=\"", "\""), between("value=\"", "\""));
    let content: String = content.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let request = world.client.post(action);
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    let cashier = request
        .body(format!("biz_content={content}"))
        .send()
        .await
        .unwrap();
    let cashier = cashier.text().await.unwrap();
    assert!(cashier.contains("¥123.45"), "{cashier}");
    world.newest_order().await
}

async fn an_old_page_pays_by_its_form(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    for path in ["/pay/api/pc/pay", "/pay/api/h5/pay"] {
        let query = world.signed_query().await;
        let key = value_of(&query, "requestKey");
        let number = opened(&world, &query, path).await;
        let pay = json!({ "channelOrderNo": number });
        world.control(&world.gateway, "pay", pay).await;
        let callbacks = eventually("the callback", async || {
            let callbacks = world.callbacks(&key).await;
            (!callbacks.is_empty()).then_some(callbacks)
        })
        .await;
        assert_eq!(callbacks[0]["verified"], true);
        assert_eq!(callbacks[0]["values"]["payTypeCode"], "Alipay");
    }
}

#[tokio::test]
async fn a_lie_in_a_genuine_notify_is_not_settled_by_it() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for kind in ["wrong_amount", "wrong_merchant", "wrong_app"] {
        let query = world.signed_query().await;
        let number = opened(&world, &query, "/pay/api/pc/pay").await;
        // No query may settle it meanwhile.
        let deaf = json!({"on": "query", "kind": "unsigned_502", "times": 50});
        world.control(&world.gateway, "fault", deaf).await;
        let lie = json!({"on": "notify", "kind": kind, "amount": 1});
        world.control(&world.gateway, "fault", lie).await;
        let pay = json!({ "channelOrderNo": number });
        world.control(&world.gateway, "pay", pay).await;
        eventually("the notify was taken", async || {
            let url = format!("{}/control/notifies", world.gateway);
            let sent = world.client.get(url).send().await.unwrap();
            sent.text().await.unwrap().contains(&number).then_some(())
        })
        .await;
        a_while().await;
        let polled = world
            .text(&format!("/pay/api/pc/wechatQuery?{query}"))
            .await;
        assert_eq!(errcode(&polled), "30000", "{kind}: {polled}");
        // The channel's own word, once it is heard, settles it.
        world.control(&world.gateway, "reset", json!({})).await;
        eventually("it is settled by a query", async || {
            let polled = world
                .text(&format!("/pay/api/pc/wechatQuery?{query}"))
                .await;
            (errcode(&polled) == "0").then_some(())
        })
        .await;
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
