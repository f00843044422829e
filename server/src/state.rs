//! What handlers may hold.

use crate::console::shared::Console;
use crate::limits::Limits;
use crate::operator::metrics::Metrics;
use crate::payer::marks::Pictures;
use crate::payer::notice::Notice;
use crate::payer::streams::Streams;
use crate::relay::Relay;
use checkout::Checkout;
use std::ops::Deref;
use std::sync::Arc;
use tokio::sync::watch;

/// The state of every route: each layer of the routes has it, and each request goes
/// through all of them.
#[derive(Clone)]
pub(crate) struct State(Arc<Held>);

/// What the routes share.
pub(crate) struct Held {
    pub(crate) checkout: Arc<Checkout>,
    /// Our own address as payers reach it, without a slash at its end.
    pub(crate) public_url: Arc<str>,
    pub(crate) metrics: Metrics,
    /// The operator's console.
    pub(crate) console: Console,
    /// What callers are charged by.
    pub(crate) limits: Arc<Limits>,
    /// The operator's pictures of the channels.
    pub(crate) pictures: Pictures,
    /// What he tells every payer.
    pub(crate) notice: Notice,
    /// Room for push streams.
    pub(crate) streams: Arc<Streams>,
    /// Those who listen to callbacks.
    pub(crate) relay: Relay,
    /// Whether the program was told to stop.
    pub(crate) stopped: watch::Receiver<bool>,
    /// Whether the sign clinic is open: with `--dev`.
    pub(crate) clinic: bool,
    /// Whether the interfaces are described: a setting.
    pub(crate) docs: bool,
}

impl Deref for State {
    type Target = Held;

    fn deref(&self) -> &Held {
        &self.0
    }
}

impl State {
    pub(crate) fn new(held: Held) -> Self {
        Self(Arc::new(held))
    }

    /// Whether payers reach us by https: then our cookies are sent by it alone.
    pub(crate) fn is_secure(&self) -> bool {
        self.public_url.starts_with("https://")
    }
}
