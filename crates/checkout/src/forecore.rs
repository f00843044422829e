//! What partners ask for through Apay's interface (docs/forecore.md). Each
//! order is a payment request of the partner's, paid on our own page like any other.

use crate::{Checkout, Failure, callback};
use payment::address::Address;
use payment::domain::{Domain, Secret};
use payment::forecore::{self, Fields, Order, PartnerOrder, PayType, fen_of_yuan, md5_sign, yuan};
use payment::money::Currency;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::{AttemptRow, CallbackState, NewCallback, RefundRow};
use payment::rate::{NoRate, Rate};
use payment::refund::{AT_CHANNEL_PREFIX, Refund};
use payment::refusal::Refusal;
use payment::request::check_shape;
use payment::sign::{Purpose, hmac_sign};
use payment::status::PayStatus;
use payment::verify;

/// New numbers are tried this often before the store is called broken.
const NUMBER_TRIES: usize = 8;
/// A refund's key in the store, where the partner gave its number and where not.
const NAMED: &str = "no:";
const UNNAMED: &str = "as:";
const UNNAMED_BEFORE: &str = "day:";
const REFUND_NO_MAX: usize = 64;
/// Refunds of before this rule: the same order and sum was the same for a day, ms.
const SAME_REFUND_MS: i64 = 86_400_000;

/// Why a call of a partner is not done.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum PartnerFailure {
    /// No sign.
    #[error("no sign: add the field sign, the MD5 of your key and all fields")]
    NoSign,
    /// No partnerId.
    #[error("no partnerId: add the field partnerId")]
    NoPartner,
    /// No such partner.
    #[error("no such partner: check partnerId")]
    UnknownPartner,
    /// The sign does not hold.
    #[error("wrong sign: MD5 over key and every field but sign, sorted, URL-encoded")]
    WrongSign,
    /// The clock is off.
    #[error("time is too far from ours: send ms since 1970, and set your clock")]
    Time,
    /// The number was used for another order.
    #[error("outOrderId was used for an order with other content: use a new one")]
    OrderReused,
    /// The order is not paid.
    #[error("the order is not paid: there is nothing to refund")]
    NotPaid,
    /// More than was paid and is not given back yet.
    #[error("money is more than is left to refund of this order{}", left_in_words(*.0))]
    TooMuch(Option<i64>),
    /// The number was used for another refund.
    #[error("out_refund_no was used for a refund of another order or sum: use a new one")]
    RefundReused,
    /// The channel can't refund, or can't say whether it did: the operator looks.
    #[error(
        "this refund waits for a person at the platform: ask how it stands before you give the \
         money back by another way"
    )]
    Parked,
    /// There is no rate, or it is too old.
    #[error("{0}: try again later, or order in CNY")]
    NoRate(NoRate),
    /// The partner has no such order.
    #[error("no such order: check outOrderId")]
    UnknownOrder,
    /// A field is missing or malformed, or something of ours failed.
    #[error(transparent)]
    Other(#[from] Failure),
}

fn left_in_words(left: Option<i64>) -> String {
    left.map(|minor| format!(": {} are left", yuan(minor)))
        .unwrap_or_default()
}

impl From<Refusal> for PartnerFailure {
    fn from(refusal: Refusal) -> Self {
        Self::Other(refusal.into())
    }
}

impl From<payment::ports::StoreError> for PartnerFailure {
    fn from(error: payment::ports::StoreError) -> Self {
        Self::Other(error.into())
    }
}

/// The answer to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ordered {
    /// The partner's number.
    pub out_order_id: String,
    /// Ours.
    pub order_id: String,
    /// Where the payer pays.
    pub url: String,
    /// Over the fields above.
    pub sign: String,
}

/// The answer to a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartnerRefund {
    /// Our number of it.
    pub trans_no: String,
    /// The partner's number of the order.
    pub out_order_id: String,
    /// The partner's number of the refund; ours where he gave none, which he may give
    /// in a later call.
    pub out_refund_no: String,
    /// `REFUNDING`, `SUCCESS` or `CLOSE`.
    pub status: &'static str,
}

/// The answer to a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderInfo {
    /// What was ordered.
    pub order: PartnerOrder,
    /// What the payer paid, minor units; `None` while nothing is paid.
    pub received: Option<i64>,
    /// One of the words that clients know.
    pub status: &'static str,
    /// What went back, or is to, oldest first.
    pub refunds: Vec<ListedRefund>,
}

/// One refund of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRefund {
    /// Our number of it.
    pub trans_no: String,
    /// The partner's; ours where he gave none.
    pub out_refund_no: String,
    /// Its sum, minor units.
    pub minor: i64,
    /// `REFUNDING`, `SUCCESS` or `CLOSE`.
    pub status: &'static str,
}

impl Checkout {
    /// `/forecore/order`: the same content again is the same order.
    ///
    /// # Errors
    /// [`PartnerFailure`] with what the partner can do.
    pub async fn partner_orders(&self, fields: &Fields) -> Result<Ordered, PartnerFailure> {
        let (domain, key) = self.partner(fields).await?;
        let order = Order::read(fields)?;
        self.check_time(&domain, &order)?;
        check_addresses(&domain, &order)?;
        let kept = self.keep_partner_order(&domain, &order).await?;
        if !kept.order.is_same(&order) {
            return Err(PartnerFailure::OrderReused);
        }
        let url = self.partner_page(&domain, &kept);
        let signed = [
            ("orderId", kept.order_id.as_str()),
            ("outOrderId", &kept.order.out_order_id),
            ("url", &url),
        ];
        let sign = md5_sign(signed.into_iter(), &key);
        Ok(Ordered {
            out_order_id: kept.order.out_order_id,
            order_id: kept.order_id,
            url,
            sign,
        })
    }

    /// `/forecore/queryOrder`.
    ///
    /// # Errors
    /// [`PartnerFailure`] with what the partner can do.
    pub async fn partner_asks(&self, fields: &Fields) -> Result<OrderInfo, PartnerFailure> {
        let (domain, _) = self.partner(fields).await?;
        let (order, attempts) = self.partner_order(&domain, fields).await?;
        let paid = attempts
            .iter()
            .find(|attempt| attempt.status == Attempt::Paid);
        let status = match paid {
            Some(paid) => self.paid_word(paid).await?,
            None => unpaid_word(&attempts),
        };
        let refunds = match paid {
            Some(paid) => self.parts.store.refunds(&paid.order_sn).await?,
            None => Vec::new(),
        };
        Ok(OrderInfo {
            refunds: refunds.iter().map(listed).collect(),
            received: paid.map(|paid| paid.money.minor()),
            status,
            order,
        })
    }

    /// `/forecore/refund`: the same `out_refund_no` again is the same refund; without
    /// one, a call identical in all signed values is.
    ///
    /// # Errors
    /// [`PartnerFailure`] with what the partner can do.
    pub async fn partner_refunds(&self, fields: &Fields) -> Result<PartnerRefund, PartnerFailure> {
        let (domain, _) = self.partner(fields).await?;
        fields.required("outOrderId")?;
        let money = fields.required("money")?;
        let form = "yuan, more than zero, at most two decimals";
        let fen = fen_of_yuan(money).ok_or_else(|| Refusal::malformed("money", form))?;
        let out_refund_no = fields.given("out_refund_no").unwrap_or_default();
        if out_refund_no.len() > REFUND_NO_MAX {
            return Err(Refusal::malformed("out_refund_no", "at most 64 bytes").into());
        }
        let (order, attempts) = self.partner_order(&domain, fields).await?;
        let paid = attempts
            .into_iter()
            .find(|attempt| attempt.status == Attempt::Paid)
            .ok_or(PartnerFailure::NotPaid)?;
        let key = match out_refund_no {
            "" => self.unnamed_refund(&paid, fields, &order, fen).await?,
            named => self.named_refund(&paid, named).await?,
        };
        let refund = self.refund_keyed(&paid, key, fen).await;
        let refund = refund.map_err(|failure| match failure {
            Failure::RefundKeyReused => PartnerFailure::RefundReused,
            Failure::Refused(Refusal::Amount(_)) => PartnerFailure::TooMuch(None),
            Failure::TooMuch(left) => PartnerFailure::TooMuch(Some(left)),
            other => other.into(),
        })?;
        Ok(PartnerRefund {
            status: match refund.state {
                Refund::Parked => return Err(PartnerFailure::Parked),
                state => trans_status(state),
            },
            out_refund_no: match out_refund_no {
                "" => refund.refund_no.clone(),
                named => named.to_owned(),
            },
            trans_no: refund.refund_no,
            out_order_id: order.order.out_order_id,
        })
    }

    /// `/forecore/exchangeRate`: what the platform itself converts by when this payment
    /// is made, CNY per unit of the currency.
    ///
    /// # Errors
    /// [`PartnerFailure`] with what the partner can do.
    pub async fn partner_rate(&self, fields: &Fields) -> Result<Rate, PartnerFailure> {
        self.partner(fields).await?;
        let currency = fields.required("currency")?;
        let foreign = |currency: &Currency| *currency != Currency::Cny;
        let currency = Currency::parse(currency)
            .filter(foreign)
            .ok_or_else(|| Refusal::malformed("currency", "CAD or USD"))?;
        let payment = PayType::read("payment", fields.required("payment")?)?;
        (self.parts.rates)(currency, payment.channel()).map_err(PartnerFailure::NoRate)
    }

    /// The key of a refund that names no number: a call identical in all signed values,
    /// `time` among them, is the same refund for ever.
    async fn unnamed_refund(
        &self,
        paid: &AttemptRow,
        fields: &Fields,
        order: &PartnerOrder,
        fen: i64,
    ) -> Result<String, PartnerFailure> {
        let key = format!("{UNNAMED}{}", fields.digest());
        let refunds = self.parts.store.refunds(&paid.order_sn).await?;
        // Before, the same order and sum within a day was the same refund.
        let before = format!("{UNNAMED_BEFORE}{}:{fen}:", order.order_id);
        let since_ms = self.now_ms() - SAME_REFUND_MS;
        let old = refunds.iter().find_map(|row| {
            let old = row.refund_key.clone()?;
            (old.starts_with(&before) && row.created_ms > since_ms).then_some(old)
        });
        Ok(old.unwrap_or(key))
    }

    /// The key of a refund that the partner names: by his number, or by ours.
    async fn named_refund(&self, paid: &AttemptRow, named: &str) -> Result<String, PartnerFailure> {
        let ours = self.parts.store.refund(named).await?;
        let ours = ours.filter(|row| row.order_sn == paid.order_sn);
        Ok(match ours {
            Some(row) => row.refund_key.unwrap_or(row.refund_no),
            None => format!("{NAMED}{named}"),
        })
    }

    /// The partner whose sign holds over these fields, and the key that it holds by.
    async fn partner(&self, fields: &Fields) -> Result<(Domain, Secret), PartnerFailure> {
        if fields.given("sign").is_none() {
            return Err(PartnerFailure::NoSign);
        }
        let id = fields.given("partnerId").ok_or(PartnerFailure::NoPartner)?;
        let code = Domain::partner_code(id);
        let domain = self.unproved_domain(&code).await?;
        let domain = domain.ok_or(PartnerFailure::UnknownPartner)?;
        let key = domain
            .live_secrets(self.now_ms())
            .find(|key| forecore::verifies(fields, key))
            .cloned();
        let key = key.ok_or(PartnerFailure::WrongSign)?;
        self.take_toll(&domain, fields.given("outOrderId"))?;
        Ok((domain, key))
    }

    /// The order that these fields name, with its attempts.
    async fn partner_order(
        &self,
        domain: &Domain,
        fields: &Fields,
    ) -> Result<(PartnerOrder, Vec<AttemptRow>), PartnerFailure> {
        let number = fields.required("outOrderId")?;
        let store = &self.parts.store;
        let order = store.partner_order_of(&domain.code, number).await?;
        let order = order.ok_or(PartnerFailure::UnknownOrder)?;
        let attempts = store.attempts(&domain.code, &order.order_id).await?;
        Ok((order, attempts))
    }

    fn check_time(&self, domain: &Domain, order: &Order) -> Result<(), PartnerFailure> {
        let partner = domain.settings.partner.as_ref();
        let window_s = partner.and_then(|partner| partner.time_window_s);
        let (Some(window_s), Some(time_ms)) = (window_s, order.time_ms) else {
            return Ok(());
        };
        match self.now_ms().abs_diff(time_ms) <= window_s.unsigned_abs() * 1000 {
            true => Ok(()),
            false => Err(PartnerFailure::Time),
        }
    }

    async fn keep_partner_order(
        &self,
        domain: &Domain,
        order: &Order,
    ) -> Result<PartnerOrder, PartnerFailure> {
        for _ in 0..NUMBER_TRIES {
            let now_ms = self.now_ms();
            let new = PartnerOrder {
                order_id: self.numbers.order_sn(now_ms),
                domain_code: domain.code.clone(),
                order: order.clone(),
                created_ms: now_ms,
            };
            if let Some(kept) = self.parts.store.begin_partner_order(&new).await? {
                return Ok(kept);
            }
        }
        Err(Failure::Internal("no free order number".to_owned()).into())
    }

    /// Our page for this order: an address that we sign in the partner's name, so
    /// that page, attempts and polling are the platform's own.
    fn partner_page(&self, domain: &Domain, kept: &PartnerOrder) -> String {
        let order = &kept.order;
        let (bg_url, _) = order.cb_url.split_once('?').unwrap_or((&order.cb_url, ""));
        let minor = order.money.minor().to_string();
        // The partner's number may be no text that a page takes for goods; ours is.
        let named = format!("订单 {}", order.out_order_id);
        let shown = match check_shape(domain, "info", &named) {
            Ok(()) => &order.out_order_id,
            Err(_) => &kept.order_id,
        };
        let goods = format!("订单 {shown}");
        let goods_en = format!("Order {shown}");
        let mut pairs = vec![
            ("domainCode", domain.code.as_str()),
            ("money", &minor),
            ("info", &goods),
            ("infoEn", &goods_en),
            ("requestKey", &kept.order_id),
            ("currencyType", order.money.currency().code()),
            ("pageUrl", &order.return_url),
            ("bgUrl", bg_url),
            ("signType", "HMAC-SHA256"),
        ];
        pairs.retain(|(_, value)| !value.is_empty());
        let secret = &domain.secrets()[0];
        let sign = hmac_sign(Purpose::Pay, pairs.iter().copied(), secret);
        if let Some(pay_type) = order.pay_type {
            pairs.push(("payTypeCode", pay_type.channel().code()));
        }
        pairs.push(("sign", &sign));
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let query = Pairs::from_stored(pairs.collect()).to_query();
        format!("{}/mpay.html?{query}", self.parts.public_url)
    }

    /// A partner who has the key could sign pages of his own: only what he ordered
    /// is paid.
    pub(crate) async fn check_ordered(
        &self,
        domain: &Domain,
        request: &payment::request::PayRequest,
    ) -> Result<(), Failure> {
        if domain.settings.partner.is_none() {
            return Ok(());
        }
        let key = &request.request_key;
        let order = self.parts.store.partner_order(&domain.code, key).await?;
        match order {
            Some(kept) if kept.order.money == request.money => Ok(()),
            _ => Err(Failure::KeyReused),
        }
    }

    /// What the business system is told: a partner by a form, others by the seed's
    /// address.
    pub(crate) async fn new_callback(
        &self,
        domain: &Domain,
        attempt: &AttemptRow,
        status: PayStatus,
        paid_ms: i64,
    ) -> Result<NewCallback, Failure> {
        let now_ms = self.now_ms();
        if domain.settings.partner.is_none() {
            return callback::new(domain, attempt, status, paid_ms, now_ms);
        }
        let store = &self.parts.store;
        let kept = store
            .partner_order(&domain.code, &attempt.request_key)
            .await?;
        let gone = || Failure::Internal(format!("order {} is gone", attempt.request_key));
        let secret = domain.secret_for(attempt.secret_generation, now_ms);
        notification(&kept.ok_or_else(gone)?, attempt, secret, now_ms)
    }

    async fn paid_word(&self, paid: &AttemptRow) -> Result<&'static str, PartnerFailure> {
        Ok(match paid.request_status {
            PayStatus::NotRefund | PayStatus::WaitRefund => "refunding",
            PayStatus::SuccessRefund => "refund",
            PayStatus::FailureRefund => "refundclosed",
            _ => {
                let callbacks = self.parts.store.callbacks(&paid.order_sn).await?;
                match callbacks.first().map(|callback| callback.state) {
                    Some(CallbackState::Delivered) => "complete",
                    Some(CallbackState::Parked) => "通知失败",
                    Some(CallbackState::Waiting) => "通知商户",
                    None => "已支付",
                }
            }
        })
    }
}

/// The word for how a refund stands; one that waits for a person is under way.
fn trans_status(state: Refund) -> &'static str {
    match state {
        Refund::New | Refund::Sent | Refund::Parked => "REFUNDING",
        Refund::Done => "SUCCESS",
        Refund::Failed | Refund::Withdrawn => "CLOSE",
    }
}

/// One refund in queryOrder's list.
fn listed(row: &RefundRow) -> ListedRefund {
    let key = row.refund_key.as_deref().unwrap_or_default();
    let named = key.strip_prefix(NAMED);
    let at_channel = key.starts_with(AT_CHANNEL_PREFIX).then_some(key);
    ListedRefund {
        trans_no: row.refund_no.clone(),
        out_refund_no: named.or(at_channel).unwrap_or(&row.refund_no).to_owned(),
        minor: row.money.minor(),
        status: trans_status(row.state),
    }
}

fn unpaid_word(attempts: &[AttemptRow]) -> &'static str {
    match attempts.last() {
        None => "prepare",
        Some(last) if last.request_status == PayStatus::Closed => "作废",
        Some(_) => "待支付",
    }
}

/// Where we would send requests (docs/signing.md).
fn check_addresses(domain: &Domain, order: &Order) -> Result<(), PartnerFailure> {
    let callbacks = &domain.settings.callbacks;
    let refused = || Refusal::AddressRefused("cb_url".to_owned());
    let cb_url = Address::parse(&order.cb_url).map_err(|_| refused())?;
    let listed = callbacks.is_empty() || verify::is_listed(&cb_url, callbacks);
    match listed && verify::may_call(domain, &cb_url) {
        true => Ok(()),
        false => Err(refused().into()),
    }
}

/// The notification of a payment: the documented fields, providerOrderId, and
/// cb_url's own, signed (docs/forecore.md, The notification).
fn notification(
    kept: &PartnerOrder,
    attempt: &AttemptRow,
    key: &Secret,
    now_ms: i64,
) -> Result<NewCallback, Failure> {
    let order = &kept.order;
    let mut fields: Vec<(String, String)> = [
        ("outOrderId", order.out_order_id.clone()),
        ("orderId", kept.order_id.clone()),
        ("money", yuan(attempt.money.minor())),
        ("currency", attempt.money.currency().code().to_owned()),
        ("providerOrderId", attempt.order_sn.clone()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .to_vec();
    let query = order.cb_url.split_once('?').map_or("", |(_, query)| query);
    for (name, value) in Pairs::from_query(query)?.iter() {
        let taken = name == "sign" || fields.iter().any(|(other, _)| other == name);
        if !taken {
            fields.push((name.to_owned(), value.to_owned()));
        }
    }
    let signed = fields.iter().map(|(n, v)| (n.as_str(), v.as_str()));
    let sign = md5_sign(signed, key);
    fields.push(("sign".to_owned(), sign));
    Ok(NewCallback {
        url: order.cb_url.clone(),
        receiver: order.cb_url.clone(),
        form: Some(Pairs::from_stored(fields).to_query()),
        created_ms: now_ms,
    })
}
