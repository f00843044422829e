//! ChinaPay's old form interface: signed form, query, refund, notifies
//! (docs/reference/chinapay.md).

mod keys;
mod wire;

pub use keys::{KeyFileError, PrivateKey, PublicKey};
pub use wire::Version;

use crate::http::is_guarded;
use crate::setup::{ConfigError, Setup};
use crate::text::beijing_day;
use crate::{Clock, http};
use payment::channel::Channel;
use payment::escape::escape;
use payment::money::{Currency, Money};
use payment::obj::{Form, Method, Obj};
use payment::ports::{
    BackSum, ChannelError, ChannelOrder, Created, Doubt, Gateway, GivenBack, Kind, MoneyBack,
    NewOrder, Notify, NotifyAnswer, OrderState, PaidReport, RawNotify, RefundOrder, RefundReport,
    RefundState, Terms,
};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use wire::{Fields, Message, PAID, REFUND_TYPES, REFUNDED, amount, money};

/// The longest address that a request may name, bytes.
const ADDRESS_BYTES_MAX: usize = 80;
/// What a return page's path and token have beside our own address, bytes.
const RETURN_PATH_BYTES: usize = "/pay/return/".len() + 32;
/// What stands in place of a refund's number at ChinaPay: there is none.
const ACCEPTED: &str = "accepted";
/// As long as what is judged to be sent takes to be there, whatever the clocks say, ms.
const ON_ITS_WAY_MS: i64 = 600_000;
/// How many orders' last answers are remembered.
const ASKED_MAX: usize = 10_000;

/// What an account at ChinaPay has. Keys are the text of a key file, or its name
/// relative to the accounts file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    /// Where the payer's form goes.
    #[serde(default = "pay_url")]
    pay_url: String,
    /// Where orders are asked about.
    #[serde(default = "query_url")]
    query_url: String,
    /// Where refunds are asked for.
    #[serde(default = "refund_url")]
    refund_url: String,
    /// The merchant's number, 15 digits.
    mer_id: String,
    /// How pay requests are signed: 20040916, 20070129 or 20141120.
    #[serde(default = "version")]
    version: String,
    /// The version of query requests.
    #[serde(default = "query_version")]
    query_version: String,
    /// The version of refund requests.
    #[serde(default = "refund_version")]
    refund_version: String,
    /// The TransType of each refund; empty: what fits it.
    #[serde(default)]
    refund_type: String,
    /// What tells ChinaPay that a notify was received.
    #[serde(default = "reply")]
    reply: String,
    /// That an order is not known there counts for so long, seconds: nobody signs it.
    #[serde(default = "fresh_s")]
    fresh_s: i64,
    /// The bank; empty: the payer chooses.
    #[serde(default)]
    gate_id: String,
    /// The merchant's private key file.
    private_key: String,
    /// ChinaPay's public key file.
    public_key: String,
    /// The same order is asked about no more often than this, seconds.
    #[serde(default = "query_gap_s")]
    query_gap_s: i64,
}

fn pay_url() -> String {
    "https://payment.chinapay.com/pay/TransGet".to_owned()
}

fn query_url() -> String {
    "http://console.chinapay.com/QueryWeb/processQuery.jsp".to_owned()
}

fn refund_url() -> String {
    "https://bak.chinapay.com/refund/SingleRefund.jsp".to_owned()
}

fn version() -> String {
    "20070129".to_owned()
}

fn query_version() -> String {
    "20060831".to_owned()
}

fn refund_version() -> String {
    "20070129".to_owned()
}

fn reply() -> String {
    "OK".to_owned()
}

fn fresh_s() -> i64 {
    1_800
}

fn query_gap_s() -> i64 {
    30
}

/// The longest time that a setting gives, s.
const DAY_S: i64 = 86_400;

/// The adapter of one ChinaPay account.
pub struct Chinapay {
    name: String,
    terms: Terms,
    account: Account,
    version: Version,
    notify_url: String,
    key: PrivateKey,
    public: PublicKey,
    client: Client,
    clock: Clock,
    /// By order number: when it was asked about last, and the last answer.
    asked: Mutex<HashMap<String, (i64, Option<OrderState>)>>,
}

impl Chinapay {
    pub(crate) fn open(setup: &mut Setup) -> Result<Self, ConfigError> {
        let account: Account = setup.own()?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if account.mer_id.len() != 15 || !digits(&account.mer_id) {
            return Err(setup.invalid("mer_id has 15 digits"));
        }
        if setup.terms.currency != Currency::Cny {
            return Err(setup.invalid("ChinaPay takes CNY"));
        }
        setup.check_address("pay_url", &account.pay_url)?;
        setup.check_address("query_url", &account.query_url)?;
        setup.check_address("refund_url", &account.refund_url)?;
        let times = [account.fresh_s, account.query_gap_s];
        if times.iter().any(|time_s| !(0..=DAY_S).contains(time_s)) {
            return Err(setup.invalid("fresh_s and query_gap_s are from 0 to 86400"));
        }
        let refund_type = &account.refund_type;
        if !refund_type.is_empty() && !REFUND_TYPES.contains(&refund_type.as_str()) {
            return Err(setup.invalid("refund_type is empty, 0002, 0102, 0012 or 0112"));
        }
        let version = Version::parse(&account.version)
            .ok_or_else(|| setup.invalid("version is 20040916, 20070129 or 20141120"))?;
        let longest = setup
            .notify_url
            .len()
            .max(setup.public_url.len() + RETURN_PATH_BYTES);
        if longest > ADDRESS_BYTES_MAX {
            return Err(setup.invalid(format!(
                "ChinaPay takes addresses of {ADDRESS_BYTES_MAX} bytes, and ours have {longest}: \
                 a shorter public address or account name is needed"
            )));
        }
        let key = PrivateKey::from_text(&key_text(setup, &account.private_key)?);
        let key = key.map_err(|error| setup.invalid(error))?;
        if key
            .merchant
            .as_ref()
            .is_some_and(|id| *id != account.mer_id)
        {
            return Err(setup.invalid("private_key is another merchant's"));
        }
        let public = PublicKey::from_text(&key_text(setup, &account.public_key)?);
        Ok(Self {
            name: setup.name.clone(),
            terms: setup.terms.clone(),
            version,
            notify_url: setup.notify_url.clone(),
            key,
            public: public.map_err(|error| setup.invalid(error))?,
            client: setup.client.clone(),
            clock: setup.clock.clone(),
            asked: Mutex::default(),
            account,
        })
    }

    async fn send(&self, address: &str, fields: &[(&str, &str)]) -> Result<Fields, ChannelError> {
        let escaped = |(name, value): &(&str, &str)| format!("{name}={}", escape(value));
        let body: Vec<_> = fields.iter().map(escaped).collect();
        let request = self.client.post(address);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let (status, body) = http::answer(request.body(body.join("&"))).await?;
        if !status.is_success() {
            return Err(ChannelError::unknown(
                Doubt::Undecided,
                format!("HTTP {status}"),
            ));
        }
        // Texts may be GBK; what counts is ASCII.
        Fields::of_page(&String::from_utf8_lossy(&body))
    }

    async fn ask(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let (mer_id, day) = (&self.account.mer_id, beijing_day(order.created_ms));
        let text = format!("{mer_id}{day}{}0001", order.number);
        let fields = [
            ("MerId", mer_id.as_str()),
            ("TransType", "0001"),
            ("OrdId", &order.number),
            ("TransDate", &day),
            ("Version", &self.account.query_version),
            ("Resv", ""),
            ("ChkValue", &self.key.sign(&text)),
        ];
        let answer = self.send(&self.account.query_url, &fields).await?;
        match answer.code() {
            "0" => {}
            // Unpaid so far; a failure is not signed, and proves nothing later on.
            "301" | "307" if self.is_fresh(order) => return Ok(OrderState::NotFound),
            code => {
                let message = answer.get("Message");
                return Err(ChannelError::unknown(
                    Doubt::Undecided,
                    format!("code {code} {message}"),
                ));
            }
        }
        self.prove(&answer, &PAID)?;
        if answer.get("orderno") != order.number {
            return Err(ChannelError::unknown(
                Doubt::Nonsense,
                "about another order",
            ));
        }
        match answer.get("status") {
            // 1005: a refund of it was taken back.
            "1001" | "1005" => report(&answer).map(OrderState::Paid),
            // A refund of it was submitted: it was paid.
            "1003" => report(&answer).map(|paid| {
                OrderState::Paid(PaidReport {
                    given_back: GivenBack::Untold,
                    ..paid
                })
            }),
            _ => Ok(OrderState::Pending),
        }
    }

    fn is_fresh(&self, order: &ChannelOrder) -> bool {
        let age_ms = (self.clock)() - order.created_ms;
        age_ms < self.account.fresh_s.saturating_mul(1_000)
    }

    fn prove(&self, fields: &Fields, message: &Message) -> Result<(), ChannelError> {
        let sign = fields.get(message.sign);
        let proves = |text: String| self.public.verifies(&text, sign);
        let proved = fields.signed(message).is_some_and(proves);
        let refuse = || ChannelError::unknown(Doubt::Signature, "it does not verify");
        proved.then_some(()).ok_or_else(refuse)
    }

    /// Asks for money back, by a refund that follows another one of its order or not.
    async fn ask_back(&self, refund: &RefundOrder, follows: bool) -> Result<Fields, ChannelError> {
        let (mer_id, day) = (&self.account.mer_id, beijing_day(refund.order.created_ms));
        let sum = amount(refund.money);
        let kind = self.refund_type(refund, follows);
        let text = format!(
            "{mer_id}{day}{kind}{}{sum}{}",
            refund.order.number, refund.refund_no
        );
        let fields = [
            ("MerID", mer_id.as_str()),
            ("OrderId", &refund.order.number),
            ("RefundAmount", &sum),
            ("TransDate", &day),
            ("TransType", kind),
            ("Version", &self.account.refund_version),
            ("ReturnURL", &self.notify_url),
            ("Priv1", &refund.refund_no),
            ("ChkValue", &self.key.sign(&text)),
        ];
        self.send(&self.account.refund_url, &fields).await
    }

    /// Whether a refund is of the whole or of a part, and the first of its order.
    fn refund_type(&self, refund: &RefundOrder, follows: bool) -> &str {
        let is_part = refund.money != refund.order.money;
        match (&*self.account.refund_type, is_part, follows) {
            ("", false, false) => "0002",
            ("", true, false) => "0102",
            ("", false, true) => "0012",
            ("", true, true) => "0112",
            (set, ..) => set,
        }
    }

    fn refunded(&self, fields: &Fields) -> Result<RefundState, ChannelError> {
        self.prove(fields, &REFUNDED)?;
        match fields.get("Status") {
            "1" => Ok(RefundState::Pending),
            "3" => Ok(RefundState::Done),
            "8" => Ok(RefundState::Failed("ChinaPay says 8".to_owned())),
            other => Err(ChannelError::unknown(
                Doubt::Nonsense,
                format!("refund status {other}"),
            )),
        }
    }
}

/// Whether a code says that a refund was not taken: something is wrong with the call, or
/// with its sum. The others (302 to 305, 404) come where ChinaPay itself failed, maybe after
/// it took the refund.
fn refuses(code: &str) -> bool {
    matches!(
        code.parse(),
        Ok(101..=123 | 201..=204 | 301 | 307 | 402_u16)
    )
}

/// A number that no order has: ChinaPay answers an equal question 305 within 30 s.
fn unknown_number(now_ms: i64) -> String {
    format!("{:016}", now_ms.rem_euclid(10_000_000_000_000))
}

/// The text of a key file: given itself, or by the file's name.
fn key_text(setup: &Setup, given: &str) -> Result<String, ConfigError> {
    if given.contains("keyS=") {
        return Ok(given.to_owned());
    }
    let bytes = setup.read(Path::new(given))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a notify's form tells of.
fn message(fields: &Fields) -> &'static Message {
    if fields.get(REFUNDED.sign).is_empty() {
        &PAID
    } else {
        &REFUNDED
    }
}

/// What a refund's notify says of its payment; one that was made by hand has no
/// number of ours.
fn back(fields: &Fields) -> MoneyBack {
    let sum = money(fields.get("RefundAmout"), "156");
    let number = match fields.get("Priv1") {
        "" => format!(
            "{}-{}-{}",
            fields.get("OrderId"),
            fields.get("ProcessDate"),
            fields.get("RefundAmout")
        ),
        number => number.to_owned(),
    };
    MoneyBack {
        channel_order_no: Some(fields.get("OrderId").to_owned()),
        trade_no: None,
        number,
        sum: sum.map_or(BackSum::Rest, BackSum::Of),
    }
}

fn report(fields: &Fields) -> Result<PaidReport, ChannelError> {
    let money = money(fields.get("amount"), fields.get("currencycode"));
    Ok(PaidReport {
        merchant: fields.get("merid").to_owned(),
        channel_order_no: fields.get("orderno").to_owned(),
        // It has no number of its own for a payment.
        trade_no: fields.get("orderno").to_owned(),
        money: money.ok_or_else(|| ChannelError::unknown(Doubt::Nonsense, "amount is no sum"))?,
        paid_ms: None,
        given_back: GivenBack::Nothing,
    })
}

fn pending() -> RefundReport {
    RefundReport {
        state: RefundState::Pending,
        reference: Some(ACCEPTED.to_owned()),
    }
}

#[async_trait::async_trait]
impl Gateway for Chinapay {
    fn channel(&self) -> Channel {
        Channel::ChinapayOld
    }

    fn account(&self) -> &str {
        &self.name
    }

    fn address(&self) -> &str {
        &self.account.query_url
    }

    fn merchant(&self) -> String {
        self.account.mer_id.clone()
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    fn offers(&self, kind: Kind) -> bool {
        matches!(kind, Kind::Page | Kind::Wap)
    }

    /// 16 digits; some versions want the end of the merchant's number among them.
    fn order_no(&self, order_sn: &str) -> String {
        if !self.version.binds_merchant() || order_sn.len() != 20 {
            return order_sn.get(4..).unwrap_or(order_sn).to_owned();
        }
        // Unique within its day: hour and minute, merchant, second and counter.
        let merchant = &self.account.mer_id[10..];
        format!(
            "{}{merchant}{}{}",
            &order_sn[8..12],
            &order_sn[12..14],
            &order_sn[15..]
        )
    }

    /// Nothing closes an order there.
    fn lingers(&self) -> bool {
        true
    }

    fn makes_orders_alone(&self) -> bool {
        true
    }

    /// That it knows no such order is not signed: it proves our key, and not theirs.
    async fn check(&self) -> Result<(), String> {
        let Some(money) = Money::from_minor(1, Currency::Cny) else {
            return Ok(());
        };
        let order = ChannelOrder {
            number: unknown_number((self.clock)()),
            reference: None,
            trade_no: None,
            money,
            asked: None,
            created_ms: (self.clock)(),
        };
        let asked = self.ask(&order).await.map(drop);
        asked.map_err(|error| {
            format!("{error} (101 or 203: mer_id or private_key; 111: our address)")
        })
    }

    async fn create(&self, new: &NewOrder) -> Result<Created, ChannelError> {
        if !self.offers(new.kind) || new.order.money.currency() != Currency::Cny {
            return Err(ChannelError::NotOffered);
        }
        let account = &self.account;
        let mut fields: Vec<(String, String)> = [
            ("MerId", account.mer_id.clone()),
            ("OrdId", new.order.number.clone()),
            ("TransAmt", amount(new.order.money)),
            ("CuryId", "156".to_owned()),
            ("TransDate", beijing_day(new.order.created_ms)),
            ("TransType", "0001".to_owned()),
            ("Version", self.version.word().to_owned()),
            ("BgRetUrl", self.notify_url.clone()),
            ("PageRetUrl", new.return_url.clone()),
            ("GateId", account.gate_id.clone()),
            ("Priv1", String::new()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let value = |wanted: &&str| {
            let found = fields.iter().find(|(name, _)| name == wanted);
            found.map_or("", |(_, value)| value.as_str())
        };
        let text: String = self.version.signed().iter().map(value).collect();
        fields.push(("ChkValue".to_owned(), self.key.sign(&text)));
        Ok(Created {
            obj: Obj::Form(Form {
                method: Method::Post,
                action: account.pay_url.clone(),
                fields,
            }),
            reference: None,
            changed: None,
        })
    }

    /// Asked again too soon, the last answer stands: ChinaPay would refuse, and a
    /// refused question counts as one.
    async fn query(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let now_ms = (self.clock)();
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.len() >= ASKED_MAX {
                asked.clear();
            }
            let last = asked
                .entry(order.number.clone())
                .or_insert((i64::MIN / 2, None));
            // A clock that was set back stops no question.
            if (0..self.account.query_gap_s * 1000).contains(&(now_ms - last.0)) {
                let unknown = || ChannelError::unknown(Doubt::Unasked, "it was a moment ago");
                return last.1.clone().ok_or_else(unknown);
            }
            last.0 = now_ms;
        }
        let state = self.ask(order).await?;
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.insert(order.number.clone(), (now_ms, Some(state.clone())));
        Ok(state)
    }

    async fn close(&self, _order: &ChannelOrder) -> Result<(), ChannelError> {
        Err(ChannelError::NotOffered)
    }

    async fn refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let mut answer = self.ask_back(refund, refund.follows).await?;
        // What others gave back is not always known here. One that may have been taken leaves
        // under no second type: it could be a second refund.
        let is_unsure = !refund.was_sent && self.account.refund_type.is_empty();
        if answer.code() == "205" && is_unsure {
            answer = match self.ask_back(refund, !refund.follows).await {
                // Sent again, its first type would be refused so whatever became of this one.
                Err(error @ ChannelError::Unknown(_)) => {
                    let why = format!("refused as the first of its order, or not; then {error}");
                    return Ok(RefundReport::from(RefundState::Held(why)));
                }
                answer => answer?,
            };
        }
        match answer.code() {
            "0" => {}
            // Taken before, under this very number.
            "205" if refund.was_sent => return Ok(pending()),
            // Its number is new: it is another one that ChinaPay has, and this one it has not
            // taken, or so it says unsigned.
            "205" => {
                let why = "205: ChinaPay has a refund of this order that it takes for the same";
                return Ok(RefundReport::from(RefundState::Held(why.to_owned())));
            }
            code => {
                let (code, message) = (code.to_owned(), answer.get("Message").to_owned());
                let refused = ChannelError::Refused { code, message };
                // A refusal is not signed.
                let believed = is_guarded(&self.account.refund_url) && refuses(answer.code());
                return Err(if believed {
                    refused
                } else {
                    refused.or_unknown()
                });
            }
        }
        let state = self.refunded(&answer)?;
        if answer.get("Priv1") != refund.refund_no {
            return Err(ChannelError::unknown(
                Doubt::Nonsense,
                "about another refund",
            ));
        }
        Ok(RefundReport { state, ..pending() })
    }

    /// A form bears the day on which it was made, and is taken on that day alone
    /// (docs/reference/chinapay.md, Orders; that midnight is the end is not confirmed by ChinaPay).
    fn fresh_since_ms(&self, now_ms: i64) -> i64 {
        payment::beijing::midnight_before(now_ms)
    }

    fn answers_for_refunds(&self) -> bool {
        false
    }

    /// The type of a part says whether another one was taken before it.
    fn refunds_in_turn(&self) -> bool {
        true
    }

    /// There is no such call: what was accepted is told by a notify, and what may
    /// be lost is sent again under its number, which is refused where it is known. ChinaPay
    /// knows it for a day: later the same number would be another refund.
    async fn query_refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let state = match refund.reference {
            Some(_) => return Ok(pending()),
            None if beijing_day(refund.begun_ms) == beijing_day((self.clock)() + ON_ITS_WAY_MS) => {
                RefundState::NotFound
            }
            None => RefundState::Held("sent on another day, and not answered".to_owned()),
        };
        Ok(RefundReport::from(state))
    }

    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError> {
        let fields = Fields::of_form(&notify.body)?;
        if message(&fields).sign == REFUNDED.sign {
            let state = self.refunded(&fields)?;
            if fields.get("MerID") != self.account.mer_id {
                return Ok(Notify::Other("a refund of another merchant".to_owned()));
            }
            return Ok(Notify::Refund {
                refund_no: fields.get("Priv1").to_owned(),
                report: RefundReport { state, ..pending() },
                back: back(&fields),
            });
        }
        self.prove(&fields, &PAID)?;
        Ok(match fields.get("status") {
            "1001" => Notify::verified(report(&fields).map(Notify::Paid)),
            // All else is not paid: the channel is asked.
            _ => Notify::Changed {
                channel_order_no: fields.get("orderno").to_owned(),
            },
        })
    }

    /// A payer holds his payment's form too: what nobody signed makes it no other one.
    fn signed<'a>(&self, notify: &'a RawNotify) -> Cow<'a, [u8]> {
        let fields = Fields::of_form(&notify.body).ok();
        let signed = fields.and_then(|fields| fields.signed(message(&fields)));
        match signed {
            Some(signed) => Cow::from(signed.into_bytes()),
            None => Cow::from(&notify.body),
        }
    }

    fn notify_answer(&self, received: bool) -> NotifyAnswer {
        NotifyAnswer {
            status: if received { 200 } else { 500 },
            content_type: "text/plain",
            body: if received {
                self.account.reply.clone().into()
            } else {
                "fail".into()
            },
        }
    }
}
