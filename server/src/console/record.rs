//! The record of operators' acts: who did what (docs/operating.md, Who did what).

use super::address::{Unread, time, written};
use super::desk::{Answered, Desk};
use crate::acts::Sought;
use axum::extract::Query;
use axum::http::StatusCode;
use axum::response::Response;
use console::{AskedActs, Record, Setting};
use payment::acts::{OperatorAct, Piece};
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
#[serde(default)]
pub(super) struct Wish {
    since: String,
    until: String,
    by: String,
    about: String,
    before: String,
}

impl Wish {
    fn asked(&self) -> AskedActs {
        let text = |text: &str| text.trim().to_owned();
        AskedActs {
            since: text(&self.since),
            until: text(&self.until),
            by: text(&self.by),
            about: text(&self.about),
        }
    }

    /// Before which place they are; what is none is the end.
    fn before(&self) -> Option<i64> {
        self.before.parse().ok().filter(|before| *before > 0)
    }

    /// The address of the same acts, from another place on.
    pub(super) fn address(&self, path: &str, before: Option<i64>) -> String {
        let asked = self.asked();
        let before = before.map(|before| before.to_string()).unwrap_or_default();
        let query = written(&[
            ("since", &asked.since),
            ("until", &asked.until),
            ("by", &asked.by),
            ("about", &asked.about),
            ("before", &before),
        ]);
        format!("{path}?{query}")
    }

    /// Which acts these are; else why they can't be listed.
    async fn sought(&self, store: &dyn Store) -> Result<Result<Sought, Unread>, StoreError> {
        let asked = self.asked();
        let time = match time(&asked.since, &asked.until) {
            Ok(time) => time,
            Err(unread) => return Ok(Err(unread)),
        };
        let mut words = [("by", &asked.by), ("about", &asked.about)].into_iter();
        if let Some((field, _)) = words.find(|(_, word)| word.len() > ABOUT_MAX) {
            return Ok(Err(Unread::Long(field)));
        }
        let sought = Sought::new(store, time, &asked.by, &asked.about);
        sought.await.map(Ok)
    }
}

/// The acts, the newest first.
pub(super) async fn list(desk: Desk, Query(wish): Query<Wish>) -> Answered {
    let store = desk.store();
    let sought = sought(&desk, &wish).await?;
    let found = async {
        let (acts, last) = found(store, &sought, wish.before()).await?;
        let orders = orders_asked_for(store, &acts).await?;
        Ok::<_, StoreError>((acts, last, orders))
    };
    let (acts, last, orders) = found.await.map_err(|error| desk.trouble(&error))?;
    let record = Record {
        asked: wish.asked(),
        refusal: None,
        is_first: wish.before().is_none(),
        is_partial: last.is_some() && acts.len() < LINES,
        next: last.map(|last| wish.address("/acts", Some(last))),
        csv: wish.address("/acts.csv", None),
        acts,
        orders,
    };
    let draw = |setting: &Setting<'_>| console::record(setting, &record);
    Ok(desk.page(StatusCode::OK, draw))
}

/// Which acts are asked for; else the page that says why they can't be listed.
pub(super) async fn sought(desk: &Desk, wish: &Wish) -> Result<Sought, Response> {
    match wish.sought(desk.store()).await {
        Ok(sought) => sought.map_err(|unread| not_read(desk, wish, &unread)),
        Err(error) => Err(desk.trouble(&error)),
    }
}

fn not_read(desk: &Desk, wish: &Wish, unread: &Unread) -> Response {
    let record = Record {
        asked: wish.asked(),
        refusal: Some(unread.told(desk.lang())),
        acts: Vec::new(),
        orders: Vec::new(),
        is_first: false,
        is_partial: false,
        next: None,
        csv: wish.address("/acts.csv", None),
    };
    desk.page(StatusCode::BAD_REQUEST, |setting| {
        console::record(setting, &record)
    })
}

/// A page of acts, and before which one there may be more.
async fn found(
    store: &dyn Store,
    sought: &Sought,
    before: Option<i64>,
) -> Result<(Vec<OperatorAct>, Option<i64>), StoreError> {
    let (mut before, mut read) = (before.unwrap_or(i64::MAX), 0);
    let mut found = Vec::new();
    while read < READ_MAX {
        let page = sought.page(store, before, PAGE).await?;
        let Some(last) = page.last().map(|last| last.seq) else {
            return Ok((found, None));
        };
        read += page.len();
        for act in sought.fitting(store, page).await? {
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

/// Of refunds that were asked for and that these acts name, the orders.
async fn orders_asked_for(
    store: &dyn Store,
    acts: &[OperatorAct],
) -> Result<Vec<(String, String)>, StoreError> {
    let mut orders: Vec<(String, String)> = Vec::new();
    for piece in acts.iter().flat_map(OperatorAct::pieces) {
        let Piece::Asked(number) = piece else {
            continue;
        };
        if orders.iter().any(|(known, _)| known == number) {
            continue;
        }
        if let Some(request) = store.refund_request(number).await? {
            orders.push((request.request_no, request.order_sn));
        }
    }
    Ok(orders)
}
