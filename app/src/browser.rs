//! The only door to the browser: the page's elements and words, its events, fetch, the
//! stream, and leaving.

mod leave;
mod poll;
mod start;
mod wake;

pub(crate) use leave::{lead_on, leave, tell_around};
pub(crate) use poll::{Answer, Awaited, order, poll, poll_for};
pub(crate) use start::{Started, start};
pub(crate) use wake::rest;

use gloo_timers::future::TimeoutFuture;
use wasm_bindgen::prelude::*;
use web_sys::{Document, Event, EventTarget, HtmlElement, Location};

/// Who has an element, as the fallback reads it too.
const BY: &str = "by";
const ISLAND: &str = "island";

/// What the server wrote into `main` under a name; empty where it didn't.
pub(crate) fn word(name: &str) -> String {
    main().map(|main| said(&main, name)).unwrap_or_default()
}

/// What the server wrote into an element under a name; empty where it didn't.
pub(crate) fn said(element: &HtmlElement, name: &str) -> String {
    element.dataset().get(name).unwrap_or_default()
}

/// The first element that a selector finds.
pub(crate) fn element(selector: &str) -> Option<HtmlElement> {
    let found = document()?.query_selector(selector).ok()??;
    found.dyn_into().ok()
}

/// Whether an island may act on an element: it takes one that nobody has.
pub(crate) fn mine(element: &HtmlElement) -> bool {
    if element.dataset().get(BY).is_none() {
        take(element);
    }
    said(element, BY) == ISLAND
}

/// Takes an element, also from the fallback.
pub(crate) fn take(element: &HtmlElement) {
    let _ = element.dataset().set(BY, ISLAND);
}

/// Calls `act` on each event of this name, for as long as the page is there.
pub(crate) fn on(target: &EventTarget, event: &str, act: impl FnMut(Event) + 'static) {
    let act = Closure::<dyn FnMut(Event)>::new(act);
    let _ = target.add_event_listener_with_callback(event, act.as_ref().unchecked_ref());
    act.forget();
}

/// Shows one of the page's notes, and hides the others.
pub(crate) fn note(name: &str) {
    let notes = document().and_then(|document| document.query_selector_all("[data-note]").ok());
    let Some(notes) = notes else { return };
    for index in 0..notes.length() {
        let note = notes.get(index);
        if let Some(note) = note.and_then(|note| note.dyn_into::<HtmlElement>().ok()) {
            note.set_hidden(said(&note, "note") != name);
        }
    }
}

/// Whether the payer came here by his browser's history.
pub(crate) fn reopened() -> bool {
    let performance = web_sys::window().and_then(|window| window.performance());
    performance.is_some_and(|performance| performance.navigation().type_() == 2)
}

/// Marks the moment from which an island lives, for who measures.
pub(crate) fn lives(island: &str) {
    if let Some(performance) = web_sys::window().and_then(|window| window.performance()) {
        let _ = performance.mark(island);
    }
}

/// Calls `act` now, or once a page that was drawn ahead is looked at.
pub(crate) fn once_looked_at(mut act: impl FnMut() + 'static) {
    let Some(document) = document() else { return };
    let ahead = js_sys::Reflect::get(&document, &"prerendering".into());
    if ahead.is_ok_and(|ahead| ahead.is_truthy()) {
        on(&document, "prerenderingchange", move |_| act());
    } else {
        act();
    }
}

/// Goes on to another page.
pub(crate) fn go(url: &str) {
    if let Some(location) = location() {
        let _ = location.set_href(url);
    }
}

/// The same, and leaves no way back here.
pub(crate) fn go_instead(url: &str) {
    if let Some(location) = location() {
        let _ = location.replace(url);
    }
}

/// The page once more.
pub(crate) fn reload() {
    if let Some(location) = location() {
        let _ = location.reload();
    }
}

/// Where the page is.
pub(crate) fn location() -> Option<Location> {
    web_sys::window().map(|window| window.location())
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
    if let Some(told) = element("time") {
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

/// The page's content.
pub(crate) fn main() -> Option<HtmlElement> {
    element("main")
}

fn document() -> Option<Document> {
    web_sys::window()?.document()
}
