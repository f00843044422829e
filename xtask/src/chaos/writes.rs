//! Whether anything can be written, asked again and again through nginx; and for how long
//! nothing could be, under each kind of fault.

use crate::process::told_to_stop;
use crate::sign::{Purpose, json, signed};
use crate::wire::Wire;
use anyhow::Result;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

/// So many ask, each with pauses of its own.
const ASKERS: usize = 3;
const PAUSE: Duration = Duration::from_millis(250);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// What is shorter is no gap: the askers' own pauses, and a machine that is busy.
const GAP_MIN: Duration = Duration::from_secs(1);

/// A time without writes.
#[derive(Clone, Copy)]
struct Gap {
    from: Instant,
    until: Instant,
}

/// What was written, and what was not.
pub(crate) struct Writes {
    base: String,
    over: AtomicBool,
    asked: AtomicUsize,
    last: Mutex<Instant>,
    gaps: Mutex<Vec<Gap>>,
}

impl Writes {
    pub(crate) fn new(base: &str) -> Self {
        Self {
            base: base.to_owned(),
            over: AtomicBool::default(),
            asked: AtomicUsize::default(),
            last: Mutex::new(Instant::now()),
            gaps: Mutex::default(),
        }
    }

    /// Asks until `end` is called.
    pub(crate) fn watch(&self) -> Result<()> {
        scope(|scope| {
            for _ in 0..ASKERS {
                scope.spawn(|| {
                    let wire = Wire::patient(PATIENCE);
                    while !self.over.load(Ordering::Relaxed) && !told_to_stop() {
                        if self.can_write(&wire) {
                            self.note();
                        }
                        sleep(PAUSE);
                    }
                });
            }
        });
        Ok(())
    }

    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// The longest time without writes that began between both.
    pub(crate) fn longest(&self, from: Instant, until: Instant) -> Duration {
        let gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        let within = gaps
            .iter()
            .filter(|gap| gap.until >= from && gap.from <= until);
        // What was written before the fault is not its own doing.
        let lengths = within.map(|gap| gap.until.duration_since(gap.from.max(from)));
        lengths.max().unwrap_or_default()
    }

    /// Closes a request that nobody has opened: one row, and no channel is asked.
    fn can_write(&self, wire: &Wire) -> bool {
        let number = self.asked.fetch_add(1, Ordering::Relaxed);
        let key = format!("W{number:09}");
        let values = [("domainCode", "test"), ("requestKey", key.as_str())];
        let body = json(&signed(Purpose::Close, &values, "test"));
        let url = format!("{}/pay/api/private/pay/close", self.base);
        wire.post_json(&url, &body)
            .is_ok_and(|answer| answer.is_done())
    }

    fn note(&self) {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let gap = Gap {
            from: *last,
            until: now,
        };
        *last = now;
        if gap.until.duration_since(gap.from) >= GAP_MIN {
            let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
            gaps.push(gap);
        }
    }
}
