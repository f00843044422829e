//! Bad input of every kind: its errcode and message, nothing written, nothing
//! panics.

use crate::harness::{Database, World};
use crate::sign::signed;

const CALLBACK: &str = "http://www.sina.com/cb";

/// A request of domain `test` with some values changed; none: left out.
fn query(changes: &[(&str, Option<&str>)]) -> String {
    let base = [
        ("domainCode", "test"),
        ("money", "1"),
        ("info", "商品"),
        ("requestKey", "bad1"),
        ("currencyType", "CNY"),
        ("bgUrl", CALLBACK),
    ];
    let change = |name: &str| {
        changes
            .iter()
            .find(|(other, _)| *other == name)
            .map(|(_, v)| *v)
    };
    let mut pairs: Vec<(&str, &str)> = base
        .iter()
        .filter_map(|(name, value)| Some((*name, change(name).unwrap_or(Some(value))?)))
        .collect();
    let new = changes
        .iter()
        .filter(|(name, _)| !base.iter().any(|(other, _)| other == name));
    pairs.extend(new.filter_map(|(name, value)| Some((*name, (*value)?))));
    signed(&pairs, "test")
}

#[tokio::test]
async fn each_bad_parameter_gets_its_errcode() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let cases: [(&str, Option<&str>, &str); 25] = [
        ("domainCode", None, "10001"),
        ("money", None, "10001"),
        ("requestKey", None, "10001"),
        ("currencyType", None, "10001"),
        ("bgUrl", None, "10001"),
        ("money", Some("0"), "10002"),
        ("money", Some("-1"), "10002"),
        ("money", Some("1.5"), "10002"),
        ("money", Some("1e3"), "10002"),
        ("money", Some("12345678901234567890"), "10002"),
        ("money", Some("50000001"), "10006"),
        ("currencyType", Some("EUR"), "10006"),
        ("info", Some("a\u{7}b"), "10002"),
        ("requestKey", Some("a b"), "10002"),
        ("domainCode", Some("nobody"), "10003"),
        ("bgUrl", Some("http://www.sina.com/?x=1"), "10002"),
        ("bgUrl", Some("javascript:alert(1)"), "10002"),
        ("pageUrl", Some("javascript:alert(1)"), "10002"),
        ("bgUrl", Some("http://10.0.0.1/cb"), "10014"),
        ("bgUrl", Some("http://169.254.169.254/latest"), "10014"),
        ("bgUrl", Some("http://0xa9fea9fe/latest"), "10014"),
        ("bgUrl", Some("http://[fd00::1]/cb"), "10014"),
        ("rate", Some("6"), "10002"),
        ("payTypeCode", Some("Cash"), "10002"),
        ("info", Some("SUCCESSPAY"), "10002"),
    ];
    for (name, value, code) in cases {
        let query = query(&[(name, value)]);
        let poll = world
            .text(&format!("/pay/api/pc/wechatQuery?{query}"))
            .await;
        assert!(
            poll.contains(&format!("\"errcode\":\"{code}\"")),
            "{name}={value:?}: {poll}"
        );
        assert!(poll.ends_with("\"obj\":null}"), "{poll}");
        if name != "domainCode" || value.is_some() {
            assert_eq!(
                world.get(&format!("/pay.html?{query}")).await.status(),
                400,
                "{query}"
            );
        }
    }
    let mut wrong = query(&[]);
    wrong.replace_range(wrong.len() - 4.., "0000");
    assert!(
        world
            .text(&format!("/pay/api/pc/wechatQuery?{wrong}"))
            .await
            .contains("\"10004\"")
    );
    assert!(
        world
            .text("/pay/api/pc/wechatQuery?info=%zz")
            .await
            .contains("\"10002\"")
    );
    assert!(world.book().await.is_empty());
    let good = world
        .text(&format!("/pay/api/pc/wechatQuery?{}", query(&[])))
        .await;
    assert!(good.contains("\"30000\""), "{good}");
}

#[tokio::test]
async fn each_bad_body_gets_the_envelope() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let long = format!("{{\"info\":\"{}\"}}", "x".repeat(1 << 20));
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{\"money\":true}",
        "{\"money\":[1]}",
        "{\"a\":\"\\ud800\"}",
        &long,
    ] {
        let answer = world.post("/pay/api/pc/pay", body).await;
        assert!(answer.contains("\"errcode\":\"10002\""), "{answer}");
    }
    let post = world
        .client
        .post(format!("{}/pay/api/pc/pay", world.platform));
    let answer = post
        .header("Content-Type", "text/plain")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.unwrap().contains("\"10002\""));
    assert!(world.text("/pay/api/pc/pay").await.contains("\"10016\""));
    assert!(
        world
            .post("/pay/api/pc/wechatQuery", "{}")
            .await
            .contains("\"10016\"")
    );
    let nothing = world.get("/pay/api/nothing").await;
    assert_eq!(nothing.status(), 404);
    assert!(nothing.text().await.unwrap().contains("没有这个接口"));
    let nothing = world.get("/forecore/refunds").await;
    assert_eq!(nothing.status(), 404);
    let told: serde_json::Value = serde_json::from_str(&nothing.text().await.unwrap()).unwrap();
    assert!(
        told["err"].as_str().unwrap().contains("no such call"),
        "{told}"
    );
    let types = world
        .text("/pay/api/pc/pay-types?domainCode=demo&paySceneName=tv")
        .await;
    assert!(types.contains("\"10002\""), "{types}");
    let english = world
        .client
        .get(format!("{}/pay/api/pc/pay-types", world.platform));
    let english = english
        .header("Accept-Language", "en")
        .send()
        .await
        .unwrap();
    assert!(english.text().await.unwrap().contains("missing"));
    let both = world
        .client
        .post(format!("{}/pay/api/pc/pay?money=1", world.platform));
    let both = both
        .header("Content-Type", "application/json")
        .body("{\"domainCode\":\"test\",\"money\":1}");
    assert!(
        both.send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap()
            .contains("\"10002\"")
    );
    assert!(world.book().await.is_empty());
}

/// What no sign covers is read in one way too.
#[tokio::test]
async fn an_unsigned_call_that_names_a_parameter_twice_is_refused() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let types = "/pay/api/pc/pay-types?domainCode=demo&paySceneName=pc&currencyType=CNY";
    assert!(world.text(types).await.contains("\"errcode\":\"0\""));
    for again in ["domainCode=test", "paySceneName=h5", "currencyType="] {
        let twice = world.text(&format!("{types}&{again}")).await;
        assert!(twice.contains("\"errcode\":\"10002\""), "{again}: {twice}");
    }
    let strange = world.text(&format!("{types}&from=a&from=b")).await;
    assert!(strange.contains("\"errcode\":\"0\""), "{strange}");
    // Left empty is left out.
    let empty = "/pay/api/pc/pay-types?domainCode=demo&paySceneName=";
    assert!(world.text(empty).await.contains("\"errcode\":\"10001\""));
    let ours = format!("{}/mpay.html", world.platform).replace(':', "%3A");
    let openid = format!("/pay/api/h5/openid?domainCode=demo&backUrl={ours}%3Fmoney%3D1");
    assert_eq!(world.get(&openid).await.status(), 303);
    for again in ["domainCode=test", "backUrl=http%3A%2F%2Fevil.example%2F"] {
        let twice = world.get(&format!("{openid}&{again}")).await;
        assert_eq!(twice.status(), 400, "{again}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_long_costs_nobody_the_answer() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let long = format!("{{\"info\":\"{}\"}}", "x".repeat(1 << 20));
    // The second request goes over the first one's connection.
    for _ in 0..20 {
        for body in [long.as_str(), "{}"] {
            let answer = world.post("/pay/api/pc/pay", body).await;
            assert!(answer.contains("\"errcode\":\"1000"), "{answer}");
        }
    }
}

#[tokio::test]
async fn goods_never_become_markup() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let query = query(&[
        ("info", Some("<script>alert(1)</script>\"'>耳机")),
        ("requestKey", Some("xss1")),
    ]);
    let page = world.get(&format!("/pay.html?{query}")).await;
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"),
        "{policy}"
    );
    let text = page.text().await.unwrap();
    assert!(
        text.contains("&lt;script>") || text.contains("&lt;script&gt;"),
        "{text}"
    );
    assert!(!text.contains("<script>alert"), "{text}");
}

#[tokio::test]
async fn strange_notifies_are_not_taken() {
    let world = World::start(Database::Sqlite).await.unwrap();
    for path in ["/notify/Wechat/nobody", "/notify/Cash/sandbox"] {
        let post = world
            .client
            .post(format!("{}{path}", world.platform))
            .body("{}");
        assert_eq!(post.send().await.unwrap().status(), 404, "{path}");
    }
    let unsigned = world
        .client
        .post(format!("{}/notify/Wechat/sandbox", world.platform))
        .body("{}");
    assert_eq!(unsigned.send().await.unwrap().status(), 500);
    let long = world
        .client
        .post(format!("{}/notify/Wechat/sandbox", world.platform));
    assert_eq!(
        long.body("x".repeat(300 << 10))
            .send()
            .await
            .unwrap()
            .status(),
        413
    );
}

/// A token that PostgreSQL could not even be asked about is one that there is not.
#[tokio::test]
async fn a_token_that_holds_a_nul_opens_nothing() {
    let Some(world) = World::start(Database::Postgres).await else {
        return;
    };
    let token = format!("{}%00", "0".repeat(31));
    for path in [
        "attempt/TOKEN",
        "attempt/TOKEN/stay",
        "return/TOKEN",
        "to/TOKEN",
    ] {
        let path = format!("/pay/{}", path.replace("TOKEN", &token));
        assert_eq!(world.get(&path).await.status(), 404, "{path}");
    }
}
