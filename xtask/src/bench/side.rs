//! One book of many orders, and the instance that keeps it.

use super::load::Wrk;
use super::requests::Requests;
use super::{Database, SETTINGS};
use crate::database::Postgres;
use crate::process::{self, Programs, free_ports};
use crate::step::{self, step};
use crate::wire::Wire;
use crate::world::World;
use anyhow::{Context, Result, bail};
use std::cell::Cell;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Requests whose pages are opened and polled.
const WATCHED: u32 = 500;
/// Payments that are begun in one second, at the most.
const STARTS_A_SECOND: u32 = 3_000;
/// Callbacks that are due at once.
const CALLBACKS: u32 = 3_000;
const LOOK_AGAIN: Duration = Duration::from_millis(2);

/// What a book is filled with.
pub(super) struct Book {
    pub(super) orders: u32,
    /// Of these are open.
    pub(super) open: u32,
    pub(super) businesses: u32,
    /// All of it is looked over, so that what is new is all that is looked over later.
    pub(super) is_checked: bool,
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
    /// Fills the book, starts the instance and begins the payments that are watched.
    pub(super) fn start(book: &Book, bin: &Path, database: Database) -> Result<Self> {
        let orders = book.orders;
        let server = match database {
            Database::Sqlite => None,
            Database::Postgres => Some(Postgres::start()?),
        };
        let mut world = World {
            bin: bin.to_owned(),
            settings: &SETTINGS,
            ..World::fresh(&format!("scale-{orders}"))?
        };
        world.database = server.as_ref().map(Postgres::database);
        std::fs::create_dir_all(&world.data)?;
        step::run_quietly(world.tongfu().arg("migrate"))?;
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis();
        let day_ms = 86_400_000;
        let start_ms = now_ms - day_ms - u128::from(orders) * 1000;
        let mut fill = world.book("orders");
        fill.arg(format!("orders={orders}"))
            .arg(format!("open={}", book.open))
            .arg(format!("businesses={}", book.businesses))
            .arg(format!("start_ms={start_ms}"))
            .arg(format!("until_ms={}", now_ms + day_ms));
        step::run_quietly(&mut fill)?;
        if book.is_checked {
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

    pub(super) fn each(&self, asked: fn(&Requests, u32) -> String) -> Vec<String> {
        (0..WATCHED).map(|key| asked(&self.requests, key)).collect()
    }

    pub(super) fn starts(&self, seconds: u32) -> Vec<String> {
        let first = self.next.get();
        let end = first + STARTS_A_SECOND * seconds;
        self.next.set(end);
        let starts = (first..end).map(|key| self.requests.start(key, "Alipay"));
        starts.collect()
    }

    /// What one answer costs under load.
    pub(super) fn loaded(&self, wrk: &Wrk, seconds: u32, asked: &[String]) -> Result<f64> {
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
    pub(super) fn callbacks(&self) -> Result<f64> {
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
    pub(super) fn idle(&self) -> Result<f64> {
        let pid = self.programs.pid("the platform").context("no platform")?;
        let before = process::core_ms(pid)?;
        let seconds = 4;
        thread::sleep(Duration::from_secs(seconds));
        Ok((process::core_ms(pid)? - before) / seconds as f64)
    }

    /// How long an operator's command takes, which may find something to look at.
    pub(super) fn command(&self, arguments: &[&str]) -> Result<f64> {
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
