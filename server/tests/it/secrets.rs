//! Secrets at rest, and nowhere else (docs/secrets.md).

use crate::harness::{Database, World, tongfu, value_of};
use crate::operator::run;
use crate::pay::{body_of, errcode};
use crate::refund::{REFUND, paid_order, refund_body};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// What nobody may read but who needs it: the domain's, the channels', and the key that
/// keeps them.
pub(crate) fn planted(world: &World) -> Vec<String> {
    let folder = world.folder.join("sandbox");
    let accounts = std::fs::read_to_string(folder.join("accounts.toml")).unwrap();
    let mut secrets = vec!["demo-secret".to_owned()];
    for line in accounts.lines() {
        let Some((name, value)) = line.split_once(" = ") else {
            continue;
        };
        let value = value.trim_matches('"');
        match name {
            "api_v3_key" | "app_secret" | "client_secret" | "secret" | "key" => {
                secrets.push(value.to_owned());
            }
            "private_key" => {
                let pem = std::fs::read_to_string(folder.join(value)).unwrap();
                let lines = pem.lines().filter(|line| !line.starts_with('-'));
                secrets.extend(lines.filter(|line| line.len() > 20).map(str::to_owned));
            }
            _ => {}
        }
    }
    if let Some(file) = key_file(world) {
        secrets.push(std::fs::read_to_string(file).unwrap().trim().to_owned());
    }
    assert!(secrets.len() > 20, "{}", secrets.len());
    secrets
}

/// Where `--dev` keeps the key of a file of SQLite.
fn key_file(world: &World) -> Option<String> {
    let file = world.database_url.strip_prefix("sqlite:")?;
    Some(format!("{file}.key"))
}

/// All that the database holds.
pub(crate) async fn dump(world: &World) -> Vec<u8> {
    if let Some(file) = world.database_url.strip_prefix("sqlite:") {
        let parts = ["", "-wal"].map(|end| std::fs::read(format!("{file}{end}")));
        return parts.into_iter().flatten().flatten().collect();
    }
    let mut line = PgConnection::connect(&world.database_url).await.unwrap();
    let tables = "select tablename::text from pg_tables where schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables)
        .fetch_all(&mut line)
        .await
        .unwrap();
    let mut dump = Vec::new();
    for table in tables {
        let rows = AssertSqlSafe(format!("select t::text from {table} t"));
        let rows: Vec<String> = sqlx::query_scalar(rows).fetch_all(&mut line).await.unwrap();
        dump.extend(rows.concat().into_bytes());
    }
    dump
}

pub(crate) fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes
        .windows(secret.len())
        .any(|part| part == secret.as_bytes())
}

async fn secrets_show_nowhere(database: Database) {
    let Some(mut world) = World::start(database).await else {
        return;
    };
    world
        .restart_platform_with(&[("TONGFU_LOG", "trace"), ("TONGFU_LOG_FORMAT", "json")])
        .await;
    let (query, _) = paid_order(&world).await;
    let mut seen = Vec::new();
    let refund = refund_body(&value_of(&query, "requestKey"), "back", "5");
    seen.push(world.post(REFUND, &refund).await);
    let fresh = world.signed_query().await;
    for page in [
        format!("/pay.html?{query}"),
        format!("/pay.html?{fresh}&pick=Paypal"),
        format!("/pay.html?{}", fresh.replace("sign=", "sign=0")),
        format!("/pay/api/pc/wechatQuery?{query}"),
        "/pay.html?domainCode=demo".to_owned(),
    ] {
        seen.push(world.text(&page).await);
    }
    for channel in ["Alipay", "ChinapayOld"] {
        let other = world.signed_query().await;
        seen.push(
            world
                .post("/pay/api/pc/pay", &body_of(&other, channel))
                .await,
        );
    }
    for body in ["{", "{}", "{\"resource\": 1}"] {
        seen.push(world.post("/notify/Wechat/sandbox", body).await);
    }
    seen.push(world.metrics().await);
    for arguments in [
        &["doctor"][..],
        &["secrets", "show"],
        &["domain", "list"],
        &["channel", "check"],
        &["order", "list"],
        &["order", "show", "nobody"],
    ] {
        seen.push(run(tongfu(&world.database_url).args(arguments)).1);
    }
    let log = std::fs::read(world.log()).unwrap();
    let dump = dump(&world).await;
    assert!(holds(&log, "attempt begun") && holds(&dump, "demo"));
    for secret in planted(&world) {
        assert!(!holds(&log, &secret), "in the log: {secret}");
        assert!(!holds(&dump, &secret), "in the database: {secret}");
        for text in &seen {
            assert!(!holds(text.as_bytes(), &secret), "{secret} in {text}");
        }
    }
}

#[tokio::test]
async fn secrets_show_nowhere_on_sqlite() {
    secrets_show_nowhere(Database::Sqlite).await;
}

#[tokio::test]
async fn secrets_show_nowhere_on_postgres() {
    secrets_show_nowhere(Database::Postgres).await;
}

/// A key is thrown away while payers come.
#[tokio::test]
async fn a_key_is_changed_once_every_instance_has_both() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let file = key_file(&world).unwrap();
    let old = std::fs::read_to_string(&file).unwrap();
    let secrets = |act: &str| run(tongfu(&world.database_url).args(["secrets", act]));
    let (well, new) = secrets("key");
    assert!(well && new != old && new.trim().len() == 64, "{new}");
    std::fs::write(&file, format!("{new}{old}")).unwrap();
    let (well, text) = secrets("rotate");
    assert!(!well && text.contains("at work without the key"), "{text}");
    world.programs.pop().unwrap().terminate();
    world.programs.push(world.start_platform());
    world.answers(&format!("{}/readyz", world.platform)).await;
    let secrets = |act: &str| run(tongfu(&world.database_url).args(["secrets", act]));
    let (well, text) = secrets("rotate");
    assert!(
        well && text.contains("4 secrets were kept by another"),
        "{text}"
    );
    let pays = async || {
        let values = body_of(&world.signed_query().await, "Wechat");
        errcode(&world.post("/pay/api/pc/pay", &values).await)
    };
    assert_eq!(pays().await, "0");
    std::fs::write(&file, &new).unwrap();
    let (well, text) = secrets("show");
    assert!(well && text.contains("sealed"), "{text}");
    std::fs::write(&file, &old).unwrap();
    let (well, text) = run(tongfu(&world.database_url).args(["domain", "list"]));
    assert!(!well && text.contains("secrets_key_file"), "{text}");
    std::fs::write(&file, &new).unwrap();
    world.restart_platform_with(&[]).await;
    let values = body_of(&world.signed_query().await, "Wechat");
    let answer = world.post("/pay/api/pc/pay", &values).await;
    assert_eq!(errcode(&answer), "0");
}

/// What an operator does who had no key before.
#[tokio::test]
async fn clear_text_is_sealed_by_an_operator() {
    let folder = crate::harness::temp_folder();
    let url = format!("sqlite:{}", folder.join("clear.db").display());
    let given = |keys: &str, arguments: &[&str]| {
        run(tongfu(&url).env("TONGFU_SECRETS_KEY", keys).args(arguments))
    };
    assert!(given("", &["migrate"]).0);
    let add = ["--any-request-key", "--callback", "https://shop.cn/pay"];
    let add = [&["domain", "add", "shop"][..], &add].concat();
    let (well, text) = given("", &add);
    assert!(well, "{text}");
    let (well, text) = given("", &["secrets", "seal", "--older-are-stopped"]);
    assert!(!well && text.contains("secrets_key_file"), "{text}");
    let (well, text) = given("12", &["migrate"]);
    assert!(!well && text.contains("64 hexadecimal"), "{text}");
    let (first, second) = ("1f".repeat(32), "2e".repeat(32));
    assert!(given(&first, &["migrate"]).0);
    let (well, text) = given(&first, &["secrets", "seal"]);
    assert!(!well && text.contains("--older-are-stopped"), "{text}");
    let (well, text) = given(&first, &["secrets", "seal", "--older-are-stopped"]);
    assert!(well && text.contains("sealed 1 secrets"), "{text}");
    let (_, text) = given(&first, &["secrets", "show"]);
    assert!(text.contains("1 by "), "{text}");
    for other in ["", &second] {
        let (well, text) = given(other, &["domain", "list"]);
        assert!(!well && text.contains("secrets_key_file"), "{text}");
        assert!(!text.contains(&second), "{text}");
    }
    let (well, text) = given(&second, &["secrets", "replace", "--key-is-lost"]);
    assert!(well && text.contains("shop s"), "{text}");
    assert!(!given(&first, &["domain", "list"]).0);
    let (well, text) = given(&format!("{first} {second}"), &["secrets", "rotate"]);
    assert!(well, "{text}");
    let (well, text) = given(&format!("{second} {first}"), &["secrets", "rotate"]);
    assert!(well, "{text}");
    assert!(given(&second, &["domain", "list"]).0);
}
