//! WeChat's own sheet.

use leptos::prelude::*;

/// The button that opens WeChat's sheet, one however often is tapped. What it answers is
/// confirmed by our server, but for cancel and fail.
#[island]
pub fn Bridge() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    life::begin();
}

#[cfg(feature = "hydrate")]
mod life {
    use crate::browser::{self, go, mine, note, on, said};
    use gloo_timers::callback::Timeout;
    use js_sys::{Function, JSON, Reflect};
    use std::cell::RefCell;
    use std::rc::Rc;
    use wasm_bindgen::prelude::*;
    use web_sys::{HtmlElement, window};

    /// How long a tap waits for the bridge, and its sheet for an answer, ms.
    const BRIDGE_MS: u32 = 3_000;
    const BRIDGE: &str = "WeixinJSBridge";

    #[wasm_bindgen]
    extern "C" {
        /// WeChat's bridge, which may come late, or never.
        #[wasm_bindgen(catch, js_namespace = WeixinJSBridge)]
        fn invoke(name: &str, parameters: &JsValue, answered: &Function) -> Result<(), JsValue>;
    }

    /// The sheet of one button.
    struct Sheet {
        button: HtmlElement,
        /// A tap that waits for the bridge.
        waits: RefCell<Option<Timeout>>,
        /// A sheet that was opened a moment ago and has not answered.
        open: RefCell<Option<Timeout>>,
    }

    pub(super) fn begin() {
        let Some(button) = browser::element("#bridge").filter(mine) else {
            return;
        };
        let sheet = Rc::new(Sheet {
            button,
            waits: RefCell::default(),
            open: RefCell::default(),
        });
        let tapped = Rc::clone(&sheet);
        on(&sheet.button, "click", move |_| tapped.tap());
        let came = Rc::clone(&sheet);
        if let Some(document) = window().and_then(|window| window.document()) {
            on(&document, "WeixinJSBridgeReady", move |_| {
                if came.waits.borrow().is_some() {
                    came.open();
                }
            });
        }
        browser::lives("Bridge");
        if !said(&sheet.button, "now").is_empty() && !browser::reopened() {
            sheet.tap();
        }
    }

    impl Sheet {
        fn tap(self: &Rc<Self>) {
            if self.open.borrow().is_some() {
                return;
            }
            let there =
                window().is_some_and(|window| Reflect::has(&window, &BRIDGE.into()) == Ok(true));
            if there {
                return self.open();
            }
            let sheet = Rc::clone(self);
            let none = Timeout::new(BRIDGE_MS, move || {
                sheet.waits.take();
                note("none");
            });
            *self.waits.borrow_mut() = Some(none);
        }

        fn open(self: &Rc<Self>) {
            note("open");
            self.waits.take();
            let sheet = Rc::clone(self);
            let over = Timeout::new(BRIDGE_MS, move || drop(sheet.open.take()));
            *self.open.borrow_mut() = Some(over);
            let sheet = Rc::clone(self);
            let answered = Closure::once_into_js(move |result: JsValue| sheet.answered(&result));
            let parameters = JSON::parse(&said(&self.button, "bridge")).unwrap_or_default();
            if invoke(
                "getBrandWCPayRequest",
                &parameters,
                answered.unchecked_ref(),
            )
            .is_err()
            {
                note("none");
            }
        }

        fn answered(&self, result: &JsValue) {
            self.open.take();
            let message = Reflect::get(result, &"err_msg".into()).ok();
            let message = message
                .and_then(|message| message.as_string())
                .unwrap_or_default();
            let message = message.to_ascii_lowercase();
            let word = message.rsplit(':').next().unwrap_or_default().trim();
            if word.starts_with("cancel") {
                note("cancel");
            } else if word.starts_with("fail") {
                note("fail");
            } else {
                go(&said(&self.button, "check"));
            }
        }
    }
}
