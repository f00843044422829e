//! Payers on the way to WeChat and back.

use super::rows::get;
use super::{Answer, Db, unavailable};
use sqlx::{Pool, Transaction};

/// The key that signs states: the one that is kept, else the offered one.
pub(super) async fn key(tx: &mut Transaction<'static, Db>, offered: &[u8]) -> Answer<Vec<u8>> {
    sqlx::query("insert into trip_key (id, key) values (1, $1) on conflict (id) do nothing")
        .bind(offered)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let row = sqlx::query("select key from trip_key where id = 1")
        .fetch_one(&mut **tx)
        .await
        .map_err(unavailable)?;
    get(&row, "key")
}

/// Whether this state comes back for the first time; those that ended are forgotten.
pub(super) async fn use_state(
    tx: &mut Transaction<'static, Db>,
    nonce: &str,
    until_ms: i64,
    now_ms: i64,
) -> Answer<bool> {
    sqlx::query("delete from trip_state where until_ms < $1")
        .bind(now_ms)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let insert = "insert into trip_state (nonce, until_ms) values ($1, $2) \
        on conflict (nonce) do nothing";
    let inserted = sqlx::query(insert).bind(nonce).bind(until_ms);
    let inserted = inserted.execute(&mut **tx).await.map_err(unavailable)?;
    Ok(inserted.rows_affected() == 1)
}

/// Keeps an address under its token; those that ended are forgotten.
pub(super) async fn keep_address(
    tx: &mut Transaction<'static, Db>,
    token: &str,
    address: &str,
    until_ms: i64,
    now_ms: i64,
) -> Answer<()> {
    sqlx::query("delete from trip_address where until_ms < $1")
        .bind(now_ms)
        .execute(&mut **tx)
        .await
        .map_err(unavailable)?;
    let insert = "insert into trip_address (token, address, until_ms) values ($1, $2, $3) \
        on conflict (token) do update set until_ms = $3";
    let kept = sqlx::query(insert).bind(token).bind(address).bind(until_ms);
    kept.execute(&mut **tx).await.map_err(unavailable)?;
    Ok(())
}

/// The address of a token.
pub(super) async fn address(pool: &Pool<Db>, token: &str) -> Answer<Option<String>> {
    let row = sqlx::query("select address from trip_address where token = $1")
        .bind(token)
        .fetch_optional(pool)
        .await
        .map_err(unavailable)?;
    row.as_ref().map(|row| get(row, "address")).transpose()
}
