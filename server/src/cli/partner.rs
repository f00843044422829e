//! `tongfu partner add|set|list|rotate`.

use super::domain::{BrakeArgs, SecretArgs, duration_s, make_secret, show, tell_secret};
use super::payee::PayeeArgs;
use crate::config::Config;
use crate::serve::{now_ms, open};
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use doors::apay;
use payment::domain::{Domain, DomainSettings, PartnerSettings};
use payment::ports::Store;
use std::sync::Arc;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes a partner and prints its key, once.
    Add {
        /// The partnerId.
        id: String,
        #[command(flatten)]
        secret: SecretArgs,
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Changes settings; those that are not named stay.
    Set {
        /// The partnerId.
        id: String,
        #[command(flatten)]
        settings: SettingArgs,
    },
    /// Lists all partners.
    List,
    /// Shows one partner; never its keys.
    Show {
        /// The partnerId.
        id: String,
    },
    /// Makes a new key and prints it, once; the old one ends after the overlap.
    Rotate {
        /// The partnerId.
        id: String,
        /// How long the old key still holds: 30m, 12h, 7d.
        #[arg(long, default_value = "7d", value_parser = duration_s)]
        overlap: i64,
    },
}

/// What may be set and changed.
#[derive(Args)]
pub(crate) struct SettingArgs {
    /// Addresses that cb_url lies under; none: any.
    #[arg(long, num_args = 0..)]
    callback: Option<Vec<String>>,
    /// Hosts of cb_url that may be private addresses.
    #[arg(long, num_args = 0..)]
    private_callback_host: Option<Vec<String>>,
    /// How far `time` may be from our clock: 5m, 1d.
    #[arg(long, value_parser = duration_s, conflicts_with = "any_time")]
    time_window: Option<i64>,
    /// Does not look at `time`, for old partners.
    #[arg(long)]
    any_time: bool,
    #[command(flatten)]
    brakes: BrakeArgs,
    #[command(flatten)]
    payee: PayeeArgs,
}

impl SettingArgs {
    fn apply(self, domain: &mut Domain) {
        let settings = &mut domain.settings;
        self.payee.apply(&mut settings.payee);
        self.brakes.apply(settings);
        if let Some(callbacks) = self.callback {
            settings.callbacks = callbacks;
        }
        if let Some(hosts) = self.private_callback_host {
            settings.private_callback_hosts = hosts;
        }
        if let Some(partner) = &mut settings.partner
            && (self.time_window.is_some() || self.any_time)
        {
            partner.time_window_s = self.time_window;
        }
    }
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    match command {
        Command::Add {
            id,
            secret,
            settings,
        } => {
            if id == "p001" {
                bail!("`p001` is a development partner: choose another id");
            }
            let (key, told) = secret.take()?;
            let mut partner = apay::partner(&id, DomainSettings::default(), &key, false)?;
            settings.apply(&mut partner);
            partner.check()?;
            store.add_domain(&partner).await?;
            println!("partnerId {id}");
            tell_secret("key      ", &key, told);
            Ok(())
        }
        Command::Set { id, settings } => {
            let mut partner = find(&store, &id).await?;
            settings.apply(&mut partner);
            partner.check()?;
            store.set_domain(&partner).await?;
            println!("{id} is changed");
            Ok(())
        }
        Command::Show { id } => show(&find(&store, &id).await?),
        Command::List => {
            for domain in store.domains().await? {
                if let Some(partner) = &domain.settings.partner {
                    println!("{:<16} {}", partner.id, told(partner, &domain));
                }
            }
            Ok(())
        }
        Command::Rotate { id, overlap } => {
            let mut partner = find(&store, &id).await?;
            let key = make_secret()?;
            partner.rotate(&key, now_ms() + overlap * 1000)?;
            store.set_domain(&partner).await?;
            println!("key {key}");
            println!("The key is shown this once. The one before holds for {overlap} s more.");
            Ok(())
        }
    }
}

fn told(partner: &PartnerSettings, domain: &Domain) -> String {
    let time = partner.time_window_s.map_or_else(
        || "any time".to_owned(),
        |seconds| format!("time within {seconds} s"),
    );
    let callbacks = &domain.settings.callbacks;
    if callbacks.is_empty() {
        format!("{time}, any callback")
    } else {
        format!("{time}, callbacks under {}", callbacks.join(" "))
    }
}

async fn find(store: &Arc<dyn Store>, id: &str) -> Result<Domain> {
    store
        .domain(&Domain::partner_code(apay::NAME, id))
        .await?
        .with_context(|| format!("no partner `{id}`"))
}
