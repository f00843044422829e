//! Figures of a time: what it comes to, and how long payments took. Whole hours that are
//! over are summed once and kept, so that figures of days need not read their orders; what
//! changes one of them later takes its mark away (docs/console.md, Figures).

use super::Answer;
use crate::channel::Channel;
use crate::money::Currency;

/// How many rows figures of a time are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Attempts that were made in it.
    pub made: i64,
    /// Attempts that were paid in it.
    pub paid: i64,
}

/// Hours or days, by which sums are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buckets {
    /// How long each is, ms.
    pub each_ms: i64,
    /// How far ahead of UTC the zone is in which they begin, ms.
    pub ahead_ms: i64,
}

impl Buckets {
    /// For sums that are told apart by other things: any hour fits.
    pub const ANY: Self = Self {
        each_ms: 86_400_000,
        ahead_ms: 0,
    };
}

/// What payments of one kind come to in one bucket; sums in minor units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sums {
    /// The bucket's number since 1970, in its zone.
    pub bucket: i64,
    /// The channel.
    pub channel: Channel,
    /// Its account.
    pub account: String,
    /// The currency of the requests.
    pub currency: Currency,
    /// The currency that the channel takes.
    pub channel_currency: Currency,
    /// How many attempts were made in the bucket.
    pub made: i64,
    /// How many of these paid their request so far.
    pub made_paid: i64,
    /// How many payments in the bucket settled their request.
    pub count: i64,
    /// Their sum, in the requests' currency.
    pub paid: i64,
    /// What was given back of them so far, in the requests' currency.
    pub refunded: i64,
    /// Their sum, in the channel's currency.
    pub charged: i64,
    /// What was given back of them so far, in the channel's currency.
    pub charge_refunded: i64,
}

/// An hour that is over, and whose sums are kept, or will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HourMark {
    /// Its number since 1970, in UTC.
    pub number: i64,
    /// Since when any change of it takes the mark away, ms since 1970.
    pub marked_ms: i64,
    /// Before this number are the transactions that may not have seen the mark; none: that
    /// is not noted yet.
    pub horizon: Option<i64>,
    /// How far it is.
    pub state: HourState,
}

/// How far an hour is that is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HourState {
    /// Transactions are at work that may not have seen its mark.
    Waiting,
    /// These have ended: whatever changes it saw its mark.
    Due,
    /// Its sums are kept.
    Summed,
}

/// What was paid and given back of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// Of what: a code, or a day's or hour's number since 1970.
    pub name: String,
    /// In which currency.
    pub currency: Currency,
    /// How many payments that settled their request.
    pub count: i64,
    /// Their sum, fen (cents).
    pub paid: i64,
    /// What was given back of them, fen (cents).
    pub refunded: i64,
}

/// How long a payment took, ms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// By which channel.
    pub channel: Channel,
    /// From when its request was first seen, which is when the page's payer first picked
    /// a channel, to the payment.
    pub payment_ms: i64,
    /// From there until its callback was taken; none while nobody took it.
    pub callback_ms: Option<i64>,
}

/// Figures of a time, whose cost is that of the rows in it.
#[async_trait::async_trait]
pub trait Figures: Send + Sync {
    /// How many rows there are from `since_ms` until `until_ms`, counted no further than
    /// `at_most` of each.
    async fn extent(&self, since_ms: i64, until_ms: i64, at_most: i64) -> Answer<Extent>;
    /// From when until when attempts were made and paid, ms since 1970; none where there are
    /// none.
    async fn written(&self) -> Answer<Option<(i64, i64)>>;
    /// What the time from `since_ms` until `until_ms` comes to, read from its orders.
    async fn sums(&self, since_ms: i64, until_ms: i64, by: Buckets) -> Answer<Vec<Sums>>;
    /// The hours from `since_hour` until `until_hour` whose sums are kept, by number, and
    /// what these come to.
    async fn kept_sums(
        &self,
        since_hour: i64,
        until_hour: i64,
        by: Buckets,
    ) -> Answer<(Vec<i64>, Vec<Sums>)>;
    /// The marks of the hours from `since_hour` until `until_hour`, by number.
    async fn hour_marks(&self, since_hour: i64, until_hour: i64) -> Answer<Vec<HourMark>>;
    /// Marks these hours where they bear no mark, notes before which transaction these marks
    /// are, and forgets the hours before.
    async fn mark_hours(&self, since_hour: i64, until_hour: i64, now_ms: i64) -> Answer<()>;
    /// Keeps what a marked hour comes to, which was read while it was due; no where it lost
    /// this mark meanwhile, or is summed already.
    async fn keep_hour(&self, mark: HourMark, sums: &[Sums]) -> Answer<bool>;
    /// What was paid from `since_ms` until `until_ms`, and given back of that so far, by
    /// business system.
    async fn totals_of_businesses(&self, since_ms: i64, until_ms: i64) -> Answer<Vec<Total>>;
    /// In which hours, from `since_hour` until `until_hour`, the days begin whose sums by
    /// business system are kept, of whatever zone.
    async fn days(&self, since_hour: i64, until_hour: i64) -> Answer<Vec<i64>>;
    /// The days from `since_hour` until `until_hour` whose sums by business system are kept,
    /// as they begin in a zone so many hours ahead of UTC: by their first hours, and what
    /// these days come to.
    async fn kept_days(
        &self,
        since_hour: i64,
        until_hour: i64,
        ahead_hours: i64,
    ) -> Answer<(Vec<i64>, Vec<Total>)>;
    /// Keeps what a day comes to by business system, whose hours were summed when it was read
    /// and bore these marks, in their order; no where one lost its mark meanwhile.
    async fn keep_day(&self, hours: &[HourMark], totals: &[Total]) -> Answer<bool>;
    /// How long the payments of then took that settled their requests: the newest
    /// `at_most` of them.
    async fn delays(&self, since_ms: i64, until_ms: i64, at_most: i64) -> Answer<Vec<Delay>>;
}
