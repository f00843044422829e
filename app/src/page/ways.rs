//! The screen on which a payer pays: a code, the in-WeChat bridge, a form, or a
//! code of our own page. All but the bridge work without script.

use super::parts::{paid_note, summary};
use super::{Pay, Way};
use crate::qr;
use crate::text::Text;
use leptos::prelude::*;
use payment::lang::Lang;
use payment::obj::{Bridge, Form};

/// Sends the form by itself, but not when the payer came back to this page.
const SUBMIT: &str = "performance.navigation.type!=2&&document.forms.pay.submit()";

/// Copies the page's address, and says so on the button.
const COPY: &str = "(b=>{var f=document.getElementById('address');b.hidden=false;\
b.onclick=()=>{f.select();(navigator.clipboard?navigator.clipboard.writeText(f.value):\
Promise.resolve(document.execCommand('copy'))).then(()=>b.textContent=b.dataset.done)}})\
(document.getElementById('copy'))";

/// Opens WeChat's own sheet. `ok` is confirmed by our server; anything that is
/// neither cancel nor fail is looked up there too. The bridge may come up to five
/// seconds after a tap; however many taps there were, it opens one sheet.
const BRIDGE: &str = "(b=>{function say(n){document.querySelectorAll('[data-note]').forEach(e=>\
e.hidden=e.dataset.note!=n)}function pay(){say('');WeixinJSBridge.invoke('getBrandWCPayRequest',\
p.bridge,r=>{var m=String(r&&r.err_msg||'').toLowerCase();/:\\s*cancel/.test(m)?say('cancel'):\
/:\\s*fail/.test(m)?say('fail'):location.href=p.check})}var w=0;function go(){\
if(window.WeixinJSBridge)return pay();clearTimeout(w);w=setTimeout(()=>{w=0;say('none')},5000)}\
document.addEventListener('WeixinJSBridgeReady',()=>{if(w){clearTimeout(w);w=0;pay()}});b.onclick=go;p.now&&performance.navigation.type!=2&&go()})\
(document.getElementById('bridge'))";

/// `main` carries what the island needs; the green note waits in the page until
/// the island shows it.
pub(super) fn pay_screen(
    words: &'static Text,
    lang: Lang,
    pay: Pay,
    watch: AnyView,
    nonce: &str,
) -> impl IntoView + use<> {
    let until = (!pay.expires_at.is_empty())
        .then(|| view! { <p class="small">{words.until}" "{pay.expires_at}</p> });
    let charged = pay.charged.map(|money| {
        view! { <p class="small">{words.charged}" "{money.to_string()}</p> }
    });
    let other_channel = match &pay.way {
        Way::Scan(_) => None,
        _ => Some(view! { <p class="small"><a href=pay.back_url>{words.other_channel}</a></p> }),
    };
    let way = match pay.way {
        Way::Scan(code) => scan(words, &code).into_any(),
        Way::Form {
            form,
            channel,
            at_once,
        } => form_to(words, channel.label(lang), form, at_once, nonce).into_any(),
        Way::Bridge {
            bridge,
            check_url,
            at_once,
        } => bridge_to(words, &bridge, &check_url, at_once, nonce).into_any(),
        Way::OpenInWechat { address, phone } => {
            open_in_wechat(words, address, phone, nonce).into_any()
        }
    };
    let ok_url = pay.ok_url;
    let leave = ok_url.clone().unwrap_or_default();
    view! {
        <main
            data-state="open"
            data-poll=pay.poll_url
            data-order=pay.order_sn
            data-ended=pay.attempt_url
            data-ok=leave
            data-fail=pay.fail_url.unwrap_or_default()
            data-waiting=words.waiting
            data-expires=pay.expires_in_s.to_string()
        >
            {summary(words, pay.order)}
            <section class="card scan">{way}{charged}{watch}{until}{other_channel}</section>
            {paid_note(words, ok_url)}
        </main>
    }
}

fn scan(words: &'static Text, code: &str) -> impl IntoView + use<> {
    let svg = qr::svg(code, words.scan_label).unwrap_or_default();
    view! { <h2>{words.scan}</h2><div inner_html=svg></div> }
}

fn form_to(
    words: &'static Text,
    label: &'static str,
    form: Form,
    at_once: bool,
    nonce: &str,
) -> impl IntoView + use<> {
    let script = at_once.then(|| {
        view! { <script nonce=nonce.to_owned() inner_html=SUBMIT></script> }
    });
    let title = if at_once {
        words.forwarding
    } else {
        words.checking
    };
    let button = (words.go_to)(label);
    let fields: Vec<_> = form
        .fields
        .into_iter()
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect();
    view! {
        <h2>{title}</h2>
        <form name="pay" method=form.method.word() action=form.action>
            {fields}
            <button>{button}</button>
        </form>
        {script}
    }
}

fn bridge_to(
    words: &'static Text,
    bridge: &Bridge,
    check_url: &str,
    at_once: bool,
    nonce: &str,
) -> impl IntoView + use<> {
    let script = format!(
        "var p={{bridge:{{{}}},check:{},now:{at_once}}};{BRIDGE}",
        [
            ("appId", &bridge.app_id),
            ("timeStamp", &bridge.time_stamp),
            ("nonceStr", &bridge.nonce_str),
            ("package", &bridge.package),
            ("signType", &bridge.sign_type),
            ("paySign", &bridge.pay_sign),
        ]
        .map(|(name, value)| format!("{name}:{}", script_text(value)))
        .join(","),
        script_text(check_url)
    );
    let note = |name: &'static str, text: &'static str| {
        view! { <p class="note" data-note=name role="alert" hidden>{text}</p> }
    };
    view! {
        <h2>{words.in_wechat}</h2>
        <button id="bridge" type="button">{words.pay_in_wechat}</button>
        {note("cancel", words.cancelled)}
        {note("fail", words.failed)}
        {note("none", words.no_bridge)}
        <noscript><p>{words.needs_script}</p></noscript>
        <script nonce=nonce.to_owned() inner_html=script></script>
    }
}

fn open_in_wechat(
    words: &'static Text,
    address: String,
    phone: bool,
    nonce: &str,
) -> impl IntoView + use<> {
    let svg = qr::svg(&address, words.scan_label).unwrap_or_default();
    let how = if phone {
        words.open_on_phone
    } else {
        words.scan
    };
    view! {
        <h2>{words.open_in_wechat}</h2>
        <p class="small">{how}</p>
        <div inner_html=svg></div>
        <input id="address" readonly aria-label=words.address value=address/>
        <button id="copy" type="button" hidden data-done=words.copied>{words.copy}</button>
        <script nonce=nonce.to_owned() inner_html=COPY></script>
    }
}

/// A string literal that can't end the script that it stands in.
fn script_text(text: &str) -> String {
    let mut literal = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                literal.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c if c.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}
