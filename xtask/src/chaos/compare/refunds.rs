//! Money that went back.

use super::{Pair, Verdict};

/// The refunds of one attempt: each of ours once at the channel, and no other.
pub(super) fn refunds(pair: &Pair<'_>, verdict: &mut Verdict) {
    let (ours, name) = (pair.ours, pair.name());
    for refund in &ours.refunds {
        let number = &refund.refund_no;
        let executed: Vec<_> = pair
            .truth
            .iter()
            .flat_map(|order| &order.refunds)
            .filter(|one| one.is(refund))
            .collect();
        if executed.len() > 1 {
            let times = executed.len();
            verdict.doubled(format!(
                "{name}: refund {number} was executed {times} times"
            ));
        }
        for one in &executed {
            if one.amount != refund.channel_money {
                let (amount, wanted) = (one.amount, refund.channel_money);
                verdict.doubled(format!(
                    "{name}: refund {number} gave {amount} in place of {wanted}"
                ));
            }
        }
        match (refund.state.as_str(), executed.is_empty()) {
            ("FAILUREREFUND", true) if pair.has_failed(refund) => verdict.parked.push(format!(
                "{name}: refund {number} of {}, which came to nothing at the channel",
                refund.money
            )),
            ("WAITREFUND", true) if pair.has_failed(refund) && ours.is_told_of_refunds() => {
                verdict.untold.push(format!("{name}: refund {number}"));
            }
            ("WAITREFUND", true) if pair.has_parked(refund) => {
                verdict
                    .parked
                    .push(format!("{name}: refund {number}, parked at the second"));
            }
            ("PARKED", true) => verdict.parked.push(format!(
                "{name}: refund {number} of {} ({})",
                refund.money, refund.cause
            )),
            ("WAITREFUND", false) if ours.is_told_of_refunds() => {
                verdict.untold.push(format!("{name}: refund {number}"));
            }
            ("PARKED", false) => verdict.parked.push(format!(
                "{name}: refund {number}, which the channel executed"
            )),
            (state, true) => verdict.lost(format!(
                "{name}: refund {number} ({}) is {state}, and the channel has none",
                refund.cause
            )),
            ("SUCCESSREFUND", false) => {
                if matches!(refund.cause.as_str(), "duplicate" | "afterclose") {
                    verdict.duplicates_refunded += 1;
                }
            }
            (state, false) => verdict.lost(format!(
                "{name}: refund {number} is executed, and {state} in our book"
            )),
        }
    }
    for truth in &pair.truth {
        let back: i64 = truth.refunds.iter().map(|refund| refund.amount).sum();
        if back > truth.amount {
            let paid = truth.amount;
            verdict.doubled(format!("{name}: {back} given back of {paid} paid"));
        }
        for one in &truth.refunds {
            if !ours.refunds.iter().any(|refund| one.is(refund)) {
                verdict.doubled(format!(
                    "{name}: refund {} at the channel is not in our book",
                    one.out_refund_no
                ));
            }
        }
    }
}
