//! `tongfu order show|find|list|totals|refunds|refund|grant|refuse|honour|requery|close|unpaid`.

use super::find::{Filter, Form, Moment, RefundFilter, fen, find, list, moment, refunds, totals};
use super::shown::{print_refund, show};
use super::{by_two, untold};
use crate::clock::now_ms;
use crate::config::{Config, system_user};
use crate::serve::{commanded, open};
use crate::zone;
use anyhow::{Result, anyhow, bail};
use checkout::{Errand, Failure, check_reason, token};
use clap::Subcommand;
use payment::by_two::Meant;
use payment::forecore::yuan;
use payment::lang::Lang;
use payment::ports::{RISKS_MAX, Store};
use payment::printable::printable;
use payment::refund::{Left, Way};
use serde_json::json;
use std::sync::Arc;

/// A key that is kept, bytes.
const KEY_MAX: usize = 200;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// An order's whole story: its request, all attempts with what happened to each
    /// and from whom, what went back, and who was called.
    Show {
        /// Our order number.
        order_sn: String,
    },
    /// Finds an order by whichever number somebody has: ours, the channel's (what a payer
    /// reads out), the business system's, a refund's, a partner's.
    Find {
        /// The number.
        number: String,
    },
    /// Sums of what was paid and given back.
    Totals {
        /// business, channel, account, day, or charge: what channels took, in their currency.
        #[arg(long, default_value = "day",
            value_parser = ["business", "channel", "account", "charge", "day"])]
        by: String,
        /// Paid so long ago or later: 12h, 7d; or since a day, 2026-11-28.
        #[arg(long, value_parser = moment)]
        since: Option<Moment>,
        /// Paid before.
        #[arg(long, value_parser = moment)]
        until: Option<Moment>,
    },
    /// Lists orders, by number.
    List {
        #[command(flatten)]
        filter: Filter,
        /// Only money that needs a person's eye: paid twice, late, not fitting its
        /// order, unknown, refunds and callbacks that failed or are parked.
        #[arg(long, conflicts_with_all = ["since", "until", "business", "channel", "account",
            "state", "currency", "min", "max", "callback", "paid", "made"])]
        at_risk: bool,
        /// A JSON object a line, for programs.
        #[arg(long)]
        json: bool,
        /// A table for spreadsheets, sums in yuan (dollars).
        #[arg(long, conflicts_with_all = ["json", "at_risk"])]
        csv: bool,
    },
    /// Lists refunds, the newest first.
    Refunds {
        #[command(flatten)]
        filter: RefundFilter,
        /// A table for spreadsheets, sums in yuan (dollars).
        #[arg(long)]
        csv: bool,
    },
    /// Gives money of a paid order back; the running server sends it.
    Refund {
        /// Our order number.
        order_sn: String,
        /// The sum in fen (cents) of the order's currency.
        #[arg(long, required_unless_present_any = ["by_hand", "yuan"],
            conflicts_with_all = ["by_hand", "yuan"])]
        money: Option<i64>,
        /// The same in yuan (dollars): 12.34.
        #[arg(long, value_parser = fen, conflicts_with = "by_hand")]
        yuan: Option<i64>,
        /// A name of this refund: said twice, it is one refund.
        #[arg(long, conflicts_with = "by_hand")]
        key: Option<String>,
        /// The same sum of this order went back before, and is meant once more.
        #[arg(long)]
        again: bool,
        /// Why: for the order's story.
        #[arg(long, conflicts_with = "by_hand", default_value = "")]
        reason: String,
        /// Notes that this refund's money is back: it failed or is parked, or its channel
        /// could not be asked for ten minutes.
        #[arg(long, value_name = "REFUND_NO")]
        by_hand: Option<String>,
        /// Which way it went back: `channel`, you made it, or saw it done, at the channel's
        /// console; `another`, as by a bank transfer.
        #[arg(long, requires = "by_hand", value_parser = way)]
        way: Option<Way>,
        /// As this operator, who types a one-time password. Above what one may give back
        /// alone (`refund_alone`) it is asked for, and another one grants it.
        #[arg(long, conflicts_with = "by_hand", requires = "reason")]
        operator: Option<String>,
    },
    /// Grants a refund that another operator asked for.
    Grant {
        /// Its number: `tongfu order list --at-risk`.
        request_no: String,
        /// Who grants it, and types a one-time password.
        #[arg(long)]
        operator: String,
    },
    /// Refuses a refund that was asked for, or takes it back.
    Refuse {
        /// Its number.
        request_no: String,
        /// Who refuses it, and types a one-time password.
        #[arg(long)]
        operator: String,
        /// Why: for the order's story.
        #[arg(long)]
        reason: String,
    },
    /// Notes that you have looked after money of an order: that went back without a refund of
    /// ours, that came and does not fit it, or whose refund failed. It stands in the order's
    /// story, and is at risk no more. Nothing else changes.
    LookedAfter {
        /// Our order number.
        order_sn: String,
        /// Of this refund, or of the order itself by its number; needed where several wait.
        #[arg(long)]
        refund: Option<String>,
        /// What came of it: for the order's story.
        #[arg(long)]
        reason: String,
    },
    /// Lets money that came after its request was closed pay it after all.
    Honour {
        /// Our order number.
        order_sn: String,
    },
    /// Asks the channel now how an order stands, and its refunds that have no end yet, and
    /// settles by its answers.
    Requery {
        /// Our order number.
        order_sn: String,
    },
    /// Closes the request of an order that is not paid, as its business system's own call
    /// does: it is closed once its channels take no money for it any more.
    Close {
        /// Our order number.
        order_sn: String,
        /// Who closes it, and types a one-time password.
        #[arg(long)]
        operator: String,
        /// Why: for the order's story.
        #[arg(long)]
        reason: String,
    },
    /// Ends an order that you saw unpaid at the channel's console. Its channel, asked
    /// once more, still does not say how it ended, ten minutes after its time.
    Unpaid {
        /// Our order number.
        order_sn: String,
    },
}

pub(crate) async fn run(config: &Config, command: Command) -> Result<()> {
    let store = open(config).await?;
    match command {
        Command::Show { order_sn } => show(&store, &order_sn).await,
        Command::List {
            at_risk: true,
            json,
            ..
        } => at_risk(&store, json).await,
        Command::List {
            filter, json, csv, ..
        } => {
            let form = match (json, csv) {
                (true, _) => Form::Json,
                (_, true) => Form::Csv,
                _ => Form::Lines,
            };
            list(&store, &filter, form).await
        }
        Command::Refunds { filter, csv } => refunds(&store, &filter, csv).await,
        Command::Find { number } => find(&store, &number).await,
        Command::Totals { by, since, until } => totals(&store, &by, since, until).await,
        Command::Refund {
            by_hand: None,
            way: _,
            order_sn,
            money,
            yuan,
            key,
            again,
            reason,
            operator,
        } => {
            let Some(money) = money.or(yuan) else {
                bail!("--money, --yuan or --by-hand is needed");
            };
            let long = |key: &String| key.len() > KEY_MAX || key.chars().any(char::is_control);
            if key.as_ref().is_some_and(long) {
                bail!("--key takes at most {KEY_MAX} bytes of one line");
            }
            if !reason.is_empty() {
                check_reason(&reason).map_err(untold)?;
            }
            if let Some(operator) = operator {
                let errand = Errand::Refund {
                    order_sn,
                    minor: money,
                    key: key.map_or_else(token, Ok)?,
                    meant: Meant { again, left: None },
                };
                return by_two::refund(config, &store, &operator, errand, &reason).await;
            }
            let wish = (money, key.as_deref(), again);
            refund(config, store, &order_sn, wish, &reason).await
        }
        Command::Grant {
            request_no,
            operator,
        } => by_two::grant(config, &store, &operator, request_no).await,
        Command::Refuse {
            request_no,
            operator,
            reason,
        } => by_two::refuse(config, &store, &operator, request_no, &reason).await,
        Command::Close {
            order_sn,
            operator,
            reason,
        } => by_two::close(config, &store, &operator, order_sn, &reason).await,
        Command::Refund {
            order_sn,
            by_hand: Some(refund_no),
            way,
            again,
            ..
        } => {
            let Some(way) = way else {
                bail!("say which way it went back: --way channel or --way another");
            };
            by_hand(config, store, (&order_sn, &refund_no), way, again).await
        }
        Command::LookedAfter {
            order_sn,
            refund,
            reason,
        } => looked_after(config, store, &order_sn, refund, &reason).await,
        Command::Honour { order_sn } => honour(config, store, &order_sn).await,
        Command::Requery { order_sn } => requery(config, store, &order_sn).await,
        Command::Unpaid { order_sn } => unpaid(config, store, &order_sn).await,
    }
}

async fn at_risk(store: &Arc<dyn Store>, json: bool) -> Result<()> {
    let risks = store.at_risk(now_ms()).await?;
    for risk in &risks {
        if json {
            let line = json!({"kind": risk.kind.word(), "orderSn": risk.order_sn,
                "detail": risk.detail, "sinceMs": risk.since_ms});
            println!("{line}");
        } else {
            let order_sn = Some(risk.order_sn.as_str()).filter(|number| !number.is_empty());
            println!(
                "{:<9} {:<20} since {}: {}",
                risk.kind.word(),
                order_sn.unwrap_or("-"),
                zone::time(risk.since_ms),
                printable(&risk.detail)
            );
        }
    }
    let counts = store.risk_counts(now_ms()).await?;
    let all: i64 = counts.iter().map(|one| one.count).sum();
    if usize::try_from(all).is_ok_and(|all| all > risks.len()) {
        eprintln!("of one cause the oldest {RISKS_MAX} are listed, of {all} in all");
    }
    if !json {
        println!("{all} at risk");
    }
    Ok(())
}

async fn requery(config: &Config, store: Arc<dyn Store>, order_sn: &str) -> Result<()> {
    let Some(order) = store.attempt(order_sn).await? else {
        bail!("no order {order_sn}");
    };
    let checkout = commanded(config, Arc::clone(&store)).await?;
    checkout.requery(&order).await?;
    show(&store, order_sn).await
}

async fn refund(
    config: &Config,
    store: Arc<dyn Store>,
    order_sn: &str,
    (money, key, again): (i64, Option<&str>, bool),
    reason: &str,
) -> Result<()> {
    let checkout = commanded(config, Arc::clone(&store)).await?;
    let by = format!("({})", system_user());
    let meant = Meant { again, left: None };
    let refund = checkout.refund_order(&by, order_sn, money, key, (reason, meant));
    let refund = match refund.await {
        Err(Failure::NeedsTwo) => bail!(
            "{}; ask for it with --operator NAME",
            Failure::NeedsTwo.text(Lang::En)
        ),
        refund => refund.map_err(|failure| anyhow!(failure.text(Lang::En)))?,
    };
    print_refund(&refund);
    let refunds = store.refunds(order_sn).await?;
    if let Some(order) = store.attempt(order_sn).await? {
        let left = Left::of(order.money, order.channel_money, &refunds);
        println!(
            "{} {} of it is left.",
            order.money.currency().code(),
            yuan(left.money)
        );
    }
    println!("The running server sends it; `tongfu order show {order_sn}` tells how it stands.");
    Ok(())
}

fn way(word: &str) -> Result<Way> {
    Way::parse(word).ok_or_else(|| anyhow!("channel or another"))
}

async fn by_hand(
    config: &Config,
    store: Arc<dyn Store>,
    (order_sn, refund_no): (&str, &str),
    way: Way,
    again: bool,
) -> Result<()> {
    let checkout = commanded(config, store).await?;
    let ended = checkout.refund_by_hand(order_sn, refund_no, way, again);
    match ended.await {
        Ok(refund) => print_refund(&refund),
        Err(Failure::NotPaid) => bail!("order {order_sn} has no refund {refund_no}"),
        Err(Failure::TooMuch(left)) => bail!(
            "refund {refund_no} is more than is left of its order, {}: where it was given back \
             anew, say `tongfu order looked-after`",
            yuan(left)
        ),
        Err(Failure::InProgress) => bail!(
            "refund {refund_no} has neither failed nor is parked, and its channel may still end it"
        ),
        Err(failure) => bail!(failure.text(Lang::En)),
    }
    Ok(())
}

async fn looked_after(
    config: &Config,
    store: Arc<dyn Store>,
    order_sn: &str,
    refund: Option<String>,
    reason: &str,
) -> Result<()> {
    check_reason(reason).map_err(untold)?;
    let checkout = commanded(config, store).await?;
    let numbers = checkout.to_look_after(order_sn).await;
    let mut numbers = numbers.map_err(|failure| anyhow!(failure.text(Lang::En)))?;
    numbers.retain(|number| refund.as_ref().is_none_or(|refund| refund == number));
    if numbers.is_empty() {
        bail!(
            "no money of {order_sn} that went back without a refund of ours or that differs, and no \
             refund of it that failed or no longer fits beside what went back, waits for you"
        );
    }
    if numbers.len() > 1 {
        bail!(
            "say by --refund which you have looked after: {}",
            numbers.join(", ")
        );
    }
    for number in numbers {
        let detail = format!("order looked-after {number}: {}", printable(reason));
        let looked = checkout.looked_after(order_sn, &number, &detail).await;
        if looked.map_err(|failure| anyhow!(failure.text(Lang::En)))? {
            println!("{number} has been looked after");
        }
    }
    Ok(())
}

async fn honour(config: &Config, store: Arc<dyn Store>, order_sn: &str) -> Result<()> {
    let checkout = commanded(config, Arc::clone(&store)).await?;
    match checkout.honour(order_sn).await {
        Ok(()) => show(&store, order_sn).await,
        Err(Failure::NotPaid) => {
            bail!("{order_sn} is no payment that came after its request was closed")
        }
        Err(Failure::InProgress) => bail!("the refund of {order_sn} is on its way, or done"),
        Err(failure) => bail!(failure.text(Lang::En)),
    }
}

async fn unpaid(config: &Config, store: Arc<dyn Store>, order_sn: &str) -> Result<()> {
    let checkout = commanded(config, Arc::clone(&store)).await?;
    match checkout.end_unpaid(order_sn).await {
        Ok(()) => show(&store, order_sn).await,
        Err(Failure::NotPaid) => bail!("no order {order_sn}"),
        Err(Failure::AlreadyPaid) => bail!("{order_sn} is paid"),
        Err(Failure::InProgress) => bail!(
            "{order_sn} may still be paid: its channel says so, or has not been silent for ten minutes after its time"
        ),
        Err(failure) => bail!(failure.text(Lang::En)),
    }
}
