//! `tongfu notify show|attach`: what channels sent us.

use super::untold;
use crate::clock::now_ms;
use crate::config::Config;
use crate::serve::open;
use crate::zone;
use anyhow::{Context, Result, bail};
use checkout::check_reason;
use clap::Subcommand;
use payment::ports::{Attached, Store};
use payment::printable::printable;
use payment::story::{Act, Source};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// A notify as it came, and what became of it.
    Show {
        /// Its number, as `order list --at-risk` and an order's story tell it.
        id: i64,
    },
    /// Notes which order a notify is about that fitted none, or could not be understood:
    /// it stands in the order's story, and is at risk no more. Nothing else changes; the
    /// order can be asked about (`order requery`) and money given back (`order refund`).
    Attach {
        /// Its number.
        id: i64,
        /// Our order number.
        order_sn: String,
        /// How that is known.
        #[arg(long)]
        reason: String,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    match command {
        Command::Show { id } => show(&*store, id).await,
        Command::Attach {
            id,
            order_sn,
            reason,
        } => {
            check_reason(&reason).map_err(untold)?;
            let act = Act {
                at_ms: now_ms(),
                by: Source::Operator,
            };
            let reason = printable(&reason);
            match store.attach_notify(id, &order_sn, &reason, act).await? {
                Attached::Done => println!("notify {id} stands in the story of {order_sn}"),
                Attached::NotStray => bail!(
                    "notify {id} is none that a person has to look at, or of another channel than \
                     the order"
                ),
                Attached::NoOrder => bail!("no order {order_sn}"),
            }
            Ok(())
        }
    }
}

async fn show(store: &dyn Store, id: i64) -> Result<()> {
    let seen = store.notify(id).await?;
    let seen = seen.with_context(|| format!("no notify {id}"))?;
    let row = seen.row;
    println!("notify    {id}");
    println!("channel   {}/{}", row.channel.code(), row.account);
    println!("came      {}", zone::time(row.received_ms));
    println!(
        "names     {}",
        row.channel_order_no.as_deref().unwrap_or("no order")
    );
    let outcome = seen
        .outcome
        .unwrap_or_else(|| "nobody has worked on it yet".to_owned());
    println!("became    {}", printable(&outcome));
    for header in row.headers.lines() {
        println!("header    {}", printable(header));
    }
    println!(
        "body      {}",
        printable(&String::from_utf8_lossy(&row.body))
    );
    Ok(())
}
