//! The queries, the same for both databases. This file is compiled once under
//! `sqlite` and once under `postgres`; `super` says which database it speaks to.

#[path = "repository/callbacks.rs"]
mod callbacks;
#[path = "repository/refunds.rs"]
mod refunds;
#[path = "repository/rows.rs"]
mod rows;
#[path = "repository/trips.rs"]
mod trips;

use super::{
    BEGIN, Db, LOCK_ATTEMPT, LOCK_REFUND, LOCK_REQUEST, TAKE_DUE_ATTEMPTS, TAKE_DUE_CALLBACKS,
    TAKE_DUE_REFUNDS,
};
use payment::channel::Channel;
use payment::domain::{Domain, Secret};
use payment::money::Money;
use payment::order::{Attempt, Event, Step, request_after, seen_by_money};
use payment::ports::{
    AttemptRow, Begun, BesideRefund, CallbackRow, CallbackTry, ClosedRequest, Created, NewAttempt,
    NewCallback, NewRefund, NotifyRow, OpenidTrip, RefundRow, RefundStep, Refunded, Resend,
    Settled, Store, StoreError,
};
use payment::refund::Cause;
use payment::status::PayStatus;
use rows::{attempt_row, callback_row, from_json, get, json, money, word};
use sqlx::{Database, Pool, Transaction};

type DbRow = <Db as Database>::Row;
type Answer<T> = Result<T, StoreError>;

/// The store on one database: one pool that reads, one that writes.
pub(crate) struct Repository {
    read: Pool<Db>,
    write: Pool<Db>,
}

impl Repository {
    pub(super) fn new(read: Pool<Db>, write: Pool<Db>) -> Self {
        Self { read, write }
    }

    async fn begin(&self) -> Answer<Transaction<'static, Db>> {
        self.write.begin_with(BEGIN).await.map_err(unavailable)
    }

    /// What is due; nobody else takes it before `again_ms`.
    async fn take(
        &self,
        query: &'static str,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<DbRow>> {
        let query = sqlx::query(query).bind(now_ms).bind(again_ms).bind(limit);
        query.fetch_all(&self.write).await.map_err(unavailable)
    }

    /// One attempt with its request; `$1` is what `condition` compares.
    async fn find(&self, query: &'static str, value: &str) -> Answer<Option<AttemptRow>> {
        let row = sqlx::query(query)
            .bind(value)
            .fetch_optional(&self.read)
            .await;
        row.map_err(unavailable)?
            .as_ref()
            .map(attempt_row)
            .transpose()
    }
}

/// An attempt together with what its request adds.
macro_rules! attempts_where {
    ($condition:literal) => {
        concat!(
            "select a.*, r.domain_code, r.request_key, r.money, r.currency, ",
            "r.status as request_status from attempt a ",
            "join payment_request r on r.id = a.request_id where ",
            $condition
        )
    };
}

#[async_trait::async_trait]
impl Store for Repository {
    async fn ready(&self) -> Answer<()> {
        let query = sqlx::query("select count(*) as n from domain where code = ''");
        query
            .fetch_one(&self.read)
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    async fn domain(&self, code: &str) -> Answer<Option<Domain>> {
        let query = sqlx::query("select * from domain where code = $1").bind(code);
        match query
            .fetch_optional(&self.read)
            .await
            .map_err(unavailable)?
        {
            Some(row) => self.domain_of(&row).await.map(Some),
            None => Ok(None),
        }
    }

    async fn domains(&self) -> Answer<Vec<Domain>> {
        let query = sqlx::query("select * from domain order by code");
        let rows = query.fetch_all(&self.read).await.map_err(unavailable)?;
        let mut domains = Vec::with_capacity(rows.len());
        for row in &rows {
            domains.push(self.domain_of(row).await?);
        }
        Ok(domains)
    }

    async fn add_domain(&self, domain: &Domain) -> Answer<()> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "insert into domain (code, rule, settings, development) values ($1, $2, $3, $4)",
        )
        .bind(&domain.code)
        .bind(json(&domain.rule)?)
        .bind(json(&domain.settings)?)
        .bind(i64::from(domain.development))
        .execute(&mut *tx)
        .await
        .map_err(|error| taken(error, &domain.code))?;
        write_secrets(&mut tx, domain).await?;
        tx.commit().await.map_err(unavailable)
    }

    async fn set_domain(&self, domain: &Domain) -> Answer<()> {
        let mut tx = self.begin().await?;
        sqlx::query("update domain set rule = $2, settings = $3 where code = $1")
            .bind(&domain.code)
            .bind(json(&domain.rule)?)
            .bind(json(&domain.settings)?)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
        sqlx::query("delete from domain_secret where domain_code = $1")
            .bind(&domain.code)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
        write_secrets(&mut tx, domain).await?;
        tx.commit().await.map_err(unavailable)
    }

    async fn begin_attempt(&self, new: &NewAttempt) -> Answer<Begun> {
        let mut tx = self.begin().await?;
        let (request_id, money, status) = open_request(&mut tx, new).await?;
        if money != new.money {
            return Ok(Begun::KeyReused);
        }
        if status.was_paid() {
            return Ok(Begun::AlreadyPaid);
        }
        let closed = is_closed(&mut tx, &new.domain_code, &new.request_key).await?;
        if closed || status == PayStatus::Closed {
            return Ok(Begun::Closed);
        }
        let mut open = open_attempts(&mut tx, request_id).await?;
        if let Some(index) = open.iter().position(|row| is_same(row, new)) {
            return Ok(Begun::Same(open.swap_remove(index)));
        }
        match insert_attempt(&mut tx, request_id, new).await {
            Err(error) if is_unique_violation(&error) => return Ok(Begun::NumberTaken),
            other => other.map_err(unavailable)?,
        }
        supersede(&mut tx, request_id, new).await?;
        if new.fits_another_key {
            count_other_key(&mut tx, &new.domain_code).await?;
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(Begun::New(fresh(new, status)))
    }

    async fn accept_attempt(&self, order_sn: &str, created: &Created) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let locked = lock_attempt(&mut tx, order_sn).await?;
        // A page that waits needs obj even where the money was faster than the answer.
        sqlx::query("update attempt set obj = $2, reference = $3 where order_sn = $1")
            .bind(order_sn)
            .bind(json(&created.obj)?)
            .bind(&created.reference)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
        let settled = write_step(&mut tx, order_sn, &locked, Event::Accepted).await?;
        tx.commit().await.map_err(unavailable)?;
        Ok(settled)
    }

    async fn apply(&self, order_sn: &str, event: Event) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let locked = lock_attempt(&mut tx, order_sn).await?;
        let settled = write_step(&mut tx, order_sn, &locked, event).await?;
        tx.commit().await.map_err(unavailable)?;
        Ok(settled)
    }

    async fn settle_paid(
        &self,
        order_sn: &str,
        trade_no: &str,
        paid_ms: i64,
        callback: &NewCallback,
        beside: &BesideRefund,
    ) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let mut locked = lock_attempt(&mut tx, order_sn).await?;
        let kept_status = locked.request_status;
        locked.request_status = seen_by_money(kept_status, beside.after_close);
        let settled = write_step(&mut tx, order_sn, &locked, Event::Paid).await?;
        if let Settled::Went(state) = settled {
            sqlx::query(
                "update attempt set trade_no = $2, paid_ms = $3, next_query_ms = null \
                 where order_sn = $1",
            )
            .bind(order_sn)
            .bind(trade_no)
            .bind(paid_ms)
            .execute(&mut *tx)
            .await
            .map_err(unavailable)?;
            if let Some(status) = request_after(locked.request_status, state) {
                locked.request_status = kept_status;
                win_request(&mut tx, &locked, order_sn, status).await?;
                callbacks::write(&mut tx, &locked.domain_code, order_sn, callback).await?;
            }
            let cause = match state {
                Attempt::Duplicate => Some(Cause::Duplicate),
                Attempt::PaidAfterClose => Some(Cause::AfterClose),
                _ => None,
            };
            if let Some(cause) = cause {
                let now_ms = callback.created_ms;
                refunds::insert_whole(&mut tx, order_sn, &beside.refund_no, cause, now_ms).await?;
            }
        }
        tx.commit().await.map_err(unavailable)?;
        Ok(settled)
    }

    async fn close_request(
        &self,
        domain_code: &str,
        request_key: &str,
        told: Option<&(String, NewCallback)>,
    ) -> Answer<ClosedRequest> {
        let mut tx = self.begin().await?;
        let closed = close_locked(&mut tx, domain_code, request_key, told).await?;
        if closed != ClosedRequest::Paid {
            tx.commit().await.map_err(unavailable)?;
        }
        Ok(closed)
    }

    async fn begin_refund(&self, new: &NewRefund) -> Answer<Refunded> {
        let mut tx = self.begin().await?;
        let begun = refunds::begin(&mut tx, new).await?;
        if matches!(begun, Refunded::New(_)) {
            tx.commit().await.map_err(unavailable)?;
        }
        Ok(begun)
    }

    async fn step_refund(&self, refund_no: &str, step: &RefundStep<'_>) -> Answer<RefundRow> {
        let mut tx = self.begin().await?;
        let row = refunds::step(&mut tx, refund_no, step).await?;
        tx.commit().await.map_err(unavailable)?;
        Ok(row)
    }

    async fn refund(&self, refund_no: &str) -> Answer<Option<RefundRow>> {
        refunds::one(&self.read, refund_no).await
    }

    async fn refunds(&self, order_sn: &str) -> Answer<Vec<RefundRow>> {
        refunds::of_order(&self.read, order_sn).await
    }

    async fn refunds_in_trouble(&self) -> Answer<Vec<RefundRow>> {
        refunds::in_trouble(&self.read).await
    }

    async fn take_due_refunds(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<RefundRow>> {
        let taken = self.take(TAKE_DUE_REFUNDS, now_ms, again_ms, limit).await?;
        let mut rows = Vec::with_capacity(taken.len());
        for row in &taken {
            let refund_no: String = get(row, "refund_no")?;
            rows.extend(readable(
                &refund_no,
                refunds::one(&self.read, &refund_no).await,
            )?);
        }
        Ok(rows)
    }

    async fn begin_trip(&self, trip: &OpenidTrip) -> Answer<()> {
        trips::begin(&self.write, trip).await
    }

    async fn use_trip(&self, state: &str) -> Answer<Option<OpenidTrip>> {
        let mut tx = self.begin().await?;
        let trip = trips::take(&mut tx, state).await?;
        tx.commit().await.map_err(unavailable)?;
        Ok(trip)
    }

    async fn other_key_requests(&self, domain_code: &str) -> Answer<i64> {
        let query = sqlx::query("select other_key_requests as n from domain where code = $1");
        let row = query.bind(domain_code).fetch_optional(&self.read).await;
        row.map_err(unavailable)?
            .map_or(Ok(0), |row| get(&row, "n"))
    }

    async fn attempt(&self, order_sn: &str) -> Answer<Option<AttemptRow>> {
        self.find(attempts_where!("a.order_sn = $1"), order_sn)
            .await
    }

    async fn attempt_by_token(&self, token: &str) -> Answer<Option<AttemptRow>> {
        self.find(attempts_where!("a.token = $1"), token).await
    }

    async fn attempt_by_channel_no(
        &self,
        channel: Channel,
        account: &str,
        channel_order_no: &str,
    ) -> Answer<Option<AttemptRow>> {
        let query = sqlx::query(attempts_where!(
            "a.channel = $1 and a.account = $2 and a.channel_order_no = $3"
        ));
        let row = query
            .bind(channel.code())
            .bind(account)
            .bind(channel_order_no)
            .fetch_optional(&self.read)
            .await
            .map_err(unavailable)?;
        row.as_ref().map(attempt_row).transpose()
    }

    async fn attempts(&self, domain_code: &str, request_key: &str) -> Answer<Vec<AttemptRow>> {
        let query = sqlx::query(attempts_where!(
            "r.domain_code = $1 and r.request_key = $2 order by a.created_ms, a.order_sn"
        ));
        let rows = query
            .bind(domain_code)
            .bind(request_key)
            .fetch_all(&self.read)
            .await
            .map_err(unavailable)?;
        rows.iter().map(attempt_row).collect()
    }

    async fn take_due_attempts(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<AttemptRow>> {
        let taken = self
            .take(TAKE_DUE_ATTEMPTS, now_ms, again_ms, limit)
            .await?;
        let mut rows = Vec::with_capacity(taken.len());
        for row in &taken {
            let order_sn: String = get(row, "order_sn")?;
            rows.extend(readable(&order_sn, self.attempt(&order_sn).await)?);
        }
        Ok(rows)
    }

    async fn schedule_query(&self, order_sn: &str, at_ms: Option<i64>) -> Answer<()> {
        sqlx::query("update attempt set next_query_ms = $2 where order_sn = $1")
            .bind(order_sn)
            .bind(at_ms)
            .execute(&self.write)
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    async fn keep_notify(&self, notify: &NotifyRow) -> Answer<i64> {
        let query = sqlx::query(
            "insert into notify (channel, account, channel_order_no, headers, body, received_ms) \
             values ($1, $2, $3, $4, $5, $6) returning id",
        );
        let row = query
            .bind(notify.channel.code())
            .bind(&notify.account)
            .bind(&notify.channel_order_no)
            .bind(&notify.headers)
            .bind(&notify.body)
            .bind(notify.received_ms)
            .fetch_one(&self.write)
            .await
            .map_err(unavailable)?;
        get(&row, "id")
    }

    async fn mark_notify(&self, id: i64, outcome: &str) -> Answer<()> {
        sqlx::query("update notify set outcome = $2 where id = $1")
            .bind(id)
            .bind(outcome)
            .execute(&self.write)
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    async fn take_due_callbacks(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<CallbackRow>> {
        let rows = self
            .take(TAKE_DUE_CALLBACKS, now_ms, again_ms, limit)
            .await?;
        rows.iter().map(callback_row).collect()
    }

    async fn callback_tried(&self, id: i64, tried: &CallbackTry) -> Answer<()> {
        let mut tx = self.begin().await?;
        callbacks::tried(&mut tx, id, tried).await?;
        tx.commit().await.map_err(unavailable)
    }

    async fn parked_callbacks(&self) -> Answer<Vec<CallbackRow>> {
        callbacks::parked(&self.read).await
    }

    async fn resend_callbacks(&self, which: &Resend, now_ms: i64) -> Answer<u64> {
        callbacks::resend(&self.write, which, now_ms).await
    }
}

/// An attempt that is locked with its request, until the transaction ends.
struct Locked {
    status: Attempt,
    request_id: i64,
    request_status: PayStatus,
    domain_code: String,
}

async fn lock_attempt(tx: &mut Transaction<'static, Db>, order_sn: &str) -> Answer<Locked> {
    let row = sqlx::query(LOCK_ATTEMPT)
        .bind(order_sn)
        .fetch_optional(&mut **tx)
        .await;
    let row = row
        .map_err(unavailable)?
        .ok_or_else(|| StoreError::Corrupt(format!("no attempt {order_sn}")))?;
    Ok(Locked {
        status: word(&row, "status", Attempt::parse)?,
        request_id: get(&row, "request_id")?,
        request_status: word(&row, "request_status", PayStatus::parse)?,
        domain_code: get(&row, "domain_code")?,
    })
}

/// Writes what `event` makes of the attempt, with the old state in the condition.
async fn write_step(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    locked: &Locked,
    event: Event,
) -> Answer<Settled> {
    let next = match locked.status.on(event, locked.request_status) {
        Err(_) => return Ok(Settled::Contradicts(locked.status)),
        Ok(Step::Stay) => return Ok(Settled::Stayed(locked.status)),
        Ok(Step::Go(next)) => next,
    };
    let written = sqlx::query("update attempt set status = $3 where order_sn = $1 and status = $2")
        .bind(order_sn)
        .bind(locked.status.word())
        .bind(next.word())
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    match written.rows_affected() {
        1 => Ok(Settled::Went(next)),
        _ => Err(StoreError::Unavailable(format!(
            "attempt {order_sn} changed meanwhile"
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
    match written.rows_affected() {
        1 => Ok(()),
        _ => Err(StoreError::Unavailable(format!(
            "request of {order_sn} changed meanwhile"
        ))),
    }
}

/// A row that can't be read is told, and keeps no other from its turn.
fn readable<T>(number: &str, found: Answer<Option<T>>) -> Answer<Option<T>> {
    match found {
        Err(StoreError::Corrupt(cause)) => {
            tracing::error!(number, cause, "an order or refund can't be read");
            Ok(None)
        }
        found => found,
    }
}

/// Whether the key was closed before any payer came.
async fn is_closed(
    tx: &mut Transaction<'static, Db>,
    domain_code: &str,
    request_key: &str,
) -> Answer<bool> {
    let query = "select count(*) as n from closed_request \
        where domain_code = $1 and request_key = $2";
    let row = sqlx::query(query)
        .bind(domain_code)
        .bind(request_key)
        .fetch_one(&mut **tx)
        .await
        .map_err(unavailable)?;
    Ok(get::<i64>(&row, "n")? > 0)
}

async fn count_other_key(tx: &mut Transaction<'static, Db>, domain_code: &str) -> Answer<()> {
    let query = "update domain set other_key_requests = other_key_requests + 1 where code = $1";
    sqlx::query(query)
        .bind(domain_code)
        .execute(&mut **tx)
        .await
        .map(|_| ())
        .map_err(unavailable)
}

async fn close_locked(
    tx: &mut Transaction<'static, Db>,
    domain_code: &str,
    request_key: &str,
    told: Option<&(String, NewCallback)>,
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
    if !open_attempts(tx, request_id).await?.is_empty() {
        return Ok(ClosedRequest::Open);
    }
    sqlx::query("update payment_request set status = $3 where id = $1 and status = $2")
        .bind(request_id)
        .bind(status.word())
        .bind(PayStatus::Closed.word())
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    if let Some((order_sn, callback)) = told.filter(|_| status != PayStatus::Closed) {
        callbacks::write(tx, domain_code, order_sn, callback).await?;
    }
    Ok(ClosedRequest::Closed)
}

/// Makes the request where it is new, locks it, and gives its number, sum and state.
async fn open_request(
    tx: &mut Transaction<'static, Db>,
    new: &NewAttempt,
) -> Answer<(i64, Money, PayStatus)> {
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
    Ok((get(&row, "id")?, money(&row, "money", "currency")?, status))
}

/// The request's open attempts.
async fn open_attempts(
    tx: &mut Transaction<'static, Db>,
    request_id: i64,
) -> Answer<Vec<AttemptRow>> {
    let query = sqlx::query(attempts_where!(
        "a.request_id = $1 and a.status in ('CREATING', 'NOTPAY') order by a.created_ms"
    ));
    let rows = query
        .bind(request_id)
        .fetch_all(&mut **tx)
        .await
        .map_err(unavailable)?;
    rows.iter().map(attempt_row).collect()
}

/// Rule 2: the same channel, kind, values and openid, and time left.
fn is_same(row: &AttemptRow, new: &NewAttempt) -> bool {
    row.channel == new.channel
        && row.kind == new.kind
        && row.signed_values == new.signed_values
        && row.openid == new.openid
        && row.expires_ms > new.created_ms
}

async fn insert_attempt(
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

/// Ends the other open attempts now: their timers query and close them.
async fn supersede(
    tx: &mut Transaction<'static, Db>,
    request_id: i64,
    new: &NewAttempt,
) -> Answer<()> {
    sqlx::query(
        "update attempt set expires_ms = $3, next_query_ms = $3 where request_id = $1 \
         and order_sn <> $2 and status in ('CREATING', 'NOTPAY') and expires_ms > $3",
    )
    .bind(request_id)
    .bind(&new.order_sn)
    .bind(new.created_ms)
    .execute(&mut **tx)
    .await
    .map(|_| ())
    .map_err(unavailable)
}

fn fresh(new: &NewAttempt, request_status: PayStatus) -> AttemptRow {
    AttemptRow {
        order_sn: new.order_sn.clone(),
        domain_code: new.domain_code.clone(),
        request_key: new.request_key.clone(),
        money: new.money,
        request_status,
        token: new.token.clone(),
        channel: new.channel,
        account: new.account.clone(),
        kind: new.kind,
        channel_order_no: new.channel_order_no.clone(),
        channel_money: new.channel_money,
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
    }
}

impl Repository {
    async fn domain_of(&self, row: &DbRow) -> Answer<Domain> {
        let code: String = get(row, "code")?;
        let query = sqlx::query("select * from domain_secret where domain_code = $1").bind(&code);
        let rows = query.fetch_all(&self.read).await.map_err(unavailable)?;
        let secret = |row: &DbRow| {
            let text: String = get(row, "secret")?;
            Ok(Secret::new(
                get(row, "generation")?,
                &text,
                get(row, "not_after_ms")?,
            ))
        };
        let secrets = rows.iter().map(secret).collect::<Answer<Vec<_>>>()?;
        if secrets.is_empty() {
            return Err(StoreError::Corrupt(format!("domain {code} has no secret")));
        }
        let (rule, settings) = (from_json(row, "rule")?, from_json(row, "settings")?);
        let development = get::<i64>(row, "development")? != 0;
        Ok(Domain::from_stored(
            &code,
            rule,
            settings,
            secrets,
            development,
        ))
    }
}

async fn write_secrets(tx: &mut Transaction<'static, Db>, domain: &Domain) -> Answer<()> {
    for secret in domain.secrets() {
        sqlx::query(
            "insert into domain_secret (domain_code, generation, secret, not_after_ms) \
             values ($1, $2, $3, $4)",
        )
        .bind(&domain.code)
        .bind(secret.generation)
        .bind(secret.expose())
        .bind(secret.not_after_ms)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    }
    Ok(())
}

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
}

fn taken(error: sqlx::Error, name: &str) -> StoreError {
    if is_unique_violation(&error) {
        return StoreError::Exists(name.to_owned());
    }
    unavailable(error)
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| database.is_unique_violation())
}
