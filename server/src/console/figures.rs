//! What the page of figures shows (docs/console.md, Figures).

use super::address::DAY_MS;
use super::desk::{Answered, Desk};
use super::orders::{query, start_of_today};
use crate::clock::now_ms;
use crate::zone;
use axum::extract::Query;
use axum::http::StatusCode;
use checkout::figures::{self, ALL_ROWS_MAX, OfBusinesses, ROWS_MAX, Reckoning};
use console::{Asked, By, DAYS, Figures, Read, Setting, Spread, Success, Sum, Took};
use payment::channel::Channel;
use payment::money::Currency;
use payment::order::Attempt;
use payment::ports::{Buckets, Delay, Store, StoreError, Sums, Total};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::time::Duration;

const HOUR_MS: i64 = 3_600_000;
/// Delays are those of so many payments, whose callbacks are read one by one.
const DELAYS_MAX: usize = 1_000;
/// So long one waits for his turn: others need the listener too.
const TURN: Duration = Duration::from_secs(10);
/// Lines of the sums by kind.
const LINES: usize = 50;

/// What is asked for.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    days: String,
    #[serde(default)]
    by: String,
}

/// The page.
pub(super) async fn figures(desk: Desk, Query(wish): Query<Wish>) -> Answered {
    let days = match wish.days.as_str() {
        "" => Some(1),
        days => days.parse().ok().filter(|days| DAYS.contains(days)),
    };
    let by = match wish.by.as_str() {
        "" => Some(By::Channel),
        by => By::parse(by),
    };
    let (Some(days), Some(by)) = (days, by) else {
        let text = (
            "days 是 1、7 或 30，by 是 channel、charge、business、account 或 currency。",
            "days is 1, 7 or 30, by is channel, charge, business, account or currency.",
        );
        return Err(desk.message(StatusCode::BAD_REQUEST, text));
    };
    let span = Span::of(days, now_ms());
    // One at a time: payers' questions wait behind no more than that.
    let alone = tokio::time::timeout(TURN, desk.state.console.figures.lock());
    let Ok(alone) = alone.await else {
        let text = (
            "别人正在统计，请稍后再试。",
            "Somebody else has figures reckoned up: try again in a moment.",
        );
        return Err(desk.message(StatusCode::SERVICE_UNAVAILABLE, text));
    };
    let read = read(desk.store(), &span, by).await;
    drop(alone);
    let read = read.map_err(|error| desk.trouble(&error))?;
    let figures = Figures {
        days,
        by,
        span: span.words(),
        read: read.ok_or((ROWS_MAX, ALL_ROWS_MAX)),
    };
    let draw = |setting: &Setting<'_>| console::figures(setting, &figures);
    Ok(desk.page(StatusCode::OK, draw))
}

/// Some days, the last of which is today.
struct Span {
    days: i64,
    since_ms: i64,
    until_ms: i64,
}

impl Span {
    fn of(days: i64, now_ms: i64) -> Self {
        let today = start_of_today(now_ms);
        Self {
            days,
            since_ms: today - (days - 1) * DAY_MS,
            until_ms: today + DAY_MS,
        }
    }

    fn words(&self) -> String {
        let (first, last) = (zone::time(self.since_ms), zone::time(self.until_ms - 1));
        if self.days == 1 {
            first
        } else {
            format!("{first} – {last}")
        }
    }

    /// A list of these days.
    fn asked(&self, paid: bool) -> Asked {
        Asked {
            since: zone::day(self.since_ms),
            until: zone::day(self.until_ms - 1),
            paid,
            ..Asked::default()
        }
    }

    /// A list of what settled its request in these days.
    fn settled(&self) -> Asked {
        Asked {
            state: Attempt::Paid.word().to_owned(),
            ..self.asked(true)
        }
    }
}

fn address(asked: &Asked) -> String {
    format!("/orders?{}", query(asked))
}

/// Reads what a time comes to; none where it holds too much.
async fn read(store: &dyn Store, span: &Span, by: By) -> Result<Option<Read>, StoreError> {
    let buckets = Buckets {
        each_ms: if span.days == 1 { HOUR_MS } else { DAY_MS },
        ahead_ms: zone::ahead_ms(),
    };
    let reckoning = Reckoning::of(store, (span.since_ms, span.until_ms), buckets).await?;
    if reckoning.is_too_much(store).await? {
        return Ok(None);
    }
    let sums = reckoning.read(store).await?;
    let Some(mut totals) = totals_by(store, span, by, &sums).await? else {
        return Ok(None);
    };
    let by_times = figures::totals(&sums, figures::By::Bucket);
    totals.sort_by_key(|total| (total.currency, -total.paid));
    // The largest of each currency.
    let all = totals.len();
    let (mut currency, mut kept) = (None, 0);
    totals.retain(|total| {
        if currency.replace(total.currency) != Some(total.currency) {
            kept = 0;
        }
        kept += 1;
        kept <= LINES
    });
    let more = all - totals.len();
    let mut by_channel: BTreeMap<Channel, [i64; 2]> = BTreeMap::new();
    for of_one in &sums {
        let so_far = by_channel.entry(of_one.channel).or_default();
        so_far[0] += of_one.made;
        so_far[1] += of_one.made_paid;
    }
    by_channel.retain(|_, [made, _]| *made > 0);
    let successes = by_channel.into_iter().map(|(channel, [made, paid])| {
        let mut asked = span.asked(false);
        asked.channel = channel.code().to_owned();
        let made = (made, address(&asked));
        asked.state = Attempt::Paid.word().to_owned();
        let paid = (paid, address(&asked));
        Success {
            channel,
            made,
            paid,
        }
    });
    let at_most = i64::try_from(DELAYS_MAX).unwrap_or(i64::MAX);
    let delays = store.delays(span.since_ms, span.until_ms, at_most).await?;
    Ok(Some(Read {
        times: Currency::ALL
            .into_iter()
            .map(|currency| by_time(span, buckets.each_ms, currency, &by_times))
            .filter(|sums| sums.iter().any(|sum| sum.count > 0))
            .collect(),
        sums: totals
            .iter()
            .map(|total| by_kind(span, by, total))
            .collect(),
        more,
        successes: successes.collect(),
        newest: (delays.len() >= DELAYS_MAX).then_some(DELAYS_MAX),
        took: took(span, &delays),
    }))
}

/// The sums of each kind; none where business systems' hold too much that is not kept.
async fn totals_by(
    store: &dyn Store,
    span: &Span,
    by: By,
    sums: &[Sums],
) -> Result<Option<Vec<Total>>, StoreError> {
    let kind = match by {
        By::Channel => figures::By::Channel,
        By::Account => figures::By::Account,
        By::Charge => figures::By::Charge,
        By::Currency => figures::By::Currency,
        By::Business => {
            let times = (span.since_ms, span.until_ms);
            let reckoning = OfBusinesses::of(store, times, zone::ahead_ms()).await?;
            if reckoning.is_too_much(store).await? {
                return Ok(None);
            }
            return reckoning.read(store).await.map(Some);
        }
    };
    Ok(Some(figures::totals(sums, kind)))
}

/// The days or hours of a currency, none left out.
fn by_time(span: &Span, each_ms: i64, currency: Currency, totals: &[Total]) -> Vec<Sum> {
    let ahead_ms = zone::ahead_ms();
    let first = (span.since_ms + ahead_ms) / each_ms;
    let last = (span.until_ms - 1 + ahead_ms) / each_ms;
    let sum = |number: i64| {
        let name = number.to_string();
        let is_it = |total: &&Total| total.currency == currency && total.name == name;
        let total = totals.iter().find(is_it);
        let begins = number * each_ms - ahead_ms;
        let mut asked = span.settled();
        currency.code().clone_into(&mut asked.currency);
        let (day, name) = (zone::day(begins), zone::time(begins));
        let hour = name.get(11..13).unwrap_or_default();
        let name = if each_ms == HOUR_MS {
            (asked.since, asked.until) = (format!("{day}T{hour}:00"), format!("{day}T{hour}:59"));
            format!("{hour}:00")
        } else {
            (asked.since, asked.until) = (day.clone(), day.clone());
            day
        };
        Sum {
            name,
            currency,
            count: total.map_or(0, |total| total.count),
            paid: total.map_or(0, |total| total.paid),
            refunded: total.map_or(0, |total| total.refunded),
            address: address(&asked),
        }
    };
    (first..=last).map(sum).collect()
}

fn by_kind(span: &Span, by: By, total: &Total) -> Sum {
    let mut asked = span.settled();
    // Lists are of sums as business systems ask for them.
    if by != By::Charge {
        total.currency.code().clone_into(&mut asked.currency);
    }
    match by {
        By::Business => asked.business.clone_from(&total.name),
        By::Channel | By::Charge => asked.channel.clone_from(&total.name),
        By::Account => {
            let (channel, account) = total.name.split_once('/').unwrap_or_default();
            channel.clone_into(&mut asked.channel);
            account.clone_into(&mut asked.account);
        }
        By::Currency => {}
    }
    Sum {
        name: total.name.clone(),
        currency: total.currency,
        count: total.count,
        paid: total.paid,
        refunded: total.refunded,
        address: address(&asked),
    }
}

fn took(span: &Span, delays: &[Delay]) -> Vec<Took> {
    let of = |channel: Channel| {
        let delays = || delays.iter().filter(move |delay| delay.channel == channel);
        let payment = spread(delays().map(|delay| delay.payment_ms).collect())?;
        let asked = Asked {
            channel: channel.code().to_owned(),
            ..span.settled()
        };
        Some(Took {
            channel,
            payment,
            callback: spread(delays().filter_map(|delay| delay.callback_ms).collect()),
            address: address(&asked),
        })
    };
    Channel::ALL.into_iter().filter_map(of).collect()
}

/// What half, and nine tenths, took no longer than.
fn spread(mut all: Vec<i64>) -> Option<Spread> {
    all.sort_unstable();
    let within = |tenths: usize| {
        let rank = (all.len() * tenths).div_ceil(10);
        all.get(rank.checked_sub(1)?).copied()
    };
    Some(Spread {
        count: all.len(),
        half_ms: within(5)?,
        most_ms: within(9)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_and_nine_tenths_are_of_what_was_seen() {
        assert_eq!(spread(Vec::new()), None);
        let of = |all: Vec<i64>| spread(all).map(|it| (it.count, it.half_ms, it.most_ms));
        assert_eq!(of(vec![7]), Some((1, 7, 7)));
        assert_eq!(of((1..=10).rev().collect()), Some((10, 5, 9)));
        assert_eq!(of((1..=101).collect()), Some((101, 51, 91)));
    }

    #[test]
    fn every_day_and_hour_has_its_place() {
        let span = Span::of(7, 1_796_000_000_000);
        let total = Total {
            name: (span.since_ms / DAY_MS + 2).to_string(),
            currency: Currency::Cny,
            count: 3,
            paid: 700,
            refunded: 1,
        };
        let days = by_time(&span, DAY_MS, Currency::Cny, std::slice::from_ref(&total));
        let counts: Vec<_> = days.iter().map(|day| day.count).collect();
        assert_eq!(counts, [0, 0, 3, 0, 0, 0, 0]);
        let name = &days[2].name;
        assert!(
            days[2]
                .address
                .contains(&format!("since={name}&until={name}&"))
        );
        let none = by_time(&span, DAY_MS, Currency::Usd, &[total]);
        assert!(none.iter().all(|day| day.count == 0));
        let today = Span::of(1, 1_796_000_000_000);
        let hours = by_time(&today, HOUR_MS, Currency::Cny, &[]);
        assert_eq!((hours.len(), &*hours[23].name), (24, "23:00"));
        assert!(
            hours[9].address.contains("T09%3A00&until="),
            "{}",
            hours[9].address
        );
    }
}
