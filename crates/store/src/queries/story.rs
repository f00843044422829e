//! The order's story: an entry is written in the transaction of the change that
//! it tells of, under the lock of the order's request.

use super::rows::entry_row;
use crate::line::{Row, Tx};
use crate::sql::statements;
use payment::ports::{Answer, StoreError, Story};
use payment::story::{Act, Checkpoint, Entry, Source, digest};

statements! {
    END = "select story_length, story_hash from attempt where order_sn = $1";
    ADD = "insert into event (order_sn, seq, at_ms, source, what, detail, notify_id, hash) \
        values ($1, $2, $3, $4, $5, $6, $7, $8)";
    SET_END = "update attempt set story_length = $2, story_hash = $3 where order_sn = $1";
    /// The raw bytes stand with the notify; the story keeps what shows a change of them.
    BODY = "select body from notify where id = $1";
    /// One statement, so that no entry is written between its parts.
    STORIES(OF) = "select a.order_sn, a.story_length, a.story_hash, e.seq, e.at_ms, e.source, \
        e.what, e.detail, e.notify_id, e.hash, n.headers, n.body, \
        coalesce(n.body_digest, n.digest) as body_digest from attempt a \
        left join event e on e.order_sn = a.order_sn \
        left join notify n on n.id = e.notify_id \
        where a.order_sn in (select value from ", OF.texts[0], "$1", OF.texts[1], ") \
        order by a.order_sn, e.seq";
    NUMBERS = "select order_sn from attempt where order_sn > $1 order by order_sn limit $2";
    TOLD = "select at_ms, order_sn from event where (at_ms, order_sn) > ($1, $2) \
        order by at_ms, order_sn limit $3";
    CHECKPOINTS = "select seq, until_ms, orders, entries, digest, hash from checkpoint \
        order by seq";
    SEAL = "insert into checkpoint (seq, until_ms, orders, entries, digest, hash) \
        values ($1, $2, $3, $4, $5, $6) on conflict do nothing";
    UNSEAL = "delete from checkpoint";
}

/// What stands in the place of a story that was taken away.
pub(super) const PRUNED: &str = "pruned";

/// Where a story ends, under the lock of its order's request; by default that of an order
/// that is new.
#[derive(Default)]
pub(super) struct End {
    pub(super) length: i64,
    pub(super) hash: String,
}

/// The end of a story that stands in a row of its order.
pub(super) fn end(row: &Row) -> Answer<End> {
    Ok(End {
        length: row.get("story_length")?,
        hash: row.get("story_hash")?,
    })
}

/// Appends an entry to the story of another order of the request that is locked.
pub(super) async fn append_to(
    tx: &mut Tx,
    order_sn: &str,
    what: &str,
    detail: &str,
    act: Act,
) -> Answer<()> {
    let row = tx.row(END.bind(order_sn)).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("no attempt {order_sn}")))?;
    append(tx, order_sn, &mut end(&row)?, what, detail, act).await
}

/// Appends an entry, chained to the one before. The caller holds the lock of the
/// order's request.
pub(super) async fn append(
    tx: &mut Tx,
    order_sn: &str,
    end: &mut End,
    what: &str,
    detail: &str,
    act: Act,
) -> Answer<()> {
    add_next(tx, order_sn, end, what, detail, act).await?;
    let set = SET_END.bind(order_sn).bind(end.length).bind(&end.hash);
    tx.change(set).await.map(drop)
}

/// The same, for who writes the new end with the order himself.
pub(super) async fn add_next(
    tx: &mut Tx,
    order_sn: &str,
    end: &mut End,
    what: &str,
    detail: &str,
    act: Act,
) -> Answer<()> {
    let mut detail = detail.to_owned();
    if let Some(id) = act.by.notify_id() {
        let body: Vec<u8> = tx.one(BODY.bind(id)).await?.get("body")?;
        detail = format!("{detail} body {}", digest(&body));
    }
    let entry = next(order_sn, end, what, &detail, act);
    add(tx, order_sn, &entry).await?;
    *end = End {
        length: entry.seq,
        hash: entry.hash,
    };
    Ok(())
}

/// What comes after this end.
fn next(order_sn: &str, end: &End, what: &str, detail: &str, act: Act) -> Entry {
    let mut entry = Entry {
        seq: end.length + 1,
        at_ms: act.at_ms,
        by: act.by.word().to_owned(),
        what: what.to_owned(),
        detail: detail.trim_start().to_owned(),
        notify_id: act.by.notify_id(),
        hash: String::new(),
    };
    entry.hash = entry.link(order_sn, &end.hash);
    entry
}

/// The first entry of a story, whose end is written with its order: what no notify tells.
pub(super) fn first(order_sn: &str, what: &str, detail: &str, act: Act) -> Entry {
    next(order_sn, &End::default(), what, detail, act)
}

/// Writes an entry.
pub(super) async fn add(tx: &mut Tx, order_sn: &str, entry: &Entry) -> Answer<()> {
    let added = ADD
        .bind(order_sn)
        .bind(entry.seq)
        .bind(entry.at_ms)
        .bind(&entry.by)
        .bind(&entry.what)
        .bind(&entry.detail)
        .bind(entry.notify_id)
        .bind(&entry.hash);
    tx.change(added).await.map(drop)
}

/// Puts one entry in the place of a story that was taken away, as its row in `attempt` was.
pub(super) async fn seal(tx: &mut Tx, was: &Row, now_ms: i64) -> Answer<()> {
    let (order_sn, End { length, hash }): (String, _) = (was.get("order_sn")?, end(was)?);
    let detail = format!("{length} entries, the last hash {hash}");
    let act = Act {
        at_ms: now_ms,
        by: Source::Operator,
    };
    append(tx, &order_sn, &mut End::default(), PRUNED, &detail, act).await
}

/// Of rows that are in the order of their orders.
pub(super) fn stories(rows: &[Row]) -> Answer<Vec<Story>> {
    let mut stories: Vec<Story> = Vec::new();
    for row in rows {
        let order_sn: String = row.get("order_sn")?;
        if stories.last().is_none_or(|last| last.order_sn != order_sn) {
            stories.push(Story {
                order_sn,
                entries: Vec::new(),
                bodies: Vec::new(),
                length: row.get("story_length")?,
                head: row.get("story_hash")?,
            });
        }
        let told: Option<i64> = row.get("seq")?;
        if let (Some(_), Some(story)) = (told, stories.last_mut()) {
            story.entries.push(entry_row(row)?);
            story.bodies.push(body_digest(row)?);
        }
    }
    Ok(stories)
}

/// Of the raw body of an entry's notify; what was noted of it, where it was pruned.
fn body_digest(row: &Row) -> Answer<Option<String>> {
    let body: Option<Vec<u8>> = row.get("body")?;
    let headers: Option<String> = row.get("headers")?;
    match body {
        Some(body) if body.is_empty() && headers.as_deref() == Some("") => row.get("body_digest"),
        body => Ok(body.map(|body| digest(&body))),
    }
}

pub(super) fn checkpoint(row: &Row) -> Answer<Checkpoint> {
    Ok(Checkpoint {
        seq: row.get("seq")?,
        until_ms: row.get("until_ms")?,
        orders: row.get("orders")?,
        entries: row.get("entries")?,
        digest: row.get("digest")?,
        hash: row.get("hash")?,
    })
}
