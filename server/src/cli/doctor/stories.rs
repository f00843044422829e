//! The book itself: every order's story and the states around it, since the last time
//! that all of it was sound.

use super::{Findings, Options};
use crate::clock::now_ms;
use crate::zone;
use anyhow::Result;
use payment::ports::{Store, Story, Told};
use payment::story::{Chained, Checkpoint, check, check_chain, digest};
use std::collections::HashSet;

/// Orders that are read at once, and entries by which they are found.
const PAGE: i64 = 500;
/// An entry's time is its writer's, whose clock may be behind, and it is seen a little
/// later: what was written this long before the last check is read again, ms.
const OVERLAP_MS: i64 = 7_200_000;
/// After how many orders a person is told how far it is.
const TOLD_EACH: i64 = 50_000;

/// What was read, and found sound so far.
struct Read {
    began_ms: i64,
    orders: i64,
    entries: i64,
    digest: String,
}

pub(super) async fn look_over(
    store: &dyn Store,
    options: &Options,
    findings: &mut Findings,
) -> Result<()> {
    let checkpoints = store.checkpoints().await?;
    let broken = check_chain(&checkpoints).err();
    if let Some(broken) = &broken {
        findings.add(format!(
            "the record of what doctor found sound: {broken}; where all is sound now, \
             `tongfu doctor --all` begins another"
        ));
    }
    let found_before = findings.0.len();
    // Of two clocks the earlier: nothing that is written later may seem to be read.
    let began_ms = now_ms().min(store.clock_ms().await?);
    let last = checkpoints.last().filter(|_| broken.is_none());
    let since_ms = match (options.since, last) {
        (Some(since_s), _) => Some(began_ms - since_s * 1000),
        (None, Some(last)) if !options.all => Some(last.until_ms - OVERLAP_MS),
        (None, _) => None,
    };
    let mut read = Read {
        began_ms,
        orders: 0,
        entries: 0,
        digest: String::new(),
    };
    match since_ms {
        Some(since_ms) => since(store, since_ms, &mut read, findings).await?,
        None => all(store, &mut read, findings).await?,
    }
    let what = match since_ms {
        Some(since_ms) => format!("what was told since {}", zone::time(since_ms)),
        None => "all of it".to_owned(),
    };
    println!(
        "ok    the stories of {} orders were read: {what}",
        read.orders
    );
    let sound = findings.0.len() == found_before;
    if sound && options.since.is_none() && (broken.is_none() || options.all) {
        if broken.is_some() {
            store.unseal().await?;
        }
        seal(store, last, read).await?;
    }
    Ok(())
}

async fn all(store: &dyn Store, read: &mut Read, findings: &mut Findings) -> Result<()> {
    let mut after = String::new();
    loop {
        let orders = store.order_numbers(&after, PAGE).await?;
        let Some(last) = orders.last() else {
            break;
        };
        after.clone_from(last);
        look_at_each(store, &orders, read, findings).await?;
    }
    for contradiction in store.contradictions(None).await? {
        findings.add(contradiction);
    }
    Ok(())
}

async fn since(
    store: &dyn Store,
    since_ms: i64,
    read: &mut Read,
    findings: &mut Findings,
) -> Result<()> {
    let mut seen = HashSet::new();
    let mut after = Told {
        at_ms: since_ms,
        order_sn: String::new(),
    };
    loop {
        let page = store.orders_told(&after, PAGE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after.clone_from(last);
        let numbers = page.into_iter().map(|told| told.order_sn);
        let orders: Vec<_> = numbers
            .filter(|number| seen.insert(number.clone()))
            .collect();
        look_at_each(store, &orders, read, findings).await?;
    }
}

/// Every order's chain, the raw bytes that it speaks of, and the states around it.
async fn look_at_each(
    store: &dyn Store,
    orders: &[String],
    read: &mut Read,
    findings: &mut Findings,
) -> Result<()> {
    let stories = store.stories(orders).await?;
    let kept: HashSet<_> = stories.iter().map(|story| &story.order_sn).collect();
    for gone in orders.iter().filter(|number| !kept.contains(number)) {
        findings.add(format!("order {gone} has a story and is gone"));
    }
    for story in &stories {
        for finding in look_at(story) {
            findings.add(finding);
        }
        read.orders += 1;
        read.entries += story.length;
        let read_on = format!("{} {} {}", read.digest, story.order_sn, story.head);
        read.digest = digest(read_on.as_bytes());
        if read.orders % TOLD_EACH == 0 {
            println!("…     {} orders", read.orders);
        }
    }
    for contradiction in store.contradictions(Some(orders)).await? {
        findings.add(contradiction);
    }
    Ok(())
}

fn look_at(story: &Story) -> Vec<String> {
    let number = &story.order_sn;
    let mut found = Vec::new();
    if let Err(broken) = check(number, &story.entries, story.length, &story.head) {
        found.push(format!("the story of {number}: {broken}"));
    }
    for (entry, body) in story.entries.iter().zip(&story.bodies) {
        let fits = |digest: &String| entry.detail.ends_with(digest.as_str());
        if let Some(id) = entry.notify_id
            && !body.as_ref().is_some_and(fits)
        {
            found.push(format!("notify {id} of {number} was changed, or is gone"));
        }
    }
    found
}

/// Keeps how far the book is sound.
async fn seal(store: &dyn Store, last: Option<&Checkpoint>, read: Read) -> Result<()> {
    let mut checkpoint = Checkpoint {
        seq: last.map_or(0, |last| last.seq) + 1,
        until_ms: read.began_ms,
        orders: read.orders,
        entries: read.entries,
        digest: read.digest,
        hash: String::new(),
    };
    checkpoint.hash = checkpoint.link(last.map_or("", |last| &last.hash));
    // Who looked at the same time has said as much.
    if store.seal(&checkpoint).await? {
        println!(
            "ok    sound until {}, sealed as {}: {}",
            zone::time(checkpoint.until_ms),
            checkpoint.seq,
            checkpoint.hash
        );
    }
    Ok(())
}
