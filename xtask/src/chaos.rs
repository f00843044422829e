//! `cargo xtask chaos`: real processes, killed at random points under load, with
//! everything around them misbehaving; at the end three books are compared: the
//! sandbox's (what was truly paid), ours, and the shop's (what was called back).

mod backwards;
mod balancer;
pub(crate) mod books;
mod business;
pub(crate) mod compare;
mod fault;
mod fleet;
pub(crate) mod ledger;
mod load;
mod partner;
pub(crate) mod payer;
mod person;
pub(crate) mod plan;
mod quiet;
mod scenario;
mod second;
mod stage;
mod writes;

use crate::cluster::Cluster;
use crate::database::{Pair, Postgres};
use crate::process;
use crate::step::step;
use crate::world;
use anyhow::{Result, bail};
use compare::{Books, Kind, Verdict, compare_both};
use fault::{Faults, Suffered};
use ledger::Ledger;
use load::Around;
use plan::{Kill, Plan, Trouble};
use stage::{Ground, Stage};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use writes::Writes;

/// What a run stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Database {
    /// One instance on a file.
    Sqlite,
    /// Two instances on one server.
    Postgres,
    /// Two instances on a server with a standby, which takes its place midway.
    #[value(skip)]
    Pair,
    /// Three instances on three machines under Patroni.
    #[value(skip)]
    Cluster,
}

/// A run's size and seed.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) kills: usize,
    pub(crate) orders: usize,
    pub(crate) database: Database,
    pub(crate) seed: u64,
    pub(crate) older: Option<PathBuf>,
}

impl Options {
    /// A short run, always of the same plan.
    pub(crate) fn small(database: Database) -> Self {
        Self {
            kills: 4,
            orders: 40,
            database,
            seed: 6,
            older: None,
        }
    }
}

impl From<&Wish> for Options {
    fn from(wish: &Wish) -> Self {
        Self {
            kills: wish.kills,
            orders: wish.orders,
            database: match wish.database {
                _ if wish.cluster => Database::Cluster,
                _ if wish.failover => Database::Pair,
                database => database,
            },
            seed: wish.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000)),
            older: wish.older.clone(),
        }
    }
}

/// A run as the command asks for it.
#[derive(clap::Args)]
pub(crate) struct Wish {
    #[arg(long, default_value_t = 20)]
    kills: usize,
    #[arg(long, default_value_t = 400)]
    orders: usize,
    #[arg(long, value_enum, default_value_t = Database::Sqlite)]
    database: Database,
    /// The same again is the same plan; else one at random
    #[arg(long)]
    seed: Option<u64>,
    /// A standby takes the server's place midway; with --database postgres
    #[arg(long, conflicts_with = "cluster")]
    failover: bool,
    /// On three machines under Patroni, three instances behind nginx: each kill is a fault
    /// of one of them, of the network or of the instances
    #[arg(long)]
    cluster: bool,
    /// The program that instances begin with on a cluster, an older version's: they are
    /// upgraded one by one under load
    #[arg(long, requires = "cluster")]
    older: Option<PathBuf>,
}

/// The command.
pub(crate) fn run(wish: &Wish) -> Result<ExitCode> {
    if wish.failover && wish.database == Database::Sqlite {
        bail!("--failover needs --database postgres");
    }
    let options = Options::from(wish);
    process::note_signals()?;
    world::build_with_tests()?;
    hold(options).map(|()| ExitCode::SUCCESS)
}

/// A cluster with instances, sandbox and shop on it, which nobody breaks, until it is told
/// to stop.
pub(crate) fn cluster() -> Result<ExitCode> {
    process::note_signals()?;
    world::build_with_tests()?;
    let server = Server::start(Database::Cluster)?;
    let stage = Stage::open(server.ground())?;
    println!("instances behind nginx at {}", stage.addresses[0]);
    println!(
        "the demo shop at {}, the sandbox at {}",
        stage.shop, stage.sandbox
    );
    for url in &server.ground().databases {
        println!("an instance asks {url}");
    }
    while !process::told_to_stop() {
        server.start_again()?;
        std::thread::sleep(Duration::from_millis(200));
    }
    Ok(ExitCode::SUCCESS)
}

/// One run on programs that are built. It prints what it came to.
///
/// # Errors
/// What was lost, doubled or left unnotified, or a run that could not be made.
pub(crate) fn hold(options: Options) -> Result<()> {
    let started = Instant::now();
    eprintln!("    seed {}", options.seed);
    let plan = Plan::draw(options.seed, options.orders, options.kills);
    let server = Server::start(options.database)?;
    let stage = Stage::open(Ground {
        older: options.older.clone(),
        ..server.ground()
    })?;
    let ledger = Ledger::default();
    stage.misbehave(&plan)?;
    let run = Run {
        troubles: server.troubles(&plan),
        faults: server.cluster().map(|cluster| Faults::new(cluster, &stage)),
        writes: Writes::new(&stage.addresses[0]),
        server: &server,
        stage: &stage,
        started_again: AtomicUsize::new(0),
        copy: Mutex::default(),
    };
    let kills = step("paying and killing", || {
        std::thread::scope(|scope| {
            if run.faults.is_some() {
                scope.spawn(|| run.writes.watch());
            }
            let kills = load::play(&stage, &plan, &ledger, &run);
            run.writes.end();
            kills
        })
    })?;
    run.look_after()?;
    let quiet = step("waiting until nothing is open", || {
        stage.calm()?;
        stage.fleet.wait_all_ready()?;
        quiet::wait(&stage)
    })?;
    let ours = stage.our_book()?;
    let prompt = books::prompt_ones(&ours);
    let books = Books {
        truth: books::of_sandbox(&stage.wire, &stage.sandbox)?,
        ours,
        shop: books::of_shop(&stage.wire, &stage.shop)?,
        asked: ledger.requests(),
    };
    let verdict = compare_both(books, stage.second_book()?);
    let strange = ledger.all_strange();
    if !quiet {
        eprintln!("    something is still open, and nothing changes any more");
    }
    let faults = run.faults.as_ref();
    let result = Outcome {
        options,
        prompt,
        verdict,
        strange,
        kills,
        faults: faults.map_or(Vec::new(), |faults| faults.suffered(&run.writes)),
        troubles: run.troubles.clone(),
        started_again: run.started_again.load(Ordering::Relaxed),
        ended: stage.fleet.ended_by_themselves(),
        took: started.elapsed(),
    };
    result.print();
    if let (Some(cluster), Some(copy)) = (server.cluster(), run.copy()) {
        step("books that go back", || {
            backwards::play(cluster, &stage, &copy)
        })?;
        println!("older books refused, and taken once they were accepted");
    }
    let wrong = result.wrong();
    if wrong.is_empty() {
        return Ok(());
    }
    println!("logs: {}", stage.data.display());
    bail!("it did not hold: {}", wrong.join("; "))
}

/// A run under way: what happens around its load.
struct Run<'a> {
    server: &'a Server,
    stage: &'a Stage,
    troubles: Vec<(usize, Trouble)>,
    /// What strikes a cluster in place of kills.
    faults: Option<Faults<'a>>,
    writes: Writes,
    /// How often a database server had to be started again.
    started_again: AtomicUsize,
    /// The books as they were once.
    copy: Mutex<Option<PathBuf>>,
}

impl Run<'_> {
    fn copy(&self) -> Option<PathBuf> {
        self.copy
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Around for Run<'_> {
    fn strike(&self, nth: usize, kill: &Kill) -> Result<()> {
        if let Some(faults) = &self.faults {
            return faults.strike(nth, kill);
        }
        let away = Duration::from_millis(kill.away_ms);
        let fleet = &self.stage.fleet;
        let index = fleet.kill(self.stage.victim(kill), away)?;
        if kill.patient {
            fleet.wait_ready(index)?;
        }
        Ok(())
    }

    fn troubles(&self) -> &[(usize, Trouble)] {
        &self.troubles
    }

    fn cause(&self, trouble: Trouble) -> Result<()> {
        match trouble {
            Trouble::Outage => self.server.outage(),
            Trouble::Migration => self.stage.upgrade(),
            Trouble::FullDisk => self.stage.fill_disk(),
            Trouble::Copy => {
                let Some(cluster) = self.server.cluster() else {
                    return Ok(());
                };
                let copy = step("copying the books under load", || cluster.copy_books())?;
                let mut kept = self.copy.lock().unwrap_or_else(PoisonError::into_inner);
                *kept = Some(copy);
                Ok(())
            }
        }
    }

    fn look_after(&self) -> Result<()> {
        if self.server.start_again()? {
            self.started_again.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// The database server of a run.
enum Server {
    None,
    One(Postgres),
    Two(Pair),
    Three(Box<Cluster>),
}

impl Server {
    fn start(database: Database) -> Result<Self> {
        Ok(match database {
            Database::Sqlite => Self::None,
            Database::Postgres => Self::One(Postgres::start()?),
            Database::Pair => Self::Two(Pair::start()?),
            Database::Cluster => Self::Three(Box::new(Cluster::start()?)),
        })
    }

    fn cluster(&self) -> Option<&Cluster> {
        match self {
            Self::Three(cluster) => Some(cluster),
            Self::None | Self::One(_) | Self::Two(_) => None,
        }
    }

    /// The stage that stands on it.
    fn ground(&self) -> Ground {
        let (name, databases) = match self {
            Self::None => ("chaos-sqlite", Vec::new()),
            Self::One(server) => ("chaos-postgres", vec![server.database(); 2]),
            Self::Two(pair) => ("chaos-failover", vec![pair.url("postgres"); 2]),
            Self::Three(cluster) => {
                let proxies = cluster.url_of_proxies();
                ("chaos-cluster", vec![cluster.url(), proxies, cluster.url()])
            }
        };
        Ground {
            name,
            databases,
            is_cluster: matches!(self, Self::Three(_)),
            older: None,
        }
    }

    /// What happens to it, and when: so many orders have begun.
    fn troubles(&self, plan: &Plan) -> Vec<(usize, Trouble)> {
        let (outages, full_disks) = match self {
            Self::None => (Vec::new(), plan.full_disks.clone()),
            Self::One(_) => (plan.crashes.clone(), Vec::new()),
            Self::Two(_) => (vec![plan.orders.len() / 2], Vec::new()),
            Self::Three(_) => (Vec::new(), Vec::new()),
        };
        let copy = self
            .cluster()
            .map(|_| (plan.orders.len() / 2, Trouble::Copy));
        let outages = outages.into_iter().map(|at| (at, Trouble::Outage));
        let full_disks = full_disks.into_iter().map(|at| (at, Trouble::FullDisk));
        let migration = [(plan.migration, Trouble::Migration)];
        let mut all: Vec<_> = outages
            .chain(full_disks)
            .chain(migration)
            .chain(copy)
            .collect();
        all.sort_by_key(|(at, _)| *at);
        all
    }

    /// Starts a server again that has ended; whether one had.
    fn start_again(&self) -> Result<bool> {
        match self {
            Self::One(server) => server.start_again(),
            Self::Three(cluster) => cluster.look_after().map(|()| false),
            Self::None | Self::Two(_) => Ok(false),
        }
    }

    fn outage(&self) -> Result<()> {
        match self {
            Self::None | Self::Three(_) => Ok(()),
            Self::One(server) => server.crash(),
            Self::Two(pair) => step("killing the primary and promoting its standby", || {
                pair.fail_over()
            }),
        }
    }
}

/// What a run came to.
struct Outcome {
    options: Options,
    /// Callbacks, and those of them that left within a second; who was killed
    /// meanwhile leaves his late.
    prompt: (usize, usize),
    verdict: Verdict,
    /// Answers that no document promises: then the load itself is in doubt.
    strange: Vec<String>,
    kills: usize,
    /// Each kind of fault of a cluster, with the time without writes.
    faults: Vec<Suffered>,
    /// Of the database.
    troubles: Vec<(usize, Trouble)>,
    /// How often a database server had ended in a crash while it recovered from one.
    started_again: usize,
    ended: usize,
    took: Duration,
}

impl Outcome {
    /// What must not be: nothing, where the run was good.
    fn wrong(&self) -> Vec<String> {
        let strange = self.strange.iter().map(|one| format!("strange: {one}"));
        let findings = self.verdict.findings.iter();
        let findings = findings.map(|one| format!("{}: {}", one.kind.word(), one.detail));
        let late = self.faults.iter().filter(|fault| fault.is_too_long());
        strange
            .chain(findings)
            .chain(late.map(Suffered::line))
            .collect()
    }

    fn print(&self) {
        // In one piece: another run may end at the same time.
        let _alone = std::io::stdout().lock();
        println!("on {:?}", self.options.database);
        for parked in &self.verdict.parked {
            println!("parked: {parked}");
        }
        for untold in &self.verdict.untold {
            println!("untold: {untold}");
        }
        for wrong in self.wrong() {
            println!("{wrong}");
        }
        let verdict = &self.verdict;
        for fault in &self.faults {
            println!("{}", fault.line());
        }
        println!("kills {}", self.kills);
        for (name, kind) in [
            ("outages", Trouble::Outage),
            ("full disks", Trouble::FullDisk),
            ("migrations under load", Trouble::Migration),
            ("copies of the books", Trouble::Copy),
        ] {
            let count = self.troubles.iter().filter(|(_, trouble)| *trouble == kind);
            println!("{name} {}", count.count());
        }
        println!("database servers started again {}", self.started_again);
        println!("orders {}", self.options.orders);
        println!("paid {}", verdict.paid);
        println!("of partners {}", verdict.paid_by_partners);
        println!("through the upstream {}", verdict.paid_upstream);
        println!("through both platforms {}", verdict.paid_by_chain);
        println!("refunds {}", verdict.refunds);
        println!("duplicates refunded {}", verdict.duplicates_refunded);
        let (callbacks, prompt) = self.prompt;
        println!("callbacks {callbacks}, {prompt} of them left within a second");
        println!("parked {}", verdict.parked.len());
        println!("untold {}", verdict.untold.len());
        println!("ended by themselves {}", self.ended);
        println!("strange {}", self.strange.len());
        for kind in [Kind::Lost, Kind::Doubled, Kind::Unnotified] {
            println!("{} {}", kind.word(), verdict.count(kind));
        }
        println!("seed {}", self.options.seed);
        println!("seconds {}", self.took.as_secs());
    }
}
