//! The channel accounts: those of the file, which is only read, and those that the
//! database keeps (docs/accounts.md).

use crate::config::Config;
use crate::serve::system_clock;
use anyhow::{Context, Error, Result, anyhow};
use channels::registry::{Account, Accounts, gateways};
use payment::ports::{Gateway, KeptAccount, Store};
use std::path::Path;
use std::sync::Arc;

/// The accounts of the file; none where no file is named.
pub(crate) fn of_file(config: &Config) -> Result<Vec<Account>> {
    let path = &config.accounts;
    if path.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    read(path)
}

/// The accounts of a file, with the keys beside it.
pub(crate) fn read(path: &Path) -> Result<Vec<Account>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading the accounts file {}", path.display()))?;
    let accounts: Accounts = toml::from_str(&text)
        .map_err(|error| anyhow!("{}: {}", path.display(), error.message()))?;
    Ok(accounts.beside(path.parent().unwrap_or(Path::new("."))))
}

/// All accounts, and what keeps some of the database's from being used.
pub(crate) struct Opened {
    pub(crate) gateways: Vec<Arc<dyn Gateway>>,
    pub(crate) troubles: Vec<String>,
}

impl Opened {
    /// Those that can be used; the others are told in the log.
    pub(crate) fn told(self) -> Vec<Arc<dyn Gateway>> {
        for cause in self.troubles {
            tracing::error!(cause, "a channel account of the database is not used");
        }
        self.gateways
    }
}

/// All accounts, those of the file first. One of the database's that can't be opened, or
/// whose name the file has, is left out: it must not stop the others.
///
/// # Errors
/// When one of the file's can't be opened, or the database is in trouble.
pub(crate) async fn opened(config: &Config, store: &dyn Store) -> Result<Opened> {
    let clock = system_clock();
    let mut gateways = gateways(of_file(config)?, &config.public_url, &clock)?;
    let mut troubles = Vec::new();
    for kept in store.kept_accounts().await? {
        match kept
            .map_err(Error::from)
            .and_then(|kept| open(config, &kept))
        {
            Ok(gateway) if is_among(&gateways, &*gateway) => troubles.push(format!(
                "account {}: the accounts file has its name",
                gateway.account()
            )),
            Ok(gateway) => gateways.push(gateway),
            Err(error) => troubles.push(format!("{error:#}")),
        }
    }
    Ok(Opened { gateways, troubles })
}

fn open(config: &Config, kept: &KeptAccount) -> Result<Arc<dyn Gateway>> {
    let account = unpacked(kept)?;
    let opened = gateways(vec![account], &config.public_url, &system_clock())?;
    opened.into_iter().next().context("no account")
}

/// An account of the database, as it would stand in the file.
pub(crate) fn unpacked(kept: &KeptAccount) -> Result<Account> {
    let account = Account::unpack(&kept.content);
    let mut account = account.with_context(|| format!("account {}: unreadable", kept.name))?;
    account
        .table
        .insert("enabled".to_owned(), kept.enabled.into());
    Ok(account)
}

/// Whether one of them has the name of another, at the same channel.
pub(crate) fn is_among(opened: &[Arc<dyn Gateway>], gateway: &dyn Gateway) -> bool {
    opened
        .iter()
        .any(|other| other.channel() == gateway.channel() && other.account() == gateway.account())
}
