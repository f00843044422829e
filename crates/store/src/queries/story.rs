//! The order's story: an entry is written in the transaction of the change that
//! it tells of, under the lock of the order's request.

use super::rows::entry_row;
use crate::line::{Line, Row, Tx};
use crate::sql::statements;
use payment::ports::{Answer, StoreError, Story};
use payment::story::{Act, Entry, digest};

statements! {
    END = "select story_length, story_hash from attempt where order_sn = $1";
    ADD = "insert into event (order_sn, seq, at_ms, source, what, detail, notify_id, hash) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    SET_END = "update attempt set story_length = $2, story_hash = $3 where order_sn = $1";
    /// The raw bytes stand with the notify; the story keeps what shows a change of them.
    BODY = "select body from notify where id = $1";
    /// One statement, so that no entry is written between its parts.
    STORY = "select a.story_length, a.story_hash, e.seq, e.at_ms, e.source, \
        e.what, e.detail, e.notify_id, e.hash from attempt a \
        left join event e on e.order_sn = a.order_sn where a.order_sn = $1 order by e.seq";
}

/// Appends an entry, chained to the one before. The caller holds the lock of the
/// order's request.
pub(super) async fn append(
    tx: &mut Tx,
    order_sn: &str,
    what: &str,
    detail: &str,
    act: Act,
) -> Answer<()> {
    let end = tx.row(END.bind(order_sn)).await?;
    let end = end.ok_or_else(|| StoreError::Corrupt(format!("no attempt {order_sn}")))?;
    let before: String = end.get("story_hash")?;
    let mut detail = detail.to_owned();
    if let Some(id) = act.by.notify_id() {
        let body: Vec<u8> = tx.one(BODY.bind(id)).await?.get("body")?;
        detail = format!("{detail} body {}", digest(&body));
    }
    let mut entry = Entry {
        seq: end.get::<i64>("story_length")? + 1,
        at_ms: act.at_ms,
        by: act.by.word().to_owned(),
        what: what.to_owned(),
        detail: detail.trim_start().to_owned(),
        notify_id: act.by.notify_id(),
        hash: String::new(),
    };
    entry.hash = entry.link(order_sn, &before);
    let added = ADD
        .bind(order_sn)
        .bind(entry.seq)
        .bind(entry.at_ms)
        .bind(&entry.by)
        .bind(&entry.what)
        .bind(&entry.detail)
        .bind(entry.notify_id)
        .bind(&entry.hash);
    tx.change(added).await?;
    let end = SET_END.bind(order_sn).bind(entry.seq).bind(&entry.hash);
    tx.change(end).await.map(|_| ())
}

pub(super) async fn read(line: &mut Line, order_sn: &str) -> Answer<Option<Story>> {
    let rows = line.rows(STORY.bind(order_sn)).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let is_entry = |row: &&Row| matches!(row.get::<Option<i64>>("seq"), Ok(Some(_)));
    Ok(Some(Story {
        length: first.get("story_length")?,
        head: first.get("story_hash")?,
        entries: rows
            .iter()
            .filter(is_entry)
            .map(entry_row)
            .collect::<Answer<_>>()?,
    }))
}
