//! SIGHUP: accounts, their keys, the pictures of the channels, the notice and the log's
//! filter are read anew. The rest of the configuration holds from the next start.

use crate::accounts::{self, Opened, written};
use crate::config::Config;
use crate::log;
use crate::payer::marks::Pictures;
use crate::payer::notice::Notice;
use crate::serve::now_ms;
use crate::worker::rested;
use anyhow::Result;
use checkout::Checkout;
use payment::ports::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Mutex, watch};

/// How often it is looked whether the database's accounts were changed.
const LOOK_EACH: Duration = Duration::from_millis(500);

/// What can be changed while the program runs.
pub(crate) struct Reloaded {
    /// The operator's configuration file, where one was named.
    pub(crate) file: Option<PathBuf>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) pictures: Pictures,
    pub(crate) notice: Notice,
    pub(crate) set_filter: log::SetFilter,
    /// The accounts that are used, and the revision of the database's.
    pub(crate) accounts: Mutex<(i64, Opened)>,
    pub(crate) public_url: String,
    /// What this instance is called among those at work.
    pub(crate) instance: String,
}

/// Reads everything anew at each SIGHUP, for as long as the program runs.
pub(crate) async fn at_each_hangup(reloaded: Arc<Reloaded>) {
    let mut hangups = match signal(SignalKind::hangup()) {
        Ok(hangups) => hangups,
        Err(error) => return tracing::warn!(cause = %error, "SIGHUP can't be heard"),
    };
    while hangups.recv().await.is_some() {
        match reloaded.reload().await {
            Ok(accounts) => {
                tracing::info!(accounts, "read anew: accounts, keys, marks, notice, log")
            }
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
    while rested(&mut stopped, LOOK_EACH).await {
        if let Err(error) = reloaded.read_kept().await {
            let cause = format!("{error:#}");
            tracing::error!(cause, "channel accounts are not opened anew");
        }
    }
}

impl Reloaded {
    /// Reads the database's accounts, if they were changed. The file is left as it was.
    async fn read_kept(&self) -> Result<()> {
        let mut held = self.accounts.lock().await;
        // A database in trouble is told of elsewhere.
        let Ok(revision) = self.store.accounts_revision().await else {
            return Ok(());
        };
        if revision == held.0 {
            return Ok(());
        }
        let accounts = held.1.read_kept(&self.public_url, &*self.store).await?;
        let count = self.put(&accounts);
        tracing::info!(accounts = count, "opened anew: channel accounts");
        *held = (revision, accounts);
        Ok(())
    }

    /// The accounts as they are used now, after every change that the database holds; those
    /// that held before where it can't be asked.
    pub(crate) async fn accounts(&self) -> Opened {
        if let Err(error) = self.read_kept().await {
            let cause = format!("{error:#}");
            tracing::error!(cause, "channel accounts are not opened anew");
        }
        self.accounts.lock().await.1.clone()
    }

    /// Lets these accounts be used; gives how many.
    fn put(&self, accounts: &Opened) -> usize {
        accounts.tell();
        let gateways = accounts.gateways();
        let count = gateways.len();
        self.checkout.replace_gateways(gateways);
        count
    }

    /// Everything is read before anything is changed; gives how many accounts hold now.
    async fn reload(&self) -> Result<usize> {
        let config = Config::load(self.file.as_deref())?;
        let mut held = self.accounts.lock().await;
        let revision = self.store.accounts_revision().await?;
        let accounts = accounts::opened(&config, &*self.store).await?;
        let filter = log::filter(&config.log)?;
        self.pictures.read(&config.marks)?;
        (self.set_filter)(filter)?;
        // What can't be recorded is not done.
        if let Some(what) = written::told(&held.1.written, &accounts.written) {
            let by = format!("file ({})", self.instance);
            self.store.record_act(&by, &what, now_ms()).await?;
        }
        self.notice.set(&config.page_notice, &config.page_notice_en);
        let count = self.put(&accounts);
        *held = (revision, accounts);
        Ok(count)
    }
}
