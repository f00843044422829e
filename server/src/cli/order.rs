//! `tongfu order show|refund|requery|trouble`.

use crate::config::Config;
use crate::serve::{checkout, open};
use anyhow::{Result, anyhow, bail};
use clap::Subcommand;
use payment::lang::Lang;
use payment::ports::{AttemptRow, RefundRow, Store};
use std::sync::Arc;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// An order's whole story: its request, all attempts, and what went back.
    Show {
        /// Our order number.
        order_sn: String,
    },
    /// Gives money of a paid order back; the running server sends it.
    Refund {
        /// Our order number.
        order_sn: String,
        /// The sum in fen (cents) of the order's currency.
        #[arg(long)]
        money: i64,
    },
    /// Asks the channel now how an order stands, and settles by its answer.
    Requery {
        /// Our order number.
        order_sn: String,
    },
    /// Refunds that failed or that the channel can't do: money at risk.
    Trouble,
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    match command {
        Command::Show { order_sn } => show(&store, &order_sn).await,
        Command::Refund { order_sn, money } => refund(config, store, &order_sn, money).await,
        Command::Requery { order_sn } => requery(config, store, &order_sn).await,
        Command::Trouble => {
            let refunds = store.refunds_in_trouble().await?;
            refunds.iter().for_each(print_refund);
            println!("{} refunds in trouble", refunds.len());
            Ok(())
        }
    }
}

async fn show(store: &Arc<dyn Store>, order_sn: &str) -> Result<()> {
    let Some(order) = store.attempt(order_sn).await? else {
        bail!("no order {order_sn}");
    };
    println!(
        "{} {}: {} {}",
        order.domain_code, order.request_key, order.money, order.request_status
    );
    for attempt in store
        .attempts(&order.domain_code, &order.request_key)
        .await?
    {
        print_attempt(&attempt);
        for refund in store.refunds(&attempt.order_sn).await? {
            print_refund(&refund);
        }
    }
    Ok(())
}

fn print_attempt(attempt: &AttemptRow) {
    println!(
        "{} {} {}/{} {} {} channel number {}{}",
        attempt.order_sn,
        attempt.status.word(),
        attempt.channel.code(),
        attempt.account,
        attempt.kind.word(),
        attempt.channel_money,
        attempt.channel_order_no,
        attempt
            .trade_no
            .as_ref()
            .map_or_else(String::new, |trade_no| format!(" trade {trade_no}"))
    );
}

fn print_refund(refund: &RefundRow) {
    println!(
        "  refund {} of {}: {} {} ({}) {}",
        refund.refund_no,
        refund.order_sn,
        refund.money,
        refund.state.word(),
        refund.cause.word(),
        refund.note
    );
}

async fn requery(config: &Config, store: Arc<dyn Store>, order_sn: &str) -> Result<()> {
    let Some(order) = store.attempt(order_sn).await? else {
        bail!("no order {order_sn}");
    };
    let checkout = checkout(config, Arc::clone(&store), Arc::new(|| None))?;
    checkout.requery(&order).await?;
    show(&store, order_sn).await
}

async fn refund(config: &Config, store: Arc<dyn Store>, order_sn: &str, money: i64) -> Result<()> {
    // What is done to orders needs no rate: theirs is kept with them.
    let checkout = checkout(config, store, Arc::new(|| None))?;
    let refund = checkout.refund_order(order_sn, money).await;
    let refund = refund.map_err(|failure| anyhow!(failure.text(Lang::En)))?;
    print_refund(&refund);
    println!("The running server sends it; `tongfu order show {order_sn}` tells how it stands.");
    Ok(())
}
