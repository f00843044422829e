//! How far the books have come (docs/reliability.md, Books that go back).

use crate::db::{Database, LIMIT, in_time};
use crate::line::{Line, Row, Tx};
use crate::sql::statements;
use payment::ports::{Acceptance, Answer, Mark, Marks, StoreError};

/// An acceptance leaves so much room that no instance has seen more before it.
const ROOM: i64 = 1_000_000;

statements! {
    MARK(OF) = "select name, era, sequence, ", OF.system, " as system, ", OF.timeline,
        " as timeline from book where id = 1";
    STEP = "update book set sequence = sequence + 1 where id = 1";
    SET = "update book set name = $1, era = $2, sequence = $3 where id = 1";
    ACCEPT = "insert into book_acceptance (era, at_ms, accepted_by, reason, seen, found) \
        values ($1, $2, $3, $4, $5, $6)";
}

/// What a new connection is asked.
pub(crate) const MARK_OF_POSTGRES: &str = MARK.postgres;

#[async_trait::async_trait]
impl Marks for Database {
    async fn keep_mark(&self) -> Answer<bool> {
        if !self.guard.arm() {
            return Ok(false);
        }
        let seen = self.guard.seen();
        let mut now = match self.mark().await {
            Ok(now) => now,
            // No connection is made to a server that is refused: it is told why.
            Err(error) => return Err(self.guard.pass().err().unwrap_or(error)),
        };
        self.guard.judge(seen.as_ref(), &now)?;
        if self.guard.take_written() {
            let stepped = async |line: &mut Line| line.change(STEP).await;
            let stepped = self.within(LIMIT, || self.each(stepped)).await;
            if let Err(error) = stepped {
                self.guard.note_write();
                return Err(error);
            }
            now = self.mark().await?;
            self.guard.judge(seen.as_ref(), &now)?;
        }
        let kept = self.guard.keep(now).await;
        let unkept = |error| StoreError::Unavailable(format!("the mark can't be kept: {error}"));
        kept.map(|()| true).map_err(unkept)
    }

    /// Not through [`Database::read`], which is barred just then.
    async fn mark(&self) -> Answer<Mark> {
        let read = async { self.reads.line().await?.one(MARK).await };
        mark_row(&in_time(LIMIT, read).await?)
    }

    async fn accept(&self, acceptance: &Acceptance) -> Answer<Mark> {
        let seen = acceptance.seen.as_ref();
        self.write(LIMIT, async |tx: &mut Tx| {
            let found = mark_row(&tx.one(MARK).await?)?;
            let later = |now: i64, seen: Option<i64>| now.max(seen.unwrap_or(now));
            let mut accepted = found.clone();
            // Under the name that instances know, which else take other books for none
            // of theirs.
            if let Some(seen) = seen {
                accepted.book.clone_from(&seen.book);
            }
            accepted.era = later(found.era, seen.map(|seen| seen.era)) + 1;
            accepted.sequence = later(found.sequence, seen.map(|seen| seen.sequence)) + ROOM;
            let set = SET.bind(&accepted.book).bind(accepted.era);
            tx.change(set.bind(accepted.sequence)).await?;
            let row = ACCEPT
                .bind(accepted.era)
                .bind(acceptance.at_ms)
                .bind(&acceptance.by)
                .bind(&acceptance.reason)
                .bind(seen.map(ToString::to_string))
                .bind(found.to_string());
            tx.change(row).await?;
            Ok(accepted)
        })
        .await
    }
}

/// How far a row of [`MARK`] says that the books are.
pub(crate) fn mark_row(row: &Row) -> Answer<Mark> {
    Ok(Mark {
        book: row.get("name")?,
        era: row.get("era")?,
        sequence: row.get("sequence")?,
        system: row.get("system")?,
        timeline: row.get("timeline")?,
    })
}
