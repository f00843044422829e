//! `cargo xtask packaging`: what an operator takes from `packaging/`, looked over by the
//! programs that it is made for. Those that are not on this machine are named.

use crate::cluster::main_file;
use crate::folders::{root, target};
use crate::step::{run_quietly, step, works};
use crate::tools::self_signed;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::{Command, ExitCode};

/// How exposed the unit may be, as systemd counts it.
const EXPOSURE_MAX: f64 = 1.5;

/// One program and what it is asked.
type Check = (&'static str, &'static str, fn(&Path) -> Result<()>);

const CHECKS: [Check; 4] = [
    ("systemd-analyze", "the unit", unit),
    ("promtool", "the alerts", alerts),
    ("nginx", "nginx's sample", nginx),
    ("haproxy", "HAProxy's sample", haproxy),
];

pub(crate) fn run() -> Result<ExitCode> {
    let folder = target("packaging")?;
    let mut missing = Vec::new();
    for (program, what, check) in CHECKS {
        if Command::new(program).arg("--help").output().is_err() {
            missing.push(program);
            continue;
        }
        step(what, || check(&folder))?;
    }
    for program in missing {
        println!("SKIPPED: {program} is not on this machine");
    }
    Ok(ExitCode::SUCCESS)
}

fn unit(_: &Path) -> Result<()> {
    exposure(&root().join("packaging/tongfu.service"))
}

/// How exposed a unit is; fails where that is too much.
pub(crate) fn exposure(unit: &Path) -> Result<()> {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=true", "--no-pager"]);
    let told = run_quietly(analyze.arg(unit))?;
    let level = told.split("exposure level for tongfu.service: ").nth(1);
    let level = level.and_then(|rest| rest.split(' ').next());
    let level: f64 = level.context("no exposure level")?.parse()?;
    println!("    the unit's exposure is {level}");
    if level > EXPOSURE_MAX {
        bail!("the unit is exposed by {level}, and {EXPOSURE_MAX} is the most");
    }
    Ok(())
}

fn alerts(_: &Path) -> Result<()> {
    let promtool = |what: &str, file: &str| {
        let mut promtool = Command::new("promtool");
        promtool.args([what, "rules", file]);
        run_quietly(promtool.current_dir(root().join("packaging"))).map(drop)
    };
    promtool("check", "alerts.yml")?;
    promtool("test", "alerts.test.yml")
}

/// A certificate for the sample to name.
fn certificate(folder: &Path) -> Result<()> {
    let (file, key) = (folder.join("pay.crt"), folder.join("pay.key"));
    let mut openssl = Command::new("openssl");
    run_quietly(self_signed(&mut openssl, "DNS:pay.example", &file, &key))?;
    let [file, key] = [file, key].map(std::fs::read_to_string);
    std::fs::write(folder.join("pay.pem"), format!("{}{}", file?, key?))?;
    Ok(())
}

/// A sample with the certificate's paths on this machine.
fn sample(folder: &Path, name: &str, paths: &[(&str, &str)]) -> Result<String> {
    certificate(folder)?;
    let mut text = std::fs::read_to_string(root().join("packaging").join(name))?;
    for (path, own) in paths {
        text = text.replace(path, &folder.join(own).display().to_string());
    }
    Ok(text)
}

fn nginx(folder: &Path) -> Result<()> {
    let paths = [
        ("/etc/nginx/pay.example.pem", "pay.crt"),
        ("/etc/nginx/pay.example.key", "pay.key"),
    ];
    let text = sample(folder, "nginx.conf", &paths)?;
    let text = main_file(folder, &text);
    let file = folder.join("nginx.conf");
    std::fs::write(&file, text)?;
    checked(Command::new("nginx").arg("-t").arg("-c").arg(file))
}

fn haproxy(folder: &Path) -> Result<()> {
    let text = sample(
        folder,
        "haproxy.cfg",
        &[("/etc/haproxy/pay.example.pem", "pay.pem")],
    )?;
    let file = folder.join("haproxy.cfg");
    std::fs::write(&file, text)?;
    checked(Command::new("haproxy").arg("-c").arg("-f").arg(file))
}

fn checked(command: &mut Command) -> Result<()> {
    if works(command) {
        return Ok(());
    }
    let output = command.output()?;
    bail!("{}", String::from_utf8_lossy(&output.stderr));
}
