//! What others changed: rows that triggers write (migration 0012).

use crate::db::{Database, LIMIT, in_time};
use crate::line::{Line, Row};
use crate::sql::statements;
use payment::ports::{Answer, CHANGES_KEPT, Change, Changes};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// More are not told one by one.
const TOLD_MAX: usize = 2_000;
/// More are not taken away at once.
const FORGOTTEN_MAX: i64 = 50_000;
/// Who waits longer for an answer hears nothing, and tells so.
const HEAR_LIMIT: Duration = Duration::from_secs(2);

statements! {
    HERE(OF) = "select ", OF.changes_here, " as here";
    SINCE(OF) = "select h.here, c.id, c.domain_code, c.request_key \
        from (select ", OF.changes_here, " as here) h \
        left join change c on ", OF.changes_unseen, " order by c.id limit $2";
    FORGET(OF) = "delete from change where id", OF.found[0],
        "select id from change where at_ms < ", OF.now_ms, " - $1 order by at_ms limit $2",
        OF.found[1];
}

/// Who listens: a connection of its own, so that nothing is waited for, and so that a
/// server that took another one's place, or begins anew, does not go unnoticed.
pub(crate) struct Tail {
    line: Line,
    begun: Instant,
    /// What it has seen, in the database's own words.
    here: String,
}

impl Tail {
    async fn begin(store: &Database) -> Answer<Self> {
        let begun = Instant::now();
        let mut line = store.reads.own_line().await?;
        let here = line.one(HERE).await?.get("here")?;
        Ok(Self { line, begun, here })
    }

    async fn heard(&mut self) -> Answer<Vec<Change>> {
        let limit = i64::try_from(TOLD_MAX).unwrap_or(i64::MAX);
        let asked = SINCE.bind(&self.here).bind(limit);
        let rows = self.line.rows(asked).await?;
        let here = rows.first().map(|row| row.get("here")).transpose()?;
        let changes = rows.iter().filter_map(|row| told(row).transpose());
        let changes: HashSet<Change> = changes.collect::<Answer<_>>()?;
        // Even where nothing was changed there is a row.
        self.here = here.unwrap_or_default();
        Ok(if rows.len() < TOLD_MAX {
            changes.into_iter().collect()
        } else {
            vec![Change::All]
        })
    }
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
                let tail = in_time(LIMIT, Tail::begin(self)).await?;
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

/// What a row tells; one of nothing is there too.
fn told(row: &Row) -> Answer<Option<Change>> {
    let domain_code: Option<String> = row.get("domain_code")?;
    let request_key: Option<String> = row.get("request_key")?;
    Ok(domain_code.map(|domain_code| match request_key {
        Some(request_key) => Change::Request {
            domain_code,
            request_key,
        },
        None => Change::Business(domain_code),
    }))
}
