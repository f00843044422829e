//! What operators are told of by message (docs/operating.md, Alarms by message).

use crate::db::{Database, LIMIT};
use crate::line::{Row, Tx};
use crate::sql::statements;
use payment::ports::{Alarms, Answer, KeptAlarm};

statements! {
    SEE = "insert into alarm (kind, since_ms, last_ms, told, next_ms) values ($1, $2, $2, 0, $2) \
        on conflict (kind) do update set last_ms = excluded.last_ms";
    /// Of all, which are no more than there are kinds.
    TAKE = "update alarm set next_ms = $2 where next_ms <= $1 \
        returning kind, since_ms, last_ms, told";
    TOLD = "update alarm set told = 1 where kind = $1";
    END = "delete from alarm where kind = $1 and last_ms = $2";
}

#[async_trait::async_trait]
impl Alarms for Database {
    async fn see_alarm(&self, kind: &str, now_ms: i64) -> Answer<()> {
        self.change(SEE.bind(kind).bind(now_ms)).await
    }

    async fn take_alarms(&self, now_ms: i64, again_ms: i64) -> Answer<Vec<KeptAlarm>> {
        let take = TAKE.bind(now_ms).bind(again_ms);
        let taken = async |tx: &mut Tx| tx.list(take.clone(), kept_alarm).await;
        self.write(LIMIT, taken).await
    }

    async fn tell_alarm(&self, kind: &str) -> Answer<()> {
        self.change(TOLD.bind(kind)).await
    }

    async fn end_alarm(&self, kind: &str, last_ms: i64) -> Answer<bool> {
        let end = END.bind(kind).bind(last_ms);
        let ended = async |tx: &mut Tx| tx.change(end.clone()).await;
        Ok(self.write(LIMIT, ended).await? == 1)
    }
}

fn kept_alarm(row: &Row) -> Answer<KeptAlarm> {
    Ok(KeptAlarm {
        kind: row.get("kind")?,
        since_ms: row.get("since_ms")?,
        last_ms: row.get("last_ms")?,
        told: row.get::<i64>("told")? != 0,
    })
}
