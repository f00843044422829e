//! The rates that a gateway of Apay's family gives: asked for as the document says,
//! and kept while they are fresh.

use crate::world::World;
use axum::Router;
use axum::extract::State;
use channels::Clock;
use channels::apay::UpstreamRates;
use channels::registry::{Accounts, upstream_rates};
use payment::channel::Channel;
use payment::money::Currency;
use payment::rate::NoRate;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

const DAY_MS: i64 = 86_400_000;

type Shared = Arc<Mutex<(String, Vec<String>)>>;

/// A gateway that answers everything with what it is told to, and keeps what it was
/// asked; with rates over it and a clock set by hand.
struct Canned {
    shared: Shared,
    now_ms: Arc<AtomicI64>,
    rates: UpstreamRates,
}

impl Canned {
    async fn start() -> Self {
        let shared = Shared::default();
        let told = |State(shared): State<Shared>, body: String| async move {
            let mut shared = shared.lock().unwrap();
            shared.1.push(body);
            shared.0.clone()
        };
        let router = Router::new().fallback(told).with_state(Arc::clone(&shared));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let accounts = format!(
            "[[account]]\nchannel = \"Wechat\"\nvia = \"apay\"\nname = \"up\"\nenabled = false\n\
             base = \"{base}\"\npartner_id = \"p001\"\nkey = \"k\"\n"
        );
        let now_ms = Arc::new(AtomicI64::new(0));
        let hand = Arc::clone(&now_ms);
        let clock: Clock = Arc::new(move || hand.load(Ordering::Relaxed));
        let accounts: Accounts = toml::from_str(&accounts).unwrap();
        let rates = upstream_rates(accounts.beside(Path::new(".")), "up", 5, &clock).unwrap();
        Self {
            shared,
            now_ms,
            rates,
        }
    }

    /// Reads the rates, all answered alike; gives whether any was had.
    async fn reads(&self, answer: &str) -> bool {
        answer.clone_into(&mut self.shared.lock().unwrap().0);
        self.rates.refresh().await.is_ok()
    }

    fn rate(&self) -> Result<String, NoRate> {
        let rate = self.rates.cny_per(Currency::Usd, Channel::Alipay);
        rate.map(|rate| rate.to_string())
    }
}

#[tokio::test]
async fn each_currency_is_asked_for_with_each_payment() {
    let canned = Canned::start().await;
    assert!(
        canned
            .reads(r#"{"result":"ok","exchange_rate":7.012}"#)
            .await
    );
    let asked = canned.shared.lock().unwrap().1.clone();
    let expected = ["USD", "CAD"].into_iter().flat_map(|currency| {
        let payments = ["WECHATPAYH5", "ALIPAYH5", "UNIONPAYH5"];
        payments
            .map(|payment| format!("currency={currency}&payment={payment}&partnerId=p001&sign="))
    });
    let expected: Vec<_> = expected.collect();
    assert_eq!(asked.len(), expected.len());
    for (asked, expected) in asked.iter().zip(&expected) {
        assert!(asked.starts_with(expected), "{asked}");
    }
    let paypal = canned.rates.cny_per(Currency::Usd, Channel::Paypal);
    assert_eq!(paypal, Err(NoRate::NotGiven), "it has no word for that");
}

#[tokio::test]
async fn a_rate_is_read_as_a_number_and_as_text() {
    for (answer, rate) in [
        (r#"{"result":"ok","exchange_rate":7.012}"#, "7.012"),
        (r#"{"result":"ok","exchange_rate":"7.012"}"#, "7.012"),
        (r#"{"exchange_rate":7.012000000000001}"#, "7.012"),
        (r#"{"exchange_rate":7}"#, "7.0"),
    ] {
        let canned = Canned::start().await;
        assert!(canned.reads(answer).await, "{answer}");
        assert_eq!(canned.rate().unwrap(), rate, "{answer}");
    }
}

#[tokio::test]
async fn the_last_good_rate_holds_until_it_is_too_old() {
    let canned = Canned::start().await;
    assert_eq!(canned.rate(), Err(NoRate::Unread));
    assert!(
        !canned
            .reads(r#"{"result":"error","err":"not today"}"#)
            .await
    );
    assert_eq!(canned.rate(), Err(NoRate::NotGiven));
    assert!(canned.reads(r#"{"exchange_rate":7.0}"#).await);
    for answer in [
        "",
        "<html>502</html>",
        "{}",
        r#"{"exchange_rate":0}"#,
        r#"{"exchange_rate":-7.1}"#,
        r#"{"exchange_rate":"7,1"}"#,
        r#"{"exchange_rate":7e0}"#,
        r#"{"exchange_rate":[7.1]}"#,
        r#"{"exchange_rate":null}"#,
        r#"{"exchange_rate":7.1,"err":"old"}"#,
        r#"{"exchange_rate":7.1,"result":"error"}"#,
        // It moved by more than a tenth.
        r#"{"exchange_rate":7.8}"#,
        r#"{"exchange_rate":70.1}"#,
    ] {
        assert!(!canned.reads(answer).await, "{answer}");
        assert_eq!(canned.rate().as_deref(), Ok("7.0"), "{answer}");
    }
    canned.now_ms.store(5 * DAY_MS, Ordering::Relaxed);
    assert_eq!(canned.rate().as_deref(), Ok("7.0"));
    canned.now_ms.store(5 * DAY_MS + 1, Ordering::Relaxed);
    assert_eq!(canned.rate(), Err(NoRate::TooOld(5)));
    assert!(canned.reads(r#"{"exchange_rate":7.1}"#).await);
    assert_eq!(canned.rate().as_deref(), Ok("7.1"));
}

#[tokio::test]
async fn the_sandbox_gives_rates_to_an_account_that_takes_no_payments() {
    let world = World::start().await;
    let mut account = world.apay_account();
    account.insert("enabled".to_owned(), false.into());
    let clock: Clock = Arc::new(|| 0);
    let open = |name: &str| {
        let account = vec![account.clone()];
        upstream_rates(Accounts { account }.beside(world.folder()), name, 5, &clock)
    };
    let rates = open(account["name"].as_str().unwrap()).unwrap();
    assert_eq!(rates.refresh().await, Ok(4));
    let rate = |currency, channel| {
        let rate = rates.cny_per(currency, channel);
        rate.map(|rate| rate.to_string())
    };
    for channel in [Channel::Wechat, Channel::Alipay] {
        assert_eq!(rate(Currency::Usd, channel).as_deref(), Ok("7.012"));
        assert_eq!(rate(Currency::Cad, channel).as_deref(), Ok("5.1"));
    }
    // The document names two payments here.
    let union = rate(Currency::Usd, Channel::ChinapayOld);
    assert_eq!(union, Err(NoRate::NotGiven));
    let none = open("nobody").err().unwrap().to_string();
    assert!(
        none.contains("nobody") && none.contains("via apay"),
        "{none}"
    );
}
