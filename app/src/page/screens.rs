//! One function for each screen that has a form of its own.

use super::marks::mark;
use super::parts::{REFRESH_S, paid_note, sign, summary};
use super::{Back, Bought, Offer, Receipt, Setting, Trip};
use crate::islands::handoff::Handoff;
use crate::islands::openid::Openid;
use crate::islands::picker::Picker;
use crate::text::{hint, text, time};
use leptos::prelude::*;
use payment::channel::Channel;
use payment::money::Money;

/// The page that reads the fragment.
pub(super) fn fragment_screen(setting: &Setting) -> impl IntoView + use<> {
    let words = text(setting.lang);
    view! {
        <main data-fragment="1">
            <section class="card">
                <h1>{words.reading}</h1>
                <noscript><p>{words.needs_script}</p></noscript>
                <p class="small">{words.unknown_page_why}</p>
            </section>
            <Openid/>
        </main>
    }
}

/// The channel picker: a plain form, whose payment the page starts itself once it lives.
pub(super) fn pick_screen(
    setting: &Setting,
    order: Bought,
    (offers, last): (Vec<Offer>, Option<Channel>),
    action: String,
    openid: Option<Trip>,
) -> impl IntoView + use<> {
    let (words, lang) = (text(setting.lang), setting.lang);
    let sum = order.money.to_string();
    let last = offers.iter().position(|offer| Some(offer.channel) == last);
    let picked = last.unwrap_or_default();
    let cards: Vec<_> = offers
        .into_iter()
        .enumerate()
        .map(|(index, Offer { channel, charged })| {
            let charged = charged.map(|money| view! { <b>{money.to_string()}</b> });
            view! {
                <label>
                    <input type="radio" name="channel" required value=channel.code() checked=index == picked/>
                    {mark(channel, &setting.marks)}
                    <span>
                        <em>{channel.label(lang)}{charged}</em>
                        <small>{hint(channel, lang)}</small>
                    </span>
                    <i></i>
                </label>
            }
        })
        .collect();
    let at_once = openid.as_ref().filter(|trip| trip.at_once);
    let at_once = at_once.map(|trip| trip.address.clone());
    let trip = openid.is_some().then(|| view! { <Openid/> });
    let on_wish = openid.map(|trip| trip.address);
    view! {
        <main data-openid=at_once>
            {summary(setting, order)}
            <form class="card" method="post" action=action data-openid=on_wish>
                <fieldset><legend>{words.pick}</legend>{cards}</fieldset>
                <button>{words.go}" "<b>{sum}</b></button>
                <p class="small" role="status" data-starting=words.starting data-lost=words.lost></p>
                <Picker/>
                {trip}
            </form>
        </main>
    }
}

/// No channel can be picked here.
pub(super) fn none_screen(
    setting: &Setting,
    order: Bought,
    elsewhere: bool,
) -> impl IntoView + use<> {
    let words = text(setting.lang);
    let why = match elsewhere {
        true => words.elsewhere,
        false => words.no_channel,
    };
    view! {
        <main>
            {summary(setting, order)}
            <p class="card bad" role="alert">{why}</p>
        </main>
    }
}

/// Nothing can be shown yet: the page comes again.
pub(super) fn making_screen(
    setting: &Setting,
    order: Bought,
    others: Option<String>,
) -> impl IntoView + use<> {
    let words = text(setting.lang);
    let others = others.map(|url| {
        view! { <p class="ways"><a href=url>{words.other_channel}</a></p> }
    });
    view! {
        <main data-again=REFRESH_S.to_string()>
            {summary(setting, order)}
            <p class="card wait" role="status">{words.wait_for_code}</p>
            {others}
            <Handoff/>
        </main>
    }
}

/// A paid order; the page leaves after some seconds.
pub(super) fn paid_screen(
    setting: &Setting,
    order: Bought,
    receipt: Option<Receipt>,
    (leave, after_s): (Option<String>, u32),
) -> impl IntoView + use<> {
    let key = order.request_key.clone();
    let frames = setting.frame_origins.join(" ");
    view! {
        <main data-state="paid" data-leave=after_s.to_string() data-key=key data-frames=frames>
            {summary(setting, order)}
            {paid_note(setting, receipt, leave)}
            <Handoff/>
        </main>
    }
}

/// An attempt that ended unpaid.
pub(super) fn ended_screen(
    setting: &Setting,
    order: Bought,
    (declined, scanned): (bool, bool),
    (channel, begun_ms): (Channel, i64),
    again: String,
    back: String,
) -> impl IntoView + use<> {
    let words = text(setting.lang);
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
            {summary(setting, order)}
            <section class="card">
                <div class="bad" role="alert">{sign(false)}<h2>{title}</h2><p>{why}</p></div>
                <dl>
                    <dt>{words.way}</dt><dd>{channel.label(setting.lang)}</dd>
                    <dt>{words.begun}</dt><dd>{time(begun_ms, setting.lang)}</dd>
                </dl>
                <form method="post" action=again><button>{button}</button></form>
                <p class="ways"><a href=back>{words.other_channel}</a></p>
            </section>
        </main>
    }
}

/// The browser keeps nothing for us here: most often the page stands in a frame of
/// another site.
pub(super) fn no_cookie_screen(
    setting: &Setting,
    order: Option<Bought>,
    address: String,
    back: Option<String>,
) -> impl IntoView + use<> {
    let words = text(setting.lang);
    let back = back.map(|url| view! { <p class="ways"><a href=url>{words.other_channel}</a></p> });
    view! {
        <main>
            {order.map(|order| summary(setting, order))}
            <section class="card">
                <div class="bad" role="alert">
                    {sign(false)}<h2>{words.no_cookie}</h2><p>{words.no_cookie_why}</p>
                </div>
                <a class="button" target="_top" href=address>{words.whole_window}</a>
                {back}
            </section>
        </main>
    }
}

/// Money that goes back, since another payment had paid the order, or it was closed.
pub(super) fn returned_screen(
    setting: &Setting,
    order: Bought,
    (twice, back, sum): (bool, Back, Money),
    leave: Option<String>,
) -> impl IntoView + use<> {
    let (words, back) = (text(setting.lang), back as usize);
    let (title, why) = match twice {
        true => (words.twice, words.twice_why),
        false => (words.returned[back], words.returned_why),
    };
    let why = format!("{why}{} {sum}", words.goes_back[back]);
    let message = Message::plain(twice, title, why, leave);
    message_screen(setting, Some(order), message)
}

/// A message without an order, or about one: what it means, the technical cause
/// in small print, and a way on.
pub(super) struct Message {
    /// Whether nothing went wrong.
    pub(super) good: bool,
    pub(super) title: &'static str,
    pub(super) why: String,
    pub(super) detail: Option<String>,
    /// What the payer may do here, the best first, and what the buttons say.
    pub(super) ways: Vec<(String, &'static str)>,
    pub(super) leave: Option<String>,
}

impl Message {
    /// One without small print, after which there is nothing to do here.
    pub(super) fn plain(
        good: bool,
        title: &'static str,
        why: String,
        leave: Option<String>,
    ) -> Self {
        Self {
            good,
            title,
            why,
            detail: None,
            ways: Vec::new(),
            leave,
        }
    }
}

pub(super) fn message_screen(
    setting: &Setting,
    order: Option<Bought>,
    message: Message,
) -> impl IntoView + use<> {
    let words = text(setting.lang);
    let known = order.is_some();
    let title = message.title;
    let (class, role) = if message.good {
        ("good", "status")
    } else {
        ("bad", "alert")
    };
    let button = |is_first: bool| if is_first { "button" } else { "button plain" };
    let is_alone = message.ways.is_empty();
    let ways = message.ways.into_iter().enumerate();
    let ways: Vec<_> = ways
        .map(|(at, (url, name))| view! { <a class=button(at == 0) href=url>{name}</a> })
        .collect();
    let way_on = message.leave.map(|url| {
        let class = button(is_alone);
        view! { <a class=class target="_parent" href=url>{words.back}</a> }
    });
    view! {
        <main>
            {order.map(|order| summary(setting, order))}
            <section class="card">
                <div class=class role=role>
                    {sign(message.good)}
                    {if known {
                        view! { <h2>{title}</h2> }.into_any()
                    } else {
                        view! { <h1>{title}</h1> }.into_any()
                    }}
                    <p>{message.why}</p>
                </div>
                {message.detail.map(|detail| view! { <p class="small">{detail}</p> })}
                {ways}{way_on}
            </section>
        </main>
    }
}
