//! The way to a page that knows its payer.

use leptos::prelude::*;

/// Where the loaded page finds its parameters in the fragment, or itself without an openid
/// inside WeChat, it goes where the server would have sent it. The server's own
/// redirection comes first.
#[island]
pub fn Openid() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    life::begin();
}

#[cfg(feature = "hydrate")]
mod life {
    use crate::browser::{self, go_instead, location, main, mine, word};
    use wasm_bindgen::JsValue;

    pub(super) fn begin() {
        browser::lives("Openid");
        if !word("fragment").is_empty() {
            let _ = read_fragment();
        }
        let trip = word("openid");
        if !trip.is_empty() {
            browser::once_looked_at(move || go_instead(&trip));
        }
    }

    /// `#/?a=b` becomes `?a=b`, byte for byte; what stands in the query already is kept.
    fn read_fragment() -> Result<(), JsValue> {
        let location = location().ok_or(JsValue::NULL)?;
        let (path, query) = (location.pathname()?, location.search()?);
        let fragment = location.hash()?;
        let (Some((_, values)), true) = (
            fragment.split_once('?'),
            main().is_some_and(|main| mine(&main)),
        ) else {
            return Ok(());
        };
        let before = if query.len() > 1 {
            query + "&"
        } else {
            "?".to_owned()
        };
        go_instead(&(path + &before + values));
        Ok(())
    }
}
