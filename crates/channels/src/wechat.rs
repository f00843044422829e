//! WeChat Pay APIv3: Native and JSAPI orders, query, close, refunds, notifies,
//! and openid (docs/reference/wechat.md).

mod api;
mod certificates;
mod keys;
mod oauth;
mod seal;
mod signature;
mod wire;

pub use keys::PlatformKey;
pub use seal::{SealError, open, open_any_length};
pub use signature::{answer_text, authorization, pay_text, request_text};

use crate::http::is_guarded;
use crate::setup::{ConfigError, NO_ORDER, Setup};
use crate::text::{ANOTHER_SUM, rfc3339_ms, shortened};
use api::Api;
use oauth::Official;
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::obj::{Bridge, Obj};
use payment::ports::{
    BackSum, ChannelError, ChannelOrder, Created, Doubt, Gateway, GivenBack, Kind, MoneyBack,
    NewOrder, Notify, NotifyAnswer, Oauth, OrderState, PaidReport, RawNotify, RefundOrder,
    RefundReport, RefundState, Terms,
};
use serde::Deserialize;
use std::path::PathBuf;
use std::sync::Arc;
use wire::{
    Amount, CodeUrl, Merchant, NewRefund, Notification, Order, Payer, PrepayId, Refund,
    RefundAmount, RefundNotice, Transaction,
};

/// `description` takes 127 bytes at most.
const DESCRIPTION_BYTES_MAX: usize = 127;

/// What an account at WeChat Pay has; key files are named relative to the
/// accounts file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    /// The address of the API.
    #[serde(default = "base")]
    base: String,
    /// The official account's id.
    appid: String,
    /// The merchant's number.
    mchid: String,
    /// The serial of the merchant's certificate.
    serial: String,
    /// The merchant's private key, a PEM file.
    private_key: PathBuf,
    /// The APIv3 key: 32 characters.
    api_v3_key: String,
    /// The id of WeChat Pay's public key, in public-key mode.
    public_key_id: Option<String>,
    /// WeChat Pay's public key, a PEM file, in public-key mode.
    public_key: Option<PathBuf>,
    /// Whether the merchant has Native orders.
    #[serde(default = "yes")]
    native: bool,
    /// The official account's secret: with it payers can pay inside WeChat.
    app_secret: Option<String>,
    /// Where payers are sent for an openid.
    #[serde(default = "oauth_authorize")]
    oauth_authorize: String,
    /// Where codes are exchanged for openids.
    #[serde(default = "oauth_base")]
    oauth_base: String,
    /// The seconds that WeChat wants between two refunds of one order.
    #[serde(default = "refund_gap_s")]
    refund_gap_s: i64,
}

fn yes() -> bool {
    true
}

fn base() -> String {
    "https://api.mch.weixin.qq.com".to_owned()
}

fn oauth_authorize() -> String {
    "https://open.weixin.qq.com/connect/oauth2/authorize".to_owned()
}

fn oauth_base() -> String {
    "https://api.weixin.qq.com".to_owned()
}

fn refund_gap_s() -> i64 {
    60
}

/// The adapter of one WeChat Pay account.
pub struct Wechat {
    name: String,
    terms: Terms,
    native: bool,
    appid: String,
    mchid: String,
    notify_url: String,
    oauth: Option<Official>,
    refund_gap_ms: i64,
    api: Arc<Api>,
}

impl Wechat {
    pub(crate) fn open(setup: &mut Setup) -> Result<Self, ConfigError> {
        let account: Account = setup.own()?;
        if setup.terms.currency != Currency::Cny {
            return Err(setup.invalid("WeChat Pay takes CNY"));
        }
        let refund_gap_ms = setup.refund_gap_ms(account.refund_gap_s)?;
        setup.check_address("base", &account.base)?;
        setup.check_address("oauth_authorize", &account.oauth_authorize)?;
        setup.check_address("oauth_base", &account.oauth_base)?;
        // The secret goes there, and nothing signs what comes back.
        if account.app_secret.is_some() && !is_guarded(&account.oauth_base) {
            return Err(setup.invalid("oauth_base must be https: app_secret is sent there"));
        }
        let api = Api::open(&account, setup)?;
        let oauth = account
            .app_secret
            .as_ref()
            .map(|secret| Official::new(&account, secret, setup.client.clone()));
        Ok(Self {
            name: setup.name.clone(),
            terms: setup.terms.clone(),
            notify_url: setup.notify_url.clone(),
            native: account.native,
            appid: account.appid,
            mchid: account.mchid,
            oauth,
            refund_gap_ms,
            api,
        })
    }

    fn order_path(&self, channel_order_no: &str) -> String {
        format!("/v3/pay/transactions/out-trade-no/{channel_order_no}")
    }
}

/// Refusals of a refund that may be lifted, after which it is sent again under its number: a
/// balance is filled up, a paid order is found or ready a little later, a right is given, a
/// block ends (docs/reference/wechat.md, Refunds).
const PASSING: [&str; 8] = [
    "NOT_ENOUGH",
    "RESOURCE_NOT_EXISTS",
    "ORDER_NOT_READY",
    "NO_AUTH",
    "REQUEST_BLOCKED",
    "MCH_NOT_EXISTS",
    "APPID_MCHID_NOT_MATCH",
    "ACCOUNT_ERROR",
];

#[async_trait::async_trait]
impl Gateway for Wechat {
    fn channel(&self) -> Channel {
        Channel::Wechat
    }

    fn account(&self) -> &str {
        &self.name
    }

    fn address(&self) -> &str {
        &self.api.base
    }

    fn merchant(&self) -> String {
        identity(&self.mchid, &self.appid)
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn offers(&self, kind: Kind) -> bool {
        match kind {
            Kind::Native => self.native,
            Kind::Jsapi => self.oauth.is_some(),
            Kind::Mweb | Kind::Page | Kind::Wap => false,
        }
    }

    fn refund_gap_ms(&self) -> i64 {
        self.refund_gap_ms
    }

    fn oauth(&self) -> Option<&dyn Oauth> {
        self.oauth.as_ref().map(|official| official as &dyn Oauth)
    }

    async fn check(&self) -> Result<(), String> {
        let target = format!("{}?mchid={}", self.order_path(NO_ORDER), self.mchid);
        self.api.check(&target).await
    }

    async fn create(&self, new: &NewOrder) -> Result<Created, ChannelError> {
        if !self.offers(new.kind) || new.order.money.currency() != Currency::Cny {
            return Err(ChannelError::NotOffered);
        }
        let body = Order {
            appid: &self.appid,
            mchid: &self.mchid,
            description: shortened(&new.goods, DESCRIPTION_BYTES_MAX),
            out_trade_no: &new.order.number,
            time_expire: wire::time_text(new.expires_ms)?,
            notify_url: &self.notify_url,
            amount: Amount {
                total: new.order.money.minor(),
                currency: "CNY".into(),
            },
            payer: new.openid.as_deref().map(|openid| Payer { openid }),
        };
        let obj = match new.kind {
            Kind::Jsapi => {
                let answer = self.api.post("/v3/pay/transactions/jsapi", &body).await?;
                let PrepayId { prepay_id } = answer.content()?;
                Obj::Bridge(self.bridge(&prepay_id)?)
            }
            _ => {
                let answer = self.api.post("/v3/pay/transactions/native", &body).await?;
                let CodeUrl { code_url } = answer.content()?;
                Obj::Code(code_url)
            }
        };
        Ok(Created {
            obj,
            reference: None,
            changed: None,
        })
    }

    async fn query(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let target = format!("{}?mchid={}", self.order_path(&order.number), self.mchid);
        match self.api.get(&target).await {
            Ok(answer) => state(answer.content()?),
            Err(error) if error.is_refusal("ORDER_NOT_EXIST") => Ok(OrderState::NotFound),
            Err(error) => Err(error.or_unknown()),
        }
    }

    async fn close(&self, order: &ChannelOrder) -> Result<(), ChannelError> {
        let path = format!("{}/close", self.order_path(&order.number));
        self.api
            .post(&path, &Merchant { mchid: &self.mchid })
            .await
            .map(|_| ())
    }

    async fn refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let body = NewRefund {
            out_trade_no: &refund.order.number,
            out_refund_no: &refund.refund_no,
            notify_url: &self.notify_url,
            amount: RefundAmount {
                refund: refund.money.minor(),
                total: refund.order.money.minor(),
                currency: "CNY",
            },
        };
        match self.api.post("/v3/refund/domestic/refunds", &body).await {
            Ok(answer) => refund_report(answer.content()?),
            Err(error) if PASSING.iter().any(|code| error.is_refusal(code)) => {
                Err(error.or_unknown())
            }
            // It may have been taken all the same: the number is asked about before that is
            // believed (docs/reference/wechat.md, Refunds).
            Err(refused @ ChannelError::Refused { .. }) => match self.asked_back(refund).await? {
                Some(found) => found_report(found, refund),
                None => Err(refused),
            },
            Err(error) => Err(error),
        }
    }

    async fn query_refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        match self.asked_back(refund).await? {
            Some(found) => found_report(found, refund),
            None => Ok(RefundReport::from(RefundState::NotFound)),
        }
    }

    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError> {
        self.api.verify_notify(notify).await?;
        let notification: Notification = wire::read(&notify.body)?;
        // WeChat's own, and so no forgery: it comes again once the key is right.
        let content = self.api.unseal(&notification.resource).map_err(|_| {
            let what = "api_v3_key does not open what WeChat signed";
            ChannelError::unknown(Doubt::Sealed, what)
        })?;
        Ok(Notify::verified(
            self.opened(&notification.event_type, &content),
        ))
    }

    fn notify_answer(&self, received: bool) -> NotifyAnswer {
        let (status, body) = if received {
            (200, r#"{"code":"SUCCESS","message":"OK"}"#)
        } else {
            (500, r#"{"code":"FAIL","message":"not taken"}"#)
        };
        NotifyAnswer {
            status,
            content_type: "application/json",
            body: body.into(),
        }
    }
}

impl Wechat {
    /// The refund of a number, where WeChat knows one.
    async fn asked_back(&self, refund: &RefundOrder) -> Result<Option<Refund>, ChannelError> {
        let target = format!("/v3/refund/domestic/refunds/{}", refund.refund_no);
        match self.api.get(&target).await {
            Ok(answer) => answer.content().map(Some),
            Err(error) if error.is_refusal("RESOURCE_NOT_EXISTS") => Ok(None),
            Err(error) => Err(error.or_unknown()),
        }
    }

    /// What an opened notify tells.
    fn opened(&self, event_type: &str, content: &[u8]) -> Result<Notify, ChannelError> {
        match event_type {
            "TRANSACTION.SUCCESS" => match state(wire::read(content)?)? {
                OrderState::Paid(report) => Ok(Notify::Paid(report)),
                other => Ok(Notify::Other(format!("TRANSACTION.SUCCESS with {other:?}"))),
            },
            "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => {
                let notice: RefundNotice = wire::read(content)?;
                if notice.mchid != self.mchid {
                    return Ok(Notify::Other("a refund of another merchant".to_owned()));
                }
                Ok(Notify::Refund {
                    report: RefundReport {
                        state: refund_state(&notice.refund_status)?,
                        reference: Some(notice.refund_id.clone()),
                    },
                    back: MoneyBack {
                        channel_order_no: Some(notice.out_trade_no),
                        trade_no: Some(notice.transaction_id),
                        number: notice.refund_id,
                        sum: Money::from_minor(notice.amount.refund, Currency::Cny)
                            .map_or(BackSum::Rest, BackSum::Of),
                    },
                    refund_no: notice.out_refund_no,
                })
            }
            other => Ok(Notify::Other(other.to_owned())),
        }
    }

    /// What the in-WeChat bridge takes (docs/reference/wechat.md, The bridge).
    fn bridge(&self, prepay_id: &str) -> Result<Bridge, ChannelError> {
        let (time_stamp, nonce_str) = self.api.moment()?;
        let package = format!("prepay_id={prepay_id}");
        let text = pay_text(&self.appid, &time_stamp, &nonce_str, &package);
        Ok(Bridge {
            app_id: self.appid.clone(),
            pay_sign: self.api.sign_text(&text)?,
            time_stamp,
            nonce_str,
            package,
            sign_type: "RSA".to_owned(),
        })
    }
}

/// What a refund of our number says of ours: one of another sum is none of it.
fn found_report(found: Refund, ours: &RefundOrder) -> Result<RefundReport, ChannelError> {
    match found.is_of(ours.money) {
        true => refund_report(found),
        false => Ok(RefundReport::from(RefundState::Held(
            ANOTHER_SUM.to_owned(),
        ))),
    }
}

fn refund_report(refund: Refund) -> Result<RefundReport, ChannelError> {
    Ok(RefundReport {
        state: refund_state(&refund.status)?,
        reference: Some(refund.refund_id),
    })
}

/// docs/reference/wechat.md, Refunds; ABNORMAL waits for a person, who may still send the money.
fn refund_state(status: &str) -> Result<RefundState, ChannelError> {
    match status {
        "SUCCESS" => Ok(RefundState::Done),
        "PROCESSING" => Ok(RefundState::Pending),
        "CLOSED" => Ok(RefundState::Failed("WeChat says CLOSED".to_owned())),
        "ABNORMAL" => Ok(RefundState::Held(
            "WeChat says ABNORMAL: end it on the merchant platform".to_owned(),
        )),
        other => Err(ChannelError::unknown(
            Doubt::Nonsense,
            format!("refund status {other}"),
        )),
    }
}

/// What WeChat's transaction object says (docs/reference/wechat.md, Query and close, state use).
fn state(transaction: Transaction) -> Result<OrderState, ChannelError> {
    match transaction.trade_state.as_str() {
        "SUCCESS" | "REFUND" => paid(transaction).map(OrderState::Paid),
        "NOTPAY" | "USERPAYING" | "ACCEPT" => Ok(OrderState::Pending),
        "CLOSED" | "REVOKED" => Ok(OrderState::Closed),
        "PAYERROR" => Ok(OrderState::Declined),
        other => Err(ChannelError::unknown(
            Doubt::Nonsense,
            format!("trade_state {other}"),
        )),
    }
}

fn paid(transaction: Transaction) -> Result<PaidReport, ChannelError> {
    let lacks =
        |what: &str| ChannelError::unknown(Doubt::Nonsense, format!("a paid order without {what}"));
    let amount = transaction.amount.ok_or_else(|| lacks("amount"))?;
    let currency = Currency::parse(&amount.currency).ok_or_else(|| lacks("a known currency"))?;
    Ok(PaidReport {
        merchant: identity(&transaction.mchid, &transaction.appid),
        channel_order_no: transaction.out_trade_no,
        trade_no: transaction
            .transaction_id
            .ok_or_else(|| lacks("transaction_id"))?,
        money: Money::from_minor(amount.total, currency).ok_or_else(|| lacks("a sum"))?,
        paid_ms: transaction.success_time.as_deref().and_then(rfc3339_ms),
        // REFUND says that some went back, by one refund or another, and no sum.
        given_back: match transaction.trade_state.as_str() {
            "REFUND" => GivenBack::Untold,
            _ => GivenBack::Nothing,
        },
    })
}

fn identity(mchid: &str, appid: &str) -> String {
    format!("{mchid}/{appid}")
}
