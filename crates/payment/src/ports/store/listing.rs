//! Orders as an operator looks for them.

use super::Answer;
use super::attempts::AttemptRow;
use super::refunds::RefundRow;
use crate::channel::Channel;
use crate::money::Currency;
use crate::order::Attempt;
use crate::refund::{Cause, Refund};

/// Which orders are wanted: those that fit all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Of this business system.
    pub domain_code: Option<String>,
    /// By this channel.
    pub channel: Option<Channel>,
    /// Of this account.
    pub account: Option<String>,
    /// In this state.
    pub state: Option<Attempt>,
    /// Of at least this sum, fen (cents).
    pub min: Option<i64>,
    /// Of at most this sum, fen (cents).
    pub max: Option<i64>,
    /// In this currency.
    pub currency: Option<Currency>,
    /// At this time or later, ms since 1970.
    pub since_ms: Option<i64>,
    /// Before this time, ms since 1970.
    pub until_ms: Option<i64>,
    /// One of its callbacks fails: it was sent and not taken, and waits for its next try or
    /// is parked.
    pub failing: bool,
    /// Its business system has few requests: they are found by it, and not by their time.
    pub of_few: bool,
    /// The times are those of the payment, and not of the attempt's beginning.
    pub paid: bool,
}

impl Wanted {
    /// Whether something is said of the orders but their time.
    #[must_use]
    pub fn is_particular(&self) -> bool {
        let of_any = Self {
            since_ms: self.since_ms,
            until_ms: self.until_ms,
            paid: self.paid,
            ..Self::default()
        };
        *self != of_any
    }
}

/// Which refunds are wanted: those that fit all that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WantedRefunds {
    /// Of this business system's orders.
    pub domain_code: Option<String>,
    /// In this state.
    pub state: Option<Refund>,
    /// That these want.
    pub cause: Option<Cause>,
    /// Written down at this time or later, ms since 1970.
    pub since_ms: Option<i64>,
    /// Before this time, ms since 1970.
    pub until_ms: Option<i64>,
}

/// An order in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The order.
    pub order: AttemptRow,
    /// What went back of it, fen (cents) of the request's currency.
    pub refunded: i64,
}

/// A refund in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedRefund {
    /// Whose order it is of.
    pub domain_code: String,
    /// The refund.
    pub refund: RefundRow,
}

/// Orders as an operator looks for them.
#[async_trait::async_trait]
pub trait Listing: Send + Sync {
    /// Up to `limit` of the wanted orders whose number is greater than `after`, by number.
    async fn wanted(&self, wanted: &Wanted, after: &str, limit: i64) -> Answer<Vec<Listed>>;
    /// Up to `limit` of the wanted orders, the newest first, by the time that is wanted;
    /// those that come after the order `before`, where it is the number of one.
    async fn newest(&self, wanted: &Wanted, before: &str, limit: i64) -> Answer<Vec<Listed>>;
    /// Whether a business system has fewer requests than these.
    async fn has_fewer_requests(&self, domain_code: &str, than: i64) -> Answer<bool>;
    /// The order that stands `rows` further back than `before` among those of the wanted
    /// time, whatever else is wanted of them, with that time, ms; none where there are fewer.
    async fn further_back(
        &self,
        wanted: &Wanted,
        before: &str,
        rows: i64,
    ) -> Answer<Option<(String, i64)>>;
    /// Orders that bear this number, whichever it is: our order number, the channel's
    /// two, the business system's key, the token of the payer's page, a refund's number or
    /// key, a callback's number, a partner's two. At most a hundred.
    async fn named(&self, number: &str) -> Answer<Vec<Listed>>;
    /// Up to `limit` of the wanted refunds, the newest first: all, or those that come after
    /// the refund `before`, where it is the number of one.
    async fn newest_refunds(
        &self,
        wanted: &WantedRefunds,
        before: &str,
        limit: i64,
    ) -> Answer<Vec<ListedRefund>>;
}
