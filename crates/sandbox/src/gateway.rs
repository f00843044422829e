//! The gateway process: its routes, and how it starts.

use crate::book::Channel;
use crate::calls::{self, Calls};
use crate::clock::now_ms;
use crate::face::Face;
use crate::keyring::{self, Keys};
use crate::serve::serve;
use crate::world::World;
use crate::{alipay, apay, chinapay, control, paypal, robot, wallet, wechat};
use anyhow::Result;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{get, post};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

/// Makes keys and accounts file where they are missing.
///
/// # Errors
/// When a key can't be made or a file can't be written.
pub fn make_keys(base: &str, data: &Path) -> Result<()> {
    keyring::open(base, data).map(|_| ())
}

/// The gateway's routes over its world: for tests that run it in their process.
///
/// # Errors
/// When keys or book can't be opened.
pub fn router(base: &str, data: &Path, schedule_ms: Option<Vec<u64>>) -> Result<Router> {
    let keys = keyring::open(base, data)?;
    routes(keys, data, schedule_ms)
}

/// Serves the gateway until told to stop.
///
/// # Errors
/// When keys, book or port can't be had.
pub async fn run(listen: SocketAddr, data: &Path, schedule_ms: Option<Vec<u64>>) -> Result<()> {
    serve(
        listen,
        router(&format!("http://{listen}"), data, schedule_ms)?,
    )
    .await
}

/// The gateway of a channel, as far as all are alike.
fn face(channel: Channel) -> &'static dyn Face {
    match channel {
        Channel::Wechat => &wechat::notice::Notices,
        Channel::Alipay => &alipay::notice::Notices,
        Channel::ChinapayOld => &chinapay::notice::Notices,
        Channel::Paypal => &paypal::notice::Notices,
        Channel::Apay => &apay::notice::Notices,
    }
}

fn routes(keys: Keys, data: &Path, schedule_ms: Option<Vec<u64>>) -> Result<Router> {
    let world = Arc::new(World::open(keys, data, schedule_ms, face, now_ms())?);
    let calls = Calls::default();
    let counted = Router::new()
        .route("/control/calls", get(calls::list))
        .with_state(calls.clone());
    Ok(Router::new()
        .route("/wallet", get(wallet::list))
        .route("/wallet/scan", get(wallet::scan))
        .route("/wallet/act", post(wallet::act))
        .route("/control/orders", get(control::orders))
        .route("/control/notifies", get(control::notifies))
        .route("/control/pay", post(control::pay))
        .route("/control/decline", post(control::decline))
        .route("/control/expire", post(control::expire))
        .route("/control/refund", post(control::refund))
        .route("/control/reverse", post(control::reverse))
        .route("/control/oauth-domain", post(control::oauth_domain))
        .route("/control/finish-refund", post(control::finish_refund))
        .route("/control/fault", post(control::fault))
        .route("/control/forget", post(control::forget))
        .route("/control/chaos", post(control::chaos))
        .route("/control/reset", post(control::reset))
        .route(
            "/alipay/gateway.do",
            get(alipay::gateway).post(alipay::gateway),
        )
        .route("/alipay/act", post(alipay::act))
        .nest("/chinapay", chinapay::routes())
        .nest("/paypal", paypal::routes())
        .nest("/apay", apay::routes())
        .route("/connect/oauth2/authorize", get(wechat::oauth::authorize))
        .route("/sns/oauth2/access_token", get(wechat::oauth::exchange))
        .route("/sns/userinfo", get(wechat::oauth::userinfo))
        .route(
            "/wallet/jsapi",
            post(wechat::bridge::invoke).options(wechat::bridge::allow),
        )
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(wechat::call)
        .with_state(world)
        .merge(counted)
        .merge(robot::routes())
        .layer(from_fn_with_state(calls, calls::count)))
}
