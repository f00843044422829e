//! After the load: waits until nothing is open any more, or nothing changes.

use super::books::{self, OurCallback, OurOrder, TrueOrder};
use super::person::Person;
use super::second;
use super::stage::Stage;
use crate::process::told_to_stop;
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// What has not changed for so long is stuck.
const STUCK: Duration = Duration::from_secs(300);
/// A notify that has not come by now was lost: longer than the sandbox's schedule.
const UNTOLD: Duration = Duration::from_secs(45);
/// When so long nothing was heard, nothing comes by itself.
const UNHEARD: Duration = Duration::from_secs(20);
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const TELL_EACH: Duration = Duration::from_secs(20);

/// Waits; whether it became quiet.
pub(crate) fn wait(stage: &Stage) -> Result<bool> {
    let mut last: Option<[(Vec<OurOrder>, Vec<TrueOrder>); 2]> = None;
    let (mut changed, mut told) = (Instant::now(), Instant::now());
    let mut person = Person::default();
    loop {
        person.work(stage)?;
        let sides = sides(stage)?;
        if changed.elapsed() > UNHEARD {
            let (ours, truth) = &sides[0];
            ask_about_held(stage, ours, truth)?;
        }
        let (mut open, mut untold) = (0, 0);
        for (ours, truth) in &sides {
            let (more_open, more_untold) = self::open(ours, truth);
            open += more_open;
            untold += more_untold;
        }
        let now = Some(sides);
        // Quiet twice in a row: a notify may still have been on its way.
        if open == 0 && now == last && (untold == 0 || changed.elapsed() > UNTOLD) {
            return Ok(true);
        }
        if now != last {
            changed = Instant::now();
            last = now;
        }
        if changed.elapsed() > STUCK {
            tell_open(last.iter().flatten());
            return Ok(false);
        }
        if told.elapsed() > TELL_EACH {
            eprintln!("    {open} orders, refunds and callbacks are open, {untold} refunds untold");
            told = Instant::now();
        }
        if told_to_stop() {
            bail!("stopped");
        }
        sleep(LOOK_AGAIN);
    }
}

/// What nobody will bring to its end any more.
fn tell_open<'a>(sides: impl Iterator<Item = &'a (Vec<OurOrder>, Vec<TrueOrder>)>) {
    for order in sides.flat_map(|(ours, _)| ours) {
        let refunds = order.refunds.iter().filter(|one| one.is_under_way());
        let refunds: Vec<_> = refunds.map(|one| (&one.refund_no, &one.state)).collect();
        let waits = |one: &&OurCallback| one.state == "WAITING";
        let callbacks = order.callbacks.iter().filter(waits).count();
        if order.is_open() || !refunds.is_empty() || callbacks > 0 {
            let (number, status, channel) = (&order.order_sn, &order.status, &order.channel);
            eprintln!(
                "    open: {number} ({channel}, {status}), refunds {refunds:?}, callbacks {callbacks}"
            );
        }
    }
}

/// The first platform's book and what is behind it, and the second one's.
fn sides(stage: &Stage) -> Result<[(Vec<OurOrder>, Vec<TrueOrder>); 2]> {
    let (ours, second) = (stage.our_book()?, stage.second_book()?);
    let truth = books::of_sandbox(&stage.wire, &stage.sandbox)?;
    let (firsts, seconds) = second::sides(truth, &second);
    Ok([(ours, firsts), (second, seconds)])
}

/// The notify that a held payment ended was lost, and the platform asks but hourly: the
/// operator has it asked at once.
fn ask_about_held(stage: &Stage, ours: &[OurOrder], truth: &[TrueOrder]) -> Result<()> {
    let held = truth.iter().filter(|order| order.is_held());
    let held: BTreeSet<_> = held.map(TrueOrder::place).collect();
    let unheard = |order: &&OurOrder| order.is_held() && !held.contains(&order.place());
    let mut unheard = ours.iter().filter(unheard);
    unheard.try_for_each(|order| stage.requery(&order.order_sn))
}

/// What the platform still has to do, and the refunds of which it can only be told.
fn open(ours: &[OurOrder], truth: &[TrueOrder]) -> (usize, usize) {
    let truth: BTreeMap<_, _> = truth.iter().map(|order| (order.place(), order)).collect();
    let (mut open, mut untold) = (0, 0);
    for order in ours {
        let truth = truth.get(&order.place());
        let owed = !order.has_money() && truth.is_some_and(|truth| truth.is_paid());
        open += usize::from(order.is_open() || owed);
        for refund in order.refunds.iter().filter(|refund| refund.is_under_way()) {
            let over = |truth: &&TrueOrder| truth.executed(refund) || truth.has_failed(refund);
            if truth.is_some_and(|truth| truth.has_parked(refund)) {
                continue;
            }
            if order.is_told_of_refunds() && truth.is_some_and(over) {
                untold += 1;
            } else {
                open += 1;
            }
        }
        let waits = |callback: &&OurCallback| callback.state == "WAITING";
        open += order.callbacks.iter().filter(waits).count();
    }
    (open, untold)
}
