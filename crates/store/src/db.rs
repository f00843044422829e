//! Both databases behind one type, decided when a statement is sent: the queries are
//! compiled once and say nothing of either. Everything that is asked comes through
//! [`Database::read`], [`Database::write`] and [`Database::write_each`].

use crate::guard::Guard;
use crate::keys::Keys;
use crate::line::{Line, Pool, Read, Tx, unavailable};
use crate::renewal::Renewal;
use crate::sql::Statement;
use crate::tail::Tail;
use crate::train::Train;
use payment::ports::{Answer, StoreError};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// What a payer, a channel or a worker waits for. It is longer than the database's
/// own limits, so that those speak first where they can.
pub(crate) const LIMIT: Duration = Duration::from_secs(12);
/// What an operator's command over the whole database waits for. An instance's server of
/// PostgreSQL gives up sooner ([`crate::Address::patient`]).
pub(crate) const LONG_LIMIT: Duration = Duration::from_secs(300);

/// A database that gave an answer so lately is not away.
const LATELY: Duration = Duration::from_secs(2);

/// How long whoever asks the database waits for its answer.
pub const ANSWER_SECONDS: &str = "tongfu_database_answer_seconds";

/// The store.
pub(crate) struct Database {
    pub(crate) reads: Pool,
    pub(crate) writes: Writes,
    renewal: Renewal,
    /// What was seen of it, which it must still hold.
    pub(crate) guard: Arc<Guard>,
    /// By which secrets are kept.
    pub(crate) keys: Keys,
    /// When it last gave an answer that was none of trouble.
    answered: std::sync::Mutex<Instant>,
    /// Whether it was seen that no clear text of them is kept.
    pub(crate) sealed: AtomicBool,
    /// When a write was last tried for readiness' sake, and what came of it.
    pub(crate) probed: Mutex<Option<(Instant, Answer<()>)>>,
    /// Who hears what others change.
    pub(crate) tail: Mutex<Option<Tail>>,
}

/// How it is written to.
pub(crate) enum Writes {
    /// One after the other, committed together.
    Train(Arc<Train>),
    /// Each over a connection of its own.
    Beside(Pool),
}

impl Database {
    pub(crate) fn new(reads: Pool, writes: Writes, renewal: Renewal, guard: Arc<Guard>) -> Self {
        Self {
            reads,
            writes,
            renewal,
            guard,
            keys: Keys::default(),
            answered: std::sync::Mutex::new(Instant::now()),
            sealed: AtomicBool::new(false),
            probed: Mutex::new(None),
            tail: Mutex::new(None),
        }
    }

    /// Reads.
    pub(crate) async fn read<T>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Line) -> Answer<T> + Copy,
    ) -> Answer<T> {
        let once = || async move { work(&mut self.line(&self.reads).await?).await };
        self.within(limit, once).await
    }

    /// A connection to a server that holds what was seen: it may have been made just now.
    async fn line(&self, pool: &Pool) -> Answer<Line> {
        let line = pool.line().await?;
        self.guard.pass()?;
        Ok(line)
    }

    /// Reads the row that a query finds.
    pub(crate) async fn find<T>(&self, asked: Statement<'_>, read: Read<T>) -> Answer<Option<T>> {
        let found = async |line: &mut Line| line.find(asked.clone(), read).await;
        self.read(LIMIT, found).await
    }

    /// Reads all rows that a query finds.
    pub(crate) async fn list<T>(
        &self,
        limit: Duration,
        asked: Statement<'_>,
        read: Read<T>,
    ) -> Answer<Vec<T>> {
        let found = async |line: &mut Line| line.list(asked.clone(), read).await;
        self.read(limit, found).await
    }

    /// Takes what is due by a statement that puts it off, and reads each by `one`,
    /// which gives its name and the query that finds it.
    pub(crate) async fn take<T>(
        &self,
        due: Statement<'_>,
        one: Read<(String, Statement<'static>)>,
        read: Read<T>,
    ) -> Answer<Vec<T>> {
        let once = || async {
            let taken = self
                .each(async |line: &mut Line| line.list(due.clone(), one).await)
                .await?;
            let mut rows = Vec::with_capacity(taken.len());
            for (name, asked) in taken {
                let found = self.reads.line().await?.find(asked, read).await;
                rows.extend(readable(&name, found)?);
            }
            Ok(rows)
        };
        self.within(LIMIT, once).await
    }

    /// Changes rows by one statement that stands alone.
    pub(crate) async fn change(&self, asked: Statement<'_>) -> Answer<()> {
        let changed = async |line: &mut Line| line.change(asked.clone()).await;
        let changed = self.write_each(LIMIT, changed).await?;
        if changed > 0 {
            self.guard.note_write();
        }
        Ok(())
    }

    /// Writes by statements that stand alone: each is kept as it is done.
    pub(crate) async fn write_each<T>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Line) -> Answer<T> + Copy,
    ) -> Answer<T> {
        self.within(limit, || self.each(work)).await
    }

    pub(crate) async fn each<T>(
        &self,
        work: impl AsyncFnOnce(&mut Line) -> Answer<T>,
    ) -> Answer<T> {
        match &self.writes {
            Writes::Train(train) => {
                let on_board = async |tx: &mut Tx| work(tx).await;
                train.ride(|_| true, on_board).await
            }
            Writes::Beside(pool) => work(&mut self.line(pool).await?).await,
        }
    }

    /// Writes in one transaction, which is kept where `work` has an answer.
    pub(crate) async fn write<T>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Tx) -> Answer<T> + Copy,
    ) -> Answer<T> {
        self.write_if(limit, |_| true, work).await
    }

    /// The same, which is kept where its answer is one that `kept` says.
    pub(crate) async fn write_if<T>(
        &self,
        limit: Duration,
        kept: fn(&T) -> bool,
        work: impl AsyncFnOnce(&mut Tx) -> Answer<T> + Copy,
    ) -> Answer<T> {
        let written = self.within(limit, || self.transact(kept, work)).await;
        written.inspect(|_| self.guard.note_write())
    }

    /// One transaction, within the limit of whoever asks for several.
    pub(crate) async fn transact<T>(
        &self,
        kept: fn(&T) -> bool,
        work: impl AsyncFnOnce(&mut Tx) -> Answer<T>,
    ) -> Answer<T> {
        let pool = match &self.writes {
            Writes::Train(train) => return train.ride(kept, work).await,
            Writes::Beside(pool) => pool,
        };
        let begun = pool.begin().await;
        let mut tx = begun.map_err(|error| self.not_begun(error))?;
        self.guard.pass()?;
        let answer = work(&mut tx).await?;
        if kept(&answer) {
            self.judged(tx.commit().await)?;
        }
        Ok(answer)
    }

    /// A server that hangs, or a network that swallows packets, is trouble like any
    /// other, and told as such. What was asked to be written may have been written
    /// then; every step of the store may be repeated. Where tables changed under a
    /// statement it is asked once more.
    pub(crate) async fn within<T, F: Future<Output = Answer<T>>>(
        &self,
        limit: Duration,
        work: impl Fn() -> F,
    ) -> Answer<T> {
        self.guard.pass()?;
        let asked = Instant::now();
        let mut answer = in_time(limit, work()).await;
        // Its transaction was not committed: nothing is done twice.
        if let Err(StoreError::Outdated(_)) = answer {
            self.renewal.renew();
            answer = in_time(limit, work()).await;
        }
        metrics::histogram!(ANSWER_SECONDS).record(asked.elapsed());
        if answer.is_ok() {
            *self.answered.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
        answer
    }

    /// Whether connections that were made then are not used again.
    pub(crate) fn is_given_up(&self, made: Instant) -> bool {
        self.renewal.is_old(made.elapsed())
    }

    /// Who waited in vain while others had their answers found no connection free, and
    /// none that failed: under load all would be made anew for nothing, over and over.
    fn not_begun(&self, error: sqlx::Error) -> StoreError {
        let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let is_busy = answered.elapsed() < LATELY;
        if !(is_busy && matches!(error, sqlx::Error::PoolTimedOut)) {
            self.renewal.renew();
        }
        unavailable(error)
    }

    /// A connection that failed to begin or to commit is not trusted again.
    pub(crate) fn judged<T>(&self, done: Answer<T>) -> Answer<T> {
        done.inspect_err(|_| self.renewal.renew())
    }
}

/// A row that can't be read is told, and keeps no other from its turn.
fn readable<T>(name: &str, found: Answer<Option<T>>) -> Answer<Option<T>> {
    match found {
        Err(StoreError::Corrupt(cause)) => {
            tracing::error!(number = name, cause, "an order or refund can't be read");
            Ok(None)
        }
        found => found,
    }
}

/// What takes longer is told as trouble.
pub(crate) async fn in_time<T>(
    limit: Duration,
    work: impl Future<Output = Answer<T>>,
) -> Answer<T> {
    let late = || StoreError::Unavailable("time-out".to_owned());
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(late()))
}
