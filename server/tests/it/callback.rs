//! Settlement and callbacks when things go wrong (docs/reference/orders.md).

use crate::console::{Browser, DEVELOPMENT};
use crate::harness::{Database, World, a_while, eventually, tongfu, value_of};
use crate::operator::run;
use serde_json::json;
use std::time::Duration;

/// Opens a fresh order's page; gives its requestKey and the channel's number.
pub(crate) async fn begin(world: &World) -> (String, serde_json::Value) {
    let query = world.signed_query().await;
    assert!(
        world
            .text(&format!("/pay.html?{query}&pick=Wechat"))
            .await
            .contains("<svg")
    );
    let key = value_of(&query, "requestKey");
    let mut orders = world.book().await;
    orders.sort_by_key(|order| order["channelOrderNo"].to_string());
    (
        key,
        json!({"channelOrderNo": orders.pop().unwrap()["channelOrderNo"]}),
    )
}

/// The shop's callbacks for a requestKey, once one was taken.
pub(crate) async fn delivered(world: &World, key: &str) -> Vec<serde_json::Value> {
    eventually("a callback that is taken", async || {
        let callbacks = world.callbacks(key).await;
        callbacks
            .iter()
            .any(|callback| callback["answer"] == "success")
            .then_some(callbacks)
    })
    .await
}

async fn a_refused_callback_comes_again(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    world
        .control(&world.shop, "answer", json!({"mode": "fail", "times": 1}))
        .await;
    let (key, number) = begin(&world).await;
    world.control(&world.gateway, "pay", number).await;
    let callbacks = delivered(&world, &key).await;
    assert_eq!(callbacks.len(), 2);
    assert_eq!(callbacks[0]["answer"], "faild");
    assert_eq!(callbacks[0]["values"], callbacks[1]["values"]);
    world
        .control(&world.shop, "answer", json!({"mode": "error", "times": 2}))
        .await;
    let (key, number) = begin(&world).await;
    world.control(&world.gateway, "pay", number).await;
    assert_eq!(delivered(&world, &key).await.len(), 3);
}

#[tokio::test]
async fn a_parked_callback_goes_out_again_when_told_to() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let deaf = json!({"mode": "fail", "times": 1000});
    world.control(&world.shop, "answer", deaf).await;
    let (key, number) = begin(&world).await;
    world.control(&world.gateway, "pay", number).await;
    let tell = |arguments: &[&str]| {
        let output = tongfu(&world.database_url)
            .args(arguments)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let parked = eventually("the callback is parked", async || {
        let parked = tell(&["callback", "parked"]);
        parked.contains("1 callbacks are parked").then_some(parked)
    })
    .await;
    assert!(!parked.contains("sign="), "{parked}");
    let tries = world.callbacks(&key).await.len();
    assert_eq!(tries, 6);
    let heard = json!({"mode": "success", "times": 1000});
    world.control(&world.shop, "answer", heard).await;
    assert_eq!(
        tell(&["callback", "resend", "--since", "1h"]),
        "1 callbacks go out again\n"
    );
    let callbacks = delivered(&world, &key).await;
    assert_eq!(callbacks.len(), tries + 1);
    assert_eq!(callbacks[0]["values"], callbacks[tries]["values"]);
    let order_sn = callbacks[0]["values"]["orderSn"].as_str().unwrap();
    assert_eq!(
        tell(&["callback", "resend", order_sn]),
        "1 callbacks go out again\n"
    );
    eventually("it comes once more", async || {
        (world.callbacks(&key).await.len() == tries + 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_refused_callback_comes_again_on_sqlite() {
    a_refused_callback_comes_again(Database::Sqlite).await;
}

#[tokio::test]
async fn a_refused_callback_comes_again_on_postgres() {
    a_refused_callback_comes_again(Database::Postgres).await;
}

#[tokio::test]
async fn a_lost_notify_is_made_up_for_by_our_own_query() {
    let world = World::start(Database::Sqlite).await.unwrap();
    world
        .control(
            &world.gateway,
            "fault",
            json!({"on": "notify", "kind": "drop", "times": 1}),
        )
        .await;
    world
        .control(
            &world.gateway,
            "fault",
            json!({"on": "notify", "kind": "bad_signature", "times": 1}),
        )
        .await;
    let (key, number) = begin(&world).await;
    world.control(&world.gateway, "pay", number).await;
    assert_eq!(delivered(&world, &key).await.len(), 1);
}

#[tokio::test]
async fn a_notify_that_comes_twice_settles_once() {
    let world = World::start(Database::Sqlite).await.unwrap();
    world
        .control(
            &world.gateway,
            "fault",
            json!({"on": "notify", "kind": "duplicate"}),
        )
        .await;
    let (key, number) = begin(&world).await;
    world.control(&world.gateway, "pay", number).await;
    delivered(&world, &key).await;
    eventually("both notifies taken", async || {
        let sent = world
            .client
            .get(format!("{}/control/notifies", world.gateway))
            .send()
            .await;
        let sent = sent.unwrap().text().await.unwrap();
        (sent.matches("\"status\":200").count() >= 2).then_some(())
    })
    .await;
    assert_eq!(world.callbacks(&key).await.len(), 1);
}

#[tokio::test]
async fn a_kill_between_payment_and_callback_loses_nothing() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    world
        .control(&world.shop, "answer", json!({"mode": "error", "times": 1}))
        .await;
    let (key, number) = begin(&world).await;
    world.programs.pop().unwrap().kill();
    world.control(&world.gateway, "pay", number).await;
    let program = world.start_platform();
    world.programs.push(program);
    let callbacks = delivered(&world, &key).await;
    assert_eq!(
        callbacks[0]["values"]["orderSn"],
        callbacks[1]["values"]["orderSn"]
    );
}

#[tokio::test]
async fn a_lie_in_a_genuine_notify_is_not_settled_by_it() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for kind in [
        "wrong_amount",
        "wrong_currency",
        "wrong_merchant",
        "wrong_app",
    ] {
        // No query may settle it meanwhile.
        let deaf = json!({"on": "query", "kind": "unsigned_502", "times": 50});
        world.control(&world.gateway, "fault", deaf).await;
        let lie = json!({"on": "notify", "kind": kind, "amount": 1});
        world.control(&world.gateway, "fault", lie).await;
        let (key, number) = begin(&world).await;
        let channel_order_no = number["channelOrderNo"].as_str().unwrap().to_owned();
        world.control(&world.gateway, "pay", number).await;
        eventually("the notify was taken", async || {
            let url = format!("{}/control/notifies", world.gateway);
            let sent = world.client.get(url).send().await.unwrap();
            let sent = sent.text().await.unwrap();
            sent.contains(&channel_order_no).then_some(())
        })
        .await;
        a_while().await;
        assert!(world.callbacks(&key).await.is_empty(), "{kind}");
        // The channel's own word, once it is heard, settles it.
        world.control(&world.gateway, "reset", json!({})).await;
        let callbacks = delivered(&world, &key).await;
        assert_eq!(callbacks[0]["values"]["money"], "12345", "{kind}");
    }
}

#[tokio::test]
async fn a_receiver_that_hangs_is_given_up_and_called_again() {
    let world = World::start(Database::Sqlite).await.unwrap();
    world
        .control(&world.shop, "answer", json!({"mode": "hang", "times": 1}))
        .await;
    let (key, number) = begin(&world).await;
    world.control(&world.gateway, "pay", number).await;
    let callbacks = delivered(&world, &key).await;
    assert_eq!(callbacks[0]["answer"], "hang");
    assert_eq!(callbacks[0]["values"], callbacks[1]["values"]);
}

#[tokio::test]
async fn callbacks_that_wait_are_seen_alarm_and_go_out_now_when_told_to() {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let settings = [
        ("TONGFU_CALLBACK_DELAYS_MS", "[0, 3600000]"),
        ("TONGFU_CALLBACK_ALARM_S", "1"),
    ];
    world.restart_platform_with(&settings).await;
    let deaf = json!({"mode": "fail", "times": 1});
    world.control(&world.shop, "answer", deaf).await;
    let (key, number) = begin(&world).await;
    world.control(&world.gateway, "pay", number).await;
    let database_url = world.database_url.clone();
    let tell = |arguments: &[&str]| {
        let output = tongfu(&database_url).args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let listed = eventually("it is listed", async || {
        let listed = tell(&["callback", "list"]);
        listed
            .contains("1 tries, last 200: faild")
            .then_some(listed)
    })
    .await;
    assert!(listed.starts_with("WAITING   demo "), "{listed}");
    assert!(!listed.contains("sign="), "{listed}");
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    // It is looked for at the start, and each minute.
    world.restart_platform_with(&settings).await;
    eventually("the alarm", async || {
        let metrics = world.metrics().await;
        let oldest = metrics.contains("\ntongfu_callback_oldest_seconds 0");
        let alarm = metrics.contains("tongfu_alarms_total{kind=\"untaken\"} 1");
        (alarm && !oldest).then_some(())
    })
    .await;
    let dev = Browser::signed_in(&world, &DEVELOPMENT).await;
    let page = dev.page("/queues?lang=en").await;
    assert!(
        page.contains("/orders?business=demo&amp;callback=failing")
            && page.contains("tongfu callback list")
    );
    // One step from there: the orders, the table, the command.
    let failing = "business=demo&callback=failing";
    let page = dev.page(&format!("/orders?{failing}&lang=en")).await;
    assert!(
        page.contains(&key) && page.contains("all there are"),
        "{page}"
    );
    assert!(page.contains(" value=\"failing\" selected"), "{page}");
    let table = dev.get(&format!("/orders.csv?{failing}")).await;
    let table = table.text().await.unwrap();
    assert!(
        table.lines().count() == 2 && table.contains(&key),
        "{table}"
    );
    let list = ["order", "list", "--callback", "failing"];
    assert!(tell(&list).contains(&key));
    let odd = dev.get("/orders?callback=x").await;
    assert_eq!(odd.status(), reqwest::StatusCode::BAD_REQUEST);
    assert_eq!(
        tell(&["callback", "resend", "--waiting"]),
        "1 callbacks go out again\n"
    );
    assert_eq!(delivered(&world, &key).await.len(), 2);
    assert_eq!(tell(&["callback", "list"]), "0 callbacks are not taken\n");
    assert_eq!(tell(&list), "", "it fails no more");
    let page = dev.page(&format!("/orders?{failing}")).await;
    assert!(!page.contains(&key), "{page}");
}

async fn each_try_is_shown_and_the_shop_has_it_sent_again(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let once = json!({"mode": "fail", "times": 1});
    world.control(&world.shop, "answer", once).await;
    let (key, number) = begin(&world).await;
    world.control(&world.gateway, "pay", number).await;
    let callbacks = delivered(&world, &key).await;
    let order_sn = callbacks[0]["values"]["orderSn"].as_str().unwrap();
    let shown = eventually("both tries are kept", async || {
        let (_, shown) = run(tongfu(&world.database_url).args(["order", "show", order_sn]));
        shown.contains("; taken").then_some(shown)
    })
    .await;
    for said in [
        "sent each time: GET http://127.0.0.1:",
        "/callback?money=12345&",
        "&sign=***",
        "200, but the body is not what takes a callback, after ",
        "; again at ",
        "its answer: faild",
        "its answer: success",
    ] {
        assert!(shown.contains(said), "{said}: {shown}");
    }
    let sign = callbacks[0]["values"]["sign"].as_str().unwrap();
    assert!(!shown.contains(sign), "{shown}");

    let log = world.client.get(format!("{}/log", world.shop));
    let log = log.send().await.unwrap().text().await.unwrap();
    assert!(log.contains("action=\"/again\""), "{log}");
    assert!(log.contains(&format!("sign={sign}")), "{log}");
    let ask = async |order_sn: &str| {
        let asked = world.client.post(format!("{}/again", world.shop));
        let form = asked.header("content-type", "application/x-www-form-urlencoded");
        let answer = form.body(format!("orderSn={order_sn}")).send().await;
        answer.unwrap().status().as_u16()
    };
    assert_eq!(ask(order_sn).await, 303);
    eventually("it comes once more", async || {
        (world.callbacks(&key).await.len() == 3).then_some(())
    })
    .await;
    assert_eq!(ask("20261128000000000000").await, 502, "no such order");
}

#[tokio::test]
async fn each_try_is_shown_on_sqlite() {
    each_try_is_shown_and_the_shop_has_it_sent_again(Database::Sqlite).await;
}

#[tokio::test]
async fn each_try_is_shown_on_postgres() {
    each_try_is_shown_and_the_shop_has_it_sent_again(Database::Postgres).await;
}
