//! The operator's console as the server renders it: complete without any script
//! (docs/console.md). What is shown is read by who calls; nothing here decides.

mod account;
mod alarms;
mod board;
mod business;
mod figures;
mod list;
mod notify;
mod order;
mod orders;
mod queues;
mod record;
mod refunds;
mod sign_in;
mod words;

pub use account::{Account, Accounts, account, accounts};
pub use alarms::AlarmsTo;
pub use board::{Board, board};
pub use business::{
    Business, Businesses, Change, Field, Issued, Planned, Shape, business, businesses, issued,
    label, planned,
};
pub use figures::{By, DAYS, Figures, Read, Spread, Success, Sum, Took, figures};
pub use notify::{Notify, notify};
pub use order::{Called, Notice, Order, Payment, Typed, order};
pub use orders::{Asked, Orders, not_found, orders};
pub use queues::{Answering, End, Ending, Lane, Queues, queues};
pub use record::{AskedActs, Record, record};
pub use refunds::{AskedRefunds, RefundList, refunds};
pub use sign_in::sign_in;

use leptos::prelude::*;
use payment::lang::Lang;
use payment::operators::Operator;

/// The colours of all plain pages, light and dark.
pub const PALETTE: &str = include_str!("palette.css");
const STYLE: &str = include_str!("console.css");
const KEYS: &str = include_str!("keys.js");

/// What a form says by a name, first of all; none: it does not say it.
#[must_use]
pub fn said<'a>(form: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = form.iter().find(|(one, _)| one == name);
    found.map(|(_, value)| value.as_str())
}

/// What every page is told beside its content.
#[derive(Clone, Copy)]
pub struct Setting<'a> {
    /// The operator's language.
    pub lang: Lang,
    /// Allows this response's own style (CSP).
    pub nonce: &'a str,
    /// Who looks, once signed in, and the token of his forms.
    pub who: Option<(&'a Operator, &'a str)>,
    /// This page's own address, for its other language.
    pub here: &'a str,
    /// A time with its zone, of ms since 1970.
    pub time: fn(i64) -> String,
}

#[cfg(test)]
impl Setting<'static> {
    /// Of a page that nobody looks at.
    fn test(lang: Lang) -> Self {
        Self {
            lang,
            nonce: "n",
            who: None,
            here: "/",
            time: |ms| format!("T{ms}"),
        }
    }
}

impl Setting<'_> {
    /// One of two texts.
    fn say(&self, zh: &'static str, en: &'static str) -> &'static str {
        self.lang.choose(zh, en)
    }

    /// The same page in the other language.
    fn other_language(&self) -> String {
        let (path, query) = self.here.split_once('?').unwrap_or((self.here, ""));
        let others = query.split('&');
        let others = others.filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
        let mut query: Vec<_> = others.map(str::to_owned).collect();
        query.push(format!("lang={}", self.lang.other().tag()));
        format!("{path}?{}", query.join("&"))
    }
}

/// A whole document.
fn document(setting: &Setting<'_>, title: &str, body: impl IntoView) -> String {
    let name = setting.say("统付控制台", "Tongfu console");
    let title = title.to_owned();
    let (nonce, tag) = (setting.nonce, setting.lang.tag());
    let head = setting.who.map(|who| header(setting, who));
    let view = view! {
        {head}
        <main>
            <h1>{title.clone()}</h1>
            {body}
        </main>
    };
    let heading = view! { <title>{format!("{title} · {name}")}</title> };
    format!(
        "<!DOCTYPE html><html lang=\"{tag}\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">{}\
         <style nonce=\"{nonce}\">{PALETTE}{STYLE}</style></head><body>{}</body></html>",
        heading.to_html(),
        view.to_html() + &setting.who.map(|_| keys(setting)).unwrap_or_default(),
    )
}

/// Where script runs: `/` goes to the box of numbers, j and k through a list, and numbers
/// get a button that copies them.
fn keys(setting: &Setting<'_>) -> String {
    let words = [
        ("copy", setting.say("复制", "Copy")),
        ("copied", setting.say("已复制", "Copied")),
        (
            "keys",
            setting.say(
                "快捷键：/ 查找，j k 上下，回车打开，Esc 离开输入框。",
                "Keys: / finds, j and k go down and up, Enter opens, Esc leaves a field.",
            ),
        ),
        ("none", setting.say("快捷键已关闭。", "Keys are off.")),
        ("on", setting.say("打开快捷键", "Turn keys on")),
        ("off", setting.say("关闭快捷键", "Turn keys off")),
    ];
    let words = words.map(|(name, text)| format!(" data-{name}=\"{text}\""));
    format!(
        "<script nonce=\"{}\"{}>{KEYS}</script>",
        setting.nonce,
        words.concat()
    )
}

fn header(setting: &Setting<'_>, (operator, token): (&Operator, &str)) -> impl IntoView {
    let find = setting.say("任意号码", "any number");
    let who = format!("{} · {}", operator.name, operator.role.word());
    let other = setting.other_language();
    let (other_name, other_tag) = match setting.lang {
        Lang::Zh => ("English", "en"),
        Lang::En => ("中文", "zh-CN"),
    };
    view! {
        <header>
            <nav aria-label=setting.say("主导航", "Main")>
                <a href="/">{setting.say("有风险的钱", "Money at risk")}</a>
                <a href="/queues">{setting.say("队列", "Queues")}</a>
                <a href="/orders">{setting.say("订单", "Orders")}</a>
                <a href="/refunds">{setting.say("退款", "Refunds")}</a>
                <a href="/figures">{setting.say("统计", "Figures")}</a>
                <a href="/businesses">{setting.say("业务系统", "Businesses")}</a>
                <a href="/accounts">{setting.say("渠道账户", "Accounts")}</a>
                <a href="/acts">{setting.say("操作记录", "Acts")}</a>
            </nav>
            <form class="find" method="get" action="/find" role="search">
                <input name="number" required maxlength="200" placeholder=find aria-label=find/>
                <button>{setting.say("查找", "Find")}</button>
            </form>
            <form class="who" method="post" action="/sign-out">
                <input type="hidden" name="token" value=token.to_owned()/>
                <span>{who}</span>
                <a href=other lang=other_tag>{other_name}</a>
                <button>{setting.say("退出", "Sign out")}</button>
            </form>
        </header>
    }
}

/// How long something has lasted, in one unit.
fn age(lang: Lang, ms: i64) -> String {
    let seconds = ms.max(0) / 1000;
    let (count, (zh, en)) = match seconds {
        ..120 => (seconds, ("秒", "s")),
        120..7_200 => (seconds / 60, ("分钟", "min")),
        _ => (seconds / 3_600, ("小时", "h")),
    };
    format!("{count} {}", lang.choose(zh, en))
}

/// A page that says one thing.
#[must_use]
pub fn message(setting: &Setting<'_>, title: &str, text: &str) -> String {
    document(setting, title, view! { <p>{text.to_owned()}</p> })
}

/// The page of a form that another session was shown; `back` is where the form stands.
#[must_use]
pub fn stale(setting: &Setting<'_>, back: &str) -> String {
    let text = setting.say(
        "这个表单不是这次登录打开的（例如在另一个标签页里又登录过），没有执行。回到那一页，再做一次。",
        "This form is not of this session (such as after you signed in again in another tab), and \
         nothing was done. Go back to its page, and do it again.",
    );
    let name = setting.say("回到那一页", "To its page");
    let back = back.to_owned();
    let body = view! {
        <p class="bad" role="alert">{text}</p>
        <p><a href=back>{name}</a></p>
    };
    document(setting, "403", body)
}

/// The page of an address that there is not.
#[must_use]
pub fn nowhere(setting: &Setting<'_>) -> String {
    let text = setting.say("没有这个页面。", "There is no such page.");
    let home = setting.say("回到首页：有风险的钱", "To the first page: money at risk");
    let body = view! {
        <p>{text}</p>
        <p><a href="/">{home}</a></p>
    };
    document(setting, "404", body)
}
