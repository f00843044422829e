//! The part of the page that lives in the browser: it polls each two seconds,
//! counts down, turns the page green and leaves.
//!
//! The server renders everything that it needs into `data-` attributes of
//! `main`; the island itself takes no arguments and starts empty on both sides.

#[cfg(feature = "hydrate")]
mod life;

use leptos::prelude::*;

/// The status line under the code, for eyes and screen readers.
#[island]
pub fn Watch() -> impl IntoView {
    let status = RwSignal::new(String::new());
    #[cfg(feature = "hydrate")]
    life::begin(status);
    view! { <p role="status">{move || status.get()}</p> }
}
