//! Refunds: within the sum that was paid, and shown in the request's status.

use super::rows::{get, money, refund_row};
use super::{Answer, Db, attempts, callbacks, is_unique_violation, story, unavailable};
use payment::money::Money;
use payment::ports::{
    NewRefund, RefundRow, RefundStep, Refunded, StoreError, TakenBack, WriteCallback,
};
use payment::refund::{Cause, Left, Refund, given_back, share};
use payment::status::PayStatus;
use payment::story::{Act, Source};
use sqlx::{Executor, Pool, Transaction};

/// Refunds, with what [`refund_row`] reads of each.
macro_rules! refunds_where {
    ($condition:literal) => {
        concat!(
            "select refund_no, order_sn, refund_key, money, currency, channel_money, ",
            "channel_currency, cause, state, reference, note, created_ms from refund where ",
            $condition
        )
    };
}

pub(super) async fn begin(tx: &mut Transaction<'static, Db>, new: &NewRefund) -> Answer<Refunded> {
    // The lock on order and request puts refunds of one payment in a row.
    let locked = attempts::lock(tx, &new.order_sn).await?;
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
    let part = share(paid.minor(), channel_paid.minor(), left, new.money.minor());
    let Some(part) = part.filter(|_| new.money.currency() == paid.currency()) else {
        return Ok(Refunded::TooMuch(left.money));
    };
    let channel_money = Money::from_minor(part, channel_paid.currency()).filter(|_| part > 0);
    let Some(channel_money) = channel_money else {
        return Ok(Refunded::TooLittle);
    };
    match insert(tx, domain_code, new, channel_money).await {
        Err(error) if is_unique_violation(&error) => return Ok(Refunded::NumberTaken),
        other => other.map_err(unavailable)?,
    }
    show(tx, locked.request_id).await?;
    let act = Act {
        at_ms: new.created_ms,
        by: match new.cause {
            Cause::Operator => Source::Operator,
            _ => Source::Business,
        },
    };
    let detail = format!("{} of {}", new.refund_no, new.money);
    story::append(tx, &new.order_sn, "refund begun", &detail, act).await?;
    let written = read(tx, &new.refund_no).await?;
    Ok(Refunded::New(written))
}

/// The whole sum of an order goes back, for a cause of ours.
pub(super) async fn insert_whole(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    refund_no: &str,
    cause: Cause,
    act: Act,
) -> Answer<()> {
    let query = "insert into refund (refund_no, order_sn, domain_code, money, currency, \
        channel_money, channel_currency, cause, state, note, next_ms, created_ms) \
        select $2, a.order_sn, r.domain_code, r.money, r.currency, a.channel_money, \
        a.channel_currency, $3, $4, '', $5, $5 from attempt a \
        join payment_request r on r.id = a.request_id where a.order_sn = $1";
    sqlx::query(query)
        .bind(order_sn)
        .bind(refund_no)
        .bind(cause.word())
        .bind(Refund::New.word())
        .bind(act.at_ms)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let detail = format!("{refund_no} of the whole: {}", cause.word());
    story::append(tx, order_sn, "refund begun", &detail, act).await
}

pub(super) async fn step(
    tx: &mut Transaction<'static, Db>,
    refund_no: &str,
    step: &RefundStep<'_>,
) -> Answer<RefundRow> {
    let query = sqlx::query("select order_sn from refund where refund_no = $1").bind(refund_no);
    let row = query.fetch_optional(&mut **tx).await.map_err(unavailable)?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("no refund {refund_no}")))?;
    let order_sn: String = get(&row, "order_sn")?;
    let locked = attempts::lock(tx, &order_sn).await?;
    let state = read(tx, refund_no).await?.state;
    let next = state.forward(step.next);
    let next_ms = step.next_ms.filter(|_| next.is_awaited());
    sqlx::query(
        "update refund set state = $3, note = $4, next_ms = $5, \
         reference = coalesce($6, reference) where refund_no = $1 and state = $2",
    )
    .bind(refund_no)
    .bind(state.word())
    .bind(next.word())
    .bind(step.note)
    .bind(next_ms)
    .bind(step.reference)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    show(tx, locked.request_id).await?;
    if next != state {
        let detail = format!("{refund_no} {}: {}", next.word(), step.note);
        story::append(tx, &order_sn, "refund", &detail, step.act).await?;
        tell(tx, &locked.domain_code, &order_sn, step.callback, step.act).await?;
    }
    read(tx, refund_no).await
}

/// The lock on the order keeps the sum of what went back as it is.
async fn tell(
    tx: &mut Transaction<'static, Db>,
    domain_code: &str,
    order_sn: &str,
    callback: Option<WriteCallback<'_>>,
    act: Act,
) -> Answer<()> {
    let Some(write) = callback else { return Ok(()) };
    let callback = write(given_back(&of_order(&mut **tx, order_sn).await?));
    callbacks::write(tx, domain_code, order_sn, &callback, act).await
}

/// A step that is taken only where the refund is new.
pub(super) async fn claim(
    tx: &mut Transaction<'static, Db>,
    refund_no: &str,
    step: &RefundStep<'_>,
) -> Answer<bool> {
    let order_sn = read(tx, refund_no).await?.order_sn;
    attempts::lock(tx, &order_sn).await?;
    let is_new = read(tx, refund_no).await?.state == Refund::New;
    if is_new {
        self::step(tx, refund_no, step).await?;
    }
    Ok(is_new)
}

/// What stands in the channel's book is written into ours.
pub(super) async fn take_back(
    tx: &mut Transaction<'static, Db>,
    new: &TakenBack<'_>,
) -> Answer<Option<RefundRow>> {
    let locked = attempts::lock(tx, new.order_sn).await?;
    let known = of_key(tx, &locked.domain_code, new.refund_key).await?;
    if known.is_some() {
        return Ok(None);
    }
    let (paid, channel_paid, refunds) = paid_and_refunds(tx, new.order_sn).await?;
    let left = Left::after(paid, channel_paid, &refunds, Refund::is_done);
    if new.money.minor() > left.money || new.channel_money.minor() > left.channel {
        let changed = format!("refunds of {} changed meanwhile", new.order_sn);
        return Err(StoreError::Unavailable(changed));
    }
    let row = NewRefund {
        refund_no: new.refund_key.to_owned(),
        order_sn: new.order_sn.to_owned(),
        refund_key: Some(new.refund_key.to_owned()),
        money: new.money,
        cause: new.cause,
        created_ms: new.act.at_ms,
    };
    insert(tx, &locked.domain_code, &row, new.channel_money)
        .await
        .map_err(unavailable)?;
    let query = "update refund set state = $2, note = $3, reference = $4, next_ms = null \
        where refund_no = $1";
    sqlx::query(query)
        .bind(new.refund_key)
        .bind(Refund::Done.word())
        .bind(new.note)
        .bind(new.reference)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    show(tx, locked.request_id).await?;
    let what = match new.cause {
        Cause::Chargeback => "chargeback",
        _ => "made at the channel",
    };
    let detail = format!("{} of {}", new.reference, new.channel_money);
    story::append(tx, new.order_sn, what, &detail, new.act).await?;
    tell(tx, &locked.domain_code, new.order_sn, new.callback, new.act).await?;
    read(tx, new.refund_key).await.map(Some)
}

/// A refund that has not left stays here: its order pays the request after all.
pub(super) async fn withdraw(
    tx: &mut Transaction<'static, Db>,
    refund: &RefundRow,
    act: Act,
) -> Answer<()> {
    sqlx::query("update refund set state = $2, next_ms = null where refund_no = $1")
        .bind(&refund.refund_no)
        .bind(Refund::Withdrawn.word())
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let detail = format!("{} {}", refund.refund_no, Refund::Withdrawn.word());
    story::append(tx, &refund.order_sn, "refund", &detail, act).await
}

pub(super) async fn one(pool: &Pool<Db>, refund_no: &str) -> Answer<Option<RefundRow>> {
    let query = sqlx::query(refunds_where!("refund_no = $1")).bind(refund_no);
    let row = query.fetch_optional(pool).await.map_err(unavailable)?;
    row.as_ref().map(refund_row).transpose()
}

pub(super) async fn of_order<'e>(
    pool: impl Executor<'e, Database = Db>,
    order_sn: &str,
) -> Answer<Vec<RefundRow>> {
    let query = refunds_where!("order_sn = $1 order by created_ms, refund_no");
    let rows = sqlx::query(query).bind(order_sn).fetch_all(pool).await;
    rows.map_err(unavailable)?.iter().map(refund_row).collect()
}

async fn read(tx: &mut Transaction<'static, Db>, refund_no: &str) -> Answer<RefundRow> {
    let query = sqlx::query(refunds_where!("refund_no = $1")).bind(refund_no);
    refund_row(&query.fetch_one(&mut **tx).await.map_err(unavailable)?)
}

async fn of_key(
    tx: &mut Transaction<'static, Db>,
    domain_code: &str,
    key: &str,
) -> Answer<Option<RefundRow>> {
    // Where there is no key, our number is shown as one.
    let query = refunds_where!(
        "domain_code = $1 and (refund_key = $2 or refund_key is null and refund_no = $2)"
    );
    let row = sqlx::query(query)
        .bind(domain_code)
        .bind(key)
        .fetch_optional(&mut **tx)
        .await
        .map_err(unavailable)?;
    row.as_ref().map(refund_row).transpose()
}

/// What was paid, in both currencies, and the refunds of it.
async fn paid_and_refunds(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
) -> Answer<(Money, Money, Vec<RefundRow>)> {
    let row = sqlx::query(
        "select r.money, r.currency, a.channel_money, a.channel_currency from attempt a \
         join payment_request r on r.id = a.request_id where a.order_sn = $1",
    )
    .bind(order_sn)
    .fetch_one(&mut **tx)
    .await
    .map_err(unavailable)?;
    let paid = money(&row, "money", "currency")?;
    let channel_paid = money(&row, "channel_money", "channel_currency")?;
    let refunds = of_order(&mut **tx, order_sn).await?;
    Ok((paid, channel_paid, refunds))
}

async fn insert(
    tx: &mut Transaction<'static, Db>,
    domain_code: &str,
    new: &NewRefund,
    channel_money: Money,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "insert into refund (refund_no, order_sn, domain_code, refund_key, money, currency, \
         channel_money, channel_currency, cause, state, note, next_ms, created_ms) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, '', $11, $11)",
    )
    .bind(&new.refund_no)
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
    .execute(&mut **tx)
    .await
    .map(|_| ())
}

/// The request's status follows the refunds of the payment that paid it: an open
/// one shows first, else the last one does. Money beside the request is not its own.
async fn show(tx: &mut Transaction<'static, Db>, request_id: i64) -> Answer<()> {
    let rows = sqlx::query(refunds_where!(
        "order_sn = (select paid_order_sn from payment_request where id = $1) \
         and cause not in ($2, $3) order by created_ms, refund_no"
    ))
    .bind(request_id)
    .bind(Cause::Duplicate.word())
    .bind(Cause::AfterClose.word())
    .fetch_all(&mut **tx)
    .await
    .map_err(unavailable)?;
    let refunds = rows.iter().map(refund_row).collect::<Answer<Vec<_>>>()?;
    let open = refunds.iter().rfind(|refund| refund.state.is_open());
    let Some(shown) = open.or(refunds.last()) else {
        return Ok(());
    };
    sqlx::query("update payment_request set status = $2 where id = $1 and status <> $3")
        .bind(request_id)
        .bind(shown.state.status().word())
        .bind(PayStatus::Closed.word())
        .execute(&mut **tx)
        .await
        .map(|_| ())
        .map_err(unavailable)
}
