//! `tongfu epay add|set|list|show|rotate|end-older|disable` (docs/epay.md).

use super::domain::{end_older, show};
use super::partner::{callbacks, find, rotate};
use crate::config::Config;
use crate::issue::{self, of_door};
use crate::serve::open;
use crate::settings::EpayArgs;
use anyhow::{Context, Result};
use clap::Subcommand;
use doors::epay::NAME;
use payment::domain::PartnerSettings;
use payment::ports::{Store, StoreError};
use std::sync::Arc;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Opens the interface for a business system: prints what to paste there, its key once.
    Add {
        /// What you call it.
        name: String,
        #[command(flatten)]
        settings: EpayArgs,
    },
    /// Changes settings; those that are not named stay.
    Set {
        /// Its pid.
        pid: u32,
        #[command(flatten)]
        settings: EpayArgs,
    },
    /// Lists all that speak epay.
    List,
    /// Shows one; never its keys.
    Show {
        /// Its pid.
        pid: u32,
    },
    /// Makes a new key and prints it, once; the old one ends after the overlap.
    Rotate {
        /// Its pid.
        pid: u32,
        /// How long the old key still holds: 30m, 12h, 7d, at most 90d.
        #[arg(long, default_value = "7d", value_parser = issue::overlap_s)]
        overlap: i64,
    },
    /// Ends all older keys now: the newest alone holds.
    EndOlder {
        /// Its pid.
        pid: u32,
    },
    /// Refuses all its calls; `set PID --disabled false` takes it back.
    Disable {
        /// Its pid.
        pid: u32,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    let found = async |pid: u32| find(&store, NAME, &pid.to_string()).await;
    match command {
        Command::Add { name, settings } => add(config, &store, &name, settings).await,
        Command::Set { pid, settings } => {
            let was = found(pid).await?;
            let mut domain = was.clone();
            settings.apply(&mut domain);
            domain.check()?;
            store.set_domain(&was, &domain).await?;
            println!("{pid} is changed");
            Ok(())
        }
        Command::List => {
            for (partner, domain) in of_door(store.domains("", i64::MAX).await?, NAME) {
                let PartnerSettings { id, name, .. } = partner;
                let state = if domain.settings.disabled {
                    "disabled"
                } else {
                    "open"
                };
                println!("{id:<8} {state:<8} {name}, {}", callbacks(&domain));
            }
            Ok(())
        }
        Command::Show { pid } => show(&store, &found(pid).await?).await,
        Command::Rotate { pid, overlap } => rotate(&store, &found(pid).await?, overlap).await,
        Command::EndOlder { pid } => end_older(&store, &found(pid).await?).await,
        Command::Disable { pid } => {
            let was = found(pid).await?;
            let mut domain = was.clone();
            domain.settings.disabled = true;
            store.set_domain(&was, &domain).await?;
            println!("{pid} is disabled");
            Ok(())
        }
    }
}

const NONE_LEFT: &str = "no pid is left: the last one is taken";

/// Under the next pid that nobody has.
async fn add(
    config: &Config,
    store: &Arc<dyn Store>,
    name: &str,
    settings: EpayArgs,
) -> Result<()> {
    let key = issue::first(NAME)?;
    let mut pid = issue::next_pid(&**store).await?.context(NONE_LEFT)?;
    let domain = loop {
        let domain = issue::epay(pid, name, settings.clone(), &key)?;
        match store.add_domain(&domain).await {
            Ok(()) => break domain,
            // Another command took it a moment ago.
            Err(StoreError::Exists(_)) => pid = issue::pid_after(pid).context(NONE_LEFT)?,
            Err(error) => return Err(error.into()),
        }
    };
    for (name, value) in issue::pasted(&config.public_url, &domain, &key) {
        println!("{name:<7} {value}");
    }
    println!("Paste these three where the business system asks for its epay (易支付) gateway,");
    println!("merchant id (商户ID) and key (商户密钥), and MD5 where it asks for the sign.");
    println!("The key is shown this once.");
    Ok(())
}
