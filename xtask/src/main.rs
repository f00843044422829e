//! The project's commands: `cargo xtask serve`, `test`, `chaos`, `size`, `page-speed`.

mod browser;
mod chaos;
mod database;
mod fuzz;
mod page_speed;
mod peers;
mod process;
mod serve;
mod siege;
mod site;
mod size;
mod step;
mod test;
mod tidy;
mod tools;
mod world;

use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

const USAGE: &str = "usage: cargo xtask COMMAND
  serve [--port N] [--data DIR]   build, and start platform, sandbox and shop on N, N+1, N+2 (3000),
                                  the operator's listener on N+3
  test                            pass every test; ends with `N passed, N failed`
  chaos [--kills N] [--orders N]  kill the platform under load, and compare three books (20, 400)
        [--database sqlite|postgres] [--seed S] [--failover]
  size                            the bytes of the page, against their limits
  page-speed                      Lighthouse on the page, and on one of the kind that it replaces
  siege                           strangers who cost us, beside a payer who pays
  peers                           programs of others against the sandbox
  fuzz [--seconds N] [TARGET…]    fuzz the readers of outside bytes, each for N seconds (600)
  tidy                            what comments and pages cite is there; lengths of files
  wasm-target                     find or set up the WebAssembly target";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<ExitCode> {
    std::env::set_current_dir(root())?;
    match args.split_first() {
        Some((command, rest)) if command == "serve" => serve::run(rest),
        Some((command, [])) if command == "test" => test::run(),
        Some((command, rest)) if command == "chaos" => chaos::run(rest),
        Some((command, [])) if command == "wasm-target" => {
            tools::wasm_build().map(|_| ExitCode::SUCCESS)
        }
        Some((command, [])) if command == "page-speed" => page_speed::run(),
        Some((command, [])) if command == "peers" => peers::run(),
        Some((command, [])) if command == "siege" => siege::run(),
        Some((command, rest)) if command == "fuzz" => fuzz::run(rest),
        Some((command, [])) if command == "tidy" => tidy::run(),
        Some((command, [])) if command == "size" => size::run().map(|()| ExitCode::SUCCESS),
        _ => bail!("{USAGE}"),
    }
}

/// The root of the checkout.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// A folder below `target`, made where it is missing.
fn target(name: &str) -> Result<PathBuf> {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    let target = target.map_or_else(|| root().join("target"), PathBuf::from);
    let folder = target.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
