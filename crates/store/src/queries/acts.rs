//! What operators do (docs/operating.md, Who did what).

use crate::db::{Database, LIMIT};
use crate::line::{Line, Row, Tx};
use crate::sql::statements;
use payment::acts::OperatorAct;
use payment::ports::{Acts, Answer, StoreError};
use payment::story::Chained;

/// Two at once want the same place: the one that comes second looks again.
const TRIES: u32 = 20;

/// Acts, with what [`act`] reads of each.
const ACTS: &str = "select seq, at_ms, actor, what, hash from operator_act ";

statements! {
    LAST = ACTS, "order by seq desc limit 1";
    AFTER = ACTS, "where seq > $1 order by seq limit $2";
    WITHIN = ACTS, "where (at_ms, seq) < (coalesce((select b.at_ms from operator_act b \
        where b.seq = $3), 9223372036854775807), $3) and at_ms >= $1 and at_ms < $2 \
        order by at_ms desc, seq desc limit $4";
    ADD = "insert into operator_act (seq, at_ms, actor, what, hash) \
        values ($1, $2, $3, $4, $5) on conflict do nothing";
}

#[async_trait::async_trait]
impl Acts for Database {
    async fn record_act(&self, by: &str, what: &str, at_ms: i64) -> Answer<OperatorAct> {
        for _ in 0..TRIES {
            let added = async |tx: &mut Tx| {
                let last = tx.find(LAST, act).await?;
                let mut act = OperatorAct {
                    seq: last.as_ref().map_or(0, |last| last.seq) + 1,
                    at_ms,
                    by: by.to_owned(),
                    what: what.to_owned(),
                    hash: String::new(),
                };
                act.hash = act.link(last.as_ref().map_or("", |last| &last.hash));
                let added = ADD
                    .bind(act.seq)
                    .bind(act.at_ms)
                    .bind(&act.by)
                    .bind(&act.what)
                    .bind(&act.hash);
                Ok((tx.change(added).await? == 1).then_some(act))
            };
            if let Some(act) = self.write(LIMIT, added).await? {
                return Ok(act);
            }
        }
        Err(StoreError::Unavailable(
            "others are writing acts".to_owned(),
        ))
    }

    async fn acts(&self, after: i64, limit: i64) -> Answer<Vec<OperatorAct>> {
        self.list(LIMIT, AFTER.bind(after).bind(limit), act).await
    }

    async fn acts_within(
        &self,
        since_ms: i64,
        until_ms: i64,
        before: i64,
        limit: i64,
    ) -> Answer<Vec<OperatorAct>> {
        let within = WITHIN.bind(since_ms).bind(until_ms);
        self.list(LIMIT, within.bind(before).bind(limit), act).await
    }

    async fn last_act(&self) -> Answer<Option<OperatorAct>> {
        self.read(LIMIT, async |line: &mut Line| line.find(LAST, act).await)
            .await
    }
}

fn act(row: &Row) -> Answer<OperatorAct> {
    Ok(OperatorAct {
        seq: row.get("seq")?,
        at_ms: row.get("at_ms")?,
        by: row.get("actor")?,
        what: row.get("what")?,
        hash: row.get("hash")?,
    })
}
