//! The checkout pages: GET shows, POST starts (docs/page.md).

use super::cookies::Cookies;
use super::respond::{
    Form, Secure, browser, in_frame, is_phone, is_preview, page, retry_after, wished_language,
};
use super::{body, openid};
use crate::marks::Pictures;
use crate::state::State;
use crate::view::{
    self, Leave, Look, PICK, PICK_ANEW, Seen, attempt_path, page_path, picking, stay_path,
};
use app::page::{Offer, Order, Screen};
use axum::body::Body;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::{Browser, Checkout, Failure, LAP, Place, Poll, Scene, Start};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::lang::Lang;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::payee::Payee;
use payment::ports::AttemptRow;
use payment::refusal::Refusal;
use payment::request::{PayRequest, SEED_NAMES};
use payment::status::PayStatus;
use payment::verify::{Verified, signed_query};
use std::sync::Arc;
use std::time::Duration;

/// Where short addresses of pages lie.
const SHORT_PATH: &str = "/pay/to/";
/// A page waits for a channel no longer than this.
const CHANNEL_WAIT: Duration = Duration::from_secs(2);
/// A form's body is one short field.
const FORM_BYTES_MAX: usize = 4 << 10;
/// A form that is taken as the query.
const POSTED_BYTES_MAX: usize = 64 << 10;

/// A request to a page: its raw query, the payer's language and browser.
struct Visit {
    raw: String,
    lang: Lang,
    /// Present where the address says another language than the browser does.
    chosen: Option<Secure>,
    pictures: Pictures,
    path: String,
    scene: Scene,
    browser: Browser,
    phone: bool,
    /// Nobody looks at it: it starts nothing.
    preview: bool,
    cookies: Cookies,
}

impl Visit {
    fn of(state: &State, parts: &Parts) -> Self {
        let raw = parts.uri.query().unwrap_or_default().to_owned();
        let asked = raw.split('&').find_map(|pair| pair.strip_prefix("lang="));
        let asked = asked.and_then(Lang::parse);
        let wished = wished_language(&parts.headers);
        let lang = asked.unwrap_or(wished);
        let secure = Secure(state.public_url.starts_with("https://"));
        let path = parts.uri.path().to_owned();
        let scene = if path.starts_with("/mpay") {
            Scene::H5
        } else {
            Scene::Pc
        };
        Self {
            raw,
            lang,
            chosen: (lang != wished).then_some(secure),
            pictures: state.pictures.clone(),
            path,
            scene,
            browser: browser(&parts.headers),
            phone: is_phone(&parts.headers),
            preview: is_preview(parts),
            cookies: Cookies::of(&parts.headers),
        }
    }

    /// Where the payer of this domain is. Only the cookie knows who he is: an address
    /// may come from somebody else.
    fn place(&self, checkout: &Checkout, domain: &Domain) -> Place {
        let kept = || self.cookies.openid(&checkout.openid_account(domain)?);
        let h5 = self.scene == Scene::H5;
        Place {
            scene: self.scene,
            browser: self.browser,
            openid: h5.then(kept).flatten(),
            own_page: true,
        }
    }

    /// Where a payer is who goes on with an attempt.
    fn place_of(&self, attempt: &AttemptRow) -> Place {
        Place {
            scene: Scene::of(attempt.kind),
            browser: self.browser,
            openid: attempt.openid.clone(),
            own_page: true,
        }
    }

    /// What the address holds under a name of ours.
    fn own(&self, name: &str) -> Option<&str> {
        self.raw
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
    }

    /// The raw query without these names.
    fn without(&self, names: &[&str]) -> String {
        let of = |pair: &str| names.contains(&pair.split('=').next().unwrap_or_default());
        let kept = self
            .raw
            .split('&')
            .filter(|pair| !pair.is_empty() && !of(pair));
        kept.collect::<Vec<_>>().join("&")
    }

    /// The same address in the other language.
    fn other_language(&self) -> String {
        let other = &self.lang.other().tag()[..2];
        let kept = self.without(&["lang", LAP]);
        let joint = if kept.is_empty() { "" } else { "&" };
        format!("{}?{kept}{joint}lang={other}", self.page_path())
    }

    /// The page that this request belongs to: what a form was sent to is none.
    fn page_path(&self) -> &str {
        if self.path.ends_with("/start") {
            return page_path(self.scene);
        }
        self.path.strip_suffix("/again").unwrap_or(&self.path)
    }

    /// This page once more.
    fn again(&self) -> String {
        format!("{}?{}", self.page_path(), self.raw)
    }

    /// Who is paid, where anything of it can be shown.
    fn payee(&self, payee: &Payee) -> Option<app::page::Payee> {
        let shown = app::page::Payee {
            name: payee.name(self.lang).to_owned(),
            help: payee.help(self.lang).to_owned(),
            picture: self.pictures.address(&payee.picture),
        };
        let nothing = shown.name.is_empty() && shown.help.is_empty() && shown.picture.is_none();
        (!nothing).then_some(shown)
    }

    fn form(&self, status: StatusCode, leave: Option<&Leave>) -> Form {
        Form {
            payee: leave.and_then(|leave| self.payee(&leave.payee)),
            status,
            lang: self.lang,
            other_lang_url: Some(self.other_language()),
            keep_lang: self.chosen,
            frame_origins: leave.map(|leave| leave.frames.clone()).unwrap_or_default(),
            marks: self.pictures.marks(),
        }
    }
}

/// What a page comes to.
enum Shown {
    Screen(Box<Screen>),
    /// Inside WeChat without an openid: the payer fetches one first.
    FetchOpenid(String),
}

/// `GET /pay.html`, `GET /mpay.html`.
pub(super) async fn pay(extract::State(state): extract::State<State>, parts: Parts) -> Response {
    let visit = Visit::of(&state, &parts);
    let pairs = match Pairs::from_query(&visit.raw) {
        Ok(pairs) => pairs,
        Err(refusal) => return refused(&visit, &refusal.into(), None),
    };
    if pairs.get("domainCode").is_none() {
        let signed = pairs.iter().any(|(name, _)| SEED_NAMES.contains(&name));
        return match signed {
            true => refused(&visit, &Refusal::missing("domainCode").into(), None),
            // The parameters may stand where only the browser sees them.
            false => page(Screen::Fragment, visit.form(StatusCode::OK, None)),
        };
    }
    if visit.own("openid").is_some() {
        return see_other(&format!("{}?{}", visit.path, visit.without(&["openid"])));
    }
    // Nobody can scan the phone that he holds: inside WeChat the bridge pays.
    if visit.scene == Scene::Pc && visit.browser == Browser::Wechat {
        return see_other(&format!("{}?{}", page_path(Scene::H5), pairs.to_query()));
    }
    let (domain, request) = match state.checkout.verified(&pairs).await {
        Ok(verified) => verified,
        Err(failure) => return refused(&visit, &failure, None),
    };
    // Where a door gives one address for all payers, a desktop is served as one.
    let desktop = visit.browser == Browser::Other && !visit.phone;
    let door = state.checkout.door(&domain);
    let one_page = door.is_ok_and(|door| door.has_one_page());
    if visit.scene == Scene::H5 && desktop && one_page {
        return see_other(&format!("{}?{}", page_path(Scene::Pc), pairs.to_query()));
    }
    let leave = Leave::of(&domain, &request);
    match show(&state, &domain, &request, &visit, &leave).await {
        Ok(Shown::Screen(screen)) => page(*screen, visit.form(StatusCode::OK, Some(&leave))),
        Ok(Shown::FetchOpenid(address)) => see_other(&address),
        Err(failure) => {
            let order = view::order(&request, visit.lang);
            refused(&visit, &failure, Some(Known { leave, order }))
        }
    }
}

/// `POST /pay.html`, `POST /mpay.html`: a form that another site sends is the query.
pub(super) async fn posted(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let read = async {
        let form = || Refusal::malformed("body", "a form in UTF-8, at most 64 KB");
        let body = body::read(body, POSTED_BYTES_MAX).await.ok_or_else(form)?;
        let body = Pairs::from_query(str::from_utf8(&body).map_err(|_| form())?)?;
        let query = Pairs::from_query(parts.uri.query().unwrap_or_default())?;
        Ok(query.chain(body))
    };
    match read.await {
        Ok(pairs) => see_other(&format!("{}?{}", parts.uri.path(), pairs.to_query())),
        Err(refusal) => {
            let refusal: Refusal = refusal;
            refused(&Visit::of(&state, &parts), &refusal.into(), None)
        }
    }
}

/// Without a channel the payer picks; with one, given or the only one, the
/// payment is started at once. Inside WeChat its bridge pays with one tap, and
/// what else there is comes on request.
async fn show(
    state: &State,
    domain: &Domain,
    request: &Verified<PayRequest>,
    visit: &Visit,
    leave: &Leave,
) -> Result<Shown, Failure> {
    let checkout = &state.checkout;
    if let Some(screen) = already(checkout, request, visit, leave).await? {
        return Ok(Shown::Screen(Box::new(screen)));
    }
    let place = visit.place(checkout, domain);
    let channels = checkout.pay_types(domain, &place, request);
    let only = match channels.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let bridge = place.scene == Scene::H5
        && place.browser == Browser::Wechat
        && channels.contains(&Channel::Wechat);
    let given = match visit.own(PICK) {
        Some(PICK_ANEW) => only,
        Some(pick) => Channel::parse(pick).or(only),
        None => request
            .pay_type
            .or(only)
            .or(bridge.then_some(Channel::Wechat)),
    };
    let wechat = given.is_none_or(|channel| channel == Channel::Wechat);
    let fetch = bridge && wechat && place.openid.is_none() && !visit.preview;
    if fetch && checkout.pays_by_bridge(domain, request) {
        // Asked once more, a browser that keeps no cookie would go round for ever.
        if visit.own(LAP).is_some_and(|lap| checkout.is_lap(lap)) {
            let values = signed_query(request);
            let here = page_path(visit.scene);
            return Ok(Shown::Screen(Box::new(Screen::NoCookie {
                order: Some(view::order(request, visit.lang)),
                address: format!("{here}?{values}"),
                back: (channels.len() > 1)
                    .then(|| format!("{here}?{}", picking(&values, PICK_ANEW))),
            })));
        }
        return Ok(Shown::FetchOpenid(openid::address(
            &state.public_url,
            &domain.code,
            &visit.path,
            &visit.without(&[LAP]),
        )));
    }
    let order = view::order(request, visit.lang);
    let Some(channel) = given.filter(|_| !visit.preview) else {
        let action = format!("{}?{}", start_path(visit.scene), visit.raw);
        let offers = checkout.offers_to(domain, &place, request);
        let offer = |(channel, charged)| Offer { channel, charged };
        return Ok(Shown::Screen(Box::new(Screen::Pick {
            order,
            offers: offers.into_iter().map(offer).collect(),
            action,
        })));
    };
    let start = Start {
        channel,
        place: place.clone(),
    };
    let started = checkout.pay(domain, request, start);
    let screen = match tokio::time::timeout(CHANNEL_WAIT, started).await {
        Err(_) => Screen::Making(order),
        Ok(Err(Failure::AlreadyPaid)) => {
            let (domain, key) = (&request.domain_code, &request.request_key);
            let attempts = checkout.store().attempts(domain, key).await?;
            paid(checkout, &attempts, order, leave).await
        }
        Ok(Err(Failure::OpenidMissing)) => {
            let offers = checkout.offers_to(domain, &place, request);
            let wechat = offers.into_iter().find(|(offer, _)| *offer == channel);
            let charged = wechat.and_then(|(_, charged)| charged);
            let others = only.is_none();
            let seen = Seen {
                request,
                leave,
                charged,
                others,
                phone: visit.phone,
            };
            let address = view::wechat_address(&state.public_url, request);
            let short = checkout.short(&address).await?;
            let short = short.map(|token| format!("{}{SHORT_PATH}{token}", state.public_url));
            view::open_in_wechat(seen, (address, short), visit.scene, visit.lang)
        }
        Ok(Err(failure)) => return Err(failure),
        Ok(Ok(attempt)) => {
            let screen = attempt_screen(checkout, attempt, visit, Look::Quiet, leave).await?;
            if only.is_some() {
                view::without_others(screen)
            } else {
                screen
            }
        }
    };
    Ok(Shown::Screen(Box::new(screen)))
}

/// Where a page's picker is posted to.
fn start_path(scene: Scene) -> &'static str {
    match scene {
        Scene::Pc => "/pay/start",
        Scene::H5 => "/mpay/start",
    }
}

/// A request that is paid stays paid, whatever channel the address names, and one that
/// is closed is offered to nobody.
async fn already(
    checkout: &Arc<Checkout>,
    request: &Verified<PayRequest>,
    visit: &Visit,
    leave: &Leave,
) -> Result<Option<Screen>, Failure> {
    let (domain, key) = (&request.domain_code, &request.request_key);
    let attempts = checkout.store().attempts(domain, key).await?;
    let Some(last) = attempts.last() else {
        let closed = checkout.store().is_closed(domain, key).await?;
        return if closed {
            Err(Failure::Closed)
        } else {
            Ok(None)
        };
    };
    if last.money != request.money {
        return Err(Failure::KeyReused);
    }
    if last.request_status.was_paid() {
        let order = view::order(request, visit.lang);
        return Ok(Some(paid(checkout, &attempts, order, leave).await));
    }
    let holds = |attempt: &&AttemptRow| attempt.status == Attempt::Held;
    if let Some(attempt) = attempts.iter().find(holds) {
        return Ok(Some(view::held(attempt, visit.lang, leave)));
    }
    // A payer whose money is on its way back is not told that he was not charged.
    let late = |attempt: &AttemptRow| attempt.status == Attempt::PaidAfterClose;
    if attempts.iter().any(late) {
        return Ok(Some(Screen::Returned {
            order: view::order(request, visit.lang),
            leave: leave.fail.clone(),
        }));
    }
    match last.request_status {
        PayStatus::Closed => Err(Failure::Closed),
        _ => Ok(None),
    }
}

/// The page of a paid request, of which these are the attempts.
async fn paid(checkout: &Checkout, attempts: &[AttemptRow], order: Order, leave: &Leave) -> Screen {
    let held = match attempts.last() {
        Some(last) => checkout.holds(&last.domain_code, &last.request_key).await,
        None => false,
    };
    view::paid(order, attempts, leave, held)
}

/// `POST /pay/start?{signed values}`, `POST /mpay/start?…`: starts a payment, and
/// leads to its page.
pub(super) async fn start(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let visit = Visit::of(&state, &parts);
    let here = page_path(visit.scene);
    let checkout = &state.checkout;
    let asked = async {
        let channel = picked(body).await?;
        let pairs = Pairs::from_query(&visit.raw)?;
        let (domain, request) = checkout.verified(&pairs).await?;
        Ok::<_, Failure>((channel, domain, request))
    };
    let (channel, domain, request) = match asked.await {
        Ok(asked) => asked,
        Err(failure) => return refused(&visit, &failure, None),
    };
    let place = visit.place(checkout, &domain);
    let values = signed_query(&request);
    match checkout
        .pay(&domain, &request, Start { channel, place })
        .await
    {
        Ok(attempt) => see_other(&attempt_path(&attempt, visit.lang)),
        // Paid, or the channel checks the money: the page tells.
        Err(Failure::AlreadyPaid | Failure::InProgress) => see_other(&format!("{here}?{values}")),
        Err(Failure::OpenidMissing) => {
            let address = view::wechat_address(&state.public_url, &request);
            match checkout.keep_short(&request, &address).await {
                Ok(()) => see_other(&format!("{here}?{}", picking(&values, channel.code()))),
                Err(failure) => refused(&visit, &failure, None),
            }
        }
        Err(failure) => {
            let known = Known {
                leave: Leave::of(&domain, &request),
                order: view::order(&request, visit.lang),
            };
            refused(&visit, &failure, Some(known))
        }
    }
}

/// `GET /pay/attempt/{token}`: where a pick leads.
pub(super) async fn attempt(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    attempt_page(&state, &token, &parts, Look::Picked).await
}

/// `/pay/attempt/{token}/stay`: the same for a payer who came back; a channel may
/// send him by POST.
pub(super) async fn stay(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    attempt_page(&state, &token, &parts, Look::Back).await
}

async fn attempt_page(state: &State, token: &str, parts: &Parts, look: Look) -> Response {
    let visit = Visit::of(state, parts);
    let (attempt, known) = match found(&state.checkout, token, &visit).await {
        Ok(found) => found,
        Err(nothing) => return nothing,
    };
    match attempt_screen(&state.checkout, attempt, &visit, look, &known.leave).await {
        Ok(screen) => page(screen, visit.form(StatusCode::OK, Some(&known.leave))),
        Err(failure) => refused(&visit, &failure, Some(known)),
    }
}

/// What a refusal may tell of a genuine request.
struct Known {
    leave: Leave,
    order: Order,
}

/// The attempt that a token opens; else the page that says that there is none.
async fn found(
    checkout: &Checkout,
    token: &str,
    visit: &Visit,
) -> Result<(AttemptRow, Known), Response> {
    let lost = |failure: Failure| refused(visit, &failure, None);
    let attempt = checkout.store().attempt_by_token(token).await;
    let attempt = attempt.map_err(|error| lost(error.into()))?;
    let none = || page(Screen::Unknown, visit.form(StatusCode::NOT_FOUND, None));
    let attempt = attempt.ok_or_else(none)?;
    let domain = checkout.domain_named(&attempt.domain_code).await;
    let known = Known {
        leave: Leave::of_attempt(&domain.map_err(lost)?, &attempt),
        order: view::attempt_order(&attempt, visit.lang),
    };
    Ok((attempt, known))
}

/// `/pay/return/{token}`, by GET or POST: the payer comes back from the channel.
/// What the channel's browser says is a hint to ask, and nothing more.
pub(super) async fn come_back(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&state, &parts);
    let checkout = &state.checkout;
    let (attempt, known) = match found(checkout, &token, &visit).await {
        Ok(found) => found,
        Err(nothing) => return nothing,
    };
    let stay = stay_path(&attempt, visit.lang);
    match checkout.watch(&attempt).await {
        Ok(Poll::Paid) => {
            let (domain, key) = (&attempt.domain_code, &attempt.request_key);
            checkout.held(domain, key).await;
            // Out of a frame leads only a page of ours.
            let address = known.leave.ok.filter(|_| !in_frame(&parts.headers));
            see_other(&address.unwrap_or(stay))
        }
        Ok(Poll::Waiting(_) | Poll::Failed(_)) => see_other(&stay),
        Err(failure) => refused(&visit, &failure, Some(known)),
    }
}

/// `POST /pay/attempt/{token}/again`: a new attempt with the same values.
pub(super) async fn again(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&state, &parts);
    let (old, known) = match found(&state.checkout, &token, &visit).await {
        Ok(found) => found,
        Err(nothing) => return nothing,
    };
    let start = Start {
        channel: old.channel,
        place: visit.place_of(&old),
    };
    match state.checkout.pay_again(&old, start).await {
        Ok(new) => see_other(&attempt_path(&new, visit.lang)),
        Err(Failure::AlreadyPaid | Failure::InProgress) => {
            see_other(&attempt_path(&old, visit.lang))
        }
        Err(failure) => refused(&visit, &failure, Some(known)),
    }
}

/// Any other address.
pub(super) async fn unknown(
    extract::State(state): extract::State<State>,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&state, &parts);
    let form = Form {
        other_lang_url: None,
        ..visit.form(StatusCode::NOT_FOUND, None)
    };
    page(Screen::Unknown, form)
}

/// Asks how the attempt stands, and shows it.
async fn attempt_screen(
    checkout: &Arc<Checkout>,
    attempt: AttemptRow,
    visit: &Visit,
    look: Look,
    leave: &Leave,
) -> Result<Screen, Failure> {
    let attempt = match checkout.watch(&attempt).await? {
        Poll::Failed(_) if attempt.status == Attempt::PaidAfterClose => attempt,
        Poll::Failed(failure) => return Err(failure),
        Poll::Paid | Poll::Waiting(_) => checkout
            .store()
            .attempt(&attempt.order_sn)
            .await?
            .unwrap_or(attempt),
    };
    if view::is_paid(&attempt) {
        let (domain, key) = (&attempt.domain_code, &attempt.request_key);
        let attempts = checkout.store().attempts(domain, key).await?;
        let order = view::attempt_order(&attempt, visit.lang);
        return Ok(paid(checkout, &attempts, order, leave).await);
    }
    let now_ms = checkout.now_ms();
    // Who came back has opened it.
    let look = match look {
        Look::Back => Look::Back,
        _ if checkout.is_stale(&attempt) => Look::Stale,
        look => look,
    };
    Ok(view::screen(&attempt, now_ms, visit.lang, look, leave))
}

/// `GET /pay/to/{token}`: the short address of a page, as a code holds it.
pub(super) async fn short(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    match state.checkout.long(&token).await {
        Ok(Some(address)) => see_other(&address),
        Ok(None) => unknown(extract::State(state), parts).await,
        Err(failure) => refused(&Visit::of(&state, &parts), &failure, None),
    }
}

/// The channel that a form names.
async fn picked(body: Body) -> Result<Channel, Refusal> {
    let form = || Refusal::malformed("channel", "Wechat | Alipay | ChinapayOld | Paypal");
    let body = body::read(body, FORM_BYTES_MAX).await.ok_or_else(form)?;
    let pairs = Pairs::from_query(str::from_utf8(&body).map_err(|_| form())?)?;
    pairs
        .get("channel")
        .and_then(Channel::parse)
        .ok_or_else(form)
}

pub(super) fn see_other(address: &str) -> Response {
    match HeaderValue::from_str(address) {
        Ok(address) => (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// A page that a payer understands; the cause goes to the log.
fn refused(visit: &Visit, failure: &Failure, known: Option<Known>) -> Response {
    tracing::info!(errcode = failure.code().code(), cause = %failure, "page refused");
    let passing = failure.passes();
    let status = match passing {
        _ if failure.wait_s().is_some() => StatusCode::TOO_MANY_REQUESTS,
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::BAD_REQUEST,
    };
    let (leave, order) = known.map(|known| (known.leave, known.order)).unzip();
    let screen = Screen::Refused {
        order,
        code: failure.code().code(),
        cause: failure.text(visit.lang),
        again: passing.then(|| visit.again()),
        leave: leave.as_ref().and_then(|leave| leave.fail.clone()),
    };
    let mut response = page(screen, visit.form(status, leave.as_ref()));
    if let Some(wait_s) = failure.wait_s() {
        retry_after(&mut response, wait_s);
    }
    response
}
