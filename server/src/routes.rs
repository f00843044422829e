//! The whole route table, and what all answers have in common.

pub(crate) mod assets;
pub(crate) mod body;
mod charge;
mod public;
pub(crate) mod respond;
mod trace;

use crate::state::State;
use crate::{business, channel, developer, operator, payer};
use axum::Router;
use axum::middleware;
use axum::routing::post;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;

/// Every address that the public listener answers at, grouped by who calls.
pub(crate) fn router(state: State) -> Router {
    let charge = middleware::from_fn_with_state(Arc::clone(&state.limits), charge::charge);
    let clinic = state.clinic.then(developer::clinic).unwrap_or_default();
    let docs = state.docs.then(developer::docs).unwrap_or_default();
    payer::router()
        .merge(business::router())
        .merge(clinic)
        .merge(docs)
        .route("/notify/{channel}/{account}", post(channel::notify))
        .merge(operator::health())
        .merge(public::files())
        .fallback(payer::unknown)
        .layer(charge)
        .layer(CatchPanicLayer::custom(respond::panicked))
        .layer(middleware::from_fn(trace::trace))
        .with_state(state)
}

/// What is answered where all connections are taken.
pub(crate) fn narrow_router(state: State) -> Router {
    operator::health().fallback(respond::busy).with_state(state)
}
