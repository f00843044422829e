//! What the log tells: a request by the number that its answer has, each thing with its
//! business system and order.

use crate::harness::{Database, World, a_while, eventually};
use crate::pay::body_of;
use serde_json::{Value, json};

/// Reads and writes of one request: the first poll where nobody has begun, any other of
/// what is watched, a page and a call that begin an attempt, a notify until it is
/// answered, a poll and a page of what is paid.
const POLLED_BEFORE: (usize, usize) = (3, 0);
const WATCHED: (usize, usize) = (0, 0);
const OPENED: (usize, usize) = (9, 6);
const STARTED: (usize, usize) = (7, 6);
const NOTIFIED: (usize, usize) = (0, 1);
const POLLED: (usize, usize) = (0, 0);
const PAID: (usize, usize) = (2, 0);

/// The entries in which these words stand, as their objects.
fn entries(world: &World, words: &str) -> Vec<Value> {
    let log = std::fs::read_to_string(world.log()).unwrap();
    log.lines()
        .filter(|line| line.contains(words))
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// How often the database was asked, reads and writes, for the request in whose entries
/// these words stand.
async fn asked(world: &World, words: &str) -> (usize, usize) {
    let told = eventually("the answer's entry", async || {
        let told = entries(world, words);
        let answered = told.iter().any(|entry| entry["message"] == "answered");
        answered.then_some(told)
    })
    .await;
    let statements = told.iter().filter_map(|entry| entry["statement"].as_str());
    let (reads, writes): (Vec<_>, Vec<_>) =
        statements.partition(|statement| statement.trim_start().starts_with("select"));
    (reads.len(), writes.len())
}

/// A gate: what is reached stays. Statements in a transaction count like any other.
#[tokio::test]
async fn a_page_a_poll_and_a_notify_ask_the_database_this_often() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let settings = [
        ("TONGFU_LOG_FORMAT", "json"),
        ("TONGFU_LOG", "tongfu=debug,store=trace"),
    ];
    world.restart_platform_with(&settings).await;
    let query = world.signed_query().await;
    let get = async |path: &str| {
        let answer = world.get(path).await;
        let id = answer.headers()["x-request-id"].to_str().unwrap();
        asked(&world, id).await
    };
    let page = format!("/pay.html?{query}&pick=Wechat");
    let poll = format!("/pay/api/pc/wechatQuery?{query}");
    assert_eq!(get(&poll).await, POLLED_BEFORE);
    eventually("what was read is remembered", async || {
        (get(&poll).await == WATCHED).then_some(())
    })
    .await;
    assert_eq!(get(&page).await, OPENED);
    // The first one of an order asks its channel too.
    eventually("it is watched", async || {
        (get(&poll).await == WATCHED).then_some(())
    })
    .await;
    let order = world.newest_order().await;
    let number = json!({"channelOrderNo": order});
    world.control(&world.gateway, "pay", number).await;
    eventually("it is paid", async || {
        world.text(&poll).await.contains("\"0\"").then_some(())
    })
    .await;
    a_while().await;
    assert_eq!(asked(&world, "/notify/{channel}/{account}").await, NOTIFIED);
    // The change itself is heard a moment later, and read once more.
    eventually("it is known to be paid", async || {
        (get(&poll).await == POLLED).then_some(())
    })
    .await;
    assert_eq!(get(&page).await, PAID);
    let values = body_of(&world.signed_query().await, "Wechat");
    let started = world
        .client
        .post(format!("{}/pay/api/pc/pay", world.platform));
    let started = started
        .header("Content-Type", "application/json")
        .body(values);
    let started = started.send().await.unwrap();
    let id = started.headers()["x-request-id"].to_str().unwrap();
    assert_eq!(asked(&world, id).await, STARTED);
    let nothing = "/pay/attempt/0123456789abcdef0123456789abcdef";
    assert_eq!(get(nothing).await, (1, 0));
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
