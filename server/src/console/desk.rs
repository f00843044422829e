//! An operator's request: who looks, what he asks for, and what answers him.

use super::answer::{self, Who, language, message, page, trouble};
use super::session::{caller, is_ours, unproved, who};
use crate::state::State;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use checkout::{Errand, NotDone, Outcome};
use console::Setting;
use payment::lang::Lang;
use payment::ports::{Store, StoreError};
use payment::sign::equal;

/// What a page answers; or why it can't.
pub(super) type Answered = Result<Response, Response>;

/// A request of one who has signed in; others are asked who they are.
pub(super) struct Desk {
    pub(super) state: State,
    pub(super) who: Who,
    pub(super) parts: Parts,
}

impl FromRequestParts<State> for Desk {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Response> {
        let who = who(state, parts).await?;
        Ok(Self {
            state: state.clone(),
            who,
            parts: parts.clone(),
        })
    }
}

impl Desk {
    pub(super) fn store(&self) -> &dyn Store {
        &*self.state.console.store
    }

    pub(super) fn lang(&self) -> Lang {
        language(&self.parts)
    }

    /// What the address says behind its path.
    pub(super) fn query(&self) -> &str {
        self.parts.uri.query().unwrap_or_default()
    }

    /// The peer that asks, where it is known.
    pub(super) fn peer(&self) -> String {
        caller(&self.state, &self.parts).unwrap_or_else(|| "-".to_owned())
    }

    /// Whether a form comes from a page of ours that this session was shown.
    pub(super) fn is_proved(&self, token: &str) -> bool {
        is_ours(&self.parts.headers) && equal(&self.who.token, token)
    }

    /// The answer to a form that is not proved.
    pub(super) fn unproved(&self) -> Response {
        unproved(&self.parts, &self.who)
    }

    /// Does what he is sent for, under his name.
    pub(super) async fn run(&self, errand: &Errand, reason: &str) -> Result<Outcome, NotDone> {
        let checkout = &self.state.checkout;
        checkout
            .run_errand(&self.who.operator, errand, reason)
            .await
    }

    pub(super) fn page(
        &self,
        status: StatusCode,
        draw: impl FnOnce(&Setting<'_>) -> String,
    ) -> Response {
        page(&self.parts, Some(&self.who), status, draw)
    }

    /// A page that says one thing.
    pub(super) fn message(&self, status: StatusCode, text: (&str, &str)) -> Response {
        message(&self.parts, Some(&self.who), status, text)
    }

    /// What was not done.
    pub(super) fn refused(&self, not_done: &NotDone) -> Response {
        let (zh, en) = (not_done.text(Lang::Zh), not_done.text(Lang::En));
        self.message(answer::status_of(not_done), (&zh, &en))
    }

    /// The database is in trouble.
    pub(super) fn trouble(&self, error: &StoreError) -> Response {
        trouble(&self.parts, Some(&self.who), error)
    }
}
