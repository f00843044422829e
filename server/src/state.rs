//! What handlers may hold.

use crate::limits::Limits;
use crate::operator::metrics::Metrics;
use crate::payer::Streams;
use crate::payer::marks::Pictures;
use checkout::Checkout;
use std::sync::Arc;
use tokio::sync::watch;

/// The state of every route.
#[derive(Clone)]
pub(crate) struct State {
    pub(crate) checkout: Arc<Checkout>,
    /// Our own address as payers reach it, without a slash at its end.
    pub(crate) public_url: Arc<str>,
    pub(crate) metrics: Metrics,
    /// What callers are charged by.
    pub(crate) limits: Arc<Limits>,
    /// The operator's pictures of the channels.
    pub(crate) pictures: Pictures,
    /// Room for push streams.
    pub(crate) streams: Arc<Streams>,
    /// Whether the program was told to stop.
    pub(crate) stopped: watch::Receiver<bool>,
}

impl State {
    /// Whether payers reach us by https: then our cookies are sent by it alone.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}
