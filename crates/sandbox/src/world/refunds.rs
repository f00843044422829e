//! Money that goes back: taken, on its way, ended; or taken back by the channel.

use super::{Cannot, World};
use crate::book::{Order, OrderRef, Stage};
use crate::face::Event;
use crate::keys::{digits, upper};
use crate::memory::Memory;
use crate::notify;
use crate::refund::Refund;
use serde_json::Value;
use std::sync::Arc;

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
            order.state = Stage::Refund;
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
            let stuck = order.memory.stuck_mut().ok_or(Cannot::Conflict)?;
            stuck.insert(refund.out_refund_no.clone(), refund.clone());
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
            let stuck = order.memory.stuck_mut().ok_or(Cannot::NotFound)?;
            if refund.state.is_some() {
                stuck.insert(number.to_owned(), refund.clone());
            } else {
                stuck.remove(number);
                order.state = Stage::Refund;
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
    pub(crate) fn reverse(self: &Arc<Self>, which: OrderRef<'_>) -> Result<Order, Cannot> {
        let order = self.change(which, |order| {
            if !matches!(order.state, Stage::Success | Stage::Refund) || order.refundable() < 1 {
                return Err(Cannot::Conflict);
            }
            order.state = Stage::Reversed;
            Ok(())
        })?;
        notify::send(self, Event::Reversed(order.clone()));
        Ok(order)
    }
}

/// The refund that is asked for, where the order has as much to give back.
fn fresh_refund(order: &Order, asked: Asked<'_>, now_ms: i64) -> Result<Refund, Cannot> {
    let paid = matches!(order.state, Stage::Success | Stage::Refund);
    if !paid || asked.amount < 1 || asked.amount > order.refundable() {
        return Err(Cannot::Conflict);
    }
    Ok(Refund {
        out_refund_no: asked.number.to_owned(),
        refund_id: match order.memory {
            Memory::Paypal(_) => upper(17),
            _ => format!("503{now_ms}{}", digits(12)),
        },
        amount: asked.amount,
        at_ms: now_ms,
        custom_id: asked.custom_id,
        notify_url: asked.notify_url,
        state: None,
    })
}
