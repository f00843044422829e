//! When work is due (docs/reference/orders.md, A clock that jumps).

use super::callbacks::IS_FIRST;
use super::rows::{OPEN, UNCONFIRMED, WAITING};
use crate::db::{Database, LIMIT};
use crate::line::{Line, Row};
use crate::sql::{Sql, Statement, statements, text};
use payment::ports::{Answer, Horizons, Late, Overdue, Timers, Untaken};

/// Due before this, ms, and still not looked at: overdue.
const OVERDUE_MS: i64 = 60_000;

// What is due too far ahead.
const ATTEMPT: &str = text!(
    "next_query_ms > $2 and (next_query_ms > $3 or expires_ms > $1) and status in ",
    OPEN
);
/// One that waits behind another one of its order is due when that is.
const CALLBACK: &str = text!(
    "next_ms > $1 and tries = $2 and state = ",
    WAITING,
    " and ",
    IS_FIRST
);
const REFUND: &str = text!("next_ms > $1 and state in ", UNCONFIRMED);
const ANY: &str = "next_ms > $1";

statements! {
    /// In the order of [`Overdue`].
    OVERDUE = "select 1 as kind, count(*) as count, min(next_query_ms) as oldest_ms \
        from attempt where next_query_ms < $1 \
        union all select 2, count(*), min(next_ms) from refund where next_ms < $1 \
        union all select 3, count(*), min(next_ms) from notify where next_ms < $1 \
        union all select 4, count(*), min(next_ms) from callback where next_ms < $1 \
        order by kind";
    CLOCK(OF) = "select ", OF.now_ms, " as now_ms";
    FAR_ATTEMPTS = "select count(*) as found from attempt where ", ATTEMPT;
    FAR_CALLBACKS = "select count(*) as found from callback where ", CALLBACK;
    FAR_REFUNDS = "select count(*) as found from refund where ", REFUND;
    FAR_ALARMS = "select count(*) as found from alarm where ", ANY;
    FAR_NOTIFIES = "select count(*) as found from notify where ", ANY;
    // With the time that they are due at instead.
    HASTEN_ATTEMPTS = "update attempt set next_query_ms = $4 where ", ATTEMPT;
    HASTEN_CALLBACKS = "update callback set next_ms = $3 where ", CALLBACK;
    HASTEN_REFUNDS = "update refund set next_ms = $2 where ", REFUND;
    HASTEN_ALARMS = "update alarm set next_ms = $2 where ", ANY;
    HASTEN_NOTIFIES = "update notify set next_ms = $2 where ", ANY;
    UNTAKEN = "select domain_code, count(*) as count, min(created_ms) as oldest_ms \
        from callback where state = ", WAITING, " and created_ms < $1 group by domain_code";
}

/// One kind of work: what counts what is due too far ahead, what hastens it, and the
/// values of both.
type Kind = (Sql, Sql, Vec<i64>);

fn kinds(now_ms: i64, horizons: &Horizons) -> Vec<Kind> {
    let in_ms = |after_ms: i64| now_ms + after_ms;
    let attempts = vec![now_ms, in_ms(horizons.open_ms), in_ms(horizons.silent_ms)];
    let mut kinds = vec![(FAR_ATTEMPTS, HASTEN_ATTEMPTS, attempts)];
    for (tries, after_ms) in (0..).zip(&horizons.callbacks_ms) {
        let values = vec![in_ms(*after_ms), tries];
        kinds.push((FAR_CALLBACKS, HASTEN_CALLBACKS, values));
    }
    let refunds = vec![in_ms(horizons.refund_ms)];
    kinds.push((FAR_REFUNDS, HASTEN_REFUNDS, refunds));
    let notifies = vec![in_ms(horizons.notify_ms)];
    kinds.push((FAR_NOTIFIES, HASTEN_NOTIFIES, notifies));
    let alarms = vec![in_ms(horizons.alarm_ms)];
    kinds.push((FAR_ALARMS, HASTEN_ALARMS, alarms));
    kinds
}

fn with(sql: Sql, values: &[i64]) -> Statement<'static> {
    let bind = |statement: Statement<'static>, value: &i64| statement.bind(*value);
    values.iter().fold(sql.into(), bind)
}

#[async_trait::async_trait]
impl Timers for Database {
    async fn overdue(&self, now_ms: i64) -> Answer<Overdue> {
        let late = |row: &Row| {
            let (count, oldest_ms) = (row.get("count")?, row.get("oldest_ms")?);
            Ok(Late { count, oldest_ms })
        };
        let asked = OVERDUE.bind(now_ms - OVERDUE_MS);
        let mut kinds = self.list(LIMIT, asked, late).await?.into_iter();
        let mut next = || kinds.next().unwrap_or_default();
        Ok(Overdue {
            queries: next(),
            refunds: next(),
            notifies: next(),
            callbacks: next(),
        })
    }

    async fn too_far(&self, now_ms: i64, horizons: &Horizons) -> Answer<i64> {
        let kinds = kinds(now_ms, horizons);
        self.read(LIMIT, async |line: &mut Line| {
            let mut too_far = 0;
            for (count, _, values) in &kinds {
                too_far += found(line, with(*count, values)).await?;
            }
            Ok(too_far)
        })
        .await
    }

    /// Each kind by itself: nobody waits for two of them.
    async fn hasten(&self, now_ms: i64, horizons: &Horizons) -> Answer<u64> {
        let mut hastened = 0;
        for (_, hasten, values) in kinds(now_ms, horizons) {
            let hasten = with(hasten, &values).bind(now_ms);
            let changed = async |line: &mut Line| line.change(hasten.clone()).await;
            hastened += self.write_each(LIMIT, changed).await?;
        }
        Ok(hastened)
    }

    async fn clock_ms(&self) -> Answer<i64> {
        let clock = async |line: &mut Line| line.one(CLOCK).await?.get("now_ms");
        self.read(LIMIT, clock).await
    }

    async fn untaken(&self, before_ms: i64) -> Answer<Vec<Untaken>> {
        let one = |row: &Row| {
            Ok(Untaken {
                domain_code: row.get("domain_code")?,
                count: row.get("count")?,
                oldest_ms: row.get("oldest_ms")?,
            })
        };
        self.list(LIMIT, UNTAKEN.bind(before_ms), one).await
    }
}

async fn found(line: &mut Line, asked: Statement<'_>) -> Answer<i64> {
    line.one(asked).await?.get("found")
}
