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
    /// Refunds that are made, and of which a channel that can't be asked never told.
    pub(crate) untold: Vec<String>,
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

    /// Money that is listed for the operator, and did not go back.
    fn parked(&self) -> i64 {
        let parked = |refund: &&OurRefund| refund.state == "PARKED" && !self.executed(refund);
        let refunds = self.ours.refunds.iter().filter(parked);
        refunds.map(|refund| refund.money).sum()
    }
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

#[cfg(test)]
mod tests {
    use super::super::books::{OurCallback, TrueRefund};
    use super::super::ledger::AskedRefund;
    use super::*;
    use serde_json::Value;

    const KEY: &str = "D1-0000000000001";

    fn ours(sn: &str, status: &str) -> OurOrder {
        OurOrder {
            order_sn: sn.to_owned(),
            domain_code: "demo".to_owned(),
            request_key: KEY.to_owned(),
            money: 700,
            request_status: "SUCCESSPAY".to_owned(),
            status: status.to_owned(),
            channel: "Wechat".to_owned(),
            account: "w".to_owned(),
            channel_order_no: sn.to_owned(),
            channel_money: 700,
            channel_currency: "CNY".to_owned(),
            refunds: Vec::new(),
            callbacks: Vec::new(),
        }
    }

    fn truth(number: &str) -> TrueOrder {
        TrueOrder {
            channel: "Wechat".to_owned(),
            account: "w".to_owned(),
            channel_order_no: number.to_owned(),
            amount: 700,
            currency: "CNY".to_owned(),
            state: "SUCCESS".to_owned(),
            times_paid: 1,
            refunds: Vec::new(),
            more: Value::Null,
        }
    }

    fn our_refund(number: &str, money: i64, state: &str, cause: &str) -> OurRefund {
        OurRefund {
            refund_no: number.to_owned(),
            money,
            channel_money: money,
            state: state.to_owned(),
            cause: cause.to_owned(),
        }
    }

    fn true_refund(number: &str, amount: i64) -> TrueRefund {
        TrueRefund {
            out_refund_no: number.to_owned(),
            amount,
            custom_id: Value::Null,
        }
    }

    fn called(sn: &str, time: &str) -> Called {
        let values = [
            ("domainCode", "demo"),
            ("requestKey", KEY),
            ("orderSn", sn),
            ("money", "700"),
            ("payStatus", "SUCCESSPAY"),
            ("payTime", time),
        ];
        let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Called {
            values: values.into_iter().map(own).collect(),
            verified: true,
        }
    }

    /// One request that was paid and called back, with a refund of the business
    /// system's; and a second payment that went back by itself.
    fn good() -> Books {
        let mut books = Books {
            truth: vec![truth("1"), truth("2")],
            ours: vec![ours("1", "SUCCESSPAY"), ours("2", "DUPLICATE")],
            shop: vec![called("1", "5"), called("1", "5")],
            ..Books::default()
        };
        books.truth[0].refunds.push(true_refund("R1", 200));
        books.truth[1].refunds.push(true_refund("D2", 700));
        let own = our_refund("R1", 200, "SUCCESSREFUND", "business");
        books.ours[0].refunds.push(own);
        let beside = our_refund("D2", 700, "SUCCESSREFUND", "duplicate");
        books.ours[1].refunds.push(beside);
        books.ours[0].callbacks.push(OurCallback {
            state: "DELIVERED".to_owned(),
            created_ms: 0,
            first_try_ms: Some(0),
        });
        let asked = asked(&mut books);
        asked.told_paid = true;
        let refund = AskedRefund {
            fen: 200,
            begun: true,
        };
        asked.refunds.insert("K".to_owned(), refund);
        books
    }

    fn asked(books: &mut Books) -> &mut Asked {
        let key = ("demo".to_owned(), KEY.to_owned());
        books.asked.entry(key).or_default()
    }

    /// What is found once `spoil` has changed the good books: (lost, doubled,
    /// unnotified).
    fn found(spoil: impl FnOnce(&mut Books)) -> (usize, usize, usize) {
        let mut books = good();
        spoil(&mut books);
        let verdict = compare(&books);
        let [lost, doubled, unnotified] =
            [Kind::Lost, Kind::Doubled, Kind::Unnotified].map(|kind| verdict.count(kind));
        (lost, doubled, unnotified)
    }

    #[test]
    fn good_books_hold_nothing_to_find() {
        let verdict = compare(&good());
        assert_eq!(verdict.findings, []);
        assert_eq!((verdict.paid, verdict.refunds), (2, 2));
        assert_eq!(verdict.duplicates_refunded, 1);
        assert!(verdict.parked.is_empty());
    }

    #[test]
    fn a_payment_that_our_book_does_not_have_is_lost() {
        let unpaid = |books: &mut Books| "CLOSED".clone_into(&mut books.ours[0].status);
        assert!(found(unpaid).0 > 0);
        assert!(found(|books| books.truth.push(truth("3"))).0 > 0);
        let other_sum = |books: &mut Books| books.truth[0].amount = 701;
        assert!(found(other_sum).0 > 0);
        let other_currency = |books: &mut Books| "USD".clone_into(&mut books.truth[0].currency);
        assert!(found(other_currency).0 > 0);
    }

    #[test]
    fn an_order_without_an_end_is_lost() {
        let mut open = ours("3", "NOTPAY");
        assert!(found(|books| books.ours.push(open.clone())).0 > 0);
        "CREATING".clone_into(&mut open.status);
        assert!(found(|books| books.ours.push(open)).0 > 0);
    }

    #[test]
    fn money_of_a_request_that_is_neither_paid_nor_refunded_is_lost() {
        // Paid after the close, and nobody gives it back.
        let kept = |books: &mut Books| {
            let mut order = ours("1", "PAIDAFTERCLOSE");
            "CLOSED".clone_into(&mut order.request_status);
            books.ours = vec![order];
            books.truth = vec![truth("1")];
            books.shop.clear();
            books.asked.clear();
        };
        assert_eq!(found(kept), (1, 0, 0));
        let parked = |books: &mut Books| {
            kept(books);
            let refund = our_refund("D1", 700, "PARKED", "afterclose");
            books.ours[0].refunds.push(refund);
        };
        assert_eq!(found(parked), (0, 0, 0));
    }

    #[test]
    fn a_refund_that_was_promised_and_not_made_is_lost() {
        assert!(found(|books| books.truth[0].refunds.clear()).0 > 0);
        let forgotten = |books: &mut Books| {
            books.truth[0].refunds.clear();
            books.ours[0].refunds.clear();
        };
        assert_eq!(found(forgotten), (1, 0, 0));
        for state in ["NOTREFUND", "WAITREFUND", "FAILUREREFUND"] {
            let stuck = |books: &mut Books| {
                books.truth[0].refunds.clear();
                state.clone_into(&mut books.ours[0].refunds[0].state);
            };
            assert_eq!(found(stuck).0, 1, "{state}");
            let unknown = |books: &mut Books| state.clone_into(&mut books.ours[0].refunds[0].state);
            assert_eq!(found(unknown).0, 1, "{state}");
        }
    }

    #[test]
    fn a_parked_refund_is_listed_apart() {
        let mut books = good();
        books.truth[1].refunds.clear();
        "PARKED".clone_into(&mut books.ours[1].refunds[0].state);
        let verdict = compare(&books);
        assert_eq!(verdict.findings, []);
        assert_eq!(verdict.parked.len(), 1);
    }

    #[test]
    fn a_made_refund_that_its_channel_never_told_of_is_listed_apart() {
        let mut books = good();
        "WAITREFUND".clone_into(&mut books.ours[0].refunds[0].state);
        assert_eq!(compare(&books).count(Kind::Lost), 1);
        "ChinapayOld".clone_into(&mut books.ours[0].channel);
        "ChinapayOld".clone_into(&mut books.truth[0].channel);
        let verdict = compare(&books);
        assert_eq!((verdict.findings.len(), verdict.untold.len()), (0, 1));
        books.truth[0].refunds.clear();
        assert_eq!(compare(&books).count(Kind::Lost), 1);
    }

    #[test]
    fn what_was_promised_holds() {
        let unpaid = |books: &mut Books| {
            books.ours = vec![ours("1", "CLOSED")];
            books.truth.clear();
            books.shop.clear();
            asked(books).refunds.clear();
        };
        assert_eq!(found(unpaid), (1, 0, 0));
        let gone = |books: &mut Books| {
            unpaid(books);
            books.ours.clear();
        };
        assert_eq!(found(gone), (1, 0, 0));
        assert_eq!(found(|books| asked(books).told_closed = true), (0, 1, 0));
    }

    #[test]
    fn a_payment_that_never_was_is_doubled() {
        let never = |books: &mut Books| books.truth[0].times_paid = 0;
        assert!(found(never).1 > 0);
        assert!(found(|books| drop(books.truth.remove(0))).1 > 0);
    }

    #[test]
    fn a_sum_that_is_kept_twice_is_doubled() {
        let kept = |books: &mut Books| {
            books.truth[0].refunds.clear();
            books.ours[0].refunds.clear();
            asked(books).refunds.clear();
            books.truth[1].refunds.clear();
            books.ours[1].refunds.clear();
        };
        assert_eq!(found(kept), (0, 1, 0));
        let winners = |books: &mut Books| "SUCCESSPAY".clone_into(&mut books.ours[1].status);
        assert_eq!(found(winners).1, 1);
        assert_eq!(found(|books| books.truth[0].times_paid = 2), (0, 1, 0));
        // Two orders of a channel under one number of ours.
        let mut twin = truth("other");
        twin.more = serde_json::json!({"custom_id": "1"});
        assert_eq!(found(|books| books.truth.push(twin)), (0, 1, 0));
    }

    #[test]
    fn a_refund_that_is_made_twice_or_of_nothing_is_doubled() {
        let twice = |books: &mut Books| books.truth[0].refunds.push(true_refund("R1", 200));
        assert_eq!(found(twice), (0, 1, 0));
        let unknown = |books: &mut Books| books.truth[0].refunds.push(true_refund("R9", 1));
        assert_eq!(found(unknown), (0, 1, 0));
        let more = |books: &mut Books| books.truth[0].refunds[0].amount = 201;
        assert_eq!(found(more), (0, 1, 0));
        let too_much = |books: &mut Books| {
            books.truth[0].refunds[0].amount = 701;
            books.ours[0].refunds[0].channel_money = 701;
        };
        assert_eq!(found(too_much), (0, 1, 0));
        let not_asked = |books: &mut Books| asked(books).refunds.clear();
        assert_eq!(found(not_asked), (0, 1, 0));
    }

    #[test]
    fn a_request_whose_shop_was_not_told_is_unnotified() {
        assert_eq!(found(|books| books.shop.clear()), (0, 0, 1));
        let forged = |books: &mut Books| books.shop[0].verified = false;
        assert_eq!(found(forged), (0, 0, 1));
        let waits = |books: &mut Books| {
            "WAITING".clone_into(&mut books.ours[0].callbacks[0].state);
        };
        assert_eq!(found(waits), (0, 0, 1));
        let mut parked = good();
        parked.shop.clear();
        "PARKED".clone_into(&mut parked.ours[0].callbacks[0].state);
        let verdict = compare(&parked);
        assert_eq!((verdict.findings.len(), verdict.parked.len()), (0, 1));
    }

    #[test]
    fn a_shop_that_was_told_of_what_is_not_paid_is_found() {
        let nothing = |books: &mut Books| {
            "CLOSED".clone_into(&mut books.ours[0].status);
            books.truth[0].times_paid = 0;
        };
        assert_eq!(found(nothing).2, 1);
        let stranger = |books: &mut Books| books.shop.push(called("9", "5"));
        assert!(found(stranger).2 > 0);
        let other_order = |books: &mut Books| books.shop = vec![called("2", "5")];
        assert_eq!(found(other_order), (0, 0, 1));
    }

    #[test]
    fn callbacks_that_differ_are_doubled() {
        assert_eq!(found(|books| books.shop.push(called("1", "6"))), (0, 1, 0));
    }
}
