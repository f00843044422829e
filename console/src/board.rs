//! Money at risk, what was paid today, and whether what waits is in time.

use crate::figures::columns;
use crate::order::{ACTS, BY_HAND};
use crate::queues::{Queues, summary};
use crate::words::channel_of;
use crate::{Setting, age, document};
use leptos::prelude::*;
use payment::lang::Lang;
use payment::money::two_decimals;
use payment::order::Attempt;
use payment::ports::{Risk, RiskKind, Total};

/// What the board shows.
pub struct Board<'a> {
    /// Money at risk: the most urgent kind first, of each the oldest.
    pub risks: Vec<Risk>,
    /// How many more there are.
    pub more: usize,
    /// How many there are of each kind that has some.
    pub kinds: Vec<(RiskKind, i64)>,
    /// The kind that is shown alone.
    pub kind: Option<RiskKind>,
    /// What waits.
    pub queues: Queues<'a>,
    /// What was paid today, by channel; none where that is too much to be read.
    pub today: Option<Vec<Total>>,
    /// Now, ms since 1970.
    pub now_ms: i64,
}

/// The first page.
#[must_use]
pub fn board(setting: &Setting<'_>, board: &Board<'_>) -> String {
    let body = view! {
        {risks(setting, board)}
        {today(setting, board)}
        <h2><a href="/queues">{setting.say("队列", "Queues")}</a></h2>
        {summary(setting, &board.queues)}
    };
    document(setting, setting.say("有风险的钱", "Money at risk"), body)
}

fn risks(setting: &Setting<'_>, board: &Board<'_>) -> AnyView {
    if board.risks.is_empty() && !board.kinds.is_empty() {
        let none = setting.say("这一种现在没有。", "None of this kind now.");
        return view! { {kinds(setting, board)}<p>{none}</p> }.into_any();
    }
    if board.risks.is_empty() {
        let nothing = setting.say(
            "没有：没有一笔钱等人处理。还会自动再试的（例如没人收的回调）不在这里，在下面的队列里。",
            "None: no money waits for a person. What is still tried again by itself, such as a \
             callback that nobody takes, is not told here but by the queues below.",
        );
        // Green is for a page that has nothing to look at.
        let class = if board.queues.amiss() == 0 {
            "good"
        } else {
            ""
        };
        return view! { <p class=class>{nothing}</p> }.into_any();
    }
    let rows: Vec<_> = board
        .risks
        .iter()
        .map(|line| risk(setting, line, board.now_ms))
        .collect();
    let more = (board.more > 0).then(|| match setting.lang {
        Lang::Zh => format!("另有 {} 条：先处理这些。", board.more),
        Lang::En => format!("{} more: these first.", board.more),
    });
    view! {
        {kinds(setting, board)}
        <table>
            <thead><tr>
                <th>{setting.say("怎么了", "What")}</th>
                <th>{setting.say("订单", "Order")}</th>
                <th class="number">{setting.say("金额", "Sum")}</th>
                <th>{setting.say("从何时起", "Since")}</th>
                <th>{setting.say("下一步", "Next step")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
        {more.map(|more| view! { <p>{more}</p> })}
    }
    .into_any()
}

/// Each kind by itself, where not all are on the page.
fn kinds(setting: &Setting<'_>, board: &Board<'_>) -> Option<impl IntoView> {
    if board.more == 0 && board.kind.is_none() {
        return None;
    }
    let kinds = board.kinds.iter().map(|(kind, count)| {
        let (what, _) = kind.told(setting.lang);
        let current = (board.kind == Some(*kind)).then_some("page");
        let address = format!("/?kind={}", kind.word());
        view! { <li><a href=address aria-current=current>{what}" "{*count}</a></li> }
    });
    let kinds: Vec<_> = kinds.collect();
    let all = setting.say("全部", "All");
    Some(view! { <ul><li><a href="/">{all}</a></li>{kinds}</ul> })
}

/// The next step, which leads to its act where an order's page has it.
fn next_step(setting: &Setting<'_>, risk: &Risk) -> AnyView {
    let (_, told) = risk.kind.told(setting.lang);
    let (place, next) = match risk.kind {
        RiskKind::Refund => (
            BY_HAND,
            setting.say(
                "等人处理的（PARKED）在渠道后台了结，失败的用别的办法退，再在订单上记“这笔已退回”",
                "End one that waits (PARKED) at its channel, give one that failed back by another \
                 way; then say on the order \"It is given back\"",
            ),
        ),
        RiskKind::Late => (
            BY_HAND,
            setting.say(
                "会自动退；要认账：在订单上“认账”",
                "It goes back by itself; to let it pay: \"Let it pay\" on the order",
            ),
        ),
        RiskKind::Mismatch => (
            BY_HAND,
            setting.say(
                "什么都没有结算。看差在哪里：账户设错了，改好后“现在查询”；不该收的，到渠道后台退掉，\
                 再记“已处理”，然后“没有付款”",
                "Nothing was settled. See what differs: where the account is set wrongly, mend that \
                 and \"Ask now\"; else give it back at the channel's console, then say \"It has been \
                 looked after\", and \"It is not paid\"",
            ),
        ),
        RiskKind::TakenBack => (
            BY_HAND,
            setting.say(
                "到渠道后台核对：争议还是人工退款；处理了，在订单上记“已处理”",
                "Look at the channel's console: a dispute, or by hand; then say on the order \
                 \"It has been looked after\"",
            ),
        ),
        RiskKind::Unknown | RiskKind::Asked | RiskKind::Callback => (ACTS, told),
        _ => ("", told),
    };
    if risk.order_sn.is_empty() {
        return told.into_any();
    }
    if place.is_empty() {
        return next.into_any();
    }
    let address = format!("/order/{}#{place}", risk.order_sn);
    view! { <a href=address>{next}</a> }.into_any()
}

fn risk(setting: &Setting<'_>, risk: &Risk, now_ms: i64) -> impl IntoView {
    let (what, _) = risk.kind.told(setting.lang);
    let money = risk.money.map(|money| money.to_string());
    let order = (!risk.order_sn.is_empty()).then(|| {
        let address = format!("/order/{}", risk.order_sn);
        view! { <a href=address>{risk.order_sn.clone()}</a> }
    });
    let age = age(setting.lang, now_ms - risk.since_ms);
    view! {
        <tr>
            <td>{what}<small>{risk.detail.clone()}</small></td>
            <td>{order}</td>
            <td class="number">{money.clone()}</td>
            <td data-name=setting.say("从", "since")>{(setting.time)(risk.since_ms)}<small>{age}</small></td>
            <td data-name=setting.say("下一步", "next")>{next_step(setting, risk)}</td>
        </tr>
    }
}

fn today(setting: &Setting<'_>, board: &Board<'_>) -> impl IntoView {
    let totals = board.today.as_deref();
    // On a phone each stands before its cell.
    let [count, paid, refunded] = columns(setting);
    let rows: Vec<_> = totals
        .unwrap_or_default()
        .iter()
        .map(|total| {
            let code = total.currency.code();
            let yuan = |minor| format!("{code} {}", two_decimals(minor));
            let state = Attempt::Paid.word();
            let address = format!(
                "/orders?channel={}&currency={code}&state={state}&paid=1&today=1",
                total.name
            );
            view! {
                <tr>
                    <td><a href=address>{channel_of(setting, &total.name)}</a></td>
                    <td class="number" data-name=count>{total.count}</td>
                    <td class="number" data-name=paid>{yuan(total.paid)}</td>
                    <td class="number" data-name=refunded>{yuan(total.refunded)}</td>
                </tr>
            }
        })
        .collect();
    let has_none = rows.is_empty();
    let none = has_none.then(|| {
        let nothing = match totals {
            Some(_) => setting.say("今天还没有付款。", "Nothing was paid today yet."),
            None => setting.say(
                "今天的订单太多，还没有统计好；过几分钟再看。",
                "So many orders today are not summed up yet: look again in some minutes.",
            ),
        };
        view! { <p>{nothing}</p> }
    });
    view! {
        <h2>{setting.say("今天付的（按付款时间）", "Paid today (by the time of payment)")}</h2>
        {none}
        <table hidden=has_none>
            <thead><tr>
                <th>{setting.say("渠道", "Channel")}</th>
                <th class="number">{count}</th>
                <th class="number">{paid}</th>
                <th class="number">{refunded}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_next_step_leads_to_its_act() {
        let setting = Setting::test(Lang::En);
        let step = |kind, order_sn: &str| {
            let risk = Risk {
                kind,
                order_sn: order_sn.to_owned(),
                detail: String::new(),
                money: None,
                since_ms: 0,
            };
            next_step(&setting, &risk).to_html()
        };
        for (kind, place) in [
            (RiskKind::Refund, "by-hand"),
            (RiskKind::Late, "by-hand"),
            (RiskKind::TakenBack, "by-hand"),
            (RiskKind::Asked, "acts"),
            (RiskKind::Callback, "acts"),
            (RiskKind::Unknown, "acts"),
        ] {
            let step = step(kind, "7");
            let address = format!("href=\"/order/7#{place}\"");
            assert!(step.contains(&address), "{step}");
            assert!(!step.contains("tongfu order"), "{step}");
        }
        // Paid another way, one that waits for a person at its channel could go back twice.
        let refund = step(RiskKind::Refund, "7");
        assert!(
            refund.contains("that waits (PARKED) at its channel"),
            "{refund}"
        );
        assert!(!step(RiskKind::Mismatch, "").contains("href"));
        assert!(!step(RiskKind::Held, "7").contains("href"));
    }
}
