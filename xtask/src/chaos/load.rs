//! The load and the kills, side by side: an order begins only when the kills
//! before it are done, and a kill comes only when its order has begun.

use super::business::Platform;
use super::ledger::Ledger;
use super::person::Person;
use super::plan::{Kill, Plan, Trouble};
use super::scenario;
use super::stage::Stage;
use crate::process::told_to_stop;
use anyhow::{Result, anyhow, bail};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{Scope, ScopedJoinHandle, sleep};
use std::time::Duration;

/// Orders that are under way at once: so many for a small run, more for a large one.
const PAYERS: (usize, usize) = (40, 160);
/// One payer more for so many orders.
const ORDERS_EACH: usize = 30;
/// So many orders may begin before a kill that is due has come.
const AHEAD: usize = 12;
const LOOK_AGAIN: Duration = Duration::from_millis(20);
const TELL_EACH: Duration = Duration::from_secs(10);
const PERSON_LOOKS_EACH: Duration = Duration::from_secs(2);
const LOOK_AFTER_EACH: Duration = Duration::from_millis(500);

/// How far a run has come.
#[derive(Default)]
struct Progress {
    begun: AtomicUsize,
    ended: AtomicUsize,
    kills: AtomicUsize,
    /// Someone failed: the others need not go on.
    broken: AtomicBool,
}

/// What else happens to a run, and who does it.
pub(crate) trait Around: Sync {
    /// The next kill of the plan, until its victim is back.
    fn strike(&self, nth: usize, kill: &Kill) -> Result<()>;
    /// What happens to the database, when so many orders have begun.
    fn troubles(&self) -> &[(usize, Trouble)];
    fn cause(&self, trouble: Trouble) -> Result<()>;
    /// Called each half second.
    fn look_after(&self) -> Result<()>;
}

/// Plays all orders and kills to their end; gives how many were killed.
///
/// # Errors
/// When sandbox, shop or this program fail: nothing is proved then.
pub(crate) fn play(
    stage: &Stage,
    plan: &Plan,
    ledger: &Ledger,
    around: &impl Around,
) -> Result<usize> {
    let progress = Progress::default();
    let platform = Platform {
        wire: &stage.wire,
        addresses: &stage.addresses,
        shop: &stage.shop,
        ledger,
    };
    let run = Run {
        stage,
        plan,
        platform,
        progress,
    };
    std::thread::scope(|scope| {
        let supervisor = scope.spawn(|| stage.fleet.supervise());
        let payers = (plan.orders.len() / ORDERS_EACH).clamp(PAYERS.0, PAYERS.1);
        let mut work: Vec<_> = (0..payers).map(|_| run.spawn(scope, Run::pay)).collect();
        work.push(run.spawn(scope, |run| run.kill(around)));
        work.push(run.spawn(scope, |run| {
            around
                .troubles()
                .iter()
                .try_for_each(|(at_order, trouble)| {
                    run.wait_for_order(*at_order);
                    if run.is_over() {
                        Ok(())
                    } else {
                        around.cause(*trouble)
                    }
                })
        }));
        let teller = run.spawn(scope, Run::tell);
        let person = run.spawn(scope, |run| {
            let mut person = Person::default();
            while !run.is_over() {
                person.work(run.stage)?;
                sleep(PERSON_LOOKS_EACH);
            }
            Ok(())
        });
        let keeper = run.spawn(scope, |run| {
            while !run.is_over() {
                around.look_after()?;
                sleep(LOOK_AFTER_EACH);
            }
            Ok(())
        });
        let mut done: Vec<Result<()>> = work.into_iter().map(joined).collect();
        // Whoever is still looking sees the end by these.
        run.progress.broken.store(true, Ordering::Relaxed);
        stage.fleet.end_supervision();
        done.push(joined(teller));
        done.push(joined(person));
        done.push(joined(keeper));
        done.push(joined(supervisor));
        done.into_iter().collect::<Result<()>>()
    })?;
    if told_to_stop() {
        bail!("stopped");
    }
    Ok(run.progress.kills.load(Ordering::Relaxed))
}

fn joined(handle: ScopedJoinHandle<'_, Result<()>>) -> Result<()> {
    handle
        .join()
        .map_err(|_| anyhow!("a thread of the load panicked"))?
}

struct Run<'a> {
    stage: &'a Stage,
    plan: &'a Plan,
    platform: Platform<'a>,
    progress: Progress,
}

impl Run<'_> {
    /// A thread whose failure ends all others.
    fn spawn<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        work: impl FnOnce(&Self) -> Result<()> + Send + 'scope,
    ) -> ScopedJoinHandle<'scope, Result<()>> {
        scope.spawn(move || {
            let done = work(self);
            if done.is_err() {
                self.progress.broken.store(true, Ordering::Relaxed);
            }
            done
        })
    }

    fn pay(&self) -> Result<()> {
        loop {
            let index = self.progress.begun.fetch_add(1, Ordering::Relaxed);
            let Some(order) = self.plan.orders.get(index) else {
                return Ok(());
            };
            while !self.may_begin(index) && !self.is_over() {
                sleep(LOOK_AGAIN);
            }
            if self.is_over() {
                return Ok(());
            }
            scenario::play(&self.platform, &self.stage.sandbox, order)?;
            self.progress.ended.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Not too far ahead of the next kill.
    fn may_begin(&self, index: usize) -> bool {
        let done = self.progress.kills.load(Ordering::Relaxed);
        let next = self.plan.kills.get(done);
        next.is_none_or(|kill| index <= kill.at_order + AHEAD)
    }

    fn kill(&self, around: &impl Around) -> Result<()> {
        for (nth, kill) in self.plan.kills.iter().enumerate() {
            self.wait_for_order(kill.at_order);
            if self.is_over() {
                return Ok(());
            }
            sleep(Duration::from_millis(kill.lag_ms));
            around.strike(nth, kill)?;
            self.progress.kills.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn wait_for_order(&self, index: usize) {
        while self.progress.begun.load(Ordering::Relaxed) <= index && !self.is_over() {
            sleep(LOOK_AGAIN);
        }
    }

    fn tell(&self) -> Result<()> {
        let mut looks = 0;
        while !self.is_over() {
            sleep(LOOK_AGAIN);
            looks += 1;
            if LOOK_AGAIN * looks >= TELL_EACH {
                looks = 0;
                eprintln!(
                    "    {} of {} orders ended, {} of {} kills done",
                    self.progress.ended.load(Ordering::Relaxed),
                    self.plan.orders.len(),
                    self.progress.kills.load(Ordering::Relaxed),
                    self.plan.kills.len(),
                );
            }
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.progress.broken.load(Ordering::Relaxed) || told_to_stop()
    }
}
