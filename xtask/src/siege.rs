//! `cargo xtask siege`: strangers who cost us, one kind after the other, against a
//! release build with its default limits: beside payers who pay, and once more alone,
//! so that what is written then is theirs. Everything stays below 127.0.0.0/8, and is
//! bounded in number and time.

mod attack;
pub(crate) mod payer;
pub(crate) mod wire;

use crate::process::{self, Memory, Programs};
use crate::step::{run_quietly, step};
use crate::world::{self, World};
use anyhow::{Context, Result, bail};
use attack::{ATTACKS, Attack, THREADS, Target};
use payer::{Record, pays};
use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::{Command, ExitCode};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How long each attack lasts.
const SPELL: Duration = Duration::from_secs(10);
/// Orders in the book before it begins.
const ORDERS: u32 = 300_000;
/// Clients that scrape at once.
const SCRAPERS: u8 = 64;
/// Between two spells.
const REST: Duration = Duration::from_secs(2);

/// The goals; docs/reliability.md states what was reached.
const P50_TIMES: f64 = 3.0;
const P99_TIMES: f64 = 10.0;
const MEMORY_MB: f64 = 300.0;
const UNSIGNED_MB_A_MINUTE: f64 = 1.0;

/// Connections to the address of a key that never answers.
static SLOW_KEY_ASKED: AtomicUsize = AtomicUsize::new(0);

/// The command.
pub(crate) fn run() -> Result<ExitCode> {
    process::note_signals()?;
    let bin = world::build_release(&[])?;
    let world = World {
        bin,
        settings: &[("TONGFU_LOG", "error")],
        ..World::fresh("siege")?
    };
    step("filling the book", || fill(&world))?;
    let mut programs = Programs::default();
    world.start(&mut programs)?;
    let pid = programs.pid("the platform").context("no platform")?;
    let siege = Siege {
        target: target_of(&world)?,
        world,
        pid,
    };
    let calm = step("payers alone", || siege.spell(true, |_| ()))?;
    let mut rows = Vec::new();
    for attack in ATTACKS {
        rows.push((attack.name, step(attack.name, || siege.attacked(attack))?));
    }
    let scraped = step("scrapes", || siege.scraped())?;
    rows.push(("scrapes of 300 000 orders", scraped));
    Ok(if siege.print(&calm, &rows) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The tables, and orders that are done in them.
fn fill(world: &World) -> Result<()> {
    std::fs::create_dir_all(&world.data)?;
    run_quietly(world.tongfu().arg("migrate"))?;
    let mut python = Command::new("python3");
    python.arg("xtask/siege/fill.py");
    let database = world.data.join("tongfu.db");
    let filled = run_quietly(python.arg(database).arg(ORDERS.to_string()));
    filled
        .context("the siege needs python3 with sqlite3")
        .map(|_| ())
}

fn target_of(world: &World) -> Result<Target> {
    let accounts = std::fs::read_to_string(world.data.join("sandbox/accounts.toml"))?;
    let value = |account: &str, name: &str| {
        let line = account.lines().find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_matches([' ', '=', '"']).to_owned())
    };
    let accounts = accounts.split("[[account]]").skip(1);
    let named =
        accounts.filter_map(|account| Some((value(account, "channel")?, value(account, "name")?)));
    let url = process::get(world.port + 2, "/sample-url")?;
    let (_, signed) = url.trim().split_once('?').context("no query")?;
    Ok(Target {
        port: world.port,
        signed: signed.to_owned(),
        accounts: named.collect(),
        slow_key: attack::slow_key(&SLOW_KEY_ASKED)?,
    })
}

/// What one spell came to.
struct Spell {
    payer: Record,
    /// The most that the platform had, MB.
    memory_mb: f64,
    /// What the platform wrote, MB a minute.
    written_mb: f64,
    /// What it wrote in a spell without payers, MB a minute.
    unsigned_mb: f64,
    /// Calls that channels got, by path, and those to the slow address of a key.
    calls: BTreeMap<String, u64>,
}

struct Siege {
    world: World,
    target: Target,
    pid: u32,
}

impl Siege {
    fn attacked(&self, attack: Attack) -> Result<Spell> {
        self.twice(|over| {
            thread::scope(|scope| {
                for number in 0..THREADS {
                    scope.spawn(move || attack.run(&self.target, number, over));
                }
            });
        })
    }

    /// Beside payers, and then alone.
    fn twice(&self, work: impl Fn(&(dyn Fn() -> bool + Sync)) + Sync) -> Result<Spell> {
        let beside = self.spell(true, &work)?;
        // What the payers began is brought to its end.
        thread::sleep(REST);
        let alone = self.spell(false, &work)?;
        thread::sleep(REST);
        Ok(Spell {
            unsigned_mb: alone.written_mb,
            ..beside
        })
    }

    /// As many clients as a careless operator's systems have.
    fn scraped(&self) -> Result<Spell> {
        let scrape = wire::request("GET", "/metrics", "", "");
        let port = self.world.port + 3;
        self.twice(|over| {
            thread::scope(|scope| {
                for number in 0..SCRAPERS {
                    let scrape = &scrape;
                    scope.spawn(move || {
                        while !over() {
                            let from = Ipv4Addr::new(127, 0, 2, number + 1);
                            let _ = wire::ask(from, port, scrape);
                        }
                    });
                }
            });
        })
    }

    /// Payers or none, and whatever else goes on meanwhile.
    fn spell(&self, paid: bool, work: impl Fn(&(dyn Fn() -> bool + Sync)) + Sync) -> Result<Spell> {
        let (before, written, began) = (self.calls()?, self.written()?, Instant::now());
        let ended = AtomicBool::new(false);
        let over = || began.elapsed() > SPELL || process::told_to_stop();
        let (payer, memory_mb) = thread::scope(|scope| {
            let memory = scope.spawn(|| Memory::watched(self.pid, &ended));
            let attackers = scope.spawn(|| work(&over));
            let payer = if paid {
                pays(self.world.port, over)
            } else {
                Record::default()
            };
            let _ = attackers.join();
            ended.store(true, Ordering::Relaxed);
            (payer, memory.join().unwrap_or_default().most())
        });
        if process::told_to_stop() {
            bail!("stopped");
        }
        let seconds = began.elapsed().as_secs_f64();
        let bytes = self.written()? - written;
        let mut calls = self.calls()?;
        for (path, count) in &mut calls {
            *count -= before.get(path).copied().unwrap_or_default();
        }
        calls.retain(|_, count| *count > 0);
        Ok(Spell {
            payer,
            memory_mb,
            written_mb: bytes / 1e6 * 60.0 / seconds,
            unsigned_mb: 0.0,
            calls,
        })
    }

    fn calls(&self) -> Result<BTreeMap<String, u64>> {
        let calls = process::get(self.world.port + 1, "/control/calls")?;
        let mut calls: BTreeMap<String, u64> = serde_json::from_str(&calls)?;
        let slow = u64::try_from(SLOW_KEY_ASKED.load(Ordering::Relaxed))?;
        calls.insert("slow key".to_owned(), slow);
        Ok(calls)
    }

    /// The bytes that the platform has had written so far.
    fn written(&self) -> Result<f64> {
        process::figure(self.pid, "io", "write_bytes:")
    }

    /// Prints a table; whether all goals were reached.
    fn print(&self, calm: &Spell, rows: &[(&str, Spell)]) -> bool {
        let (p50, p99) = (calm.payer.percentile(0.5), calm.payer.percentile(0.99));
        println!(
            "payers alone: p50 {p50:.1} ms, p99 {p99:.1} ms, {} paid, {:.1} MB a minute",
            calm.payer.paid, calm.written_mb
        );
        println!("calls of payers alone: {:?}", calm.calls);
        println!("| attack | p50 | p99 | paid | failed | memory, MB | unsigned, MB a minute |");
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        let mut good = calm.payer.failed.is_empty();
        for (name, spell) in rows {
            let payer = &spell.payer;
            let times = (payer.percentile(0.5) / p50, payer.percentile(0.99) / p99);
            println!(
                "| {name} | {:.1} | {:.1} | {} | {} | {:.0} | {:.1} |",
                times.0,
                times.1,
                payer.paid,
                payer.failed.len(),
                spell.memory_mb,
                spell.unsigned_mb
            );
            let signed = *name == "one signed address";
            good &= times.0 <= P50_TIMES && times.1 <= P99_TIMES && payer.failed.is_empty();
            good &= spell.memory_mb <= MEMORY_MB
                && (signed || spell.unsigned_mb <= UNSIGNED_MB_A_MINUTE);
        }
        for (name, spell) in rows {
            println!("calls, {name}: {:?}", spell.calls);
            for failed in spell.payer.failed.iter().take(3) {
                println!("failed, {name}: {failed}");
            }
        }
        println!("goals {}", if good { "reached" } else { "not reached" });
        good
    }
}
