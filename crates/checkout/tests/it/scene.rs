//! A store, a channel that does as it is told, a receiver that takes everything,
//! and a clock that is moved by hand.

use checkout::{Checkout, Parts, Place, Schedule, Start};
use payment::by_two::{AloneMost, Meant};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::money::{Currency, Money};
use payment::obj::Obj;
use payment::pairs::Pairs;
use payment::ports::{
    AttemptRow, Call, CallbackAnswer, ChannelError, ChannelOrder, Created, Doubt, Gateway,
    GivenBack, Kind, NewOrder, Notify, NotifyAnswer, OrderState, PaidReport, QueryRate, RawNotify,
    Receiver, RefundOrder, RefundReport, RefundState, Store, Terms,
};
use payment::rate::{NoRate, Rate};
use payment::sign::{Purpose, hmac_sign, sha1_sign};
use std::borrow::Cow;
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// Of an operator who has seen what went back before.
pub(crate) const AGAIN: Meant = Meant {
    again: true,
    left: None,
};

/// When every scene begins.
pub(crate) const START_MS: i64 = 1_465_955_270_000;

/// What the channel answers, and what it was asked.
#[derive(Default)]
pub(crate) struct Told {
    pub(crate) create: Option<ChannelError>,
    /// What an order costs there, where that is another sum.
    pub(crate) changed: Option<Money>,
    pub(crate) query: Option<Result<OrderState, ChannelError>>,
    pub(crate) close: Option<ChannelError>,
    /// How an order stands once it was to be closed; none: closed.
    pub(crate) after_close: Option<OrderState>,
    /// What becomes of an order while it is to be closed, once.
    pub(crate) meanwhile: Option<OrderState>,
    pub(crate) capture: Option<OrderState>,
    pub(crate) refund: Option<Result<RefundState, ChannelError>>,
    pub(crate) query_refund: Option<Result<RefundState, ChannelError>>,
    /// What the channel calls a refund.
    pub(crate) reference: Option<String>,
    /// The references that refunds were sent with.
    pub(crate) sent_with: Vec<Option<String>>,
    /// What it wants between two refunds of one order.
    pub(crate) refund_gap_ms: i64,
    /// It can't be asked about a refund, and wants one after the other.
    pub(crate) is_mute: bool,
    /// A question about a refund waits here, and says that it does.
    pub(crate) gate: Option<Arc<Gate>>,
    pub(crate) lingers: bool,
    pub(crate) fresh_since_ms: i64,
    /// An order that is made again is a second one.
    pub(crate) makes_anew: bool,
    pub(crate) notify: Option<Notify>,
    /// Why no notify of it can be read.
    pub(crate) notify_doubt: Option<Doubt>,
    pub(crate) calls: Vec<&'static str>,
}

/// Something is under way, until it is let go on.
#[derive(Default)]
pub(crate) struct Gate {
    pub(crate) entered: tokio::sync::Notify,
    pub(crate) go_on: tokio::sync::Notify,
}

pub(crate) struct FakeChannel {
    pub(crate) channel: Channel,
    pub(crate) terms: Terms,
    pub(crate) told: Mutex<Told>,
}

impl FakeChannel {
    fn new(channel: Channel, currency: Currency) -> Arc<Self> {
        Arc::new(Self {
            channel,
            terms: Terms {
                enabled: true,
                domains: Vec::new(),
                currency,
                smallest: 1,
                largest: 1_000_000,
                queries: QueryRate::default(),
            },
            told: Mutex::default(),
        })
    }

    fn note(&self, call: &'static str) -> std::sync::MutexGuard<'_, Told> {
        let mut told = self.told.lock().unwrap();
        told.calls.push(call);
        told
    }
}

fn report(
    state: Result<RefundState, ChannelError>,
    reference: Option<String>,
) -> Result<RefundReport, ChannelError> {
    state.map(|state| RefundReport { state, reference })
}

#[async_trait::async_trait]
impl Gateway for FakeChannel {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn account(&self) -> &str {
        "fake"
    }

    fn merchant(&self) -> String {
        "m".to_owned()
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn offers(&self, kind: Kind) -> bool {
        match self.channel {
            Channel::Wechat => matches!(kind, Kind::Native | Kind::Jsapi),
            _ => matches!(kind, Kind::Page | Kind::Wap),
        }
    }

    fn lingers(&self) -> bool {
        self.told.lock().unwrap().lingers
    }

    fn answers_for_refunds(&self) -> bool {
        !self.told.lock().unwrap().is_mute
    }

    fn refunds_in_turn(&self) -> bool {
        self.told.lock().unwrap().is_mute
    }

    fn refund_gap_ms(&self) -> i64 {
        self.told.lock().unwrap().refund_gap_ms
    }

    fn fresh_since_ms(&self, _: i64) -> i64 {
        self.told.lock().unwrap().fresh_since_ms
    }

    fn repeats_orders(&self) -> bool {
        !self.told.lock().unwrap().makes_anew
    }

    async fn check(&self) -> Result<(), String> {
        Ok(())
    }

    async fn create(&self, _: &NewOrder) -> Result<Created, ChannelError> {
        let told = self.note("create");
        let created = Created {
            obj: Obj::Code("weixin://x".to_owned()),
            reference: None,
            changed: told.changed,
        };
        told.create.clone().map_or(Ok(created), Err)
    }

    async fn query(&self, _: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let told = self.note("query");
        told.query.clone().unwrap_or(Ok(OrderState::Pending))
    }

    async fn capture(&self, _: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let told = self.note("capture");
        told.capture.clone().ok_or(ChannelError::NotOffered)
    }

    async fn close(&self, _: &ChannelOrder) -> Result<(), ChannelError> {
        let mut told = self.note("close");
        if let Some(meanwhile) = told.meanwhile.take() {
            told.query = Some(Ok(meanwhile));
        }
        if told.close.is_none() {
            let after = told.after_close.clone();
            told.query = Some(Ok(after.unwrap_or(OrderState::Closed)));
        }
        told.close.clone().map_or(Ok(()), Err)
    }

    async fn refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let mut told = self.note("refund");
        told.sent_with.push(refund.reference.clone());
        let state = told.refund.clone().unwrap_or(Ok(RefundState::Done));
        report(state, told.reference.clone())
    }

    async fn query_refund(&self, _: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let gate = self.told.lock().unwrap().gate.clone();
        if let Some(gate) = gate {
            gate.entered.notify_one();
            gate.go_on.notified().await;
        }
        let told = self.note("query_refund");
        let state = told.query_refund.clone().unwrap_or(Ok(RefundState::Done));
        report(state, None)
    }

    async fn read_notify(&self, _: &RawNotify) -> Result<Notify, ChannelError> {
        let told = self.told.lock().unwrap();
        match told.notify_doubt {
            Some(doubt) => Err(ChannelError::unknown(doubt, "told")),
            None => told.notify.clone().ok_or(ChannelError::NotOffered),
        }
    }

    /// Blanks at its end are not signed.
    fn signed<'a>(&self, notify: &'a RawNotify) -> Cow<'a, [u8]> {
        Cow::from(notify.body.trim_ascii_end())
    }

    fn notify_answer(&self, _: bool) -> NotifyAnswer {
        NotifyAnswer {
            status: 200,
            content_type: "text/plain",
            body: "".into(),
        }
    }
}

/// Business systems: they take everything, but for one that may hang.
#[derive(Default)]
pub(crate) struct Receivers {
    /// Addresses that begin like this are never answered.
    pub(crate) hung: Mutex<Option<&'static str>>,
    /// They take nothing.
    pub(crate) down: AtomicBool,
    pub(crate) taken: Mutex<Vec<String>>,
    pub(crate) hanging: AtomicU32,
    /// Lets go of them.
    pub(crate) released: tokio::sync::Notify,
}

#[async_trait::async_trait]
impl Receiver for Receivers {
    async fn call(&self, call: &Call<'_>) -> CallbackAnswer {
        let hung = *self.hung.lock().unwrap();
        if hung.is_some_and(|hung| call.url.starts_with(hung)) {
            self.hanging.fetch_add(1, Ordering::Relaxed);
            self.released.notified().await;
        }
        if self.down.load(Ordering::Relaxed) {
            return CallbackAnswer {
                status: Some(503),
                location: None,
                text: String::new(),
                duration_ms: 1,
            };
        }
        let body = call.body.map(|(_, body)| format!(" {body}"));
        let took = format!("{}{}", call.url, body.unwrap_or_default());
        self.taken.lock().unwrap().push(took);
        CallbackAnswer {
            status: Some(200),
            location: None,
            // By the platform's word a GET, by an object without err a form.
            text: if call.body.is_some() { "{}" } else { "success" }.to_owned(),
            duration_ms: 1,
        }
    }
}

pub(crate) struct Scene {
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) receivers: Arc<Receivers>,
    /// WeChat, in CNY.
    pub(crate) channel: Arc<FakeChannel>,
    /// PayPal, in USD.
    pub(crate) paypal: Arc<FakeChannel>,
    now_ms: Arc<AtomicI64>,
}

/// The use cases over this database, with the domain `test` in it.
pub(crate) async fn open(
    database: &str,
    gateways: Vec<Arc<dyn Gateway>>,
    receiver: Arc<dyn Receiver>,
    now_ms: &Arc<AtomicI64>,
) -> (Arc<Checkout>, Arc<dyn Store>) {
    open_with(database, gateways, receiver, now_ms, None).await
}

async fn open_with(
    database: &str,
    gateways: Vec<Arc<dyn Gateway>>,
    receiver: Arc<dyn Receiver>,
    now_ms: &Arc<AtomicI64>,
    refund_alone: Option<AloneMost>,
) -> (Arc<Checkout>, Arc<dyn Store>) {
    let store = store::migrate(database).await.unwrap();
    if store.domain("test").await.unwrap().is_none() {
        store.add_domain(&Domain::test()).await.unwrap();
    }
    let clock = Arc::clone(now_ms);
    let parts = Parts {
        store: Arc::clone(&store),
        gateways,
        doors: doors::all(),
        receiver,
        clock: Arc::new(move || clock.load(Ordering::Relaxed)),
        schedule: Schedule::default(),
        untaken_ms: 300_000,
        lost_orders: 3,
        refund_alone,
        lease_ms: 30_000,
        rates: Arc::new(|_, _| Rate::parse("7.0").ok_or(NoRate::Unset)),
        toll: Arc::new(|_, _| Ok(())),
        instances: 1,
        public_url: "http://127.0.0.1:3000".to_owned(),
    };
    (Checkout::new(parts).unwrap(), store)
}

/// The address of a database that no test has.
pub(crate) fn new_database() -> String {
    format!("sqlite:{}", temp_folder().join("checkout.db").display())
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with(None).await
    }

    /// One whose operators give back no more than this alone.
    pub(crate) async fn with(refund_alone: Option<AloneMost>) -> Self {
        let channel = FakeChannel::new(Channel::Wechat, Currency::Cny);
        let paypal = FakeChannel::new(Channel::Paypal, Currency::Usd);
        let now_ms = Arc::new(AtomicI64::new(START_MS));
        let gateways = vec![
            Arc::clone(&channel) as Arc<dyn Gateway>,
            Arc::clone(&paypal) as Arc<dyn Gateway>,
        ];
        let receivers = Arc::new(Receivers::default());
        let receiver = Arc::clone(&receivers) as Arc<dyn Receiver>;
        let database = new_database();
        let (checkout, store) =
            open_with(&database, gateways, receiver, &now_ms, refund_alone).await;
        Self {
            checkout,
            store,
            receivers,
            channel,
            paypal,
            now_ms,
        }
    }

    /// The domain with other settings.
    pub(crate) async fn with_domain(&self, change: impl FnOnce(&mut Domain)) {
        let was = self.store.domain("test").await.unwrap().unwrap();
        let mut domain = was.clone();
        change(&mut domain);
        self.store.set_domain(&was, &domain).await.unwrap();
    }

    /// Starts a payment of one yuan under `key`.
    pub(crate) async fn pay(&self, key: &str) -> Result<AttemptRow, checkout::Failure> {
        self.pay_by(Channel::Wechat, &[("requestKey", key)]).await
    }

    /// Starts a payment of one yuan by a channel, with these values beside.
    pub(crate) async fn pay_by(
        &self,
        channel: Channel,
        more: &[(&str, &str)],
    ) -> Result<AttemptRow, checkout::Failure> {
        let (domain, request) = self.checkout.verified(&signed(more)).await?;
        let start = Start {
            channel,
            place: Place::pc(),
        };
        self.checkout.pay(&domain, &request, start).await
    }

    /// Pays a partner's page.
    pub(crate) async fn pay_page(&self, url: &str, fen: i64) -> AttemptRow {
        let (_, values) = url.split_once('?').unwrap();
        let pairs = Pairs::from_query(values).unwrap();
        let (domain, request) = self.checkout.verified(&pairs).await.unwrap();
        let start = Start {
            channel: Channel::Wechat,
            place: Place::pc(),
        };
        let attempt = self.checkout.pay(&domain, &request, start).await.unwrap();
        self.answers(Ok(paid(&attempt, fen)));
        self.after_s(5).await;
        self.asked();
        attempt
    }

    /// Now, by the clock that is moved by hand.
    pub(crate) fn now_ms(&self) -> i64 {
        self.now_ms.load(Ordering::Relaxed)
    }

    /// Sets the clock.
    pub(crate) fn set_clock(&self, now_ms: i64) {
        self.now_ms.store(now_ms, Ordering::Relaxed);
    }

    /// Moves the clock on, and takes up the notifies that are due then.
    pub(crate) async fn notifies_after_s(&self, seconds: i64) -> usize {
        self.now_ms.fetch_add(seconds * 1_000, Ordering::Relaxed);
        self.checkout.run_due_notifies().await.unwrap()
    }

    /// Moves the clock on, and runs the refunds that are due then.
    pub(crate) async fn refunds_after_s(&self, seconds: i64) -> usize {
        self.now_ms.fetch_add(seconds * 1_000, Ordering::Relaxed);
        self.checkout.run_due_refunds().await.unwrap()
    }

    /// Moves the clock on, and runs the queries that are due then.
    pub(crate) async fn after_s(&self, seconds: i64) -> usize {
        self.now_ms.fetch_add(seconds * 1_000, Ordering::Relaxed);
        self.checkout.run_due_queries().await.unwrap()
    }

    /// Tells the channel what to answer to queries.
    pub(crate) fn answers(&self, answer: Result<OrderState, ChannelError>) {
        self.channel.told.lock().unwrap().query = Some(answer);
    }

    /// What the channel was asked since the last look.
    pub(crate) fn asked(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.channel.told.lock().unwrap().calls)
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
        given_back: GivenBack::Nothing,
    })
}

pub(crate) fn signed(more: &[(&str, &str)]) -> Pairs {
    let mut pairs: Vec<(String, String)> = [
        ("domainCode", "test"),
        ("money", "100"),
        ("info", "商品"),
        ("currencyType", "CNY"),
        ("bgUrl", "http://www.sina.com"),
    ]
    .into_iter()
    .filter(|(name, _)| more.iter().all(|(other, _)| other != name))
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .collect();
    pairs.extend(
        more.iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
    );
    let domain = Domain::test();
    let values = pairs.iter().map(|(_, value)| value.as_str());
    let sign = sha1_sign(values, &domain.secrets()[0]);
    pairs.push(("sign".to_owned(), sign));
    Pairs::from_stored(pairs)
}

/// A call of the business system's own, signed by HMAC.
pub(crate) fn by_hmac(purpose: Purpose, more: &[(&str, &str)]) -> Pairs {
    let mut pairs = vec![("domainCode", "test"), ("signType", "HMAC-SHA256")];
    pairs.extend(more);
    let sign = hmac_sign(purpose, pairs.iter().copied(), &Domain::test().secrets()[0]);
    pairs.push(("sign", &sign));
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Pairs::from_stored(pairs.iter().map(own).collect())
}

thread_local! {
    /// Each test has a thread, and its folders end with it.
    static FOLDERS: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

fn temp_folder() -> PathBuf {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    path
}
