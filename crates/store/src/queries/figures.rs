//! Figures of a time (docs/console.md, Figures).

use super::attempts::OF_BOTH;
use super::listing::BACK;
use super::rows::{DELIVERED, OVERTAKEN, PAID, json};
use crate::db::{Database, LIMIT, LONG_LIMIT};
use crate::line::{Line, Row, Tx};
use crate::sql::{Statement, statements, text};
use payment::channel::Channel;
use payment::money::Currency;
use payment::ports::{Answer, Buckets, Delay, Extent, Figures, HourMark, HourState, Sums, Total};

/// What an attempt is of, and when it was made: its request is looked up, which PostgreSQL
/// would else read with all others.
const MADE: &str = "(a.created_ms + $3) / $4 as bucket, a.channel as channel, \
    a.account as account, \
    (select r.currency from payment_request r where r.id = a.request_id) as currency, \
    a.channel_currency as channel_currency, 1 as made, ";
const PAID_OF: &str =
    "(a.paid_ms + $3) / $4, a.channel, a.account, r.currency, a.channel_currency, ";
/// Settled their request, by the index on the time of payment.
const PAID_THEN: &str = text!(
    "a.status || '' = ",
    PAID,
    " and a.paid_ms >= $1 and a.paid_ms < $2"
);
const ADDED: &str = ", cast(sum(made) as bigint) as made, \
    cast(sum(made_paid) as bigint) as made_paid, cast(sum(count) as bigint) as count, \
    cast(sum(paid) as bigint) as paid, cast(sum(refunded) as bigint) as refunded, \
    cast(sum(charged) as bigint) as charged, \
    cast(sum(charge_refunded) as bigint) as charge_refunded";
const NOTHING: &str = ", 0 as made, 0 as made_paid, 0 as count, 0 as paid, 0 as refunded, \
    0 as charged, 0 as charge_refunded";

statements! {
    EXTENT = "select \
        (select count(*) from (select 1 from attempt where created_ms >= $1 \
            and created_ms < $2 limit $3) counted) as made, \
        (select count(*) from (select 1 from attempt where paid_ms >= $1 \
            and paid_ms < $2 limit $3) counted) as paid";
    /// By the indexes on when attempts were made, and paid.
    SUMS = "select bucket, channel, account, currency, channel_currency", ADDED, " from \
        (select ", MADE, "case when a.status = ", PAID, " then 1 else 0 end as made_paid, \
            0 as count, 0 as paid, 0 as refunded, 0 as charged, 0 as charge_refunded \
            from attempt a where a.created_ms >= $1 and a.created_ms < $2 \
        union all select ", PAID_OF, "0, 0, 1, r.money, \
            coalesce((select sum(f.money)", BACK, "), 0), a.channel_money, \
            coalesce((select sum(f.channel_money)", BACK, "), 0)", OF_BOTH, PAID_THEN,
        ") counted group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5";
    /// The hours themselves first, so that both are of one moment.
    KEPT_SUMS = "select h.number as bucket, '' as channel, '' as account, '' as currency, \
        '' as channel_currency", NOTHING, " from hour h \
        where h.number >= $1 and h.number < $2 and h.summed = 1 \
        union all select (s.hour * 3600000 + $3) / $4, s.channel, s.account, s.currency, \
        s.channel_currency", ADDED, " from hour_sum s join hour h on h.number = s.hour \
        where s.hour >= $1 and s.hour < $2 and h.summed = 1 group by 1, 2, 3, 4, 5 order by 2, 1";
    /// A horizon that is beyond all is of another server, whose book was copied.
    HOURS(OF) = "select number, marked_ms, \
        case when horizon < ", OF.beyond, " then horizon end as horizon, \
        case when summed = 1 then 'summed' when horizon <= ", OF.ended, " then 'due' \
        else 'waiting' end as state \
        from hour where number >= $1 and number < $2 order by number";
    SUMMED_HOURS(OF) = "select number, marked_ms, horizon, 'summed' as state from hour \
        where number >= $1 and number < $2 and summed = 1 order by number", OF.locked;
    NOTE_HORIZON(OF) = "update hour set horizon = ", OF.asking, " where number", OF.found[0],
        "select number from hour where horizon is null or horizon >= ", OF.beyond,
        " order by number", OF.found[1];
    WRITTEN = "select (select min(created_ms) from attempt) as made, \
        (select min(paid_ms) from attempt where paid_ms >= 0) as paid, \
        (select max(created_ms) from attempt) as last_made, \
        (select max(paid_ms) from attempt where paid_ms >= 0) as last_paid";
    MARK_HOURS = "with recursive missing (number) as (select cast($1 as bigint) union all \
        select number + 1 from missing where number + 1 < $2) \
        insert into hour (number, marked_ms) select number, $3 from missing where true \
        on conflict (number) do nothing";
    FORGET_HOURS = "delete from hour where number < $1";
    FORGET_SUMS = "delete from hour_sum where hour < $1";
    SUMMED = "update hour set summed = 1 where number = $1 and marked_ms = $2 \
        and horizon = $3 and summed = 0";
    DROP_SUMS = "delete from hour_sum where hour = $1";
    ADD_SUMS = "insert into hour_sum (hour, channel, account, currency, channel_currency, \
        made, made_paid, count, paid, refunded, charged, charge_refunded) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
    OF_BUSINESSES = "select r.domain_code as name, r.currency as currency, count(*) as count, \
        cast(sum(r.money) as bigint) as paid, \
        cast(coalesce(sum((select sum(f.money)", BACK, ")), 0) as bigint) as refunded",
        OF_BOTH, PAID_THEN, " group by 1, 2 order by 1, 2";
    DAYS = "select first_hour from day where first_hour >= $1 and first_hour < $2 \
        order by first_hour";
    /// The days themselves first, so that both are of one moment.
    KEPT_DAYS = "select d.first_hour as first_hour, '' as name, '' as currency, 0 as count, \
        0 as paid, 0 as refunded from day d where d.first_hour >= $1 and d.first_hour <= $2 - 24 \
        and (d.first_hour + $3) % 24 = 0 \
        union all select 0, s.name, s.currency, cast(sum(s.count) as bigint), \
        cast(sum(s.paid) as bigint), cast(sum(s.refunded) as bigint) \
        from day_total s join day d on d.first_hour = s.first_hour \
        where s.first_hour >= $1 and s.first_hour <= $2 - 24 and (d.first_hour + $3) % 24 = 0 \
        group by 2, 3 order by 2, 3, 1";
    DROP_TOTALS = "delete from day_total where first_hour = $1";
    ADD_TOTALS(OF) = "insert into day_total (first_hour, name, currency, count, paid, refunded) \
        select $1, value ->> 0, value ->> 1, cast(value ->> 2 as bigint), \
        cast(value ->> 3 as bigint), cast(value ->> 4 as bigint) from ",
        OF.arrays[0], "$2", OF.arrays[1];
    ADD_DAY = "insert into day (first_hour) values ($1) on conflict (first_hour) do nothing";
    FORGET_DAYS = "delete from day where first_hour < $1";
    FORGET_TOTALS = "delete from day_total where first_hour < $1";
    /// The payment's callback is an order's first, but for a failure that it overtook; a later
    /// one tells of a refund, and where the whole went back it may be the only one that did not
    /// end overtaken. The newest are found first, among as many that did not settle
    /// their request.
    DELAYS = "select counted.channel, counted.paid_ms - r.created_ms as payment, \
        (select min(t.at_ms + t.duration_ms) from callback_try t where t.callback_id = \
            (select min(c.id) from callback c where c.order_sn = counted.order_sn \
            and c.state <> ", OVERTAKEN, " and not exists (select 1 from refund f \
            where f.order_sn = c.order_sn and f.created_ms <= c.created_ms)) \
            and t.outcome = ", DELIVERED, ") - counted.paid_ms as callback \
        from (select channel, paid_ms, order_sn, request_id, status from attempt \
            where paid_ms >= $1 and paid_ms < $2 \
            order by paid_ms desc limit cast($3 as bigint) * 2) counted \
        join payment_request r on r.id = counted.request_id where counted.status = ", PAID, " \
        order by counted.paid_ms desc limit $3";
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

    async fn written(&self) -> Answer<Option<(i64, i64)>> {
        let ends = |row: &Row| {
            let first = [row.get::<Option<i64>>("made")?, row.get("paid")?];
            let last = [row.get::<Option<i64>>("last_made")?, row.get("last_paid")?];
            let (first, last) = (first.into_iter().flatten(), last.into_iter().flatten());
            Ok(first.min().zip(last.max()))
        };
        Ok(self.find(WRITTEN.into(), ends).await?.flatten())
    }

    async fn sums(&self, since_ms: i64, until_ms: i64, by: Buckets) -> Answer<Vec<Sums>> {
        let asked = SUMS.bind(since_ms).bind(until_ms);
        let asked = asked.bind(by.ahead_ms).bind(by.each_ms);
        self.list(LONG_LIMIT, asked, sums).await
    }

    async fn kept_sums(
        &self,
        since_hour: i64,
        until_hour: i64,
        by: Buckets,
    ) -> Answer<(Vec<i64>, Vec<Sums>)> {
        let asked = KEPT_SUMS.bind(since_hour).bind(until_hour);
        let asked = asked.bind(by.ahead_ms).bind(by.each_ms);
        let rows = self.list(LONG_LIMIT, asked, kept_hour);
        rows.await.map(parted)
    }

    async fn hour_marks(&self, since_hour: i64, until_hour: i64) -> Answer<Vec<HourMark>> {
        let asked = HOURS.bind(since_hour).bind(until_hour);
        self.list(LIMIT, asked, mark).await
    }

    async fn mark_hours(&self, since_hour: i64, until_hour: i64, now_ms: i64) -> Answer<()> {
        let marked = MARK_HOURS.bind(since_hour).bind(until_hour).bind(now_ms);
        self.write_each(LIMIT, async |line: &mut Line| {
            line.change(FORGET_HOURS.bind(since_hour)).await?;
            line.change(FORGET_SUMS.bind(since_hour)).await?;
            line.change(FORGET_DAYS.bind(since_hour)).await?;
            line.change(FORGET_TOTALS.bind(since_hour)).await?;
            line.change(marked.clone()).await?;
            line.change(NOTE_HORIZON).await
        })
        .await
        .map(drop)
    }

    async fn keep_hour(&self, mark: HourMark, sums: &[Sums]) -> Answer<bool> {
        let HourMark {
            number,
            marked_ms,
            horizon,
            ..
        } = mark;
        let keep = async |tx: &mut Tx| {
            let summed = SUMMED.bind(number).bind(marked_ms).bind(horizon);
            if tx.change(summed).await? == 0 {
                return Ok(false);
            }
            tx.change(DROP_SUMS.bind(number)).await?;
            for of_one in sums {
                tx.change(added(number, of_one)).await?;
            }
            Ok(true)
        };
        self.write_if(LIMIT, |kept| *kept, keep).await
    }

    async fn totals_of_businesses(&self, since_ms: i64, until_ms: i64) -> Answer<Vec<Total>> {
        let asked = OF_BUSINESSES.bind(since_ms).bind(until_ms);
        self.list(LONG_LIMIT, asked, total).await
    }

    async fn days(&self, since_hour: i64, until_hour: i64) -> Answer<Vec<i64>> {
        let asked = DAYS.bind(since_hour).bind(until_hour);
        self.list(LIMIT, asked, |row| row.get("first_hour")).await
    }

    async fn kept_days(
        &self,
        since_hour: i64,
        until_hour: i64,
        ahead_hours: i64,
    ) -> Answer<(Vec<i64>, Vec<Total>)> {
        let asked = KEPT_DAYS.bind(since_hour).bind(until_hour);
        let rows = self.list(LONG_LIMIT, asked.bind(ahead_hours), kept_day);
        rows.await.map(parted)
    }

    async fn keep_day(&self, hours: &[HourMark], totals: &[Total]) -> Answer<bool> {
        let [first, .., last] = hours else {
            return Ok(false);
        };
        let first_hour = first.number;
        let marked = SUMMED_HOURS.bind(first_hour).bind(last.number + 1);
        let rows = totals.iter().map(|total| {
            let currency = total.currency.code();
            (
                &total.name,
                currency,
                total.count,
                total.paid,
                total.refunded,
            )
        });
        let rows = json(&rows.collect::<Vec<_>>())?;
        let keep = async |tx: &mut Tx| {
            if tx.list(marked.clone(), mark).await? != hours {
                return Ok(false);
            }
            tx.change(DROP_TOTALS.bind(first_hour)).await?;
            tx.change(ADD_TOTALS.bind(first_hour).bind(&rows)).await?;
            tx.change(ADD_DAY.bind(first_hour)).await?;
            Ok(true)
        };
        self.write_if(LIMIT, |kept| *kept, keep).await
    }

    async fn delays(&self, since_ms: i64, until_ms: i64, at_most: i64) -> Answer<Vec<Delay>> {
        let asked = DELAYS.bind(since_ms).bind(until_ms).bind(at_most);
        self.list(LONG_LIMIT, asked, delay).await
    }
}

fn added(hour: i64, sums: &Sums) -> Statement<'_> {
    ADD_SUMS
        .bind(hour)
        .bind(sums.channel.code())
        .bind(&sums.account)
        .bind(sums.currency.code())
        .bind(sums.channel_currency.code())
        .bind(sums.made)
        .bind(sums.made_paid)
        .bind(sums.count)
        .bind(sums.paid)
        .bind(sums.refunded)
        .bind(sums.charged)
        .bind(sums.charge_refunded)
}

fn sums(row: &Row) -> Answer<Sums> {
    Ok(Sums {
        bucket: row.get("bucket")?,
        channel: row.word("channel", Channel::parse)?,
        account: row.get("account")?,
        currency: row.word("currency", Currency::parse)?,
        channel_currency: row.word("channel_currency", Currency::parse)?,
        made: row.get("made")?,
        made_paid: row.get("made_paid")?,
        count: row.get("count")?,
        paid: row.get("paid")?,
        refunded: row.get("refunded")?,
        charged: row.get("charged")?,
        charge_refunded: row.get("charge_refunded")?,
    })
}

/// A row of what is kept.
enum Kept<T> {
    /// An hour that is kept, or in which a day begins that is.
    Hour(i64),
    Sums(T),
}

/// A row of the hours that are kept.
fn kept_hour(row: &Row) -> Answer<Kept<Sums>> {
    let channel: String = row.get("channel")?;
    match channel.as_str() {
        "" => row.get("bucket").map(Kept::Hour),
        _ => sums(row).map(Kept::Sums),
    }
}

/// A row of the days that are kept.
fn kept_day(row: &Row) -> Answer<Kept<Total>> {
    let name: String = row.get("name")?;
    match name.as_str() {
        "" => row.get("first_hour").map(Kept::Hour),
        _ => total(row).map(Kept::Sums),
    }
}

/// The hours, and what they come to.
fn parted<T>(rows: Vec<Kept<T>>) -> (Vec<i64>, Vec<T>) {
    let (mut hours, mut sums) = (Vec::new(), Vec::new());
    for row in rows {
        match row {
            Kept::Hour(number) => hours.push(number),
            Kept::Sums(of_one) => sums.push(of_one),
        }
    }
    (hours, sums)
}

fn mark(row: &Row) -> Answer<HourMark> {
    Ok(HourMark {
        number: row.get("number")?,
        marked_ms: row.get("marked_ms")?,
        horizon: row.get("horizon")?,
        state: row.word("state", hour_state)?,
    })
}

fn hour_state(word: &str) -> Option<HourState> {
    match word {
        "waiting" => Some(HourState::Waiting),
        "due" => Some(HourState::Due),
        "summed" => Some(HourState::Summed),
        _ => None,
    }
}

fn total(row: &Row) -> Answer<Total> {
    Ok(Total {
        name: row.get("name")?,
        currency: row.word("currency", Currency::parse)?,
        count: row.get("count")?,
        paid: row.get("paid")?,
        refunded: row.get("refunded")?,
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
