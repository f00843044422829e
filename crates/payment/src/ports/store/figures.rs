//! Figures of a time, beside the sums of [`Listing`](super::Listing::totals).

use super::Answer;
use crate::channel::Channel;

/// How many rows figures of a time are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Attempts that were made in it.
    pub made: i64,
    /// Attempts that were paid in it.
    pub paid: i64,
}

/// What became of the attempts of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcomes {
    /// The channel.
    pub channel: Channel,
    /// How many were made.
    pub made: i64,
    /// How many of these paid their request so far.
    pub paid: i64,
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
    /// What became of the attempts that were made then.
    async fn outcomes(&self, since_ms: i64, until_ms: i64) -> Answer<Vec<Outcomes>>;
    /// How long the payments of then took that settled their requests: the newest
    /// `at_most` of them.
    async fn delays(&self, since_ms: i64, until_ms: i64, at_most: i64) -> Answer<Vec<Delay>>;
}
