//! What business systems were told, by callbacks.

use super::{Books, Pair, Verdict};
use crate::chaos::books::{Called, OurCallback};
use std::collections::BTreeSet;

/// Callbacks that are not ours, or name what our book does not have.
pub(super) fn strange_callbacks(books: &Books, verdict: &mut Verdict) {
    let sns: BTreeSet<_> = books
        .ours
        .iter()
        .map(|ours| ours.order_sn.as_str())
        .collect();
    for called in &books.shop {
        let (key, sn) = (called.value("requestKey"), called.value("orderSn"));
        if !called.verified {
            verdict.unnotified(format!("a callback for {key} {sn} does not verify"));
        } else if !sns.contains(sn) {
            verdict.unnotified(format!("a callback for {key} names an unknown order {sn}"));
        }
    }
}

/// Whom the shop was told of.
pub(super) fn callbacks(key: &str, pairs: &[Pair<'_>], called: &[&Called], verdict: &mut Verdict) {
    let verified = called.iter().filter(|one| one.verified);
    let paid: Vec<_> = verified
        .filter(|one| one.value("payStatus") == "SUCCESSPAY")
        .collect();
    let winner = pairs.iter().find(|pair| pair.ours.status == "SUCCESSPAY");
    for pair in pairs {
        for callback in &pair.ours.callbacks {
            match callback.state.as_str() {
                "PARKED" => verdict.parked.push(format!("{}: callback", pair.name())),
                "WAITING" => {
                    let name = pair.name();
                    verdict.unnotified(format!("{name}: its callback still waits"));
                }
                _ => {}
            }
        }
    }
    match (winner, paid.first()) {
        (Some(winner), None) => {
            let parked = |one: &OurCallback| one.state == "PARKED";
            if !winner.ours.callbacks.iter().any(parked) {
                let name = winner.name();
                verdict.unnotified(format!("{name} is paid, and the shop was never told"));
            }
        }
        (None, Some(_)) => {
            verdict.unnotified(format!(
                "request {key} is not paid, and the shop was told so"
            ));
        }
        (Some(winner), Some(first)) => {
            let ours = winner.ours;
            let fits = first.value("orderSn") == ours.order_sn
                && first.value("money") == ours.money.to_string();
            if !fits {
                verdict.unnotified(format!(
                    "{}: the shop was told of {} with {}",
                    winner.name(),
                    first.value("orderSn"),
                    first.value("money")
                ));
            }
            if paid.iter().any(|one| one.values != first.values) {
                verdict.doubled(format!(
                    "{}: callbacks with differing values",
                    winner.name()
                ));
            }
        }
        (None, None) => {}
    }
}
