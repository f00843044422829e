//! Whoever ends at the channels what waits for a person: captures that are held back for
//! a review, and refunds that a bank sent back.

use super::books::{self, TrueOrder};
use super::stage::Stage;
use anyhow::{Result, bail};
use fastrand::Rng;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// He takes up to this long, so that some outlive their attempt.
const TAKES_S: std::ops::Range<u64> = 0..40;
/// One held capture in so many is denied, and one refund in so many left lying.
const ONE_IN: u32 = 4;

/// What waits for him, since when, and when its turn comes.
#[derive(Default)]
pub(crate) struct Person {
    due: BTreeMap<String, Instant>,
}

impl Person {
    /// Looks at the sandbox's book once, and ends what is due.
    ///
    /// # Errors
    /// When the sandbox, which nobody kills, does not answer as it must.
    pub(crate) fn work(&mut self, stage: &Stage) -> Result<()> {
        for order in books::of_sandbox(&stage.wire, &stage.sandbox)? {
            if order.is_held() && self.is_due(order.number()) {
                let act = match drawn(order.number()).u32(0..ONE_IN) {
                    0 => "decline",
                    _ => "pay",
                };
                control(stage, act, &order, json!({}))?;
            }
            for number in order.abnormal() {
                if drawn(number).u32(0..ONE_IN) > 0 && self.is_due(number) {
                    control(
                        stage,
                        "finish-refund",
                        &order,
                        json!({"outRefundNo": number}),
                    )?;
                }
            }
        }
        Ok(())
    }

    fn is_due(&mut self, number: &str) -> bool {
        let takes = Duration::from_secs(drawn(number).u64(TAKES_S));
        let due = self.due.entry(number.to_owned());
        *due.or_insert_with(|| Instant::now() + takes) <= Instant::now()
    }
}

/// The same number meets the same fate.
fn drawn(number: &str) -> Rng {
    let seed = number.bytes().fold(0, |seed: u64, byte| {
        seed.wrapping_mul(31).wrapping_add(byte.into())
    });
    Rng::with_seed(seed)
}

fn control(stage: &Stage, act: &str, order: &TrueOrder, mut wish: Value) -> Result<()> {
    wish["channelOrderNo"] = json!(order.channel_order_no);
    wish["account"] = json!(order.account);
    let url = format!("{}/control/{act}", stage.sandbox);
    match stage.wire.post_json(&url, &wish.to_string())?.status {
        // It may have ended by itself meanwhile.
        200..300 | 404 | 409 => Ok(()),
        status => bail!("the sandbox answers {status} to {act}"),
    }
}
