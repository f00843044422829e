//! What the console shows: money at risk, lists of orders, one order.

use super::address::{DAY_MS, Unread, further, name, number, read, time, written};
use super::answer::{Done, lead, status};
use super::desk::{Answered, Desk};
use super::queues;
use crate::clock::now_ms;
use crate::ends::Looked;
use crate::state::State;
use crate::typed::{self, is_number};
use crate::zone;
use axum::extract::{Path, Query};
use axum::http::StatusCode;
use axum::response::Response;
use checkout::figures::{By, Reckoning, totals};
use console::{Asked, Board, Called, Notice, Notify, Order, Orders, Payment, Setting, Typed};
use payment::by_two::{Judged, waiting_sums};
use payment::channel::Channel;
use payment::forecore::fen_of_yuan;
use payment::money::{Currency, two_decimals};
use payment::order::Attempt;
use payment::ports::{
    AttemptRow, Buckets, Listed, RefundRow, RiskKind, Store, StoreError, Total, Wanted,
};
use payment::refund::{Cause, Left};
use payment::status::PayStatus;
use payment::story::check;
use serde::Deserialize;

/// Lines of the board, and of a page of the list.
pub(super) const LINES: usize = 50;
/// What fits a filter is looked for among so many orders for the first page, and among so
/// many for each that somebody asks for after it: an instant, and a fraction of a second.
const LOOKED_AT_FIRST: i64 = 10_000;
const LOOKED_AT: i64 = 200_000;
/// Where a business system has fewer requests than these, they are looked at themselves.
const FEW_REQUESTS: i64 = 2_000;
/// Where fewer callbacks than these are not taken, all of them are looked at.
const FAIL_MAX: i64 = 2_000;
/// So many orders of each kind of number are found.
const FOUND_MAX: usize = 100;
/// After every number of an order, in the order of any database: they are digits.
pub(super) const BEYOND: &str = "z";

/// What the board shows first: what expires, what grows, what waits for a person, what goes on
/// by itself; callbacks, of which one receiver may leave thousands, last.
const FIRST: [RiskKind; 9] = [
    RiskKind::Asked,
    RiskKind::TakenBack,
    RiskKind::Refund,
    RiskKind::Mismatch,
    RiskKind::Unknown,
    RiskKind::Held,
    RiskKind::Late,
    RiskKind::Duplicate,
    RiskKind::Callback,
];

/// Which kind of money at risk is wanted alone.
#[derive(Deserialize)]
pub(super) struct OfKind {
    #[serde(default)]
    kind: String,
}

/// The first page: money at risk.
pub(super) async fn board(desk: Desk, Query(wanted): Query<OfKind>) -> Answered {
    let looked = desk.state.console.ends.borrow().clone();
    let kind = FIRST.into_iter().find(|kind| kind.word() == wanted.kind);
    let read = read_board(&desk.state, looked.as_deref(), kind).await;
    let board = read.map_err(|error| desk.trouble(&error))?;
    let draw = |setting: &Setting<'_>| console::board(setting, &board);
    Ok(desk.page(StatusCode::OK, draw))
}

async fn read_board<'a>(
    state: &'a State,
    looked: Option<&'a Looked>,
    kind: Option<RiskKind>,
) -> Result<Board<'a>, StoreError> {
    let (store, now_ms) = (&*state.console.store, now_ms());
    let mut risks = store.at_risk(now_ms).await?;
    let counts = store.risk_counts(now_ms).await?;
    let count = |kind| {
        counts
            .iter()
            .find(|one| one.kind == kind)
            .map(|one| one.count)
    };
    let kinds = FIRST.map(|kind| (kind, count(kind).unwrap_or_default()));
    let kinds: Vec<_> = kinds.into_iter().filter(|(_, count)| *count > 0).collect();
    let shown = kinds
        .iter()
        .filter(|(of, _)| kind.is_none_or(|kind| kind == *of));
    let all: i64 = shown.map(|(_, count)| count).sum();
    risks.retain(|risk| kind.is_none_or(|kind| kind == risk.kind));
    // Of each kind the oldest stay first.
    risks.sort_by_key(|risk| FIRST.iter().position(|kind| *kind == risk.kind));
    risks.truncate(LINES);
    let more = usize::try_from(all)
        .unwrap_or_default()
        .saturating_sub(risks.len());
    let today = start_of_today(now_ms);
    Ok(Board {
        risks,
        more,
        kinds,
        kind,
        queues: queues::read(state, looked).await?,
        today: taken_on(store, today).await?,
        now_ms,
    })
}

/// What was paid on a day, by channel; none where that is too much to be read.
async fn taken_on(store: &dyn Store, day_ms: i64) -> Result<Option<Vec<Total>>, StoreError> {
    let reckoning = Reckoning::of(store, (day_ms, day_ms + DAY_MS), Buckets::ANY).await?;
    if reckoning.is_too_much(store).await? {
        return Ok(None);
    }
    let sums = reckoning.read(store).await?;
    Ok(Some(totals(&sums, By::Channel)))
}

pub(super) fn start_of_today(now_ms: i64) -> i64 {
    let today = zone::day_named(&zone::day(now_ms));
    today.map_or(now_ms - DAY_MS, zone::start_of)
}

/// A list of orders, the newest first.
pub(super) async fn list(desk: Desk) -> Answered {
    let (asked, mut before) = asked(desk.query());
    // After an order that has no place in it, a list begins anew.
    if !before.is_empty() {
        let last = desk.store().attempt(&before).await;
        let last = last.map_err(|error| desk.trouble(&error))?;
        if last.is_none_or(|order| asked.paid && order.paid_ms.is_none()) {
            before.clear();
        }
    }
    let is_first = before.is_empty();
    let mut orders = Orders {
        asked,
        refusal: None,
        rows: Vec::new(),
        next: None,
        csv: None,
        is_first,
        is_cut: false,
        looked_to_ms: None,
    };
    let refused = |unread| list_refused(&desk, orders.asked.clone(), &unread);
    let wanted = wanted(&orders.asked).map_err(refused)?;
    let before = if is_first { BEYOND } else { &before };
    let read = read_list(desk.store(), wanted, before).await;
    let (rows, looked_to) = read.map_err(|error| desk.trouble(&error))?;
    orders.rows = rows;
    if orders.rows.len() > LINES {
        orders.rows.truncate(LINES);
        let last = orders.rows.last().map(|row| row.order.order_sn.as_str());
        orders.next = last.map(|last| address(&orders.asked, last));
    } else if let Some((last, at_ms)) = looked_to {
        orders.next = Some(address(&orders.asked, &last));
        orders.looked_to_ms = Some(at_ms);
    }
    orders.csv = Some(format!("/orders.csv?{}", query(&orders.asked)));
    Ok(list_page(&desk, StatusCode::OK, &orders))
}

/// A page and one more of what is wanted. Where that is few among many, it is looked for
/// among so many orders alone, and the last of these is told with its time.
async fn read_list(
    store: &dyn Store,
    mut wanted: Wanted,
    before: &str,
) -> Result<(Vec<Listed>, Option<(String, i64)>), StoreError> {
    wanted.of_few = is_of_few(store, &wanted).await?;
    let are_few = wanted.of_few || fail_few(store, &wanted).await?;
    let among = if before == BEYOND {
        LOOKED_AT_FIRST
    } else {
        LOOKED_AT
    };
    let looked_to = match wanted.is_particular() && !are_few {
        true => store.further_back(&wanted, before, among).await?,
        false => None,
    };
    if let Some((_, at_ms)) = &looked_to {
        wanted.since_ms = Some(*at_ms);
    }
    let limit = i64::try_from(LINES + 1).unwrap_or(i64::MAX);
    let mut rows = store.newest(&wanted, before, limit).await?;
    // Others of that very moment come after it.
    if let Some((last, at_ms)) = &looked_to {
        rows.retain(|Listed { order: row, .. }| {
            let time = if wanted.paid {
                row.paid_ms
            } else {
                Some(row.created_ms)
            };
            time != Some(*at_ms) || row.order_sn >= *last
        });
    }
    Ok((rows, looked_to))
}

/// Whether orders are asked for of a business system that has few.
pub(super) async fn is_of_few(store: &dyn Store, wanted: &Wanted) -> Result<bool, StoreError> {
    match &wanted.domain_code {
        Some(code) if !wanted.failing => store.has_fewer_requests(code, FEW_REQUESTS).await,
        _ => Ok(false),
    }
}

/// Whether callbacks are asked for that are found by themselves, however old their orders.
async fn fail_few(store: &dyn Store, wanted: &Wanted) -> Result<bool, StoreError> {
    if !wanted.failing {
        return Ok(false);
    }
    let untaken = store.untaken_callbacks(FAIL_MAX).await?;
    Ok(untaken.len() < usize::try_from(FAIL_MAX).unwrap_or(usize::MAX))
}

/// The list of what can't be read.
pub(super) fn list_refused(desk: &Desk, asked: Asked, unread: &Unread) -> Response {
    let orders = Orders {
        refusal: Some(unread.told(desk.lang())),
        asked,
        rows: Vec::new(),
        next: None,
        csv: None,
        is_first: true,
        is_cut: false,
        looked_to_ms: None,
    };
    list_page(desk, StatusCode::BAD_REQUEST, &orders)
}

fn list_page(desk: &Desk, status: StatusCode, orders: &Orders) -> Response {
    desk.page(status, |setting| console::orders(setting, orders))
}

/// What the address of a list says, and before which order it begins.
pub(super) fn asked(query: &str) -> (Asked, String) {
    let (mut asked, mut before) = (Asked::default(), String::new());
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let value = value.trim().to_owned();
        match &*name {
            "since" => asked.since = value,
            "until" => asked.until = value,
            "business" => asked.business = value,
            "channel" => asked.channel = value,
            "account" => asked.account = value,
            "state" => asked.state = value,
            "currency" => asked.currency = value,
            "min" => asked.min = value,
            "max" => asked.max = value,
            "callback" => asked.callback = value,
            "paid" => asked.paid = value == "1",
            "today" => asked.since = zone::day(now_ms()),
            "before" => before = number(value),
            _ => {}
        }
    }
    (asked, before)
}

/// The address of the same list from another place on.
fn address(asked: &Asked, before: &str) -> String {
    further(format!("/orders?{}", query(asked)), before)
}

/// What an address says to ask for the same.
pub(super) fn query(asked: &Asked) -> String {
    let paid = if asked.paid { "1" } else { "" };
    written(&[
        ("since", asked.since.as_str()),
        ("until", &asked.until),
        ("business", &asked.business),
        ("channel", &asked.channel),
        ("account", &asked.account),
        ("state", &asked.state),
        ("currency", &asked.currency),
        ("min", &asked.min),
        ("max", &asked.max),
        ("callback", &asked.callback),
        ("paid", paid),
    ])
}

/// What is wanted; else what of it can't be read.
pub(super) fn wanted(asked: &Asked) -> Result<Wanted, Unread> {
    let (since_ms, until_ms) = time(&asked.since, &asked.until)?;
    Ok(Wanted {
        domain_code: read("business", &asked.business, name)?,
        channel: read("channel", &asked.channel, Channel::parse)?,
        account: read("account", &asked.account, name)?,
        state: read("state", &asked.state, Attempt::parse)?,
        currency: read("currency", &asked.currency, Currency::parse)?,
        min: read("min", &asked.min, fen_of_yuan)?,
        max: read("max", &asked.max, fen_of_yuan)?,
        since_ms,
        until_ms,
        failing: read("callback", &asked.callback, failing)?.is_some(),
        of_few: false,
        paid: asked.paid,
    })
}

/// The one thing that is asked of callbacks.
fn failing(word: &str) -> Option<()> {
    (word == "failing").then_some(())
}

/// What the box of numbers was given.
#[derive(Deserialize)]
pub(super) struct Wish {
    #[serde(default)]
    number: String,
}

/// The order that bears a number, or the orders that do.
pub(super) async fn find(desk: Desk, Query(wish): Query<Wish>) -> Answered {
    let rows = typed::orders(desk.store(), wish.number.trim()).await;
    let rows = rows.map_err(|error| desk.trouble(&error))?;
    Ok(match rows.as_slice() {
        [] => desk.page(StatusCode::NOT_FOUND, |setting| {
            console::not_found(setting, wish.number.trim())
        }),
        [one] => lead(&format!("/order/{}", one.order.order_sn)),
        _ => {
            let orders = Orders {
                asked: Asked::default(),
                refusal: None,
                is_cut: rows.len() >= FOUND_MAX,
                looked_to_ms: None,
                rows,
                next: None,
                csv: None,
                is_first: true,
            };
            list_page(&desk, StatusCode::OK, &orders)
        }
    })
}

/// One order.
pub(super) async fn show(
    desk: Desk,
    Path(order_sn): Path<String>,
    Query(done): Query<Done>,
) -> Answered {
    shown(&desk, &order_sn, Becomes::Address(&done.done)).await
}

fn said(done: &str) -> Option<(&'static str, &'static str)> {
    match done {
        "requery" => Some(("已查询，结果如下。", "Asked; this is how it stands.")),
        "resend" => Some(("回调马上再发。", "The callback goes out again at once.")),
        "refund" => Some((
            "退款已登记，马上发往渠道。",
            "The refund is written down and goes to its channel at once.",
        )),
        "asked" => Some((
            "超过一个人可退的金额：等另一个人同意，一天内有效。",
            "More than one may give back alone: it waits a day for another operator to grant it.",
        )),
        "honour" => Some((
            "已认账：这笔钱付了它的请求。",
            "Done: the money pays its request after all.",
        )),
        "close" => Some((
            "已关闭：不能再付。万一还有钱来，按迟到的钱处理。",
            "Closed: it can't be paid any more. Money that comes all the same is dealt with as \
             late.",
        )),
        "unpaid" => Some(("已结束：没有付款。", "Ended: it was not paid.")),
        "by-hand" => Some(("已记为退回。", "Noted: the money is back.")),
        "looked-after" => Some(("已记下：有人处理过了。", "Noted: it has been looked after.")),
        "grant" => Some((
            "已同意，退款马上发往渠道。",
            "Granted: the refund goes to its channel at once.",
        )),
        "refuse" => Some(("已拒绝，没有退款。", "Refused: nothing is given back.")),
        _ => None,
    }
}

/// Whether an order is as it would be after an act: of an address alone nothing is said.
fn agrees(done: &str, order: &Order) -> bool {
    let mut payments = order.payments.iter();
    let Some(asked) = payments.find(|one| one.attempt.order_sn == order.order_sn) else {
        return false;
    };
    let attempt = &asked.attempt;
    let noted = |command: &str| {
        let entries = asked.story.iter().flat_map(|story| &story.entries);
        let command = format!(": {command} {}: ", attempt.order_sn);
        let mut noted = entries.filter(|entry| entry.what == "operator");
        noted.any(|entry| entry.detail.contains(&command))
    };
    let by_operator = |one: &RefundRow| one.cause == Cause::Operator && one.state.is_open();
    let is_leaving = asked.refunds.iter().any(by_operator);
    let judged = |state: Judged| order.requests.iter().any(|one| one.state == state);
    match done {
        "requery" => noted("order requery"),
        "resend" => noted("callback resend"),
        // Loaded anew when it has ended, the page says how it ended.
        "refund" => is_leaving,
        "asked" => order.requests.iter().any(|one| one.waits(order.now_ms)),
        "honour" => noted("order honour") && attempt.status == Attempt::Paid,
        "close" => attempt.request_status == PayStatus::Closed,
        "unpaid" => {
            noted("order unpaid") && !attempt.status.is_open() && !attempt.status.has_money()
        }
        "looked-after" => {
            let mut entries = asked.story.iter().flat_map(|story| &story.entries);
            let command = format!(": order looked-after {} ", attempt.order_sn);
            let own = format!(": order looked-after {}: ", attempt.order_sn);
            entries.any(|entry| {
                entry.what == "operator"
                    && [&command, &own]
                        .iter()
                        .any(|one| entry.detail.contains(*one))
            })
        }
        "by-hand" => asked.refunds.iter().any(|one| one.by_hand.is_some()),
        "grant" => judged(Judged::Granted) && is_leaving,
        "refuse" => judged(Judged::Refused),
        _ => false,
    }
}

/// Whether a notify's signature is checked.
#[derive(Deserialize)]
pub(super) struct Check {
    #[serde(default)]
    check: String,
}

/// One notify. Its signature is checked where that is asked for: a channel may have to be
/// asked.
pub(super) async fn notify(
    desk: Desk,
    Path(id): Path<String>,
    Query(check): Query<Check>,
) -> Answered {
    // No notify has the number that is none.
    let id = id.parse().unwrap_or_default();
    let seen = desk.store().notify(id).await;
    let Some(seen) = seen.map_err(|error| desk.trouble(&error))? else {
        let text = ("没有这个通知。", "There is no such notify.");
        return Err(desk.message(StatusCode::NOT_FOUND, text));
    };
    let checked = match check.check.as_str() {
        "1" => Some(desk.state.checkout.check_notify(&seen.row).await),
        _ => None,
    };
    let notify = Notify { id, seen, checked };
    let draw = |setting: &Setting<'_>| console::notify(setting, &notify);
    Ok(desk.page(StatusCode::OK, draw))
}

/// What was typed, and the refund that was asked for: whether it began may not be known.
pub(super) struct Wished {
    pub(super) typed: Typed,
    pub(super) refund: Option<WishedRefund>,
}

/// The key of a refund that was asked for, and its sum as it was typed.
pub(super) struct WishedRefund {
    pub(super) key: String,
    pub(super) yuan: String,
}

/// What the page of an order is to say of an act.
pub(super) enum Becomes<'a> {
    /// The address says that it was done.
    Address(&'a str),
    /// It was not done, why, and what was wished for.
    Refused(String, Wished),
}

/// The page of an order, after what became of an act. A refund that was wished for is
/// wished for again under the same key, for it may have begun.
pub(super) async fn shown(desk: &Desk, order_sn: &str, becomes: Becomes<'_>) -> Answered {
    let (done, refused, wished) = match becomes {
        Becomes::Address(done) => (done, None, None),
        Becomes::Refused(text, wished) => ("", Some(Notice { good: false, text }), Some(wished)),
    };
    let read = match is_number(order_sn) {
        true => read_order(&desk.state, order_sn, refused, wished).await,
        false => Ok(None),
    };
    let Some(mut order) = read.map_err(|error| desk.trouble(&error))? else {
        let text = ("没有这个订单。", "There is no such order.");
        return Err(desk.message(StatusCode::NOT_FOUND, text));
    };
    if let Some((zh, en)) = said(done).filter(|_| agrees(done, &order)) {
        let text = desk.lang().choose(zh, en).to_owned();
        order.notice = Some(Notice { good: true, text });
    }
    let draw = |setting: &Setting<'_>| console::order(setting, &order);
    Ok(desk.page(status(order.notice.as_ref()), draw))
}

async fn read_order(
    state: &State,
    order_sn: &str,
    notice: Option<Notice>,
    wished: Option<Wished>,
) -> Result<Option<Order>, StoreError> {
    let store = &*state.console.store;
    let Some(asked) = store.attempt(order_sn).await? else {
        return Ok(None);
    };
    let attempts = store.attempts(&asked.domain_code, &asked.request_key);
    let requests = store.refund_requests(order_sn).await?;
    let now_ms = now_ms();
    let mut payments = Vec::new();
    let mut left = Left {
        money: 0,
        channel: 0,
    };
    let mut waiting = 0;
    for attempt in attempts.await? {
        let payment = read_payment(store, attempt).await?;
        if payment.attempt.order_sn == order_sn && payment.attempt.status.has_money() {
            let attempt = &payment.attempt;
            left = Left::of(attempt.money, attempt.channel_money, &payment.refunds);
            let sums = waiting_sums(&requests, &payment.refunds, now_ms);
            waiting = sums.iter().sum();
        }
        payments.push(payment);
    }
    let (typed, refund) = match wished {
        Some(Wished { typed, refund }) => (Some(typed), refund),
        None => (None, None),
    };
    let refund = match refund {
        Some(refund) => refund,
        None => WishedRefund {
            key: checkout::token().map_err(|error| StoreError::Unavailable(error.to_string()))?,
            yuan: two_decimals((left.money - waiting).max(0)),
        },
    };
    let to_look_after = state.checkout.to_look_after(order_sn).await;
    let to_look_after =
        to_look_after.map_err(|failure| StoreError::Unavailable(failure.to_string()))?;
    Ok(Some(Order {
        order_sn: order_sn.to_owned(),
        payments,
        left,
        waiting,
        refund_key: refund.key,
        refund_yuan: refund.yuan,
        typed,
        to_look_after,
        requests,
        alone: state.checkout.refund_alone(),
        now_ms,
        notice,
    }))
}

async fn read_payment(store: &dyn Store, attempt: AttemptRow) -> Result<Payment, StoreError> {
    let order_sn = &attempt.order_sn;
    let mut callbacks = Vec::new();
    for callback in store.callbacks(order_sn).await? {
        let tries = store.callback_tries(callback.id).await?;
        callbacks.push(Called { callback, tries });
    }
    let story = store.story(order_sn).await?;
    let broken = story.as_ref().and_then(|story| {
        let checked = check(order_sn, &story.entries, story.length, &story.head);
        checked.err().map(|broken| broken.to_string())
    });
    Ok(Payment {
        refunds: store.refunds(order_sn).await?,
        callbacks,
        story,
        broken,
        attempt,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_its_address() {
        let (asked_once, before) = asked("since=2026-11-28&min=1.5&paid=1&business=%20demo&x=1");
        assert_eq!(
            (asked_once.business.as_str(), before.as_str()),
            ("demo", "")
        );
        let wanted_once = wanted(&asked_once).unwrap();
        assert_eq!(wanted_once.min, Some(150));
        assert!(wanted_once.paid && wanted_once.since_ms.is_some());
        let next = address(&asked_once, "20261128");
        let (again, before) = asked(next.split_once('?').unwrap().1);
        assert_eq!((again, before.as_str()), (asked_once, "20261128"));
        let (hour, _) = asked("since=2026-11-28T09:00&until=2026-11-28T09:59&currency=USD");
        let hour = wanted(&hour).unwrap();
        let length = hour
            .until_ms
            .zip(hour.since_ms)
            .map(|(end, begin)| end - begin);
        assert_eq!(
            (length, hour.currency),
            (Some(3_600_000), Some(Currency::Usd))
        );
        for wrong in [
            "currency=EUR",
            "since=yesterday",
            "state=LOST",
            "max=1e3",
            "channel=x",
            "business=%00",
            "since=2026-11-29&until=2026-11-28",
        ] {
            let (asked, _) = asked(wrong);
            assert!(wanted(&asked).is_err(), "{wrong}");
        }
    }
}
