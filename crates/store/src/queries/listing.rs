//! Orders as an operator looks for them.

use super::attempts::{COLUMNS, OF_BOTH};
use super::refunds::REFUNDS;
use super::rows::{DONE, PARKED, WAITING, attempt_row, places, refund_row};
use crate::db::{Database, LONG_LIMIT};
use crate::line::{Line, Row};
use crate::sql::{Sql, Statement, statements, text};
use payment::money::Currency;
use payment::ports::{Answer, Listed, ListedRefund, Listing, Wanted, WantedRefunds};
use payment::refund::Refund;
use std::collections::HashSet;

/// What went back of an order, found by the index on that: by none on the state, which
/// nearly all rows share and which SQLite takes where it has counted nothing, so that a
/// state is no bare column here.
pub(super) const BACK: &str = text!(
    " from refund f where f.order_sn = a.order_sn and f.state || '' = ",
    DONE
);
/// Orders, with what went back of each.
const LISTED: &str = text!(
    COLUMNS,
    ", cast(coalesce((select sum(f.money)",
    BACK,
    "), 0) as bigint) as refunded",
    OF_BOTH
);

/// The accounts that orders have.
const PLACES: &str = places!("true");

/// What is said of the wanted orders, their time but.
const FITTING: &str = "(r.domain_code = $3 or $3 is null) \
    and (a.channel = $4 or $4 is null) and (a.account = $5 or $5 is null) \
    and (a.status = $6 or $6 is null) and (r.money >= $7 or $7 is null) \
    and (r.money <= $8 or $8 is null) and (r.currency = $9 or $9 is null)";
/// Found by the index on where callbacks stand.
const FAILING: &str = text!(
    " and a.order_sn in (select c.order_sn from callback c where c.state in (",
    WAITING,
    ", ",
    PARKED,
    ") and (c.tries > 0 or c.state = ",
    PARKED,
    "))"
);
/// Of one business system, by its requests.
const OF_FEW: &str = "a.request_id in \
    (select q.id from payment_request q where q.domain_code = $3) and ";
/// When they were made; and paid, which what was not paid has no time of.
const MADE_THEN: &str = "a.created_ms >= $10 and a.created_ms < $11 and ";
const PAID_THEN: &str = "a.paid_ms >= $10 and a.paid_ms < $11 and ";
/// The time of the order that `$1` names; else after all.
const AFTER_ALL: &str = " from attempt b where b.order_sn = $1), 9223372036854775807), $1) and ";

/// Refunds of a time that come after the one that `$1` names, or all.
const REFUNDS_BEFORE: &str = "(created_ms, refund_no) < (coalesce((select b.created_ms \
    from refund b where b.refund_no = $1), 9223372036854775807), $1) \
    and created_ms >= $3 and created_ms < $4 and ";
const REFUNDS_OF_CAUSE: &str = " and (cause || '' = $7 or $7 is null) \
    order by created_ms desc, refund_no desc limit $2";

statements! {
    WANTED_MADE = LISTED, "a.order_sn > $1 and ", MADE_THEN, FITTING,
        " order by a.order_sn limit $2";
    WANTED_PAID = LISTED, "a.order_sn > $1 and ", PAID_THEN, FITTING,
        " order by a.order_sn limit $2";
    NEWEST_MADE = LISTED, "(a.created_ms, a.order_sn) < (coalesce((select b.created_ms",
        AFTER_ALL, MADE_THEN, FITTING, " order by a.created_ms desc, a.order_sn desc limit $2";
    NEWEST_PAID = LISTED, "(a.paid_ms, a.order_sn) < (coalesce((select b.paid_ms",
        AFTER_ALL, PAID_THEN, FITTING, " order by a.paid_ms desc, a.order_sn desc limit $2";
    /// Of the requests of one business system: the times are no bare columns, which would
    /// have all orders read by them.
    NEWEST_MADE_OF_FEW = LISTED, OF_FEW, "(a.created_ms + 0, a.order_sn) < \
        (coalesce((select b.created_ms", AFTER_ALL, "a.created_ms + 0 >= $10 \
        and a.created_ms + 0 < $11 and ", FITTING,
        " order by a.created_ms + 0 desc, a.order_sn desc limit $2";
    NEWEST_PAID_OF_FEW = LISTED, OF_FEW, "(a.paid_ms + 0, a.order_sn) < \
        (coalesce((select b.paid_ms", AFTER_ALL, "a.paid_ms + 0 >= $10 \
        and a.paid_ms + 0 < $11 and ", FITTING,
        " order by a.paid_ms + 0 desc, a.order_sn desc limit $2";
    REQUESTS = "select count(*) as count from (select 1 from payment_request \
        where domain_code = $1 limit $2) counted";
    WANTED_FAILING_MADE = LISTED, "a.order_sn > $1 and ", MADE_THEN, FITTING, FAILING,
        " order by a.order_sn limit $2";
    WANTED_FAILING_PAID = LISTED, "a.order_sn > $1 and ", PAID_THEN, FITTING, FAILING,
        " order by a.order_sn limit $2";
    NEWEST_FAILING_MADE = LISTED, "(a.created_ms, a.order_sn) < (coalesce((select b.created_ms",
        AFTER_ALL, MADE_THEN, FITTING, FAILING, " order by a.created_ms desc, a.order_sn desc limit $2";
    NEWEST_FAILING_PAID = LISTED, "(a.paid_ms, a.order_sn) < (coalesce((select b.paid_ms",
        AFTER_ALL, PAID_THEN, FITTING, FAILING, " order by a.paid_ms desc, a.order_sn desc limit $2";
    /// By the index on the time alone.
    FURTHER_MADE = "select a.order_sn, a.created_ms as at_ms from attempt a where \
        (a.created_ms, a.order_sn) < (coalesce((select b.created_ms", AFTER_ALL, "a.created_ms >= $3 \
        and a.created_ms < $4 order by a.created_ms desc, a.order_sn desc limit 1 offset $2";
    FURTHER_PAID = "select a.order_sn, a.paid_ms as at_ms from attempt a where \
        (a.paid_ms, a.order_sn) < (coalesce((select b.paid_ms", AFTER_ALL, "a.paid_ms >= $3 \
        and a.paid_ms < $4 order by a.paid_ms desc, a.order_sn desc limit 1 offset $2";
    /// By what an index finds.
    NAMED = LISTED, "a.order_sn in (select $1 \
        union select order_sn from attempt where trade_no = $1 \
        union select order_sn from attempt where token = $1 \
        union select order_sn from refund where refund_no = $1 \
        union select order_sn from refund_request where request_no = $1 \
        union select b.order_sn from partner_order p join payment_request q \
        on q.domain_code = p.domain_code and q.request_key = p.order_id \
        join attempt b on b.request_id = q.id where p.order_id = $1) \
        order by a.order_sn limit 100";
    CALLED_BY = LISTED, "a.order_sn = (select order_sn from callback where id = $1)";
    /// By the rest: business systems and accounts number as they like, so that no index
    /// begins with these, and each is asked by itself.
    NUMBERED = PLACES, "select order_sn, request_id from (\
        select (select a.order_sn from attempt a where a.channel = counted.channel \
            and a.account = counted.account and a.channel_order_no = $1) as order_sn, \
            cast(null as bigint) as request_id from place counted \
        union all select (select f.order_sn from refund f where f.domain_code = d.code \
            and f.refund_key = $1), null from domain d \
        union all select null, (select q.id from payment_request q \
            where q.domain_code = d.code and q.request_key = $1) from domain d \
        union all select null, (select q.id from partner_order o join payment_request q \
            on q.domain_code = o.domain_code and q.request_key = o.order_id \
            where o.domain_code = d.code and o.out_order_id = $1) from domain d) counted \
        where order_sn is not null or request_id is not null limit 100";
    LISTED_ONE = LISTED, "a.order_sn = $1";
    LISTED_OF_REQUEST = LISTED, "a.request_id = $1 order by a.order_sn";
    /// By the index on the time; on the business system and the time; on the state, of those
    /// that few rows share.
    NEWEST_REFUNDS = REFUNDS, REFUNDS_BEFORE, "(domain_code || '' = $5 or $5 is null) \
        and (state || '' = $6 or $6 is null)", REFUNDS_OF_CAUSE;
    NEWEST_REFUNDS_OF = REFUNDS, REFUNDS_BEFORE, "domain_code = $5 \
        and (state || '' = $6 or $6 is null)", REFUNDS_OF_CAUSE;
    NEWEST_REFUNDS_IN = REFUNDS, REFUNDS_BEFORE, "(domain_code || '' = $5 or $5 is null) \
        and state = $6", REFUNDS_OF_CAUSE;
}

/// Statements that read as much as their question needs.
pub(super) const AS_ASKED: [Sql; 5] = [
    WANTED_MADE,
    WANTED_PAID,
    WANTED_FAILING_MADE,
    WANTED_FAILING_PAID,
    NUMBERED,
];

#[async_trait::async_trait]
impl Listing for Database {
    async fn wanted(&self, wanted: &Wanted, after: &str, limit: i64) -> Answer<Vec<Listed>> {
        let sql = match (wanted.failing, wanted.paid) {
            (false, false) => WANTED_MADE,
            (false, true) => WANTED_PAID,
            (true, false) => WANTED_FAILING_MADE,
            (true, true) => WANTED_FAILING_PAID,
        };
        let page = fitting(sql, wanted, after, limit);
        self.list(LONG_LIMIT, page, listed).await
    }

    async fn newest(&self, wanted: &Wanted, before: &str, limit: i64) -> Answer<Vec<Listed>> {
        let sql = match (wanted.failing, wanted.paid) {
            (false, false) if wanted.of_few => NEWEST_MADE_OF_FEW,
            (false, true) if wanted.of_few => NEWEST_PAID_OF_FEW,
            (false, false) => NEWEST_MADE,
            (false, true) => NEWEST_PAID,
            (true, false) => NEWEST_FAILING_MADE,
            (true, true) => NEWEST_FAILING_PAID,
        };
        let page = fitting(sql, wanted, before, limit);
        self.list(LONG_LIMIT, page, listed).await
    }

    async fn has_fewer_requests(&self, domain_code: &str, than: i64) -> Answer<bool> {
        let count = |row: &Row| row.get::<i64>("count");
        let counted = self
            .find(REQUESTS.bind(domain_code).bind(than), count)
            .await?;
        Ok(counted.is_none_or(|count| count < than))
    }

    async fn further_back(
        &self,
        wanted: &Wanted,
        before: &str,
        rows: i64,
    ) -> Answer<Option<(String, i64)>> {
        let sql = if wanted.paid {
            FURTHER_PAID
        } else {
            FURTHER_MADE
        };
        let asked = sql.bind(before).bind(rows);
        let asked = asked.bind(wanted.since_ms.unwrap_or(0));
        let asked = asked.bind(wanted.until_ms.unwrap_or(i64::MAX));
        let place = |row: &Row| Ok((row.get("order_sn")?, row.get("at_ms")?));
        self.find(asked, place).await
    }

    async fn named(&self, number: &str) -> Answer<Vec<Listed>> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let all = self.read(LONG_LIMIT, async |line: &mut Line| {
            let mut all = line.list(NAMED.bind(number), listed).await?;
            if let Ok(id) = number.parse::<i64>() {
                all.extend(line.list(CALLED_BY.bind(id), listed).await?);
            }
            for row in line.rows(NUMBERED.bind(number)).await? {
                let asked = match row.get::<Option<String>>("order_sn")? {
                    Some(order_sn) => LISTED_ONE.bind(order_sn),
                    None => LISTED_OF_REQUEST.bind(row.get::<i64>("request_id")?),
                };
                all.extend(line.list(asked, listed).await?);
            }
            Ok(all)
        });
        for row in all.await? {
            if seen.insert(row.order.order_sn.clone()) {
                found.push(row);
            }
        }
        Ok(found)
    }

    async fn newest_refunds(
        &self,
        wanted: &WantedRefunds,
        before: &str,
        limit: i64,
    ) -> Answer<Vec<ListedRefund>> {
        let sql = match (wanted.state, &wanted.domain_code) {
            (Some(state), _) if state != Refund::Done => NEWEST_REFUNDS_IN,
            (_, Some(_)) => NEWEST_REFUNDS_OF,
            _ => NEWEST_REFUNDS,
        };
        let page = sql.bind(before).bind(limit);
        let page = page
            .bind(wanted.since_ms.unwrap_or(0))
            .bind(wanted.until_ms.unwrap_or(i64::MAX))
            .bind(&wanted.domain_code)
            .bind(wanted.state.map(|state| state.word()))
            .bind(wanted.cause.map(|cause| cause.word()));
        let listed = |row: &Row| {
            Ok(ListedRefund {
                domain_code: row.get("domain_code")?,
                refund: refund_row(row)?,
            })
        };
        self.list(LONG_LIMIT, page, listed).await
    }
}

/// A page of the wanted orders from one place on.
fn fitting<'q>(sql: Sql, wanted: &'q Wanted, from: &'q str, limit: i64) -> Statement<'q> {
    sql.bind(from)
        .bind(limit)
        .bind(&wanted.domain_code)
        .bind(wanted.channel.map(|channel| channel.code()))
        .bind(&wanted.account)
        .bind(wanted.state.map(|state| state.word()))
        .bind(wanted.min)
        .bind(wanted.max)
        .bind(wanted.currency.map(Currency::code))
        .bind(wanted.since_ms.unwrap_or(0))
        .bind(wanted.until_ms.unwrap_or(i64::MAX))
}

fn listed(row: &Row) -> Answer<Listed> {
    Ok(Listed {
        order: attempt_row(row)?,
        refunded: row.get("refunded")?,
    })
}
