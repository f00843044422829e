//! The control interface: what tests and people make happen outside.

use crate::book::Order;
use crate::chaos::{Chaos, Wish};
use crate::fault::Fault;
use crate::notify::Sent;
use crate::now_ms;
use crate::world::{Cannot, World};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::sync::{Arc, PoisonError};

type TheWorld = State<Arc<World>>;

/// Which order.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Which {
    channel_order_no: String,
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    out_refund_no: String,
}

pub(crate) async fn orders(State(world): TheWorld) -> Json<Vec<Order>> {
    let now_ms = now_ms();
    let book = world.book();
    let seen = book.all().cloned().map(|mut order| {
        order.state = order.state_at(now_ms).to_owned();
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
    answer(world.pay(&which.channel_order_no, now_ms()))
}

pub(crate) async fn decline(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    answer(world.decline(&which.channel_order_no, now_ms()))
}

pub(crate) async fn expire(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    answer(world.close(&which.channel_order_no, now_ms()))
}

pub(crate) async fn refund(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    let number = &which.channel_order_no;
    let whole = world
        .book()
        .find(|order| order.channel_order_no == *number)
        .map(|o| o.amount);
    let amount = which.amount.or(whole).unwrap_or(0);
    let refund_no = format!("control{}", now_ms());
    answer(world.refund(number, &refund_no, amount, now_ms()))
}

/// A person ends a refund that waits for one.
pub(crate) async fn finish_refund(State(world): TheWorld, Json(which): Json<Which>) -> StatusCode {
    let (number, refund_no) = (&which.channel_order_no, &which.out_refund_no);
    answer(world.finish_refund(number, refund_no, now_ms()))
}

pub(crate) async fn fault(State(world): TheWorld, Json(fault): Json<Fault>) -> StatusCode {
    world.faults.add(fault);
    StatusCode::NO_CONTENT
}

/// A type of Apay's.
#[derive(Deserialize)]
pub(crate) struct Forgotten {
    #[serde(rename = "type")]
    pub(crate) of_type: String,
    /// In how many ms after a refund the order's status says `refund`; anything but
    /// a number: never.
    #[serde(default)]
    pub(crate) status: Value,
}

/// Apay numbers this type's refunds itself from now on: the same one sent again is
/// another.
pub(crate) async fn forget(State(world): TheWorld, Json(what): Json<Forgotten>) -> StatusCode {
    let forgotten = world.forgotten.lock();
    *forgotten.unwrap_or_else(PoisonError::into_inner) = Some(what);
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
