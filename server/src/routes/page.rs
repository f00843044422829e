//! The checkout page: GET shows, POST starts (design section 6).

use super::body;
use super::respond::{Form, page, wished_language};
use crate::state::State;
use crate::view::{self, Leave, attempt_path};
use app::page::Screen;
use axum::body::Body;
use axum::extract::{self, Path};
use axum::http::header::LOCATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::{Checkout, Failure, Poll, Scene, Start};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::lang::Lang;
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

/// A request to a page: its raw query, and the payer's language.
struct Visit {
    raw: String,
    lang: Lang,
    path: String,
}

impl Visit {
    fn of(parts: &Parts) -> Self {
        let raw = parts.uri.query().unwrap_or_default().to_owned();
        let asked = raw.split('&').find_map(|pair| pair.strip_prefix("lang="));
        let lang = asked
            .and_then(Lang::parse)
            .unwrap_or_else(|| wished_language(&parts.headers));
        Self {
            raw,
            lang,
            path: parts.uri.path().to_owned(),
        }
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

/// `GET /pay.html`.
pub(super) async fn pay(extract::State(state): extract::State<State>, parts: Parts) -> Response {
    let visit = Visit::of(&parts);
    let pairs = match Pairs::from_query(&visit.raw) {
        Ok(pairs) => pairs,
        Err(refusal) => return refused(&visit, &refusal.into(), None),
    };
    if pairs.get("domainCode").is_none() {
        return page(Screen::Fragment, visit.form(StatusCode::OK, None));
    }
    let (domain, request) = match state.checkout.verified(&pairs).await {
        Ok(verified) => verified,
        Err(failure) => return refused(&visit, &failure, None),
    };
    let leave = Leave::of(&request);
    match show(&state.checkout, &domain, &request, &visit).await {
        Ok(screen) => page(screen, visit.form(StatusCode::OK, Some(&leave))),
        Err(failure) => refused(&visit, &failure, Some(&leave)),
    }
}

/// Without a channel the payer picks; with one, given or the only one, the code
/// is shown at once.
async fn show(
    checkout: &Arc<Checkout>,
    domain: &Domain,
    request: &Verified<PayRequest>,
    visit: &Visit,
) -> Result<Screen, Failure> {
    let channels = checkout.pay_types(domain, Scene::Pc);
    let order = view::order(request, visit.lang);
    if let Some(screen) = already(checkout, request, visit).await? {
        return Ok(screen);
    }
    let given = request.pay_type.or(match channels.as_slice() {
        [only] => Some(*only),
        _ => None,
    });
    let Some(channel) = given else {
        let action = format!("/pay/start?{}", visit.raw);
        return Ok(Screen::Pick {
            order,
            channels,
            action,
        });
    };
    let start = Start {
        channel,
        scene: Scene::Pc,
    };
    let started = checkout.pay(domain, request, start);
    match tokio::time::timeout(CHANNEL_WAIT, started).await {
        Err(_) => Ok(Screen::Making(order)),
        Ok(Err(Failure::AlreadyPaid)) => Ok(Screen::Paid {
            order,
            leave: Leave::of(request).ok,
        }),
        Ok(Err(failure)) => Err(failure),
        Ok(Ok(attempt)) => attempt_screen(checkout, attempt, visit).await,
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

/// `POST /pay/start?{signed values}`: starts a payment, and leads to its page.
pub(super) async fn start(
    extract::State(state): extract::State<State>,
    parts: Parts,
    body: Body,
) -> Response {
    let visit = Visit::of(&parts);
    let started = async {
        let channel = picked(body).await?;
        let (domain, request) = state
            .checkout
            .verified(&Pairs::from_query(&visit.raw)?)
            .await?;
        let start = Start {
            channel,
            scene: Scene::Pc,
        };
        match state.checkout.pay(&domain, &request, start).await {
            Err(Failure::AlreadyPaid) => Ok(format!("/pay.html?{}", signed_query(&request))),
            other => other.map(|attempt| attempt_path(&attempt, visit.lang)),
        }
    };
    match started.await {
        Ok(address) => see_other(&address),
        Err(failure) => refused(&visit, &failure, None),
    }
}

/// `GET /pay/attempt/{token}`.
pub(super) async fn attempt(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&parts);
    let attempt = match state.checkout.store().attempt_by_token(&token).await {
        Ok(Some(attempt)) => attempt,
        Ok(None) => return page(Screen::Unknown, visit.form(StatusCode::NOT_FOUND, None)),
        Err(error) => return refused(&visit, &error.into(), None),
    };
    let leave = Leave::of_values(&attempt.signed_values);
    match attempt_screen(&state.checkout, attempt, &visit).await {
        Ok(screen) => page(screen, visit.form(StatusCode::OK, Some(&leave))),
        Err(failure) => refused(&visit, &failure, Some(&leave)),
    }
}

/// `POST /pay/attempt/{token}/again`: a new code for the same values.
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
            scene: Scene::Pc,
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
) -> Result<Screen, Failure> {
    let attempt = match checkout.watch(&attempt).await? {
        Poll::Failed(failure) => return Err(failure),
        Poll::Paid | Poll::Waiting(_) => checkout
            .store()
            .attempt(&attempt.order_sn)
            .await?
            .unwrap_or(attempt),
    };
    Ok(view::screen(&attempt, checkout.now_ms(), visit.lang))
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

fn see_other(address: &str) -> Response {
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
