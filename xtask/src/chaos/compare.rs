//! The three books side by side: what is lost, doubled or not told. Pure: books
//! in, findings out.

mod callbacks;
mod payments;
mod promises;
mod refunds;
#[cfg(test)]
mod tests;

use super::books::{Called, OurCallback, OurOrder, OurRefund, TrueOrder};
use super::ledger::Requests;
use super::plan::{PARTNER, SECOND};
use super::second;
use callbacks::{Told, callbacks, strange_callbacks};
use payments::{payments, strange_payments, sums};
use promises::{never_begun, ordered_twice, promises};
use refunds::refunds;
use std::collections::BTreeMap;

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
    /// Refunds that are made, and of which a channel that can't be asked never told.
    pub(crate) untold: Vec<String>,
    /// Money beside a request that went back by itself.
    pub(crate) duplicates_refunded: usize,
    /// Orders with money at the sandbox.
    pub(crate) paid: usize,
    /// Those of them that came through another checkout behind a channel.
    pub(crate) paid_upstream: usize,
    /// Those of these whose upstream is our second platform.
    pub(crate) paid_by_chain: usize,
    /// Orders of partners that are paid.
    pub(crate) paid_by_partners: usize,
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
        self.truth.iter().any(|order| order.executed(refund))
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

    /// Whether the channel made nothing of this refund of ours.
    fn has_failed(&self, refund: &OurRefund) -> bool {
        self.truth.iter().any(|order| order.has_failed(refund))
    }

    /// Whether this refund of ours waits for a person at the second platform.
    fn has_parked(&self, refund: &OurRefund) -> bool {
        self.truth.iter().any(|order| order.has_parked(refund))
    }

    /// Money that is listed for the operator, and did not go back; or of which its channel
    /// alone could tell that it did not.
    fn parked(&self) -> i64 {
        let parked = |refund: &&OurRefund| {
            let listed = match refund.state.as_str() {
                "PARKED" => true,
                "FAILUREREFUND" => self.has_failed(refund),
                "WAITREFUND" => {
                    let is_untold = self.ours.is_told_of_refunds() && self.has_failed(refund);
                    self.has_parked(refund) || is_untold
                }
                _ => false,
            };
            listed && !self.executed(refund)
        };
        let refunds = self.ours.refunds.iter().filter(parked);
        refunds.map(|refund| refund.money).sum()
    }
}

/// Compares; the second platform's book with the sandbox's, and as the upstream of ours.
pub(crate) fn compare_both(mut books: Books, second: Vec<OurOrder>) -> Verdict {
    let (firsts, seconds) = second::sides(books.truth, &second);
    books.truth = firsts;
    let behind = Books {
        truth: seconds,
        ours: second,
        ..Books::default()
    };
    let mut verdict = compare(&books);
    compare_money(&behind, &requests(&behind), &mut verdict);
    for ours in behind
        .ours
        .iter()
        .filter(|ours| ours.status == "SUCCESSPAY")
    {
        let told = ["DELIVERED", "PARKED"];
        let told = |one: &OurCallback| told.contains(&one.state.as_str());
        // Who had the whole sum back is told no more that it was paid: he asked for that.
        let back = ours.refunds.iter();
        let back = back.filter(|one| one.state == "SUCCESSREFUND" && one.cause == "business");
        let is_back = back.map(|one| one.money).sum::<i64>() >= ours.money;
        if !is_back && !ours.callbacks.iter().any(told) {
            let number = &ours.order_sn;
            verdict.unnotified(format!(
                "order {number} of the second: the first was not told"
            ));
        }
    }
    verdict
}

/// Money alone: what was truly paid and given back.
fn compare_money(books: &Books, requests: &Paired<'_>, verdict: &mut Verdict) {
    strange_payments(books, verdict);
    for ((_, key), pairs) in requests {
        for pair in pairs {
            payments(pair, verdict);
            refunds(pair, verdict);
        }
        sums(key, pairs, verdict);
    }
}

/// Compares.
pub(crate) fn compare(books: &Books) -> Verdict {
    let paid = || books.truth.iter().filter(|order| order.is_paid());
    let of_partner = |ours: &&OurOrder| ours.domain_code == PARTNER.0;
    let partners = books.ours.iter().filter(of_partner);
    let mut verdict = Verdict {
        paid: paid().count(),
        paid_upstream: paid().filter(|order| order.is_upstreams()).count(),
        paid_by_chain: paid().filter(|order| order.account == SECOND).count(),
        paid_by_partners: partners.filter(|ours| ours.status == "SUCCESSPAY").count(),
        refunds: books.truth.iter().map(|order| order.refunds.len()).sum(),
        ..Verdict::default()
    };
    let requests = requests(books);
    compare_money(books, &requests, &mut verdict);
    strange_callbacks(books, &mut verdict);
    let mut shop: BTreeMap<(&str, &str), Vec<&Called>> = BTreeMap::new();
    for called in &books.shop {
        shop.entry((called.domain(), called.key()))
            .or_default()
            .push(called);
    }
    for ((domain, key), pairs) in requests {
        let asked = books.asked.get(&(domain.to_owned(), key.to_owned()));
        let asked = asked.cloned().unwrap_or_default();
        let called = shop.get(&(domain, key)).map_or(&[][..], Vec::as_slice);
        promises(key, &pairs, &asked, &mut verdict);
        let told = Told {
            key,
            asked: &asked,
            called,
        };
        callbacks(&told, &pairs, &mut verdict);
    }
    never_begun(books, &mut verdict);
    ordered_twice(books, &mut verdict);
    verdict
}

/// Attempts by their domain and requestKey.
type Paired<'a> = BTreeMap<(&'a str, &'a str), Vec<Pair<'a>>>;

fn requests(books: &Books) -> Paired<'_> {
    let mut truth: BTreeMap<(&str, &str), Vec<&TrueOrder>> = BTreeMap::new();
    for order in &books.truth {
        truth.entry(order.place()).or_default().push(order);
    }
    let mut requests = Paired::new();
    for ours in &books.ours {
        let truth = truth.get(&ours.place()).cloned().unwrap_or_default();
        let request = (ours.domain_code.as_str(), ours.request_key.as_str());
        requests
            .entry(request)
            .or_default()
            .push(Pair { ours, truth });
    }
    requests
}
