//! The WebAssembly module: it brings the page's islands to life.

use wasm_bindgen::prelude::wasm_bindgen;

// Keeps the islands of `app` in the module.
extern crate app;

/// Makes ready for islands; the page's script then calls each of them.
#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
