//! The examples for whoever adds a door or a channel: `slip.rs` is a whole door,
//! `twice.rs` a whole channel, and this is all that takes them in. Nothing else in the
//! workspace knows of them.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod slip;
mod twice;

use axum::Router;
use axum::routing::post;
use channels::receiver::HttpReceiver;
use checkout::{Checkout, Parts, Place, Schedule, Start};
use payment::channel::Channel;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, Store};
use payment::rate::NoRate;
use serde_json::{Value, json};
use slip::Slip;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use twice::Twice;

const KEY: &str = "a key of this test";

struct World {
    checkout: Arc<Checkout>,
    store: Arc<dyn Store>,
    now_ms: Arc<AtomicI64>,
    /// Where the door is served.
    base: String,
    /// Where its business system wants to be told, and what it was told.
    tell: String,
    told: Arc<Mutex<Vec<String>>>,
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn world(name: &str) -> World {
    let file = std::env::temp_dir().join(format!("tongfu-{name}-{}.db", std::process::id()));
    let _ = std::fs::remove_file(&file);
    let store = store::migrate(&format!("sqlite:{}", file.display()))
        .await
        .unwrap();
    store.add_domain(&slip::partner("s1", KEY)).await.unwrap();
    let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
    let clock = Arc::clone(&now_ms);
    let clock: checkout::Clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let mut doors = doors::all();
    doors.push(Arc::new(Slip));
    let checkout = Checkout::new(Parts {
        store: Arc::clone(&store),
        gateways: vec![Arc::new(Twice::default())],
        doors,
        receiver: Arc::new(HttpReceiver::new(Arc::clone(&clock)).unwrap()),
        clock,
        schedule: Schedule::default(),
        lease_ms: 30_000,
        rates: Arc::new(|_, _| Err(NoRate::Unset)),
        toll: Arc::new(|_, _| Ok(())),
        instances: 1,
        untaken_ms: 300_000,
        lost_orders: 3,
        public_url: "http://127.0.0.1:3000".to_owned(),
    });
    let checkout = checkout.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let shop = Router::new().route(
        "/told",
        post(move |body: String| async move {
            hears.lock().unwrap().push(body);
            "ok"
        }),
    );
    World {
        base: format!("http://{}", serve(slip::router(&checkout)).await),
        tell: format!("http://{}/told", serve(shop).await),
        checkout,
        store,
        now_ms,
        told,
    }
}

impl World {
    /// Orders, signed with this key, and gives the status and what was answered.
    async fn order(&self, order: &str, cents: &str, key: &str) -> (u16, Value) {
        let sign = slip::sign(&[order, cents, &self.tell], key.as_bytes());
        let body = json!({
            "partner": "s1", "order": order, "cents": cents, "tell": self.tell, "sign": sign,
        });
        let call = reqwest::Client::new()
            .post(format!("{}/slip/order", self.base))
            .body(body.to_string());
        let answer = call.send().await.unwrap();
        let status = answer.status().as_u16();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap())
    }

    /// A payer opens the page of this address and starts to pay.
    async fn pay(&self, url: &str) -> AttemptRow {
        let (_, query) = url.split_once('?').unwrap();
        let pairs = Pairs::from_query(query).unwrap();
        let (domain, request) = self.checkout.verified(&pairs).await.unwrap();
        let start = Start {
            channel: Channel::Wechat,
            place: Place::pc(),
        };
        self.checkout.pay(&domain, &request, start).await.unwrap()
    }

    /// Due questions are asked, so many seconds later; gives how the order stands then.
    async fn ask_after_s(&self, seconds: i64, order_sn: &str) -> Attempt {
        self.now_ms.fetch_add(seconds * 1000, Ordering::Relaxed);
        self.checkout.run_due_queries().await.unwrap();
        let attempt = self.store.attempt(order_sn).await.unwrap();
        attempt.unwrap().status
    }
}

#[tokio::test]
async fn a_third_door_is_told_what_a_new_channel_took() {
    let world = world("told").await;
    let (status, answer) = world.order("A-1", "250", KEY).await;
    assert_eq!(status, 200, "{answer}");
    let attempt = world.pay(answer["url"].as_str().unwrap()).await;
    assert_eq!(attempt.money.minor(), 250);
    let sn = attempt.order_sn.as_str();
    assert_eq!(world.ask_after_s(5, sn).await, Attempt::Open);
    assert_eq!(world.ask_after_s(10, sn).await, Attempt::Paid);
    assert_eq!(world.checkout.run_due_callbacks().await.unwrap(), 1);
    world.checkout.drained().await;
    let told = world.told.lock().unwrap().clone();
    let [told] = told.as_slice() else {
        panic!("told {told:?}");
    };
    let told: Value = serde_json::from_str(told).unwrap();
    let sign = slip::sign(&["A-1", "250", sn], KEY.as_bytes());
    assert_eq!(
        told,
        json!({"order": "A-1", "cents": "250", "paid": sn, "sign": sign})
    );
    let callbacks = world.store.callbacks(sn).await.unwrap();
    assert_eq!(callbacks[0].state, payment::ports::CallbackState::Delivered);
}

#[tokio::test]
async fn a_third_door_refuses_what_is_not_proved_and_what_is_another_order() {
    let world = world("refused").await;
    assert_eq!(world.order("A-1", "250", "another key").await.0, 403);
    let (_, first) = world.order("A-1", "250", KEY).await;
    assert_eq!(world.order("A-1", "250", KEY).await.1, first);
    assert_eq!(world.order("A-1", "251", KEY).await.0, 409);
    assert_eq!(world.order("A-2", "2.5", KEY).await.0, 400);
}
