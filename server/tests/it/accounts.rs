//! Channel accounts that the database keeps (docs/accounts.md).

use crate::callback::delivered;
use crate::harness::{Database, World, eventually, tongfu, value_of};
use crate::operator::run;
use crate::pay::{body_of, errcode};
use crate::secrets::{dump, holds, planted};
use serde_json::json;

async fn accounts_are_kept_and_changed(database: Database) {
    let Some(outside) = World::start(database).await else {
        return;
    };
    let world = outside.beside(database, "").await.unwrap();
    let tell = |arguments: &[&str]| run(tongfu(&world.database_url).args(arguments));
    let start = async || {
        let query = world.signed_query().await;
        let answer = world
            .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
            .await;
        (query, errcode(&answer))
    };
    assert_ne!(start().await.1, "0", "no account yet");

    let file = outside.folder.join("sandbox/accounts.toml");
    let file = file.to_str().unwrap();
    let (well, text) = tell(&["channel", "add", file]);
    assert!(well && text.contains("Wechat sandbox is added"), "{text}");
    let (well, text) = tell(&["channel", "add", file]);
    assert!(!well && text.contains("is there already"), "{text}");
    eventually("payments begin", async || {
        (start().await.1 == "0").then_some(())
    })
    .await;
    let (_, text) = tell(&["channel", "list"]);
    assert!(
        text.contains("sandbox              database  enabled"),
        "{text}"
    );
    let kept = dump(&world).await;
    for secret in planted(&outside) {
        assert!(!holds(&kept, &secret), "in the database: {secret}");
    }

    // What began is looked after while no other begins.
    let (query, begun) = start().await;
    assert_eq!(begun, "0");
    let number = world.newest_order().await;
    // A file that somebody is at work on keeps no change of the database's from anybody.
    let own = world.folder.join("sandbox/accounts.toml");
    std::fs::write(&own, "half a fi").unwrap();
    let (well, text) = tell(&["channel", "disable", "Wechat/sandbox"]);
    assert!(well && text.contains("takes no new payments"), "{text}");
    eventually("no other begins", async || {
        (start().await.1 != "0").then_some(())
    })
    .await;
    let (well, text) = tell(&["channel", "drain", "Wechat/sandbox"]);
    assert!(!well && text.contains("wait for it still"), "{text}");
    let (well, text) = tell(&["channel", "remove", "Wechat/sandbox", "--for-good"]);
    assert!(!well && text.contains("wait for it"), "{text}");
    let pay = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", pay).await;
    delivered(&world, &value_of(&query, "requestKey")).await;

    // Other settings and keys, and the same again.
    let (well, text) = tell(&["channel", "rotate", file]);
    assert!(well && text.contains("Wechat sandbox is changed"), "{text}");
    assert_ne!(start().await.1, "0", "it stays disabled");
    let text = std::fs::read_to_string(file).unwrap();
    let mchid = text.lines().find(|line| line.starts_with("mchid")).unwrap();
    let other = outside.folder.join("sandbox/other.toml");
    std::fs::write(&other, text.replace(mchid, "mchid = \"1900000109\"")).unwrap();
    let (well, text) = tell(&["channel", "rotate", other.to_str().unwrap()]);
    assert!(!well && text.contains("--another-merchant"), "{text}");
    // A key in the place of a file's name is not shown, nor kept with the act.
    let key = "MIIEvQIBADANBgkq".repeat(20);
    let wrong = format!(
        "[[account]]\nchannel = \"Wechat\"\nname = \"w\"\nappid = \"a\"\n\
        mchid = \"1\"\nserial = \"1\"\nprivate_key = \"{key}\"\napi_v3_key = \"{}\"\n",
        "k".repeat(32)
    );
    std::fs::write(&other, wrong).unwrap();
    let (well, text) = tell(&["channel", "add", other.to_str().unwrap()]);
    assert!(!well && !text.contains(&key), "{text}");
    assert!(tell(&["channel", "enable", "Wechat/sandbox"]).0);
    eventually("payments begin again", async || {
        (start().await.1 == "0").then_some(())
    })
    .await;
    let (well, text) = tell(&["channel", "disable", "nobody"]);
    assert!(!well && text.contains("keeps no account nobody"), "{text}");
    let (well, text) = tell(&["channel", "remove", "sandbox-paypal"]);
    assert!(!well && text.contains("--for-good"), "{text}");
    let (well, text) = tell(&["channel", "remove", "sandbox-paypal", "--for-good"]);
    assert!(!well && text.contains("it takes payments"), "{text}");
    let (well, text) = tell(&["channel", "drain", "sandbox-paypal"]);
    assert!(well && text.contains("nothing waits for it"), "{text}");
    assert!(tell(&["channel", "remove", "sandbox-paypal", "--for-good"]).0);
    assert!(!tell(&["channel", "list"]).1.contains("sandbox-paypal "));
    let (_, text) = tell(&["act", "list", "--about", "channel"]);
    assert!(
        text.contains("channel rotate") && !text.contains(&key),
        "{text}"
    );
}

#[tokio::test]
async fn accounts_are_kept_and_changed_on_sqlite() {
    accounts_are_kept_and_changed(Database::Sqlite).await;
}

#[tokio::test]
async fn accounts_are_kept_and_changed_on_postgres() {
    accounts_are_kept_and_changed(Database::Postgres).await;
}
