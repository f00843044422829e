//! The record of operators' acts: who did what (docs/operating.md, Who did what).

use super::answer::{Who, page, trouble};
use crate::state::State;
use axum::extract::{self, Query};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use console::Record;
use payment::acts::OperatorAct;
use payment::ports::{Store, StoreError};
use serde::Deserialize;

/// Acts of a page, and those that are read at once in search of them.
const LINES: usize = 50;
const PAGE: i64 = 1_000;
/// So many are read for one page; the next one goes on from there.
const READ_MAX: usize = 20_000;
/// Bytes of the words that are looked for.
const ABOUT_MAX: usize = 200;

/// Which acts, as the address says it.
#[derive(Clone, Default, Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    about: String,
    #[serde(default)]
    before: String,
}

impl Wish {
    /// Whether an act holds the words.
    pub(super) fn fits(&self, act: &OperatorAct) -> bool {
        format!("{} {}", act.by, act.what).contains(self.about.trim())
    }

    /// Before which place they are; what is none is the end.
    fn before(&self) -> Option<i64> {
        self.before.parse().ok()
    }

    /// The address of the same acts, from another place on.
    pub(super) fn address(&self, path: &str, before: Option<i64>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        let about = self.about.trim();
        if !about.is_empty() {
            query.append_pair("about", about);
        }
        if let Some(before) = before {
            query.append_pair("before", &before.to_string());
        }
        format!("{path}?{}", query.finish())
    }
}

/// The acts, the newest first.
pub(super) async fn list(
    extract::State(state): extract::State<State>,
    who: Who,
    Query(wish): Query<Wish>,
    parts: Parts,
) -> Response {
    let is_long = wish.about.len() > ABOUT_MAX;
    let read = match is_long {
        true => Ok((Vec::new(), None)),
        false => found(&*state.console.store, &wish).await,
    };
    let (acts, last) = match read {
        Ok(found) => found,
        Err(error) => return trouble(&parts, Some(&who), &error),
    };
    let status = match is_long {
        true => StatusCode::BAD_REQUEST,
        false => StatusCode::OK,
    };
    let record = Record {
        about: wish.about.clone(),
        is_first: wish.before().is_none(),
        next: last.map(|last| wish.address("/acts", Some(last))),
        csv: wish.address("/acts.csv", None),
        acts,
    };
    page(&parts, Some(&who), status, |setting| {
        console::record(setting, &record)
    })
}

/// A page of acts, and before which one there may be more.
async fn found(
    store: &dyn Store,
    wish: &Wish,
) -> Result<(Vec<OperatorAct>, Option<i64>), StoreError> {
    let (mut before, mut read) = (wish.before().unwrap_or(i64::MAX), 0);
    let mut found = Vec::new();
    while read < READ_MAX {
        let page = store.acts_before(before, PAGE).await?;
        let Some(last) = page.last().map(|last| last.seq) else {
            return Ok((found, None));
        };
        read += page.len();
        for act in page.into_iter().filter(|act| wish.fits(act)) {
            if found.len() == LINES {
                return Ok((found, Some(before)));
            }
            before = act.seq;
            found.push(act);
        }
        before = last;
    }
    Ok((found, Some(before)))
}
