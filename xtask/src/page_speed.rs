//! `cargo xtask page-speed`: Lighthouse on our pages, and in the same run on a page
//! of the kind that they replace, written for this with the libraries of its time.

use crate::folders::root;
use crate::process::Programs;
use crate::site::ISLANDS;
use crate::step::{run_quietly, step};
use crate::world::{self, World};
use crate::{browser, site, tools};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::process::{Command, ExitCode};

/// The page that ours replaces, as the measuring script names it.
const OLD: &str = "old page";
/// Ours of the same flow.
const SAME_FLOW: &str = "PC code";
/// The same once more, from an address whose parameters stand in the fragment: the
/// browser asks twice. It is shown, and no goal is set for it.
const FRAGMENT: &str = "PC fragment";
/// Medians are taken of so many runs.
const RUNS: usize = 3;

/// One measure: its key in the script's output, its name, and the goal for our pages.
struct Measure {
    key: &'static str,
    name: &'static str,
    goal: Option<Goal>,
}

#[derive(Clone, Copy)]
enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

const MEASURES: [Measure; 9] = [
    measure("fcp_ms", "FCP, ms", Some(Goal::AtMost(900.0))),
    measure("lcp_ms", "LCP, ms", Some(Goal::AtMost(1200.0))),
    measure("tbt_ms", "TBT, ms", Some(Goal::AtMost(50.0))),
    measure("cls", "CLS", Some(Goal::AtMost(0.0))),
    measure("speed_index_ms", "Speed Index, ms", None),
    measure("bytes", "transferred, bytes", None),
    measure("requests", "requests", None),
    measure("accessibility", "accessibility", Some(Goal::AtLeast(100.0))),
    // Lighthouse's own test of the machine: lower where other programs run beside.
    measure("benchmark", "machine's speed", None),
];

const fn measure(key: &'static str, name: &'static str, goal: Option<Goal>) -> Measure {
    Measure { key, name, goal }
}

/// What the script prints of one page.
#[derive(Deserialize)]
struct Page {
    name: String,
    runs: Vec<Run>,
}

#[derive(Deserialize)]
struct Run {
    /// When each island came alive, ms.
    lives: BTreeMap<String, f64>,
    #[serde(flatten)]
    values: BTreeMap<String, serde_json::Value>,
}

impl Page {
    fn median(&self, key: &str) -> Result<f64> {
        let value = |run: &Run| run.values.get(key).and_then(serde_json::Value::as_f64);
        let values: Option<Vec<f64>> = self.runs.iter().map(value).collect();
        let values = values.with_context(|| format!("{} has no {key}", self.name))?;
        middle(values).with_context(|| format!("{} was not measured", self.name))
    }

    /// When an island of this page lives, ms; none where it has none.
    fn lives(&self, island: &str) -> Option<f64> {
        let lives = self.runs.iter().filter_map(|run| run.lives.get(island));
        middle(lives.copied().collect())
    }
}

pub(crate) fn run() -> Result<ExitCode> {
    let chromium = browser::chromium(&tools::node_modules()?)?;
    let modules = tools::node_packages("xtask/page-speed", "page-speed")?;
    site::build()?;
    let bin = world::build_release(&[])?;
    let world = World {
        bin,
        ..World::fresh("page-speed")?
    };
    let mut programs = Programs::default();
    world.start(&mut programs)?;
    let folder = modules.parent().context("no folder above node_modules")?;
    let source = root().join("xtask/page-speed");
    for file in ["measure.mjs", "old-server.mjs"] {
        std::fs::copy(source.join(file), folder.join(file))?;
    }
    let mut node = Command::new("node");
    node.arg(folder.join("measure.mjs"))
        .env("TONGFU_CHROMIUM", chromium)
        .env("TONGFU_PORT", world.port.to_string())
        .env("TONGFU_OLD_PAGE", source.join("old"))
        .env("TONGFU_RUNS", RUNS.to_string());
    let told = step("measuring with Lighthouse", || run_quietly(&mut node))?;
    std::fs::write(folder.join("report.json"), &told)?;
    let pages: Vec<Page> = serde_json::from_str(&told).context("the script's output")?;
    print_table(&pages)?;
    print_lives(&pages);
    Ok(if goals_hold(&pages)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn middle(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Medians, page beside page; at the end how many times ours the old page takes.
fn print_table(pages: &[Page]) -> Result<()> {
    println!("Lighthouse, mobile preset, simulated slow 4G and 4 x slower CPU; medians of {RUNS}");
    print!("{:<18}", "");
    for page in pages {
        print!(" {:>11}", page.name);
    }
    println!(" {:>13}", "old / PC code");
    let (old, new) = (named(pages, OLD)?, named(pages, SAME_FLOW)?);
    for Measure { key, name, .. } in MEASURES {
        print!("{name:<18}");
        for page in pages {
            print!(" {:>11}", plain(page.median(key)?));
        }
        let (old, new) = (old.median(key)?, new.median(key)?);
        if new > 0.0 {
            println!(" {:>13.2}", old / new);
        } else {
            println!(" {:>13}", "-");
        }
    }
    Ok(())
}

fn named<'a>(pages: &'a [Page], name: &str) -> Result<&'a Page> {
    let mut pages = pages.iter();
    let found = pages.find(|page| page.name == name);
    found.with_context(|| format!("no figures of the {name}"))
}

/// When each island lives, as this machine saw it: Lighthouse simulates no marks.
fn print_lives(pages: &[Page]) {
    println!("\nalive, ms after the navigation began, as observed here:");
    for island in ISLANDS {
        print!("{island:<18}");
        for page in pages {
            let lives = page.lives(island).map_or_else(|| "-".to_owned(), plain);
            print!(" {lives:>11}");
        }
        println!();
    }
}

/// Whole numbers, but layout shift, which is a small fraction.
fn plain(value: f64) -> String {
    if value > 0.0 && value < 1.0 {
        format!("{value:.4}")
    } else {
        format!("{value:.0}")
    }
}

/// Says of each goal whether it holds on every page of ours.
fn goals_hold(pages: &[Page]) -> Result<bool> {
    let ours: Vec<&Page> = pages
        .iter()
        .filter(|page| page.name != OLD && page.name != FRAGMENT)
        .collect();
    if ours.is_empty() {
        bail!("no figures of our pages");
    }
    println!("\ngoals, on {}:", names(&ours));
    let mut all = true;
    for Measure { key, name, goal } in MEASURES {
        let Some(goal) = goal else { continue };
        let mut missed = Vec::new();
        for &page in &ours {
            if !goal.holds(page.median(key)?) {
                missed.push(page);
            }
        }
        if missed.is_empty() {
            println!("  holds   {name} {goal}");
        } else {
            all = false;
            println!("  MISSED  {name} {goal}: {}", names(&missed));
        }
    }
    Ok(all)
}

fn names(pages: &[&Page]) -> String {
    let names: Vec<_> = pages.iter().map(|page| page.name.as_str()).collect();
    names.join(", ")
}

impl Goal {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtMost(limit) => write!(f, "<= {limit}"),
            Self::AtLeast(limit) => write!(f, ">= {limit}"),
        }
    }
}
