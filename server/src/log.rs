//! The log, on standard error: lines for a person, or JSON for a program.

use crate::traces::Spans;
use crate::zone::Zone;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::io::{IsTerminal, stderr};
use tracing::Subscriber;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt, registry, reload};

/// How an entry is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// A line, in colours where a terminal reads it.
    #[default]
    Text,
    /// A JSON object a line.
    Json,
}

/// Puts another filter in the place of the log's.
pub(crate) type SetFilter = Box<dyn Fn(EnvFilter) -> Result<()> + Send + Sync>;

/// Logs from now on, and lets `spans` take spans; gives what changes the filter later.
pub(crate) fn start(wanted: &str, format: Format, spans: Option<Spans>) -> Result<SetFilter> {
    let filter = filter(wanted)?;
    Ok(match spans {
        None => {
            let (filter, set_filter) = settable(filter);
            registry().with(filter).with(lines(format)).init();
            set_filter
        }
        // What is traced does not hang on what is logged.
        Some(spans) => {
            let (filter, set_filter) = settable(filter);
            let lines = lines(format).with_filter(filter);
            registry().with(spans).with(lines).init();
            set_filter
        }
    })
}

/// A filter that another one can take the place of.
fn settable<S: 'static>(filter: EnvFilter) -> (reload::Layer<EnvFilter, S>, SetFilter) {
    let (filter, handle) = reload::Layer::new(filter);
    let set_filter = move |filter| handle.reload(filter).context("changing the log's filter");
    (filter, Box::new(set_filter))
}

/// What writes the log.
fn lines<S>(format: Format) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let lines = fmt::layer()
        .with_writer(stderr)
        .with_timer(Zone::timer())
        .with_ansi(stderr().is_terminal())
        // It would tell of a log that can't be written by a panic.
        .log_internal_errors(false);
    match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    }
}

/// What is logged.
pub(crate) fn filter(wanted: &str) -> Result<EnvFilter> {
    EnvFilter::try_new(wanted).context("reading `log`")
}
