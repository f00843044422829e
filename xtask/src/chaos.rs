//! `cargo xtask chaos`: real processes, killed at random points under load, with
//! everything around them misbehaving; at the end three books are compared: the
//! sandbox's (what was truly paid), ours, and the shop's (what was called back).

mod balancer;
mod books;
mod business;
mod compare;
mod fleet;
mod ledger;
mod load;
mod partner;
pub(crate) mod payer;
mod person;
pub(crate) mod plan;
mod quiet;
mod scenario;
mod second;
mod stage;

use crate::database::{Pair, Postgres};
use crate::process;
use crate::step::step;
use crate::world;
use anyhow::{Result, bail};
use compare::{Books, Kind, Verdict, compare_both};
use ledger::Ledger;
use plan::{Plan, Trouble};
use stage::Stage;
use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

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
}

/// A run's size and seed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) kills: usize,
    pub(crate) orders: usize,
    pub(crate) database: Database,
    pub(crate) seed: u64,
}

impl Options {
    /// A short run, always of the same plan.
    pub(crate) fn small(database: Database) -> Self {
        Self {
            kills: 4,
            orders: 40,
            database,
            seed: 6,
        }
    }
}

impl From<&Wish> for Options {
    fn from(wish: &Wish) -> Self {
        Self {
            kills: wish.kills,
            orders: wish.orders,
            database: match wish.database {
                _ if wish.failover => Database::Pair,
                database => database,
            },
            seed: wish.seed.unwrap_or_else(|| fastrand::u64(..1_000_000_000)),
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
    #[arg(long)]
    failover: bool,
}

/// The command.
pub(crate) fn run(wish: &Wish) -> Result<ExitCode> {
    if wish.failover && wish.database == Database::Sqlite {
        bail!("--failover needs --database postgres");
    }
    let options = Options::from(wish);
    process::note_signals()?;
    world::build_with_tests()?;
    Ok(if holds(options)? {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// One run on programs that are built; whether nothing was lost, doubled or left
/// unnotified. It prints what it came to.
pub(crate) fn holds(options: Options) -> Result<bool> {
    let started = Instant::now();
    eprintln!("    seed {}", options.seed);
    let plan = Plan::draw(options.seed, options.orders, options.kills);
    let server = Server::start(options.database)?;
    let (folder, instances) = match options.database {
        Database::Sqlite => ("chaos-sqlite", 1),
        Database::Postgres => ("chaos-postgres", 2),
        Database::Pair => ("chaos-failover", 2),
    };
    let stage = Stage::open(folder, instances, server.url().as_deref())?;
    let ledger = Ledger::default();
    stage.misbehave(&plan)?;
    let troubles = server.troubles(&plan);
    let started_again = AtomicUsize::new(0);
    let cause = |trouble| match trouble {
        Trouble::Outage => server.outage(),
        Trouble::Migration => stage.migrate_ahead(),
        Trouble::FullDisk => stage.fill_disk(),
    };
    let look_after = || {
        if server.start_again()? {
            started_again.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    };
    let kills = step("paying and killing", || {
        load::play(&stage, &plan, &ledger, &troubles, cause, look_after)
    })?;
    look_after()?;
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
    let result = Outcome {
        options,
        prompt,
        verdict,
        strange,
        kills,
        troubles,
        started_again: started_again.into_inner(),
        ended: stage.fleet.ended_by_themselves(),
        took: started.elapsed(),
    };
    result.print();
    if !result.is_good() {
        println!("logs: {}", stage.data.display());
    }
    Ok(result.is_good())
}

/// The database server of a run.
enum Server {
    None,
    One(Postgres),
    Two(Pair),
}

impl Server {
    fn start(database: Database) -> Result<Self> {
        Ok(match database {
            Database::Sqlite => Self::None,
            Database::Postgres => Self::One(Postgres::start()?),
            Database::Pair => Self::Two(Pair::start()?),
        })
    }

    fn url(&self) -> Option<String> {
        match self {
            Self::None => None,
            Self::One(server) => Some(format!("{}/postgres", server.url)),
            Self::Two(pair) => Some(pair.url("postgres")),
        }
    }

    /// What happens to it, and when: so many orders have begun.
    fn troubles(&self, plan: &Plan) -> Vec<(usize, Trouble)> {
        let (outages, full_disks) = match self {
            Self::None => (Vec::new(), plan.full_disks.clone()),
            Self::One(_) => (plan.crashes.clone(), Vec::new()),
            Self::Two(_) => (vec![plan.orders.len() / 2], Vec::new()),
        };
        let outages = outages.into_iter().map(|at| (at, Trouble::Outage));
        let full_disks = full_disks.into_iter().map(|at| (at, Trouble::FullDisk));
        let migration = [(plan.migration, Trouble::Migration)];
        let mut all: Vec<_> = outages.chain(full_disks).chain(migration).collect();
        all.sort_by_key(|(at, _)| *at);
        all
    }

    /// Starts a server again that has ended; whether one had.
    fn start_again(&self) -> Result<bool> {
        match self {
            Self::One(server) => server.start_again(),
            Self::None | Self::Two(_) => Ok(false),
        }
    }

    fn outage(&self) -> Result<()> {
        match self {
            Self::None => Ok(()),
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
    /// Of the database.
    troubles: Vec<(usize, Trouble)>,
    /// How often a database server had ended in a crash while it recovered from one.
    started_again: usize,
    ended: usize,
    took: Duration,
}

impl Outcome {
    fn is_good(&self) -> bool {
        self.verdict.findings.is_empty() && self.strange.is_empty()
    }

    fn print(&self) {
        for parked in &self.verdict.parked {
            println!("parked: {parked}");
        }
        for untold in &self.verdict.untold {
            println!("untold: {untold}");
        }
        for strange in &self.strange {
            println!("strange: {strange}");
        }
        for finding in &self.verdict.findings {
            println!("{}: {}", finding.kind.word(), finding.detail);
        }
        let verdict = &self.verdict;
        println!("kills {}", self.kills);
        for (name, kind) in [
            ("outages", Trouble::Outage),
            ("full disks", Trouble::FullDisk),
            ("migrations under load", Trouble::Migration),
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
