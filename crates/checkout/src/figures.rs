//! What a time comes to (docs/console.md, Figures). Hours that are over are summed once and
//! kept; the rest of a time is read from its orders, so that a month costs what its last
//! hour costs.

use crate::{Checkout, Failure};
use payment::money::Currency;
use payment::ports::{Answer, Buckets, Extent, HourMark, HourState, Store, Sums, Total};
use std::collections::{BTreeMap, HashSet};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// The hours of a day.
const DAY_HOURS: i64 = 24;
/// So many hours are kept: of the longest time that a page asks for, and a day.
const HOURS_KEPT: i64 = 32 * DAY_HOURS;
/// An hour is marked so long after its end, so that what comes a little late, or by a clock
/// that is a little behind, finds no mark to take away.
const OVER_MS: i64 = 600_000;
/// So many hours are summed at once.
const AT_ONCE: usize = 20;
/// After so many failures at once it is tried later.
const FAILURES_MAX: usize = 3;
/// A day with more rows is not read: either database needs seconds for so many at once.
pub const ROWS_MAX: i64 = 1_000_000;
/// Nor are more in all: others wait meanwhile.
pub const ALL_ROWS_MAX: i64 = 5_000_000;
/// Of a longer time it is asked first how much of it there is anything of.
const LONG_MS: i64 = 62 * DAY_MS;

/// By what sums are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The hour or day.
    Bucket,
    /// The channel.
    Channel,
    /// The channel and its account.
    Account,
    /// The channel, in the currency that it takes.
    Charge,
    /// The currency alone.
    Currency,
}

/// A time, from the first ms until before the second.
pub type Span = (i64, i64);

/// What a time comes to, as far as it is kept, and what is to be read of it.
#[derive(Debug)]
pub struct Reckoning {
    kept: Vec<Sums>,
    unread: Vec<Span>,
    by: Buckets,
}

impl Reckoning {
    /// Looks up what is kept of the time from `since_ms` until `until_ms`, ms.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(store: &dyn Store, span: Span, by: Buckets) -> Answer<Self> {
        let span = written(store, span).await?;
        let (mut hours, mut kept) = (Vec::new(), Vec::new());
        // Whole hours make up the buckets of these zones alone.
        if by.ahead_ms % HOUR_MS == 0 {
            let (first, end) = hours_of(span);
            (hours, kept) = store.kept_sums(first, end, by).await?;
        }
        Ok(Self {
            kept,
            unread: beside(span, &hours, 1),
            by,
        })
    }

    /// Whether what is to be read is too much to be waited for.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_too_much(&self, store: &dyn Store) -> Answer<bool> {
        are_too_many(store, &self.unread, |extent| extent.made.max(extent.paid)).await
    }

    /// Reads the rest, a day at a time: nobody waits behind a question about a month.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read(self, store: &dyn Store) -> Answer<Vec<Sums>> {
        let mut sums = self.kept;
        for (since_ms, until_ms) in self.unread {
            sums.extend(store.sums(since_ms, until_ms, self.by).await?);
        }
        Ok(sums)
    }
}

/// What a time comes to by business system, as far as it is kept, and what is to be read
/// of it.
#[derive(Debug)]
pub struct OfBusinesses {
    kept: Vec<Total>,
    unread: Vec<Span>,
}

impl OfBusinesses {
    /// Looks up what is kept of a time: days as they are in a zone so far ahead of UTC, ms.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of(store: &dyn Store, span: Span, ahead_ms: i64) -> Answer<Self> {
        let span = written(store, span).await?;
        let (mut days, mut kept) = (Vec::new(), Vec::new());
        if ahead_ms % HOUR_MS == 0 {
            let (first, end) = hours_of(span);
            (days, kept) = store.kept_days(first, end, ahead_ms / HOUR_MS).await?;
        }
        Ok(Self {
            kept,
            unread: beside(span, &days, DAY_HOURS),
        })
    }

    /// Whether what is to be read is too much to be waited for.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_too_much(&self, store: &dyn Store) -> Answer<bool> {
        are_too_many(store, &self.unread, |extent| extent.paid).await
    }

    /// Reads the rest, a day at a time, and adds all up.
    ///
    /// # Errors
    /// What the database says.
    pub async fn read(self, store: &dyn Store) -> Answer<Vec<Total>> {
        let mut all = BTreeMap::new();
        for total in self.kept {
            add(&mut all, total);
        }
        for span in self.unread {
            add_businesses(store, span, &mut all).await?;
        }
        Ok(all.into_values().collect())
    }
}

/// By name and currency.
type Totals = BTreeMap<(String, Currency), Total>;

async fn add_businesses(store: &dyn Store, span: Span, all: &mut Totals) -> Answer<()> {
    for total in store.totals_of_businesses(span.0, span.1).await? {
        add(all, total);
    }
    Ok(())
}

/// As much of a long time as there is anything of.
async fn written(store: &dyn Store, (since_ms, until_ms): Span) -> Answer<Span> {
    if until_ms.saturating_sub(since_ms) <= LONG_MS {
        return Ok((since_ms, until_ms));
    }
    let (first, last) = store.written().await?.unwrap_or_default();
    Ok((since_ms.max(first), until_ms.min(last.saturating_add(1))))
}

/// The first of the whole hours of a time, and the one after the last.
fn hours_of((since_ms, until_ms): Span) -> (i64, i64) {
    let first = since_ms.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS);
    (first, until_ms.div_euclid(HOUR_MS))
}

/// Whether these times hold more rows of a kind than are to be waited for.
async fn are_too_many(
    store: &dyn Store,
    times: &[Span],
    rows: impl Fn(Extent) -> i64 + Send,
) -> Answer<bool> {
    let mut all = 0;
    for (since_ms, until_ms) in times {
        let extent = store.extent(*since_ms, *until_ms, ROWS_MAX + 1).await?;
        let rows = rows(extent);
        all += rows;
        if rows > ROWS_MAX || all > ALL_ROWS_MAX {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What of a time lies beside what begins in these hours, in their order, and is so many
/// hours long; in pieces of a day.
fn beside((since_ms, until_ms): Span, hours: &[i64], long: i64) -> Vec<Span> {
    let mut all = Vec::new();
    let mut from = since_ms;
    for hour in hours {
        pieces((from, hour * HOUR_MS), &mut all);
        from = (hour + long) * HOUR_MS;
    }
    pieces((from, until_ms), &mut all);
    all
}

fn pieces((mut from, until): Span, all: &mut Vec<Span>) {
    while until.saturating_sub(from) > DAY_MS {
        all.push((from, from + DAY_MS));
        from += DAY_MS;
    }
    if from < until {
        all.push((from, until));
    }
}

/// Adds up what was paid, and given back of it.
#[must_use]
pub fn totals(sums: &[Sums], by: By) -> Vec<Total> {
    let mut all = BTreeMap::new();
    for of_one in sums.iter().filter(|of_one| of_one.count > 0) {
        add(&mut all, total(of_one, by));
    }
    all.into_values().collect()
}

/// Adds a sum to those of its name and currency.
fn add(all: &mut Totals, total: Total) {
    let key = (total.name.clone(), total.currency);
    let none = Total {
        count: 0,
        paid: 0,
        refunded: 0,
        ..total.clone()
    };
    let so_far = all.entry(key).or_insert(none);
    so_far.count += total.count;
    so_far.paid += total.paid;
    so_far.refunded += total.refunded;
}

fn total(sums: &Sums, by: By) -> Total {
    let channel = sums.channel.code();
    let name = match by {
        By::Bucket => sums.bucket.to_string(),
        By::Channel | By::Charge => channel.to_owned(),
        By::Account => format!("{channel}/{}", sums.account),
        By::Currency => sums.currency.code().to_owned(),
    };
    let (currency, paid, refunded) = match by {
        By::Charge => (sums.channel_currency, sums.charged, sums.charge_refunded),
        _ => (sums.currency, sums.paid, sums.refunded),
    };
    Total {
        name,
        currency,
        count: sums.count,
        paid,
        refunded,
    }
}

impl Checkout {
    /// Marks the hours that are over, and sums the newest of those that are due, but for
    /// those that `failed` names, to which it adds; says whether there is more to do.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn sum_hours(&self, failed: &mut HashSet<i64>) -> Result<bool, Failure> {
        let (store, now_ms) = (&*self.parts.store, self.now_ms());
        let end = (now_ms - OVER_MS).div_euclid(HOUR_MS);
        let first = end - HOURS_KEPT;
        let marks = store.hour_marks(first, end).await?;
        let missing = usize::try_from(HOURS_KEPT)
            .unwrap_or(0)
            .saturating_sub(marks.len());
        if missing > 0 || marks.iter().any(|mark| mark.horizon.is_none()) {
            store.mark_hours(first, end, now_ms).await?;
        }
        let due = marks
            .iter()
            .rev()
            .filter(|mark| mark.state == HourState::Due);
        let mut due = due.filter(|mark| !failed.contains(&mark.number));
        let (now, later): (Vec<_>, _) = (due.by_ref().take(AT_ONCE).collect(), due.next());
        let is_more = missing > AT_ONCE || later.is_some();
        let mut failures = 0;
        for mark in now {
            let Err(cause) = sum_hour(store, mark.number).await else {
                continue;
            };
            tracing::warn!(hour = mark.number, %cause, "an hour is not summed for now");
            failed.insert(mark.number);
            failures += 1;
            if failures == FAILURES_MAX {
                break;
            }
        }
        Ok(is_more)
    }

    /// Sums the newest day by business system whose hours are summed, as days are in a zone
    /// so far ahead of UTC, ms; says whether there was one, for there may be more.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn sum_days(&self, ahead_ms: i64) -> Result<bool, Failure> {
        if ahead_ms % HOUR_MS != 0 {
            return Ok(false);
        }
        let store = &*self.parts.store;
        let end = (self.now_ms() - OVER_MS).div_euclid(HOUR_MS);
        let first = end - HOURS_KEPT;
        let kept = store.days(first, end).await?;
        let last = end - (end + ahead_ms / HOUR_MS).rem_euclid(DAY_HOURS) - DAY_HOURS;
        let whole = (0..)
            .map(|ago| last - ago * DAY_HOURS)
            .take_while(|day| *day >= first);
        for day in whole.filter(|day| !kept.contains(day)) {
            let marks = store.hour_marks(day, day + DAY_HOURS).await?;
            if is_summed(&marks) {
                sum_day(store, &marks).await?;
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn is_summed(day: &[HourMark]) -> bool {
    let is_summed = |mark: &HourMark| mark.state == HourState::Summed;
    usize::try_from(DAY_HOURS) == Ok(day.len()) && day.iter().all(is_summed)
}

/// Sums a day, an hour at a time, unless an hour changes meanwhile.
async fn sum_day(store: &dyn Store, marks: &[HourMark]) -> Answer<()> {
    let mut all = BTreeMap::new();
    for mark in marks {
        let begins = mark.number * HOUR_MS;
        add_businesses(store, (begins, begins + HOUR_MS), &mut all).await?;
    }
    let totals: Vec<_> = all.into_values().collect();
    store.keep_day(marks, &totals).await.map(drop)
}

/// Sums an hour, unless another instance did meanwhile.
async fn sum_hour(store: &dyn Store, number: i64) -> Answer<()> {
    let marks = store.hour_marks(number, number + 1).await?;
    let Some(mark) = marks.into_iter().find(|mark| mark.state == HourState::Due) else {
        return Ok(());
    };
    let begins = number * HOUR_MS;
    let hours = Buckets {
        each_ms: HOUR_MS,
        ahead_ms: 0,
    };
    let sums = store.sums(begins, begins + HOUR_MS, hours).await?;
    store.keep_hour(mark, &sums).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_read_a_day_at_a_time() {
        let hour = |number: i64| number * HOUR_MS;
        let all = [(hour(0), hour(24)), (hour(24), hour(30))];
        assert_eq!(beside((0, hour(30)), &[], 1), all);
        let between = [(1, hour(1)), (hour(2), hour(4)), (hour(5), hour(5) + 7)];
        assert_eq!(beside((1, hour(5) + 7), &[1, 4], 1), between);
        assert_eq!(beside((hour(1), hour(3)), &[1, 2], 1), []);
        let days = beside((hour(1), hour(60)), &[8, 32], 24);
        assert_eq!(days, [(hour(1), hour(8)), (hour(56), hour(60))]);
    }
}
