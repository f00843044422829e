//! The order's story: an entry is written in the transaction of the change that
//! it tells of, under the lock of the order's request.

use super::rows::{entry_row, get};
use super::{Answer, Db, unavailable};
use payment::ports::{StoreError, Story};
use payment::story::{Act, Entry, digest};
use sqlx::{Pool, Row, Transaction};

/// Appends an entry, chained to the one before. The caller holds the lock of the
/// order's request.
pub(super) async fn append(
    tx: &mut Transaction<'static, Db>,
    order_sn: &str,
    what: &str,
    detail: &str,
    act: Act,
) -> Answer<()> {
    let query = sqlx::query("select story_length, story_hash from attempt where order_sn = $1");
    let row = query.bind(order_sn).fetch_optional(&mut **tx).await;
    let row = row.map_err(unavailable)?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("no attempt {order_sn}")))?;
    let before: String = get(&row, "story_hash")?;
    let mut detail = detail.to_owned();
    if let Some(id) = act.by.notify_id() {
        detail = format!("{detail} body {}", body_digest(tx, id).await?);
    }
    let mut entry = Entry {
        seq: get::<i64>(&row, "story_length")? + 1,
        at_ms: act.at_ms,
        by: act.by.word().to_owned(),
        what: what.to_owned(),
        detail: detail.trim_start().to_owned(),
        notify_id: act.by.notify_id(),
        hash: String::new(),
    };
    entry.hash = entry.link(order_sn, &before);
    sqlx::query(
        "insert into event (order_sn, seq, at_ms, source, what, detail, notify_id, hash) \
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(order_sn)
    .bind(entry.seq)
    .bind(entry.at_ms)
    .bind(&entry.by)
    .bind(&entry.what)
    .bind(&entry.detail)
    .bind(entry.notify_id)
    .bind(&entry.hash)
    .execute(&mut **tx)
    .await
    .map_err(unavailable)?;
    sqlx::query("update attempt set story_length = $2, story_hash = $3 where order_sn = $1")
        .bind(order_sn)
        .bind(entry.seq)
        .bind(&entry.hash)
        .execute(&mut **tx)
        .await
        .map(|_| ())
        .map_err(unavailable)
}

/// The raw bytes stand with the notify; the story keeps what shows a change of them.
async fn body_digest(tx: &mut Transaction<'static, Db>, notify_id: i64) -> Answer<String> {
    let query = sqlx::query("select body from notify where id = $1").bind(notify_id);
    let row = query.fetch_one(&mut **tx).await.map_err(unavailable)?;
    Ok(digest(&get::<Vec<u8>>(&row, "body")?))
}

pub(super) async fn read(pool: &Pool<Db>, order_sn: &str) -> Answer<Option<Story>> {
    // One statement, so that no entry is written between its parts.
    let query = "select a.story_length, a.story_hash, e.seq, e.at_ms, e.source, \
        e.what, e.detail, e.notify_id, e.hash from attempt a \
        left join event e on e.order_sn = a.order_sn where a.order_sn = $1 order by e.seq";
    let rows = sqlx::query(query).bind(order_sn).fetch_all(pool).await;
    let rows = rows.map_err(unavailable)?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let written = rows.iter().filter(|row| {
        row.try_get::<Option<i64>, _>("seq")
            .ok()
            .flatten()
            .is_some()
    });
    Ok(Some(Story {
        length: get(first, "story_length")?,
        head: get(first, "story_hash")?,
        entries: written.map(entry_row).collect::<Answer<_>>()?,
    }))
}
