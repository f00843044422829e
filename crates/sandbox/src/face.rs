//! What every gateway shows to merchants in its own way: the notify and its repeats.

use crate::book::{Channel, Order};
use crate::fault::{Fault, Kind};
use crate::refund::Refund;
use crate::world::World;

/// One gateway's way.
pub(crate) trait Face: Sync {
    /// Its words for an event; nothing where it tells of none.
    fn letter(&self, world: &World, event: Event, lie: Option<Lie>) -> Option<Letter>;
    /// A letter signed at this moment, or as a fault spoils it.
    fn envelope(&self, world: &World, letter: &Letter, fault: Option<Kind>) -> Option<Envelope>;
    /// Whether the merchant's answer says "received".
    fn takes(&self, status: u16, body: &str) -> bool;
    /// The delays between tries, ms, where no other schedule is asked for.
    fn schedule_ms(&self) -> &'static [u64];
}

/// Where the end of a refund is told.
pub(crate) fn refund_url(order: &Order, refund: &Refund) -> String {
    let own = refund.notify_url.clone();
    own.unwrap_or_else(|| order.notify_url.clone())
}

/// What is told.
#[derive(Clone)]
pub(crate) enum Event {
    /// The payer approved; the money is not taken yet.
    Approved(Order),
    /// The money was taken, and is held back.
    Pending(Order),
    Paid(Order),
    Refunded(Order, Refund),
    /// The money that was held back is not had.
    Denied(Order),
    /// The channel took the money back itself.
    Reversed(Order),
    /// A refund that was taken is not done.
    RefundFailed(Order, Refund),
}

impl Event {
    pub(crate) fn order(&self) -> &Order {
        match self {
            Self::Approved(order)
            | Self::Pending(order)
            | Self::Paid(order)
            | Self::Denied(order)
            | Self::Reversed(order)
            | Self::Refunded(order, _)
            | Self::RefundFailed(order, _) => order,
        }
    }
}

/// What a notify names otherwise than the order does; its signature holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lie {
    Amount(u64),
    Currency,
    StrangeCurrency,
    Merchant,
    App,
}

impl Lie {
    pub(crate) fn of(fault: Fault) -> Option<Self> {
        match fault.kind {
            Kind::WrongAmount => Some(Self::Amount(fault.ms)),
            Kind::WrongCurrency => Some(Self::Currency),
            Kind::StrangeCurrency => Some(Self::StrangeCurrency),
            Kind::WrongMerchant => Some(Self::Merchant),
            Kind::WrongApp => Some(Self::App),
            _ => None,
        }
    }
}

/// A notify that is ready to be sent, as often as it takes.
#[derive(Clone)]
pub(crate) struct Letter {
    pub(crate) channel: Channel,
    pub(crate) account: String,
    pub(crate) url: String,
    pub(crate) id: String,
    pub(crate) number: String,
    pub(crate) event_type: String,
    pub(crate) body: String,
}

/// A letter as it goes out once: signed now, or spoiled.
pub(crate) struct Envelope {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}
