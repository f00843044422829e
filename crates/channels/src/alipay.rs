//! Alipay's OpenAPI with RSA2: page and wap payments, query, close, refunds and
//! notifies (docs/reference/alipay.md).

mod api;
mod certificates;
mod signature;

pub use certificates::{certificate_sn, root_sn};
pub use signature::{AnswerNode, answer_node, notify_text, request_text};

use crate::rsa::{KeyError, SigningKey, VerifyingKey};
use crate::setup::{ConfigError, NO_ORDER, Setup};
use crate::text::{
    ANOTHER_SUM, beijing_time, beijing_time_ms, form_pairs, major, minor, shortened,
};
use api::Api;
use certificates::Keys;
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::obj::{Form, Method, Obj};
use payment::ports::{
    BackSum, ChannelError, ChannelOrder, Created, Doubt, Gateway, GivenBack, Kind, MoneyBack,
    NewOrder, Notify, NotifyAnswer, OrderState, PaidReport, RawNotify, RefundOrder, RefundReport,
    RefundState, Terms,
};
use serde::Deserialize;
use serde_json::{Value, json};
use std::borrow::Cow;
use std::path::PathBuf;

/// `subject` takes 256 characters: cut at as many bytes it never has more.
const SUBJECT_BYTES_MAX: usize = 256;

/// What an account at Alipay has; key files are named relative to the accounts
/// file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    /// The address of the gateway.
    #[serde(default = "gateway")]
    gateway: String,
    /// The application's id.
    app_id: String,
    /// The merchant's number, 2088….
    seller_id: String,
    /// The application's private key: PEM or bare Base64.
    private_key: PathBuf,
    /// Alipay's public key, in public-key mode: PEM or bare Base64.
    alipay_public_key: Option<PathBuf>,
    /// The application's certificate, in certificate mode.
    app_certificate: Option<PathBuf>,
    /// Alipay's certificate, in certificate mode; several while it changes.
    alipay_certificate: Option<PathBuf>,
    /// Alipay's root certificates, in certificate mode.
    alipay_root_certificate: Option<PathBuf>,
    /// The seconds that Alipay wants between two refunds of one order.
    #[serde(default = "refund_gap_s")]
    refund_gap_s: i64,
}

/// Three, and some for the way.
fn refund_gap_s() -> i64 {
    5
}

fn gateway() -> String {
    "https://openapi.alipay.com/gateway.do".to_owned()
}

impl Account {
    /// Alipay's keys; in certificate mode also the numbers that requests name.
    fn keys(&self, setup: &Setup) -> Result<(Keys, Option<[String; 2]>), ConfigError> {
        let invalid = |error: KeyError| setup.invalid(error);
        match (
            &self.alipay_public_key,
            &self.app_certificate,
            &self.alipay_certificate,
            &self.alipay_root_certificate,
        ) {
            (Some(key), None, None, None) => {
                let key = VerifyingKey::from_text(&setup.read(key)?).map_err(invalid)?;
                Ok((Keys::Key(key), None))
            }
            (None, Some(ours), Some(alipays), Some(roots)) => {
                let keys = Keys::from_certificates(&setup.read(alipays)?).map_err(invalid)?;
                let ours = certificate_sn(&setup.read(ours)?).map_err(invalid)?;
                let roots = root_sn(&setup.read(roots)?).map_err(invalid)?;
                Ok((keys, Some([ours, roots])))
            }
            _ => Err(setup.invalid(
                "alipay_public_key, or app_certificate, alipay_certificate and \
                 alipay_root_certificate together",
            )),
        }
    }
}

/// The adapter of one Alipay account.
pub struct Alipay {
    name: String,
    terms: Terms,
    app_id: String,
    seller_id: String,
    notify_url: String,
    refund_gap_ms: i64,
    api: Api,
}

/// A trade as a query or notify tells of it.
#[derive(Deserialize)]
struct Trade {
    out_trade_no: String,
    trade_no: String,
    trade_status: String,
    total_amount: String,
    send_pay_date: Option<String>,
}

impl Trade {
    /// When it was paid, where it was.
    fn paid(&self) -> Option<&str> {
        self.send_pay_date.as_deref().filter(|at| !at.is_empty())
    }
}

#[derive(Deserialize)]
struct RefundAnswer {
    #[serde(default)]
    fund_change: String,
}

#[derive(Deserialize)]
struct RefundQuery {
    refund_status: Option<String>,
    /// Yuan.
    refund_amount: Option<String>,
}

impl Alipay {
    pub(crate) fn open(setup: &mut Setup) -> Result<Self, ConfigError> {
        let account: Account = setup.own()?;
        if setup.terms.currency != Currency::Cny {
            return Err(setup.invalid("Alipay takes CNY"));
        }
        setup.check_address("gateway", &account.gateway)?;
        let refund_gap_ms = setup.refund_gap_ms(account.refund_gap_s)?;
        let key = SigningKey::from_text(&setup.read(&account.private_key)?);
        let (public, certificate_sns) = account.keys(setup)?;
        let api = Api {
            gateway: account.gateway,
            app_id: account.app_id.clone(),
            key: key.map_err(|error| setup.invalid(error))?,
            public,
            certificate_sns,
            client: setup.client.clone(),
            clock: setup.clock.clone(),
        };
        Ok(Self {
            name: setup.name.clone(),
            terms: setup.terms.clone(),
            notify_url: setup.notify_url.clone(),
            app_id: account.app_id,
            seller_id: account.seller_id,
            refund_gap_ms,
            api,
        })
    }

    /// What a verified notify tells.
    fn told(&self, pairs: &[(String, String)]) -> Result<Notify, ChannelError> {
        let get = |name: &str| {
            let found = pairs.iter().find(|(key, _)| key == name);
            found.map_or("", |(_, value)| value.as_str())
        };
        let trade = Trade {
            out_trade_no: get("out_trade_no").to_owned(),
            trade_no: get("trade_no").to_owned(),
            trade_status: get("trade_status").to_owned(),
            total_amount: get("total_amount").to_owned(),
            send_pay_date: None,
        };
        if get("notify_type") != "trade_status_sync" {
            return Ok(Notify::Other(get("notify_type").to_owned()));
        }
        let merchant = format!("{}/{}", get("app_id"), get("seller_id"));
        if !get("gmt_refund").is_empty() {
            if merchant != self.merchant() {
                return Ok(Notify::Odd("a refund of another merchant".to_owned()));
            }
            return Ok(refunded(&trade, get("out_biz_no"), get("refund_fee")));
        }
        match trade.trade_status.as_str() {
            "TRADE_SUCCESS" | "TRADE_FINISHED" => self
                .report(merchant, &trade, Some(get("gmt_payment")))
                .map(Notify::Paid),
            "TRADE_CLOSED" => Ok(Notify::Changed {
                channel_order_no: trade.out_trade_no,
            }),
            other => Ok(Notify::Other(other.to_owned())),
        }
    }

    fn report(
        &self,
        merchant: String,
        trade: &Trade,
        paid: Option<&str>,
    ) -> Result<PaidReport, ChannelError> {
        let money = minor(&trade.total_amount)
            .and_then(|minor| Money::from_minor(minor, Currency::Cny))
            .ok_or_else(|| ChannelError::unknown(Doubt::Nonsense, "total_amount is no sum"))?;
        Ok(PaidReport {
            merchant,
            channel_order_no: trade.out_trade_no.clone(),
            trade_no: trade.trade_no.clone(),
            money,
            paid_ms: paid.and_then(beijing_time_ms),
            given_back: GivenBack::Nothing,
        })
    }
}

/// Refusals of a refund that pass: the same number again, later.
const PASSING: [&str; 4] = [
    "ACQ.SELLER_BALANCE_NOT_ENOUGH",
    "ACQ.REFUND_CHARGE_ERROR",
    "ACQ.TRADE_SETTLE_ERROR",
    "ACQ.REFUND_ACCOUNT_NOT_EXIST",
];

/// Refusals that say that money went back otherwise: all of it, or under this very number
/// another sum. A person sees how much.
const GIVEN_BACK: [&str; 2] = ["ACQ.TRADE_HAS_CLOSE", "ACQ.DISCORDANT_REPEAT_REQUEST"];

/// Whether a refusal of a refund is no end of it. That our keys, rights or clock are wrong
/// (codes of others than the trade itself) says nothing of the refund.
fn passes(error: &ChannelError) -> bool {
    match error {
        ChannelError::Refused { code, .. } => {
            !code.starts_with("ACQ.") || PASSING.contains(&code.as_str())
        }
        _ => false,
    }
}

/// A refund, ours or one that was made by hand; `refund_fee` is all that was refunded
/// of the trade so far (docs/reference/alipay.md, Refunds).
fn refunded(trade: &Trade, out_biz_no: &str, refund_fee: &str) -> Notify {
    let in_all = minor(refund_fee).and_then(|minor| Money::from_minor(minor, Currency::Cny));
    let number = match out_biz_no {
        // Named by what went back in all: no later one has the same.
        "" => format!("{}-{refund_fee}", trade.trade_no),
        number => number.to_owned(),
    };
    Notify::Refund {
        refund_no: number.clone(),
        report: RefundReport::from(RefundState::Done),
        back: MoneyBack {
            channel_order_no: Some(trade.out_trade_no.clone()),
            trade_no: Some(trade.trade_no.clone()),
            number,
            sum: in_all.map_or(BackSum::Rest, BackSum::InAll),
        },
    }
}

#[async_trait::async_trait]
impl Gateway for Alipay {
    fn channel(&self) -> Channel {
        Channel::Alipay
    }

    fn account(&self) -> &str {
        &self.name
    }

    fn address(&self) -> &str {
        &self.api.gateway
    }

    fn merchant(&self) -> String {
        format!("{}/{}", self.app_id, self.seller_id)
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn offers(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Page | Kind::Wap)
    }

    /// Alipay knows an order only once its payer has opened the cashier.
    fn lingers(&self) -> bool {
        true
    }

    /// A form: nothing is called (docs/reference/alipay.md, Forms).
    fn makes_orders_alone(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<(), String> {
        if self.api.public.holds(&self.api.key.public()) {
            return Err(
                "alipay_public_key is the application's own: take the one that Alipay shows beside it"
                    .to_owned(),
            );
        }
        let asked = json!({"out_trade_no": NO_ORDER});
        let found: Result<Value, _> = self.api.call("alipay.trade.query", &asked).await;
        match found {
            Err(error) if !error.is_refusal("ACQ.TRADE_NOT_EXIST") => {
                let proof = "Alipay proves our private_key, and we prove it by its public key";
                Err(format!("{error} ({proof})"))
            }
            _ => Ok(()),
        }
    }

    fn refund_gap_ms(&self) -> i64 {
        self.refund_gap_ms
    }

    async fn create(&self, new: &NewOrder) -> Result<Created, ChannelError> {
        if !self.offers(new.kind) || new.order.money.currency() != Currency::Cny {
            return Err(ChannelError::NotOffered);
        }
        let (method, product) = match new.kind {
            Kind::Wap => ("alipay.trade.wap.pay", "QUICK_WAP_WAY"),
            _ => ("alipay.trade.page.pay", "FAST_INSTANT_TRADE_PAY"),
        };
        let subject = new.goods.replace(['/', '=', '&'], " ");
        let mut content = json!({
            "out_trade_no": new.order.number,
            "total_amount": major(new.order.money),
            "subject": shortened(&subject, SUBJECT_BYTES_MAX),
            "product_code": product,
            "time_expire": beijing_time(new.expires_ms),
        });
        if new.kind == Kind::Wap {
            content["quit_url"] = json!(new.quit_url);
        }
        let pages = [
            ("return_url", new.return_url.as_str()),
            ("notify_url", self.notify_url.as_str()),
        ];
        let content = content.to_string();
        let action = self.api.address(method, &content, &pages)?;
        Ok(Created {
            obj: Obj::Form(Form {
                method: Method::Post,
                action,
                fields: vec![("biz_content".to_owned(), content)],
            }),
            reference: None,
            changed: None,
        })
    }

    async fn query(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let content = json!({ "out_trade_no": order.number });
        let trade: Trade = match self.api.call("alipay.trade.query", &content).await {
            Ok(trade) => trade,
            // Unpaid so far: the payer has not opened the cashier.
            Err(error) if error.is_refusal("ACQ.TRADE_NOT_EXIST") => {
                return Ok(OrderState::NotFound);
            }
            Err(error) => return Err(error.or_unknown()),
        };
        match trade.trade_status.as_str() {
            "WAIT_BUYER_PAY" => Ok(OrderState::Pending),
            "TRADE_SUCCESS" | "TRADE_FINISHED" => {
                // The answer names no merchant: its signature answers our own call.
                self.report(self.merchant(), &trade, trade.paid())
                    .map(OrderState::Paid)
            }
            // Unpaid and closed, or paid and wholly given back: send_pay_date tells.
            "TRADE_CLOSED" => match trade.paid() {
                Some(paid) => {
                    let mut report = self.report(self.merchant(), &trade, Some(paid))?;
                    report.given_back = GivenBack::Parts(vec![MoneyBack {
                        channel_order_no: Some(trade.out_trade_no),
                        number: format!("{}-{}", trade.trade_no, trade.total_amount),
                        trade_no: Some(trade.trade_no),
                        sum: BackSum::InAll(report.money),
                    }]);
                    Ok(OrderState::Paid(report))
                }
                None => Ok(OrderState::Closed),
            },
            other => Err(ChannelError::unknown(
                Doubt::Nonsense,
                format!("trade_status {other}"),
            )),
        }
    }

    async fn close(&self, order: &ChannelOrder) -> Result<(), ChannelError> {
        let content = json!({ "out_trade_no": order.number });
        let closed: Result<serde_json::Value, _> =
            self.api.call("alipay.trade.close", &content).await;
        closed.map(|_| ())
    }

    async fn refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let content = json!({
            "out_trade_no": refund.order.number,
            "out_request_no": refund.refund_no,
            "refund_amount": major(refund.money),
        });
        let sent = self.api.call("alipay.trade.refund", &content).await;
        if let Err(ChannelError::Refused { code, message }) = &sent
            && GIVEN_BACK.contains(&code.as_str())
        {
            let state = RefundState::Held(format!("{code}: {message}"));
            return Ok(RefundReport::from(state));
        }
        let answer: RefundAnswer = sent.map_err(|error| match passes(&error) {
            true => error.or_unknown(),
            false => error,
        })?;
        let state = match answer.fund_change.as_str() {
            "Y" => RefundState::Done,
            // No failure: it was taken before, and the query tells the rest.
            _ => RefundState::Pending,
        };
        Ok(RefundReport::from(state))
    }

    async fn query_refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let content = json!({
            "out_trade_no": refund.order.number,
            "out_request_no": refund.refund_no,
        });
        let method = "alipay.trade.fastpay.refund.query";
        let asked = self.api.call(method, &content).await;
        let answer: RefundQuery = asked.map_err(ChannelError::or_unknown)?;
        let sum = answer.refund_amount.as_deref().and_then(minor);
        let is_another = sum.is_some_and(|sum| sum != refund.money.minor());
        let state = match answer.refund_status.as_deref() {
            Some("REFUND_SUCCESS") if is_another => RefundState::Held(ANOTHER_SUM.to_owned()),
            Some("REFUND_SUCCESS") => RefundState::Done,
            // Not done: the same number is sent again, which is the same refund.
            _ => RefundState::NotFound,
        };
        Ok(RefundReport::from(state))
    }

    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError> {
        let pairs = self.api.verify_notify(&notify.body)?;
        Ok(Notify::verified(self.told(&pairs)))
    }

    /// The order of the fields, their escaping and empty ones are not signed.
    fn signed<'a>(&self, notify: &'a RawNotify) -> Cow<'a, [u8]> {
        match form_pairs(&notify.body) {
            Ok(pairs) => Cow::from(notify_text(&pairs).into_bytes()),
            Err(_) => Cow::from(&notify.body),
        }
    }

    fn notify_answer(&self, received: bool) -> NotifyAnswer {
        NotifyAnswer {
            status: 200,
            content_type: "text/plain",
            body: (if received { "success" } else { "fail" }).into(),
        }
    }
}
