//! `tongfu trigger`: a receiver gets a genuine callback of each state (docs/integrate.md, A
//! callback to try).

use crate::harness::{Database, World, tongfu};
use crate::operator::run;

/// What the command says, and whether it ended with 0.
fn trigger(world: &World, words: &[&str]) -> (bool, String) {
    let mut command = tongfu(&world.database_url);
    let listen = world.platform.trim_start_matches("http://");
    command.env("TONGFU_LISTEN", listen);
    command.arg("trigger").args(words);
    run(command.args(["--sandbox", &world.gateway]))
}

/// The requestKey that the command says.
fn key_of(text: &str) -> &str {
    let (_, rest) = text.split_once("requestKey ").unwrap();
    rest.lines().next().unwrap()
}

/// payStatus of all that the shop was told of an order, each rightly signed.
async fn told(world: &World, key: &str) -> Vec<String> {
    let callbacks = world.callbacks(key).await;
    let verified = callbacks.iter().all(|one| one["verified"] == true);
    assert!(verified, "{callbacks:?}");
    let status = |one: &serde_json::Value| one["values"]["payStatus"].as_str().unwrap().to_owned();
    callbacks.iter().map(status).collect()
}

async fn each_state_is_told(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let receiver = format!("{}/callback", world.shop);
    let of = ["--domain", "demo", "--callback", &receiver];
    let tell = |state: &str| trigger(&world, &[&[state], &of[..]].concat());
    let (well, text) = tell("paid");
    assert!(well && text.contains("; taken"), "{text}");
    assert_eq!(told(&world, key_of(&text)).await, ["SUCCESSPAY"]);

    let (well, text) = tell("failed");
    assert!(!well && text.contains("--failurepay true"), "{text}");
    let (well, text) = tell("refunded");
    assert!(!well && text.contains("--refund-callbacks true"), "{text}");
    let set = ["domain", "set", "demo", "--failurepay", "true"];
    let set = [&set[..], &["--refund-callbacks", "true"]].concat();
    assert!(run(tongfu(&world.database_url).args(set)).0);
    let (well, text) = tell("failed");
    assert!(well && text.contains("; taken"), "{text}");
    assert_eq!(told(&world, key_of(&text)).await, ["FAILUREPAY"]);
    for _ in 0..2 {
        let (well, text) = tell("refunded");
        assert!(well, "{text}");
        let statuses = told(&world, key_of(&text)).await;
        assert_eq!(statuses[..2], ["SUCCESSPAY", "SUCCESSREFUND"]);
    }

    let test = ["paid", "--domain", "test", "--callback", &receiver];
    let (well, text) = trigger(&world, &[&test[..], &["--money", "7"]].concat());
    assert!(well && text.contains("money=7&"), "{text}");

    // A receiver that knows its orders is told of one; one that takes nothing fails it.
    let known = ["--key", "mine-1"];
    let (well, text) = trigger(&world, &[&test[..], &known].concat());
    assert!(well && key_of(&text) == "mine-1", "{text}");
    let deaf = serde_json::json!({"mode": "fail", "times": 1});
    world.control(&world.shop, "answer", deaf).await;
    let (well, text) = trigger(&world, &test);
    assert!(!well && text.contains("it is not taken"), "{text}");
}

#[tokio::test]
async fn each_state_is_told_on_sqlite() {
    each_state_is_told(Database::Sqlite).await;
}

#[tokio::test]
async fn each_state_is_told_on_postgres() {
    each_state_is_told(Database::Postgres).await;
}

#[tokio::test]
async fn what_is_no_developments_is_refused_and_trouble_is_said() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let shop = ["domain", "add", "shop", "--any-request-key", "--callback"];
    let shop = [&shop[..], &["https://shop.cn/pay"]].concat();
    assert!(run(tongfu(&world.database_url).args(shop)).0);
    for (domain, said) in [
        ("shop", "no business system of `serve --dev`"),
        ("apay.p001", "by its own"),
        ("nobody", "no domain nobody"),
    ] {
        let (well, text) = trigger(&world, &["paid", "--domain", domain]);
        assert!(!well && text.contains(said), "{text}");
    }
    let private = ["--callback", "http://10.0.0.1/cb"];
    let (well, text) = trigger(
        &world,
        &[&["paid", "--domain", "test"], &private[..]].concat(),
    );
    assert!(!well && text.contains("bgUrl"), "{text}");
    world.programs.pop().unwrap().kill();
    let (well, text) = trigger(&world, &["paid", "--domain", "demo"]);
    assert!(!well && text.contains("nothing answers at"), "{text}");
}
