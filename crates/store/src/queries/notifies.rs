//! Notifies as they came, until they are worked on.

use super::rows::{OLD_STRAY, STRAY, kept_notify_row};
use super::steps;
use crate::db::{Database, LIMIT};
use crate::line::{Row, Tx};
use crate::sql::statements;
use payment::ports::{
    Answer, Attached, KeptNotify, Notifies, NotifyOutcome, NotifyRow, SeenNotify,
};
use payment::story::{Act, digest};

statements! {
    KEEP = "insert into notify \
        (channel, account, channel_order_no, headers, body, received_ms, next_ms, digest, \
        body_digest) values ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
        on conflict (channel, account, digest) where digest is not null do nothing \
        returning id";
    ONE = "select id, channel, account, channel_order_no, headers, body, received_ms, \
        outcome from notify where id = $1";
    /// Money of another channel is not the order's.
    ATTACH = "update notify set outcome = $2, outcome_word = $3, next_ms = null where id = $1 \
        and channel = (select channel from attempt where order_sn = $4) \
        and (outcome_word in ", STRAY, " or ", OLD_STRAY, ")";
    TAKE_DUE(OF) = "update notify set next_ms = $2 where id", OF.found[0],
        "select id from notify where next_ms <= $1 order by next_ms limit $3",
        OF.found[1], " returning id";
    MARK = "update notify set outcome = $2, outcome_word = $3, next_ms = $4 where id = $1";
}

#[async_trait::async_trait]
impl Notifies for Database {
    async fn keep_notify(
        &self,
        notify: &NotifyRow,
        signed: &[u8],
        again_ms: i64,
    ) -> Answer<Option<i64>> {
        let (signed, body) = (digest(signed), digest(&notify.body));
        let kept = self.write_each(LIMIT, async |line| {
            let kept = KEEP
                .bind(notify.channel.code())
                .bind(&notify.account)
                .bind(&notify.channel_order_no)
                .bind(&notify.headers)
                .bind(&notify.body)
                .bind(notify.received_ms)
                .bind(again_ms)
                .bind(&signed)
                .bind(&body);
            line.find(kept, |row| row.get("id")).await
        });
        Ok(kept.await?.inspect(|_: &i64| self.guard.note_write()))
    }

    async fn take_due_notifies(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<KeptNotify>> {
        let due = TAKE_DUE.bind(now_ms).bind(again_ms).bind(limit);
        let one = |row: &Row| {
            let id: i64 = row.get("id")?;
            Ok((id.to_string(), ONE.bind(id)))
        };
        self.take(due, one, kept_notify_row).await
    }

    async fn mark_notify(
        &self,
        id: i64,
        outcome: NotifyOutcome,
        detail: &str,
        again_ms: Option<i64>,
    ) -> Answer<()> {
        let marked = MARK
            .bind(id)
            .bind(outcome.text(detail))
            .bind(outcome.word())
            .bind(again_ms);
        self.change(marked).await
    }

    async fn notify(&self, id: i64) -> Answer<Option<SeenNotify>> {
        let seen = |row: &Row| {
            Ok(SeenNotify {
                row: kept_notify_row(row)?.row,
                outcome: row.get("outcome")?,
            })
        };
        self.find(ONE.bind(id), seen).await
    }

    async fn attach_notify(
        &self,
        id: i64,
        order_sn: &str,
        reason: &str,
        act: Act,
    ) -> Answer<Attached> {
        let done = |attached: &Attached| *attached == Attached::Done;
        self.write_if(LIMIT, done, async |tx: &mut Tx| {
            let Some(mut locked) = steps::lock_if_there(tx, order_sn).await? else {
                return Ok(Attached::NoOrder);
            };
            let outcome = NotifyOutcome::Attached;
            let attached = ATTACH
                .bind(id)
                .bind(outcome.text(order_sn))
                .bind(outcome.word())
                .bind(order_sn);
            if tx.change(attached).await? == 0 {
                return Ok(Attached::NotStray);
            }
            let detail = format!("{id}: {reason}");
            locked.tell(tx, "notify attached", &detail, act).await?;
            Ok(Attached::Done)
        })
        .await
    }

    async fn notify_body(&self, id: i64) -> Answer<Option<Vec<u8>>> {
        let notify = self.find(ONE.bind(id), kept_notify_row).await?;
        Ok(notify.map(|notify| notify.row.body))
    }
}
