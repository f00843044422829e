//! What handlers may hold.

use checkout::Checkout;
use metrics_exporter_prometheus::PrometheusHandle;
use std::sync::Arc;

/// The state of every route.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) checkout: Arc<Checkout>,
    /// Our own address as payers reach it, without a slash at its end.
    pub(crate) public_url: Arc<str>,
    pub(crate) metrics: PrometheusHandle,
}
