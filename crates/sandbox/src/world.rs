//! The gateway's world: keys, book, faults, and what can happen to an order.

use crate::book::{Book, Order, Refund};
use crate::control::Forgotten;
use crate::fault::Faults;
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
            asked: Mutex::default(),
            book: Mutex::new(book),
        })
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A payer pays; at PayPal he approves, and the merchant takes the money.
    pub(crate) fn pay(self: &Arc<Self>, number: &str, now_ms: i64) -> Result<Order, Cannot> {
        let found = self.book().find(|o| o.channel_order_no == number).cloned();
        let found = found.ok_or(Cannot::NotFound)?;
        if found.channel != book::Channel::Paypal || found.state == "PENDING" {
            return self.settle(number, now_ms);
        }
        let order = self.change(number, |order| {
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

    /// The money is taken, and held back.
    pub(crate) fn hold(self: &Arc<Self>, number: &str, now_ms: i64) -> Result<Order, Cannot> {
        let order = self.change(number, |order| {
            if order.state_at(now_ms) != "NOTPAY" {
                return Err(Cannot::Conflict);
            }
            "PENDING".clone_into(&mut order.state);
            order.transaction_id = Some(trade_no(order.channel, now_ms));
            Ok(())
        })?;
        notify::send(self, Event::Pending(order.clone()));
        Ok(order)
    }

    /// The money moves; the merchant is notified.
    pub(crate) fn settle(self: &Arc<Self>, number: &str, now_ms: i64) -> Result<Order, Cannot> {
        let order = self.change(number, |order| {
            if !matches!(order.state_at(now_ms), "NOTPAY" | "PAYERROR" | "PENDING") {
                return Err(Cannot::Conflict);
            }
            "SUCCESS".clone_into(&mut order.state);
            let trade_no = || trade_no(order.channel, now_ms);
            order.transaction_id = Some(order.transaction_id.take().unwrap_or_else(trade_no));
            order.paid_ms = Some(now_ms);
            order.times_paid += 1;
            Ok(())
        })?;
        notify::send(self, Event::Paid(order.clone()));
        Ok(order)
    }

    /// The payment fails at the payer's bank.
    pub(crate) fn decline(&self, number: &str, now_ms: i64) -> Result<Order, Cannot> {
        self.change(number, |order| {
            if order.state_at(now_ms) != "NOTPAY" {
                return Err(Cannot::Conflict);
            }
            "PAYERROR".clone_into(&mut order.state);
            Ok(())
        })
    }

    /// A declined order waits for its payer's approval again.
    pub(crate) fn disapprove(&self, number: &str) -> Result<Order, Cannot> {
        self.change(number, |order| {
            "NOTPAY".clone_into(&mut order.state);
            order.more["approved"] = json!(false);
            Ok(())
        })
    }

    /// Time runs out, or the merchant closes.
    pub(crate) fn close(&self, number: &str, now_ms: i64) -> Result<Order, Cannot> {
        self.change(number, |order| {
            if !matches!(order.state_at(now_ms), "NOTPAY" | "PAYERROR" | "CLOSED") {
                return Err(Cannot::Conflict);
            }
            "CLOSED".clone_into(&mut order.state);
            Ok(())
        })
    }

    /// Money goes back; the same refund number again is the same refund.
    pub(crate) fn refund(
        self: &Arc<Self>,
        number: &str,
        out_refund_no: &str,
        amount: i64,
        now_ms: i64,
    ) -> Result<(Order, Refund), Cannot> {
        self.refund_as(number, out_refund_no, amount, Value::Null, now_ms)
    }

    /// The same, with a word of the merchant's own for it.
    pub(crate) fn refund_as(
        self: &Arc<Self>,
        number: &str,
        out_refund_no: &str,
        amount: i64,
        custom_id: Value,
        now_ms: i64,
    ) -> Result<(Order, Refund), Cannot> {
        let mut made = None;
        let order = self.change(number, |order| {
            let old = order
                .refunds
                .iter()
                .find(|refund| refund.out_refund_no == out_refund_no);
            if let Some(old) = old {
                made = Some(old.clone());
                return if old.amount == amount {
                    Ok(())
                } else {
                    Err(Cannot::Conflict)
                };
            }
            let paid = matches!(order.state.as_str(), "SUCCESS" | "REFUND");
            if !paid || amount < 1 || order.refunded() + amount > order.amount {
                return Err(Cannot::Conflict);
            }
            let refund = Refund {
                out_refund_no: out_refund_no.to_owned(),
                refund_id: match order.channel {
                    book::Channel::Paypal => upper(17),
                    _ => format!("503{now_ms}{}", digits(12)),
                },
                amount,
                at_ms: now_ms,
                custom_id,
            };
            "REFUND".clone_into(&mut order.state);
            order.refunds.push(refund.clone());
            made = Some(refund);
            Ok(())
        })?;
        let refund = made.ok_or(Cannot::Conflict)?;
        notify::send(self, Event::Refunded(order.clone(), refund.clone()));
        Ok((order, refund))
    }

    /// A refund is taken, moves no money, and stays in this state: `finish_refund`
    /// makes it after all.
    pub(crate) fn stick(
        self: &Arc<Self>,
        number: &str,
        out_refund_no: &str,
        amount: i64,
        state: &str,
        now_ms: i64,
    ) -> Result<(Order, Refund), Cannot> {
        let refund = Refund {
            out_refund_no: out_refund_no.to_owned(),
            refund_id: format!("503{now_ms}{}", digits(12)),
            amount,
            at_ms: now_ms,
            custom_id: json!(state),
        };
        let order = self.change(number, |order| {
            let paid = matches!(order.state.as_str(), "SUCCESS" | "REFUND");
            if !paid || amount < 1 || order.refunded() + amount > order.amount {
                return Err(Cannot::Conflict);
            }
            if !order.more.is_object() {
                order.more = json!({});
            }
            order.more["stuck"][out_refund_no] = json!(refund);
            Ok(())
        })?;
        notify::send(self, Event::RefundFailed(order.clone(), refund.clone()));
        Ok((order, refund))
    }

    /// A person at the merchant platform sends the money of a refund that is stuck.
    pub(crate) fn finish_refund(
        self: &Arc<Self>,
        number: &str,
        out_refund_no: &str,
        now_ms: i64,
    ) -> Result<(Order, Refund), Cannot> {
        let stuck = self.book().find(|o| o.channel_order_no == number).cloned();
        let stuck = stuck.and_then(|order| order.stuck(out_refund_no));
        let amount = stuck.ok_or(Cannot::NotFound)?.amount;
        self.refund(number, out_refund_no, amount, now_ms)
    }

    fn change(
        &self,
        number: &str,
        work: impl FnOnce(&mut Order) -> Result<(), Cannot>,
    ) -> Result<Order, Cannot> {
        let mut book = self.book();
        let mut order = book
            .find(|order| order.channel_order_no == number)
            .cloned()
            .ok_or(Cannot::NotFound)?;
        work(&mut order)?;
        book.put(order.clone());
        Ok(order)
    }
}

/// The channel's number of a payment.
fn trade_no(channel: book::Channel, now_ms: i64) -> String {
    match channel {
        book::Channel::Paypal => upper(17),
        _ => format!("42000{now_ms}{}", digits(10)),
    }
}
