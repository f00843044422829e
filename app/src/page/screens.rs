//! One function for each screen that has a form of its own.

use super::parts::{paid_note, summary};
use super::{Order, Scan};
use crate::qr;
use crate::text::Text;
use leptos::prelude::*;
use payment::channel::Channel;
use payment::lang::Lang;

/// Turns `#/?a=b` into `?a=b`, byte for byte, before anything else happens.
/// What stands in the query already (WeChat appends `from`) is kept.
pub(super) const FRAGMENT_SCRIPT: &str = "var h=location.hash,i=h.indexOf('?'),\
s=location.search.slice(1);i<0||location.replace(location.pathname+'?'+(s?s+'&':'')+h.slice(i+1))";

/// The page that reads the fragment.
pub(super) fn fragment_screen(words: &'static Text, nonce: &str) -> impl IntoView + use<> {
    view! {
        <main>
            <section class="card">
                <h2>{words.reading}</h2>
                <noscript><p>{words.needs_script}</p></noscript>
                <p class="small">{words.unknown_page_why}</p>
            </section>
            <script nonce=nonce.to_owned() inner_html=FRAGMENT_SCRIPT></script>
        </main>
    }
}

/// The channel picker: a plain form.
pub(super) fn pick_screen(
    words: &'static Text,
    lang: Lang,
    order: Order,
    channels: Vec<Channel>,
    action: String,
) -> impl IntoView {
    let go = format!("{} {}", words.go, order.money);
    let empty = channels.is_empty();
    let cards: Vec<_> = channels
        .into_iter()
        .enumerate()
        .map(|(index, channel)| {
            view! {
                <label>
                    <input type="radio" name="channel" required value=channel.code() checked=index == 0/>
                    {channel.label(lang)}
                </label>
            }
        })
        .collect();
    view! {
        <main>
            {summary(words, order)}
            {if empty {
                view! { <p class="card bad" role="alert">{words.no_channel}</p> }.into_any()
            } else {
                view! {
                    <form class="card" method="post" action=action>
                        <fieldset><legend>{words.pick}</legend>{cards}</fieldset>
                        <button>{go}</button>
                    </form>
                }.into_any()
            }}
        </main>
    }
}

/// A code to scan. `main` carries what the island needs; the green note waits
/// in the page until the island shows it.
pub(super) fn scan_screen(words: &'static Text, scan: Scan, watch: AnyView) -> impl IntoView {
    let svg = qr::svg(&scan.code, words.scan_label).unwrap_or_default();
    let ok_url = scan.ok_url;
    let leave = ok_url.clone().unwrap_or_default();
    view! {
        <main
            data-state="open"
            data-poll=scan.poll_url
            data-order=scan.order_sn
            data-ended=scan.attempt_url
            data-ok=leave
            data-fail=scan.fail_url.unwrap_or_default()
            data-waiting=words.waiting
            data-expires=scan.expires_in_s.to_string()
        >
            {summary(words, scan.order)}
            <section class="card scan">
                <h2>{words.scan}</h2>
                <div inner_html=svg></div>
                {watch}
                <p class="small">{words.until}" "{scan.expires_at}</p>
            </section>
            {paid_note(words, ok_url)}
        </main>
    }
}

/// An attempt that ended unpaid.
pub(super) fn ended_screen(
    words: &'static Text,
    order: Order,
    declined: bool,
    again: String,
    back: String,
) -> impl IntoView {
    let (title, why) = if declined {
        (words.declined, words.declined_why)
    } else {
        (words.expired, words.expired_why)
    };
    view! {
        <main>
            {summary(words, order)}
            <section class="card bad" role="alert"><h2>{title}</h2><p class="small">{why}</p></section>
            <form method="post" action=again><button>{words.again}</button></form>
            <p class="small"><a href=back>{words.other_channel}</a></p>
        </main>
    }
}

/// A title, what it means, the technical cause in small print, and a way on.
pub(super) fn message_screen(
    words: &'static Text,
    title: &'static str,
    why: String,
    detail: Option<String>,
    leave: Option<String>,
) -> impl IntoView {
    let way_on = leave.map(|url| {
        view! { <a class="button" target="_parent" href=url>{words.back}</a> }
    });
    view! {
        <main>
            <section class="card bad" role="alert">
                <h2>{title}</h2>
                <p>{why}</p>
                {detail.map(|detail| view! { <p class="small">{detail}</p> })}
            </section>
            {way_on}
        </main>
    }
}
