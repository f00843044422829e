//! The operator's console, on the operator's own listener (docs/console.md).

mod accounts;
mod acts;
mod address;
mod answer;
mod businesses;
mod desk;
mod export;
mod figures;
mod orders;
mod queues;
mod record;
mod refunds;
mod session;
pub(crate) mod shared;
mod sign_in;

use crate::state::State;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::handler::Handler;
use axum::routing::{MethodRouter, get, post};

/// No form of ours is longer, bytes.
const FORM_MAX: usize = 8 << 10;
/// But those of all settings, with their lists.
const SETTINGS_MAX: usize = 64 << 10;

/// Where a form of all settings is sent.
fn settings<H: Handler<T, State>, T: 'static>(form: H) -> MethodRouter<State> {
    post(form).layer(DefaultBodyLimit::max(SETTINGS_MAX))
}

/// The console's addresses.
pub(crate) fn router() -> Router<State> {
    Router::new()
        .route("/", get(orders::board))
        .route("/queues", get(queues::queues))
        .route("/orders", get(orders::list))
        .route("/orders.csv", get(export::orders))
        .route("/refunds", get(refunds::list))
        .route("/refunds.csv", get(export::refunds))
        .route("/businesses", get(businesses::list))
        .route("/businesses/{door}", post(businesses::add))
        .route("/business/{code}", get(businesses::show))
        .route("/business/{code}/change", settings(businesses::change))
        .route("/business/{code}/set", settings(businesses::set))
        .route("/business/{code}/rotate", post(businesses::rotate))
        .route("/business/{code}/end-older", post(businesses::end_older))
        .route("/accounts", get(accounts::list))
        .route("/account/{channel}/{name}", get(accounts::show))
        .route("/account/{channel}/{name}/{act}", post(accounts::act))
        .route("/acts", get(record::list))
        .route("/acts.csv", get(export::acts))
        .route("/figures", get(figures::figures))
        .route("/find", get(orders::find))
        .route("/notify/{id}", get(orders::notify))
        .route("/order/{order_sn}", get(orders::show))
        .route("/order/{order_sn}/{act}", post(acts::act))
        .route("/sign-in", get(sign_in::page_route).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .fallback(session::unknown)
        .layer(DefaultBodyLimit::max(FORM_MAX))
}
