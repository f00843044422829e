//! What a developer of a business system opens while he connects it.

mod clinic;
mod openapi;
mod resend;
mod shell;

#[cfg(test)]
pub(crate) use openapi::paths;

use crate::state::State;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

/// An address and a text are not longer.
const BODY_BYTES_MAX: usize = 64 << 10;

/// What is open with `--dev` alone.
pub(crate) fn clinic() -> Router<State> {
    Router::new()
        .route("/dev/resend", post(resend::resend))
        .route("/sign", get(clinic::show).post(clinic::look))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}

/// The interfaces, described.
pub(crate) fn docs() -> Router<State> {
    Router::new()
        .route("/docs", get(openapi::show))
        .route("/docs/openapi.json", get(openapi::document))
        .route("/llms.txt", get(openapi::plain))
}
