//! The checkout pages: GET shows, POST starts (design section 6).

use super::cookies::Cookies;
use super::respond::{Form, browser, page, wished_language};
use super::{body, openid};
use crate::state::State;
use crate::view::{
    self, Leave, Look, PICK, PICK_ANEW, attempt_path, page_path, picking, stay_path,
};
use app::page::Screen;
use axum::body::Body;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::{Browser, Checkout, Failure, Place, Poll, Scene, Start};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::lang::Lang;
use payment::order::Attempt;
use payment::pairs::Pairs;
use payment::ports::AttemptRow;
use payment::refusal::Refusal;
use payment::request::PayRequest;
use payment::verify::{Verified, signed_query};
use std::sync::Arc;
use std::time::Duration;

/// A page waits for a channel no longer than this.
const CHANNEL_WAIT: Duration = Duration::from_secs(2);
/// A form's body is one short field.
const FORM_BYTES_MAX: usize = 4 << 10;

/// A request to a page: its raw query, the payer's language and browser.
struct Visit {
    raw: String,
    lang: Lang,
    path: String,
    scene: Scene,
    browser: Browser,
    cookies: Cookies,
}

impl Visit {
    fn of(parts: &Parts) -> Self {
        let raw = parts.uri.query().unwrap_or_default().to_owned();
        let asked = raw.split('&').find_map(|pair| pair.strip_prefix("lang="));
        let lang = asked
            .and_then(Lang::parse)
            .unwrap_or_else(|| wished_language(&parts.headers));
        let path = parts.uri.path().to_owned();
        let scene = if path.starts_with("/mpay") {
            Scene::H5
        } else {
            Scene::Pc
        };
        Self {
            raw,
            lang,
            path,
            scene,
            browser: browser(&parts.headers),
            cookies: Cookies::of(&parts.headers),
        }
    }

    /// Where the payer of this domain is.
    fn place(&self, checkout: &Checkout, domain: &Domain, request: &PayRequest) -> Place {
        let kept = || self.cookies.openid(checkout.openid_account(domain)?);
        let h5 = self.scene == Scene::H5;
        Place {
            scene: self.scene,
            browser: self.browser,
            openid: request.openid.clone().or_else(kept).filter(|_| h5),
        }
    }

    /// Where a payer is who goes on with an attempt.
    fn place_of(&self, attempt: &AttemptRow) -> Place {
        Place {
            scene: Scene::of(attempt.kind),
            browser: self.browser,
            openid: attempt.openid.clone(),
        }
    }

    /// The payer's pick in the address.
    fn pick(&self) -> Option<&str> {
        self.raw
            .split('&')
            .find_map(|pair| pair.strip_prefix(PICK)?.strip_prefix('='))
    }

    /// The same address in the other language.
    fn other_language(&self) -> String {
        let other = match self.lang {
            Lang::Zh => "en",
            Lang::En => "zh",
        };
        let kept = self
            .raw
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
        let query: Vec<_> = kept
            .map(str::to_owned)
            .chain([format!("lang={other}")])
            .collect();
        format!("{}?{}", self.path, query.join("&"))
    }

    fn form(&self, status: StatusCode, leave: Option<&Leave>) -> Form {
        Form {
            status,
            lang: self.lang,
            other_lang_url: Some(self.other_language()),
            frame_origins: leave.map(Leave::origins).unwrap_or_default(),
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
    let visit = Visit::of(&parts);
    let pairs = match Pairs::from_query(&visit.raw) {
        Ok(pairs) => pairs,
        Err(refusal) => return refused(&visit, &refusal.into(), None),
    };
    if pairs.get("domainCode").is_none() {
        return page(Screen::Fragment, visit.form(StatusCode::OK, None));
    }
    // Nobody can scan the phone that he holds: inside WeChat the bridge pays.
    if visit.scene == Scene::Pc && visit.browser == Browser::Wechat {
        return see_other(&format!("{}?{}", page_path(Scene::H5), pairs.to_query()));
    }
    let (domain, request) = match state.checkout.verified(&pairs).await {
        Ok(verified) => verified,
        Err(failure) => return refused(&visit, &failure, None),
    };
    let leave = Leave::of(&request);
    match show(&state, &domain, &request, &visit).await {
        Ok(Shown::Screen(screen)) => page(*screen, visit.form(StatusCode::OK, Some(&leave))),
        Ok(Shown::FetchOpenid(address)) => see_other(&address),
        Err(failure) => refused(&visit, &failure, Some(&leave)),
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
) -> Result<Shown, Failure> {
    let checkout = &state.checkout;
    if let Some(screen) = already(checkout, request, visit).await? {
        return Ok(Shown::Screen(Box::new(screen)));
    }
    let place = visit.place(checkout, domain, request);
    let channels = checkout.pay_types(domain, &place, request);
    let only = match channels.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let bridge = place.scene == Scene::H5
        && place.browser == Browser::Wechat
        && channels.contains(&Channel::Wechat);
    let given = match visit.pick() {
        Some(PICK_ANEW) => only,
        Some(pick) => Channel::parse(pick).or(only),
        None => request
            .pay_type
            .or(only)
            .or(bridge.then_some(Channel::Wechat)),
    };
    let wechat = given.is_none_or(|channel| channel == Channel::Wechat);
    if bridge && wechat && place.openid.is_none() {
        return Ok(Shown::FetchOpenid(openid::address(
            &state.public_url,
            &domain.code,
            &visit.path,
            &visit.raw,
        )));
    }
    let order = view::order(request, visit.lang);
    let Some(channel) = given else {
        let action = format!("{}?{}", start_path(visit.scene), visit.raw);
        let channels = checkout.offers_to(domain, &place, request);
        return Ok(Shown::Screen(Box::new(Screen::Pick {
            order,
            channels,
            action,
        })));
    };
    let started = checkout.pay(domain, request, Start { channel, place });
    let screen = match tokio::time::timeout(CHANNEL_WAIT, started).await {
        Err(_) => Screen::Making(order),
        Ok(Err(Failure::AlreadyPaid)) => Screen::Paid {
            order,
            leave: Leave::of(request).ok,
        },
        Ok(Err(Failure::OpenidMissing)) => view::open_in_wechat(
            request,
            &signed_query(request),
            &state.public_url,
            visit.scene,
            visit.lang,
        ),
        Ok(Err(failure)) => return Err(failure),
        Ok(Ok(attempt)) => attempt_screen(checkout, attempt, visit, Look::Quiet).await?,
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

/// A request that is paid stays paid, whatever channel the address names.
async fn already(
    checkout: &Arc<Checkout>,
    request: &Verified<PayRequest>,
    visit: &Visit,
) -> Result<Option<Screen>, Failure> {
    let attempts = checkout
        .store()
        .attempts(&request.domain_code, &request.request_key)
        .await?;
    let paid = attempts
        .last()
        .is_some_and(|attempt| attempt.money == request.money && attempt.request_status.was_paid());
    Ok(paid.then(|| Screen::Paid {
        order: view::order(request, visit.lang),
        leave: Leave::of(request).ok,
    }))
}

/// `POST /pay/start?{signed values}`, `POST /mpay/start?…`: starts a payment, and
/// leads to its page.
pub(super) async fn start(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let visit = Visit::of(&parts);
    let here = page_path(visit.scene);
    let started = async {
        let channel = picked(body).await?;
        let (domain, request) = state
            .checkout
            .verified(&Pairs::from_query(&visit.raw)?)
            .await?;
        let place = visit.place(&state.checkout, &domain, &request);
        let start = Start { channel, place };
        match state.checkout.pay(&domain, &request, start).await {
            Err(Failure::AlreadyPaid) => Ok(format!("{here}?{}", signed_query(&request))),
            Err(Failure::OpenidMissing) => Ok(format!(
                "{here}?{}",
                picking(&signed_query(&request), channel.code())
            )),
            other => other.map(|attempt| attempt_path(&attempt, visit.lang)),
        }
    };
    match started.await {
        Ok(address) => see_other(&address),
        Err(failure) => refused(&visit, &failure, None),
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
    let visit = Visit::of(parts);
    let attempt = match state.checkout.store().attempt_by_token(token).await {
        Ok(Some(attempt)) => attempt,
        Ok(None) => return page(Screen::Unknown, visit.form(StatusCode::NOT_FOUND, None)),
        Err(error) => return refused(&visit, &error.into(), None),
    };
    let leave = Leave::of_attempt(&attempt);
    match attempt_screen(&state.checkout, attempt, &visit, look).await {
        Ok(screen) => page(screen, visit.form(StatusCode::OK, Some(&leave))),
        Err(failure) => refused(&visit, &failure, Some(&leave)),
    }
}

/// `/pay/return/{token}`, by GET or POST: the payer comes back from the channel.
/// What the channel's browser says is a hint to ask, and nothing more.
pub(super) async fn come_back(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&parts);
    let found = async {
        let Some(attempt) = state.checkout.store().attempt_by_token(&token).await? else {
            return Ok(None);
        };
        let poll = state.checkout.watch(&attempt).await?;
        Ok::<_, Failure>(Some((attempt, poll)))
    };
    match found.await {
        Ok(None) => page(Screen::Unknown, visit.form(StatusCode::NOT_FOUND, None)),
        Ok(Some((attempt, Poll::Paid))) => match Leave::of_attempt(&attempt).ok {
            Some(address) => see_other(&address),
            None => see_other(&stay_path(&attempt, visit.lang)),
        },
        Ok(Some((attempt, _))) => see_other(&stay_path(&attempt, visit.lang)),
        Err(failure) => refused(&visit, &failure, None),
    }
}

/// `POST /pay/attempt/{token}/again`: a new attempt with the same values.
pub(super) async fn again(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&parts);
    let again = async {
        let found = state.checkout.store().attempt_by_token(&token).await?;
        let Some(old) = found else { return Ok(None) };
        let start = Start {
            channel: old.channel,
            place: visit.place_of(&old),
        };
        match state.checkout.pay_again(&old, start).await {
            Ok(new) => Ok(Some(attempt_path(&new, visit.lang))),
            Err(Failure::AlreadyPaid) => Ok(Some(attempt_path(&old, visit.lang))),
            Err(failure) => Err(failure),
        }
    };
    match again.await {
        Ok(Some(address)) => see_other(&address),
        Ok(None) => page(Screen::Unknown, visit.form(StatusCode::NOT_FOUND, None)),
        Err(failure) => refused(&visit, &failure, None),
    }
}

/// Any other address.
pub(super) async fn unknown(parts: Parts) -> Response {
    let visit = Visit::of(&parts);
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
    Ok(view::screen(&attempt, checkout.now_ms(), visit.lang, look))
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
fn refused(visit: &Visit, failure: &Failure, leave: Option<&Leave>) -> Response {
    tracing::info!(errcode = failure.code().code(), cause = %failure, "page refused");
    let passing = matches!(
        failure,
        Failure::Internal(_) | Failure::ChannelUnavailable(_)
    );
    let status = if passing {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::BAD_REQUEST
    };
    let screen = Screen::Refused {
        code: failure.code().code(),
        cause: failure.text(visit.lang),
        passing,
        leave: leave.and_then(|leave| leave.fail.clone()),
    };
    page(screen, visit.form(status, leave))
}
