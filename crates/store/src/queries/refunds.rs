//! Refunds: within the sum that was paid, and shown in the request's status.

use super::rows::{BY_BUSINESS, BY_OPERATOR, FREED, OF_BESIDE, refund_row};
use super::steps::{self, Locked};
use super::{callbacks, refund_requests};
use crate::db::{Database, LIMIT};
use crate::line::{Line, Row, Tx};
use crate::sql::{Statement, statements};
use payment::by_two::{Hands, NotMeant};
use payment::money::Money;
use payment::ports::{
    Answer, Asked, NewRefund, RefundRow, RefundStep, Refunded, Refunds, StoreError, TakenBack,
    WriteCallback,
};
use payment::refund::{ByHand, Cause, Left, NOTHING_LEFT_FOR_IT, Refund, given_back, share};
use payment::status::PayStatus;
use payment::story::{Act, Source};

/// Within which what is given back is summed, ms.
const DAY_MS: i64 = 86_400_000;

/// Refunds, with what [`refund_row`] reads of each.
pub(super) const REFUNDS: &str = "select domain_code, refund_no, order_sn, refund_key, money, currency, channel_money, \
    channel_currency, cause, state, reference, note, by_hand, created_ms from refund where ";

statements! {
    ONE = REFUNDS, "refund_no = $1";
    OF_ORDER = REFUNDS, "order_sn = $1 order by created_ms, refund_no";
    /// Where there is no key that others know, our number is shown as one.
    OF_KEY = REFUNDS, "domain_code = $1 and (refund_key = $2 or refund_no = $2 \
        and (refund_key is null or cause = ", BY_OPERATOR, "))";
    /// Money beside the request is not its own.
    OF_REQUEST = REFUNDS, "order_sn = (select paid_order_sn from payment_request where id = $1) \
        and cause not in ", OF_BESIDE, " order by created_ms, refund_no";
    PAID = "select r.money, r.currency, a.channel_money, a.channel_currency from attempt a \
        join payment_request r on r.id = a.request_id where a.order_sn = $1";
    ADD = "insert into refund (refund_no, order_sn, domain_code, refund_key, money, currency, \
        channel_money, channel_currency, cause, state, note, next_ms, created_ms, operator, \
        granted_by) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', $11, $11, $12, $13)";
    ADD_WHOLE = "insert into refund (refund_no, order_sn, domain_code, money, currency, \
        channel_money, channel_currency, cause, state, note, next_ms, created_ms) \
        select $2, a.order_sn, r.domain_code, r.money, r.currency, a.channel_money, \
        a.channel_currency, $3, $4, '', $5, $5 from attempt a \
        join payment_request r on r.id = a.request_id where a.order_sn = $1";
    /// One refund of a business system after the other, where they are summed.
    LOCK(OF) = "select code from domain where code = $1", OF.locked;
    GIVEN_BACK = "select cast(coalesce(sum(money), 0) as bigint) as sum from refund \
        where domain_code = $1 and created_ms > $2 and currency = $3 and cause = ", BY_BUSINESS,
        " and state not in ", FREED;
    /// Grouped by what no index holds: it is found by its time.
    MANY = "select domain_code || '' as domain_code, count(*) as count from refund \
        where created_ms > $1 and cause = ", BY_BUSINESS,
        " group by domain_code || '' having count(*) >= $2";
    BETWEEN = "select count(*) as count from refund where domain_code = $1 \
        and created_ms > $2 and created_ms <= $3 and cause = ", BY_BUSINESS;
    STEP = "update refund set state = $3, note = $4, next_ms = $5, \
        reference = coalesce($6, reference), by_hand = coalesce($7, by_hand) \
        where refund_no = $1 and state = $2";
    TOLD = "update refund set reference = coalesce($2, reference), \
        by_hand = coalesce($3, by_hand) where refund_no = $1";
    END_TAKEN_BACK = "update refund set state = $2, note = $3, reference = $4, next_ms = null \
        where refund_no = $1";
    WITHDRAW = "update refund set state = $2, next_ms = null where refund_no = $1";
    SHOW = "update payment_request set status = $2 where id = $1 and status <> $3";
    TAKE_DUE(OF) = "update refund set next_ms = $2 where refund_no", OF.found[0],
        "select refund_no from refund where next_ms <= $1 order by next_ms limit $3",
        OF.found[1], " returning refund_no";
}

#[async_trait::async_trait]
impl Refunds for Database {
    async fn begin_refund(&self, new: &NewRefund) -> Answer<Refunded> {
        let is_new = |begun: &Refunded| matches!(begun, Refunded::New(_));
        let begun = async |tx: &mut Tx| begin(tx, new).await;
        self.write_if(LIMIT, is_new, begun).await
    }

    async fn step_refund(&self, refund_no: &str, step: &RefundStep<'_>) -> Answer<RefundRow> {
        self.write(LIMIT, async |tx| {
            let (locked, row) = lock(tx, refund_no).await?;
            take_step(tx, locked, &row, step).await?;
            one(tx, refund_no).await
        })
        .await
    }

    async fn step_refund_of(
        &self,
        refund_no: &str,
        at_channel: &str,
        step: &RefundStep<'_>,
        told: Option<WriteCallback<'_>>,
    ) -> Answer<RefundRow> {
        self.write(LIMIT, async |tx| {
            let (mut locked, row) = lock(tx, refund_no).await?;
            let other = one(tx, at_channel).await?;
            let is_it = other.order_sn == row.order_sn
                && other.cause == Cause::AtChannel
                && other.state.is_done()
                && row.state.counts()
                && !row.state.is_done();
            if !is_it {
                return Err(changed(&row.order_sn));
            }
            withdraw(tx, &mut locked, &other, step.act).await?;
            tell(tx, &mut locked, told, step.act).await?;
            take_step(tx, locked, &row, step).await?;
            one(tx, refund_no).await
        })
        .await
    }

    async fn name_by_hand(&self, refund_nos: &[String], reference: &str, act: Act) -> Answer<bool> {
        self.write(LIMIT, async |tx| {
            for refund_no in refund_nos {
                let (_, row) = lock(tx, refund_no).await?;
                if row.by_hand != Some(ByHand::AtChannel) {
                    return Ok(false);
                }
            }
            for refund_no in refund_nos {
                let (mut locked, row) = lock(tx, refund_no).await?;
                let detail = format!("{refund_no} is the channel's {reference}");
                locked.tell(tx, "refund", &detail, act).await?;
                let step = RefundStep {
                    next: row.state,
                    reference: Some(reference),
                    note: ByHand::ByAnother.note(),
                    by_hand: Some(ByHand::ByAnother),
                    next_ms: None,
                    callback: None,
                    act,
                };
                take_step(tx, locked, &row, &step).await?;
            }
            Ok(true)
        })
        .await
    }

    async fn claim_refund(&self, refund_no: &str, step: &RefundStep<'_>) -> Answer<bool> {
        self.write(LIMIT, async |tx| {
            let (locked, row) = lock(tx, refund_no).await?;
            let is_new = row.state == Refund::New;
            if is_new {
                take_step(tx, locked, &row, step).await?;
            }
            Ok(is_new)
        })
        .await
    }

    async fn take_back(&self, new: &TakenBack<'_>) -> Answer<Option<RefundRow>> {
        self.write(LIMIT, async |tx| {
            let mut locked = steps::lock(tx, new.order_sn).await?;
            let known = of_key(tx, &locked.domain_code, new.refund_key).await?;
            if known.is_some() {
                return Ok(None);
            }
            check_left(tx, new).await?;
            add_taken_back(tx, &locked.domain_code, new).await?;
            show(tx, locked.request_id, new.refund_key).await?;
            let what = match new.cause {
                Cause::Chargeback => "chargeback",
                _ => "made at the channel",
            };
            let detail = format!("{} of {}", new.reference, new.channel_money);
            locked.tell(tx, what, &detail, new.act).await?;
            end_paid(tx, &mut locked, new.act).await?;
            tell(tx, &mut locked, new.callback, new.act).await?;
            one(tx, new.refund_key).await.map(Some)
        })
        .await
    }

    async fn refund(&self, refund_no: &str) -> Answer<Option<RefundRow>> {
        self.find(ONE.bind(refund_no), refund_row).await
    }

    async fn refunds(&self, order_sn: &str) -> Answer<Vec<RefundRow>> {
        self.list(LIMIT, OF_ORDER.bind(order_sn), refund_row).await
    }

    async fn take_due_refunds(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<RefundRow>> {
        let due = TAKE_DUE.bind(now_ms).bind(again_ms).bind(limit);
        let found = |row: &Row| {
            let number: String = row.get("refund_no")?;
            Ok((number.clone(), ONE.bind(number)))
        };
        self.take(due, found, refund_row).await
    }

    async fn many_refunds(&self, since_ms: i64, least: i64) -> Answer<Vec<Asked>> {
        let asked = |row: &Row| {
            Ok(Asked {
                domain_code: row.get("domain_code")?,
                count: row.get("count")?,
            })
        };
        let many = MANY.bind(since_ms).bind(least);
        self.list(LIMIT, many, asked).await
    }

    async fn refunds_between(&self, domain_code: &str, from_ms: i64, to_ms: i64) -> Answer<i64> {
        let count = BETWEEN.bind(domain_code).bind(from_ms).bind(to_ms);
        let count = self.find(count, |row| row.get("count")).await?;
        Ok(count.unwrap_or_default())
    }
}

async fn begin(tx: &mut Tx, new: &NewRefund) -> Answer<Refunded> {
    // The lock on order and request puts refunds of one payment in a row.
    let mut locked = steps::lock(tx, &new.order_sn).await?;
    let domain_code = &locked.domain_code;
    if let Some(key) = &new.refund_key
        && let Some(old) = of_key(tx, domain_code, key).await?
    {
        let same = old.order_sn == new.order_sn && old.money == new.money;
        return Ok(if same {
            Refunded::Same(old)
        } else {
            Refunded::KeyReused
        });
    }
    let (paid, channel_paid, refunds) = paid_and_refunds(tx, &new.order_sn).await?;
    let left = Left::of(paid, channel_paid, &refunds);
    if let Some(Hands::Alone { meant, .. }) = &new.hands {
        let wish = (
            &*new.order_sn,
            new.refund_key.as_ref(),
            new.money,
            new.created_ms,
        );
        let known = (&*refunds, left.money);
        if let Err(why) = refund_requests::judge_meant(tx, wish, *meant, known).await? {
            return Ok(Refunded::NotMeant(why));
        }
    }
    if let Some(Hands::Granted { request_no, .. }) = &new.hands
        && refund_requests::is_overtaken(tx, request_no, &refunds).await?
    {
        return Ok(Refunded::NotMeant(NotMeant::WentBack));
    }
    let part = share(paid.minor(), channel_paid.minor(), left, new.money.minor());
    let Some(part) = part.filter(|_| new.money.currency() == paid.currency()) else {
        return Ok(Refunded::TooMuch(left.money));
    };
    if is_over_day(tx, domain_code, new).await? {
        return Ok(Refunded::OverDay);
    }
    let channel_money = Money::from_minor(part, channel_paid.currency()).filter(|_| part > 0);
    let Some(channel_money) = channel_money else {
        return Ok(Refunded::TooLittle);
    };
    let hands = match behind(tx, new).await? {
        Ok(hands) => hands,
        Err(why) => return Ok(why),
    };
    if !tx
        .insert(added(domain_code, new, channel_money, &hands))
        .await?
    {
        return Ok(Refunded::NumberTaken);
    }
    show(tx, locked.request_id, &new.refund_no).await?;
    let act = Act {
        at_ms: new.created_ms,
        by: match new.cause {
            Cause::Operator => Source::Operator,
            _ => Source::Business,
        },
    };
    let mut detail = format!("{} of {}", new.refund_no, new.money);
    for (who, name) in [("by", &hands.operator), ("granted by", &hands.granted_by)] {
        if let Some(name) = name {
            detail = format!("{detail} {who} {name}");
        }
    }
    if !new.reason.is_empty() {
        detail = format!("{detail}: {}", new.reason);
    }
    locked.tell(tx, "refund begun", &detail, act).await?;
    one(tx, &new.refund_no).await.map(Refunded::New)
}

/// The operators behind a refund, by name.
#[derive(Default)]
struct Behind {
    operator: Option<String>,
    granted_by: Option<String>,
}

/// Who stands behind a refund, or why that is not enough.
async fn behind(tx: &mut Tx, new: &NewRefund) -> Answer<Result<Behind, Refunded>> {
    Ok(match &new.hands {
        None => Ok(Behind::default()),
        Some(Hands::Alone { operator, most, .. }) => {
            let may = match most {
                Some(most) => refund_requests::may_alone(tx, new, operator, *most).await?,
                None => true,
            };
            let alone = Behind {
                operator: Some(operator.clone()),
                granted_by: None,
            };
            may.then_some(alone).ok_or(Refunded::NeedsTwo)
        }
        Some(Hands::Granted {
            request_no,
            granted_by,
        }) => {
            let asked_by = refund_requests::grant(tx, new, request_no, granted_by).await?;
            let two = |asked_by| Behind {
                operator: Some(asked_by),
                granted_by: Some(granted_by.clone()),
            };
            asked_by.map(two).ok_or(Refunded::NotAsked)
        }
    })
}

/// Whether this one would bring what goes back within a day over its limit.
async fn is_over_day(tx: &mut Tx, domain_code: &str, new: &NewRefund) -> Answer<bool> {
    let Some(day_max) = new.day_max else {
        return Ok(false);
    };
    tx.row(LOCK.bind(domain_code)).await?;
    let given = GIVEN_BACK
        .bind(domain_code)
        .bind(new.created_ms - DAY_MS)
        .bind(new.money.currency().code());
    let given: i64 = tx.one(given).await?.get("sum")?;
    Ok(given.saturating_add(new.money.minor()) > day_max)
}

/// The whole sum of an order goes back, for a cause of ours.
pub(super) async fn add_whole(
    tx: &mut Tx,
    locked: &mut Locked,
    refund_no: &str,
    cause: Cause,
    act: Act,
) -> Answer<()> {
    let added = ADD_WHOLE
        .bind(&locked.order_sn)
        .bind(refund_no)
        .bind(cause.word())
        .bind(Refund::New.word())
        .bind(act.at_ms);
    tx.change(added).await?;
    let detail = format!("{refund_no} of the whole: {}", cause.word());
    locked.tell(tx, "refund begun", &detail, act).await
}

/// Locks the order of a refund, and reads it as it stands then.
async fn lock(tx: &mut Tx, refund_no: &str) -> Answer<(Locked, RefundRow)> {
    let refund = tx.find(ONE.bind(refund_no), refund_row).await?;
    let missing = || StoreError::Corrupt(format!("no refund {refund_no}"));
    let locked = steps::lock(tx, &refund.ok_or_else(missing)?.order_sn).await?;
    Ok((locked, one(tx, refund_no).await?))
}

/// Writes what becomes of a refund, whose order is locked.
async fn take_step(
    tx: &mut Tx,
    mut locked: Locked,
    row: &RefundRow,
    step: &RefundStep<'_>,
) -> Answer<()> {
    let (refund_no, state) = (&*row.refund_no, row.state);
    let next = state.forward(step.next);
    // What does not move an ended refund tells nothing of it, but its channel's number.
    let is_ended = state.is_done() || state == Refund::Withdrawn;
    if next == state && is_ended && step.by_hand.is_none() {
        if step.next.is_done() && !row.is_beside(step.reference) {
            let is_open = row.by_hand == Some(ByHand::AtChannel);
            let known = is_open.then_some(ByHand::ByOurs.word());
            let told = TOLD.bind(refund_no).bind(step.reference).bind(known);
            tx.change(told).await?;
        }
        return Ok(());
    }
    // A channel's word is as it is; an operator's follows from what is left.
    let must_fit = match step {
        RefundStep {
            by_hand: Some(_), ..
        } => Some(true),
        RefundStep {
            note: NOTHING_LEFT_FOR_IT,
            ..
        } => Some(false),
        _ => None,
    };
    if next != state
        && let Some(must_fit) = must_fit
    {
        let (paid, channel_paid, refunds) = paid_and_refunds(tx, &row.order_sn).await?;
        if Left::beside(paid, channel_paid, &refunds, row).holds(row) != must_fit {
            return Err(changed(&row.order_sn));
        }
    }
    let stepped = STEP
        .bind(refund_no)
        .bind(state.word())
        .bind(next.word())
        .bind(step.note)
        .bind(step.next_ms.filter(|_| next.is_awaited()))
        .bind(step.reference)
        .bind(step.by_hand.map(ByHand::word));
    tx.change(stepped).await?;
    if next != state {
        show(tx, locked.request_id, refund_no).await?;
        let detail = format!("{refund_no} {}: {}", next.word(), step.note);
        locked.tell(tx, "refund", &detail, step.act).await?;
        if state == Refund::Failed && next.is_done() {
            callbacks::overtake_failed(tx, &mut locked, row.shown_key(), step.act).await?;
        }
        if next.is_done() {
            end_paid(tx, &mut locked, step.act).await?;
        }
        tell(tx, &mut locked, step.callback, step.act).await?;
    }
    Ok(())
}

/// Once the whole sum went back, nobody is told any more that it was paid.
async fn end_paid(tx: &mut Tx, locked: &mut Locked, act: Act) -> Answer<()> {
    let (paid, _, refunds) = paid_and_refunds(tx, &locked.order_sn).await?;
    if given_back(&refunds) < paid.minor() {
        return Ok(());
    }
    callbacks::overtake_paid(tx, locked, act).await
}

/// The lock on the order keeps the sum of what went back as it is.
async fn tell(
    tx: &mut Tx,
    locked: &mut Locked,
    callback: Option<WriteCallback<'_>>,
    act: Act,
) -> Answer<()> {
    let Some(write) = callback else { return Ok(()) };
    let callback = write(given_back(&of_order(tx, &locked.order_sn).await?));
    callbacks::add(tx, locked, &callback, act).await
}

/// What stands in the channel's book fits into ours.
async fn check_left(tx: &mut Tx, new: &TakenBack<'_>) -> Answer<()> {
    let (paid, channel_paid, refunds) = paid_and_refunds(tx, new.order_sn).await?;
    let left = Left::after(paid, channel_paid, &refunds, Refund::is_done);
    let is_more = new.money.minor() > left.money || new.channel_money.minor() > left.channel;
    if is_more || new.reckoned_from.is_some_and(|from| from != left) {
        return Err(changed(new.order_sn));
    }
    Ok(())
}

fn changed(order_sn: &str) -> StoreError {
    StoreError::Unavailable(format!("refunds of {order_sn} changed meanwhile"))
}

async fn add_taken_back(tx: &mut Tx, domain_code: &str, new: &TakenBack<'_>) -> Answer<()> {
    let row = NewRefund {
        refund_no: new.refund_key.to_owned(),
        order_sn: new.order_sn.to_owned(),
        refund_key: Some(new.refund_key.to_owned()),
        money: new.money,
        cause: new.cause,
        day_max: None,
        hands: None,
        reason: String::new(),
        created_ms: new.act.at_ms,
    };
    let nobody = Behind::default();
    tx.change(added(domain_code, &row, new.channel_money, &nobody))
        .await?;
    let ended = END_TAKEN_BACK
        .bind(new.refund_key)
        .bind(Refund::Done.word())
        .bind(new.note)
        .bind(new.reference);
    tx.change(ended).await.map(|_| ())
}

/// A refund that has not left stays here: its order pays the request after all.
pub(super) async fn withdraw(
    tx: &mut Tx,
    locked: &mut Locked,
    refund: &RefundRow,
    act: Act,
) -> Answer<()> {
    let withdrawn = Refund::Withdrawn.word();
    tx.change(WITHDRAW.bind(&refund.refund_no).bind(withdrawn))
        .await?;
    let detail = format!("{} {withdrawn}", refund.refund_no);
    locked.tell(tx, "refund", &detail, act).await
}

pub(super) async fn of_order(line: &mut Line, order_sn: &str) -> Answer<Vec<RefundRow>> {
    line.list(OF_ORDER.bind(order_sn), refund_row).await
}

async fn one(tx: &mut Tx, refund_no: &str) -> Answer<RefundRow> {
    refund_row(&tx.one(ONE.bind(refund_no)).await?)
}

async fn of_key(tx: &mut Tx, domain_code: &str, key: &str) -> Answer<Option<RefundRow>> {
    tx.find(OF_KEY.bind(domain_code).bind(key), refund_row)
        .await
}

/// What was paid, in both currencies, and the refunds of it.
pub(super) async fn paid_and_refunds(
    tx: &mut Tx,
    order_sn: &str,
) -> Answer<(Money, Money, Vec<RefundRow>)> {
    let row = tx.one(PAID.bind(order_sn)).await?;
    let paid = row.money("money", "currency")?;
    let channel_paid = row.money("channel_money", "channel_currency")?;
    Ok((paid, channel_paid, of_order(tx, order_sn).await?))
}

fn added<'q>(
    domain_code: &'q str,
    new: &'q NewRefund,
    channel_money: Money,
    behind: &'q Behind,
) -> Statement<'q> {
    ADD.bind(&new.refund_no)
        .bind(&new.order_sn)
        .bind(domain_code)
        .bind(&new.refund_key)
        .bind(new.money.minor())
        .bind(new.money.currency().code())
        .bind(channel_money.minor())
        .bind(channel_money.currency().code())
        .bind(new.cause.word())
        .bind(Refund::New.word())
        .bind(new.created_ms)
        .bind(&behind.operator)
        .bind(&behind.granted_by)
}

/// The request's status follows the refunds of the payment that paid it: an open one shows
/// first, then one whose end is not known, else the one that moved now.
async fn show(tx: &mut Tx, request_id: i64, moved: &str) -> Answer<()> {
    let refunds = tx.list(OF_REQUEST.bind(request_id), refund_row).await?;
    let last = |is: fn(Refund) -> bool| refunds.iter().rfind(|refund| is(refund.state));
    let awaited = last(Refund::is_open).or(last(Refund::is_awaited));
    let moved = || refunds.iter().find(|refund| refund.refund_no == moved);
    let Some(shown) = awaited.or_else(moved) else {
        return Ok(());
    };
    let shown = SHOW
        .bind(request_id)
        .bind(shown.state.status().word())
        .bind(PayStatus::Closed.word());
    tx.change(shown).await.map(|_| ())
}
