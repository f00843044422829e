//! The channel picker.

use leptos::prelude::*;

/// Starts the payment that the payer picks by the `pay` server function, one call however
/// often he presses, and goes on to the attempt's page. Trouble that passes is told in
/// place; whatever else there is to tell, the server's own page tells.
#[island]
pub fn Picker() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    life::begin();
}

#[cfg(feature = "hydrate")]
mod life {
    use crate::browser::{self, Started, element, go, go_instead, mine, on, said, start};
    use std::cell::Cell;
    use std::rc::Rc;
    use wasm_bindgen::JsCast;
    use wasm_bindgen_futures::spawn_local;
    use web_sys::{HtmlFormElement, HtmlInputElement, window};

    const PICKER: &str = "form[action*='/start?']";
    const STATUS: &str = "form [role=status]";

    pub(super) fn begin() {
        let form = element(PICKER).filter(mine);
        let form = form.and_then(|form| form.dyn_into::<HtmlFormElement>().ok());
        let Some(form) = form else { return };
        let busy = Rc::new(Cell::new(false));
        let (pressed, under_way) = (form.clone(), Rc::clone(&busy));
        on(&form, "submit", move |event| {
            event.prevent_default();
            let picked = element("input[name=channel]:checked");
            let picked = picked.and_then(|input| input.dyn_into::<HtmlInputElement>().ok());
            if let (Some(picked), false) = (picked, under_way.replace(true)) {
                let (form, busy) = (pressed.clone(), Rc::clone(&under_way));
                spawn_local(async move {
                    if !begun(&form, &picked.value()).await {
                        busy.set(false);
                    }
                });
            }
        });
        // A copy of the page that the browser kept is as good as new.
        if let Some(window) = window() {
            on(&window, "pageshow", move |_| {
                busy.set(false);
                tell("");
            });
        }
        browser::lives("Picker");
    }

    /// Starts a payment; whether the payer is on his way.
    async fn begun(form: &HtmlFormElement, channel: &str) -> bool {
        let told = |word: &str| {
            let line = element(STATUS).map(|line| said(&line, word));
            tell(&line.unwrap_or_default());
        };
        told("starting");
        match start(&form.action(), channel).await {
            Ok(Started::Page(page)) => go(&page),
            Ok(Started::Later(why)) => {
                tell(&why);
                return false;
            }
            Ok(Started::NoOpenid) if !said(form, "openid").is_empty() => {
                go_instead(&said(form, "openid"));
            }
            Ok(Started::NoOpenid | Started::Refused) => {
                let _ = form.submit();
            }
            Err(_) => {
                told("lost");
                return false;
            }
        }
        true
    }

    /// Says something beside the button.
    fn tell(text: &str) {
        if let Some(line) = element(STATUS) {
            line.set_text_content(Some(text));
        }
    }
}
