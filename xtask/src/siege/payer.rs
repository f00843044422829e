//! The payers beside an attack, one after the other: each opens his page, starts, pays,
//! and polls until it says so.

use super::wire::{ask, request};
use crate::chaos::payer::Payer;
use crate::chaos::plan::Way;
use crate::sign::{json, pairs};
use crate::wire::Wire;
use anyhow::{Context, Result, bail};
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

/// The next one comes after this: more would be an attack of their own.
const PAUSE: Duration = Duration::from_millis(20);
/// He looks again after this.
const LOOK_AGAIN: Duration = Duration::from_millis(50);
/// So many looks, and it has failed.
const LOOKS: u32 = 200;

/// What his requests took.
#[derive(Default)]
pub(crate) struct Record {
    /// Of each request, ms.
    took_ms: Vec<f64>,
    pub(crate) paid: usize,
    pub(crate) failed: Vec<String>,
}

impl Record {
    /// The time that this part of his requests does not exceed, ms.
    pub(crate) fn percentile(&self, part: f64) -> f64 {
        let mut sorted = self.took_ms.clone();
        sorted.sort_by(f64::total_cmp);
        let at = (sorted.len() as f64 * part) as usize;
        sorted
            .get(at.min(sorted.len().saturating_sub(1)))
            .copied()
            .unwrap_or(f64::NAN)
    }
}

/// Payers until it is over.
pub(crate) fn pays(port: u16, over: impl Fn() -> bool) -> Record {
    let (mut record, wire) = (Record::default(), Wire::new());
    for number in (0..250).cycle() {
        if over() {
            break;
        }
        std::thread::sleep(PAUSE);
        // Each at an address of his own.
        let from = Ipv4Addr::new(127, 0, 3, number + 1);
        pays_once(from, port, &wire, &mut record);
    }
    record
}

/// One payer, from his page until it says that he has paid.
pub(crate) fn pays_once(from: Ipv4Addr, port: u16, wire: &Wire, record: &mut Record) {
    match one(At { from, port }, wire, record) {
        Ok(()) => record.paid += 1,
        Err(error) => record.failed.push(format!("{error:#}")),
    }
}

/// Where a payer is, and the platform's port.
#[derive(Clone, Copy)]
struct At {
    from: Ipv4Addr,
    port: u16,
}

fn one(at: At, wire: &Wire, record: &mut Record) -> Result<()> {
    let address = |offset: u16| format!("http://127.0.0.1:{}", at.port + offset);
    let url = wire.get(&format!("{}/sample-url", address(2)))?.body;
    let (_, query) = url.trim().split_once('?').context("no query")?;
    let page = timed(
        at,
        record,
        &request("GET", &format!("/pay.html?{query}"), "", ""),
    )?;
    if !page.contains("name=\"channel\"") {
        bail!("the page offers nothing");
    }
    let mut values = pairs(query);
    values.push(("payTypeCode".to_owned(), "Wechat".to_owned()));
    let json_type = "Content-Type: application/json\r\n";
    let start = request("POST", "/pay/api/pc/pay", json_type, &json(&values));
    let started: serde_json::Value = serde_json::from_str(&timed(at, record, &start)?)?;
    if started["errcode"] != "0" {
        bail!("pay answers {}", started["errcode"]);
    }
    let sandbox = address(1);
    let payer = Payer {
        wire,
        sandbox: &sandbox,
    };
    let opened = payer
        .open(Way::Native, &started["obj"])?
        .context("a dead code")?;
    payer.pay(&opened, false)?;
    let poll = request("GET", &format!("/pay/api/pc/wechatQuery?{query}"), "", "");
    for _ in 0..LOOKS {
        if timed(at, record, &poll)?.contains("\"errcode\":\"0\"") {
            return Ok(());
        }
        std::thread::sleep(LOOK_AGAIN);
    }
    bail!("paid, and never told so")
}

fn timed(at: At, record: &mut Record, request: &[u8]) -> Result<String> {
    let began = Instant::now();
    let answer = ask(at.from, at.port, request);
    record.took_ms.push(began.elapsed().as_secs_f64() * 1000.0);
    let answer = answer?;
    if answer.status != 200 {
        bail!("HTTP {}", answer.status);
    }
    Ok(answer.body)
}
