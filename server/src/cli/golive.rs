//! `tongfu golive`: tries out a business system's receiver (docs/integrate.md, Before you go
//! live).

use super::tries::{answered, beginning};
use crate::config::Config;
use crate::serve::{commanded, open};
use crate::zone;
use anyhow::{Result, bail};
use checkout::{Trial, Tried, right};
use clap::Args;
use payment::param::Param;
use payment::ports::AttemptRow;
use payment::printable::printable;
use std::io::{IsTerminal, stdin};
use std::sync::Arc;

#[derive(Args)]
pub(crate) struct Command {
    /// The business system's code.
    domain: String,
    /// The requestKey of an unpaid order that its developer made for this; of a partner's
    /// order, its orderId.
    #[arg(long)]
    key: String,
    /// The warning was read.
    #[arg(long)]
    yes: bool,
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    let Some(domain) = store.domain(&command.domain).await? else {
        bail!("no domain {}", printable(&command.domain));
    };
    let checkout = commanded(config, Arc::clone(&store)).await?;
    let order = checkout.golive_order(&domain, &command.key).await?;
    warn(&order);
    if !command.yes && !is_confirmed(&domain.code)? {
        bail!("nothing was sent");
    }
    let tried = checkout.golive(&domain, &command.key).await?;
    let judged = right(&tried);
    println!();
    for (one, is_right) in tried.iter().zip(&judged) {
        print(one, *is_right);
    }
    println!();
    if let Some(wrong) =
        Some(judged.iter().filter(|is_right| !**is_right).count()).filter(|n| *n > 0)
    {
        bail!(
            "{wrong} of {} are not right; the next golive wants another order",
            judged.len()
        );
    }
    println!(
        "All {} are right. Now look into your own books: order {} must be there as paid once \
         at the most. A receiver that confirms by queryInfo has shipped nothing; else take it \
         back there, since nobody paid it.",
        judged.len(),
        printable(&command.key)
    );
    Ok(())
}

fn warn(order: &AttemptRow) {
    let signed = |name| printable(order.signed.get(name).unwrap_or_default());
    println!(
        "Order {} ({}) of {}, begun at {}: {}, {}\nIts receiver: {}",
        printable(&order.request_key),
        order.order_sn,
        order.domain_code,
        zone::time(order.created_ms),
        order.money,
        signed(Param::Info),
        signed(Param::BgUrl),
    );
    println!(
        "  - it is closed here: nobody can pay it any more;\n  \
         - its receiver is told by signed callbacks that it is paid, though nobody paid. A \
         receiver that is live may deliver goods for it, or money: use an order of yours \
         whose goods cost nothing, never a payer's;\n  \
         - callbacks with a wrong sign and a wrong sum are sent too, which a receiver must \
         refuse;\n  \
         - the order's story will say that this was done."
    );
}

/// Whether a person at a terminal types the business system's code.
fn is_confirmed(code: &str) -> Result<bool> {
    if !stdin().is_terminal() {
        bail!("say --yes once you have read this; nothing was sent");
    }
    println!("Type {code} to go on:");
    let mut typed = String::new();
    stdin().read_line(&mut typed)?;
    Ok(typed.trim() == code)
}

fn print(tried: &Tried, is_right: bool) {
    let what = match tried.trial {
        Trial::WrongSign => "a wrong sign",
        Trial::WrongSum => "a wrong sum",
        Trial::First => "two at once, the one",
        Trial::Second => "two at once, the other",
        Trial::Again => "the same again",
    };
    let answer = &tried.answer;
    let said = answered(answer.status, answer.location.as_deref(), &answer.text);
    println!("{what}: {}", meaning(tried, is_right));
    let took_ms = answer.duration_ms;
    if answer.status.is_none() {
        println!("  your server: {said}, after {took_ms} ms");
        return;
    }
    println!("  your server answered {said}, after {took_ms} ms");
    println!("  its answer: {}", beginning(&answer.text));
}

fn meaning(tried: &Tried, is_right: bool) -> &'static str {
    match (tried.trial, tried.taken, is_right) {
        (Trial::WrongSign, true, _) => {
            "WRONG: it took it. Anybody can tell your server that an order is paid"
        }
        (Trial::WrongSum, true, _) => {
            "WRONG: it took it. It does not compare the sum: who pays too little gets the goods"
        }
        (Trial::WrongSign | Trial::WrongSum, false, true) => "right: it refused it",
        (Trial::WrongSign | Trial::WrongSum, false, false) => {
            "WRONG: nobody there looked at it; it must be refused by an answer"
        }
        (_, true, _) => "right: it took it",
        (Trial::First | Trial::Second, false, true) => {
            "right: it refused it while it took the other, and it would come again"
        }
        (Trial::First | Trial::Second, false, false) => {
            "WRONG: it did not take a callback that is right"
        }
        (Trial::Again, false, _) => {
            "WRONG: it did not take one that it may have taken before; it would come again for \
             a day"
        }
    }
}
