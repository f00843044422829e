//! The server functions, at the documented paths (docs/protocol.md, Paths). Each takes
//! its values from the raw pairs of the request, since the sign covers values
//! in order and with repeats; the logic stands in `checkout`.

use crate::headers;
use checkout::{Browser, Checkout, Failure, Place, Poll, Scene, Start, links};
use http::header::{HeaderName, HeaderValue};
use http::request::Parts;
use leptos::prelude::*;
use leptos::server_fn::codec::{GetUrl, Json};
use payment::channel::Channel;
use payment::domain::Domain;
use payment::envelope::{Envelope, PayObj, PayType, PaymentInfo, RefundInfo};
use payment::errcode::ErrCode;
use payment::lang::Lang;
use payment::pairs::Pairs;
use payment::refusal::Refusal;
use payment::request::PayRequest;
use payment::verify::Verified;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the server puts beside a request for the server functions: its values
/// as they came, and the language that the caller wishes.
#[derive(Clone, Debug)]
pub struct Call {
    /// The raw decoded pairs of query and body.
    pub pairs: Pairs,
    /// The language of errormsg.
    pub lang: Lang,
    /// The caller's browser.
    pub browser: Browser,
    /// What our own page says of itself, where it calls.
    pub page: Option<OwnPage>,
}

/// Our own page, as it starts a payment.
#[derive(Clone, Debug)]
pub struct OwnPage {
    /// The payer's pick.
    pub pick: Channel,
    /// The payer's openid under each account whose cookie he has.
    pub openids: BTreeMap<String, String>,
}

/// `pay-types`: the channels of a domain [PC支付请求支付类型接口].
#[server(prefix = "/pay/api", endpoint = "pc/pay-types", input = GetUrl, output = Json)]
pub async fn pay_types() -> Result<Envelope<Vec<PayType>>, ServerFnError> {
    let (checkout, call) = context()?;
    let channels = checkout.pay_types_named(&call.pairs, call.browser).await;
    let entries = channels.map(|channels| {
        let entry = |channel: Channel| PayType {
            pay_type_code: channel.code().to_owned(),
            pay_type_name: channel.name().to_owned(),
        };
        Some(channels.into_iter().map(entry).collect())
    });
    Ok(envelope(entries, call.lang))
}

/// `pc/pay`: starts a payment; `obj` is the WeChat code, or a form that submits
/// itself [PC支付请求接口].
#[server(prefix = "/pay/api", endpoint = "pc/pay", input = Json, output = Json)]
pub async fn pc_pay() -> Result<Envelope<PayObj>, ServerFnError> {
    let (checkout, call) = context()?;
    Ok(envelope(
        start(&checkout, &call, Scene::Pc).await,
        call.lang,
    ))
}

/// `h5/pay`: as `pc/pay`; for WeChat `obj` is the bridge's parameters
/// [H5支付请求接口].
#[server(prefix = "/pay/api", endpoint = "h5/pay", input = Json, output = Json)]
pub async fn h5_pay() -> Result<Envelope<PayObj>, ServerFnError> {
    let (checkout, call) = context()?;
    Ok(envelope(
        start(&checkout, &call, Scene::H5).await,
        call.lang,
    ))
}

/// `pc/wechatQuery`: whether the request is paid [PC微信支付查询结果接口].
#[server(prefix = "/pay/api", endpoint = "pc/wechatQuery", input = GetUrl, output = Json)]
pub async fn wechat_query() -> Result<Envelope<bool>, ServerFnError> {
    let (checkout, call) = context()?;
    Ok(counted(match checkout.poll(&call.pairs).await {
        Poll::Paid => {
            let name = |name: &str| call.pairs.get(name).unwrap_or_default().to_owned();
            let (domain, key) = (name("domainCode"), name("requestKey"));
            if checkout.holds(&domain, &key).await {
                tell(headers::HOLD, "1");
            }
            Envelope::success(None, call.lang)
        }
        Poll::Failed(failure) if failure.wait_s().is_some() => {
            tell_wait(&failure);
            keep_polling(call.lang)
        }
        Poll::Failed(failure) => refused(&failure, call.lang),
        Poll::Waiting => keep_polling(call.lang),
        Poll::Open(order_sn) => {
            tell(headers::ATTEMPT, &order_sn);
            keep_polling(call.lang)
        }
        Poll::Ended => {
            tell(headers::ATTEMPT, "ended");
            keep_polling(call.lang)
        }
    }))
}

fn keep_polling(lang: Lang) -> Envelope<bool> {
    Envelope::error(ErrCode::KeepPolling, ErrCode::KeepPolling.message(lang))
}

/// `query`: whether a payment was made [支付查询接口].
#[server(prefix = "/pay/api", endpoint = "private/pay/query", input = GetUrl, output = Json)]
pub async fn query() -> Result<Envelope<bool>, ServerFnError> {
    let (checkout, call) = context()?;
    Ok(envelope(
        checkout.query(&call.pairs).await.map(Some),
        call.lang,
    ))
}

/// `queryInfo`: the payment that was made, or null [支付查询接口].
#[server(prefix = "/pay/api", endpoint = "private/pay/queryInfo", input = GetUrl, output = Json)]
pub async fn query_info() -> Result<Envelope<PaymentInfo>, ServerFnError> {
    let (checkout, call) = context()?;
    Ok(envelope(checkout.query_info(&call.pairs).await, call.lang))
}

/// `refund`: gives money back, and says how that stands (ours; HMAC only).
#[server(prefix = "/pay/api", endpoint = "private/pay/refund", input = Json, output = Json)]
pub async fn refund() -> Result<Envelope<RefundInfo>, ServerFnError> {
    let (checkout, call) = context()?;
    Ok(envelope(
        checkout.refund_asked(&call.pairs).await.map(Some),
        call.lang,
    ))
}

/// `close`: makes sure that a request is not paid any more (ours; HMAC only).
#[server(prefix = "/pay/api", endpoint = "private/pay/close", input = Json, output = Json)]
pub async fn close() -> Result<Envelope<bool>, ServerFnError> {
    let (checkout, call) = context()?;
    Ok(envelope(
        checkout.close_asked(&call.pairs).await.map(|()| None),
        call.lang,
    ))
}

async fn start(
    checkout: &Arc<Checkout>,
    call: &Call,
    scene: Scene,
) -> Result<Option<PayObj>, Failure> {
    let (domain, request) = checkout.verified(&call.pairs).await?;
    if let Some(page) = &call.page {
        return start_from(page, checkout, call, scene, (&domain, &request)).await;
    }
    let channel = request.pay_type.ok_or(Refusal::missing("payTypeCode"))?;
    let openid = request.openid.clone().filter(|_| scene == Scene::H5);
    let place = Place {
        scene,
        browser: call.browser,
        openid,
        own_page: false,
    };
    let attempt = checkout
        .pay(&domain, &request, Start { channel, place })
        .await?;
    Ok(checkout.obj_for_others(&attempt).map(PayObj::from))
}

/// The same for our own page, which is told where the attempt's page is: nothing else
/// reaches it.
async fn start_from(
    page: &OwnPage,
    checkout: &Arc<Checkout>,
    call: &Call,
    scene: Scene,
    (domain, request): (&Domain, &Verified<PayRequest>),
) -> Result<Option<PayObj>, Failure> {
    let account = checkout.openid_account(domain);
    let openid = account.and_then(|account| page.openids.get(&account).cloned());
    let start = Start {
        channel: page.pick,
        place: Place {
            scene,
            browser: call.browser,
            openid: openid.filter(|_| scene == Scene::H5),
            own_page: true,
        },
    };
    let attempt = checkout.pay(domain, request, start).await?;
    let page = links::in_lang(links::attempt(&attempt), request.lang);
    tell(headers::PAGE, &page);
    Ok(None)
}

fn context() -> Result<(Arc<Checkout>, Arc<Call>), ServerFnError> {
    let missing = || ServerFnError::new("the server gave no context");
    let parts = use_context::<Parts>().ok_or_else(missing)?;
    let call = parts
        .extensions
        .get::<Arc<Call>>()
        .cloned()
        .ok_or_else(missing)?;
    Ok((use_context::<Arc<Checkout>>().ok_or_else(missing)?, call))
}

fn envelope<T>(answer: Result<Option<T>, Failure>, lang: Lang) -> Envelope<T>
where
    T: Serialize + DeserializeOwned,
{
    counted(match answer {
        Ok(obj) => Envelope::success(obj, lang),
        Err(failure) => refused(&failure, lang),
    })
}

fn counted<T>(envelope: Envelope<T>) -> Envelope<T> {
    checkout::answered("platform", &envelope.errcode);
    envelope
}

/// An error's envelope; causes of our own were not the caller's, and are logged.
fn refused<T>(failure: &Failure, lang: Lang) -> Envelope<T> {
    tracing::info!(errcode = failure.code().code(), cause = %failure, "request refused");
    tell_wait(failure);
    Envelope::error(failure.code(), failure.text(lang))
}

/// Says when the call may come again, where there were too many.
fn tell_wait(failure: &Failure) {
    if let Some(wait_s) = failure.wait_s() {
        tell("retry-after", &wait_s.to_string());
    }
}

fn tell(name: &'static str, text: &str) {
    let Ok(value) = HeaderValue::from_str(text) else {
        return;
    };
    expect_context::<leptos_axum::ResponseOptions>()
        .insert_header(HeaderName::from_static(name), value);
}
