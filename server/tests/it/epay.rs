//! The epay protocol as its clients speak it (docs/epay.md), with a side of the wire that is
//! written for these tests alone.

use crate::forecore::run;
use crate::harness::{Database, World, eventually};
use crate::pay::{body_of, decoded, errcode};
use axum::Router;
use axum::extract::{RawQuery, State};
use axum::routing::get;
use md5::{Digest, Md5};
use reqwest::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const PID: &str = "1001";
pub(crate) const KEY: &str = "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i";

pub(crate) type Fields = BTreeMap<String, String>;

fn sign(fields: &Fields, key: &str) -> String {
    let pairs: Vec<_> = fields
        .iter()
        .filter(|(name, value)| {
            !["sign", "sign_type"].contains(&name.as_str()) && !value.is_empty()
        })
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    hex::encode(Md5::digest(format!("{}{key}", pairs.join("&"))))
}

pub(crate) fn signed(pairs: &[(&str, &str)], key: &str) -> Fields {
    let pairs = pairs.iter();
    let mut fields: Fields = pairs
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    fields.insert("sign".to_owned(), sign(&fields, key));
    fields.insert("sign_type".to_owned(), "MD5".to_owned());
    fields
}

pub(crate) fn form(fields: &Fields) -> String {
    let pairs = fields.iter();
    let pairs = pairs.map(|(name, value)| format!("{name}={}", crate::partner::escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

fn fields_of(query: &str) -> Fields {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap());
    pairs
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

async fn posted(world: &World, path: &str, body: &str) -> Response {
    let request = world.client.post(format!("{}{path}", world.platform));
    let request = request.header("Content-Type", "application/x-www-form-urlencoded");
    request.body(body.to_owned()).send().await.unwrap()
}

async fn mapi(world: &World, fields: &Fields) -> Value {
    let answer = posted(world, "/epay/mapi.php", &form(fields)).await;
    assert_eq!(answer.status(), 200);
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/json")
    );
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// `api.php` with the key in clear: the act in the query, the rest in a form.
async fn api(world: &World, act: &str, more: &[(&str, &str)]) -> Value {
    let own = [("pid", PID), ("key", KEY)];
    let fields: Fields = own
        .iter()
        // Later ones take the place of those before.
        .chain(more)
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let path = format!("/epay/api.php?act={act}");
    let answer = posted(world, &path, &form(&fields)).await;
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// The business system's own side: what it was told, and what it answers.
pub(crate) struct Shop {
    pub(crate) notify_url: String,
    told: Arc<Mutex<Vec<String>>>,
}

impl Shop {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let take = async |State(told): State<Arc<Mutex<Vec<String>>>>,
                          RawQuery(query): RawQuery| {
            let mut told = told.lock().unwrap();
            told.push(query.unwrap());
            // Refused once, then taken within a page.
            if told.len() == 1 {
                "fail"
            } else {
                "<p>success</p>"
            }
        };
        let router = Router::new().route("/notify", get(take));
        let router = router.with_state(Arc::clone(&told));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            notify_url: format!("http://{address}/notify?shop=7&b=%20c"),
            told,
        }
    }

    pub(crate) fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

pub(crate) fn order<'a>(number: &'a str, notify_url: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        ("pid", PID),
        ("type", "wxpay"),
        ("out_trade_no", number),
        ("notify_url", notify_url),
        ("return_url", "http://127.0.0.1:9/#/done/7"),
        ("name", "VIP会员"),
        ("money", "1.50"),
        ("param", "user=7&x=%20"),
        ("sitename", "某站"),
        ("cid", ""),
    ]
}

/// Pays the page that an order led to; by whom it was begun is the platform's own.
async fn pay(world: &World, page: &str) {
    let (_, values) = page.split_once('?').unwrap();
    let started = world
        .post("/pay/api/pc/pay", &body_of(values, "Wechat"))
        .await;
    assert_eq!(errcode(&started), "0", "{started}");
    let paid = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", paid).await;
}

async fn is_paid(world: &World, number: &str) -> Value {
    eventually("it is paid", async || {
        let order = api(world, "order", &[("out_trade_no", number)]).await;
        (order["status"] == 1).then_some(order)
    })
    .await
}

async fn an_order_is_submitted_paid_told_and_refunded(database: Database) {
    let Some(world) = World::start(database).await else {
        return;
    };
    let shop = Shop::start().await;
    let fields = signed(&order("o|1", &shop.notify_url), KEY);
    let answer = world
        .get(&format!("/epay/submit.php?{}", form(&fields)))
        .await;
    assert_eq!(answer.status(), 302);
    let page = answer.headers()["location"].to_str().unwrap().to_owned();
    assert!(
        page.starts_with(&format!("{}/mpay.html?", world.platform)),
        "{page}"
    );
    // The same by a form, where it was pasted with a file or a slash too many.
    // Some clients send payers to what was pasted as it stands.
    for path in [
        "/epay/submit.php/submit.php",
        "/epay/submit.phpsubmit.php",
        "/epay//submit.php",
        "/epay/",
        "/epay",
    ] {
        let answer = posted(&world, path, &form(&fields)).await;
        assert_eq!(answer.status(), 302, "{path}");
        assert_eq!(answer.headers()["location"].to_str().unwrap(), page);
    }
    let shown = world.text(&page[world.platform.len()..]).await;
    assert!(
        shown.contains("VIP会员") && shown.contains("¥1.50"),
        "{shown}"
    );
    assert!(!shown.contains("TRADE_SUCCESS"), "told before it is paid");
    let unpaid = api(&world, "order", &[("out_trade_no", "o|1")]).await;
    assert_eq!((&unpaid["code"], &unpaid["status"]), (&json!(1), &json!(0)));
    assert_eq!(unpaid["endtime"], Value::Null);
    let (_, values) = page.split_once('?').unwrap();
    let scan = world.text(&format!("/pay.html?{values}")).await;
    let back = scan.split("/pay/return/").nth(1).unwrap();
    let back = format!("/pay/return/{}", &back[..32]);
    pay(&world, &page).await;
    let paid = is_paid(&world, "o|1").await;
    for (name, value) in [
        ("out_trade_no", json!("o|1")),
        ("trade_no", unpaid["trade_no"].clone()),
        ("type", json!("wxpay")),
        ("pid", json!(1001)),
        ("name", json!("VIP会员")),
        ("money", json!("1.50")),
        ("param", json!("user=7&x=%20")),
    ] {
        assert_eq!(paid[name], value, "{name}");
    }
    assert!(paid["endtime"].is_string() && paid["api_trade_no"].is_string());
    eventually("the notification is repeated", async || {
        (shop.told().len() == 2).then_some(())
    })
    .await;
    let told = shop.told();
    assert_eq!(told[0], told[1]);
    let news = told[0].strip_prefix("shop=7&b=%20c&").unwrap();
    let names: Vec<_> = news
        .split('&')
        .map(|pair| pair.split('=').next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "pid",
            "trade_no",
            "out_trade_no",
            "type",
            "name",
            "money",
            "trade_status",
            "param",
            "sign",
            "sign_type"
        ]
    );
    let fields_told = fields_of(news);
    assert_eq!(fields_told["sign"], sign(&fields_told, KEY));
    assert_eq!(fields_told["money"], "1.50");
    assert_eq!(fields_told["trade_no"], paid["trade_no"].as_str().unwrap());
    // The payer goes on with the same, behind the fragment.
    let done = world.text(&format!("/pay.html?{values}")).await;
    let escaped = news.replace('&', "&amp;");
    assert!(
        done.contains(&format!("http://127.0.0.1:9/#/done/7?{escaped}")),
        "{done}"
    );
    // So does who comes back from the channel.
    let back = world.get(&back).await;
    let back = back.headers()["location"].to_str().unwrap();
    assert_eq!(back, format!("http://127.0.0.1:9/#/done/7?{news}"));
    // It can't be ordered again, nor as another one; the same leads its payer back once more.
    for (change, sentence) in [
        ("1.50", "该订单(o|1)已完成支付，请勿重复发起支付"),
        ("0.01", "该订单(o|1)已完成支付，请勿重复发起支付"),
    ] {
        let mut again = order("o|1", &shop.notify_url);
        again[6].1 = change;
        let answer = mapi(&world, &signed(&again, KEY)).await;
        assert_eq!(answer, json!({"code": -1, "msg": sentence}));
    }
    let again = world
        .get(&format!("/epay/submit.php?{}", form(&fields)))
        .await;
    assert_eq!(again.status(), 302);
    let page = again.headers()["location"].to_str().unwrap();
    let page = world.text(&page[world.platform.len()..]).await;
    assert!(
        page.contains("支付成功") && page.contains(&escaped),
        "{page}"
    );
    let mut other = order("o|1", &shop.notify_url);
    other[6].1 = "1.00";
    let other = form(&signed(&other, KEY));
    let other = world.get(&format!("/epay/submit.php?{other}")).await;
    assert_eq!(other.status(), 400);
    assert!(other.text().await.unwrap().contains("已完成支付"));
    refunds_are_made_once(&world).await;
    let log = std::fs::read_to_string(world.log()).unwrap();
    assert!(!log.contains(KEY) && !log.contains(&fields["sign"]));
}

async fn refunds_are_made_once(world: &World) {
    let refund = async |money: &str, number: &str| {
        let mut fields = vec![("out_trade_no", "o|1"), ("money", money)];
        fields.extend((!number.is_empty()).then_some(("out_refund_no", number)));
        api(world, "refund", &fields).await
    };
    let first = refund("0.30", "r1").await;
    assert_eq!(first["code"], 1, "{first}");
    assert_eq!(
        (&first["out_refund_no"], &first["uid"]),
        (&json!("r1"), &json!(1001))
    );
    assert_eq!(refund("0.3", "r1").await["refund_no"], first["refund_no"]);
    assert_eq!(refund("0.31", "r1").await["code"], -1);
    // Without a number the same call is the same refund, however the order is named.
    let unnamed = refund("0.20", "").await;
    assert_ne!(unnamed["refund_no"], first["refund_no"]);
    let ours = unnamed["trade_no"].as_str().unwrap();
    let same = api(world, "refund", &[("trade_no", ours), ("money", "0.2")]).await;
    assert_eq!(same["refund_no"], unnamed["refund_no"]);
    let too_much = refund("1.01", "r2").await;
    assert_eq!(too_much["msg"], "退款金额超过可退金额，可退￥1.00");
    let (set, told) = run(world, &["epay", "set", PID, "--refund-code", "0"]);
    assert!(set, "{told}");
    eventually("the refund is done", async || {
        let done = refund("0.30", "r1").await;
        (done["code"] == 0 && done["msg"] == "退款成功！退款金额￥0.30").then_some(())
    })
    .await;
    eventually("and shown", async || {
        let order = api(world, "order", &[("out_trade_no", "o|1")]).await;
        (order["status"] == 2).then_some(())
    })
    .await;
    eventually("both are made", async || {
        let book = world.book().await;
        let refunds = book[0]["refunds"].as_array().unwrap().iter();
        let given: i64 = refunds.map(|one| one["amount"].as_i64().unwrap()).sum();
        (given == 50).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_order_is_submitted_paid_told_and_refunded_on_sqlite() {
    an_order_is_submitted_paid_told_and_refunded(Database::Sqlite).await;
}

#[tokio::test]
async fn an_order_is_submitted_paid_told_and_refunded_on_postgres() {
    an_order_is_submitted_paid_told_and_refunded(Database::Postgres).await;
}

#[tokio::test]
async fn the_same_number_is_the_same_order_or_refused() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let notify = "http://127.0.0.1:9/n";
    let first = mapi(&world, &signed(&order("a1", notify), KEY)).await;
    assert_eq!(first["code"], 1, "{first}");
    let page = first["payurl"].as_str().unwrap();
    assert!(
        page.starts_with(&world.platform) && page.contains("Wechat"),
        "{page}"
    );
    // Beside the page there is WeChat's own code for a desktop, and for no phone.
    let code = first["qrcode"].as_str().unwrap();
    assert!(code.starts_with("weixin://"), "{first}");
    let mut phone = order("a2", notify);
    phone.push(("device", "mobile"));
    let phone = mapi(&world, &signed(&phone, KEY)).await;
    assert_eq!(
        (&phone["code"], &phone["qrcode"]),
        (&json!(1), &Value::Null)
    );
    // Another type chooses another channel of the same order; none lets the payer choose.
    for (word, channel) in [("alipay", Some("Alipay")), ("usdt", None), ("", None)] {
        let mut other = order("a1", notify);
        other[1].1 = word;
        let answer = mapi(&world, &signed(&other, KEY)).await;
        assert_eq!(answer["trade_no"], first["trade_no"]);
        let page = answer["payurl"].as_str().unwrap();
        match channel {
            Some(channel) => assert!(page.contains(channel), "{page}"),
            None => assert!(!page.contains("payTypeCode"), "{page}"),
        }
    }
    for (at, value) in [
        (6, "1.51"),
        (5, "other"),
        (7, "user=8"),
        (4, "http://127.0.0.1:9/x"),
    ] {
        let mut other = order("a1", notify);
        other[at].1 = value;
        let answer = mapi(&world, &signed(&other, KEY)).await;
        let sentence = "支付参数有变化，请更换订单号重新发起支付";
        assert_eq!(answer, json!({"code": -1, "msg": sentence}), "{value}");
    }
    // A GET and JSON do as well.
    let fields = signed(&order("a1", notify), KEY);
    let by_get = world
        .text(&format!("/epay/mapi.php?{}", form(&fields)))
        .await;
    let by_json = world
        .post("/epay/mapi.php", &json!(fields).to_string())
        .await;
    for answer in [by_get, by_json] {
        assert_eq!(serde_json::from_str::<Value>(&answer).unwrap(), first);
    }
    let listed = api(&world, "orders", &[("limit", "5")]).await;
    assert_eq!(
        (&listed["count"], &listed["data"][0]["out_trade_no"]),
        (&json!(2), &json!("a2"))
    );
    let merchant = api(&world, "query", &[]).await;
    let count = |name: &str| merchant[name].as_i64().unwrap();
    assert_eq!(count("orders"), 2);
    // It may be midnight in Beijing.
    assert_eq!(count("orders_today") + count("orders_lastday"), 2);
    assert!(!merchant.to_string().contains(KEY), "{merchant}");
    assert_eq!(api(&world, "settle", &[]).await["data"], json!([]));
    // In place of the key a sign proves the caller.
    let asked = signed(
        &[("act", "order"), ("pid", PID), ("out_trade_no", "a1")],
        KEY,
    );
    let order = world.text(&format!("/epay/api.php?{}", form(&asked))).await;
    let order: Value = serde_json::from_str(&order).unwrap();
    assert_eq!(
        (&order["code"], &order["trade_no"]),
        (&json!(1), &first["trade_no"])
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_call_is_said() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let good = order("b1", "http://127.0.0.1:9/n");
    let changed = |at: usize, value: &'static str| {
        let mut fields = good.clone();
        fields[at].1 = value;
        signed(&fields, KEY)
    };
    let mut forged = signed(&good, KEY);
    forged.insert("money".to_owned(), "0.01".to_owned());
    let keyed = signed(&good, &format!("&key={KEY}"));
    let mut sha = signed(&good, KEY);
    sha.insert("sign_type".to_owned(), "RSA".to_owned());
    let mut unsigned = signed(&good, KEY);
    unsigned.remove("sign");
    let mut nobody = unsigned.clone();
    nobody.remove("pid");
    let mut strange = good.clone();
    strange.push(("session", "abc"));
    let cases = [
        (unsigned, -3, "没有sign"),
        (nobody, -1, "商户ID不能为空"),
        (signed(&strange, KEY), -1, "session排在return_url后面"),
        (Fields::new(), -4, "未传入任何参数"),
        (changed(0, ""), -1, "商户ID不能为空"),
        (changed(0, "7777"), -1, "商户ID不存在"),
        (forged, -3, "签名校验失败，请返回重试！"),
        (signed(&good, "another"), -3, "签名校验失败，请返回重试！"),
        (keyed, -3, "&key="),
        (sha, -3, "MD5"),
        (changed(2, "a b"), -1, "out_trade_no"),
        (changed(3, "http://10.0.0.1/n"), -1, "notify_url"),
        (changed(5, ""), -1, "name"),
        (changed(5, "a&money=2"), -1, "name"),
        (changed(6, "1e3"), -1, "money"),
        (changed(7, "a&pay=2"), -1, "param"),
    ];
    for (fields, code, part) in cases {
        let answer = mapi(&world, &fields).await;
        let msg = answer["msg"].as_str().unwrap();
        assert!(
            answer["code"] == code && msg.contains(part),
            "{part}: {answer}"
        );
        let page = world
            .get(&format!("/epay/submit.php?{}", form(&fields)))
            .await;
        assert_eq!(page.status(), 400, "{part}");
        let page = page.text().await.unwrap().replace("&amp;", "&");
        assert!(
            page.contains("<html") && page.contains(part),
            "{part}: {page}"
        );
    }
    let mut without = good.clone();
    without.remove(4);
    let without = form(&signed(&without, KEY));
    let page = world.get(&format!("/epay/submit.php?{without}")).await;
    assert!(page.text().await.unwrap().contains("return_url"));
    for (act, fields, code, msg) in [
        ("", vec![], -5, "act"),
        ("dance", vec![], -5, "act"),
        ("order", vec![("key", "another")], -3, "商户密钥错误"),
        ("order", vec![("out_trade_no", "b7")], -1, "订单号不存在"),
        ("order", vec![], -1, "out_trade_no"),
        ("orders", vec![("limit", "many")], -1, "limit"),
        (
            "refund",
            vec![("out_trade_no", "b7"), ("money", "1")],
            -1,
            "订单号不存在",
        ),
    ] {
        let answer = api(&world, act, &fields).await;
        let told = answer["msg"].as_str().unwrap();
        assert!(
            answer["code"] == code && told.contains(msg),
            "{act}: {answer}"
        );
    }
    let refund = format!("/epay/api.php?act=refund&pid={PID}&key={KEY}&out_trade_no=b1&money=1");
    assert!(world.text(&refund).await.contains("POST"));
    let nothing = world.get("/epay/").await;
    assert_eq!(nothing.status(), 400);
    let wrong = world.text("/epay/pay.php").await;
    assert!(wrong.contains("/epay/"), "{wrong}");
    let log = std::fs::read_to_string(world.log()).unwrap();
    assert!(!log.contains(KEY), "a key is logged");
}

/// A form in parts, as PHP's curl sends an array.
fn in_parts(fields: &Fields, boundary: &str) -> String {
    let part = |(name, value): (&String, &String)| {
        let head = format!("Content-Disposition: form-data; name=\"{name}\"");
        format!("--{boundary}\r\n{head}\r\n\r\n{value}\r\n")
    };
    let parts: String = fields.iter().map(part).collect();
    format!("{parts}--{boundary}--\r\n")
}

#[tokio::test]
async fn a_form_in_parts_is_read_as_one_in_a_line() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let sent = async |boundary: &str, body: String| {
        let media = format!("multipart/form-data; boundary={boundary}");
        let request = world
            .client
            .post(format!("{}/epay/mapi.php", world.platform));
        let request = request.header("Content-Type", media).body(body);
        let answer = request.send().await.unwrap().text().await.unwrap();
        serde_json::from_str::<Value>(&answer).unwrap()
    };
    let mut fields = order("m1", "http://127.0.0.1:9/n");
    fields.push(("param", "a=b&c=1 %20+券"));
    let whole = in_parts(&signed(&fields, KEY), "--x7");
    let answer = sent("--x7", whole.clone()).await;
    assert_eq!(answer["code"], 1, "{answer}");
    let file = whole.replacen("name=\"money\"", "name=\"money\"; filename=\"m\"", 1);
    let cut = whole.trim_end().trim_end_matches('-').to_owned();
    let twice = whole.replacen("name=\"param\"", "name=\"money\"", 1);
    let many: Fields = (0..65).map(|n| (format!("f{n}"), String::new())).collect();
    for (boundary, wrong) in [
        ("--x7", file),
        ("--x7", cut),
        ("--x7", twice),
        ("--x7", in_parts(&many, "--x7")),
        ("other", whole.clone()),
        ("", whole),
    ] {
        let answer = sent(boundary, wrong.clone()).await;
        assert_ne!(answer["code"], 1, "{answer}: {wrong}");
    }
}

#[tokio::test]
async fn each_business_system_is_opened_by_itself() {
    let world = World::start(Database::Sqlite).await.unwrap();
    let word = |told: &str, name: &str| {
        let mut lines = told.lines();
        let found = lines.find_map(|line| line.strip_prefix(name));
        found.unwrap().trim().to_owned()
    };
    let mut keys = Vec::new();
    for (name, pid) in [("panel", "1002"), ("shop", "1003")] {
        let (made, told) = run(&world, &["epay", "add", name]);
        assert!(made, "{told}");
        assert_eq!(word(&told, "pid "), pid);
        assert!(word(&told, "gateway ").ends_with("/epay/"));
        let key = word(&told, "key ");
        assert_eq!(key.len(), 32);
        keys.push(key);
    }
    let mut fields = order("c1", "https://panel.example/notify");
    fields[0].1 = "1002";
    let mine = mapi(&world, &signed(&fields, &keys[0])).await;
    assert_eq!(mine["code"], 1, "{mine}");
    assert_eq!(mapi(&world, &signed(&fields, &keys[1])).await["code"], -3);
    let theirs = format!("act=order&pid=1003&key={}&out_trade_no=c1", keys[1]);
    let theirs = posted(&world, "/epay/api.php", &theirs).await;
    assert!(theirs.text().await.unwrap().contains("订单号不存在"));
    // Only development may be called back at home.
    let private = [
        &fields[..3],
        &[("notify_url", "http://127.0.0.1:9/n")],
        &fields[4..],
    ]
    .concat();
    let private = mapi(&world, &signed(&private, &keys[0])).await;
    assert!(
        private["msg"].as_str().unwrap().contains("notify_url"),
        "{private}"
    );
    let (_, listed) = run(&world, &["epay", "list"]);
    assert!(
        listed.contains("panel") && listed.contains("1003"),
        "{listed}"
    );
    let (_, partners) = run(&world, &["partner", "list"]);
    assert!(!partners.contains("1002"), "{partners}");
    let (rotated, told) = run(&world, &["epay", "rotate", "1002", "--overlap", "7d"]);
    assert!(rotated, "{told}");
    let next = word(&told, "key ");
    for key in [&keys[0], &next] {
        let answer = mapi(&world, &signed(&fields, key)).await;
        assert_eq!(answer["trade_no"], mine["trade_no"], "{answer}");
    }
    assert!(run(&world, &["epay", "disable", "1002"]).0);
    eventually("it is refused", async || {
        let answer = mapi(&world, &signed(&fields, &next)).await;
        (answer["code"] == -1).then_some(())
    })
    .await;
}
