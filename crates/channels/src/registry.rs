//! The file that lists the channel accounts, and the adapters that serve them; a new
//! channel is registered here.

use crate::apay::UpstreamRates;
use crate::setup::{Files, Setup, setup};
use crate::{Clock, alipay, apay, chinapay, http, paypal, wechat};
use payment::channel::Channel;
use payment::ports::Gateway;
use serde::Deserialize;
use std::path::Path;
use std::sync::Arc;
use toml::Table;

pub use crate::setup::{Account, ConfigError};

/// The accounts file: `[[account]]` tables, in the order in which they are
/// preferred.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accounts {
    /// One table an account: what every account has, and what its channel needs.
    #[serde(default)]
    pub account: Vec<Table>,
}

impl Accounts {
    /// Each account, with the files that lie in the accounts file's folder.
    #[must_use]
    pub fn beside(self, folder: &Path) -> Vec<Account> {
        let account = |table| Account {
            table,
            files: Files::In(folder.to_owned()),
        };
        self.account.into_iter().map(account).collect()
    }
}

/// Makes the gateways of all accounts. `public_url` is our own address as channels reach
/// it, without a slash at its end.
///
/// # Errors
/// [`ConfigError`] naming the account and what is wrong with it.
pub fn gateways(
    accounts: Vec<Account>,
    public_url: &str,
    clock: &Clock,
) -> Result<Vec<Arc<dyn Gateway>>, ConfigError> {
    let client = http::client()?;
    let mut gateways: Vec<Arc<dyn Gateway>> = Vec::with_capacity(accounts.len());
    for account in accounts {
        let mut setup = setup(account, public_url, &client, clock)?;
        let gateway = open(&mut setup)?;
        let taken = gateways.iter().any(|other| {
            other.channel() == gateway.channel() && other.account() == gateway.account()
        });
        if taken {
            return Err(setup.invalid("the name is used twice for this channel"));
        }
        gateways.push(gateway);
    }
    Ok(gateways)
}

/// The rates of the first account with this name that leads through a gateway of
/// Apay's family; whether it is enabled for payments does not matter. A rate is
/// refused `age_max_days` days after it was given.
///
/// # Errors
/// [`ConfigError`] when there is no such account, or what is wrong with it.
pub fn upstream_rates(
    accounts: Vec<Account>,
    name: &str,
    age_max_days: u32,
    clock: &Clock,
) -> Result<UpstreamRates, ConfigError> {
    let is = |table: &Table, key: &str, text: &str| {
        table.get(key).and_then(|value| value.as_str()) == Some(text)
    };
    let mut accounts = accounts.into_iter();
    let found =
        |account: &Account| is(&account.table, "via", "apay") && is(&account.table, "name", name);
    let account = accounts.find(found).ok_or_else(|| ConfigError::Invalid {
        account: name.to_owned(),
        what: "rates need an account via apay of this name".to_owned(),
    })?;
    let mut setup = setup(account, "", &http::client()?, clock)?;
    let gateway = apay::Apay::open(&mut setup)?;
    Ok(UpstreamRates::new(gateway, age_max_days, Arc::clone(clock)))
}

fn open(setup: &mut Setup) -> Result<Arc<dyn Gateway>, ConfigError> {
    Ok(match (setup.via.as_deref(), setup.channel) {
        (Some("apay"), _) => Arc::new(apay::Apay::open(setup)?),
        (Some(other), _) => return Err(setup.invalid(format!("unknown via {other}"))),
        (None, Channel::Wechat) => Arc::new(wechat::Wechat::open(setup)?),
        (None, Channel::Alipay) => Arc::new(alipay::Alipay::open(setup)?),
        (None, Channel::Paypal) => Arc::new(paypal::Paypal::open(setup)?),
        (None, Channel::ChinapayOld) => Arc::new(chinapay::Chinapay::open(setup)?),
    })
}
