//! The list of refunds.

use crate::list::{choice, kind, older, place, refused, table};
use crate::{Setting, document};
use leptos::prelude::*;
use payment::lang::Lang;
use payment::ports::{ListedRefund, RefundRow};
use payment::refund::{Cause, Refund};

/// What is asked for, as the address says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedRefunds {
    /// The first day, or minute.
    pub since: String,
    /// The last day, or minute.
    pub until: String,
    /// A business system's code.
    pub business: String,
    /// A state's word.
    pub state: String,
    /// The word of who wants it.
    pub cause: String,
}

/// A page of the list.
pub struct RefundList {
    /// What is asked for.
    pub asked: AskedRefunds,
    /// Why that can't be.
    pub refusal: Option<String>,
    /// The refunds, the newest first.
    pub rows: Vec<ListedRefund>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where all of them are, as a table for spreadsheets.
    pub csv: Option<String>,
    /// Whether these are the newest.
    pub is_first: bool,
}

/// The list of refunds.
#[must_use]
pub fn refunds(setting: &Setting<'_>, refunds: &RefundList) -> String {
    let rows: Vec<_> = refunds.rows.iter().map(|row| line(setting, row)).collect();
    let count = rows.len();
    let place = place(setting, refunds.is_first, refunds.next.is_some());
    let shown = match setting.lang {
        Lang::Zh => format!("显示 {count} 笔退款：{place}。"),
        Lang::En if count == 1 => format!("1 refund is shown: {place}."),
        Lang::En => format!("{count} refunds are shown: {place}."),
    };
    let refusal = refunds.refusal.clone();
    let shown = refusal.is_none().then_some(shown);
    let has_none = count == 0;
    let csv = refunds.csv.clone().filter(|_| !has_none);
    let next = refunds.next.clone();
    let body = view! {
        {filter(setting, &refunds.asked)}
        {refused(refusal)}
        {shown.map(|shown| view! { <p>{shown}{table(setting, csv)}</p> })}
        <table hidden=has_none>
            <thead><tr>
                <th>{setting.say("退款", "Refund")}</th>
                <th>{setting.say("状态", "State")}</th>
                <th class="number">{setting.say("金额", "Sum")}</th>
                <th>{setting.say("订单", "Order")}</th>
                <th>{setting.say("业务系统", "Business")}</th>
                <th>{setting.say("谁要的", "By")}</th>
                <th>{setting.say("写下", "Written down")}</th>
                <th>{setting.say("说明", "Note")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {older(setting, next)}
    };
    document(setting, setting.say("退款", "Refunds"), body)
}

/// A refund's sum at its channel, where that is another one: its console wants it.
pub(crate) fn charged(refund: &RefundRow) -> Option<impl IntoView + use<>> {
    let charged = refund.channel_money;
    (charged != refund.money).then(|| view! { <small>{charged.to_string()}</small> })
}

fn line(setting: &Setting<'_>, listed: &ListedRefund) -> impl IntoView {
    let refund = &listed.refund;
    let address = format!("/order/{}", refund.order_sn);
    view! {
        <tr>
            <td>{refund.refund_no.clone()}<small>{refund.refund_key.clone()}</small></td>
            <td>{refund.state.word()}</td>
            <td class="number">{refund.money.to_string()}{charged(refund)}</td>
            <td data-name=setting.say("订单", "order")><a href=address>{refund.order_sn.clone()}</a></td>
            <td>{listed.domain_code.clone()}</td>
            <td data-name=setting.say("谁要的", "by")>{refund.cause.word()}</td>
            <td>{(setting.time)(refund.created_ms)}</td>
            <td>{refund.note.clone()}</td>
        </tr>
    }
}

fn filter(setting: &Setting<'_>, asked: &AskedRefunds) -> impl IntoView {
    let any = setting.say("不限", "any");
    let states = choice(&Refund::ALL.map(Refund::word), &asked.state);
    let causes = choice(&Cause::ALL.map(Cause::word), &asked.cause);
    let asked = asked.clone();
    view! {
        <form method="get" action="/refunds" class="filter">
            <label>{setting.say("从", "From")}<input type=kind(&asked.since) name="since" value=asked.since.clone()/></label>
            <label>{setting.say("到", "To")}<input type=kind(&asked.until) name="until" value=asked.until.clone()/></label>
            <label>{setting.say("业务系统", "Business")}
                <input name="business" maxlength="64" value=asked.business/></label>
            <label>{setting.say("状态", "State")}
                <select name="state"><option value="">{any}</option>{states}</select></label>
            <label>{setting.say("谁要的", "By")}
                <select name="cause"><option value="">{any}</option>{causes}</select></label>
            <button>{setting.say("列出", "List")}</button>
        </form>
    }
}
