//! `tongfu partner add|set|list|rotate`.

use super::domain::{
    BrakeArgs, RelayArgs, SecretArgs, duration_s, make_secret, relayed, show, tell_secret,
};
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

/// What may be set and changed of a partner, whichever its door.
#[derive(Args)]
pub(super) struct CommonArgs {
    /// Addresses that callbacks lie under; none: any.
    #[arg(long, num_args = 0..)]
    callback: Option<Vec<String>>,
    /// Hosts of callbacks that may be private addresses.
    #[arg(long, num_args = 0..)]
    private_callback_host: Option<Vec<String>>,
    #[command(flatten)]
    brakes: BrakeArgs,
    #[command(flatten)]
    relay: RelayArgs,
    #[command(flatten)]
    payee: PayeeArgs,
}

impl CommonArgs {
    pub(super) fn apply(self, settings: &mut DomainSettings) {
        self.payee.apply(&mut settings.payee);
        self.brakes.apply(settings);
        self.relay.apply(settings);
        if let Some(callbacks) = self.callback {
            settings.callbacks = callbacks;
        }
        if let Some(hosts) = self.private_callback_host {
            settings.private_callback_hosts = hosts;
        }
    }
}

/// What may be set and changed of Apay's.
#[derive(Args)]
pub(crate) struct SettingArgs {
    /// How far `time` may be from our clock: 5m, 1d.
    #[arg(long, value_parser = duration_s, conflicts_with = "any_time")]
    time_window: Option<i64>,
    /// Does not look at `time`, for old partners.
    #[arg(long)]
    any_time: bool,
    #[command(flatten)]
    common: CommonArgs,
}

impl SettingArgs {
    fn apply(self, domain: &mut Domain) {
        let settings = &mut domain.settings;
        self.common.apply(settings);
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
            let was = find(&store, apay::NAME, &id).await?;
            let mut partner = was.clone();
            settings.apply(&mut partner);
            partner.check()?;
            store.set_domain(&was, &partner).await?;
            println!("{id} is changed");
            Ok(())
        }
        Command::Show { id } => show(&find(&store, apay::NAME, &id).await?),
        Command::List => {
            for (partner, domain) in &of_door(&store, apay::NAME).await? {
                let time = time(partner);
                println!("{:<16} {time}, {}", partner.id, callbacks(domain));
            }
            Ok(())
        }
        Command::Rotate { id, overlap } => {
            let partner = find(&store, apay::NAME, &id).await?;
            rotate(&store, partner, &make_secret()?, overlap).await
        }
    }
}

/// Gives a partner another key, and prints it.
pub(super) async fn rotate(
    store: &Arc<dyn Store>,
    was: Domain,
    key: &str,
    overlap_s: i64,
) -> Result<()> {
    let mut partner = was.clone();
    partner.rotate(key, now_ms() + overlap_s * 1000)?;
    store.set_domain(&was, &partner).await?;
    println!("key {key}");
    println!("The key is shown this once. The one before holds for {overlap_s} s more.");
    Ok(())
}

/// The partners of a door.
pub(super) async fn of_door(
    store: &Arc<dyn Store>,
    door: &str,
) -> Result<Vec<(PartnerSettings, Domain)>> {
    let domains = store.domains().await?.into_iter();
    let partner = |domain: Domain| {
        let partner = domain.settings.partner.clone();
        partner
            .filter(|partner| partner.door == door)
            .map(|partner| (partner, domain))
    };
    Ok(domains.filter_map(partner).collect())
}

fn time(partner: &PartnerSettings) -> String {
    partner.time_window_s.map_or_else(
        || "any time".to_owned(),
        |seconds| format!("time within {seconds} s"),
    )
}

/// Where a partner may be told.
pub(super) fn callbacks(domain: &Domain) -> String {
    let callbacks = &domain.settings.callbacks;
    let told = if callbacks.is_empty() {
        "any callback".to_owned()
    } else {
        format!("callbacks under {}", callbacks.join(" "))
    };
    told + &relayed(domain)
}

pub(super) async fn find(store: &Arc<dyn Store>, door: &str, id: &str) -> Result<Domain> {
    store
        .domain(&Domain::partner_code(door, id))
        .await?
        .with_context(|| format!("no partner `{id}` of {door}"))
}
