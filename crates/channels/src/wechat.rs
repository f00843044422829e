//! WeChat Pay APIv3: Native orders, query, close and notifies
//! (channels document, section 1).

mod api;
mod keys;
mod seal;
mod signature;
mod wire;

pub use keys::{KeyError, MerchantKey, PlatformKey};
pub use seal::{SealError, open, open_any_length};
pub use signature::{answer_text, authorization, request_text};

use crate::Clock;
use crate::config::ConfigError;
use api::Api;
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::ports::{
    ChannelError, Created, Gateway, Kind, NewOrder, Notify, OrderState, PaidReport, RawNotify,
};
use wire::{Amount, CodeUrl, Merchant, NativeOrder, Notification, Transaction};

/// `description` takes 127 bytes at most.
const DESCRIPTION_BYTES_MAX: usize = 127;

/// One WeChat Pay account.
pub struct Settings {
    /// Our name for it.
    pub name: String,
    /// Whether payers are offered it.
    pub enabled: bool,
    /// The API's address, without a slash at its end.
    pub base: String,
    /// The official account's id.
    pub appid: String,
    /// The merchant's number.
    pub mchid: String,
    /// The serial of the merchant's certificate.
    pub serial: String,
    /// The merchant's private key, PEM.
    pub private_key_pem: Vec<u8>,
    /// The APIv3 key, 32 characters.
    pub api_v3_key: String,
    /// WeChat Pay's public key: its id and PEM, in public-key mode; without it
    /// the platform's certificates are fetched (certificate mode).
    pub public_key: Option<(String, Vec<u8>)>,
    /// Where notifies are to be sent.
    pub notify_url: String,
}

/// The adapter of one WeChat Pay account.
pub struct Wechat {
    name: String,
    enabled: bool,
    appid: String,
    mchid: String,
    notify_url: String,
    api: Api,
}

impl Wechat {
    /// An adapter that calls through `client` and reads the time from `clock`.
    ///
    /// # Errors
    /// [`ConfigError::Invalid`] when a key is not of its form.
    pub fn new(
        settings: Settings,
        client: reqwest::Client,
        clock: Clock,
    ) -> Result<Self, ConfigError> {
        let invalid = |error: KeyError| ConfigError::Invalid {
            account: settings.name.clone(),
            what: error.to_string(),
        };
        let api = Api::new(&settings, client, clock).map_err(invalid)?;
        Ok(Self {
            name: settings.name,
            enabled: settings.enabled,
            appid: settings.appid,
            mchid: settings.mchid,
            notify_url: settings.notify_url,
            api,
        })
    }

    fn order_path(&self, channel_order_no: &str) -> String {
        format!("/v3/pay/transactions/out-trade-no/{channel_order_no}")
    }
}

#[async_trait::async_trait]
impl Gateway for Wechat {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn account(&self) -> &str {
        &self.name
    }

    fn merchant(&self) -> String {
        identity(&self.mchid, &self.appid)
    }

    fn enabled(&self) -> bool {
        self.enabled
    }

    fn offers(&self, kind: Kind) -> bool {
        kind == Kind::Native
    }

    async fn create(&self, order: &NewOrder) -> Result<Created, ChannelError> {
        if order.kind != Kind::Native || order.money.currency() != Currency::Cny {
            return Err(ChannelError::NotOffered);
        }
        let body = NativeOrder {
            appid: &self.appid,
            mchid: &self.mchid,
            description: shortened(&order.goods, DESCRIPTION_BYTES_MAX),
            out_trade_no: &order.channel_order_no,
            time_expire: wire::time_text(order.expires_ms)?,
            notify_url: &self.notify_url,
            amount: Amount {
                total: order.money.minor(),
                currency: "CNY".into(),
            },
        };
        let answer = self.api.post("/v3/pay/transactions/native", &body).await?;
        let CodeUrl { code_url } = answer.content()?;
        Ok(Created { obj: code_url })
    }

    async fn query(&self, channel_order_no: &str) -> Result<OrderState, ChannelError> {
        let target = format!("{}?mchid={}", self.order_path(channel_order_no), self.mchid);
        match self.api.get(&target).await {
            Ok(answer) => state(answer.content()?),
            Err(ChannelError::Refused { code, .. }) if code == "ORDER_NOT_EXIST" => {
                Ok(OrderState::NotFound)
            }
            Err(ChannelError::Refused { code, message }) => {
                Err(ChannelError::Unknown(format!("{code}: {message}")))
            }
            Err(other) => Err(other),
        }
    }

    async fn close(&self, channel_order_no: &str) -> Result<(), ChannelError> {
        let path = format!("{}/close", self.order_path(channel_order_no));
        self.api
            .post(&path, &Merchant { mchid: &self.mchid })
            .await
            .map(|_| ())
    }

    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError> {
        self.api.verify_notify(notify).await?;
        let notification: Notification = wire::read(&notify.body)?;
        if notification.event_type != "TRANSACTION.SUCCESS" {
            return Ok(Notify::Other(notification.event_type));
        }
        let transaction: Transaction = wire::read(&self.api.open(&notification.resource)?)?;
        match state(transaction)? {
            OrderState::Paid(report) => Ok(Notify::Paid(report)),
            other => Ok(Notify::Other(format!("TRANSACTION.SUCCESS with {other:?}"))),
        }
    }

    fn notify_answer(&self, received: bool) -> (u16, String) {
        if received {
            (200, r#"{"code":"SUCCESS","message":"OK"}"#.to_owned())
        } else {
            (500, r#"{"code":"FAIL","message":"not taken"}"#.to_owned())
        }
    }
}

/// What WeChat's transaction object says (section 1.8, state use).
fn state(transaction: Transaction) -> Result<OrderState, ChannelError> {
    match transaction.trade_state.as_str() {
        "SUCCESS" | "REFUND" => paid(transaction).map(OrderState::Paid),
        "NOTPAY" | "USERPAYING" | "ACCEPT" => Ok(OrderState::Pending),
        "CLOSED" | "REVOKED" => Ok(OrderState::Closed),
        "PAYERROR" => Ok(OrderState::Declined),
        other => Err(ChannelError::Unknown(format!("trade_state {other}"))),
    }
}

fn paid(transaction: Transaction) -> Result<PaidReport, ChannelError> {
    let lacks = |what: &str| ChannelError::Unknown(format!("a paid order without {what}"));
    let amount = transaction.amount.ok_or_else(|| lacks("amount"))?;
    let currency = Currency::parse(&amount.currency).ok_or_else(|| lacks("a known currency"))?;
    Ok(PaidReport {
        merchant: identity(&transaction.mchid, &transaction.appid),
        channel_order_no: transaction.out_trade_no,
        trade_no: transaction
            .transaction_id
            .ok_or_else(|| lacks("transaction_id"))?,
        money: Money::from_minor(amount.total, currency).ok_or_else(|| lacks("a sum"))?,
        paid_ms: transaction.success_time.as_deref().and_then(wire::time_ms),
    })
}

fn identity(mchid: &str, appid: &str) -> String {
    format!("{mchid}/{appid}")
}

/// The longest beginning of `text` that fits into `bytes_max` bytes.
fn shortened(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn goods_are_cut_between_characters() {
        assert_eq!(shortened("耳机", 5), "耳");
        assert_eq!(shortened("耳机", 6), "耳机");
        assert_eq!(shortened("abc", 127), "abc");
    }
}
