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

/// A time, as one without writes.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) from: Instant,
    pub(crate) until: Instant,
}

impl Span {
    /// For how long both are.
    fn shared(self, other: Self) -> Duration {
        let from = self.from.max(other.from);
        self.until.min(other.until).saturating_duration_since(from)
    }
}

/// What was written, and what was not.
pub(crate) struct Writes {
    base: String,
    over: AtomicBool,
    asked: AtomicUsize,
    last: Mutex<Instant>,
    gaps: Mutex<Vec<Span>>,
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
                            self.note(Instant::now());
                        }
                        sleep(PAUSE);
                    }
                });
            }
        });
        Ok(())
    }

    /// Ends it; a time without writes that has not ended yet ends here.
    pub(crate) fn end(&self) {
        self.over.store(true, Ordering::Relaxed);
        self.note(Instant::now());
    }

    /// The longest time without writes under each of these faults.
    pub(crate) fn longest(&self, faults: &[Span]) -> Vec<Duration> {
        let gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
        longest(&gaps, faults)
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

    /// Until then nothing was written since the last time.
    fn note(&self, until: Instant) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let from = *last;
        *last = until;
        if until.saturating_duration_since(from) >= GAP_MIN {
            let mut gaps = self.gaps.lock().unwrap_or_else(PoisonError::into_inner);
            gaps.push(Span { from, until });
        }
    }
}

/// Each gap counts for one fault: the one that it shares most time with.
fn longest(gaps: &[Span], faults: &[Span]) -> Vec<Duration> {
    let mut longest = vec![Duration::ZERO; faults.len()];
    for gap in gaps {
        let shares = faults.iter().map(|fault| gap.shared(*fault));
        let Some((nth, shared)) = shares.enumerate().max_by_key(|(_, shared)| *shared) else {
            continue;
        };
        if !shared.is_zero() {
            // What was written before the fault is not its own doing.
            let length = gap.until.duration_since(gap.from.max(faults[nth].from));
            longest[nth] = longest[nth].max(length);
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_counts_for_one_fault_and_from_where_that_began() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let span = |from, until| Span {
            from: at(from),
            until: at(until),
        };
        let faults = [span(10, 20), span(20, 40), span(50, 60)];
        let told = |gaps: &[Span]| -> Vec<u64> {
            let longest = longest(gaps, &faults);
            longest.iter().map(Duration::as_secs).collect()
        };
        assert_eq!(told(&[span(9, 15)]), [5, 0, 0]);
        assert_eq!(told(&[span(19, 30)]), [0, 10, 0]);
        assert_eq!(told(&[span(12, 23)]), [11, 0, 0]);
        assert_eq!(told(&[span(21, 23), span(24, 30)]), [0, 6, 0]);
        assert_eq!(told(&[span(1, 5), span(41, 49)]), [0, 0, 0]);
    }

    #[test]
    fn a_gap_that_is_open_at_the_end_is_one() {
        let writes = Writes::new("");
        let last = *writes.last.lock().unwrap();
        *writes.last.lock().unwrap() = last - Duration::from_secs(30);
        writes.end();
        let fault = Span {
            from: last - Duration::from_secs(20),
            until: last,
        };
        assert!(writes.longest(&[fault])[0] >= Duration::from_secs(20));
    }
}
