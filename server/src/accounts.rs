//! The channel accounts: those of the file, which is only read, and those that the
//! database keeps (docs/accounts.md).

pub(crate) mod written;

use crate::clock::system_clock;
use crate::config::{Config, without_line};
use anyhow::{Context, Result};
use channels::registry::{Account, Accounts, gateways};
use payment::channel::Channel;
use payment::ports::{Gateway, KeptAccount, Store};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use written::Written;

/// Every instance has heard of a change after this.
pub(crate) const HEARD: Duration = Duration::from_secs(2);

/// The accounts of the file; none where no file is named.
pub(crate) fn of_file(config: &Config) -> Result<Vec<Account>> {
    let path = &config.accounts;
    if path.as_os_str().is_empty() {
        return Ok(Vec::new());
    }
    read(path)
}

/// All accounts as they are written: the file's, and of the database's those whose name the
/// file does not have. Those that can't be read are left out.
pub(crate) async fn all(config: &Config, store: &dyn Store) -> Result<Vec<Account>> {
    let mut accounts = of_file(config)?;
    let kept = store.kept_accounts().await?.into_iter().flatten();
    let mut kept: Vec<_> = kept.filter_map(|kept| unpacked(&kept).ok()).collect();
    kept.retain(|one| !accounts.iter().any(|other| has_name_of(other, one)));
    accounts.append(&mut kept);
    Ok(accounts)
}

fn has_name_of(one: &Account, other: &Account) -> bool {
    let is_same = |key| one.table.get(key) == other.table.get(key);
    ["channel", "name"].into_iter().all(is_same)
}

/// The accounts of a file, with the keys beside it.
pub(crate) fn read(path: &Path) -> Result<Vec<Account>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading the accounts file {}", path.display()))?;
    let accounts = toml::from_str(&text).map_err(|error| without_line(&text, &error));
    let accounts: Accounts = accounts.with_context(|| path.display().to_string())?;
    Ok(accounts.beside(path.parent().unwrap_or(Path::new("."))))
}

/// All accounts, opened.
#[derive(Clone, Default)]
pub(crate) struct Opened {
    file: Vec<Arc<dyn Gateway>>,
    /// How those of the file are written.
    pub(crate) written: Vec<Written>,
    kept: Vec<(KeptAccount, Arc<dyn Gateway>)>,
    /// What keeps some of the database's from being used as they are there.
    pub(crate) troubles: Vec<String>,
}

impl Opened {
    /// Those that are used: the file's first, and of the database's those whose name the
    /// file does not have.
    pub(crate) fn gateways(&self) -> Vec<Arc<dyn Gateway>> {
        let kept = self.kept.iter().map(|(_, gateway)| gateway);
        let kept = kept.filter(|gateway| !is_among(&self.file, &***gateway));
        self.file.iter().chain(kept).cloned().collect()
    }

    /// The database's account of this name.
    pub(crate) fn kept(&self, channel: Channel, name: &str) -> Option<&Arc<dyn Gateway>> {
        self.entry(channel, name).map(|(_, gateway)| gateway)
    }

    fn entry(&self, channel: Channel, name: &str) -> Option<&(KeptAccount, Arc<dyn Gateway>)> {
        let is = |(kept, _): &&(KeptAccount, _)| kept.channel == channel && kept.name == name;
        self.kept.iter().find(is)
    }

    /// Whether an account is the file's.
    pub(crate) fn is_of_file(&self, gateway: &dyn Gateway) -> bool {
        is_among(&self.file, gateway)
    }

    /// Says in the log what keeps accounts from being used.
    pub(crate) fn tell(&self) {
        for cause in &self.troubles {
            tracing::error!(
                cause,
                "a channel account of the database is not used as it is there"
            );
        }
        if self.file.is_empty() && self.kept.is_empty() {
            tracing::warn!("no channel accounts are configured: payers are offered nothing");
        }
    }

    /// The same accounts of the file, with the database's as they are now. One that was
    /// not changed is not opened anew; one that can't be opened stays as it was, and must
    /// not stop the others.
    ///
    /// # Errors
    /// When the database is in trouble.
    pub(crate) async fn read_kept(&self, public_url: &str, store: &dyn Store) -> Result<Self> {
        let mut read = Self {
            file: self.file.clone(),
            written: self.written.clone(),
            ..Self::default()
        };
        for kept in store.kept_accounts().await? {
            let kept = match kept {
                Ok(kept) => kept,
                Err(error) => {
                    read.troubles.push(error.to_string());
                    continue;
                }
            };
            let was = self.entry(kept.channel, &kept.name);
            let opened = match was {
                Some((was, gateway)) if *was == kept => Ok(Arc::clone(gateway)),
                _ => open(public_url, &kept),
            };
            match (opened, was) {
                (Ok(gateway), _) => read.kept.push((kept, gateway)),
                (Err(error), was) => {
                    read.troubles.push(format!("{error:#}"));
                    read.kept.extend(was.cloned());
                }
            }
        }
        let hidden = read
            .kept
            .iter()
            .filter(|(_, one)| is_among(&read.file, &**one));
        let hidden = hidden.map(|(kept, _)| {
            let channel = kept.channel.code();
            format!(
                "account {channel}/{}: the file has its name, and is used",
                kept.name
            )
        });
        let hidden: Vec<String> = hidden.collect();
        read.troubles.extend(hidden);
        Ok(read)
    }
}

/// Whether orders of the one are none of the other's.
pub(crate) fn is_another(was: &dyn Gateway, is: &dyn Gateway) -> bool {
    was.merchant() != is.merchant() || was.terms().currency != is.terms().currency
}

/// All accounts, those of the file read anew.
///
/// # Errors
/// When one of the file's can't be opened, or the database is in trouble.
pub(crate) async fn opened(config: &Config, store: &dyn Store) -> Result<Opened> {
    let file = opened_of_file(config)?;
    file.read_kept(&config.public_url, store).await
}

/// Those of the file alone.
///
/// # Errors
/// When one can't be opened.
pub(crate) fn opened_of_file(config: &Config) -> Result<Opened> {
    let accounts = of_file(config)?;
    Ok(Opened {
        // Before they are opened: a key that is put in place between is told the next time.
        written: accounts.iter().map(Written::new).collect(),
        file: gateways(accounts, &config.public_url, &system_clock())?,
        ..Opened::default()
    })
}

fn open(public_url: &str, kept: &KeptAccount) -> Result<Arc<dyn Gateway>> {
    let opened = gateways(vec![unpacked(kept)?], public_url, &system_clock())?;
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
fn is_among(opened: &[Arc<dyn Gateway>], gateway: &dyn Gateway) -> bool {
    opened
        .iter()
        .any(|other| other.channel() == gateway.channel() && other.account() == gateway.account())
}
