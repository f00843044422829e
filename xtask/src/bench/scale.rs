//! `cargo xtask scale`: what everything costs as the book grows. Instances with small and
//! large books stand side by side and are asked in turn (docs/scale.md).

use super::Database;
use super::load::Wrk;
use super::report::Spread;
use super::requests::Requests;
use super::screens;
use super::side::{Book, Side, timed};
use crate::folders::{root, target};
use crate::process;
use crate::step::step;
use crate::world;
use anyhow::{Context, Result};
use serde::Serialize;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// What a cost may be of the same on the smallest book.
const GOAL: f64 = 1.3;

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
    /// The operator's commands alone
    #[arg(long, conflicts_with = "screens")]
    commands: bool,
}

impl Options {
    fn wants(&self, asked: &Asked) -> bool {
        let is_command = asked.name.starts_with("order ") || asked.name.starts_with("doctor");
        !self.screens && (is_command || !self.commands)
    }

    /// What is in the book of so many orders: of the rest its part of the largest.
    fn book(&self, orders: u32) -> Result<Book> {
        let largest = self.orders.last().context("no book")?;
        let part = f64::from(orders) / f64::from(*largest);
        let of = |count: u32| ((f64::from(count) * part) as u32).max(1);
        Ok(Book {
            orders,
            open: of(self.open),
            businesses: of(self.businesses),
            is_checked: !self.screens,
        })
    }
}

/// What is asked of each in turn; it gives what one of it costs.
struct Asked {
    name: &'static str,
    unit: &'static str,
    cost: fn(&Side, &Wrk, u32) -> Result<f64>,
}

const ALL: [Asked; 14] = [
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
        name: "order find",
        unit: "ms",
        cost: |side, _, _| side.command(&["order", "find", "book1"]),
    },
    // The book ends a day ago.
    Asked {
        name: "order list, an hour of what was paid",
        unit: "ms",
        cost: |side, _, _| {
            let paid = [
                "--since",
                "1h",
                "--paid",
                "--channel",
                "Alipay",
                "--min",
                "1",
            ];
            side.command(&[&["order", "list", "--csv"], &paid[..]].concat())
        },
    },
    Asked {
        name: "order totals, a day by business",
        unit: "ms",
        cost: |side, _, _| side.command(&["order", "totals", "--by", "business", "--since", "2d"]),
    },
    Asked {
        name: "order refunds, a day",
        unit: "ms",
        cost: |side, _, _| side.command(&["order", "refunds", "--since", "2d"]),
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
            let begun = || Side::start(&options.book(*orders)?, &bin, *database);
            sides.push(step(&name, begun)?);
        }
        for asked in ALL.iter().filter(|asked| options.wants(asked)) {
            let name = format!("{} on {}", asked.name, database.name());
            rows.push(step(&name, || {
                measured(&name, asked, &sides, &wrk, options)
            })?);
        }
        print(&rows, &options.orders);
        if !options.commands {
            screens::print(database.name(), &sides, options.rounds)?;
        }
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
