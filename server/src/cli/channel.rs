//! `tongfu channel`: tries the channel accounts, which opening them does not.

use crate::config::Config;
use crate::serve::{accounts, system_clock};
use anyhow::{Result, bail};
use channels::registry::gateways;
use clap::Subcommand;
use payment::ports::Gateway;
use payment::printable::printable;
use std::sync::Arc;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Asks each account's channel something that changes nothing, and names the key or
    /// setting that is wrong.
    Check {
        /// The account's name; none: all accounts.
        name: Option<String>,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let Command::Check { name } = command;
    let Some((accounts, folder)) = accounts(config)? else {
        bail!("no channel accounts are configured");
    };
    let mut tried = gateways(accounts, &folder, &config.public_url, &system_clock())?;
    if let Some(name) = &name {
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
