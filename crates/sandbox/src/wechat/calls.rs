//! What each call does and answers (sections 1.6 to 1.12, 1.14).

use super::answer::{Answer, Call};
use super::keys::{Merchant, Mode};
use super::{refunds, sealed, transaction};
use crate::book::{Order, OrderRef, Stage};
use crate::fault::Fault;
use crate::memory::{self, Memory, Stuck};
use crate::random::random_text;
use crate::text::{from_rfc3339, rfc3339};
use crate::world::{Cannot, World};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

const DEFAULT_LIFE_MS: i64 = 7 * 86_400_000;
const LIFE_MIN_MS: i64 = 60_000;
const CERTIFICATE_LIFE_MS: i64 = 5 * 365 * 86_400_000;

/// Does what a verified request asks for.
pub(super) fn answer(
    world: &Arc<World>,
    merchant: &Merchant,
    method: &str,
    target: &str,
    body: &[u8],
    fault: Option<Fault>,
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
    if let ["v3", "pay", "transactions", "out-trade-no", number, ..] = parts.as_slice()
        && !is_number(number)
    {
        return Answer::wrong("out_trade_no", &json!(number), "uri_template");
    }
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
        ("POST", ["v3", "refund", "domestic", "refunds"]) => refunds::refund(&call),
        ("GET", ["v3", "refund", "domestic", "refunds", number]) => refunds::query(&call, number),
        ("GET", ["v3", "certificates"]) => call.certificates(),
        ("POST", ["v3", "pay", "transactions", "h5" | "app"]) => {
            let why = "商户号该产品权限未开通，请前往商户平台>产品中心检查后重试";
            Answer::error(403, "NO_AUTH", why)
        }
        (
            _,
            [
                "v3",
                "pay",
                "transactions",
                "native" | "jsapi" | "h5" | "app",
            ]
            | ["v3", "pay", "transactions", "out-trade-no" | "id", _]
            | ["v3", "pay", "transactions", "out-trade-no", _, "close"]
            | ["v3", "refund", "domestic", "refunds", ..]
            | ["v3", "certificates"],
        ) => Answer::empty(405),
        _ => Answer::empty(404),
    }
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

/// Whether the order names the sandbox's payer.
fn is_payer(new: &NewOrder) -> bool {
    let payer = new.payer.as_ref();
    payer.is_some_and(|payer| payer["openid"] == json!(super::PAYER))
}

/// Whether an order may have this number.
fn is_number(number: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-|*".contains(&byte);
    (6..=32).contains(&number.len()) && number.bytes().all(plain)
}

fn cny() -> String {
    "CNY".to_owned()
}

impl Call<'_> {
    pub(super) fn account(&self) -> &str {
        &self.merchant.file.name
    }

    /// The body, as far as it is of the call's form.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T, Answer> {
        serde_json::from_slice(self.body).map_err(|error| Answer::unreadable(&error))
    }

    fn create(&self, trade_type: &str) -> Answer {
        let new: NewOrder = match self.read() {
            Ok(new) => new,
            Err(answer) => return answer,
        };
        if let Some(field) = self.wrong_field(&new, trade_type) {
            return Answer::parameter(self.body, field);
        }
        if new.mchid != self.merchant.file.mchid {
            return Answer::parameter(self.body, "/mchid");
        }
        if new.appid != self.merchant.file.appid {
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
                Stage::Closed => return Answer::error(400, "ORDER_CLOSED", "订单已关闭"),
                Stage::Success | Stage::Refund => {
                    return Answer::error(400, "ORDERPAID", "订单已支付");
                }
                _ if old.fields != fields => {
                    return Answer::error(403, "OUT_TRADE_NO_USED", "商户订单号重复");
                }
                // The same order again: a new code, and the old one is dead.
                _ => Order { code_url, ..old },
            },
        };
        let answer = match trade_type {
            "NATIVE" => json!({"code_url": order.code_url}),
            _ => json!({"prepay_id": order.wechat().map(|own| &own.prepay_id)}),
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
            ..Order::fresh(
                Memory::Wechat(memory::Wechat {
                    prepay_id: format!("wx{}", random_text(32)),
                    stuck: Stuck::new(),
                }),
                self.account(),
                &new.out_trade_no,
                self.now_ms,
            )
        }
    }

    /// The first field that breaks its rule (docs/reference/wechat.md, Orders).
    fn wrong_field(&self, new: &NewOrder, trade_type: &str) -> Option<&'static str> {
        let url = &new.notify_url;
        let expire = new.time_expire.as_deref();
        match () {
            () if !is_number(&new.out_trade_no) => Some("/out_trade_no"),
            () if new.description.is_empty() || new.description.len() > 127 => Some("/description"),
            () if new.attach.as_ref().is_some_and(|text| text.len() > 128) => Some("/attach"),
            () if new.amount.total < 1 => Some("/amount/total"),
            () if new.amount.currency != "CNY" => Some("/amount/currency"),
            () if !refunds::is_address(url, 255) => Some("/notify_url"),
            () if expire.is_some_and(|text| from_rfc3339(text).is_none()) => Some("/time_expire"),
            () if trade_type == "JSAPI" && !is_payer(new) => Some("/payer/openid"),
            () => None,
        }
    }

    fn query(&self, query: &str, wanted: impl Fn(&Order) -> bool) -> Answer {
        if query != format!("mchid={}", self.merchant.file.mchid) {
            return Answer::wrong("mchid", &json!(query), "query");
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
            return Answer::parameter(self.body, "/mchid");
        }
        let which = OrderRef::of(self.account(), number);
        match self.world.close(which, self.now_ms) {
            // A number that it does not know is answered so too, and may be made all the same.
            Ok(_) | Err(Cannot::NotFound) => Answer {
                status: 204,
                body: String::new(),
            },
            Err(Cannot::Conflict) => Answer::error(400, "ORDERPAID", "订单已支付"),
        }
    }

    fn certificates(&self) -> Answer {
        let keys = &self.world.keys.wechat;
        let file = &self.merchant.file;
        if file.mode == Mode::PublicKey {
            let why = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥";
            return Answer::error(404, "RESOURCE_NOT_EXISTS", why);
        }
        let sealed = sealed::seal(&file.api_v3_key, "certificate", &keys.certificate_pem);
        Answer::json(&json!({"data": [{
            "serial_no": keys.certificate_serial,
            "effective_time": rfc3339(self.now_ms - 86_400_000),
            "expire_time": rfc3339(self.now_ms + CERTIFICATE_LIFE_MS),
            "encrypt_certificate": sealed,
        }]}))
    }
}
