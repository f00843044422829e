//! SIGHUP: accounts, their keys, the pictures of the channels, the notice and the log's
//! filter are read anew. The rest of the configuration holds from the next start.

use crate::accounts::{self, Opened, is_another, written};
use crate::clock::now_ms;
use crate::config::Config;
use crate::log;
use crate::payer::marks::Pictures;
use crate::payer::notice::Notice;
use crate::worker::rested;
use anyhow::{Result, bail};
use checkout::Checkout;
use payment::ports::{Gateway, Store};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Mutex, watch};
use tokio::task::block_in_place;
use tokio::time::timeout;

/// How often it is looked whether the database's accounts were changed.
const LOOK_EACH: Duration = Duration::from_millis(500);
/// A page waits no longer for accounts that were changed a moment ago.
const PAGE_WAIT: Duration = Duration::from_millis(500);

/// The accounts that are used, and the revision of the database's.
pub(crate) struct Used {
    held: RwLock<(i64, Opened)>,
    /// Who reads them anew has it from beginning to end; who looks needs it not.
    turn: Mutex<()>,
}

impl Used {
    pub(crate) fn new(revision: i64, accounts: Opened) -> Self {
        Self {
            held: RwLock::new((revision, accounts)),
            turn: Mutex::default(),
        }
    }

    /// As they are used now.
    fn get(&self) -> (i64, Opened) {
        let held = self.held.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    fn set(&self, revision: i64, accounts: Opened) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        *held = (revision, accounts);
    }
}

/// What can be changed while the program runs.
pub(crate) struct Reloaded {
    /// The operator's configuration file, where one was named.
    pub(crate) file: Option<PathBuf>,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) checkout: Arc<Checkout>,
    pub(crate) pictures: Pictures,
    pub(crate) notice: Notice,
    pub(crate) set_filter: log::SetFilter,
    pub(crate) accounts: Used,
    pub(crate) public_url: String,
    /// The settings as they were last read, for who looks at what they name.
    pub(crate) settings: watch::Sender<Config>,
    /// What this instance is called among those at work.
    pub(crate) instance: String,
}

/// Hears SIGHUPs from now on: who is not heard ends the program.
pub(crate) fn hangups() -> Option<Signal> {
    let hangups = signal(SignalKind::hangup());
    let told = |error: &io::Error| tracing::warn!(cause = %error, "SIGHUP can't be heard");
    hangups.inspect_err(told).ok()
}

/// Reads everything anew at each SIGHUP, for as long as the program runs.
pub(crate) async fn at_each_hangup(reloaded: Arc<Reloaded>, hangups: Option<Signal>) {
    let Some(mut hangups) = hangups else {
        return;
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
        if !self.is_changed().await {
            return Ok(());
        }
        let _turn = self.accounts.turn.lock().await;
        // Another may have read them meanwhile.
        let (held, accounts) = self.accounts.get();
        let revision = match self.store.accounts_revision().await {
            Ok(revision) if revision != held => revision,
            _ => return Ok(()),
        };
        let accounts = accounts.read_kept(&self.public_url, &*self.store).await?;
        let count = self.put(revision, accounts);
        tracing::info!(accounts = count, "opened anew: channel accounts");
        Ok(())
    }

    /// Whether the database's are others by now; a database in trouble is told of
    /// elsewhere.
    async fn is_changed(&self) -> bool {
        let revision = self.store.accounts_revision().await;
        revision.is_ok_and(|revision| revision != self.accounts.get().0)
    }

    /// The accounts as they are used now, after every change that the database holds; those
    /// that held before where it can't be asked, or a reload is long under way.
    pub(crate) async fn accounts(&self) -> Opened {
        if let Ok(Err(error)) = timeout(PAGE_WAIT, self.read_kept()).await {
            let cause = format!("{error:#}");
            tracing::error!(cause, "channel accounts are not opened anew");
        }
        self.accounts.get().1
    }

    /// Lets these accounts be used; gives how many.
    fn put(&self, revision: i64, accounts: Opened) -> usize {
        accounts.tell();
        let gateways = accounts.gateways();
        let count = gateways.len();
        self.checkout.replace_gateways(gateways);
        self.accounts.set(revision, accounts);
        count
    }

    /// Orders are asked about, and given back, at the account that they were made with: as
    /// another merchant's it does not know them, and they would be taken for unpaid.
    async fn check_merchants(&self, accounts: &Opened) -> Result<()> {
        let (_, used) = self.accounts.get();
        let was = used.gateways();
        let is_changed = |one: &Arc<dyn Gateway>| {
            let name = (one.channel(), one.account());
            let mut was = was.iter();
            let was = was.find(|was| (was.channel(), was.account()) == name);
            // Where the file gives a name free, the database's account of that name shows.
            let by_file = accounts.is_of_file(&**one) || used.is_of_file(&**one);
            by_file && was.is_some_and(|was| is_another(&**was, &**one))
        };
        let mut changed = accounts.gateways();
        changed.retain(is_changed);
        if changed.is_empty() {
            return Ok(());
        }
        let in_use = self.store.accounts_in_use().await?;
        for one in changed {
            let (channel, name) = (one.channel(), one.account().to_owned());
            if in_use.contains(&(channel, name.clone())) {
                bail!(
                    "{}/{name} would be another merchant's, or of another currency, and orders or \
                     refunds wait for it: give that one another name",
                    channel.code()
                );
            }
        }
        Ok(())
    }

    /// Everything is read before anything is changed; gives how many accounts hold now.
    async fn reload(&self) -> Result<usize> {
        // A disk that does not answer must not keep everybody else waiting.
        let (config, of_file) = block_in_place(|| {
            let mut config = Config::load(self.file.as_deref())?;
            // Another one holds from the next start: until then nobody is there for notifies.
            config.public_url.clone_from(&self.public_url);
            let of_file = accounts::opened_of_file(&config)?;
            anyhow::Ok((config, of_file))
        })?;
        let _turn = self.accounts.turn.lock().await;
        let revision = self.store.accounts_revision().await?;
        let accounts = of_file.read_kept(&config.public_url, &*self.store).await?;
        // A file that was cut short must not keep every payer and open order from its channel.
        if accounts.gateways().is_empty() && !self.accounts.get().1.gateways().is_empty() {
            bail!("no channel account would be left: restart where that is meant");
        }
        self.check_merchants(&accounts).await?;
        let filter = log::filter(&config.log)?;
        let by = format!("file ({})", self.instance);
        // What can't be recorded is not done.
        let recorded = match written::told(&self.accounts.get().1.written, &accounts.written) {
            Some(what) => Some(self.store.record_act(&by, &what, now_ms()).await?),
            None => None,
        };
        let pictures = block_in_place(|| self.pictures.read(&config.marks));
        if let Err(error) = pictures.and_then(|()| (self.set_filter)(filter)) {
            if let Some(act) = recorded {
                let failed = format!("{} failed", act.seq);
                self.store.record_act(&by, &failed, now_ms()).await?;
            }
            return Err(error);
        }
        self.notice.set(&config.page_notice, &config.page_notice_en);
        self.settings.send_replace(config);
        Ok(self.put(revision, accounts))
    }
}
