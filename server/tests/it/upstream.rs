//! A channel that is paid through another checkout, a gateway of Apay's family.

use crate::harness::{Database, World, eventually, value_of};
use crate::pay::{body_of, errcode};
use crate::sign::hmac_body;
use serde_json::{Value, json};

/// A platform whose only way to WeChat leads through Apay.
async fn world_behind_apay() -> World {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    world.programs.pop().unwrap().kill();
    let path = world.folder.join("sandbox/accounts.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let accounts: Vec<String> = text
        .split("[[account]]")
        .filter(|account| account.contains("via = \"apay\""))
        .map(|account| format!("[[account]]{}", account.replace("enabled = false", "")))
        .collect();
    assert_eq!(accounts.len(), 1, "it is there, and disabled: {text}");
    std::fs::write(&path, accounts.concat()).unwrap();
    let platform = world.start_platform();
    world.programs.push(platform);
    world.answers(&format!("{}/readyz", world.platform)).await;
    world
}

#[tokio::test]
async fn a_payer_pays_through_apay_and_gets_his_money_back() {
    let world = world_behind_apay().await;
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
        eventually("the refund is done", async || {
            let answer = world.post("/pay/api/private/pay/refund", &body).await;
            answer.contains("SUCCESSREFUND").then_some(())
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
