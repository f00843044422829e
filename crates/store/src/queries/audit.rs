//! Money that needs a person's eye, what waits to be done, and what was looked over.

use super::rows::{
    ASKED, DONE, DUPLICATE, FAILED, FOR_A_PERSON, FREED, HELD, LATE, MONEY_CAME, OF_DUPLICATE,
    OF_LATE, OLD_STRAY, OPEN, PARKED, PARKED_REFUND, PAYABLE, STRAY, TAKEN_BACK, UNCONFIRMED,
    UNENDED, UNTOLD, WAITING, json, places,
};
use super::steps::lock_if_there;
use super::{contradictions, refund_requests, story};
use crate::db::{Database, LIMIT, LONG_LIMIT};
use crate::line::{Line, Row};
use crate::sql::{Sql, Statement, statements, text};
use payment::by_two::RefundRequest;
use payment::channel::Channel;
use payment::ports::{Answer, Audit, Backlog, RISKS_MAX, Risk, RiskCount, RiskKind, Story, Told};
use payment::refund::{ON_ITS_WAY, SILENT_MS, WAY_MS};
use payment::story::{Act, Checkpoint};

/// Of money beside a request: it is not given back yet, and goes back by itself. A refund that
/// failed, or that a person is to end, is a line of its own.
const NOT_BACK: &str = text!("f.state <> ", DONE, " and f.state not in ", FOR_A_PERSON);
/// Money went back by a refund of this kind, and nobody has looked after it.
const TAKEN: &str = text!("cause in ", TAKEN_BACK, " and ", NOT_LOOKED_AFTER);
const NOT_LOOKED_AFTER: &str =
    "(select l.at_ms from looked_after l where l.number = refund.refund_no) is null";
/// A person is to end it, or has to say that another one stands in the place of what failed.
const FOR_SOMEBODY: &str = text!(
    "state in ",
    FOR_A_PERSON,
    " and (state = ",
    PARKED_REFUND,
    " or ",
    NOT_LOOKED_AFTER,
    ")"
);
/// Money went back, until a refund, or a notify of one, says how much it was, or somebody has
/// looked after it.
const STILL_UNTOLD: &str = text!(
    "mismatch is not null and ",
    UNTOLD,
    " and not exists (select 1 from refund f where f.order_sn = attempt.order_sn \
    and f.state not in ",
    FREED,
    ") and (select l.at_ms from looked_after l where l.number = attempt.order_sn) is null"
);
/// Money came that differs, and none that settles, and nobody has looked after it.
const UNSETTLED: &str = text!(
    "mismatch is not null and status not in ",
    MONEY_CAME,
    " and (select l.at_ms from looked_after l where l.number = attempt.order_sn) is null"
);
/// A channel has not said for long how an attempt ended: that money differs, it has said. The
/// oldest is looked at first: PostgreSQL takes nearly all that are open for overdue, as nearly
/// all attempts are, and would read each of them.
const OVERDUE_ATTEMPT: &str = text!(
    "(select min(o.expires_ms) from attempt o where o.status in ",
    OPEN,
    ") < $1 and status in ",
    OPEN,
    " and expires_ms < $1 and (mismatch is null or \
    (select l.at_ms from looked_after l where l.number = attempt.order_sn) is not null)"
);
/// A notify as a line of the list.
const NOTIFY: &str = "select '' as order_sn, 'notify ' || id || ' of ' || channel || '/' || \
    account || ': ' || outcome as detail, received_ms as since_ms from notify where ";

/// Refunds whose channel has said nothing of their end since a time, those that it says are on
/// their way since [`WAY_MS`] ago.
const SILENT: &str = text!(
    "state in ",
    UNCONFIRMED,
    " and created_ms < $1 and (note <> '",
    ON_ITS_WAY,
    "' or created_ms < $1 - 345000000)"
);

const _: () = assert!(WAY_MS - SILENT_MS == 345_000_000);

/// A receiver that is gone, or a channel, leaves lines without an end.
const MOST: &str = " limit 1000";
const _: () = assert!(RISKS_MAX == 1000);

/// An attempt's sum as its request has it.
const ORDERS_SUM: &str = "(select r.money from payment_request r where r.id = attempt.request_id) \
    as money, (select r.currency from payment_request r where r.id = attempt.request_id) \
    as currency, ";

/// The accounts of attempts that may still be paid, by the index on these.
const PAYABLE_PLACES: &str = places!(text!("status in ", PAYABLE));

// What begins with `RISK_` gives lines of the list: order, sum (but of a notify), detail, since.
statements! {
    RISK_DUPLICATE = "select a.order_sn, f.money, f.currency, \
        'paid twice; refund ' || f.state as detail, \
        coalesce(a.paid_ms, a.created_ms) as since_ms from attempt a \
        join refund f on f.order_sn = a.order_sn and f.cause = ", OF_DUPLICATE,
        " where a.status = ", DUPLICATE, " and ", NOT_BACK;
    RISK_LATE = "select a.order_sn, f.money, f.currency, \
        'paid after its request was closed; refund ' || f.state as detail, \
        coalesce(a.paid_ms, a.created_ms) as since_ms from attempt a \
        join refund f on f.order_sn = a.order_sn and f.cause = ", OF_LATE,
        " where a.status = ", LATE, " and ", NOT_BACK;
    RISK_MISMATCH = "select order_sn, ", ORDERS_SUM, "mismatch as detail, \
        created_ms as since_ms from attempt where ", UNSETTLED;
    RISK_STRAY = NOTIFY, "outcome_word in ", STRAY;
    RISK_OLD_STRAY = NOTIFY, OLD_STRAY;
    RISK_REFUND = "select order_sn, money, currency, \
        'refund ' || refund_no || ' ' || state || ': ' || note as detail, \
        created_ms as since_ms from refund where ", FOR_SOMEBODY, " order by created_ms", MOST;
    RISK_HELD = "select order_sn, ", ORDERS_SUM,
        "'the channel holds the payer''s money: ' || coalesce(held, '') as detail, \
        created_ms as since_ms from attempt where status = ", HELD;
    RISK_TAKEN_BACK = "select order_sn, money, currency, note as detail, \
        created_ms as since_ms from refund where ", TAKEN;
    TO_LOOK_AFTER = "select refund_no as number from refund where order_sn = $1 and (", TAKEN,
        " or state = ", FAILED, " and ", NOT_LOOKED_AFTER, ") union all select order_sn as number from attempt where order_sn = $1 and ",
        STILL_UNTOLD, " union all select order_sn as number from attempt where order_sn = $1 and ",
        UNSETTLED;
    LOOK_AFTER = "insert into looked_after (number, at_ms) values ($1, $2) \
        on conflict (number) do nothing";
    RISK_UNTOLD = "select order_sn, ", ORDERS_SUM, "mismatch as detail, \
        created_ms as since_ms from attempt where ", STILL_UNTOLD;
    RISK_CALLBACK = "select c.order_sn, r.money, r.currency, \
        'nobody took it in ' || c.tries || ' tries' as detail, c.created_ms as since_ms \
        from callback c cross join attempt a cross join payment_request r \
        where a.order_sn = c.order_sn and r.id = a.request_id and c.state = ", PARKED,
        " order by c.created_ms", MOST;
    RISK_UNKNOWN = "select order_sn, ", ORDERS_SUM,
        "'the channel has not said how it ended' as detail, \
        expires_ms as since_ms from attempt where ", OVERDUE_ATTEMPT, " order by expires_ms", MOST;
    RISK_UNKNOWN_REFUND = "select order_sn, money, currency, \
        'refund ' || refund_no || ' is not confirmed: ' || note as detail, \
        created_ms as since_ms from refund where ", SILENT, " order by created_ms", MOST;
    /// How many lines of each kind the list has, from indexes that hold no more than
    /// those: `cross join` says in which order SQLite reads. The kinds are in the order
    /// of [`RiskKind::ALL`].
    COUNTS = "select \
        (select count(*) from refund f cross join attempt a where a.order_sn = f.order_sn \
            and f.cause = ", OF_DUPLICATE, " and ", NOT_BACK, " and a.status = ", DUPLICATE,
        ") as duplicate, \
        (select count(*) from refund f cross join attempt a where a.order_sn = f.order_sn \
            and f.cause = ", OF_LATE, " and ", NOT_BACK, " and a.status = ", LATE,
        ") as late, \
        (select count(*) from attempt where ", UNSETTLED, ") + \
        (select count(*) from notify where outcome_word in ", STRAY, ") + \
        (select count(*) from notify where ", OLD_STRAY, ") as mismatch, \
        (select count(*) from attempt where ", OVERDUE_ATTEMPT, ") + \
        (select count(*) from refund where ", SILENT, ") as unknown, \
        (select count(*) from refund where ", FOR_SOMEBODY, ") as refund, \
        (select count(*) from refund_request where state = ", ASKED,
        " and expires_ms > $2) as asked, \
        (select count(*) from callback where state = ", PARKED, ") as callback, \
        (select count(*) from attempt where status = ", HELD, ") as held, \
        (select count(*) from refund where ", TAKEN, ") + \
        (select count(*) from attempt where ", STILL_UNTOLD, ") as takenback";
    BACKLOG = "select \
        (select count(*) from attempt where next_query_ms <= $1) as queries, \
        (select count(*) from callback where next_ms is not null) as callbacks, \
        (select count(*) from refund where next_ms is not null) as refunds, \
        (select count(*) from notify where next_ms is not null) as notifies, \
        (select min(created_ms) from callback where state = ", WAITING, ") as oldest";
    ACCOUNTS = PAYABLE_PLACES, "select channel, account from place counted where account > '' \
        union select a.channel, a.account from refund f cross join attempt a \
        where a.order_sn = f.order_sn and f.state in ", UNENDED;
}

/// Each kind with the lines that belong to it.
const STANDING: [(RiskKind, Sql); 10] = [
    (RiskKind::Duplicate, RISK_DUPLICATE),
    (RiskKind::Late, RISK_LATE),
    (RiskKind::Mismatch, RISK_MISMATCH),
    (RiskKind::Mismatch, RISK_STRAY),
    (RiskKind::Mismatch, RISK_OLD_STRAY),
    (RiskKind::Refund, RISK_REFUND),
    (RiskKind::Held, RISK_HELD),
    (RiskKind::TakenBack, RISK_TAKEN_BACK),
    (RiskKind::TakenBack, RISK_UNTOLD),
    (RiskKind::Callback, RISK_CALLBACK),
];

/// The same, where an answer was due before `$1`.
const OVERDUE: [(RiskKind, Sql); 2] = [
    (RiskKind::Unknown, RISK_UNKNOWN),
    (RiskKind::Unknown, RISK_UNKNOWN_REFUND),
];

#[async_trait::async_trait]
impl Audit for Database {
    async fn story(&self, order_sn: &str) -> Answer<Option<Story>> {
        let orders = [order_sn.to_owned()];
        Ok(self.stories(&orders).await?.pop())
    }

    async fn at_risk(&self, now_ms: i64) -> Answer<Vec<Risk>> {
        let standing = STANDING.map(|(kind, sql)| (kind, Statement::from(sql)));
        let overdue = OVERDUE.map(|(kind, sql)| (kind, sql.bind(now_ms - SILENT_MS)));
        self.read(LIMIT, async |line| {
            let mut risks = Vec::new();
            for (kind, asked) in standing.iter().chain(&overdue) {
                for row in &line.rows(asked.clone()).await? {
                    risks.push(risk(*kind, row)?);
                }
            }
            let waiting = refund_requests::waiting(line, now_ms).await?;
            risks.extend(waiting.into_iter().map(asked));
            risks.sort_by_key(|risk| risk.since_ms);
            Ok(risks)
        })
        .await
    }

    async fn risk_counts(&self, now_ms: i64) -> Answer<Vec<RiskCount>> {
        self.read(LIMIT, async |line| {
            let row = line
                .one(COUNTS.bind(now_ms - SILENT_MS).bind(now_ms))
                .await?;
            let count = |kind: RiskKind| {
                let count = row.get(kind.word())?;
                Ok(RiskCount { kind, count })
            };
            RiskKind::ALL.into_iter().map(count).collect()
        })
        .await
    }

    async fn to_look_after(&self, order_sn: &str) -> Answer<Vec<String>> {
        let asked = TO_LOOK_AFTER.bind(order_sn);
        self.list(LIMIT, asked, |row| row.get("number")).await
    }

    async fn look_after(
        &self,
        order_sn: &str,
        number: &str,
        detail: &str,
        act: Act,
    ) -> Answer<bool> {
        self.write(LIMIT, async |tx| {
            let Some(mut locked) = lock_if_there(tx, order_sn).await? else {
                return Ok(false);
            };
            let rows = tx.rows(TO_LOOK_AFTER.bind(order_sn)).await?;
            let numbers = rows.iter().map(|row| row.get::<String>("number"));
            let numbers = numbers.collect::<Answer<Vec<_>>>()?;
            if !numbers.iter().any(|one| one == number) {
                return Ok(false);
            }
            tx.change(LOOK_AFTER.bind(number).bind(act.at_ms)).await?;
            locked.tell(tx, "operator", detail, act).await?;
            Ok(true)
        })
        .await
    }

    async fn backlog(&self, now_ms: i64) -> Answer<Backlog> {
        self.read(LIMIT, async |line| {
            let row = line.one(BACKLOG.bind(now_ms)).await?;
            Ok(Backlog {
                queries: row.get("queries")?,
                callbacks: row.get("callbacks")?,
                refunds: row.get("refunds")?,
                notifies: row.get("notifies")?,
                oldest_callback_ms: row.get("oldest")?,
            })
        })
        .await
    }

    async fn accounts_in_use(&self) -> Answer<Vec<(Channel, String)>> {
        let account = |row: &Row| Ok((row.word("channel", Channel::parse)?, row.get("account")?));
        self.list(LIMIT, ACCOUNTS.into(), account).await
    }

    async fn contradictions(&self, among: Option<&[String]>) -> Answer<Vec<String>> {
        let asked = match among {
            None => contradictions::ALONE.into(),
            Some(orders) => contradictions::AMONG.bind(json(&orders)?),
        };
        let found = |row: &Row| row.get("found");
        self.list(LONG_LIMIT, asked, found).await
    }

    async fn order_numbers(&self, after: &str, limit: i64) -> Answer<Vec<String>> {
        let page = story::NUMBERS.bind(after).bind(limit);
        let number = |row: &Row| row.get("order_sn");
        self.list(LONG_LIMIT, page, number).await
    }

    async fn orders_told(&self, after: &Told, limit: i64) -> Answer<Vec<Told>> {
        let page = story::TOLD
            .bind(after.at_ms)
            .bind(&after.order_sn)
            .bind(limit);
        let told = |row: &Row| {
            let (at_ms, order_sn) = (row.get("at_ms")?, row.get("order_sn")?);
            Ok(Told { at_ms, order_sn })
        };
        self.list(LONG_LIMIT, page, told).await
    }

    async fn stories(&self, orders: &[String]) -> Answer<Vec<Story>> {
        let orders = json(&orders)?;
        let rows = async |line: &mut Line| line.rows(story::STORIES.bind(&orders)).await;
        story::stories(&self.read(LONG_LIMIT, rows).await?)
    }

    async fn checkpoints(&self) -> Answer<Vec<Checkpoint>> {
        self.list(LIMIT, story::CHECKPOINTS.into(), story::checkpoint)
            .await
    }

    async fn seal(&self, checkpoint: &Checkpoint) -> Answer<bool> {
        let seal = story::SEAL
            .bind(checkpoint.seq)
            .bind(checkpoint.until_ms)
            .bind(checkpoint.orders)
            .bind(checkpoint.entries)
            .bind(&checkpoint.digest)
            .bind(&checkpoint.hash);
        let sealed = async |line: &mut Line| line.change(seal.clone()).await;
        Ok(self.write_each(LIMIT, sealed).await? > 0)
    }

    async fn unseal(&self) -> Answer<()> {
        self.change(story::UNSEAL.into()).await
    }
}

/// A refund that waits for another operator.
fn asked(request: RefundRequest) -> Risk {
    let RefundRequest {
        money,
        asked_by,
        request_no,
        ..
    } = request;
    Risk {
        kind: RiskKind::Asked,
        order_sn: request.order_sn,
        detail: format!("{asked_by} asks for a refund of {money}: {request_no}"),
        money: Some(money),
        since_ms: request.asked_ms,
    }
}

fn risk(kind: RiskKind, row: &Row) -> Answer<Risk> {
    let order_sn: String = row.get("order_sn")?;
    let money = match order_sn.as_str() {
        "" => None,
        _ => Some(row.money("money", "currency")?),
    };
    Ok(Risk {
        kind,
        order_sn,
        money,
        detail: row.get("detail")?,
        since_ms: row.get("since_ms")?,
    })
}
