//! Addresses forged from genuine ones, under their own signs (docs/signing.md): each is
//! refused by the API and by a page that says so, and nothing is ordered.

use crate::harness::{Database, World};
use crate::sign::{sign, signed, unsigned};

async fn refused(world: &World, query: &str, code: &str) {
    let page = world.get(&format!("/pay.html?{query}")).await;
    assert_eq!(page.status(), 400, "{query}");
    let text = page.text().await.unwrap();
    assert!(
        text.contains("无法支付") && text.contains(code),
        "{query}: {text}"
    );
    let poll = world
        .text(&format!("/pay/api/pc/wechatQuery?{query}"))
        .await;
    assert!(
        poll.contains(&format!("\"errcode\":\"{code}\"")),
        "{query}: {poll}"
    );
    assert!(world.book().await.is_empty(), "{query}");
}

fn pairs<'a>(
    changes: &[(&'a str, &'a str)],
    base: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut pairs = base.to_vec();
    for (name, value) in changes {
        match pairs.iter_mut().find(|(other, _)| other == name) {
            Some(pair) => pair.1 = value,
            None => pairs.push((name, value)),
        }
    }
    pairs
}

#[tokio::test]
async fn one_genuine_address_has_no_second_reading() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let bg_url = format!("{}/callback", world.shop);
    let demo = [
        ("domainCode", "demo"),
        ("requestChannel", "1"),
        ("money", "10000"),
        ("info", "Mug 23"),
        ("requestKey", "D1-0000000000001"),
        ("currencyType", "CNY"),
        ("bgUrl", bg_url.as_str()),
        ("rate", "6.8000"),
    ];
    let values: Vec<&str> = demo.iter().map(|(_, value)| *value).collect();
    let genuine = sign(&values, "demo-secret");
    for changes in [
        vec![("requestChannel", "10000"), ("money", "1")],
        vec![("info", "D1-0000000000001"), ("requestKey", "Mug 23")],
        vec![("money", "100006"), ("rate", ".8000")],
        vec![("money", "1000"), ("rate", "06.8000")],
        vec![("currencyType", "USD"), ("info", "CNY")],
    ] {
        let query = unsigned(&pairs(&changes, &demo), &genuine);
        let page = world.get(&format!("/pay.html?{query}")).await;
        assert_eq!(page.status(), 400, "{changes:?}");
        assert!(world.book().await.is_empty(), "{changes:?}");
    }
    // The same sign holds for the swap: only the rules refuse it.
    let swapped = unsigned(
        &pairs(&[("requestChannel", "10000"), ("money", "1")], &demo),
        &genuine,
    );
    refused(&world, &swapped, "10011").await;
    refused(
        &world,
        &format!("{}&money=1", unsigned(&demo, &genuine)),
        "10002",
    )
    .await;
    let shouted = pairs(&[("pageUrl", "HTTP://a.cn")], &demo);
    refused(&world, &signed(&shouted, "demo-secret"), "10002").await;

    let test = [
        ("domainCode", "test"),
        ("requestChannel", "1"),
        ("money", "10000"),
        ("info", "商品"),
        ("requestKey", "324"),
        ("currencyType", "CNY"),
        ("bgUrl", bg_url.as_str()),
    ];
    let values: Vec<&str> = test.iter().map(|(_, value)| *value).collect();
    let genuine = sign(&values, "test");
    let swapped = pairs(&[("requestChannel", "10000"), ("money", "1")], &test);
    refused(&world, &unsigned(&swapped, &genuine), "10011").await;
    assert!(
        world
            .get(&format!("/pay.html?{}", unsigned(&test, &genuine)))
            .await
            .status()
            == 200
    );
}
