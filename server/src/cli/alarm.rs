//! `tongfu alarm test` (docs/operating.md, Alarms by message).

use crate::alarms::Bell;
use crate::config::Config;
use anyhow::{Context, Result};
use clap::Subcommand;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Sends a message to where alarms are sent.
    Test,
}

pub(crate) async fn run(config: &Config, command: &Command) -> Result<()> {
    match command {
        Command::Test => {
            let bell = Bell::new(config)?.context("alarm_url is not set")?;
            bell.test().await?;
            println!("taken");
            Ok(())
        }
    }
}
