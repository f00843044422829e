//! Which channels a payer is offered, and by which account (docs/protocol.md,
//! Requests and attempts).

use crate::account::Account;
use crate::browser::Browser;
use crate::{Checkout, Failure};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::money::{Currency, Money};
use payment::pairs::Pairs;
use payment::ports::{Gateway, Kind};
use payment::rate::Rate;
use payment::refusal::Refusal;
use payment::request::PayRequest;
use payment::verify;
use std::sync::Arc;

/// Which page the payer is on: the seed's `paySceneName`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// A desktop browser.
    Pc,
    /// A mobile browser, or inside WeChat.
    H5,
}

impl Scene {
    /// Reads `paySceneName`.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "pc" => Some(Self::Pc),
            "h5" => Some(Self::H5),
            _ => None,
        }
    }

    /// The page that payments of this kind are made on.
    #[must_use]
    pub fn of(kind: Kind) -> Self {
        match kind {
            Kind::Native | Kind::Page => Self::Pc,
            Kind::Jsapi | Kind::Mweb | Kind::Wap => Self::H5,
        }
    }
}

/// Where the payer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The page.
    pub scene: Scene,
    /// The browser.
    pub browser: Browser,
    /// The payer's openid, where it is known.
    pub openid: Option<String>,
    /// Whether a page of ours asks. It opens any form; who calls the documented
    /// interface inside WeChat hands its `obj` to the bridge, whatever it is.
    pub own_page: bool,
}

impl Place {
    /// A desktop browser.
    #[must_use]
    pub fn pc() -> Self {
        Self {
            scene: Scene::Pc,
            browser: Browser::Other,
            openid: None,
            own_page: true,
        }
    }

    /// How a channel can be paid here, the best way first: inside WeChat by its bridge,
    /// else on a page that opens there.
    fn kinds(&self, channel: Channel) -> impl Iterator<Item = Kind> + use<> {
        let wechat = self.browser == Browser::Wechat && channel == Channel::Wechat;
        let page = wechat && self.own_page;
        let page = (page && self.scene == Scene::H5).then_some(Kind::Wap);
        self.kind(channel).into_iter().chain(page)
    }

    /// The best way.
    fn kind(&self, channel: Channel) -> Option<Kind> {
        let bridge = self.browser == Browser::Wechat || self.openid.is_some();
        match (self.scene, channel, self.browser) {
            (Scene::Pc, Channel::Wechat, _) => Some(Kind::Native),
            (Scene::Pc, _, _) => Some(Kind::Page),
            (Scene::H5, Channel::Wechat, _) if bridge => Some(Kind::Jsapi),
            (Scene::H5, Channel::Wechat, Browser::Alipay) => None,
            (Scene::H5, Channel::Wechat, _) => Some(Kind::Mweb),
            // Alipay's pages do not open inside WeChat.
            (Scene::H5, Channel::Alipay, Browser::Wechat) => None,
            (Scene::H5, _, _) => Some(Kind::Wap),
        }
    }

    /// Whether a code of our own page may lead the payer into WeChat, to pay there.
    fn leads_into_wechat(&self, channel: Channel) -> bool {
        channel == Channel::Wechat && self.browser == Browser::Other
    }

    /// The channels in the order of this browser.
    fn order(&self) -> [Channel; 4] {
        let mut order = Channel::ALL;
        if self.browser == Browser::Alipay {
            order.swap(0, 1);
        }
        order
    }
}

/// What an asker says of the sum.
#[derive(Clone, Copy)]
enum Asked {
    /// Nothing.
    Nothing,
    /// Its currency.
    Currency(Currency),
    /// All of it.
    Sum(Sum),
}

/// A sum that is to be paid.
#[derive(Clone, Copy)]
pub(crate) struct Sum {
    money: Money,
    /// CNY per USD, as the request has it.
    rate: Option<Rate>,
}

impl Sum {
    pub(crate) fn of(request: &PayRequest) -> Self {
        Self {
            money: request.money,
            rate: request.rate.as_deref().and_then(Rate::parse),
        }
    }
}

/// How a sum comes into an account's currency.
enum Exchange {
    /// It is in that currency.
    None,
    /// By this rate.
    At(Rate),
}

/// The account, kind and sum that a new order is made with.
pub(crate) struct Choice {
    pub(crate) gateway: Arc<dyn Gateway>,
    pub(crate) kind: Kind,
    pub(crate) money: Money,
    pub(crate) rate: Option<Rate>,
}

/// Which accounts make a channel one that is offered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// Those that answer.
    Well,
    All,
}

impl Checkout {
    /// The channels that a payer of this domain is offered for a request, in the
    /// page's order.
    #[must_use]
    pub fn pay_types(&self, domain: &Domain, place: &Place, request: &PayRequest) -> Vec<Channel> {
        self.offered(domain, place, Asked::Sum(Sum::of(request)))
    }

    /// The same, each with what it would charge in another currency than was asked.
    #[must_use]
    pub fn offers_to(
        &self,
        domain: &Domain,
        place: &Place,
        request: &PayRequest,
    ) -> Vec<(Channel, Option<Money>)> {
        let sum = Sum::of(request);
        // Who has to open the page inside WeChat first pays there as one whose
        // openid is known.
        let inside = Place {
            scene: Scene::H5,
            browser: place.browser,
            openid: Some(String::new()),
            own_page: place.own_page,
        };
        let charged = |channel: Channel| {
            let here = self.choose(domain, channel, place, sum);
            let choice = here.or_else(|_| self.choose(domain, channel, &inside, sum));
            Some(choice.ok()?.money).filter(|money| money.currency() != request.money.currency())
        };
        self.pay_types(domain, place, request)
            .into_iter()
            .map(|channel| (channel, charged(channel)))
            .collect()
    }

    fn offered(&self, domain: &Domain, place: &Place, asked: Asked) -> Vec<Channel> {
        let offered = |channel: &Channel, of: Of| {
            place
                .kinds(*channel)
                .any(|kind| self.offers(domain, *channel, kind, asked, of))
                || (place.leads_into_wechat(*channel) && self.offers_in_wechat(domain, asked, of))
        };
        let of = |of: Of| {
            let channels = place.order().into_iter();
            let offered = channels.filter(|channel| offered(channel, of));
            offered.collect::<Vec<Channel>>()
        };
        let here = of(Of::Well);
        // Where all fail, a payer may still try.
        if here.is_empty() { of(Of::All) } else { here }
    }

    /// The same, for the names that a caller of pay-types gives: domainCode,
    /// paySceneName, and currencyType where he likes.
    ///
    /// # Errors
    /// [`Failure`] when a name is missing, unknown, or comes twice.
    pub async fn pay_types_named(
        &self,
        pairs: &Pairs,
        browser: Browser,
    ) -> Result<Vec<Channel>, Failure> {
        verify::each_once(pairs, &["domainCode", "paySceneName", "currencyType"])?;
        let domain = self.domain(pairs).await?;
        let name = pairs
            .get("paySceneName")
            .filter(|name| !name.is_empty())
            .ok_or(Refusal::missing("paySceneName"))?;
        let scene = Scene::parse(name).ok_or(Refusal::malformed("paySceneName", "pc | h5"))?;
        let place = Place {
            scene,
            browser,
            openid: None,
            own_page: false,
        };
        let asked = match pairs.get("currencyType").filter(|code| !code.is_empty()) {
            None => Asked::Nothing,
            Some(code) => {
                let currencies = self.door(&domain)?.currencies();
                let taken = |currency: &Currency| currencies.contains(currency);
                let currency = Currency::parse(code).filter(taken);
                Asked::Currency(currency.ok_or(Refusal::Amount("currencyType".to_owned()))?)
            }
        };
        Ok(self.offered(&domain, &place, asked))
    }

    /// Whether an account of the domain takes such an order.
    fn offers(&self, domain: &Domain, channel: Channel, kind: Kind, asked: Asked, of: Of) -> bool {
        self.accounts(domain, channel, kind)
            .iter()
            .filter(|gateway| of == Of::All || !gateway.is_away())
            .any(|gateway| match asked {
                Asked::Nothing => true,
                Asked::Currency(currency) => {
                    self.exchange(gateway.as_ref(), currency, None).is_some()
                }
                Asked::Sum(sum) => self.charge(gateway.as_ref(), sum).is_some(),
            })
    }

    /// Whether an account takes it from a payer inside WeChat.
    fn offers_in_wechat(&self, domain: &Domain, asked: Asked, of: Of) -> bool {
        let mut kinds = [Kind::Jsapi, Kind::Wap].into_iter();
        kinds.any(|kind| self.offers(domain, Channel::Wechat, kind, asked, of))
    }

    /// Whether a payer inside WeChat pays this request by its bridge, for which his
    /// openid has to be known.
    #[must_use]
    pub fn pays_by_bridge(&self, domain: &Domain, request: &PayRequest) -> bool {
        let asked = Asked::Sum(Sum::of(request));
        self.offers(domain, Channel::Wechat, Kind::Jsapi, asked, Of::All)
    }

    /// The account that takes a new order.
    pub(crate) fn choose(
        &self,
        domain: &Domain,
        channel: Channel,
        place: &Place,
        sum: Sum,
    ) -> Result<Choice, Failure> {
        let mut refused_sum = false;
        let ways = place.kinds(channel).flat_map(|kind| {
            let accounts = self.accounts(domain, channel, kind).into_iter();
            accounts.map(move |gateway| (kind, gateway))
        });
        // Those that are well first, and each in the order of preference.
        let mut ways: Vec<_> = ways.collect();
        ways.sort_by_key(|(_, gateway)| gateway.is_away());
        for (kind, gateway) in ways {
            let Some((money, rate)) = self.charge(gateway.as_ref(), sum) else {
                refused_sum = true;
                continue;
            };
            if kind == Kind::Jsapi && place.openid.is_none() {
                return Err(Failure::OpenidMissing);
            }
            return Ok(Choice {
                gateway,
                kind,
                money,
                rate,
            });
        }
        if refused_sum {
            return Err(Failure::Refused(Refusal::Amount("money".to_owned())));
        }
        if place.leads_into_wechat(channel)
            && self.offers_in_wechat(domain, Asked::Sum(sum), Of::All)
        {
            return Err(Failure::OpenidMissing);
        }
        Err(Failure::UnsupportedChannel)
    }

    /// The domain's accounts for this, in the order of preference.
    pub(crate) fn accounts(
        &self,
        domain: &Domain,
        channel: Channel,
        kind: Kind,
    ) -> Vec<Arc<Account>> {
        let fits = |gateway: &&Arc<Account>| {
            gateway.channel() == channel
                && gateway.terms().serves(&domain.code)
                && gateway.offers(kind)
        };
        self.gateways().iter().filter(fits).cloned().collect()
    }

    /// How a sum in `currency` comes into the account's; `None` without a rate.
    fn exchange(
        &self,
        gateway: &dyn Gateway,
        currency: Currency,
        rate: Option<Rate>,
    ) -> Option<Exchange> {
        let foreign = match (currency, gateway.terms().currency) {
            (asked, own) if asked == own => return Some(Exchange::None),
            (Currency::Cny, foreign) | (foreign, Currency::Cny) => foreign,
            _ => return None,
        };
        // A request's own rate is CNY per USD (docs/protocol.md).
        let own = rate.filter(|_| foreign == Currency::Usd);
        own.or_else(|| (self.parts.rates)(foreign, gateway.channel()).ok())
            .map(Exchange::At)
    }

    /// What the account would charge, and the rate where the currency changes;
    /// `None` when it does not take the sum.
    fn charge(&self, gateway: &dyn Gateway, sum: Sum) -> Option<(Money, Option<Rate>)> {
        let terms = gateway.terms();
        let (money, rate) = match self.exchange(gateway, sum.money.currency(), sum.rate)? {
            Exchange::None => (sum.money, None),
            Exchange::At(rate) => (rate.convert(sum.money, terms.currency)?, Some(rate)),
        };
        terms.takes(money).then_some((money, rate))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_browser_pays_what_works_in_it() {
        let place = |scene, browser| Place {
            scene,
            browser,
            openid: None,
            own_page: true,
        };
        let kinds = |place: Place| Channel::ALL.map(|channel| place.kind(channel));
        let ways = |browser| {
            let place = place(Scene::H5, browser);
            place.kinds(Channel::Wechat).collect::<Vec<_>>()
        };
        assert_eq!(ways(Browser::Wechat), [Kind::Jsapi, Kind::Wap]);
        assert_eq!(ways(Browser::Other), [Kind::Mweb]);
        assert_eq!(ways(Browser::Alipay), []);
        let page = Some(Kind::Page);
        assert_eq!(kinds(Place::pc()), [Some(Kind::Native), page, page, page]);
        let wap = Some(Kind::Wap);
        assert_eq!(
            kinds(place(Scene::H5, Browser::Wechat)),
            [Some(Kind::Jsapi), None, wap, wap]
        );
        assert_eq!(
            kinds(place(Scene::H5, Browser::Alipay)),
            [None, wap, wap, wap]
        );
        assert_eq!(
            kinds(place(Scene::H5, Browser::Other)),
            [Some(Kind::Mweb), wap, wap, wap]
        );
    }
}
