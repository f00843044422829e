//! What a time comes to (docs/console.md, Figures). Hours that are over are summed once and
//! kept; the rest of a time is read from its orders, so that a month costs what its last
//! hour costs.

use crate::{Checkout, Failure};
use payment::money::Currency;
use payment::ports::{Answer, Buckets, HourMark, Store, Sums, Total};
use std::collections::BTreeMap;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// So many hours are kept: of the longest time that a page asks for, and a day.
const HOURS_KEPT: i64 = 32 * 24;
/// An hour is marked so long after its end, so that what comes a little late, or by a clock
/// that is a little behind, finds no mark to take away.
const OVER_MS: i64 = 600_000;
/// It is summed so long after it was marked: what was being written before the mark, and
/// did not see it, is written by then, since no transaction may take so long.
const MARKED_MS: i64 = 60_000;
/// So many hours are summed at once.
const AT_ONCE: usize = 20;
/// A day with more rows is not read: either database needs seconds for so many at once.
pub const ROWS_MAX: i64 = 1_000_000;
/// Nor are more in all: others wait meanwhile.
pub const ALL_ROWS_MAX: i64 = 5_000_000;
/// A longer time is asked for at the command line alone, and read at once.
const PIECES_MAX: i64 = 62;

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
    pub async fn of(store: &dyn Store, (since_ms, until_ms): Span, by: Buckets) -> Answer<Self> {
        let (mut hours, mut kept) = (Vec::new(), Vec::new());
        // Whole hours make up the buckets of these zones alone.
        if by.ahead_ms % HOUR_MS == 0 {
            let first = since_ms.saturating_add(HOUR_MS - 1).div_euclid(HOUR_MS);
            let end = until_ms.div_euclid(HOUR_MS);
            (hours, kept) = store.kept_sums(first, end, by).await?;
        }
        Ok(Self {
            kept,
            unread: beside((since_ms, until_ms), &hours),
            by,
        })
    }

    /// Whether what is to be read is too much to be waited for.
    ///
    /// # Errors
    /// What the database says.
    pub async fn is_too_much(&self, store: &dyn Store) -> Answer<bool> {
        are_too_many(store, &self.unread).await
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

/// Whether these times hold more rows than are to be waited for.
///
/// # Errors
/// What the database says.
pub async fn are_too_many(store: &dyn Store, times: &[Span]) -> Answer<bool> {
    let mut all = 0;
    for (since_ms, until_ms) in times {
        let extent = store.extent(*since_ms, *until_ms, ROWS_MAX + 1).await?;
        let rows = extent.made.max(extent.paid);
        all += rows;
        if rows > ROWS_MAX || all > ALL_ROWS_MAX {
            return Ok(true);
        }
    }
    Ok(false)
}

/// What of a time lies beside these hours, which are in their order, in pieces of a day.
fn beside((since_ms, until_ms): Span, hours: &[i64]) -> Vec<Span> {
    let mut all = Vec::new();
    let mut from = since_ms;
    for hour in hours {
        pieces((from, hour * HOUR_MS), &mut all);
        from = (hour + 1) * HOUR_MS;
    }
    pieces((from, until_ms), &mut all);
    all
}

fn pieces((mut from, until): Span, all: &mut Vec<Span>) {
    if until.saturating_sub(from) <= PIECES_MAX * DAY_MS {
        while until - from > DAY_MS {
            all.push((from, from + DAY_MS));
            from += DAY_MS;
        }
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
pub fn add(all: &mut BTreeMap<(String, Currency), Total>, total: Total) {
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
    /// Marks the hours that are over, and sums the newest of those that are marked long
    /// enough; says how many it summed.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn sum_hours(&self) -> Result<usize, Failure> {
        let (store, now_ms) = (&*self.parts.store, self.now_ms());
        let end = (now_ms - OVER_MS).div_euclid(HOUR_MS);
        let first = end - HOURS_KEPT;
        let marks = store.hour_marks(first, end).await?;
        if i64::try_from(marks.len()).unwrap_or(i64::MAX) < HOURS_KEPT {
            store.mark_hours(first, end, now_ms).await?;
        }
        let is_due = |mark: &&HourMark| !mark.is_summed && mark.marked_ms + MARKED_MS <= now_ms;
        let mut summed = 0;
        for mark in marks.iter().rev().filter(is_due).take(AT_ONCE) {
            let begins = mark.number * HOUR_MS;
            let hours = Buckets {
                each_ms: HOUR_MS,
                ahead_ms: 0,
            };
            let sums = store.sums(begins, begins + HOUR_MS, hours).await?;
            summed += usize::from(store.keep_hour(*mark, &sums).await?);
        }
        Ok(summed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_read_a_day_at_a_time() {
        let hour = |number: i64| number * HOUR_MS;
        let all = [(hour(0), hour(24)), (hour(24), hour(30))];
        assert_eq!(beside((0, hour(30)), &[]), all);
        let between = [(1, hour(1)), (hour(2), hour(4)), (hour(5), hour(5) + 7)];
        assert_eq!(beside((1, hour(5) + 7), &[1, 4]), between);
        assert_eq!(beside((hour(1), hour(3)), &[1, 2]), []);
        assert_eq!(beside((0, i64::MAX), &[]), [(0, i64::MAX)]);
    }
}
