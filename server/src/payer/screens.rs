//! What a page shows of a request or an attempt.

use super::leave::Leave;
use super::visit::Visit;
use app::page::{Back, Bought, Pay, Receipt, Screen, Way};
use checkout::{Scene, links};
use payment::beijing;
use payment::channel::Channel;
use payment::lang::Lang;
use payment::money::Money;
use payment::obj::Obj;
use payment::order::Attempt;
use payment::param::Param;
use payment::payee::in_language;
use payment::ports::{AttemptRow, Kind};
use payment::refund::Refund;
use payment::request::PayRequest;
use payment::verify::Verified;

/// A page that waits for a payment inside WeChat does so this long.
const WAIT_IN_WECHAT_S: i64 = 1_800;
/// A paid page is shown this long before it leaves, and while a payer is held.
const GREEN_S: u32 = 1;
const HELD_S: u32 = 3;

/// What is bought.
pub(super) fn order(request: &PayRequest, lang: Lang) -> Bought {
    Bought {
        goods: in_language(&request.info, &request.info_en, lang).to_owned(),
        money: request.money,
        request_key: request.request_key.clone(),
    }
}

/// How an attempt's page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The payer goes on by himself: the page was opened without a pick.
    Quiet,
    /// The payer has just picked this channel.
    Picked,
    /// The payer came back from the channel, or stays.
    Back,
    /// The order can't be opened any more by who has not opened it yet.
    Stale,
}

/// The page of an attempt as it stands now.
pub(super) fn screen(
    attempt: &AttemptRow,
    now_ms: i64,
    visit: &Visit,
    look: Look,
    leave: &Leave,
) -> Screen {
    let order = attempt_order(attempt, visit.lang);
    if attempt.status == Attempt::Held {
        return held(attempt, visit.lang, leave);
    }
    let scene = Scene::of(attempt.kind);
    let back_url = visit.on(links::picked(scene, &attempt.signed, links::PICK_ANEW));
    let declined = attempt.status == Attempt::Declined;
    let over = attempt.status == Attempt::Closed || now_ms >= attempt.expires_ms;
    if declined || over || look == Look::Stale {
        return Screen::Ended {
            order,
            declined,
            scanned: attempt.kind == Kind::Native,
            channel: attempt.channel,
            begun_ms: attempt.created_ms,
            again: visit.on(links::again(attempt)),
            back: back_url,
        };
    }
    let Some(way) = way(attempt, look) else {
        return Screen::Making {
            order,
            others: Some(back_url),
        };
    };
    // A page that waits comes again without sending the payer away again.
    let attempt_url = visit.on(match &way {
        Way::Scan { .. } => links::attempt(attempt),
        _ => links::stay(attempt),
    });
    Screen::Pay(Box::new(Pay {
        order,
        charged: (attempt.channel_money != attempt.money).then_some(attempt.channel_money),
        confirm: attempt.asked_money.is_some() && look != Look::Back,
        way,
        order_sn: attempt.order_sn.clone(),
        poll_url: links::poll(&attempt.signed),
        events_url: links::events(&attempt.signed),
        expires_in_s: (attempt.expires_ms - now_ms) / 1000,
        life_s: (attempt.expires_ms - attempt.created_ms) / 1000,
        expires_at: beijing_time(attempt.expires_ms),
        ok_url: leave.ok.clone(),
        fail_url: leave.fail.clone(),
        attempt_url,
        check_url: Some(visit.on(links::come_back(attempt))),
        back_url: Some(back_url),
        came_back: look == Look::Back,
    }))
}

/// The page of a payer whose money the channel checks.
pub(super) fn held(attempt: &AttemptRow, lang: Lang, leave: &Leave) -> Screen {
    Screen::Held {
        order: attempt_order(attempt, lang),
        channel: attempt.channel,
        leave: leave.page.clone(),
    }
}

/// The same page for a payer who has no other channel to pick.
pub(super) fn without_others(mut screen: Screen) -> Screen {
    match &mut screen {
        Screen::Pay(pay) => pay.back_url = None,
        Screen::Making { others, .. } => *others = None,
        _ => {}
    }
    screen
}

/// Whether the attempt's page is that of a paid order, where its money does not go back.
pub(super) fn is_paid(attempt: &AttemptRow) -> bool {
    attempt.request_status.was_paid() || attempt.status.has_money()
}

/// The page of a paid request: how and when, by the attempt that paid it.
pub(super) fn paid(
    order: Bought,
    winner: Option<&AttemptRow>,
    leave: Option<String>,
    held: bool,
) -> Screen {
    let receipt = winner.and_then(|attempt| {
        Some(Receipt {
            channel: attempt.channel,
            paid_ms: attempt.paid_ms?,
        })
    });
    Screen::Paid {
        order,
        receipt,
        leave,
        leave_after_s: if held { HELD_S } else { GREEN_S },
    }
}

/// The page of a payer whose channel says something else of his payment than its order.
pub(super) fn differs(attempt: &AttemptRow, lang: Lang, leave: &Leave) -> Screen {
    Screen::Differs {
        order: attempt_order(attempt, lang),
        leave: leave.page.clone(),
    }
}

/// Whether the attempt's money is not for its request, and so goes back.
pub(super) fn goes_back(attempt: &AttemptRow) -> bool {
    let late = attempt.status == Attempt::PaidAfterClose;
    late && !attempt.request_status.was_paid() || attempt.status == Attempt::Duplicate
}

/// The page of a payer whose money goes back, by that refund.
pub(super) fn going_back(
    order: Bought,
    attempt: &AttemptRow,
    refund: Option<Refund>,
    leave: &Leave,
) -> Screen {
    let twice = attempt.status == Attempt::Duplicate;
    let leave = if twice { &leave.ok } else { &leave.fail };
    Screen::Returned {
        order,
        twice,
        back: match refund {
            Some(Refund::New | Refund::Sent) => Back::OnItsWay,
            Some(Refund::Done) => Back::Done,
            Some(Refund::Failed | Refund::Parked | Refund::Withdrawn) | None => Back::ByMerchant,
        },
        sum: attempt.channel_money,
        leave: leave.clone(),
    }
}

fn way(attempt: &AttemptRow, look: Look) -> Option<Way> {
    Some(match attempt.obj.clone()? {
        Obj::Code(code) => Way::Scan {
            code,
            channel: attempt.channel,
        },
        Obj::Bridge(bridge) => Way::Bridge {
            bridge,
            at_once: look == Look::Picked,
        },
        Obj::Form(form) => Way::Form {
            form,
            channel: attempt.channel,
            // Who is to pay another sum sees it first.
            at_once: look != Look::Back && attempt.asked_money.is_none(),
        },
    })
}

/// A request as its page sees it.
pub(super) struct Seen<'a> {
    pub(super) request: &'a Verified<PayRequest>,
    pub(super) leave: &'a Leave,
    /// What the channel charges, where that is another sum.
    pub(super) charged: Option<Money>,
    /// Whether there is another channel to pick.
    pub(super) others: bool,
    /// Whether the payer looks at a phone.
    pub(super) phone: bool,
}

/// The page's own address, to be opened inside WeChat.
pub(super) fn wechat_address(public_url: &str, request: &Verified<PayRequest>) -> String {
    format!(
        "{public_url}{}",
        links::opened(Scene::H5, &request.signed())
    )
}

/// The page on which a payer outside WeChat is told to open it there.
pub(super) fn open_in_wechat(
    seen: Seen,
    (address, short): (String, Option<String>),
    visit: &Visit,
) -> Screen {
    let Seen {
        request,
        leave,
        charged,
        others,
        phone,
    } = seen;
    let signed = &request.signed();
    let picked = |pick: &str| visit.on(links::picked(visit.scene, signed, pick));
    Screen::Pay(Box::new(Pay {
        order: order(request, visit.lang),
        charged,
        confirm: false,
        way: Way::OpenInWechat {
            address,
            short,
            phone,
        },
        order_sn: String::new(),
        poll_url: links::poll(signed),
        events_url: links::events(signed),
        expires_in_s: WAIT_IN_WECHAT_S,
        life_s: WAIT_IN_WECHAT_S,
        expires_at: String::new(),
        ok_url: leave.ok.clone(),
        fail_url: leave.fail.clone(),
        attempt_url: picked(Channel::Wechat.code()),
        check_url: None,
        back_url: others.then(|| picked(links::PICK_ANEW)),
        came_back: false,
    }))
}

/// What is bought, by the values that the attempt was started with.
pub(super) fn attempt_order(attempt: &AttemptRow, lang: Lang) -> Bought {
    let text = |param| attempt.signed.get(param).unwrap_or_default();
    Bought {
        goods: in_language(text(Param::Info), text(Param::InfoEn), lang).to_owned(),
        money: attempt.money,
        request_key: attempt.request_key.clone(),
    }
}

/// `HH:MM` in Beijing.
fn beijing_time(at_ms: i64) -> String {
    beijing::time(at_ms)[11..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_beijings() {
        assert_eq!(beijing_time(1_465_955_306_000), "09:48");
    }
}
