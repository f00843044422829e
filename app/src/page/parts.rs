//! Pieces that several screens share.

use super::{Module, Order};
use crate::text::Text;
use leptos::prelude::*;

/// Seconds after which a page that waits is fetched again without script.
const REFRESH_S: u32 = 3;

/// Goods and amount first.
pub(super) fn summary(words: &'static Text, order: Order) -> impl IntoView {
    view! {
        <section class="card">
            <h1>{order.goods}</h1>
            <p class="amount">{order.money.to_string()}</p>
            <p class="small">{words.order}" "{order.request_key}</p>
        </section>
    }
}

/// The green note, and the way on.
pub(super) fn paid_note(words: &'static Text, leave: Option<String>) -> impl IntoView {
    let way_on = leave.map(|url| {
        view! {
            <p class="small">{words.leaving}</p>
            <a class="button" target="_parent" href=url>{words.go_on}</a>
        }
    });
    view! { <section class="card good paid" role="alert"><h2>{words.paid}</h2>{way_on}</section> }
}

/// Where nothing is shown yet the page comes again by itself.
pub(super) fn refresh() -> impl IntoView {
    view! { <meta http-equiv="refresh" content=REFRESH_S.to_string()/> }
}

/// Without script a waiting page goes on to the attempt's own page, and comes
/// again from there until the attempt has ended.
pub(super) fn refresh_without_script(attempt_url: &str) -> impl IntoView + use<> {
    let content = format!("{REFRESH_S};url={attempt_url}");
    view! { <noscript><meta http-equiv="refresh" content=content/></noscript> }
}

/// A paid page leaves by itself, with or without script.
pub(super) fn leave_soon(url: &str) -> impl IntoView + use<> {
    view! { <meta http-equiv="refresh" content=format!("1;url={url}")/> }
}

/// Starts the WebAssembly once the page is idle and calls its islands; where it
/// can't run, the page refreshes itself as it does without script.
pub(super) fn start_script(module: &Module, nonce: &str) -> impl IntoView + use<> {
    let Module { js, wasm } = module;
    let script = format!(
        "(self.requestIdleCallback||setTimeout)(()=>import('{js}').then(m=>\
         m.default({{module_or_path:'{wasm}'}}).then(()=>{{m.hydrate();\
         document.querySelectorAll('leptos-island').forEach(e=>m[e.dataset.component](e))}}))\
         .catch(()=>setTimeout(()=>location.reload(),{REFRESH_S}000)))"
    );
    view! { <script type="module" nonce=nonce.to_owned() inner_html=script></script> }
}
