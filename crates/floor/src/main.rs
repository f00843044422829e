//! The least that a server of its kind does: programs with nothing in them, beside
//! which `cargo xtask bench` measures ours in the same run (docs/performance.md).

mod writes;

use anyhow::{Context, Result};
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use clap::{Parser, Subcommand};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::net::TcpListener;

/// What a poll of an unpaid request is answered.
const KEEP_POLLING: &str =
    r#"{"success":false,"errcode":"30000","errormsg":"请继续轮询","data":null}"#;

/// Servers with nothing in them, to measure others against.
#[derive(Parser)]
struct Cli {
    /// Where it listens.
    #[arg(long)]
    listen: SocketAddr,
    #[command(subcommand)]
    kind: Kind,
}

#[derive(Subcommand)]
enum Kind {
    /// Answers one constant JSON, whatever is asked.
    Constant,
    /// Takes callbacks and counts them: `/count` tells how many
    Receiver,
    /// Takes calls, and never answers
    Hung,
    /// Writes the rows of a payment that begins, whatever is asked
    Writes {
        /// `sqlite:PATH?mode=rwc` or `postgres://…`.
        #[arg(long)]
        database: String,
        /// Where its tables are, in a server that others use too.
        #[arg(long)]
        schema: String,
        /// Those who wait are committed together.
        #[arg(long)]
        batched: bool,
    },
}

#[tokio::main]
async fn main() -> Result<()> {
    let cli = Cli::parse();
    let listener = TcpListener::bind(cli.listen).await.context("listening")?;
    let router = match cli.kind {
        Kind::Constant => constant(),
        Kind::Receiver => receiver(),
        Kind::Hung => Router::new().fallback(std::future::pending::<()>),
        Kind::Writes {
            database,
            schema,
            batched,
        } => writes::router(&database, &schema, batched).await?,
    };
    axum::serve(listener, router).await.context("serving")
}

fn constant() -> Router {
    Router::new().fallback(|| async { ([(CONTENT_TYPE, "application/json")], KEEP_POLLING) })
}

fn receiver() -> Router {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let count = || async { TAKEN.load(Ordering::Relaxed).to_string() };
    let take = || async {
        TAKEN.fetch_add(1, Ordering::Relaxed);
        "success"
    };
    Router::new().route("/count", get(count)).fallback(take)
}
