//! Traces by OpenTelemetry: in programs that were built with the feature `otel`, and
//! silent until `traces_url` is set (docs/operating.md, Traces).

#[cfg(feature = "otel")]
mod otel;

use anyhow::{Context, Result};
use tracing_subscriber::{Layer, Registry};

/// What takes the spans.
pub(crate) type Spans = Box<dyn Layer<Registry> + Send + Sync>;

/// Takes spans, and sends them in the background.
pub(crate) struct Traces {
    pub(crate) spans: Spans,
    pub(crate) end: End,
}

/// Sends what is left, and waits for that; it blocks.
pub(crate) struct End(Box<dyn FnOnce() + Send>);

/// Traces where an address is set.
///
/// # Errors
/// When it is none, or this program can't send traces.
pub(crate) fn open(url: &str) -> Result<Option<Traces>> {
    if url.is_empty() {
        return Ok(None);
    }
    #[cfg(feature = "otel")]
    let opened = otel::open(url);
    #[cfg(not(feature = "otel"))]
    let opened = Err(anyhow::anyhow!(
        "this program was built without the feature otel"
    ));
    opened.map(Some).context("traces_url")
}

/// Sends what is left.
pub(crate) async fn end(end: Option<End>) {
    if let Some(End(end)) = end {
        let _ = tokio::task::spawn_blocking(end).await;
    }
}
