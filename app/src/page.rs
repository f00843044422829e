//! The checkout page as the server renders it: complete and payable before and
//! without any script (design section 6).

mod parts;
mod screens;
mod ways;

use crate::text::text;
use crate::watch::Watch;
use leptos::prelude::*;
use payment::address::origin;
use payment::channel::Channel;
use payment::lang::Lang;
use payment::money::Money;
use payment::obj::{Bridge, Form};
use screens::{ended_screen, fragment_screen, message_screen, pick_screen};
use std::sync::Arc;
use ways::pay_screen;

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
        /// The channels on offer, with the sum where its currency is another.
        channels: Vec<(Channel, Option<Money>)>,
        /// Where the pick is posted to.
        action: String,
    },
    /// The payer pays.
    Pay(Box<Pay>),
    /// The channel has not answered yet; the page refreshes itself.
    Making(Order),
    /// The attempt ended unpaid; another may be started.
    Ended {
        /// What is bought.
        order: Order,
        /// Whether it was declined; else it expired.
        declined: bool,
        /// Whether it was a code to scan.
        scanned: bool,
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
    /// Paid after the request was closed: the money goes back.
    Returned {
        /// What was to be bought.
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

/// How the payer pays an order, and what the page needs to wait for it.
#[derive(Clone, Debug)]
pub struct Pay {
    /// What is bought.
    pub order: Order,
    /// What the channel charges, where that is another sum.
    pub charged: Option<Money>,
    /// How it is paid.
    pub way: Way,
    /// Our order number, where an attempt was begun.
    pub order_sn: String,
    /// Address of the poll.
    pub poll_url: String,
    /// Seconds that are left.
    pub expires_in_s: i64,
    /// When it ends, as a payer reads it; empty: not shown.
    pub expires_at: String,
    /// Where a paid payer goes.
    pub ok_url: Option<String>,
    /// Where a payer goes whose request can't be paid.
    pub fail_url: Option<String>,
    /// The page that tells how the attempt ended.
    pub attempt_url: String,
    /// Where another channel can be picked.
    pub back_url: String,
}

/// How an order is paid.
#[derive(Clone, Debug)]
pub enum Way {
    /// A code to scan.
    Scan(String),
    /// The in-WeChat bridge.
    Bridge {
        /// What it takes.
        bridge: Bridge,
        /// Where the bridge's `ok` is confirmed.
        check_url: String,
        /// Whether it opens by itself: the payer has tapped already.
        at_once: bool,
    },
    /// A form that leads to the channel.
    Form {
        /// The form.
        form: Form,
        /// The channel.
        channel: Channel,
        /// Whether it is sent by itself.
        at_once: bool,
    },
    /// This page's own address, to be opened inside WeChat.
    OpenInWechat {
        /// The address.
        address: String,
        /// Whether the payer looks at a phone: then a screenshot is scanned.
        phone: bool,
    },
}

impl Way {
    /// The origin that this page's form is sent to.
    #[must_use]
    pub fn form_origin(&self) -> Option<String> {
        let Self::Form { form, .. } = self else {
            return None;
        };
        origin(&form.action)
    }
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
    let waiting = matches!(screen, Screen::Pay(_));
    let refresh = match &screen {
        Screen::Pay(pay) if !matches!(pay.way, Way::Form { at_once: true, .. }) => {
            Some(parts::refresh_without_script(&pay.attempt_url).into_any())
        }
        Screen::Making(_) => Some(parts::refresh().into_any()),
        _ => None,
    };
    let leave = match &screen {
        Screen::Paid {
            leave: Some(url), ..
        } => Some(url.clone()),
        _ => None,
    };
    let module = setting.module.as_ref().filter(|_| waiting);
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
        Screen::Pay(pay) => {
            pay_screen(words, setting.lang, *pay, Watch().into_any(), &setting.nonce).into_any()
        }
        Screen::Making(order) => view! {
            <main>{parts::summary(words, order)}<p class="card" role="status">{words.wait_for_code}</p></main>
        }
        .into_any(),
        Screen::Ended { order, declined, scanned, again, back } => {
            ended_screen(words, order, (declined, scanned), again, back).into_any()
        }
        Screen::Paid { order, leave } => view! {
            <main data-state="paid">
                {parts::summary(words, order)}{parts::paid_note(words, leave)}
            </main>
        }
        .into_any(),
        Screen::Returned { order, leave } => {
            let why = format!("{} {}", words.returned_why, order.money);
            let detail = Some(format!("{} {}", words.order, order.request_key));
            message_screen(words, words.returned, why, detail, leave).into_any()
        }
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
        let dollars = Money::from_minor(17_388, Currency::Usd);
        let channels = vec![
            (Channel::Wechat, None),
            (Channel::Alipay, None),
            (Channel::Paypal, dollars),
        ];
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
        assert!(html.contains("PayPal<small>US$173.88</small>"), "{html}");
        assert!(pick(Lang::En).contains("WeChat Pay"));
    }

    #[test]
    fn a_payer_whose_money_goes_back_is_not_told_that_nothing_was_charged() {
        let screen = || Screen::Returned {
            order: order("耳机"),
            leave: Some("http://a.cn/".to_owned()),
        };
        let html = shown(screen(), Lang::Zh);
        assert!(
            html.contains("原路退回") && html.contains("¥1,234.56"),
            "{html}"
        );
        assert!(
            !html.contains("没有被扣款") && html.contains("http://a.cn/"),
            "{html}"
        );
        assert!(shown(screen(), Lang::En).contains("refunded"));
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
        let html = shown(Screen::Pay(boxed(Way::Scan("weixin://x".into()))), Lang::Zh);
        let refresh =
            "<noscript><meta http-equiv=\"refresh\" content=\"3;url=/pay/attempt/t\"></noscript>";
        assert!(html.contains(refresh) && html.contains("<svg"), "{html}");
        assert!(shown(Screen::Making(order("x")), Lang::Zh).contains("http-equiv=\"refresh\""));
    }

    fn boxed(way: Way) -> Box<Pay> {
        Box::new(Pay {
            order: order("耳机"),
            charged: None,
            way,
            order_sn: "1".into(),
            poll_url: "/poll".into(),
            expires_in_s: 900,
            expires_at: "12:00".into(),
            ok_url: None,
            fail_url: None,
            attempt_url: "/pay/attempt/t".into(),
            back_url: "/pay.html?a=b".into(),
        })
    }

    #[test]
    fn a_form_works_without_script_and_is_sent_by_itself_once() {
        let form = Form {
            method: payment::obj::Method::Post,
            action: "https://gateway.cn/do?a=1&b=2".into(),
            fields: vec![("biz".into(), "{\"a\":\"<\"}".into())],
        };
        let way = |at_once| Way::Form {
            form: form.clone(),
            channel: Channel::Alipay,
            at_once,
        };
        let html = shown(Screen::Pay(boxed(way(true))), Lang::Zh);
        assert!(
            html.contains("action=\"https://gateway.cn/do?a=1&amp;b=2\""),
            "{html}"
        );
        assert!(html.contains("{&quot;a&quot;:&quot;&lt;&quot;}"), "{html}");
        assert!(
            html.contains("去支付宝支付") && html.contains(".submit()"),
            "{html}"
        );
        assert!(!html.contains("http-equiv=\"refresh\""), "{html}");
        let stays = shown(Screen::Pay(boxed(way(false))), Lang::Zh);
        assert!(!stays.contains(".submit()") && stays.contains("http-equiv=\"refresh\""));
        assert_eq!(
            way(true).form_origin().as_deref(),
            Some("https://gateway.cn")
        );
    }

    #[test]
    fn the_bridges_parameters_can_not_end_the_script() {
        let bridge = Bridge {
            app_id: "</script><script>alert(1)".into(),
            time_stamp: "1".into(),
            nonce_str: "n".into(),
            package: "prepay_id=p".into(),
            sign_type: "RSA".into(),
            pay_sign: "s".into(),
        };
        let way = Way::Bridge {
            bridge,
            check_url: "/pay/return/t".into(),
            at_once: true,
        };
        let html = shown(Screen::Pay(boxed(way)), Lang::Zh);
        assert!(html.contains("getBrandWCPayRequest") && html.contains("prepay_id=p"));
        assert!(!html.contains("<script>alert"), "{html}");
    }
}
