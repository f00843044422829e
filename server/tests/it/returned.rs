//! What a payer reads whose money is not for his order: it goes back, or a person looks at it.

use crate::channels::opened;
use crate::harness::{Database, World, eventually};
use crate::pay::{body_of, errcode};
use serde_json::json;

/// The address of the newest attempt's page, as the page of its request links it.
async fn attempt_page(world: &World, query: &str) -> String {
    let shown = world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    let (_, rest) = shown.split_once("/pay/attempt/").unwrap();
    format!("/pay/attempt/{}", &rest[..32])
}

/// Waits until a page says this.
async fn says(world: &World, page: &str, words: &str) -> String {
    eventually(words, async || {
        let shown = world.text(page).await;
        shown.contains(words).then_some(shown)
    })
    .await
}

#[tokio::test]
async fn who_paid_another_sum_is_not_told_to_pay_again() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let page = attempt_page(&world, &query).await;
    for fault in [
        json!({"on": "query", "kind": "unsigned_502", "times": 50}),
        json!({"on": "notify", "kind": "wrong_amount", "amount": 1}),
    ] {
        world.control(&world.gateway, "fault", fault).await;
    }
    let pay = json!({ "channelOrderNo": world.newest_order().await });
    world.control(&world.gateway, "pay", pay).await;
    let shown = says(&world, &page, "与订单不符").await;
    assert!(shown.contains("请不要重复付款"), "{shown}");
    assert!(
        !shown.contains("还没有收到") && !shown.contains("/again"),
        "{shown}"
    );
    let english = world.text(&format!("{page}?lang=en")).await;
    assert!(english.contains("do not pay again"), "{english}");
    // So does every other way to pay the request.
    for way in ["", "&pick=none", "&pick=Alipay"] {
        let shown = world.text(&format!("/pay.html?{query}{way}")).await;
        assert!(shown.contains("请不要重复付款"), "{way}: {shown}");
    }
    let body = body_of(&query, "Alipay");
    let began = world.post("/pay/api/pc/pay", &body);
    assert_eq!(errcode(&began.await), "10017");
}

/// The refusal says that another channel may be picked: it leads there.
#[tokio::test]
async fn who_wants_a_channel_that_is_down_is_led_to_the_others() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let busy = json!({"on": "create", "kind": "busy", "times": 50});
    world.control(&world.gateway, "fault", busy).await;
    let page = world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    for words in ["支付渠道暂不可用", "再试一次", "更换支付方式", "pick=none"] {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[tokio::test]
async fn who_paid_twice_is_told_that_the_second_goes_back() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let first = attempt_page(&world, &query).await;
    let pay_first = json!({ "channelOrderNo": world.newest_order().await });
    // Both can be paid: the channel does not close the first one.
    let open = json!({"on": "close", "kind": "busy", "times": 50});
    world.control(&world.gateway, "fault", open).await;
    let second = opened(&world, &query, "/pay/api/pc/pay", "Alipay").await;
    let pay_second = json!({ "channelOrderNo": second });
    world.control(&world.gateway, "pay", pay_second).await;
    says(&world, &format!("/pay.html?{query}"), "支付成功").await;
    let never = json!({"on": "refund", "kind": "busy", "times": 1});
    world.control(&world.gateway, "fault", never).await;
    world.control(&world.gateway, "pay", pay_first).await;
    let shown = says(&world, &first, "重复付款").await;
    assert!(shown.contains("¥123.45"), "{shown}");
    assert!(!shown.contains("data-leave"), "{shown}");
    let shown = says(&world, &first, "已经退回").await;
    assert!(!shown.contains("将原路退回"), "{shown}");
    let english = world.text(&format!("{first}?lang=en")).await;
    assert!(english.contains("was refunded"), "{english}");
    // The request itself is paid.
    says(&world, &format!("/pay.html?{query}"), "支付成功").await;
}
