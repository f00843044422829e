//! A connection of PostgreSQL's pool, on loan: it always leaves its place.

use crate::db::LIMIT;
use crate::dialect::POSTGRES;
use Held::{Alone, Pooled};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnection, PgPool};
use sqlx::{Error, Postgres};
use tokio::time::timeout;

/// A connection, in a transaction or not. Dropped, it goes back to its pool, and what it
/// was at is undone.
///
/// Before the driver takes it back it waits for what was asked, without a limit. A server
/// that fell silent never answers, and each connection that was in use then would keep its
/// place. So there is a limit here, and past it the connection is dropped: to close it would
/// be to wait for the server once more, where it is encrypted.
pub(crate) struct Lent {
    held: Option<Held>,
    /// A transaction may have been begun, and is not ended.
    is_open: bool,
}

enum Held {
    Pooled(PoolConnection<Postgres>),
    /// It is nobody else's.
    Alone(PgConnection),
}

impl Lent {
    /// One that goes back.
    pub(super) async fn out_of(pool: &PgPool) -> Result<Self, Error> {
        pool.acquire().await.map(|one| Self::holding(Pooled(one)))
    }

    /// One that does not.
    pub(super) fn kept(one: PgConnection) -> Self {
        Self::holding(Alone(one))
    }

    fn holding(held: Held) -> Self {
        Self {
            held: Some(held),
            is_open: false,
        }
    }

    pub(super) fn connection(&mut self) -> &mut PgConnection {
        match &mut self.held {
            Some(Pooled(connection)) => connection,
            Some(Alone(connection)) => connection,
            None => unreachable!("it is held until it is dropped"),
        }
    }

    pub(super) async fn begin(&mut self) -> Result<(), Error> {
        self.is_open = true;
        let begun = sqlx::raw_sql(POSTGRES.begin).execute(self.connection());
        begun.await.map(drop)
    }

    pub(super) async fn commit(&mut self) -> Result<(), Error> {
        if self.is_open {
            sqlx::raw_sql("commit").execute(self.connection()).await?;
            self.is_open = false;
        }
        Ok(())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(Pooled(one)) = self.held.take() {
            tokio::spawn(give_back(one, self.is_open));
        }
    }
}

async fn give_back(mut one: PoolConnection<Postgres>, is_open: bool) {
    if is_open {
        let undone = sqlx::raw_sql("rollback").execute(&mut *one);
        let undone = timeout(LIMIT, undone).await;
        if !matches!(undone, Ok(Ok(_))) {
            drop(one.detach());
            return;
        }
    }
    // Given up in the middle, this lets go of the connection and of its place.
    let _ = timeout(LIMIT, one.return_to_pool()).await;
}
