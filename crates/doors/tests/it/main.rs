//! Doors over a real database, and a channel that is only here: `twice.rs` is a whole one,
//! for whoever adds another.

#![expect(clippy::unwrap_used, reason = "a test that can not go on ends here")]

mod forger;
mod twice;
mod vectors;

use axum::Router;
use axum::extract::RawQuery;
use axum::routing::get;
use channels::receiver::HttpReceiver;
use checkout::{Checkout, Parts, Place, Schedule, Start};
use doors::epay;
use payment::channel::Channel;
use payment::fields::Fields;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, Store};
use payment::rate::NoRate;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::net::TcpListener;
use twice::Twice;

struct World {
    checkout: Arc<Checkout>,
    store: Arc<dyn Store>,
    now_ms: Arc<AtomicI64>,
    /// Of its database; removed with it.
    _folder: TempDir,
    /// Where the business system wants to be told, and what it was told.
    tell: String,
    told: Arc<Mutex<Vec<String>>>,
}

async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = store::migrate(&format!(
        "sqlite:{}",
        folder.path().join("doors.db").display()
    ))
    .await
    .unwrap();
    store.add_domain(&epay::p1001().unwrap()).await.unwrap();
    let now_ms = Arc::new(AtomicI64::new(1_800_000_000_000));
    let clock = Arc::clone(&now_ms);
    let clock: checkout::Clock = Arc::new(move || clock.load(Ordering::Relaxed));
    let checkout = Checkout::new(Parts {
        store: Arc::clone(&store),
        gateways: vec![Arc::new(Twice::default())],
        doors: doors::all(),
        receiver: Arc::new(HttpReceiver::new(Arc::clone(&clock)).unwrap()),
        clock,
        schedule: Schedule::default(),
        lease_ms: 30_000,
        rates: Arc::new(|_, _| Err(NoRate::Unset)),
        toll: Arc::new(|_, _| Ok(())),
        instances: 1,
        untaken_ms: 300_000,
        lost_orders: 3,
        refund_alone: None,
        public_url: "http://127.0.0.1:3000".to_owned(),
    });
    let checkout = checkout.unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    let shop = Router::new().route(
        "/told",
        get(move |RawQuery(query): RawQuery| async move {
            hears.lock().unwrap().push(query.unwrap());
            "success"
        }),
    );
    World {
        tell: format!("http://{}/told", serve(shop).await),
        checkout,
        store,
        now_ms,
        _folder: folder,
        told,
    }
}

impl World {
    /// Orders; gives the address of our page.
    async fn order(&self, number: &str, money: &str) -> Result<String, epay::Failure> {
        self.order_with(number, money, "").await
    }

    async fn order_with(
        &self,
        number: &str,
        money: &str,
        param: &str,
    ) -> Result<String, epay::Failure> {
        let pairs = [
            ("pid", "1001"),
            ("out_trade_no", number),
            ("notify_url", &self.tell),
            ("return_url", "http://127.0.0.1:9/"),
            ("name", "VIP"),
            ("money", money),
            ("param", param),
        ];
        let domain = epay::p1001().unwrap();
        let sign = epay::md5_sign(pairs.into_iter(), &domain.secrets()[0]);
        let signed = pairs.into_iter().chain([("sign", sign.as_str())]);
        let signed = signed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = Pairs::from_stored(signed.collect()).to_query();
        epay::submit(&self.checkout, Fields::from_query(&query).unwrap()).await
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
async fn a_door_tells_what_a_new_channel_took() {
    let world = world().await;
    let url = world.order("A-1", "2.50").await.unwrap();
    assert_eq!(world.order("A-1", "2.50").await.unwrap(), url);
    let attempt = world.pay(&url).await;
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
    let told = Fields::from_query(told).unwrap();
    assert_eq!(told.get("out_trade_no"), Some("A-1"));
    assert_eq!(told.get("money"), Some("2.50"));
    let domain = epay::p1001().unwrap();
    assert!(epay::verifies(&told, &domain.secrets()[0]));
    let callbacks = world.store.callbacks(sn).await.unwrap();
    assert_eq!(callbacks[0].state, payment::ports::CallbackState::Delivered);
    // Its page leads back who comes once more.
    assert_eq!(world.order("A-1", "2.50").await.unwrap(), url);
}

/// Where the payer goes on tells of a payment that nothing was given back of, and of no
/// other: who was not told of it yet would credit it.
#[tokio::test]
async fn the_way_back_tells_of_money_that_stayed_alone() {
    let world = world().await;
    let url = world.order("B-1", "2.50").await.unwrap();
    let attempt = world.pay(&url).await;
    let sn = attempt.order_sn.as_str();
    let domain = epay::p1001().unwrap();
    let back = async || {
        let attempt = world.store.attempt(sn).await.unwrap().unwrap();
        let back = world.checkout.return_address(&domain, &attempt).await;
        back.unwrap()
    };
    assert_eq!(back().await, None);
    world.ask_after_s(5, sn).await;
    assert_eq!(world.ask_after_s(10, sn).await, Attempt::Paid);
    let told = back().await.unwrap();
    let told = told.strip_prefix("http://127.0.0.1:9/?").unwrap();
    let told = Fields::from_query(told).unwrap();
    assert!(epay::verifies(&told, &domain.secrets()[0]));
    let paid = world.store.attempt(sn).await.unwrap().unwrap();
    let refund = world.checkout.refund_keyed(&paid, "no:r1".to_owned(), 100);
    refund.await.unwrap();
    assert_eq!(back().await, None);
}

#[tokio::test]
async fn the_longest_order_that_is_taken_is_told() {
    let world = world().await;
    let number = "L".repeat(64);
    // Escaped, each of these has three bytes.
    let mut url = Err(epay::Failure::Nothing);
    for length in (1..=1024).rev() {
        url = world
            .order_with(&number, "9999999.99", &"|".repeat(length))
            .await;
        if url.is_ok() {
            break;
        }
    }
    let attempt = world.pay(&url.unwrap()).await;
    let sn = attempt.order_sn.as_str();
    world.ask_after_s(5, sn).await;
    world.ask_after_s(10, sn).await;
    world.checkout.run_due_callbacks().await.unwrap();
    world.checkout.drained().await;
    let told = world.told.lock().unwrap().clone();
    assert!(told.len() == 1 && told[0].len() > 1_900, "{told:?}");
}
