//! The contract reaches every statement of the store, on each database: the scenario
//! that ends last tells which were not sent. Where only some are run, none is the last.

use crate::harness;
use payment::ports::Store;
use std::collections::HashSet;
use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, Once};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Instrument, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// The texts that scenarios sent, with the database's name.
static SENT: LazyLock<Mutex<HashSet<(&str, String)>>> = LazyLock::new(Mutex::default);
static ENDED: AtomicUsize = AtomicUsize::new(0);
static LISTENED: Once = Once::new();

/// Hears what the driver says of each statement, within a scenario's span.
struct Ear;

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Ear {
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut spans = context.event_scope(event).into_iter().flatten();
        let ours = spans.find(|span| span.metadata().target() == module_path!());
        if let Some(span) = ours {
            event.record(&mut Text(span.metadata().name()));
        }
    }
}

/// Keeps the text of a statement of this database.
struct Text(&'static str);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        // A short one is its own summary.
        if ["db.statement", "summary"].contains(&field.name()) {
            let text = value.trim().to_owned();
            SENT.lock().unwrap().insert((self.0, text));
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

fn listen() {
    LISTENED.call_once(|| {
        let heard = tracing_subscriber::registry().with(Ear.with_filter(LevelFilter::DEBUG));
        tracing::subscriber::set_global_default(heard).unwrap();
    });
}

pub(crate) async fn on_sqlite<F: Future<Output = ()>>(scenario: fn(Arc<dyn Store>) -> F) {
    listen();
    let all = async { scenario(harness::sqlite().await).await };
    all.instrument(info_span!("sqlite")).await;
    ended().await;
}

pub(crate) async fn on_postgres<F: Future<Output = ()>>(scenario: fn(Arc<dyn Store>) -> F) {
    listen();
    let all = async {
        if let Some(store) = harness::postgres().await {
            scenario(store).await;
        }
    };
    all.instrument(info_span!("postgres")).await;
    ended().await;
}

/// Judges where all have ended. The driver may speak a little after it has answered.
async fn ended() {
    if ENDED.fetch_add(1, Ordering::SeqCst) + 1 < crate::SCENARIOS {
        return;
    }
    for _ in 0..20 {
        if unsent().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("no scenario reaches {:#?}", unsent());
}

fn unsent() -> Vec<(&'static str, &'static str)> {
    let sent = SENT.lock().unwrap();
    let on_postgres = std::env::var("TONGFU_TEST_POSTGRES").is_ok();
    let texts = store::statements().flat_map(|sql| {
        let postgres = on_postgres.then_some(("postgres", sql.postgres));
        [Some(("sqlite", sql.sqlite)), postgres]
    });
    let is_unsent = |(database, text): &(&'static str, &'static str)| {
        !sent.contains(&(*database, (*text).to_owned()))
    };
    texts.flatten().filter(is_unsent).collect()
}
