//! The sign clinic (docs/signing.md, When a sign fails): what a call is answered, what
//! `tongfu sign` says of all that can be pasted, and its page.

use crate::callback::delivered;
use crate::harness::{Database, World, eventually, tongfu, value_of};
use crate::operator::run;
use crate::partner::{self, By, KEY, call, escaped, signed};
use crate::refund::paid_order;
use md5::Md5;
use serde_json::Value;
use sha1::{Digest, Sha1};

/// A query of `test`, under whatever is made of its values and secret.
fn query(sign: impl Fn(&[&str]) -> String) -> String {
    query_of("1464659622189", "http://127.0.0.1:3002/callback", sign)
}

/// A rightly signed query of `test` whose receiver is there.
pub(crate) fn query_to(key: &str, receiver: &str) -> String {
    query_of(key, receiver, |values| sha1(&values.concat()))
}

fn query_of(key: &str, receiver: &str, sign: impl Fn(&[&str]) -> String) -> String {
    let values = [
        ("domainCode", "test"),
        ("requestKey", key),
        ("money", "12345"),
        ("info", "cup"),
        ("currencyType", "CNY"),
        ("bgUrl", receiver),
    ];
    let mut all: Vec<&str> = values.iter().map(|(_, value)| *value).collect();
    all.push("test");
    all.sort_unstable();
    let pairs: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    format!("{}&sign={}", pairs.join("&"), sign(&all))
}

fn sha1(text: &str) -> String {
    hex::encode(Sha1::digest(text.as_bytes()))
}

#[tokio::test]
async fn a_wrong_sign_is_told_what_is_wrong_with_it_and_refused() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let upper = query(|values| sha1(&values.concat()).to_uppercase());
    let told = world
        .text(&format!("/pay/api/pc/wechatQuery?{upper}"))
        .await;
    assert!(told.contains("10004") && told.contains("小写"), "{told}");
    let lost = query(|_| sha1("something else"));
    let told = world.text(&format!("/pay/api/pc/wechatQuery?{lost}")).await;
    assert!(
        told.contains("参与签名的有6个：bgUrl、currencyType、domainCode") && !told.contains("看来"),
        "{told}"
    );
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", "1"),
        ("money", "1.50"),
    ];
    let mut order = signed(&order, KEY);
    let upper = order["sign"].to_uppercase();
    order.insert("sign".to_owned(), upper);
    let told = call(&world, "order", By::Form, &order).await;
    let told = told["err"].as_str().unwrap();
    assert!(
        told.contains("wrong sign") && told.contains("upper-case"),
        "{told}"
    );
}

#[tokio::test]
async fn a_partner_is_told_that_his_key_has_ended() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let rotate = ["partner", "rotate", "p001", "--overlap", "1s"];
    let (done, text) = run(tongfu(&world.database_url).args(rotate));
    assert!(done, "{text}");
    let asked = signed(&[("partnerId", "p001"), ("outOrderId", "A!1")], KEY);
    eventually("the old key has ended", async || {
        let told = call(&world, "queryOrder", By::Form, &asked).await;
        let told = told["err"].as_str().unwrap();
        told.contains("older secret that has ended").then_some(())
    })
    .await;
}

#[tokio::test]
async fn everything_that_is_pasted_is_taken_apart() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let sign = |words: &[&str]| run(tongfu(&world.database_url).arg("sign").args(words));
    let right = query(|values| sha1(&values.concat()));
    let upper = query(|values| sha1(&values.concat()).to_uppercase());
    let (done, text) = sign(&[&format!("{}/pay.html?{right}", world.platform)]);
    assert!(done && text.contains("accepted"), "{text}");
    let (done, text) = sign(&[&upper, "--theirs", "12345http:"]);
    assert!(!done && text.contains("upper-case hex"), "{text}");
    assert!(
        text.contains("differs at byte 5 (from 0, *** in the secret's place)")
            && !text.contains("test`"),
        "{text}"
    );

    // As JSON.
    let pairs: Vec<String> = right
        .split('&')
        .map(|pair| {
            let (name, _) = pair.split_once('=').unwrap();
            let value = value_of(&right, name)
                .replace("%3A", ":")
                .replace("%2F", "/");
            format!("\"{name}\":\"{value}\"")
        })
        .collect();
    let (done, text) = sign(&[&format!("{{{}}}", pairs.join(","))]);
    assert!(done, "{text}");

    // A callback of ours, with its two signs, and one that was changed.
    let set = ["domain", "set", "demo", "--sign2", "true"];
    assert!(run(tongfu(&world.database_url).args(set)).0);
    let (paid, _) = paid_order(&world).await;
    let called = delivered(&world, &value_of(&paid, "requestKey")).await;
    let values = called[0]["values"].as_object().unwrap();
    let pairs: Vec<String> = values
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value.as_str().unwrap())))
        .collect();
    let callback = format!("http://shop/cb?{}", pairs.join("&"));
    let (done, text) = sign(&[&callback]);
    assert!(
        done && text.contains("sign2: HMAC-SHA256") && text.contains("values are not judged"),
        "{text}"
    );
    assert!(!text.contains("demo-secret"), "{text}");
    let (done, text) = sign(&[&callback.replace("payStatus=SUCCESSPAY", "payStatus=FAILUREPAY")]);
    assert!(!done && text.contains("refused: 10004"), "{text}");

    // A partner's call.
    let order = signed(&[("partnerId", "p001"), ("outOrderId", "中 1")], KEY);
    let form: Vec<String> = order
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    let (done, text) = sign(&[&form.join("&")]);
    assert!(
        done && text.contains("MD5 over key and fields: HOLDS"),
        "{text}"
    );
    assert!(
        text.contains("values are not judged") && !text.contains("accepted"),
        "{text}"
    );
    let (done, text) = sign(&[&form.join("&").replace("outOrderId", "outOrderNo")]);
    assert!(!done && !text.contains(KEY), "{text}");

    // An order of epay's: the vector of docs/epay.md's development system.
    let epay = "pid=1001&type=alipay&out_trade_no=o-1&name=A&money=9.9";
    let (done, text) = sign(&[epay, "--for", "epay"]);
    assert!(
        !done && text.contains("MD5 over fields and key: does not hold"),
        "{text}"
    );
    let key = "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i";
    let signed = format!("money=9.9&name=A&out_trade_no=o-1&pid=1001&type=alipay{key}");
    let right = format!(
        "{epay}&sign={}&sign_type=MD5",
        hex::encode(Md5::digest(&signed))
    );
    let (done, text) = sign(&[&right]);
    assert!(
        done && text.contains("MD5 over fields and key: HOLDS"),
        "{text}"
    );
    assert!(!text.contains(key), "{text}");
    let (done, text) = sign(&[&right.replace("money=9.9", "money=9.90")]);
    assert!(!done && text.contains("refused: 10004"), "{text}");
}

#[tokio::test]
async fn the_clinics_page_says_the_same_and_shows_no_markup_and_no_secret() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let page = world.text("/sign").await;
    assert!(
        page.contains("<textarea") && page.contains("<h1>"),
        "{page}"
    );
    let look = async |pasted: &str, theirs: &str| {
        let form = format!("pasted={}&theirs={}", escaped(pasted), escaped(theirs));
        let asked = reqwest::Client::new().post(format!("{}/sign?lang=zh", world.platform));
        let asked = asked.header("content-type", "application/x-www-form-urlencoded");
        asked.body(form).send().await.unwrap().text().await.unwrap()
    };
    let md5ish = query(|values| sha1(&values.concat()).to_uppercase());
    let said = look(&md5ish, "").await;
    assert!(
        said.contains("大写十六进制") && said.contains("***"),
        "{said}"
    );
    let right = query(|values| sha1(&values.concat()));
    let said = look(&right, "x").await;
    assert!(
        said.contains("签名正确") && said.contains("第0个字节（从0数"),
        "{said}"
    );
    let said = look(
        "domainCode=test&requestKey=<script>&sign=1",
        "</textarea><b>",
    )
    .await;
    assert!(
        !said.contains("<script>") && !said.contains("</textarea><b>"),
        "{said}"
    );
    let said = look("domainCode=nobody&requestKey=1&sign=1", "").await;
    assert!(said.contains("没有这个开发用的域"), "{said}");
}

/// pay takes a number, a language with its country and an empty value, and needs a channel.
async fn pay_as_described(world: &World, described: &Value, path: &str, more: &str) {
    let schema = &described["requestBody"]["content"]["application/json"]["schema"];
    let needed = schema["required"].as_array().unwrap();
    assert!(needed.iter().any(|name| name == "payTypeCode"), "{schema}");
    let lang = &schema["properties"]["lang"];
    assert!(
        lang["pattern"].is_null() && lang["maxLength"].as_u64() >= Some(5),
        "{lang}"
    );
    let values = [
        "test",
        "324",
        "100",
        "CNY",
        "http://127.0.0.1:3002/callback",
    ];
    let sign = crate::sign::sign(&values, "test");
    let body = |channel: &str| {
        let body = r#""domainCode":"test","requestKey":324,"money":100,"currencyType":"CNY""#;
        let more = format!(r#""infoEn":"","rate":"","lang":"zh-CN"{more}{channel}"#);
        format!(
            r#"{{{body},"bgUrl":"{}","sign":"{sign}",{more}}}"#,
            values[4]
        )
    };
    let told = world.post(path, &body("")).await;
    assert!(
        told.contains("10001") && told.contains("payTypeCode"),
        "{told}"
    );
    let told = world.post(path, &body(r#","payTypeCode":"Alipay""#)).await;
    assert!(told.contains(r#""errcode":"0""#), "{told}");
}

#[tokio::test]
async fn the_interfaces_are_described_and_every_call_is_there() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let described = world.text("/docs/openapi.json?lang=en").await;
    let described: Value = serde_json::from_str(&described).unwrap();
    assert_eq!(described["openapi"], "3.1.0");
    assert_eq!(described["servers"][0]["url"], world.platform.as_str());
    let mut calls = 0;
    for (path, methods) in described["paths"].as_object().unwrap() {
        for method in methods.as_object().unwrap().keys() {
            let client = reqwest::Client::new();
            let url = format!("{}{path}", world.platform);
            let media = methods[method]["requestBody"]["content"].as_object();
            let asked = match media.map(|media| media.keys().next_back().unwrap().as_str()) {
                None => client.get(url),
                Some("application/json") => client
                    .post(url)
                    .header("content-type", "application/json")
                    .body("{}"),
                Some(form) => client.post(url).header("content-type", form),
            };
            let answer = asked.send().await.unwrap();
            let status = answer.status().as_u16();
            let text = answer.text().await.unwrap();
            // There is such a call, and it says what it misses.
            assert!(
                !text.contains("10016") && status != 404 && status != 405,
                "{path}: {text}"
            );
            assert!(
                status == 200 || methods[method]["responses"].get("4XX").is_some(),
                "{path}"
            );
            calls += 1;
        }
    }
    assert_eq!(calls, 27);
    for (path, wish) in [("pc", ""), ("h5", ",\"openid\":\"o1\"")] {
        let path = format!("/pay/api/{path}/pay");
        pay_as_described(&world, &described["paths"][&path]["post"], &path, wish).await;
    }
    for currency in ["CNY", "USD", "CAD"] {
        let asked = [
            ("partnerId", "p001"),
            ("currency", currency),
            ("payment", "ALIPAYH5"),
        ];
        let told = call(&world, "exchangeRate", By::Form, &signed(&asked, KEY)).await;
        let taken = !told["err"]
            .as_str()
            .unwrap_or_default()
            .contains("CAD or USD");
        let get = &described["paths"]["/forecore/exchangeRate"]["get"]["parameters"];
        let fields = get.as_array().unwrap().iter();
        let field = fields
            .into_iter()
            .find(|field| field["name"] == "currency")
            .unwrap();
        let pattern = field["schema"]["pattern"].as_str().unwrap();
        assert_eq!(pattern.contains(currency), taken, "{told}");
    }
    assert!(world.text("/llms.txt").await.contains("HMAC-SHA256"));
    for lang in ["zh", "en"] {
        let page = world.text(&format!("/docs?lang={lang}")).await;
        for path in described["paths"].as_object().unwrap().keys() {
            assert!(page.contains(path.as_str()), "{path}");
        }
        assert!(page.contains("10017"));
    }
}

#[tokio::test]
async fn the_plain_file_names_all_that_partners_are_answered() {
    let world = World::start(Database::Sqlite).await.unwrap();
    partner::paid_order(&world, "A-1").await;
    let plain = world.text("/llms.txt").await;
    let (_, plain) = plain.split_once("## Partners").unwrap();
    let order = ("outOrderId", "A-1");
    let refund = [order, ("money", "0.01"), ("out_refund_no", "R-1")];
    let new = [
        ("outOrderId", "A-2"),
        ("money", "1.00"),
        ("currency", "CNY"),
        ("cb_url", "http://127.0.0.1:3002/cb"),
    ];
    let rate = [("currency", "USD"), ("payment", "ALIPAYH5")];
    for (name, fields) in [
        ("order", new.as_slice()),
        ("refund", &refund),
        ("queryOrder", &[order]),
        ("exchangeRate", &rate),
    ] {
        let fields = [fields, &[("partnerId", "p001")]].concat();
        let told = call(&world, name, By::Form, &signed(&fields, KEY)).await;
        assert_eq!(told["result"], "ok", "{name}: {told}");
        let (_, line) = plain.split_once(&format!("\n- {name}: ")).unwrap();
        let (line, _) = line.split_once('\n').unwrap();
        let refunds = told["refunds"].as_array().into_iter().flatten();
        for object in refunds.chain([&told]) {
            for key in object
                .as_object()
                .unwrap()
                .keys()
                .filter(|key| *key != "result")
            {
                assert!(line.contains(key.as_str()), "{name}: {key}");
            }
        }
    }
}
