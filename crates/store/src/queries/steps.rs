//! An order's steps: everything that changes it locks its request first, so there is one
//! order of locks, and the order's story has one writer; what an event makes of the attempt
//! is written with the old state in the condition.

use super::story::{self, End};
use crate::line::{Line, Row, Tx};
use crate::sql::statements;
use payment::money::Money;
use payment::order::{Attempt, Event, Step};
use payment::ports::{Answer, Settled, StoreError};
use payment::status::PayStatus;
use payment::story::Act;

statements! {
    LOCK_REQUEST(OF) = "select id, money, currency, status, created_ms from payment_request \
        where domain_code = $1 and request_key = $2", OF.locked;
    LOCK_REQUEST_OF(OF) = "select id, domain_code, status from payment_request \
        where id = (select request_id from attempt where order_sn = $1)", OF.locked;
    STATUS = "select status, story_length, story_hash from attempt where order_sn = $1";
    SET_STATUS = "update attempt set status = $3, story_length = $4, story_hash = $5 \
        where order_sn = $1 and status = $2";
    CLOSED_KEYS = "select count(*) as n from closed_request \
        where domain_code = $1 and request_key = $2";
}

/// An attempt as it stands while its request is locked. Who has it writes its story.
pub(super) struct Locked {
    pub(super) order_sn: String,
    pub(super) status: Attempt,
    pub(super) request_id: i64,
    pub(super) request_status: PayStatus,
    pub(super) domain_code: String,
    story: End,
}

impl Locked {
    /// Appends an entry to the order's story.
    pub(super) async fn tell(
        &mut self,
        tx: &mut Tx,
        what: &str,
        detail: &str,
        act: Act,
    ) -> Answer<()> {
        story::append(tx, &self.order_sn, &mut self.story, what, detail, act).await
    }
}

/// Locks the request of an order until the transaction ends.
pub(super) async fn lock(tx: &mut Tx, order_sn: &str) -> Answer<Locked> {
    let missing = || StoreError::Corrupt(format!("no attempt {order_sn}"));
    lock_if_there(tx, order_sn).await?.ok_or_else(missing)
}

/// The same; none where there is no such order.
pub(super) async fn lock_if_there(tx: &mut Tx, order_sn: &str) -> Answer<Option<Locked>> {
    let Some(request) = tx.row(LOCK_REQUEST_OF.bind(order_sn)).await? else {
        return Ok(None);
    };
    // Read after the lock was had, and not with it: it may have been waited for.
    let attempt = tx.one(STATUS.bind(order_sn)).await?;
    Ok(Some(Locked {
        order_sn: order_sn.to_owned(),
        status: attempt.word("status", Attempt::parse)?,
        request_id: request.get("id")?,
        request_status: request.word("status", PayStatus::parse)?,
        domain_code: request.get("domain_code")?,
        story: story::end(&attempt)?,
    }))
}

/// A request that is locked until the transaction ends.
pub(super) struct LockedRequest {
    pub(super) id: i64,
    pub(super) status: PayStatus,
    pub(super) money: Money,
    /// When it was first seen.
    pub(super) seen_ms: i64,
}

pub(super) async fn lock_request(
    tx: &mut Tx,
    domain_code: &str,
    request_key: &str,
) -> Answer<Option<LockedRequest>> {
    let read = |row: &Row| {
        Ok(LockedRequest {
            id: row.get("id")?,
            status: row.word("status", PayStatus::parse)?,
            money: row.money("money", "currency")?,
            seen_ms: row.get("created_ms")?,
        })
    };
    let locked = LOCK_REQUEST.bind(domain_code).bind(request_key);
    tx.find(locked, read).await
}

/// Whether the key was closed, maybe before any payer came.
pub(super) async fn is_closed(
    line: &mut Line,
    domain_code: &str,
    request_key: &str,
) -> Answer<bool> {
    let closed = CLOSED_KEYS.bind(domain_code).bind(request_key);
    Ok(line.one(closed).await?.get::<i64>("n")? > 0)
}

/// Writes what `event` makes of the attempt.
pub(super) async fn write_step(
    tx: &mut Tx,
    locked: &mut Locked,
    event: Event,
    detail: &str,
    act: Act,
) -> Answer<Settled> {
    let next = match locked.status.on(event, locked.request_status) {
        Err(contradiction) => {
            let detail = contradiction.to_string();
            locked.tell(tx, "contradiction", &detail, act).await?;
            return Ok(Settled::Contradicts(locked.status));
        }
        Ok(Step::Stay) => return Ok(Settled::Stayed(locked.status)),
        Ok(Step::Go(next)) => next,
    };
    write_status(tx, locked, next, next.word(), detail, act).await?;
    Ok(Settled::Went(next))
}

/// The new state, with the old one in the condition, and what the story says of it.
pub(super) async fn write_status(
    tx: &mut Tx,
    locked: &mut Locked,
    new: Attempt,
    what: &str,
    detail: &str,
    act: Act,
) -> Answer<()> {
    let order_sn = &locked.order_sn;
    story::add_next(tx, order_sn, &mut locked.story, what, detail, act).await?;
    let status = SET_STATUS.bind(order_sn).bind(locked.status.word());
    let end = (locked.story.length, &locked.story.hash);
    let changed = tx.change(status.bind(new.word()).bind(end.0).bind(end.1));
    changed_one(changed.await?, "attempt", order_sn)?;
    locked.status = new;
    Ok(())
}

/// The old state stood in the condition: who changed it meanwhile was faster.
pub(super) fn changed_one(rows: u64, what: &str, order_sn: &str) -> Answer<()> {
    match rows {
        1 => Ok(()),
        _ => Err(StoreError::Unavailable(format!(
            "{what} of {order_sn} changed meanwhile"
        ))),
    }
}
