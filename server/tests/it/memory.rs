//! What is told from memory follows what others change: commands are programs of their
//! own, and a second instance is one too.

use crate::harness::{Database, World, eventually, tongfu};
use serde_json::json;

/// Polls until the answer has these words.
async fn told(world: &World, poll: &str, words: &str) {
    eventually(words, async || {
        world.text(poll).await.contains(words).then_some(())
    })
    .await;
}

/// A watched poll is answered, then the command is run, and the answer changes.
async fn a_command_reaches_a_watched_page(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let cases: [(&[&str], &str); 3] = [
        (
            &["domain", "set", "demo", "--hmac-required", "true"],
            "\"10015\"",
        ),
        (
            &["domain", "set", "demo", "--hmac-required", "false"],
            "\"30000\"",
        ),
        (
            &["domain", "rotate", "demo", "--overlap", "1s"],
            "\"10004\"",
        ),
    ];
    let query = world.signed_query().await;
    let poll = format!("/pay/api/pc/wechatQuery?{query}");
    for (command, words) in cases {
        // Twice: the second one is told from memory.
        let before = world.text(&poll).await;
        assert_eq!(world.text(&poll).await, before);
        let done = tongfu(&world.database_url).args(command).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        told(&world, &poll, words).await;
    }
}

#[tokio::test]
async fn a_command_reaches_a_watched_page_on_sqlite() {
    a_command_reaches_a_watched_page(Database::Sqlite).await;
}

#[tokio::test]
async fn a_command_reaches_a_watched_page_on_postgres() {
    a_command_reaches_a_watched_page(Database::Postgres).await;
}

/// What one instance settles the other one tells, though it can ask no channel.
async fn another_instance_is_heard(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let second = world.blind_instance().await;
    let query = world.signed_query().await;
    let poll = format!("/pay/api/pc/wechatQuery?{query}");
    world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    eventually("the second one knows the attempt", async || {
        let answer = second.get(&poll).await;
        answer
            .headers()
            .contains_key("tongfu-attempt")
            .then_some(())
    })
    .await;
    let number = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", number).await;
    told(&world, &poll, "\"errcode\":\"0\"").await;
    told(&second, &poll, "\"errcode\":\"0\"").await;
}

#[tokio::test]
async fn another_instance_is_heard_on_sqlite() {
    another_instance_is_heard(Database::Sqlite).await;
}

#[tokio::test]
async fn another_instance_is_heard_on_postgres() {
    another_instance_is_heard(Database::Postgres).await;
}
