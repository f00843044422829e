//! The page on which a payer approves, and the way back.

use super::PAYER;
use super::orders::by_id;
use super::sums::money;
use crate::book::{Order, Stage};
use crate::clock::now_ms;
use crate::text::{html, page};
use crate::world::World;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize)]
pub(super) struct Token {
    token: String,
}

#[derive(Deserialize)]
pub(super) struct Act {
    token: String,
    act: String,
}

/// `/checkoutnow?token=`.
pub(super) async fn open(State(world): State<Arc<World>>, Query(token): Query<Token>) -> Response {
    match by_id(&world, &token.token) {
        Some(order) if order.state_at(now_ms()) == Stage::NotPay => {
            Html(shown(&order, &token.token)).into_response()
        }
        _ => trouble(),
    }
}

fn shown(order: &Order, token: &str) -> String {
    let amount = money(order, order.amount);
    let text = |name: &str| html(amount[name].as_str().unwrap_or_default());
    let body = format!(
        "<h1>PayPal (sandbox)</h1><section class=\"card\" data-order=\"{}\"><div>{}</div>\
         <div class=\"amount\">{} {}</div><form method=\"post\" action=\"/paypal/act\">\
         <input type=\"hidden\" name=\"token\" value=\"{}\">\
         <button name=\"act\" value=\"approve\">Pay Now</button>\
         <button class=\"quiet\" name=\"act\" value=\"cancel\">Cancel and return</button>\
         </form></section>",
        html(&order.channel_order_no),
        html(&order.description),
        text("currency_code"),
        text("value"),
        html(token),
    );
    page("PayPal", "", &body)
}

fn trouble() -> Response {
    let body = "<h1 class=\"bad\">Sorry, something went wrong</h1>";
    (StatusCode::OK, Html(page("PayPal", "", body))).into_response()
}

/// A button of the page.
pub(super) async fn act(State(world): State<Arc<World>>, Form(act): Form<Act>) -> Response {
    let Some(order) = by_id(&world, &act.token) else {
        return trouble();
    };
    let Some(own) = order.paypal() else {
        return trouble();
    };
    let (url, more) = match act.act.as_str() {
        "approve" => match world.pay((&order).into(), now_ms()) {
            Ok(_) => (&own.return_url, format!("&PayerID={PAYER}")),
            Err(_) => return trouble(),
        },
        _ => (&own.cancel_url, String::new()),
    };
    if url.is_empty() {
        return Html(page("PayPal", "", "<h1>Approved</h1>")).into_response();
    }
    let mark = if url.contains('?') { '&' } else { '?' };
    let address = format!("{url}{mark}token={}{more}", act.token);
    (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response()
}
