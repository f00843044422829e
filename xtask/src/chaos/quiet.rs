//! After the load: waits until nothing is open any more, or nothing changes.

use super::books::{self, OurOrder, TrueOrder};
use super::stage::Stage;
use crate::process::told_to_stop;
use anyhow::{Result, bail};
use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What has not changed for so long is stuck.
const STUCK: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const TELL_EACH: Duration = Duration::from_secs(20);

/// Waits; whether it became quiet.
pub(crate) fn wait(stage: &Stage) -> Result<bool> {
    let mut last: Option<(Vec<OurOrder>, Vec<TrueOrder>)> = None;
    let (mut changed, mut told) = (Instant::now(), Instant::now());
    loop {
        let ours = stage.our_book()?;
        let truth = books::of_sandbox(&stage.wire, &stage.sandbox)?;
        let open = open(&ours, &truth);
        let now = Some((ours, truth));
        // Quiet twice in a row: a notify may still have been on its way.
        if open == 0 && now == last {
            return Ok(true);
        }
        if now != last {
            changed = Instant::now();
            last = now;
        }
        if changed.elapsed() > STUCK {
            return Ok(false);
        }
        if told.elapsed() > TELL_EACH {
            eprintln!("    {open} orders, refunds and callbacks are still open");
            told = Instant::now();
        }
        if told_to_stop() {
            bail!("stopped");
        }
        sleep(LOOK_AGAIN);
    }
}

/// What the platform still has to do.
fn open(ours: &[OurOrder], truth: &[TrueOrder]) -> usize {
    let paid: BTreeSet<_> = truth
        .iter()
        .filter(|order| order.is_paid())
        .map(|order| (order.account.as_str(), order.number()))
        .collect();
    let owed = |order: &&OurOrder| {
        let key = (order.account.as_str(), order.channel_order_no.as_str());
        order.is_open() || (!order.has_money() && paid.contains(&key))
    };
    let orders = ours.iter().filter(owed).count();
    let refunds = ours.iter().flat_map(|order| &order.refunds);
    let refunds = refunds.filter(|refund| refund.is_under_way()).count();
    let callbacks = ours.iter().flat_map(|order| &order.callbacks);
    let callbacks = callbacks
        .filter(|callback| callback.state == "WAITING")
        .count();
    orders + refunds + callbacks
}
