//! What business systems were told, by answers to their calls.

use super::{Books, Pair, Verdict};
use crate::chaos::ledger::Asked;
use std::collections::{BTreeMap, BTreeSet};

/// What the business system asked for and was told holds.
pub(super) fn promises(key: &str, pairs: &[Pair<'_>], asked: &Asked, verdict: &mut Verdict) {
    let winner = pairs.iter().find(|pair| pair.ours.status == "SUCCESSPAY");
    if asked.told_paid && winner.is_none() {
        verdict.lost(format!("request {key} was called paid, and is not"));
    }
    if asked.told_closed && winner.is_some() {
        verdict.doubled(format!("request {key} was called closed, and is paid"));
    }
    let own = pairs.iter().flat_map(|pair| &pair.ours.refunds);
    let own: i64 = own
        .filter(|refund| refund.cause == "business")
        .map(|refund| refund.money)
        .sum();
    let begun = asked.refunds.values().filter(|refund| refund.begun);
    let begun: i64 = begun.map(|refund| refund.fen).sum();
    let most: i64 = asked.refunds.values().map(|refund| refund.fen).sum();
    if own < begun {
        verdict.lost(format!(
            "request {key}: {begun} were answered as refunds, and our book has {own}"
        ));
    }
    if own > most {
        verdict.doubled(format!(
            "request {key}: {most} were asked back, and our book has refunds of {own}"
        ));
    }
}

/// What was promised for requests of which our book has no attempt at all.
pub(super) fn never_begun(books: &Books, verdict: &mut Verdict) {
    let requests: BTreeSet<_> = books
        .ours
        .iter()
        .map(|ours| (ours.domain_code.as_str(), ours.request_key.as_str()))
        .collect();
    for ((domain, key), asked) in &books.asked {
        let known = requests.contains(&(domain.as_str(), key.as_str()));
        if !known && (asked.told_paid || asked.refunds.values().any(|refund| refund.begun)) {
            verdict.lost(format!(
                "request {key} was called paid, and is not in our book"
            ));
        }
    }
}

/// A partner's number is one order, however often it was sent.
pub(super) fn ordered_twice(books: &Books, verdict: &mut Verdict) {
    let mut keys: BTreeMap<(&str, &str), &str> = BTreeMap::new();
    let partners = books.asked.iter();
    for ((domain, key), asked) in partners.filter(|(_, asked)| !asked.out_order_id.is_empty()) {
        let number = asked.out_order_id.as_str();
        if let Some(other) = keys.insert((domain, number), key) {
            verdict.doubled(format!("outOrderId {number} is two orders: {other}, {key}"));
        }
    }
}
