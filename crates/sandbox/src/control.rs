//! The control interface: what tests and people make happen outside.

use crate::book::{Order, OrderRef};
use crate::chaos::{Chaos, Wish};
use crate::clock::now_ms;
use crate::fault::Fault;
use crate::memory::Forgotten;
use crate::notify::Sent;
use crate::world::{Asked, Cannot, World};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use std::sync::{Arc, PoisonError};

type TheWorld = State<Arc<World>>;

/// Which order; without an account the first of that number.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Which {
    channel_order_no: String,
    #[serde(default)]
    account: Option<String>,
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    out_refund_no: String,
    /// How a refund ends; without it the money is sent.
    #[serde(default)]
    state: Option<String>,
}

impl Which {
    fn order(&self) -> OrderRef<'_> {
        OrderRef {
            account: self.account.as_deref(),
            number: &self.channel_order_no,
        }
    }
}

pub(crate) async fn orders(State(world): TheWorld) -> Json<Vec<Order>> {
    let now_ms = now_ms();
    let book = world.book();
    let seen = book.all().cloned().map(|mut order| {
        order.state = order.state_at(now_ms);
        order
    });
    Json(seen.collect())
}

pub(crate) async fn notifies(State(world): TheWorld) -> Json<Vec<Sent>> {
    Json(
        world
            .sent
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone(),
    )
}

pub(crate) async fn pay(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    answer(world.pay(which.order(), now_ms()))
}

pub(crate) async fn decline(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    answer(world.decline(which.order(), now_ms()))
}

pub(crate) async fn expire(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    answer(world.close(which.order(), now_ms()))
}

pub(crate) async fn refund(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    let whole = world.book().named(which.order()).map(|o| o.amount);
    let asked = Asked {
        number: &format!("control{}", now_ms()),
        amount: which.amount.or(whole).unwrap_or(0),
        ..Asked::default()
    };
    answer(world.refund(which.order(), asked, now_ms()))
}

/// The channel takes the money back itself, as after a dispute.
pub(crate) async fn reverse(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    answer(world.reverse(which.order()))
}

/// A person ends a refund that waits for one, or is on its way: the money is sent, or
/// with `state` it fails.
pub(crate) async fn finish_refund(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    let state = which.state.clone();
    answer(world.finish_refund(which.order(), &which.out_refund_no, state, now_ms()))
}

pub(crate) async fn fault(State(world): TheWorld, Json(fault): Json<Fault>) -> StatusCode {
    world.faults.add(fault);
    StatusCode::NO_CONTENT
}

/// Apay numbers this type's refunds itself from now on: the same one sent again is
/// another.
pub(crate) async fn forget(State(world): TheWorld, Json(what): Json<Forgotten>) -> StatusCode {
    let forgotten = world.forgotten.lock();
    *forgotten.unwrap_or_else(PoisonError::into_inner) = Some(what);
    StatusCode::NO_CONTENT
}

/// The domain that an official account's payers may come back to.
#[derive(Deserialize)]
pub(crate) struct OauthDomain {
    domain: String,
}

/// Registers the domain; before it, addresses of this machine are good.
pub(crate) async fn oauth_domain(
    State(world): TheWorld,
    Json(registered): Json<OauthDomain>,
) -> StatusCode {
    let domain = world.oauth_domain.lock();
    *domain.unwrap_or_else(PoisonError::into_inner) = Some(registered.domain);
    StatusCode::NO_CONTENT
}

/// Faults at random from now on; none with `percent` 0.
pub(crate) async fn chaos(State(world): TheWorld, Json(wish): Json<Wish>) -> StatusCode {
    world.faults.set_chaos(Chaos::of(wish));
    StatusCode::NO_CONTENT
}

pub(crate) async fn reset(State(world): TheWorld) -> StatusCode {
    world.faults.clear();
    StatusCode::NO_CONTENT
}

fn answer<T>(done: Result<T, Cannot>) -> StatusCode {
    match done {
        Ok(_) => StatusCode::NO_CONTENT,
        Err(Cannot::NotFound) => StatusCode::NOT_FOUND,
        Err(Cannot::Conflict) => StatusCode::CONFLICT,
    }
}
