//! What a person does to an order who has seen elsewhere how it stands (docs/console.md, Acts).

use super::{Act, Payment, with_charged};
use crate::Setting;
use leptos::prelude::*;
use payment::lang::Lang;
use payment::operators::Deed;
use payment::order::{Attempt, Event, Step};
use payment::ports::RefundRow;
use payment::refund::{Left, Refund, SILENT_MS, Way};

/// What a person says who has seen it elsewhere.
pub(super) fn acts(setting: &Setting<'_>, asked: &Payment, now_ms: i64) -> Vec<Act> {
    let attempt = &asked.attempt;
    // What is going back, or has gone, pays nothing.
    let is_back = |one: &RefundRow| one.state.forward(Refund::Withdrawn) != Refund::Withdrawn;
    let is_back = asked.refunds.iter().any(is_back);
    let is_late = attempt.status == Attempt::PaidAfterClose && !is_back;
    let is_silent = now_ms - attempt.expires_ms > SILENT_MS;
    let closed = match attempt.status.on(Event::Closed, attempt.request_status) {
        Ok(Step::Go(next)) => Some(next.word()),
        _ => None,
    };
    let honour = Act {
        deed: Deed::Settle,
        path: "honour",
        name: setting.say("认账", "Let it pay"),
        effect: setting
            .say(
                "请求关闭之后才到的钱，付它的请求，并回调业务系统；没发出的、等人处理的退款收回\
                 （等人处理的，渠道那边的人仍可能退）。",
                "Money that came after its request was closed pays it, its business system is \
                 called back, and a refund that has not left, or waits for a person, is withdrawn \
                 (a person at the channel may still make one that waits).",
            )
            .to_owned(),
        hindrance: (!is_late).then(|| {
            setting.say(
                "不是关闭之后才到、还没在退的钱",
                "This is no money that came after a close and does not go back yet",
            )
        }),
        of: None,
        fields: None,
    };
    let hindrance = match () {
        // A declined one may have been paid with money that differs.
        () if !attempt.status.is_open()
            && (attempt.status != Attempt::Declined || attempt.mismatch.is_none()) =>
        {
            Some(("它已经结束", "It has ended"))
        }
        () if attempt.status == Attempt::Held => Some((
            "渠道正扣着这笔钱在查：只有它的回答能了结",
            "Its channel holds and checks the money: its answer alone ends it",
        )),
        () if !is_silent => Some((
            "过期十分钟后渠道还不说结果，才能用",
            "Only ten minutes after its end, where its channel still says nothing",
        )),
        () => None,
    };
    let unpaid = Act {
        deed: Deed::Settle,
        path: "unpaid",
        name: setting.say("没有付款", "It is not paid"),
        effect: match (closed, setting.lang) {
            // Of one that has ended nothing is closed.
            (None, Lang::Zh) => "你在渠道后台看到它没付：再查一次，还没有结果就结束。".to_owned(),
            (None, Lang::En) => "You saw at the channel's console that it is unpaid: asks once \
                                 more, and where there is no answer it ends."
                .to_owned(),
            (Some(closed), Lang::Zh) => format!(
                "你在渠道后台看到它没付：再查一次，还没有结果就变成 {closed}。以后到的钱照样处理。"
            ),
            (Some(closed), Lang::En) => format!(
                "You saw at the channel's console that it is unpaid: asks once more, and where \
                 there is no answer it becomes {closed}. Money that comes later is dealt with."
            ),
        },
        hindrance: hindrance.map(|(zh, en)| setting.say(zh, en)),
        of: None,
        fields: None,
    };
    let refunds = asked.refunds.iter();
    let refunds = refunds.filter(|one| one.may_end_by_hand(now_ms));
    let refunds = refunds.map(|refund| Act {
        deed: Deed::Settle,
        path: "by-hand",
        name: setting.say("这笔已退回", "It is given back"),
        effect: match setting.lang {
            Lang::Zh => format!(
                "{} 的 {} 已退回：记下，不再发往渠道。在渠道后台退的，渠道说的同样金额就是这一笔；\
                 用别的办法退的，渠道再退就是退了两次，会告警。",
                refund.refund_no,
                sums(refund)
            ),
            Lang::En => format!(
                "The {} of {} is back: that is noted, and nothing is sent. At the channel's \
                 console: the same sum that the channel tells of is this refund. By another way: \
                 what the channel gives back too went back twice, and alarms.",
                sums(refund),
                refund.refund_no
            ),
        },
        hindrance: (!fits(asked, refund)).then(|| {
            setting.say(
                "已没有这么多可退：已另行退过的，记“已处理”",
                "Less than that is left: where it was given back anew, say that it is looked after",
            )
        }),
        of: Some(("refund", refund.refund_no.clone())),
        fields: Some(which_way(setting, refund, &asked.refunds)),
    });
    [honour, unpaid].into_iter().chain(refunds).collect()
}

/// Whether a refund fits beside the others, or may be one that was made at the channel.
fn fits(asked: &Payment, refund: &RefundRow) -> bool {
    let (paid, channel_paid) = (asked.attempt.money, asked.attempt.channel_money);
    let left = Left::beside(paid, channel_paid, &asked.refunds, refund);
    let mut others = asked.refunds.iter();
    left.holds(refund) || refund.state.counts() && others.any(|one| one.stands_for(refund))
}

/// A refund's sum, and what its channel gives back for it where that is another one.
fn sums(refund: &RefundRow) -> String {
    with_charged(refund.money.to_string(), &refund.channel_money.to_string())
}

/// Which way it went back; it is asked for.
fn which_way(setting: &Setting<'_>, refund: &RefundRow, all: &[RefundRow]) -> AnyView {
    let way = |way: Way, zh: &'static str, en: &'static str| {
        view! {
            <label class="check">
                <input type="radio" name="way" value=way.word() required/>
                {setting.say(zh, en)}
            </label>
        }
    };
    let there = way(Way::Channel, "在渠道后台退的", "At the channel's console");
    let another = way(
        Way::Another,
        "用别的办法退的（如银行转账）",
        "By another way (as by a bank transfer)",
    );
    let anew = made_anew(setting, refund, all);
    view! { {there}{another}{anew} }.into_any()
}

/// Where the same sum went back since, it may have been in the place of this one.
fn made_anew(setting: &Setting<'_>, refund: &RefundRow, all: &[RefundRow]) -> Option<AnyView> {
    let anew = all.iter().find(|one| one.stands_for(refund))?;
    let text = match setting.lang {
        Lang::Zh => format!("又退了一次：{} 之外", anew.refund_no),
        Lang::En => format!("Once more: beside {}", anew.refund_no),
    };
    let check = view! {
        <label class="check"><input type="checkbox" name="again" value="1"/>{text}</label>
    };
    Some(check.into_any())
}

/// Somebody has looked after money that went back without a refund of ours, that came and is
/// not its order's, or a refund that failed.
pub(super) fn looked_after(
    setting: &Setting<'_>,
    number: &str,
    refund: Option<&RefundRow>,
    asked: Option<&Payment>,
) -> Act {
    let has_money = asked.is_some_and(|one| one.attempt.status.has_money());
    let effect = match refund {
        None if !has_money => setting
            .say(
                "到的钱与订单对不上，什么都没有结算，也不该收：你已在渠道后台退掉。记下，不再列为有\
                 风险；之后用“没有付款”或“关闭”结束它。（账户设错了的，不要退：改好后“现在查询”。）",
                "Money came that does not fit it, nothing was settled, and it was not to come: you \
                 have given it back at the channel's console. That is noted, and it is at risk no \
                 more; then end it by \"It is not paid\" or \"Close\". (Where its account was set \
                 wrongly, give nothing back: mend that, and \"Ask now\".)",
            )
            .to_owned(),
        Some(refund) if refund.state == Refund::Failed => setting
            .say(
                "这笔退款失败了，已另行退过，或不用再退：记下，不再列为有风险。账和退款不变。",
                "This refund failed, and the money was given back anew or is not to go back: that \
                 is noted, and it is at risk no more. Books and refunds stay as they are.",
            )
            .to_owned(),
        Some(refund) if refund.state.counts() && !refund.state.is_done() => setting
            .say(
                "钱已另行退走，剩下的不够这笔退款：它不会再退了。记为失败，不再问渠道，也不再列为\
                 有风险；要退款回调的业务系统会被告知它失败。（就是它在渠道后台用别的号退的，\
                 用“这笔已退回”。）",
                "Money went back without this refund, and too little is left for it: it is made no \
                 more. It is noted as failed, its channel is not asked again, it is at risk no \
                 more, and a business system that hears of refunds is told that it failed. (Where \
                 it is what was made at the channel by another number, say \"It is given back\".)",
            )
            .to_owned(),
        Some(refund) => went_back(setting.lang, &format!("{}, {number}", sums(refund))),
        None => {
            let untold = setting.say("一笔没说金额的钱", "money, nobody says how much");
            went_back(setting.lang, untold)
        }
    };
    Act {
        deed: Deed::Settle,
        path: "looked-after",
        name: setting.say("已处理", "It has been looked after"),
        effect,
        hindrance: None,
        of: Some(("refund", number.to_owned())),
        fields: None,
    }
}

/// What is noted of money that went back without a refund of ours.
fn went_back(lang: Lang, what: &str) -> String {
    match lang {
        Lang::Zh => format!(
            "渠道退走了 {what}，不是我们退的（争议，或有人在渠道后台退）。你已在渠道后台核对，\
             并同业务系统了结：记下，不再列为有风险。账和退款不变。"
        ),
        Lang::En => format!(
            "The channel gave back {what} without a refund of ours (a dispute, or somebody's hand \
             at its console). You have compared it there and settled it with the business system: \
             that is noted, and it is at risk no more. Books and refunds stay as they are."
        ),
    }
}
