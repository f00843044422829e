//! The three books side by side: what is lost, doubled or not told. Pure: books
//! in, findings out.

use super::books::{Called, OurOrder, OurRefund, TrueOrder};
use super::ledger::{Asked, Requests};
use std::collections::{BTreeMap, BTreeSet};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Lost,
    Doubled,
    Unnotified,
}

impl Kind {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Unnotified => "unnotified",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) detail: String,
}

/// What a comparison came to.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    pub(crate) findings: Vec<Finding>,
    /// Refunds and callbacks that wait for the operator, listed by the platform.
    pub(crate) parked: Vec<String>,
    /// Money beside a request that went back by itself.
    pub(crate) duplicates_refunded: usize,
    /// Orders with money at the sandbox.
    pub(crate) paid: usize,
    /// Refunds at the sandbox.
    pub(crate) refunds: usize,
}

impl Verdict {
    pub(crate) fn count(&self, kind: Kind) -> usize {
        let of_kind = |finding: &&Finding| finding.kind == kind;
        self.findings.iter().filter(of_kind).count()
    }

    fn add(&mut self, kind: Kind, detail: String) {
        self.findings.push(Finding { kind, detail });
    }

    fn lost(&mut self, detail: String) {
        self.add(Kind::Lost, detail);
    }

    fn doubled(&mut self, detail: String) {
        self.add(Kind::Doubled, detail);
    }

    fn unnotified(&mut self, detail: String) {
        self.add(Kind::Unnotified, detail);
    }
}

/// The books, and what was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Books {
    pub(crate) truth: Vec<TrueOrder>,
    pub(crate) ours: Vec<OurOrder>,
    pub(crate) shop: Vec<Called>,
    pub(crate) asked: Requests,
}

/// An attempt of ours with what the sandbox has under its number.
struct Pair<'a> {
    ours: &'a OurOrder,
    truth: Vec<&'a TrueOrder>,
}

impl Pair<'_> {
    fn name(&self) -> String {
        let OurOrder {
            order_sn,
            request_key,
            channel,
            status,
            ..
        } = self.ours;
        format!("order {order_sn} of {request_key} ({channel}, {status})")
    }

    fn is_truly_paid(&self) -> bool {
        self.truth.iter().any(|order| order.is_paid())
    }

    /// The refund of ours that the sandbox executed under this number.
    fn executed(&self, refund: &OurRefund) -> bool {
        let mut all = self.truth.iter().flat_map(|order| &order.refunds);
        all.any(|one| is_same_refund(one, refund))
    }

    /// What of the request's money truly lies with us on this attempt.
    fn net(&self) -> i64 {
        if !self.is_truly_paid() {
            return 0;
        }
        let refunds = self.ours.refunds.iter();
        let back = refunds.filter(|refund| self.executed(refund));
        self.ours.money - back.map(|refund| refund.money).sum::<i64>()
    }

    /// Money that is listed for the operator, and did not go back.
    fn parked(&self) -> i64 {
        let parked = |refund: &&OurRefund| refund.state == "PARKED" && !self.executed(refund);
        let refunds = self.ours.refunds.iter().filter(parked);
        refunds.map(|refund| refund.money).sum()
    }
}

fn is_same_refund(truth: &super::books::TrueRefund, ours: &OurRefund) -> bool {
    truth.out_refund_no == ours.refund_no || truth.custom_id == ours.refund_no.as_str()
}

/// Compares.
pub(crate) fn compare(books: &Books) -> Verdict {
    let mut verdict = Verdict {
        paid: books.truth.iter().filter(|order| order.is_paid()).count(),
        refunds: books.truth.iter().map(|order| order.refunds.len()).sum(),
        ..Verdict::default()
    };
    strangers(books, &mut verdict);
    let mut shop: BTreeMap<(&str, &str), Vec<&Called>> = BTreeMap::new();
    for called in &books.shop {
        let key = (called.value("domainCode"), called.value("requestKey"));
        shop.entry(key).or_default().push(called);
    }
    for ((domain, key), pairs) in requests(books) {
        let asked = books.asked.get(&(domain.to_owned(), key.to_owned()));
        let called = shop.get(&(domain, key)).map_or(&[][..], Vec::as_slice);
        for pair in &pairs {
            payments(pair, &mut verdict);
            refunds(pair, &mut verdict);
        }
        sums(key, &pairs, &mut verdict);
        promises(
            key,
            &pairs,
            asked.unwrap_or(&Asked::default()),
            &mut verdict,
        );
        callbacks(key, &pairs, called, &mut verdict);
    }
    never_begun(books, &mut verdict);
    verdict
}

fn requests(books: &Books) -> BTreeMap<(&str, &str), Vec<Pair<'_>>> {
    let mut truth: BTreeMap<(&str, &str, &str), Vec<&TrueOrder>> = BTreeMap::new();
    for order in &books.truth {
        let key = (
            order.channel.as_str(),
            order.account.as_str(),
            order.number(),
        );
        truth.entry(key).or_default().push(order);
    }
    let mut requests: BTreeMap<(&str, &str), Vec<Pair<'_>>> = BTreeMap::new();
    for ours in &books.ours {
        let key = (
            ours.channel.as_str(),
            ours.account.as_str(),
            ours.channel_order_no.as_str(),
        );
        let truth = truth.get(&key).cloned().unwrap_or_default();
        let request = (ours.domain_code.as_str(), ours.request_key.as_str());
        requests
            .entry(request)
            .or_default()
            .push(Pair { ours, truth });
    }
    requests
}

/// Money at the sandbox, and callbacks, of which our book knows nothing.
fn strangers(books: &Books, verdict: &mut Verdict) {
    let numbers: BTreeSet<_> = books
        .ours
        .iter()
        .map(|ours| {
            (
                ours.channel.as_str(),
                ours.account.as_str(),
                ours.channel_order_no.as_str(),
            )
        })
        .collect();
    let sns: BTreeSet<_> = books
        .ours
        .iter()
        .map(|ours| ours.order_sn.as_str())
        .collect();
    for order in books.truth.iter().filter(|order| order.is_paid()) {
        let (channel, account) = (order.channel.as_str(), order.account.as_str());
        if !numbers.contains(&(channel, account, order.number())) {
            verdict.lost(format!(
                "{} {} {}: paid, and not in our book",
                order.channel,
                order.account,
                order.number()
            ));
        }
    }
    for called in &books.shop {
        let (key, sn) = (called.value("requestKey"), called.value("orderSn"));
        if !called.verified {
            verdict.unnotified(format!("a callback for {key} {sn} does not verify"));
        } else if !sns.contains(sn) {
            verdict.unnotified(format!("a callback for {key} names an unknown order {sn}"));
        }
    }
}

/// One attempt: what was truly paid is in our book with this sum, and nothing else is.
fn payments(pair: &Pair<'_>, verdict: &mut Verdict) {
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

/// The refunds of one attempt: each of ours once at the channel, and no other.
fn refunds(pair: &Pair<'_>, verdict: &mut Verdict) {
    let (ours, name) = (pair.ours, pair.name());
    for refund in &ours.refunds {
        let number = &refund.refund_no;
        let executed: Vec<_> = pair
            .truth
            .iter()
            .flat_map(|order| &order.refunds)
            .filter(|one| is_same_refund(one, refund))
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
            ("PARKED", true) => verdict.parked.push(format!(
                "{name}: refund {number} of {} ({})",
                refund.money, refund.cause
            )),
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
            if !ours
                .refunds
                .iter()
                .any(|refund| is_same_refund(one, refund))
            {
                verdict.doubled(format!(
                    "{name}: refund {} at the channel is not in our book",
                    one.out_refund_no
                ));
            }
        }
    }
}

/// A whole request: its money once, or given back.
fn sums(key: &str, pairs: &[Pair<'_>], verdict: &mut Verdict) {
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

/// What the business system asked for and was told holds.
fn promises(key: &str, pairs: &[Pair<'_>], asked: &Asked, verdict: &mut Verdict) {
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

/// Whom the shop was told of.
fn callbacks(key: &str, pairs: &[Pair<'_>], called: &[&Called], verdict: &mut Verdict) {
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
            let parked = |one: &super::books::OurCallback| one.state == "PARKED";
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

/// What was promised for requests of which our book has no attempt at all.
fn never_begun(books: &Books, verdict: &mut Verdict) {
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
