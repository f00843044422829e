//! SIGHUP: accounts, their keys, the pictures of the channels and the log's filter
//! are read anew. The rest of the configuration holds from the next start.

use crate::accounts;
use crate::config::Config;
use crate::log;
use crate::payer::marks::Pictures;
use crate::worker::rested;
use anyhow::Result;
use checkout::Checkout;
use payment::ports::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often it is looked whether the database's accounts were changed.
const LOOK_EACH: Duration = Duration::from_millis(500);

/// What can be changed while the program runs.
pub(crate) struct Reloaded {
    /// The operator's configuration file, where one was named.
    pub(crate) file: Option<PathBuf>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) pictures: Pictures,
    pub(crate) set_filter: log::SetFilter,
}

/// Reads everything anew at each SIGHUP, for as long as the program runs.
pub(crate) async fn at_each_hangup(reloaded: Arc<Reloaded>) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => return tracing::warn!(cause = %error, "SIGHUP can't be heard"),
    };
    while hangups.recv().await.is_some() {
        match reloaded.reload().await {
            Ok(accounts) => tracing::info!(accounts, "read anew: accounts, keys, marks, log"),
            Err(error) => {
                let cause = format!("{error:#}");
                tracing::error!(cause, "not read anew; what held before still holds");
            }
        }
    }
}

/// Opens the accounts anew when a command has changed those of the database, on every
/// instance.
pub(crate) async fn at_each_change(reloaded: Arc<Reloaded>, mut stopped: watch::Receiver<bool>) {
    // What was opened at the start may be older than what is looked at first.
    let (mut opened, mut failed) = (None, String::new());
    while rested(&mut stopped, LOOK_EACH).await {
        // A database in trouble is told of elsewhere.
        let Ok(revision) = reloaded.store.accounts_revision().await else {
            continue;
        };
        if opened == Some(revision) || revision == 0 {
            continue;
        }
        match reloaded.accounts().await {
            Ok(accounts) => {
                tracing::info!(accounts, "opened anew: channel accounts");
                (opened, failed) = (Some(revision), String::new());
            }
            Err(error) => {
                let cause = format!("{error:#}");
                if cause != failed {
                    tracing::error!(cause, "channel accounts are not opened anew");
                }
                failed = cause;
            }
        }
    }
}

impl Reloaded {
    /// Opens all accounts; gives how many.
    async fn accounts(&self) -> Result<usize> {
        let config = Config::load(self.file.as_deref())?;
        let gateways = accounts::opened(&config, &*self.store).await?.told();
        let count = gateways.len();
        self.checkout.replace_gateways(gateways);
        Ok(count)
    }

    /// Everything is read before anything is changed; gives how many accounts hold now.
    async fn reload(&self) -> Result<usize> {
        let config = Config::load(self.file.as_deref())?;
        let gateways = accounts::opened(&config, &*self.store).await?.told();
        let filter = log::filter(&config.log)?;
        self.pictures.read(&config.marks)?;
        (self.set_filter)(filter)?;
        let count = gateways.len();
        self.checkout.replace_gateways(gateways);
        Ok(count)
    }
}
