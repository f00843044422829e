//! After a run on a cluster: its books go back. Nobody may go on with the older ones, until
//! the newer are back, or an operator has said that the older are meant.

use super::stage::Stage;
use crate::cluster::Cluster;
use crate::process::told_to_stop;
use crate::sign::{Purpose, json, signed};
use crate::wire::Wire;
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// An instance's first, which asks by the list of hosts.
const INSTANCE: usize = 0;
/// What an instance logs of books that went back.
const REFUSAL: &str = "the books are not worked on";
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Plays it, with a copy of the books that was made under load.
///
/// # Errors
/// Where an instance goes on with older books, or does not after they were accepted.
pub(crate) fn play(cluster: &Cluster, stage: &Stage, copy: &Path) -> Result<()> {
    wait("no payment begins before", || begins(stage))?;
    let refusals = stage.logged(INSTANCE, REFUSAL)?;
    let older = cluster.run_copy(copy)?;
    wait("the older books were not noticed", || {
        Ok(stage.logged(INSTANCE, REFUSAL)? > refusals)
    })?;
    // Not for a moment: what a page asks until the newer books are back.
    for _ in 0..20 {
        if stage.fleet.is_ready(INSTANCE) {
            bail!("an instance is ready on books that went back");
        }
        if begins(stage)? {
            bail!("a payment began on books that went back");
        }
        sleep(LOOK_AGAIN);
    }
    drop(older);
    cluster.come_back()?;
    stage.fleet.wait_all_ready()?;
    wait("no payment begins on the newer books", || begins(stage))?;
    let _older = cluster.run_copy(copy)?;
    wait("the older books were not noticed again", || {
        Ok(stage.logged(INSTANCE, REFUSAL)? > refusals + 1)
    })?;
    stage.accept_books(INSTANCE)?;
    stage.fleet.wait_ready(INSTANCE)?;
    wait("no payment begins on books that were accepted", || {
        begins(stage)
    })
}

/// Whether a payment begins at the instance.
fn begins(stage: &Stage) -> Result<bool> {
    let key = format!("B{}", fastrand::u64(1_000_000..10_000_000));
    let values = [
        ("domainCode", "test"),
        ("requestKey", key.as_str()),
        ("money", "100"),
        ("info", "again"),
        ("currencyType", "CNY"),
        ("bgUrl", stage.shop.as_str()),
        ("pageUrl", stage.shop.as_str()),
    ];
    let mut pairs = signed(Purpose::Pay, &values, "test");
    // It is not signed.
    pairs.push(("payTypeCode".to_owned(), "Paypal".to_owned()));
    let body = json(&pairs);
    let url = format!("{}/pay/api/pc/pay", stage.address_of(INSTANCE));
    let Ok(answer) = Wire::new().post_json(&url, &body) else {
        return Ok(false);
    };
    let told: Value = serde_json::from_str(&answer.body).context("no envelope")?;
    Ok(told["errcode"] == "0" || told["errcode"] == 0)
}

fn wait(otherwise: &str, mut look: impl FnMut() -> Result<bool>) -> Result<()> {
    let started = Instant::now();
    while !look()? {
        if told_to_stop() {
            bail!("stopped");
        }
        if started.elapsed() > PATIENCE {
            bail!("{otherwise} within {PATIENCE:?}");
        }
        sleep(LOOK_AGAIN);
    }
    Ok(())
}
