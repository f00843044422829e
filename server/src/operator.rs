//! What the operator and his machines look at.

mod health;
pub(crate) mod metrics;

use crate::console;
use crate::routes::respond;
use crate::state::State;
use axum::Router;
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;

/// What the operator's own listener answers at.
pub(crate) fn router(state: State) -> Router {
    health()
        .route("/metrics", get(health::metrics))
        .merge(console::router())
        .layer(CatchPanicLayer::custom(respond::panicked))
        .with_state(state)
}

/// What every listener answers at.
pub(crate) fn health() -> Router<State> {
    Router::new()
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
}
