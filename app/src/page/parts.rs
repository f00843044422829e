//! Pieces that several screens share.

use super::{Bought, Payee, Receipt, Setting};
use crate::text::{text, time};
use leptos::prelude::*;

/// Seconds after which a page that waits is fetched again without script.
pub(super) const REFRESH_S: u32 = 3;
/// How the operator's notice looks: sent with it alone.
pub(super) const NOTICE_STYLE: &str = "aside{width:calc(100% - 2rem);max-width:27rem;\
     margin:0 auto 1rem;padding:.75rem 1rem;border:1px solid var(--line);border-radius:.8rem;\
     background:var(--card);font-size:.9375rem}\
     @media(min-width:60rem){aside{max-width:56rem}}";

/// Characters of a sum that fit the amount's largest size on a narrow phone.
const SUM_CHARS: usize = 9;

/// Who is paid, how much, and what for.
pub(super) fn summary(setting: &Setting, order: Bought) -> impl IntoView + use<> {
    summary_with(setting, order, None)
}

/// The same, with what is really charged beside what is asked.
pub(super) fn summary_with(
    setting: &Setting,
    order: Bought,
    charged: Option<String>,
) -> impl IntoView + use<> {
    let words = text(setting.lang);
    let named = |payee: &Payee| payee.picture.is_some() || !payee.name.is_empty();
    let payee = setting.payee.clone().filter(named).map(|payee| {
        let picture = payee.picture.map(|address| {
            view! { <img src=address alt="" width="28" height="28"/> }
        });
        view! { <p class="payee">{picture}{payee.name}</p> }
    });
    let sum = order.money.to_string();
    let class = sum_class(&sum);
    view! {
        <section class="order">
            {payee}
            <p class=class>{sum}</p>
            {charged.map(|charged| view! { <p class="charged">{charged}</p> })}
            <h1>{order.goods}</h1>
            <p class="small">{words.order}" "{order.request_key}</p>
        </section>
    }
}

/// A sum is never broken: a longer one is smaller.
fn sum_class(sum: &str) -> &'static str {
    match sum.chars().count() {
        ..=SUM_CHARS => "amount",
        _ => "amount long",
    }
}

/// A round sign on top of a message.
pub(super) fn sign(good: bool) -> impl IntoView {
    let strokes = if good {
        "<path d=\"M7 12.5l3.5 3.5L17 9\"/>"
    } else {
        "<path d=\"M12 7v6M12 16.5v.1\"/>"
    };
    view! { <svg class="sign" viewBox="0 0 24 24" aria-hidden="true" inner_html=strokes></svg> }
}

/// Paid: what, how and when, and the way on. It waits hidden on a page that waits
/// for the payment, where how and when are not known yet.
pub(super) fn paid_note(
    setting: &Setting,
    receipt: Option<Receipt>,
    leave: Option<String>,
) -> impl IntoView + use<> {
    let (words, lang) = (text(setting.lang), setting.lang);
    let receipt = receipt.map(|receipt| {
        let payee = setting.payee.clone().filter(|payee| !payee.name.is_empty());
        let payee = payee.map(|payee| view! { <dt>{words.payee}</dt><dd>{payee.name}</dd> });
        view! {
            <dl>
                {payee}
                <dt>{words.way}</dt><dd>{receipt.channel.label(lang)}</dd>
                <dt>{words.when}</dt><dd>{time(receipt.paid_ms, lang)}</dd>
            </dl>
        }
    });
    let way_on = leave.map(|url| {
        view! {
            <p class="small">{words.leaving}</p>
            <a class="button" id="leave" target="_parent" href=url>{words.go_on}</a>
        }
    });
    view! {
        <section class="card good paid" role="alert">
            {sign(true)}<h2>{words.paid}</h2>{receipt}{way_on}
        </section>
    }
}

/// Where nothing is shown yet the page comes again by itself.
pub(super) fn refresh() -> impl IntoView {
    view! { <noscript><meta http-equiv="refresh" content=REFRESH_S.to_string()/></noscript> }
}

/// Without script a waiting page goes on to the attempt's own page, and comes
/// again from there until the attempt has ended.
pub(super) fn refresh_without_script(attempt_url: &str) -> impl IntoView + use<> {
    let content = format!("{REFRESH_S};url={attempt_url}");
    view! { <noscript><meta http-equiv="refresh" content=content/></noscript> }
}

/// Without script a paid page leaves by itself.
pub(super) fn leave_without_script(url: &str, after_s: u32) -> impl IntoView + use<> {
    let content = format!("{after_s};url={url}");
    view! { <noscript><meta http-equiv="refresh" content=content/></noscript> }
}

/// How long after its load event the page comes alive, ms: what is fetched earlier delays
/// the largest paint.
const AFTER_LOAD_MS: u32 = 200;

/// What acts at once, or where nothing else does; and what starts the WebAssembly, a
/// moment after the page is there and when the browser has time, and calls its islands.
pub(super) fn scripts(setting: &Setting) -> impl IntoView + use<> {
    let nonce = || setting.nonce.clone();
    let loader = setting.module.as_ref().map(|module| {
        let (js, wasm) = (&module.js, &module.wasm);
        let loader = format!(
            "addEventListener('load',()=>setTimeout(()=>(self.requestIdleCallback||(f=>f()))(()=>import('{js}')\
             .then(m=>m.default({{module_or_path:'{wasm}'}}).then(()=>{{m.hydrate();document\
             .querySelectorAll('leptos-island').forEach(e=>m[e.dataset.component](e))}}))\
             .catch(()=>self.tongfuWait&&tongfuWait()),{{timeout:1e3}}),{AFTER_LOAD_MS}))"
        );
        view! { <script type="module" nonce=nonce() inner_html=loader></script> }
    });
    view! { <script nonce=nonce() inner_html=setting.fallback></script> {loader} }
}
