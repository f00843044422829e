//! `tongfu trigger`: makes an order of a development's business system and takes it to a
//! state, so that a receiver gets a genuine callback (docs/integrate.md, A callback to try).

use super::health::reached;
use super::tries::print_callback;
use crate::clock::now_ms;
use crate::config::Config;
use crate::serve::open;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};
use payment::domain::{Domain, KeyRule, PLATFORM};
use payment::ports::{CallbackRow, CallbackState, Store};
use payment::printable::printable;
use payment::sign::{Purpose, hmac_sign};
use serde_json::{Map, Value, json};
use std::net::SocketAddr;
use std::time::Duration;

/// Where `cargo xtask serve` puts the sandbox and the demo shop, above the platform's port.
const SANDBOX_OFFSET: u16 = 1;
const SHOP_OFFSET: u16 = 2;
/// How often it is looked whether something has come, and how many times.
const LOOK: Duration = Duration::from_millis(200);
const LOOKS: u32 = 150;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum State {
    /// The payer pays.
    Paid,
    /// The order is closed unpaid.
    Failed,
    /// The payer pays, and gets all of it back.
    Refunded,
}

#[derive(Args)]
pub(crate) struct Command {
    /// What becomes of the order.
    state: State,
    /// The code of a business system of `serve --dev`: test, demo.
    #[arg(long)]
    domain: String,
    /// bgUrl: your receiver; without it the demo shop's.
    #[arg(long, value_name = "URL")]
    callback: Option<String>,
    /// The requestKey, one that your receiver knows; without it one of now.
    #[arg(long, value_name = "REQUESTKEY")]
    key: Option<String>,
    /// The sum, fen.
    #[arg(long, default_value_t = 100)]
    money: i64,
    /// The sandbox's gateways; without it at the platform's port and one more.
    #[arg(long, value_name = "URL")]
    sandbox: Option<String>,
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    let Some(domain) = store.domain(&command.domain).await? else {
        bail!("no domain {}", printable(&command.domain));
    };
    check(&domain, command.state)?;
    let platform = reached(config.listen);
    let beside = |offset| {
        let port = platform.port().saturating_add(offset);
        format!("http://{}", SocketAddr::new(platform.ip(), port))
    };
    let desk = Desk {
        client: channels::client()?,
        platform: format!("http://{platform}"),
        sandbox: command.sandbox.unwrap_or_else(|| beside(SANDBOX_OFFSET)),
        key: command.key.unwrap_or_else(|| key(&domain)),
        domain,
    };
    let shop = || format!("{}/callback", beside(SHOP_OFFSET));
    let receiver = command.callback.unwrap_or_else(shop);
    let order_sn = desk.begin(&*store, command.money, &receiver).await?;
    println!("order {order_sn}, requestKey {}", desk.key);
    match command.state {
        State::Paid => desk.pay(&*store, &order_sn).await?,
        State::Failed => desk.close().await?,
        State::Refunded => {
            desk.pay(&*store, &order_sn).await?;
            desk.called_back(&*store, &order_sn, 1).await?;
            desk.refund(command.money).await?;
        }
    }
    let count = if command.state == State::Refunded {
        2
    } else {
        1
    };
    let callback = desk.called_back(&*store, &order_sn, count).await?;
    print_callback(&*store, &callback).await?;
    if callback.state != CallbackState::Delivered {
        bail!("it is not taken, and is sent again: 2xx and the body `success` take it");
    }
    Ok(())
}

/// Whether the business system is a development's, and is told of this state.
fn check(domain: &Domain, state: State) -> Result<()> {
    let code = &domain.code;
    if !domain.development {
        bail!("{code} is no business system of `serve --dev`: orders are made for those alone");
    }
    if domain.door() != PLATFORM {
        bail!("{code} does not come by the platform's own interface: make an order by its own");
    }
    let untold = match state {
        State::Failed if !domain.settings.failurepay => "--failurepay",
        State::Refunded if !domain.settings.refund_callbacks => "--refund-callbacks",
        _ => return Ok(()),
    };
    bail!("{code} is not told of that: `tongfu domain set {code} {untold} true` has it told")
}

/// A requestKey of now, as the business system's rule wants it.
fn key(domain: &Domain) -> String {
    let now = now_ms().to_string();
    match &domain.rule {
        KeyRule::Legacy(_) => now,
        KeyRule::Strict(strict) => {
            let room = strict.length.saturating_sub(strict.prefix.len());
            let digits = format!("{now:0>room$}");
            format!("{}{}", strict.prefix, &digits[digits.len() - room..])
        }
    }
}

/// Who makes the order, in its business system's name and in its payer's.
struct Desk {
    client: reqwest::Client,
    platform: String,
    sandbox: String,
    domain: Domain,
    key: String,
}

impl Desk {
    /// Begins to pay by WeChat; gives the order's number.
    async fn begin(&self, store: &dyn Store, money: i64, receiver: &str) -> Result<String> {
        let currency = match &self.domain.rule {
            KeyRule::Strict(strict) => strict.currency.code(),
            KeyRule::Legacy(_) => "CNY",
        };
        let money = money.to_string();
        let values = [
            ("money", money.as_str()),
            ("info", "tongfu trigger"),
            ("currencyType", currency),
            ("bgUrl", receiver),
        ];
        let mut body = self.signed(Purpose::Pay, &values);
        body.insert("payTypeCode".to_owned(), "Wechat".into());
        self.ask("/pay/api/pc/pay", body).await?;
        let orders = store.attempts(&self.domain.code, &self.key).await?;
        let order = orders.last().context(
            "the platform that answers keeps another database than this command's: give \
             TONGFU_DATABASE_URL that of `serve --dev`",
        )?;
        Ok(order.order_sn.clone())
    }

    async fn pay(&self, store: &dyn Store, order_sn: &str) -> Result<()> {
        let order = store
            .attempt(order_sn)
            .await?
            .context("the order is gone")?;
        let which = json!({"channelOrderNo": order.channel_order_no, "account": order.account});
        let url = format!("{}/control/pay", self.sandbox);
        let answer = self.post(&url, which.to_string()).await?;
        let status = answer.status();
        if !status.is_success() {
            bail!(
                "the sandbox at {} answers {status} and does not pay",
                self.sandbox
            );
        }
        Ok(())
    }

    async fn refund(&self, money: i64) -> Result<()> {
        let money = money.to_string();
        // A business system uses each key once; requestKeys are such.
        let key = format!("trigger-{}", self.key);
        let values = [("refundKey", key.as_str()), ("refundMoney", &money)];
        let body = self.signed(Purpose::Refund, &values);
        self.ask("/pay/api/private/pay/refund", body).await
    }

    async fn close(&self) -> Result<()> {
        let body = self.signed(Purpose::Close, &[]);
        self.ask("/pay/api/private/pay/close", body).await
    }

    /// The values as they are sent, with the business system's own sign.
    fn signed(&self, purpose: Purpose, values: &[(&str, &str)]) -> Map<String, Value> {
        let common = [
            ("domainCode", self.domain.code.as_str()),
            ("requestKey", self.key.as_str()),
            ("signType", "HMAC-SHA256"),
        ];
        let all = || common.iter().chain(values).copied();
        let sign = hmac_sign(purpose, all(), &self.domain.secrets()[0]);
        let all = all().chain([("sign", sign.as_str())]);
        all.map(|(name, value)| (name.to_owned(), value.into()))
            .collect()
    }

    /// Asks the platform; anything but errcode 0 is told as it says it.
    async fn ask(&self, path: &str, body: Map<String, Value>) -> Result<()> {
        let url = format!("{}{path}", self.platform);
        let answer = self.post(&url, Value::Object(body).to_string()).await?;
        let answer: Value = serde_json::from_str(&answer.text().await?)
            .with_context(|| format!("{} is no platform of ours", self.platform))?;
        let errcode = answer["errcode"].as_str().unwrap_or_default();
        if errcode != "0" {
            let said = answer["errormsg"].as_str().unwrap_or_default();
            bail!("{path}: {errcode} {}", printable(said));
        }
        Ok(())
    }

    async fn post(&self, url: &str, body: String) -> Result<reqwest::Response> {
        let asked = self
            .client
            .post(url)
            .header("Content-Type", "application/json")
            .header("Accept-Language", "en")
            .body(body);
        asked.send().await.with_context(|| {
            format!("nothing answers at {url}: do `serve --dev` and the sandbox run?")
        })
    }

    /// The order's callback of this place, once it was tried.
    async fn called_back(
        &self,
        store: &dyn Store,
        order_sn: &str,
        place: usize,
    ) -> Result<CallbackRow> {
        for _ in 0..LOOKS {
            let callbacks = store.callbacks(order_sn).await?;
            if let Some(callback) = callbacks.into_iter().nth(place - 1)
                && callback.tries > 0
            {
                return Ok(callback);
            }
            tokio::time::sleep(LOOK).await;
        }
        bail!("no callback was sent in time: `tongfu order show {order_sn}` tells how it stands")
    }
}
