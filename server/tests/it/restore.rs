//! A restore as docs/operate.md says it, tried.

use crate::harness::{Database, World, tongfu};
use crate::operator::run;
use crate::pay::{body_of, errcode};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};

/// Orders that are begun and paid while the copy is made.
const ORDERS: usize = 24;

#[tokio::test]
async fn a_backup_of_sqlite_that_was_made_under_load_is_whole() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let copy = world.folder.join("copy.db");
    let load = async {
        for _ in 0..ORDERS {
            let query = world.signed_query().await;
            let answer = world
                .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
                .await;
            assert_eq!(errcode(&answer), "0", "{answer}");
            let pay = json!({ "channelOrderNo": world.newest_order().await });
            world.control(&world.gateway, "pay", pay).await;
        }
    };
    let backup = async {
        while world.book().await.len() < ORDERS / 3 {
            tokio::task::yield_now().await;
        }
        let mut line = SqliteConnection::connect(&world.database_url)
            .await
            .unwrap();
        let into = AssertSqlSafe(format!("vacuum into '{}'", copy.display()));
        line.execute(into).await.unwrap();
    };
    tokio::join!(load, backup);

    let restored = format!("sqlite:{}", copy.display());
    let tell = |url: &str, arguments: &[&str]| run(tongfu(url).args(arguments));
    let (well, text) = tell(&restored, &["order", "list"]);
    assert!(
        !well && text.contains("secrets_key_file"),
        "without its key: {text}"
    );
    let key = |file: &str| format!("{}.key", file.trim_start_matches("sqlite:"));
    std::fs::copy(key(&world.database_url), key(&restored)).unwrap();

    let paid = |url: &str| {
        let (well, text) = tell(url, &["order", "list", "--paid", "--csv"]);
        assert!(well, "{text}");
        text.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let (before, now) = (paid(&restored), paid(&world.database_url));
    assert!(before.len() > 1 && before.len() <= now.len(), "{before:?}");
    for line in &before {
        assert!(now.contains(line), "{line}");
    }
    let (_, doctor) = tell(&restored, &["doctor", "--all"]);
    let findings = doctor.lines().filter(|line| line.starts_with("LOOK"));
    let of_books = findings.filter(|line| line.contains("entry") || line.contains("but"));
    assert_eq!(of_books.count(), 0, "{doctor}");
    assert!(doctor.contains("ok    the stories of"), "{doctor}");
}
