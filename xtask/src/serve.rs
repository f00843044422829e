//! `cargo xtask serve`: everything on this machine, ready to pay.

use crate::process::{self, Programs};
use crate::step::step;
use crate::world::{self, World};
use crate::{site, target};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

struct Options {
    port: u16,
    data: PathBuf,
}

impl Options {
    fn read(args: &[String]) -> Result<Self> {
        let mut options = Self {
            port: 3000,
            data: target("data")?,
        };
        let mut args = args.iter();
        while let Some(name) = args.next() {
            let value = args
                .next()
                .with_context(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--port" => options.port = value.parse().context("--port takes a number")?,
                "--data" => options.data = PathBuf::from(value),
                _ => bail!("serve takes --port N and --data DIR, not {name}"),
            }
        }
        if options.port > u16::MAX - 3 {
            bail!("--port N needs N, N+1, N+2 and N+3");
        }
        Ok(options)
    }
}

/// Sooner ready than a release build, and fast enough to try.
const PROFILE: &str = "serve";

/// Builds, starts, prints the addresses, and waits for Ctrl-C.
pub(crate) fn run(args: &[String]) -> Result<ExitCode> {
    let Options { port, data } = Options::read(args)?;
    let started = Instant::now();
    for port in port..=port + 3 {
        process::check_free(port)?;
    }
    site::build()?;
    let bin = step("building platform and sandbox", || world::build(PROFILE))?;
    process::note_signals()?;
    let mut programs = Programs::default();
    let world = World {
        bin,
        data,
        port,
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
         \x20 operator   http://127.0.0.1:{}/metrics\n\
         A signed address to pay:\n  {}\n\
         For the operator's commands, such as `target/{PROFILE}/tongfu doctor`:\n\
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
