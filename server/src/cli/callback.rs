//! `tongfu callback list|parked|resend`.

use super::tries::answered;
use crate::clock::now_ms;
use crate::config::Config;
use crate::serve::open;
use crate::settings::duration_s;
use anyhow::{Result, bail};
use clap::Subcommand;
use payment::ports::{CallbackRow, Resend, Store};
use payment::printable::printable;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Callbacks that nobody took so far, waiting or parked, the oldest first.
    List,
    /// Callbacks that nobody took, after the last try.
    Parked,
    /// Sends callbacks again, with the same values; the running server does it.
    Resend {
        /// Our order number: its callbacks, delivered or not.
        #[arg(required_unless_present_any = ["since", "waiting"],
            conflicts_with_all = ["since", "waiting"])]
        order_sn: Option<String>,
        /// All parked ones of this time: 90m, 12h, 7d.
        #[arg(long, value_parser = duration_s, conflicts_with = "waiting")]
        since: Option<i64>,
        /// All that wait for their next try, now: their receiver is mended.
        #[arg(long)]
        waiting: bool,
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
        Command::List => return list(store.as_ref(), now_ms).await,
        Command::Resend { waiting: true, .. } => Resend::Waiting,
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
        Command::Resend { .. } => bail!("an order number --since or --waiting is needed"),
    };
    match (store.resend_callbacks(&which, now_ms).await?, which) {
        (0, Resend::Order(order_sn)) => bail!("order {order_sn} has no callback"),
        (count, _) => println!("{count} callbacks go out again"),
    }
    Ok(())
}

/// Lines of a list that a person reads.
const LINES: i64 = 1_000;

async fn list(store: &dyn Store, now_ms: i64) -> Result<()> {
    let untaken = store.untaken_callbacks(LINES).await?;
    for callback in &untaken {
        println!("{}", line(store, callback, now_ms).await?);
    }
    let more = usize::try_from(LINES).is_ok_and(|lines| lines == untaken.len());
    let or_more = if more { " or more" } else { "" };
    println!("{}{or_more} callbacks are not taken", untaken.len());
    Ok(())
}

/// The address holds a sign: it is not shown.
async fn line(store: &dyn Store, callback: &CallbackRow, now_ms: i64) -> Result<String> {
    let tries = store.callback_tries(callback.id).await?;
    let last = match tries.last() {
        None => "not tried yet".to_owned(),
        Some(last) => {
            let said = answered(last.status, last.location.as_deref(), "no answer");
            format!("last {said}: {}", printable(&short(&last.answer)))
        }
    };
    Ok(format!(
        "{:<9} {} {} for {} s, {} tries, {last}",
        callback.state.word(),
        callback.domain_code,
        callback.order_sn,
        (now_ms - callback.created_ms) / 1000,
        callback.tries
    ))
}

/// The beginning of what a receiver answered.
fn short(answer: &str) -> String {
    answer.chars().take(80).collect()
}
