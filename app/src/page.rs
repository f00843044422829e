//! The checkout page as the server renders it: complete and payable before and
//! without any script (design section 6).

mod parts;
mod screens;

use crate::text::text;
use crate::watch::Watch;
use leptos::prelude::*;
use payment::channel::Channel;
use payment::lang::Lang;
use payment::money::Money;
use screens::{ended_screen, fragment_screen, message_screen, pick_screen, scan_screen};
use std::sync::Arc;

/// What every page is told beside its content.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The payer's language.
    pub lang: Lang,
    /// This page's address in the other language.
    pub other_lang_url: Option<String>,
    /// Allows this response's own style and scripts (CSP).
    pub nonce: String,
    /// Addresses of the script and the WebAssembly module, where they were built.
    pub module: Option<Module>,
}

/// The page's WebAssembly.
#[derive(Clone, Debug)]
pub struct Module {
    /// Address of the glue script.
    pub js: String,
    /// Address of the module.
    pub wasm: String,
}

/// What is bought, and for how much.
#[derive(Clone, Debug)]
pub struct Order {
    /// `info`, or `infoEn` on an English page.
    pub goods: String,
    /// The sum.
    pub money: Money,
    /// The business system's key of the order.
    pub request_key: String,
}

/// A page's content.
#[derive(Clone, Debug)]
pub enum Screen {
    /// No parameters in the query: they may stand in the fragment.
    Fragment,
    /// The payer picks a channel.
    Pick {
        /// What is bought.
        order: Order,
        /// The channels on offer.
        channels: Vec<Channel>,
        /// Where the pick is posted to.
        action: String,
    },
    /// The payer scans a code.
    Scan(Scan),
    /// The channel has not answered yet; the page refreshes itself.
    Making(Order),
    /// The attempt ended unpaid; another may be started.
    Ended {
        /// What is bought.
        order: Order,
        /// Whether it was declined; else it expired.
        declined: bool,
        /// Where "again" is posted to.
        again: String,
        /// Where another channel can be picked.
        back: String,
    },
    /// Paid; the page leaves by itself.
    Paid {
        /// What was bought.
        order: Order,
        /// Where the payer goes on.
        leave: Option<String>,
    },
    /// Refused, with the published code and what it means.
    Refused {
        /// The errcode.
        code: &'static str,
        /// What the business system's developer reads.
        cause: String,
        /// Whether the payer may simply try again.
        passing: bool,
        /// Where the payer goes on, where the request was genuine.
        leave: Option<String>,
    },
    /// No such page.
    Unknown,
}

/// A code to scan, and what the page needs to wait for it.
#[derive(Clone, Debug)]
pub struct Scan {
    /// What is bought.
    pub order: Order,
    /// The text of the code.
    pub code: String,
    /// Our order number.
    pub order_sn: String,
    /// Address of the poll.
    pub poll_url: String,
    /// Seconds that are left.
    pub expires_in_s: i64,
    /// When it ends, as a payer reads it.
    pub expires_at: String,
    /// Where a paid payer goes.
    pub ok_url: Option<String>,
    /// Where a payer goes whose request can't be paid.
    pub fail_url: Option<String>,
    /// The attempt's own page: it tells how the attempt ended.
    pub attempt_url: String,
}

/// Renders a whole document.
#[must_use]
pub fn render(screen: Screen, setting: &Setting) -> String {
    let context = leptos::reactive::owner::Owner::new_root(Some(Arc::new(
        hydration_context::SsrSharedContext::new_islands(),
    )));
    let html = context.with(|| document(screen, setting).to_html());
    context.unset();
    format!("<!DOCTYPE html>{html}")
}

fn document(screen: Screen, setting: &Setting) -> impl IntoView + use<> {
    let words = text(setting.lang);
    let scanning = matches!(screen, Screen::Scan(_));
    let refresh = match &screen {
        Screen::Scan(scan) => Some(parts::refresh_without_script(&scan.attempt_url).into_any()),
        Screen::Making(_) => Some(parts::refresh().into_any()),
        _ => None,
    };
    let leave = match &screen {
        Screen::Paid {
            leave: Some(url), ..
        } => Some(url.clone()),
        _ => None,
    };
    let module = setting.module.as_ref().filter(|_| scanning);
    let script = module.map(|module| parts::start_script(module, &setting.nonce));
    let (nonce, tag) = (setting.nonce.clone(), setting.lang.tag());
    let language = setting.other_lang_url.clone().map(|url| {
        view! { <a href=url>{words.other_language}</a> }
    });
    let body = content(screen, setting);
    view! {
        <html lang=tag>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width,initial-scale=1"/>
                <meta name="robots" content="noindex"/>
                <link rel="icon" href="data:,"/>
                <title>{words.brand}</title>
                <style nonce=nonce inner_html=include_str!("../../style/main.css")></style>
                {refresh}
                {leave.map(|url| parts::leave_soon(&url))}
            </head>
            <body>
                <header><b>{words.brand}</b>{language}</header>
                {body}
                <footer>{words.secure}</footer>
                {script}
            </body>
        </html>
    }
}

fn content(screen: Screen, setting: &Setting) -> AnyView {
    let words = text(setting.lang);
    match screen {
        Screen::Fragment => fragment_screen(words, &setting.nonce).into_any(),
        Screen::Pick { order, channels, action } => {
            pick_screen(words, setting.lang, order, channels, action).into_any()
        }
        Screen::Scan(scan) => scan_screen(words, scan, Watch().into_any()).into_any(),
        Screen::Making(order) => view! {
            <main>{parts::summary(words, order)}<p class="card" role="status">{words.wait_for_code}</p></main>
        }
        .into_any(),
        Screen::Ended { order, declined, again, back } => {
            ended_screen(words, order, declined, again, back).into_any()
        }
        Screen::Paid { order, leave } => view! {
            <main data-state="paid">
                {parts::summary(words, order)}{parts::paid_note(words, leave)}
            </main>
        }
        .into_any(),
        Screen::Refused { code, cause, passing, leave } => {
            let why = if passing { cause.clone() } else { words.refused_why.to_owned() };
            let detail = format!("{} {code}：{cause}", words.code);
            message_screen(words, words.refused, why, Some(detail), leave).into_any()
        }
        Screen::Unknown => {
            let why = words.unknown_page_why.to_owned();
            message_screen(words, words.unknown_page, why, None, None).into_any()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use payment::money::Currency;

    fn shown(screen: Screen, lang: Lang) -> String {
        let module = Some(Module {
            js: "/a.js".into(),
            wasm: "/a.wasm".into(),
        });
        let setting = Setting {
            lang,
            other_lang_url: None,
            nonce: "n".into(),
            module,
        };
        render(screen, &setting)
    }

    fn order(goods: &str) -> Order {
        let money = Money::from_minor(123_456, Currency::Cny).unwrap();
        Order {
            goods: goods.into(),
            money,
            request_key: "k".into(),
        }
    }

    fn pick(lang: Lang) -> String {
        let channels = vec![Channel::Wechat, Channel::Alipay];
        let action = "/pay/start?a=1&b=2".into();
        shown(
            Screen::Pick {
                order: order("耳机"),
                channels,
                action,
            },
            lang,
        )
    }

    #[test]
    fn the_picker_is_a_form_that_needs_no_script() {
        let html = pick(Lang::Zh);
        assert!(html.starts_with("<!DOCTYPE html><html lang=\"zh-CN\">"));
        assert!(html.contains("method=\"post\"") && html.contains("/pay/start?a=1&amp;b=2"));
        assert!(html.contains("value=\"Wechat\" checked") && html.contains("value=\"Alipay\""));
        assert!(
            html.contains("微信支付") && html.contains("去支付 ¥1,234.56"),
            "{html}"
        );
        assert!(!html.contains("<script"), "{html}");
        assert!(pick(Lang::En).contains("WeChat Pay"));
    }

    #[test]
    fn text_from_outside_never_becomes_markup() {
        let goods = "<img src=x onerror=alert(1)>\"'&";
        let leave = Some("http://a.cn/\"><script>alert(1)</script>".to_owned());
        let html = shown(
            Screen::Paid {
                order: order(goods),
                leave,
            },
            Lang::Zh,
        );
        assert!(
            !html.contains("<img") && !html.contains("<script"),
            "{html}"
        );
        assert!(!html.contains("a.cn/\">"), "{html}");
    }

    #[test]
    fn a_page_that_waits_refreshes_itself_without_script() {
        let scan = Scan {
            order: order("耳机"),
            code: "weixin://x".into(),
            order_sn: "1".into(),
            poll_url: "/poll".into(),
            expires_in_s: 900,
            expires_at: "12:00".into(),
            ok_url: None,
            fail_url: None,
            attempt_url: "/pay/attempt/t".into(),
        };
        let html = shown(Screen::Scan(scan), Lang::Zh);
        let refresh =
            "<noscript><meta http-equiv=\"refresh\" content=\"3;url=/pay/attempt/t\"></noscript>";
        assert!(html.contains(refresh) && html.contains("<svg"), "{html}");
        assert!(shown(Screen::Making(order("x")), Lang::Zh).contains("http-equiv=\"refresh\""));
    }
}
