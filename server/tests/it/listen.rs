//! `tongfu listen`: callbacks come to a developer's own machine, as copies in production and
//! as the delivery in development (docs/protocol.md, The relay).

use crate::callback::delivered;
use crate::harness::{Database, World, a_while, eventually, temp_folder, tongfu};
use crate::operator::run;
use crate::partner;
use crate::sign::hmac_body;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

const SECRET: &str = "s-of-the-shop-0123456789";
const PATH: &str = "/pay/api/private/relay";
/// No command that listens opens a database.
const NOWHERE: &str = "sqlite:/nowhere/tongfu.db";

/// One call of a receiver: all of it but where it went.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Got {
    method: Method,
    query: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// A receiver that keeps what it gets, and answers as it is told.
#[derive(Clone, Default)]
struct Desk {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
    answer: Arc<Mutex<(u16, &'static str)>>,
}

impl Desk {
    async fn start(status: u16, answer: &'static str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let desk = Self {
            url: format!("http://{}/desk", listener.local_addr().unwrap()),
            ..Self::default()
        };
        desk.answers(status, answer);
        let take = async |State(desk): State<Self>,
                          method: Method,
                          uri: Uri,
                          headers: HeaderMap,
                          body: Bytes| {
            let all = headers.iter().filter(|(name, _)| *name != "host");
            let text = |value: &[u8]| String::from_utf8(value.to_vec()).unwrap();
            let mut headers: Vec<_> = all
                .map(|(name, value)| (name.to_string(), text(value.as_bytes())))
                .collect();
            headers.sort();
            desk.got.lock().unwrap().push(Got {
                method,
                query: uri.query().unwrap_or_default().to_owned(),
                headers,
                body: text(&body),
            });
            let (status, answer) = *desk.answer.lock().unwrap();
            (StatusCode::from_u16(status).unwrap(), answer)
        };
        let router = Router::new().fallback(take).with_state(desk.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        desk
    }

    fn answers(&self, status: u16, answer: &'static str) {
        *self.answer.lock().unwrap() = (status, answer);
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    async fn gets(&self, count: usize) -> Vec<Got> {
        eventually("as many calls", async || {
            let got = self.got();
            (got.len() >= count).then_some(got)
        })
        .await
    }
}

/// The command, and what it has said so far.
struct Listener {
    child: Child,
    said: PathBuf,
}

impl Listener {
    fn start(platform: &str, domain: &str, secret: &str, desk: &Desk, more: &[&str]) -> Self {
        let said = temp_folder().join("said");
        let file = std::fs::File::create(&said).unwrap();
        let mut command = tongfu(NOWHERE);
        let listen = platform.trim_start_matches("http://");
        command.env("TONGFU_LISTEN", listen);
        command.env("TONGFU_DOMAIN_SECRET", secret);
        command.args(["listen", "--domain", domain, "--forward", &desk.url]);
        let err = file.try_clone().unwrap();
        let started = command.args(more).stdin(Stdio::null());
        let child = started.stdout(file).stderr(err).spawn().unwrap();
        Self { child, said }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.said).unwrap()
    }

    async fn says(&self, words: &str) -> String {
        let seen = eventually(words, async || {
            let said = self.said();
            said.contains(words).then_some(said)
        });
        seen.await
    }

    /// Its end, by itself; whether that was well.
    async fn ends(mut self) -> (bool, String) {
        let child = Mutex::new(&mut self.child);
        let status = eventually("its end", async || {
            child.lock().unwrap().try_wait().unwrap()
        })
        .await;
        (status.success(), self.said())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A platform of production with the domain `shop`, whose callbacks go to `theirs`, and
/// `quiet`, which is not relayed.
async fn production(world: &World, database: Database, theirs: &Desk) -> Option<World> {
    let secret = world.folder.join("shop.secret");
    std::fs::write(&secret, SECRET).unwrap();
    let secret = ["--secret-from", secret.to_str().unwrap()];
    let own = ["--callback", &theirs.url, "--private-callback-host"];
    let rule = ["127.0.0.1", "--any-request-key"];
    let add = |code| {
        [
            &["domain", "add", code],
            &rule[1..],
            &own,
            &rule[..1],
            &secret,
        ]
        .concat()
    };
    let relayed = ["domain", "set", "shop", "--relay-until", "1h"];
    let commands = [&add("shop")[..], &add("quiet"), &relayed];
    world.production(database, &commands).await
}

/// An order of `shop` that is paid.
async fn pay(world: &World, key: &str, desk: &Desk) {
    let values = [
        ("domainCode", "shop"),
        ("requestKey", key),
        ("money", "100"),
        ("currencyType", "CNY"),
        ("info", "茶 & cake"),
        ("bgUrl", &desk.url),
    ];
    let mut body: Value = serde_json::from_str(&hmac_body("pay", &values, SECRET)).unwrap();
    body["payTypeCode"] = "Wechat".into();
    let answer = world.post("/pay/api/pc/pay", &body.to_string()).await;
    assert!(answer.contains("\"errcode\":\"0\""), "{answer}");
    let number = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", number).await;
}

async fn copies_come_beside_the_delivery(database: Database) {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (theirs, mine) = (
        Desk::start(200, "success").await,
        Desk::start(500, "no").await,
    );
    let Some(world) = production(&world, database, &theirs).await else {
        return;
    };
    let tell = |words: &[&str]| run(tongfu(&world.database_url).args(words)).1;
    let start = |more: &[&str]| Listener::start(&world.platform, "shop", SECRET, &mine, more);
    let listener = start(&[]);
    let said = listener.says("they are delivered as ever").await;
    assert!(said.contains(", until 20"), "{said}");

    // It is delivered, whatever the developer's receiver answers.
    pay(&world, "k1", &theirs).await;
    let (sent, copied) = (theirs.gets(1).await, mine.gets(1).await);
    assert_eq!(copied, sent);
    assert!(sent[0].query.contains("requestKey=k1") && sent[0].query.contains("&sign="));
    let said = listener.says("500: it failed, after ").await;
    assert!(said.contains("ms; not taken: no\n"), "{said}");
    assert!(
        said.contains("sign=***") && !said.contains(SECRET),
        "{said}"
    );
    assert_eq!(tell(&["callback", "list"]), "0 callbacks are not taken\n");

    // It is not, though that takes it: and each callback is copied once.
    theirs.answers(404, "");
    mine.answers(200, "success");
    pay(&world, "k2", &theirs).await;
    let (sent, copied) = (theirs.gets(3).await, mine.gets(2).await);
    assert_eq!((&sent[1], &sent[2]), (&copied[1], &copied[1]));
    listener.says("ms; taken\n").await;
    eventually("it is given up", async || {
        let listed = tell(&["callback", "list"]);
        listed.contains("PARKED    shop ").then_some(())
    })
    .await;
    a_while().await;
    assert_eq!(mine.got().len(), 2);

    // What was missed is given when it is asked for.
    let late = start(&["--last", "2"]);
    assert_eq!(mine.gets(4).await[2..], copied[..2]);
    drop(late);

    let ended = ["domain", "set", "shop", "--relay-until", "now"];
    assert!(tell(&ended).contains("is changed"));
    pay(&world, "k3", &theirs).await;
    let (well, said) = listener.ends().await;
    assert!(!well && said.contains("it is not relayed now"), "{said}");
    assert_eq!(mine.got().len(), 4, "nothing came after the end");
    let (well, said) = start(&[]).ends().await;
    assert!(!well && said.contains("it is not relayed now"), "{said}");
}

#[tokio::test]
async fn copies_come_beside_the_delivery_on_sqlite() {
    copies_come_beside_the_delivery(Database::Sqlite).await;
}

#[tokio::test]
async fn copies_come_beside_the_delivery_on_postgres() {
    copies_come_beside_the_delivery(Database::Postgres).await;
}

/// A signed call of a listener that begins, with other values in their places.
fn call(nonce: &str, others: &[(&str, &str)], secret: &str) -> String {
    let now_ms = now_ms().to_string();
    let mut fields = vec![("domainCode", "shop"), ("time", &now_ms), ("nonce", nonce)];
    for (name, value) in others {
        fields.retain(|(known, _)| known != name);
        fields.push((name, value));
    }
    hmac_body("relay", &fields, secret)
}

fn now_ms() -> i64 {
    let since = std::time::UNIX_EPOCH.elapsed().unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// A nonce that no other call has.
fn nonce(number: u32) -> String {
    format!("nonce{number:020}")
}

#[tokio::test]
async fn who_proves_nothing_is_refused() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let theirs = Desk::start(200, "success").await;
    let world = production(&world, Database::Sqlite, &theirs).await.unwrap();
    let listen = async |body: String| world.post(PATH, &body).await;
    let code = |answer: &str| {
        let answer: Value = serde_json::from_str(answer).unwrap();
        answer["errcode"].as_str().unwrap().to_owned()
    };

    // Unknown, not relayed and a wrong secret are one answer.
    let wrong = listen(call(&nonce(1), &[], "another")).await;
    assert_eq!(code(&wrong), "10004");
    for of in ["quiet", "nobody", "test"] {
        let answer = listen(call(&nonce(2), &[("domainCode", of)], SECRET)).await;
        assert_eq!(answer, wrong, "{of}");
    }
    let other = hmac_body("query", &[("domainCode", "shop")], SECRET);
    assert_eq!(code(&listen(other).await), "10001", "another purpose");

    // A call is good once, and for five minutes.
    let good = call(&nonce(3), &[], SECRET);
    let first = listen(good.clone()).await;
    assert_eq!(code(&first), "0", "{first}");
    let again = listen(good).await;
    assert!(
        code(&again) == "10002" && again.contains("nonce"),
        "{again}"
    );
    for (ms, taken) in [
        (-240_000, "0"),
        (240_000, "0"),
        (-360_000, "10002"),
        (360_000, "10002"),
    ] {
        let time = (now_ms() + ms).to_string();
        let number = u32::try_from(1_000_000 + ms).unwrap();
        let answer = listen(call(&nonce(number), &[("time", &time)], SECRET)).await;
        assert_eq!(code(&answer), taken, "{ms}: {answer}");
    }
    let far = i64::MIN.to_string();
    let wrong_values = [
        ("time", far.as_str()),
        ("time", "soon"),
        ("nonce", "short"),
        ("nonce", "with-a-dash-in-it"),
        ("cursor", "-1"),
        ("last", "17"),
        ("last", "-1"),
    ];
    for (number, (name, value)) in (100..).zip(wrong_values) {
        let answer = listen(call(&nonce(number), &[(name, value)], SECRET)).await;
        let told = code(&answer) == "10002" && answer.contains(name);
        assert!(told, "{name}={value}: {answer}");
    }
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(20_000));
    for wrong in ["", "[]", "{\"time\":\"1\",\"time\":\"2\"}", &long] {
        assert_eq!(code(&listen(wrong.to_owned()).await), "10002");
    }
    assert_eq!(code(&world.text(PATH).await), "10002", "a GET");

    let told = call(&nonce(5), &[("number", "1")], SECRET);
    let answer = world.post(&format!("{PATH}/answer"), &told).await;
    assert_eq!(code(&answer), "10002", "copies take no answer");

    // A secret holds until its overlap is over; a disabled system is none.
    let tell = |words: &[&str]| assert!(run(tongfu(&world.database_url).args(words)).0);
    tell(&["domain", "rotate", "shop", "--overlap", "1h"]);
    assert_eq!(code(&listen(call(&nonce(6), &[], SECRET)).await), "0");
    tell(&["domain", "set", "shop", "--disabled", "true"]);
    assert_eq!(listen(call(&nonce(7), &[], SECRET)).await, wrong);
}

#[tokio::test]
async fn a_listener_outlives_the_server_and_misses_nothing() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (theirs, mine) = (
        Desk::start(200, "success").await,
        Desk::start(200, "success").await,
    );
    let mut world = production(&world, Database::Sqlite, &theirs).await.unwrap();
    let listener = Listener::start(&world.platform, "shop", SECRET, &mine, &[]);
    listener.says("they are delivered as ever").await;
    world.programs.pop().unwrap().kill();
    listener.says("it is asked again").await;
    let program = world.serve(tongfu(&world.database_url), &["serve"]);
    world.programs.push(program);
    world.answers(&format!("{}/readyz", world.platform)).await;
    pay(&world, "k1", &theirs).await;
    assert_eq!(theirs.gets(1).await, mine.gets(1).await);
}

#[test]
fn until_when_one_is_relayed_is_said_and_ends() {
    let folder = temp_folder();
    let database_url = format!("sqlite:{}", folder.join("tongfu.db").display());
    let tell = |words: &[&str]| run(tongfu(&database_url).args(words));
    assert!(tell(&["migrate"]).0);
    for (add, which) in [
        (&["domain", "add", "shop", "--any-request-key"][..], "shop"),
        (&["partner", "add", "p7"], "p7"),
        (&["epay", "add", "forum"], "1000"),
    ] {
        let (kind, said) = (add[0], "; relayed until 20");
        assert!(tell(add).0);
        let tells = || [tell(&[kind, "list"]).1, tell(&[kind, "show", which]).1];
        assert!(!tells().concat().contains("relay"), "{kind}");
        let set = |until| tell(&[kind, "set", which, "--relay-until", until]);
        assert!(set("2h").0);
        assert!(tells().iter().all(|told| told.contains(said)), "{kind}");
        let (well, refused) = set("8d");
        assert!(!well && refused.contains("at most 7d"), "{refused}");
        assert!(set("now").0);
        assert!(!tells().concat().contains("relay"), "{kind}");
    }
    let acts = tell(&["act", "list"]).1;
    assert!(acts.contains("domain set shop --relay-until 2h"), "{acts}");
}

/// A call that waits, once it has room: the answer to it.
async fn waits(client: reqwest::Client, url: String, waiter: u32) -> String {
    for number in waiter * 10_000.. {
        let body = call(&nonce(number), &[("cursor", "0")], SECRET);
        let answer = client.post(&url).body(body).send().await.unwrap();
        if !answer.headers().contains_key("retry-after") {
            return answer.text().await.unwrap();
        }
    }
    unreachable!("numbers end")
}

#[tokio::test]
async fn few_wait_at_once_and_are_answered_when_the_server_stops() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let theirs = Desk::start(200, "success").await;
    let mut world = production(&world, Database::Sqlite, &theirs).await.unwrap();
    let url = format!("{}{PATH}", world.platform);
    let waiting: Vec<_> = (0..3)
        .map(|waiter| tokio::spawn(waits(world.client.clone(), url.clone(), waiter)))
        .collect();
    let mut number = 1_000_000;
    let refused = loop {
        // One that begins waits for nothing: it shows when there is no room any more.
        number += 1;
        let body = call(&nonce(number), &[], SECRET);
        let answer = world.client.post(&url).body(body).send().await.unwrap();
        if answer.headers().contains_key("retry-after") {
            break answer.text().await.unwrap();
        }
        assert!(number < 1_010_000, "there was always room");
    };
    assert!(refused.contains("10013"), "{refused}");
    assert!(world.programs.pop().unwrap().terminate());
    for waiting in waiting {
        let answer = waiting.await.unwrap();
        assert!(answer.contains("\"callbacks\":[]"), "{answer}");
    }
}

async fn development_delivers_to_who_listens(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let mine = Desk::start(200, "not yet").await;
    let start = |secret| Listener::start(&world.platform, "demo", secret, &mine, &[]);
    let (well, said) = start("another-secret").ends().await;
    assert!(!well && said.contains("the secret is wrong"), "{said}");
    assert!(!said.contains("another-secret"), "{said}");

    let listener = start("demo-secret");
    listener.says("your answers count").await;
    let key = paid(&world).await;
    mine.gets(1).await;
    let said = listener.says("the body is not what takes a callback").await;
    assert!(
        said.contains("not taken: ") && said.contains(": not yet"),
        "{said}"
    );
    mine.answers(200, " success\n");
    listener.says("ms; taken\n").await;
    let got = mine.got();
    assert!(got.iter().all(|one| *one == got[0]), "{got:?}");
    assert!(world.callbacks(&key).await.is_empty(), "nobody else got it");
    let shown = eventually("it is delivered", async || {
        let order_sn = value_in(&got[0].query, "orderSn");
        let (_, shown) = run(tongfu(&world.database_url).args(["order", "show", &order_sn]));
        shown.contains("; taken").then_some(shown)
    })
    .await;
    for said in [
        "its answer: not yet",
        "its answer:  success\\u{a}",
        "DELIVERED",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }

    // Once he is gone it goes to its own address again.
    drop(listener);
    let key = paid(&world).await;
    assert_eq!(delivered(&world, &key).await.len(), 1);
}

#[tokio::test]
async fn development_delivers_to_who_listens_on_sqlite() {
    development_delivers_to_who_listens(Database::Sqlite).await;
}

#[tokio::test]
async fn development_delivers_to_who_listens_on_postgres() {
    development_delivers_to_who_listens(Database::Postgres).await;
}

/// A payment of the demo shop's; its requestKey.
async fn paid(world: &World) -> String {
    let query = world.signed_query().await;
    let page = world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    assert!(page.contains("<svg"), "{page}");
    let number = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", number).await;
    value_in(&query, "requestKey")
}

fn value_in(query: &str, name: &str) -> String {
    crate::harness::value_of(query, name)
}

/// A partner's form comes as a form, with the query of its own address.
#[tokio::test]
async fn a_partners_form_comes_too() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let mine = Desk::start(200, "{\"result\":\"success\"}").await;
    let listener = Listener::start(&world.platform, "apay.p001", partner::KEY, &mine, &[]);
    listener.says("your answers count").await;
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "o1"),
        ("money", "1"),
        ("currency", "CNY"),
        ("cb_url", "http://127.0.0.1:9/cb?shop=7&a=%20b"),
    ];
    partner::pay_order(&world, &order).await;
    let got = mine.gets(1).await;
    assert_eq!(
        (&got[0].method, got[0].query.as_str()),
        (&Method::POST, "shop=7&a=%20b")
    );
    let fields = partner::fields_of(&got[0].body);
    assert_eq!(fields["outOrderId"], "o1");
    assert_eq!(fields["sign"], partner::sign(&fields, partner::KEY));
    let form = (
        "content-type".to_owned(),
        "application/x-www-form-urlencoded".to_owned(),
    );
    assert!(got[0].headers.contains(&form), "{got:?}");
    listener.says("ms; taken\n").await;
}

#[test]
fn what_can_not_be_meant_is_refused() {
    for (words, said) in [
        (
            &["--forward", "127.0.0.1:80/cb"][..],
            "--forward takes an address",
        ),
        (&["--forward", "http://127.0.0.1/cb?x=1"], "takes no query"),
        (
            &["--forward", "http://a.cn/cb", "--server", "pay.cn"],
            "--server takes an address",
        ),
        (
            &["--forward", "http://a.cn/cb"],
            "--secret-from FILE or TONGFU_DOMAIN_SECRET",
        ),
        (
            &["--forward", "http://a.cn/cb", "--last", "17"],
            "17 is not in",
        ),
    ] {
        let mut command = tongfu(NOWHERE);
        let (well, text) = run(command.args(["listen", "--domain", "shop"]).args(words));
        assert!(!well && text.contains(said), "{words:?}: {text}");
    }
}
