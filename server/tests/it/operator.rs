//! What an operator does: domains, the sign doctor, and a production instance.

use crate::harness::{Database, database_url, temp_folder, tongfu};
use std::process::{Command, Output};

fn run(command: &mut Command) -> (bool, String) {
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
    let (done, text) = run(tongfu(&url).arg("migrate"));
    assert!(done, "{text}");
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
            "at most 36500d",
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

#[tokio::test]
async fn the_sign_doctor_tells_values_order_and_form_and_no_secret() {
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
        .env("TONGFU_LISTEN", "0.0.0.0:0"));
    assert!(!done && text.contains("loopback"), "{text}");
    let busy = world.platform.trim_start_matches("http://");
    let (done, text) = run(tongfu(&url)
        .args(["serve", "--dev"])
        .env("TONGFU_LISTEN", busy));
    assert!(!done && text.contains("another program"), "{text}");
}
