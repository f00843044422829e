//! `tongfu order find|list|totals|refunds`.

use super::shown::{as_json, show};
use crate::clock::now_ms;
use crate::settings::duration_s;
use crate::{table, typed, zone};
use anyhow::{Result, bail};
use checkout::figures::{self, By, OfBusinesses, Reckoning};
use payment::channel::Channel;
use payment::forecore::{fen_of_yuan, yuan};
use payment::money::Currency;
use payment::order::Attempt;
use payment::ports::{Buckets, Listed, ListedRefund, Store, Wanted, WantedRefunds};
use payment::printable::printable;
use payment::refund::{Cause, Refund};
use std::io::{Write, stdout};
use std::sync::Arc;
use time::Date;

/// Orders that are read at once.
const PAGE: i64 = 500;
const DAY_MS: i64 = 86_400_000;

/// Which orders are listed: those that fit all that is said.
#[derive(clap::Args)]
pub(crate) struct Filter {
    /// Of so long ago or later: 90m, 12h, 7d; or a day, 2026-11-28, in the zone of times.
    #[arg(long, value_parser = moment)]
    since: Option<Moment>,
    /// Before.
    #[arg(long, value_parser = moment)]
    until: Option<Moment>,
    /// Of a business system.
    #[arg(long)]
    business: Option<String>,
    /// Wechat, Alipay, ChinapayOld or Paypal.
    #[arg(long, value_parser = channel)]
    channel: Option<Channel>,
    /// Of a channel's account.
    #[arg(long)]
    account: Option<String>,
    /// In a state, as the list shows it: NOTPAY, SUCCESSPAY, CLOSED, ….
    #[arg(long, value_parser = state)]
    state: Option<Attempt>,
    /// In a currency: CNY, USD, CAD.
    #[arg(long, value_parser = currency)]
    currency: Option<Currency>,
    /// Of at least this sum, in yuan (dollars): 12.34.
    #[arg(long, value_parser = fen, value_name = "YUAN")]
    min: Option<i64>,
    /// Of at most this sum, in yuan (dollars).
    #[arg(long, value_parser = fen, value_name = "YUAN")]
    max: Option<i64>,
    /// Only those one of whose callbacks fails: it was sent, was not taken, and waits for its
    /// next try or is parked.
    #[arg(long, value_name = "failing", value_parser = ["failing"])]
    callback: Option<String>,
    /// Times are those of the payment: only what was paid.
    #[arg(long, conflicts_with = "made")]
    paid: bool,
    /// Times are those of the order's beginning, as without it.
    #[arg(long)]
    made: bool,
}

/// Which refunds are listed: those that fit all that is said.
#[derive(clap::Args)]
pub(crate) struct RefundFilter {
    /// Written down so long ago or later: 90m, 12h, 7d; or since a day, 2026-11-28.
    #[arg(long, value_parser = moment)]
    since: Option<Moment>,
    /// Before.
    #[arg(long, value_parser = moment)]
    until: Option<Moment>,
    /// Of a business system's orders.
    #[arg(long)]
    business: Option<String>,
    /// In a state, as the list shows it: SUCCESSREFUND, PARKED, ….
    #[arg(long, value_parser = refund_state)]
    state: Option<Refund>,
    /// That these want: business, operator, duplicate, afterclose, chargeback, atchannel.
    #[arg(long, value_parser = cause)]
    cause: Option<Cause>,
}

/// A time as an operator says it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    /// So many seconds ago.
    Ago(i64),
    /// The beginning of a day. Where that is, is known once the configuration is read.
    Day(Date),
}

impl Moment {
    pub(super) fn ms(self) -> i64 {
        match self {
            Self::Ago(seconds) => now_ms() - seconds * 1000,
            Self::Day(day) => zone::start_of(day),
        }
    }
}

/// How a list is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Lines,
    Json,
    Csv,
}

impl Filter {
    fn wanted(&self) -> Wanted {
        Wanted {
            domain_code: self.business.clone(),
            channel: self.channel,
            account: self.account.clone(),
            state: self.state,
            min: self.min,
            max: self.max,
            since_ms: self.since.map(Moment::ms),
            until_ms: self.until.map(Moment::ms),
            currency: self.currency,
            of_few: false,
            failing: self.callback.is_some(),
            paid: self.paid,
        }
    }
}

/// Orders as a stream: as many as there are, none kept.
pub(super) async fn list(store: &Arc<dyn Store>, filter: &Filter, form: Form) -> Result<()> {
    let (wanted, mut after) = (filter.wanted(), String::new());
    if form == Form::Csv {
        stdout().write_all(&table::orders_head()?)?;
    }
    loop {
        let orders = store.wanted(&wanted, &after, PAGE).await?;
        let Some(last) = orders.last() else {
            return Ok(());
        };
        after.clone_from(&last.order.order_sn);
        if form == Form::Csv {
            stdout().write_all(&table::orders(&orders)?)?;
            continue;
        }
        for order in &orders {
            match form {
                Form::Json => println!("{}", as_json(store, &order.order).await?),
                _ => println!("{}", line(order)),
            }
        }
    }
}

/// Refunds as a stream: as many as there are, none kept.
pub(super) async fn refunds(
    store: &Arc<dyn Store>,
    filter: &RefundFilter,
    csv: bool,
) -> Result<()> {
    let wanted = WantedRefunds {
        domain_code: filter.business.clone(),
        state: filter.state,
        cause: filter.cause,
        since_ms: filter.since.map(Moment::ms),
        until_ms: filter.until.map(Moment::ms),
    };
    let mut before = String::new();
    if csv {
        stdout().write_all(&table::refunds_head()?)?;
    }
    loop {
        let refunds = store.newest_refunds(&wanted, &before, PAGE).await?;
        let Some(last) = refunds.last() else {
            return Ok(());
        };
        before.clone_from(&last.refund.refund_no);
        if csv {
            stdout().write_all(&table::refunds(&refunds)?)?;
            continue;
        }
        for ListedRefund { refund, .. } in &refunds {
            println!(
                "{} {:<14} {} {} {} {}",
                refund.refund_no,
                refund.state.word(),
                refund.order_sn,
                refund.money,
                refund.cause.word(),
                zone::time(refund.created_ms)
            );
        }
    }
}

/// Finds orders by whichever of their numbers somebody has.
pub(super) async fn find(store: &Arc<dyn Store>, number: &str) -> Result<()> {
    let number = number.trim();
    let found = typed::orders(&**store, number).await?;
    match found.as_slice() {
        [] => bail!("no order bears the number {}", printable(number)),
        [one] => show(store, &one.order.order_sn).await,
        several => {
            for order in several {
                println!("{}", line(order));
            }
            println!(
                "{} orders, of each kind of number the first hundred; `tongfu order show ORDERSN`",
                several.len()
            );
            Ok(())
        }
    }
}

/// Sums of what was paid.
pub(super) async fn totals(
    store: &Arc<dyn Store>,
    by: &str,
    since: Option<Moment>,
    until: Option<Moment>,
) -> Result<()> {
    let span = (
        since.map_or(0, Moment::ms),
        until.map_or(i64::MAX, Moment::ms),
    );
    let ahead_ms = zone::ahead_ms();
    let by = match by {
        "business" => None,
        "channel" => Some(By::Channel),
        "account" => Some(By::Account),
        "charge" => Some(By::Charge),
        _ => Some(By::Bucket),
    };
    let totals = match by {
        None => {
            let store = &**store;
            OfBusinesses::of(store, span, ahead_ms)
                .await?
                .read(store)
                .await?
        }
        Some(by) => {
            let days = match by {
                By::Bucket => Buckets {
                    each_ms: DAY_MS,
                    ahead_ms,
                },
                _ => Buckets::ANY,
            };
            let store = &**store;
            let reckoning = Reckoning::of(store, span, days).await?;
            figures::totals(&reckoning.read(store).await?, by)
        }
    };
    for total in &totals {
        let name = match (by, total.name.parse::<i64>()) {
            (Some(By::Bucket), Ok(day)) => zone::day(day * DAY_MS - ahead_ms),
            _ => total.name.clone(),
        };
        println!(
            "{name:<24} {} {:>8} paid {:>14} refunded {:>12} left {:>14}",
            total.currency.code(),
            total.count,
            yuan(total.paid),
            yuan(total.refunded),
            yuan(total.paid - total.refunded)
        );
    }
    println!("{} totals", totals.len());
    Ok(())
}

fn line(Listed { order, refunded }: &Listed) -> String {
    let back = match refunded {
        0 => String::new(),
        refunded => format!(" refunded {}", yuan(*refunded)),
    };
    format!(
        "{} {:<14} {} {} {} {}{back}",
        order.order_sn,
        order.status.word(),
        order.domain_code,
        order.request_key,
        order.money,
        order.channel.code()
    )
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    if let Some(day) = zone::day_named(text) {
        return Ok(Moment::Day(day));
    }
    let ago = duration_s(text).map(Moment::Ago);
    ago.map_err(|_| "a time such as 90m, 12h, 7d ago, or a day such as 2026-11-28".to_owned())
}

fn channel(text: &str) -> Result<Channel, String> {
    Channel::parse(text).ok_or_else(|| "Wechat, Alipay, ChinapayOld or Paypal".to_owned())
}

fn currency(text: &str) -> Result<Currency, String> {
    Currency::parse(text).ok_or_else(|| "CNY, USD or CAD".to_owned())
}

fn refund_state(text: &str) -> Result<Refund, String> {
    Refund::parse(text)
        .ok_or_else(|| format!("one of {}", Refund::ALL.map(Refund::word).join(", ")))
}

fn cause(text: &str) -> Result<Cause, String> {
    Cause::parse(text).ok_or_else(|| format!("one of {}", Cause::ALL.map(Cause::word).join(", ")))
}

fn state(text: &str) -> Result<Attempt, String> {
    Attempt::parse(text).ok_or_else(|| "a state as the list shows it, such as NOTPAY".to_owned())
}

pub(super) fn fen(text: &str) -> Result<i64, String> {
    fen_of_yuan(text).ok_or_else(|| "yuan with at most two decimals, such as 12.34".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_length_or_a_day() {
        assert!(matches!(moment("12h"), Ok(Moment::Ago(43_200))));
        assert!(matches!(moment("2026-11-28"), Ok(Moment::Day(_))));
        assert!(moment("yesterday").is_err());
    }
}
