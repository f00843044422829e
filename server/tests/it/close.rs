//! An operator closes an order that nobody has paid (docs/console.md, Acts).

use crate::by_two::{signed_in_as, typed};
use crate::callback::begin;
use crate::console::location;
use crate::harness::{Database, World};
use reqwest::StatusCode;
use serde_json::json;

/// How the channel has an order.
async fn at_the_channel(world: &World, number: &str) -> String {
    let book = world.book().await;
    let order = book.iter().find(|order| order["channelOrderNo"] == number);
    order.unwrap()["state"].as_str().unwrap().to_owned()
}

async fn an_order_is_closed_by_who_may(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    for role in ["viewer", "support", "cashier", "admin"] {
        let (_, number) = begin(&world).await;
        let number = number["channelOrderNo"].as_str().unwrap();
        let (browser, mut codes) = signed_in_as(&world, role, role).await;
        let path = location(&browser.get(&format!("/find?number={number}")).await).to_owned();
        let order_sn = path.strip_prefix("/order/").unwrap();
        let page = browser.page(&format!("{path}?lang=en")).await;
        let effect = format!("asks about {order_sn} (Wechat), closes it at its channel");
        assert!(page.contains(&effect), "{page}");
        let token = browser.hidden("/", "token").await;
        let form = [("token", token.as_str()), ("reason", "a <b>mistake")];
        let act = format!("{path}/close");
        if ["viewer", "support"].contains(&role) {
            assert!(page.contains("the role cashier is needed"), "{page}");
            let answer = browser.post(&act, &form).await;
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{role}");
            assert_eq!(at_the_channel(&world, number).await, "NOTPAY");
            continue;
        }
        let answer = browser.post(&act, &form[..1]).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT, "without a reason");
        let page = browser.page(&format!("{path}?lang=en&done=close")).await;
        assert!(!page.contains("can't be paid any more. Money"), "{page}");
        // Nothing is called closed before its channel has said so.
        let busy = json!({"on": "close", "kind": "busy", "times": 1});
        world.control(&world.gateway, "fault", busy).await;
        let answer = browser.post(&act, &form).await;
        assert_eq!(answer.status(), StatusCode::CONFLICT);
        let page = answer.text().await.unwrap();
        assert!(page.contains("还没有关闭"), "{page}");
        assert!(!page.contains("request closed"), "{page}");
        assert_eq!(at_the_channel(&world, number).await, "NOTPAY");
        if role == "cashier" {
            let answer = browser.post(&act, &form).await;
            assert_eq!(location(&answer), format!("{path}?done=close"));
        } else {
            let close = ["order", "close", order_sn, "--operator", role, "--reason"];
            let close = [&close[..], &["a <b>mistake"]].concat();
            let (closed, told) = typed(&world, &close, "000000");
            assert!(!closed && told.contains("password is wrong"), "{told}");
            let (closed, told) = typed(&world, &close, &codes.remove(0));
            assert!(
                closed && told.contains("request closed by operator"),
                "{told}"
            );
        }
        assert_eq!(at_the_channel(&world, number).await, "CLOSED");
        let page = browser.page(&format!("{path}?lang=en&done=close")).await;
        let why = format!("{role}: order close {order_sn}: a &lt;b&gt;mistake");
        for said in ["can't be paid any more", "is closed already", &why] {
            assert!(page.contains(said), "{said} in {page}");
        }
        let acts = browser.page("/acts").await;
        let told = format!("order close <a href=\"/order/{order_sn}\">{order_sn}</a>");
        assert!(acts.replace("<!>", "").contains(&told), "{acts}");
    }
}

#[tokio::test]
async fn an_order_is_closed_by_who_may_on_sqlite() {
    an_order_is_closed_by_who_may(Database::Sqlite).await;
}

#[tokio::test]
async fn an_order_is_closed_by_who_may_on_postgres() {
    an_order_is_closed_by_who_may(Database::Postgres).await;
}
