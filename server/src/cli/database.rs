//! `tongfu database show|accept`, and `tongfu prune`.

use super::untold;
use crate::clock::now_ms;
use crate::config::Config;
use crate::serve::{commanded, open};
use anyhow::{Context, Result, bail};
use checkout::check_reason;
use clap::Subcommand;
use payment::lang::Lang;
use payment::ports::Acceptance;
use std::path::PathBuf;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// How far the books have come, and what this instance has seen of them.
    Show {
        /// The instance's mark, where the configuration does not lead to it (systemd's
        /// state directory): /var/lib/tongfu/tongfu.mark.
        #[arg(long, value_name = "FILE")]
        mark: Option<PathBuf>,
    },
    /// Takes books that have gone back, as after a restore, knowingly: what was written
    /// since is lost here, and may not be lost at the channels. Run it on an instance's
    /// own machine, with its configuration.
    Accept {
        /// Why.
        #[arg(long)]
        reason: String,
        /// The instance's mark, where the configuration does not lead to it (systemd's
        /// state directory): /var/lib/tongfu/tongfu.mark.
        #[arg(long, value_name = "FILE")]
        mark: Option<PathBuf>,
        /// No instance's mark is left anywhere.
        #[arg(long, conflicts_with = "mark")]
        without_mark: bool,
    },
}

/// `tongfu prune`.
pub(crate) async fn prune(config: &Config, older_s: i64) -> Result<()> {
    let checkout = commanded(config, open(config).await?).await?;
    match checkout.prune(older_s * 1000).await {
        Ok((orders, notifies)) => println!("pruned {orders} orders and {notifies} notifies"),
        Err(failure) => bail!(failure.text(Lang::En)),
    }
    Ok(())
}

pub(crate) async fn run(config: &Config, by: &str, command: Command) -> Result<()> {
    let store = open(config).await?;
    let named = match &command {
        Command::Accept { mark, .. } | Command::Show { mark } => mark.clone(),
    };
    let file = named.or_else(|| config.mark(false));
    let seen = match &file {
        Some(file) => store::kept_mark(file).with_context(|| file.display().to_string())?,
        None => None,
    };
    let now = store.mark().await?;
    match command {
        Command::Show { .. } => {
            println!("the books    {now}");
            match (&file, &seen) {
                (None, _) => println!("seen before  nothing: set state_dir, or say --mark FILE"),
                (Some(file), None) => println!("seen before  nothing yet, in {}", file.display()),
                (Some(_), Some(seen)) => {
                    println!("seen before  {seen}");
                    match seen.lost_at(&now) {
                        Some(why) => bail!(why),
                        None => println!("they hold what was seen"),
                    }
                }
            }
        }
        Command::Accept {
            reason,
            without_mark,
            ..
        } => {
            if seen.is_none() && !without_mark {
                bail!(
                    "no mark of an instance is found: run it with an instance's state_dir, or say \
                     --mark FILE, or --without-mark"
                );
            }
            check_reason(&reason).map_err(untold)?;
            let lost = seen.as_ref().and_then(|seen| seen.lost_at(&now));
            if seen.is_some() && lost.is_none() {
                bail!("these books hold what this instance has seen: there is nothing to accept");
            }
            let acceptance = Acceptance {
                by: by.to_owned(),
                reason,
                at_ms: now_ms(),
                seen,
            };
            let accepted = store.accept(&acceptance).await?;
            println!("accepted: {accepted}. Each instance takes it by itself.");
            println!("Now compare with the channels: `tongfu doctor`, and requery what was open.");
        }
    }
    Ok(())
}
