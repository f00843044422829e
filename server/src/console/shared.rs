//! What the console's pages share.

use crate::alarms::Destination;
use crate::clock::system_clock;
use crate::config::Config;
use crate::ends::Ends;
use crate::limits::buckets::{Buckets, Rate};
use crate::reload::Reloaded;
use anyhow::Result;
use checkout::Operators;
use payment::ports::Store;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Sign-ins of one peer.
const SIGN_INS: Rate = Rate {
    per_second: 1,
    burst: 10,
};

/// What the console's pages share.
pub(crate) struct Console {
    pub(super) store: Arc<dyn Store>,
    pub(super) operators: Operators,
    pub(super) reloaded: Arc<Reloaded>,
    pub(super) sign_ins: Buckets,
    pub(super) figures: Mutex<()>,
    /// What this instance is called among those at work.
    pub(super) instance: String,
    /// Which certificates and secrets end.
    pub(super) ends: Ends,
    /// Where alarms are sent.
    pub(super) alarms: Option<Destination>,
}

impl Console {
    /// # Errors
    /// When `alarm_url` is no address.
    pub(crate) fn new(
        config: &Config,
        reloaded: Arc<Reloaded>,
        dev: bool,
        ends: Ends,
    ) -> Result<Self> {
        let store = Arc::clone(&reloaded.store);
        Ok(Self {
            store: Arc::clone(&store),
            operators: Operators::new(store, system_clock(), dev),
            instance: reloaded.instance.clone(),
            reloaded,
            sign_ins: Buckets::new(SIGN_INS),
            figures: Mutex::default(),
            ends,
            alarms: Destination::new(config)?,
        })
    }
}
