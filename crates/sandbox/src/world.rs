//! The gateway's world: keys, book, faults, and what can happen to an order.

use crate::book::{Book, Order, OrderRef, Refund};
use crate::control::Forgotten;
use crate::fault::{Faults, PendingReason};
use crate::keys::{Keys, digits, upper};
use crate::notify;
use crate::notify::{Event, Sent};
use crate::wechat::oauth::Code;
use crate::{book, paypal};
use anyhow::Result;
use serde_json::{Value, json};
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
    pub(crate) held_back: Mutex<Option<notify::Letter>>,
    /// Codes for an openid that were given out.
    pub(crate) codes: Mutex<Vec<Code>>,
    pub(crate) paypal: paypal::Memory,
    /// The type of Apay's orders whose refunds have no number there: each call is one.
    pub(crate) forgotten: Mutex<Option<Forgotten>>,
    /// The domain that payers are sent back to for an openid; none: this machine.
    pub(crate) oauth_domain: Mutex<Option<String>>,
    /// When ChinaPay was asked about an order, ms.
    pub(crate) asked: Mutex<HashMap<String, i64>>,
    book: Mutex<Book>,
}

/// Why something can't happen to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cannot {
    NotFound,
    Conflict,
}

/// The state of a refund that is on its way.
pub(crate) const PROCESSING: &str = "PROCESSING";

/// A refund as it is asked for.
#[derive(Default)]
pub(crate) struct Asked<'a> {
    pub(crate) number: &'a str,
    /// Minor units.
    pub(crate) amount: i64,
    pub(crate) custom_id: Value,
    pub(crate) notify_url: Option<String>,
}

impl World {
    pub(crate) fn open(
        keys: Keys,
        data: &Path,
        schedule_ms: Option<Vec<u64>>,
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
            paypal: paypal::Memory::default(),
            forgotten: Mutex::default(),
            oauth_domain: Mutex::default(),
            asked: Mutex::default(),
            book: Mutex::new(book),
        })
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A payer pays; at PayPal he approves, and the merchant takes the money.
    pub(crate) fn pay(self: &Arc<Self>, which: OrderRef<'_>, now_ms: i64) -> Result<Order, Cannot> {
        let found = self.named(which).ok_or(Cannot::NotFound)?;
        if found.channel != book::Channel::Paypal || found.state == "PENDING" {
            return self.settle(which, now_ms);
        }
        let order = self.change(which, |order| {
            if !matches!(order.state_at(now_ms), "NOTPAY" | "PAYERROR") {
                return Err(Cannot::Conflict);
            }
            "NOTPAY".clone_into(&mut order.state);
            order.more["approved"] = json!(true);
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
            if order.state_at(now_ms) != "NOTPAY" {
                return Err(Cannot::Conflict);
            }
            "PENDING".clone_into(&mut order.state);
            order.more["reason"] = json!(reason);
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
            if !matches!(order.state_at(now_ms), "NOTPAY" | "PAYERROR" | "PENDING") {
                return Err(Cannot::Conflict);
            }
            "SUCCESS".clone_into(&mut order.state);
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
                "NOTPAY" => "PAYERROR",
                "PENDING" => "DENIED",
                _ => return Err(Cannot::Conflict),
            };
            state.clone_into(&mut order.state);
            Ok(())
        })?;
        if order.state == "DENIED" {
            notify::send(self, Event::Denied(order.clone()));
        }
        Ok(order)
    }

    /// A declined order waits for its payer's approval again.
    pub(crate) fn disapprove(&self, which: OrderRef<'_>) -> Result<Order, Cannot> {
        self.change(which, |order| {
            "NOTPAY".clone_into(&mut order.state);
            order.more["approved"] = json!(false);
            Ok(())
        })
    }

    /// Time runs out, or the merchant closes.
    pub(crate) fn close(&self, which: OrderRef<'_>, now_ms: i64) -> Result<Order, Cannot> {
        self.change(which, |order| {
            if !matches!(order.state_at(now_ms), "NOTPAY" | "PAYERROR" | "CLOSED") {
                return Err(Cannot::Conflict);
            }
            "CLOSED".clone_into(&mut order.state);
            Ok(())
        })
    }

    /// Money goes back, and the merchant is told once; the same refund number again
    /// is the same refund.
    pub(crate) fn refund(
        self: &Arc<Self>,
        which: OrderRef<'_>,
        asked: Asked<'_>,
        now_ms: i64,
    ) -> Result<(Order, Refund), Cannot> {
        let (mut made, mut is_new) = (None, false);
        let order = self.change(which, |order| {
            let mut old = order.refunds.iter();
            if let Some(old) = old.find(|old| old.out_refund_no == asked.number) {
                made = Some(old.clone());
                let same = old.amount == asked.amount;
                return same.then_some(()).ok_or(Cannot::Conflict);
            }
            let refund = fresh_refund(order, asked, now_ms)?;
            "REFUND".clone_into(&mut order.state);
            order.refunds.push(refund.clone());
            (made, is_new) = (Some(refund), true);
            Ok(())
        })?;
        let refund = made.ok_or(Cannot::Conflict)?;
        if is_new {
            notify::send(self, Event::Refunded(order.clone(), refund.clone()));
        }
        Ok((order, refund))
    }

    /// A refund is taken, moves no money, and stays in this state: `finish_refund`
    /// ends it.
    pub(crate) fn stick(
        self: &Arc<Self>,
        which: OrderRef<'_>,
        asked: Asked<'_>,
        state: &str,
        now_ms: i64,
    ) -> Result<(Order, Refund), Cannot> {
        let mut made = None;
        let order = self.change(which, |order| {
            let mut refund = fresh_refund(order, asked, now_ms)?;
            refund.state = Some(state.to_owned());
            if !order.more.is_object() {
                order.more = json!({});
            }
            order.more["stuck"][&refund.out_refund_no] = json!(refund);
            made = Some(refund);
            Ok(())
        })?;
        let refund = made.ok_or(Cannot::Conflict)?;
        if state != PROCESSING {
            notify::send(self, Event::RefundFailed(order.clone(), refund.clone()));
        }
        Ok((order, refund))
    }

    /// Ends a refund that is stuck: its money is sent, or with a state it fails.
    pub(crate) fn finish_refund(
        self: &Arc<Self>,
        which: OrderRef<'_>,
        number: &str,
        state: Option<String>,
        now_ms: i64,
    ) -> Result<Order, Cannot> {
        let mut ended = None;
        let order = self.change(which, |order| {
            let mut refund = order.stuck(number).ok_or(Cannot::NotFound)?;
            if refund.state.as_deref() == Some("CLOSED") || refund.state == state {
                return Err(Cannot::Conflict);
            }
            refund.at_ms = now_ms;
            refund.state = state;
            let stuck = &mut order.more["stuck"];
            if refund.state.is_some() {
                stuck[number] = json!(refund);
            } else {
                stuck.as_object_mut().map(|stuck| stuck.remove(number));
                "REFUND".clone_into(&mut order.state);
                order.refunds.push(refund.clone());
            }
            ended = Some(refund);
            Ok(())
        })?;
        let refund = ended.ok_or(Cannot::NotFound)?;
        notify::send(
            self,
            match refund.state {
                None => Event::Refunded(order.clone(), refund),
                Some(_) => Event::RefundFailed(order.clone(), refund),
            },
        );
        Ok(order)
    }

    /// The channel takes money back itself, as after a dispute.
    pub(crate) fn reverse(
        self: &Arc<Self>,
        which: OrderRef<'_>,
        now_ms: i64,
    ) -> Result<Order, Cannot> {
        let order = self.change(which, |order| {
            if !matches!(order.state.as_str(), "SUCCESS" | "REFUND") || order.refundable() < 1 {
                return Err(Cannot::Conflict);
            }
            order.more["reversed_ms"] = json!(now_ms);
            "REVERSED".clone_into(&mut order.state);
            Ok(())
        })?;
        notify::send(self, Event::Reversed(order.clone()));
        Ok(order)
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

/// The refund that is asked for, where the order has as much to give back.
fn fresh_refund(order: &Order, asked: Asked<'_>, now_ms: i64) -> Result<Refund, Cannot> {
    let paid = matches!(order.state.as_str(), "SUCCESS" | "REFUND");
    if !paid || asked.amount < 1 || asked.amount > order.refundable() {
        return Err(Cannot::Conflict);
    }
    Ok(Refund {
        out_refund_no: asked.number.to_owned(),
        refund_id: match order.channel {
            book::Channel::Paypal => upper(17),
            _ => format!("503{now_ms}{}", digits(12)),
        },
        amount: asked.amount,
        at_ms: now_ms,
        custom_id: asked.custom_id,
        notify_url: asked.notify_url,
        state: None,
    })
}

/// The channel's number of a payment: known from the beginning, or made now.
fn trade_no(order: &Order, now_ms: i64) -> String {
    match (order.more["trade_no"].as_str(), order.channel) {
        (Some(known), _) => known.to_owned(),
        (None, book::Channel::Paypal) => upper(17),
        (None, _) => format!("42000{now_ms}{}", digits(10)),
    }
}
