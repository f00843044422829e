//! The outbox of callbacks (docs/reference/orders.md, Callbacks).

use super::rows::{
    AT_REST, DELIVERED, OVERTAKEN, PARKED, UNTAKEN, WAITING, after_try, callback_row, json, try_row,
};
use super::steps::{self, Locked};
use super::story;
use crate::db::{Database, LIMIT, LONG_LIMIT};
use crate::line::{Row, Tx};
use crate::sql::{statements, text};
use payment::pairs::Pairs;
use payment::param::Param;
use payment::ports::{
    Answer, CallbackRow, CallbackState, CallbackTry, Callbacks, KeptTry, NewCallback, Resend,
    TryOutcome,
};
use payment::status::PayStatus;
use payment::story::{Act, Source};
use std::collections::HashMap;

/// Between two of one order that are sent again, ms.
const APART_MS: i64 = 2_000;

/// What [`callback_row`] reads.
const COLUMNS: &str = "id, domain_code, order_sn, url, receiver, form, state, tries, created_ms";

/// Whether none of its order waits before a callback.
pub(super) const IS_FIRST: &str = text!(
    "not exists (select 1 from callback earlier where earlier.order_sn = callback.order_sn \
    and earlier.id < callback.id and earlier.state = ",
    WAITING,
    ")"
);

statements! {
    ADD = "insert into callback \
        (domain_code, order_sn, url, receiver, form, state, tries, next_ms, created_ms) \
        values ($1, $2, $3, $4, $5, ", WAITING, ", 0, $6, $7)";
    /// Receivers believe what they hear last: one of an order goes out behind those before it.
    TAKE_DUE(OF) = "update callback set next_ms = $2 where id", OF.found[0],
        "select id from callback where next_ms <= $1 and receiver not in \
        (select value from ", OF.texts[0], "$4", OF.texts[1], ") and ", IS_FIRST, " order by next_ms limit $3",
        OF.found[1], " returning ", COLUMNS;
    PUT_BACK = "update callback set next_ms = $2 where id = $1 and state = ", WAITING;
    ORDER_OF = "select order_sn from callback where id = $1";
    ADD_TRY = "insert into callback_try (callback_id, at_ms, status, answer, duration_ms, \
        location, outcome, again_ms) values ($1, $2, $3, $4, $5, $6, $7, $8)";
    /// One that is delivered or overtaken stays that, whatever a slower try says; and what
    /// was sent again meanwhile, from the beginning of its schedule, is put off by no try from
    /// before.
    STEP = "update callback set state = $2, next_ms = $3, tries = tries + 1 \
        where id = $1 and (tries = $4 or $2 = ", DELIVERED, ") and state not in ", AT_REST;
    BEFORE = "select max(next_ms) as at_ms from callback where order_sn = $1 and state = ",
        WAITING;
    HOLD_LATER = "update callback set next_ms = $3 where order_sn = $1 and id > $2 \
        and next_ms < $3 and state = ", WAITING;
    LET_LATER_GO = "update callback set next_ms = $3 where order_sn = $1 and id > $2 \
        and tries = 0 and state = ", WAITING;
    OF_REQUEST = "select id, order_sn, url from callback where state <> ", OVERTAKEN,
        " and order_sn in (select order_sn from attempt where request_id = $1) order by id";
    UNTAKEN_OF = "select id, url from callback where order_sn = $1 and state in ", UNTAKEN,
        " order by id";
    OVERTAKE = "update callback set state = ", OVERTAKEN, ", next_ms = null where id = $1";
    OF_ORDER = "select ", COLUMNS, " from callback where order_sn = $1 order by id";
    TRIES = "select at_ms, status, answer, duration_ms, location, outcome, again_ms \
        from callback_try where callback_id = $1 order by id";
    AFTER = "select ", COLUMNS, " from callback where domain_code = $1 and id > $2 \
        and url <> '' order by id limit $3";
    LAST = "select id from callback where domain_code = $1 order by id desc limit 1 offset $2";
    ALL_PARKED = "select ", COLUMNS, " from callback where state = ", PARKED,
        " order by created_ms, id";
    ALL_UNTAKEN = "select ", COLUMNS, " from callback where state in ", UNTAKEN,
        " order by created_ms, id limit $1";
    RESEND_WAITING = "select id, order_sn, state from callback where state = ", WAITING,
        " and tries > 0";
    RESEND_ORDER = "select id, order_sn, state from callback where order_sn = $1 and url <> '' \
        and state <> ", OVERTAKEN, " order by id";
    RESEND_PARKED = "select id, order_sn, state from callback where state = ", PARKED,
        " and created_ms >= $1 and url <> ''";
    RESEND_DELIVERED = "select id, order_sn, state from callback where state = ", DELIVERED,
        " and created_ms >= $1 and url <> ''";
    SEND_AGAIN = "update callback set state = ", WAITING, ", tries = 0, next_ms = $2 \
        where id = $1 and state = $3 and url <> ''";
}

#[async_trait::async_trait]
impl Callbacks for Database {
    async fn take_due_callbacks(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
        busy: &[String],
    ) -> Answer<Vec<CallbackRow>> {
        let busy = json(&busy)?;
        self.write_each(LIMIT, async |line| {
            let due = TAKE_DUE.bind(now_ms).bind(again_ms).bind(limit);
            line.list(due.bind(&busy), callback_row).await
        })
        .await
    }

    async fn put_back_callback(&self, id: i64, at_ms: i64) -> Answer<()> {
        self.change(PUT_BACK.bind(id).bind(at_ms)).await
    }

    async fn callback_tried(&self, id: i64, tried: &CallbackTry) -> Answer<()> {
        self.write(LIMIT, async |tx| {
            let order_sn: String = tx.one(ORDER_OF.bind(id)).await?.get("order_sn")?;
            let mut locked = steps::lock(tx, &order_sn).await?;
            add_try(tx, id, tried).await?;
            let (state, next_ms) = after_try(tried.outcome);
            let step = STEP.bind(id).bind(state.word()).bind(next_ms);
            let stepped = tx.change(step.bind(tried.tries)).await? > 0;
            if stepped {
                let later = match next_ms {
                    Some(_) => HOLD_LATER,
                    None => LET_LATER_GO,
                };
                let later = later.bind(&order_sn).bind(id);
                tx.change(later.bind(next_ms.unwrap_or(tried.at_ms)))
                    .await?;
            }
            let what = match tried.outcome {
                TryOutcome::Delivered if stepped => "callback delivered",
                TryOutcome::Parked if stepped => "callback parked",
                _ => return Ok(()),
            };
            let act = Act {
                at_ms: tried.at_ms,
                by: Source::Business,
            };
            locked.tell(tx, what, &format!("callback {id}"), act).await
        })
        .await
    }

    async fn callbacks(&self, order_sn: &str) -> Answer<Vec<CallbackRow>> {
        let all = OF_ORDER.bind(order_sn);
        self.list(LIMIT, all, callback_row).await
    }

    async fn callback_tries(&self, id: i64) -> Answer<Vec<KeptTry>> {
        self.list(LIMIT, TRIES.bind(id), try_row).await
    }

    async fn callbacks_after(
        &self,
        domain_code: &str,
        id: i64,
        limit: i64,
    ) -> Answer<Vec<CallbackRow>> {
        let after = AFTER.bind(domain_code).bind(id).bind(limit);
        self.list(LIMIT, after, callback_row).await
    }

    async fn last_callback(&self, domain_code: &str, but: i64) -> Answer<Option<i64>> {
        let last = LAST.bind(domain_code).bind(but);
        self.find(last, |row| row.get("id")).await
    }

    async fn parked_callbacks(&self) -> Answer<Vec<CallbackRow>> {
        self.list(LONG_LIMIT, ALL_PARKED.into(), callback_row).await
    }

    async fn untaken_callbacks(&self, limit: i64) -> Answer<Vec<CallbackRow>> {
        self.list(LIMIT, ALL_UNTAKEN.bind(limit), callback_row)
            .await
    }

    async fn resend_callbacks(&self, which: &Resend, now_ms: i64) -> Answer<u64> {
        let asked = match which {
            Resend::Order(order_sn) => vec![RESEND_ORDER.bind(order_sn)],
            Resend::Waiting => vec![RESEND_WAITING.into()],
            Resend::Since {
                created_ms,
                delivered,
            } => {
                let delivered = delivered.then_some(RESEND_DELIVERED);
                let states = [RESEND_PARKED].into_iter().chain(delivered);
                states.map(|state| state.bind(*created_ms)).collect()
            }
        };
        let numbers = |row: &Row| {
            let (id, order_sn) = (row.get("id")?, row.get::<String>("order_sn")?);
            Ok((id, order_sn, row.get::<String>("state")?))
        };
        let once = || async {
            let (mut line, mut all) = (self.reads.line().await?, Vec::new());
            for asked in &asked {
                all.extend(line.list(asked.clone(), numbers).await?);
            }
            // What was told after one that was parked is told after it again.
            if let Resend::Since { .. } = which {
                let is_parked =
                    |one: &&(i64, String, String)| one.2 == CallbackState::Parked.word();
                let parked: Vec<_> = all.iter().filter(is_parked).cloned().collect();
                for (id, order_sn, _) in parked {
                    let of_order = line.list(RESEND_ORDER.bind(&order_sn), numbers).await?;
                    all.extend(of_order.into_iter().filter(|(later, ..)| *later > id));
                }
            }
            drop(line);
            all.sort_unstable();
            all.dedup();
            let (mut sent, mut of_order) = (0, HashMap::new());
            for (id, order_sn, state) in &all {
                // One after the other, as they were told at first.
                let at_ms = of_order.entry(order_sn).or_insert(now_ms);
                let again = (*id, *at_ms);
                let again =
                    async |tx: &mut Tx| send_again(tx, again, order_sn, state, now_ms).await;
                sent += self.transact(|_| true, again).await?;
                *at_ms += APART_MS;
            }
            self.guard.note_write();
            Ok(sent)
        };
        self.within(LONG_LIMIT, once).await
    }
}

/// Writes a callback with the change that it tells of.
pub(super) async fn add(
    tx: &mut Tx,
    locked: &mut Locked,
    callback: &NewCallback,
    act: Act,
) -> Answer<()> {
    let before = tx.one(BEFORE.bind(&locked.order_sn)).await?;
    let before_ms: Option<i64> = before.get("at_ms")?;
    let added = ADD
        .bind(&locked.domain_code)
        .bind(&locked.order_sn)
        .bind(&callback.url)
        .bind(&callback.receiver)
        .bind(&callback.body)
        .bind(before_ms.unwrap_or(0).max(callback.created_ms))
        .bind(callback.created_ms);
    tx.change(added).await?;
    let detail = format!("to {}", callback.receiver);
    locked.tell(tx, "callback written", &detail, act).await
}

/// Ends what was told of a request, or was to be: it is paid after all, and receivers
/// believe what they hear last. What was taken is not sent again either.
pub(super) async fn overtake(tx: &mut Tx, locked: &mut Locked, act: Act) -> Answer<()> {
    overtake_those(tx, locked, |_| true, act).await
}

/// The same of the failure of a refund that is done after all, by the key that it is called
/// outside.
pub(super) async fn overtake_failed(
    tx: &mut Tx,
    locked: &mut Locked,
    refund_key: &str,
    act: Act,
) -> Answer<()> {
    overtake_those(tx, locked, |url| tells_failure(url, refund_key), act).await
}

/// Ends what was not taken of an order whose whole sum went back: who is told now that it is
/// paid hands out what nobody paid for.
pub(super) async fn overtake_paid(tx: &mut Tx, locked: &mut Locked, act: Act) -> Answer<()> {
    let read = |row: &Row| Ok((row.get::<i64>("id")?, row.get::<String>("url")?));
    let untaken = tx.list(UNTAKEN_OF.bind(&locked.order_sn), read).await?;
    for (id, _) in untaken.iter().filter(|(_, url)| tells_of_payment(url)) {
        end(tx, &locked.order_sn, *id, act).await?;
        let detail = format!("callback {id}");
        locked.tell(tx, "callback overtaken", &detail, act).await?;
    }
    Ok(())
}

/// A callback is overtaken, and holds up none behind it.
async fn end(tx: &mut Tx, order_sn: &str, id: i64, act: Act) -> Answer<()> {
    tx.change(OVERTAKE.bind(id)).await?;
    let later = LET_LATER_GO.bind(order_sn).bind(id);
    tx.change(later.bind(act.at_ms)).await.map(|_| ())
}

/// What an address tells behind its question mark.
fn told_by(url: &str) -> Option<Pairs> {
    let (_, query) = url.rsplit_once('?')?;
    Pairs::from_query(query).ok()
}

/// Partners' doors tell of nothing else.
fn tells_of_payment(url: &str) -> bool {
    let pairs = told_by(url);
    let status = pairs.as_ref().and_then(|pairs| pairs.get("payStatus"));
    status.is_none_or(|status| status == PayStatus::SuccessPay.word())
}

/// Whether a callback tells that this refund failed, or one that it does not name.
fn tells_failure(url: &str, refund_key: &str) -> bool {
    told_by(url).is_some_and(|pairs| {
        let named = pairs.get(Param::RefundKey.name());
        pairs.get("payStatus") == Some(PayStatus::FailureRefund.word())
            && named.is_none_or(|named| named == refund_key)
    })
}

async fn overtake_those(
    tx: &mut Tx,
    locked: &mut Locked,
    is_overtaken: impl Fn(&str) -> bool,
    act: Act,
) -> Answer<()> {
    let read = |row: &Row| {
        let (id, order_sn) = (row.get::<i64>("id")?, row.get::<String>("order_sn")?);
        Ok((id, order_sn, row.get::<String>("url")?))
    };
    let told = tx.list(OF_REQUEST.bind(locked.request_id), read);
    for (id, order_sn, _) in told.await?.iter().filter(|(_, _, url)| is_overtaken(url)) {
        end(tx, order_sn, *id, act).await?;
        let (what, detail) = ("callback overtaken", format!("callback {id}"));
        if *order_sn == locked.order_sn {
            locked.tell(tx, what, &detail, act).await?;
        } else {
            story::append_to(tx, order_sn, what, &detail, act).await?;
        }
    }
    Ok(())
}

async fn add_try(tx: &mut Tx, id: i64, tried: &CallbackTry) -> Answer<()> {
    let (state, again_ms) = after_try(tried.outcome);
    let added = ADD_TRY
        .bind(id)
        .bind(tried.at_ms)
        .bind(tried.status.map(i64::from))
        .bind(&tried.answer)
        .bind(tried.duration_ms)
        .bind(tried.location.as_deref())
        .bind(state.word())
        .bind(again_ms);
    tx.change(added).await.map(|_| ())
}

/// Begins a callback's schedule anew, by the operator's word.
/// Where it still stands as it was listed: meanwhile it may have been taken, or pruned.
async fn send_again(
    tx: &mut Tx,
    (id, at_ms): (i64, i64),
    order_sn: &str,
    state: &str,
    now_ms: i64,
) -> Answer<u64> {
    let mut locked = steps::lock(tx, order_sn).await?;
    let again = SEND_AGAIN.bind(id).bind(at_ms).bind(state);
    if tx.change(again).await? == 0 {
        return Ok(0);
    }
    let act = Act {
        at_ms: now_ms,
        by: Source::Operator,
    };
    let detail = format!("callback {id}");
    locked.tell(tx, "callback sent again", &detail, act).await?;
    Ok(1)
}
