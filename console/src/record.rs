//! Who did what.

use crate::{Setting, document};
use leptos::prelude::*;
use payment::acts::OperatorAct;

/// A page of operators' acts.
pub struct Record {
    /// The words that they hold.
    pub about: String,
    /// The acts, the newest first.
    pub acts: Vec<OperatorAct>,
    /// Whether these are the newest.
    pub is_first: bool,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where all of them are, as a table for spreadsheets.
    pub csv: String,
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
                    <td>{act.seq}</td>
                    <td>{(setting.time)(act.at_ms)}</td>
                    <td>{act.by.clone()}</td>
                    <td>{act.what.clone()}</td>
                </tr>
            }
        })
        .collect();
    let has_none = rows.is_empty();
    let none = has_none.then(|| {
        let nothing = setting.say("这里没有。", "None here.");
        view! { <p>{nothing}</p> }
    });
    let newest = record
        .is_first
        .then(|| setting.say("最新的在前。", "The newest first."));
    let next = record.next.clone().map(|next| {
        let name = setting.say("更早的", "Older ones");
        view! { <p><a href=next rel="next">{name}</a></p> }
    });
    let csv = record.csv.clone();
    let whole = setting.say(
        "链是否完整：tongfu act verify。",
        "Whether the chain is whole: tongfu act verify.",
    );
    let body = view! {
        <form method="get" action="/acts" class="filter">
            <label>{setting.say("含有（名字、单号、命令）", "Holding (a name, a number, a command)")}
                <input name="about" maxlength="200" value=record.about.clone()/></label>
            <button>{setting.say("列出", "List")}</button>
        </form>
        <p>{newest}" "{whole}" "<a href=csv>{setting.say("下载 CSV（全部）", "CSV of all that fit")}</a></p>
        {none}
        <table hidden=has_none>
            <thead><tr>
                <th>"#"</th>
                <th>{setting.say("时间", "Time")}</th>
                <th>{setting.say("谁", "By")}</th>
                <th>{setting.say("做了什么", "What")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {next}
    };
    document(setting, setting.say("操作记录", "Acts"), body)
}
