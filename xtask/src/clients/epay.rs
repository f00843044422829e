//! Business systems that speak epay (docs/epay.md), as their own clients do: one that
//! calls `mapi.php`, one that leads its payer to `submit.php`.

use super::{Client, holds};
use crate::step::{run_quietly, works};
use crate::world::World;
use anyhow::{Context, Result, bail};
use serde_json::json;
use std::path::PathBuf;

/// What is run in a language whose program is there.
pub(super) const CLIENTS: [(&str, &str); 2] = [
    ("python", "xtask/clients/epay.py"),
    ("php", "xtask/clients/epay.php"),
];

/// An order of its shop, paid, told, looked at and given back.
pub(super) fn walk(world: &World, runs: &[PathBuf]) -> Result<()> {
    Client::with_shop(world, runs, |client| {
        let number = client.sells("/buy")?;
        let order = client.asks(&["query", &number])?;
        for (place, wanted) in [
            ("/code", json!(1)),
            ("/status", json!(1)),
            ("/money", json!("1.00")),
            ("/type", json!("wxpay")),
        ] {
            holds(&order, place, &wanted)?;
        }
        let refund = |words: &[&str]| {
            let refund = client.asks(words)?;
            holds(&refund, "/code", &json!(1))?;
            let number = refund["refund_no"].as_str().map(str::to_owned);
            number.with_context(|| format!("no refund_no in {refund}"))
        };
        let own = format!("r-{number}");
        let named = ["refund", &number, "0.40", &own];
        let first = refund(&named)?;
        if refund(&named)? != first || refund(&["refund", &number, "0.40"])? == first {
            bail!("the same out_refund_no is another refund, or none is the same");
        }
        let much = client.asks(&["refund", &number, "0.21", "r-2"])?;
        holds(&much, "/code", &json!(-1))?;
        judges(client)
    })
}

/// Only what the key has signed is a notification.
fn judges(client: &Client<'_>) -> Result<()> {
    // MD5 of it less sign and sign_type, sorted, and the key of pid 1001.
    let told = "pid=1001&trade_no=20160806151343349021&out_trade_no=20160806151343349\
        &type=alipay&name=VIP%E4%BC%9A%E5%91%98&money=1&trade_status=TRADE_SUCCESS\
        &sign=d234c00c90982004526450b6a5e31089&sign_type=MD5";
    run_quietly(&mut client.command(&["verify", told])).context("a genuine notification")?;
    let forged = told.replace("money=1", "money=10");
    if works(&mut client.command(&["verify", &forged])) {
        bail!("a forged notification verifies");
    }
    Ok(())
}
