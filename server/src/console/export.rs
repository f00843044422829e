//! Tables that operators take away: of all that a list shows, as many rows as there are
//! (docs/console.md, CSV).

use super::desk::{Answered, Desk};
use super::orders::{BEYOND, asked, is_of_few, list_refused, query, wanted};
use super::record::{self, Wish};
use super::refunds;
use crate::clock::now_ms;
use crate::{table, zone};
use axum::body::Body;
use axum::extract::Query;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use payment::ports::Answer;
use std::io;
use std::sync::Arc;

/// Rows that are read at once: what a table holds of memory.
const PAGE: i64 = 500;

/// The table of a list, by the same words.
pub(super) async fn orders(desk: Desk) -> Answered {
    let (asked, _) = asked(desk.query());
    let wanted = wanted(&asked);
    let mut wanted = wanted.map_err(|unread| list_refused(&desk, asked.clone(), &unread))?;
    let is_of_few = is_of_few(desk.store(), &wanted).await;
    wanted.of_few = is_of_few.map_err(|error| desk.trouble(&error))?;
    recorded(&desk, &format!("/orders.csv?{}", query(&asked))).await?;
    let store = Arc::clone(&desk.state.console.store);
    let page = move |before: String| {
        let (store, wanted) = (Arc::clone(&store), wanted.clone());
        async move {
            let page = store.newest(&wanted, &before, PAGE).await?;
            let last = page.last().map(|last| last.order.order_sn.clone());
            Ok((table::orders(&page), last))
        }
    };
    let first = BEYOND.to_owned();
    Ok(sent("orders", table::orders_head(), first, page))
}

/// The table of a list of refunds, by the same words.
pub(super) async fn refunds(desk: Desk) -> Answered {
    let (asked, _) = refunds::asked(desk.query());
    let wanted = refunds::wanted(&asked);
    let refused = |unread| refunds::list_refused(&desk, asked.clone(), &unread);
    let wanted = wanted.map_err(refused)?;
    recorded(&desk, &format!("/refunds.csv?{}", refunds::query(&asked))).await?;
    let store = Arc::clone(&desk.state.console.store);
    let page = move |before: String| {
        let (store, wanted) = (Arc::clone(&store), wanted.clone());
        async move {
            let page = store.newest_refunds(&wanted, &before, PAGE).await?;
            let last = page.last().map(|last| last.refund.refund_no.clone());
            Ok((table::refunds(&page), last))
        }
    };
    Ok(sent("refunds", table::refunds_head(), String::new(), page))
}

/// The table of operators' acts, by the words of the list.
pub(super) async fn acts(desk: Desk, Query(wish): Query<Wish>) -> Answered {
    let sought = record::sought(&desk, &wish).await?;
    recorded(&desk, &wish.address("/acts.csv", None)).await?;
    let store = Arc::clone(&desk.state.console.store);
    let page = move |before: i64| {
        let (store, sought) = (Arc::clone(&store), sought.clone());
        async move {
            let page = sought.page(&*store, before, PAGE).await?;
            let last = page.last().map(|last| last.seq);
            let fitting = sought.fitting(&*store, page).await?;
            Ok((table::acts(&fitting), last))
        }
    };
    Ok(sent("acts", table::acts_head(), i64::MAX, page))
}

/// Records that he takes a table away; the answer where that can't be, and he gets none.
async fn recorded(desk: &Desk, which: &str) -> Result<(), Response> {
    let checkout = &desk.state.checkout;
    let done = checkout.record_export(&desk.who.operator, which).await;
    done.map_err(|not_done| desk.refused(&not_done))
}

/// A table that is read as it is sent, page by page: each gives its lines, and where the
/// next one begins. Where the database fails the answer breaks off, so that nobody takes a
/// part for the whole.
fn sent<K, F>(
    name: &str,
    head: io::Result<Vec<u8>>,
    first: K,
    page: impl Fn(K) -> F + Send + 'static,
) -> Response
where
    K: Send + 'static,
    F: Future<Output = Answer<(io::Result<Vec<u8>>, Option<K>)>> + Send + 'static,
{
    let rows = stream::try_unfold((Some(first), page), |(before, page)| async move {
        let Some(before) = before else {
            return Ok(None);
        };
        let (lines, last) = page(before).await.map_err(|error| {
            tracing::error!(%error, "a table breaks off");
            io::Error::other(error)
        })?;
        let lines = Bytes::from(lines?);
        Ok::<_, io::Error>(Some((lines, (last, page))))
    });
    let head = stream::once(async { head.map(Bytes::from) });
    let time: String = zone::time(now_ms())
        .chars()
        .take("2026-11-28 09:47:50".len())
        .filter(|letter| *letter != ':')
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect();
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}-{time}.csv\""),
        ),
        (CACHE_CONTROL, "no-store".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, Body::from_stream(head.chain(rows))).into_response()
}
