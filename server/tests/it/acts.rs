//! What operators do stands under a name (docs/operating.md, Who did what).

use crate::harness::{Database, World, database_url, eventually, temp_folder, tongfu};
use crate::operator::run;
use sqlx::{Connection, Executor, SqliteConnection};

const SHOP: [&str; 6] = [
    "domain",
    "add",
    "shop",
    "--any-request-key",
    "--callback",
    "https://shop.cn/pay",
];

async fn acts_are_told(database: Database) {
    let folder = temp_folder();
    let Some(url) = database_url(database, &folder).await else {
        return;
    };
    let tell = |arguments: &[&str]| run(tongfu(&url).args(arguments));
    assert!(tell(&["migrate"]).0);
    assert!(tell(&[&SHOP[..], &["--as", "li"]].concat()).0);
    assert!(tell(&["domain", "set", "shop", "--payments-frozen", "true"]).0);
    let (well, text) = tell(&["order", "refund", "nobody", "--yuan", "1", "--as", "wang"]);
    assert!(!well, "{text}");
    assert!(tell(&["domain", "list"]).0, "which is no act");
    let (well, text) = tell(&["act", "list"]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(well && lines.len() == 4, "{text}");
    assert!(
        lines[0].contains("li (") && lines[0].contains(") domain add shop"),
        "{text}"
    );
    assert!(
        lines[1].contains("domain set shop"),
        "by the system's user: {text}"
    );
    assert!(
        lines[2].contains("wang (") && lines[2].contains("order refund nobody"),
        "{text}"
    );
    assert!(lines[3].contains(" 3 failed"), "{text}");
    let secret = "secret";
    assert!(!text.to_lowercase().contains(secret), "{text}");
    let (_, text) = tell(&["act", "list", "--about", "wang"]);
    assert_eq!(text.lines().count(), 2, "{text}");
    let (well, text) = tell(&["act", "verify"]);
    assert!(well && text.contains("4 acts are whole"), "{text}");
    for by in ["", " ", &"x".repeat(65)] {
        let (well, text) = tell(&["prune", "--older", "400d", "--as", by]);
        assert!(!well && text.contains("--as takes"), "{text}");
    }
}

#[tokio::test]
async fn acts_are_told_on_sqlite() {
    acts_are_told(Database::Sqlite).await;
}

#[tokio::test]
async fn acts_are_told_on_postgres() {
    acts_are_told(Database::Postgres).await;
}

/// Who owns the database takes an act away, and writes the others anew.
#[tokio::test]
async fn an_act_that_is_taken_away_shows_by_what_was_sent_out() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let heads = world.folder.join("heads");
    let tell = |arguments: &[&str]| run(tongfu(&world.database_url).args(arguments));
    assert!(tell(&["domain", "set", "demo", "--payments-frozen", "true"]).0);
    assert!(tell(&["domain", "set", "demo", "--payments-frozen", "false"]).0);
    let (_, head) = tell(&["act", "head"]);
    let file = heads.to_str().unwrap().to_owned();
    let settings = [("TONGFU_ACTS_HEAD_FILE", file.as_str())];
    world.restart_platform_with(&settings).await;
    eventually("the head is sent", async || {
        let text = std::fs::read_to_string(&heads).ok()?;
        text.contains(head.trim()).then_some(())
    })
    .await;
    let tell = |arguments: &[&str]| run(tongfu(&world.database_url).args(arguments));
    let verify = ["act", "verify", "--heads", &file];
    let (well, text) = tell(&verify);
    assert!(well && text.contains("fit 1 heads"), "{text}");
    // One that a full disk cut short hides no other.
    let whole = std::fs::read_to_string(&heads).unwrap();
    std::fs::write(&heads, format!("2026-11-28T09:47:5\n{whole}")).unwrap();
    let (well, text) = tell(&verify);
    assert!(!well && text.contains("1 lines"), "{text}");

    let mut line = SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    let change = "update operator_act set what = 'nothing' where seq = 1";
    line.execute(change).await.unwrap();
    let (well, text) = tell(&["doctor"]);
    assert!(
        !well && text.contains("acts: entry 1 was changed"),
        "{text}"
    );
    line.execute("delete from operator_act").await.unwrap();
    assert!(tell(&["act", "verify"]).0, "none was ever there, it seems");
    let (well, text) = tell(&verify);
    assert!(!well && text.contains("entry 2 is missing"), "{text}");
}
