//! The whole route table, grouped by who calls.

mod api;
mod assets;
mod body;
mod charge;
mod cookies;
mod events;
mod forecore;
mod health;
mod notify;
mod openid;
mod page;
mod public;
mod respond;
mod trace;

use crate::state::State;
use axum::Router;
use axum::middleware;
use axum::routing::{any, get, post};
use checkout::OPENID_PATH;
use std::sync::Arc;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::{CompressionLayer, CompressionLevel};

pub(crate) use assets::module;
pub(crate) use events::Streams;

/// The fastest leaves a page with a large code half as big again, too much for the
/// first flight of a connection.
const PAGE_COMPRESSION: CompressionLevel = CompressionLevel::Precise(4);

/// Every address that the public listener answers at.
pub(crate) fn router(state: State) -> Router {
    let payer = Router::new()
        .route("/pay.html", get(page::pay).post(page::posted))
        .route("/mpay.html", get(page::pay).post(page::posted))
        .route("/pay/start", post(page::start))
        .route("/mpay/start", post(page::start))
        .route("/pay/attempt/{token}", get(page::attempt))
        .route("/pay/attempt/{token}/again", post(page::again))
        .route(
            "/pay/attempt/{token}/stay",
            get(page::stay).post(page::stay),
        )
        .route(
            "/pay/return/{token}",
            get(page::come_back).post(page::come_back),
        )
        .route("/pay/to/{token}", get(page::short))
        .route(OPENID_PATH, get(openid::openid))
        .layer(CompressionLayer::new().quality(PAGE_COMPRESSION))
        .route("/assets/{name}", get(assets::asset))
        .route("/marks/{name}", get(assets::mark))
        .route("/pay/events", get(events::events));
    let business_system = Router::new().route("/pay/api/{*path}", any(api::call));
    let partner = Router::new()
        .route("/forecore/order", any(forecore::order))
        .route("/forecore/queryOrder", any(forecore::query_order))
        .route("/forecore/refund", any(forecore::refund))
        .route("/forecore/exchangeRate", any(forecore::exchange_rate));
    let channel = Router::new().route("/notify/{channel}/{account}", post(notify::notify));
    let charge = middleware::from_fn_with_state(Arc::clone(&state.limits), charge::charge);
    payer
        .merge(business_system)
        .merge(partner)
        .merge(channel)
        .merge(health())
        .merge(public::files())
        .fallback(page::unknown)
        .layer(charge)
        .layer(CatchPanicLayer::custom(respond::panicked))
        .layer(middleware::from_fn(trace::trace))
        .with_state(state)
}

/// What the operator's own listener answers at.
pub(crate) fn operator_router(state: State) -> Router {
    health()
        .route("/metrics", get(health::metrics))
        .layer(CatchPanicLayer::custom(respond::panicked))
        .with_state(state)
}

/// What is answered where all connections are taken.
pub(crate) fn narrow_router(state: State) -> Router {
    health().fallback(respond::busy).with_state(state)
}

fn health() -> Router<State> {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
}
