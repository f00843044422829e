//! The outbox of callbacks (docs/reference/orders.md, Callbacks).

use super::rows::{callback_row, get, json, try_row};
use super::{Answer, Db, attempts, story, unavailable};
use payment::ports::{CallbackRow, CallbackTry, KeptTry, NewCallback, Resend, TryOutcome};
use payment::story::{Act, Source};
use sqlx::{Pool, Transaction};

/// What [`callback_row`] reads.
macro_rules! callback_columns {
    () => {
        "id, domain_code, order_sn, url, receiver, form, state, tries, created_ms"
    };
}

macro_rules! callbacks_where {
    ($condition:literal) => {
        concat!(
            "select ",
            callback_columns!(),
            " from callback where ",
            $condition
        )
    };
}

const TAKE_DUE: &str = concat!(
    "update callback set next_ms = $2 where id in (",
    skip_locked!(
        "select id from callback where next_ms <= $1 and receiver not in \
         (select value from ",
        json_texts!("$4"),
        ") order by next_ms limit $3"
    ),
    ") returning ",
    callback_columns!()
);

pub(super) async fn write(
    tx: &mut Transaction<'static, Db>,
    domain_code: &str,
    order_sn: &str,
    callback: &NewCallback,
    act: Act,
) -> Answer<()> {
    sqlx::query(
        "insert into callback \
         (domain_code, order_sn, url, receiver, form, state, tries, next_ms, created_ms) \
         values ($1, $2, $3, $4, $5, 'WAITING', 0, $6, $6)",
    )
    .bind(domain_code)
    .bind(order_sn)
    .bind(&callback.url)
    .bind(&callback.receiver)
    .bind(&callback.body)
    .bind(callback.created_ms)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    let detail = format!("to {}", callback.receiver);
    story::append(tx, order_sn, "callback written", &detail, act).await
}

pub(super) async fn take_due(
    pool: &Pool<Db>,
    now_ms: i64,
    again_ms: i64,
    limit: i64,
    busy: &[String],
) -> Answer<Vec<CallbackRow>> {
    let rows = sqlx::query(TAKE_DUE)
        .bind(now_ms)
        .bind(again_ms)
        .bind(limit)
        .bind(json(&busy)?)
        .fetch_all(pool)
        .await;
    rows.map_err(unavailable)?
        .iter()
        .map(callback_row)
        .collect()
}

pub(super) async fn put_back(pool: &Pool<Db>, id: i64, at_ms: i64) -> Answer<()> {
    sqlx::query("update callback set next_ms = $2 where id = $1 and state = 'WAITING'")
        .bind(id)
        .bind(at_ms)
        .execute(pool)
        .await
        .map(|_| ())
        .map_err(unavailable)
}

/// Keeps a try, and what follows it.
pub(super) async fn tried(
    tx: &mut Transaction<'static, Db>,
    id: i64,
    tried: &CallbackTry,
) -> Answer<()> {
    let query = sqlx::query("select order_sn from callback where id = $1").bind(id);
    let row = query.fetch_one(&mut **tx).await.map_err(unavailable)?;
    let order_sn: String = get(&row, "order_sn")?;
    attempts::lock(tx, &order_sn).await?;
    sqlx::query(
        "insert into callback_try (callback_id, at_ms, status, answer, duration_ms) \
         values ($1, $2, $3, $4, $5)",
    )
    .bind(id)
    .bind(tried.at_ms)
    .bind(tried.status.map(i64::from))
    .bind(&tried.answer)
    .bind(tried.duration_ms)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    let (state, next_ms) = match tried.outcome {
        TryOutcome::Delivered => ("DELIVERED", None),
        TryOutcome::Again(at_ms) => ("WAITING", Some(at_ms)),
        TryOutcome::Parked => ("PARKED", None),
    };
    // A delivered callback stays delivered, whatever a slower try says.
    let written = sqlx::query(
        "update callback set state = $2, next_ms = $3, tries = tries + 1 \
         where id = $1 and state <> 'DELIVERED'",
    )
    .bind(id)
    .bind(state)
    .bind(next_ms)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    let what = match tried.outcome {
        TryOutcome::Delivered => "callback delivered",
        TryOutcome::Parked => "callback parked",
        TryOutcome::Again(_) => return Ok(()),
    };
    if written.rows_affected() == 0 {
        return Ok(());
    }
    let act = Act {
        at_ms: tried.at_ms,
        by: Source::Business,
    };
    story::append(tx, &order_sn, what, &format!("callback {id}"), act).await
}

pub(super) async fn of_order(pool: &Pool<Db>, order_sn: &str) -> Answer<Vec<CallbackRow>> {
    let query = sqlx::query(callbacks_where!("order_sn = $1 order by id"));
    let rows = query.bind(order_sn).fetch_all(pool).await;
    rows.map_err(unavailable)?
        .iter()
        .map(callback_row)
        .collect()
}

pub(super) async fn tries(pool: &Pool<Db>, id: i64) -> Answer<Vec<KeptTry>> {
    let query = "select at_ms, status, answer, duration_ms from callback_try \
        where callback_id = $1 order by id";
    let rows = sqlx::query(query).bind(id).fetch_all(pool).await;
    rows.map_err(unavailable)?.iter().map(try_row).collect()
}

pub(super) async fn parked(pool: &Pool<Db>) -> Answer<Vec<CallbackRow>> {
    let query = callbacks_where!("state = 'PARKED' order by created_ms, id");
    let rows = sqlx::query(query).fetch_all(pool).await;
    rows.map_err(unavailable)?
        .iter()
        .map(callback_row)
        .collect()
}

/// Which callbacks a wish means, with their orders.
pub(super) async fn of_resend(pool: &Pool<Db>, which: &Resend) -> Answer<Vec<(i64, String)>> {
    let query = match which {
        Resend::Order(order_sn) => {
            sqlx::query("select id, order_sn from callback where order_sn = $1 order by id")
                .bind(order_sn)
        }
        Resend::Since {
            created_ms,
            delivered,
        } => sqlx::query(
            "select id, order_sn from callback where created_ms >= $1 \
             and (state = 'PARKED' or $2 = 1 and state = 'DELIVERED') order by id",
        )
        .bind(created_ms)
        .bind(i64::from(*delivered)),
    };
    let rows = query.fetch_all(pool).await.map_err(unavailable)?;
    rows.iter()
        .map(|row| Ok((get(row, "id")?, get(row, "order_sn")?)))
        .collect()
}

/// Begins a callback's schedule anew, by the operator's word.
pub(super) async fn send_again(
    tx: &mut Transaction<'static, Db>,
    id: i64,
    order_sn: &str,
    now_ms: i64,
) -> Answer<()> {
    attempts::lock(tx, order_sn).await?;
    sqlx::query("update callback set state = 'WAITING', tries = 0, next_ms = $2 where id = $1")
        .bind(id)
        .bind(now_ms)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let act = Act {
        at_ms: now_ms,
        by: Source::Operator,
    };
    let detail = format!("callback {id}");
    story::append(tx, order_sn, "callback sent again", &detail, act).await
}
