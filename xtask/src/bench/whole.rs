//! Whole payments, as fast as they go: page, order over WeChat's true wire, notify,
//! settlement, callback acknowledged; and the same with the platform killed in the middle.
//! At the end the three books are compared as after chaos.

use super::SETTINGS;
use super::report::Figure;
use super::requests::{DOMAIN, FEN, Requests};
use crate::chaos::books;
use crate::chaos::compare::{Books, Kind, Verdict, compare};
use crate::chaos::ledger::{Asked, Ledger};
use crate::chaos::payer::Payer;
use crate::chaos::plan::Way;
use crate::process::{self, Kept, Programs};
use crate::step::run_quietly;
use crate::wire::Wire;
use crate::world::World;
use anyhow::{Context, Result, bail, ensure};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Payers side by side, each with his connections.
const PAYERS: u32 = 32;
/// How long they go on.
const LONG: Duration = Duration::from_secs(60);
/// How long, where the platform is killed, and when that is.
const SHORT: Duration = Duration::from_secs(30);
const KILLED_AFTER: Duration = Duration::from_secs(15);
/// Until the rate is steady.
const WARM: Duration = Duration::from_secs(3);
/// A rate is that of so long.
const SPAN: Duration = Duration::from_secs(1);
/// What counts as the full rate, of the rate before.
const FULL: f64 = 0.9;
/// Who finds the platform away looks again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// The last callback has come by then.
const PATIENCE: Duration = Duration::from_secs(120);

/// A world in which payers pay.
struct Whole {
    world: World,
    requests: Requests,
    /// Its sandbox and its shop.
    around: Programs,
    platform: Kept,
    ledger: Ledger,
    next: AtomicU32,
}

/// What the payers came to.
struct Paid {
    /// When each was taken, since the beginning.
    at: Vec<Duration>,
    failed: Vec<String>,
}

/// As many as go in a minute.
pub(super) fn payments(bin: &Path, database: Option<&str>) -> Result<Vec<Figure>> {
    let whole = Whole::start(bin, database)?;
    let (before, began) = (whole.core_ms()?, Instant::now());
    let paid = whole.pay(LONG, || Ok(()))?;
    whole.wait_until_told(paid.at.len())?;
    let took = began.elapsed();
    let count = paid.at.len().max(1) as f64;
    let mut figures = vec![
        Figure::new("payments a second", count / took.as_secs_f64(), "", None),
        Figure::new("in the first quarter", paid.rate(WARM, LONG / 4), "", None),
        Figure::new(
            "in the last quarter",
            paid.rate(LONG * 3 / 4, LONG),
            "",
            None,
        ),
        Figure::new(
            "payments that failed",
            paid.failed.len() as f64,
            "",
            Some(0.0),
        ),
    ];
    for ((name, after), (_, before)) in whole.core_ms()?.into_iter().zip(before) {
        let each = (after - before) / count;
        figures.push(Figure::new(
            &format!("of a payment, {name}"),
            each,
            "ms",
            None,
        ));
    }
    figures.extend(whole.books()?);
    Ok(figures)
}

/// The platform is killed under the same load.
pub(super) fn killed(bin: &Path, database: Option<&str>) -> Result<Vec<Figure>> {
    let whole = Whole::start(bin, database)?;
    let paid = whole.pay(SHORT, || {
        thread::sleep(KILLED_AFTER);
        whole.platform.kill(Duration::ZERO)
    })?;
    whole.wait_until_told(paid.at.len())?;
    let before = paid.rate(WARM, KILLED_AFTER);
    let spans = (0..).map(|number| KILLED_AFTER + Duration::from_millis(50) * number);
    let mut spans = spans.take_while(|at| *at + SPAN <= SHORT);
    let full = spans.find(|at| paid.rate(*at, *at + SPAN) >= before * FULL);
    let back_s = full.map_or(f64::INFINITY, |at| (at - KILLED_AFTER).as_secs_f64());
    let mut figures = vec![
        Figure::new("payments a second before the kill", before, "", None),
        Figure::new("back to full rate after", back_s, "s", Some(2.0)),
        Figure::new(
            "payments that failed",
            paid.failed.len() as f64,
            "",
            Some(0.0),
        ),
    ];
    figures.extend(whole.books()?);
    Ok(figures)
}

impl Paid {
    /// How many a second were taken then.
    fn rate(&self, from: Duration, until: Duration) -> f64 {
        let taken = self.at.iter().filter(|at| (from..until).contains(at));
        taken.count() as f64 / (until - from).as_secs_f64()
    }
}

impl Whole {
    fn start(bin: &Path, database: Option<&str>) -> Result<Self> {
        let world = World {
            bin: bin.to_owned(),
            settings: &SETTINGS,
            database: database.map(str::to_owned),
            ..World::fresh("bench-whole")?
        };
        let mut around = Programs::default();
        world.start_around(&mut around)?;
        let made = world.clone();
        let platform = Kept::new(move || Ok(made.platform()));
        platform.start()?;
        around.wait_for(world.port, "/readyz")?;
        Ok(Self {
            requests: Requests::new(&world.address(2)),
            world,
            around,
            platform,
            ledger: Ledger::default(),
            next: AtomicU32::new(0),
        })
    }

    /// Payers for so long, and what happens meanwhile.
    fn pay(&self, long: Duration, beside: impl FnOnce() -> Result<()>) -> Result<Paid> {
        let (over, began) = (AtomicBool::new(false), Instant::now());
        let payers = thread::scope(|scope| {
            let payers =
                (0..PAYERS).map(|_| scope.spawn(|| self.one_after_the_other(began, &over)));
            let payers: Vec<_> = payers.collect();
            let done = beside();
            while began.elapsed() < long && !process::told_to_stop() {
                thread::sleep(LOOK_AGAIN);
            }
            over.store(true, Ordering::Relaxed);
            let payers = payers.into_iter().map(|one| one.join());
            done.map(|()| payers.collect::<Vec<_>>())
        })?;
        ensure!(!process::told_to_stop(), "stopped");
        let (mut at, mut failed) = (Vec::new(), Vec::new());
        for payer in payers {
            let Paid {
                at: more,
                failed: others,
            } = payer.ok().context("a payer gave up")?;
            at.extend(more);
            failed.extend(others);
        }
        for cause in failed.iter().take(3) {
            eprintln!("    {cause}");
        }
        Ok(Paid { at, failed })
    }

    fn one_after_the_other(&self, began: Instant, over: &AtomicBool) -> Paid {
        let (mut at, mut failed, wire) = (Vec::new(), Vec::new(), Wire::kept());
        while !over.load(Ordering::Relaxed) {
            let key = self.next.fetch_add(1, Ordering::Relaxed);
            match self.one(&wire, key) {
                Ok(()) => at.push(began.elapsed()),
                Err(error) => failed.push(format!("{error:#}")),
            }
        }
        Paid { at, failed }
    }

    /// One payer, from his page until his wallet says that he has paid.
    fn one(&self, wire: &Wire, key: u32) -> Result<()> {
        let page = format!("{}{}", self.world.address(0), self.requests.page(key));
        let page = patiently(|| wire.get(&page))?;
        ensure!(
            page.body.contains("name=\"channel\""),
            "the page offers nothing"
        );
        let start = self.requests.start(key, "Wechat");
        let (path, body) = start.split_once('\t').context("no body")?;
        let start = format!("{}{path}", self.world.address(0));
        let started = patiently(|| wire.post_json(&start, body))?;
        let started: serde_json::Value = serde_json::from_str(&started.body)?;
        ensure!(started["errcode"] == "0", "pay answers {started}");
        let sandbox = self.world.address(1);
        let payer = Payer {
            wire,
            sandbox: &sandbox,
        };
        let opened = payer.open(Way::Native, &started["obj"])?;
        ensure!(
            payer.pay(&opened.context("a dead code")?, false)?,
            "it can't be paid"
        );
        let paid = |asked: &mut Asked| (asked.fen, asked.told_paid) = (FEN, true);
        self.ledger.note(DOMAIN, &Requests::key(key), paid);
        Ok(())
    }

    /// Until the shop was told of so many.
    fn wait_until_told(&self, count: usize) -> Result<()> {
        let (wire, shop) = (Wire::new(), self.world.address(2));
        let otherwise = format!("the shop is not told of {count} payments");
        process::wait_until(&otherwise, PATIENCE, || {
            let told = books::of_shop(&wire, &shop)?;
            Ok((told.len() >= count).then_some(()))
        })
    }

    /// What each program has had of the cores so far, and we.
    fn core_ms(&self) -> Result<Vec<(&'static str, f64)>> {
        let around = |name| self.around.pid(name).context(name);
        let platform = self.platform.process().context("no platform")?;
        let of = |pid| process::core_ms(pid);
        Ok(vec![
            ("platform", of(platform)?),
            ("sandbox", of(around("the sandbox gateway")?)?),
            ("shop", of(around("the demo shop")?)?),
            ("payers", of(std::process::id())?),
        ])
    }

    /// What the three books say: nothing, where all is well.
    fn books(&self) -> Result<Vec<Figure>> {
        let wire = Wire::new();
        let ours = run_quietly(self.world.tongfu().args(["order", "list", "--json"]))?;
        let verdict: Verdict = compare(&Books {
            truth: books::of_sandbox(&wire, &self.world.address(1))?,
            ours: books::ours(&ours)?,
            shop: books::of_shop(&wire, &self.world.address(2))?,
            asked: self.ledger.requests(),
        });
        if verdict.paid == 0 {
            bail!("nothing was paid");
        }
        for wrong in verdict.findings.iter().take(3) {
            eprintln!("    {}: {}", wrong.kind.word(), wrong.detail);
        }
        let kinds = [Kind::Lost, Kind::Doubled, Kind::Unnotified];
        let figures = kinds.map(|kind| {
            let count = verdict.count(kind) as f64;
            Figure::new(kind.word(), count, "", Some(0.0))
        });
        Ok(figures.into())
    }
}

/// Again while nobody answers, as a payer who loads his page anew.
fn patiently<T>(mut ask: impl FnMut() -> Result<T>) -> Result<T> {
    let began = Instant::now();
    loop {
        match ask() {
            Err(_) if began.elapsed() < PATIENCE => thread::sleep(LOOK_AGAIN),
            answered => return answered,
        }
    }
}
