//! What statements are sent over, and the rows that come back, of either database.

mod lent;

use crate::sql::{Statement, Value};
use Connection::{Alone, Own, Together};
use lent::Lent;
use payment::ports::{Answer, StoreError};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgPool, PgRow};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Decode, Encode, Postgres, Row as _, Sqlite, Transaction, Type};
use std::ops::{Deref, DerefMut};

/// The connections of an opened database.
pub(crate) enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Pool {
    /// A connection whose statements stand alone.
    pub(crate) async fn line(&self) -> Answer<Line> {
        let line = match self {
            Self::Sqlite(pool) => pool.acquire().await.map(|one| Line::Sqlite(Alone(one))),
            Self::Postgres(pool) => Lent::out_of(pool).await.map(Line::Postgres),
        };
        line.map_err(unavailable)
    }

    /// The same, for who keeps it: it does not come back to the pool.
    pub(crate) async fn own_line(&self) -> Answer<Line> {
        let line = match self {
            Self::Sqlite(pool) => {
                let one = pool.acquire().await;
                one.map(|one| Line::Sqlite(Own(one.detach())))
            }
            Self::Postgres(pool) => {
                let one = pool.acquire().await;
                one.map(|one| Line::Postgres(Lent::kept(one.detach())))
            }
        };
        line.map_err(unavailable)
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Tx, sqlx::Error> {
        let line = match self {
            Self::Sqlite(pool) => {
                let begun = pool.begin_with(crate::dialect::SQLITE.begin).await?;
                Line::Sqlite(Together(begun))
            }
            Self::Postgres(pool) => {
                let mut line = Lent::out_of(pool).await?;
                line.begin().await?;
                Line::Postgres(line)
            }
        };
        Ok(Tx(line))
    }
}

/// A connection to SQLite, in a transaction or not.
pub(crate) enum Connection {
    Alone(PoolConnection<Sqlite>),
    Together(Transaction<'static, Sqlite>),
    Own(SqliteConnection),
}

impl Connection {
    fn connection(&mut self) -> &mut SqliteConnection {
        match self {
            Alone(connection) => connection,
            Together(tx) => tx,
            Own(connection) => connection,
        }
    }

    async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Alone(_) | Own(_) => Ok(()),
            Together(tx) => tx.commit().await,
        }
    }
}

/// What statements are sent over.
pub(crate) enum Line {
    Sqlite(Connection),
    Postgres(Lent),
}

/// A line whose statements are kept together or not at all. Dropped, it undoes them.
pub(crate) struct Tx(Line);

impl Tx {
    /// Over a connection of one's own, whose transactions are begun and ended by [`Tx::say`].
    pub(crate) fn alone(line: Line) -> Self {
        Self(line)
    }

    /// Begins, ends or marks a transaction.
    pub(crate) async fn say(&mut self, statement: &'static str) -> Answer<()> {
        let statement = sqlx::raw_sql(statement);
        match &mut self.0 {
            Line::Sqlite(line) => statement.execute(line.connection()).await.map(drop),
            Line::Postgres(line) => statement.execute(line.connection()).await.map(drop),
        }
        .map_err(unavailable)
    }

    pub(crate) async fn commit(self) -> Answer<()> {
        match self.0 {
            Line::Sqlite(line) => line.commit().await,
            Line::Postgres(mut line) => line.commit().await,
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
        tracing::trace!(statement = sql.sqlite, "asked");
        let rows = match self {
            Self::Sqlite(line) => {
                let rows = bound(sql.sqlite, &values).fetch_all(line.connection());
                let rows = rows.await.map(Vec::into_iter);
                rows.map(|rows| rows.map(Row::Sqlite).collect())
            }
            Self::Postgres(line) => {
                let rows = bound(sql.postgres, &values).fetch_all(line.connection());
                let rows = rows.await.map(Vec::into_iter);
                rows.map(|rows| rows.map(Row::Postgres).collect())
            }
        };
        rows.map_err(unavailable)
    }

    /// The first row of a query, if it has one.
    pub(crate) async fn row<'q>(&mut self, asked: impl Into<Statement<'q>>) -> Answer<Option<Row>> {
        Ok(self.rows(asked).await?.into_iter().next())
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
        tracing::trace!(statement = sql.sqlite, "asked");
        match self {
            Self::Sqlite(line) => {
                let done = bound(sql.sqlite, &values).execute(line.connection());
                done.await.map(|done| done.rows_affected())
            }
            Self::Postgres(line) => {
                let done = bound(sql.postgres, &values).execute(line.connection());
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

/// What a row is read as.
pub(crate) type Read<T> = fn(&Row) -> Answer<T>;

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

pub(crate) fn unavailable(error: sqlx::Error) -> StoreError {
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
