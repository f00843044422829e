//! Robots of groups in WeCom, DingTalk and Feishu, which take messages: as their makers'
//! documents say it, with what they answer to a wrong one.

use crate::clock::now_ms;
use aws_lc_rs::hmac;
use axum::extract::{Path, Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// What robots that sign are set up with.
const SECRET: &str = "SEC0123456789";
/// WeCom takes so many bytes of text.
const WECOM_MAX: usize = 2_048;
/// A signed message is as old at most, ms.
const HOUR_MS: i64 = 3_600_000;

/// What a robot took.
#[derive(Clone, Debug, Serialize)]
struct Said {
    robot: String,
    text: String,
}

#[derive(Default)]
struct Room {
    said: Vec<Said>,
    /// So many more are refused for coming too fast.
    refuse: u64,
}

type TheRoom = State<Arc<Mutex<Room>>>;

/// Their addresses, and `/control/robots`, which lists what they took and makes them
/// refuse.
pub(crate) fn routes() -> Router {
    Router::new()
        .route("/cgi-bin/webhook/send", post(wecom))
        .route("/robot/send", post(dingtalk))
        .route("/open-apis/bot/v2/hook/{token}", post(feishu))
        .route("/control/robots", get(list).post(refuse))
        .with_state(Arc::new(Mutex::new(Room::default())))
}

async fn list(State(room): TheRoom) -> Json<Vec<Said>> {
    Json(lock(&room).said.clone())
}

#[derive(Deserialize)]
struct Refuse {
    refuse: u64,
}

async fn refuse(State(room): TheRoom, Json(wish): Json<Refuse>) -> Json<Value> {
    lock(&room).refuse = wish.refuse;
    Json(json!({}))
}

async fn wecom(
    State(room): TheRoom,
    Query(query): Query<BTreeMap<String, String>>,
    Json(body): Json<Value>,
) -> Json<Value> {
    let text = body["text"]["content"].as_str().unwrap_or_default();
    let answer = |errcode: i64, errmsg: &str| Json(json!({"errcode": errcode, "errmsg": errmsg}));
    match () {
        () if query.get("key").is_none_or(String::is_empty) => {
            answer(93_000, "invalid webhook url")
        }
        () if body["msgtype"] != "text" || text.is_empty() => {
            answer(40_008, "invalid message type")
        }
        () if text.len() > WECOM_MAX => answer(40_058, "exceed max length 2048"),
        () if !take(&room, "wecom", text) => answer(45_009, "api freq out of limit"),
        () => answer(0, "ok"),
    }
}

async fn dingtalk(
    State(room): TheRoom,
    Query(query): Query<BTreeMap<String, String>>,
    Json(body): Json<Value>,
) -> Json<Value> {
    let given = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let text = body["text"]["content"].as_str().unwrap_or_default();
    let answer = |errcode: i64, errmsg: &str| Json(json!({"errcode": errcode, "errmsg": errmsg}));
    let at_ms: i64 = given("timestamp").parse().unwrap_or_default();
    let signed = mac(SECRET, &format!("{at_ms}\n{SECRET}"));
    match () {
        () if given("access_token").is_empty() => answer(300_005, "token is not exist"),
        () if (now_ms() - at_ms).abs() > HOUR_MS => answer(310_000, "invalid timestamp"),
        () if given("sign") != signed => answer(310_000, "sign not match"),
        () if body["msgtype"] != "text" || text.is_empty() => answer(400_101, "miss param : text"),
        () if !take(&room, "dingtalk", text) => answer(130_101, "send too fast"),
        () => answer(0, "ok"),
    }
}

async fn feishu(
    State(room): TheRoom,
    Path(_token): Path<String>,
    Json(body): Json<Value>,
) -> Json<Value> {
    let text = body["content"]["text"].as_str().unwrap_or_default();
    let answer = |code: i64, msg: &str| Json(json!({"code": code, "msg": msg, "data": {}}));
    let seconds = body["timestamp"].as_str().unwrap_or_default();
    let at_ms = seconds.parse::<i64>().unwrap_or_default() * 1000;
    let in_time = (now_ms() - at_ms).abs() <= HOUR_MS;
    // The text is the key, and nothing is signed.
    let signed = mac(&format!("{seconds}\n{SECRET}"), "");
    match () {
        () if !in_time || body["sign"] != signed.as_str() => answer(
            19_021,
            "sign match fail or timestamp is not within one hour from current time",
        ),
        () if body["msg_type"] != "text" || text.is_empty() => answer(9_499, "Bad Request"),
        () if !take(&room, "feishu", text) => answer(11_232, "frequency limited"),
        () => Json(
            json!({"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}),
        ),
    }
}

/// Keeps what was said, unless it comes too fast.
fn take(room: &Mutex<Room>, robot: &str, text: &str) -> bool {
    let mut room = lock(room);
    if room.refuse > 0 {
        room.refuse -= 1;
        return false;
    }
    room.said.push(Said {
        robot: robot.to_owned(),
        text: text.to_owned(),
    });
    true
}

fn lock(room: &Mutex<Room>) -> std::sync::MutexGuard<'_, Room> {
    room.lock().unwrap_or_else(PoisonError::into_inner)
}

fn mac(key: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
    STANDARD.encode(hmac::sign(&key, text.as_bytes()))
}
