//! Resting until something may have happened: time, the page's coming back, the stream.

use super::{document, on, word};
use futures_util::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::pin;
use std::task::{Poll, Waker};
use wasm_bindgen::prelude::*;
use web_sys::EventSource;

thread_local! {
    static WOKE: Cell<bool> = const { Cell::new(false) };
    static SLEEPER: Cell<Option<Waker>> = const { Cell::new(None) };
    static STREAM: RefCell<Option<EventSource>> = const { RefCell::new(None) };
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

/// Hears what wakes the page. Only a page that is looked at holds a stream open:
/// browsers grant few connections to one host.
pub(super) fn listen() {
    let Some((window, document)) = web_sys::window().zip(document()) else {
        return;
    };
    let heard = || {
        wake();
        stream();
    };
    for event in ["pageshow", "online", "offline", "focus"] {
        on(&window, event, move |_| heard());
    }
    on(&document, "visibilitychange", move |_| heard());
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
