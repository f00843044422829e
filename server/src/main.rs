//! `tongfu`: the checkout, its database and its operator's commands.

mod accounts;
mod acts;
mod alarms;
mod business;
mod channel;
mod cli;
mod clock;
mod config;
mod console;
mod developer;
#[cfg(test)]
mod docs;
mod ends;
mod heads;
mod issue;
mod limits;
mod listen;
mod log;
mod operator;
mod payer;
mod rates;
mod relay;
mod reload;
mod routes;
mod serve;
mod settings;
mod state;
mod table;
mod traces;
mod typed;
mod worker;
mod zone;

use clap::Parser;
use cli::{Cli, Command};
use config::Config;
use std::path::PathBuf;

/// Each answer is made of some hundred small pieces, on any thread
/// (docs/performance.md).
#[cfg(not(debug_assertions))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
/// Counted where the program is built to be tested (docs/performance.md, Counts).
#[cfg(debug_assertions)]
#[global_allocator]
static ALLOCATOR: heapster::Heapster<mimalloc::MiMalloc> =
    heapster::Heapster::new(mimalloc::MiMalloc);

#[tokio::main]
async fn main() {
    let cli = Cli::parse();
    let code = match run(cli).await {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("tongfu: {error:#}");
            1
        }
    };
    // Its runtime would wait for a file that hangs.
    std::process::exit(code)
}

async fn run(cli: Cli) -> anyhow::Result<()> {
    if !matches!(cli.command, Command::Serve { .. }) {
        // `tongfu order list | head` ends as other programs do.
        sigpipe::reset();
    }
    let file = cli.config.filter(|_| cli.command.reads_settings());
    let config = Config::load(file.as_deref())?;
    if !matches!(cli.command, Command::Serve { .. }) {
        for name in config::unknown_names() {
            eprintln!("tongfu: {name} is no setting, and is passed over");
        }
    }
    config.zone.set();
    let by = cli::act::name(cli.by.as_deref(), &config::system_user())?;
    let is_act = cli.command.is_act();
    let done = done(&config, file, &by, cli.command);
    if !is_act {
        return done.await;
    }
    let words = std::env::args_os().skip(1);
    let words: Vec<String> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    cli::act::recorded(&config, &by, &words, done).await
}

async fn done(
    config: &Config,
    file: Option<PathBuf>,
    by: &str,
    command: Command,
) -> anyhow::Result<()> {
    match command {
        Command::Serve { dev } => serve::serve(config.clone(), file, dev).await,
        Command::Migrate { dry_run: true } => serve::tell_pending(config).await,
        Command::Migrate { dry_run: false } => serve::migrate(config).await,
        Command::Domain(command) => cli::domain::run(config, command).await,
        Command::Epay(command) => cli::epay::run(config, command).await,
        Command::Operator(command) => cli::operator::run(config, command).await,
        Command::Partner(command) => cli::partner::run(config, command).await,
        Command::Order(command) => cli::order::run(config, command).await,
        Command::Callback(command) => cli::callback::run(config, command).await,
        Command::Trigger(command) => cli::trigger::run(config, command).await,
        Command::Listen(command) => cli::listen::run(config, command).await,
        Command::Golive(command) => cli::golive::run(config, command).await,
        Command::Notify(command) => cli::notify::run(config, command).await,
        Command::Channel(command) => cli::channel::run(config, command).await,
        Command::Database(command) => cli::database::run(config, by, command).await,
        Command::Act(command) => cli::act::run(config, command).await,
        Command::Alarm(command) => cli::alarm::run(config, &command).await,
        Command::Secrets(command) => cli::secrets::run(config, command).await,
        Command::Prune { older } => cli::database::prune(config, older).await,
        Command::Health => cli::health::run(config).await,
        Command::Doctor(options) => cli::doctor::run(config, &options).await,
        Command::Completions { shell } => cli::help::completions(shell),
        Command::Man { folder } => cli::help::man(&folder),
        Command::Sign(command) => cli::sign::run(config, &command).await,
    }
}
