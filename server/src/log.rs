//! The log, on standard error: lines for a person, or JSON for a program.

use crate::zone::Zone;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::io::{IsTerminal, stderr};
use tracing_subscriber::layer::SubscriberExt;
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

/// Logs from now on; gives what changes the filter later.
pub(crate) fn start(wanted: &str, format: Format) -> Result<SetFilter> {
    let (filter, handle) = reload::Layer::new(filter(wanted)?);
    let lines = fmt::layer()
        .with_writer(stderr)
        .with_timer(Zone::timer())
        .with_ansi(stderr().is_terminal())
        // It would tell of a log that can't be written by a panic.
        .log_internal_errors(false);
    let lines = match format {
        Format::Text => lines.boxed(),
        Format::Json => lines.json().flatten_event(true).boxed(),
    };
    registry().with(filter).with(lines).init();
    Ok(Box::new(move |filter| {
        handle.reload(filter).context("changing the log's filter")
    }))
}

/// What is logged.
pub(crate) fn filter(wanted: &str) -> Result<EnvFilter> {
    EnvFilter::try_new(wanted).context("reading `log`")
}
