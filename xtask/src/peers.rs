//! `cargo xtask peers`: programs that others wrote create, query, close and
//! refund against the sandbox, and verify its signatures.

use crate::folders::{root, target};
use crate::process::Programs;
use crate::step::{self, step};
use crate::world::{self, World};
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, ExitCode};

/// The peers, pinned.
const PACKAGES: [&str; 3] = [
    "wechatpayv3==2.0.4",
    "python-alipay-sdk==3.4.0",
    "paypal-server-sdk==2.4.0",
];
const RUNS: [&str; 3] = ["wechat.py", "alipay_peer.py", "paypal_peer.py"];

pub(crate) fn run() -> Result<ExitCode> {
    let python = step("setting up the peers in target/peers", set_up)?;
    world::build_with_tests()?;
    let world = World::fresh("peers")?;
    let mut programs = Programs::default();
    world.start(&mut programs)?;
    let mut failed = Vec::new();
    for run in RUNS {
        let mut command = Command::new(&python);
        command
            .arg(root().join("xtask/peers").join(run))
            .arg(world.data.join("sandbox"))
            .arg(world.address(1))
            // Alipay's peer sends its local time as Beijing's.
            .env("TZ", "Asia/Shanghai")
            .env("PYTHONDONTWRITEBYTECODE", "1");
        if step::run(&mut command).is_err() {
            failed.push(run);
        }
    }
    if failed.is_empty() {
        println!("all peers agree with the sandbox");
        return Ok(ExitCode::SUCCESS);
    }
    println!("peers that do not agree: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// A Python of our own with the peers; gives its path.
fn set_up() -> Result<std::path::PathBuf> {
    let home = target("peers")?.join("python");
    let python = home.join("bin/python");
    if !installed(&python) {
        let mut make = Command::new("python3");
        step::run(make.args(["-m", "venv"]).arg(&home)).context(
            "a Python with venv is needed (Debian: apt-get install python3 python3-venv)",
        )?;
        let mut install = Command::new(&python);
        install.args(["-m", "pip", "install", "--quiet"]);
        step::run(install.args(PACKAGES)).context("installing the peers")?;
    }
    if !installed(&python) {
        bail!("the peers are not there after their installation");
    }
    Ok(python)
}

fn installed(python: &Path) -> bool {
    let mut probe = Command::new(python);
    step::works(probe.args(["-c", "import wechatpayv3, alipay, paypalserversdk"]))
}
