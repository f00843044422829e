//! The sandbox's gateway on a port of its own, and our adapters for it.

use crate::keys::put_keys;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use channels::Clock;
use channels::registry::{Accounts, gateways};
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::obj::{Form, Obj};
use payment::ports::{ChannelError, ChannelOrder, Gateway, Kind, NewOrder, RawNotify, RefundOrder};
use serde_json::Value;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;
use tokio::net::TcpListener;

static COUNTER: AtomicU32 = AtomicU32::new(0);
/// How often something that must come is looked for: 20 s in all.
pub(crate) const LOOKS: u32 = 400;

pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// Gateway, a place that notifies come to, and both kinds of account.
pub(crate) struct World {
    base: String,
    folder: TempDir,
    /// Where notifies come to.
    pub(crate) target: String,
    pub(crate) gateways: Vec<Arc<dyn Gateway>>,
    letters: Arc<Mutex<Vec<RawNotify>>>,
    client: reqwest::Client,
}

impl World {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        put_keys(folder.path());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let router = sandbox::gateway::router(&base, folder.path(), Some(vec![])).unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let letters = Arc::new(Mutex::new(Vec::new()));
        let target = letter_box(Arc::clone(&letters)).await;
        let gateways = adapters(folder.path(), &target, is_direct, |_| {});
        let client = channels::client().unwrap();
        Self {
            base,
            folder,
            target,
            gateways,
            letters,
            client,
        }
    }

    /// Where the sandbox keeps its keys and the accounts file.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The adapters of a channel.
    pub(crate) fn of(&self, channel: Channel) -> Vec<Arc<dyn Gateway>> {
        let of = |gateway: &&Arc<dyn Gateway>| gateway.channel() == channel;
        self.gateways.iter().filter(of).cloned().collect()
    }

    /// The adapters of a channel whose accounts are set up otherwise.
    pub(crate) fn changed(
        &self,
        channel: Channel,
        change: impl Fn(&mut toml::Table),
    ) -> Vec<Arc<dyn Gateway>> {
        let change = |account: &mut toml::Table| {
            if account["channel"].as_str() == Some(channel.code()) {
                change(account);
            }
        };
        let mut gateways = adapters(self.folder(), &self.target, is_direct, change);
        gateways.retain(|gateway| gateway.channel() == channel);
        gateways
    }

    /// The adapters of a channel by another clock.
    pub(crate) fn by_clock(&self, channel: Channel, clock: &Clock) -> Vec<Arc<dyn Gateway>> {
        let mut gateways = adapters_by(clock, self.folder(), &self.target, is_direct, |_| {});
        gateways.retain(|gateway| gateway.channel() == channel);
        gateways
    }

    /// The adapter of the account behind which Apay stands, set up otherwise.
    pub(crate) fn via_apay(&self, change: impl Fn(&mut toml::Table)) -> Arc<dyn Gateway> {
        let via = |account: &toml::Table| !is_direct(account);
        adapters(self.folder(), &self.target, via, change).remove(0)
    }

    /// The address of the outside world.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The settings of the account behind which Apay stands.
    pub(crate) fn apay_account(&self) -> toml::Table {
        let mut accounts = accounts(self.folder()).account;
        accounts.retain(|account| !is_direct(account));
        accounts.remove(0)
    }

    pub(crate) async fn control(&self, act: &str, body: serde_json::Value) {
        let request = self.client.post(format!("{}/control/{act}", self.base));
        let request = request
            .header("Content-Type", "application/json")
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{act}: {}", answer.status());
    }

    pub(crate) async fn act(&self, act: &str, number: &str) {
        self.control(act, serde_json::json!({ "channelOrderNo": number }))
            .await;
    }

    pub(crate) async fn fault(&self, on: &str, kind: &str) {
        self.control(
            "fault",
            serde_json::json!({"on": on, "kind": kind, "amount": 1}),
        )
        .await;
    }

    /// A page of the outside world.
    pub(crate) async fn page(&self, address: &str) -> String {
        let answer = self.client.get(address).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// What a payer's browser shows after an order's form.
    pub(crate) async fn opened(&self, form: &Form) -> String {
        self.send_form(&form.action, &form.fields).await
    }

    /// What a browser shows after a form was sent.
    pub(crate) async fn send_form(&self, action: &str, fields: &[(String, String)]) -> String {
        let body: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}={}", payment::escape::escape(value)))
            .collect();
        let request = self.client.post(action);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request.body(body.join("&")).send().await.unwrap();
        answer.text().await.unwrap()
    }

    /// The next notify that came.
    pub(crate) async fn letter(&self) -> RawNotify {
        for _ in 0..LOOKS {
            if let Some(letter) = self.letters.lock().unwrap().pop() {
                return letter;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no notify came");
    }
}

/// An order that no test made before.
pub(crate) fn order() -> NewOrder {
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    NewOrder {
        kind: Kind::Native,
        order: ChannelOrder {
            number: format!("{}{number:07}", now_ms()),
            reference: None,
            trade_no: None,
            money: Money::from_minor(12_345, Currency::Cny).unwrap(),
            asked: None,
            created_ms: now_ms(),
        },
        goods: "蓝牙耳机".to_owned(),
        expires_ms: now_ms() + 900_000,
        openid: None,
        return_url: "http://127.0.0.1:1/pay/return/t".to_owned(),
        quit_url: "http://127.0.0.1:1/pay/attempt/t".to_owned(),
    }
}

/// The form that an order leads its payer by.
pub(crate) async fn form(gateway: &Arc<dyn Gateway>, order: &NewOrder) -> Form {
    match gateway.create(order).await.unwrap().obj {
        Obj::Form(form) => form,
        other => panic!("no form: {other:?}"),
    }
}

/// A refund of an order, in its currency.
pub(crate) fn refund_of(order: &ChannelOrder, number: &str, minor: i64) -> RefundOrder {
    RefundOrder {
        order: order.clone(),
        refund_no: format!("{number}x{}", order.number),
        reference: None,
        money: Money::from_minor(minor, order.money.currency()).unwrap(),
        begun_ms: now_ms(),
        was_sent: false,
        follows: false,
    }
}

/// Vectors made by others, where they lie beside the checkout.
pub(crate) fn vectors(name: &str) -> Option<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/vectors");
    let Ok(text) = std::fs::read_to_string(folder.join(name)) else {
        eprintln!("SKIPPED: the vectors {name} are not beside this checkout");
        return None;
    };
    Some(serde_json::from_str(&text).unwrap())
}

/// Asserts that a call's outcome is unknown: neither done nor refused.
#[track_caller]
pub(crate) fn assert_unknown<T: std::fmt::Debug>(what: &str, answer: &Result<T, ChannelError>) {
    let unknown = matches!(answer, Err(ChannelError::Unknown(_)));
    assert!(unknown, "{what}: {answer:?}");
}

/// The adapters of the accounts that are kept; WeChat in public-key and in
/// certificate mode.
fn adapters(
    folder: &Path,
    target: &str,
    keep: impl Fn(&toml::Table) -> bool,
    change: impl Fn(&mut toml::Table),
) -> Vec<Arc<dyn Gateway>> {
    let clock: Clock = Arc::new(now_ms);
    adapters_by(&clock, folder, target, keep, change)
}

fn adapters_by(
    clock: &Clock,
    folder: &Path,
    target: &str,
    keep: impl Fn(&toml::Table) -> bool,
    change: impl Fn(&mut toml::Table),
) -> Vec<Arc<dyn Gateway>> {
    let mut accounts = accounts(folder);
    accounts.account.retain(keep);
    for account in &mut accounts.account {
        account.insert("enabled".to_owned(), true.into());
        change(account);
    }
    gateways(accounts.beside(folder), target, clock).unwrap()
}

fn accounts(folder: &Path) -> Accounts {
    let text = std::fs::read_to_string(folder.join("accounts.toml")).unwrap();
    toml::from_str(&text).unwrap()
}

/// Whether the account is one at the channel itself.
fn is_direct(account: &toml::Table) -> bool {
    !account.contains_key("via")
}

async fn letter_box(letters: Arc<Mutex<Vec<RawNotify>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(take).with_state(letters);
    tokio::spawn(async move { axum::serve(listener, router).await });
    target
}

async fn take(State(letters): State<Arc<Mutex<Vec<RawNotify>>>>, request: Request<Body>) {
    let (parts, body) = request.into_parts();
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    let body = to_bytes(body, 1 << 20).await.unwrap().to_vec();
    letters.lock().unwrap().push(RawNotify {
        headers,
        body,
        received_ms: now_ms(),
    });
}
