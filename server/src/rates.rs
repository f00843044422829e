//! The platform's own rate: configured, or the bank's, or the development one.

use crate::config::Config;
use crate::serve::now_ms;
use anyhow::{Context, Result};
use channels::ecb::RateTable;
use checkout::Rates;
use payment::rate::Rate;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// CNY per USD under `--dev`.
const DEV_RATE: &str = "7.1";
/// Between two readings, and after one that failed.
const EACH: Duration = Duration::from_secs(3_600);
const TROUBLE: Duration = Duration::from_secs(300);

/// What rate holds, and the table that has to be kept fresh for it.
pub(crate) fn open(config: &Config, dev: bool) -> Result<(Rates, Option<Arc<RateTable>>)> {
    let configured =
        match config.usd_cny_rate.as_str() {
            "" => None,
            text => Some(Rate::parse(text).with_context(|| {
                format!("usd_cny_rate takes a figure such as 7.1234, not {text}")
            })?),
        };
    if configured.is_none() && !config.rates.is_empty() {
        let days = config.rates_age_max_days;
        let table = RateTable::new(&config.rates, days, channels::client()?, Arc::new(now_ms));
        let table = Arc::new(table.context("rates")?);
        let asked = Arc::clone(&table);
        return Ok((Arc::new(move || asked.usd_cny()), Some(table)));
    }
    let rate = configured.or_else(|| Rate::parse(DEV_RATE).filter(|_| dev));
    Ok((Arc::new(move || rate), None))
}

/// Reads the table's source again and again, until `stopped`.
pub(crate) async fn keep(table: Arc<RateTable>, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let pause = match table.refresh().await {
            Ok(rates) => {
                match table.usd_cny() {
                    Some(rate) => tracing::info!(day = rates.day, %rate, "CNY per USD"),
                    None => tracing::error!(day = rates.day, "the rates are too old: refused"),
                }
                EACH
            }
            Err(error) => {
                let usable = table.usd_cny().is_some();
                tracing::warn!(cause = %error, usable, "no newer rates; the last good ones hold");
                TROUBLE
            }
        };
        let _ = tokio::time::timeout(pause, stopped.changed()).await;
    }
}
