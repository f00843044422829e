//! What payers open: the checkout pages, their streams, and the way to an openid.

mod attempt;
pub(crate) mod cookies;
mod events;
mod leave;
pub(crate) mod marks;
pub(crate) mod notice;
mod open;
mod openid;
mod screens;
pub(crate) mod streams;
mod visit;

pub(crate) use open::unknown;

use crate::routes::assets;
use crate::state::State;
use axum::Router;
use axum::routing::{get, post};
use checkout::OPENID_PATH;
use tower_http::compression::{CompressionLayer, CompressionLevel};

/// The fastest leaves a page with a large code half as big again, too much for the
/// first flight of a connection.
const PAGE_COMPRESSION: CompressionLevel = CompressionLevel::Precise(4);

/// The payers' paths.
pub(crate) fn router() -> Router<State> {
    Router::new()
        .route("/pay.html", get(open::pay).post(open::posted))
        .route("/mpay.html", get(open::pay).post(open::posted))
        .route("/pay/start", post(open::start))
        .route("/mpay/start", post(open::start))
        .route("/pay/attempt/{token}", get(attempt::attempt))
        .route("/pay/attempt/{token}/again", post(attempt::again))
        .route(
            "/pay/attempt/{token}/stay",
            get(attempt::stay).post(attempt::stay),
        )
        .route(
            "/pay/return/{token}",
            get(attempt::come_back).post(attempt::come_back),
        )
        .route("/pay/to/{token}", get(open::short))
        .route("/pay/order/{partner}/{token}", get(open::order))
        .route(OPENID_PATH, get(openid::openid))
        .layer(CompressionLayer::new().quality(PAGE_COMPRESSION))
        .route("/assets/{name}", get(assets::asset))
        .route("/marks/{name}", get(assets::mark))
        .route("/pay/events", get(events::events))
}
