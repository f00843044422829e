//! What business systems call: one file for each door.

pub(crate) mod apay;
pub(crate) mod epay;
mod fields;
mod platform;
mod relay;

use crate::state::State;
use axum::Router;
use axum::routing::any;

/// The business systems' paths.
pub(crate) fn router() -> Router<State> {
    Router::new()
        .route("/pay/api/{*path}", any(platform::call))
        .route("/pay/api/private/relay", any(relay::listen))
        .route("/pay/api/private/relay/answer", any(relay::answer))
        .route("/forecore/order", any(apay::order))
        .route("/forecore/queryOrder", any(apay::query_order))
        .route("/forecore/refund", any(apay::refund))
        .route("/forecore/exchangeRate", any(apay::exchange_rate))
        .route("/forecore/{*path}", any(apay::nowhere))
        .route("/epay", any(epay::bare))
        .route("/epay/", any(epay::bare))
        .route("/epay/{*file}", any(epay::call))
}
