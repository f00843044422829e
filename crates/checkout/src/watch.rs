//! What is looked after beside the work itself: times that a wrong clock wrote, and
//! business systems that take no callbacks (docs/reference/orders.md, A clock that jumps).

use crate::alarm::{Alarm, raise};
use crate::budget::STRETCH_MAX_MS;
use crate::counted::{CLOCK, HASTENED};
use crate::{Checkout, Failure, Lane, notify, refund, timer};
use payment::ports::{Horizons, Overdue, StoreError, Untaken};
use std::sync::atomic::Ordering;
use std::time::Instant;

/// What is pruned in one transaction.
const PAGE: i64 = 500;
/// An alarm by message that was not taken is told again after this at the latest, ms.
pub const ALARM_AGAIN_MAX_MS: i64 = 300_000;
/// Added to every schedule's length: leases of those who died, and clocks of instances
/// that differ a little, ms.
const SLACK_MS: i64 = 60_000;

/// Whose clock is further off the database's judges no times, ms.
const CLOCK_MS: i64 = 30_000;

const HOUR_MS: i64 = 3_600_000;
/// So many refunds in an hour are nothing unusual for anybody.
const MANY: i64 = 20;
/// What is usual is seen in so many days.
const DAYS: i64 = 7;

/// Whether refunds of an hour are more than those of two usual days.
fn is_unusual(hour: i64, before: i64) -> bool {
    hour >= MANY && hour.saturating_mul(DAYS) > before.saturating_mul(2)
}

/// What is not looked at when it should be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LateTimers {
    /// What was due a minute ago or longer.
    pub overdue: Overdue,
    /// What is due later than any schedule says.
    pub too_far: i64,
}

impl Checkout {
    /// How far ahead work of each kind may be due.
    #[must_use]
    pub fn horizons(&self) -> Horizons {
        let slack_ms = SLACK_MS + self.parts.lease_ms;
        let callbacks = self.parts.schedule.longest_ms();
        Horizons {
            open_ms: STRETCH_MAX_MS as i64 + slack_ms,
            silent_ms: timer::SILENT_EACH_MS + slack_ms,
            callbacks_ms: callbacks.map(|delay_ms| delay_ms + slack_ms).collect(),
            refund_ms: refund::AGAIN_MAX_MS + slack_ms,
            notify_ms: notify::AGAIN_MAX_MS + slack_ms,
            alarm_ms: ALARM_AGAIN_MAX_MS + slack_ms,
        }
    }

    /// Compares the books with what this instance has seen of them, and keeps how far
    /// they have come; `false` where it keeps no mark.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble, or has gone back.
    pub async fn keep_mark(&self) -> Result<bool, Failure> {
        Ok(self.parts.store.keep_mark().await?)
    }

    /// Takes payloads away that were done with `older_ms` ago (docs/reliability.md, What
    /// is taken away); gives how many orders and how many notifies that were.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble: what is left is taken the
    /// next time.
    pub async fn prune(&self, older_ms: i64) -> Result<(u64, u64), Failure> {
        let (store, now_ms) = (&self.parts.store, self.now_ms());
        let before_ms = now_ms - older_ms;
        let (mut orders, mut notifies) = (0, 0);
        let mut after = Some(String::new());
        while let Some(number) = after {
            let page = store.prune_orders(&number, PAGE, before_ms, now_ms).await?;
            orders += page.count;
            after = page.last;
        }
        let mut after = Some(0);
        while let Some(id) = after {
            let page = store.prune_notifies(id, PAGE, before_ms).await?;
            notifies += page.count;
            after = page.last;
        }
        Ok((orders, notifies))
    }

    /// How much is not looked at when it should be: what is overdue now, and what was due
    /// too far ahead when it was looked for last.
    ///
    /// # Errors
    /// [`StoreError`] when the database is in trouble.
    pub async fn late_timers(&self) -> Result<LateTimers, StoreError> {
        Ok(LateTimers {
            overdue: self.parts.store.overdue(self.now_ms()).await?,
            too_far: self.too_far.load(Ordering::Relaxed),
        })
    }

    /// The lanes that callbacks of this instance are in.
    #[must_use]
    pub fn lanes(&self) -> Vec<Lane> {
        self.lanes.all()
    }

    /// How many instances share what the channels grant.
    #[must_use]
    pub fn instances(&self) -> u32 {
        self.parts.instances
    }

    /// For how long a worker has what it takes, ms: if he dies, another takes it then.
    #[must_use]
    pub fn lease_ms(&self) -> i64 {
        self.parts.lease_ms
    }

    /// Looks for what is due too far ahead; gives how much that is, and how far our clock
    /// is ahead of the database's, ms.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn too_far(&self) -> Result<(i64, i64), Failure> {
        let store = &self.parts.store;
        let ahead_ms = self.now_ms() - store.clock_ms().await?;
        let too_far = store.too_far(self.now_ms(), &self.horizons()).await?;
        self.too_far.store(too_far, Ordering::Relaxed);
        Ok((too_far, ahead_ms))
    }

    /// The business systems that take no callbacks now, and since when.
    ///
    /// # Errors
    /// [`StoreError`] when the database is in trouble.
    pub async fn untaken(&self, now_ms: i64) -> Result<Vec<Untaken>, StoreError> {
        let before_ms = now_ms - self.parts.untaken_ms;
        self.parts.store.untaken(before_ms).await
    }

    /// Makes due what a clock that was wrong put too far ahead, and raises an alarm for
    /// each business system that has not taken a callback for the time that is set.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble: try again later.
    pub async fn look_after(&self) -> Result<(), Failure> {
        let (store, now_ms) = (&self.parts.store, self.now_ms());
        // Looked at first: nobody who writes waits for that.
        let (too_far, ahead_ms) = self.too_far().await?;
        metrics::gauge!(CLOCK).set(ahead_ms as f64 / 1e3);
        if ahead_ms.abs() > CLOCK_MS {
            // By a clock that is wrong itself everything seems too far, or nothing.
            tracing::warn!(ahead_ms, "our clock is not the database's");
        } else if too_far > 0 {
            let hastened = store.hasten(now_ms, &self.horizons()).await?;
            metrics::counter!(HASTENED).increment(hastened);
            tracing::warn!(
                hastened,
                "a clock was set back: what it had put too far ahead is due now"
            );
        }
        let untaken = self.untaken(now_ms).await?;
        let names: Vec<_> = untaken.iter().map(|one| one.domain_code.clone()).collect();
        let anew = self.told.anew(&names, Instant::now());
        for late in untaken.iter().filter(|one| anew.contains(&one.domain_code)) {
            raise!(
                Alarm::Untaken,
                domain.code = late.domain_code,
                count = late.count,
                oldest_s = (now_ms - late.oldest_ms) / 1000,
                "a business system takes no callbacks: `tongfu callback list`"
            );
        }
        self.watch_refunds(now_ms).await
    }

    /// A stolen secret gives money back faster than its owner does.
    async fn watch_refunds(&self, now_ms: i64) -> Result<(), Failure> {
        let store = &self.parts.store;
        let since_ms = now_ms - HOUR_MS;
        for asked in store.many_refunds(since_ms, MANY).await? {
            let code = &asked.domain_code;
            let from_ms = since_ms - DAYS * 24 * HOUR_MS;
            let before = store.refunds_between(code, from_ms, since_ms).await?;
            if is_unusual(asked.count, before) && self.hasty.is_new(code) {
                raise!(
                    Alarm::RefundSpeed,
                    domain.code = code,
                    count = asked.count,
                    before,
                    "a business system asked for more refunds in an hour than usually in two \
                     days: `tongfu domain set --refunds-frozen` stops them"
                );
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refunds_of_an_hour_are_held_against_those_of_two_days() {
        assert!(!is_unusual(MANY - 1, 0));
        assert!(is_unusual(MANY, 0), "of one who never gave anything back");
        assert!(!is_unusual(200, 700), "100 a day");
        assert!(is_unusual(201, 700));
    }
}
