//! Notifies as they came, until they are worked on.

use super::rows::{get, notify_row};
use super::{Answer, Db, unavailable};
use payment::ports::{KeptNotify, NotifyRow};
use payment::story::digest;
use sqlx::Pool;

/// Keeps a notify; nothing where the same one is kept already.
pub(super) async fn keep(
    pool: &Pool<Db>,
    notify: &NotifyRow,
    again_ms: i64,
) -> Answer<Option<i64>> {
    let query = sqlx::query(
        "insert into notify \
         (channel, account, channel_order_no, headers, body, received_ms, next_ms, digest) \
         values ($1, $2, $3, $4, $5, $6, $7, $8) \
         on conflict (channel, account, digest) where digest is not null do nothing \
         returning id",
    );
    let row = query
        .bind(notify.channel.code())
        .bind(&notify.account)
        .bind(&notify.channel_order_no)
        .bind(&notify.headers)
        .bind(&notify.body)
        .bind(notify.received_ms)
        .bind(again_ms)
        .bind(digest(&notify.body))
        .fetch_optional(pool)
        .await
        .map_err(unavailable)?;
    row.map(|row| get(&row, "id")).transpose()
}

pub(super) async fn one(pool: &Pool<Db>, id: i64) -> Answer<Option<KeptNotify>> {
    let query = sqlx::query(
        "select channel, account, channel_order_no, headers, body, received_ms from notify \
         where id = $1",
    )
    .bind(id);
    let row = query.fetch_optional(pool).await.map_err(unavailable)?;
    row.as_ref()
        .map(|row| {
            Ok(KeptNotify {
                id,
                row: notify_row(row)?,
            })
        })
        .transpose()
}

pub(super) async fn mark(
    pool: &Pool<Db>,
    id: i64,
    outcome: &str,
    again_ms: Option<i64>,
) -> Answer<()> {
    sqlx::query("update notify set outcome = $2, next_ms = $3 where id = $1")
        .bind(id)
        .bind(outcome)
        .bind(again_ms)
        .execute(pool)
        .await
        .map(|_| ())
        .map_err(unavailable)
}
