//! What was pruned is known as before: page address, refund call and notify that come
//! again (docs/reliability.md, What is taken away).

use crate::callback::delivered;
use crate::harness::{Database, World, eventually, value_of};
use crate::pay::{body_of, errcode};
use crate::refund::{REFUND, given_back, paid_order, refund_body};
use crate::trouble::kept_notify;
use std::cell::Cell;
use std::time::Duration;

#[tokio::test]
async fn what_comes_again_after_a_prune_finds_what_it_found_before() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let (query, number) = paid_order(&world).await;
    let key = value_of(&query, "requestKey");
    let order_sn = delivered(&world, &key).await[0]["values"]["orderSn"].clone();
    let order_sn = order_sn.as_str().unwrap();
    let refund = refund_body(&key, "back", "5");
    assert_eq!(errcode(&world.post(REFUND, &refund).await), "0");
    eventually("the refund", async || {
        (given_back(&world, &number).await == 5).then_some(())
    })
    .await;
    let notify = kept_notify(&world).await;
    let tell = |arguments: &[&str]| crate::trouble::run(&world, arguments).1;
    assert_eq!(
        tell(&["prune", "--older", "1d"]),
        "pruned 0 orders and 0 notifies\n"
    );
    // The order may be old enough before its notify is.
    let (order, notified) = (Cell::new(false), Cell::new(false));
    eventually("all is old enough", async || {
        let pruned = tell(&["prune", "--older", "1s"]);
        order.set(order.get() || pruned.contains("pruned 1 orders"));
        notified.set(notified.get() || !pruned.contains("and 0 notifies"));
        tokio::time::sleep(Duration::from_millis(300)).await;
        (order.get() && notified.get()).then_some(())
    })
    .await;
    let shown = tell(&["order", "show", order_sn]);
    assert!(shown.contains("pruned by operator"), "{shown}");
    assert!(shown.contains("is whole"), "{shown}");

    let page = world.text(&format!("/pay.html?{query}")).await;
    assert!(page.contains("支付成功"), "{page}");
    let start = body_of(&query, "Alipay");
    let answer = world.post("/pay/api/pc/pay", &start).await;
    assert_eq!(errcode(&answer), "10009", "{answer}");
    assert_eq!(errcode(&world.post(REFUND, &refund).await), "0");
    let (headers, body) = notify;
    let mut again = world
        .client
        .post(format!("{}/notify/Wechat/sandbox", world.platform));
    for (name, value) in &headers {
        again = again.header(name, value);
    }
    assert!(again.body(body).send().await.unwrap().status().is_success());
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(given_back(&world, &number).await, 5, "once");
    assert_eq!(world.callbacks(&key).await.len(), 1);
    let shown = tell(&["order", "show", order_sn]);
    assert!(shown.contains("is whole"), "{shown}");
    let doctor = tell(&["doctor", "--all"]);
    assert!(!doctor.contains("LOOK  the story"), "{doctor}");
}
