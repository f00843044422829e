//! What Prometheus reads. Counters are raised where things happen; what stands in
//! the database is read when it is asked for.

use crate::limits::UNLISTED;
use anyhow::{Context, Result};
use metrics::{describe_counter, describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use payment::ports::{Store, StoreError};

const ALARMS: &str = "tongfu_alarms_total";
const RISKS: &str = "tongfu_money_at_risk";
const BACKLOG: &str = "tongfu_backlog";
const UP: &str = "tongfu_database_up";

/// Installs the recorder of this process.
pub(crate) fn install() -> Result<PrometheusHandle> {
    let handle = PrometheusBuilder::new()
        .install_recorder()
        .context("metrics")?;
    describe_counter!(ALARMS, "Things that need a person's eye, since the start.");
    describe_gauge!(RISKS, "Lines of `tongfu order list --at-risk`.");
    describe_gauge!(BACKLOG, "What waits to be done.");
    describe_gauge!(
        UNLISTED,
        "1 for each peer whose X-Forwarded-For is not believed; see trusted_proxies."
    );
    describe_gauge!(UP, "1 while the database answers.");
    checkout::count_alarms_from_zero();
    Ok(handle)
}

/// Brings the gauges up to date.
///
/// # Errors
/// When the database does not answer; `tongfu_database_up` tells it.
pub(crate) async fn observe(store: &dyn Store, now_ms: i64) -> Result<(), StoreError> {
    let read = async {
        Ok((
            store.risk_counts(now_ms).await?,
            store.backlog(now_ms).await?,
        ))
    };
    let read: Result<_, StoreError> = read.await;
    gauge!(UP).set(f64::from(u8::from(read.is_ok())));
    let (risks, backlog) = read?;
    for risk in risks {
        gauge!(RISKS, "kind" => risk.kind.word()).set(risk.count as f64);
    }
    for (kind, count) in [
        ("queries", backlog.queries),
        ("callbacks", backlog.callbacks),
        ("refunds", backlog.refunds),
        ("notifies", backlog.notifies),
    ] {
        gauge!(BACKLOG, "kind" => kind).set(count as f64);
    }
    Ok(())
}
