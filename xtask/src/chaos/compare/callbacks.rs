//! What business systems were told, by callbacks.

use super::{Books, Pair, Verdict};
use crate::chaos::books::{Called, OurCallback};
use crate::chaos::ledger::Asked;
use std::collections::BTreeSet;

/// Callbacks that are not ours, or name what our book does not have.
pub(super) fn strange_callbacks(books: &Books, verdict: &mut Verdict) {
    let sns: BTreeSet<_> = books
        .ours
        .iter()
        .map(|ours| ours.order_sn.as_str())
        .collect();
    for called in &books.shop {
        let (key, sn) = (called.key(), called.order_sn());
        if !called.verified {
            verdict.unnotified(format!("a callback for {key} {sn} does not verify"));
        } else if !sns.contains(sn) {
            verdict.unnotified(format!("a callback for {key} names an unknown order {sn}"));
        }
    }
}

/// What was told of one request, and what it was asked as.
pub(super) struct Told<'a> {
    pub(super) key: &'a str,
    pub(super) asked: &'a Asked,
    pub(super) called: &'a [&'a Called],
}

/// Whoever is paid is told so, and nobody else: of this order, with its sum, and a
/// partner by the number that he gave.
pub(super) fn callbacks(told: &Told<'_>, pairs: &[Pair<'_>], verdict: &mut Verdict) {
    let key = told.key;
    let verified = told.called.iter().filter(|one| one.verified);
    let paid: Vec<_> = verified.filter(|one| one.says_paid()).collect();
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
            // Nobody is told any more of what went back before it was taken.
            let went_back = winner.net() <= 0;
            if !went_back && !winner.ours.callbacks.iter().any(parked) {
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
            let fits = first.order_sn() == ours.order_sn
                && first.fen() == Some(ours.money)
                && first.out_order_id() == told.asked.out_order_id;
            if !fits {
                verdict.unnotified(format!(
                    "{}: the shop was told of {} {} with {:?}",
                    winner.name(),
                    first.out_order_id(),
                    first.order_sn(),
                    first.fen()
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
