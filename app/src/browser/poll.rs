//! What a waiting page asks, and what it is told.

use super::{main, wake, word};
use crate::headers;
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use std::pin::pin;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::Response;

/// What is said where the request can't be paid any more (docs/protocol.md, errcodes).
const CLOSED: &str = "10008";
/// An answer that takes longer is lost.
const ANSWER_MS: u32 = 10_000;

/// What the server wrote into `main` about the order that the page waits for.
pub(crate) struct Awaited {
    /// Address of the poll, signed values included.
    poll_url: String,
    /// Our order number: the page follows this attempt; empty: any, and without end.
    pub(crate) order_sn: String,
    /// Where a paid payer goes; empty: the page stays.
    pub(crate) ok_url: String,
    /// Where a payer goes whose request can't be paid; empty: the page reloads.
    pub(crate) fail_url: String,
    /// The attempt's own page: it tells how the attempt ended.
    pub(crate) ended_url: String,
    /// Seconds that are left to pay.
    pub(crate) expires_in_s: i32,
    /// Seconds that there were at the beginning.
    pub(crate) life_s: i32,
}

/// What a poll told.
pub(crate) enum Answer {
    /// errcode 0.
    Paid {
        /// Whether the business system has not acknowledged it yet, and wants
        /// the payer to be held for it.
        held: bool,
    },
    /// Keep polling.
    Waiting,
    /// No answer that can be read; keep polling.
    Lost,
    /// The attempt that the page shows has ended; another may be started.
    Ended,
    /// The request can't be paid any more.
    Failed,
    /// Any other errcode, such as that the secret has ended which signed the question: it
    /// says nothing of the request.
    Refused,
}

/// The order that the page waits for, if it does.
pub(crate) fn order() -> Option<Awaited> {
    let poll_url = main()?.dataset().get("poll")?;
    wake::listen();
    Some(Awaited {
        poll_url,
        order_sn: word("order"),
        ok_url: word("ok"),
        fail_url: word("fail"),
        ended_url: word("ended"),
        expires_in_s: word("expires").parse().ok()?,
        life_s: word("life").parse().ok()?,
    })
}

/// Asks the server function once.
pub(crate) async fn poll(order: &Awaited) -> Answer {
    poll_for(order, ANSWER_MS).await
}

/// The same, where an answer that takes longer than this is lost.
pub(crate) async fn poll_for(order: &Awaited, ms: u32) -> Answer {
    match select(pin!(ask(order)), TimeoutFuture::new(ms)).await {
        Either::Left((Ok(answer), _)) => answer,
        Either::Left((Err(_), _)) | Either::Right(_) => Answer::Lost,
    }
}

async fn ask(order: &Awaited) -> Result<Answer, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response = JsFuture::from(window.fetch_with_str(&order.poll_url)).await?;
    let response: Response = response.dyn_into()?;
    let attempt = response.headers().get(headers::ATTEMPT)?;
    let held = response.headers().get(headers::HOLD)?.is_some();
    let body = JsFuture::from(response.json()?).await?;
    let errcode = js_sys::Reflect::get(&body, &"errcode".into())?.as_string();
    let ours = attempt.is_none_or(|attempt| order.order_sn.is_empty() || attempt == order.order_sn);
    Ok(match errcode.as_deref() {
        Some("0") => Answer::Paid { held },
        Some("30000") if ours => Answer::Waiting,
        Some("30000") => Answer::Ended,
        Some(CLOSED) => Answer::Failed,
        Some(_) => Answer::Refused,
        None => Answer::Lost,
    })
}
