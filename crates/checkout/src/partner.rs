//! What doors other than the platform's ask for. Each order of a partner is a payment
//! request, paid on our own page like any other.

use crate::numbers::first_number;
use crate::{Checkout, Failure, Place, Scene, Start, links};
use payment::address::Address;
use payment::channel::Channel;
use payment::clinic::examined;
use payment::domain::{Domain, Secret};
use payment::money::Currency;
use payment::obj::Obj;
use payment::pairs::Pairs;
use payment::param::Param;
use payment::partner::{Ordered, PartnerOrder};
use payment::ports::{AttemptRow, CallbackState, RefundRow};
use payment::rate::{NoRate, Rate};
use payment::refusal::Refusal;
use payment::request::{PayRequest, check_shape};
use payment::sign::{Purpose, hmac_sign};
use payment::slip::Slips;
use payment::verify;
use std::sync::Arc;
use std::time::Duration;

/// More orders than these are not counted.
const COUNTED_MAX: i64 = 100_000;
/// New numbers are tried this often before the store is called broken.
const NUMBER_TRIES: usize = 8;
/// A code is waited for no longer.
const CODE_WAIT: Duration = Duration::from_secs(5);

impl Checkout {
    /// The business system with this code, the secret by which it proves itself, and what
    /// that proves; its call is charged for, with the number of its order where it names one.
    /// What the clinic finds (`examine`) only a development's business system is told.
    ///
    /// # Errors
    /// [`Refusal::UnknownDomain`], [`Refusal::BadSign`] where no secret proves it, and
    /// [`Failure::TooMany`].
    pub async fn proved<T>(
        &self,
        code: &str,
        number: Option<&str>,
        proves: impl Fn(&Secret) -> Option<T>,
        examine: impl Fn(&Secret) -> Option<Slips>,
    ) -> Result<(Domain, Secret, T), Failure> {
        let domain = self.unproved_domain(code).await?;
        let domain = domain.ok_or(Refusal::UnknownDomain)?;
        let now_ms = self.now_ms();
        let proof = |secret: &Secret| Some((secret.clone(), proves(secret)?));
        let Some((secret, proof)) = domain.live_secrets(now_ms).find_map(proof) else {
            let proves = |secret: &Secret| proves(secret).is_some();
            let examined = || examined(&domain, now_ms, proves, examine);
            let slips = domain.development.then(examined).flatten();
            return Err(Refusal::bad_sign(slips.unwrap_or_default()).into());
        };
        self.take_toll(&domain.code, number)?;
        self.see_secret_used(&domain, secret.generation);
        Ok((domain, secret, proof))
    }

    /// Keeps an order under a number of ours; the same again is the same order.
    ///
    /// # Errors
    /// [`Failure::KeyReused`] where the partner's number was used for another one;
    /// [`Refusal::AddressRefused`] for a callback that we would not send.
    pub async fn keep_order(
        &self,
        domain: &Domain,
        order: Ordered,
    ) -> Result<PartnerOrder, Failure> {
        check_callback(domain, &order.cb_url)?;
        for _ in 0..NUMBER_TRIES {
            let now_ms = self.now_ms();
            let new = PartnerOrder {
                order_id: self.numbers.order_sn(now_ms),
                domain_code: domain.code.clone(),
                order: order.clone(),
                created_ms: now_ms,
            };
            match self.parts.store.begin_partner_order(&new).await? {
                None => {}
                Some(kept) if kept.order == order => return Ok(kept),
                Some(_) => return Err(Failure::KeyReused),
            }
        }
        Err(Failure::Internal("no free order number".to_owned()))
    }

    /// The order that has the partner's number, with its attempts, oldest first.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn ordered(
        &self,
        domain: &Domain,
        number: &str,
    ) -> Result<Option<(PartnerOrder, Vec<AttemptRow>)>, Failure> {
        let store = &self.parts.store;
        let Some(order) = store.partner_order_of(&domain.code, number).await? else {
            return Ok(None);
        };
        let attempts = store.attempts(&domain.code, &order.order_id).await?;
        Ok(Some((order, attempts)))
    }

    /// The same by our number.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn ordered_as(
        &self,
        domain: &Domain,
        order_id: &str,
    ) -> Result<Option<(PartnerOrder, Vec<AttemptRow>)>, Failure> {
        let store = &self.parts.store;
        let Some(order) = store.partner_order(&domain.code, order_id).await? else {
            return Ok(None);
        };
        let attempts = store.attempts(&domain.code, order_id).await?;
        Ok(Some((order, attempts)))
    }

    /// The partner's last orders with their attempts, the newest first.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn ordered_last(
        &self,
        domain: &Domain,
        limit: i64,
        offset: i64,
    ) -> Result<Vec<(PartnerOrder, Vec<AttemptRow>)>, Failure> {
        let store = &self.parts.store;
        let orders = store.partner_orders(&domain.code, limit, offset).await?;
        let mut listed = Vec::with_capacity(orders.len());
        for order in orders {
            let attempts = store.attempts(&domain.code, &order.order_id).await?;
            listed.push((order, attempts));
        }
        Ok(listed)
    }

    /// How much the partner has ordered since then; 100 000 stand for more.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn orders_since(&self, domain: &Domain, since_ms: i64) -> Result<i64, Failure> {
        let since = first_number(since_ms);
        let store = &self.parts.store;
        Ok(store
            .partner_orders_since(&domain.code, &since, COUNTED_MAX)
            .await?)
    }

    /// The refunds of a paid attempt, oldest first.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn refunds_of(&self, order_sn: &str) -> Result<Vec<RefundRow>, Failure> {
        Ok(self.parts.store.refunds(order_sn).await?)
    }

    /// Whether a number is ours of a refund of this business system's.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn is_refund_of(&self, domain_code: &str, number: &str) -> Result<bool, Failure> {
        let Some(row) = self.parts.store.refund(number).await? else {
            return Ok(false);
        };
        let attempt = self.parts.store.attempt(&row.order_sn).await?;
        Ok(attempt.is_some_and(|attempt| attempt.domain_code == domain_code))
    }

    /// How the callback of a paid attempt stands; none: nobody is told.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn told(&self, order_sn: &str) -> Result<Option<CallbackState>, Failure> {
        let callbacks = self.parts.store.callbacks(order_sn).await?;
        let mut states = callbacks.iter().map(|callback| callback.state);
        Ok(states.find(|state| *state != CallbackState::Overtaken))
    }

    /// What the platform converts by when it is paid by this channel, CNY per unit of
    /// the currency.
    ///
    /// # Errors
    /// Why there is no rate.
    pub fn rate(&self, currency: Currency, channel: Channel) -> Result<Rate, NoRate> {
        (self.parts.rates)(currency, channel)
    }

    /// Our page for an order, at one channel or at those that are offered: an address
    /// that we sign in the partner's name, so that page, attempts and polling are the
    /// platform's own. By the secret that proved his call, which its news then have too: a
    /// partner who has been given another one may not use it yet.
    #[must_use]
    pub fn order_page(
        &self,
        domain: &Domain,
        secret: &Secret,
        kept: &PartnerOrder,
        channel: Option<Channel>,
    ) -> String {
        let order = &kept.order;
        let (bg_url, _) = order.cb_url.split_once('?').unwrap_or((&order.cb_url, ""));
        let minor = order.money.minor().to_string();
        let (goods, goods_en) = goods(domain, kept);
        let mut pairs = vec![
            ("domainCode", domain.code.as_str()),
            ("money", &minor),
            ("info", &goods),
            ("infoEn", goods_en.as_str()),
            ("requestKey", &kept.order_id),
            ("currencyType", order.money.currency().code()),
            ("pageUrl", &order.return_url),
            ("bgUrl", bg_url),
            ("signType", "HMAC-SHA256"),
        ];
        pairs.retain(|(_, value)| !value.is_empty());
        let sign = hmac_sign(Purpose::Pay, pairs.iter().copied(), secret);
        pairs.extend(channel.map(|channel| ("payTypeCode", channel.code())));
        pairs.push(("sign", &sign));
        let pairs = pairs
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let signed = Pairs::from_stored(pairs.collect()).into();
        let page = links::opened(Scene::H5, &signed);
        format!("{}{page}", self.parts.public_url)
    }

    /// What a payer at a desktop scans with WeChat for an order whose page this is; none
    /// where WeChat does not give it in time: the page is there all the same.
    pub async fn wallet_code(self: &Arc<Self>, page: &str) -> Option<String> {
        let (_, query) = page.split_once('?')?;
        let pairs = Pairs::from_query(query).ok()?;
        let started = async {
            let (domain, request) = self.verified(&pairs).await?;
            let start = Start {
                channel: Channel::Wechat,
                place: Place::pc(),
            };
            self.pay(&domain, &request, start).await
        };
        let attempt = tokio::time::timeout(CODE_WAIT, started).await.ok()?.ok()?;
        match attempt.obj? {
            Obj::Code(code) if code.starts_with("weixin://") => Some(code),
            _ => None,
        }
    }

    /// A partner who has the key could sign pages of his own: only what he ordered
    /// is paid.
    pub(crate) async fn check_ordered(
        &self,
        domain: &Domain,
        request: &PayRequest,
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
}

/// What the page of an order says is bought, in both languages. The partner's words, or
/// his number, may be no text that a page takes for goods; our number is.
fn goods(domain: &Domain, kept: &PartnerOrder) -> (String, String) {
    let order = &kept.order;
    let fits = |text: &str| check_shape(domain, Param::Info, text).is_ok();
    if !order.goods.is_empty() && fits(&order.goods) {
        return (order.goods.clone(), String::new());
    }
    let named = format!("订单 {}", order.out_order_id);
    let shown = if fits(&named) {
        &order.out_order_id
    } else {
        &kept.order_id
    };
    (format!("订单 {shown}"), format!("Order {shown}"))
}

/// Where we would send requests (docs/signing.md, Shapes that every request keeps).
fn check_callback(domain: &Domain, cb_url: &str) -> Result<(), Refusal> {
    let refused = || Refusal::AddressRefused("cb_url".to_owned());
    let cb_url = Address::parse(cb_url).map_err(|_| refused())?;
    let callbacks = &domain.settings.callbacks;
    let listed = callbacks.is_empty() || verify::is_listed(&cb_url, callbacks);
    if listed && verify::may_call(domain, &cb_url) {
        Ok(())
    } else {
        Err(refused())
    }
}
