//! The command line.

pub(crate) mod act;
pub(crate) mod alarm;
mod by_two;
pub(crate) mod callback;
pub(crate) mod channel;
pub(crate) mod database;
pub(crate) mod doctor;
pub(crate) mod domain;
pub(crate) mod epay;
pub(crate) mod find;
pub(crate) mod golive;
pub(crate) mod health;
pub(crate) mod help;
pub(crate) mod listen;
pub(crate) mod notify;
pub(crate) mod operator;
pub(crate) mod order;
pub(crate) mod partner;
pub(crate) mod secrets;
mod shown;
pub(crate) mod sign;
mod tries;
pub(crate) mod trigger;

use checkout::NotDone;
use clap::{Parser, Subcommand};
use payment::lang::Lang;
use std::path::PathBuf;

/// Tongfu (统付): one checkout for every business system.
#[derive(Parser)]
#[command(name = "tongfu", version)]
pub(crate) struct Cli {
    /// A configuration file; what it leaves out keeps its default.
    #[arg(long, env = "TONGFU_CONFIG", global = true)]
    pub(crate) config: Option<PathBuf>,
    /// Who does it, for the record of what operators do; by default the system's user.
    #[arg(long = "as", value_name = "NAME", global = true)]
    pub(crate) by: Option<String>,
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
    Migrate {
        /// Says what that would change, and who must be stopped first, and changes nothing.
        #[arg(long)]
        dry_run: bool,
    },
    /// Business systems: their codes, secrets and settings.
    #[command(subcommand)]
    Domain(domain::Command),
    /// Partners, who speak Apay's interface: their ids, keys and settings.
    #[command(subcommand)]
    Partner(partner::Command),
    /// Business systems that speak epay (易支付): their pids, keys and settings.
    #[command(subcommand)]
    Epay(epay::Command),
    /// Orders: their story, refunds, and money at risk.
    #[command(subcommand)]
    Order(order::Command),
    /// Callbacks to business systems: parked ones, and sending again.
    #[command(subcommand)]
    Callback(callback::Command),
    /// Tries out a business system's receiver with an order that nobody pays: right
    /// callbacks, one with a wrong sign, one with a wrong sum, a repeat, two at once. 0 only
    /// where each was answered as it must be.
    Golive(golive::Command),
    /// With `serve --dev`: makes an order and takes it to a state, so that a receiver gets a
    /// genuine callback.
    Trigger(trigger::Command),
    /// Has a business system's callbacks come to your own machine, behind any NAT: as copies,
    /// while an operator has them relayed (`domain set --relay-until`); of `serve --dev` as
    /// their delivery. Ctrl-C ends it.
    Listen(listen::Command),
    /// Notifies: what channels sent, and which order it is about.
    #[command(subcommand)]
    Notify(notify::Command),
    /// Channel accounts: whether their keys and settings are right.
    #[command(subcommand)]
    Channel(channel::Command),
    /// The books as a whole: how far they have come, and books that have gone back.
    #[command(subcommand)]
    Database(database::Command),
    /// Secrets at rest: the keys that they are kept by.
    #[command(subcommand)]
    Secrets(secrets::Command),
    /// Operators of the console: their roles and what they prove themselves by.
    #[command(subcommand)]
    Operator(operator::Command),
    /// What operators did, each act under a name.
    #[command(subcommand)]
    Act(act::Command),
    /// Alarms by message: whether they arrive.
    #[command(subcommand)]
    Alarm(alarm::Command),
    /// Takes away payloads of what was done long ago: raw notifies, codes, openids, tries,
    /// stories' details. What is asked or told again is known as before.
    Prune {
        /// Done and untouched for so long: 400d.
        #[arg(long, value_parser = crate::settings::duration_s)]
        older: i64,
    },
    /// Whether the instance of this configuration is ready: 0, or 1 and why not.
    Health,
    /// Looks over the whole instance: orders' stories, states, keys, clock, callbacks.
    Doctor(doctor::Options),
    /// Prints what a shell completes words by: bash, zsh, fish, elvish, powershell.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Writes manual pages into a folder, one for each command.
    Man {
        /// The folder.
        folder: PathBuf,
    },
    /// The sign clinic: says which values of what is given are signed, in which order, in
    /// which form the sign holds, and what was done otherwise.
    Sign(sign::Command),
}

impl Command {
    /// Whether it needs settings: what does not works before they are written.
    pub(crate) fn reads_settings(&self) -> bool {
        !matches!(
            self,
            Self::Secrets(secrets::Command::Key) | Self::Completions { .. } | Self::Man { .. }
        )
    }

    /// Whether it changes something that the record of operators' acts tells of.
    pub(crate) fn is_act(&self) -> bool {
        match self {
            Self::Domain(command) => !matches!(
                command,
                domain::Command::List | domain::Command::Show { .. }
            ),
            Self::Partner(command) => !matches!(
                command,
                partner::Command::List | partner::Command::Show { .. }
            ),
            Self::Epay(command) => {
                !matches!(command, epay::Command::List | epay::Command::Show { .. })
            }
            Self::Order(command) => !matches!(
                command,
                order::Command::Show { .. }
                    | order::Command::Find { .. }
                    | order::Command::Totals { .. }
                    | order::Command::Refunds { .. }
                    | order::Command::List { .. }
            ),
            Self::Callback(command) => {
                !matches!(command, callback::Command::List | callback::Command::Parked)
            }
            Self::Database(command) => !matches!(command, database::Command::Show { .. }),
            Self::Secrets(command) => {
                !matches!(command, secrets::Command::Show | secrets::Command::Key)
            }
            Self::Channel(command) => !matches!(
                command,
                channel::Command::Check { .. } | channel::Command::List
            ),
            Self::Operator(command) => !matches!(command, operator::Command::List),
            Self::Notify(command) => !matches!(command, notify::Command::Show { .. }),
            Self::Golive(_) | Self::Trigger(_) | Self::Prune { .. } => true,
            Self::Serve { .. }
            | Self::Migrate { .. }
            | Self::Act(_)
            | Self::Alarm(_)
            | Self::Health
            | Self::Listen(_)
            | Self::Doctor(_)
            | Self::Completions { .. }
            | Self::Man { .. }
            | Self::Sign(_) => false,
        }
    }
}

/// Why an act was not done, for who typed it.
fn untold(not_done: NotDone) -> anyhow::Error {
    anyhow::anyhow!(not_done.text(Lang::En))
}
