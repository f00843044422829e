//! The only door to the browser: the page's data, fetch, and leaving.

use std::cell::Cell;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, HtmlElement, Response, Window};

/// What the server wrote into `main` about the order that the page waits for.
pub(crate) struct Order {
    /// Address of the poll, signed values included.
    poll_url: String,
    /// Our order number: the page follows this attempt.
    order_sn: String,
    /// Where a paid payer goes; empty: the page stays.
    pub(crate) ok_url: String,
    /// Where a payer goes whose request can't be paid; empty: the page reloads.
    pub(crate) fail_url: String,
    /// The attempt's own page: it tells how the attempt ended.
    pub(crate) ended_url: String,
    /// The words before the countdown.
    pub(crate) waiting: String,
    /// Seconds that are left to pay.
    pub(crate) expires_in_s: i32,
}

/// What a poll told.
pub(crate) enum Answer {
    /// errcode 0.
    Paid,
    /// Keep polling, also in any trouble.
    Waiting,
    /// The attempt that the page shows has ended; another may be started.
    Ended,
    /// Any other errcode: the request can't be paid.
    Failed,
}

thread_local! {
    static WOKE: Cell<bool> = const { Cell::new(false) };
}

/// The order that the page waits for, if it does.
pub(crate) fn order() -> Option<Order> {
    let data = main()?.dataset();
    let get = |name: &str| data.get(name).unwrap_or_default();
    let poll_url = data.get("poll")?;
    listen();
    Some(Order {
        poll_url,
        order_sn: get("order"),
        ok_url: get("ok"),
        fail_url: get("fail"),
        ended_url: get("ended"),
        waiting: get("waiting"),
        expires_in_s: get("expires").parse().ok()?,
    })
}

/// Asks the server function once.
pub(crate) async fn poll(order: &Order) -> Answer {
    ask(order).await.unwrap_or(Answer::Waiting)
}

/// Whether the page came back to the front, or online, since the last call.
pub(crate) fn woke() -> bool {
    WOKE.with(|woke| woke.replace(false))
}

/// Seconds by the browser's clock, for differences.
pub(crate) fn now_s() -> i32 {
    // Wraps in 2038 and is right all the same: only differences are taken.
    (js_sys::Date::now() / 1000.0) as i64 as i32
}

/// Shows the page as paid.
pub(crate) fn turn_green() {
    if let Some(main) = main() {
        let _ = main.set_attribute("data-state", "paid");
    }
}

/// Leaves for `url`, out of a frame where the browser lets us; reloads without one.
pub(crate) fn leave(url: &str) {
    let Some(window) = web_sys::window() else {
        return;
    };
    if url.is_empty() {
        return reload();
    }
    let parent = window
        .parent()
        .ok()
        .flatten()
        .unwrap_or_else(|| window.clone());
    if parent.location().set_href(url).is_err() {
        let _ = window.location().set_href(url);
    }
}

/// Goes on to another page of ours.
pub(crate) fn go(url: &str) {
    if let Some(window) = web_sys::window() {
        let _ = window.location().set_href(url);
    }
}

/// Asks the server for the page as it is now.
fn reload() {
    if let Some(window) = web_sys::window() {
        let _ = window.location().reload();
    }
}

async fn ask(order: &Order) -> Result<Answer, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response: Response = fetch(&window, &order.poll_url).await?.dyn_into()?;
    let attempt = response
        .headers()
        .get("tongfu-attempt")?
        .unwrap_or_default();
    let body = JsFuture::from(response.json()?).await?;
    let errcode = js_sys::Reflect::get(&body, &"errcode".into())?.as_string();
    Ok(match errcode.as_deref() {
        Some("0") => Answer::Paid,
        Some("30000") if attempt.is_empty() => Answer::Waiting,
        Some("30000") if attempt == order.order_sn => Answer::Waiting,
        Some("30000") => Answer::Ended,
        Some(_) => Answer::Failed,
        None => Answer::Waiting,
    })
}

async fn fetch(window: &Window, url: &str) -> Result<JsValue, JsValue> {
    JsFuture::from(window.fetch_with_str(url)).await
}

/// Notes when the page wakes, so that the next second polls at once.
fn listen() {
    let Some(window) = web_sys::window() else {
        return;
    };
    let wake = Closure::<dyn Fn()>::new(|| WOKE.with(|woke| woke.set(true)));
    let listener = wake.as_ref().unchecked_ref();
    for event in ["pageshow", "online", "focus"] {
        let _ = window.add_event_listener_with_callback(event, listener);
    }
    if let Some(document) = window.document() {
        let _ = document.add_event_listener_with_callback("visibilitychange", listener);
    }
    wake.forget();
}

fn main() -> Option<HtmlElement> {
    let document: Document = web_sys::window()?.document()?;
    document.query_selector("main").ok()??.dyn_into().ok()
}
