//! SIGHUP: accounts are read anew, and a bad file changes nothing.

use crate::console::{Browser, DEVELOPMENT};
use crate::harness::{Database, World, eventually, temp_folder, tongfu};
use std::path::PathBuf;
use std::time::Duration;

fn accounts_file(world: &World) -> PathBuf {
    world.folder.join("sandbox/accounts.toml")
}

async fn offered(world: &World) -> String {
    let path = "/pay/api/pc/pay-types?domainCode=demo&paySceneName=pc";
    world.text(path).await
}

async fn told(world: &World, word: &str) {
    eventually(word, async || {
        let log = std::fs::read_to_string(world.log()).unwrap();
        log.contains(word).then_some(())
    })
    .await;
}

#[tokio::test]
async fn accounts_and_log_are_read_anew_at_a_hangup() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let config = temp_folder().join("tongfu.toml");
    std::fs::write(&config, "log = \"info\"").unwrap();
    world.programs.pop().unwrap().terminate();
    let mut command = tongfu(&world.database_url);
    command
        .env_remove("TONGFU_LOG")
        .arg("--config")
        .arg(&config);
    let program = world.start_platform_by(command);
    world.programs.push(program);
    world.answers(&format!("{}/readyz", world.platform)).await;
    assert!(offered(&world).await.contains("Wechat"));

    let good = std::fs::read_to_string(accounts_file(&world)).unwrap();
    // Some are off already.
    let off = |account: &str| {
        if account.contains("enabled") {
            account.to_owned()
        } else {
            account.replace(
                "channel = \"Wechat\"",
                "channel = \"Wechat\"\nenabled = false",
            )
        }
    };
    let without: Vec<_> = good.split("[[account]]").map(off).collect();
    let without = without.join("[[account]]");
    std::fs::write(accounts_file(&world), without).unwrap();
    // What is no part of this holds from the next start.
    let changed = "log = \"debug\"\npage_notice = \"Wechat is away\"\n\
        public_url = \"https://elsewhere.example\"";
    std::fs::write(&config, changed).unwrap();
    world.programs.last().unwrap().signal("HUP");
    told(&world, "read anew: accounts").await;
    assert!(!offered(&world).await.contains("Wechat"));
    assert!(offered(&world).await.contains("Alipay"));
    told(&world, "DEBUG").await;
    let page = format!("/pay.html?{}", world.signed_query().await);
    assert!(world.text(&page).await.contains("Wechat is away"));

    let accounts = accounts_file(&world);
    for (file, bad) in [
        (&accounts, "account = 1"),
        (&accounts, ""),
        (&config, "log = 1"),
    ] {
        let kept = std::fs::read(file).unwrap();
        std::fs::write(file, bad).unwrap();
        let before = std::fs::read_to_string(world.log()).unwrap().len();
        world.programs.last().unwrap().signal("HUP");
        eventually("it is told", async || {
            let log = std::fs::read_to_string(world.log()).unwrap();
            log[before..].contains("not read anew").then_some(())
        })
        .await;
        assert!(offered(&world).await.contains("Alipay"));
        std::fs::write(file, kept).unwrap();
    }
    // The key files are read as well.
    let gone = world.folder.join("sandbox");
    std::fs::rename(&gone, world.folder.join("away")).unwrap();
    world.programs.last().unwrap().signal("HUP");
    told(&world, "reading the accounts file").await;
    let query = world.signed_query().await;
    let answer = world
        .post("/pay/api/pc/pay", &crate::pay::body_of(&query, "Alipay"))
        .await;
    assert_eq!(crate::pay::errcode(&answer), "0", "{answer}");
    assert!(
        answer.contains("notify_url=") && !answer.contains("elsewhere.example"),
        "{answer}"
    );
}

/// Of another merchant an account does not know the orders that wait for it.
#[tokio::test]
async fn an_account_that_orders_wait_for_becomes_no_other_merchants() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let answer = world
        .post("/pay/api/pc/pay", &crate::pay::body_of(&query, "Wechat"))
        .await;
    assert_eq!(crate::pay::errcode(&answer), "0", "{answer}");
    let file = accounts_file(&world);
    let written = std::fs::read_to_string(&file).unwrap();
    let others = written.replace("mchid = \"19", "mchid = \"18");
    assert_ne!(others, written);
    std::fs::write(&file, &others).unwrap();
    world.programs.last().unwrap().signal("HUP");
    told(&world, "Wechat/sandbox would be another merchant's").await;
    // Once it is found paid nothing waits.
    let number = world.newest_order().await;
    let paid = serde_json::json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", paid).await;
    eventually("it is paid", async || {
        let orders = tongfu(&world.database_url)
            .args(["order", "list"])
            .output()
            .unwrap();
        let orders = String::from_utf8(orders.stdout).unwrap();
        orders.contains("SUCCESSPAY").then_some(())
    })
    .await;
    world.programs.last().unwrap().signal("HUP");
    told(&world, "read anew: accounts").await;
}

async fn what_a_hangup_changes_of_accounts_is_an_act(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let acts = || {
        let output = tongfu(&world.database_url)
            .args(["act", "list"])
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let read_anew = || {
        let log = std::fs::read_to_string(world.log()).unwrap();
        log.matches("read anew: accounts").count()
    };
    let hangup = async || {
        let before = read_anew();
        world.programs.last().unwrap().signal("HUP");
        eventually("it is read anew", async || {
            (read_anew() > before).then_some(())
        })
        .await;
    };
    let file = accounts_file(&world);
    hangup().await;
    assert_eq!(acts(), "", "nothing was changed");

    let written = std::fs::read_to_string(&file).unwrap();
    let mut all: Vec<_> = written.split("[[account]]\n").map(str::to_owned).collect();
    let of = |all: &[String], name: &str| {
        let line = format!("name = \"{name}\"\n");
        all.iter().position(|one| one.contains(&line)).unwrap()
    };
    let (off, gone) = (of(&all, "sandbox"), of(&all, "sandbox-paypal"));
    all[off].insert_str(0, "enabled = false\nlargest = 314159\n");
    all.remove(gone);
    std::fs::write(&file, all.join("[[account]]\n")).unwrap();
    let key = world.folder.join("sandbox/alipay/app_key.pem");
    let pem = std::fs::read_to_string(&key).unwrap();
    std::fs::write(&key, format!("{pem}\n")).unwrap();
    hangup().await;
    let told = acts();
    assert_eq!(told.lines().count(), 1, "{told}");
    for said in [
        " file (",
        "Wechat/sandbox disabled and changed (largest);",
        "Paypal/sandbox-paypal removed",
        "Alipay/sandbox-alipay changed (private_key)",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert!(!told.contains("314159"), "{told}");

    hangup().await;
    assert_eq!(acts(), told, "nothing is named twice");
    std::fs::write(&file, &written).unwrap();
    hangup().await;
    let told = acts();
    assert!(
        told.contains("Wechat/sandbox enabled and changed (largest)")
            && told.contains("Paypal/sandbox-paypal added"),
        "{told}"
    );
    let (well, text) = crate::operator::run(tongfu(&world.database_url).args(["act", "verify"]));
    assert!(well && text.contains("2 acts are whole"), "{text}");
}

#[tokio::test]
async fn what_a_hangup_changes_of_accounts_is_an_act_on_sqlite() {
    what_a_hangup_changes_of_accounts_is_an_act(Database::Sqlite).await;
}

#[tokio::test]
async fn what_a_hangup_changes_of_accounts_is_an_act_on_postgres() {
    what_a_hangup_changes_of_accounts_is_an_act(Database::Postgres).await;
}

/// The accounts file is a pipe that says nothing yet.
#[tokio::test]
async fn a_page_waits_for_no_reload_that_is_under_way() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    // The one that reads is held up.
    world
        .restart_platform_with(&[("TOKIO_WORKER_THREADS", "4")])
        .await;
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let (file, written) = (
        accounts_file(&world),
        std::fs::read(accounts_file(&world)).unwrap(),
    );
    std::fs::remove_file(&file).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&file).status();
    assert!(made.unwrap().success());
    world.programs.last().unwrap().signal("HUP");
    let open = move || std::fs::File::options().write(true).open(file);
    let mut pipe = tokio::task::spawn_blocking(open).await.unwrap().unwrap();
    let page = tokio::time::timeout(Duration::from_secs(5), dev.page("/accounts?lang=en")).await;
    std::io::Write::write_all(&mut pipe, &written).unwrap();
    drop(pipe);
    told(&world, "read anew: accounts").await;
    let page = page.expect("the page waits");
    assert!(page.contains("sandbox-paypal"), "{page}");
}

#[test]
fn a_command_makes_no_tables() {
    let path = temp_folder().join("none.db");
    let url = format!("sqlite:{}", path.display());
    for arguments in [
        &["doctor"][..],
        &["order", "list"],
        &["domain", "add", "shop", "--any-request-key"],
        &["partner", "list"],
        &["callback", "list"],
    ] {
        let output = tongfu(&url).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && !path.exists(), "{arguments:?}");
        let usage = text.contains("Usage");
        assert!(
            usage || text.contains("TONGFU_DATABASE_URL"),
            "{arguments:?}: {text}"
        );
    }
}
