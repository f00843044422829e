//! `cargo xtask bench`: ours beside the least that a program of its kind does, round by
//! round in the same run, since figures of this machine alone say little
//! (docs/performance.md).

mod load;
mod report;
mod requests;
pub(crate) mod scale;
mod screens;
mod side;
mod trials;
mod whole;

use crate::database::Postgres;
use crate::folders::{root, target};
use crate::process::{self, Programs, free_ports};
use crate::step::step;
use crate::wire::Wire;
use crate::world::{self, World};
use anyhow::{Context, Result, bail};
use load::{Load, Wrk};
use report::{Figure, Figures, Row};
use requests::Requests;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::Duration;

/// All callers come from one address, and many at once.
const SETTINGS: [(&str, &str); 7] = [
    ("TONGFU_PEER_PER_SECOND", "0"),
    ("TONGFU_BUSINESS_PER_SECOND", "0"),
    ("TONGFU_REQUEST_PER_SECOND", "0"),
    ("TONGFU_CONNECTIONS", "20000"),
    ("TONGFU_CONNECTIONS_PEER", "20000"),
    ("TONGFU_STREAMS", "8000"),
    ("TONGFU_LOG", "error"),
];

/// Payers who wait while polls are measured, each with a request of his own.
const WATCHED: u32 = 64;
/// Requests whose page is opened.
const PAGES: u32 = 1_000;
/// Payments that are begun in one second, at the most.
const STARTS_A_SECOND: u32 = 8_000;

/// What is measured, and how long.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// What is measured: poll, page, start, "start by WeChat", callbacks,
    /// ready, payments, kill, payers, "payers of two", streams;
    /// nothing named: all
    names: Vec<String>,
    /// Rounds of each, ours and the floor in turn
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long each turn lasts, seconds
    #[arg(long, default_value_t = 4)]
    seconds: u32,
    /// How long twenty thousand payers wait
    #[arg(long, default_value_t = 5)]
    minutes: u32,
    /// Databases, of sqlite and postgres
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres")]
    databases: Vec<Database>,
}

impl Options {
    fn wants(&self, name: &str) -> bool {
        self.names.is_empty() || self.names.iter().any(|wanted| wanted == name)
    }
}

/// What is told beside.
const TRIALS: [&str; 7] = [
    "callbacks",
    "payments",
    "kill",
    "payers",
    "payers of two",
    "streams",
    "ready",
];

/// What is tried in a world of its own: where its programs are, and its database.
type Trial = fn(&Path, Option<&str>) -> Result<Vec<Figure>>;

/// Where the platform keeps its books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// One thing that is measured.
struct Measured {
    name: &'static str,
    /// What ours should reach of the floor's figure.
    goal: Option<f64>,
    /// The floor's port.
    floor: fn(&Floors) -> u16,
    /// What is asked in the round of this number.
    asked: fn(&Bench, u32) -> Vec<String>,
}

const ALL: [Measured; 4] = [
    Measured {
        name: "poll",
        goal: Some(0.7),
        floor: |floors| floors.constant,
        asked: |bench, _| {
            let polls = (0..WATCHED).map(|key| bench.requests.poll(key));
            polls.collect()
        },
    },
    Measured {
        name: "page",
        goal: None,
        floor: |floors| floors.constant,
        asked: |bench, _| {
            let pages = (0..PAGES).map(|key| bench.requests.page(key));
            pages.collect()
        },
    },
    // Alipay's form is signed here, and its gateway hears of it from the payer.
    Measured {
        name: "start",
        goal: Some(0.8),
        floor: |floors| floors.batched,
        asked: |bench, round| bench.starts("Alipay", round),
    },
    Measured {
        name: "start by WeChat",
        goal: None,
        floor: |floors| floors.unbatched,
        asked: |bench, round| bench.starts("Wechat", round),
    },
];

/// Ports of the floors.
struct Floors {
    constant: u16,
    batched: u16,
    unbatched: u16,
}

/// What stands while one database is measured.
struct Bench {
    wrk: Wrk,
    requests: Requests,
    platform: u16,
    floors: Floors,
    seconds: u32,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    process::note_signals()?;
    let known = ALL.iter().map(|one| one.name).chain(TRIALS);
    let known: Vec<&str> = known.collect();
    if let Some(strange) = options
        .names
        .iter()
        .find(|name| !known.contains(&name.as_str()))
    {
        bail!("{strange} is not measured, but {}", known.join(", "));
    }
    let bin = world::build_release(&["floor", "book", "payers"])?;
    let (mut rows, mut figures) = (Vec::new(), Vec::new());
    for database in &options.databases {
        let postgres = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Postgres::start()?),
        };
        let mut world = World {
            bin: bin.clone(),
            settings: &SETTINGS,
            ..World::fresh("bench")?
        };
        world.database = postgres.as_ref().map(Postgres::database);
        let mut programs = Programs::default();
        let bench = start(&world, &mut programs, options.seconds)?;
        for one in ALL.iter().filter(|one| options.wants(one.name)) {
            let name = format!("{} on {}", one.name, database.name());
            let figures = step(&name, || bench.rounds(one, options.rounds))?;
            rows.push(Row {
                name,
                goal: one.goal,
                figures,
            });
        }
        let tried = try_all(options, &world, &programs, &bench)?;
        figures.extend(tried.into_iter().map(|figure| (database.name(), figure)));
    }
    report::print(&rows);
    report::print_figures(&figures);
    report::write(&rows, &figures, &target("bench")?)?;
    let reached = rows.iter().all(Row::holds) && figures.iter().all(|(_, one)| one.holds());
    Ok(if reached {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Figures of their own, on one database.
fn try_all(
    options: &Options,
    world: &World,
    programs: &Programs,
    bench: &Bench,
) -> Result<Vec<Figure>> {
    let pid = programs.pid("the platform").context("no platform")?;
    let mut figures = Vec::new();
    if options.wants("callbacks") {
        figures.extend(step("callbacks", || trials::callbacks(world))?);
    }
    let whole: [(&str, Trial); 2] = [("payments", whole::payments), ("kill", whole::killed)];
    for (name, trial) in whole.into_iter().filter(|(name, _)| options.wants(name)) {
        // An instance of its own: nobody else's pages wait at it.
        let server = world.database.as_ref().map(|_| Postgres::start());
        let server = server.transpose()?;
        let database = server.as_ref().map(Postgres::database);
        let tried = || trial(&world.bin, database.as_deref());
        figures.extend(step(name, tried)?);
    }
    if options.wants("payers") {
        let tried = || trials::payers(bench, world, pid, options.minutes);
        figures.extend(step("twenty thousand payers", tried)?);
    }
    if options.wants("payers of two") && world.database.is_some() {
        let tried = || trials::payers_of_two(bench, world, options.minutes);
        figures.extend(step("the same, one of two instances killed", tried)?);
    }
    if options.wants("streams") {
        figures.extend(step("idle streams", || trials::streams(bench, pid))?);
    }
    if options.wants("ready") && world.database.is_none() {
        figures.extend(step("starting", || trials::ready(world))?);
    }
    Ok(figures)
}

fn start(world: &World, programs: &mut Programs, seconds: u32) -> Result<Bench> {
    world.start(programs)?;
    let constant = free_ports(3)?;
    let floors = Floors {
        constant,
        batched: constant + 1,
        unbatched: constant + 2,
    };
    floors.start(world, programs)?;
    let bench = Bench {
        wrk: Wrk::find(root().join("xtask/bench"), target("bench")?)?,
        requests: Requests::new(&world.address(2)),
        platform: world.port,
        floors,
        seconds,
    };
    bench.begin_to_wait()?;
    Ok(bench)
}

impl Floors {
    /// Starts all, beside the world and with the same kind of database.
    fn start(&self, world: &World, programs: &mut Programs) -> Result<()> {
        let database = |name: &str| match &world.database {
            Some(url) => url.clone(),
            None => format!("sqlite:{}?mode=rwc", world.data.join(name).display()),
        };
        let (batched, unbatched) = (database("batched"), database("unbatched"));
        let kinds: [(u16, Vec<&str>); 3] = [
            (self.constant, vec!["constant"]),
            (
                self.batched,
                vec![
                    "writes",
                    "--batched",
                    "--schema",
                    "batched",
                    "--database",
                    &batched,
                ],
            ),
            (
                self.unbatched,
                vec!["writes", "--schema", "unbatched", "--database", &unbatched],
            ),
        ];
        for (port, kind) in kinds {
            let mut floor = Command::new(world.bin.join("floor"));
            floor.args(["--listen", &format!("127.0.0.1:{port}")]);
            programs.start("a floor", floor.args(kind))?;
            programs.wait_for(port, "/")?;
        }
        Ok(())
    }
}

impl Bench {
    /// As many as are begun in one turn at the most, each another request.
    fn starts(&self, channel: &str, round: u32) -> Vec<String> {
        let count = STARTS_A_SECOND * self.seconds;
        let kind = if channel == "Alipay" {
            0
        } else {
            1_000_000_000
        };
        let first = WATCHED + PAGES + kind + round * count;
        let starts = (first..first + count).map(|key| self.requests.start(key, channel));
        starts.collect()
    }

    /// Begins the payments whose pages wait.
    fn begin_to_wait(&self) -> Result<()> {
        let wire = Wire::kept();
        for key in 0..WATCHED {
            self.begin(&wire, key)?;
        }
        let answered = process::get(self.platform, &self.requests.poll(0))?;
        if !answered.contains("\"errcode\":\"30000\"") {
            bail!("a request that nobody paid is told of as {answered}");
        }
        Ok(())
    }

    /// Begins one payment by WeChat.
    fn begin(&self, wire: &Wire, key: u32) -> Result<()> {
        let start = self.requests.start(key, "Wechat");
        let (path, body) = start.split_once('\t').context("no body")?;
        let url = format!("http://127.0.0.1:{}{path}", self.platform);
        let answer = wire.post_json(&url, body)?;
        if !answer.body.contains("\"errcode\":\"0\"") {
            bail!("no payment can be begun: {}", answer.body);
        }
        Ok(())
    }

    /// Ours and the floor in turn; the first round warms both up and is not counted.
    fn rounds(&self, one: &Measured, rounds: u32) -> Result<Vec<Figures>> {
        let mut figures = Vec::new();
        for round in 0..=rounds {
            let asked = (one.asked)(self, round);
            let ours = self.load(self.platform, &asked)?;
            let floor = self.load((one.floor)(&self.floors), &asked)?;
            if round > 0 {
                figures.push(Figures { ours, floor });
            }
        }
        Ok(figures)
    }

    fn load(&self, port: u16, asked: &[String]) -> Result<Load> {
        let seconds = Duration::from_secs(u64::from(self.seconds));
        self.wrk.load(port, asked, seconds)
    }
}
