//! What statements are sent over, and the rows that come back, of either database.

use crate::sql::{Statement, Value};
use payment::ports::{Answer, StoreError};
use sqlx::pool::PoolConnection;
use sqlx::postgres::PgRow;
use sqlx::query::Query;
use sqlx::sqlite::SqliteRow;
use sqlx::{Decode, Encode, Postgres, Row as _, Sqlite, Transaction, Type};
use std::ops::{Deref, DerefMut};

/// A connection, in a transaction or not.
pub(crate) enum Connection<D: sqlx::Database> {
    Alone(PoolConnection<D>),
    Together(Transaction<'static, D>),
}

impl<D: sqlx::Database> Connection<D> {
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
    Sqlite(Connection<Sqlite>),
    Postgres(Connection<Postgres>),
}

/// A line whose statements are kept together or not at all. Dropped, it undoes them.
pub(crate) struct Tx(pub(crate) Line);

impl Tx {
    pub(crate) async fn commit(self) -> Answer<()> {
        match self.0 {
            Line::Sqlite(connection) => connection.commit().await,
            Line::Postgres(connection) => connection.commit().await,
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
            Self::Sqlite(connection) => {
                let query = bound(sql.sqlite, &values).fetch_all(connection.connection());
                query
                    .await
                    .map(|rows| rows.into_iter().map(Row::Sqlite).collect())
            }
            Self::Postgres(connection) => {
                let query = bound(sql.postgres, &values).fetch_all(connection.connection());
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
            Self::Sqlite(connection) => {
                let query = bound(sql.sqlite, &values).fetch_optional(connection.connection());
                query.await.map(|row| row.map(Row::Sqlite))
            }
            Self::Postgres(connection) => {
                let query = bound(sql.postgres, &values).fetch_optional(connection.connection());
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
            Self::Sqlite(connection) => {
                let done = bound(sql.sqlite, &values).execute(connection.connection());
                done.await.map(|done| done.rows_affected())
            }
            Self::Postgres(connection) => {
                let done = bound(sql.postgres, &values).execute(connection.connection());
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
