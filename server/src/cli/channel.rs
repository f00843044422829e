//! `tongfu channel`: the channel accounts, those of the file and those that the database
//! keeps (docs/accounts.md).

use crate::accounts::{self, HEARD, is_another};
use crate::clock::{now_ms, system_clock};
use crate::config::Config;
use crate::serve::open;
use anyhow::{Context, Error, Result, bail};
use channels::registry::{Account, gateways};
use clap::Subcommand;
use payment::channel::Channel;
use payment::ports::{AccountName, Gateway, KeptAccount, Store};
use payment::printable::printable;
use std::path::PathBuf;
use std::sync::Arc;
use store::OpenError;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Asks each account's channel something that changes nothing, and names the key or
    /// setting that is wrong.
    Check {
        /// The account's NAME or CHANNEL/NAME; none: all accounts.
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
        /// Though an account becomes another merchant's: orders that are open or to be
        /// given back are lost to us then.
        #[arg(long)]
        another_merchant: bool,
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
            let of_file = accounts::opened(config, &*store).await?;
            for (account, kept) in read(config, &file)? {
                store.add_account(&kept).await?.map_err(Error::msg)?;
                println!("{} {} is added", kept.channel.code(), kept.name);
                if of_file.is_of_file(&*account) {
                    tell_of_file(&kept.name);
                }
            }
            Ok(())
        }
        Command::Rotate {
            file,
            another_merchant,
        } => {
            let opened = accounts::opened(config, &*store).await?;
            let accounts = read(config, &file)?;
            // All are judged before any is changed: what is said to have failed was not done.
            for (account, kept) in &accounts {
                let (channel, name) = (kept.channel, kept.name.as_str());
                let was = opened.kept(channel, name);
                if let Some(was) =
                    was.filter(|was| !another_merchant && is_another(&***was, &**account))
                {
                    bail!(
                        "{name} is the merchant {} and would be {}: its orders would be asked \
                         about at another; say --another-merchant if none is open or to be \
                         given back",
                        was.merchant(),
                        account.merchant()
                    );
                }
            }
            for (account, kept) in accounts {
                let (channel, name) = (kept.channel, kept.name.as_str());
                store.change_account(&kept).await?.map_err(Error::msg)?;
                println!("{} {name} is changed", channel.code());
                if opened.is_of_file(&*account) {
                    tell_of_file(name);
                }
            }
            Ok(())
        }
        Command::Enable { name } => enable(config, &*store, &name, true).await.map(drop),
        Command::Disable { name } => enable(config, &*store, &name, false).await.map(drop),
        Command::Drain { name } => {
            let account = enable(config, &*store, &name, false).await?;
            // Until every instance has heard it, and what it had begun is written.
            tokio::time::sleep(HEARD).await;
            match is_in_use(&*store, &account).await? {
                true => bail!("orders or refunds wait for it still: say it again later"),
                false => println!("nothing waits for it"),
            }
            Ok(())
        }
        Command::Remove { name, for_good } => {
            let account = named(&*store, &name).await?.place();
            // It may have been disabled a moment ago: until every instance has heard it.
            tokio::time::sleep(HEARD).await;
            if is_in_use(&*store, &account).await? {
                bail!("orders or refunds wait for it: `tongfu channel drain` tells when none does");
            }
            if !for_good {
                bail!("what was paid through it can't be refunded then: say --for-good");
            }
            if !store.remove_account(account.0, &account.1).await? {
                bail!("it takes payments: `tongfu channel drain` first");
            }
            println!("{} {} is gone", account.0.code(), account.1);
            Ok(())
        }
    }
}

/// The accounts of a file, which can be opened, as they are kept.
fn read(config: &Config, file: &std::path::Path) -> Result<Vec<(Arc<dyn Gateway>, KeptAccount)>> {
    let one = |(place, account): (i64, Account)| {
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
            // In the order of the file.
            created_ms: now_ms() + place,
        };
        Ok((opened, kept))
    };
    let accounts: Vec<_> = (0..)
        .zip(accounts::read(file)?)
        .map(one)
        .collect::<Result<_>>()?;
    if accounts.is_empty() {
        bail!("{} lists no account", file.display());
    }
    Ok(accounts)
}

/// CHANNEL/NAME, or a name alone.
fn parted(name: &str) -> (Option<&str>, &str) {
    match name.split_once('/') {
        Some((channel, name)) => (Some(channel), name),
        None => (None, name),
    }
}

/// The account of the database that a person means.
async fn named(store: &dyn Store, name: &str) -> Result<AccountName> {
    let (channel, name) = parted(name);
    let mut found = Vec::new();
    for kept in store.account_names().await? {
        if kept.name == name && channel.is_none_or(|channel| channel == kept.channel.code()) {
            found.push(kept);
        }
    }
    match found.len() {
        1 => found.pop().context("no account"),
        0 => bail!("the database keeps no account {name}; those of the file stay as it says"),
        _ => bail!("several are called {name}: say CHANNEL/{name}"),
    }
}

fn tell_of_file(name: &str) {
    println!("the accounts file has a {name} too, which is the one that is used");
}

async fn enable(
    config: &Config,
    store: &dyn Store,
    name: &str,
    enabled: bool,
) -> Result<(Channel, String)> {
    let was = named(store, name).await?;
    if !store.enable_account(&was, enabled).await? {
        bail!("{name} was changed meanwhile, and nothing was done: look again");
    }
    let (channel, name) = was.place();
    let what = if enabled { "takes" } else { "takes no" };
    println!("{} {name} {what} new payments", channel.code());
    let opened = accounts::opened(config, store).await?;
    if let Some(kept) = opened.kept(channel, &name)
        && opened.is_of_file(&**kept)
    {
        tell_of_file(&name);
    }
    Ok((channel, name))
}

async fn is_in_use(store: &dyn Store, account: &(Channel, String)) -> Result<bool> {
    Ok(store.accounts_in_use().await?.contains(account))
}

async fn list(config: &Config, store: &dyn Store) -> Result<()> {
    let opened = accounts::opened(config, store).await?;
    for gateway in opened.gateways() {
        let source = match opened.is_of_file(&*gateway) {
            true => "file",
            false => "database",
        };
        let state = if gateway.terms().enabled {
            "enabled"
        } else {
            "disabled"
        };
        let (channel, name) = (gateway.channel().code(), gateway.account());
        println!("{channel:<12} {name:<20} {source:<9} {state}");
    }
    for trouble in &opened.troubles {
        println!("LOOK  {}", printable(trouble));
    }
    Ok(())
}

async fn check(config: &Config, name: Option<&str>) -> Result<()> {
    let mut wrong = Vec::new();
    let mut tried = match open(config).await {
        Ok(store) => {
            let opened = accounts::opened(config, &*store).await?;
            wrong.extend(opened.troubles.iter().cloned());
            opened.gateways()
        }
        // The file's can be tried where there is no database yet.
        Err(error) if matches!(error.downcast_ref(), Some(OpenError::Missing)) => gateways(
            accounts::of_file(config)?,
            &config.public_url,
            &system_clock(),
        )?,
        Err(error) => return Err(error),
    };
    if tried.is_empty() {
        bail!("no channel accounts are configured");
    }
    if let Some(name) = name {
        let (channel, account) = parted(name);
        tried.retain(|gateway| {
            let is_there = channel.is_none_or(|channel| channel == gateway.channel().code());
            is_there && gateway.account() == account
        });
        if tried.is_empty() {
            bail!("no account is named {name}");
        }
    }
    wrong.extend(check_accounts(&tried).await);
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
