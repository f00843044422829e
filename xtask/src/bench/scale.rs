//! `cargo xtask scale`: what everything costs as the book grows. Instances with small and
//! large books stand side by side and are asked in turn (docs/scale.md).

use super::load::Wrk;
use super::report::Spread;
use super::requests::Requests;
use super::screens;
use super::{Database, SETTINGS};
use crate::database::Postgres;
use crate::folders::{root, target};
use crate::process::{self, Programs, free_ports};
use crate::step::{self, step};
use crate::wire::Wire;
use crate::world::{self, World};
use anyhow::{Context, Result, bail};
use serde::Serialize;
use std::cell::Cell;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Requests whose pages are opened and polled.
const WATCHED: u32 = 500;
/// Payments that are begun in one second, at the most.
const STARTS_A_SECOND: u32 = 3_000;
/// Callbacks that are due at once.
const CALLBACKS: u32 = 3_000;
/// What a cost may be of the same on the smallest book.
const GOAL: f64 = 1.3;
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// How large the books are, and how long each is asked.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Orders in each book, the smallest first
    #[arg(long, value_delimiter = ',', default_value = "10000,300000,3000000")]
    orders: Vec<u32>,
    /// Orders of the largest book that are open; the others have as large a part of it
    #[arg(long, default_value_t = 100_000)]
    open: u32,
    /// Business systems of the largest book
    #[arg(long, default_value_t = 10_000)]
    businesses: u32,
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// How long each turn of load lasts, seconds
    #[arg(long, default_value_t = 3)]
    seconds: u32,
    /// Databases, of sqlite and postgres
    #[arg(long, value_delimiter = ',', default_value = "sqlite,postgres")]
    databases: Vec<Database>,
    /// The console's screens alone
    #[arg(long)]
    screens: bool,
}

/// One book and the instance that keeps it.
pub(super) struct Side {
    pub(super) orders: u32,
    pub(super) world: World,
    programs: Programs,
    /// Stopped with it.
    server: Option<Postgres>,
    requests: Requests,
    /// Requests of this number are begun next.
    next: Cell<u32>,
}

/// What is asked of each in turn; it gives what one of it costs.
struct Asked {
    name: &'static str,
    unit: &'static str,
    cost: fn(&Side, &Wrk, u32) -> Result<f64>,
}

const ALL: [Asked; 10] = [
    Asked {
        name: "start",
        unit: "µs",
        cost: |side, wrk, seconds| side.loaded(wrk, seconds, &side.starts(seconds)),
    },
    Asked {
        name: "page",
        unit: "µs",
        cost: |side, wrk, seconds| side.loaded(wrk, seconds, &side.each(Requests::page)),
    },
    Asked {
        name: "poll of a watched request",
        unit: "µs",
        cost: |side, wrk, seconds| side.loaded(wrk, seconds, &side.each(Requests::poll)),
    },
    Asked {
        name: "queryInfo",
        unit: "µs",
        cost: |side, wrk, seconds| side.loaded(wrk, seconds, &side.each(Requests::query_info)),
    },
    Asked {
        name: "a callback",
        unit: "µs",
        cost: |side, _, _| side.callbacks(),
    },
    Asked {
        name: "a second of waiting for what is due",
        unit: "ms of a core",
        cost: |side, _, _| side.idle(),
    },
    Asked {
        name: "a scrape of /metrics",
        unit: "ms",
        cost: |side, _, _| {
            // The database is read once a second.
            thread::sleep(Duration::from_millis(1_100));
            timed(|| process::get(side.world.port + 3, "/metrics")).map(|(ms, _)| ms)
        },
    },
    Asked {
        name: "order list --at-risk",
        unit: "ms",
        cost: |side, _, _| side.command(&["order", "list", "--at-risk"]),
    },
    Asked {
        name: "order show",
        unit: "ms",
        cost: |side, _, _| side.command(&["order", "show", "book1"]),
    },
    Asked {
        name: "doctor, of what is new",
        unit: "ms",
        cost: |side, _, _| side.command(&["doctor"]),
    },
];

/// What came of one thing on one database.
#[derive(Serialize)]
struct Row {
    name: String,
    unit: &'static str,
    /// The middle for each book.
    medians: Vec<f64>,
    /// For each book but the first: of what it costs there, and the least and the most.
    ratios: Vec<[f64; 3]>,
}

pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    process::note_signals()?;
    let bin = world::build_release(&["floor", "book"])?;
    let wrk = Wrk::find(root().join("xtask/bench"), target("scale")?)?;
    let mut rows = Vec::new();
    for database in &options.databases {
        let mut sides = Vec::new();
        for orders in &options.orders {
            let name = format!("{orders} orders on {}", database.name());
            let begun = || Side::start(options, *orders, &bin, *database);
            sides.push(step(&name, begun)?);
        }
        let asked = if options.screens { &[] } else { &ALL[..] };
        for asked in asked {
            let name = format!("{} on {}", asked.name, database.name());
            rows.push(step(&name, || {
                measured(&name, asked, &sides, &wrk, options)
            })?);
        }
        print(&rows, &options.orders);
        screens::print(database.name(), &sides, options.rounds)?;
    }
    let text = serde_json::to_string_pretty(&rows)?;
    std::fs::write(target("scale")?.join("scale.json"), text)?;
    let most = rows.iter().flat_map(|row| &row.ratios);
    let holds = most.map(|[median, ..]| *median).all(|ratio| ratio <= GOAL);
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Round by round, each book in turn; the first round warms up.
fn measured(
    name: &str,
    asked: &Asked,
    sides: &[Side],
    wrk: &Wrk,
    options: &Options,
) -> Result<Row> {
    let mut costs = vec![Vec::new(); sides.len()];
    for round in 0..=options.rounds {
        for (side, costs) in sides.iter().zip(&mut costs) {
            let cost = (asked.cost)(side, wrk, options.seconds)?;
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let ratios = costs[1..].iter().map(|costs_of| {
        let of_the_first = costs_of
            .iter()
            .zip(&costs[0])
            .map(|(cost, first)| cost / first);
        let spread = Spread::of(of_the_first);
        [spread.median, spread.least, spread.most]
    });
    Ok(Row {
        name: name.to_owned(),
        unit: asked.unit,
        ratios: ratios.collect(),
        medians: costs
            .iter()
            .map(|costs| Spread::of(costs.iter().copied()).median)
            .collect(),
    })
}

fn print(rows: &[Row], orders: &[u32]) {
    let sizes: Vec<_> = orders
        .iter()
        .map(|orders| format!("{orders:>10}"))
        .collect();
    println!("{:<50} {:<12} {}", "cost", "", sizes.join(" "));
    for row in rows {
        let medians = row.medians.iter().map(|cost| format!("{cost:>10.2}"));
        let ratios = row
            .ratios
            .iter()
            .map(|[median, least, most]| format!("× {median:.2} ({least:.2} to {most:.2})"));
        let (medians, ratios): (Vec<_>, Vec<_>) = (medians.collect(), ratios.collect());
        println!(
            "{:<50} {:<12} {}   {}",
            row.name,
            row.unit,
            medians.join(" "),
            ratios.join("  ")
        );
    }
}

/// Looks over the whole book; it must be sound.
fn checked(world: &World) -> Result<()> {
    let output = world.tongfu().args(["doctor", "--all"]).output()?;
    let told = String::from_utf8_lossy(&output.stdout);
    if !told.contains("sealed as 1") {
        bail!("the book is not sound: {told}");
    }
    Ok(())
}

/// What came, and how long it took, ms.
pub(super) fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(f64, T)> {
    let began = Instant::now();
    let done = work()?;
    Ok((began.elapsed().as_secs_f64() * 1e3, done))
}

impl Side {
    fn start(options: &Options, orders: u32, bin: &Path, database: Database) -> Result<Self> {
        let server = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Postgres::start()?),
        };
        let mut world = World {
            bin: bin.to_owned(),
            settings: &SETTINGS,
            ..World::fresh(&format!("scale-{orders}"))?
        };
        world.database = server
            .as_ref()
            .map(|server| format!("{}/postgres", server.url));
        std::fs::create_dir_all(&world.data)?;
        step::run_quietly(world.tongfu().arg("migrate"))?;
        let largest = f64::from(*options.orders.last().context("no book")?);
        let part = f64::from(orders) / largest;
        let of = |count: u32| ((f64::from(count) * part) as u32).max(1);
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let day_ms = 86_400_000;
        let start_ms = now_ms - day_ms - u128::from(orders) * 1000;
        let mut fill = world.book("orders");
        fill.arg(format!("orders={orders}"))
            .arg(format!("open={}", of(options.open)))
            .arg(format!("businesses={}", of(options.businesses)))
            .arg(format!("start_ms={start_ms}"))
            .arg(format!("until_ms={}", now_ms + day_ms));
        step::run_quietly(&mut fill)?;
        if !options.screens {
            // So that what is new is all that is looked over from now on.
            let all = || checked(&world);
            step(&format!("doctor --all, {orders} orders"), all)?;
        }
        let mut programs = Programs::default();
        world.start(&mut programs)?;
        let side = Self {
            orders,
            requests: Requests::new(&world.address(2)),
            world,
            programs,
            server,
            next: Cell::new(WATCHED),
        };
        let wire = Wire::kept();
        for key in 0..WATCHED {
            let start = side.requests.start(key, "Alipay");
            let (path, body) = start.split_once('\t').context("no body")?;
            let answer = wire.post_json(&format!("{}{path}", side.world.address(0)), body)?;
            if !answer.body.contains("\"errcode\":\"0\"") {
                bail!("no payment can be begun: {}", answer.body);
            }
        }
        Ok(side)
    }

    pub(super) fn is_on_postgres(&self) -> bool {
        self.server.is_some()
    }

    /// Rows that PostgreSQL has read so far.
    pub(super) fn rows_read(&self) -> Result<f64> {
        let told = step::run_quietly(&mut self.world.book("reads"))?;
        told.trim().parse().context("no count of rows")
    }

    fn each(&self, asked: fn(&Requests, u32) -> String) -> Vec<String> {
        (0..WATCHED).map(|key| asked(&self.requests, key)).collect()
    }

    fn starts(&self, seconds: u32) -> Vec<String> {
        let first = self.next.get();
        let end = first + STARTS_A_SECOND * seconds;
        self.next.set(end);
        let starts = (first..end).map(|key| self.requests.start(key, "Alipay"));
        starts.collect()
    }

    /// What one answer costs under load.
    fn loaded(&self, wrk: &Wrk, seconds: u32, asked: &[String]) -> Result<f64> {
        let time = Duration::from_secs(seconds.into());
        let load = wrk.load(self.world.port, asked, time)?;
        if load.failed() > 0 {
            bail!(
                "{} of {} orders were not answered",
                load.failed(),
                self.orders
            );
        }
        Ok(1e6 / load.per_second())
    }

    /// What one callback costs, of many that are due at once.
    fn callbacks(&self) -> Result<f64> {
        let mut receivers = Programs::default();
        let port = free_ports(1)?;
        let mut floor = Command::new(self.world.bin.join("floor"));
        floor.args(["--listen", &format!("127.0.0.1:{port}"), "receiver"]);
        receivers.start("a receiver", &mut floor)?;
        receivers.wait_for(port, "/count")?;
        let number = self.next.get();
        self.next.set(number + 1);
        let to = format!("http://127.0.0.1:{port}");
        let mut fill = self.world.book("callbacks");
        fill.arg(format!("count={CALLBACKS}"))
            .arg(format!("round={number}"))
            .arg(format!("fast={to}"))
            .arg(format!("hung={to}"));
        step::run_quietly(&mut fill)?;
        let (mut began, mut first, mut taken) = (Instant::now(), 0, 0);
        let given_up = Instant::now() + Duration::from_secs(60);
        while taken < CALLBACKS {
            thread::sleep(LOOK_AGAIN);
            // A receiver whose queue is full just then is asked again.
            if let Ok(count) = process::get(port, "/count") {
                taken = count.trim().parse()?;
            }
            // From the first on: when they are seen is another thing.
            if first == 0 && taken > 0 {
                (began, first) = (Instant::now(), taken);
            }
            if Instant::now() > given_up {
                bail!("{taken} of {CALLBACKS} callbacks were taken");
            }
        }
        let each = began.elapsed().as_secs_f64() / f64::from((CALLBACKS - first).max(1));
        Ok(each * 1e6)
    }

    /// What the program takes of a core while nobody asks, ms a second.
    fn idle(&self) -> Result<f64> {
        let pid = self.programs.pid("the platform").context("no platform")?;
        let before = process::core_ms(pid)?;
        let seconds = 4;
        thread::sleep(Duration::from_secs(seconds));
        Ok((process::core_ms(pid)? - before) / seconds as f64)
    }

    /// How long an operator's command takes, which may find something to look at.
    fn command(&self, arguments: &[&str]) -> Result<f64> {
        let mut command = self.world.tongfu();
        let accounts = self.world.data.join("sandbox/accounts.toml");
        command.args(arguments).env("TONGFU_ACCOUNTS", accounts);
        let (ms, output) = timed(|| Ok(command.output()?))?;
        if output.stdout.is_empty() {
            bail!("{arguments:?} says nothing");
        }
        Ok(ms)
    }
}
