//! `tongfu callback parked|resend`.

use super::domain::duration_s;
use crate::config::Config;
use crate::serve::{now_ms, open};
use anyhow::{Result, bail};
use clap::Subcommand;
use payment::ports::Resend;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Callbacks that nobody took, after the last try.
    Parked,
    /// Sends callbacks again, with the same values; the running server does it.
    Resend {
        /// Our order number: its callbacks, delivered or not.
        #[arg(required_unless_present = "since", conflicts_with = "since")]
        order_sn: Option<String>,
        /// All parked ones of this time: 90m, 12h, 7d.
        #[arg(long, value_parser = duration_s)]
        since: Option<i64>,
        /// With --since: delivered ones too, for a receiver that has lost them.
        #[arg(long, requires = "since")]
        delivered: bool,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    let now_ms = now_ms();
    let which = match command {
        Command::Parked => {
            let parked = store.parked_callbacks().await?;
            for callback in &parked {
                // The address holds a sign: it is not shown.
                println!(
                    "{} {} after {} tries",
                    callback.domain_code, callback.order_sn, callback.tries
                );
            }
            println!("{} callbacks are parked", parked.len());
            return Ok(());
        }
        Command::Resend {
            order_sn: Some(order_sn),
            ..
        } => Resend::Order(order_sn),
        Command::Resend {
            since: Some(since_s),
            delivered,
            ..
        } => Resend::Since {
            created_ms: now_ms - since_s * 1000,
            delivered,
        },
        Command::Resend { .. } => bail!("an order number or --since is needed"),
    };
    match (store.resend_callbacks(&which, now_ms).await?, which) {
        (0, Resend::Order(order_sn)) => bail!("order {order_sn} has no callback"),
        (count, _) => println!("{count} callbacks go out again"),
    }
    Ok(())
}
