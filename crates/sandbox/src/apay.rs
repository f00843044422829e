//! A fourth party's gateway, its side of the wire (docs/forecore.md): orders,
//! queries, refunds and rates of its one partner, and the payer's page.

mod answer;
mod calls;
pub(crate) mod keys;
pub(crate) mod notice;
pub(crate) mod sign;

use crate::book::{Order, Stage};
use crate::clock::now_ms;
use crate::text::{html, page, plain_yuan};
use crate::world::World;
use axum::Router;
use axum::extract::{Form, Query, State};
use axum::http::header::{LOCATION, USER_AGENT};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use std::sync::Arc;

/// Everything under `/apay`.
pub(crate) fn routes() -> Router<Arc<World>> {
    let both = |path| format!("/forecore/{path}");
    Router::new()
        .route(&both("order"), get(calls::order).post(calls::order))
        .route(
            &both("queryOrder"),
            get(calls::query_order).post(calls::query_order),
        )
        .route(&both("refund"), get(calls::refund).post(calls::refund))
        .route(
            &both("exchangeRate"),
            get(calls::exchange_rate).post(calls::exchange_rate),
        )
        .route("/pay", get(open))
        .route("/act", post(act))
}

#[derive(Deserialize)]
struct Which {
    order: String,
}

#[derive(Deserialize)]
struct Act {
    order: String,
    act: String,
}

fn by_id(world: &World, order_id: &str) -> Option<Order> {
    let wanted = |order: &Order| order.apay().is_some_and(|own| own.order_id == order_id);
    world.book().find(wanted).cloned()
}

/// The page behind `url`.
async fn open(
    State(world): State<Arc<World>>,
    Query(which): Query<Which>,
    headers: HeaderMap,
) -> Response {
    let order = by_id(&world, &which.order);
    let Some(order) = order.filter(|order| order.state_at(now_ms()) == Stage::NotPay) else {
        return trouble("订单不存在，或已不能支付");
    };
    let agent = headers
        .get(USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let in_wechat = agent.is_some_and(|agent| agent.contains("MicroMessenger"));
    // In another currency WeChat takes it in its own browser only.
    if order.trade_type == "WECHATPAYH5" && order.currency != "CNY" && !in_wechat {
        return trouble("请使用微信浏览器打开");
    }
    Html(shown(&order, "")).into_response()
}

fn shown(order: &Order, note: &str) -> String {
    let body = format!(
        "<h1>Apay（沙箱）</h1>{note}<section class=\"card\" data-order=\"{}\"><div>{}</div>\
         <div class=\"amount\">{} {}</div><p class=\"small\">{}</p>\
         <form method=\"post\" action=\"/apay/act\">\
         <input type=\"hidden\" name=\"order\" value=\"{}\">\
         <button name=\"act\" value=\"pay\">支付</button>\
         <button class=\"quiet\" name=\"act\" value=\"cancel\">取消</button>\
         </form></section>",
        html(&order.channel_order_no),
        html(&order.description),
        html(&order.currency),
        plain_yuan(order.amount),
        html(&order.trade_type),
        html(calls::order_id(order)),
    );
    page("Apay", "", &body)
}

fn trouble(what: &str) -> Response {
    let body = format!("<h1 class=\"bad\">{}</h1>", html(what));
    Html(page("Apay", "", &body)).into_response()
}

/// A button of the page: paid leads back, given up stays.
async fn act(State(world): State<Arc<World>>, Form(act): Form<Act>) -> Response {
    let Some(order) = by_id(&world, &act.order) else {
        return trouble("订单不存在，或已不能支付");
    };
    if act.act != "pay" {
        return Html(shown(&order, "<p>支付已取消</p>")).into_response();
    }
    match world.pay((&order).into(), now_ms()) {
        Ok(_) => {
            let back = order.apay().map_or("", |own| &own.return_url).to_owned();
            (StatusCode::SEE_OTHER, [(LOCATION, back)]).into_response()
        }
        Err(_) => trouble("订单已不能支付"),
    }
}
