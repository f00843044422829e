//! The typed configuration: the default file, a file of the operator's, and
//! the environment, in this order. The only place that reads the environment.

use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

const DEFAULT: &str = include_str!("config.default.toml");

/// A shorter lease ends while its work may still go on: a call to a receiver takes
/// up to 10 s.
const LEASE_MIN_MS: i64 = 1_000;

/// The program's configuration; `config.default.toml` says what each means.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: String,
    pub(crate) database_url: String,
    pub(crate) accounts: PathBuf,
    pub(crate) marks: PathBuf,
    pub(crate) usd_cny_rate: String,
    pub(crate) cad_cny_rate: String,
    pub(crate) payment_rates: BTreeMap<String, BTreeMap<String, String>>,
    pub(crate) rates: String,
    pub(crate) rates_age_max_days: u32,
    pub(crate) callback_delays_ms: Vec<i64>,
    pub(crate) lease_ms: i64,
    pub(crate) log: String,
}

impl Config {
    /// Reads the configuration, with the operator's file where one is named.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let file = file.map(|path| {
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
        });
        Self::merge(file.transpose()?.as_deref(), |name| {
            std::env::var(name).ok()
        })
    }

    /// The default configuration with this file's settings.
    #[cfg(test)]
    pub(crate) fn of(file: &str) -> Self {
        Self::merge(Some(file), |_| None).unwrap()
    }

    fn merge(file: Option<&str>, env: impl Fn(&str) -> Option<String>) -> Result<Self> {
        let mut table: Table = DEFAULT.parse().context("the default configuration")?;
        if let Some(file) = file {
            let own: Table = file.parse().context("the configuration file")?;
            table.extend(own);
        }
        for (key, value) in &mut table {
            let name = format!("TONGFU_{}", key.to_uppercase());
            if let Some(text) = env(&name) {
                *value = typed(value, &text).with_context(|| format!("reading {name}"))?;
            }
        }
        let mut config: Self = table.try_into().context("the configuration")?;
        if config.public_url.is_empty() {
            config.public_url = format!("http://{}", config.listen);
        }
        if config.public_url.ends_with('/') || !config.public_url.starts_with("http") {
            bail!("public_url must begin with http and have no slash at its end");
        }
        if config.lease_ms < LEASE_MIN_MS {
            bail!("lease_ms must be at least {LEASE_MIN_MS}");
        }
        Ok(config)
    }
}

/// An environment variable's text as the kind of value that it stands for.
fn typed(default: &Value, text: &str) -> Result<Value> {
    match default {
        Value::String(_) => Ok(Value::String(text.to_owned())),
        _ => {
            let table: Table = format!("value = {text}").parse()?;
            table.get("value").cloned().context("no value")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_file_is_complete() {
        let config = Config::merge(None, |_| None).unwrap();
        assert_eq!(config.public_url, "http://127.0.0.1:3000");
        assert_eq!(config.callback_delays_ms.len(), 14);
        // Thursday's rates hold until the bank's next, on the Tuesday after Easter.
        assert!(config.rates_age_max_days * 24 > 5 * 24 + 16);
    }

    #[test]
    fn the_environment_overrides_the_file_and_the_file_the_default() {
        let env = |name: &str| match name {
            "TONGFU_LISTEN" => Some("127.0.0.1:4000".to_owned()),
            "TONGFU_CALLBACK_DELAYS_MS" => Some("[0, 5]".to_owned()),
            "TONGFU_PAYMENT_RATES" => Some("{USD = {ALIPAYH5 = \"7.3\"}}".to_owned()),
            _ => None,
        };
        let file = "listen = \"127.0.0.1:1\"\nlog = \"debug\"";
        let config = Config::merge(Some(file), env).unwrap();
        assert_eq!(config.listen.port(), 4000);
        assert_eq!(config.log, "debug");
        assert_eq!(config.callback_delays_ms, [0, 5]);
        assert_eq!(config.payment_rates["USD"]["ALIPAYH5"], "7.3");
    }

    #[test]
    fn unknown_names_are_refused() {
        assert!(Config::merge(Some("listen = 1"), |_| None).is_err());
    }
}
