//! Serves until it is told to stop.

use anyhow::{Context, Result};
use axum::Router;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Serves until SIGINT or SIGTERM.
pub(crate) async fn serve(listen: SocketAddr, router: Router) -> Result<()> {
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
