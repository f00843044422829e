//! A channel that fails leaves the picker by itself, and comes back (docs/reliability.md).

use crate::console::{Browser, DEVELOPMENT};
use crate::harness::{Database, World, eventually};
use crate::pay::{body_of, errcode};
use serde_json::json;

#[tokio::test]
async fn a_channel_that_fails_is_not_offered_until_it_is_well() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let offered = async || {
        let types = "/pay/api/pc/pay-types?domainCode=demo&paySceneName=pc";
        world.text(types).await.contains("Wechat")
    };
    assert!(offered().await);
    // One order is open when it begins.
    let open = world.signed_query().await;
    let pay = async |query: &str| {
        let answer = world
            .post("/pay/api/pc/pay", &body_of(query, "Wechat"))
            .await;
        errcode(&answer)
    };
    assert_eq!(pay(&open).await, "0");
    let number = world.newest_order().await;
    let busy = json!({"on": "any", "kind": "busy", "times": 100_000});
    world.control(&world.gateway, "fault", busy).await;
    for _ in 0..3 {
        assert!(offered().await);
        assert_ne!(pay(&world.signed_query().await).await, "0");
    }
    assert!(!offered().await, "it leaves at the third");
    let page = world.signed_query().await;
    let page = world.text(&format!("/pay.html?{page}")).await;
    let (first, second) = ("value=\"Wechat\"", "value=\"Alipay\"");
    assert!(!page.contains(first) && page.contains(second), "{page}");
    assert_eq!(pay(&open).await, "0", "an open one stays");
    let told = world.metrics().await;
    for line in [
        "tongfu_build_info{version=",
        "tongfu_requests_total{route=\"/pay.html\",status=\"200\"} 1",
        "tongfu_alarms_total{kind=\"channel\"} 1",
        "tongfu_channel_away{channel=\"Wechat\",account=\"sandbox\"} 1",
        "tongfu_channel_call_seconds_count{channel=\"Wechat\",account=\"sandbox\",\
         call=\"create\",outcome=\"lost\"} 3",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let page = dev.page("/queues?lang=en").await;
    let (away, next) = (
        "does not answer, and is not offered",
        "tongfu channel check Wechat/sandbox",
    );
    assert!(page.contains(away) && page.contains(next), "{page}");
    assert!(page.contains("3 (75 %)"), "of four calls: {page}");
    let board = dev.page("/?lang=en").await;
    assert!(board.contains("One thing to look at."), "{board}");
    world.control(&world.gateway, "reset", json!({})).await;
    eventually("it is offered again", async || {
        offered().await.then_some(())
    })
    .await;
    assert_eq!(pay(&world.signed_query().await).await, "0");
    let number = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", number).await;
    let away = "tongfu_channel_away{channel=\"Wechat\",account=\"sandbox\"} 0";
    assert!(world.metrics().await.contains(away));
}
