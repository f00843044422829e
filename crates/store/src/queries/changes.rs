//! What others changed, heard and forgotten (migration 0012).

use crate::db::{Database, LIMIT, in_time};
use crate::sql::statements;
use crate::tail::Tail;
use payment::ports::{Answer, CHANGES_KEPT, Change, Changes};
use std::time::Duration;

/// More are not taken away at once.
const FORGOTTEN_MAX: i64 = 50_000;
/// Who waits longer for an answer hears nothing, and tells so.
const HEAR_LIMIT: Duration = Duration::from_secs(2);

statements! {
    FORGET(OF) = "delete from change where id", OF.found[0],
        "select id from change where at_ms < ", OF.now_ms, " - $1 order by at_ms limit $2",
        OF.found[1];
}

#[async_trait::async_trait]
impl Changes for Database {
    async fn changes(&self) -> Answer<Vec<Change>> {
        self.guard.pass()?;
        let mut place = self.tail.lock().await;
        // Who fails, or is left in the middle, does not come back to its place.
        let known = place.take().filter(|tail| !self.is_given_up(tail.begun));
        let (tail, changes) = match known {
            Some(mut tail) => {
                let changes = in_time(HEAR_LIMIT, tail.heard()).await?;
                (tail, changes)
            }
            None => {
                let tail = in_time(LIMIT, Tail::begin(&self.reads)).await?;
                (tail, vec![Change::All])
            }
        };
        *place = Some(tail);
        Ok(changes)
    }

    async fn forget_changes(&self) -> Answer<()> {
        let kept_ms = i64::try_from(CHANGES_KEPT.as_millis()).unwrap_or(i64::MAX);
        self.change(FORGET.bind(kept_ms).bind(FORGOTTEN_MAX)).await
    }
}
