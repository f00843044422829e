//! Channel accounts that the database keeps (docs/accounts.md).

use crate::callback::delivered;
use crate::console::{Browser, DEVELOPMENT, location, operator};
use crate::harness::{Database, World, eventually, tongfu, value_of};
use crate::operator::run;
use crate::pay::{body_of, errcode};
use crate::secrets::{dump, holds, planted};
use checkout::links::PICK_ANEW;
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
    // Who had the page open before is led to what is offered.
    let open = world.signed_query().await;
    let pick = world
        .client
        .post(format!("{}/pay/start?{open}", world.platform));
    let answer = pick.body("channel=Wechat").send().await.unwrap();
    assert_eq!(answer.status(), 400);
    let html = answer.text().await.unwrap();
    let mut links = html
        .split("href=\"")
        .filter_map(|rest| rest.split('"').next());
    let list = links.find(|link| link.starts_with("/pay.html?") && link.contains(PICK_ANEW));
    let list = list.expect("a list of channels").replace("&amp;", "&");
    let list = world.text(&list).await;
    assert!(list.contains("value=\"Alipay\"") && !list.contains("value=\"Wechat\""));
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

/// At the console: who may looks, and an admin stops and drains an account of the database;
/// the file's stay as it says.
async fn accounts_are_stopped_at_the_console(database: Database) {
    let Some(outside) = World::start(database).await else {
        return;
    };
    let dev = Browser::signed_in(&outside, &DEVELOPMENT).await;
    let list = dev.page("/accounts").await;
    assert!(list.contains("文件") && !list.contains("数据库"), "{list}");
    let of_file = dev.page("/account/Wechat/sandbox?lang=en").await;
    assert!(of_file.contains("TONGFU_ACCOUNTS") && of_file.contains("SIGHUP"));
    assert!(!of_file.contains("name=\"reason\""));

    let world = outside.beside(database, "").await.unwrap();
    let file = outside.folder.join("sandbox/accounts.toml");
    let (well, text) = run(tongfu(&world.database_url)
        .args(["channel", "add"])
        .arg(file.to_str().unwrap()));
    assert!(well, "{text}");
    let start = async || {
        let query = world.signed_query().await;
        let body = body_of(&query, "Wechat");
        errcode(&world.post("/pay/api/pc/pay", &body).await)
    };
    eventually("payments begin", async || {
        (start().await == "0").then_some(())
    })
    .await;
    let path = "/account/Wechat/sandbox";
    for role in ["viewer", "support", "cashier"] {
        let browser = operator(&world, role).await;
        let page = browser.page(path).await;
        assert!(!page.contains("name=\"reason\""), "{page}");
        let token = browser.hidden("/", "token").await;
        for act in ["enable", "disable", "drain"] {
            let form = [("token", token.as_str()), ("reason", "why")];
            let answer = browser.post(&format!("{path}/{act}"), &form).await;
            assert_eq!(answer.status().as_u16(), 403, "{role} {act}");
        }
    }
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let page = dev.page(&format!("{path}?lang=en")).await;
    assert!(
        page.contains("looked after. It is the only one of its channel"),
        "{page}"
    );
    for secret in planted(&outside) {
        assert!(!page.contains(&secret));
    }
    let token = dev.hidden(path, "token").await;
    let form = [
        ("token", token.as_str()),
        ("reason", "a new certificate"),
        ("was", "true"),
    ];
    let unproved = [("token", "0"), form[1]];
    let page = dev.page(&format!("{path}?done=disable&lang=en")).await;
    assert!(!page.contains("No new payment goes through it."), "{page}");
    for (path, form, status) in [
        (format!("{path}/drain"), &unproved[..], 403),
        (format!("{path}/drain"), &form[..1], 409),
        (format!("{path}/remove"), &form[..], 404),
        ("/account/Wechat/none/disable".to_owned(), &form[..], 404),
        ("/account/None/sandbox/disable".to_owned(), &form[..], 404),
    ] {
        let answer = dev.post(&path, form).await;
        assert_eq!(answer.status().as_u16(), status, "{path}");
    }
    assert_eq!(start().await, "0", "nothing was done");
    let answer = dev.post(&format!("{path}/drain"), &form).await;
    assert_eq!(location(&answer), format!("{path}?done=drain"));
    let page = dev.page(&format!("{}&lang=en", location(&answer))).await;
    assert!(page.contains("orders or refunds"), "it has begun: {page}");
    eventually("no other begins", async || {
        (start().await != "0").then_some(())
    })
    .await;
    let stale = dev.post(&format!("{path}/enable"), &form).await;
    assert_eq!(stale.status().as_u16(), 409, "it was shown enabled");
    let stale = stale.text().await.unwrap();
    assert!(stale.contains("改过，没有执行"), "{stale}");
    let form = [form[0], form[1], ("was", "false")];
    let answer = dev.post(&format!("{path}/enable"), &form).await;
    assert_eq!(location(&answer), format!("{path}?done=enable"));
    eventually("payments begin again", async || {
        (start().await == "0").then_some(())
    })
    .await;
    let (_, acts) = run(tongfu(&world.database_url).args(["act", "list"]));
    for (done, times) in [("disable", 1), ("enable", 2)] {
        let done = format!("dev channel {done} Wechat/sandbox --reason \"a new certificate\"");
        assert_eq!(acts.matches(&done).count(), times, "{done} in {acts}");
    }
}

#[tokio::test]
async fn accounts_are_stopped_at_the_console_on_sqlite() {
    accounts_are_stopped_at_the_console(Database::Sqlite).await;
}

#[tokio::test]
async fn accounts_are_stopped_at_the_console_on_postgres() {
    accounts_are_stopped_at_the_console(Database::Postgres).await;
}
