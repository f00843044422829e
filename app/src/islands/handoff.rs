//! The ways away from the page, and back.

use leptos::prelude::*;

/// Sends the form that leads to a channel, once; copies the page's address; leads a paid
/// payer on; lets a page come again that has nothing to show yet.
#[island]
pub fn Handoff() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    life::begin();
}

#[cfg(feature = "hydrate")]
mod life {
    use crate::browser::{self, go_instead, main, mine, on, said, word};
    use js_sys::{Function, Promise, Reflect};
    use wasm_bindgen::prelude::*;
    use wasm_bindgen_futures::{JsFuture, spawn_local};
    use web_sys::{
        HtmlDocument, HtmlElement, HtmlFormElement, HtmlInputElement, PageTransitionEvent, window,
    };

    pub(super) fn begin() {
        if let Some(form) = browser::element("form[data-once]").filter(mine) {
            send(&form);
        }
        if let Some(button) = browser::element("#copy").filter(mine) {
            button.set_hidden(false);
            let pressed = button.clone();
            on(&button, "click", move |_| {
                spawn_local(copy(pressed.clone()))
            });
        }
        if let Some(after_s) = seconds("leave") {
            leave(after_s);
        }
        if let Some(after_s) = seconds("again") {
            spawn_local(async move {
                browser::sleep(after_s * 1_000).await;
                browser::reload();
            });
        }
        browser::lives("Handoff");
    }

    /// After how many seconds the page is to do something, where nobody does it yet.
    fn seconds(name: &str) -> Option<u32> {
        let after_s = word(name).parse().ok()?;
        main().is_some_and(|main| mine(&main)).then_some(after_s)
    }

    /// A payer who comes back to this page, or to the copy of it that his browser kept,
    /// goes on to the one that waits for him.
    fn send(form: &HtmlElement) {
        let on_again = || go_instead(&word("ended"));
        if let Some(window) = window() {
            on(&window, "pageshow", move |event| {
                let kept = event.dyn_ref::<PageTransitionEvent>();
                if kept.is_some_and(PageTransitionEvent::persisted) {
                    on_again();
                }
            });
        }
        if browser::reopened() {
            on_again();
        } else if let Some(form) = form.dyn_ref::<HtmlFormElement>() {
            let _ = form.submit();
        }
    }

    /// Leads on from a paid page.
    fn leave(after_s: u32) {
        let link = browser::element("#leave");
        let url = link
            .and_then(|link| link.get_attribute("href"))
            .unwrap_or_default();
        browser::tell_around(&url, "paid");
        if url.is_empty() {
            return;
        }
        spawn_local(async move {
            browser::sleep(after_s * 1_000).await;
            browser::lead_on(&url);
        });
    }

    async fn copy(button: HtmlElement) {
        let field = browser::element("#address").and_then(|field| field.dyn_into().ok());
        let field: Option<HtmlInputElement> = field;
        let Some(field) = field else { return };
        field.select();
        let written = write(&field.value()).await.is_ok();
        let by_hand = || {
            let document = window()?.document()?.dyn_into::<HtmlDocument>().ok()?;
            document.exec_command("copy").ok()
        };
        // Where neither works it stays selected, and nothing is said.
        if written || by_hand() == Some(true) {
            button.set_text_content(Some(&said(&button, "done")));
        }
    }

    /// Writes into the clipboard, where the browser has one for us.
    async fn write(text: &str) -> Result<(), JsValue> {
        let navigator = window().ok_or(JsValue::NULL)?.navigator();
        let clipboard = Reflect::get(&navigator, &"clipboard".into())?;
        let write: Function = Reflect::get(&clipboard, &"writeText".into())?.dyn_into()?;
        let written: Promise = write.call1(&clipboard, &text.into())?.dyn_into()?;
        JsFuture::from(written).await.map(|_| ())
    }
}
