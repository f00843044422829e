//! A channel that is paid through another checkout, a gateway of Apay's family.

use crate::harness::{Database, World, eventually, value_of};
use crate::partner::{By, KEY, call, signed};
use crate::pay::{body_of, errcode};
use crate::sign::hmac_body;
use serde_json::{Value, json};

/// A platform whose only way to pay is this channel, and leads through Apay.
async fn world_behind_apay(database: Database, channel: &str) -> Option<World> {
    let mut world = World::start(database).await?;
    let path = world.folder.join("sandbox/accounts.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let accounts: Vec<String> = text
        .split("[[account]]")
        .filter(|account| account.contains("via = \"apay\""))
        .map(|account| format!("[[account]]{}", account.replace("enabled = false", "")))
        .collect();
    assert_eq!(accounts.len(), 1, "it is there, and disabled: {text}");
    let accounts = accounts
        .concat()
        .replace("\"Wechat\"", &format!("\"{channel}\""));
    std::fs::write(&path, accounts).unwrap();
    world.restart_platform_with(&[]).await;
    Some(world)
}

#[tokio::test]
async fn a_payer_pays_through_apay_and_gets_his_money_back() {
    let world = world_behind_apay(Database::Sqlite, "Wechat").await;
    let world = world.unwrap();
    for lost in [false, true] {
        let query = world.signed_query().await;
        let key = value_of(&query, "requestKey");
        let answer = world
            .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
            .await;
        assert_eq!(errcode(&answer), "0", "{answer}");
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let code = answer["obj"].as_str().unwrap();
        assert!(code.contains("/apay/pay?order="), "{code}");
        let number = world.newest_order().await;
        if lost {
            let never = json!({"on": "notify", "kind": "never"});
            world.control(&world.gateway, "fault", never).await;
        }
        let pay = json!({ "channelOrderNo": number });
        world.control(&world.gateway, "pay", pay).await;
        // Told by the notify, or found by our own question.
        let callbacks = eventually("the callback", async || {
            let callbacks = world.callbacks(&key).await;
            (!callbacks.is_empty()).then_some(callbacks)
        })
        .await;
        assert_eq!(callbacks[0]["values"]["payTypeCode"], "Wechat");
        let pairs = [
            ("domainCode", "demo"),
            ("requestKey", &key),
            ("refundKey", &key),
            ("refundMoney", "12345"),
        ];
        let body = hmac_body("refund", &pairs, "demo-secret");
        if lost {
            let drop = json!({"on": "refund", "kind": "drop"});
            world.control(&world.gateway, "fault", drop).await;
        }
        // Unanswered, it waits for a person: sent again it could be another one.
        let word = if lost { "WAITREFUND" } else { "SUCCESSREFUND" };
        eventually("the refund left", async || {
            world.post("/pay/api/private/pay/refund", &body).await;
            let order = booked(&world, &number).await;
            (!order["refunds"].as_array().unwrap().is_empty()).then_some(())
        })
        .await;
        if lost {
            eventually("a person is asked", async || {
                let (_, risks) = crate::forecore::run(&world, &["order", "list", "--at-risk"]);
                risks.contains("look at the gateway").then_some(())
            })
            .await;
        }
        eventually("its state is told", async || {
            let answer = world.post("/pay/api/private/pay/refund", &body).await;
            answer.contains(word).then_some(())
        })
        .await;
        let book = world.book().await;
        let order = book.iter().find(|order| order["channelOrderNo"] == number);
        let order = order.unwrap();
        assert_eq!(
            (&order["channel"], &order["timesPaid"]),
            (&json!("Apay"), &json!(1))
        );
        assert_eq!(order["refunds"].as_array().unwrap().len(), 1, "{order}");
    }
}

/// The channel's order of this number, as the gateway has it.
async fn booked(world: &World, number: &str) -> Value {
    let mut book = world.book().await;
    book.retain(|order| order["channelOrderNo"] == number);
    book.remove(0)
}

async fn a_changed_sum_is_shown_paid_and_given_back(database: Database) {
    let Some(world) = world_behind_apay(database, "Wechat").await else {
        return;
    };
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    // 123.45 were asked for.
    let fault = json!({"on": "create", "kind": "wrong_amount", "amount": 12_601});
    world.control(&world.gateway, "fault", fault).await;
    let page = world.text(&format!("/pay.html?{query}")).await;
    assert!(page.contains("¥123.45"), "{page}");
    assert!(page.contains("用这种方式支付需付 ¥126.01"), "{page}");
    let number = world.newest_order().await;
    assert_eq!(booked(&world, &number).await["amount"], 12_601);
    let pay = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", pay).await;
    let callbacks = eventually("the callback", async || {
        let callbacks = world.callbacks(&key).await;
        (!callbacks.is_empty()).then_some(callbacks)
    })
    .await;
    assert_eq!(callbacks[0]["values"]["money"], "12345", "what was asked");
    // Three thirds, and the fen that is left: what was paid is given back, no more.
    for (name, fen) in [("a", "4115"), ("b", "4115"), ("c", "4114"), ("d", "1")] {
        let pairs = [
            ("domainCode", "demo"),
            ("requestKey", &key),
            ("refundKey", name),
            ("refundMoney", fen),
        ];
        let body = hmac_body("refund", &pairs, "demo-secret");
        let begun = world.post("/pay/api/private/pay/refund", &body).await;
        assert_eq!(errcode(&begun), "0", "{begun}");
    }
    let given = eventually("all parts are given back", async || {
        let order = booked(&world, &number).await;
        let refunds = order["refunds"].as_array().unwrap().clone();
        let sums = refunds
            .iter()
            .map(|refund| refund["amount"].as_i64().unwrap());
        let sums: Vec<_> = sums.collect();
        (sums.len() == 4).then_some(sums)
    })
    .await;
    assert_eq!(given.iter().sum::<i64>(), 12_601, "{given:?}");
    let (_, risks) = crate::forecore::run(&world, &["order", "list", "--at-risk"]);
    assert!(risks.contains("0 at risk"), "{risks}");
}

#[tokio::test]
async fn a_changed_sum_is_shown_paid_and_given_back_on_sqlite() {
    a_changed_sum_is_shown_paid_and_given_back(Database::Sqlite).await;
}

#[tokio::test]
async fn a_changed_sum_is_shown_paid_and_given_back_on_postgres() {
    a_changed_sum_is_shown_paid_and_given_back(Database::Postgres).await;
}

#[tokio::test]
async fn a_payer_sees_a_changed_sum_before_he_is_led_to_it() {
    let world = world_behind_apay(Database::Sqlite, "Alipay").await;
    let world = world.unwrap();
    for (fen, led) in [(12_345, true), (12_000, false)] {
        let query = world.signed_query().await;
        let fault = json!({"on": "create", "kind": "wrong_amount", "amount": fen});
        world.control(&world.gateway, "fault", fault).await;
        let page = world.text(&format!("/pay.html?{query}")).await;
        assert!(page.contains("/apay/pay"), "{page}");
        assert_eq!(page.contains("data-once=\"1\""), led, "{page}");
        assert_eq!(page.contains("用这种方式支付需付 ¥120.00"), !led, "{page}");
        assert_eq!(page.contains("请核对金额后支付"), !led, "{page}");
    }
    // An old page's form leads to ours first, where the sum is another.
    for (fen, ours) in [(12_345, false), (12_000, true)] {
        let query = world.signed_query().await;
        let fault = json!({"on": "create", "kind": "wrong_amount", "amount": fen});
        world.control(&world.gateway, "fault", fault).await;
        let body = body_of(&query, "Alipay");
        let answer = world.post("/pay/api/pc/pay", &body).await;
        let mark = format!("action=\\\"{}/pay/attempt/", world.platform);
        assert_eq!(answer.contains(&mark), ours, "{answer}");
    }
    // Too far from what was asked: nobody is led there, and it can be tried again.
    let query = world.signed_query().await;
    let fault = json!({"on": "create", "kind": "wrong_amount", "amount": 20_000});
    world.control(&world.gateway, "fault", fault).await;
    let refused = world
        .post("/pay/api/pc/pay", &body_of(&query, "Alipay"))
        .await;
    assert_ne!(errcode(&refused), "0", "{refused}");
}

const WECHAT: &str = "Mozilla/5.0 (iPhone) MicroMessenger/8.0.49";
const PHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Mobile/15E148";

/// What a browser shows at an address.
async fn opens(world: &World, url: &str, agent: &str) -> String {
    let answer = world
        .client
        .get(url)
        .header("User-Agent", agent)
        .send()
        .await;
    let answer = answer.unwrap();
    assert_eq!(
        answer.status(),
        200,
        "{:?}",
        answer.headers().get("location")
    );
    answer.text().await.unwrap()
}

#[tokio::test]
async fn dollars_are_paid_inside_wechat_where_the_upstreams_page_opens() {
    let mut world = world_behind_apay(Database::Sqlite, "Wechat").await.unwrap();
    let path = world.folder.join("sandbox/accounts.toml");
    let accounts = std::fs::read_to_string(&path).unwrap();
    let accounts = format!("{}\ncurrency = \"USD\"\n", accounts.trim_end());
    std::fs::write(&path, accounts).unwrap();
    world.restart_platform_with(&[]).await;
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "usd"),
        ("money", "14.27"),
        ("currency", "USD"),
        ("cb_url", "http://127.0.0.1:9/cb"),
        ("type", "WECHATPAYH5"),
    ];
    let ordered = call(&world, "order", By::Get, &signed(&order, KEY)).await;
    let url = ordered["url"].as_str().unwrap();
    // On a phone's own browser: how to get into WeChat, and no dead end.
    let phone = opens(&world, url, PHONE).await;
    assert!(
        phone.contains("请使用微信浏览器打开") && phone.contains("<svg"),
        "{phone}"
    );
    assert!(world.book().await.is_empty(), "nothing was ordered for it");
    // An old page would hand a form to WeChat's bridge: it is not offered this way.
    let types = "/pay/api/pc/pay-types?domainCode=apay.p001&paySceneName=h5&currencyType=USD";
    let types = opens(&world, &format!("{}{types}", world.platform), WECHAT).await;
    assert!(types.contains("\"obj\":[]"), "{types}");
    // Inside WeChat the upstream's own page opens; nobody asks for an openid.
    let page = opens(&world, url, WECHAT).await;
    let (_, form) = page.split_once("action=\"").unwrap();
    let action = form.split('"').next().unwrap();
    assert!(action.ends_with("/apay/pay"), "{action}");
    let (_, value) = form.split_once("value=\"").unwrap();
    let order_id = value.split('"').next().unwrap();
    let theirs = format!("{action}?order={order_id}");
    assert!(opens(&world, &theirs, WECHAT).await.contains("USD 14.27"));
    let pay = json!({ "channelOrderNo": world.newest_order().await });
    world.control(&world.gateway, "pay", pay).await;
    let question = signed(&[("partnerId", "p001"), ("outOrderId", "usd")], KEY);
    eventually("it is paid", async || {
        let info = call(&world, "queryOrder", By::Get, &question).await;
        (info["received"] == 14.27).then_some(())
    })
    .await;
}

/// M1: whatever numbers and states a gateway of this family shows, a refund leaves once.
#[tokio::test]
async fn a_refund_leaves_once_whatever_the_gateway_shows() {
    let world = world_behind_apay(Database::Sqlite, "Wechat").await.unwrap();
    for (status, kind) in [
        (json!("never"), "none"),
        (json!("never"), "pending"),
        (json!(0), "pending"),
        (json!(1500), "pending"),
        (json!("never"), "drop"),
        (json!(1500), "lost"),
    ] {
        let forget = json!({"type": "WECHATPAYH5", "status": status});
        world.control(&world.gateway, "forget", forget).await;
        let query = world.signed_query().await;
        let key = value_of(&query, "requestKey");
        let started = body_of(&query, "Wechat");
        let answer = world.post("/pay/api/pc/pay", &started).await;
        assert_eq!(errcode(&answer), "0", "{answer}");
        let number = world.newest_order().await;
        let pay = json!({ "channelOrderNo": number });
        world.control(&world.gateway, "pay", pay).await;
        eventually("it is paid", async || {
            (!world.callbacks(&key).await.is_empty()).then_some(())
        })
        .await;
        if kind != "none" {
            let fault = json!({"on": "refund", "kind": kind, "ms": 500});
            world.control(&world.gateway, "fault", fault).await;
        }
        let pairs = [
            ("domainCode", "demo"),
            ("requestKey", &key),
            ("refundKey", &key),
            ("refundMoney", "12345"),
        ];
        let body = hmac_body("refund", &pairs, "demo-secret");
        world.post("/pay/api/private/pay/refund", &body).await;
        // It would be asked about after 3 s, and sent again.
        tokio::time::sleep(std::time::Duration::from_millis(4_500)).await;
        let refunds = booked(&world, &number).await["refunds"].clone();
        let made = refunds.as_array().unwrap().len();
        assert_eq!(
            made,
            usize::from(kind != "lost"),
            "{status} {kind}: {refunds}"
        );
        let told = world.post("/pay/api/private/pay/refund", &body).await;
        let word = if kind == "none" {
            "SUCCESSREFUND"
        } else {
            "WAITREFUND"
        };
        assert!(told.contains(word), "{status} {kind}: {told}");
    }
}
