//! Figures of a time (docs/console.md, Figures).

use super::rows::{DELIVERED, PAID};
use crate::db::{Database, LONG_LIMIT};
use crate::line::{Line, Row};
use crate::sql::statements;
use payment::channel::Channel;
use payment::ports::{Answer, Delay, Extent, Figures, Outcomes};

statements! {
    EXTENT = "select \
        (select count(*) from (select 1 from attempt where created_ms >= $1 \
            and created_ms < $2 limit $3) counted) as made, \
        (select count(*) from (select 1 from attempt where paid_ms >= $1 \
            and paid_ms < $2 limit $3) counted) as paid";
    OUTCOMES = "select channel, count(*) as made, \
        count(case when status = ", PAID, " then 1 end) as paid from attempt \
        where created_ms >= $1 and created_ms < $2 group by channel order by channel";
    /// The payment's callback is an order's first; a later one tells of a refund.
    DELAYS = "select a.channel, a.paid_ms - r.created_ms as payment, \
        (select min(t.at_ms + t.duration_ms) from callback_try t where t.callback_id = \
            (select min(c.id) from callback c where c.order_sn = a.order_sn) \
            and t.outcome = ", DELIVERED, ") - a.paid_ms as callback \
        from attempt a join payment_request r on r.id = a.request_id \
        where a.status || '' = ", PAID, " and a.paid_ms >= $1 and a.paid_ms < $2 \
        order by a.paid_ms desc limit $3";
}

#[async_trait::async_trait]
impl Figures for Database {
    async fn extent(&self, since_ms: i64, until_ms: i64, at_most: i64) -> Answer<Extent> {
        self.read(LONG_LIMIT, async |line: &mut Line| {
            let asked = EXTENT.bind(since_ms).bind(until_ms).bind(at_most);
            let row = line.one(asked).await?;
            let (made, paid) = (row.get("made")?, row.get("paid")?);
            Ok(Extent { made, paid })
        })
        .await
    }

    async fn outcomes(&self, since_ms: i64, until_ms: i64) -> Answer<Vec<Outcomes>> {
        let asked = OUTCOMES.bind(since_ms).bind(until_ms);
        self.list(LONG_LIMIT, asked, outcomes).await
    }

    async fn delays(&self, since_ms: i64, until_ms: i64, at_most: i64) -> Answer<Vec<Delay>> {
        let asked = DELAYS.bind(since_ms).bind(until_ms).bind(at_most);
        self.list(LONG_LIMIT, asked, delay).await
    }
}

fn outcomes(row: &Row) -> Answer<Outcomes> {
    Ok(Outcomes {
        channel: row.word("channel", Channel::parse)?,
        made: row.get("made")?,
        paid: row.get("paid")?,
    })
}

/// A channel's clock may be behind ours: nothing takes less than no time.
fn delay(row: &Row) -> Answer<Delay> {
    let callback_ms: Option<i64> = row.get("callback")?;
    Ok(Delay {
        channel: row.word("channel", Channel::parse)?,
        payment_ms: row.get::<i64>("payment")?.max(0),
        callback_ms: callback_ms.map(|ms| ms.max(0)),
    })
}
