//! `tongfu partner add|set|list|show|rotate|end-older`.

use super::domain::{SecretArgs, end_older, held, relayed, show, tell_secret};
use crate::config::Config;
use crate::issue::{self, of_door};
use crate::serve::open;
use crate::settings::ApayArgs;
use anyhow::{Context, Result};
use clap::Subcommand;
use doors::apay;
use payment::domain::{Domain, PartnerSettings};
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
        settings: ApayArgs,
    },
    /// Changes settings; those that are not named stay.
    Set {
        /// The partnerId.
        id: String,
        #[command(flatten)]
        settings: ApayArgs,
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
        /// How long the old key still holds: 30m, 12h, 7d, at most 90d.
        #[arg(long, default_value = "7d", value_parser = issue::overlap_s)]
        overlap: i64,
    },
    /// Ends all older keys now: the newest alone holds.
    EndOlder {
        /// The partnerId.
        id: String,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    match command {
        Command::Add {
            id,
            secret,
            settings,
        } => {
            let (key, told) = secret.take()?;
            let partner = issue::partner(&id, settings, &key)?;
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
        Command::Show { id } => {
            let partner = find(&store, apay::NAME, &id).await?;
            show(&store, &partner).await
        }
        Command::List => {
            for (partner, domain) in of_door(store.domains("", i64::MAX).await?, apay::NAME) {
                let time = time(&partner);
                println!("{:<16} {time}, {}", partner.id, callbacks(&domain));
            }
            Ok(())
        }
        Command::Rotate { id, overlap } => {
            let partner = find(&store, apay::NAME, &id).await?;
            rotate(&store, &partner, overlap).await
        }
        Command::EndOlder { id } => {
            let partner = find(&store, apay::NAME, &id).await?;
            end_older(&store, &partner).await
        }
    }
}

/// Gives a partner another key, and prints it.
pub(super) async fn rotate(store: &Arc<dyn Store>, was: &Domain, overlap_s: i64) -> Result<()> {
    let (partner, key) = issue::rotated(was, overlap_s)?;
    store.set_domain(was, &partner).await?;
    println!("key {key}");
    println!("The key is shown this once. {}", held(overlap_s));
    Ok(())
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
