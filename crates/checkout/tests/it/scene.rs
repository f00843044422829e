//! A store, a channel that does as it is told, a receiver that takes everything,
//! and a clock that is moved by hand.

use checkout::{Checkout, Parts, Scene as Where, Schedule, Start};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::money::{Currency, Money};
use payment::pairs::Pairs;
use payment::ports::{
    AttemptRow, CallbackAnswer, ChannelError, Created, Gateway, Kind, NewOrder, Notify, OrderState,
    PaidReport, RawNotify, Receiver, Store,
};
use payment::sign::sha1_sign;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// What the channel answers, and what it was asked.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) create: Option<ChannelError>,
    pub(crate) query: Option<Result<OrderState, ChannelError>>,
    pub(crate) close: Option<ChannelError>,
    pub(crate) calls: Vec<&'static str>,
}

pub(crate) struct FakeChannel(pub(crate) Mutex<Told>);

#[async_trait::async_trait]
impl Gateway for FakeChannel {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn account(&self) -> &str {
        "fake"
    }

    fn merchant(&self) -> String {
        "m".to_owned()
    }

    fn enabled(&self) -> bool {
        true
    }

    fn offers(&self, kind: Kind) -> bool {
        kind == Kind::Native
    }

    async fn create(&self, _: &NewOrder) -> Result<Created, ChannelError> {
        let mut told = self.0.lock().unwrap();
        told.calls.push("create");
        told.create.clone().map_or(
            Ok(Created {
                obj: "weixin://x".to_owned(),
            }),
            Err,
        )
    }

    async fn query(&self, _: &str) -> Result<OrderState, ChannelError> {
        let mut told = self.0.lock().unwrap();
        told.calls.push("query");
        told.query.clone().unwrap_or(Ok(OrderState::Pending))
    }

    async fn close(&self, _: &str) -> Result<(), ChannelError> {
        let mut told = self.0.lock().unwrap();
        told.calls.push("close");
        if told.close.is_none() {
            told.query = Some(Ok(OrderState::Closed));
        }
        told.close.clone().map_or(Ok(()), Err)
    }

    async fn read_notify(&self, _: &RawNotify) -> Result<Notify, ChannelError> {
        Err(ChannelError::NotOffered)
    }

    fn notify_answer(&self, _: bool) -> (u16, String) {
        (200, String::new())
    }
}

struct Takes;

#[async_trait::async_trait]
impl Receiver for Takes {
    async fn get(&self, _: &str, _: &[String], _: bool) -> CallbackAnswer {
        CallbackAnswer {
            status: Some(200),
            text: "success".to_owned(),
            duration_ms: 1,
        }
    }
}

pub(crate) struct Scene {
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) channel: Arc<FakeChannel>,
    now_ms: Arc<AtomicI64>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        let path = temp_folder().join("checkout.db");
        let store = store::open(&format!("sqlite:{}", path.display()))
            .await
            .unwrap();
        store.add_domain(&Domain::test()).await.unwrap();
        let channel = Arc::new(FakeChannel(Mutex::default()));
        let now_ms = Arc::new(AtomicI64::new(1_465_955_270_000));
        let clock = Arc::clone(&now_ms);
        let parts = Parts {
            store: Arc::clone(&store),
            gateways: vec![Arc::clone(&channel) as Arc<dyn Gateway>],
            receiver: Arc::new(Takes),
            clock: Arc::new(move || clock.load(Ordering::Relaxed)),
            schedule: Schedule::default(),
        };
        Self {
            checkout: Checkout::new(parts).unwrap(),
            store,
            channel,
            now_ms,
        }
    }

    /// Starts a payment of one yuan under `key`.
    pub(crate) async fn pay(&self, key: &str) -> Result<AttemptRow, checkout::Failure> {
        let pairs = signed(key);
        let (domain, request) = self.checkout.verified(&pairs).await?;
        let start = Start {
            channel: Channel::Wechat,
            scene: Where::Pc,
        };
        self.checkout.pay(&domain, &request, start).await
    }

    /// Moves the clock on, and runs the queries that are due then.
    pub(crate) async fn after_s(&self, seconds: i64) -> usize {
        self.now_ms.fetch_add(seconds * 1_000, Ordering::Relaxed);
        self.checkout.run_due_queries().await.unwrap()
    }

    /// Tells the channel what to answer to queries.
    pub(crate) fn answers(&self, answer: Result<OrderState, ChannelError>) {
        self.channel.0.lock().unwrap().query = Some(answer);
    }

    /// What the channel was asked since the last look.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.channel.0.lock().unwrap().calls)
    }

    pub(crate) async fn attempt(&self, key: &str) -> AttemptRow {
        self.store.attempts("test", key).await.unwrap().remove(0)
    }
}

/// The channel's word that this attempt is paid.
pub(crate) fn paid(attempt: &AttemptRow, fen: i64) -> OrderState {
    OrderState::Paid(PaidReport {
        merchant: "m".to_owned(),
        channel_order_no: attempt.channel_order_no.clone(),
        trade_no: "t".to_owned(),
        money: Money::from_minor(fen, Currency::Cny).unwrap(),
        paid_ms: None,
    })
}

fn signed(key: &str) -> Pairs {
    let mut pairs: Vec<(String, String)> = [
        ("domainCode", "test"),
        ("money", "100"),
        ("info", "商品"),
        ("requestKey", key),
        ("currencyType", "CNY"),
        ("bgUrl", "http://www.sina.com"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let domain = Domain::test();
    let values = pairs.iter().map(|(_, value)| value.as_str());
    let sign = sha1_sign(values, &domain.secrets()[0]);
    pairs.push(("sign".to_owned(), sign));
    Pairs::from_stored(pairs)
}

fn temp_folder() -> PathBuf {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!("tongfu-checkout-{}-{number}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
