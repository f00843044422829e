//! Bad input of every kind to each of the four calls: HTTP status 200, an `err` that a
//! person understands, and nothing written (docs/forecore.md).

use crate::harness::{Database, World};
use crate::partner::{By, KEY, call, paid_order, query, signed};
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use sqlx::{Connection, Row, SqliteConnection};
use std::collections::BTreeMap;

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const CALLS: [&str; 4] = ["order", "queryOrder", "refund", "exchangeRate"];
const TABLES: [&str; 5] = [
    "partner_order",
    "payment_request",
    "attempt",
    "refund",
    "callback",
];

type Owned = Vec<(&'static str, String)>;

/// The fields of a good call; `paid` is an order that is paid.
fn good(path: &str) -> Owned {
    let fields: &[(&str, &str)] = match path {
        "order" => &[
            ("outOrderId", "bad"),
            ("money", "1.5"),
            ("currency", "CNY"),
            ("cb_url", "http://127.0.0.1:9/cb"),
            ("return_url", "http://127.0.0.1:9/done"),
            ("userId", "u"),
        ],
        "queryOrder" => &[("outOrderId", "paid")],
        "refund" => &[
            ("outOrderId", "paid"),
            ("money", "0.5"),
            ("out_refund_no", "bad"),
        ],
        _ => &[("currency", "USD"), ("payment", "ALIPAYH5")],
    };
    let partner = [("partnerId", "p001")];
    let fields = partner.iter().chain(fields);
    fields
        .map(|(name, value)| (*name, (*value).to_owned()))
        .collect()
}

/// A good call with one field changed, and signed.
fn changed(path: &str, name: &'static str, value: &str) -> BTreeMap<String, String> {
    let mut fields = good(path);
    fields.retain(|(other, _)| *other != name);
    fields.push((name, value.to_owned()));
    sign(&fields)
}

fn sign(fields: &Owned) -> BTreeMap<String, String> {
    let fields: Vec<_> = fields
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    signed(&fields, KEY)
}

/// The world with a paid order in it, and what is written there by now.
struct Watched {
    world: World,
    rows: Vec<i64>,
}

impl Watched {
    async fn start() -> Self {
        let world = World::start(Database::Sqlite).await.unwrap();
        paid_order(&world, "paid").await;
        let mut watched = Self {
            world,
            rows: Vec::new(),
        };
        watched.rows = watched.count().await;
        watched
    }

    async fn count(&self) -> Vec<i64> {
        let database = SqliteConnection::connect(&self.world.database_url).await;
        let mut database = database.unwrap();
        let mut rows = Vec::new();
        for table in TABLES {
            let count = sqlx::AssertSqlSafe(format!("select count(*) from {table}"));
            rows.push(
                sqlx::query(count)
                    .fetch_one(&mut database)
                    .await
                    .unwrap()
                    .get(0),
            );
        }
        rows
    }

    fn post(&self, path: &str, media: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        let request = self.world.client.post(self.url(path));
        request.header("Content-Type", media).body(body)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/forecore/{path}", self.world.platform)
    }

    /// Sends a call that is refused; gives its `err`.
    async fn refused(&self, request: RequestBuilder) -> String {
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        let media = answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .to_owned();
        assert!(media.starts_with("application/json"), "{media}");
        let text = answer.text().await.unwrap();
        err_of(&serde_json::from_str(&text).unwrap())
    }

    /// Nothing was written since the beginning, here or at the channel.
    async fn nothing_written(&self) {
        assert_eq!(self.count().await, self.rows, "rows of {TABLES:?}");
        let book = self.world.book().await;
        assert_eq!(book.len(), 1, "{book:?}");
        assert_eq!(book[0]["refunds"].as_array().unwrap().len(), 0);
    }
}

fn err_of(answer: &Value) -> String {
    let names: Vec<_> = answer.as_object().unwrap().keys().collect();
    assert_eq!(names, ["err", "result"], "{answer}");
    assert_eq!(answer["result"], "error");
    let err = answer["err"].as_str().unwrap();
    assert!(
        !err.is_empty() && err.len() < 300 && !err.contains(char::is_control),
        "{err}"
    );
    err.to_owned()
}

#[tokio::test]
async fn a_call_that_nobody_signed_for_is_refused() {
    let watched = Watched::start().await;
    for path in CALLS {
        let whole = sign(&good(path));
        let with = |name: &str, value: &str| {
            let mut fields = whole.clone();
            fields.insert(name.to_owned(), value.to_owned());
            fields
        };
        let mut unsigned = whole.clone();
        unsigned.remove("sign");
        let mut nobodys = whole.clone();
        nobodys.remove("partnerId");
        let mut other_key: Vec<_> = good(path);
        other_key.retain(|(name, _)| *name != "partnerId");
        let strange: BTreeMap<_, _> = {
            let fields = good(path);
            let fields: Vec<_> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
            signed(&fields, "12345")
        };
        let capitals = whole["sign"].to_uppercase();
        for (fields, told) in [
            (unsigned, "no sign"),
            (with("sign", ""), "no sign"),
            (with("sign", "0"), "wrong sign"),
            (with("sign", &whole["sign"][..31]), "wrong sign"),
            (with("sign", &format!("{}0", whole["sign"])), "wrong sign"),
            (with("sign", &capitals), "wrong sign"),
            (with("new", "1"), "wrong sign"),
            (strange, "wrong sign"),
            (nobodys, "no partnerId"),
            (with("partnerId", ""), "no partnerId"),
            (with("partnerId", "nobody"), "no such partner"),
            (with("partnerId", "P001"), "no such partner"),
            (with("partnerId", &"p".repeat(9_999)), "no such partner"),
            // A business system of the other protocol is no partner.
            (with("partnerId", "test"), "no such partner"),
            (sign(&other_key), "no partnerId"),
        ] {
            for by in [By::Get, By::Form, By::Json] {
                let err = err_of(&call(&watched.world, path, by, &fields).await);
                assert!(err.contains(told), "{path}: {err}");
            }
        }
    }
    watched.nothing_written().await;
}

#[tokio::test]
async fn each_bad_field_is_named() {
    let watched = Watched::start().await;
    let long = "9".repeat(129);
    let longer = format!("http://127.0.0.1:9/{}", "x".repeat(2_048));
    let mut cases: Vec<(&str, &'static str, &str)> = Vec::new();
    for path in ["order", "refund"] {
        for money in [
            "",
            "0",
            "0.00",
            "-1",
            "+1",
            "01",
            ".5",
            "1.",
            "1.234",
            "1.500",
            "1e2",
            "1,5",
            "1 ",
            " 1",
            "1_0",
            "0x1",
            "NaN",
            "Infinity",
            "１",
            "1.5元",
            "10000000",
            "99999999999999999999",
        ] {
            cases.push((path, "money", money));
        }
        cases.push((path, "outOrderId", ""));
    }
    for word in ["", "cny", "EUR", "CNY ", "人民币"] {
        cases.push(("order", "currency", word));
    }
    for address in [
        "",
        "shop.example/cb",
        "ftp://shop.example/cb",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "http://",
        "http://a b/",
        "http://u:p@shop.example/",
        "http://shop.example/#x",
        "http://10.0.0.1/cb",
        "http://169.254.169.254/latest",
        "http://[fd00::1]/cb",
        "http://0xa9fea9fe/",
        &longer,
    ] {
        cases.push(("order", "cb_url", address));
    }
    for address in [
        "shop.example",
        "javascript:alert(1)",
        "http://a\"b/",
        &longer,
    ] {
        cases.push(("order", "return_url", address));
    }
    for (name, value) in [
        ("outOrderId", long.as_str()),
        ("userId", &long),
        ("type", "CASH"),
        ("type", "wechatpayh5"),
        ("time", "now"),
        ("time", "1"),
        ("time", "-1"),
        ("time", "99999999999999999999"),
        ("time", "1.5"),
    ] {
        cases.push(("order", name, value));
    }
    for path in ["queryOrder", "refund"] {
        for number in ["nobody", &long, "PAID", "paid ", "' or 1=1 --", "%"] {
            cases.push((path, "outOrderId", number));
        }
    }
    cases.push(("queryOrder", "outOrderId", ""));
    cases.push(("refund", "out_refund_no", &long));
    for word in ["", "CNY", "EUR", "usd"] {
        cases.push(("exchangeRate", "currency", word));
    }
    for word in ["", "CASH", "alipayh5", "PAYPAL"] {
        cases.push(("exchangeRate", "payment", word));
    }
    for (index, (path, name, value)) in cases.into_iter().enumerate() {
        let by = [By::Get, By::Form, By::Json][index % 3];
        let fields = changed(path, name, value);
        let err = err_of(&call(&watched.world, path, by, &fields).await);
        assert!(err.contains(name), "{path} {name}={value}: {err}");
        // And where it is missing altogether.
        if value.is_empty() {
            let mut fields = good(path);
            fields.retain(|(other, _)| *other != name);
            let err = err_of(&call(&watched.world, path, by, &sign(&fields)).await);
            assert!(err.contains(name), "{path} without {name}: {err}");
        }
    }
    watched.nothing_written().await;
}

#[tokio::test]
async fn what_can_not_be_read_is_refused() {
    let watched = Watched::start().await;
    let huge = format!("a={}", "x".repeat(70_000));
    let huge_json = format!("{{\"a\":\"{}\"}}", "x".repeat(70_000));
    for path in CALLS {
        let whole = sign(&good(path));
        let form = query(&whole);
        let json = serde_json::to_string(&whole).unwrap();
        let inside = |more: &str| json.replacen('{', &format!("{{{more},"), 1);
        // Names that come twice, in the query or in the body; whose is the sign then?
        let name = good(path)[1].0;
        let again = format!("{form}&{name}=x");
        let url = watched.url(path);
        let get = |query: &str| watched.world.client.get(format!("{url}?{query}"));
        let twice = [
            get(&again),
            watched.world.client.post(format!("{url}?{again}")),
            watched.post(path, FORM, again.clone()),
            watched.post(path, FORM, format!("{again}&{name}={}", "x".repeat(5_000))),
            watched.post(path, JSON, inside(&format!("\"{name}\":\"x\""))),
            watched.post(path, JSON, inside("\"sign\":\"0\"")),
        ];
        for request in twice {
            let err = watched.refused(request).await;
            assert!(err.contains("comes twice"), "{path}: {err}");
        }
        let n = "x".repeat(5_000);
        let err = watched.post(path, FORM, format!("{n}=1&{n}=1"));
        assert!(watched.refused(err).await.contains("comes twice"));
        for escape in [
            "%00", "%0A", "%1B", "%7F", "%C2%80", "%", "%2", "%zz", "%FF", "%C3",
        ] {
            for raw in [format!("{form}&x={escape}"), format!("{form}&{escape}=x")] {
                let calls = [get(&raw), watched.post(path, FORM, raw.clone())];
                for request in calls {
                    let err = watched.refused(request).await;
                    assert!(err.contains("must be"), "{path} {escape}: {err}");
                }
            }
        }
        for body in [
            "",
            " ",
            "{",
            "}",
            "null",
            "true",
            "1",
            "[]",
            "\"x\"",
            "{\"a\"}",
            "{a:1}",
            "{'a':1}",
            &json[..json.len() - 1],
            &format!("{json}x"),
            &format!("[{json}]"),
            &inside("\"x\":{}"),
            &inside("\"x\":{\"money\":1}"),
            &inside("\"x\":[1]"),
            &inside("\"x\":true"),
            &inside("\"x\":\"\\u0000\""),
            &inside("\"x\":\"\\u0007\""),
            &inside("\"x\":\"\\ud800\""),
            &inside("\"x\":01"),
            &inside("\"x\":1e"),
            &huge_json,
        ] {
            let request = watched.post(path, JSON, body.to_owned());
            let err = watched.refused(request).await;
            assert!(err.contains("must be"), "{path} {body:.40}: {err}");
        }
        let bytes = watched.post(
            path,
            JSON,
            [&b"{\"x\":\"\xff\","[..], &json.as_bytes()[1..]].concat(),
        );
        watched.refused(bytes).await;
        watched
            .refused(watched.post(path, FORM, b"x=\xff".to_vec()))
            .await;
        watched
            .refused(watched.post(path, FORM, huge.clone()))
            .await;
        watched.refused(watched.post(path, FORM, "")).await;
    }
    watched.nothing_written().await;
}

#[tokio::test]
async fn other_methods_and_media_are_refused() {
    let watched = Watched::start().await;
    for path in CALLS {
        let form = query(&sign(&good(path)));
        for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let url = format!("{}?{form}", watched.url(path));
            let err = watched
                .refused(watched.world.client.request(method, url))
                .await;
            assert!(err.contains("GET or POST"), "{path}: {err}");
        }
        let url = format!("{}?{form}", watched.url(path));
        let head = watched.world.client.head(url).send().await.unwrap();
        assert_eq!(head.status(), 200);
        let parts = "multipart/form-data; boundary=x";
        for (media, part) in [
            ("text/plain", "Content-Type"),
            ("text/html", "Content-Type"),
            ("application/xml", "Content-Type"),
            (parts, "parts of text"),
        ] {
            let err = watched
                .refused(watched.post(path, media, form.clone()))
                .await;
            assert!(err.contains(part), "{path} {media}: {err}");
        }
        // JSON that says it is a form, and the reverse.
        let json = serde_json::to_string(&sign(&good(path))).unwrap();
        watched.refused(watched.post(path, FORM, json)).await;
        watched.refused(watched.post(path, JSON, form)).await;
    }
    watched.nothing_written().await;
}
