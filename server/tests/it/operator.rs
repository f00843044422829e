//! What an operator does: domains, the sign clinic, and a production instance.

use crate::callback::delivered;
use crate::console::{Browser, DEVELOPMENT};
use crate::harness::{Database, World, database_url, eventually, temp_folder, tongfu, value_of};
use crate::pay::{body_of, errcode};
use crate::refund::{REFUND, given_back, paid_order, refund_body};
use sha1::Digest;
use std::process::{Command, Output};

pub(crate) fn run(command: &mut Command) -> (bool, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = [stdout, stderr].concat();
    (status.success(), String::from_utf8(text).unwrap())
}

async fn domains_are_made_changed_and_rotated(database: Database) {
    let folder = temp_folder();
    let Some(url) = database_url(database, &folder).await else {
        return;
    };
    let add = [
        "domain",
        "add",
        "shop",
        "--key-prefix",
        "M7-",
        "--key-length",
        "16",
    ];
    let to_come = || run(tongfu(&url).args(["migrate", "--dry-run"]));
    assert!(to_come().1.contains("0001_first_payment"));
    let (done, text) = run(tongfu(&url).arg("migrate"));
    assert!(done, "{text}");
    assert_eq!(to_come(), (true, "the database is up to date\n".to_owned()));
    let (done, text) = run(tongfu(&url)
        .args(add)
        .args(["--callback", "https://shop.cn/pay"]));
    assert!(done, "{text}");
    let secret = text
        .lines()
        .find_map(|line| line.strip_prefix("domainSecret "))
        .unwrap();
    let (done, text) = run(tongfu(&url)
        .args(add)
        .args(["--callback", "https://shop.cn/pay"]));
    assert!(!done && text.contains("exists already"), "{text}");
    let (done, text) = run(tongfu(&url).args(["domain", "set", "shop", "--largest-sum", "500"]));
    assert!(done, "{text}");
    let (_, text) = run(tongfu(&url).args(["domain", "show", "shop"]));
    assert!(
        text.contains("\"largestSum\": 500") && !text.contains(secret),
        "{text}"
    );
    let (done, text) = run(tongfu(&url).args(["domain", "rotate", "shop", "--overlap", "1h"]));
    assert!(done && text.contains("domainSecret s"), "{text}");
    let (done, text) = run(tongfu(&url).args(["domain", "add", "old", "--any-request-key"]));
    assert!(done && text.contains("RISK"), "{text}");
    let (_, text) = run(tongfu(&url).args(["domain", "list"]));
    assert!(
        text.contains("strict, keys M7-") && text.contains("legacy, recut=refuse"),
        "{text}"
    );
    let private = [
        "domain",
        "add",
        "inner",
        "--any-request-key",
        "--callback",
        "http://127.0.0.1:9/cb",
    ];
    let (done, text) = run(tongfu(&url).args(private));
    assert!(done && text.contains("10014"), "{text}");
    for (bad, told) in [
        (["domain", "set", "old", "--return", ""], "host ``"),
        (
            ["domain", "set", "old", "--callback", "not a url"],
            "`not a url`",
        ),
        (
            ["domain", "rotate", "old", "--overlap", "106751991167d"],
            "at most 90d",
        ),
    ] {
        let (done, text) = run(tongfu(&url).args(bad));
        assert!(!done && text.contains(told), "{text}");
    }
    let several = [
        "--recut",
        "log",
        "--request-channel",
        "",
        "--request-channel",
        "1",
    ];
    let (done, text) = run(tongfu(&url).args(["domain", "set", "old"]).args(several));
    assert!(done, "{text}");
    let (_, text) = run(tongfu(&url).args(["domain", "show", "old"]));
    assert!(text.contains("\"recut\": \"log\""), "{text}");
    let refuse = ["domain", "set", "old", "--recut", "refuse"];
    let (done, text) = run(tongfu(&url).args(refuse));
    assert!(
        !done && text.contains("one value of requestChannel"),
        "{text}"
    );
    let one = ["--request-channel", "1", "--rate-decimals", "4"];
    let (done, text) = run(tongfu(&url).args(refuse).args(one));
    assert!(done, "{text}");
    let (done, text) = run(tongfu(&url).args(["domain", "set", "shop", "--recut", "log"]));
    assert!(!done && text.contains("legacy"), "{text}");
    for bad in [
        vec![
            "domain",
            "add",
            "bad",
            "--key-prefix",
            "M7M",
            "--key-length",
            "16",
            "--callback",
            "https://a.cn",
        ],
        vec![
            "domain",
            "add",
            "bad",
            "--key-prefix",
            "M7-",
            "--key-length",
            "16",
        ],
        vec!["domain", "add", "demo", "--any-request-key"],
        vec!["domain", "show", "nobody"],
    ] {
        let (done, text) = run(tongfu(&url).args(&bad));
        assert!(!done && text.starts_with("tongfu: "), "{bad:?}: {text}");
    }
}

#[tokio::test]
async fn domains_are_made_changed_and_rotated_on_sqlite() {
    domains_are_made_changed_and_rotated(Database::Sqlite).await;
}

#[tokio::test]
async fn domains_are_made_changed_and_rotated_on_postgres() {
    domains_are_made_changed_and_rotated(Database::Postgres).await;
}

/// While two secrets hold, each is told with when it was last signed by.
async fn who_signs_by_which_secret_is_told_while_two_hold(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let tell = |arguments: &[&str]| run(tongfu(&world.database_url).args(arguments)).1;
    let ask = async |secret: &str| {
        let mut values = ["test", "k1", secret];
        values.sort_unstable();
        let sign = hex::encode(sha1::Sha1::digest(values.concat()));
        let query = format!("domainCode=test&requestKey=k1&sign={sign}");
        let path = format!("/pay/api/private/pay/query?{query}");
        let answer = world.text(&path).await;
        assert!(!answer.contains("10004"), "{answer}");
    };
    ask("test").await;
    let shown = tell(&["domain", "show", "test"]);
    assert!(shown.ends_with("could fit another sum: 0\n"), "{shown}");
    assert!(!shown.contains("signed by"), "it has one secret: {shown}");
    let told = tell(&["domain", "rotate", "test", "--overlap", "1h"]);
    let new = told.lines().next().unwrap();
    let new = new.strip_prefix("domainSecret ").unwrap();
    let unseen = "not signed by since there are several";
    let shown = tell(&["domain", "show", "test"]);
    assert_eq!(shown.matches(unseen).count(), 2, "{shown}");
    ask(new).await;
    let shown = eventually("it is told", async || {
        let shown = tell(&["domain", "show", "test"]);
        shown.contains("signed by at").then_some(shown)
    })
    .await;
    let lines: Vec<_> = shown
        .lines()
        .filter(|line| line.starts_with("secret "))
        .collect();
    assert!(lines[0].starts_with("secret 2: in use, last signed by at 20"));
    assert!(lines[1].starts_with("secret 1: ends at 20") && lines[1].ends_with(unseen));
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let page = dev.page("/business/test?lang=en").await;
    assert_eq!(page.matches("last signed by at 20").count(), 1, "{page}");
    assert_eq!(page.matches(unseen).count(), 1, "{page}");
    assert!(!page.contains(new), "{page}");
}

#[tokio::test]
async fn who_signs_by_which_secret_is_told_while_two_hold_on_sqlite() {
    who_signs_by_which_secret_is_told_while_two_hold(Database::Sqlite).await;
}

#[tokio::test]
async fn who_signs_by_which_secret_is_told_while_two_hold_on_postgres() {
    who_signs_by_which_secret_is_told_while_two_hold(Database::Postgres).await;
}

#[tokio::test]
async fn who_moves_here_keeps_a_secret_that_is_never_shown() {
    let folder = temp_folder();
    let url = database_url(Database::Sqlite, &folder).await.unwrap();
    assert!(run(tongfu(&url).arg("migrate")).0);
    let file = folder.join("secret");
    let add = |code: &str, secret: &str| {
        std::fs::write(&file, secret).unwrap();
        let mut add = tongfu(&url);
        add.args(["domain", "add", code, "--any-request-key"]);
        run(add.arg("--secret-from").arg(&file))
    };
    let (done, text) = add("old", "an-older-secret-of-theirs\n");
    assert!(done && !text.contains("an-older"), "{text}");
    assert!(!text.contains("can be guessed"), "{text}");
    let sorted = "1464659622189an-older-secret-of-theirsold";
    let sign = hex::encode(sha1::Sha1::digest(sorted));
    let query = format!("domainCode=old&requestKey=1464659622189&sign={sign}");
    let (done, text) = run(tongfu(&url).args(["sign", &query]));
    assert!(done && text.contains("accepted"), "{text}");
    let (done, text) = add("marked", "\u{feff}another-older-secret\r\n");
    assert!(done, "{text}");
    let (done, text) = add("short", "x1y2");
    assert!(done && text.contains("can be guessed"), "{text}");
    for bad in ["", "two words", "\u{5bc6}\u{94a5}", &"x".repeat(129)] {
        assert!(!add("bad", bad).0, "{bad}");
    }
}

#[tokio::test]
async fn the_sign_clinic_tells_values_order_and_form_and_no_secret() {
    let world = crate::harness::World::start(Database::Sqlite)
        .await
        .unwrap();
    let query = world.signed_query().await;
    let address = format!("{}/pay.html?{query}", world.platform);
    let (done, text) = run(tongfu(&world.database_url).args(["sign", &address]));
    assert!(done, "{text}");
    assert!(
        text.contains("payTypeCode left out: HOLDS") && text.contains("accepted"),
        "{text}"
    );
    assert!(
        text.contains("    12345\n") && text.contains("***"),
        "{text}"
    );
    assert!(!text.contains("demo-secret"), "{text}");
    let forged = address.replace("money=12345", "money=1");
    let (_, text) = run(tongfu(&world.database_url).args(["sign", &forged]));
    assert!(
        text.contains("does not hold") && text.contains("refused: 10004"),
        "{text}"
    );
}

#[tokio::test]
async fn production_knows_no_domain_and_refuses_the_development_ones() {
    let world = crate::harness::World::start(Database::Sqlite)
        .await
        .unwrap();
    let serve = |url: &str| {
        let mut command = tongfu(url);
        command.arg("serve").env("TONGFU_LISTEN", "127.0.0.1:0");
        command.env("TONGFU_PUBLIC_URL", "http://127.0.0.1:3000");
        command
    };
    let (done, text) = run(&mut serve(&world.database_url));
    assert!(
        !done && text.contains("development domain") && text.contains("--dev"),
        "{text}"
    );
    let folder = temp_folder();
    let url = database_url(Database::Sqlite, &folder).await.unwrap();
    let (done, text) = run(tongfu(&url).arg("migrate"));
    assert!(done, "{text}");
    let (_, text) = run(tongfu(&url).args(["domain", "list"]));
    assert_eq!(text, "");
    let (done, text) = run(tongfu(&url)
        .args(["serve", "--dev"])
        .env("TONGFU_LISTEN", "0.0.0.0:3000"));
    assert!(!done && text.contains("loopback"), "{text}");
    let busy = world.platform.trim_start_matches("http://");
    let (done, text) = run(tongfu(&url)
        .args(["serve", "--dev"])
        .env("TONGFU_LISTEN", busy));
    assert!(!done && text.contains("another program"), "{text}");
}

#[tokio::test]
async fn an_order_is_found_listed_summed_and_given_back_once() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (query, number) = paid_order(&world).await;
    let key = value_of(&query, "requestKey");
    let order_sn = delivered(&world, &key).await[0]["values"]["orderSn"].clone();
    let order_sn = order_sn.as_str().unwrap();
    let tell = |arguments: &[&str]| crate::trouble::run(&world, arguments);
    let trade_no = tell(&["order", "list", "--csv"]).1;
    let trade_no = trade_no.lines().nth(1).unwrap().split(',').nth(9).unwrap();
    let grouped = format!(" {} {} ", &order_sn[..8], &order_sn[8..]);
    for number in [order_sn, &key, &number, trade_no, &grouped] {
        let (well, shown) = tell(&["order", "find", number]);
        assert!(
            well && shown.contains(order_sn) && shown.contains("is whole"),
            "{shown}"
        );
    }
    // The day of the order's number, which is Beijing's as the zone is.
    let today = format!("{}-{}-{}", &order_sn[..4], &order_sn[4..6], &order_sn[6..8]);
    let (well, text) = tell(&["order", "find", "nobody's"]);
    assert!(
        !well && text.contains("no order bears the number"),
        "{text}"
    );
    for (arguments, lines) in [
        (&["--business", "demo", "--paid", "--since", "1h"][..], 1),
        (&["--state", "NOTPAY"][..], 0),
        (&["--min", "123.45", "--max", "123.45"][..], 1),
        (&["--until", "2026-01-01"][..], 0),
        (&["--paid"][..], 1),
        (&["--since", &today][..], 1),
        (&["--until", &today][..], 0),
    ] {
        let all = [&["order", "list"], arguments].concat();
        assert_eq!(tell(&all).1.lines().count(), lines, "{arguments:?}");
    }
    let once = [
        "order", "refund", order_sn, "--yuan", "1.2", "--key", "t-7", "--reason", "晚到",
    ];
    for _ in 0..2 {
        let (well, text) = tell(&once);
        assert!(well && text.contains("CNY 122.25 of it is left"), "{text}");
    }
    let (well, text) = tell(&["order", "refund", order_sn, "--yuan", "2", "--key", "t-7"]);
    assert!(!well, "{text}");
    eventually("the refund", async || {
        (given_back(&world, &number).await == 120).then_some(())
    })
    .await;
    let (_, shown) = tell(&["order", "show", order_sn]);
    assert!(shown.contains("晚到"), "{shown}");
    let (well, text) = tell(&["order", "totals", "--by", "business"]);
    assert!(
        well && text.contains("123.45 refunded          1.2"),
        "{text}"
    );
}

#[tokio::test]
async fn health_is_what_readyz_says() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let listen = world.platform.trim_start_matches("http://").to_owned();
    let mut health = tongfu(&world.database_url);
    let (well, text) = run(health.arg("health").env("TONGFU_LISTEN", &listen));
    assert!(well && text == "ready\n", "{text}");
    drop(world);
    let mut health = tongfu("sqlite:none.db");
    let (well, text) = run(health.arg("health").env("TONGFU_LISTEN", &listen));
    assert!(!well && text.contains("nothing answers"), "{text}");
}

/// What systemd is told, at the socket that it names.
#[tokio::test]
async fn a_service_manager_is_told_that_we_serve_live_and_stop() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    world.programs.pop().unwrap().kill();
    let path = world.folder.join("notify");
    let socket = tokio::net::UnixDatagram::bind(&path).unwrap();
    let mut command = tongfu(&world.database_url);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "400000");
    let program = world.start_platform_by(command);
    let told = async || {
        eventually("a message", async || {
            let mut told = [0; 64];
            let length = socket.try_recv(&mut told).ok()?;
            Some(str::from_utf8(&told[..length]).unwrap().trim().to_owned())
        })
        .await
    };
    for expected in ["READY=1", "WATCHDOG=1", "WATCHDOG=1"] {
        assert_eq!(told().await, expected);
    }
    assert!(program.terminate());
    let mut last = told().await;
    while last == "WATCHDOG=1" {
        last = told().await;
    }
    assert_eq!(last, "STOPPING=1");
}

#[tokio::test]
async fn a_business_system_is_stopped_by_its_operator() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (query, _) = paid_order(&world).await;
    let refund = refund_body(&value_of(&query, "requestKey"), "back", "5");
    let other = world.signed_query().await;
    let set = |setting: &str, to: &str| {
        let mut command = tongfu(&world.database_url);
        let (well, text) = run(command.args(["domain", "set", "demo", setting, to]));
        assert!(well, "{text}");
    };
    let start = async || {
        errcode(
            &world
                .post("/pay/api/pc/pay", &body_of(&other, "Wechat"))
                .await,
        )
    };
    let refunded = async || errcode(&world.post(REFUND, &refund).await);
    let poll = async || {
        errcode(
            &world
                .text(&format!("/pay/api/pc/wechatQuery?{query}"))
                .await,
        )
    };
    let begun = refund_body(&value_of(&query, "requestKey"), "begun", "5");
    assert_eq!(errcode(&world.post(REFUND, &begun).await), "0");
    set("--payments-frozen", "true");
    set("--refunds-frozen", "true");
    let again = world.post(REFUND, &begun).await;
    assert_eq!(
        errcode(&again),
        "0",
        "how one stands that had begun: {again}"
    );
    assert_eq!(
        (start().await.as_str(), refunded().await.as_str()),
        ("10099", "10099")
    );
    assert_eq!(poll().await, "0");
    set("--disabled", "true");
    assert_eq!(
        (start().await.as_str(), refunded().await.as_str()),
        ("10003", "10003")
    );
    assert_eq!(poll().await, "0", "a page that waits is told");
    for brake in ["--disabled", "--payments-frozen", "--refunds-frozen"] {
        set(brake, "false");
    }
    eventually("it is taken again", async || {
        (start().await == "0").then_some(())
    })
    .await;
    assert_eq!(refunded().await, "0");
}

/// A stolen secret gives back no more than its owner may.
#[tokio::test]
async fn what_a_business_system_gives_back_within_a_day_has_a_limit() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (query, number) = paid_order(&world).await;
    let request_key = value_of(&query, "requestKey");
    let tell = |arguments: &[&str]| run(tongfu(&world.database_url).args(arguments));
    let (well, text) = tell(&["domain", "set", "demo", "--refunds-a-day", "8"]);
    assert!(well, "{text}");
    let refund = async |key: &str, fen: &str| {
        let body = refund_body(&request_key, key, fen);
        world.post(REFUND, &body).await
    };
    assert_eq!(errcode(&refund("one", "5").await), "0");
    let over = refund("two", "4").await;
    assert_eq!(errcode(&over), "10099", "{over}");
    assert!(over.contains("24"), "{over}");
    assert_eq!(errcode(&refund("one", "5").await), "0", "how it stands");
    assert_eq!(errcode(&refund("three", "3").await), "0");
    let alarm = "tongfu_alarms_total{kind=\"refundspeed\"} 1";
    eventually("it is told", async || {
        world.metrics().await.contains(alarm).then_some(())
    })
    .await;
    let order_sn = delivered(&world, &request_key).await[0]["values"]["orderSn"].clone();
    let order_sn = order_sn.as_str().unwrap();
    let (well, text) = tell(&["order", "refund", order_sn, "--money", "7"]);
    assert!(well, "{text}");
    eventually("the refunds", async || {
        (given_back(&world, &number).await == 15).then_some(())
    })
    .await;
    assert!(tell(&["domain", "set", "demo", "--refunds-a-day", "0"]).0);
    eventually("it may again", async || {
        (errcode(&refund("four", "4").await) == "0").then_some(())
    })
    .await;
}

#[test]
fn a_shell_and_man_are_told_of_the_commands() {
    for shell in ["bash", "zsh", "fish"] {
        let (well, text) = run(tongfu("sqlite:none.db").args(["completions", shell]));
        assert!(well && text.contains("refund"), "{shell}");
    }
    let folder = temp_folder();
    let man = ["man", folder.to_str().unwrap()];
    assert!(run(tongfu("sqlite:none.db").args(man)).0);
    let page = std::fs::read_to_string(folder.join("tongfu-order-refund.1")).unwrap();
    assert!(page.contains(".TH") && page.contains("yuan"), "{page}");
}
