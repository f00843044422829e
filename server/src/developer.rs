//! What a developer of a business system opens while he connects it, with `--dev` alone.

mod clinic;

use crate::state::State;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

/// An address and a text are not longer.
const BODY_BYTES_MAX: usize = 64 << 10;

/// The developers' paths.
pub(crate) fn router() -> Router<State> {
    Router::new()
        .route("/sign", get(clinic::show).post(clinic::look))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
}
