//! `tongfu order refund --operator`, `order grant`, `order refuse`, `order close`: what an
//! operator does under his own name (docs/console.md, Refunds by two).

use super::shown::show;
use super::untold;
use crate::clock::system_clock;
use crate::config::Config;
use crate::serve::commanded;
use anyhow::{Context, Result, bail};
use checkout::{Confirmed, Errand, Failure, NotDone, NotSignedIn, Operators, Outcome};
use payment::ports::Store;
use std::io::stdin;
use std::sync::Arc;

/// From where an operator proves himself.
const HERE: &str = "the command line";

/// Asks for money of an order to be given back, or gives it back where one may.
pub(super) async fn refund(
    config: &Config,
    store: &Arc<dyn Store>,
    operator: &str,
    errand: Errand,
    reason: &str,
) -> Result<()> {
    let order_sn = match &errand {
        Errand::Refund { order_sn, .. } => order_sn,
        _ => "",
    };
    let confirmed = confirmed(store, operator, ("order refund", order_sn)).await?;
    match run(config, store, &confirmed, &errand, reason).await? {
        Outcome::Done => println!("The running server sends it."),
        Outcome::Asked => println!("Another operator must grant it: `tongfu order grant`."),
    }
    match errand {
        Errand::Refund { order_sn, .. } => show(store, &order_sn).await,
        _ => Ok(()),
    }
}

/// Grants what another one asked for.
pub(super) async fn grant(
    config: &Config,
    store: &Arc<dyn Store>,
    operator: &str,
    request_no: String,
) -> Result<()> {
    let confirmed = confirmed(store, operator, ("order grant", &request_no)).await?;
    let errand = Errand::Grant {
        request_no,
        confirmed: confirmed.clone(),
    };
    run(config, store, &confirmed, &errand, "").await?;
    println!("The running server sends it.");
    Ok(())
}

/// Refuses it, or takes back what he asked for himself.
pub(super) async fn refuse(
    config: &Config,
    store: &Arc<dyn Store>,
    operator: &str,
    request_no: String,
    reason: &str,
) -> Result<()> {
    let confirmed = confirmed(store, operator, ("order refuse", &request_no)).await?;
    let errand = Errand::Refuse { request_no };
    run(config, store, &confirmed, &errand, reason).await?;
    println!("Refused.");
    Ok(())
}

/// Closes the request of an order.
pub(super) async fn close(
    config: &Config,
    store: &Arc<dyn Store>,
    operator: &str,
    order_sn: String,
    reason: &str,
) -> Result<()> {
    let confirmed = confirmed(store, operator, ("order close", &order_sn)).await?;
    let errand = Errand::Close {
        order_sn: order_sn.clone(),
    };
    run(config, store, &confirmed, &errand, reason).await?;
    show(store, &order_sn).await
}

async fn run(
    config: &Config,
    store: &Arc<dyn Store>,
    confirmed: &Confirmed,
    errand: &Errand,
    reason: &str,
) -> Result<Outcome> {
    let checkout = commanded(config, Arc::clone(store)).await?;
    let done = checkout.run_errand(confirmed.operator(), errand, reason);
    match done.await {
        // Such as an account that this command was not given.
        Err(
            NotDone::NotClosed(Failure::Internal(cause))
            | NotDone::Failed(Failure::Internal(cause)),
        ) => {
            bail!(cause)
        }
        done => done.map_err(untold),
    }
}

/// The operator of this name, by a code that he types to do this.
async fn confirmed(store: &Arc<dyn Store>, operator: &str, act: (&str, &str)) -> Result<Confirmed> {
    eprint!("one-time password of {operator}: ");
    let mut typed = String::new();
    stdin().read_line(&mut typed).context("reading it")?;
    let operators = Operators::new(Arc::clone(store), system_clock(), false);
    match operators.confirm(operator, typed.trim(), act, HERE).await {
        Ok(confirmed) => Ok(confirmed),
        Err(NotSignedIn::Wrong) => bail!(
            "the name or the one-time password is wrong, or was used already, or it failed too \
             often lately"
        ),
        Err(NotSignedIn::Internal(error)) => bail!(error),
    }
}
