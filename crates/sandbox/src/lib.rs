//! The world outside, faked at the wire: the gateways of WeChat Pay, Alipay, ChinaPay, PayPal and Apay with
//! a wallet and a control interface, and a demo shop. Written from the channels'
//! documents alone; it depends on none of the product's crates, so that two
//! sides that share a bug can't agree with each other.

pub mod gateway;
pub mod shop;

mod alipay;
mod apay;
mod book;
mod calls;
mod chaos;
mod chinapay;
mod control;
mod face;
mod fault;
mod keyring;
mod keys;
mod memory;
mod notify;
mod paypal;
mod robot;
mod text;
mod wallet;
mod wechat;
mod world;

use anyhow::{Context, Result};
use axum::Router;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;

/// Serves until SIGINT or SIGTERM.
async fn serve(listen: SocketAddr, router: Router) -> Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!(
            "port {} can't be taken: is another program using it?",
            listen.port()
        )
    })?;
    tracing::info!(%listen, "serving");
    tokio::select! {
        served = axum::serve(listener, router).into_future() => served.context("serving"),
        () = told_to_stop() => Ok(()),
    }
}

async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminated) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

/// Now, ms since 1970.
fn now_ms() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// Random letters and digits.
fn random_text(length: usize) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    let mut bytes = vec![0; length];
    // Without random numbers the sandbox's secrets are guessable; it is a sandbox.
    let _ = getrandom::fill(&mut bytes);
    bytes
        .iter()
        .map(|byte| char::from(ALPHABET[usize::from(*byte) % ALPHABET.len()]))
        .collect()
}
