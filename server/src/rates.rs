//! The platform's own rates by currency and payment: configured figures, the more
//! particular one first, then those of a source, then the development ones.

use crate::clock::{now_ms, system_clock};
use crate::config::Config;
use anyhow::{Context, Result, bail};
use channels::apay::UpstreamRates;
use channels::ecb::RateTable;
use channels::registry::{Account, upstream_rates};
use checkout::Rates;
use payment::channel::Channel;
use payment::forecore::PayType;
use payment::money::Currency;
use payment::rate::{NoRate, Rate};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// CNY per unit of each currency under `--dev`, for each payment.
const DEV_RATES: [(Currency, &str); 2] = [(Currency::Usd, "7.1"), (Currency::Cad, "5.2")];
/// `rates` names an account that leads through an upstream gateway.
const UPSTREAM: &str = "apay:";
/// Between two readings, and after one that failed.
const EACH: Duration = Duration::from_secs(3_600);
const TROUBLE: Duration = Duration::from_secs(300);

/// Where rates are read from; they age.
pub(crate) enum Source {
    /// The European Central Bank's.
    Bank(RateTable),
    /// An upstream gateway's.
    Upstream(UpstreamRates),
}

impl Source {
    fn cny_per(&self, currency: Currency, channel: Channel) -> Result<Rate, NoRate> {
        match self {
            Self::Bank(table) => table.cny_per(currency),
            Self::Upstream(rates) => rates.cny_per(currency, channel),
        }
    }

    /// Reads it anew; gives what the log says of that.
    async fn refresh(&self) -> Result<String> {
        match self {
            Self::Bank(table) => Ok(format!("of {}", table.refresh().await?.day)),
            Self::Upstream(rates) => Ok(format!("{} of the upstream's", rates.refresh().await?)),
        }
    }
}

/// The figures that are configured; they do not age.
#[derive(Clone, Default)]
struct Figures {
    by_payment: HashMap<(Currency, Channel), Rate>,
    general: HashMap<Currency, Rate>,
}

impl Figures {
    fn read(config: &Config) -> Result<Self> {
        let mut figures = Self::default();
        for (currency, name, text) in [
            (Currency::Usd, "usd_cny_rate", &config.usd_cny_rate),
            (Currency::Cad, "cad_cny_rate", &config.cad_cny_rate),
        ] {
            if !text.is_empty() {
                figures.general.insert(currency, figure(name, text)?);
            }
        }
        for (code, payments) in &config.payment_rates {
            let currency = Currency::parse(code).filter(|currency| *currency != Currency::Cny);
            let Some(currency) = currency else {
                bail!("payment_rates takes USD and CAD, not {code}");
            };
            for (word, text) in payments {
                let Some(payment) = PayType::parse(word) else {
                    bail!("payment_rates takes WECHATPAYH5, ALIPAYH5 and UNIONPAYH5, not {word}");
                };
                let pair = (currency, payment.channel());
                figures
                    .by_payment
                    .insert(pair, figure("payment_rates", text)?);
            }
        }
        Ok(figures)
    }

    fn of(&self, currency: Currency, channel: Channel) -> Option<Rate> {
        let particular = self.by_payment.get(&(currency, channel));
        particular.or_else(|| self.general.get(&currency)).copied()
    }
}

/// What rates hold, and the source that has to be kept fresh for them.
pub(crate) fn open(
    config: &Config,
    dev: bool,
    accounts: Vec<Account>,
) -> Result<(Rates, Option<Arc<Source>>)> {
    let mut figures = Figures::read(config)?;
    let source = source(config, accounts)?.map(Arc::new);
    if dev && source.is_none() {
        for (currency, text) in DEV_RATES {
            let rate = figure("a development rate", text)?;
            figures.general.entry(currency).or_insert(rate);
        }
    }
    let asked = source.clone();
    let rates = move |currency, channel| match (figures.of(currency, channel), &asked) {
        (Some(figure), _) => Ok(figure),
        (None, Some(source)) => source.cny_per(currency, channel),
        (None, None) => Err(NoRate::Unset),
    };
    Ok((Arc::new(rates), source))
}

fn source(config: &Config, accounts: Vec<Account>) -> Result<Option<Source>> {
    let (rates, days) = (config.rates.as_str(), config.rates_age_max_days);
    if rates.is_empty() {
        return Ok(None);
    }
    let Some(name) = rates.strip_prefix(UPSTREAM) else {
        let table = RateTable::new(rates, days, channels::client()?, Arc::new(now_ms));
        return Ok(Some(Source::Bank(table.context("rates")?)));
    };
    if accounts.is_empty() {
        bail!("rates need an account, of the accounts file or the database");
    }
    let rates = upstream_rates(accounts, name, days, &system_clock());
    Ok(Some(Source::Upstream(rates.context("rates")?)))
}

fn figure(name: &str, text: &str) -> Result<Rate> {
    let rate = Rate::parse(text);
    rate.with_context(|| format!("{name} takes a figure such as 7.1234, not {text}"))
}

/// Reads the source again and again, until `stopped`.
pub(crate) async fn keep(source: Arc<Source>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let read = tokio::select! {
            read = source.refresh() => read,
            _ = stopped.changed() => return,
        };
        let pause = match read {
            Ok(what) => {
                match source.cny_per(Currency::Usd, Channel::Wechat) {
                    Ok(rate) => tracing::info!(what, %rate, "CNY per USD"),
                    Err(why) => tracing::error!(what, cause = %why, "no CNY per USD"),
                }
                EACH
            }
            Err(error) => {
                let usable = source.cny_per(Currency::Usd, Channel::Wechat).is_ok();
                tracing::warn!(cause = %error, usable, "no newer rates; the last good ones hold");
                TROUBLE
            }
        };
        let _ = tokio::time::timeout(pause, stopped.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(file: &str, dev: bool) -> Result<Rates> {
        open(&Config::of(file), dev, Vec::new()).map(|(rates, _)| rates)
    }

    fn told(rates: &Rates, currency: Currency) -> [String; 4] {
        Channel::ALL.map(|channel| match rates(currency, channel) {
            Ok(rate) => rate.to_string(),
            Err(why) => why.to_string(),
        })
    }

    #[test]
    fn the_more_particular_figure_holds_then_the_general_one() {
        let file = "usd_cny_rate = \"7.2\"\npayment_rates = {USD = {ALIPAYH5 = \"7.3\"}, \
                    CAD = {WECHATPAYH5 = \"5.1\", UNIONPAYH5 = \"5.3\"}}";
        let rates = rates(file, false).unwrap();
        let by_channel = |channel| rates(Currency::Usd, channel).unwrap().to_string();
        assert_eq!(by_channel(Channel::Alipay), "7.3");
        for channel in [Channel::Wechat, Channel::ChinapayOld, Channel::Paypal] {
            assert_eq!(by_channel(channel), "7.2");
        }
        let cad = |channel| rates(Currency::Cad, channel);
        assert_eq!(cad(Channel::Wechat).unwrap().to_string(), "5.1");
        assert_eq!(cad(Channel::ChinapayOld).unwrap().to_string(), "5.3");
        assert_eq!(cad(Channel::Alipay), Err(NoRate::Unset));
    }

    #[test]
    fn a_source_holds_after_the_figures_and_before_the_development_ones() {
        let file = "rates = \"/no/such/file\"\nusd_cny_rate = \"7.2\"";
        let rates = rates(file, true).unwrap();
        assert_eq!(told(&rates, Currency::Usd), ["7.2"; 4].map(str::to_owned));
        let unread = NoRate::Unread.to_string();
        assert_eq!(
            told(&rates, Currency::Cad),
            [(); 4].map(|()| unread.clone())
        );
    }

    #[test]
    fn a_development_instance_has_dollars_of_both_kinds_for_each_payment() {
        let dev = rates("", true).unwrap();
        assert_eq!(told(&dev, Currency::Usd), ["7.1"; 4].map(str::to_owned));
        assert_eq!(told(&dev, Currency::Cad), ["5.2"; 4].map(str::to_owned));
        let none = rates("", false).unwrap();
        assert_eq!(none(Currency::Usd, Channel::Wechat), Err(NoRate::Unset));
    }

    #[test]
    fn a_figure_that_is_none_is_named() {
        for (file, what) in [
            ("usd_cny_rate = \"0\"", "usd_cny_rate"),
            ("cad_cny_rate = \"5,2\"", "cad_cny_rate"),
            ("payment_rates = {CNY = {}}", "CNY"),
            ("payment_rates = {USD = {CASH = \"7\"}}", "CASH"),
            (
                "payment_rates = {USD = {ALIPAYH5 = \"x\"}}",
                "payment_rates",
            ),
            ("rates = \"http://bank.example/\"", "rates"),
            ("rates = \"apay:upstream\"", "accounts file"),
        ] {
            let error = rates(file, true).err().unwrap().to_string();
            assert!(error.contains(what), "{file}: {error}");
        }
    }
}
