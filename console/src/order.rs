//! One order on one screen.

mod by_hand;

use crate::business::reason;
use crate::refunds::charged;
use crate::words::{self, channel};
use crate::{Setting, document};
use leptos::prelude::*;
use payment::by_two::{AloneMost, Judged, RefundRequest};
use payment::lang::Lang;
use payment::money::{Money, two_decimals};
use payment::operators::{Deed, Operator};
use payment::order::{Attempt, Event, Step};
use payment::ports::{AttemptRow, CallbackRow, KeptTry, RefundRow, Story, TryOutcome};
use payment::refund::{Left, given_back};
use payment::status::PayStatus;

/// Places of the page that the board leads to: its acts, and those that settle by hand.
pub(crate) const ACTS: &str = "acts";
pub(crate) const BY_HAND: &str = "by-hand";

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
    /// What can still be given back of the one that was asked for.
    pub left: Left,
    /// What of that waits for another operator, fen or cents of the request.
    pub waiting: i64,
    /// What a refund that is asked for on this page is called: said twice, it is one.
    pub refund_key: String,
    /// Its sum, in yuan (dollars), until another one is written.
    pub refund_yuan: String,
    /// What was typed into the form of an act that was refused.
    pub typed: Option<Typed>,
    /// What went back of the one that was asked for without a refund of ours, and nobody has
    /// looked after: the refunds' numbers, or its own where nobody says how much.
    pub to_look_after: Vec<String>,
    /// What operators asked for of it, which takes two.
    pub requests: Vec<RefundRequest>,
    /// What may be given back alone; none: all that is left.
    pub alone: Option<AloneMost>,
    /// Now, ms since 1970.
    pub now_ms: i64,
    /// What became of an act.
    pub notice: Option<Notice>,
}

/// What was typed into a form that was refused, so that nobody types it again.
pub struct Typed {
    /// The act, as its address names it.
    pub act: String,
    /// The number of the refund, or of the request, that it was of; else empty.
    pub of: String,
    /// The reason.
    pub reason: String,
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
        {requests(setting, order)}
        <p><a href=format!("#{ACTS}")>{setting.say("可以做什么", "What can be done")}</a></p>
        <div class="story-and-acts">
            <div>{payments}</div>
            <div id=ACTS>{acts}</div>
        </div>
    };
    let title = format!("{} {}", setting.say("订单", "Order"), order.order_sn);
    document(setting, &title, body)
}

fn request(setting: &Setting<'_>, attempt: &AttemptRow) -> impl IntoView {
    view! {
        <dl>
            <div><dt>{setting.say("业务系统", "Business")}</dt><dd>{attempt.domain_code.clone()}</dd></div>
            <div><dt>"requestKey"</dt><dd class="copy">{attempt.request_key.clone()}</dd></div>
            <div><dt>{setting.say("金额", "Sum")}</dt><dd>{attempt.money.to_string()}</dd></div>
            <div><dt>"payStatus"</dt><dd>{attempt.request_status.to_string()}</dd></div>
            <div><dt>{setting.say("开始于", "Begun")}</dt>
                <dd>{(setting.time)(attempt.request_created_ms)}</dd></div>
        </dl>
    }
}

/// What operators asked for, and what became of it.
fn requests(setting: &Setting<'_>, order: &Order) -> Option<impl IntoView> {
    if order.requests.is_empty() {
        return None;
    }
    let rows: Vec<_> = order
        .requests
        .iter()
        .map(|request| {
            let by = request.judged_by.clone().unwrap_or_default();
            let state = match request.state {
                Judged::Asked if request.waits(order.now_ms) => {
                    setting.say("等另一个人同意", "waits for another operator")
                }
                Judged::Asked => setting.say("过期了", "expired"),
                Judged::Granted => setting.say("同意：", "granted by"),
                Judged::Refused => setting.say("拒绝：", "refused by"),
            };
            view! {
                <tr>
                    <td>{request.request_no.clone()}</td>
                    <td class="number">{request.money.to_string()}</td>
                    <td data-name=setting.say("谁要的", "by")>{request.asked_by.clone()}<small>{(setting.time)(request.asked_ms)}</small></td>
                    <td data-name=setting.say("原因", "reason")>{request.reason.clone()}</td>
                    <td>{state}" "{by}</td>
                </tr>
            }
        })
        .collect();
    Some(view! {
        <table>
            <thead><tr>
                <th>{setting.say("要退款", "Refund asked for")}</th>
                <th class="number">{setting.say("金额", "Sum")}</th>
                <th>{setting.say("谁要的", "By")}</th>
                <th>{setting.say("原因", "Reason")}</th>
                <th>{setting.say("状态", "State")}</th>
            </tr></thead>
            <tbody>{rows}</tbody>
        </table>
    })
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
            <h2><span class="copy">{attempt.order_sn.clone()}</span>" "{attempt.status.word()}</h2>
            <dl>
                <div><dt>{setting.say("渠道", "Channel")}</dt>
                    <dd>{channel(setting, attempt.channel)}" / "{attempt.account.clone()}" "{attempt.kind.word()}</dd></div>
                <div><dt>{setting.say("渠道收", "Channel's sum")}</dt><dd>{attempt.channel_money.to_string()}</dd></div>
                {back(setting, payment)}
                <div><dt>{setting.say("渠道订单号", "Channel's number")}</dt><dd class="copy">{attempt.channel_order_no.clone()}</dd></div>
                {trade.map(|trade| view! {
                    <div><dt>{setting.say("渠道交易号", "Trade number")}</dt><dd class="copy">{trade}</dd></div>
                })}
            </dl>
            {refunds(setting, payment)}
            {happened(setting, payment)}
            <p class=if is_broken { "bad" } else { "good" }>{chain}</p>
        </section>
    }
}

/// How much of its sum went back.
fn back(setting: &Setting<'_>, payment: &Payment) -> Option<impl IntoView> {
    let attempt = &payment.attempt;
    let back = given_back(&payment.refunds);
    let back = Money::from_minor(back, attempt.money.currency()).filter(|_| back > 0)?;
    let said = match setting.lang {
        Lang::Zh => format!("{} 中的 {back}", attempt.money),
        Lang::En => format!("{back} of {}", attempt.money),
    };
    Some(view! { <div><dt>{setting.say("已退", "Given back")}</dt><dd>{said}</dd></div> })
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
                    <td><span class="copy">{refund.refund_no.clone()}</span><small>{refund.refund_key.clone()}</small></td>
                    <td class="number">{refund.money.to_string()}{charged(refund)}</td>
                    <td>{refund.state.word()}</td>
                    <td data-name=setting.say("谁要的", "by")>{refund.cause.word()}</td>
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

/// What comes first of one moment: a callback is written, sent, and then taken or given up.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Before,
    Sent,
    After,
}

/// The place of an entry of a story among what happened.
fn place(what: &str, at_ms: i64) -> (i64, Rank) {
    let rank = match what {
        "callback delivered" | "callback parked" => Rank::After,
        _ => Rank::Before,
    };
    (at_ms, rank)
}

/// The story and the tries of callbacks, in one column of time.
fn happened(setting: &Setting<'_>, payment: &Payment) -> impl IntoView {
    let entries = payment.story.iter().flat_map(|story| &story.entries);
    let entries = entries.map(|entry| {
        let notify = entry.notify_id.map(|id| {
            let name = setting.say("通知", "notify");
            view! { " "<a href=format!("/notify/{id}")>{name}" "{id}</a> }
        });
        let what = view! { {words::happened(setting, &entry.what)}{notify} }.into_any();
        let by = words::who(setting, &entry.by);
        (
            place(&entry.what, entry.at_ms),
            what,
            by,
            entry.detail.clone(),
        )
    });
    let tries = payment.callbacks.iter().flat_map(|called| {
        called.tries.iter().map(|tried| {
            let detail = self::tried(setting, tried);
            let what = setting.say("回调发出", "callback sent").into_any();
            let place = (tried.at_ms, Rank::Sent);
            (place, what, called.callback.receiver.clone(), detail)
        })
    });
    let mut all: Vec<_> = entries.chain(tries).collect();
    all.sort_by_key(|(place, ..)| *place);
    let rows: Vec<_> = all
        .into_iter()
        .map(|((at_ms, _), what, by, detail)| {
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
            let state = words::callback(setting, called.callback.state.word());
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
    let refused = match tried.is_body_refused() {
        true => setting.say("（这样的正文不算收下）", " (such a body does not take it)"),
        false => "",
    };
    format!(
        "{status}{led}, {} ms: {answer}{refused}{followed}",
        tried.duration_ms
    )
}

/// An act that the page offers.
struct Act {
    deed: Deed,
    path: &'static str,
    name: &'static str,
    /// What it will do.
    effect: String,
    /// Why it can't be done, beside the role.
    hindrance: Option<&'static str>,
    /// Of which refund or request it is, where it is of one: the field's name and the number.
    of: Option<(&'static str, String)>,
    /// What it asks for beside the reason.
    fields: Option<AnyView>,
}

/// What may be done, with what it will do; what may not, with why.
fn acts(setting: &Setting<'_>, order: &Order, who: (&Operator, &str)) -> impl IntoView {
    let asked = order
        .payments
        .iter()
        .find(|one| one.attempt.order_sn == order.order_sn);
    let channel = asked.map_or("", |one| channel(setting, one.attempt.channel));
    let callbacks = asked.map_or(0, |one| one.callbacks.len());
    let requery = Act {
        deed: Deed::Requery,
        path: "requery",
        name: setting.say("现在查询", "Ask now"),
        effect: requery_effect(setting, asked, channel),
        hindrance: None,
        of: None,
        fields: None,
    };
    let resend = Act {
        deed: Deed::Resend,
        path: "resend",
        name: setting.say("重发回调", "Send the callback again"),
        effect: match setting.lang {
            Lang::Zh if callbacks > 1 => {
                format!("把它的 {callbacks} 个回调都再发一次，早的先发，已收下的也发。")
            }
            Lang::En if callbacks > 1 => format!(
                "Sends all {callbacks} callbacks of it once more, the oldest first, also those that \
                 were taken."
            ),
            Lang::Zh => "把同样的回调再发一次，已收下的也发。".to_owned(),
            Lang::En => "Sends the same callback once more, also where it was taken.".to_owned(),
        },
        hindrance: (callbacks == 0)
            .then(|| setting.say("这个订单没有回调", "This order has no callback")),
        of: None,
        fields: None,
    };
    let currency = asked.map_or("", |one| one.attempt.money.currency().code());
    let sum = match setting.lang {
        Lang::Zh => format!("金额（{currency}，例如 12.34）"),
        Lang::En => format!("Sum ({currency}, such as 12.34)"),
    };
    let fields = view! {
        <input type="hidden" name="key" value=order.refund_key.clone()/>
        // What is sent after more has gone back is refused.
        <input type="hidden" name="left" value=order.left.money/>
        <label>{sum}
            <input name="yuan" required inputmode="decimal" maxlength="12" value=order.refund_yuan.clone()/></label>
        {asked.filter(|asked| gave_back(asked, order)).map(|_| view! {
            <label class="check"><input type="checkbox" name="again" value="1"/>
                {setting.say("再退一次：同样的金额已退过或正等着退", "Once more: the same sum went back, or waits, already")}</label>
        })}
    };
    let refund = Act {
        deed: Deed::Refund,
        path: "refund",
        name: setting.say("退款", "Refund"),
        effect: refund_effect(setting, order, asked, channel),
        hindrance: (order.left.money <= order.waiting)
            .then(|| setting.say("没有可退的", "Nothing is left to give back")),
        of: None,
        fields: Some(fields.into_any()),
    };
    let judged = order.requests.iter().filter(|one| one.waits(order.now_ms));
    let judged: Vec<_> = judged
        .flat_map(|one| judgements(setting, one, who.0))
        .collect();
    let close = asked.map(|asked| close(setting, order, &asked.attempt));
    let forms = judged.into_iter().chain([requery, resend, refund]);
    let forms = forms.chain(close);
    let forms: Vec<_> = forms.map(|act| form(setting, order, who, act)).collect();
    let by_hand = asked.map(|asked| by_hand::acts(setting, asked, order.now_ms));
    let mut by_hand = by_hand.unwrap_or_default();
    by_hand.extend(order.to_look_after.iter().map(|number| {
        let mut refunds = asked.into_iter().flat_map(|one| &one.refunds);
        let refund = refunds.find(|one| one.refund_no == *number);
        by_hand::looked_after(setting, number, refund, asked)
    }));
    let typed = order.typed.as_ref().map(|typed| typed.act.as_str());
    // What waits for it is not hidden, nor the form that was sent.
    let is_open = by_hand
        .iter()
        .any(|act| act.hindrance.is_none() || typed == Some(act.path));
    let by_hand: Vec<_> = by_hand
        .into_iter()
        .map(|act| form(setting, order, who, act))
        .collect();
    view! {
        <div class="acts">{forms}</div>
        <details id=BY_HAND open=is_open>
            <summary>{setting.say("用手了结", "Settle by hand")}</summary>
            <div class="acts">{by_hand}</div>
        </details>
    }
}

/// What the order machine makes of each answer.
fn requery_effect(setting: &Setting<'_>, asked: Option<&Payment>, channel: &str) -> String {
    let effect = match setting.lang {
        Lang::Zh => format!("向 {channel} 查这个订单和还没有结果的退款，按它的回答结算。"),
        Lang::En => format!(
            "Asks {channel} how the order stands, and its refunds that have no end yet, and \
             settles by the answer."
        ),
    };
    let Some(Payment { attempt, .. }) = asked else {
        return effect;
    };
    let after = |event: Event| match attempt.status.on(event, attempt.request_status) {
        Ok(Step::Go(next)) => next.word(),
        Ok(Step::Stay) => setting.say("不变", "stays"),
        Err(_) => setting.say("不变，并告警", "stays, with an alarm"),
    };
    let (paid, closed) = (after(Event::Paid), after(Event::Closed));
    match setting.lang {
        Lang::Zh => format!("{effect}答已付：{paid}；答已关闭：{closed}。"),
        Lang::En => format!("{effect} Paid: {paid}; closed: {closed}."),
    }
}

/// The request is closed, as its business system's own call does.
fn close(setting: &Setting<'_>, order: &Order, asked: &AttemptRow) -> Act {
    let listed = |which: &dyn Fn(Attempt) -> bool| {
        let payments = order.payments.iter().map(|one| &one.attempt);
        let listed = payments
            .filter(|one| which(one.status))
            .map(|one| format!("{} ({})", one.order_sn, channel(setting, one.channel)));
        listed.collect::<Vec<_>>().join(setting.say("、", ", "))
    };
    let held = listed(&|status| status == Attempt::Held);
    let open =
        listed(&|status| !matches!(status, Attempt::Closed | Attempt::Held) && !status.has_money());
    let status = asked.request_status;
    let hindrance = match () {
        () if status.was_paid() => Some((
            "已经付了：要还钱用退款",
            "It is paid: give money back instead",
        )),
        () if status == PayStatus::Closed && open.is_empty() && held.is_empty() => {
            Some(("已经关闭", "It is closed already"))
        }
        () => None,
    };
    let effect = close_effect(setting, &open, &held);
    let told = setting.say(
        "业务系统要的话，会收到 FAILUREPAY。",
        "Where its business system wants it, it is told by FAILUREPAY.",
    );
    Act {
        deed: Deed::Close,
        path: "close",
        name: setting.say("关闭", "Close"),
        effect: match setting.lang {
            Lang::Zh => format!("{effect}{told}"),
            Lang::En => format!("{effect}{told}"),
        },
        hindrance: hindrance.map(|(zh, en)| setting.say(zh, en)),
        of: None,
        fields: None,
    }
}

/// What a close does to the attempts that are open, and to those whose money a channel holds.
fn close_effect(setting: &Setting<'_>, open: &str, held: &str) -> String {
    let ends = held
        .is_empty()
        .then(|| setting.say("不能再付这个请求。", "The request can't be paid any more. "));
    let asks = (!open.is_empty()).then(|| match setting.lang {
        Lang::Zh => format!(
            "先查 {open}，在渠道关单，再查一次，确认之后才算关闭。查到已付就按已付结算，不关闭。"
        ),
        Lang::En => format!(
            "It asks about {open}, closes it at its channel and asks again, and only then is it \
             closed. What turns out paid is settled, and not closed. "
        ),
    });
    let waits = (!held.is_empty()).then(|| match setting.lang {
        Lang::Zh => {
            format!("渠道正扣着 {held} 的钱在查：查完才能关，现在只会不让别的支付开始。")
        }
        Lang::En => format!(
            "A channel holds and checks the money of {held}: it can be closed once that is \
             decided. Until then no other payment of it can begin. "
        ),
    });
    let effect = [ends.map(str::to_owned), asks, waits];
    effect.into_iter().flatten().collect()
}

/// Whether money of it went back, or an operator asked for it.
fn gave_back(asked: &Payment, order: &Order) -> bool {
    asked.refunds.iter().any(|one| one.state.counts()) || order.waiting > 0
}

fn refund_effect(
    setting: &Setting<'_>,
    order: &Order,
    asked: Option<&Payment>,
    channel: &str,
) -> String {
    let left = asked.map_or_else(String::new, |asked| left(&asked.attempt, order.left));
    let waiting = asked.and_then(|asked| {
        let minor = Some(order.waiting).filter(|minor| *minor > 0)?;
        Money::from_minor(minor, asked.attempt.money.currency())
    });
    let waiting = waiting.map(|sum| match setting.lang {
        Lang::Zh => format!("其中 {sum} 正等另一个人同意。"),
        Lang::En => format!(" Of it {sum} waits for another operator."),
    });
    let waiting = waiting.unwrap_or_default();
    let effect = match setting.lang {
        Lang::Zh => format!("经 {channel} 把钱退给付款人，不能撤回。还可退 {left}。{waiting}"),
        Lang::En => format!(
            "Gives money back to the payer by {channel}; it can't be undone. {left} is \
             left.{waiting}"
        ),
    };
    let Some(most) = order.alone else {
        return effect;
    };
    let (an_order, a_day) = (two_decimals(most.an_order), two_decimals(most.a_day));
    match setting.lang {
        Lang::Zh => format!(
            "{effect}一个人最多退：每个订单 {an_order}，24 小时内 {a_day}；超过就等另一个人同意。"
        ),
        Lang::En => format!(
            "{effect} Alone at most {an_order} of an order and {a_day} within 24 hours; above \
             that it waits for another operator."
        ),
    }
}

/// What is left to give back, and what its channel gives back for it where that is another
/// sum.
fn left(attempt: &AttemptRow, left: Left) -> String {
    let sum = |minor, of: Money| {
        Money::from_minor(minor, of.currency()).map_or_else(String::new, |sum| sum.to_string())
    };
    with_charged(
        sum(left.money, attempt.money),
        &sum(left.channel, attempt.channel_money),
    )
}

/// A sum, and what it is at its channel where that is another one.
fn with_charged(money: String, charged: &str) -> String {
    match money == charged {
        true => money,
        false => format!("{money} ({charged})"),
    }
}

/// A refund that waits: it is granted or refused.
fn judgements(setting: &Setting<'_>, request: &RefundRequest, operator: &Operator) -> [Act; 2] {
    let RefundRequest {
        money, asked_by, ..
    } = request;
    let (until, why) = ((setting.time)(request.expires_ms), &request.reason);
    let is_own = *asked_by == operator.name;
    let of = || Some(("request", request.request_no.clone()));
    let code = view! {
        <label>{setting.say("一次性密码，没用过的（没有密钥的用密码）", "A fresh one-time password (without a key your password)")}
            <input name="code" type="password" required autocomplete="one-time-code" maxlength="200"/></label>
    };
    let grant = Act {
        deed: Deed::Judge,
        path: "grant",
        name: setting.say("同意退款", "Grant the refund"),
        effect: match setting.lang {
            Lang::Zh => {
                format!("退 {money}：{asked_by} 要的，原因“{why}”。不能撤回。{until} 过期。")
            }
            Lang::En => format!(
                "Gives {money} back: {asked_by} asks, because “{why}”. It can't be undone. It \
                 expires at {until}."
            ),
        },
        hindrance: is_own.then(|| {
            setting.say(
                "自己要的不能自己同意",
                "Who asks for a refund can't grant it",
            )
        }),
        of: of(),
        fields: Some(code.into_any()),
    };
    let refuse = Act {
        deed: Deed::Judge,
        path: "refuse",
        name: match is_own {
            true => setting.say("收回", "Take it back"),
            false => setting.say("拒绝退款", "Refuse the refund"),
        },
        effect: match setting.lang {
            Lang::Zh => format!("不退这 {money}。"),
            Lang::En => format!("The {money} are not given back."),
        },
        hindrance: None,
        of: of(),
        fields: None,
    };
    [grant, refuse]
}

fn form(
    setting: &Setting<'_>,
    order: &Order,
    (operator, token): (&Operator, &str),
    act: Act,
) -> impl IntoView {
    let not_his = (!operator.role.may(act.deed)).then(|| match setting.lang {
        Lang::Zh => format!("需要 {} 角色", act.deed.least().word()),
        Lang::En => format!("the role {} is needed", act.deed.least().word()),
    });
    let hindrance = act.hindrance.map(str::to_owned).or(not_his);
    let hinders = hindrance.is_some();
    let of = act.of.as_ref().map_or("", |(_, number)| number);
    let typed = order.typed.as_ref();
    let typed = typed.filter(|typed| typed.act == act.path && typed.of == of);
    let typed = typed.map_or("", |typed| &typed.reason);
    // Who grants says why by doing so.
    let reason = (act.path != "grant").then(|| reason(setting, typed));
    view! {
        // Who comes back to the page finds what it proposes, not what he typed before.
        <form method="post" autocomplete="off" action=format!("/order/{}/{}", order.order_sn, act.path)>
            <h2>{act.name}</h2>
            <p>{act.effect}</p>
            {match hindrance {
                Some(why) => view! { <p class="bad">{why}</p> }.into_any(),
                None => view! {
                    <input type="hidden" name="token" value=token.to_owned()/>
                    {act.of.map(|(name, number)| view! { <input type="hidden" name=name value=number/> })}
                    {act.fields}
                    {reason}
                }.into_any(),
            }}
            <button disabled=hinders>{act.name}</button>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_became_of_a_callback_comes_after_it_was_sent() {
        let sent = (7, Rank::Sent);
        assert!(place("callback written", 7) < sent);
        assert!(place("callback delivered", 7) > sent && place("callback parked", 7) > sent);
        assert!(place("callback delivered", 6) < sent && place("begun", 8) > sent);
    }

    #[test]
    fn a_close_tells_what_is_held_from_what_is_open() {
        let setting = Setting::test(Lang::En);
        let said = |open: &str, held: &str| close_effect(&setting, open, held);
        let both = said("1 (Wechat)", "2 (Paypal)");
        assert!(both.contains("asks about 1 (Wechat), closes"), "{both}");
        assert!(both.contains("the money of 2 (Paypal): it"), "{both}");
        assert!(!both.contains("can't be paid any more"), "{both}");
        let open = said("1 (Wechat)", "");
        assert!(open.contains("can't be paid any more") && !open.contains("holds"));
        let held = said("", "2 (Paypal)");
        assert!(held.starts_with("A channel holds"), "{held}");
    }
}
