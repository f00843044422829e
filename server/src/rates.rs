//! The platform's own rates: configured, or the bank's, or the development ones.

use crate::config::Config;
use crate::serve::now_ms;
use anyhow::{Context, Result};
use channels::ecb::RateTable;
use checkout::Rates;
use payment::money::Currency;
use payment::rate::Rate;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// CNY per unit of each currency under `--dev`.
const DEV_RATES: [(Currency, &str); 2] = [(Currency::Usd, "7.1"), (Currency::Cad, "5.2")];
/// Between two readings, and after one that failed.
const EACH: Duration = Duration::from_secs(3_600);
const TROUBLE: Duration = Duration::from_secs(300);

/// What rates hold, and the table that has to be kept fresh for them. A configured
/// figure holds before the table's, and does not age.
pub(crate) fn open(config: &Config, dev: bool) -> Result<(Rates, Option<Arc<RateTable>>)> {
    let [usd, cad] = [
        configured("usd_cny_rate", &config.usd_cny_rate)?,
        configured("cad_cny_rate", &config.cad_cny_rate)?,
    ];
    let figure = move |currency| match currency {
        Currency::Usd => usd,
        Currency::Cad => cad,
        Currency::Cny => None,
    };
    if config.rates.is_empty() {
        let own = move |currency| figure(currency).or_else(|| dev_rate(currency).filter(|_| dev));
        return Ok((Arc::new(own), None));
    }
    let days = config.rates_age_max_days;
    let table = RateTable::new(&config.rates, days, channels::client()?, Arc::new(now_ms));
    let table = Arc::new(table.context("rates")?);
    let asked = Arc::clone(&table);
    let rates = move |currency| figure(currency).or_else(|| asked.cny_per(currency));
    Ok((Arc::new(rates), Some(table)))
}

fn configured(name: &str, text: &str) -> Result<Option<Rate>> {
    if text.is_empty() {
        return Ok(None);
    }
    let rate = Rate::parse(text);
    let rate = rate.with_context(|| format!("{name} takes a figure such as 7.1234, not {text}"));
    rate.map(Some)
}

fn dev_rate(currency: Currency) -> Option<Rate> {
    let (_, text) = DEV_RATES.iter().find(|(known, _)| *known == currency)?;
    Rate::parse(text)
}

/// Reads the table's source again and again, until `stopped`.
pub(crate) async fn keep(table: Arc<RateTable>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let pause = match table.refresh().await {
            Ok(rates) => {
                match table.cny_per(Currency::Usd) {
                    Some(rate) => tracing::info!(day = rates.day, %rate, "CNY per USD"),
                    None => tracing::error!(day = rates.day, "the rates are too old: refused"),
                }
                EACH
            }
            Err(error) => {
                let usable = table.cny_per(Currency::Usd).is_some();
                tracing::warn!(cause = %error, usable, "no newer rates; the last good ones hold");
                TROUBLE
            }
        };
        let _ = tokio::time::timeout(pause, stopped.changed()).await;
    }
}
