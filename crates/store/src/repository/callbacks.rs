//! The outbox of callbacks (design section 4, rule 8).

use super::rows::callback_row;
use super::{Answer, Db, unavailable};
use payment::ports::{CallbackRow, CallbackTry, NewCallback, Resend, TryOutcome};
use sqlx::{Pool, Transaction};

pub(super) async fn write(
    tx: &mut Transaction<'static, Db>,
    domain_code: &str,
    order_sn: &str,
    callback: &NewCallback,
) -> Answer<()> {
    sqlx::query(
        "insert into callback (domain_code, order_sn, url, state, tries, next_ms, created_ms) \
         values ($1, $2, $3, 'WAITING', 0, $4, $4)",
    )
    .bind(domain_code)
    .bind(order_sn)
    .bind(&callback.url)
    .bind(callback.created_ms)
    .execute(&mut **tx)
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
    sqlx::query(
        "update callback set state = $2, next_ms = $3, tries = tries + 1 \
         where id = $1 and state <> 'DELIVERED'",
    )
    .bind(id)
    .bind(state)
    .bind(next_ms)
    .execute(&mut **tx)
    .await
    .map(|_| ())
    .map_err(unavailable)
}

pub(super) async fn parked(pool: &Pool<Db>) -> Answer<Vec<CallbackRow>> {
    let query = "select id, domain_code, order_sn, url, tries from callback \
        where state = 'PARKED' order by created_ms, id";
    let rows = sqlx::query(query).fetch_all(pool).await;
    rows.map_err(unavailable)?
        .iter()
        .map(callback_row)
        .collect()
}

/// Begins the schedule anew; gives how many callbacks go out again.
pub(super) async fn resend(pool: &Pool<Db>, which: &Resend, now_ms: i64) -> Answer<u64> {
    let query = match which {
        Resend::Order(order_sn) => sqlx::query(
            "update callback set state = 'WAITING', tries = 0, next_ms = $1 where order_sn = $2",
        )
        .bind(now_ms)
        .bind(order_sn),
        Resend::Since {
            created_ms,
            delivered,
        } => sqlx::query(
            "update callback set state = 'WAITING', tries = 0, next_ms = $1 \
             where created_ms >= $2 and (state = 'PARKED' or $3 = 1 and state = 'DELIVERED')",
        )
        .bind(now_ms)
        .bind(created_ms)
        .bind(i64::from(*delivered)),
    };
    let done = query.execute(pool).await.map_err(unavailable)?;
    Ok(done.rows_affected())
}
