//! `cargo xtask test`: every test, and one plain line at the end.

use crate::chaos::{self, Database};
use crate::database::{Poolers, Postgres};
use crate::folders::{root, target};
use crate::process::Programs;
use crate::step::step;
use crate::world::{self, SHARED, World};
use crate::{browser, clients, site, tools};
use anyhow::{Context, Result, anyhow, bail};
use serde::Deserialize;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Tests of the programs wait more than they work.
const THREADS: &str = "6";
const BROWSER_WORLDS: usize = 2;
/// After so much silence a test hangs: the longest file of tests takes a fifth of it.
const SILENCE: Duration = Duration::from_secs(600);

/// As much as is said again of each file of tests that failed.
const TOLD_LINES: usize = 60;

/// What a run of tests came to.
#[derive(Default)]
pub(crate) struct Count {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
    /// What failed, for the end of the output: of a long one that is all that is kept.
    pub(crate) told: Vec<String>,
}

impl Count {
    /// One thing that was tried.
    pub(crate) fn add(&mut self, what: &str, tried: Result<()>) {
        match tried {
            Ok(()) => {
                println!("ok      {what}");
                self.passed += 1;
            }
            Err(error) => {
                let told = format!("FAILED  {what}: {error:#}");
                println!("{told}");
                self.failed += 1;
                self.told.push(told);
            }
        }
    }

    fn with(mut self, other: Self) -> Self {
        self.passed += other.passed;
        self.failed += other.failed;
        self.told.extend(other.told);
        self
    }

    /// Its last lines, and whether all passed.
    pub(crate) fn tell(&self) -> ExitCode {
        for told in &self.told {
            println!("{told}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
        ExitCode::from(u8::from(self.failed > 0))
    }
}

pub(crate) fn run() -> Result<ExitCode> {
    let modules = tools::node_modules()?;
    let chromium = browser::for_tests(&modules)?;
    tools::find_strace()?;
    site::build()?;
    world::build_with_tests()?;
    let rust = {
        let postgres = Postgres::start_encrypted()?;
        let poolers = Poolers::start(&postgres)?;
        step("rules, vectors, contracts and wire", || {
            rust_tests(&postgres, poolers.as_ref())
        })?
    };
    let browser = step("browser", || browser_tests(&modules, &chromium))?;
    let beside = step("clients and chaos", clients_and_chaos)?;
    let all = [rust, browser].into_iter().chain(beside);
    Ok(all.fold(Count::default(), Count::with).tell())
}

/// `cargo test` on all that is native; its own lines are shown and counted.
pub(crate) fn rust_tests(postgres: &Postgres, poolers: Option<&Poolers>) -> Result<Count> {
    // What the last run's tests left to be looked at.
    let left = target("tmp")?;
    std::fs::remove_dir_all(&left)?;
    std::fs::create_dir(&left)?;
    let mut cargo = Command::new("cargo");
    cargo
        .args(["test", "--quiet", "--no-fail-fast"])
        .current_dir(root());
    cargo
        .env("TONGFU_TEST_POSTGRES", &postgres.url)
        .env("RUST_TEST_THREADS", THREADS)
        .stdout(Stdio::piped())
        .process_group(0);
    if let Some(file) = &postgres.certificate {
        cargo.env("TONGFU_TEST_POSTGRES_CERTIFICATE", file);
    }
    if let Some(poolers) = poolers {
        cargo
            .env("TONGFU_TEST_POOLER_SESSION", &poolers.session)
            .env("TONGFU_TEST_POOLER_TRANSACTION", &poolers.transaction);
    }
    let mut child = cargo.spawn().context("starting cargo test")?;
    let mut count = Count::default();
    let mut failures = Vec::new();
    let (said, lines) = mpsc::channel();
    let output = BufReader::new(child.stdout.take().context("no output")?);
    thread::spawn(move || output.lines().try_for_each(|line| said.send(line)));
    loop {
        let line = match lines.recv_timeout(SILENCE) {
            Ok(line) => line?,
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                let group = format!("-{}", child.id());
                let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
                bail!("a test hangs: nothing was said for {SILENCE:?}");
            }
        };
        println!("{line}");
        if line.starts_with("test result:") {
            count.passed += number_before(&line, " passed").unwrap_or(0);
            count.failed += number_before(&line, " failed").unwrap_or(0);
            let more = failures.len().saturating_sub(TOLD_LINES);
            count.told.extend(failures.drain(..).skip(more));
        } else if line == "failures:" || !failures.is_empty() {
            failures.push(line);
        }
    }
    if !child.wait()?.success() && count.failed == 0 {
        bail!("cargo test did not come to its end");
    }
    Ok(count)
}

/// Playwright, whose runners have each a whole world of their own.
fn browser_tests(modules: &Path, chromium: &Path) -> Result<Count> {
    let node = modules.parent().context("no folder above node_modules")?;
    copy_specs(node)?;
    let mut programs = Programs::default();
    let (mut ports, mut databases) = (Vec::new(), Vec::new());
    for number in 0..BROWSER_WORLDS {
        let world = World {
            settings: &SHARED,
            ..World::fresh(&format!("browser-{number}"))?
        };
        world.start(&mut programs)?;
        ports.push(world.port.to_string());
        databases.push(world.database_url());
    }
    let report = target("browser-0")?.join("report.json");
    let _ = std::fs::remove_file(&report);
    let mut playwright = Command::new(modules.join(".bin/playwright"));
    playwright
        .args(["test", "--reporter=list,json"])
        .current_dir(node);
    playwright
        .env("PLAYWRIGHT_JSON_OUTPUT_NAME", &report)
        .env("TONGFU_CHROMIUM", chromium)
        .env("TONGFU_PORT", ports.join(","))
        .env("TONGFU_DATABASES", databases.join(","))
        .env("TONGFU_PROGRAM", target("debug")?.join("tongfu"))
        .env("TONGFU_SCREENSHOTS", target("screenshots")?);
    let passed = crate::step::run(&mut playwright).is_ok();
    let report = std::fs::read(&report).context("Playwright wrote no report")?;
    let Report { stats } = serde_json::from_slice(&report).context("Playwright's report")?;
    if stats.unexpected + stats.flaky > 0 {
        println!(
            "browser tests that passed on their second try: {}",
            stats.flaky
        );
        tell_pages(&node.join("test-results"))?;
    }
    let count = Count {
        passed: stats.expected + stats.flaky,
        failed: stats.unexpected,
        told: Vec::new(),
    };
    if !passed && count.failed == 0 {
        bail!("Playwright did not come to its end");
    }
    Ok(count)
}

/// Playwright's report, as far as it is counted.
#[derive(Deserialize)]
struct Report {
    stats: Stats,
}

#[derive(Deserialize)]
struct Stats {
    expected: u32,
    unexpected: u32,
    flaky: u32,
}

/// What stood on the pages on which tests failed, as Playwright wrote it down.
fn tell_pages(results: &Path) -> Result<()> {
    for result in std::fs::read_dir(results)? {
        let result = result?.path();
        if let Ok(page) = std::fs::read_to_string(result.join("error-context.md")) {
            println!("{}:\n{page}", result.display());
        }
    }
    Ok(())
}

/// The clients, and a short run of `cargo xtask chaos` on each database, the same plan each
/// time. They wait for what their orders leave open most of the time, so all are made at once.
fn clients_and_chaos() -> Result<[Count; 3]> {
    thread::scope(|scope| {
        let sqlite = scope.spawn(|| chaos_test(Database::Sqlite));
        let postgres = scope.spawn(|| chaos_test(Database::Postgres));
        let clients = step("clients", clients::walks);
        let ended = |test: thread::ScopedJoinHandle<'_, Count>| {
            test.join().map_err(|_| anyhow!("chaos panicked"))
        };
        Ok([clients?, ended(sqlite)?, ended(postgres)?])
    })
}

fn chaos_test(database: Database) -> Count {
    let what = format!("chaos on {database:?}");
    let held = step(&what, || chaos::hold(chaos::Options::small(database)));
    let mut count = Count::default();
    count.add(&what, held);
    count
}

/// The tests lie beside the modules that they import.
fn copy_specs(node: &Path) -> Result<()> {
    let source = root().join("end2end");
    std::fs::copy(
        source.join("playwright.config.ts"),
        node.join("playwright.config.ts"),
    )?;
    let tests = node.join("tests");
    let _ = std::fs::remove_dir_all(&tests);
    std::fs::create_dir_all(&tests)?;
    for file in std::fs::read_dir(source.join("tests"))? {
        let file = file?;
        std::fs::copy(file.path(), tests.join(file.file_name()))?;
    }
    let fallback = "fallback.js";
    std::fs::copy(root().join("app").join(fallback), tests.join(fallback))?;
    Ok(())
}

fn number_before(line: &str, word: &str) -> Option<u32> {
    line.split(word).next()?.rsplit(' ').next()?.parse().ok()
}
