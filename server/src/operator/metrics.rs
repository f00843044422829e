//! What Prometheus reads. Counters are raised where things happen; what stands in
//! the database is read when it is asked for, and at most once a second.

use crate::ends::{CERTIFICATE_DAYS, SECRET_DAYS};
use crate::limits::UNLISTED;
use crate::worker::MARK_KEPT;
use anyhow::{Context, Result};
use checkout::{
    ALARMS, ANSWERS, ATTEMPTS, CALLBACKS, CHANNEL_AWAY, CHANNEL_CALLS, CLOCK, Checkout, HASTENED,
    PUT_OFF,
};
use metrics::{Unit, describe_counter, describe_gauge, describe_histogram, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use payment::ports::Store;
use std::sync::Arc;
use std::time::Duration;
use store::ANSWER_SECONDS;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Requests that were answered, by the route that they matched and the status.
pub(crate) const REQUESTS: &str = "tongfu_requests_total";

const RISKS: &str = "tongfu_money_at_risk";
const BACKLOG: &str = "tongfu_backlog";
const OLDEST: &str = "tongfu_callback_oldest_seconds";
const LATE: &str = "tongfu_timers_late";
const OLD: &str = "tongfu_figures_old";
/// Bounds of the classes that calls are counted in, seconds.
const CALL_SECONDS: [f64; 8] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// The same for answers of the database, and for callbacks.
const ANSWER_CLASSES: [f64; 9] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.5, 1.0, 5.0];
const CALLBACK_CLASSES: [f64; 8] = [0.3, 1.0, 5.0, 15.0, 60.0, 300.0, 1_800.0, 14_400.0];
/// How often measured times are counted into their classes: until then each is kept.
const UPKEEP_EACH: Duration = Duration::from_secs(5);
const BUILD: &str = "tongfu_build_info";
const UP: &str = "tongfu_database_up";
/// However many ask, the database is read once in this time: who asks sooner waits.
const READ_EACH: Duration = Duration::from_secs(1);
/// A figure that takes longer keeps its last value.
const READ_LIMIT: Duration = Duration::from_secs(1);

/// What this process counts, and what it last read of the database.
#[derive(Clone)]
pub(crate) struct Metrics {
    handle: PrometheusHandle,
    readings: Arc<Readings>,
    store: Arc<dyn Store>,
}

/// When the last reading of the database began.
#[derive(Default)]
struct Readings(Mutex<Option<Instant>>);

impl Readings {
    /// Returns after a reading that began no sooner than this was called.
    async fn one(&self, read: impl Future<Output = ()>) {
        let asked = Instant::now();
        let mut last = self.0.lock().await;
        if last.is_some_and(|began| began >= asked) {
            return;
        }
        if let Some(began) = *last {
            tokio::time::sleep_until(began + READ_EACH).await;
        }
        let began = Instant::now();
        read.await;
        *last = Some(began);
    }
}

impl Metrics {
    /// The text that Prometheus reads, of a reading that began after it was asked for.
    pub(crate) async fn text(&self, checkout: &Checkout) -> String {
        let read = observe(self.store.as_ref(), checkout);
        self.readings.one(read).await;
        #[cfg(debug_assertions)]
        count_allocations();
        self.handle.render()
    }
}

/// Pieces of memory that were asked for since the start: told where the program is built
/// to be tested (docs/performance.md, Counts).
#[cfg(debug_assertions)]
fn count_allocations() {
    let count = crate::ALLOCATOR.alloc_count() + crate::ALLOCATOR.realloc_growth_count();
    gauge!("tongfu_allocations").set(count as f64);
}

/// Installs the recorder of this process.
pub(crate) fn install(store: Arc<dyn Store>) -> Result<Metrics> {
    let mut builder = PrometheusBuilder::new();
    for (name, classes) in [
        (CHANNEL_CALLS, &CALL_SECONDS[..]),
        (ANSWER_SECONDS, &ANSWER_CLASSES),
        (CALLBACKS, &CALLBACK_CLASSES),
    ] {
        let named = Matcher::Full(name.to_owned());
        builder = builder
            .set_buckets_for_metric(named, classes)
            .context("metrics")?;
    }
    let handle = builder.install_recorder().context("metrics")?;
    describe();
    gauge!(BUILD, "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    checkout::count_from_zero();
    let upkept = handle.clone();
    tokio::spawn(async move {
        loop {
            tokio::time::sleep(UPKEEP_EACH).await;
            upkept.run_upkeep();
        }
    });
    Ok(Metrics {
        handle,
        readings: Arc::default(),
        store,
    })
}

/// Says what each means.
fn describe() {
    describe_counter!(ALARMS, "Things that need a person's eye, since the start.");
    describe_gauge!(RISKS, "Lines of `tongfu order list --at-risk`.");
    describe_gauge!(BACKLOG, "What waits to be done.");
    describe_gauge!(
        UNLISTED,
        "1 for each peer whose X-Forwarded-For is not believed; see trusted_proxies."
    );
    describe_gauge!(OLDEST, "How long the oldest callback has waited.");
    describe_gauge!(
        LATE,
        "Orders, callbacks, refunds, notifies whose time is past, or too far ahead."
    );
    describe_gauge!(
        OLD,
        "1 for figures that could not be read now: they show what was before."
    );
    describe_histogram!(
        CHANNEL_CALLS,
        Unit::Seconds,
        "How long calls to channels take, by what they come to."
    );
    describe_gauge!(
        CHANNEL_AWAY,
        "1 while a channel account fails and is not offered."
    );
    describe_counter!(REQUESTS, "Requests that were answered.");
    describe_gauge!(BUILD, "1, with the version of this program.");
    describe_gauge!(UP, "1 while the database answers.");
    describe_counter!(ATTEMPTS, "Attempts to pay, by what became of them.");
    describe_counter!(ANSWERS, "Answers to business systems, by door and errcode.");
    describe_histogram!(
        CALLBACKS,
        Unit::Seconds,
        "How long after it was written a callback is taken."
    );
    describe_histogram!(
        ANSWER_SECONDS,
        Unit::Seconds,
        "How long the database's answers take, as whoever asked waits."
    );
    describe_gauge!(
        CLOCK,
        Unit::Seconds,
        "How far our clock is ahead of the database's."
    );
    describe_gauge!(
        CERTIFICATE_DAYS,
        "Days until the first certificate of an account ends."
    );
    describe_gauge!(
        SECRET_DAYS,
        "Days until the next secret of a business system ends."
    );
    describe_counter!(PUT_OFF, "Questions that a channel account does not grant.");
    describe_counter!(
        HASTENED,
        "What a clock had put too far ahead, and is due now."
    );
    describe_gauge!(MARK_KEPT, "1 while it is kept how far the books have come.");
}

/// Brings the gauges up to date: each figure by itself, so that a table that is locked
/// hides no other, and none for longer than a scraper waits.
async fn observe(store: &dyn Store, checkout: &Checkout) {
    let now_ms = checkout.now_ms();
    let (up, risks, backlog, late) = tokio::join!(
        in_time(async { store.answers().await.ok() }),
        in_time(async { store.risk_counts(now_ms).await.ok() }),
        in_time(async { store.backlog(now_ms).await.ok() }),
        in_time(async { checkout.late_timers().await.ok() }),
    );
    gauge!(UP).set(f64::from(u8::from(up.is_some())));
    let read = [
        ("risks", risks.is_some()),
        ("backlog", backlog.is_some()),
        ("timers", late.is_some()),
    ];
    for (figures, read) in read {
        gauge!(OLD, "figures" => figures).set(f64::from(u8::from(!read)));
    }
    for risk in risks.unwrap_or_default() {
        gauge!(RISKS, "kind" => risk.kind.word()).set(risk.count as f64);
    }
    if let Some(backlog) = backlog {
        for (kind, count) in [
            ("queries", backlog.queries),
            ("callbacks", backlog.callbacks),
            ("refunds", backlog.refunds),
            ("notifies", backlog.notifies),
        ] {
            gauge!(BACKLOG, "kind" => kind).set(count as f64);
        }
        let oldest_ms = backlog.oldest_callback_ms.unwrap_or(now_ms);
        gauge!(OLDEST).set((now_ms - oldest_ms).max(0) as f64 / 1e3);
    }
    if let Some(late) = late {
        for (kind, count) in [("overdue", late.overdue.ours()), ("too far", late.too_far)] {
            gauge!(LATE, "kind" => kind).set(count as f64);
        }
    }
}

/// What was read in time.
async fn in_time<T>(read: impl Future<Output = Option<T>>) -> Option<T> {
    tokio::time::timeout(READ_LIMIT, read).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[tokio::test(start_paused = true)]
    async fn however_many_scrape_the_database_is_read_once_a_second() {
        let (readings, read) = (Readings::default(), AtomicUsize::new(0));
        let scrape = || {
            readings.one(async {
                read.fetch_add(1, Ordering::Relaxed);
            })
        };
        let began = Instant::now();
        join_all((0..64).map(|_| scrape())).await;
        assert_eq!(read.load(Ordering::Relaxed), 1);
        assert_eq!(began.elapsed(), Duration::ZERO);
        tokio::time::advance(Duration::from_millis(10)).await;
        join_all((0..64).map(|_| scrape())).await;
        assert_eq!(read.load(Ordering::Relaxed), 2);
        assert!(began.elapsed() >= READ_EACH);
    }
}
