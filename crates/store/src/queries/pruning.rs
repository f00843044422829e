//! Taking payloads away (docs/reliability.md, What is taken away).

use super::rows::{
    AT_REST, DISPUTED_WORDS, FAILED, OPEN_OR_HELD, TAKEN_BACK, UNENDED, UNSETTLED_WORDS, json,
};
use super::story;
use crate::db::{Database, LIMIT, LONG_LIMIT};
use crate::line::{Row, Tx};
use crate::sql::statements;
use payment::ports::{Answer, Audit, Pruned, Pruning};

statements! {
    LOCK(OF) = "select id from payment_request where id in (select request_id from attempt \
        where order_sn in (select value from ", OF.texts[0], "$1", OF.texts[1],
        ")) order by id", OF.locked;
    /// Nothing of it is under way or asks for a person's eye, nothing happened to it
    /// since, and it is not pruned yet.
    DONE_BEFORE(OF) = "select a.order_sn, a.story_length, a.story_hash from attempt a \
        where a.order_sn in (select value from ", OF.texts[0], "$1", OF.texts[1], ") \
        and a.created_ms < $2 and a.next_query_ms is null and a.status not in ", OPEN_OR_HELD,
        " and (a.paid_ms is not null or a.expires_ms < $2) and (a.mismatch is null \
        or (select l.at_ms from looked_after l where l.number = a.order_sn) is not null) \
        and not exists (select 1 from event e where e.order_sn = a.order_sn \
        and (e.at_ms >= $2 or e.what = '", story::PRUNED, "')) \
        and not exists (select 1 from callback c where c.order_sn = a.order_sn \
        and c.state not in ", AT_REST, ") and not exists (select 1 from refund f \
        where f.order_sn = a.order_sn and (f.state in ", UNENDED, " or (f.state = ", FAILED,
        " or f.cause in ", TAKEN_BACK, ") and (select l.at_ms from looked_after l \
        where l.number = f.refund_no) is null))";
    DROP_TRIES(OF) = "delete from callback_try where callback_id in (select id from callback \
        where order_sn in (select value from ", OF.texts[0], "$1", OF.texts[1], "))";
    EMPTY_CALLBACKS(OF) = "update callback set url = '', form = null where order_sn in \
        (select value from ", OF.texts[0], "$1", OF.texts[1], ")";
    EMPTY_REQUESTS(OF) = "update refund_request set reason = '' where order_sn in \
        (select value from ", OF.texts[0], "$1", OF.texts[1], ")";
    DROP_STORIES(OF) = "delete from event where order_sn in \
        (select value from ", OF.texts[0], "$1", OF.texts[1], ")";
    EMPTY_ATTEMPTS(OF) = "update attempt set openid = null, obj = null, story_length = 0, \
        story_hash = '' where order_sn in \
        (select value from ", OF.texts[0], "$1", OF.texts[1], ")";
    /// What an order is disputed by goes with that order.
    NOTIFIES = "select n.id, cast(case when n.received_ms < $2 and n.next_ms is null \
        and n.headers <> '' and n.digest is not null and n.outcome_word is not null \
        and n.outcome_word not in ", UNSETTLED_WORDS, " and (n.outcome_word not in ",
        DISPUTED_WORDS, " or (select count(*) from attempt a join event e \
        on e.order_sn = a.order_sn and e.what = '", story::PRUNED, "' where \
        a.channel = n.channel and a.account = n.account \
        and a.channel_order_no = n.channel_order_no) > 0) then 1 else 0 end as bigint) as old \
        from notify n where n.id > $1 order by n.id limit $3";
    EMPTY_NOTIFIES(OF) = "update notify set headers = '', body = $2 where id in \
        (select cast(value as bigint) from ", OF.texts[0], "$1", OF.texts[1], ")";
}

/// A list of nothing.
const NONE: &str = "[]";

#[async_trait::async_trait]
impl Pruning for Database {
    async fn prune_orders(
        &self,
        after: &str,
        limit: i64,
        before_ms: i64,
        now_ms: i64,
    ) -> Answer<Pruned<String>> {
        let number = |row: &Row| row.get::<String>("order_sn");
        let numbers = self.order_numbers(after, limit).await?;
        let last = numbers.last().cloned();
        // Looked at first: who is not pruned is not locked.
        let asked = json(&numbers)?;
        let old = DONE_BEFORE.bind(&asked).bind(before_ms);
        let old = json(&self.list(LONG_LIMIT, old, number).await?)?;
        if old == NONE {
            return Ok(Pruned { count: 0, last });
        }
        let count = self
            .write(LONG_LIMIT, async |tx: &mut Tx| {
                tx.rows(LOCK.bind(&old)).await?;
                let done = DONE_BEFORE.bind(&old).bind(before_ms);
                let stories = tx.rows(done).await?;
                let done = stories.iter().map(number).collect::<Answer<Vec<_>>>()?;
                let done = json(&done)?;
                for emptied in [
                    DROP_TRIES,
                    EMPTY_CALLBACKS,
                    EMPTY_REQUESTS,
                    DROP_STORIES,
                    EMPTY_ATTEMPTS,
                ] {
                    tx.change(emptied.bind(&done)).await?;
                }
                for row in &stories {
                    story::seal(tx, row, now_ms).await?;
                }
                Ok(stories.len() as u64)
            })
            .await?;
        Ok(Pruned { count, last })
    }

    async fn prune_notifies(&self, after: i64, limit: i64, before_ms: i64) -> Answer<Pruned<i64>> {
        let page = NOTIFIES.bind(after).bind(before_ms).bind(limit);
        let one = |row: &Row| Ok((row.get::<i64>("id")?, row.get::<i64>("old")? == 1));
        let notifies = self.list(LIMIT, page, one).await?;
        let old = notifies.iter().filter(|(_, old)| *old);
        let old: Vec<_> = old.map(|(id, _)| id.to_string()).collect();
        let asked = json(&old)?;
        if asked == NONE {
            let last = notifies.last().map(|(id, _)| *id);
            return Ok(Pruned { count: 0, last });
        }
        let empty: &[u8] = &[];
        let emptied = EMPTY_NOTIFIES.bind(&asked).bind(empty);
        self.change(emptied).await?;
        Ok(Pruned {
            count: old.len() as u64,
            last: notifies.last().map(|(id, _)| *id),
        })
    }
}
