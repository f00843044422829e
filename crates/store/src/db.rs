//! Both databases behind one type, decided when a statement is sent: the queries are
//! compiled once and say nothing of either. Everything that is asked comes through
//! [`Database::read`], [`Database::write`] and [`Database::write_each`].

use crate::renewal::Renewal;
use crate::sql::{Statement, Value};
use payment::ports::{Answer, StoreError};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqlitePool, SqliteRow};
use sqlx::{Decode, Encode, Postgres, Row as _, Sqlite, Transaction, Type};
use std::ops::{Deref, DerefMut};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// What a payer, a channel or a worker waits for. It is longer than the database's
/// own limits, so that those speak first where they can.
pub(crate) const LIMIT: Duration = Duration::from_secs(12);
/// What an operator's command over the whole database waits for.
pub(crate) const LONG_LIMIT: Duration = Duration::from_secs(300);

/// What a row is read as.
pub(crate) type Read<T> = fn(&Row) -> Answer<T>;

/// What the databases write differently.
pub(crate) struct Dialect {
    /// Begins a transaction.
    pub(crate) begin: &'static str,
    /// Ends a query whose rows nobody else changes until the transaction ends.
    pub(crate) locked: &'static str,
    /// The same, passing over rows that others have locked.
    pub(crate) skip_locked: &'static str,
    /// Before and after a JSON array of texts that is read as rows with the column
    /// `value`.
    pub(crate) texts: [&'static str; 2],
}

/// The connections of an opened database.
pub(crate) enum Pools {
    /// One connection writes.
    Sqlite {
        read: SqlitePool,
        write: SqlitePool,
    },
    Postgres(PgPool),
}

/// The store.
pub(crate) struct Database {
    pools: Pools,
    renewal: Renewal,
    /// When a write was last tried for readiness' sake, and what came of it.
    pub(crate) probed: Mutex<Option<(Instant, Answer<()>)>>,
}

impl Database {
    pub(crate) fn new(pools: Pools, renewal: Renewal) -> Self {
        let probed = Mutex::new(None);
        Self {
            pools,
            renewal,
            probed,
        }
    }

    /// Reads.
    pub(crate) async fn read<T>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Line) -> Answer<T> + Copy,
    ) -> Answer<T> {
        let once = || async move { work(&mut self.reader().await?).await };
        self.within(limit, once).await
    }

    /// Reads the row that a query finds.
    pub(crate) async fn find<T>(
        &self,
        limit: Duration,
        asked: Statement<'_>,
        read: Read<T>,
    ) -> Answer<Option<T>> {
        let found = async |line: &mut Line| line.find(asked.clone(), read).await;
        self.read(limit, found).await
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
            let taken = self.writer().await?.list(due.clone(), one).await?;
            let mut rows = Vec::with_capacity(taken.len());
            for (name, asked) in taken {
                let found = self.reader().await?.find(asked, read).await;
                rows.extend(readable(&name, found)?);
            }
            Ok(rows)
        };
        self.within(LIMIT, once).await
    }

    /// Changes rows by one statement that stands alone.
    pub(crate) async fn change(&self, asked: Statement<'_>) -> Answer<()> {
        let changed = async |line: &mut Line| line.change(asked.clone()).await;
        self.write_each(LIMIT, changed).await.map(|_| ())
    }

    /// Writes by statements that stand alone: each is kept as it is done.
    pub(crate) async fn write_each<T>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut Line) -> Answer<T> + Copy,
    ) -> Answer<T> {
        let once = || async move { work(&mut self.writer().await?).await };
        self.within(limit, once).await
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
        self.within(limit, || self.transact(kept, work)).await
    }

    /// One transaction, within the limit of whoever asks for several.
    pub(crate) async fn transact<T>(
        &self,
        kept: fn(&T) -> bool,
        work: impl AsyncFnOnce(&mut Tx) -> Answer<T>,
    ) -> Answer<T> {
        let mut tx = self.judged(self.begin().await)?;
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
        let answer = in_time(limit, work()).await;
        // Its transaction was not committed: nothing is done twice.
        let Err(StoreError::Outdated(_)) = answer else {
            return answer;
        };
        self.renewal.renew();
        in_time(limit, work()).await
    }

    /// A connection that failed to begin or to commit is not trusted again.
    pub(crate) fn judged<T>(&self, done: Answer<T>) -> Answer<T> {
        done.inspect_err(|_| self.renewal.renew())
    }

    pub(crate) async fn reader(&self) -> Answer<Line> {
        match &self.pools {
            Pools::Sqlite { read, .. } => read.acquire().await.map(Held::Alone).map(Line::Sqlite),
            Pools::Postgres(pool) => pool.acquire().await.map(Held::Alone).map(Line::Postgres),
        }
        .map_err(unavailable)
    }

    async fn writer(&self) -> Answer<Line> {
        match &self.pools {
            Pools::Sqlite { write, .. } => write.acquire().await.map(Held::Alone).map(Line::Sqlite),
            Pools::Postgres(_) => return self.reader().await,
        }
        .map_err(unavailable)
    }

    async fn begin(&self) -> Answer<Tx> {
        match &self.pools {
            Pools::Sqlite { write, .. } => {
                let begun = write.begin_with(crate::sqlite::DIALECT.begin).await;
                begun.map(Held::Together).map(Line::Sqlite)
            }
            Pools::Postgres(pool) => {
                let begun = pool.begin_with(crate::postgres::DIALECT.begin).await;
                begun.map(Held::Together).map(Line::Postgres)
            }
        }
        .map(Tx)
        .map_err(unavailable)
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

async fn in_time<T>(limit: Duration, work: impl Future<Output = Answer<T>>) -> Answer<T> {
    let late = || StoreError::Unavailable("time-out".to_owned());
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(late()))
}

/// A connection, in a transaction or not.
pub(crate) enum Held<D: sqlx::Database> {
    Alone(PoolConnection<D>),
    Together(Transaction<'static, D>),
}

impl<D: sqlx::Database> Held<D> {
    fn connection(&mut self) -> &mut D::Connection {
        match self {
            Self::Alone(connection) => connection,
            Self::Together(tx) => tx,
        }
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Alone(_) => Ok(()),
            Self::Together(tx) => tx.commit().await,
        }
    }
}

/// What statements are sent over.
pub(crate) enum Line {
    Sqlite(Held<Sqlite>),
    Postgres(Held<Postgres>),
}

/// A line whose statements are kept together or not at all. Dropped, it undoes them.
pub(crate) struct Tx(Line);

impl Tx {
    async fn commit(self) -> Answer<()> {
        match self.0 {
            Line::Sqlite(held) => held.commit().await,
            Line::Postgres(held) => held.commit().await,
        }
        .map_err(unavailable)
    }
}

impl Deref for Tx {
    type Target = Line;

    fn deref(&self) -> &Line {
        &self.0
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut Line {
        &mut self.0
    }
}

impl Line {
    /// All rows of a query.
    pub(crate) async fn rows<'q>(&mut self, asked: impl Into<Statement<'q>>) -> Answer<Vec<Row>> {
        let Statement { sql, values } = asked.into();
        let rows = match self {
            Self::Sqlite(held) => {
                let query = bound(sql.sqlite, &values).fetch_all(held.connection());
                query
                    .await
                    .map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(held) => {
                let query = bound(sql.postgres, &values).fetch_all(held.connection());
                query
                    .await
                    .map(|rows| rows.into_iter().map(Row::Postgres).collect())
            }
        };
        rows.map_err(unavailable)
    }

    /// The first row of a query, if it has one.
    pub(crate) async fn row<'q>(&mut self, asked: impl Into<Statement<'q>>) -> Answer<Option<Row>> {
        let Statement { sql, values } = asked.into();
        let row = match self {
            Self::Sqlite(held) => {
                let query = bound(sql.sqlite, &values).fetch_optional(held.connection());
                query.await.map(|row| row.map(Row::Sqlite))
            }
            Self::Postgres(held) => {
                let query = bound(sql.postgres, &values).fetch_optional(held.connection());
                query.await.map(|row| row.map(Row::Postgres))
            }
        };
        row.map_err(unavailable)
    }

    /// The first row of a query, if it has one, as it is read.
    pub(crate) async fn find<'q, T>(
        &mut self,
        asked: impl Into<Statement<'q>>,
        read: Read<T>,
    ) -> Answer<Option<T>> {
        self.row(asked).await?.as_ref().map(read).transpose()
    }

    /// All rows of a query, as they are read.
    pub(crate) async fn list<'q, T>(
        &mut self,
        asked: impl Into<Statement<'q>>,
        read: Read<T>,
    ) -> Answer<Vec<T>> {
        self.rows(asked).await?.iter().map(read).collect()
    }

    /// The row of a query that has one.
    pub(crate) async fn one<'q>(&mut self, asked: impl Into<Statement<'q>>) -> Answer<Row> {
        let row = self.row(asked).await?;
        row.ok_or_else(|| unavailable(sqlx::Error::RowNotFound))
    }

    /// Changes rows; gives how many.
    pub(crate) async fn change<'q>(&mut self, asked: impl Into<Statement<'q>>) -> Answer<u64> {
        self.changed(asked.into()).await.map_err(unavailable)
    }

    /// The same; false where a name that is to be written is taken.
    pub(crate) async fn insert<'q>(&mut self, asked: impl Into<Statement<'q>>) -> Answer<bool> {
        match self.changed(asked.into()).await {
            Err(error) if is_unique_violation(&error) => Ok(false),
            other => other.map(|_| true).map_err(unavailable),
        }
    }

    async fn changed(&mut self, asked: Statement<'_>) -> Result<u64, sqlx::Error> {
        let Statement { sql, values } = asked;
        match self {
            Self::Sqlite(held) => {
                let done = bound(sql.sqlite, &values).execute(held.connection());
                done.await.map(|done| done.rows_affected())
            }
            Self::Postgres(held) => {
                let done = bound(sql.postgres, &values).execute(held.connection());
                done.await.map(|done| done.rows_affected())
            }
        }
    }
}

fn bound<'q, D: sqlx::Database>(
    text: &'static str,
    values: &'q [Value<'_>],
) -> Query<'q, D, D::Arguments>
where
    Option<i64>: Encode<'q, D> + Type<D>,
    Option<&'q str>: Encode<'q, D> + Type<D>,
    &'q [u8]: Encode<'q, D> + Type<D>,
{
    values
        .iter()
        .fold(sqlx::query(text), |query, value| match value {
            Value::Number(number) => query.bind(*number),
            Value::Text(text) => query.bind(text.as_deref()),
            Value::Bytes(bytes) => query.bind(*bytes),
        })
}

/// A row of either database.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl Row {
    /// What stands in a column.
    pub(crate) fn get<'r, T>(&'r self, column: &str) -> Answer<T>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
        .map_err(|error| StoreError::Corrupt(format!("{column}: {error}")))
    }
}

/// What PostgreSQL says of a statement that was prepared before its tables changed.
const PLAN_IS_OLD: &str = "0A000";

fn unavailable(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some(PLAN_IS_OLD) => StoreError::Outdated(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| database.is_unique_violation())
}
