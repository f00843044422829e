//! Refunds that one operator asks for and another grants (docs/console.md, Refunds by two).

use super::refunds::paid_and_refunds;
use super::rows::{ASKED, BY_OPERATOR, FREED};
use super::steps;
use crate::db::{Database, LIMIT};
use crate::line::{Line, Row, Tx};
use crate::sql::{Statement, statements};
use payment::by_two::{
    AloneMost, Judged, Meant, NotMeant, RefundRequest, is_meant, waiting_sums, went_back_since,
};
use payment::money::Money;
use payment::ports::{Answer, NewRefund, RefundRequests, RefundRow, StoreError};
use payment::refund::Left;
use payment::story::{Act, Source};

/// Within which what an operator gives back alone is summed, ms.
const DAY_MS: i64 = 86_400_000;

/// What was asked for, with what [`refund_request`] reads of each.
const REQUESTS: &str = "select request_no, order_sn, refund_key, money, currency, reason, \
    asked_by, asked_ms, expires_ms, state, judged_by from refund_request where ";

statements! {
    ADD = "insert into refund_request (request_no, order_sn, refund_key, money, currency, \
        reason, asked_by, asked_ms, expires_ms, state) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, ", ASKED, ") \
        on conflict (order_sn, refund_key) do nothing";
    ONE = REQUESTS, "request_no = $1";
    OF_KEY = REQUESTS, "order_sn = $1 and refund_key = $2";
    OF_ORDER = REQUESTS, "order_sn = $1 order by asked_ms, request_no";
    WAITING = REQUESTS, "state = ", ASKED, " and expires_ms > $1 order by asked_ms, request_no";
    /// Who asked for it can't grant it: the table holds no such row (refund_request_by_two).
    JUDGE = "update refund_request set state = $2, judged_by = $3, judged_ms = $4 \
        where request_no = $1 and state = ", ASKED, " and expires_ms > $4";
    /// One refund of an operator after the other, where they are summed.
    LOCK = "insert into refund_operator (name) values ($1) \
        on conflict (name) do update set name = excluded.name";
    ALONE_OF_ORDER = "select cast(coalesce(sum(money), 0) as bigint) as sum from refund \
        where order_sn = $1 and cause = ", BY_OPERATOR, " and granted_by is null \
        and state not in ", FREED;
    ALONE_A_DAY = "select cast(coalesce(sum(money), 0) as bigint) as sum from refund \
        where operator = $1 and created_ms > $2 and currency = $3 and granted_by is null \
        and state not in ", FREED;
}

#[async_trait::async_trait]
impl RefundRequests for Database {
    async fn ask_refund(
        &self,
        new: &RefundRequest,
        meant: Meant,
    ) -> Answer<Result<RefundRequest, NotMeant>> {
        self.write(LIMIT, async |tx| {
            let add = ADD
                .bind(&new.request_no)
                .bind(&new.order_sn)
                .bind(&new.refund_key)
                .bind(new.money.minor())
                .bind(new.money.currency().code())
                .bind(&new.reason)
                .bind(&new.asked_by)
                .bind(new.asked_ms)
                .bind(new.expires_ms);
            let mut locked = steps::lock(tx, &new.order_sn).await?;
            let (paid, channel_paid, refunds) = paid_and_refunds(tx, &new.order_sn).await?;
            let left = Left::of(paid, channel_paid, &refunds).money;
            let wish = (
                &*new.order_sn,
                Some(&new.refund_key),
                new.money,
                new.asked_ms,
            );
            if let Err(why) = judge_meant(tx, wish, meant, (&refunds, left)).await? {
                return Ok(Err(why));
            }
            if tx.change(add).await? == 1 {
                let (request_no, money, by) = (&new.request_no, new.money, &new.asked_by);
                let detail = format!("{request_no} of {money} by {by}: {}", new.reason);
                let act = by_operator(new.asked_ms);
                locked.tell(tx, "refund asked", &detail, act).await?;
            }
            let of_key = OF_KEY.bind(&new.order_sn).bind(&new.refund_key);
            refund_request(&tx.one(of_key).await?).map(Ok)
        })
        .await
    }

    async fn refund_request(&self, request_no: &str) -> Answer<Option<RefundRequest>> {
        self.find(ONE.bind(request_no), refund_request).await
    }

    async fn refund_requests(&self, order_sn: &str) -> Answer<Vec<RefundRequest>> {
        self.list(LIMIT, OF_ORDER.bind(order_sn), refund_request)
            .await
    }

    async fn waiting_refund_requests(&self, now_ms: i64) -> Answer<Vec<RefundRequest>> {
        self.list(LIMIT, WAITING.bind(now_ms), refund_request).await
    }

    async fn refuse_refund(
        &self,
        request_no: &str,
        by: &str,
        reason: &str,
        now_ms: i64,
    ) -> Answer<bool> {
        self.write(LIMIT, async |tx| {
            let Some(request) = tx.find(ONE.bind(request_no), refund_request).await? else {
                return Ok(false);
            };
            let mut locked = steps::lock(tx, &request.order_sn).await?;
            let judge = judged(request_no, Judged::Refused, by, now_ms);
            if tx.change(judge).await? == 0 {
                return Ok(false);
            }
            let detail = format!("{request_no} by {by}: {reason}");
            let act = by_operator(now_ms);
            locked.tell(tx, "refund refused", &detail, act).await?;
            Ok(true)
        })
        .await
    }
}

fn by_operator(at_ms: i64) -> Act {
    Act {
        at_ms,
        by: Source::Operator,
    }
}

pub(super) async fn waiting(line: &mut Line, now_ms: i64) -> Answer<Vec<RefundRequest>> {
    line.list(WAITING.bind(now_ms), refund_request).await
}

/// Whether an operator means a refund of an order that is locked: under its key, of so much,
/// now. What was asked for under that key was meant then.
pub(super) async fn judge_meant(
    tx: &mut Tx,
    (order_sn, key, money, now_ms): (&str, Option<&String>, Money, i64),
    meant: Meant,
    (refunds, left): (&[RefundRow], i64),
) -> Answer<Result<(), NotMeant>> {
    let requests = tx.list(OF_ORDER.bind(order_sn), refund_request).await?;
    if requests.iter().any(|one| Some(&one.refund_key) == key) {
        return Ok(Ok(()));
    }
    let waiting = waiting_sums(&requests, refunds, now_ms);
    Ok(is_meant(meant, money.minor(), refunds, &waiting, left))
}

/// Whether money of its order went back since this was asked for.
pub(super) async fn is_overtaken(
    tx: &mut Tx,
    request_no: &str,
    refunds: &[RefundRow],
) -> Answer<bool> {
    let asked = refund_request(&tx.one(ONE.bind(request_no)).await?)?;
    let requests = OF_ORDER.bind(&asked.order_sn);
    let requests = tx.list(requests, refund_request).await?;
    Ok(went_back_since(&asked, &requests, refunds))
}

/// Whether an operator may give so much back alone.
pub(super) async fn may_alone(
    tx: &mut Tx,
    new: &NewRefund,
    operator: &str,
    most: AloneMost,
) -> Answer<bool> {
    tx.change(LOCK.bind(operator)).await?;
    let of_order = sum(tx, ALONE_OF_ORDER.bind(&new.order_sn)).await?;
    let day = ALONE_A_DAY
        .bind(operator)
        .bind(new.created_ms - DAY_MS)
        .bind(new.money.currency().code());
    let a_day = sum(tx, day).await?;
    let with_this = |given: i64| given.saturating_add(new.money.minor());
    Ok(with_this(of_order) <= most.an_order && with_this(a_day) <= most.a_day)
}

/// Grants what was asked for and is this refund; gives who asked. Nothing where it does
/// not wait.
pub(super) async fn grant(
    tx: &mut Tx,
    new: &NewRefund,
    request_no: &str,
    granted_by: &str,
) -> Answer<Option<String>> {
    let judge = judged(request_no, Judged::Granted, granted_by, new.created_ms);
    if tx.change(judge).await? == 0 {
        return Ok(None);
    }
    let request = refund_request(&tx.one(ONE.bind(request_no)).await?)?;
    let is_this = request.order_sn == new.order_sn
        && Some(&request.refund_key) == new.refund_key.as_ref()
        && request.money == new.money;
    match is_this {
        true => Ok(Some(request.asked_by)),
        false => Err(StoreError::Corrupt(format!(
            "refund {} is not what {request_no} asks for",
            new.refund_no
        ))),
    }
}

fn judged<'q>(request_no: &'q str, state: Judged, by: &'q str, now_ms: i64) -> Statement<'q> {
    JUDGE
        .bind(request_no)
        .bind(state.word())
        .bind(by)
        .bind(now_ms)
}

async fn sum(tx: &mut Tx, asked: Statement<'_>) -> Answer<i64> {
    tx.one(asked).await?.get("sum")
}

fn refund_request(row: &Row) -> Answer<RefundRequest> {
    Ok(RefundRequest {
        request_no: row.get("request_no")?,
        order_sn: row.get("order_sn")?,
        refund_key: row.get("refund_key")?,
        money: row.money("money", "currency")?,
        reason: row.get("reason")?,
        asked_by: row.get("asked_by")?,
        asked_ms: row.get("asked_ms")?,
        expires_ms: row.get("expires_ms")?,
        state: row.word("state", Judged::parse)?,
        judged_by: row.get("judged_by")?,
    })
}
