//! `cargo xtask fuzz`: each fuzz target for some time, one after the other, on the
//! stable compiler. Long output goes to `target/fuzz/TARGET.log`.

use crate::folders::{root, target};
use crate::step::{run_quietly, step, works};
use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

const VERSION: &str = "0.13.2";
/// What a target may use: memory, MB; the time for one input, s; its length.
const LIMITS: [&str; 3] = ["-rss_limit_mb=2048", "-timeout=10", "-max_len=8192"];

#[derive(clap::Args)]
pub(crate) struct Options {
    /// How long each target runs
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// Which; else all
    targets: Vec<String>,
}

pub(crate) fn run(Options { seconds, targets }: Options) -> Result<ExitCode> {
    let all = all()?;
    if let Some(name) = targets.iter().find(|name| !all.contains(name)) {
        bail!("{name} is none of the targets: {}", all.join(", "));
    }
    let targets = if targets.is_empty() { all } else { targets };
    let path = set_up()?;
    let mut failed = Vec::new();
    for name in targets {
        let what = format!("fuzzing {name} for {seconds} s");
        if !step(&what, || fuzz(&name, seconds, &path))? {
            failed.push(name);
        }
    }
    if failed.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    println!("broke: {}", failed.join(", "));
    Ok(ExitCode::FAILURE)
}

/// The names of all targets.
fn all() -> Result<Vec<String>> {
    let folder = root().join("fuzz/fuzz_targets");
    let mut names = Vec::new();
    for file in std::fs::read_dir(&folder).context("reading the fuzz targets")? {
        let path = file?.path();
        names.extend(
            path.file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
        );
    }
    names.sort();
    Ok(names)
}

/// Finds cargo-fuzz, or builds it into the user's cache; gives the PATH to it.
fn set_up() -> Result<OsString> {
    let tools = cache()?.join("tongfu");
    let given = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&given).collect();
    folders.push(tools.join("bin"));
    let path = std::env::join_paths(folders)?;
    let mut probe = Command::new("cargo");
    if !works(probe.args(["fuzz", "--version"]).env("PATH", &path)) {
        let mut install = Command::new("cargo");
        install
            .args(["install", "--locked", "--debug", "--root"])
            .arg(&tools);
        install.arg(format!("cargo-fuzz@{VERSION}"));
        step("building cargo-fuzz", || run_quietly(&mut install))?;
    }
    Ok(path)
}

/// Where programs keep what can be had again.
fn cache() -> Result<PathBuf> {
    let home = || Some(Path::new(&std::env::var_os("HOME")?).join(".cache"));
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    cache
        .or_else(home)
        .context("neither XDG_CACHE_HOME nor HOME is set")
}

/// Runs one target; gives whether nothing broke.
fn fuzz(name: &str, seconds: u64, path: &OsString) -> Result<bool> {
    let (corpus, seeds) = (format!("fuzz/corpus/{name}"), format!("fuzz/seeds/{name}"));
    std::fs::create_dir_all(root().join(&corpus))?;
    let log = target("fuzz")?.join(format!("{name}.log"));
    let output = File::create(&log)?;
    let mut fuzz = Command::new("cargo");
    // What a sanitizer looks for, code without `unsafe` does not have; and none
    // needs the nightly compiler.
    fuzz.args([
        "fuzz",
        "run",
        "--sanitizer",
        "none",
        name,
        &corpus,
        &seeds,
        "--",
    ]);
    fuzz.args(LIMITS).arg(format!("-max_total_time={seconds}"));
    fuzz.arg(format!("-dict=fuzz/{}", words(name)));
    fuzz.arg("-print_final_stats=1").env("PATH", path);
    fuzz.stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    let sound = fuzz.status().context("starting cargo fuzz")?.success();
    let text = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
    let count = text.rsplit_once("number_of_executed_units: ");
    let count = count
        .and_then(|(_, rest)| rest.lines().next())
        .unwrap_or("?");
    let end = if sound { "nothing broke" } else { "BROKE" };
    println!("{name}: {count} executions, {end}; {}", log.display());
    Ok(sound)
}

/// The words that a target's input is made of.
fn words(name: &str) -> &'static str {
    match name {
        "pairs" | "json_body" => "requests.dict",
        _ => "channels.dict",
    }
}
