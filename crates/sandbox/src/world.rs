//! The gateway's world: keys, book, faults, and what can happen to an order.

mod refunds;

pub(crate) use refunds::{Asked, PROCESSING};

use crate::book::{Book, Channel, Order, OrderRef, Stage};
use crate::face::{Event, Face, Letter};
use crate::fault::PendingReason;
use crate::faults::Faults;
use crate::keyring::Keys;
use crate::keys::{digits, upper};
use crate::memory::{Code, Forgotten, Memory, PaypalCalls};
use crate::notify;
use crate::notify::Sent;
use anyhow::Result;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Everything behind the gateway's wire.
pub(crate) struct World {
    pub(crate) keys: Keys,
    pub(crate) faults: Faults,
    /// Delays between the tries of a notify, where the channel's own are not to hold.
    pub(crate) schedule_ms: Option<Vec<u64>>,
    pub(crate) client: reqwest::Client,
    pub(crate) sent: Mutex<Vec<Sent>>,
    pub(crate) held_back: Mutex<Option<Letter>>,
    /// Codes for an openid that were given out.
    pub(crate) codes: Mutex<Vec<Code>>,
    pub(crate) paypal: PaypalCalls,
    /// The type of Apay's orders whose refunds have no number there: each call is one.
    pub(crate) forgotten: Mutex<Option<Forgotten>>,
    /// The domain that payers are sent back to for an openid; none: this machine.
    pub(crate) oauth_domain: Mutex<Option<String>>,
    /// When ChinaPay was asked about an order, ms.
    pub(crate) asked: Mutex<HashMap<String, i64>>,
    /// The gateways; given from outside, since they know this world themselves.
    faces: Faces,
    book: Mutex<Book>,
}

/// Which gateway a channel has.
pub(crate) type Faces = fn(Channel) -> &'static dyn Face;

/// Why something can't happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cannot {
    NotFound,
    Conflict,
}

impl World {
    pub(crate) fn open(
        keys: Keys,
        data: &Path,
        schedule_ms: Option<Vec<u64>>,
        faces: Faces,
        now_ms: i64,
    ) -> Result<Self> {
        let book = Book::open(&data.join("book.jsonl"))?;
        tracing::info!(
            orders = book.all().count(),
            at_ms = now_ms,
            "the book is open"
        );
        Ok(Self {
            keys,
            faults: Faults::default(),
            schedule_ms,
            client: reqwest::Client::builder().no_proxy().build()?,
            sent: Mutex::default(),
            held_back: Mutex::default(),
            codes: Mutex::default(),
            paypal: PaypalCalls::default(),
            forgotten: Mutex::default(),
            oauth_domain: Mutex::default(),
            asked: Mutex::default(),
            faces,
            book: Mutex::new(book),
        })
    }

    pub(crate) fn face(&self, channel: Channel) -> &'static dyn Face {
        (self.faces)(channel)
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A payer pays; at PayPal he approves, and the merchant takes the money.
    pub(crate) fn pay(self: &Arc<Self>, which: OrderRef<'_>, now_ms: i64) -> Result<Order, Cannot> {
        let found = self.named(which).ok_or(Cannot::NotFound)?;
        if found.paypal().is_none() || found.state == Stage::Pending {
            return self.settle(which, now_ms);
        }
        let order = self.change(which, |order| {
            if !matches!(order.state_at(now_ms), Stage::NotPay | Stage::PayError) {
                return Err(Cannot::Conflict);
            }
            order.state = Stage::NotPay;
            approve(order, true);
            Ok(())
        })?;
        notify::send(self, Event::Approved(order.clone()));
        Ok(order)
    }

    /// The money is taken, and held back for a reason.
    pub(crate) fn hold(
        self: &Arc<Self>,
        which: OrderRef<'_>,
        reason: PendingReason,
        now_ms: i64,
    ) -> Result<Order, Cannot> {
        let order = self.change(which, |order| {
            if order.state_at(now_ms) != Stage::NotPay {
                return Err(Cannot::Conflict);
            }
            order.state = Stage::Pending;
            if let Memory::Paypal(own) = &mut order.memory {
                own.reason = Some(reason);
            }
            order.transaction_id = Some(trade_no(order, now_ms));
            Ok(())
        })?;
        notify::send(self, Event::Pending(order.clone()));
        Ok(order)
    }

    /// The money moves; the merchant is notified.
    pub(crate) fn settle(
        self: &Arc<Self>,
        which: OrderRef<'_>,
        now_ms: i64,
    ) -> Result<Order, Cannot> {
        let order = self.change(which, |order| {
            if !matches!(
                order.state_at(now_ms),
                Stage::NotPay | Stage::PayError | Stage::Pending
            ) {
                return Err(Cannot::Conflict);
            }
            order.state = Stage::Success;
            let known = order.transaction_id.take();
            order.transaction_id = Some(known.unwrap_or_else(|| trade_no(order, now_ms)));
            order.paid_ms = Some(now_ms);
            order.times_paid += 1;
            Ok(())
        })?;
        notify::send(self, Event::Paid(order.clone()));
        Ok(order)
    }

    /// The payment fails at the payer's bank; money that was held back is not had.
    pub(crate) fn decline(
        self: &Arc<Self>,
        which: OrderRef<'_>,
        now_ms: i64,
    ) -> Result<Order, Cannot> {
        let order = self.change(which, |order| {
            let state = match order.state_at(now_ms) {
                Stage::NotPay => Stage::PayError,
                Stage::Pending => Stage::Denied,
                _ => return Err(Cannot::Conflict),
            };
            order.state = state;
            Ok(())
        })?;
        if order.state == Stage::Denied {
            notify::send(self, Event::Denied(order.clone()));
        }
        Ok(order)
    }

    /// A declined order waits for its payer's approval again.
    pub(crate) fn disapprove(&self, which: OrderRef<'_>) -> Result<Order, Cannot> {
        self.change(which, |order| {
            order.state = Stage::NotPay;
            approve(order, false);
            Ok(())
        })
    }

    /// Time runs out, or the merchant closes.
    pub(crate) fn close(&self, which: OrderRef<'_>, now_ms: i64) -> Result<Order, Cannot> {
        self.change(which, |order| {
            if !matches!(
                order.state_at(now_ms),
                Stage::NotPay | Stage::PayError | Stage::Closed
            ) {
                return Err(Cannot::Conflict);
            }
            order.state = Stage::Closed;
            Ok(())
        })
    }

    fn named(&self, which: OrderRef<'_>) -> Option<Order> {
        self.book().named(which).cloned()
    }

    fn change(
        &self,
        which: OrderRef<'_>,
        work: impl FnOnce(&mut Order) -> Result<(), Cannot>,
    ) -> Result<Order, Cannot> {
        let mut book = self.book();
        let mut order = book.named(which).cloned().ok_or(Cannot::NotFound)?;
        work(&mut order)?;
        book.put(order.clone());
        Ok(order)
    }
}

/// What a payer at PayPal says to the order.
fn approve(order: &mut Order, approved: bool) {
    if let Memory::Paypal(own) = &mut order.memory {
        own.approved = approved;
    }
}

/// The channel's number of a payment: known from the beginning, or made now.
fn trade_no(order: &Order, now_ms: i64) -> String {
    match &order.memory {
        Memory::Alipay(own) => own.trade_no.clone(),
        Memory::Paypal(_) => upper(17),
        _ => format!("42000{now_ms}{}", digits(10)),
    }
}
