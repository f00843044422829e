//! `sandbox gateway`, `sandbox keys`, `sandbox shop`.

use clap::{Parser, Subcommand};
use sandbox::{gateway, shop};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// The world outside Tongfu, for development and tests.
#[derive(Parser)]
#[command(name = "sandbox", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The payment channels' side, with wallet and control interface.
    Gateway {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:3001")]
        listen: SocketAddr,
        /// Where keys and book are kept.
        #[arg(long)]
        data: PathBuf,
        /// Delays between the tries of a notify, ms; the documents' own by default.
        #[arg(long, value_delimiter = ',')]
        notify_schedule_ms: Option<Vec<u64>>,
    },
    /// Makes the keys and the platform's accounts file, and ends.
    Keys {
        /// The gateway's address, as the platform reaches it.
        #[arg(long)]
        base: String,
        /// Where keys and book are kept.
        #[arg(long)]
        data: PathBuf,
    },
    /// A small business system that sells something.
    Shop {
        /// Where it listens.
        #[arg(long, default_value = "127.0.0.1:3002")]
        listen: SocketAddr,
        /// The platform's address.
        #[arg(long, default_value = "http://127.0.0.1:3000")]
        platform: String,
        /// The wallet's address, for its links.
        #[arg(long, default_value = "http://127.0.0.1:3001/wallet")]
        wallet: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    let done = match Cli::parse().command {
        Command::Gateway {
            listen,
            data,
            notify_schedule_ms,
        } => gateway::run(listen, &data, notify_schedule_ms).await,
        Command::Keys { base, data } => gateway::make_keys(&base, &data),
        Command::Shop {
            listen,
            platform,
            wallet,
        } => shop::run(listen, &platform, &wallet).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sandbox: {error:#}");
            ExitCode::FAILURE
        }
    }
}
