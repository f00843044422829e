//! The demo shop: a small business system. A product page, a button, a signed
//! redirect, a callback receiver with a live log, a return page.

mod orders;
mod pages;
mod partner;
mod sign;

use crate::clock::now_ms;
use crate::serve::serve;
use anyhow::Result;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Json, Router};
use orders::{Chaos, Manner, Mode, Orders, Received, Told};
use serde::Deserialize;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// A receiver that hangs does so longer than any caller waits.
const HANG: Duration = Duration::from_secs(60);

/// The shop and whom it deals with.
struct Shop {
    url: String,
    platform: String,
    wallet: String,
    client: reqwest::Client,
    orders: Orders,
}

/// Serves the shop until told to stop.
///
/// # Errors
/// When the port can't be had.
pub async fn run(listen: SocketAddr, platform: &str, wallet: &str) -> Result<()> {
    let shop = Shop {
        url: format!("http://{listen}"),
        platform: platform.to_owned(),
        wallet: wallet.to_owned(),
        client: reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(5))
            .build()?,
        orders: Orders::default(),
    };
    let router = Router::new()
        .route("/", get(product))
        .route("/buy", post(buy))
        .route("/sample-url", get(sample))
        .route("/callback", get(callback))
        .route("/callback/{receiver}", get(callback_of))
        .route("/cb/{receiver}", post(notified))
        .route("/return", get(back))
        .route("/failed", get(failed))
        .route("/log", get(log))
        .route("/again", post(again))
        .route("/control/answer", post(manner))
        .route("/control/chaos", post(chaos))
        .route("/control/order", post(told))
        .route("/control/callbacks", get(callbacks))
        .route("/healthz", get(|| async { "ok\n" }))
        .with_state(Arc::new(shop));
    serve(listen, router).await
}

async fn product(State(shop): State<Arc<Shop>>) -> Html<String> {
    Html(pages::product(&shop.wallet))
}

/// The buyer's wish: a price in yuan.
#[derive(Deserialize)]
struct Wish {
    yuan: String,
}

async fn buy(State(shop): State<Arc<Shop>>, Form(wish): Form<Wish>) -> Response {
    let Some(fen) = orders::fen(&wish.yuan) else {
        return (StatusCode::BAD_REQUEST, Html(pages::bad_price())).into_response();
    };
    let address = pay_url(&shop, fen);
    (StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response()
}

async fn sample(State(shop): State<Arc<Shop>>) -> String {
    pay_url(&shop, 12_345) + "\n"
}

/// A new order, and the signed address at which it is paid.
fn pay_url(shop: &Shop, fen: i64) -> String {
    let key = shop.orders.open(fen, now_ms());
    let values = [
        ("domainCode", sign::DOMAIN.to_owned()),
        ("requestChannel", "1".to_owned()),
        ("money", fen.to_string()),
        ("info", orders::GOODS.to_owned()),
        ("infoEn", orders::GOODS_EN.to_owned()),
        ("requestKey", key.clone()),
        ("currencyType", "CNY".to_owned()),
        ("pageUrl", format!("{}/return?order={key}", shop.url)),
        ("bgUrl", format!("{}/callback", shop.url)),
        ("dialogOkUrl", format!("{}/return?order={key}", shop.url)),
        ("dialogFailUrl", format!("{}/failed?order={key}", shop.url)),
    ];
    format!("{}/pay.html?{}", shop.platform, sign::signed_query(&values))
}

async fn callback(State(shop): State<Arc<Shop>>, RawQuery(query): RawQuery) -> Response {
    called_back(&shop, query, None).await
}

/// One of many receivers, which can be told to behave otherwise than the others.
async fn callback_of(
    State(shop): State<Arc<Shop>>,
    Path(receiver): Path<u32>,
    RawQuery(query): RawQuery,
) -> Response {
    called_back(&shop, query, Some(receiver)).await
}

/// The platform calls back: verified, compared, logged, answered.
async fn called_back(shop: &Shop, query: Option<String>, receiver: Option<u32>) -> Response {
    let values = sign::decode(query.as_deref().unwrap_or_default());
    let verified = sign::verifies(&values);
    let fits = verified && shop.orders.settle(&values);
    let received = Received::new(values, verified, now_ms());
    match answer(shop, received, fits, receiver).await {
        Some(true) => "success".into_response(),
        Some(false) => "faild".into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// The same for a partner's orders, with a form and a sign of another kind.
async fn notified(
    State(shop): State<Arc<Shop>>,
    Path(receiver): Path<u32>,
    RawQuery(query): RawQuery,
    body: Bytes,
) -> Response {
    let values = partner::fields(query.as_deref().unwrap_or_default(), &body);
    let verified = partner::verifies(&values);
    let fits = verified && partner::sum(&values).is_some_and(|sum| shop.orders.pay(sum));
    let received = Received::new(values, verified, now_ms());
    match answer(&shop, received, fits, Some(receiver)).await {
        Some(true) => Json(json!({"result": "success"})).into_response(),
        Some(false) => Json(json!({"err": "faild"})).into_response(),
        None => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Logs a callback, and says how it is answered: taken, not taken, or not at all.
async fn answer(
    shop: &Shop,
    mut received: Received,
    fits: bool,
    receiver: Option<u32>,
) -> Option<bool> {
    let manner = shop.orders.manner(receiver);
    let (word, taken) = match manner {
        Mode::Success if fits => ("success", Some(true)),
        Mode::Success | Mode::Fail => ("faild", Some(false)),
        Mode::Error => ("error", None),
        Mode::Hang => ("hang", None),
    };
    word.clone_into(&mut received.answer);
    shop.orders.log(received);
    if manner == Mode::Hang {
        tokio::time::sleep(HANG).await;
    }
    taken
}

/// Which order a return page speaks of.
#[derive(Deserialize)]
struct Back {
    #[serde(default)]
    order: String,
}

async fn back(
    State(shop): State<Arc<Shop>>,
    axum::extract::Query(back): axum::extract::Query<Back>,
) -> Html<String> {
    let called_back = shop.orders.is_paid(&back.order);
    let asked = ask_platform(&shop, &back.order).await;
    Html(pages::back(&back.order, called_back, asked.as_deref()))
}

/// A careful shop confirms by queryInfo before it believes.
async fn ask_platform(shop: &Shop, key: &str) -> Option<String> {
    let values = [
        ("domainCode", sign::DOMAIN.to_owned()),
        ("requestKey", key.to_owned()),
    ];
    let query = sign::signed_query(&values);
    let url = format!("{}/pay/api/private/pay/queryInfo?{query}", shop.platform);
    shop.client.get(url).send().await.ok()?.text().await.ok()
}

async fn failed(axum::extract::Query(back): axum::extract::Query<Back>) -> Html<String> {
    Html(pages::failed(&back.order))
}

async fn log(State(shop): State<Arc<Shop>>) -> Html<String> {
    let received = shop.orders.received();
    Html(pages::log(&received, &shop.wallet, &shop.platform))
}

/// The order whose callbacks are wanted again.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Again {
    order_sn: String,
}

/// Asks the platform, which listens to this in development, to call back again.
async fn again(State(shop): State<Arc<Shop>>, Form(again): Form<Again>) -> Response {
    let wish = form_urlencoded::Serializer::new(String::new())
        .append_pair("orderSn", &again.order_sn)
        .finish();
    let asked = shop.client.post(format!("{}/dev/resend", shop.platform));
    let form = asked.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = form.body(wish).send().await;
    match answer {
        Ok(answer) if answer.status().is_success() => {
            (StatusCode::SEE_OTHER, [(LOCATION, "/log")]).into_response()
        }
        _ => (StatusCode::BAD_GATEWAY, Html(pages::not_again())).into_response(),
    }
}

async fn manner(State(shop): State<Arc<Shop>>, Json(manner): Json<Manner>) -> StatusCode {
    shop.orders.behave(manner);
    StatusCode::NO_CONTENT
}

async fn chaos(State(shop): State<Arc<Shop>>, Json(chaos): Json<Chaos>) -> StatusCode {
    shop.orders.behave_at_random(chaos);
    StatusCode::NO_CONTENT
}

/// Somebody who signs for himself made an order in the shop's name.
async fn told(State(shop): State<Arc<Shop>>, Json(told): Json<Told>) -> StatusCode {
    shop.orders.tell(told);
    StatusCode::NO_CONTENT
}

async fn callbacks(State(shop): State<Arc<Shop>>) -> Json<Vec<Received>> {
    Json(shop.orders.received())
}
