//! `tongfu golive`: what it says of receivers, right and wrong ones (docs/integrate.md,
//! Before you go live).

use crate::clinic::query_to;
use crate::epay;
use crate::harness::{Database, World, tongfu, value_of};
use crate::operator::run;
use crate::partner::{By, KEY, Receiver, call, fields_of, signed};
use crate::pay::{body_of, errcode};
use crate::refund::paid_order;
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::json;

/// What the command says, and whether it ended with 0.
/// Receivers of these tests answer while it runs.
async fn golive(world: &World, domain: &str, key: &str, more: &[&str]) -> (bool, String) {
    let mut command = tongfu(&world.database_url);
    let accounts = world.folder.join("sandbox/accounts.toml");
    command.env("TONGFU_ACCOUNTS", accounts);
    command.args(["golive", domain, "--key", key]).args(more);
    command.stdin(std::process::Stdio::null());
    let ended = tokio::task::spawn_blocking(move || run(&mut command));
    ended.await.unwrap()
}

/// An order of the demo shop whose code is shown; its requestKey.
async fn open_order(world: &World) -> String {
    let query = world.signed_query().await;
    let page = world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
    assert!(page.contains("<svg"), "{page}");
    value_of(&query, "requestKey")
}

async fn a_right_receiver_is_told_so(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let key = open_order(&world).await;
    let number = world.newest_order().await;
    let (well, text) = golive(&world, "demo", &key, &[]).await;
    assert!(!well && text.contains("--yes"), "{text}");
    let receiver = format!("Its receiver: {}/callback\n", world.shop);
    for said in ["may deliver goods", &receiver, "¥123.45, "] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(world.callbacks(&key).await.is_empty(), "nothing was sent");

    let (well, text) = golive(&world, "demo", &key, &["--yes"]).await;
    assert!(well && text.contains("All 5 are right"), "{text}");
    let callbacks = world.callbacks(&key).await;
    let verified: Vec<_> = callbacks.iter().map(|one| &one["verified"]).collect();
    assert_eq!(verified, [false, true, true, true, true]);
    assert_eq!(callbacks[1]["values"]["money"], "1");
    assert_eq!(callbacks[1]["answer"], "faild");
    for again in &callbacks[3..] {
        assert_eq!(again["values"], callbacks[2]["values"]);
        assert_eq!(again["answer"], "success");
    }
    let order_sn = callbacks[2]["values"]["orderSn"].as_str().unwrap();
    let (_, shown) = run(tongfu(&world.database_url).args(["order", "show", order_sn]));
    for said in [
        "golive by operator callbacks are sent as a trial",
        "CLOSED",
        "entries is whole",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }

    // Nobody can pay it any more, and its receiver is not asked twice.
    let orders = world.book().await;
    let closed = orders.iter().find(|one| one["channelOrderNo"] == number);
    assert_eq!(closed.unwrap()["state"], "CLOSED", "{orders:?}");
    let (well, text) = golive(&world, "demo", &key, &["--yes"]).await;
    assert!(!well && text.contains("make another one"), "{text}");
    assert_eq!(world.callbacks(&key).await.len(), 5);
}

#[tokio::test]
async fn a_right_receiver_is_told_so_on_sqlite() {
    a_right_receiver_is_told_so(Database::Sqlite).await;
}

#[tokio::test]
async fn a_right_receiver_is_told_so_on_postgres() {
    a_right_receiver_is_told_so(Database::Postgres).await;
}

/// Receivers that are wrong in ways that are often met.
async fn wrong_receivers() -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let login = async || (StatusCode::FOUND, [(LOCATION, "/login?next=secret")]).into_response();
    let router = Router::new()
        .route("/credulous", get(|| async { "success" }))
        .route("/login", get(login))
        .route("/quoted", get(|| async { "\"success\"" }));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

#[tokio::test]
async fn a_wrong_receiver_is_told_what_is_wrong() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let base = wrong_receivers().await;
    let said = async |path: &str, key: &str| {
        let query = query_to(key, &format!("{base}{path}"));
        let page = world.text(&format!("/pay.html?{query}&pick=Wechat")).await;
        assert!(page.contains("<svg"), "{page}");
        let (well, text) = golive(&world, "test", key, &["--yes"]).await;
        assert!(!well, "{text}");
        text
    };
    let text = said("/credulous", "c1").await;
    assert!(text.contains("Anybody can tell your server"), "{text}");
    assert!(text.contains("does not compare the sum"), "{text}");
    assert!(text.contains("2 of 5 are not right"), "{text}");
    let text = said("/login", "l1").await;
    assert!(text.contains("302 to /login: a redirect"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    assert!(text.contains("5 of 5 are not right"), "{text}");
    let text = said("/quoted", "q1").await;
    assert!(text.contains("its answer: \"success\""), "{text}");
    let text = said("/nowhere", "n1").await;
    assert!(text.contains("nothing is at that address"), "{text}");
}

#[tokio::test]
async fn a_partners_receiver_is_tried_out_too() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let receiver = Receiver::start().await;
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "g1"),
        ("money", "12.5"),
        ("currency", "CNY"),
        ("cb_url", receiver.url.as_str()),
    ];
    let ordered = call(&world, "order", By::Get, &signed(&order, KEY)).await;
    let (_, values) = ordered["url"].as_str().unwrap().split_once('?').unwrap();
    let body = body_of(values, "Wechat");
    let started = world.post("/pay/api/pc/pay", &body).await;
    assert_eq!(errcode(&started), "0", "{started}");
    let key = value_of(values, "requestKey");
    let (well, text) = golive(&world, "apay.p001", &key, &["--yes"]).await;
    assert!(!well && text.contains("2 of 5 are not right"), "{text}");
    let got = receiver.got();
    assert_eq!(got.len(), 5);
    let forms: Vec<_> = got.iter().map(|form| fields_of(form)).collect();
    let holds = |form: &std::collections::BTreeMap<String, String>| {
        form["sign"] == crate::partner::sign(form, KEY)
    };
    let signs: Vec<_> = forms.iter().map(holds).collect();
    assert_eq!(signs, [false, true, true, true, true]);
    assert_eq!(forms[1]["money"], "0.01");
    assert_eq!(forms[2]["money"], "12.5");
}

#[tokio::test]
async fn a_receiver_that_speaks_epay_is_tried_out_too() {
    let world = World::start(Database::Sqlite).await.unwrap();
    // It refuses what comes first and takes all else, whatever the sum is.
    let shop = epay::Shop::start().await;
    let order = epay::signed(&epay::order("g1", &shop.notify_url), epay::KEY);
    let path = format!("/epay/submit.php?{}", epay::form(&order));
    let answer = world.get(&path).await;
    let page = answer.headers()["location"].to_str().unwrap().to_owned();
    let (_, values) = page.split_once('?').unwrap();
    let body = body_of(values, "Wechat");
    let started = world.post("/pay/api/pc/pay", &body).await;
    assert_eq!(errcode(&started), "0", "{started}");
    let key = value_of(values, "requestKey");
    let (well, text) = golive(&world, "epay.1001", &key, &["--yes"]).await;
    assert!(!well && text.contains("1 of 5 are not right"), "{text}");
    assert!(text.contains("does not compare the sum"), "{text}");
    let told = shop.told();
    assert_eq!(told.len(), 5);
    assert!(told[1].contains("money=0.01&"), "{told:?}");
    assert_ne!(told[0], told[2], "the wrong sign");
    assert!(told[3] == told[2] && told[4] == told[2], "{told:?}");
}

#[tokio::test]
async fn an_order_that_is_paid_unknown_or_another_ones_is_refused() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (query, _) = paid_order(&world).await;
    let paid = value_of(&query, "requestKey");
    let (well, text) = golive(&world, "demo", &paid, &["--yes"]).await;
    assert!(!well && text.contains("money has come"), "{text}");
    assert_eq!(world.callbacks(&paid).await.len(), 1);
    let key = open_order(&world).await;
    for (domain, key) in [("test", key.as_str()), ("demo", "D1-0000000000000")] {
        let (well, text) = golive(&world, domain, key, &["--yes"]).await;
        assert!(!well && text.contains("was ever opened"), "{text}");
    }
    let (well, text) = golive(&world, "nobody", &key, &["--yes"]).await;
    assert!(!well && text.contains("no domain nobody"), "{text}");
    assert!(world.callbacks(&key).await.is_empty());
    // What came to nothing leaves the order as it was.
    let number = json!({ "channelOrderNo": world.newest_order().await });
    world.control(&world.gateway, "pay", number).await;
    crate::callback::delivered(&world, &key).await;
}
