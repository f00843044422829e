//! One order on one screen.

use crate::{Setting, document};
use leptos::prelude::*;
use payment::lang::Lang;
use payment::money::two_decimals;
use payment::operators::{Deed, Operator};
use payment::ports::{AttemptRow, CallbackRow, KeptTry, RefundRow, Story, TryOutcome};

/// A callback and its tries.
pub struct Called {
    /// The callback.
    pub callback: CallbackRow,
    /// Its tries, oldest first.
    pub tries: Vec<KeptTry>,
}

/// An attempt to pay the request, with all that happened to it.
pub struct Payment {
    /// The attempt.
    pub attempt: AttemptRow,
    /// What went back of it.
    pub refunds: Vec<RefundRow>,
    /// Who was told of it.
    pub callbacks: Vec<Called>,
    /// Its story.
    pub story: Option<Story>,
    /// What the check of the story's chain found; none: it is whole.
    pub broken: Option<String>,
}

/// What became of an act.
pub struct Notice {
    /// It was done.
    pub good: bool,
    /// In words.
    pub text: String,
}

/// What the screen shows.
pub struct Order {
    /// Our number of the attempt that was asked for.
    pub order_sn: String,
    /// All attempts of its request, oldest first.
    pub payments: Vec<Payment>,
    /// What can still be given back of the one that was asked for, fen (cents).
    pub left: i64,
    /// What a refund that is asked for on this page is called: said twice, it is one.
    pub refund_key: String,
    /// Its sum, in yuan (dollars), until another one is written.
    pub refund_yuan: String,
    /// What became of an act.
    pub notice: Option<Notice>,
}

/// One order.
#[must_use]
pub fn order(setting: &Setting<'_>, order: &Order) -> String {
    let request = order
        .payments
        .first()
        .map(|first| request(setting, &first.attempt));
    let acts = setting.who.map(|who| acts(setting, order, who));
    let payments: Vec<_> = order
        .payments
        .iter()
        .map(|payment| self::payment(setting, payment))
        .collect();
    let notice = order.notice.as_ref().map(|notice| {
        let class = if notice.good { "good" } else { "bad" };
        view! { <p class=class role="status">{notice.text.clone()}</p> }
    });
    let body = view! {
        {notice}
        {request}
        {acts}
        {payments}
    };
    let title = format!("{} {}", setting.say("订单", "Order"), order.order_sn);
    document(setting, &title, body)
}

fn request(setting: &Setting<'_>, attempt: &AttemptRow) -> impl IntoView {
    view! {
        <dl>
            <div><dt>{setting.say("业务系统", "Business")}</dt><dd>{attempt.domain_code.clone()}</dd></div>
            <div><dt>"requestKey"</dt><dd>{attempt.request_key.clone()}</dd></div>
            <div><dt>{setting.say("金额", "Sum")}</dt><dd>{attempt.money.to_string()}</dd></div>
            <div><dt>"payStatus"</dt><dd>{attempt.request_status.to_string()}</dd></div>
            <div><dt>{setting.say("开始于", "Begun")}</dt>
                <dd>{(setting.time)(attempt.request_created_ms)}</dd></div>
        </dl>
    }
}

fn payment(setting: &Setting<'_>, payment: &Payment) -> impl IntoView {
    let attempt = &payment.attempt;
    let trade = attempt.trade_no.clone();
    let chain = match (&payment.story, &payment.broken) {
        (None, _) => String::new(),
        (_, Some(broken)) => format!(
            "{}: {broken}",
            setting.say("记录链被破坏", "The chain is BROKEN")
        ),
        (Some(story), None) => match setting.lang {
            Lang::Zh => format!("{} 条记录的链完整", story.length),
            Lang::En => format!("the chain of {} entries is whole", story.length),
        },
    };
    let is_broken = payment.broken.is_some();
    view! {
        <section>
            <h2>{attempt.order_sn.clone()}" "{attempt.status.word()}</h2>
            <dl>
                <div><dt>{setting.say("渠道", "Channel")}</dt>
                    <dd>{attempt.channel.code()}" / "{attempt.account.clone()}" "{attempt.kind.word()}</dd></div>
                <div><dt>{setting.say("渠道收", "Channel's sum")}</dt><dd>{attempt.channel_money.to_string()}</dd></div>
                <div><dt>{setting.say("渠道订单号", "Channel's number")}</dt><dd>{attempt.channel_order_no.clone()}</dd></div>
                {trade.map(|trade| view! {
                    <div><dt>{setting.say("渠道交易号", "Trade number")}</dt><dd>{trade}</dd></div>
                })}
            </dl>
            {refunds(setting, payment)}
            {happened(setting, payment)}
            <p class=if is_broken { "bad" } else { "good" }>{chain}</p>
        </section>
    }
}

fn refunds(setting: &Setting<'_>, payment: &Payment) -> Option<impl IntoView> {
    if payment.refunds.is_empty() {
        return None;
    }
    let rows: Vec<_> = payment
        .refunds
        .iter()
        .map(|refund| {
            view! {
                <tr>
                    <td>{refund.refund_no.clone()}<small>{refund.refund_key.clone()}</small></td>
                    <td class="number">{refund.money.to_string()}</td>
                    <td>{refund.state.word()}</td>
                    <td>{refund.cause.word()}</td>
                    <td>{refund.note.clone()}</td>
                </tr>
            }
        })
        .collect();
    Some(view! {
        <table>
            <thead><tr>
                <th>{setting.say("退款", "Refund")}</th>
                <th class="number">{setting.say("金额", "Sum")}</th>
                <th>{setting.say("状态", "State")}</th>
                <th>{setting.say("谁要的", "By")}</th>
                <th>{setting.say("说明", "Note")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
    })
}

/// The story and the tries of callbacks, in one column of time.
fn happened(setting: &Setting<'_>, payment: &Payment) -> impl IntoView {
    let entries = payment.story.iter().flat_map(|story| &story.entries);
    let entries = entries.map(|entry| {
        let notify = entry
            .notify_id
            .map_or(String::new(), |id| format!(" #{id}"));
        let what = format!("{}{notify}", entry.what);
        (entry.at_ms, what, entry.by.clone(), entry.detail.clone())
    });
    let tries = payment.callbacks.iter().flat_map(|called| {
        called.tries.iter().map(|tried| {
            let detail = self::tried(setting, tried);
            let what = setting.say("回调发出", "callback sent").to_owned();
            (tried.at_ms, what, called.callback.receiver.clone(), detail)
        })
    });
    let mut all: Vec<_> = entries.chain(tries).collect();
    all.sort_by_key(|(at_ms, ..)| *at_ms);
    let rows: Vec<_> = all
        .into_iter()
        .map(|(at_ms, what, by, detail)| {
            view! {
                <tr>
                    <td>{(setting.time)(at_ms)}</td>
                    <td>{what}</td>
                    <td>{by}</td>
                    <td>{detail}</td>
                </tr>
            }
        })
        .collect();
    let states: Vec<_> = payment
        .callbacks
        .iter()
        .map(|called| {
            let name = setting.say("回调", "Callback to");
            let state = called.callback.state.word();
            view! { <p>{name}" "{called.callback.receiver.clone()}": "{state}</p> }
        })
        .collect();
    view! {
        {states}
        <table>
            <thead><tr>
                <th>{setting.say("时间", "Time")}</th>
                <th>{setting.say("发生了什么", "What")}</th>
                <th>{setting.say("谁", "By")}</th>
                <th>{setting.say("详情", "Detail")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
    }
}

/// What a receiver answered, and what followed.
fn tried(setting: &Setting<'_>, tried: &KeptTry) -> String {
    let status = tried.status.map_or_else(
        || setting.say("没有应答", "no answer").to_owned(),
        |status| status.to_string(),
    );
    let led = tried.location.as_ref();
    let led = led.map_or_else(String::new, |location| format!(" → {location}"));
    let followed = match (tried.outcome, setting.lang) {
        (None, _) => String::new(),
        (Some(TryOutcome::Delivered), Lang::Zh) => "；收下了".to_owned(),
        (Some(TryOutcome::Delivered), Lang::En) => "; taken".to_owned(),
        (Some(TryOutcome::Again(at_ms)), Lang::Zh) => {
            format!("；{} 再发", (setting.time)(at_ms))
        }
        (Some(TryOutcome::Again(at_ms)), Lang::En) => {
            format!("; again at {}", (setting.time)(at_ms))
        }
        (Some(TryOutcome::Parked), Lang::Zh) => "；不再发".to_owned(),
        (Some(TryOutcome::Parked), Lang::En) => "; given up".to_owned(),
    };
    let answer = tried.answer.lines().next().unwrap_or_default();
    format!(
        "{status}{led}, {} ms: {answer}{followed}",
        tried.duration_ms
    )
}

/// What may be done, with what it will do; what may not, with why.
fn acts(
    setting: &Setting<'_>,
    order: &Order,
    (operator, token): (&Operator, &str),
) -> impl IntoView {
    let asked = order
        .payments
        .iter()
        .find(|one| one.attempt.order_sn == order.order_sn);
    let channel = asked.map_or("", |one| one.attempt.channel.code());
    let has_callback = asked.is_some_and(|one| !one.callbacks.is_empty());
    let left = two_decimals(order.left);
    let act = |deed: Deed,
               path: &str,
               name: &str,
               effect: String,
               hindrance: Option<&str>,
               more: Option<AnyView>| {
        let not_his = (!operator.role.may(deed)).then(|| match setting.lang {
            Lang::Zh => format!("需要 {} 角色", deed.least().word()),
            Lang::En => format!("the role {} is needed", deed.least().word()),
        });
        let hindrance = hindrance.map(str::to_owned).or(not_his);
        let hinders = hindrance.is_some();
        view! {
            <form method="post" action=format!("/order/{}/{path}", order.order_sn)>
                <h2>{name.to_owned()}</h2>
                <p>{effect}</p>
                {match hindrance {
                    Some(why) => view! { <p class="bad">{why}</p> }.into_any(),
                    None => view! {
                        <input type="hidden" name="token" value=token.to_owned()/>
                        {more}
                        <label>{setting.say("原因", "Reason")}
                            <input name="reason" required maxlength="200"/></label>
                    }.into_any(),
                }}
                <button disabled=hinders>{name.to_owned()}</button>
            </form>
        }
    };
    let requery = act(
        Deed::Requery,
        "requery",
        setting.say("现在查询", "Ask now"),
        match setting.lang {
            Lang::Zh => format!("向 {channel} 查这个订单，按它的回答结算。"),
            Lang::En => format!("Asks {channel} how the order stands, and settles by its answer."),
        },
        None,
        None,
    );
    let resend = act(
        Deed::Resend,
        "resend",
        setting.say("重发回调", "Send the callback again"),
        setting
            .say(
                "把同样的回调再发一次，已收下的也发。",
                "Sends the same callback once more, also where it was taken.",
            )
            .to_owned(),
        (!has_callback).then(|| setting.say("这个订单没有回调", "This order has no callback")),
        None,
    );
    let sum = view! {
        <input type="hidden" name="key" value=order.refund_key.clone()/>
        <label>{setting.say("金额（元）", "Sum (yuan, dollars)")}
            <input name="yuan" required inputmode="decimal" maxlength="12" value=order.refund_yuan.clone()/></label>
    };
    let refund = act(
        Deed::Refund,
        "refund",
        setting.say("退款", "Refund"),
        match setting.lang {
            Lang::Zh => format!("经 {channel} 把钱退给付款人，不能撤回。还可退 {left}。"),
            Lang::En => format!(
                "Gives money back to the payer by {channel}; it can't be undone. {left} is left."
            ),
        },
        (order.left == 0).then(|| setting.say("没有可退的", "Nothing is left to give back")),
        Some(sum.into_any()),
    );
    view! { <div class="acts">{requery}{resend}{refund}</div> }
}
