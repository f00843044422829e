//! The only door to the browser: the page's data, fetch, the stream, and leaving.

use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, EventSource, HtmlElement, Response, Window};

/// An answer that takes longer is lost.
const ANSWER_MS: u32 = 10_000;

/// What the server wrote into `main` about the order that the page waits for.
pub(crate) struct Order {
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
    /// Any other errcode: the request can't be paid.
    Failed,
}

thread_local! {
    static WOKE: Cell<bool> = const { Cell::new(false) };
    static SLEEPER: Cell<Option<Waker>> = const { Cell::new(None) };
    static STREAM: RefCell<Option<EventSource>> = const { RefCell::new(None) };
}

/// The order that the page waits for, if it does.
pub(crate) fn order() -> Option<Order> {
    let poll_url = main()?.dataset().get("poll")?;
    listen();
    Some(Order {
        poll_url,
        order_sn: word("order"),
        ok_url: word("ok"),
        fail_url: word("fail"),
        ended_url: word("ended"),
        expires_in_s: word("expires").parse().ok()?,
        life_s: word("life").parse().ok()?,
    })
}

/// What the server wrote into `main` under a name; empty where it didn't.
pub(crate) fn word(name: &str) -> String {
    let data = main().map(|main| main.dataset());
    data.and_then(|data| data.get(name)).unwrap_or_default()
}

/// Asks the server function once.
pub(crate) async fn poll(order: &Order) -> Answer {
    poll_for(order, ANSWER_MS).await
}

/// The same, where an answer that takes longer than this is lost.
pub(crate) async fn poll_for(order: &Order, ms: u32) -> Answer {
    match select(pin!(ask(order)), TimeoutFuture::new(ms)).await {
        Either::Left((Ok(answer), _)) => answer,
        Either::Left((Err(_), _)) | Either::Right(_) => Answer::Lost,
    }
}

/// Rests until the time is over, or the page is woken: it came back to the front,
/// or online, or the stream told something. Tells whether it was woken.
pub(crate) async fn rest(ms: u32) -> bool {
    let woken = poll_fn(|context| {
        if WOKE.take() {
            return Poll::Ready(());
        }
        SLEEPER.set(Some(context.waker().clone()));
        Poll::Pending
    });
    matches!(
        select(pin!(woken), TimeoutFuture::new(ms)).await,
        Either::Left(_)
    )
}

/// Rests until the time is over.
pub(crate) async fn sleep(ms: u32) {
    TimeoutFuture::new(ms).await;
}

/// Seconds by the browser's clock, for differences.
pub(crate) fn now_s() -> i32 {
    // Wraps in 2038 and is right all the same: only differences are taken.
    (js_sys::Date::now() / 1000.0) as i64 as i32
}

/// Whether the browser itself knows that it has no network.
pub(crate) fn offline() -> bool {
    web_sys::window().is_some_and(|window| !window.navigator().on_line())
}

/// Shows the page as paid.
pub(crate) fn turn_green() {
    if let Some(main) = main() {
        let _ = main.set_attribute("data-state", "paid");
    }
    if let Some(document) = document() {
        document.set_title(&word("paid"));
    }
}

/// Minutes since midnight on the payer's clock, when so many seconds are over.
pub(crate) fn minute_in(seconds: i32) -> i32 {
    // Added before it is cut to minutes: two cuts would tell a minute too little.
    let minutes = ((js_sys::Date::now() + f64::from(seconds) * 1_000.0) / 60_000.0) as i32;
    let behind = js_sys::Date::new_0().get_timezone_offset() as i32;
    (minutes - behind) % 1_440
}

/// Writes when the time to pay ends, in place of what the server wrote.
pub(crate) fn tell_end(time: &str) {
    let told = document().and_then(|document| document.query_selector("time").ok()?);
    if let Some(told) = told {
        told.set_text_content(Some(time));
    }
}

/// Draws so many percent of the ring as gone.
pub(crate) fn draw_gone(percent: i32) {
    if let Some(main) = main() {
        let _ = main.style().set_property("--gone", &percent.to_string());
    }
}

/// Whether the status line says something: it then stands in place of the line that
/// the server wrote.
pub(crate) fn mark_said(said: bool) {
    if let Some(main) = main() {
        let _ = if said {
            main.set_attribute("data-said", "")
        } else {
            main.remove_attribute("data-said")
        };
    }
}

/// Leaves for `url`. In a frame the page around it is told first, then led on
/// where the browser lets us; else the link on the paid page is left, or the
/// attempt's page tells why and has one. Reloads where there is no address.
pub(crate) fn leave(url: &str, result: &str) {
    let Some(window) = web_sys::window() else {
        return;
    };
    if url.is_empty() {
        let _ = window.location().reload();
        return;
    }
    match window.parent() {
        Ok(Some(parent)) if parent != window => {
            tell(&parent, url, result);
            if parent.location().set_href(url).is_err() && result == "failed" {
                go(&word("ended"));
            }
        }
        _ => go(url),
    }
}

/// Posts the outcome to each origin that may hold the page in a frame.
fn tell(parent: &Window, url: &str, result: &str) {
    let message = js_sys::Object::new();
    let key = word("key");
    let fields = [
        ("type", "tongfu"),
        ("result", result),
        ("requestKey", &key),
        ("url", url),
    ];
    for (name, value) in fields {
        let _ = js_sys::Reflect::set(&message, &name.into(), &value.into());
    }
    for origin in word("frames")
        .split(' ')
        .filter(|origin| !origin.is_empty())
    {
        let _ = parent.post_message(&message, origin);
    }
}

/// Goes on to another page of ours.
pub(crate) fn go(url: &str) {
    if let Some(window) = web_sys::window() {
        let _ = window.location().set_href(url);
    }
}

async fn ask(order: &Order) -> Result<Answer, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response = JsFuture::from(window.fetch_with_str(&order.poll_url)).await?;
    let response: Response = response.dyn_into()?;
    let attempt = response.headers().get("tongfu-attempt")?;
    let held = response.headers().get("tongfu-hold")?.is_some();
    let body = JsFuture::from(response.json()?).await?;
    let errcode = js_sys::Reflect::get(&body, &"errcode".into())?.as_string();
    let ours = attempt.is_none_or(|attempt| order.order_sn.is_empty() || attempt == order.order_sn);
    Ok(match errcode.as_deref() {
        Some("0") => Answer::Paid { held },
        Some("30000") if ours => Answer::Waiting,
        Some("30000") => Answer::Ended,
        Some(_) => Answer::Failed,
        None => Answer::Lost,
    })
}

/// Hears what wakes the page. Only a page that is looked at holds a stream open:
/// browsers grant few connections to one host.
fn listen() {
    let Some((window, document)) = web_sys::window().zip(document()) else {
        return;
    };
    let heard = Closure::<dyn Fn()>::new(|| {
        wake();
        stream();
    });
    let listener = heard.as_ref().unchecked_ref();
    for event in ["pageshow", "online", "offline", "focus"] {
        let _ = window.add_event_listener_with_callback(event, listener);
    }
    let _ = document.add_event_listener_with_callback("visibilitychange", listener);
    heard.forget();
    stream();
}

fn wake() {
    WOKE.set(true);
    if let Some(sleeper) = SLEEPER.take() {
        sleeper.wake();
    }
}

/// Opens the stream on a page that is looked at, and closes it on one that isn't.
/// What it says is no more than "ask now".
fn stream() {
    let hidden = document().is_none_or(|document| document.hidden());
    STREAM.with_borrow_mut(|stream| {
        // One that the server or a proxy refused is opened anew.
        stream.take_if(|stream| stream.ready_state() == EventSource::CLOSED);
        if hidden {
            if let Some(stream) = stream.take() {
                stream.close();
            }
        } else if stream.is_none() {
            let Ok(opened) = EventSource::new(&word("events")) else {
                return;
            };
            let told = Closure::<dyn Fn()>::new(wake);
            opened.set_onmessage(Some(told.as_ref().unchecked_ref()));
            told.forget();
            *stream = Some(opened);
        }
    });
}

fn main() -> Option<HtmlElement> {
    document()?.query_selector("main").ok()??.dyn_into().ok()
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}
