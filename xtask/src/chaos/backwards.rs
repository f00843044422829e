//! After a run on a cluster: its books go back. Nobody may go on with the older ones, until
//! the newer are back, or an operator has said that the older are meant.

use super::stage::Stage;
use crate::cluster::Cluster;
use crate::process::wait_until;
use crate::sign::{Purpose, json, signed};
use crate::wire::Wire;
use anyhow::{Result, bail};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

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
    wait("no payment begins before", || Ok(begins(stage)))?;
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
        if begins(stage) {
            bail!("a payment began on books that went back");
        }
        sleep(LOOK_AGAIN);
    }
    drop(older);
    cluster.come_back()?;
    stage.fleet.wait_all_ready()?;
    wait("no payment begins on the newer books", || Ok(begins(stage)))?;
    let refusals = stage.logged(INSTANCE, REFUSAL)?;
    let _older = cluster.run_copy(copy)?;
    wait("the older books were not noticed again", || {
        Ok(stage.logged(INSTANCE, REFUSAL)? > refusals)
    })?;
    stage.accept_books(INSTANCE)?;
    stage.fleet.wait_ready(INSTANCE)?;
    wait("no payment begins on books that were accepted", || {
        Ok(begins(stage))
    })
}

/// Whether a payment begins at the instance.
fn begins(stage: &Stage) -> bool {
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
    Wire::new()
        .post_json(&url, &body)
        .is_ok_and(|answer| answer.is_done())
}

fn wait(otherwise: &str, look: impl Fn() -> Result<bool>) -> Result<()> {
    wait_until(otherwise, PATIENCE, || Ok(look()?.then_some(())))
}
