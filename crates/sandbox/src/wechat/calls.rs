//! What each call does and answers (sections 1.6 to 1.12, 1.14).

use super::keys::Merchant;
use super::{refund_state, sealed, transaction};
use crate::book::{Channel, Order, Refund};
use crate::fault::Kind;
use crate::random_text;
use crate::text::{from_rfc3339, rfc3339};
use crate::world::{Cannot, World};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const DEFAULT_LIFE_MS: i64 = 7 * 86_400_000;
const LIFE_MIN_MS: i64 = 60_000;
const CERTIFICATE_LIFE_MS: i64 = 5 * 365 * 86_400_000;

/// An answer before it is signed.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    fn json(value: &Value) -> Self {
        Self {
            status: 200,
            body: value.to_string(),
        }
    }

    pub(super) fn error(status: u16, code: &str, message: &str) -> Self {
        Self {
            status,
            body: json!({"code": code, "message": message}).to_string(),
        }
    }

    fn parameter(field: &str) -> Self {
        Self::error(400, "PARAM_ERROR", &format!("参数错误：{field}"))
    }
}

/// Does what a verified request asks for.
pub(super) fn answer(
    world: &Arc<World>,
    merchant: &Merchant,
    method: &str,
    target: &str,
    body: &[u8],
    fault: Option<Kind>,
    now_ms: i64,
) -> Answer {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let call = Call {
        world,
        merchant,
        body,
        fault,
        now_ms,
    };
    let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
    match (method, parts.as_slice()) {
        ("POST", ["v3", "pay", "transactions", "native"]) => call.create("NATIVE"),
        ("POST", ["v3", "pay", "transactions", "jsapi"]) => call.create("JSAPI"),
        ("POST", ["v3", "pay", "transactions", "out-trade-no", number, "close"]) => {
            call.close(number)
        }
        ("GET", ["v3", "pay", "transactions", "out-trade-no", number]) => {
            call.query(query, |order| order.channel_order_no == *number)
        }
        ("GET", ["v3", "pay", "transactions", "id", id]) => {
            call.query(query, |order| order.transaction_id.as_deref() == Some(*id))
        }
        ("POST", ["v3", "refund", "domestic", "refunds"]) => call.refund(),
        ("GET", ["v3", "refund", "domestic", "refunds", number]) => call.query_refund(number),
        ("GET", ["v3", "certificates"]) => call.certificates(),
        _ => Answer::error(404, "RESOURCE_NOT_EXISTS", "接口不存在"),
    }
}

struct Call<'a> {
    world: &'a Arc<World>,
    merchant: &'a Merchant,
    body: &'a [u8],
    fault: Option<Kind>,
    now_ms: i64,
}

#[derive(Deserialize)]
struct NewOrder {
    appid: String,
    mchid: String,
    description: String,
    out_trade_no: String,
    notify_url: String,
    amount: NewAmount,
    time_expire: Option<String>,
    attach: Option<String>,
    payer: Option<Value>,
}

#[derive(Deserialize)]
struct NewAmount {
    total: i64,
    #[serde(default = "cny")]
    currency: String,
}

#[derive(Deserialize)]
struct NewRefund {
    transaction_id: Option<String>,
    out_trade_no: Option<String>,
    out_refund_no: String,
    amount: RefundAmount,
}

#[derive(Deserialize)]
struct RefundAmount {
    refund: i64,
    total: i64,
    currency: String,
}

/// Whether the order names the sandbox's payer.
fn is_payer(new: &NewOrder) -> bool {
    let payer = new.payer.as_ref();
    payer.is_some_and(|payer| payer["openid"] == json!(super::PAYER))
}

fn cny() -> String {
    "CNY".to_owned()
}

impl Call<'_> {
    fn account(&self) -> &str {
        &self.merchant.file.name
    }

    fn create(&self, trade_type: &str) -> Answer {
        let new: NewOrder = match serde_json::from_slice(self.body) {
            Ok(new) => new,
            Err(error) => return Answer::parameter(&error.to_string()),
        };
        if let Some(field) = self.wrong_field(&new, trade_type) {
            return Answer::parameter(field);
        }
        if new.appid != self.merchant.file.appid || new.mchid != self.merchant.file.mchid {
            return Answer::error(400, "APPID_MCHID_NOT_MATCH", "appid和mchid不匹配");
        }
        let mut book = self.world.book();
        let code_url = format!("weixin://wxpay/bizpayurl?pr={}", random_text(9));
        let fields = format!(
            "{trade_type} {} {} {} {}",
            new.description, new.amount.total, new.amount.currency, new.notify_url
        );
        let order = match book.get(self.account(), &new.out_trade_no).cloned() {
            None => self.fresh(new, trade_type, fields, code_url),
            Some(old) => match old.state_at(self.now_ms) {
                "CLOSED" => return Answer::error(400, "ORDER_CLOSED", "订单已关闭"),
                "SUCCESS" | "REFUND" => return Answer::error(400, "ORDERPAID", "订单已支付"),
                _ if old.fields != fields => {
                    return Answer::error(403, "OUT_TRADE_NO_USED", "商户订单号重复");
                }
                // The same order again: a new code, and the old one is dead.
                _ => Order { code_url, ..old },
            },
        };
        let answer = match trade_type {
            "NATIVE" => json!({"code_url": order.code_url}),
            _ => json!({"prepay_id": order.more["prepay_id"]}),
        };
        book.put(order);
        Answer::json(&answer)
    }

    fn fresh(&self, new: NewOrder, trade_type: &str, fields: String, code_url: String) -> Order {
        let asked_ms = new.time_expire.as_deref().and_then(from_rfc3339);
        let expires_ms = asked_ms.unwrap_or(self.now_ms + DEFAULT_LIFE_MS);
        Order {
            trade_type: trade_type.to_owned(),
            description: new.description,
            amount: new.amount.total,
            currency: new.amount.currency,
            notify_url: new.notify_url,
            attach: new.attach,
            code_url,
            fields,
            expires_ms: expires_ms.max(self.now_ms + LIFE_MIN_MS),
            more: json!({"prepay_id": format!("wx{}", random_text(32))}),
            ..Order::fresh(
                Channel::Wechat,
                self.account(),
                &new.out_trade_no,
                self.now_ms,
            )
        }
    }

    /// The first field that breaks its rule (section 1.6).
    fn wrong_field(&self, new: &NewOrder, trade_type: &str) -> Option<&'static str> {
        let number = new.out_trade_no.as_bytes();
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-|*".contains(byte);
        let url = &new.notify_url;
        let expire = new.time_expire.as_deref();
        match () {
            () if !(6..=32).contains(&number.len()) || !number.iter().all(plain) => {
                Some("out_trade_no")
            }
            () if new.description.is_empty() || new.description.len() > 127 => Some("description"),
            () if new.amount.total < 1 => Some("amount.total"),
            () if new.amount.currency != "CNY" => Some("amount.currency"),
            () if !url.starts_with("http") || url.contains('?') || url.len() > 255 => {
                Some("notify_url")
            }
            () if expire.is_some_and(|text| from_rfc3339(text).is_none()) => Some("time_expire"),
            () if trade_type == "JSAPI" && !is_payer(new) => Some("payer.openid"),
            () => None,
        }
    }

    fn query(&self, query: &str, wanted: impl Fn(&Order) -> bool) -> Answer {
        if query != format!("mchid={}", self.merchant.file.mchid) {
            return Answer::parameter("mchid");
        }
        let book = self.world.book();
        let found = book.find(|order| order.account == self.account() && wanted(order));
        let object = found.and_then(|order| transaction(self.world, order, self.now_ms));
        object.map_or_else(
            || Answer::error(404, "ORDER_NOT_EXIST", "查询的订单不存在"),
            |object| Answer::json(&object),
        )
    }

    fn close(&self, number: &str) -> Answer {
        let body: Value = serde_json::from_slice(self.body).unwrap_or_default();
        if body["mchid"] != json!(self.merchant.file.mchid) {
            return Answer::parameter("mchid");
        }
        let ours = self.world.book().get(self.account(), number).is_some();
        match self.world.close(number, self.now_ms) {
            Ok(_) if ours => Answer {
                status: 204,
                body: String::new(),
            },
            Err(Cannot::Conflict) if ours => Answer::error(400, "ORDERPAID", "订单已支付"),
            _ => Answer::error(404, "ORDER_NOT_EXIST", "订单不存在"),
        }
    }

    fn refund(&self) -> Answer {
        let new: NewRefund = match serde_json::from_slice(self.body) {
            Ok(new) => new,
            Err(error) => return Answer::parameter(&error.to_string()),
        };
        let order = self
            .world
            .book()
            .find(|order| {
                order.account == self.account()
                    && (new.out_trade_no.as_ref() == Some(&order.channel_order_no)
                        || (new.transaction_id.is_some()
                            && new.transaction_id == order.transaction_id))
            })
            .cloned();
        let Some(order) = order else {
            return Answer::error(404, "RESOURCE_NOT_EXISTS", "订单不存在");
        };
        if new.amount.total != order.amount || new.amount.currency != order.currency {
            return Answer::parameter("amount");
        }
        let number = &order.channel_order_no;
        if order.more["stuck"][&new.out_refund_no].is_object() {
            return self.query_refund(&new.out_refund_no);
        }
        if self.fault == Some(Kind::NotEnough) {
            return Answer::error(403, "NOT_ENOUGH", "基本账户余额不足，请充值后重新发起");
        }
        let (refund_no, amount) = (&new.out_refund_no, new.amount.refund);
        let stuck = match self.fault {
            Some(Kind::Abnormal) => Some("ABNORMAL"),
            Some(Kind::RefundFails) => Some("CLOSED"),
            _ => None,
        };
        let made = match stuck {
            Some(state) => self
                .world
                .stick(number, refund_no, amount, state, self.now_ms),
            None => self.world.refund(number, refund_no, amount, self.now_ms),
        };
        match made {
            Ok((order, refund)) => Answer::json(&refund_object(&order, &refund)),
            // Too much, or another sum under a used number; the balance is not short.
            Err(_) => Answer::error(
                400,
                "INVALID_REQUEST",
                "退款金额大于可退金额，或单号已用于其他退款",
            ),
        }
    }

    fn query_refund(&self, number: &str) -> Answer {
        let book = self.world.book();
        let found = book
            .all()
            .filter(|order| order.account == self.account())
            .find_map(|order| {
                let made = order.refunds.iter();
                let mut made = made.filter(|refund| refund.out_refund_no == number);
                let refund = made.next().cloned().or_else(|| order.stuck(number))?;
                Some(refund_object(order, &refund))
            });
        found.map_or_else(
            || Answer::error(404, "RESOURCE_NOT_EXISTS", "退款单不存在"),
            |object| Answer::json(&object),
        )
    }

    fn certificates(&self) -> Answer {
        let keys = &self.world.keys.wechat;
        let file = &self.merchant.file;
        let sealed = sealed::seal(&file.api_v3_key, "certificate", &keys.certificate_pem);
        Answer::json(&json!({"data": [{
            "serial_no": keys.certificate_serial,
            "effective_time": rfc3339(self.now_ms - 86_400_000),
            "expire_time": rfc3339(self.now_ms + CERTIFICATE_LIFE_MS),
            "encrypt_certificate": sealed,
        }]}))
    }
}

fn refund_object(order: &Order, refund: &Refund) -> Value {
    let state = refund_state(refund);
    json!({
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": order.transaction_id,
        "out_trade_no": order.channel_order_no,
        "channel": "ORIGINAL",
        "user_received_account": "支付用户零钱",
        "create_time": rfc3339(refund.at_ms),
        "success_time": (state == "SUCCESS").then(|| rfc3339(refund.at_ms)),
        "status": state,
        "funds_account": "AVAILABLE",
        "amount": {
            "total": order.amount, "refund": refund.amount, "payer_total": order.amount,
            "payer_refund": refund.amount, "settlement_total": order.amount,
            "settlement_refund": refund.amount, "discount_refund": 0, "currency": order.currency,
        },
    })
}
