//! The payer's wallet: plain pages on which a person "scans" and pays.

use crate::book::{Order, OrderRef, Stage};
use crate::clock::now_ms;
use crate::text::{html, page, yuan};
use crate::world::World;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{Html, IntoResponse, Response};
use serde::Deserialize;
use std::sync::Arc;

const SHOWN_MAX: usize = 50;
const FIELD: &str = "<form class=\"card\" method=\"get\" action=\"/wallet/scan\">\
<input name=\"code\" placeholder=\"weixin://…\" aria-label=\"二维码内容\"><button>打开</button></form>";

#[derive(Deserialize)]
pub(crate) struct Scan {
    code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Act {
    #[serde(default)]
    account: Option<String>,
    channel_order_no: String,
    act: String,
}

/// All open orders, the newest first.
pub(crate) async fn list(State(world): State<Arc<World>>) -> Html<String> {
    let now_ms = now_ms();
    let mut open: Vec<Order> = {
        let book = world.book();
        book.all()
            .filter(|order| order.state_at(now_ms) == Stage::NotPay)
            .cloned()
            .collect()
    };
    open.sort_by_key(|order| -order.created_ms);
    let rows: String = open.iter().take(SHOWN_MAX).map(row).collect();
    let empty = if open.is_empty() {
        "<p class=\"card\">没有待支付的订单</p>"
    } else {
        ""
    };
    let body = format!(
        "<h1>沙箱钱包</h1><p class=\"small\">在这里代替手机“扫码”：选择订单并支付。</p>{empty}{rows}{FIELD}"
    );
    Html(page("沙箱钱包", "", &body))
}

/// The one order that a code stands for.
pub(crate) async fn scan(State(world): State<Arc<World>>, Query(scan): Query<Scan>) -> Response {
    let code = scan.code.trim();
    let found = world.book().find(|order| order.code_url == code).cloned();
    match found {
        Some(order) => Html(page(
            "确认支付",
            "",
            &format!("<h1>确认支付</h1>{}", row(&order)),
        ))
        .into_response(),
        None => {
            let body = format!("<h1>二维码无效或已失效</h1>{FIELD}");
            (StatusCode::NOT_FOUND, Html(page("二维码无效", "", &body))).into_response()
        }
    }
}

/// A button of the wallet.
pub(crate) async fn act(State(world): State<Arc<World>>, Form(act): Form<Act>) -> Response {
    let which = OrderRef {
        account: act.account.as_deref(),
        number: &act.channel_order_no,
    };
    let done = match act.act.as_str() {
        "pay" => world.pay(which, now_ms()),
        "decline" => world.decline(which, now_ms()),
        "expire" => world.close(which, now_ms()),
        _ => return StatusCode::BAD_REQUEST.into_response(),
    };
    if done.is_err() {
        let body = "<h1>该订单已不能操作</h1><p><a href=\"/wallet\">返回</a></p>";
        return (StatusCode::CONFLICT, Html(page("沙箱钱包", "", body))).into_response();
    }
    (StatusCode::SEE_OTHER, [(LOCATION, "/wallet")]).into_response()
}

fn row(order: &Order) -> String {
    let number = html(&order.channel_order_no);
    format!(
        "<section class=\"card\" data-order=\"{number}\"><div>{}</div>\
         <div class=\"amount\">{}</div><p class=\"small\">{} · {number}</p>\
         <form method=\"post\" action=\"/wallet/act\">\
         <input type=\"hidden\" name=\"account\" value=\"{}\">\
         <input type=\"hidden\" name=\"channelOrderNo\" value=\"{number}\">\
         <button name=\"act\" value=\"pay\">支付</button>\
         <button class=\"quiet\" name=\"act\" value=\"decline\">拒绝支付</button>\
         <button class=\"quiet\" name=\"act\" value=\"expire\">过期</button></form></section>",
        html(&order.description),
        yuan(order.amount),
        order.channel().title(),
        html(&order.account),
    )
}
