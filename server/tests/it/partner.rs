//! A partner's own side of Apay's interface, written for these tests alone (docs/forecore.md;
//! docs/forecore.md).

use crate::harness::{World, eventually};
use crate::pay::{body_of, errcode};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use md5::{Digest, Md5};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

pub(crate) const KEY: &str = "123456";

/// A field's value as node's querystring escapes it.
pub(crate) fn escaped(text: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!'()*".contains(&byte);
    let one = |byte: u8| {
        if bare(byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    text.bytes().map(one).collect()
}

/// The seed's sign, written for this test alone.
pub(crate) fn sign(fields: &BTreeMap<String, String>, key: &str) -> String {
    let pairs: Vec<_> = fields
        .iter()
        .filter(|(name, _)| *name != "sign")
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    let hash = Md5::digest(format!("{key}{}", pairs.join("&")).as_bytes());
    hex::encode(hash)
}

pub(crate) fn signed(fields: &[(&str, &str)], key: &str) -> BTreeMap<String, String> {
    let mut all: BTreeMap<_, _> = fields
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let sign = sign(&all, key);
    all.insert("sign".to_owned(), sign);
    all
}

pub(crate) fn query(fields: &BTreeMap<String, String>) -> String {
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// How a call is made.
#[derive(Clone, Copy)]
pub(crate) enum By {
    Get,
    Form,
    Json,
}

pub(crate) async fn call(
    world: &World,
    path: &str,
    by: By,
    fields: &BTreeMap<String, String>,
) -> Value {
    let url = format!("{}/forecore/{path}", world.platform);
    let request = match by {
        By::Get => world.client.get(format!("{url}?{}", query(fields))),
        By::Form => world
            .client
            .post(url)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .body(query(fields)),
        By::Json => world
            .client
            .post(url)
            .header("Content-Type", "application/json")
            .body(json!(fields).to_string()),
    };
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_str(&answer.text().await.unwrap()).unwrap()
}

/// A partner's receiver, which answers what it is told to.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) got: Arc<Mutex<Vec<String>>>,
    pub(crate) answers: Arc<Mutex<Vec<&'static str>>>,
    /// The content types that came.
    pub(crate) media: Arc<Mutex<Vec<String>>>,
}

type Shared = (
    Arc<Mutex<Vec<String>>>,
    Arc<Mutex<Vec<&'static str>>>,
    Arc<Mutex<Vec<String>>>,
);

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/cb?shop=7&a=%20b", listener.local_addr().unwrap());
        let shared: Shared = Default::default();
        let take =
            async |State((got, answers, media)): State<Shared>, headers: HeaderMap, body: Bytes| {
                let kind = headers["content-type"].to_str().unwrap().to_owned();
                media.lock().unwrap().push(kind);
                got.lock()
                    .unwrap()
                    .push(String::from_utf8(body.to_vec()).unwrap());
                answers
                    .lock()
                    .unwrap()
                    .pop()
                    .unwrap_or("{\"result\":\"success\"}")
            };
        let router = Router::new()
            .route("/cb", post(take))
            .with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            got: shared.0,
            answers: shared.1,
            media: shared.2,
        }
    }

    pub(crate) fn got(&self) -> Vec<String> {
        self.got.lock().unwrap().clone()
    }
}

pub(crate) fn fields_of(form: &str) -> BTreeMap<String, String> {
    form.split('&')
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), crate::pay::decoded(value)))
        .collect()
}

/// An order of one yuan that is paid by WeChat.
pub(crate) async fn paid_order(world: &World, out_order_id: &str) {
    let order = [
        ("partnerId", "p001"),
        ("outOrderId", out_order_id),
        ("money", "1"),
        ("currency", "CNY"),
        ("cb_url", "http://127.0.0.1:9/cb"),
    ];
    pay_order(world, &order).await;
}

/// An order with these fields, paid by WeChat.
pub(crate) async fn pay_order(world: &World, order: &[(&str, &str)]) {
    let ordered = call(world, "order", By::Get, &signed(order, KEY)).await;
    let (_, values) = ordered["url"].as_str().unwrap().split_once('?').unwrap();
    let started = world
        .post("/pay/api/pc/pay", &body_of(values, "Wechat"))
        .await;
    assert_eq!(errcode(&started), "0", "{started}");
    let paid = json!({"channelOrderNo": world.newest_order().await});
    world.control(&world.gateway, "pay", paid).await;
    let number = order.iter().find(|(name, _)| *name == "outOrderId");
    let question = signed(&[("partnerId", "p001"), *number.unwrap()], KEY);
    eventually("it is paid", async || {
        let info = call(world, "queryOrder", By::Get, &question).await;
        (info["received"] != -1).then_some(())
    })
    .await;
}
