//! A gateway of Apay's family as an upstream: the seed's fourth-party interface
//! (docs/forecore.md), with us as its client (docs/reference/apay.md).

mod rates;
mod wire;

pub use rates::UpstreamRates;

use crate::http::is_guarded;
use crate::setup::{ConfigError, NO_ORDER, Setup};
use crate::text::major;
use crate::{Clock, http, link};
use payment::channel::Channel;
use payment::domain::Secret;
use payment::escape::escape;
use payment::fields::Fields;
use payment::forecore::{PayType, fen_of_binary, md5_sign, verifies};
use payment::money::{Currency, Money};
use payment::obj::Obj;
use payment::ports::{
    ChannelError, ChannelOrder, Created, Doubt, Gateway, GivenBack, Kind, NewOrder, Notify,
    NotifyAnswer, OrderState, PaidReport, RawNotify, RefundOrder, RefundReport, RefundState, Terms,
    Unknown,
};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde::Deserialize;
use std::fmt::Display;
use std::time::Duration;
use wire::{Answer, Status};

/// A call may take this long, seconds: some failures are never answered. It ends
/// before the lease under which a refund is sent.
const LIMIT_S: u64 = 25;
const LIMIT_S_MAX: u64 = 30;
/// The longest address that still makes a code.
const CODE_BYTES_MAX: usize = 1024;
/// An order's sum may differ by one part in so many from what was asked.
const CHANGE_PARTS: u64 = 20;
/// What stands in place of a refund's number that the gateway did not name.
const ACCEPTED: &str = "accepted";

/// What an account at such a gateway has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    /// The gateway's address, before `/forecore`.
    base: String,
    /// Our name there.
    partner_id: String,
    /// What signs our calls, and its order answers and notifies. Read as any value: a
    /// complaint about another type would show it.
    key: toml::Value,
    /// Whether it knows a refund by our `out_refund_no`: sent again, it is the same.
    #[serde(default)]
    refunds_by_number: bool,
    /// How calls are written.
    #[serde(default)]
    body: Body,
    /// How long a call may take, seconds.
    #[serde(default = "limit_s")]
    limit_s: u64,
}

/// How a call's fields are written.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Body {
    /// As a form: the original of the family.
    #[default]
    Form,
    /// As a JSON object: a branch of it reads no forms.
    Json,
}

impl Body {
    /// The media type and the text of these fields.
    fn write(self, fields: &[(&str, &str)]) -> (&'static str, String) {
        match self {
            Self::Form => {
                let pair = |(name, value): &(&str, &str)| format!("{name}={}", escape(value));
                let pairs: Vec<_> = fields.iter().map(pair).collect();
                ("application/x-www-form-urlencoded", pairs.join("&"))
            }
            Self::Json => {
                let member = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).into());
                let members: serde_json::Map<_, _> = fields.iter().map(member).collect();
                let object = serde_json::Value::Object(members);
                ("application/json", object.to_string())
            }
        }
    }
}

fn limit_s() -> u64 {
    LIMIT_S
}

/// The adapter of one account at a gateway of Apay's family.
pub struct Apay {
    channel: Channel,
    pay_type: PayType,
    name: String,
    terms: Terms,
    base: String,
    partner_id: String,
    key: Secret,
    refunds_by_number: bool,
    body: Body,
    limit: Duration,
    notify_url: String,
    client: Client,
    clock: Clock,
}

impl Apay {
    pub(crate) fn open(setup: &mut Setup) -> Result<Self, ConfigError> {
        let account: Account = setup.own()?;
        let pay_type = match setup.channel {
            Channel::Wechat => PayType::Wechat,
            Channel::Alipay => PayType::Alipay,
            Channel::ChinapayOld => PayType::Union,
            Channel::Paypal => return Err(setup.invalid("apay leads to no Paypal")),
        };
        let base = account.base.trim_end_matches('/').to_owned();
        setup.check_address("base", &base)?;
        if !is_guarded(&base) {
            return Err(setup.invalid("base must be https: only TLS vouches for its answers"));
        }
        // Requests are in these; the platform's rates lead to no other.
        if !Currency::SEED.contains(&setup.terms.currency) {
            return Err(setup.invalid("currency is CNY or USD"));
        }
        let key = account.key.as_str().filter(|key| !key.is_empty());
        let key = key.ok_or_else(|| setup.invalid("key must be text, and not empty"))?;
        if account.partner_id.is_empty() {
            return Err(setup.invalid("partner_id is empty"));
        }
        if !(1..=LIMIT_S_MAX).contains(&account.limit_s) {
            return Err(setup.invalid(format!("limit_s is from 1 to {LIMIT_S_MAX}")));
        }
        Ok(Self {
            channel: setup.channel,
            pay_type,
            name: setup.name.clone(),
            terms: setup.terms.clone(),
            base,
            partner_id: account.partner_id,
            key: Secret::new(1, key, None),
            refunds_by_number: account.refunds_by_number,
            body: account.body,
            limit: Duration::from_secs(account.limit_s),
            notify_url: setup.notify_url.clone(),
            client: setup.client.clone(),
            clock: setup.clock.clone(),
        })
    }

    /// A signed call; gives its answer, and the bytes that an order's sign covers.
    async fn call(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<(Answer, bytes::Bytes), ChannelError> {
        self.call_with(path, fields, &self.key).await
    }

    async fn call_with(
        &self,
        path: &str,
        fields: &[(&str, &str)],
        key: &Secret,
    ) -> Result<(Answer, bytes::Bytes), ChannelError> {
        let partner = ("partnerId", self.partner_id.as_str());
        let fields = || fields.iter().copied().chain([partner]);
        let sign = md5_sign(fields(), key);
        let signed: Vec<_> = fields().chain([("sign", sign.as_str())]).collect();
        let (media_type, body) = self.body.write(&signed);
        let request = self.client.post(format!("{}/forecore/{path}", self.base));
        let request = request
            .timeout(self.limit)
            .header(CONTENT_TYPE, media_type)
            .body(body);
        let (status, body) = http::answer(request).await?;
        Ok((Answer::read(status, &body, &self.key)?, body))
    }

    /// Reads what an order was answered, once its sign holds: over every field but
    /// `result`.
    fn made(&self, body: &[u8], new: &NewOrder) -> Result<Created, ChannelError> {
        let unknown = |what: &str| ChannelError::unknown(Doubt::Nonsense, what);
        let fields = Fields::from_json(body).map_err(|_| unknown("no flat answer"))?;
        let fields = fields.without("result");
        if !verifies(&fields, &self.key) {
            return Err(ChannelError::unknown(
                Doubt::Signature,
                "it does not verify",
            ));
        }
        let value = |name: &str| fields.get(name).unwrap_or_default();
        if value("outOrderId") != new.order.number {
            return Err(unknown("about another order"));
        }
        let changed = changed_sum(&fields, new.order.money)?;
        let order_id = value("orderId");
        if order_id.is_empty() {
            return Err(unknown("no orderId"));
        }
        let obj = obj(new.kind, value("url"));
        Ok(Created {
            obj: obj.ok_or_else(|| unknown("no address for the payer"))?,
            reference: Some(order_id.to_owned()),
            changed,
        })
    }

    /// How an order stands. The answer is not signed: TLS vouches for it, and what
    /// it says must fit the order.
    async fn asked(&self, order: &ChannelOrder) -> Result<(Answer, Status), ChannelError> {
        let fields = [("outOrderId", order.number.as_str())];
        let (answer, _) = self.call("queryOrder", &fields).await?;
        let order_id = order_id(&answer);
        let named = order.reference.as_ref();
        if answer.text("outOrderId") != order.number || named.is_some_and(|id| *id != order_id) {
            return Err(ChannelError::unknown(
                Doubt::Nonsense,
                "about another order",
            ));
        }
        let word = answer.text("status");
        let status = Status::parse(&word);
        let strange = || ChannelError::unknown(Doubt::Nonsense, "a status that nobody knows");
        Ok((answer, status.ok_or_else(strange)?))
    }

    fn report(&self, order: &ChannelOrder, answer: &Answer) -> Result<PaidReport, ChannelError> {
        let (ordered, received) = (answer.money("money")?, answer.money("received")?);
        // Money that fits while the order does not: nothing of it is believed. Other
        // money than the order's is reported, and kept as a mismatch. A gateway that
        // changed the sum may go on naming the one that it was asked for.
        let fits = ordered == order.money || Some(ordered) == order.asked;
        if !fits && received == order.money {
            return Err(ChannelError::unknown(
                Doubt::Nonsense,
                "money and received differ",
            ));
        }
        Ok(PaidReport {
            merchant: self.partner_id.clone(),
            channel_order_no: order.number.clone(),
            trade_no: order_id(answer),
            money: received,
            paid_ms: None,
            given_back: GivenBack::Nothing,
        })
    }

    async fn send_refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let fields = [
            ("outOrderId", refund.order.number.as_str()),
            ("money", &major(refund.money)),
            ("out_refund_no", &refund.refund_no),
        ];
        let (answer, _) = self.call("refund", &fields).await?;
        let theirs = answer.text("out_refund_no");
        let renamed = !theirs.is_empty() && theirs != refund.refund_no;
        let state = match answer.text("trans_status").as_str() {
            // Sent again to learn more, it would be another refund.
            "REFUNDING" if renamed && self.refunds_by_number => RefundState::Held(
                "refunds_by_number is set, and the gateway numbers refunds itself".to_owned(),
            ),
            "REFUNDING" => RefundState::Pending,
            "SUCCESS" => RefundState::Done,
            "CLOSE" => RefundState::Failed("the gateway says CLOSE".to_owned()),
            _ => return Err(ChannelError::unknown(Doubt::Nonsense, "no trans_status")),
        };
        let number = Some(answer.text("trans_no")).filter(|number| !number.is_empty());
        Ok(RefundReport {
            state,
            reference: Some(number.unwrap_or_else(|| ACCEPTED.to_owned())),
        })
    }
}

/// What the gateway says before it asks the channel behind it: a refund that is refused in these
/// words was surely not made (docs/reference/apay.md, Refunds). Every other error may be what
/// became of that channel, whose money may be gone: also that it did not answer.
const BEFORE_ITS_CHANNEL: [&str; 8] = [
    "没有签名sign",
    "没有指定商户号",
    "签名错误",
    "no such merchant",
    "无此订单",
    "该订单不属于指定的partner",
    "订单尚未支付",
    "提供方不支持退单",
];

/// A refund that nobody but a person can clear up: the gateway knows it by no number
/// of ours, and its order's status says nothing about one refund.
fn unanswered(why: impl Display) -> RefundReport {
    RefundReport::from(RefundState::Held(format!(
        "{why}; look at the gateway whether it was made"
    )))
}

/// What is to be paid where an order's answer names another sum: it may differ a
/// little, so that sums in flight differ (docs/reference/apay.md). Nobody is led to an order
/// whose sum or currency is too far from what was asked.
fn changed_sum(answer: &Fields, asked: Money) -> Result<Option<Money>, ChannelError> {
    let (sum, currency) = (answer.get("money"), answer.get("currency"));
    let same_currency = currency.is_none_or(|code| code == asked.currency().code());
    let minor = match sum {
        None => Some(asked.minor()),
        Some(sum) => fen_of_binary(sum),
    };
    let near =
        |minor: &i64| minor.abs_diff(asked.minor()) * CHANGE_PARTS <= asked.minor().unsigned_abs();
    match minor.filter(near).filter(|_| same_currency) {
        Some(minor) if minor == asked.minor() => Ok(None),
        Some(minor) => Ok(Money::from_minor(minor, asked.currency())),
        None => Err(ChannelError::Refused {
            code: "changed_sum".to_owned(),
            message: format!(
                "it wants {} {} for {asked}",
                sum.unwrap_or("the sum"),
                currency.unwrap_or_default()
            ),
        }),
    }
}

fn order_id(answer: &Answer) -> String {
    let order_id = answer.text("orderId");
    if order_id.is_empty() {
        answer.text("_id")
    } else {
        order_id
    }
}

/// What leads the payer on: a code that holds the address, or the address itself.
fn obj(kind: Kind, url: &str) -> Option<Obj> {
    match kind {
        Kind::Native => {
            let fits = is_guarded(url) && url.len() <= CODE_BYTES_MAX;
            fits.then(|| Obj::Code(url.to_owned()))
        }
        _ => link::form(url).map(Obj::Form),
    }
}

#[async_trait::async_trait]
impl Gateway for Apay {
    fn channel(&self) -> Channel {
        self.channel
    }

    fn account(&self) -> &str {
        &self.name
    }

    fn address(&self) -> &str {
        &self.base
    }

    fn merchant(&self) -> String {
        self.partner_id.clone()
    }

    fn terms(&self) -> &Terms {
        &self.terms
    }

    /// At WeChat the address becomes a code, and inside WeChat it is simply opened; in
    /// another currency than CNY it opens nowhere else (docs/forecore.md).
    fn offers(&self, kind: Kind) -> bool {
        match (self.channel, kind) {
            (Channel::Wechat, Kind::Native | Kind::Wap) => true,
            (Channel::Wechat, Kind::Mweb) => self.terms.currency == Currency::Cny,
            (Channel::Wechat, _) => false,
            (_, kind) => matches!(kind, Kind::Page | Kind::Wap),
        }
    }

    /// Nothing closes an order there.
    fn lingers(&self) -> bool {
        true
    }

    /// Refusals have no codes: the key is wrong where a false sign is refused in the
    /// same words.
    async fn check(&self) -> Result<(), String> {
        let fields = [("outOrderId", NO_ORDER)];
        let asked = self.call("queryOrder", &fields).await;
        let false_key = Secret::new(1, "false", None);
        let falsely = self.call_with("queryOrder", &fields, &false_key).await;
        match (asked, falsely) {
            (Err(error @ ChannelError::Unknown(_)), _) => Err(error.to_string()),
            (Err(error), Err(falsely)) if error == falsely => {
                Err(format!("partner_id or key is wrong: {error}"))
            }
            _ => Ok(()),
        }
    }

    /// Gateways of this interface let an order pass again under the same outOrderId, and
    /// answer about the first one.
    fn repeats_orders(&self) -> bool {
        false
    }

    async fn create(&self, new: &NewOrder) -> Result<Created, ChannelError> {
        let (order, money) = (&new.order, new.order.money);
        if !self.offers(new.kind) || money.currency() != self.terms.currency || money.minor() < 1 {
            return Err(ChannelError::NotOffered);
        }
        let fields = [
            ("outOrderId", order.number.as_str()),
            ("money", &major(money)),
            ("currency", money.currency().code()),
            ("type", self.pay_type.word()),
            ("cb_url", &self.notify_url),
            ("return_url", &new.return_url),
            // Of most payers nothing is known but what they pay.
            ("userId", new.openid.as_ref().unwrap_or(&order.number)),
            ("time", &(self.clock)().to_string()),
        ];
        let (_, body) = self.call("order", &fields).await?;
        self.made(&body, new)
    }

    async fn query(&self, order: &ChannelOrder) -> Result<OrderState, ChannelError> {
        let (answer, status) = match self.asked(order).await {
            Ok(asked) => asked,
            // Without the gateway's name for it no payer was led to it.
            Err(ChannelError::Refused { .. }) if order.reference.is_none() => {
                return Ok(OrderState::NotFound);
            }
            Err(error) => return Err(error.or_unknown()),
        };
        let is_paid = answer.money("received").is_ok();
        match status {
            Status::Unpaid | Status::Closed if is_paid => Err(ChannelError::unknown(
                Doubt::Nonsense,
                "unpaid, and received",
            )),
            Status::Unpaid => Ok(OrderState::Pending),
            Status::Closed => Ok(OrderState::Closed),
            _ => {
                let mut report = self.report(order, &answer)?;
                if matches!(status, Status::Refunding | Status::Refunded) {
                    report.given_back = GivenBack::Untold;
                }
                Ok(OrderState::Paid(report))
            }
        }
    }

    async fn close(&self, _order: &ChannelOrder) -> Result<(), ChannelError> {
        Err(ChannelError::NotOffered)
    }

    /// It leaves once where the gateway does not know it by our number
    /// (docs/reference/apay.md, Refunds): whatever numbers an answer bears, it is about this refund.
    async fn refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        let sent = self.send_refund(refund).await;
        match sent {
            sent if self.refunds_by_number => sent,
            Err(ChannelError::Unknown(why)) => Ok(unanswered(why)),
            Err(ChannelError::Refused { message, .. })
                if !BEFORE_ITS_CHANNEL.contains(&message.as_str()) =>
            {
                Ok(unanswered(message))
            }
            sent => sent,
        }
    }

    fn answers_for_refunds(&self) -> bool {
        false
    }

    /// There is no call for it: the same refund is sent again, where the gateway knows
    /// it by our number. Elsewhere what was accepted stays on its way.
    async fn query_refund(&self, refund: &RefundOrder) -> Result<RefundReport, ChannelError> {
        match (self.refunds_by_number, &refund.reference) {
            (false, None) => Ok(unanswered("its answer was lost")),
            (false, Some(_)) => Ok(RefundReport {
                state: RefundState::Pending,
                reference: refund.reference.clone(),
            }),
            (true, None) => Ok(RefundReport::from(RefundState::NotFound)),
            (true, Some(_)) => {
                let sent = self.send_refund(refund).await;
                sent.map_err(ChannelError::or_unknown)
            }
        }
    }

    /// It tells that an order was paid; what is believed of that is what the gateway
    /// then answers to our own question.
    async fn read_notify(&self, notify: &RawNotify) -> Result<Notify, ChannelError> {
        let fields = match notify.body.first() {
            Some(b'{') => Fields::from_json(&notify.body),
            _ => {
                let text = std::str::from_utf8(&notify.body);
                Fields::from_query(text.map_err(|error| Unknown::by(Doubt::Nonsense, error))?)
            }
        };
        let fields = fields.map_err(|refusal| Unknown::by(Doubt::Nonsense, refusal))?;
        if !verifies(&fields, &self.key) {
            return Err(ChannelError::unknown(
                Doubt::Signature,
                "it does not verify",
            ));
        }
        let value = |name: &str| fields.get(name).unwrap_or_default();
        let currency = Currency::parse(value("currency"));
        let fen = fen_of_binary(value("money"));
        let money = currency.and_then(|currency| Money::from_minor(fen?, currency));
        let number = value("outOrderId");
        Ok(match money {
            _ if number.is_empty() => Notify::Odd("no outOrderId".to_owned()),
            Some(money) if money.currency() == self.terms.currency => Notify::Changed {
                channel_order_no: number.to_owned(),
            },
            _ => Notify::Odd("no sum in the account's currency".to_owned()),
        })
    }

    fn notify_answer(&self, received: bool) -> NotifyAnswer {
        NotifyAnswer {
            status: 200,
            content_type: "application/json",
            body: if received {
                r#"{"result":"success"}"#
            } else {
                r#"{"err":"not received"}"#
            }
            .into(),
        }
    }
}
