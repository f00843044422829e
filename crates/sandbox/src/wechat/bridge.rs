//! What WeChat's own sheet does when a page invokes the bridge
//! (docs/reference/wechat.md, The bridge): a
//! browser test's WeixinJSBridge posts the parameters here.

use crate::book::Order;
use crate::clock::now_ms;
use crate::world::World;
use axum::Json;
use axum::extract::State;
use axum::http::header::{ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_ORIGIN};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// The bridge's parameters, and what the payer does.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invoked {
    app_id: String,
    time_stamp: String,
    nonce_str: String,
    package: String,
    sign_type: String,
    pay_sign: String,
    #[serde(default)]
    act: String,
}

/// A page of another origin may ask.
pub(crate) async fn allow() -> Response {
    open(Json(Value::Null).into_response())
}

pub(crate) async fn invoke(
    State(world): State<Arc<World>>,
    Json(invoked): Json<Invoked>,
) -> Response {
    let message = match (checked(&world, &invoked), invoked.act.as_str()) {
        (Err(why), _) => json!({"err_msg": "get_brand_wcpay_request:fail", "err_desc": why}),
        (Ok(_), "cancel") => json!({"err_msg": "get_brand_wcpay_request:cancel"}),
        (Ok(_), "fail") => {
            json!({"err_msg": "get_brand_wcpay_request:fail", "err_desc": "支付失败"})
        }
        (Ok(order), _) => match world.pay((&order).into(), now_ms()) {
            Ok(_) => json!({"err_msg": "get_brand_wcpay_request:ok"}),
            Err(_) => {
                json!({"err_msg": "get_brand_wcpay_request:fail", "err_desc": "该订单已支付"})
            }
        },
    };
    open(Json(message).into_response())
}

fn checked(world: &World, invoked: &Invoked) -> Result<Order, &'static str> {
    let merchant = world.keys.wechat.official(&invoked.app_id);
    let merchant = merchant.ok_or("appId无效")?;
    let prepay_id = invoked.package.strip_prefix("prepay_id=");
    let prepay_id = prepay_id.ok_or("缺少参数 total_fee")?;
    if invoked.sign_type != "RSA" || invoked.time_stamp.parse::<i64>().is_err() {
        return Err("参数错误");
    }
    let Invoked {
        app_id,
        time_stamp,
        nonce_str,
        package,
        ..
    } = invoked;
    let text = format!("{app_id}\n{time_stamp}\n{nonce_str}\n{package}\n");
    if !merchant.key.verifies(text.as_bytes(), &invoked.pay_sign) {
        return Err("支付验证签名失败");
    }
    let book = world.book();
    let found = book.find(|order| order.wechat().is_some_and(|own| own.prepay_id == prepay_id));
    found.cloned().ok_or("该订单已过期")
}

fn open(mut response: Response) -> Response {
    let any = axum::http::HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_ORIGIN, any.clone());
    response
        .headers_mut()
        .insert(ACCESS_CONTROL_ALLOW_HEADERS, any);
    response
}
