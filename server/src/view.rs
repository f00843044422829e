//! What a page shows of a request or an attempt.

use app::page::{Order, Pay, Receipt, Screen, Way};
use checkout::{ATTEMPT_PATH, Scene};
use payment::address::{Address, origin};
use payment::beijing;
use payment::channel::Channel;
use payment::domain::Domain;
use payment::lang::Lang;
use payment::money::Money;
use payment::obj::Obj;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::payee::{Payee, in_language};
use payment::ports::{AttemptRow, Kind};
use payment::request::PayRequest;
use payment::verify::{Verified, signed_query};

/// The name, never signed, under which a page's address holds the payer's pick:
/// a channel, or [`PICK_ANEW`].
pub(crate) const PICK: &str = "pick";
/// The payer wants to pick another channel.
pub(crate) const PICK_ANEW: &str = "none";
/// A page that waits for a payment inside WeChat does so this long.
const WAIT_IN_WECHAT_S: i64 = 1_800;
/// A paid page is shown this long before it leaves, and while a payer is held.
const GREEN_S: u32 = 1;
const HELD_S: u32 = 3;

/// What a page knows of its business system: where a payer goes when the page is done,
/// who may show it, and who is paid (docs/page.md, What a business system decides).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Leave {
    /// Paid: dialogOkUrl, else pageUrl.
    pub(crate) ok: Option<String>,
    /// Failed: dialogFailUrl, else pageUrl.
    pub(crate) fail: Option<String>,
    /// pageUrl.
    page: Option<String>,
    /// The origins that may show the page in a frame: the domain's, else those of
    /// these addresses.
    pub(crate) frames: Vec<String>,
    /// Who is paid.
    pub(crate) payee: Payee,
}

impl Leave {
    pub(crate) fn of(domain: &Domain, request: &PayRequest) -> Self {
        let page = &request.page_url;
        let leave = Self {
            ok: request.dialog_ok_url.clone().or_else(|| page.clone()),
            fail: request.dialog_fail_url.clone().or_else(|| page.clone()),
            page: page.clone(),
            frames: Vec::new(),
            payee: Payee::default(),
        };
        leave.told_by(domain)
    }

    /// The same, of values that were verified when they were stored. Who comes
    /// back from a channel's own page goes on to pageUrl before all.
    pub(crate) fn of_attempt(domain: &Domain, attempt: &AttemptRow) -> Self {
        let leave = Self::of_values(&attempt.signed_values).told_by(domain);
        match attempt.kind {
            Kind::Page | Kind::Wap => Self {
                ok: leave.page.clone().or(leave.ok),
                ..leave
            },
            Kind::Native | Kind::Jsapi | Kind::Mweb => leave,
        }
    }

    fn of_values(signed_values: &str) -> Self {
        let pairs = Pairs::from_query(signed_values).unwrap_or_default();
        let address = |name: &str| {
            let value = pairs.get(name).filter(|value| !value.is_empty())?;
            let read = Address::page(value, true).ok()?;
            Some(read.as_str().to_owned())
        };
        Self {
            ok: address("dialogOkUrl").or_else(|| address("pageUrl")),
            fail: address("dialogFailUrl").or_else(|| address("pageUrl")),
            page: address("pageUrl"),
            frames: Vec::new(),
            payee: Payee::default(),
        }
    }

    fn told_by(self, domain: &Domain) -> Self {
        let listed = &domain.settings.frame_origins;
        let frames = if listed.is_empty() {
            self.origins()
        } else {
            listed.clone()
        };
        Self {
            frames,
            payee: domain.settings.payee.clone(),
            ..self
        }
    }

    /// The origins of these addresses.
    fn origins(&self) -> Vec<String> {
        let mut origins: Vec<_> = [&self.ok, &self.fail, &self.page]
            .into_iter()
            .flatten()
            .filter_map(|url| origin(url))
            .collect();
        origins.sort();
        origins.dedup();
        origins
    }
}

/// The page of one attempt, in the payer's language.
pub(crate) fn attempt_path(attempt: &AttemptRow, lang: Lang) -> String {
    token_path(attempt, "", lang)
}

/// The same page for a payer who came back or stays: it sends nobody away.
pub(crate) fn stay_path(attempt: &AttemptRow, lang: Lang) -> String {
    token_path(attempt, "/stay", lang)
}

fn token_path(attempt: &AttemptRow, look: &str, lang: Lang) -> String {
    let lang = if lang == Lang::En { "?lang=en" } else { "" };
    format!("{ATTEMPT_PATH}{}{look}{lang}", attempt.token)
}

/// What is bought.
pub(crate) fn order(request: &PayRequest, lang: Lang) -> Order {
    Order {
        goods: in_language(&request.info, &request.info_en, lang).to_owned(),
        money: request.money,
        request_key: request.request_key.clone(),
    }
}

/// How an attempt's page is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
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
pub(crate) fn screen(
    attempt: &AttemptRow,
    now_ms: i64,
    lang: Lang,
    look: Look,
    leave: &Leave,
) -> Screen {
    let order = attempt_order(attempt, lang);
    if attempt.status == Attempt::PaidAfterClose && !attempt.request_status.was_paid() {
        return Screen::Returned {
            order,
            leave: leave.fail.clone(),
        };
    }
    if attempt.status == Attempt::Held {
        return held(attempt, lang, leave);
    }
    let back_url = format!(
        "{}?{}",
        page_path(Scene::of(attempt.kind)),
        picking(&attempt.signed_values, PICK_ANEW)
    );
    let declined = attempt.status == Attempt::Declined;
    let over = attempt.status == Attempt::Closed || now_ms >= attempt.expires_ms;
    if declined || over || look == Look::Stale {
        return Screen::Ended {
            order,
            declined,
            scanned: attempt.kind == Kind::Native,
            channel: attempt.channel,
            begun_ms: attempt.created_ms,
            again: format!("{ATTEMPT_PATH}{}/again", attempt.token),
            back: back_url,
        };
    }
    let came_back = look == Look::Back && attempt.kind == Kind::Native;
    let Some(way) = way(attempt, look) else {
        return Screen::Making(order);
    };
    // A page that waits comes again without sending the payer away again.
    let attempt_url = match &way {
        Way::Scan { .. } => attempt_path(attempt, lang),
        _ => stay_path(attempt, lang),
    };
    Screen::Pay(Box::new(Pay {
        order,
        charged: (attempt.channel_money != attempt.money).then_some(attempt.channel_money),
        confirm: attempt.asked_money.is_some() && look != Look::Back,
        way,
        order_sn: attempt.order_sn.clone(),
        poll_url: poll_url(&attempt.signed_values),
        events_url: events_url(&attempt.signed_values),
        expires_in_s: (attempt.expires_ms - now_ms) / 1000,
        life_s: (attempt.expires_ms - attempt.created_ms) / 1000,
        expires_at: beijing_time(attempt.expires_ms),
        ok_url: leave.ok.clone(),
        fail_url: leave.fail.clone(),
        attempt_url,
        check_url: Some(format!("/pay/return/{}", attempt.token)),
        back_url: Some(back_url),
        came_back,
    }))
}

/// The page of a payer whose money the channel checks.
pub(crate) fn held(attempt: &AttemptRow, lang: Lang, leave: &Leave) -> Screen {
    Screen::Held {
        order: attempt_order(attempt, lang),
        channel: attempt.channel,
        leave: leave.page.clone(),
    }
}

/// The same page for a payer who has no other channel to pick.
pub(crate) fn without_others(mut screen: Screen) -> Screen {
    if let Screen::Pay(pay) = &mut screen {
        pay.back_url = None;
    }
    screen
}

/// Whether the attempt's page is that of a paid order.
pub(crate) fn is_paid(attempt: &AttemptRow) -> bool {
    let late = attempt.status == Attempt::PaidAfterClose;
    attempt.request_status.was_paid() || attempt.status.has_money() && !late
}

/// The page of a paid request: how and when, by the attempt that paid it.
pub(crate) fn paid(order: Order, attempts: &[AttemptRow], leave: &Leave, held: bool) -> Screen {
    let winner = attempts
        .iter()
        .find(|attempt| attempt.status == Attempt::Paid);
    let receipt = winner.and_then(|attempt| {
        Some(Receipt {
            channel: attempt.channel,
            paid_ms: attempt.paid_ms?,
        })
    });
    Screen::Paid {
        order,
        receipt,
        leave: leave.ok.clone(),
        leave_after_s: if held { HELD_S } else { GREEN_S },
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
pub(crate) struct Seen<'a> {
    pub(crate) request: &'a Verified<PayRequest>,
    pub(crate) leave: &'a Leave,
    /// What the channel charges, where that is another sum.
    pub(crate) charged: Option<Money>,
    /// Whether there is another channel to pick.
    pub(crate) others: bool,
    /// Whether the payer looks at a phone.
    pub(crate) phone: bool,
}

/// The page's own address, to be opened inside WeChat.
pub(crate) fn wechat_address(public_url: &str, request: &Verified<PayRequest>) -> String {
    format!(
        "{public_url}{}?{}",
        page_path(Scene::H5),
        signed_query(request)
    )
}

/// The page on which a payer outside WeChat is told to open it there.
pub(crate) fn open_in_wechat(
    seen: Seen,
    (address, short): (String, Option<String>),
    scene: Scene,
    lang: Lang,
) -> Screen {
    let Seen {
        request,
        leave,
        charged,
        others,
        phone,
    } = seen;
    let signed_values = signed_query(request);
    let here = page_path(scene);
    Screen::Pay(Box::new(Pay {
        order: order(request, lang),
        charged,
        confirm: false,
        way: Way::OpenInWechat {
            address,
            short,
            phone,
        },
        order_sn: String::new(),
        poll_url: poll_url(&signed_values),
        events_url: events_url(&signed_values),
        expires_in_s: WAIT_IN_WECHAT_S,
        life_s: WAIT_IN_WECHAT_S,
        expires_at: String::new(),
        ok_url: leave.ok.clone(),
        fail_url: leave.fail.clone(),
        attempt_url: format!("{here}?{}", picking(&signed_values, Channel::Wechat.code())),
        check_url: None,
        back_url: others.then(|| format!("{here}?{}", picking(&signed_values, PICK_ANEW))),
        came_back: false,
    }))
}

/// The seed's page of a scene.
pub(crate) fn page_path(scene: Scene) -> &'static str {
    match scene {
        Scene::Pc => "/pay.html",
        Scene::H5 => "/mpay.html",
    }
}

fn events_url(signed_values: &str) -> String {
    format!("/pay/events?{signed_values}")
}

fn poll_url(signed_values: &str) -> String {
    format!("/pay/api/pc/wechatQuery?{signed_values}")
}

/// The same page, with another channel to be picked, or this one.
pub(crate) fn picking(signed_values: &str, pick: &str) -> String {
    format!("{signed_values}&{PICK}={pick}")
}

/// What is bought, by the values that the attempt was started with.
pub(crate) fn attempt_order(attempt: &AttemptRow, lang: Lang) -> Order {
    let pairs = Pairs::from_query(&attempt.signed_values).unwrap_or_default();
    let text = |name: &str| pairs.get(name).unwrap_or_default();
    Order {
        goods: in_language(text("info"), text("infoEn"), lang).to_owned(),
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
    fn a_payer_leaves_by_the_dialog_address_else_by_page_url() {
        let leave =
            Leave::of_values("pageUrl=www.10020.cn&dialogOkUrl=http%3A%2F%2Fwww.sohu.com%2Fa");
        assert_eq!(leave.ok.as_deref(), Some("http://www.sohu.com/a"));
        assert_eq!(leave.fail.as_deref(), Some("http://www.10020.cn"));
        assert_eq!(
            leave.origins(),
            ["http://www.10020.cn", "http://www.sohu.com"]
        );
    }

    #[test]
    fn strange_hosts_never_reach_a_header() {
        assert_eq!(origin("http://a;b/"), None);
        assert_eq!(origin("http://中文.cn/"), None);
    }

    #[test]
    fn times_are_beijings() {
        assert_eq!(beijing_time(1_465_955_306_000), "09:48");
    }
}
