//! A restore as docs/operate.md says it, tried.

use crate::harness::{
    Database, Program, World, a_while, database_url, eventually, temp_folder, tongfu,
};
use crate::operator::run;
use crate::pay::{body_of, errcode};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection, Executor, SqliteConnection};
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

/// An order that is begun and paid.
async fn pays(world: &World) {
    let query = world.signed_query().await;
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "0", "{answer}");
    let pay = json!({ "channelOrderNo": world.newest_order().await });
    world.control(&world.gateway, "pay", pay).await;
}

/// What `doctor` finds in the books.
fn of_books(doctor: &str) -> usize {
    let findings = doctor.lines().filter(|line| line.starts_with("LOOK"));
    let of_books = findings.filter(|line| line.contains("entry") || line.contains("but"));
    of_books.count()
}

/// Orders that are begun and paid while the copy is made.
const ORDERS: usize = 24;

#[tokio::test]
async fn a_backup_of_sqlite_that_was_made_under_load_is_whole() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let copy = world.folder.join("copy.db");
    let load = async {
        for _ in 0..ORDERS {
            pays(&world).await;
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
    assert_eq!(of_books(&doctor), 0, "{doctor}");
    assert!(doctor.contains("ok    the stories of"), "{doctor}");
}

/// What an instance of the drill is started with, and a command of its operator's.
struct Instance {
    key: String,
    state: String,
}

impl Instance {
    fn settings(&self) -> [(&str, &str); 2] {
        let key = ("TONGFU_SECRETS_KEY_FILE", self.key.as_str());
        [key, ("TONGFU_STATE_DIR", self.state.as_str())]
    }

    fn tell(&self, url: &str, arguments: &[&str]) -> (bool, String) {
        run(tongfu(url).args(arguments).envs(self.settings()))
    }

    /// The paid orders, a line each.
    fn paid(&self, url: &str) -> BTreeSet<String> {
        let (well, text) = self.tell(url, &["order", "list", "--paid", "--csv"]);
        assert!(well, "{text}");
        text.lines().map(str::to_owned).collect()
    }

    /// The platform, on these books.
    fn serve(&self, world: &World, url: &str) -> Program {
        let mut command = tongfu(url);
        command.envs(self.settings());
        world.start_platform_by(command)
    }
}

#[tokio::test]
async fn a_dump_of_postgres_that_was_made_under_load_is_restored_and_accepted() {
    let folder = temp_folder();
    let Some(url) = database_url(Database::Postgres, &folder).await else {
        return;
    };
    if Command::new("pg_dump").arg("--version").output().is_err() {
        return eprintln!("SKIPPED: pg_dump is not on this machine");
    }
    let at = |name: &str| folder.join(name).display().to_string();
    let instance = Instance {
        key: at("secrets.key"),
        state: at("state"),
    };
    let (well, key) = run(tongfu(&url).args(["secrets", "key"]));
    assert!(well, "{key}");
    std::fs::write(&instance.key, key).unwrap();
    let mut world = World::start_with(folder.clone(), url.clone(), &instance.settings()).await;

    let dump = at("copy.dump");
    let is_dumped = AtomicBool::new(false);
    let load = async {
        while !is_dumped.load(Ordering::Relaxed) || world.book().await.len() < ORDERS {
            pays(&world).await;
        }
    };
    let backup = async {
        while world.book().await.len() < ORDERS / 3 {
            tokio::task::yield_now().await;
        }
        let mut dumping = Command::new("pg_dump");
        dumping.args(["--format=custom", "--file", &dump, &url]);
        let dumped = tokio::task::spawn_blocking(move || run(&mut dumping)).await;
        is_dumped.store(true, Ordering::Relaxed);
        let (well, text) = dumped.unwrap();
        assert!(well, "{text}");
    };
    tokio::join!(load, backup);
    pays(&world).await;
    let taken = world.book().await.len();
    eventually("all are paid", async || {
        // The first line is the header.
        (instance.paid(&url).len() == taken + 1).then_some(())
    })
    .await;
    // The mark is written a moment after what it tells of.
    a_while().await;
    assert!(world.programs.pop().unwrap().terminate());

    let Some(restored) = database_url(Database::Postgres, &folder).await else {
        return;
    };
    let restoring = ["--exit-on-error", "--dbname", &restored, &dump];
    let (well, text) = run(Command::new("pg_restore").args(restoring));
    assert!(well, "{text}");
    let (well, text) = run(tongfu(&restored).args(["order", "list"]));
    assert!(!well && text.contains("key"), "without its key: {text}");

    let before = instance.paid(&restored);
    let original = instance.paid(&url);
    assert!(before.len() > 1 && before.len() < original.len());
    assert!(before.is_subset(&original), "{before:?}\n{original:?}");

    let platform = instance.serve(&world, &restored);
    world.programs.push(platform);
    world.answers(&format!("{}/healthz", world.platform)).await;
    assert_eq!(world.get("/readyz").await.status(), 503);
    let query = world.signed_query().await;
    let pay = async || {
        let body = body_of(&query, "Wechat");
        errcode(&world.post("/pay/api/pc/pay", &body).await)
    };
    assert_eq!(
        pay().await,
        "10099",
        "nothing begins on books that went back"
    );
    let not_ready = world.get("/readyz").await.text().await.unwrap();
    assert!(not_ready.contains("log"), "it answers: {not_ready}");
    for asked in [["database", "show"], ["doctor", "--all"]] {
        let (well, text) = instance.tell(&restored, &asked);
        assert!(!well && text.contains("went back"), "{text}");
    }
    let accept = ["database", "accept", "--as", "li", "--reason", "the drill"];
    let (well, text) = instance.tell(&restored, &accept);
    assert!(well && text.contains("accepted: "), "{text}");
    world.answers(&format!("{}/readyz", world.platform)).await;

    // What does not change is told once, however often it is tried.
    let log = std::fs::read_to_string(world.log()).unwrap();
    let unheard: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once("changes can't be heard"))
        .filter_map(|(_, cause)| cause.contains("went back").then_some(cause))
        .collect();
    assert_eq!(unheard.len(), 1, "{unheard:?}");

    // What was open in the dump is asked about, and paid as it was.
    let (well, all) = instance.tell(&restored, &["order", "list", "--csv"]);
    assert!(well, "{all}");
    let number = |line: &str| line.split(',').next().unwrap().to_owned();
    let known: BTreeSet<String> = all.lines().map(number).collect();
    let mut kept = original.clone();
    kept.retain(|line| known.contains(&number(line)));
    eventually("the books are equal, as far as the dump goes", async || {
        (instance.paid(&restored) == kept).then_some(())
    })
    .await;
    let (_, doctor) = instance.tell(&restored, &["doctor", "--all"]);
    assert_eq!(of_books(&doctor), 0, "{doctor}");
    assert!(doctor.contains("ok    the stories of"), "{doctor}");
    // The business system's secret is there too, by the key.
    assert_eq!(pay().await, "0");
}
