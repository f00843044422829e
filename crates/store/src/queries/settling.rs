//! What becomes of attempts and their requests: each change with the old state in its
//! condition, and told in the order's story.

use super::rows::{NOT_PAID, PAYABLE, json};
use super::steps::{Locked, changed_one, is_closed, lock, lock_request, write_status, write_step};
use super::{callbacks, refunds, story};
use crate::db::{Database, LIMIT};
use crate::line::{Line, Row, Tx};
use crate::sql::statements;
use payment::order::{Attempt, Event, request_after, seen_by_money};
use payment::ports::{Answer, ClosedRequest, Honoured, NewCallback, Payment, Settled, Settling};
use payment::refund::{Cause, Refund};
use payment::status::PayStatus;
use payment::story::Act;

statements! {
    /// One that nobody was to ask about any more is asked about again.
    SET_HELD = "update attempt set held = $2, next_query_ms = coalesce(next_query_ms, $3) \
        where order_sn = $1";
    SET_PAID = "update attempt set trade_no = $2, paid_ms = $3, next_query_ms = null \
        where order_sn = $1";
    SET_MISMATCH = "update attempt set mismatch = $2 where order_sn = $1 \
        and (mismatch is null or mismatch <> $2)";
    SEE_AGAIN = "delete from looked_after where number = $1";
    WIN_REQUEST = "update payment_request set status = $3, paid_order_sn = $4 \
        where id = $1 and status = $2 and paid_order_sn is null";
    /// Counted for each by itself: an index is asked, however many there are.
    CLOSED_AMONG(OF) = "select value ->> 0 as domain_code, value ->> 1 as request_key from ",
        OF.arrays[0], "$1", OF.arrays[1], " where (select count(*) from closed_request c \
        where c.domain_code = value ->> 0 and c.request_key = value ->> 1) > 0";
    CLOSE_KEY = "insert into closed_request (domain_code, request_key) values ($1, $2) \
        on conflict (domain_code, request_key) do nothing";
    TRY_REQUEST = "insert into payment_request \
        (domain_code, request_key, money, currency, status, created_ms) \
        values ($1, $2, 1, 'CNY', ", NOT_PAID, ", 0) \
        on conflict (domain_code, request_key) do nothing";
    UNTRY_REQUEST = "delete from payment_request where domain_code = $1 and request_key = $2";
    PAYABLE_OF_REQUEST = "select count(*) as n from attempt \
        where request_id = $1 and status in ", PAYABLE;
    GOLIVES = "select count(*) as n from event where order_sn = $1 and what = 'golive'";
    CLOSE_REQUEST = "update payment_request set status = $3 where id = $1 and status = $2";
    ORDERS_OF_REQUEST = "select order_sn from attempt where request_id = $1 \
        order by created_ms, order_sn";
}

/// When a channel is asked again about money that it holds, where nothing else says so, ms.
const HELD_LOOK_MS: i64 = 3_600_000;

#[async_trait::async_trait]
impl Settling for Database {
    async fn apply(&self, order_sn: &str, event: Event, act: Act) -> Answer<Settled> {
        self.write(LIMIT, async |tx| {
            let mut locked = lock(tx, order_sn).await?;
            write_step(tx, &mut locked, event, "", act).await
        })
        .await
    }

    async fn hold(&self, order_sn: &str, reason: &str, act: Act) -> Answer<Settled> {
        self.write(LIMIT, async |tx| {
            let mut locked = lock(tx, order_sn).await?;
            let held = SET_HELD.bind(order_sn).bind(reason);
            tx.change(held.bind(act.at_ms + HELD_LOOK_MS)).await?;
            write_step(tx, &mut locked, Event::Held, reason, act).await
        })
        .await
    }

    async fn settle_paid(
        &self,
        order_sn: &str,
        payment: &Payment<'_>,
        act: Act,
    ) -> Answer<Settled> {
        let settled = async |tx: &mut Tx| settle_paid(tx, order_sn, payment, act).await;
        self.write(LIMIT, settled).await
    }

    async fn note_mismatch(&self, order_sn: &str, difference: &str, act: Act) -> Answer<bool> {
        self.write(LIMIT, async |tx| {
            let mut locked = lock(tx, order_sn).await?;
            let noted = SET_MISMATCH.bind(order_sn).bind(difference);
            // Asked again and told the same, nothing new has happened.
            let is_new = tx.change(noted).await? > 0;
            if is_new {
                // Whoever looked after what was there before has not seen this.
                tx.change(SEE_AGAIN.bind(order_sn)).await?;
                locked.tell(tx, "mismatch", difference, act).await?;
            }
            Ok(is_new)
        })
        .await
    }

    async fn honour(&self, order_sn: &str, callback: &NewCallback, act: Act) -> Answer<Honoured> {
        let is_done = |honoured: &Honoured| *honoured == Honoured::Done;
        let honoured = async |tx: &mut Tx| honour(tx, order_sn, callback, act).await;
        self.write_if(LIMIT, is_done, honoured).await
    }

    async fn close_request(
        &self,
        domain_code: &str,
        request_key: &str,
        told: Option<&(String, NewCallback)>,
        act: Act,
    ) -> Answer<ClosedRequest> {
        let is_unpaid = |closed: &ClosedRequest| *closed != ClosedRequest::Paid;
        let closed = async |tx: &mut Tx| close(tx, domain_code, request_key, told, act).await;
        self.write_if(LIMIT, is_unpaid, closed).await
    }

    async fn note_golive(&self, order_sn: &str, act: Act) -> Answer<bool> {
        self.write(LIMIT, async |tx| {
            let mut locked = lock(tx, order_sn).await?;
            let noted = tx.one(GOLIVES.bind(order_sn)).await?;
            if noted.get::<i64>("n")? > 0 {
                return Ok(false);
            }
            let detail = "callbacks are sent as a trial: nobody paid";
            locked.tell(tx, "golive", detail, act).await?;
            Ok(true)
        })
        .await
    }

    async fn note_operator(&self, order_sn: &str, detail: &str, act: Act) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            let mut locked = lock(tx, order_sn).await?;
            locked.tell(tx, "operator", detail, act).await
        })
        .await
    }

    async fn is_closed(&self, domain_code: &str, request_key: &str) -> Answer<bool> {
        let closed = async |line: &mut Line| is_closed(line, domain_code, request_key).await;
        self.read(LIMIT, closed).await
    }

    async fn closed_among(&self, requests: &[(String, String)]) -> Answer<Vec<(String, String)>> {
        let name = |row: &Row| Ok((row.get("domain_code")?, row.get("request_key")?));
        self.list(LIMIT, CLOSED_AMONG.bind(json(&requests)?), name)
            .await
    }
}

async fn settle_paid(
    tx: &mut Tx,
    order_sn: &str,
    payment: &Payment<'_>,
    act: Act,
) -> Answer<Settled> {
    let mut locked = lock(tx, order_sn).await?;
    let kept_status = locked.request_status;
    locked.request_status = seen_by_money(kept_status, payment.beside.after_close);
    let detail = format!("trade {} at {} ms", payment.trade_no, payment.paid_ms);
    let settled = write_step(tx, &mut locked, Event::Paid, &detail, act).await?;
    let Settled::Went(state) = settled else {
        return Ok(settled);
    };
    let paid = SET_PAID.bind(order_sn).bind(payment.trade_no);
    tx.change(paid.bind(payment.paid_ms)).await?;
    if let Some(status) = request_after(locked.request_status, state) {
        locked.request_status = kept_status;
        win_request(tx, &mut locked, status, act).await?;
        callbacks::add(tx, &mut locked, payment.callback, act).await?;
    }
    let cause = match state {
        Attempt::Duplicate => Some(Cause::Duplicate),
        Attempt::PaidAfterClose => Some(Cause::AfterClose),
        _ => None,
    };
    if let Some(cause) = cause {
        refunds::add_whole(tx, &mut locked, &payment.beside.refund_no, cause, act).await?;
    }
    Ok(settled)
}

async fn honour(tx: &mut Tx, order_sn: &str, callback: &NewCallback, act: Act) -> Answer<Honoured> {
    let mut locked = lock(tx, order_sn).await?;
    let late = locked.status == Attempt::PaidAfterClose;
    if !late || locked.request_status != PayStatus::Closed {
        return Ok(Honoured::NotLate);
    }
    for refund in refunds::of_order(tx, order_sn).await? {
        if refund.state.forward(Refund::Withdrawn) != Refund::Withdrawn {
            return Ok(Honoured::GoingBack);
        }
        refunds::withdraw(tx, &mut locked, &refund, act).await?;
    }
    write_status(tx, &mut locked, Attempt::Paid, "honoured", "", act).await?;
    win_request(tx, &mut locked, PayStatus::SuccessPay, act).await?;
    callbacks::add(tx, &mut locked, callback, act).await?;
    Ok(Honoured::Done)
}

async fn close(
    tx: &mut Tx,
    domain_code: &str,
    request_key: &str,
    told: Option<&(String, NewCallback)>,
    act: Act,
) -> Answer<ClosedRequest> {
    // Written first: a payer who comes at the same moment meets it, or is met.
    tx.change(CLOSE_KEY.bind(domain_code).bind(request_key))
        .await?;
    let mut request = lock_request(tx, domain_code, request_key).await?;
    if request.is_none() && is_beginning(tx, domain_code, request_key).await? {
        request = lock_request(tx, domain_code, request_key).await?;
    }
    let Some(request) = request else {
        return Ok(ClosedRequest::Closed);
    };
    if request.status.was_paid() {
        return Ok(ClosedRequest::Paid);
    }
    let payable = tx.one(PAYABLE_OF_REQUEST.bind(request.id)).await?;
    if payable.get::<i64>("n")? > 0 {
        return Ok(ClosedRequest::Open);
    }
    if request.status == PayStatus::Closed {
        return Ok(ClosedRequest::Closed);
    }
    let closed = CLOSE_REQUEST.bind(request.id).bind(request.status.word());
    tx.change(closed.bind(PayStatus::Closed.word())).await?;
    let number = |row: &Row| row.get::<String>("order_sn");
    for order_sn in tx.list(ORDERS_OF_REQUEST.bind(request.id), number).await? {
        story::append_to(tx, &order_sn, "request closed", "", act).await?;
    }
    if let Some((order_sn, callback)) = told {
        let mut locked = lock(tx, order_sn).await?;
        callbacks::add(tx, &mut locked, callback, act).await?;
    }
    Ok(ClosedRequest::Closed)
}

/// Whether a payer began this request, which was not to be seen, in the same moment. Who
/// begins reads no key that is not committed, and his row is not seen before it is: both
/// meet at the one row that a request may have, which is tried to be made, and taken away.
async fn is_beginning(tx: &mut Tx, domain_code: &str, request_key: &str) -> Answer<bool> {
    let tried = TRY_REQUEST.bind(domain_code).bind(request_key);
    if tx.change(tried).await? == 0 {
        return Ok(true);
    }
    let untried = UNTRY_REQUEST.bind(domain_code).bind(request_key);
    tx.change(untried).await.map(|_| false)
}

/// Pays a request by this order; where it was closed, what nobody took of that is overtaken.
async fn win_request(tx: &mut Tx, locked: &mut Locked, status: PayStatus, act: Act) -> Answer<()> {
    let order_sn = &locked.order_sn;
    let won = WIN_REQUEST
        .bind(locked.request_id)
        .bind(locked.request_status.word())
        .bind(status.word())
        .bind(order_sn);
    changed_one(tx.change(won).await?, "request", order_sn)?;
    if locked.request_status == PayStatus::Closed {
        callbacks::overtake(tx, locked, act).await?;
    }
    Ok(())
}
