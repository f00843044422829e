//! A tail of what others change: rows that triggers write (migration 0012).

use crate::line::{Line, Pool, Row};
use crate::sql::statements;
use payment::ports::{Answer, Change};
use std::collections::HashSet;
use std::time::Instant;

/// More are not told one by one.
const TOLD_MAX: usize = 2_000;

statements! {
    HERE(OF) = "select ", OF.changes_here, " as here";
    SINCE(OF) = "select h.here, c.id, c.domain_code, c.request_key \
        from (select ", OF.changes_here, " as here) h \
        left join change c on ", OF.changes_unseen, " order by c.id limit $2";
}

/// Who listens: a connection of its own, so that nothing is waited for, and so that a
/// server that took another one's place, or begins anew, does not go unnoticed.
pub(crate) struct Tail {
    line: Line,
    pub(crate) begun: Instant,
    /// What it has seen, in the database's own words.
    here: String,
}

impl Tail {
    pub(crate) async fn begin(pool: &Pool) -> Answer<Self> {
        let begun = Instant::now();
        let mut line = pool.own_line().await?;
        let here = line.one(HERE).await?.get("here")?;
        Ok(Self { line, begun, here })
    }

    pub(crate) async fn heard(&mut self) -> Answer<Vec<Change>> {
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
