//! Attempts and their requests.

use super::rows::{CREATING, NOT_PAID, OPEN_OR_HELD, attempt_row, json};
use super::steps::{Locked, LockedRequest, lock, lock_request, write_step};
use super::{domains, story};
use crate::db::{Database, LIMIT};
use crate::line::{Row, Tx};
use crate::sql::{Statement, statements, text};
use payment::channel::Channel;
use payment::money::Money;
use payment::order::{Attempt, Event};
use payment::ports::{
    Answer, AttemptRow, Attempts, Begun, Created, NewAttempt, Settled, StoreError,
};
use payment::status::PayStatus;
use payment::story::{Act, Entry, Source};

/// What [`attempt_row`] reads of attempts together with what their requests add.
pub(super) const COLUMNS: &str = "select a.order_sn, a.token, a.channel, a.account, a.kind, \
    a.channel_order_no, a.channel_money, a.channel_currency, a.asked_money, a.rate, a.openid, \
    a.signed_values, a.secret_generation, a.status, a.obj, a.reference, a.created_ms, \
    a.expires_ms, a.trade_no, a.paid_ms, a.mismatch, a.held, r.domain_code, r.request_key, \
    r.money, r.currency, r.status as request_status, r.created_ms as request_created_ms";
pub(super) const OF_BOTH: &str =
    " from attempt a join payment_request r on r.id = a.request_id where ";
pub(super) const ATTEMPTS: &str = text!(COLUMNS, OF_BOTH);

statements! {
    ONE = ATTEMPTS, "a.order_sn = $1";
    BY_TOKEN = ATTEMPTS, "a.token = $1";
    BY_CHANNEL_NO = ATTEMPTS, "a.channel = $1 and a.account = $2 and a.channel_order_no = $3";
    BY_TRADE_NO = ATTEMPTS, "a.channel = $1 and a.account = $2 and a.trade_no = $3";
    OF_REQUEST = ATTEMPTS,
        "r.domain_code = $1 and r.request_key = $2 order by a.created_ms, a.order_sn";
    OF_REQUESTS(OF) = ATTEMPTS, "(r.domain_code, r.request_key) in \
        (select value ->> 0, value ->> 1 from ", OF.arrays[0], "$1", OF.arrays[1],
        ") order by a.created_ms, a.order_sn";
    OPEN_OF_REQUEST = ATTEMPTS,
        "a.request_id = $1 and a.status in ", OPEN_OR_HELD, " order by a.created_ms";
    ADD_REQUEST = "insert into payment_request \
        (domain_code, request_key, money, currency, status, created_ms) \
        values ($1, $2, $3, $4, ", NOT_PAID, ", $5) \
        on conflict (domain_code, request_key) do nothing";
    /// Whether the key was closed, and how many of its attempts have begun since then.
    SO_FAR = "select (select count(*) from closed_request \
            where domain_code = $1 and request_key = $2) as closed, \
        (select count(*) from attempt where request_id = $3 and created_ms > $4) as begun";
    ADD = "insert into attempt (order_sn, request_id, token, channel, account, kind, \
        channel_order_no, channel_money, channel_currency, openid, signed_values, \
        secret_generation, status, created_ms, expires_ms, next_query_ms, rate, \
        story_length, story_hash) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, ",
        CREATING, ", $13, $14, $15, $16, $17, $18)";
    END = "update attempt set expires_ms = $2, next_query_ms = $2 where order_sn = $1";
    SET_OBJ = "update attempt set obj = $2, reference = $3 where order_sn = $1";
    CHANGE_SUM = "update attempt set asked_money = coalesce(asked_money, channel_money), \
        channel_money = $2 where order_sn = $1 and channel_money <> $2 \
        and channel_currency = $3 and paid_ms is null";
    TAKE_DUE(OF) = "update attempt set next_query_ms = $2 where order_sn", OF.found[0],
        "select order_sn from attempt where next_query_ms <= $1 order by next_query_ms limit $3",
        OF.found[1], " returning order_sn";
    /// Another attempt that took its place meanwhile has ended it, and wants it asked about now.
    SCHEDULE = "update attempt set next_query_ms = $3 where order_sn = $1 and expires_ms = $2";
}

const HOUR_MS: i64 = 3_600_000;

#[async_trait::async_trait]
impl Attempts for Database {
    async fn begin_attempt(&self, new: &NewAttempt) -> Answer<Begun> {
        let is_new = |begun: &Begun| matches!(begun, Begun::New(_));
        let begun = async |tx: &mut Tx| begin(tx, new).await;
        self.write_if(LIMIT, is_new, begun).await
    }

    async fn accept_attempt(&self, order_sn: &str, created: &Created, act: Act) -> Answer<Settled> {
        self.write(LIMIT, async |tx| {
            let mut locked = lock(tx, order_sn).await?;
            // A page that waits needs obj even where the money was faster than the answer.
            let obj = SET_OBJ.bind(order_sn).bind(json(&created.obj)?);
            tx.change(obj.bind(&created.reference)).await?;
            if let Some(changed) = created.changed {
                change_sum(tx, &mut locked, changed, act).await?;
            }
            write_step(tx, &mut locked, Event::Accepted, "", act).await
        })
        .await
    }

    async fn attempt(&self, order_sn: &str) -> Answer<Option<AttemptRow>> {
        self.find(ONE.bind(order_sn), attempt_row).await
    }

    async fn attempt_by_token(&self, token: &str) -> Answer<Option<AttemptRow>> {
        self.find(BY_TOKEN.bind(token), attempt_row).await
    }

    async fn attempt_by_channel_no(
        &self,
        channel: Channel,
        account: &str,
        channel_order_no: &str,
    ) -> Answer<Option<AttemptRow>> {
        let named = BY_CHANNEL_NO.bind(channel.code()).bind(account);
        self.find(named.bind(channel_order_no), attempt_row).await
    }

    async fn attempt_by_trade_no(
        &self,
        channel: Channel,
        account: &str,
        trade_no: &str,
    ) -> Answer<Option<AttemptRow>> {
        let named = BY_TRADE_NO.bind(channel.code()).bind(account);
        self.find(named.bind(trade_no), attempt_row).await
    }

    async fn attempts(&self, domain_code: &str, request_key: &str) -> Answer<Vec<AttemptRow>> {
        let all = OF_REQUEST.bind(domain_code).bind(request_key);
        self.list(LIMIT, all, attempt_row).await
    }

    async fn attempts_of(&self, requests: &[(String, String)]) -> Answer<Vec<AttemptRow>> {
        let all = OF_REQUESTS.bind(json(&requests)?);
        self.list(LIMIT, all, attempt_row).await
    }

    async fn take_due_attempts(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<AttemptRow>> {
        let due = TAKE_DUE.bind(now_ms).bind(again_ms).bind(limit);
        let found = |row: &Row| {
            let number: String = row.get("order_sn")?;
            Ok((number.clone(), ONE.bind(number)))
        };
        self.take(due, found, attempt_row).await
    }

    async fn end_attempt(&self, order_sn: &str, now_ms: i64) -> Answer<()> {
        self.change(END.bind(order_sn).bind(now_ms)).await
    }

    async fn schedule_query(&self, attempt: &AttemptRow, at_ms: Option<i64>) -> Answer<()> {
        let schedule = SCHEDULE.bind(&attempt.order_sn).bind(attempt.expires_ms);
        self.change(schedule.bind(at_ms)).await
    }
}

async fn begin(tx: &mut Tx, new: &NewAttempt) -> Answer<Begun> {
    let request = open_request(tx, new).await?;
    if request.money != new.money {
        return Ok(Begun::KeyReused);
    }
    if request.status.was_paid() {
        return Ok(Begun::AlreadyPaid);
    }
    // A channel may have the payer's money though the request was closed meanwhile.
    let mut open = tx
        .list(OPEN_OF_REQUEST.bind(request.id), attempt_row)
        .await?;
    // So it has where what was paid does not fit its order, until a person ends that.
    if open
        .iter()
        .any(|row| row.status == Attempt::Held || row.differs())
    {
        return Ok(Begun::Held);
    }
    let so_far = SO_FAR.bind(&new.domain_code).bind(&new.request_key);
    let so_far = so_far.bind(request.id).bind(new.created_ms - HOUR_MS);
    let so_far = tx.one(so_far).await?;
    if so_far.get::<i64>("closed")? > 0 || request.status == PayStatus::Closed {
        return Ok(Begun::Closed);
    }
    let end_ms = new
        .deadline_after_ms
        .map(|after_ms| request.seen_ms + after_ms);
    if end_ms.is_some_and(|end_ms| end_ms <= new.created_ms) {
        return Ok(Begun::Overdue);
    }
    if let Some(index) = open.iter().position(|row| is_same(row, new)) {
        return Ok(Begun::Same(open.swap_remove(index)));
    }
    if so_far.get::<i64>("begun")? >= new.attempts_an_hour {
        return Ok(Begun::TooMany);
    }
    let act = Act {
        at_ms: new.created_ms,
        by: Source::Payer,
    };
    let entry = begun(new, act);
    if !tx.insert(added(request.id, new, &entry)).await? {
        return Ok(Begun::NumberTaken);
    }
    story::add(tx, &new.order_sn, &entry).await?;
    end_others(tx, new, &open, act).await?;
    if new.fits_another_key || new.could_be_recut {
        domains::count_other_readings(tx, new).await?;
    }
    Ok(Begun::New(fresh(new, &request)))
}

/// Makes the request where it is new, and locks it.
async fn open_request(tx: &mut Tx, new: &NewAttempt) -> Answer<LockedRequest> {
    let request = ADD_REQUEST
        .bind(&new.domain_code)
        .bind(&new.request_key)
        .bind(new.money.minor())
        .bind(new.money.currency().code())
        .bind(new.created_ms);
    tx.change(request).await?;
    let locked = lock_request(tx, &new.domain_code, &new.request_key).await?;
    locked.ok_or_else(|| StoreError::Unavailable("a request is gone".to_owned()))
}

/// Rule 2: the same channel, kind, values and openid, and time left.
fn is_same(row: &AttemptRow, new: &NewAttempt) -> bool {
    row.channel == new.channel
        && row.kind == new.kind
        && row.signed == new.signed
        && row.openid == new.openid
        && row.expires_ms > new.created_ms
        && row.created_ms >= new.fresh_since_ms
        && (row.obj.is_some() || row.created_ms >= new.made_since_ms)
}

fn added<'q>(request_id: i64, new: &'q NewAttempt, begun: &'q Entry) -> Statement<'q> {
    ADD.bind(&new.order_sn)
        .bind(request_id)
        .bind(&new.token)
        .bind(new.channel.code())
        .bind(&new.account)
        .bind(new.kind.word())
        .bind(&new.channel_order_no)
        .bind(new.channel_money.minor())
        .bind(new.channel_money.currency().code())
        .bind(&new.openid)
        .bind(new.signed.as_query())
        .bind(new.secret_generation)
        .bind(new.created_ms)
        .bind(new.expires_ms)
        .bind(new.next_query_ms)
        .bind(new.rate.map(|rate| rate.to_string()))
        .bind(begun.seq)
        .bind(&begun.hash)
}

/// What tells that the attempt began.
fn begun(new: &NewAttempt, act: Act) -> Entry {
    let detail = format!(
        "{}/{} {} {} as {}",
        new.channel.code(),
        new.account,
        new.kind.word(),
        new.channel_money,
        new.channel_order_no
    );
    story::first(&new.order_sn, "begun", &detail, act)
}

/// Ends the other open attempts now: their timers query and close them.
async fn end_others(tx: &mut Tx, new: &NewAttempt, open: &[AttemptRow], act: Act) -> Answer<()> {
    for row in open.iter().filter(|row| row.expires_ms > new.created_ms) {
        tx.change(END.bind(&row.order_sn).bind(new.created_ms))
            .await?;
        let detail = format!("by {}", new.order_sn);
        story::append_to(tx, &row.order_sn, "superseded", &detail, act).await?;
    }
    Ok(())
}

/// The channel wants another sum; what is paid already stays as it was paid.
async fn change_sum(tx: &mut Tx, locked: &mut Locked, changed: Money, act: Act) -> Answer<()> {
    let sum = CHANGE_SUM.bind(&locked.order_sn).bind(changed.minor());
    if tx.change(sum.bind(changed.currency().code())).await? > 0 {
        let detail = format!("to {changed}");
        locked.tell(tx, "sum changed", &detail, act).await?;
    }
    Ok(())
}

fn fresh(new: &NewAttempt, request: &LockedRequest) -> AttemptRow {
    AttemptRow {
        order_sn: new.order_sn.clone(),
        domain_code: new.domain_code.clone(),
        request_key: new.request_key.clone(),
        money: new.money,
        request_status: request.status,
        request_created_ms: request.seen_ms,
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
        signed: new.signed.clone(),
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
