//! The official account's side of openid.

use crate::world::{Answer, World, encode, read};
use serde_json::json;

async fn asked(world: &World, back: &str, scope: &str) -> Answer {
    let appid = world.account("sandbox")["appid"]
        .as_str()
        .unwrap()
        .to_owned();
    let address = format!(
        "{}/connect/oauth2/authorize?appid={appid}&redirect_uri={}&response_type=code\
         &scope={scope}&state=s1",
        world.base,
        encode(back)
    );
    read(world.client.get(address)).await
}

fn code_in(address: &str) -> &str {
    let (_, rest) = address.split_once("code=").unwrap();
    rest.split('&').next().unwrap()
}

#[tokio::test]
async fn payers_are_sent_back_to_the_registered_domain_only() {
    let world = World::start().await;
    let answer = asked(&world, "http://127.0.0.1:9/back", "snsapi_base").await;
    assert_eq!(answer.status, 302, "{}", answer.text);
    for strange in [
        "http://evil.cn/back",
        "http://127.0.0.1@evil.cn/back",
        "http://evil.cn?127.0.0.1",
    ] {
        let answer = asked(&world, strange, "snsapi_base").await;
        assert!(
            answer.status == 200 && answer.text.contains("10003"),
            "{strange}"
        );
    }
    let domain = json!({"domain": "pay.example.cn"});
    assert_eq!(world.control("oauth-domain", domain).await, 204);
    let answer = asked(&world, "https://pay.example.cn/back?a=1", "snsapi_base").await;
    assert!(
        answer.headers["location"]
            .to_str()
            .unwrap()
            .contains("?a=1&code=")
    );
    for strange in ["http://127.0.0.1/back", "https://a.pay.example.cn/back"] {
        let answer = asked(&world, strange, "snsapi_base").await;
        assert!(answer.text.contains("10003"), "{strange}");
    }
}

#[tokio::test]
async fn who_is_asked_for_more_than_an_openid_is_asked_first() {
    let world = World::start().await;
    let answer = asked(&world, "http://127.0.0.1:9/back", "snsapi_userinfo").await;
    assert_eq!(answer.status, 200);
    assert!(answer.text.contains("允许"), "{}", answer.text);
    let account = world.account("sandbox");
    let address = format!(
        "{}/sns/oauth2/access_token?appid={}&secret={}&code={}&grant_type=authorization_code",
        world.base,
        account["appid"].as_str().unwrap(),
        account["app_secret"].as_str().unwrap(),
        code_in(&answer.text.replace("&amp;", "&")),
    );
    let token = read(world.client.get(address)).await.json();
    assert_eq!(token["scope"], "snsapi_userinfo", "{token}");
}
