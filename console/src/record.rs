//! Who did what.

use crate::list::{kind, older, refused, table};
use crate::{Setting, document};
use leptos::prelude::*;
use payment::acts::{OperatorAct, Piece};

/// What is asked for, as the address says it.
pub struct AskedActs {
    /// The first day, or minute.
    pub since: String,
    /// The last day, or minute.
    pub until: String,
    /// A person's name.
    pub by: String,
    /// An order's number, or words that they hold.
    pub about: String,
}

/// A page of operators' acts.
pub struct Record {
    /// What is asked for.
    pub asked: AskedActs,
    /// Why that can't be.
    pub refusal: Option<String>,
    /// The acts, the newest first.
    pub acts: Vec<OperatorAct>,
    /// Numbers of refunds that were asked for, each with its order's.
    pub orders: Vec<(String, String)>,
    /// Whether these are the newest.
    pub is_first: bool,
    /// Where the next page is.
    pub next: Option<String>,
    /// Whether a page's lines were not found among what was looked through.
    pub is_partial: bool,
    /// Where all of them are, as a table for spreadsheets.
    pub csv: String,
}

/// What was done without what stands for a reason that is told elsewhere (docs/operating.md,
/// Who did what): it says nothing.
fn said(act: &OperatorAct) -> OperatorAct {
    let mut said = act.clone();
    for nothing in [" --reason …", " --reason=…"] {
        if let Some(before) = act.what.strip_suffix(nothing) {
            before.clone_into(&mut said.what);
        }
    }
    said
}

/// What was done, in which orders lead to their pages.
fn what(act: &OperatorAct, orders: &[(String, String)]) -> Vec<AnyView> {
    let order_of = |number: &str| {
        let order = orders.iter().find(|(asked, _)| asked == number);
        order.map(|(_, order_sn)| order_sn.clone())
    };
    let (mut views, mut text) = (Vec::new(), String::new());
    for piece in act.pieces() {
        let (word, order_sn) = match piece {
            Piece::Order(order_sn) => (order_sn, Some(order_sn.to_owned())),
            Piece::Asked(number) => (number, order_of(number)),
            Piece::Text(text) => (text, None),
        };
        let Some(order_sn) = order_sn else {
            text.push_str(word);
            continue;
        };
        views.push(std::mem::take(&mut text).into_any());
        let address = format!("/order/{order_sn}");
        views.push(view! { <a href=address>{word.to_owned()}</a> }.into_any());
    }
    views.push(text.into_any());
    views
}

/// The record of acts.
#[must_use]
pub fn record(setting: &Setting<'_>, record: &Record) -> String {
    let rows: Vec<_> = record
        .acts
        .iter()
        .map(|act| {
            view! {
                <tr>
                    <td data-name="#">{act.seq}</td>
                    <td>{(setting.time)(act.at_ms)}</td>
                    <td>{act.by.clone()}</td>
                    <td>{what(&said(act), &record.orders)}</td>
                </tr>
            }
        })
        .collect();
    let has_none = rows.is_empty();
    let refusal = record.refusal.clone();
    let none = (has_none && refusal.is_none() && !record.is_partial).then(|| {
        let nothing = setting.say("这里没有。", "None here.");
        view! { <p>{nothing}</p> }
    });
    let further = record.is_partial.then(|| {
        let text = setting.say(
            "更早的还没有找：请往前翻。",
            "What is older has not been looked through yet: go on to it.",
        );
        view! { <p>{text}</p> }
    });
    let newest = record
        .is_first
        .then(|| setting.say("最新的在前。", "The newest first."));
    let csv = refusal.is_none().then(|| record.csv.clone());
    let whole = setting.say(
        "链是否完整：tongfu act verify。",
        "Whether the chain is whole: tongfu act verify.",
    );
    let body = view! {
        {filter(setting, &record.asked)}
        {refused(refusal)}
        <p>{newest}" "{whole}{table(setting, csv)}</p>
        {none}
        {further}
        <table hidden=has_none>
            <thead><tr>
                <th>"#"</th>
                <th>{setting.say("时间", "Time")}</th>
                <th>{setting.say("谁", "By")}</th>
                <th>{setting.say("做了什么", "What")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {older(setting, record.next.clone())}
    };
    document(setting, setting.say("操作记录", "Acts"), body)
}

fn filter(setting: &Setting<'_>, asked: &AskedActs) -> impl IntoView {
    let AskedActs {
        since,
        until,
        by,
        about,
    } = asked;
    let holding = setting.say(
        "订单号，或含有（业务系统、命令）",
        "An order's number, or holding (a business system, a command)",
    );
    view! {
        <form method="get" action="/acts" class="filter">
            <label>{setting.say("从", "From")}
                <input type=kind(since) name="since" value=since.clone()/></label>
            <label>{setting.say("到", "To")}
                <input type=kind(until) name="until" value=until.clone()/></label>
            <label>{setting.say("谁", "By")}
                <input name="by" maxlength="64" value=by.clone()/></label>
            <label>{holding}<input name="about" maxlength="200" value=about.clone()/></label>
            <button>{setting.say("列出", "List")}</button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_is_told_elsewhere_leaves_no_dots() {
        let shown = |what: &str| {
            let act = OperatorAct {
                seq: 1,
                at_ms: 0,
                by: "dev".to_owned(),
                what: what.to_owned(),
                hash: String::new(),
            };
            said(&act).what
        };
        assert_eq!(shown("order requery 1 --reason …"), "order requery 1");
        assert_eq!(shown("order close 1 --reason=…"), "order close 1");
        let why = "channel disable Wechat/main --reason \"too slow …\"";
        assert_eq!(shown(why), why);
    }
}
