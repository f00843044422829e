//! The project's commands: `cargo xtask serve`, `test`, and what `cargo xtask help` lists.

mod bench;
mod browser;
mod cells;
mod chaos;
mod clients;
mod cluster;
mod database;
mod folders;
mod full;
mod fuzz;
mod package;
mod packaging;
mod page_speed;
mod peers;
mod process;
mod serve;
mod siege;
mod sign;
mod site;
mod size;
mod step;
mod test;
mod tidy;
mod tools;
mod wire;
mod world;

use anyhow::Result;
use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// The project's commands.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build, and start platform, sandbox, shop and the operator's listener
    Serve(serve::Options),
    /// Pass every test; ends with `N passed, N failed`
    Test,
    /// The page, and the program with it as it is released, in target/release
    Build,
    /// What stands in packaging/, by the programs that it is made for
    Packaging,
    /// The Debian package and its bill of materials; installed, upgraded, removed
    Package,
    /// Kill the platform under load, and compare three books
    Chaos(chaos::Wish),
    /// Three machines with etcd, Patroni and PostgreSQL, and instances behind nginx on them
    Cluster,
    /// The bytes of the page, against their limits
    Size(size::Options),
    /// Lighthouse on the page, and on one of the kind that it replaces
    PageSpeed,
    /// Ours beside the least that a program of its kind does, in one run
    Bench(bench::Options),
    /// What everything costs as the book grows
    Scale(bench::scale::Options),
    /// A day of ten million payments over cells, reckoned from what was measured
    Cells(cells::Options),
    /// What is slow and rare: the page's main flows in WebKit and Firefox
    Full,
    /// Strangers who cost us, beside a payer who pays
    Siege,
    /// Programs of others against the sandbox
    Peers,
    /// The sample clients and the guide's code at the real server
    Clients,
    /// Fuzz the readers of outside bytes
    Fuzz(fuzz::Options),
    /// What is cited is there; lengths, idle dependencies, subjects of commits
    Tidy,
}

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<ExitCode> {
    std::env::set_current_dir(folders::root())?;
    match task {
        Task::Serve(options) => serve::run(options),
        Task::Test => test::run(),
        Task::Build => build(),
        Task::Packaging => packaging::run(),
        Task::Package => package::run(),
        Task::Chaos(wish) => chaos::run(&wish),
        Task::Cluster => chaos::cluster(),
        Task::Size(options) => size::run(&options).map(|()| ExitCode::SUCCESS),
        Task::Bench(options) => bench::run(&options),
        Task::Scale(options) => bench::scale::run(&options),
        Task::Cells(options) => cells::run(&options),
        Task::PageSpeed => page_speed::run(),
        Task::Full => full::run(),
        Task::Siege => siege::run(),
        Task::Peers => peers::run(),
        Task::Clients => clients::run(),
        Task::Fuzz(options) => fuzz::run(options),
        Task::Tidy => tidy::run(),
    }
}

/// What is shipped: one program, which holds the page.
fn build() -> Result<ExitCode> {
    site::build()?;
    let folder = world::build_release(&[])?;
    println!("{}", folder.join("tongfu").display());
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_commands_are_read() {
        for line in [
            "serve --port 3100 --data target/x",
            "chaos --kills 30 --orders 600 --database postgres --failover --seed 2028",
            "chaos --cluster --kills 60 --orders 3000 --older target/older/tongfu",
            "fuzz --seconds 60 pairs",
            "page-speed",
        ] {
            let words = ["xtask"].into_iter().chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
        assert!(Cli::try_parse_from(["xtask", "serve", "--port", "65533"]).is_err());
        assert!(Cli::try_parse_from(["xtask", "chaos", "--failover"]).is_ok());
    }
}
