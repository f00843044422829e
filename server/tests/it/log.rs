//! What the log tells: a request by the number that its answer has, each thing with its
//! business system and order.

use crate::harness::{Database, World, eventually};
use crate::pay::body_of;
use serde_json::Value;

/// The entries in which these words stand, as their objects.
fn entries(world: &World, words: &str) -> Vec<Value> {
    let log = std::fs::read_to_string(world.log()).unwrap();
    log.lines()
        .filter(|line| line.contains(words))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

#[tokio::test]
async fn what_a_caller_saw_is_found_in_the_log() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let settings = [
        ("TONGFU_LOG_FORMAT", "json"),
        ("TONGFU_LOG", "tongfu=debug,checkout=info"),
    ];
    world.restart_platform_with(&settings).await;
    let query = world.signed_query().await;
    let wrong = query.replace("sign=", "sign=0");
    let refused = world.get(&format!("/pay.html?{wrong}")).await;
    let id = refused.headers()["x-request-id"]
        .to_str()
        .unwrap()
        .to_owned();
    let told = eventually("both entries", async || {
        let told = entries(&world, &id);
        (told.len() == 2).then_some(told)
    })
    .await;
    assert_eq!(told[0]["message"], "page refused");
    assert_eq!(told[1]["message"], "answered");
    assert_eq!(told[1]["status"], refused.status().as_u16());
    for entry in &told {
        assert_eq!(entry["span"]["route"], "/pay.html", "{entry}");
    }

    let started = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert!(started.contains("\"errcode\":\"0\""), "{started}");
    let order = world.newest_order().await;
    let told = entries(&world, "\"answered\"");
    let last = told.last().unwrap();
    assert_eq!(last["span"]["domain.code"], "demo", "{last}");
    let begun = entries(&world, "attempt begun").remove(0);
    assert_eq!(begun["span"]["http.path"], "/pay/api/pc/pay", "{begun}");
    assert_eq!(last["span"]["order.sn"], begun["order.sn"]);
    // The channel's number of the order is ours, or made of it.
    assert!(
        order.ends_with(&begun["order.sn"].as_str().unwrap()[14..]),
        "{order}"
    );
    let log = std::fs::read_to_string(world.log()).unwrap();
    assert!(!log.contains("sign="), "a signed address was logged");
    assert!(!log.contains('\u{1b}'), "colours where no terminal is");
}
