//! The screen on which a payer pays: a code, the in-WeChat bridge, a form, or a
//! code of our own page. All but the bridge work without script.

use super::marks::mark;
use super::parts::{paid_note, summary_with};
use super::{Pay, Setting, Way};
use crate::islands::bridge::Bridge;
use crate::islands::handoff::Handoff;
use crate::islands::watch::Watch;
use crate::qr;
use crate::text::{Text, text};
use leptos::prelude::*;
use payment::channel::Channel;
use payment::obj::{self, Form};

/// `main` carries what the island needs; the green note waits in the page until
/// the island shows it.
pub(super) fn pay_screen(setting: &Setting, pay: Pay) -> impl IntoView + use<> {
    let words = text(setting.lang);
    let asked = pay.order.money.currency();
    let to_pay = pay.charged.unwrap_or(pay.order.money);
    let charged = pay.charged.map(|money| {
        // The same currency and another sum: the channel changed it.
        let says = if money.currency() == asked {
            words.costs
        } else {
            words.charged
        };
        format!("{says} {money}")
    });
    let back = pay.came_back.then(|| {
        view! { <p class="note" role="alert">{words.not_yet}</p> }
    });
    let waits_for_a_phone = matches!(pay.way, Way::Scan { .. } | Way::OpenInWechat { .. });
    let waiting = waits_for_a_phone.then(|| view! { <p class="small wait">{words.waiting}</p> });
    let check_url = pay.check_url.unwrap_or_default();
    let way = match pay.way {
        Way::Scan { code, channel } => scan(setting, words, &code, channel).into_any(),
        Way::Form {
            form,
            channel,
            at_once,
        } => {
            let title = match (at_once, pay.confirm) {
                (true, _) => words.forwarding,
                (false, true) => words.confirm,
                (false, false) => words.checking,
            };
            form_to(setting, title, channel, form, at_once).into_any()
        }
        Way::Bridge { bridge, at_once } => {
            let sum = to_pay.to_string();
            bridge_to(words, sum, &bridge, check_url.clone(), at_once).into_any()
        }
        Way::OpenInWechat {
            address,
            short,
            phone,
        } => open_in_wechat(words, (address, short), phone).into_any(),
    };
    let live = match (pay.expires_at.is_empty(), waits_for_a_phone) {
        (true, _) => "live untimed",
        (false, true) => "live",
        (false, false) => "live bare",
    };
    let clock = (!pay.expires_at.is_empty()).then(|| {
        view! {
            <p class="clock">
                <svg class="ring" viewBox="0 0 36 36" aria-hidden="true" inner_html=RING></svg>
                <span>{words.until}" "<time>{pay.expires_at}{words.zone}</time></span>
            </p>
        }
    });
    let check = (!check_url.is_empty()).then(|| view! { <a href=check_url>{words.have_paid}</a> });
    let other = pay
        .back_url
        .map(|url| view! { <a href=url>{words.other_channel}</a> });
    let (ok_url, key) = (pay.ok_url, pay.order.request_key.clone());
    let leave = ok_url.clone().unwrap_or_default();
    view! {
        <main
            data-state="open"
            data-poll=pay.poll_url
            data-events=pay.events_url
            data-order=pay.order_sn
            data-key=key
            data-ended=pay.attempt_url
            data-ok=leave
            data-fail=pay.fail_url.unwrap_or_default()
            data-frames=setting.frame_origins.join(" ")
            data-expires=pay.expires_in_s.to_string()
            data-life=pay.life_s.to_string()
            data-offline=words.offline
            data-trouble=words.trouble
            data-slow=words.slow
            data-soon=words.soon
            data-left=words.left
            data-paid=words.paid
        >
            {summary_with(setting, pay.order, charged)}
            <section class="card scan">
                {back}{way}
                <div class=live>{clock}{waiting}<Watch/></div>
                <p class="ways">{check}{other}</p>
            </section>
            {paid_note(setting, None, ok_url)}
        </main>
    }
}

/// The time that is left: an animation would keep a phone busy for a quarter of an
/// hour, so the style draws what `--gone` says.
const RING: &str = "<circle cx=\"18\" cy=\"18\" r=\"15\"/><circle cx=\"18\" cy=\"18\" r=\"15\" pathLength=\"100\"/>";

fn scan(
    setting: &Setting,
    words: &'static Text,
    code: &str,
    channel: Channel,
) -> impl IntoView + use<> {
    let svg = qr::svg(code, words.scan_label);
    let title = match svg {
        Some(_) => words.scan,
        None => words.no_code,
    };
    view! {
        <h2 class="marked">{mark(channel, &setting.marks)}<span>{title}</span></h2>
        {svg.map(|svg| view! { <div class="code" inner_html=svg></div> })}
    }
}

fn form_to(
    setting: &Setting,
    title: &'static str,
    channel: Channel,
    form: Form,
    at_once: bool,
) -> impl IntoView + use<> {
    let button = (text(setting.lang).go_to)(channel.label(setting.lang));
    let fields: Vec<_> = form
        .fields
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect();
    view! {
        <h2 class="marked">{mark(channel, &setting.marks)}<span>{title}</span></h2>
        <form name="pay" method=form.method.word() action=form.action data-once=at_once.then_some("1")>
            {fields}
            <button>{button}</button>
        </form>
        <Handoff/>
    }
}

fn bridge_to(
    words: &'static Text,
    sum: String,
    bridge: &obj::Bridge,
    check_url: String,
    at_once: bool,
) -> impl IntoView + use<> {
    // Text values alone: it can always be written.
    let bridge = serde_json::to_string(bridge).unwrap_or_default();
    let note = |name: &'static str, text: &'static str| {
        view! { <p class="note" data-note=name role="alert" hidden>{text}</p> }
    };
    view! {
        <h2>{words.in_wechat}</h2>
        <button
            id="bridge"
            type="button"
            data-bridge=bridge
            data-check=check_url
            data-now=at_once.then_some("1")
        >{words.pay_in_wechat}" "<b>{sum}</b></button>
        {note("open", words.sheet_open)}
        {note("cancel", words.cancelled)}
        {note("fail", words.failed)}
        {note("none", words.no_bridge)}
        <noscript><p>{words.needs_script}</p></noscript>
        <Bridge/>
    }
}

fn open_in_wechat(
    words: &'static Text,
    (address, short): (String, Option<String>),
    phone: bool,
) -> impl IntoView + use<> {
    let svg = qr::svg(short.as_ref().unwrap_or(&address), words.scan_label);
    let how = match (&svg, phone) {
        (Some(_), true) => {
            let [copy, album] = words.on_a_phone;
            view! { <ol><li>{copy}</li><li>{album}</li></ol> }.into_any()
        }
        (Some(_), false) => view! { <p>{words.scan}</p> }.into_any(),
        (None, _) => view! { <p>{words.by_link}</p> }.into_any(),
    };
    view! {
        <h2>{words.open_in_wechat}</h2>
        {svg.map(|svg| view! { <div class="code" inner_html=svg></div> })}
        {how}
        <input id="address" readonly aria-label=words.address value=address/>
        <button id="copy" type="button" hidden data-done=words.copied>{words.copy}</button>
        <Handoff/>
    }
}
