//! Money: what was truly paid, and what our book has of it.

use super::{Books, Pair, Verdict};
use crate::chaos::books::OurOrder;
use std::collections::BTreeSet;

/// Money at the sandbox of which our book knows nothing.
pub(super) fn strange_payments(books: &Books, verdict: &mut Verdict) {
    let places: BTreeSet<_> = books.ours.iter().map(OurOrder::place).collect();
    for order in books.truth.iter().filter(|order| order.is_paid()) {
        if !places.contains(&order.place()) {
            verdict.lost(format!(
                "{} {} {}: paid, and not in our book",
                order.channel,
                order.account,
                order.number()
            ));
        }
    }
}

/// One attempt: what was truly paid is in our book with this sum, and nothing else is.
pub(super) fn payments(pair: &Pair<'_>, verdict: &mut Verdict) {
    let (ours, name) = (pair.ours, pair.name());
    if pair.is_truly_paid() && !ours.has_money() {
        verdict.lost(format!("{name} is paid at the channel"));
    }
    if !pair.is_truly_paid() && ours.has_money() {
        verdict.doubled(format!("{name} is not paid at the channel"));
    }
    if ours.is_open() && !pair.is_truly_paid() {
        verdict.lost(format!("{name} never came to an end"));
    }
    let times: u32 = pair.truth.iter().map(|order| order.times_paid).sum();
    if times > 1 {
        verdict.doubled(format!("{name} was paid {times} times at the channel"));
    }
    for truth in pair.truth.iter().filter(|order| order.is_paid()) {
        if truth.amount != ours.channel_money || truth.currency != ours.channel_currency {
            verdict.lost(format!(
                "{name} is paid with {} {}, and has {} {} in our book",
                truth.amount, truth.currency, ours.channel_money, ours.channel_currency
            ));
        }
    }
}

/// A whole request: its money once, or given back.
pub(super) fn sums(key: &str, pairs: &[Pair<'_>], verdict: &mut Verdict) {
    let Some(first) = pairs.first() else { return };
    let net: i64 = pairs.iter().map(Pair::net).sum();
    let parked: i64 = pairs.iter().map(Pair::parked).sum();
    if net > first.ours.money + parked {
        verdict.doubled(format!(
            "request {key}: {net} kept of a sum of {} ({parked} parked)",
            first.ours.money
        ));
    }
    let winners = pairs.iter().filter(|pair| pair.ours.status == "SUCCESSPAY");
    let winners: Vec<_> = winners.collect();
    if winners.len() > 1 {
        let count = winners.len();
        verdict.doubled(format!("request {key} is paid by {count} orders"));
    }
    if winners.is_empty() && net > parked {
        verdict.lost(format!(
            "request {key} ({}): {net} lie at the channel, and it is neither paid nor refunded",
            first.ours.request_status
        ));
    }
}
