//! The command line.

pub(crate) mod callback;
pub(crate) mod channel;
pub(crate) mod database;
pub(crate) mod doctor;
pub(crate) mod domain;
pub(crate) mod find;
pub(crate) mod health;
pub(crate) mod order;
pub(crate) mod partner;
pub(crate) mod payee;
pub(crate) mod sign;

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Tongfu (统付): one checkout for every business system.
#[derive(Parser)]
#[command(name = "tongfu", version)]
pub(crate) struct Cli {
    /// A configuration file; what it leaves out keeps its default.
    #[arg(long, env = "TONGFU_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Serves the platform.
    Serve {
        /// With the development domains, on loopback only.
        #[arg(long)]
        dev: bool,
    },
    /// Brings the database up to date.
    Migrate,
    /// Business systems: their codes, secrets and settings.
    #[command(subcommand)]
    Domain(domain::Command),
    /// Partners, who speak Apay's interface: their ids, keys and settings.
    #[command(subcommand)]
    Partner(partner::Command),
    /// Orders: their story, refunds, and money at risk.
    #[command(subcommand)]
    Order(order::Command),
    /// Callbacks to business systems: parked ones, and sending again.
    #[command(subcommand)]
    Callback(callback::Command),
    /// Channel accounts: whether their keys and settings are right.
    #[command(subcommand)]
    Channel(channel::Command),
    /// The books as a whole: how far they have come, and books that have gone back.
    #[command(subcommand)]
    Database(database::Command),
    /// Takes away payloads of what was done long ago: raw notifies, codes, openids, tries,
    /// stories' details. What is asked or told again is known as before.
    Prune {
        /// Done and untouched for so long: 400d.
        #[arg(long, value_parser = domain::duration_s)]
        older: i64,
    },
    /// Whether the instance of this configuration is ready: 0, or 1 and why not.
    Health,
    /// Looks over the whole instance: orders' stories, states, keys, clock, callbacks.
    Doctor(doctor::Options),
    /// The sign doctor: says which values of an address or query are signed, in
    /// which order, and which form of the sign holds.
    Sign(sign::Command),
}
