//! SIGHUP: accounts, their keys, the pictures of the channels and the log's filter
//! are read anew. The rest of the configuration holds from the next start.

use crate::config::Config;
use crate::log;
use crate::payer::marks::Pictures;
use crate::serve::{channel_accounts, system_clock};
use anyhow::Result;
use checkout::Checkout;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};

/// What can be changed while the program runs.
pub(crate) struct Reloaded {
    /// The operator's configuration file, where one was named.
    pub(crate) file: Option<PathBuf>,
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) pictures: Pictures,
    pub(crate) set_filter: log::SetFilter,
}

/// Reads everything anew at each SIGHUP, for as long as the program runs.
pub(crate) async fn at_each_hangup(reloaded: Reloaded) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => return tracing::warn!(cause = %error, "SIGHUP can't be heard"),
    };
    while hangups.recv().await.is_some() {
        match reloaded.reload() {
            Ok(accounts) => tracing::info!(accounts, "read anew: accounts, keys, marks, log"),
            Err(error) => {
                let cause = format!("{error:#}");
                tracing::error!(cause, "not read anew; what held before still holds");
            }
        }
    }
}

impl Reloaded {
    /// Everything is read before anything is changed; gives how many accounts hold now.
    fn reload(&self) -> Result<usize> {
        let config = Config::load(self.file.as_deref())?;
        let gateways = channel_accounts(&config, &system_clock())?;
        let filter = log::filter(&config.log)?;
        self.pictures.read(&config.marks)?;
        (self.set_filter)(filter)?;
        let count = gateways.len();
        self.checkout.replace_gateways(gateways);
        Ok(count)
    }
}
