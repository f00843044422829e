//! `cargo xtask serve`: everything on this machine, ready to pay.

use crate::folders::target;
use crate::process::{self, Programs};
use crate::site;
use crate::world::{self, World};
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// N for the platform; sandbox, shop and the operator's listener come after it
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u16).range(..=65_532))]
    port: u16,
    /// Where the data lives; else below target
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Builds, starts, prints the addresses, and waits for Ctrl-C.
pub(crate) fn run(Options { port, data }: Options) -> Result<ExitCode> {
    let data = data.map_or_else(|| target("data"), Ok)?;
    let started = Instant::now();
    for port in port..=port + 3 {
        process::check_free(port)?;
    }
    site::build()?;
    let bin = world::build_to_try()?;
    process::note_signals()?;
    let mut programs = Programs::default();
    let world = World {
        bin,
        data,
        port,
        database: None,
        settings: &[],
    };
    world.start(&mut programs)?;
    println!("{}", welcome(&world, started.elapsed())?);
    while !process::told_to_stop() {
        if let Some(name) = programs.ended() {
            bail!("{name} ended; the others are stopped");
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(programs);
    eprintln!("stopped");
    Ok(ExitCode::SUCCESS)
}

fn welcome(world: &World, took: Duration) -> Result<String> {
    let port = world.port;
    let url = process::get(port + 2, "/sample-url")?;
    Ok(format!(
        "\nReady after {:.1} s. Open in a browser:\n\
         \x20 demo shop  http://127.0.0.1:{}/        buy something\n\
         \x20 wallet     http://127.0.0.1:{}/wallet  \"scan\" and pay what the page shows\n\
         \x20 platform   http://127.0.0.1:{port}/pay.html\n\
         \x20 console    http://127.0.0.1:{}/        name dev, password tongfu-development\n\
         A signed address to pay:\n  {}\n\
         For the operator's commands, such as `target/serve/tongfu doctor`:\n\
         \x20 export TONGFU_DATABASE_URL=sqlite:{data}/tongfu.db\n\
         \x20 export TONGFU_ACCOUNTS={data}/sandbox/accounts.toml\n\
         Data: {data}. Ctrl-C stops everything.\n",
        took.as_secs_f32(),
        port + 2,
        port + 1,
        port + 3,
        url.trim(),
        data = world.data.display(),
    ))
}
