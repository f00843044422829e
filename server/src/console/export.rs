//! Tables that operators take away: of all the orders of a list, as many as there are
//! (docs/console.md, CSV).

use super::answer::{Who, refused};
use super::orders::{BEYOND, asked, list_refused, query, wanted};
use crate::serve::now_ms;
use crate::state::State;
use crate::{table, zone};
use axum::body::Body;
use axum::extract;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use payment::ports::{Store, Wanted};
use std::io;
use std::sync::Arc;

/// Orders that are read at once: what a table holds of memory.
const PAGE: i64 = 500;

/// The table of a list, by the same words.
pub(super) async fn orders(
    extract::State(state): extract::State<State>,
    who: Who,
    parts: Parts,
) -> Response {
    let (asked, _) = asked(parts.uri.query().unwrap_or_default());
    let wanted = match wanted(&asked) {
        Ok(wanted) => wanted,
        Err(what) => return list_refused(&parts, &who, asked.clone(), what),
    };
    let which = format!("/orders.csv?{}", query(&asked));
    let recorded = state.checkout.record_export(&who.operator, &which).await;
    match recorded {
        Ok(()) => table_of(Arc::clone(&state.console.store), wanted),
        Err(not_done) => refused(&parts, &who, &not_done),
    }
}

/// A table that is read as it is sent. Where the database fails the answer breaks off, so
/// that nobody takes a part for the whole.
fn table_of(store: Arc<dyn Store>, wanted: Wanted) -> Response {
    let rows = stream::try_unfold(Some(BEYOND.to_owned()), move |before| {
        let (store, wanted) = (Arc::clone(&store), wanted.clone());
        async move {
            let Some(before) = before else {
                return Ok(None);
            };
            let page = store.newest(&wanted, &before, PAGE).await;
            let page = page.map_err(|error| {
                tracing::error!(%error, "a table of orders breaks off");
                io::Error::other(error)
            })?;
            let last = page.last().map(|last| last.order_sn.clone());
            let lines = Bytes::from(table::lines(&page)?);
            Ok::<_, io::Error>(last.map(|last| (lines, Some(last))))
        }
    });
    let head = stream::once(async { table::head().map(Bytes::from) });
    let name: String = zone::time(now_ms())
        .chars()
        .take("2026-11-28 09:47:50".len())
        .filter(|letter| *letter != ':')
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect();
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"orders-{name}.csv\""),
        ),
        (CACHE_CONTROL, "no-store".to_owned()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    (headers, Body::from_stream(head.chain(rows))).into_response()
}
