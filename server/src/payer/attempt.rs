//! The pages of one attempt, each opened by its token (docs/page.md).

use super::leave::Leave;
use super::screens::{self, Look};
use super::visit::{Known, Visit, refused, see_other};
use crate::routes::respond::{in_frame, page};
use crate::state::State;
use app::page::{Bought, Screen};
use axum::extract::{self, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::links::PICK_ANEW;
use checkout::{Checkout, Failure, Scene, Standing, Start, Watched, links};
use payment::order::Attempt;
use payment::ports::AttemptRow;
use std::sync::Arc;

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
    let (attempt, known) = match found(state, token, &visit).await {
        Ok(found) => found,
        Err(nothing) => return nothing,
    };
    let own_start = visit.own_start(&attempt);
    match attempt_screen(&state.checkout, attempt, &visit, look, &known.leave).await {
        Ok(Screen::Pay(_)) if let Some(start) = own_start => see_other(&start),
        Ok(screen) => page(screen, visit.form(StatusCode::OK, Some(&known.leave))),
        Err(failure) => refused(&visit, &failure, Some(known)),
    }
}

/// The attempt that a token opens; else the page that says that there is none.
async fn found(state: &State, token: &str, visit: &Visit) -> Result<(AttemptRow, Known), Response> {
    let lost = |failure: Failure| refused(visit, &failure, None);
    let checkout = &state.checkout;
    let attempt = checkout.attempt_by_token(token).await.map_err(lost)?;
    let none = || page(Screen::Unknown, visit.form(StatusCode::NOT_FOUND, None));
    let attempt = attempt.ok_or_else(none)?;
    let domain = checkout.domain_named(&attempt.domain_code).await;
    let known = Known {
        leave: Leave::of_attempt(state, &domain.map_err(lost)?, &attempt),
        order: screens::attempt_order(&attempt, visit.lang),
        others: None,
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
    let (attempt, known) = match found(&state, &token, &visit).await {
        Ok(found) => found,
        Err(nothing) => return nothing,
    };
    let stay = visit.on(links::stay(&attempt));
    let watched = match checkout.watch(attempt).await {
        Ok(watched) => watched,
        Err(failure) => return refused(&visit, &failure, Some(known)),
    };
    // Who has paid twice reads that before he goes on.
    let attempt = watched.attempt;
    if watched.standing != Standing::Paid || screens::goes_back(&attempt) {
        return see_other(&stay);
    }
    let (domain, key) = (&attempt.domain_code, &attempt.request_key);
    checkout.held(domain, key).await;
    // Out of a frame leads only a page of ours.
    if in_frame(&parts.headers) {
        return see_other(&stay);
    }
    let address = match checkout.winner(attempt).await {
        Ok(winner) => known.leave.once_paid(checkout, winner.as_ref()).await,
        Err(failure) => return refused(&visit, &failure, Some(known)),
    };
    see_other(&address.unwrap_or(stay))
}

/// `POST /pay/attempt/{token}/again`: a new attempt with the same values.
pub(super) async fn again(
    extract::State(state): extract::State<State>,
    Path(token): Path<String>,
    parts: Parts,
) -> Response {
    let visit = Visit::of(&state, &parts);
    let (old, known) = match found(&state, &token, &visit).await {
        Ok(found) => found,
        Err(nothing) => return nothing,
    };
    if let Some(start) = visit.own_start(&old) {
        return see_other(&start);
    }
    let start = Start {
        channel: old.channel,
        place: visit.place_of(&old),
    };
    match state.checkout.pay_again(&old, start).await {
        Ok(new) => see_other(&visit.on(links::attempt(&new))),
        Err(Failure::AlreadyPaid | Failure::InProgress) => {
            see_other(&visit.on(links::attempt(&old)))
        }
        Err(failure) => {
            let list = links::picked(Scene::of(old.kind), &old.signed, PICK_ANEW);
            let others = Some(visit.on(list));
            refused(&visit, &failure, Some(Known { others, ..known }))
        }
    }
}

/// Shows how the attempt stands; a payer who came back makes us ask.
pub(super) async fn attempt_screen(
    checkout: &Arc<Checkout>,
    attempt: AttemptRow,
    visit: &Visit,
    look: Look,
    leave: &Leave,
) -> Result<Screen, Failure> {
    let watched = if look == Look::Back {
        checkout.watch(attempt).await?
    } else {
        checkout.shown(attempt).await?
    };
    let Watched { attempt, standing } = watched;
    if screens::goes_back(&attempt) {
        let order = screens::attempt_order(&attempt, visit.lang);
        let refund = checkout.way_back(&attempt).await?;
        return Ok(screens::going_back(order, &attempt, refund, leave));
    }
    if screens::is_paid(&attempt) {
        let order = screens::attempt_order(&attempt, visit.lang);
        let domain_code = attempt.domain_code.clone();
        let winner = checkout.winner(attempt).await?;
        return Ok(paid(checkout, &domain_code, order, winner.as_ref(), leave).await);
    }
    // One that was begun a moment ago has none beside it.
    let stands_alone = look == Look::Quiet || attempt.status == Attempt::Held;
    if !stands_alone && let Some(other) = checkout.money_beside(&attempt).await? {
        return Ok(match other.status {
            Attempt::Held => screens::held(&other, visit.lang, leave),
            _ => screens::differs(&other, visit.lang, leave),
        });
    }
    if attempt.status != Attempt::Held && attempt.mismatch.is_some() {
        return Ok(screens::differs(&attempt, visit.lang, leave));
    }
    if standing == Standing::Closed {
        return Err(Failure::Closed);
    }
    // Who came back has opened it.
    let look = match look {
        Look::Back => Look::Back,
        _ if checkout.is_stale(&attempt) => Look::Stale,
        look => look,
    };
    let now_ms = checkout.now_ms();
    Ok(screens::screen(&attempt, now_ms, visit, look, leave))
}

/// The page of a paid request of this business system.
pub(super) async fn paid(
    checkout: &Checkout,
    domain_code: &str,
    order: Bought,
    winner: Option<&AttemptRow>,
    leave: &Leave,
) -> Screen {
    let held = checkout.holds(domain_code, &order.request_key).await;
    let ok = leave.once_paid(checkout, winner).await;
    screens::paid(order, winner, ok, held)
}
