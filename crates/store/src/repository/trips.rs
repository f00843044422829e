//! Payers on the way to WeChat and back.

use super::rows::trip_row;
use super::{Answer, Db, unavailable};
use payment::ports::OpenidTrip;
use sqlx::{Pool, Transaction};

/// A trip that takes longer than this is forgotten, ms.
const KEPT_MS: i64 = 86_400_000;

pub(super) async fn begin(pool: &Pool<Db>, trip: &OpenidTrip) -> Answer<()> {
    sqlx::query("delete from openid_trip where created_ms < $1")
        .bind(trip.created_ms - KEPT_MS)
        .execute(pool)
        .await
        .map_err(unavailable)?;
    sqlx::query(
        "insert into openid_trip \
         (state, browser, account, domain_code, back_url, restarts, used, created_ms) \
         values ($1, $2, $3, $4, $5, $6, 0, $7)",
    )
    .bind(&trip.state)
    .bind(&trip.browser)
    .bind(&trip.account)
    .bind(&trip.domain_code)
    .bind(&trip.back_url)
    .bind(trip.restarts)
    .bind(trip.created_ms)
    .execute(pool)
    .await
    .map(|_| ())
    .map_err(unavailable)
}

/// Marks the trip as used; gives it with `used` as it was before.
pub(super) async fn take(
    tx: &mut Transaction<'static, Db>,
    state: &str,
) -> Answer<Option<OpenidTrip>> {
    let first = sqlx::query("update openid_trip set used = 1 where state = $1 and used = 0")
        .bind(state)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let row = sqlx::query(
        "select state, browser, account, domain_code, back_url, restarts, used, created_ms \
         from openid_trip where state = $1",
    )
    .bind(state)
    .fetch_optional(&mut **tx)
    .await
    .map_err(unavailable)?;
    let trip = row.as_ref().map(trip_row).transpose()?;
    Ok(trip.map(|trip| OpenidTrip {
        used: first.rows_affected() == 0,
        ..trip
    }))
}
