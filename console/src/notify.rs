//! One notify as it came.

use crate::words::channel;
use crate::{Setting, document};
use leptos::prelude::*;
use payment::lang::Lang;
use payment::ports::SeenNotify;
use payment::printable::printable;

/// What the screen shows.
pub struct Notify {
    /// Its number.
    pub id: i64,
    /// The notify, and what became of it.
    pub seen: SeenNotify,
    /// Whether it is its channel's own, where that was asked; else why not.
    pub checked: Option<Result<(), String>>,
}

/// One notify: its bytes, what became of it, and the check of its signature.
#[must_use]
pub fn notify(setting: &Setting<'_>, notify: &Notify) -> String {
    let row = &notify.seen.row;
    let outcome = notify.seen.outcome.clone();
    let outcome =
        outcome.unwrap_or_else(|| setting.say("还没有处理", "not worked on yet").to_owned());
    let is_pruned = row.headers.is_empty() && row.body.is_empty();
    let checked = match &notify.checked {
        Some(Ok(())) => {
            let holds = setting.say(
                "签名成立：是渠道发的。",
                "The signature holds: it is the channel's own.",
            );
            view! { <p class="good" role="status">{holds}</p> }.into_any()
        }
        Some(Err(why)) => {
            let not = setting.say(
                "签名不成立，或无法核对",
                "The signature does not hold, or can't be checked",
            );
            view! { <p class="bad" role="status">{not}": "{printable(why)}</p> }.into_any()
        }
        None if is_pruned => {
            let gone = setting.say("原文已清理。", "What came was pruned.");
            view! { <p>{gone}</p> }.into_any()
        }
        None => {
            let address = format!("/notify/{}?check=1", notify.id);
            let ask = setting.say("现在核对签名", "Check the signature now");
            view! { <p><a href=address>{ask}</a></p> }.into_any()
        }
    };
    // As it came, but for what no page can hold.
    let shown = |text: &str| -> String {
        let lines = text.lines().map(printable);
        lines.collect::<Vec<_>>().join("\n")
    };
    let length = match setting.lang {
        Lang::Zh => format!("正文，{} 字节", row.body.len()),
        Lang::En => format!("Body, {} bytes", row.body.len()),
    };
    let body = view! {
        <dl>
            <div><dt>{setting.say("渠道", "Channel")}</dt>
                <dd>{channel(setting, row.channel)}" / "{row.account.clone()}</dd></div>
            <div><dt>{setting.say("收到于", "Came at")}</dt><dd>{(setting.time)(row.received_ms)}</dd></div>
            <div><dt>{setting.say("渠道订单号", "Channel's number")}</dt>
                <dd>{row.channel_order_no.clone()}</dd></div>
            <div><dt>{setting.say("结果", "What became of it")}</dt><dd>{outcome}</dd></div>
        </dl>
        {checked}
        <h2>{setting.say("头部", "Headers")}</h2>
        <pre>{shown(&row.headers)}</pre>
        <h2>{length}</h2>
        <pre>{shown(&String::from_utf8_lossy(&row.body))}</pre>
    };
    let title = format!("{} {}", setting.say("通知", "Notify"), notify.id);
    document(setting, &title, body)
}
