//! The checkout pages of a request: GET shows, POST starts (docs/page.md).

use super::attempt::{attempt_screen, paid};
use super::cookies;
use super::leave::Leave;
use super::openid;
use super::screens::{self, Look, Seen};
use super::visit::{Known, Visit, refused, see_other};
use crate::routes::body;
use crate::routes::respond::{Form, page};
use crate::state::State;
use app::page::{Offer, Screen, Trip};
use axum::body::Body;
use axum::extract::{self, Path};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use checkout::links::{PICK, PICK_ANEW, SHORT};
use checkout::{Browser, Checkout, Failure, LAP, Place, Requested, Scene, Start, links};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::money::Money;
use payment::pairs::{Pairs, body_text};
use payment::param::Param;
use payment::refund::Refund;
use payment::refusal::Refusal;
use payment::request::PayRequest;
use payment::verify::Verified;
use std::time::Duration;
use tokio::time::Instant;

/// A page waits for a channel no longer than this.
const CHANNEL_WAIT: Duration = Duration::from_secs(2);
/// What stands in the database is waited for no longer: a payer is told to try again.
const STORE_WAIT: Duration = Duration::from_secs(2);
/// A form's body is one short field.
const FORM_BYTES_MAX: usize = 4 << 10;
/// A form that is taken as the query.
const POSTED_BYTES_MAX: usize = 64 << 10;

const FORM: &str = "application/x-www-form-urlencoded";

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
        // In another case they are none of the seed's, but nobody else's either.
        let of_seed = |(name, _): (&str, &str)| {
            let mut of_seed = Param::ALL.into_iter().filter(|param| param.is_of_seed());
            of_seed.any(|param| param.name().eq_ignore_ascii_case(name))
        };
        let signed = pairs.iter().any(of_seed);
        return if signed {
            refused(&visit, &Refusal::missing("domainCode").into(), None)
        } else {
            // The parameters may stand where only the browser sees them.
            page(Screen::Fragment, visit.form(StatusCode::OK, None))
        };
    }
    if visit.own("openid").is_some() {
        return see_other(&format!("{}?{}", visit.path, visit.without(&["openid"])));
    }
    // Nobody can scan the phone that he holds: inside WeChat the bridge pays.
    if visit.scene == Scene::Pc && visit.browser == Browser::Wechat {
        return see_other(&format!("{}?{}", links::page(Scene::H5), pairs.to_query()));
    }
    let until = Instant::now() + STORE_WAIT;
    let (domain, request) = match in_time(until, state.checkout.verified(&pairs)).await {
        Ok(verified) => verified,
        Err(failure) => return refused(&visit, &failure, None),
    };
    // Where a door gives one address for all payers, a desktop is served as one.
    let desktop = visit.browser == Browser::Other && !visit.phone;
    let door = state.checkout.door(&domain);
    let one_page = door.is_ok_and(|door| door.has_one_page());
    if visit.scene == Scene::H5 && desktop && one_page {
        return see_other(&format!("{}?{}", links::page(Scene::Pc), pairs.to_query()));
    }
    let leave = Leave::of(&state, &domain, &request);
    let requested = in_time(until, state.checkout.requested(&request)).await;
    let shown = match requested {
        Ok(requested) => show(&state, requested, &domain, &request, &visit, &leave).await,
        Err(failure) => Err(failure),
    };
    match shown {
        Ok(Shown::Screen(screen)) => page(*screen, visit.form(StatusCode::OK, Some(&leave))),
        Ok(Shown::FetchOpenid(address)) => see_other(&address),
        Err(failure) => {
            let known = known(&state, &domain, &request, &visit);
            refused(&visit, &failure, Some(known))
        }
    }
}

/// What a refusal may tell of a request, and that another channel is offered.
fn known(state: &State, domain: &Domain, request: &Verified<PayRequest>, visit: &Visit) -> Known {
    let checkout = &state.checkout;
    let offers = checkout.offers_to(domain, &visit.place(checkout, domain), request);
    let list = || visit.on(links::picked(visit.scene, &request.signed(), PICK_ANEW));
    Known {
        leave: Leave::of(state, domain, request),
        order: screens::order(request, visit.lang),
        others: (!offers.is_empty()).then(list),
    }
}

/// What was read until then.
async fn in_time<T>(
    until: Instant,
    read: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let late = || Failure::Internal("the database does not answer in time".to_owned());
    let read = tokio::time::timeout_at(until, read);
    read.await.unwrap_or_else(|_| Err(late()))
}

/// `POST /pay.html`, `POST /mpay.html`: a form that another site sends is the query.
pub(super) async fn posted(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let read = async {
        if !is_form(&parts.headers) {
            return Err(Refusal::malformed("Content-Type", FORM));
        }
        let body = body::read(body, POSTED_BYTES_MAX).await;
        let body = body.map_err(|unread| unread.refusal(POSTED_BYTES_MAX >> 10))?;
        let body = Pairs::from_query(body_text(&body)?.trim())?;
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

/// A form, or not said.
fn is_form(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let kind = kind.to_str().unwrap_or_default().to_ascii_lowercase();
    kind.contains(FORM)
}

/// A request whose sign holds, as a payer opens it.
struct Opened<'a> {
    state: &'a State,
    visit: &'a Visit,
    domain: &'a Domain,
    request: &'a Verified<PayRequest>,
    leave: &'a Leave,
    place: Place,
    /// Where it can be paid.
    channels: Vec<Channel>,
}

/// Without a channel the payer picks; with one, given or the only one, the
/// payment is started at once. Inside WeChat its bridge pays with one tap, and
/// what else there is comes on request.
async fn show(
    state: &State,
    requested: Requested,
    domain: &Domain,
    request: &Verified<PayRequest>,
    visit: &Visit,
    leave: &Leave,
) -> Result<Shown, Failure> {
    let checkout = &state.checkout;
    let screen = match done(checkout, requested, request, visit, leave).await {
        Some(screen) => screen,
        None => {
            let place = visit.place(checkout, domain);
            let opened = Opened {
                channels: checkout.pay_types(domain, &place, request),
                state,
                visit,
                domain,
                request,
                leave,
                place,
            };
            match opened.wechat_trip() {
                Some(trip) => return Ok(trip),
                None => opened.payable().await?,
            }
        }
    };
    Ok(Shown::Screen(Box::new(screen)))
}

/// The page of a request that can't be paid now.
async fn done(
    checkout: &Checkout,
    requested: Requested,
    request: &PayRequest,
    visit: &Visit,
    leave: &Leave,
) -> Option<Screen> {
    let order = || screens::order(request, visit.lang);
    match requested {
        Requested::Payable => None,
        Requested::Paid(winner) => {
            let domain_code = &request.domain_code;
            Some(paid(checkout, domain_code, order(), winner.as_ref(), leave).await)
        }
        Requested::Held(attempt) => Some(screens::held(&attempt, visit.lang, leave)),
        Requested::Differs(attempt) => Some(screens::differs(&attempt, visit.lang, leave)),
        Requested::GoingBack(late) => {
            let refund = checkout.way_back(&late).await;
            // Whoever does not know how far it is knows that it is to go back.
            let refund = refund.unwrap_or(Some(Refund::New));
            Some(screens::going_back(order(), &late, refund, leave))
        }
    }
}

impl Opened<'_> {
    /// The channel, where there is one alone.
    fn only(&self) -> Option<Channel> {
        match self.channels.as_slice() {
            [only] => Some(*only),
            _ => None,
        }
    }

    /// Whether WeChat's bridge can pay here.
    fn has_bridge(&self) -> bool {
        self.place.scene == Scene::H5
            && self.place.browser == Browser::Wechat
            && self.channels.contains(&Channel::Wechat)
    }

    /// The channel that the payer is to pay by, where he need not pick one.
    fn given(&self) -> Option<Channel> {
        match self.visit.own(PICK) {
            Some(PICK_ANEW) => self.only(),
            Some(pick) => Channel::parse(pick).or(self.only()),
            None => self
                .request
                .pay_type
                .or(self.only())
                .or(self.has_bridge().then_some(Channel::Wechat)),
        }
    }

    /// Whether the payer wants to pick another channel, and there is one: no openid is wanted
    /// before he picks WeChat.
    fn picks_anew(&self) -> bool {
        self.visit.own(PICK) == Some(PICK_ANEW) && self.channels.len() > 1
    }

    /// Where a payer inside WeChat goes whose openid is wanted and not known.
    fn wechat_trip(&self) -> Option<Shown> {
        let (visit, request, checkout) = (self.visit, self.request, &self.state.checkout);
        let wechat = self
            .given()
            .is_none_or(|channel| channel == Channel::Wechat);
        let wechat = wechat && !self.picks_anew();
        let fetch = wechat && self.place.openid.is_none() && !visit.preview;
        if !fetch || !self.bridges() {
            return None;
        }
        // Asked once more, a browser that keeps no cookie would go round for ever.
        if visit.own(LAP).is_some_and(|lap| checkout.is_lap(lap)) {
            let signed = &request.signed();
            let others = self.channels.len() > 1;
            return Some(Shown::Screen(Box::new(Screen::NoCookie {
                order: Some(screens::order(request, visit.lang)),
                address: visit.on(links::opened(visit.scene, signed)),
                back: others.then(|| visit.on(links::picked(visit.scene, signed, PICK_ANEW))),
            })));
        }
        Some(Shown::FetchOpenid(self.trip().address))
    }

    /// Whether WeChat's bridge can pay this request here.
    fn bridges(&self) -> bool {
        self.has_bridge()
            && self
                .state
                .checkout
                .pays_by_bridge(self.domain, self.request)
    }

    /// Whether a browser that is no app's own would offer something.
    fn is_payable_elsewhere(&self) -> bool {
        let place = Place {
            browser: Browser::Other,
            ..self.place.clone()
        };
        let channels = self
            .state
            .checkout
            .pay_types(self.domain, &place, self.request);
        !channels.is_empty()
    }

    /// The way to this payer's openid, and back here.
    fn trip(&self) -> Trip {
        let (state, visit) = (self.state, self.visit);
        let back = match self.picks_anew() {
            true => format!(
                "{}&{PICK}={}",
                visit.without(&[LAP, PICK]),
                Channel::Wechat.code()
            ),
            false => visit.without(&[LAP]),
        };
        Trip {
            address: openid::address(&state.public_url, &self.domain.code, &visit.path, &back),
            at_once: self.place.openid.is_none() && visit.own(LAP).is_none() && !self.picks_anew(),
        }
    }

    /// The page of a request that can be paid: channels to pick from, or the payment
    /// that is begun.
    async fn payable(&self) -> Result<Screen, Failure> {
        let order = screens::order(self.request, self.visit.lang);
        let Some(channel) = self.given().filter(|_| !self.visit.preview) else {
            let offers = self.offers().into_iter();
            let offers = offers.map(|(channel, charged)| Offer { channel, charged });
            return Ok(Screen::Pick {
                order,
                offers: offers.collect(),
                elsewhere: self.channels.is_empty() && self.is_payable_elsewhere(),
                action: format!("{}?{}", links::start(self.visit.scene), self.visit.raw),
                openid: self.bridges().then(|| self.trip()),
                last: self.visit.last_channel(),
            });
        };
        let start = Start {
            channel,
            place: self.place.clone(),
        };
        let checkout = &self.state.checkout;
        let started = checkout.pay(self.domain, self.request, start);
        match tokio::time::timeout(CHANNEL_WAIT, started).await {
            Err(_) => Ok(Screen::Making {
                order,
                others: self.only().is_none().then(|| {
                    let signed = self.request.signed();
                    self.visit
                        .on(links::picked(self.visit.scene, &signed, PICK_ANEW))
                }),
            }),
            // It was paid a moment ago.
            Ok(Err(Failure::AlreadyPaid)) => {
                let requested = checkout.requested(self.request).await?;
                let (visit, leave) = (self.visit, self.leave);
                let screen = done(checkout, requested, self.request, visit, leave).await;
                screen.ok_or(Failure::AlreadyPaid)
            }
            Ok(Err(Failure::OpenidMissing)) => self.open_in_wechat(channel).await,
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(attempt)) => {
                let (visit, leave) = (self.visit, self.leave);
                let screen = attempt_screen(checkout, attempt, visit, Look::Quiet, leave).await?;
                Ok(match self.only() {
                    Some(_) => screens::without_others(screen),
                    None => screen,
                })
            }
        }
    }

    /// The page that tells a payer outside WeChat to open it there.
    async fn open_in_wechat(&self, channel: Channel) -> Result<Screen, Failure> {
        let offered = |(offer, _): &(Channel, _)| *offer == channel;
        let seen = Seen {
            request: self.request,
            leave: self.leave,
            charged: self
                .offers()
                .into_iter()
                .find(offered)
                .and_then(|(_, sum)| sum),
            others: self.only().is_none(),
            phone: self.visit.phone,
        };
        let public_url = &self.state.public_url;
        let address = screens::wechat_address(public_url, self.request);
        let short = self.state.checkout.short(&address).await?;
        let short = short.map(|token| format!("{public_url}{SHORT}{token}"));
        Ok(screens::open_in_wechat(seen, (address, short), self.visit))
    }

    /// The channels to pick from, each with what it charges where that is another sum.
    fn offers(&self) -> Vec<(Channel, Option<Money>)> {
        let checkout = &self.state.checkout;
        checkout.offers_to(self.domain, &self.place, self.request)
    }
}

/// `POST /pay/start?{signed values}`, `POST /mpay/start?…`: starts a payment, and
/// leads to its page.
pub(super) async fn start(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let visit = Visit::of(&state, &parts);
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
    let signed = &request.signed();
    match checkout
        .pay(&domain, &request, Start { channel, place })
        .await
    {
        Ok(attempt) => {
            let mut response = see_other(&visit.on(links::attempt(&attempt)));
            cookies::keep_channel(&mut response, channel, state.is_secure());
            response
        }
        // Paid, or the channel checks the money: the page tells.
        Err(Failure::AlreadyPaid | Failure::InProgress) => {
            see_other(&visit.on(links::opened(visit.scene, signed)))
        }
        Err(Failure::OpenidMissing) => {
            let address = screens::wechat_address(&state.public_url, &request);
            match checkout.keep_short(&request, &address).await {
                Ok(()) => see_other(&visit.on(links::picked(visit.scene, signed, channel.code()))),
                Err(failure) => refused(&visit, &failure, None),
            }
        }
        Err(failure) => {
            let known = known(&state, &domain, &request, &visit);
            refused(&visit, &failure, Some(known))
        }
    }
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

/// `GET /pay/order/{partner}/{token}`: the short address of a partner's order.
pub(super) async fn order(
    extract::State(state): extract::State<State>,
    Path((partner, token)): Path<(String, String)>,
    parts: Parts,
) -> Response {
    match state.checkout.addressed_order(&partner, &token).await {
        Ok(Some(page)) => see_other(&page),
        Ok(None) => unknown(extract::State(state), parts).await,
        Err(failure) => refused(&Visit::of(&state, &parts), &failure, None),
    }
}

/// Any other address.
pub(crate) async fn unknown(
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

/// The channel that a form names.
async fn picked(body: Body) -> Result<Channel, Refusal> {
    let form = || Refusal::malformed("channel", "Wechat | Alipay | ChinapayOld | Paypal");
    let body = body::read(body, FORM_BYTES_MAX).await;
    let body = body.map_err(|_| form())?;
    let pairs = Pairs::from_query(str::from_utf8(&body).map_err(|_| form())?)?;
    pairs
        .get("channel")
        .and_then(Channel::parse)
        .ok_or_else(form)
}
