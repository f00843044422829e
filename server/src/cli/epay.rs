//! `tongfu epay add|set|list|show|rotate|disable` (docs/epay.md).

use super::domain::{duration_s, show};
use super::partner::{CommonArgs, callbacks, find, of_door, rotate};
use crate::config::Config;
use crate::serve::open;
use anyhow::Result;
use clap::{Args, Subcommand};
use doors::epay::{DEVELOPMENT_PID, NAME, partner};
use payment::domain::{Domain, DomainSettings, PartnerSettings};
use payment::ports::{Store, StoreError};
use std::sync::Arc;

/// The first pid.
const FIRST_PID: u32 = 1000;
const KEY_LENGTH: usize = 32;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Opens the interface for a business system: prints what to paste there, its key once.
    Add {
        /// What you call it.
        name: String,
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Changes settings; those that are not named stay.
    Set {
        /// Its pid.
        pid: u32,
        #[command(flatten)]
        settings: SettingArgs,
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
        /// How long the old key still holds: 30m, 12h, 7d.
        #[arg(long, default_value = "7d", value_parser = duration_s)]
        overlap: i64,
    },
    /// Refuses all its calls; `set PID --disabled false` takes it back.
    Disable {
        /// Its pid.
        pid: u32,
    },
}

/// What may be set and changed.
#[derive(Args)]
pub(crate) struct SettingArgs {
    /// Which code says that a refund was taken: 1, or 0 for old clients.
    #[arg(long, value_parser = clap::value_parser!(u8).range(0..=1))]
    refund_code: Option<u8>,
    #[command(flatten)]
    common: CommonArgs,
}

impl SettingArgs {
    fn apply(self, domain: &mut Domain) {
        self.common.apply(&mut domain.settings);
        if let (Some(code), Some(partner)) = (self.refund_code, &mut domain.settings.partner) {
            partner.refund_code_zero = code == 0;
        }
    }
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    let found = async |pid: u32| find(&store, NAME, &pid.to_string()).await;
    match command {
        Command::Add { name, settings } => add(config, &store, name, settings).await,
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
            for (partner, domain) in &of_door(&store, NAME).await? {
                let PartnerSettings { id, name, .. } = partner;
                let state = if domain.settings.disabled {
                    "disabled"
                } else {
                    "open"
                };
                println!("{id:<8} {state:<8} {name}, {}", callbacks(domain));
            }
            Ok(())
        }
        Command::Show { pid } => show(&found(pid).await?),
        Command::Rotate { pid, overlap } => {
            rotate(&store, found(pid).await?, &make_key()?, overlap).await
        }
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

/// Under the next pid that nobody has.
async fn add(
    config: &Config,
    store: &Arc<dyn Store>,
    name: String,
    settings: SettingArgs,
) -> Result<()> {
    let key = make_key()?;
    let pids = of_door(store, NAME).await?;
    let pids = pids
        .iter()
        .filter_map(|(partner, _)| partner.id.parse().ok());
    let mut pid = pids.max().map_or(FIRST_PID, |last: u32| last + 1);
    let mut domain = partner(pid, DomainSettings::default(), &key, false)?;
    settings.apply(&mut domain);
    if let Some(partner) = &mut domain.settings.partner {
        partner.name = name;
    }
    loop {
        if pid == DEVELOPMENT_PID {
            pid += 1;
        }
        domain.code = Domain::partner_code(NAME, &pid.to_string());
        if let Some(partner) = &mut domain.settings.partner {
            partner.id = pid.to_string();
        }
        domain.check()?;
        match store.add_domain(&domain).await {
            Ok(()) => break,
            // Another command took it a moment ago.
            Err(StoreError::Exists(_)) => pid += 1,
            Err(error) => return Err(error.into()),
        }
    }
    println!("gateway {}/epay/", config.public_url);
    println!("pid     {pid}");
    println!("key     {key}");
    println!("Paste these three where the business system asks for its epay (易支付) gateway,");
    println!("merchant id (商户ID) and key (商户密钥), and MD5 where it asks for the sign.");
    println!("The key is shown this once.");
    Ok(())
}

/// Each of the 32 characters with the same chance.
fn make_key() -> Result<String> {
    let mut key = String::with_capacity(KEY_LENGTH);
    while key.len() < KEY_LENGTH {
        let mut bytes = [0; KEY_LENGTH];
        getrandom::fill(&mut bytes)?;
        let drawn = bytes.iter().map(|byte| usize::from(byte & 63));
        let drawn = drawn.filter_map(|at| BASE62.get(at).copied().map(char::from));
        key.extend(drawn.take(KEY_LENGTH - key.len()));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_32_characters_of_base62_and_no_two_are_alike() {
        let keys = [make_key().unwrap(), make_key().unwrap()];
        for key in &keys {
            assert_eq!(key.len(), KEY_LENGTH);
            assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
        assert_ne!(keys[0], keys[1]);
    }
}
