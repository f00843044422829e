//! What operators are told of by message (docs/operating.md, Alarms by message).

use crate::db::{Database, LIMIT};
use crate::line::{Row, Tx};
use crate::sql::statements;
use payment::ports::{Alarms, Answer, KeptAlarm};

statements! {
    SEE = "insert into alarm (kind, since_ms, last_ms, told, next_ms, seen, told_of) \
        values ($1, $2, $2, 0, $2, $3, 0) on conflict (kind) do update set \
        last_ms = excluded.last_ms, \
        seen = case when excluded.seen = 0 then alarm.seen else excluded.seen end, \
        told_of = case when excluded.seen > 0 and alarm.told_of > excluded.seen \
        then excluded.seen else alarm.told_of end";
    /// Of all, which are no more than there are kinds. Who comes second finds it put off.
    TAKE = "update alarm set next_ms = $2 where next_ms <= $1 and kind = (select kind \
        from alarm where next_ms <= $1 order by next_ms, kind limit 1) \
        returning kind, since_ms, last_ms, seen, told, told_of";
    TOLD = "update alarm set told = 1, told_of = $2 where kind = $1";
    PUT_OFF = "update alarm set next_ms = $2 where kind = $1";
    END = "delete from alarm where kind = $1 and last_ms = $2";
    ANEW = "update alarm set told = 0, told_of = 0, since_ms = last_ms where kind = $1";
}

#[async_trait::async_trait]
impl Alarms for Database {
    async fn see_alarm(&self, kind: &str, count: i64, now_ms: i64) -> Answer<()> {
        self.change(SEE.bind(kind).bind(now_ms).bind(count)).await
    }

    async fn take_alarm(&self, now_ms: i64, again_ms: i64) -> Answer<Option<KeptAlarm>> {
        let take = TAKE.bind(now_ms).bind(again_ms);
        let taken = async |tx: &mut Tx| tx.find(take.clone(), kept_alarm).await;
        self.write(LIMIT, taken).await
    }

    async fn tell_alarm(&self, kind: &str, count: i64) -> Answer<()> {
        self.change(TOLD.bind(kind).bind(count)).await
    }

    async fn put_off_alarm(&self, kind: &str, next_ms: i64) -> Answer<()> {
        self.change(PUT_OFF.bind(kind).bind(next_ms)).await
    }

    async fn end_alarm(&self, kind: &str, last_ms: i64) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            if tx.change(END.bind(kind).bind(last_ms)).await? == 0 {
                tx.change(ANEW.bind(kind)).await?;
            }
            Ok(())
        })
        .await
    }
}

fn kept_alarm(row: &Row) -> Answer<KeptAlarm> {
    Ok(KeptAlarm {
        kind: row.get("kind")?,
        since_ms: row.get("since_ms")?,
        last_ms: row.get("last_ms")?,
        seen: row.get("seen")?,
        told: row.get::<i64>("told")? != 0,
        told_of: row.get("told_of")?,
    })
}
