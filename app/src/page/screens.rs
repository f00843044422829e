//! One function for each screen that has a form of its own.

use super::Order;
use super::parts::summary;
use crate::text::Text;
use leptos::prelude::*;
use payment::channel::Channel;
use payment::lang::Lang;
use payment::money::Money;

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
    channels: Vec<(Channel, Option<Money>)>,
    action: String,
) -> impl IntoView {
    let go = format!("{} {}", words.go, order.money);
    let empty = channels.is_empty();
    let cards: Vec<_> = channels
        .into_iter()
        .enumerate()
        .map(|(index, (channel, charged))| {
            let charged = charged.map(|money| view! { <small>{money.to_string()}</small> });
            view! {
                <label>
                    <input type="radio" name="channel" required value=channel.code() checked=index == 0/>
                    {channel.label(lang)}{charged}
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

/// An attempt that ended unpaid.
pub(super) fn ended_screen(
    words: &'static Text,
    order: Order,
    (declined, scanned): (bool, bool),
    again: String,
    back: String,
) -> impl IntoView {
    let (title, why) = match (declined, scanned) {
        (true, _) => (words.declined, words.declined_why),
        (false, true) => (words.expired, words.expired_why),
        (false, false) => (words.ended, words.ended_why),
    };
    let button = if scanned {
        words.again
    } else {
        words.pay_again
    };
    view! {
        <main>
            {summary(words, order)}
            <section class="card bad" role="alert"><h2>{title}</h2><p class="small">{why}</p></section>
            <form method="post" action=again><button>{button}</button></form>
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
