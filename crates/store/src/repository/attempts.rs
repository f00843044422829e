//! Attempts and their requests. Everything that changes an order locks its request
//! first, so there is one order of locks, and the order's story has one writer.

use super::rows::{attempt_row, get, json, money, word};
use super::{Answer, Db, callbacks, domains, is_unique_violation, refunds, story, unavailable};
use payment::channel::Channel;
use payment::money::Money;
use payment::order::{Attempt, Event, Step, request_after, seen_by_money};
use payment::ports::{
    AttemptRow, Begun, ClosedRequest, Created, Honoured, NewAttempt, NewCallback, Payment, Settled,
    StoreError,
};
use payment::refund::{Cause, Refund};
use payment::status::PayStatus;
use payment::story::{Act, Source};
use sqlx::{Executor, Pool, Transaction};

const LOCK_REQUEST: &str = locked!(
    "select id, money, currency, status, created_ms from payment_request \
     where domain_code = $1 and request_key = $2"
);

const LOCK_REQUEST_OF: &str = locked!(
    "select id, domain_code, status from payment_request \
     where id = (select request_id from attempt where order_sn = $1)"
);

const HOUR_MS: i64 = 3_600_000;

/// An attempt together with what its request adds.
macro_rules! attempts_where {
    ($condition:literal) => {
        concat!(
            "select a.order_sn, a.token, a.channel, a.account, a.kind, a.channel_order_no, ",
            "a.channel_money, a.channel_currency, a.asked_money, a.rate, a.openid, ",
            "a.signed_values, a.secret_generation, a.status, a.obj, a.reference, ",
            "a.created_ms, a.expires_ms, a.trade_no, a.paid_ms, a.mismatch, a.held, r.domain_code, r.request_key, r.money, r.currency, ",
            "r.status as request_status, r.created_ms as request_created_ms from attempt a ",
            "join payment_request r on r.id = a.request_id where ",
            $condition
        )
    };
}

pub(super) async fn one(pool: &Pool<Db>, order_sn: &str) -> Answer<Option<AttemptRow>> {
    find(pool, attempts_where!("a.order_sn = $1"), order_sn).await
}

pub(super) async fn by_token(pool: &Pool<Db>, token: &str) -> Answer<Option<AttemptRow>> {
    find(pool, attempts_where!("a.token = $1"), token).await
}

async fn find(pool: &Pool<Db>, query: &'static str, value: &str) -> Answer<Option<AttemptRow>> {
    let row = sqlx::query(query).bind(value).fetch_optional(pool).await;
    row.map_err(unavailable)?
        .as_ref()
        .map(attempt_row)
        .transpose()
}

pub(super) async fn by_channel_no(
    pool: &Pool<Db>,
    channel: Channel,
    account: &str,
    channel_order_no: &str,
) -> Answer<Option<AttemptRow>> {
    let query = attempts_where!("a.channel = $1 and a.account = $2 and a.channel_order_no = $3");
    find_at(pool, query, channel, account, channel_order_no).await
}

pub(super) async fn by_trade_no(
    pool: &Pool<Db>,
    channel: Channel,
    account: &str,
    trade_no: &str,
) -> Answer<Option<AttemptRow>> {
    let query = attempts_where!("a.channel = $1 and a.account = $2 and a.trade_no = $3");
    find_at(pool, query, channel, account, trade_no).await
}

async fn find_at(
    pool: &Pool<Db>,
    query: &'static str,
    channel: Channel,
    account: &str,
    number: &str,
) -> Answer<Option<AttemptRow>> {
    let row = sqlx::query(query)
        .bind(channel.code())
        .bind(account)
        .bind(number)
        .fetch_optional(pool)
        .await
        .map_err(unavailable)?;
    row.as_ref().map(attempt_row).transpose()
}

pub(super) async fn of_request(
    pool: &Pool<Db>,
    domain_code: &str,
    request_key: &str,
) -> Answer<Vec<AttemptRow>> {
    let query = sqlx::query(attempts_where!(
        "r.domain_code = $1 and r.request_key = $2 order by a.created_ms, a.order_sn"
    ));
    let rows = query
        .bind(domain_code)
        .bind(request_key)
        .fetch_all(pool)
        .await
        .map_err(unavailable)?;
    rows.iter().map(attempt_row).collect()
}

pub(super) async fn page(pool: &Pool<Db>, after: &str, limit: i64) -> Answer<Vec<AttemptRow>> {
    let query = sqlx::query(attempts_where!(
        "a.order_sn > $1 order by a.order_sn limit $2"
    ));
    let rows = query.bind(after).bind(limit).fetch_all(pool).await;
    rows.map_err(unavailable)?.iter().map(attempt_row).collect()
}

/// An attempt as it stands while its request is locked.
pub(super) struct Locked {
    status: Attempt,
    pub(super) request_id: i64,
    request_status: PayStatus,
    pub(super) domain_code: String,
}

/// Locks the request of an order until the transaction ends.
pub(super) async fn lock(tx: &mut Transaction<'static, Db>, order_sn: &str) -> Answer<Locked> {
    let missing = || StoreError::Corrupt(format!("no attempt {order_sn}"));
    let request = sqlx::query(LOCK_REQUEST_OF)
        .bind(order_sn)
        .fetch_optional(&mut **tx)
        .await
        .map_err(unavailable)?
        .ok_or_else(missing)?;
    // Read after the lock was had, and not with it: it may have been waited for.
    let query = sqlx::query("select status from attempt where order_sn = $1").bind(order_sn);
    let attempt = query.fetch_one(&mut **tx).await.map_err(unavailable)?;
    Ok(Locked {
        status: word(&attempt, "status", Attempt::parse)?,
        request_id: get(&request, "id")?,
        request_status: word(&request, "status", PayStatus::parse)?,
        domain_code: get(&request, "domain_code")?,
    })
}

pub(super) async fn begin(tx: &mut Transaction<'static, Db>, new: &NewAttempt) -> Answer<Begun> {
    let (request_id, money, status, seen_ms) = open_request(tx, new).await?;
    if money != new.money {
        return Ok(Begun::KeyReused);
    }
    if status.was_paid() {
        return Ok(Begun::AlreadyPaid);
    }
    // A channel may have the payer's money though the request was closed meanwhile.
    let mut open = open_attempts(tx, request_id).await?;
    if open.iter().any(|row| row.status == Attempt::Held) {
        return Ok(Begun::Held);
    }
    let closed = is_closed(&mut **tx, &new.domain_code, &new.request_key).await?;
    if closed || status == PayStatus::Closed {
        return Ok(Begun::Closed);
    }
    let end_ms = new.deadline_after_ms.map(|after_ms| seen_ms + after_ms);
    if end_ms.is_some_and(|end_ms| end_ms <= new.created_ms) {
        return Ok(Begun::Overdue);
    }
    if let Some(index) = open.iter().position(|row| is_same(row, new)) {
        return Ok(Begun::Same(open.swap_remove(index)));
    }
    if begun_since(tx, request_id, new.created_ms - HOUR_MS).await? >= new.attempts_an_hour {
        return Ok(Begun::TooMany);
    }
    match insert(tx, request_id, new).await {
        Err(error) if is_unique_violation(&error) => return Ok(Begun::NumberTaken),
        other => other.map_err(unavailable)?,
    }
    let act = Act {
        at_ms: new.created_ms,
        by: Source::Payer,
    };
    let detail = format!(
        "{}/{} {} {} as {}",
        new.channel.code(),
        new.account,
        new.kind.word(),
        new.channel_money,
        new.channel_order_no
    );
    story::append(tx, &new.order_sn, "begun", &detail, act).await?;
    for row in open.iter().filter(|row| row.expires_ms > new.created_ms) {
        supersede(tx, row, new, act).await?;
    }
    if new.fits_another_key || new.could_be_recut {
        domains::count_other_readings(tx, new).await?;
    }
    Ok(Begun::New(fresh(new, status, seen_ms)))
}

pub(super) async fn accept(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    created: &Created,
    act: Act,
) -> Answer<Settled> {
    let locked = lock(tx, order_sn).await?;
    // A page that waits needs obj even where the money was faster than the answer.
    sqlx::query("update attempt set obj = $2, reference = $3 where order_sn = $1")
        .bind(order_sn)
        .bind(json(&created.obj)?)
        .bind(&created.reference)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    if let Some(changed) = created.changed {
        change_sum(tx, order_sn, changed, act).await?;
    }
    write_step(tx, order_sn, &locked, Event::Accepted, "", act).await
}

/// The channel wants another sum; what is paid already stays as it was paid.
async fn change_sum(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    changed: Money,
    act: Act,
) -> Answer<()> {
    let query = "update attempt set asked_money = coalesce(asked_money, channel_money), \
        channel_money = $2 where order_sn = $1 and channel_money <> $2 \
        and channel_currency = $3 and paid_ms is null";
    let written = sqlx::query(query)
        .bind(order_sn)
        .bind(changed.minor())
        .bind(changed.currency().code())
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    if written.rows_affected() > 0 {
        let detail = format!("to {changed}");
        story::append(tx, order_sn, "sum changed", &detail, act).await?;
    }
    Ok(())
}

pub(super) async fn apply(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    event: Event,
    act: Act,
) -> Answer<Settled> {
    let locked = lock(tx, order_sn).await?;
    write_step(tx, order_sn, &locked, event, "", act).await
}

pub(super) async fn hold(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    reason: &str,
    act: Act,
) -> Answer<Settled> {
    let locked = lock(tx, order_sn).await?;
    sqlx::query("update attempt set held = $2 where order_sn = $1")
        .bind(order_sn)
        .bind(reason)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    write_step(tx, order_sn, &locked, Event::Held, reason, act).await
}

pub(super) async fn settle_paid(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    payment: &Payment<'_>,
    act: Act,
) -> Answer<Settled> {
    let mut locked = lock(tx, order_sn).await?;
    let kept_status = locked.request_status;
    locked.request_status = seen_by_money(kept_status, payment.beside.after_close);
    let detail = format!("trade {} at {} ms", payment.trade_no, payment.paid_ms);
    let settled = write_step(tx, order_sn, &locked, Event::Paid, &detail, act).await?;
    let Settled::Went(state) = settled else {
        return Ok(settled);
    };
    sqlx::query(
        "update attempt set trade_no = $2, paid_ms = $3, next_query_ms = null where order_sn = $1",
    )
    .bind(order_sn)
    .bind(payment.trade_no)
    .bind(payment.paid_ms)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    if let Some(status) = request_after(locked.request_status, state) {
        locked.request_status = kept_status;
        win_request(tx, &locked, order_sn, status).await?;
        callbacks::write(tx, &locked.domain_code, order_sn, payment.callback, act).await?;
    }
    let cause = match state {
        Attempt::Duplicate => Some(Cause::Duplicate),
        Attempt::PaidAfterClose => Some(Cause::AfterClose),
        _ => None,
    };
    if let Some(cause) = cause {
        refunds::insert_whole(tx, order_sn, &payment.beside.refund_no, cause, act).await?;
    }
    Ok(settled)
}

pub(super) async fn note_mismatch(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    difference: &str,
    act: Act,
) -> Answer<()> {
    lock(tx, order_sn).await?;
    let query = "update attempt set mismatch = $2 where order_sn = $1 \
        and (mismatch is null or mismatch <> $2)";
    let written = sqlx::query(query)
        .bind(order_sn)
        .bind(difference)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    // Asked again and told the same, nothing new has happened.
    if written.rows_affected() > 0 {
        story::append(tx, order_sn, "mismatch", difference, act).await?;
    }
    Ok(())
}

pub(super) async fn honour(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    callback: &NewCallback,
    act: Act,
) -> Answer<Honoured> {
    let locked = lock(tx, order_sn).await?;
    let late = locked.status == Attempt::PaidAfterClose;
    if !late || locked.request_status != PayStatus::Closed {
        return Ok(Honoured::NotLate);
    }
    for refund in refunds::of_order(&mut **tx, order_sn).await? {
        if refund.state.forward(Refund::Withdrawn) != Refund::Withdrawn {
            return Ok(Honoured::GoingBack);
        }
        refunds::withdraw(tx, &refund, act).await?;
    }
    write_status(tx, order_sn, locked.status, Attempt::Paid).await?;
    story::append(tx, order_sn, "honoured", "", act).await?;
    win_request(tx, &locked, order_sn, PayStatus::SuccessPay).await?;
    callbacks::write(tx, &locked.domain_code, order_sn, callback, act).await?;
    Ok(Honoured::Done)
}

pub(super) async fn close_request(
    tx: &mut Transaction<'static, Db>,
    domain_code: &str,
    request_key: &str,
    told: Option<&(String, NewCallback)>,
    act: Act,
) -> Answer<ClosedRequest> {
    // Written first: a payer who comes at the same moment meets it, or is met.
    sqlx::query(
        "insert into closed_request (domain_code, request_key) values ($1, $2) \
         on conflict (domain_code, request_key) do nothing",
    )
    .bind(domain_code)
    .bind(request_key)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    let row = sqlx::query(LOCK_REQUEST)
        .bind(domain_code)
        .bind(request_key)
        .fetch_optional(&mut **tx)
        .await
        .map_err(unavailable)?;
    let Some(row) = row else {
        return Ok(ClosedRequest::Closed);
    };
    let (request_id, status) = (get(&row, "id")?, word(&row, "status", PayStatus::parse)?);
    if status.was_paid() {
        return Ok(ClosedRequest::Paid);
    }
    if payable_attempts(tx, request_id).await? > 0 {
        return Ok(ClosedRequest::Open);
    }
    if status == PayStatus::Closed {
        return Ok(ClosedRequest::Closed);
    }
    sqlx::query("update payment_request set status = $3 where id = $1 and status = $2")
        .bind(request_id)
        .bind(status.word())
        .bind(PayStatus::Closed.word())
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let query = "select order_sn from attempt where request_id = $1 order by created_ms, order_sn";
    let rows = sqlx::query(query).bind(request_id).fetch_all(&mut **tx);
    for row in &rows.await.map_err(unavailable)? {
        let order_sn: String = get(row, "order_sn")?;
        story::append(tx, &order_sn, "request closed", "", act).await?;
    }
    if let Some((order_sn, callback)) = told {
        callbacks::write(tx, domain_code, order_sn, callback, act).await?;
    }
    Ok(ClosedRequest::Closed)
}

/// Writes what `event` makes of the attempt.
async fn write_step(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    locked: &Locked,
    event: Event,
    detail: &str,
    act: Act,
) -> Answer<Settled> {
    let next = match locked.status.on(event, locked.request_status) {
        Err(contradiction) => {
            let detail = contradiction.to_string();
            story::append(tx, order_sn, "contradiction", &detail, act).await?;
            return Ok(Settled::Contradicts(locked.status));
        }
        Ok(Step::Stay) => return Ok(Settled::Stayed(locked.status)),
        Ok(Step::Go(next)) => next,
    };
    write_status(tx, order_sn, locked.status, next).await?;
    story::append(tx, order_sn, next.word(), detail, act).await?;
    Ok(Settled::Went(next))
}

/// The new state, with the old one in the condition.
async fn write_status(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    old: Attempt,
    new: Attempt,
) -> Answer<()> {
    let written = sqlx::query("update attempt set status = $3 where order_sn = $1 and status = $2")
        .bind(order_sn)
        .bind(old.word())
        .bind(new.word())
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    changed_one(written.rows_affected(), "attempt", order_sn)
}

/// The old state stood in the condition: who changed it meanwhile was faster.
fn changed_one(rows: u64, what: &str, order_sn: &str) -> Answer<()> {
    match rows {
        1 => Ok(()),
        _ => Err(StoreError::Unavailable(format!(
            "{what} of {order_sn} changed meanwhile"
        ))),
    }
}

async fn win_request(
    tx: &mut Transaction<'static, Db>,
    locked: &Locked,
    order_sn: &str,
    status: PayStatus,
) -> Answer<()> {
    let query = "update payment_request set status = $3, paid_order_sn = $4 \
        where id = $1 and status = $2 and paid_order_sn is null";
    let written = sqlx::query(query)
        .bind(locked.request_id)
        .bind(locked.request_status.word())
        .bind(status.word())
        .bind(order_sn)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    changed_one(written.rows_affected(), "request", order_sn)
}

/// Whether the key was closed, maybe before any payer came.
pub(super) async fn is_closed<'e>(
    at: impl Executor<'e, Database = Db>,
    domain_code: &str,
    request_key: &str,
) -> Answer<bool> {
    let query = "select count(*) as n from closed_request \
        where domain_code = $1 and request_key = $2";
    let row = sqlx::query(query)
        .bind(domain_code)
        .bind(request_key)
        .fetch_one(at)
        .await
        .map_err(unavailable)?;
    Ok(get::<i64>(&row, "n")? > 0)
}

/// Makes the request where it is new, locks it, and gives its number, sum, state,
/// and when it was first seen.
async fn open_request(
    tx: &mut Transaction<'static, Db>,
    new: &NewAttempt,
) -> Answer<(i64, Money, PayStatus, i64)> {
    sqlx::query(
        "insert into payment_request \
         (domain_code, request_key, money, currency, status, created_ms) \
         values ($1, $2, $3, $4, 'NOTPAY', $5) on conflict (domain_code, request_key) do nothing",
    )
    .bind(&new.domain_code)
    .bind(&new.request_key)
    .bind(new.money.minor())
    .bind(new.money.currency().code())
    .bind(new.created_ms)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    let row = sqlx::query(LOCK_REQUEST)
        .bind(&new.domain_code)
        .bind(&new.request_key)
        .fetch_one(&mut **tx)
        .await
        .map_err(unavailable)?;
    let status = word(&row, "status", PayStatus::parse)?;
    Ok((
        get(&row, "id")?,
        money(&row, "money", "currency")?,
        status,
        get(&row, "created_ms")?,
    ))
}

/// The request's open attempts.
async fn open_attempts(
    tx: &mut Transaction<'static, Db>,
    request_id: i64,
) -> Answer<Vec<AttemptRow>> {
    let query = sqlx::query(attempts_where!(
        "a.request_id = $1 and a.status in ('CREATING', 'NOTPAY', 'HELD') order by a.created_ms"
    ));
    let rows = query
        .bind(request_id)
        .fetch_all(&mut **tx)
        .await
        .map_err(unavailable)?;
    rows.iter().map(attempt_row).collect()
}

/// How many attempts a payer may still pay: a declined one may be tried once more.
async fn payable_attempts(tx: &mut Transaction<'static, Db>, request_id: i64) -> Answer<i64> {
    let query = "select count(*) as n from attempt \
        where request_id = $1 and status in ('CREATING', 'NOTPAY', 'FAILUREPAY', 'HELD')";
    let row = sqlx::query(query)
        .bind(request_id)
        .fetch_one(&mut **tx)
        .await;
    get(&row.map_err(unavailable)?, "n")
}

/// How many attempts of a request have begun since then.
async fn begun_since(
    tx: &mut Transaction<'static, Db>,
    request_id: i64,
    since_ms: i64,
) -> Answer<i64> {
    let query = "select count(*) as n from attempt where request_id = $1 and created_ms > $2";
    let row = sqlx::query(query)
        .bind(request_id)
        .bind(since_ms)
        .fetch_one(&mut **tx)
        .await;
    get(&row.map_err(unavailable)?, "n")
}

/// Rule 2: the same channel, kind, values and openid, and time left.
fn is_same(row: &AttemptRow, new: &NewAttempt) -> bool {
    row.channel == new.channel
        && row.kind == new.kind
        && row.signed_values == new.signed_values
        && row.openid == new.openid
        && row.expires_ms > new.created_ms
        && row.created_ms >= new.fresh_since_ms
}

async fn insert(
    tx: &mut Transaction<'static, Db>,
    request_id: i64,
    new: &NewAttempt,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into attempt (order_sn, request_id, token, channel, account, kind, \
         channel_order_no, channel_money, channel_currency, openid, signed_values, \
         secret_generation, status, created_ms, expires_ms, next_query_ms, rate) values \
         ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 'CREATING', $13, $14, $15, $16)",
    )
    .bind(&new.order_sn)
    .bind(request_id)
    .bind(&new.token)
    .bind(new.channel.code())
    .bind(&new.account)
    .bind(new.kind.word())
    .bind(&new.channel_order_no)
    .bind(new.channel_money.minor())
    .bind(new.channel_money.currency().code())
    .bind(&new.openid)
    .bind(&new.signed_values)
    .bind(new.secret_generation)
    .bind(new.created_ms)
    .bind(new.expires_ms)
    .bind(new.next_query_ms)
    .bind(new.rate.map(|rate| rate.to_string()))
    .execute(&mut **tx)
    .await
    .map(|_| ())
}

/// Ends another open attempt now: its timer queries and closes it.
async fn supersede(
    tx: &mut Transaction<'static, Db>,
    old: &AttemptRow,
    new: &NewAttempt,
    act: Act,
) -> Answer<()> {
    sqlx::query("update attempt set expires_ms = $2, next_query_ms = $2 where order_sn = $1")
        .bind(&old.order_sn)
        .bind(new.created_ms)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let detail = format!("by {}", new.order_sn);
    story::append(tx, &old.order_sn, "superseded", &detail, act).await
}

fn fresh(new: &NewAttempt, request_status: PayStatus, request_created_ms: i64) -> AttemptRow {
    AttemptRow {
        order_sn: new.order_sn.clone(),
        domain_code: new.domain_code.clone(),
        request_key: new.request_key.clone(),
        money: new.money,
        request_status,
        request_created_ms,
        token: new.token.clone(),
        channel: new.channel,
        account: new.account.clone(),
        kind: new.kind,
        channel_order_no: new.channel_order_no.clone(),
        channel_money: new.channel_money,
        asked_money: None,
        rate: new.rate,
        openid: new.openid.clone(),
        reference: None,
        signed_values: new.signed_values.clone(),
        secret_generation: new.secret_generation,
        status: Attempt::Creating,
        obj: None,
        created_ms: new.created_ms,
        expires_ms: new.expires_ms,
        trade_no: None,
        paid_ms: None,
        mismatch: None,
        held: None,
    }
}
