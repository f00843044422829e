//! What a request costs, in figures that no clock scatters: pieces of memory, and calls to
//! the system (docs/performance.md, Counts). Statements are counted in log.rs.

use crate::harness::{Database, World, eventually};
use crate::pay::body_of;
use serde_json::json;
use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// What is reached stays: more than a tenth above it fails.
struct Reached {
    what: &'static str,
    allocations: f64,
    calls: f64,
}

const POLL: Reached = Reached {
    what: "a poll of a watched request",
    allocations: 121.0,
    calls: 3.0,
};
const PAGE: Reached = Reached {
    what: "a page with a picker",
    allocations: 632.0,
    calls: 13.0,
};
const START: Reached = Reached {
    what: "a start by WeChat",
    allocations: 987.0,
    calls: 99.0,
};
const NOTIFY: Reached = Reached {
    what: "a notify with its callback",
    allocations: 1045.0,
    calls: 92.0,
};
const SLACK: f64 = 1.1;
/// Far below it, nothing was counted.
const LEAST: f64 = 0.5;

const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// In which nobody asks.
const IDLE: Duration = Duration::from_secs(2);
/// The cheapest of so many turns counts: what a program does by itself comes on top of some.
const TURNS: usize = 5;
/// So often a page or a poll is asked in a turn.
const TIMES: usize = 40;
/// So many payments are begun and paid in one.
const PAYMENTS: usize = 10;

/// What the threads of a program ask for among themselves: how often is chance.
const WAITING: [&str; 7] = [
    "futex(",
    "epoll_wait(",
    "epoll_pwait",
    "sched_yield(",
    "restart_syscall(",
    "madvise(",
    // One thread wakes another.
    "\"\\1\\0\\0\\0\\0\\0\\0\\0\", 8)",
];

/// What is counted.
#[derive(Clone, Copy)]
enum Kind {
    /// Pieces of memory, as the program tells them.
    Allocations,
    /// Calls to the system, as a tracer sees them.
    Calls,
}

/// A tracer of one program.
struct Tracer(Child);

impl Tracer {
    /// `None` where there is none, or it may not.
    async fn attach(world: &World) -> Option<Self> {
        let id = world.programs.last()?.id();
        let mut strace = Command::new("strace");
        strace.args(["-qq", "-f", "-p", &id.to_string(), "-o"]);
        let strace = strace.arg(world.folder.join("calls")).stderr(Stdio::null());
        let mut tracer = Self(strace.spawn().ok()?);
        while !is_traced(id) {
            if tracer.0.try_wait().unwrap().is_some() {
                return None;
            }
            sleep(LOOK_AGAIN).await;
        }
        Some(tracer)
    }

    fn end(mut self) {
        let id = self.0.id().to_string();
        let _ = Command::new("kill").args(["-s", "INT", &id]).status();
        let _ = self.0.wait();
    }
}

/// Whether all threads of a process are traced.
fn is_traced(id: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{id}/task")).unwrap();
    threads.flatten().all(|thread| {
        let told = std::fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        let tracer = told
            .lines()
            .find_map(|line| line.strip_prefix("TracerPid:"));
        tracer.is_some_and(|id| id.trim() != "0")
    })
}

/// Who counts at one world's platform.
struct Counter<'a> {
    world: &'a World,
    kind: Kind,
    /// What the program comes to by itself in a second, or while it tells its count.
    beside: f64,
}

impl<'a> Counter<'a> {
    /// `None` where it can't be counted.
    async fn new(world: &'a World, kind: Kind) -> Option<Self> {
        let mut counter = Self {
            world,
            kind,
            beside: 0.0,
        };
        counter.beside = match kind {
            Kind::Allocations => counter.count(async || ()).await?,
            Kind::Calls => counter.count(async || sleep(IDLE).await).await? / IDLE.as_secs_f64(),
        };
        Some(counter)
    }

    /// What the program came to while this was done, without what it does beside.
    async fn count(&self, work: impl AsyncFnOnce()) -> Option<f64> {
        let world = self.world;
        match self.kind {
            Kind::Allocations => {
                let before = allocations(world).await;
                work().await;
                Some(allocations(world).await - before - self.beside)
            }
            Kind::Calls => {
                let tracer = Tracer::attach(world).await?;
                let began = Instant::now();
                work().await;
                let took = began.elapsed().as_secs_f64();
                tracer.end();
                let calls = std::fs::read_to_string(world.folder.join("calls")).ok()?;
                let counted = calls.lines().filter(|line| {
                    let begins = line.contains('(') && !line.contains("resumed>");
                    begins && !WAITING.iter().any(|name| line.contains(name))
                });
                let counted = counted.count();
                (counted > 0).then_some(counted as f64 - self.beside * took)
            }
        }
    }

    /// The same in turns: what each of so many comes to in the cheapest one.
    async fn least(&self, times: usize, mut work: impl AsyncFnMut()) -> f64 {
        let mut least = f64::INFINITY;
        for _ in 0..TURNS {
            let counted = self.count(&mut work).await.unwrap();
            least = least.min(counted / times as f64);
        }
        least
    }

    /// What of it is not as reached.
    fn wrong(&self, reached: &Reached, each: f64) -> Option<String> {
        let (unit, limit) = match self.kind {
            Kind::Allocations => ("pieces of memory", reached.allocations),
            Kind::Calls => ("calls to the system", reached.calls),
        };
        println!("{}: {each:.1} {unit}", reached.what);
        let is_right = (limit * LEAST..=limit * SLACK).contains(&each);
        (!is_right).then(|| format!("{}: {each:.1} {unit}, of {limit}", reached.what))
    }
}

async fn allocations(world: &World) -> f64 {
    let told = world.metrics().await;
    let mut lines = told.lines();
    let line = lines.find_map(|line| line.strip_prefix("tongfu_allocations "));
    line.expect("a build to be tested").parse().unwrap()
}

/// Begins these payments.
async fn begin(world: &World, starts: &[String]) {
    for start in starts {
        let started = world.post("/pay/api/pc/pay", start).await;
        assert!(started.contains("\"errcode\":\"0\""), "{started}");
    }
}

/// Pays what waits for its payer, until the shop was told of all.
async fn pay(world: &World, told: usize) {
    for order in world.book().await {
        if order["state"] == "NOTPAY" {
            let number = json!({"channelOrderNo": order["channelOrderNo"]});
            world.control(&world.gateway, "pay", number).await;
        }
    }
    let callbacks = format!("{}/control/callbacks", world.shop);
    eventually("all callbacks", async || {
        (world.json(&callbacks).await.len() >= told).then_some(())
    })
    .await;
}

async fn what_requests_cost(kind: Kind) {
    let mut world = World::start(Database::Sqlite).await.unwrap();
    let settings = [
        ("TONGFU_LOG", "error"),
        ("TONGFU_PEER_PER_SECOND", "0"),
        ("TONGFU_BUSINESS_PER_SECOND", "0"),
        ("TONGFU_REQUEST_PER_SECOND", "0"),
    ];
    world.restart_platform_with(&settings).await;
    let world = &world;
    let often = async |path: &str| {
        for _ in 0..TIMES {
            world.text(path).await;
        }
    };
    let query = world.signed_query().await;
    // What comes once comes now.
    often(&format!("/pay.html?{query}")).await;
    begin(world, &[body_of(&query, "Wechat")]).await;
    pay(world, 1).await;
    let Some(counter) = Counter::new(world, kind).await else {
        // Past the harness, which shows what a test prints only where it fails.
        let told = "calls to the system are NOT COUNTED: no strace, or it may not trace\n";
        std::io::stderr().write_all(told.as_bytes()).unwrap();
        return;
    };
    let query = world.signed_query().await;
    let page = format!("/pay.html?{query}");
    let opened = counter.least(TIMES, async || often(&page).await).await;
    begin(world, &[body_of(&query, "Wechat")]).await;
    let poll = format!("/pay/api/pc/wechatQuery?{query}");
    often(&poll).await;
    let polled = counter.least(TIMES, async || often(&poll).await).await;
    pay(world, 2).await;
    let (mut started, mut told) = (f64::INFINITY, f64::INFINITY);
    for turn in 1..=TURNS {
        let mut starts = Vec::new();
        for _ in 0..PAYMENTS {
            starts.push(body_of(&world.signed_query().await, "Wechat"));
        }
        let each = counter.count(async || begin(world, &starts).await).await;
        started = started.min(each.unwrap() / PAYMENTS as f64);
        let all = 2 + turn * PAYMENTS;
        let each = counter.count(async || pay(world, all).await).await;
        told = told.min(each.unwrap() / PAYMENTS as f64);
    }
    let all = [
        (POLL, polled),
        (PAGE, opened),
        (START, started),
        (NOTIFY, told),
    ];
    let wrong = all
        .iter()
        .filter_map(|(reached, each)| counter.wrong(reached, *each));
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[tokio::test]
async fn requests_ask_for_so_many_pieces_of_memory() {
    what_requests_cost(Kind::Allocations).await;
}

#[tokio::test]
async fn requests_call_the_system_so_often() {
    what_requests_cost(Kind::Calls).await;
}
