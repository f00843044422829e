//! `/pay/api/private/relay`: a developer's machine asks for the callbacks of a business
//! system, and in development tells how its receiver answered (docs/protocol.md, The relay).

use crate::relay::{Given, Parcel};
use crate::routes::body;
use crate::routes::respond::{envelope, retry_after, wished_language};
use crate::state::State;
use axum::Json;
use axum::extract::{self, Request};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use checkout::Failure;
use payment::domain::Domain;
use payment::envelope::Envelope;
use payment::errcode::ErrCode;
use payment::fields::Fields;
use payment::lang::Lang;
use payment::ports::CallbackAnswer;
use payment::refusal::Refusal;
use payment::relay::{Cursor, GIVEN_MAX, WINDOW_MS};
use payment::sign::{equal, relay_sign};
use std::ops::RangeInclusive;
use std::time::Duration;

/// The longest call is an answer: 2 KB of a body in hex.
const BODY_BYTES_MAX: usize = 16 << 10;
/// As much of a receiver's answer is kept as of every other one's.
const ANSWER_BYTES_MAX: usize = 2 << 10;
const LOCATION_MAX: usize = 200;
const NONCE: RangeInclusive<usize> = 16..=64;
/// A call that finds nothing is answered after this.
const WAIT: Duration = Duration::from_secs(25);
/// How often it is looked whether there is something.
const LOOK_EACH: Duration = Duration::from_secs(1);

/// `POST /pay/api/private/relay`: what was written since, once there is something.
pub(super) async fn listen(
    extract::State(state): extract::State<State>,
    request: Request,
) -> Response {
    let lang = wished_language(request.headers());
    let given = async {
        let (domain, fields) = call(&state, request).await?;
        given(&state, &domain, &fields).await
    };
    answered(given.await, lang)
}

/// `POST /pay/api/private/relay/answer`: what a receiver answered, in development.
pub(super) async fn answer(
    extract::State(state): extract::State<State>,
    request: Request,
) -> Response {
    let lang = wished_language(request.headers());
    let Some(line) = state.relay.line.clone() else {
        let text = ErrCode::Malformed.message(lang);
        return (StatusCode::NOT_FOUND, envelope(ErrCode::Malformed, text)).into_response();
    };
    let taken = async {
        let (domain, fields) = call(&state, request).await?;
        let (number, answer) = told(&fields)?;
        let waits = line.answer(&domain.code, number, answer);
        waits.then_some(true).ok_or_else(|| {
            let form = (
                "that of a callback that waits for an answer",
                "正在等回答的那个回调的",
            );
            Failure::from(Refusal::malformed("number", form))
        })
    };
    answered(taken.await, lang)
}

fn answered<T: serde::Serialize>(done: Result<T, Failure>, lang: Lang) -> Response {
    let failure = match done {
        Ok(obj) => return Json(Envelope::success(Some(obj), lang)).into_response(),
        Err(failure) => failure,
    };
    tracing::info!(cause = %failure, "a listener is refused");
    let mut response = envelope(failure.code(), &failure.text(lang)).into_response();
    if let Some(wait_s) = failure.wait_s() {
        retry_after(&mut response, wait_s);
    }
    response
}

/// The call of a listener who proved himself: what costs nothing is judged first.
async fn call(state: &State, request: Request) -> Result<(Domain, Fields), Failure> {
    if request.method() != Method::POST {
        return Err(Refusal::malformed("the method", "POST").into());
    }
    let body = body::read(request.into_body(), BODY_BYTES_MAX).await;
    let body = body.map_err(|unread| unread.refusal(BODY_BYTES_MAX >> 10))?;
    let fields = Fields::from_json(&body)?;
    let now_ms = state.checkout.now_ms();
    let time_ms = number(&fields, "time", i64::MIN..=i64::MAX)?;
    if time_ms.abs_diff(now_ms) > WINDOW_MS.unsigned_abs() {
        let form = (
            "in ms, within 5 minutes of our clock",
            "毫秒，与我们的时钟相差 5 分钟以内",
        );
        return Err(Refusal::malformed("time", form).into());
    }
    let nonce = fields.required("nonce")?;
    let plain = nonce.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !plain || !NONCE.contains(&nonce.len()) {
        return Err(Refusal::malformed(
            "nonce",
            ("16 to 64 letters and digits", "16 到 64 位字母和数字"),
        )
        .into());
    }
    let sign = fields.required("sign")?;
    let signed = || fields.iter().filter(|(name, _)| *name != "sign");
    let code = fields.required("domainCode")?;
    let proves = |secret: &_| equal(&relay_sign(signed(), secret), sign);
    let domain = state.checkout.listener(code, proves).await?;
    let until_ms = time_ms + WINDOW_MS;
    state
        .relay
        .take_nonce(&domain.code, nonce, until_ms, now_ms)?;
    Ok((domain, fields))
}

fn number(fields: &Fields, name: &str, range: RangeInclusive<i64>) -> Result<i64, Refusal> {
    let number = fields.required(name)?.parse().ok();
    number
        .filter(|number| range.contains(number))
        .ok_or_else(|| Refusal::malformed(name, ("a whole number that fits", "范围内的整数")))
}

/// Waits for something to give. A call without a cursor begins, and is answered at once.
async fn given(state: &State, domain: &Domain, fields: &Fields) -> Result<Given, Failure> {
    let _room = state.relay.enter(&domain.code)?;
    let (begins, mut cursor) = match fields.given("cursor") {
        None => (true, first(state, domain, fields).await?),
        Some(text) => {
            let cursor = Cursor::parse(text);
            let form = ("as the last answer gave it", "上一次回答里给的");
            let cursor = cursor.ok_or_else(|| Refusal::malformed("cursor", form))?;
            let within = state.checkout.within_reach(&domain.code, cursor);
            (false, within.await?)
        }
    };
    let over = async {
        let mut stopped = state.stopped.clone();
        tokio::select! {
            () = tokio::time::sleep(WAIT), if !begins => {}
            () = std::future::ready(()), if begins => {}
            _ = stopped.wait_for(|stop| *stop) => {}
        }
    };
    let callbacks = match &state.relay.line {
        Some(line) => line.wait(&domain.code, over).await,
        None => copies(state, &domain.code, &mut cursor, over).await?,
    };
    Ok(Given {
        cursor: cursor.to_string(),
        delivery: state.relay.line.is_some(),
        door: domain.door().to_owned(),
        until_ms: domain.settings.relay_until_ms,
        callbacks,
    })
}

/// Where a listener begins: after all that is there, or with the last so many.
async fn first(state: &State, domain: &Domain, fields: &Fields) -> Result<Cursor, Failure> {
    let most = i64::try_from(GIVEN_MAX).unwrap_or(i64::MAX);
    let last = match fields.given("last") {
        None => 0,
        Some(_) => number(fields, "last", 0..=most)?,
    };
    let last = usize::try_from(last).unwrap_or_default();
    state.checkout.listens_from(&domain.code, last).await
}

async fn copies(
    state: &State,
    code: &str,
    cursor: &mut Cursor,
    over: impl Future<Output = ()>,
) -> Result<Vec<Parcel>, Failure> {
    tokio::pin!(over);
    loop {
        let rows = state.checkout.copies(code, cursor).await?;
        let parcels = rows.into_iter().map(|row| Parcel {
            number: row.id,
            url: row.url,
            body: row.body,
        });
        let parcels: Vec<_> = parcels.collect();
        if !parcels.is_empty() {
            return Ok(parcels);
        }
        tokio::select! {
            () = &mut over => return Ok(parcels),
            () = tokio::time::sleep(LOOK_EACH) => {}
        }
    }
}

/// What a receiver answered, as its listener tells it.
fn told(fields: &Fields) -> Result<(i64, CallbackAnswer), Refusal> {
    let of = number(fields, "number", 1..=i64::MAX)?;
    let status = match fields.given("status") {
        None => None,
        Some(_) => u16::try_from(number(fields, "status", 100..=999)?).ok(),
    };
    let form = ("hex, of at most 2 KB", "十六进制，最多 2 KB");
    let text = hex::decode(fields.get("answer").unwrap_or_default()).ok();
    let text = text.filter(|text| text.len() <= ANSWER_BYTES_MAX);
    let text = text.ok_or_else(|| Refusal::malformed("answer", form))?;
    let location = fields.given("location");
    let answer = CallbackAnswer {
        status,
        location: location.map(|location| location.chars().take(LOCATION_MAX).collect()),
        // PostgreSQL's text takes no NUL.
        text: String::from_utf8_lossy(&text).replace('\0', "\u{fffd}"),
        duration_ms: 0,
    };
    Ok((of, answer))
}
