//! Load from wrk, a generator that is made for it.

use crate::folders::target;
use crate::step::{run_quietly, step, works};
use crate::tools::is_root_on_debian;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

const THREADS: u32 = 2;
const CONNECTIONS: u32 = 64;

/// The generator.
pub(super) struct Wrk {
    scripts: PathBuf,
    folder: PathBuf,
}

/// What one turn came to.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct Load {
    requests: u64,
    us: u64,
    broken: u64,
    refused: u64,
    late: u64,
    /// Answered by another instance only.
    #[serde(default)]
    pub(super) again: u64,
    pub(super) p50_us: f64,
    pub(super) p99_us: f64,
}

/// Connections that wait after each answer.
pub(super) struct Paced {
    /// The program that asks, of the floor's.
    pub(super) program: PathBuf,
    pub(super) connections: u32,
    pub(super) pause_ms: u32,
    pub(super) time: Duration,
}

impl Paced {
    /// Asks for these paths in turn, of the first of these ports that answers.
    pub(super) fn load(&self, ports: &[u16], asked: &[String]) -> Result<Load> {
        let lines = target("bench")?.join("waiting.txt");
        std::fs::write(&lines, asked.join("\n"))?;
        let at = ports.iter().map(|port| format!("127.0.0.1:{port}"));
        let at: Vec<_> = at.collect();
        let mut payers = Command::new(&self.program);
        payers
            .args(["--at", &at.join(",")])
            .arg("--asked")
            .arg(lines);
        payers.args(["--connections", &self.connections.to_string()]);
        payers.args(["--pause-ms", &self.pause_ms.to_string()]);
        payers.args(["--seconds", &self.time.as_secs().to_string()]);
        told(&mut payers)
    }
}

/// What a generator says at its end.
fn told(generator: &mut Command) -> Result<Load> {
    let told = run_quietly(generator)?;
    let line = told.lines().find_map(|line| line.strip_prefix("LOAD "));
    let load = serde_json::from_str(line.context("the generator said nothing")?);
    load.context("what the generator said")
}

impl Load {
    /// Answers in one second.
    pub(super) fn per_second(&self) -> f64 {
        self.requests as f64 * 1e6 / self.us.max(1) as f64
    }

    /// Requests that were not answered as they should be.
    pub(super) fn failed(&self) -> u64 {
        self.broken + self.refused + self.late
    }
}

impl Wrk {
    /// Finds the program, or sets it up.
    pub(super) fn find(scripts: PathBuf, folder: PathBuf) -> Result<Self> {
        // It answers its usage, and 1.
        let is_there = || Command::new("wrk").arg("--version").output().is_ok();
        let install = || works(Command::new("apt-get").args(["install", "-y", "wrk"]));
        let there = is_there()
            || is_root_on_debian() && step("installing wrk", || Ok(install()))? && is_there();
        if !there {
            bail!("install wrk, the load generator");
        }
        Ok(Self { scripts, folder })
    }

    /// Asks a port of this machine for these lines, over and over.
    pub(super) fn load(&self, port: u16, asked: &[String], time: Duration) -> Result<Load> {
        let lines = self.folder.join("asked.txt");
        std::fs::write(&lines, asked.join("\n"))?;
        let mut wrk = Command::new("wrk");
        wrk.arg(format!("-t{THREADS}"))
            .arg(format!("-c{CONNECTIONS}"))
            .arg(format!("-d{}s", time.as_secs()))
            .arg("-s")
            .arg(self.scripts.join("load.lua"))
            .arg(format!("http://127.0.0.1:{port}"))
            .arg("--")
            .arg(&lines)
            .arg(THREADS.to_string());
        told(&mut wrk)
    }
}
