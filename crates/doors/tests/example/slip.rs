//! A third door: an order is three fields, signed by HMAC-SHA256; its payment is told as
//! JSON. What is here is all that a door is: how its callers are read and proved, which
//! use cases it calls, its answers, and [`Door`].

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::StatusCode;
use axum::routing::post;
use checkout::{Checkout, Failure};
use hmac::{Hmac, KeyInit, Mac};
use payment::domain::{Domain, DomainSettings, Secret};
use payment::money::{Currency, Money};
use payment::partner::Ordered;
use payment::ports::{Door, NewCallback, News};
use payment::refusal::Refusal;
use payment::status::PayStatus;
use serde_json::{Value, json};
use sha2::Sha256;
use std::sync::Arc;

const NAME: &str = "slip";
const BODY_BYTES_MAX: usize = 4 << 10;

/// A partner of this door.
pub(crate) fn partner(id: &str, key: &str) -> Domain {
    Domain::partner(NAME, id, DomainSettings::default(), key, true).unwrap()
}

/// The HMAC of these texts, each on a line of its own, in hex.
pub(crate) fn sign(texts: &[&str], key: &[u8]) -> String {
    let bytes = mac(texts, key).finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn mac(texts: &[&str], key: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    mac.update(texts.join("\n").as_bytes());
    mac
}

pub(crate) struct Slip;

impl Door for Slip {
    fn name(&self) -> &'static str {
        NAME
    }

    fn tells(&self, _: &Domain, status: PayStatus) -> bool {
        status == PayStatus::SuccessPay
    }

    fn callback(&self, news: &News<'_>) -> NewCallback {
        let cents = news.attempt.money.minor().to_string();
        let generation = news.attempt.secret_generation;
        let key = news.domain.secret_for(generation, news.now_ms);
        let sign = sign(
            &[news.number, &cents, &news.attempt.order_sn],
            key.expose().as_bytes(),
        );
        let body = json!({
            "order": news.number,
            "cents": cents,
            "paid": news.attempt.order_sn,
            "sign": sign,
        });
        NewCallback {
            url: news.address.to_owned(),
            receiver: news.address.to_owned(),
            body: Some(body.to_string()),
            created_ms: news.now_ms,
        }
    }

    fn media_type(&self) -> &'static str {
        "application/json"
    }

    fn takes(&self, body: &str) -> bool {
        body.trim() == "ok"
    }

    fn currencies(&self) -> &'static [Currency] {
        &[Currency::Cny]
    }

    fn has_one_page(&self) -> bool {
        true
    }
}

/// `POST /slip/order`.
pub(crate) fn router(checkout: &Arc<Checkout>) -> Router {
    Router::new()
        .route("/slip/order", post(order))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::clone(checkout))
}

async fn order(State(checkout): State<Arc<Checkout>>, body: String) -> (StatusCode, String) {
    let (status, answer) = match ordered(&checkout, &body).await {
        Ok(url) => (StatusCode::OK, json!({"url": url})),
        Err(failure) => {
            let status = match failure {
                Failure::Refused(Refusal::UnknownDomain | Refusal::BadSign { .. }) => {
                    StatusCode::FORBIDDEN
                }
                Failure::KeyReused => StatusCode::CONFLICT,
                Failure::Refused(_) => StatusCode::BAD_REQUEST,
                _ => StatusCode::SERVICE_UNAVAILABLE,
            };
            (
                status,
                json!({"error": failure.text(payment::lang::Lang::En)}),
            )
        }
    };
    (status, answer.to_string())
}

/// Where the payer pays; the same order again is the same address.
async fn ordered(checkout: &Checkout, body: &str) -> Result<String, Failure> {
    let fields: Value =
        serde_json::from_str(body).map_err(|_| Refusal::malformed("body", "JSON"))?;
    let field = |name: &str| fields[name].as_str().ok_or_else(|| Refusal::missing(name));
    let (number, cents, tell) = (field("order")?, field("cents")?, field("tell")?);
    let given = given_sign(field("sign")?)?;
    let code = Domain::partner_code(NAME, field("partner")?);
    let proves = |key: &Secret| {
        let mac = mac(&[number, cents, tell], key.expose().as_bytes());
        // In constant time.
        mac.verify_slice(&given).is_ok()
    };
    let proved = checkout.proved(&code, Some(number), proves, |_| None);
    let (domain, _) = proved.await?;
    let money = cents.parse().ok();
    let money = money.and_then(|cents| Money::from_minor(cents, Currency::Cny));
    let order = Ordered {
        out_order_id: number.to_owned(),
        money: money.ok_or_else(|| Refusal::malformed("cents", "whole fen"))?,
        cb_url: tell.to_owned(),
        return_url: String::new(),
        user_id: String::new(),
        pay_type: None,
    };
    let kept = checkout.keep_order(&domain, order).await?;
    Ok(checkout.order_page(&domain, &kept, None))
}

fn given_sign(hex: &str) -> Result<Vec<u8>, Refusal> {
    let pair = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
    let bytes = (0..hex.len()).step_by(2).map(pair).collect();
    Option::ok_or_else(bytes, || Refusal::bad_sign(Vec::new()))
}
