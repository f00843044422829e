//! The list of refunds (docs/console.md, Refunds).

use super::address::{Unread, further, name, number, read, time, written};
use super::desk::{Answered, Desk};
use super::orders::LINES;
use axum::http::StatusCode;
use axum::response::Response;
use console::{AskedRefunds, RefundList};
use payment::ports::WantedRefunds;
use payment::refund::{Cause, Refund};

/// A list of refunds, the newest first.
pub(super) async fn list(desk: Desk) -> Answered {
    let (asked, mut before) = asked(desk.query());
    // After a refund that there is not, a list begins anew.
    let store = desk.store();
    if !before.is_empty() {
        let last = store.refund(&before).await;
        if last.map_err(|error| desk.trouble(&error))?.is_none() {
            before.clear();
        }
    }
    let wanted = wanted(&asked).map_err(|unread| list_refused(&desk, asked.clone(), &unread))?;
    let limit = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let found = store.newest_refunds(&wanted, &before, limit).await;
    let mut rows = found.map_err(|error| desk.trouble(&error))?;
    let is_more = rows.len() > LINES;
    rows.truncate(LINES);
    let last = rows.last().filter(|_| is_more);
    let refunds = RefundList {
        refusal: None,
        next: last.map(|last| {
            let address = format!("/refunds?{}", query(&asked));
            further(address, &last.refund.refund_no)
        }),
        csv: Some(format!("/refunds.csv?{}", query(&asked))),
        asked,
        rows,
        is_first: before.is_empty(),
    };
    Ok(list_page(&desk, StatusCode::OK, &refunds))
}

/// The list of what can't be read.
pub(super) fn list_refused(desk: &Desk, asked: AskedRefunds, unread: &Unread) -> Response {
    let refunds = RefundList {
        refusal: Some(unread.told(desk.lang())),
        asked,
        rows: Vec::new(),
        next: None,
        csv: None,
        is_first: true,
    };
    list_page(desk, StatusCode::BAD_REQUEST, &refunds)
}

fn list_page(desk: &Desk, status: StatusCode, refunds: &RefundList) -> Response {
    desk.page(status, |setting| console::refunds(setting, refunds))
}

/// What the address of a list says, and before which refund it begins.
pub(super) fn asked(query: &str) -> (AskedRefunds, String) {
    let (mut asked, mut before) = (AskedRefunds::default(), String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = value.trim().to_owned();
        match &*name {
            "since" => asked.since = value,
            "until" => asked.until = value,
            "business" => asked.business = value,
            "state" => asked.state = value,
            "cause" => asked.cause = value,
            "before" => before = number(value),
            _ => {}
        }
    }
    (asked, before)
}

/// What an address says to ask for the same.
pub(super) fn query(asked: &AskedRefunds) -> String {
    written(&[
        ("since", &asked.since),
        ("until", &asked.until),
        ("business", &asked.business),
        ("state", &asked.state),
        ("cause", &asked.cause),
    ])
}

/// What is wanted; else what of it can't be read.
pub(super) fn wanted(asked: &AskedRefunds) -> Result<WantedRefunds, Unread> {
    let (since_ms, until_ms) = time(&asked.since, &asked.until)?;
    Ok(WantedRefunds {
        domain_code: read("business", &asked.business, name)?,
        state: read("state", &asked.state, Refund::parse)?,
        cause: read("cause", &asked.cause, Cause::parse)?,
        since_ms,
        until_ms,
    })
}
