//! A way in: how one interface tells its business systems what became of a payment.

use super::store::{AttemptRow, NewCallback};
use crate::domain::Domain;
use crate::money::Currency;
use crate::partner::Ordered;
use crate::status::PayStatus;

/// What a business system is told of one payment.
#[derive(Clone, Copy, Debug)]
pub struct News<'a> {
    /// The business system.
    pub domain: &'a Domain,
    /// The order that it is about.
    pub attempt: &'a AttemptRow,
    /// The business system's own number of what is paid: requestKey, or the number of
    /// its order.
    pub number: &'a str,
    /// Where it wants to be told: bgUrl, or the address of its order.
    pub address: &'a str,
    /// The order, where it came by another door than the platform's.
    pub ordered: Option<&'a Ordered>,
    /// What is told.
    pub status: PayStatus,
    /// When it was paid, or else when this became so, ms since 1970.
    pub at_ms: i64,
    /// The refund that it is about, if it is about one.
    pub refund: Option<RefundTold<'a>>,
    /// Now, ms since 1970.
    pub now_ms: i64,
}

impl News<'_> {
    /// Who is called: the address's scheme and host. An order's number may stand in the rest.
    #[must_use]
    pub fn receiver(&self) -> &str {
        let host = self.address.find("://").map_or(0, |at| at + 3);
        let rest = self.address[host..].find(['/', '?', '#']);
        rest.map_or(self.address, |at| &self.address[..host + at])
    }
}

/// A refund that a business system is told of.
#[derive(Clone, Copy, Debug)]
pub struct RefundTold<'a> {
    /// Its refundKey.
    pub key: &'a str,
    /// Its sum, minor units of the request.
    pub money: i64,
    /// All that was given back of the payment so far, minor units of the request.
    pub refunded_money: i64,
}

/// An interface by which business systems come in.
pub trait Door: Send + Sync {
    /// Its word; partners are kept under it ([`Domain::door`]).
    fn name(&self) -> &'static str;
    /// Whether a business system is told of this.
    fn tells(&self, domain: &Domain, status: PayStatus) -> bool;
    /// The callback that tells it, complete and signed.
    fn callback(&self, news: &News<'_>) -> NewCallback;
    /// The media type of the bodies that its callbacks post.
    fn media_type(&self) -> &'static str;
    /// Whether the body of a 2xx answer takes a callback.
    fn takes(&self, body: &str) -> bool;
    /// The currencies that its requests may be in.
    fn currencies(&self) -> &'static [Currency];
    /// Whether its payers get one address, at a desktop and on a phone.
    fn has_one_page(&self) -> bool;
    /// Whether the address that a payer who has paid goes on to tells it, signed.
    fn tells_payer(&self) -> bool {
        false
    }
    /// That address; none where the order names none.
    fn return_address(&self, _: &News<'_>) -> Option<String> {
        None
    }
}
