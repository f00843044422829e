//! The official account's side of openid.

use crate::world::{Answer, World, encode, read};
use serde_json::{Value, json};

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

async fn exchanged(world: &World, code: &str) -> Value {
    let account = world.account("sandbox");
    let address = format!(
        "{}/sns/oauth2/access_token?appid={}&secret={}&code={code}&grant_type=authorization_code",
        world.base,
        account["appid"].as_str().unwrap(),
        account["app_secret"].as_str().unwrap(),
    );
    read(world.client.get(address)).await.json()
}

async fn told_of(world: &World, token: &Value) -> Value {
    let address = format!(
        "{}/sns/userinfo?access_token={}&openid={}&lang=zh_CN",
        world.base,
        token["access_token"].as_str().unwrap(),
        token["openid"].as_str().unwrap(),
    );
    read(world.client.get(address)).await.json()
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
    let token = exchanged(&world, code_in(&answer.text.replace("&amp;", "&"))).await;
    assert_eq!(token["scope"], "snsapi_userinfo", "{token}");
    let told = told_of(&world, &token).await;
    assert_eq!(told["openid"], token["openid"], "{told}");
    assert!(told["nickname"].is_string(), "{told}");
    let stranger = json!({"access_token": token["access_token"], "openid": "o1"});
    assert_eq!(told_of(&world, &stranger).await["errcode"], 40003);
    let nobody = json!({"access_token": "t1", "openid": token["openid"]});
    assert_eq!(told_of(&world, &nobody).await["errcode"], 40001);
}

#[tokio::test]
async fn an_openid_alone_tells_no_more() {
    let world = World::start().await;
    let answer = asked(&world, "http://127.0.0.1:9/back", "snsapi_base").await;
    let code = code_in(answer.headers["location"].to_str().unwrap());
    let token = exchanged(&world, code).await;
    assert_eq!(told_of(&world, &token).await["errcode"], 48001);
}

#[tokio::test]
async fn an_exchange_that_lacks_something_is_told_what() {
    let world = World::start().await;
    let account = world.account("sandbox");
    let get = |name: &str| account[name].as_str().unwrap();
    let (appid, secret) = (get("appid"), get("app_secret"));
    for (asked, errcode) in [
        (format!("secret={secret}&code=c"), 41002),
        (format!("appid={appid}&code=c"), 41004),
        (format!("appid={appid}&secret={secret}"), 41008),
        (format!("appid={appid}&secret={secret}&code=c"), 40029),
    ] {
        let address = format!(
            "{}/sns/oauth2/access_token?{asked}&grant_type=authorization_code",
            world.base
        );
        let answer = read(world.client.get(address)).await;
        assert_eq!(
            (answer.status, &answer.json()["errcode"]),
            (200, &json!(errcode))
        );
    }
}
