//! What is told in figures of its own, and not beside a floor: starting, memory, streams,
//! and twenty thousand payers who wait.

use super::Bench;
use super::load::Paced;
use super::report::{Figure, Spread};
use crate::process::{self, Kept, Memory, Programs, free_ports};
use crate::siege::payer::{self, Record};
use crate::siege::wire::{connect, request};
use crate::step::{self, step};
use crate::wire::Wire;
use crate::world::World;
use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Payers who wait, each with a signed address of his own.
const PAYERS: u32 = 20_000;
/// Connections that their pages poll over, in the end a proxy's; each page every two
/// seconds.
const CONNECTIONS: u32 = 2_000;
const POLL_EACH_MS: u32 = 2_000;
/// Payments that are begun and paid beside them, a second.
const PAID_A_SECOND: u32 = 50;
/// Who pays, side by side.
const PAYING: u32 = 10;
/// Idle streams: the descriptors of a usual system allow no more.
const STREAMS: u32 = 7_000;
/// Callbacks that are due at once.
const CALLBACKS: u32 = 20_000;
/// How often a start is timed.
const STARTS: usize = 5;
const LOOK_AGAIN: Duration = Duration::from_millis(2);
/// A second instance is ready by then.
const READY: Duration = Duration::from_secs(30);

/// From the program's start until it is ready, and what it has then while it idles.
pub(super) fn ready(beside: &World) -> Result<Vec<Figure>> {
    let world = World {
        bin: beside.bin.clone(),
        settings: &[("TONGFU_LOG", "error")],
        ..World::fresh("bench-ready")?
    };
    std::fs::create_dir_all(&world.data)?;
    step::run_quietly(world.sandbox("keys").args(["--base", &world.address(1)]))?;
    let mut took_ms = Vec::new();
    let mut memory_mb = 0.0;
    for _ in 0..STARTS {
        let mut programs = Programs::default();
        let began = Instant::now();
        programs.start("the platform", &mut world.platform())?;
        while process::get(world.port, "/readyz").is_err() {
            if began.elapsed() > Duration::from_secs(30) {
                bail!("the platform is not ready");
            }
            thread::sleep(LOOK_AGAIN);
        }
        took_ms.push(began.elapsed().as_secs_f64() * 1e3);
        thread::sleep(Duration::from_secs(2));
        memory_mb = process::memory(programs.pid("the platform").context("no platform")?)?;
    }
    let took_ms = Spread::of(took_ms.into_iter());
    Ok(vec![
        Figure::new("start to ready", took_ms.median, "ms", Some(300.0)),
        Figure::new("idle memory", memory_mb, "MB", Some(40.0)),
    ])
}

/// Callbacks to a receiver that answers at once, one in a hundred to one that never does.
pub(super) fn callbacks(world: &World) -> Result<Vec<Figure>> {
    let port = free_ports(2)?;
    let mut receivers = Programs::default();
    for (port, kind) in [(port, "receiver"), (port + 1, "hung")] {
        let mut floor = Command::new(world.bin.join("floor"));
        floor.args(["--listen", &format!("127.0.0.1:{port}"), kind]);
        receivers.start(kind, &mut floor)?;
    }
    receivers.wait_for(port, "/count")?;
    let mut fill = world.book("callbacks");
    fill.arg(format!("count={CALLBACKS}"))
        .arg("round=0")
        .arg(format!("fast=http://127.0.0.1:{port}"))
        .arg(format!("hung=http://127.0.0.1:{}", port + 1));
    step::run_quietly(&mut fill)?;
    let began = Instant::now();
    let all = CALLBACKS - CALLBACKS / 100;
    let mut taken = 0;
    while taken < all && began.elapsed() < Duration::from_secs(120) {
        thread::sleep(LOOK_AGAIN);
        taken = process::get(port, "/count")?.trim().parse()?;
    }
    let a_second = f64::from(taken) / began.elapsed().as_secs_f64();
    Ok(vec![
        Figure::at_least("callbacks a second", a_second, "", 1_000.0),
        Figure::new("callbacks not taken", f64::from(all - taken), "", Some(0.0)),
    ])
}

/// Streams that say nothing: what each takes.
pub(super) fn streams(bench: &Bench, pid: u32) -> Result<Vec<Figure>> {
    begin(bench, STREAMS)?;
    let before = process::memory(pid)?;
    let mut open = Vec::new();
    for key in 0..STREAMS {
        let part = u8::try_from(key % 250)?;
        let mut stream = connect(Ipv4Addr::new(127, 0, 2, part + 1), bench.platform)?;
        let poll = bench.requests.poll(FIRST + key);
        let (_, query) = poll.split_once('?').context("no query")?;
        stream.write_all(&request("GET", &format!("/pay/events?{query}"), "", ""))?;
        head(&mut stream)?;
        open.push(stream);
    }
    let each_kb = (process::memory(pid)? - before) * 1e3 / f64::from(STREAMS);
    Ok(vec![
        Figure::new("an idle stream", each_kb, "KB", None),
        Figure::new("100 000 of them", each_kb * 100.0, "MB", None),
    ])
}

/// Reads the head of an answer, which is 200.
fn head(stream: &mut TcpStream) -> Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if !head.starts_with(b"HTTP/1.1 200") {
        bail!("{}", String::from_utf8_lossy(&head));
    }
    Ok(())
}

/// Keys of requests that only trials use.
const FIRST: u32 = 2_000_000_000;

/// Begins so many payments by WeChat.
fn begin(bench: &Bench, count: u32) -> Result<()> {
    let next = AtomicU32::new(0);
    let failed = AtomicBool::new(false);
    step("beginning payments", || {
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let wire = Wire::kept();
                    loop {
                        let key = next.fetch_add(1, Ordering::Relaxed);
                        if key >= count || failed.load(Ordering::Relaxed) {
                            return;
                        }
                        if let Err(error) = bench.begin(&wire, FIRST + key) {
                            eprintln!("{error:#}");
                            failed.store(true, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        Ok(())
    })?;
    if failed.load(Ordering::Relaxed) {
        bail!("payments can't be begun");
    }
    Ok(())
}

/// Payers who wait while others pay.
pub(super) fn payers(bench: &Bench, world: &World, pid: u32, minutes: u32) -> Result<Vec<Figure>> {
    begin(bench, PAYERS)?;
    let waited = || wait_and_pay(bench, world, &[bench.platform], minutes, |_| Ok(()));
    let over = AtomicBool::new(false);
    let (waited, memory) = thread::scope(|scope| {
        let memory = scope.spawn(|| Memory::watched(pid, &over));
        let waited = waited();
        over.store(true, Ordering::Relaxed);
        (waited, memory.join().unwrap_or_default())
    });
    let mut figures = waited?;
    figures.extend([
        Figure::new("memory", memory.most(), "MB", Some(200.0)),
        Figure::new("memory's growth a minute", memory.slope(), "MB", None),
    ]);
    Ok(figures)
}

/// The same before two instances, one of which is killed in the middle: who gets no answer
/// asks the other one.
pub(super) fn payers_of_two(bench: &Bench, world: &World, minutes: u32) -> Result<Vec<Figure>> {
    begin(bench, PAYERS)?;
    let second = World {
        port: free_ports(4)?,
        ..world.clone()
    };
    let port = second.port;
    let instance = Kept::new(move || Ok(second.platform()));
    instance.start()?;
    process::wait_until("the second instance is not ready", READY, || {
        Ok(process::get(port, "/readyz").ok())
    })?;
    let mut figures = wait_and_pay(bench, world, &[bench.platform, port], minutes, |time| {
        thread::sleep(time / 2);
        instance.end();
        Ok(())
    })?;
    for figure in &mut figures {
        figure.name = format!("one of two killed: {}", figure.name);
    }
    Ok(figures)
}

/// Payers who wait at these ports while others pay at the first, and what happens meanwhile.
fn wait_and_pay(
    bench: &Bench,
    world: &World,
    ports: &[u16],
    minutes: u32,
    beside: impl FnOnce(Duration) -> Result<()> + Send,
) -> Result<Vec<Figure>> {
    let polls = (0..PAYERS).map(|key| bench.requests.poll(FIRST + key));
    let polls: Vec<String> = polls.collect();
    let over = AtomicBool::new(false);
    let paced = Paced {
        program: world.bin.join("payers"),
        connections: CONNECTIONS,
        pause_ms: POLL_EACH_MS * CONNECTIONS / PAYERS,
        time: Duration::from_secs(60 * u64::from(minutes)),
    };
    let (load, records, done) = thread::scope(|scope| {
        let paying = (0..PAYING).map(|_| scope.spawn(|| pay(bench.platform, &over)));
        let paying: Vec<_> = paying.collect();
        let beside = scope.spawn(|| beside(paced.time));
        let load = paced.load(ports, &polls);
        over.store(true, Ordering::Relaxed);
        let records = paying.into_iter().filter_map(|one| one.join().ok());
        let records: Vec<Record> = records.collect();
        (load, records, beside.join())
    });
    done.ok().context("what happens meanwhile")??;
    let load = load?;
    let paid: usize = records.iter().map(|record| record.paid).sum();
    let failed: usize = records.iter().map(|record| record.failed.len()).sum();
    for cause in records.iter().flat_map(|record| &record.failed).take(3) {
        eprintln!("    {cause}");
    }
    let a_second = paid as f64 / paced.time.as_secs_f64();
    let mut figures = vec![
        Figure::new("polls a second", load.per_second(), "", None),
        Figure::new("a poll, median", load.p50_us / 1e3, "ms", None),
        Figure::new("a poll, p99", load.p99_us / 1e3, "ms", Some(20.0)),
        Figure::new("failed polls", load.failed() as f64, "", Some(0.0)),
        Figure::new("paid a second beside", a_second, "", None),
        Figure::new("failed payments", failed as f64, "", Some(0.0)),
    ];
    if ports.len() > 1 {
        let again = load.again as f64;
        figures.push(Figure::new("answered by the other", again, "", None));
    }
    Ok(figures)
}

/// Payers one after the other, in step, until it is over.
fn pay(port: u16, over: &AtomicBool) -> Record {
    let (mut record, wire) = (Record::default(), Wire::new());
    let began = Instant::now();
    let each = Duration::from_secs(1) * PAYING / PAID_A_SECOND;
    for number in (0..250).cycle() {
        if over.load(Ordering::Relaxed) {
            break;
        }
        let from = Ipv4Addr::new(127, 0, 3, number + 1);
        payer::pays_once(from, port, &wire, &mut record);
        let next = each * u32::try_from(record.paid + record.failed.len()).unwrap_or(u32::MAX);
        thread::sleep(next.saturating_sub(began.elapsed()));
    }
    record
}
