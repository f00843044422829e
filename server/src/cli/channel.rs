//! `tongfu channel`: the channel accounts, those of the file and those that the database
//! keeps (docs/accounts.md).

use crate::accounts::{self, Opened};
use crate::config::Config;
use crate::serve::{now_ms, open, system_clock};
use anyhow::{Context, Error, Result, bail};
use channels::registry::{Account, gateways};
use clap::Subcommand;
use payment::channel::Channel;
use payment::ports::{Gateway, KeptAccount, Store};
use payment::printable::printable;
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Asks each account's channel something that changes nothing, and names the key or
    /// setting that is wrong.
    Check {
        /// The account's name; none: all accounts.
        name: Option<String>,
    },
    /// Lists all accounts, in the order in which they are preferred.
    List,
    /// Puts accounts into the database, with their keys, encrypted; all instances use
    /// them within a second. The file is not needed any more.
    Add {
        /// A file as `accounts` names one, with its keys beside it.
        file: PathBuf,
    },
    /// Puts other settings and keys in the place of those of accounts in the database.
    Rotate {
        /// A file with the accounts as they are to be.
        file: PathBuf,
    },
    /// Lets new payments go through an account of the database again.
    Enable {
        /// Its name, or the channel's, a slash and its name.
        name: String,
    },
    /// Lets no new payment go through an account of the database; what began is looked
    /// after.
    Disable {
        /// Its name, or the channel's, a slash and its name.
        name: String,
    },
    /// The same, and tells whether orders or refunds wait for it still: 1 while they do.
    Drain {
        /// Its name, or the channel's, a slash and its name.
        name: String,
    },
    /// Takes an account out of the database that no order waits for. What was paid
    /// through it can't be refunded after, and late money is not heard of.
    Remove {
        /// Its name, or the channel's, a slash and its name.
        name: String,
        /// It is meant so.
        #[arg(long)]
        for_good: bool,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    if let Command::Check { name } = command {
        return check(config, name.as_deref()).await;
    }
    let store = open(config).await?;
    match command {
        Command::Check { .. } => Ok(()),
        Command::List => list(config, &*store).await,
        Command::Add { file } => {
            for (account, kept) in read(config, &file)? {
                let taken = accounts::of_file(config)?;
                let opened = gateways(taken, &config.public_url, &system_clock())?;
                if accounts::is_among(&opened, &*account) {
                    bail!("{}: the accounts file has that name", kept.name);
                }
                store.add_account(&kept).await?.map_err(Error::msg)?;
                println!("{} {} is added", kept.channel.code(), kept.name);
            }
            Ok(())
        }
        Command::Rotate { file } => {
            for (_, kept) in read(config, &file)? {
                store.change_account(&kept).await?.map_err(Error::msg)?;
                println!("{} {} is changed", kept.channel.code(), kept.name);
            }
            Ok(())
        }
        Command::Enable { name } => enable(&*store, &name, true).await.map(drop),
        Command::Disable { name } => enable(&*store, &name, false).await.map(drop),
        Command::Drain { name } => {
            let account = enable(&*store, &name, false).await?;
            match is_in_use(&*store, &account).await? {
                true => bail!("orders or refunds wait for it still: say it again later"),
                false => println!("nothing waits for it"),
            }
            Ok(())
        }
        Command::Remove { name, for_good } => {
            let account = named(&*store, &name).await?;
            if is_in_use(&*store, &account).await? {
                bail!("orders or refunds wait for it: `tongfu channel drain` tells when none does");
            }
            if !for_good {
                bail!("what was paid through it can't be refunded then: say --for-good");
            }
            store.remove_account(account.0, &account.1).await?;
            println!("{} {} is gone", account.0.code(), account.1);
            Ok(())
        }
    }
}

/// The accounts of a file, which can be opened, as they are kept.
fn read(config: &Config, file: &std::path::Path) -> Result<Vec<(Arc<dyn Gateway>, KeptAccount)>> {
    let one = |account: Account| {
        let content = account.pack().context("an account")?;
        // As it will be read, with nothing but what was packed.
        let account = Account::unpack(&content).context("an account")?;
        let mut opened = gateways(vec![account], &config.public_url, &system_clock())?;
        let opened = opened.pop().context("no account")?;
        let kept = KeptAccount {
            channel: opened.channel(),
            name: opened.account().to_owned(),
            enabled: opened.terms().enabled,
            content,
            created_ms: now_ms(),
        };
        Ok((opened, kept))
    };
    let accounts: Vec<_> = accounts::read(file)?
        .into_iter()
        .map(one)
        .collect::<Result<_>>()?;
    if accounts.is_empty() {
        bail!("{} lists no account", file.display());
    }
    Ok(accounts)
}

/// The account of the database that a person means.
async fn named(store: &dyn Store, name: &str) -> Result<(Channel, String)> {
    let (channel, name) = match name.split_once('/') {
        Some((channel, name)) => (Some(channel), name),
        None => (None, name),
    };
    let mut found = Vec::new();
    for (at, known) in store.account_names().await? {
        if known == name && channel.is_none_or(|channel| channel == at.code()) {
            found.push((at, known));
        }
    }
    match found.len() {
        1 => found.pop().context("no account"),
        0 => bail!("the database keeps no account {name}; those of the file stay as it says"),
        _ => bail!("several are called {name}: say CHANNEL/{name}"),
    }
}

async fn enable(store: &dyn Store, name: &str, enabled: bool) -> Result<(Channel, String)> {
    let (channel, name) = named(store, name).await?;
    store.enable_account(channel, &name, enabled).await?;
    let what = if enabled { "takes" } else { "takes no" };
    println!("{} {name} {what} new payments", channel.code());
    Ok((channel, name))
}

async fn is_in_use(store: &dyn Store, account: &(Channel, String)) -> Result<bool> {
    Ok(store.accounts_in_use().await?.contains(account))
}

async fn list(config: &Config, store: &dyn Store) -> Result<()> {
    let in_file = accounts::of_file(config)?.len();
    let Opened { gateways, troubles } = accounts::opened(config, store).await?;
    for (place, gateway) in gateways.iter().enumerate() {
        let source = if place < in_file { "file" } else { "database" };
        let state = if gateway.terms().enabled {
            "enabled"
        } else {
            "disabled"
        };
        let (channel, name) = (gateway.channel().code(), gateway.account());
        println!("{channel:<12} {name:<20} {source:<9} {state}");
    }
    for trouble in troubles {
        println!("LOOK  {}", printable(&trouble));
    }
    Ok(())
}

async fn check(config: &Config, name: Option<&str>) -> Result<()> {
    // The file's can be tried before there is a database.
    let mut tried = match open(config).await {
        Ok(store) => {
            let Opened { gateways, troubles } = accounts::opened(config, &*store).await?;
            if let Some(trouble) = troubles.first() {
                bail!("a channel account of the database: {trouble}");
            }
            gateways
        }
        Err(_) => gateways(
            accounts::of_file(config)?,
            &config.public_url,
            &system_clock(),
        )?,
    };
    if tried.is_empty() {
        bail!("no channel accounts are configured");
    }
    if let Some(name) = name {
        tried.retain(|gateway| gateway.account() == name);
        if tried.is_empty() {
            bail!("no account is named {name}");
        }
    }
    let wrong = check_accounts(&tried).await;
    for finding in &wrong {
        println!("LOOK  {}", printable(finding));
    }
    match wrong.len() {
        0 => Ok(()),
        count => bail!("{count} of {} accounts to look at", tried.len()),
    }
}

/// Tries the accounts; says which are right, and gives what is wrong with the others.
pub(crate) async fn check_accounts(tried: &[Arc<dyn Gateway>]) -> Vec<String> {
    let mut wrong = Vec::new();
    for gateway in tried {
        let (channel, account) = (gateway.channel().code(), gateway.account());
        match gateway.check().await {
            Ok(()) => println!("ok    the account {channel}/{account} was tried"),
            Err(why) => wrong.push(format!("the account {channel}/{account}: {why}")),
        }
    }
    wrong
}
