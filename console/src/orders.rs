//! The list of orders.

use crate::list::{choice, kind, older, place, refused, table};
use crate::words::channel;
use crate::{Setting, document};
use leptos::prelude::*;
use payment::channel::Channel;
use payment::lang::Lang;
use payment::money::{Currency, two_decimals};
use payment::order::Attempt;
use payment::ports::Listed;

/// What is asked for, as the address says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// The first day, or minute.
    pub since: String,
    /// The last day, or minute.
    pub until: String,
    /// A business system's code.
    pub business: String,
    /// A channel's code.
    pub channel: String,
    /// A channel's account.
    pub account: String,
    /// A currency's code.
    pub currency: String,
    /// A state's word.
    pub state: String,
    /// Sums from, in yuan.
    pub min: String,
    /// Sums up to, in yuan.
    pub max: String,
    /// How their callbacks stand: `failing`, or nothing is said of them.
    pub callback: String,
    /// Times are those of the payment.
    pub paid: bool,
}

/// A page of the list.
pub struct Orders {
    /// What is asked for.
    pub asked: Asked,
    /// Why that can't be.
    pub refusal: Option<String>,
    /// The orders, the newest first.
    pub rows: Vec<Listed>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where all of them are, as a table for spreadsheets.
    pub csv: Option<String>,
    /// Whether these are the newest.
    pub is_first: bool,
    /// There may be more, which are not listed.
    pub is_cut: bool,
    /// It was not looked further back than to this time, ms.
    pub looked_to_ms: Option<i64>,
}

/// The list of orders, or what a number was found at.
#[must_use]
pub fn orders(setting: &Setting<'_>, orders: &Orders) -> String {
    let rows: Vec<_> = orders.rows.iter().map(|row| line(setting, row)).collect();
    let count = orders.rows.len();
    let place = match (orders.is_first, orders.next.is_some()) {
        (true, false) if orders.is_cut => setting.say(
            "每种号码的前一百个",
            "the first hundred of each kind of number",
        ),
        (is_first, has_next) => place(setting, is_first, has_next),
    };
    let shown = match (orders.looked_to_ms.map(setting.time), setting.lang) {
        (None, Lang::Zh) => format!("显示 {count} 个订单：{place}。"),
        (None, Lang::En) if count == 1 => format!("1 order is shown: {place}."),
        (None, Lang::En) => format!("{count} orders are shown: {place}."),
        (Some(time), Lang::Zh) => {
            format!("显示 {count} 个订单；找到 {time} 为止，更早的还没有找。")
        }
        (Some(time), Lang::En) => {
            let shown = match count {
                1 => "1 order is shown".to_owned(),
                _ => format!("{count} orders are shown"),
            };
            format!("{shown}; looked back to {time}, and not further yet.")
        }
    };
    let refusal = orders.refusal.clone();
    let shown = refusal.is_none().then_some(shown);
    let next = orders.next.clone();
    let has_none = rows.is_empty();
    let csv = orders
        .csv
        .clone()
        .filter(|_| !has_none || orders.looked_to_ms.is_some());
    let body = view! {
        {filter(setting, &orders.asked)}
        {refused(refusal)}
        {shown.map(|shown| view! { <p>{shown}{table(setting, csv)}</p> })}
        <table hidden=has_none>
            <thead><tr>
                <th>{setting.say("订单", "Order")}</th>
                <th>{setting.say("状态", "State")}</th>
                <th class="number">{setting.say("金额", "Sum")}</th>
                <th>{setting.say("渠道", "Channel")}</th>
                <th>{setting.say("业务系统", "Business")}</th>
                <th>{setting.say("下单", "Made")}</th>
                <th>{setting.say("付款", "Paid")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {older(setting, next)}
    };
    document(setting, setting.say("订单", "Orders"), body)
}

/// The page of a number that no order bears.
#[must_use]
pub fn not_found(setting: &Setting<'_>, number: &str) -> String {
    let searched = setting.say(
        "查的是：订单号、requestKey、业务系统的订单号、渠道订单号、渠道交易号、退款号、回调号、付款页地址末尾的一串（/pay/attempt/ 之后）。要写完整的号码。",
        "These are searched, each as a whole: numbers of orders, requestKeys, business systems' own \
         numbers, channels' numbers, trade numbers, numbers of refunds and callbacks, and what a \
         payer's page has behind /pay/attempt/.",
    );
    let body = view! {
        <p>{setting.say("没有订单有这个号码。", "No order bears this number.")}</p>
        <p>{searched}</p>
        <form class="filter" method="get" action="/find">
            <label>{setting.say("号码", "Number")}
                <input name="number" required maxlength="200" value=number.to_owned()/></label>
            <button>{setting.say("再查一次", "Search again")}</button>
        </form>
        <p><a href="/orders">{setting.say("全部订单", "All orders")}</a></p>
    };
    document(setting, setting.say("没有找到", "Not found"), body)
}

fn line(setting: &Setting<'_>, listed: &Listed) -> impl IntoView {
    let row = &listed.order;
    let back = (listed.refunded != 0).then(|| {
        let (what, sum) = (
            setting.say("已退", "given back"),
            two_decimals(listed.refunded),
        );
        view! { <small>{what}" "{sum}</small> }
    });
    let address = format!("/order/{}", row.order_sn);
    view! {
        <tr>
            <td><a href=address>{row.order_sn.clone()}</a><small>{row.request_key.clone()}</small></td>
            <td>{row.status.word()}</td>
            <td class="number">{row.money.to_string()}{back}</td>
            <td>{channel(setting, row.channel)}<small>{row.account.clone()}</small></td>
            <td>{row.domain_code.clone()}</td>
            <td data-name=setting.say("下单", "made")>{(setting.time)(row.created_ms)}</td>
            {row.paid_ms.map_or_else(
                || view! { <td></td> }.into_any(),
                |paid_ms| view! {
                    <td data-name=setting.say("付款", "paid")>{(setting.time)(paid_ms)}</td>
                }.into_any(),
            )}
        </tr>
    }
}

fn filter(setting: &Setting<'_>, asked: &Asked) -> impl IntoView {
    let any = setting.say("不限", "any");
    let channels = Channel::ALL.map(|one| {
        let is_chosen = one.code() == asked.channel;
        view! { <option value=one.code() selected=is_chosen>{channel(setting, one)}</option> }
    });
    let currencies = choice(&Currency::ALL.map(Currency::code), &asked.currency);
    let states = choice(&Attempt::ALL.map(Attempt::word), &asked.state);
    let asked = asked.clone();
    view! {
        <form method="get" action="/orders" class="filter">
            <label>{setting.say("从", "From")}<input type=kind(&asked.since) name="since" value=asked.since.clone()/></label>
            <label>{setting.say("到", "To")}<input type=kind(&asked.until) name="until" value=asked.until.clone()/></label>
            <label>{setting.say("业务系统", "Business")}
                <input name="business" maxlength="64" value=asked.business/></label>
            <label>{setting.say("渠道", "Channel")}
                <select name="channel"><option value="">{any}</option>{channels.collect_view()}</select></label>
            <label>{setting.say("账户", "Account")}
                <input name="account" maxlength="64" value=asked.account/></label>
            <label>{setting.say("状态", "State")}
                <select name="state"><option value="">{any}</option>{states}</select></label>
            <label>{setting.say("币种", "Currency")}
                <select name="currency"><option value="">{any}</option>{currencies}</select></label>
            <label>{setting.say("金额从", "Sum from")}
                <input name="min" inputmode="decimal" maxlength="12" value=asked.min/></label>
            <label>{setting.say("金额到", "Sum to")}
                <input name="max" inputmode="decimal" maxlength="12" value=asked.max/></label>
            <label>{setting.say("回调", "Callbacks")}
                <select name="callback"><option value="">{any}</option>
                    <option value="failing" selected={asked.callback == "failing"}>
                        {setting.say("发不通的", "that fail now")}</option></select></label>
            <label class="check"><input type="checkbox" name="paid" value="1" checked=asked.paid/>
                {setting.say("按付款时间", "by the time of payment")}</label>
            <button>{setting.say("列出", "List")}</button>
        </form>
    }
}
