//! The checkout page as the server renders it: complete and payable before and
//! without any script (docs/page.md).

mod marks;
mod parts;
mod screens;
mod ways;

use crate::text::text;
use leptos::prelude::*;
use payment::address::origin;
use payment::channel::Channel;
use payment::errcode::ErrCode;
use payment::lang::Lang;
use payment::money::Money;
use payment::obj::{Bridge, Form};
use screens::{Message, ended_screen, fragment_screen, message_screen, none_screen, pick_screen};
use std::collections::BTreeMap;
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
    /// The style.
    pub style: &'static str,
    /// The script that acts where no WebAssembly does, or not yet.
    pub fallback: &'static str,
    /// Addresses of the glue and the WebAssembly module, where they were built.
    pub module: Option<Module>,
    /// Origins whose pages may show this one in a frame; they are told the outcome.
    pub frame_origins: Vec<String>,
    /// The operator's pictures of the channels.
    pub marks: Marks,
    /// What the operator tells whoever picks a channel.
    pub notice: Option<String>,
    /// Who is paid, where the request was genuine and its business system says so.
    pub payee: Option<Payee>,
}

/// Who is paid, in the page's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payee {
    /// The name; empty: not shown.
    pub name: String,
    /// Where a payer finds help; empty: not shown.
    pub help: String,
    /// Address of a picture.
    pub picture: Option<String>,
}

/// Addresses of pictures that stand in place of our own drawings.
#[derive(Clone, Debug, Default)]
pub struct Marks(Arc<BTreeMap<Channel, String>>);

impl Marks {
    /// The pictures that there are.
    #[must_use]
    pub fn new(addresses: BTreeMap<Channel, String>) -> Self {
        Self(Arc::new(addresses))
    }

    fn address(&self, channel: Channel) -> Option<String> {
        self.0.get(&channel).cloned()
    }
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
pub struct Bought {
    /// `info`, or `infoEn` on an English page.
    pub goods: String,
    /// The sum.
    pub money: Money,
    /// The business system's key of the order.
    pub request_key: String,
}

/// A channel on offer.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The channel.
    pub channel: Channel,
    /// What it charges, where that is another sum.
    pub charged: Option<Money>,
}

/// The way to an openid.
#[derive(Clone, Debug)]
pub struct Trip {
    /// Where it begins.
    pub address: String,
    /// Whether it is gone as soon as somebody looks: no openid is known.
    pub at_once: bool,
}

/// How far money is that goes back to its payer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Back {
    /// It will be sent, or is on its way.
    OnItsWay,
    /// It is back.
    Done,
    /// A person has to bring it back.
    ByMerchant,
}

/// How and when an order was paid.
#[derive(Clone, Debug)]
pub struct Receipt {
    /// The channel.
    pub channel: Channel,
    /// When, ms since 1970.
    pub paid_ms: i64,
}

/// A page's content.
#[derive(Clone, Debug)]
pub enum Screen {
    /// No parameters in the query: they may stand in the fragment.
    Fragment,
    /// The payer picks a channel.
    Pick {
        /// What is bought.
        order: Bought,
        /// The channels on offer.
        offers: Vec<Offer>,
        /// Where the pick is posted to.
        action: String,
        /// Where an openid is fetched, inside WeChat.
        openid: Option<Trip>,
        /// The channel that this payer picked last on this device.
        last: Option<Channel>,
        /// Nothing is on offer here, and something in a browser of its own.
        elsewhere: bool,
    },
    /// The payer pays.
    Pay(Box<Pay>),
    /// The channel has not answered yet; the page refreshes itself.
    Making {
        /// What is bought.
        order: Bought,
        /// Where another channel can be picked: this one may not answer.
        others: Option<String>,
    },
    /// The attempt ended unpaid; another may be started.
    Ended {
        /// What is bought.
        order: Bought,
        /// Whether it was declined; else it expired.
        declined: bool,
        /// Whether it was a code to scan.
        scanned: bool,
        /// How it was to be paid.
        channel: Channel,
        /// When it was begun, ms since 1970.
        begun_ms: i64,
        /// Where "again" is posted to.
        again: String,
        /// Where another channel can be picked.
        back: String,
    },
    /// Paid; the page leaves by itself.
    Paid {
        /// What was bought.
        order: Bought,
        /// How and when.
        receipt: Option<Receipt>,
        /// Where the payer goes on.
        leave: Option<String>,
        /// After how many seconds.
        leave_after_s: u32,
    },
    /// The channel has the payer's money, and checks it.
    Held {
        /// What is bought.
        order: Bought,
        /// The channel.
        channel: Channel,
        /// Where the payer goes on.
        leave: Option<String>,
    },
    /// Money that is not for the order goes back.
    Returned {
        /// What was to be bought.
        order: Bought,
        /// Whether another payment had paid the order; else it was closed before.
        twice: bool,
        /// How far it is.
        back: Back,
        /// The sum that the payer paid, and has back.
        sum: Money,
        /// Where the payer goes on.
        leave: Option<String>,
    },
    /// The channel says of money that it is not what the order says: a person looks at it.
    Differs {
        /// What is bought.
        order: Bought,
        /// Where the payer goes on.
        leave: Option<String>,
    },
    /// The browser kept no openid, though WeChat gave one: the payer goes on in a
    /// window that keeps it.
    NoCookie {
        /// What is bought, where the request was genuine.
        order: Option<Bought>,
        /// The page's own address.
        address: String,
        /// Where another channel can be picked, if there is another.
        back: Option<String>,
    },
    /// Refused, with the published code and what it means.
    Refused {
        /// What was to be bought, where the request was genuine.
        order: Option<Bought>,
        /// The errcode.
        code: &'static str,
        /// What the business system's developer reads.
        cause: String,
        /// Where the payer may simply try again: the trouble passes.
        again: Option<String>,
        /// Where another channel can be picked: the one that was wanted is not offered.
        others: Option<String>,
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
    pub order: Bought,
    /// What the channel charges, where that is another sum.
    pub charged: Option<Money>,
    /// Whether the channel changed the sum, and the payer has yet to agree to it.
    pub confirm: bool,
    /// How it is paid.
    pub way: Way,
    /// Our order number, where an attempt was begun.
    pub order_sn: String,
    /// Address of the poll.
    pub poll_url: String,
    /// Address of the stream that tells when to poll.
    pub events_url: String,
    /// Seconds that are left.
    pub expires_in_s: i64,
    /// Seconds that there were at the beginning.
    pub life_s: i64,
    /// When it ends, as a payer reads it; empty: not shown.
    pub expires_at: String,
    /// Where a paid payer goes.
    pub ok_url: Option<String>,
    /// Where a payer goes whose request can't be paid.
    pub fail_url: Option<String>,
    /// The page that tells how the attempt ended.
    pub attempt_url: String,
    /// Asks at once how it stands, for a payer who says that he has paid.
    pub check_url: Option<String>,
    /// Where another channel can be picked, if there is another.
    pub back_url: Option<String>,
    /// Whether the payer asked, and the money is not there yet.
    pub came_back: bool,
}

/// How an order is paid.
#[derive(Clone, Debug)]
pub enum Way {
    /// A code to scan.
    Scan {
        /// What it says.
        code: String,
        /// The channel.
        channel: Channel,
    },
    /// The in-WeChat bridge.
    Bridge {
        /// What it takes.
        bridge: Bridge,
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
        /// A short one that leads there, which makes a code of few modules.
        short: Option<String>,
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
    let (mut title, mut style) = (words.brand.to_owned(), setting.style.to_owned());
    let mut head = None;
    match &screen {
        Screen::Pay(pay) => {
            style.push_str(&time_left(pay));
            let by_itself = matches!(pay.way, Way::Form { at_once: true, .. });
            head = (!by_itself).then(|| parts::refresh_without_script(&pay.attempt_url).into_any());
        }
        Screen::Making { .. } => head = Some(parts::refresh().into_any()),
        Screen::Paid {
            leave,
            leave_after_s,
            ..
        } => {
            head = leave
                .as_ref()
                .map(|url| parts::leave_without_script(url, *leave_after_s).into_any());
        }
        _ => {}
    }
    if let Some(state) = state_in_words(&screen, words) {
        title = format!("{state} · {title}");
    }
    let scripts = lives(&screen).then(|| parts::scripts(setting));
    let (nonce, tag) = (setting.nonce.clone(), setting.lang.tag());
    let other = setting.lang.other().tag();
    let language = setting.other_lang_url.clone().map(|url| {
        view! { <a href=url lang=other hreflang=other>{words.other_language}</a> }
    });
    let notice = setting.notice.clone();
    let notice = notice.filter(|_| matches!(screen, Screen::Pick { .. }));
    let mut body = content(screen, setting);
    if let Some(notice) = notice {
        style.push_str(parts::NOTICE_STYLE);
        body = view! { <aside>{notice}</aside>{body} }.into_any();
    }
    let help = setting.payee.as_ref().map(|payee| payee.help.clone());
    let help = help.filter(|help| !help.is_empty());
    let help = help.map(|help| view! { <p>{help}</p> });
    view! {
        <html lang=tag>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width,initial-scale=1"/>
                <meta name="robots" content="noindex"/>
                <meta name="format-detection" content="telephone=no"/>
                <title>{title}</title>
                <style nonce=nonce inner_html=style></style>
                {head}
            </head>
            <body>
                <header><b>{words.brand}</b>{language}</header>
                {body}
                <footer>{help}{words.secure}</footer>
                {scripts}
            </body>
        </html>
    }
}

/// Whether anything on the page acts by itself.
fn lives(screen: &Screen) -> bool {
    match screen {
        Screen::Fragment
        | Screen::Pick { .. }
        | Screen::Pay(_)
        | Screen::Making { .. }
        | Screen::Paid { .. } => true,
        Screen::Ended { .. }
        | Screen::Held { .. }
        | Screen::Returned { .. }
        | Screen::Differs { .. }
        | Screen::NoCookie { .. }
        | Screen::Refused { .. }
        | Screen::Unknown => false,
    }
}

/// How much of the ring is gone, percent; the island goes on from there.
fn time_left(pay: &Pay) -> String {
    let (left, life) = (pay.expires_in_s.max(0), pay.life_s.max(1));
    let gone = 100 - (left * 100 / life).clamp(0, 100);
    format!("main{{--gone:{gone}}}")
}

/// What the page's title begins with, so that a tab tells how it stands.
fn state_in_words(screen: &Screen, words: &crate::text::Text) -> Option<&'static str> {
    Some(match screen {
        Screen::Paid { .. } => words.paid,
        Screen::Ended { declined: true, .. } => words.declined,
        Screen::Ended { scanned: true, .. } => words.expired,
        Screen::Ended { .. } => words.ended,
        Screen::Held { .. } => words.held,
        Screen::NoCookie { .. } => words.no_cookie,
        Screen::Returned { twice: true, .. } => words.twice,
        Screen::Returned { back, .. } => words.returned[*back as usize],
        Screen::Differs { .. } => words.differs,
        Screen::Refused { .. } => words.refused,
        Screen::Unknown => words.unknown_page,
        Screen::Fragment | Screen::Pick { .. } | Screen::Pay(_) | Screen::Making { .. } => {
            return None;
        }
    })
}

fn content(screen: Screen, setting: &Setting) -> AnyView {
    let words = text(setting.lang);
    match screen {
        Screen::Fragment => fragment_screen(setting).into_any(),
        Screen::Pick {
            order,
            offers,
            action,
            openid,
            last,
            elsewhere,
        } => match offers.is_empty() {
            true => none_screen(setting, order, elsewhere).into_any(),
            false => pick_screen(setting, order, (offers, last), action, openid).into_any(),
        },
        Screen::Pay(pay) => pay_screen(setting, *pay).into_any(),
        Screen::Making { order, others } => {
            screens::making_screen(setting, order, others).into_any()
        }
        Screen::Ended {
            order,
            declined,
            scanned,
            channel,
            begun_ms,
            again,
            back,
        } => {
            let how = (declined, scanned);
            ended_screen(setting, order, how, (channel, begun_ms), again, back).into_any()
        }
        Screen::Paid {
            order,
            receipt,
            leave,
            leave_after_s,
        } => screens::paid_screen(setting, order, receipt, (leave, leave_after_s)).into_any(),
        Screen::Held {
            order,
            channel,
            leave,
        } => {
            let why = (words.held_why)(channel.label(setting.lang));
            let message = Message::plain(true, words.held, why, leave);
            message_screen(setting, Some(order), message).into_any()
        }
        Screen::Returned {
            order,
            twice,
            back,
            sum,
            leave,
        } => screens::returned_screen(setting, order, (twice, back, sum), leave).into_any(),
        Screen::Differs { order, leave } => {
            let why = words.differs_why.to_owned();
            let message = Message::plain(false, words.differs, why, leave);
            message_screen(setting, Some(order), message).into_any()
        }
        Screen::NoCookie {
            order,
            address,
            back,
        } => screens::no_cookie_screen(setting, order, address, back).into_any(),
        Screen::Refused {
            order,
            code,
            cause,
            again,
            others,
            leave,
        } => {
            let forged = code == ErrCode::BadSign.code();
            let code = format!("{} {code}", words.code);
            let again = again.map(|url| (url, words.try_again));
            let others = others.map(|url| (url, words.other_channel));
            let ways: Vec<_> = again.into_iter().chain(others).collect();
            let (why, detail) = match ways.is_empty() {
                false => (cause, code),
                true if forged => (words.refused_why.to_owned(), format!("{code}：{cause}")),
                true => (words.refused_other.to_owned(), format!("{code}：{cause}")),
            };
            let message = Message {
                good: false,
                title: words.refused,
                why,
                detail: Some(detail),
                ways,
                leave,
            };
            message_screen(setting, order, message).into_any()
        }
        Screen::Unknown => {
            let why = words.unknown_page_why.to_owned();
            let message = Message::plain(false, words.unknown_page, why, None);
            message_screen(setting, None, message).into_any()
        }
    }
}

#[cfg(test)]
mod tests;
