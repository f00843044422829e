//! The database in trouble, a program that is told to stop, notifies that come in
//! crowds or too early, and what the operator sees of it all (docs/reference/orders.md).

use crate::callback::delivered;
use crate::harness::{
    Database, World, a_while, database_url, eventually, temp_folder, tongfu, value_of,
};
use crate::pay::{body_of, errcode};
use serde_json::{Value, json};
use sqlx::{Connection, Executor, Row};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A wire to a database that can be cut, or go silent.
pub(crate) struct Wire {
    port: u16,
    state: Arc<AtomicU8>,
}

pub(crate) const WHOLE: u8 = 0;
pub(crate) const CUT: u8 = 1;
const SILENT: u8 = 2;

/// Its number (signal(7)).
const SIGTERM: u32 = 15;

impl Wire {
    async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let state = Arc::new(AtomicU8::new(WHOLE));
        let wire = Self {
            port: listener.local_addr().unwrap().port(),
            state: Arc::clone(&state),
        };
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if state.load(Ordering::Relaxed) == CUT {
                    continue;
                }
                let Ok(far) = TcpStream::connect(("127.0.0.1", port)).await else {
                    continue;
                };
                let ((near_in, near_out), (far_in, far_out)) =
                    (near.into_split(), far.into_split());
                tokio::spawn(carry(near_in, far_out, Arc::clone(&state)));
                tokio::spawn(carry(far_in, near_out, Arc::clone(&state)));
            }
        });
        wire
    }

    pub(crate) fn turn(&self, state: u8) {
        self.state.store(state, Ordering::Relaxed);
    }
}

async fn carry(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    state: Arc<AtomicU8>,
) {
    let mut bytes = vec![0; 16 << 10];
    loop {
        let read = tokio::time::timeout(Duration::from_millis(50), from.read(&mut bytes)).await;
        match (state.load(Ordering::Relaxed), read) {
            (CUT, _) | (_, Ok(Ok(0) | Err(_))) => return,
            (SILENT, Ok(Ok(_))) => {}
            (_, Ok(Ok(count))) if to.write_all(&bytes[..count]).await.is_err() => return,
            _ => {}
        }
    }
}

/// A world whose database is PostgreSQL behind a wire.
pub(crate) async fn behind_a_wire() -> Option<(World, Wire)> {
    let folder = temp_folder();
    let url = database_url(Database::Postgres, &folder).await?;
    let (head, rest) = url.rsplit_once(':').unwrap();
    let (port, name) = rest.split_once('/').unwrap();
    let wire = Wire::to(port.parse().unwrap()).await;
    let url = format!("{head}:{}/{name}", wire.port);
    Some((World::start_on(folder, url).await, wire))
}

/// What a page, an old page and a business system are told while nothing works.
async fn all_say_try_again(world: &World, query: &str) {
    let answer = world
        .post("/pay/api/pc/pay", &body_of(query, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "10099", "{answer}");
    let poll = format!("/pay/api/pc/wechatQuery?{query}");
    assert_eq!(errcode(&world.text(&poll).await), "30000");
    let page = world.text(&format!("/pay.html?{query}")).await;
    assert!(page.contains("系统繁忙"), "{page}");
}

async fn pays(world: &World, query: &str) {
    let key = value_of(query, "requestKey");
    eventually("a payment is started", async || {
        let answer = world
            .post("/pay/api/pc/pay", &body_of(query, "Wechat"))
            .await;
        (errcode(&answer) == "0").then_some(())
    })
    .await;
    let (_, orders) = run(world, &["order", "list", "--json"]);
    assert!(orders.starts_with('{'), "{orders}");
    let orders = orders.lines().map(serde_json::from_str::<Value>);
    let mut orders = orders
        .map(Result::unwrap)
        .filter(|order| order["requestKey"] == key);
    let number = orders.next_back().unwrap()["channelOrderNo"].clone();
    let paid = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", paid).await;
    delivered(world, &key).await;
}

#[tokio::test]
async fn a_log_that_takes_nothing_stops_no_payment() {
    let Some(mut world) = World::start(Database::Sqlite).await else {
        return;
    };
    world.programs.pop().unwrap().kill();
    let platform = tongfu(&world.database_url);
    let mut full = Command::new("sh");
    full.args(["-c", "exec \"$0\" \"$@\" 2>/dev/full"]);
    full.arg(platform.get_program());
    for (name, value) in platform.get_envs() {
        match value {
            Some(value) => full.env(name, value),
            None => full.env_remove(name),
        };
    }
    let program = world.start_platform_by(full);
    world.programs.push(program);
    world.answers(&format!("{}/readyz", world.platform)).await;
    let query = world.signed_query().await;
    pays(&world, &query).await;
}

// The wire needs a thread while a command of the operator is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_connection_says_try_again_and_then_goes_on() {
    let Some((world, wire)) = behind_a_wire().await else {
        return;
    };
    let query = world.signed_query().await;
    wire.turn(CUT);
    all_say_try_again(&world, &query).await;
    assert_eq!(world.get("/readyz").await.status(), 503);
    assert!(world.metrics().await.contains("tongfu_database_up 0"));
    wire.turn(WHOLE);
    pays(&world, &query).await;
    assert!(world.metrics().await.contains("tongfu_database_up 1"));
}

// The wire needs a thread while a command of the operator is waited for.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_hangs_does_not_hang_its_callers() {
    let Some((world, wire)) = behind_a_wire().await else {
        return;
    };
    let query = world.signed_query().await;
    wire.turn(SILENT);
    all_say_try_again(&world, &query).await;
    wire.turn(WHOLE);
    pays(&world, &query).await;
}

#[tokio::test]
async fn a_locked_file_says_try_again_and_then_goes_on() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let mut other = sqlx::SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    other.execute("begin immediate").await.unwrap();
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "10099", "{answer}");
    other.execute("rollback").await.unwrap();
    pays(&world, &query).await;
}

/// The first process of a container dies of no signal by itself.
#[tokio::test]
async fn who_is_told_to_stop_before_it_serves_ends() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    world.programs.pop().unwrap().terminate();
    let mut other = sqlx::SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    other.execute("begin immediate").await.unwrap();
    let program = world.start_platform_by(tongfu(&world.database_url));
    let status = format!("/proc/{}/status", program.id());
    eventually("it hears signals", async || {
        let status = std::fs::read_to_string(&status).ok()?;
        let caught = status
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))?;
        let caught = u64::from_str_radix(caught.trim(), 16).ok()?;
        (caught & 1 << (SIGTERM - 1) != 0).then_some(())
    })
    .await;
    let ended = tokio::task::spawn_blocking(|| program.terminate());
    assert!(ended.await.unwrap(), "it goes on to serve");
}

/// A platform whose files may grow a little more, and no further.
async fn on_a_small_disk() -> World {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    world.programs.pop().unwrap().terminate();
    let script = "trap '' XFSZ; ulimit -S -f \"$LIMIT\"; exec \"$@\"";
    let size = |name| std::fs::metadata(world.folder.join(name)).map_or(0, |file| file.len());
    let size = size("tongfu.db").max(size("tongfu.db-wal"));
    let mut command = Command::new("bash");
    command
        .args(["-c", script, "bash", env!("CARGO_BIN_EXE_tongfu")])
        .env("LIMIT", (size / 1024 + 400).to_string())
        .env("TONGFU_DATABASE_URL", &world.database_url)
        .env("TONGFU_LOG", "info");
    let program = world.start_platform_by(command);
    world.programs.push(program);
    world.answers(&format!("{}/readyz", world.platform)).await;
    world
}

/// Begins payments until the disk is full; gives those that were begun, and those
/// that were refused.
async fn fill(world: &World) -> (Vec<String>, Vec<String>) {
    let (mut taken, mut refused) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        let query = world.signed_query().await;
        let answer = world
            .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
            .await;
        match errcode(&answer).as_str() {
            "0" => taken.push(query),
            "10099" => refused.push(query),
            other => panic!("{other}: {answer}"),
        }
        if refused.len() >= 3 {
            break;
        }
    }
    let counts = (taken.len(), refused.len());
    assert!(counts.0 > 0 && counts.1 >= 3, "{counts:?}");
    (taken, refused)
}

#[tokio::test]
async fn a_full_disk_half_writes_nothing() {
    let mut world = on_a_small_disk().await;
    let (taken, refused) = fill(&world).await;
    assert_eq!(world.get("/healthz").await.status(), 200);
    world.programs.pop().unwrap().kill();
    let program = world.start_platform();
    world.programs.push(program);
    world.answers(&format!("{}/readyz", world.platform)).await;
    for query in taken.iter().take(1).chain(&refused) {
        pays(&world, query).await;
    }
    let (_, text) = doctor(&world);
    assert!(!text.contains("story of"), "{text}");
    assert!(!text.contains("paid request"), "{text}");
}

#[tokio::test]
async fn a_disk_that_has_room_again_needs_no_restart() {
    let world = on_a_small_disk().await;
    let (_, refused) = fill(&world).await;
    eventually("it is not ready", async || {
        (world.get("/readyz").await.status() == 503).then_some(())
    })
    .await;
    world.programs.last().unwrap().unlimit_files();
    world.answers(&format!("{}/readyz", world.platform)).await;
    for query in &refused {
        pays(&world, query).await;
    }
}

#[tokio::test]
async fn a_program_that_is_told_to_stop_ends_what_it_began() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let slow = json!({"on": "create", "kind": "delay", "ms": 1500});
    world.control(&world.gateway, "fault", slow).await;
    let body = body_of(&query, "Wechat");
    let program = world.programs.pop().unwrap();
    let (answer, ended) = tokio::join!(world.post("/pay/api/pc/pay", &body), async {
        eventually("the order is under way", async || {
            (!world.book().await.is_empty()).then_some(())
        })
        .await;
        tokio::task::spawn_blocking(|| program.terminate())
            .await
            .unwrap()
    });
    assert_eq!(errcode(&answer), "0");
    assert!(ended, "it ends well");
    let program = world.start_platform();
    world.programs.push(program);
    world.answers(&format!("{}/readyz", world.platform)).await;
    pays(&world, &query).await;
}

#[tokio::test]
async fn a_hung_receiver_does_not_keep_a_program_from_stopping() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let hang = json!({"mode": "hang", "times": 1});
    world.control(&world.shop, "answer", hang).await;
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    let paid = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", paid).await;
    eventually("the receiver hangs", async || {
        (!world.callbacks(&key).await.is_empty()).then_some(())
    })
    .await;
    assert!(world.programs.pop().unwrap().terminate());
    let program = world.start_platform();
    world.programs.push(program);
    delivered(&world, &key).await;
}

/// A notify as it was sent by the gateway: headers and body.
pub(crate) async fn kept_notify(world: &World) -> (Vec<(String, String)>, Vec<u8>) {
    let mut file = sqlx::SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    let row = sqlx::query("select headers, body from notify order by id limit 1");
    let row = row.fetch_one(&mut file).await.unwrap();
    let headers: String = row.get("headers");
    let signed = headers
        .lines()
        .filter_map(|line| line.split_once(": "))
        .filter(|(name, _)| name.starts_with("wechatpay"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    (signed.collect(), row.get("body"))
}

#[tokio::test]
async fn fifty_copies_of_one_notify_settle_once() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    // No query brings the money in.
    let fault = json!({"on": "query", "kind": "unsigned_502", "times": 1000});
    world.control(&world.gateway, "fault", fault).await;
    world
        .post("/pay/api/pc/pay", &body_of(&query, "Wechat"))
        .await;
    let number = world.newest_order().await;
    let paid = json!({ "channelOrderNo": number });
    world.control(&world.gateway, "pay", paid).await;
    eventually("the notify is kept", async || {
        (!world.callbacks(&key).await.is_empty()).then_some(())
    })
    .await;
    let (headers, body) = kept_notify(&world).await;
    let url = format!("{}/notify/Wechat/sandbox", world.platform);
    let sends = (0..50).map(|_| {
        let mut request = world.client.post(&url);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        tokio::spawn(request.body(body.clone()).send())
    });
    for send in sends.collect::<Vec<_>>() {
        let status = send.await.unwrap().unwrap().status();
        assert!(status.is_success(), "{status}");
    }
    // Another account's copy is not even read.
    let elsewhere = format!("{}/notify/Alipay/sandbox", world.platform);
    let mut request = world.client.post(elsewhere);
    for (name, value) in &headers {
        request = request.header(name, value);
    }
    let answer = request.body(body).send().await.unwrap();
    assert_ne!(answer.text().await.unwrap(), "success");
    eventually("all are worked on", async || {
        let metrics = world.metrics().await;
        metrics
            .contains("tongfu_backlog{kind=\"notifies\"} 0")
            .then_some(())
    })
    .await;
    assert_eq!(world.callbacks(&key).await.len(), 1);
    let order_sn = world.callbacks(&key).await[0]["values"]["orderSn"].clone();
    let story = run(&world, &["order", "show", order_sn.as_str().unwrap()]).1;
    assert_eq!(story.matches(" SUCCESSPAY by ").count(), 1, "{story}");
}

async fn a_notify_before_the_create_answer_settles(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let query = world.signed_query().await;
    let key = value_of(&query, "requestKey");
    let slow = json!({"on": "create", "kind": "delay", "ms": 2000});
    world.control(&world.gateway, "fault", slow).await;
    let body = body_of(&query, "Wechat");
    let (answer, ()) = tokio::join!(world.post("/pay/api/pc/pay", &body), async {
        eventually("the order is in the gateway's book", async || {
            (!world.book().await.is_empty()).then_some(())
        })
        .await;
        let paid = json!({"channelOrderNo": world.newest_order().await});
        world.control(&world.gateway, "pay", paid).await;
        eventually("its callback", async || {
            (!world.callbacks(&key).await.is_empty()).then_some(())
        })
        .await;
    });
    assert_eq!(errcode(&answer), "0", "{answer}");
    let poll = format!("/pay/api/pc/wechatQuery?{query}");
    assert_eq!(errcode(&world.text(&poll).await), "0");
}

#[tokio::test]
async fn a_notify_before_the_create_answer_settles_on_sqlite() {
    a_notify_before_the_create_answer_settles(Database::Sqlite).await;
}

#[tokio::test]
async fn a_notify_before_the_create_answer_settles_on_postgres() {
    a_notify_before_the_create_answer_settles(Database::Postgres).await;
}

#[tokio::test]
async fn a_notify_for_one_order_changes_no_other() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let [one, other] = [world.signed_query().await, world.signed_query().await];
    for query in [&other, &one] {
        let answer = world
            .post("/pay/api/pc/pay", &body_of(query, "Wechat"))
            .await;
        assert_eq!(errcode(&answer), "0");
    }
    pays(&world, &one).await;
    let poll = format!("/pay/api/pc/wechatQuery?{other}");
    assert_eq!(errcode(&world.text(&poll).await), "30000");
    assert!(
        world
            .callbacks(&value_of(&other, "requestKey"))
            .await
            .is_empty()
    );
}

pub(crate) fn run(world: &World, arguments: &[&str]) -> (bool, String) {
    let mut command = tongfu(&world.database_url);
    command.args(arguments).env(
        "TONGFU_ACCOUNTS",
        world.folder.join("sandbox/accounts.toml"),
    );
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

fn doctor(world: &World) -> (bool, String) {
    run(world, &["doctor"])
}

#[tokio::test]
async fn the_doctor_finds_what_was_changed_behind_our_back() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    pays(&world, &query).await;
    let (well, text) = doctor(&world);
    assert!(well && text.contains("nothing to look at"), "{text}");
    assert!(text.contains("our clock is"), "{text}");
    let number = run(&world, &["order", "list"]).1;
    let number = number.split(' ').next().unwrap().to_owned();
    let shown = run(&world, &["order", "show", &number]).1;
    assert!(shown.contains("is whole"), "{shown}");

    let mut file = sqlx::SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    file.execute("update notify set body = 'x'").await.unwrap();
    let (well, text) = doctor(&world);
    assert!(!well && text.contains("was changed, or is gone"), "{text}");
    file.execute("update event set detail = 'trade 1' where what = 'SUCCESSPAY'")
        .await
        .unwrap();
    let (_, text) = doctor(&world);
    assert!(text.contains("entry 3 was changed"), "{text}");
    let shown = run(&world, &["order", "show", &number]).1;
    assert!(shown.contains("BROKEN"), "{shown}");
    file.execute("delete from callback_try; delete from callback")
        .await
        .unwrap();
    let (_, text) = doctor(&world);
    assert!(text.contains("a paid order has no callback"), "{text}");
}

#[tokio::test]
async fn accounts_are_tried_by_the_operator() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (well, text) = run(&world, &["channel", "check"]);
    assert!(
        well && text.contains("Alipay/sandbox-alipay was tried"),
        "{text}"
    );
    let (well, text) = run(&world, &["channel", "check", "nobody"]);
    assert!(
        !well && text.contains("no account is named nobody"),
        "{text}"
    );
    let file = world.folder.join("sandbox/accounts.toml");
    let accounts = std::fs::read_to_string(&file).unwrap();
    let wrong = accounts.replace("client_secret = \"", "client_secret = \"wrong");
    std::fs::write(&file, wrong).unwrap();
    for arguments in [&["channel", "check", "sandbox-paypal"][..], &["doctor"]] {
        let (well, text) = run(&world, arguments);
        assert!(!well && text.contains("client_secret"), "{text}");
    }
    let strange = accounts.replace("client_secret", "domains = [\"demos\"]\nclient_secret");
    std::fs::write(&file, strange).unwrap();
    let (well, text) = run(&world, &["doctor"]);
    assert!(
        !well && text.contains("Paypal/sandbox-paypal serves demos, and there is no such"),
        "{text}"
    );
}

#[tokio::test]
async fn orders_are_listed_for_programs() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    pays(&world, &query).await;
    let (_, lines) = run(&world, &["order", "list", "--json"]);
    let order: Value = serde_json::from_str(lines.trim()).unwrap();
    assert_eq!(order["requestKey"], value_of(&query, "requestKey"));
    assert_eq!(order["status"], "SUCCESSPAY");
    assert_eq!(order["callbacks"][0]["state"], "DELIVERED");
    let (_, none) = run(&world, &["order", "list", "--at-risk", "--json"]);
    assert_eq!(none, "");
}

#[tokio::test]
async fn the_doctor_reads_what_is_new_and_all_when_asked() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = world.signed_query().await;
    pays(&world, &query).await;
    let (well, text) = doctor(&world);
    assert!(well && text.contains("1 orders were read: all"), "{text}");
    assert!(text.contains("sealed as 1: "), "{text}");
    let (well, text) = doctor(&world);
    assert!(well && text.contains("1 orders were read: what"), "{text}");
    assert!(text.contains("sealed as 2: "), "{text}");

    let mut file = sqlx::SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    file.execute("update event set detail = 'trade 1' where what = 'SUCCESSPAY'")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let (well, text) = run(&world, &["doctor", "--since", "1s"]);
    assert!(well && text.contains("0 orders were read"), "{text}");
    let (well, text) = run(&world, &["doctor", "--all"]);
    assert!(!well && text.contains("entry 3 was changed"), "{text}");
    assert!(!text.contains("sealed"), "what is not sound: {text}");
    file.execute("update checkpoint set until_ms = until_ms + 1 where seq = 2")
        .await
        .unwrap();
    let (well, text) = doctor(&world);
    assert!(
        !well && text.contains("found sound: entry 2 was changed"),
        "{text}"
    );
    file.execute("delete from attempt").await.unwrap_err();
    file.execute("pragma foreign_keys = off; delete from attempt")
        .await
        .unwrap();
    let (_, text) = doctor(&world);
    assert!(text.contains("an order is gone, and its story"), "{text}");
}

#[tokio::test]
async fn a_locked_table_hides_its_own_figures_alone() {
    let Some(world) = World::start(Database::Postgres).await else {
        return;
    };
    let mut other = sqlx::PgConnection::connect(&world.database_url)
        .await
        .unwrap();
    other.execute("begin").await.unwrap();
    other
        .execute("lock table notify in access exclusive mode")
        .await
        .unwrap();
    let metrics = world.metrics().await;
    for line in [
        "tongfu_database_up 1",
        "tongfu_figures_old{figures=\"backlog\"} 1",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    other.execute("rollback").await.unwrap();
    let metrics = world.metrics().await;
    let now = "tongfu_figures_old{figures=\"backlog\"} 0";
    assert!(metrics.contains(now), "{metrics}");
    assert!(
        metrics.contains("tongfu_timers_late{kind=\"overdue\"} 0"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_restored_database_is_refused_until_it_is_accepted() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let state = world.folder.join("state");
    std::fs::create_dir(&state).unwrap();
    let settings = [("TONGFU_STATE_DIR", state.to_str().unwrap())];
    world.restart_platform_with(&settings).await;
    let before = world.signed_query().await;
    pays(&world, &before).await;
    let backup = world.folder.join("backup.db");
    let mut file = sqlx::SqliteConnection::connect(&world.database_url)
        .await
        .unwrap();
    let copy = format!("vacuum into '{}'", backup.display());
    file.execute(sqlx::AssertSqlSafe(copy)).await.unwrap();
    file.close().await.unwrap();
    let lost = world.signed_query().await;
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&lost, "Wechat"))
        .await;
    assert_eq!(errcode(&answer), "0");
    let number = json!({"channelOrderNo": world.newest_order().await});
    a_while().await;

    assert!(world.programs.pop().unwrap().terminate());
    let path = PathBuf::from(world.database_url.trim_start_matches("sqlite:"));
    for left in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{left}", path.display()));
    }
    std::fs::copy(&backup, &path).unwrap();
    let mut command = tongfu(&world.database_url);
    command.envs(settings);
    let platform = world.start_platform_by(command);
    world.programs.push(platform);
    world.answers(&format!("{}/healthz", world.platform)).await;
    assert_eq!(world.get("/readyz").await.status(), 503);
    let poll = async |query: &String| {
        errcode(
            &world
                .text(&format!("/pay/api/pc/wechatQuery?{query}"))
                .await,
        )
    };
    assert_eq!(
        poll(&before).await,
        "30000",
        "not even what it holds is told"
    );
    let answer = world
        .post("/pay/api/pc/pay", &body_of(&lost, "Alipay"))
        .await;
    assert_eq!(errcode(&answer), "10099");
    world.control(&world.gateway, "pay", number).await;

    let tell = |arguments: &[&str]| {
        let mut command = tongfu(&world.database_url);
        let output = command.args(arguments).envs(settings).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(text).unwrap())
    };
    let (well, text) = tell(&["database", "show"]);
    assert!(!well && text.contains("went back"), "{text}");
    let accept = ["database", "accept", "--as", "li", "--reason", "restored"];
    let (well, text) = tell(&accept);
    assert!(well && text.contains("accepted: "), "{text}");
    world.answers(&format!("{}/readyz", world.platform)).await;
    assert_eq!(poll(&before).await, "0");
    let (well, text) = tell(&accept);
    assert!(!well && text.contains("nothing to accept"), "{text}");
    // The channel repeats its notify of money that these books know nothing of.
    eventually("the stray payment is on the list", async || {
        let listed = tell(&["order", "list", "--at-risk"]).1;
        listed.contains("mismatch").then_some(())
    })
    .await;
}
