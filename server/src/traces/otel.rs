//! OTLP over HTTP, by the client that all calls of ours go by.

use super::{End, Traces};
use anyhow::{Context, Result, bail};
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use reqwest::Client;
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Metadata;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::filter_fn;

/// What is left when we stop is given up after so long: the drain has its own time.
const END_LIMIT: Duration = Duration::from_secs(1);

pub(super) fn open(url: &str) -> Result<Traces> {
    if !url.starts_with("https://") && !url.starts_with("http://") {
        bail!("takes an http or https address");
    }
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_http_client(Sender {
            client: channels::client()?,
            runtime: Handle::current(),
        })
        .with_endpoint(url)
        .build()
        .context("OpenTelemetry")?;
    let resource = Resource::builder_empty().with_service_name("tongfu");
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build();
    let spans = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer("tongfu"))
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(filter_fn(is_ours));
    let end = move || {
        if let Err(cause) = provider.shutdown_with_timeout(END_LIMIT) {
            tracing::warn!(%cause, "the last traces are lost");
        }
    };
    Ok(Traces {
        spans: spans.boxed(),
        end: End(Box::new(end)),
    })
}

/// Spans of ours alone, and none of the log's entries: what a library notes of an address
/// or a statement stays here.
fn is_ours(told: &Metadata<'_>) -> bool {
    let from = told.target().split(':').next();
    told.is_span() && matches!(from, Some("tongfu" | "checkout"))
}

/// Sends from a thread that is not the runtime's, by the runtime.
#[derive(Debug)]
struct Sender {
    client: Client,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let request = reqwest::Request::try_from(request)?;
        let client = self.client.clone();
        let sent = async move { client.execute(request).await };
        let answer = self.runtime.spawn(sent).await?;
        let answer = answer.map_err(reqwest::Error::without_url)?;
        // What a collector says beside its status is not read.
        let mut told = Response::new(Bytes::new());
        *told.status_mut() = answer.status();
        Ok(told)
    }
}
