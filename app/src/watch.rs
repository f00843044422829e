//! The part of the page that lives in the browser: it polls, counts down, tells
//! of trouble, turns the page green and leaves.
//!
//! The server renders everything that it needs into `data-` attributes of
//! `main`; the island itself takes no arguments and starts empty on both sides.

#[cfg(feature = "hydrate")]
mod life;

use leptos::prelude::*;

/// The time that is left, and a line that speaks only when something changes: a
/// screen reader reads that one aloud, and the ticking one not.
#[island]
pub fn Watch() -> impl IntoView {
    let left = RwSignal::new(String::new());
    let status = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    life::begin(left, status);
    view! {
        <p role="timer">{move || left.get()}</p>
        <p role="status">{move || status.get()}</p>
    }
}
