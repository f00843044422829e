//! Good books, each spoiled in one way: the finding that it must come to.

use super::*;
use crate::chaos::books::{OurCallback, TrueRefund};
use crate::chaos::ledger::{Asked, AskedRefund};
use serde_json::{Value, json};

const KEY: &str = "D1-0000000000001";

fn ours(sn: &str, status: &str) -> OurOrder {
    OurOrder {
        order_sn: sn.to_owned(),
        domain_code: "demo".to_owned(),
        request_key: KEY.to_owned(),
        out_order_id: None,
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
        refund_key: None,
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
    found_in(good(), spoil)
}

fn found_in(mut books: Books, spoil: impl FnOnce(&mut Books)) -> (usize, usize, usize) {
    spoil(&mut books);
    counted(&compare(&books))
}

fn counted(verdict: &Verdict) -> (usize, usize, usize) {
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
fn a_refund_has_failed_only_where_its_channel_says_so() {
    let mut books = good();
    books.truth[1].refunds.clear();
    "FAILUREREFUND".clone_into(&mut books.ours[1].refunds[0].state);
    assert!(compare(&books).count(Kind::Lost) > 0);
    for state in ["CLOSED", "8"] {
        books.truth[1].more = json!({"stuck": {"D2": {"state": state}}});
        let verdict = compare(&books);
        assert_eq!((verdict.findings.len(), verdict.parked.len()), (0, 1));
    }
    books.truth[1].more = json!({"closed": {"D2": {}}});
    assert_eq!(compare(&books).findings, []);
    books.truth[1].more = json!({"stuck": {"D2": {"state": "ABNORMAL"}}});
    assert!(compare(&books).count(Kind::Lost) > 0);
    assert_eq!(books.truth[1].abnormal().collect::<Vec<_>>(), ["D2"]);
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

/// A second payment whose refund failed at a channel that can only tell so, and whose word
/// was lost: nobody kept it twice knowingly.
#[test]
fn a_refund_that_failed_and_was_never_told_of_is_listed_apart() {
    let mut books = good();
    for channel in [&mut books.ours[1].channel, &mut books.truth[1].channel] {
        "ChinapayOld".clone_into(channel);
    }
    books.truth[1].refunds.clear();
    "WAITREFUND".clone_into(&mut books.ours[1].refunds[0].state);
    assert!(compare(&books).count(Kind::Doubled) > 0);
    books.truth[1].more = json!({"stuck": {"D2": {"state": "8"}}});
    let verdict = compare(&books);
    assert_eq!((verdict.findings, verdict.untold.len()), (vec![], 1));
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

/// The good books, of a partner's order that came through the upstream.
fn partners() -> Books {
    let mut books = good();
    for order in &mut books.ours {
        PARTNER.0.clone_into(&mut order.domain_code);
    }
    for order in &mut books.truth {
        "Apay".clone_into(&mut order.channel);
    }
    let values = [
        ("outOrderId", "o1"),
        ("orderId", KEY),
        ("money", "7"),
        ("providerOrderId", "1"),
    ];
    let own = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    books.shop = vec![Called {
        values: values.into_iter().map(own).collect(),
        verified: true,
    }];
    let mut asked = asked(&mut books).clone();
    "o1".clone_into(&mut asked.out_order_id);
    let key = (PARTNER.0.to_owned(), KEY.to_owned());
    books.asked = [(key, asked)].into();
    books
}

/// The same as `found`, of a partner's books.
fn found_of_partner(spoil: impl FnOnce(&mut Books)) -> (usize, usize, usize) {
    found_in(partners(), spoil)
}

#[test]
fn a_partners_order_through_the_upstream_is_compared() {
    let verdict = compare(&partners());
    assert_eq!(verdict.findings, []);
    assert_eq!((verdict.paid_by_partners, verdict.paid_upstream), (1, 2));
    let unpaid = |books: &mut Books| books.truth[0].times_paid = 0;
    assert!(found_of_partner(unpaid).1 > 0);
    let unknown = |books: &mut Books| "9".clone_into(&mut books.truth[0].channel_order_no);
    assert!(found_of_partner(unknown).0 > 0);
    let refund_lost = |books: &mut Books| books.truth[0].refunds.clear();
    assert_eq!(found_of_partner(refund_lost), (1, 0, 0));
    let refund_twice = |books: &mut Books| books.truth[0].refunds.push(true_refund("R1", 200));
    assert_eq!(found_of_partner(refund_twice), (0, 1, 0));
}

#[test]
fn a_partner_who_was_not_told_or_told_otherwise_is_unnotified() {
    assert_eq!(found_of_partner(|books| books.shop.clear()), (0, 0, 1));
    let forged = |books: &mut Books| books.shop[0].verified = false;
    assert_eq!(found_of_partner(forged), (0, 0, 2));
    for (name, value) in [("outOrderId", "o2"), ("money", "7.01"), ("money", "seven")] {
        let otherwise = |books: &mut Books| {
            let values = &mut books.shop[0].values;
            values.insert(name.to_owned(), value.to_owned());
        };
        assert_eq!(found_of_partner(otherwise), (0, 0, 1), "{name} {value}");
    }
    let again = |books: &mut Books| {
        let mut again = books.shop[0].clone();
        again.values.insert("shop".to_owned(), "8".to_owned());
        books.shop.push(again);
    };
    assert_eq!(found_of_partner(again), (0, 1, 0));
}

#[test]
fn a_partners_number_that_is_two_orders_is_doubled() {
    let twice = |books: &mut Books| {
        let asked = Asked {
            out_order_id: "o1".to_owned(),
            ..Asked::default()
        };
        let key = (PARTNER.0.to_owned(), "other".to_owned());
        books.asked.insert(key, asked);
    };
    assert_eq!(found_of_partner(twice), (0, 1, 0));
}

/// A request of the first platform's that the second one brought to WeChat.
fn chained() -> (Books, Vec<OurOrder>) {
    let mut books = good();
    "second".clone_into(&mut books.ours[0].account);
    books.truth[0].account = "sandbox-cert".to_owned();
    books.truth[0].channel_order_no = "s1".to_owned();
    let mut behind = ours("s1", "SUCCESSPAY");
    behind.out_order_id = Some("1".to_owned());
    behind.account = "sandbox-cert".to_owned();
    behind.domain_code = "apay.first".to_owned();
    behind.callbacks = books.ours[0].callbacks.clone();
    let mut refund = our_refund("S1", 200, "SUCCESSREFUND", "business");
    refund.refund_key = Some("no:R1".to_owned());
    behind.refunds.push(refund);
    books.truth[0].refunds[0].out_refund_no = "S1".to_owned();
    (books, vec![behind])
}

fn found_in_chain(spoil: impl FnOnce(&mut Books, &mut Vec<OurOrder>)) -> (usize, usize, usize) {
    let (mut books, mut second) = chained();
    spoil(&mut books, &mut second);
    counted(&compare_both(books, second))
}

#[test]
fn a_chain_is_compared_at_both_of_its_links() {
    let (books, second) = chained();
    let verdict = compare_both(books, second);
    assert_eq!(verdict.findings, []);
    assert_eq!((verdict.paid, verdict.paid_by_chain), (2, 1));
    // The second one never knew of the money, or gave it back once more.
    let unknown = |_: &mut Books, second: &mut Vec<OurOrder>| second.clear();
    assert!(found_in_chain(unknown).0 > 0);
    let twice = |books: &mut Books, _: &mut Vec<OurOrder>| {
        books.truth[0].refunds.push(true_refund("S2", 200));
    };
    assert!(found_in_chain(twice).1 > 0);
    // The first one never heard of it, or calls a refund done that is not.
    let unheard = |_: &mut Books, second: &mut Vec<OurOrder>| second[0].callbacks.clear();
    assert_eq!(found_in_chain(unheard), (0, 0, 1));
    // It had all of it back before it was told.
    let overtaken = |books: &mut Books, second: &mut Vec<OurOrder>| {
        unheard(books, second);
        second[0].refunds[0].money = second[0].money;
    };
    assert_eq!(found_in_chain(overtaken).2, 0);
    let unpaid = |books: &mut Books, _: &mut Vec<OurOrder>| {
        "CLOSED".clone_into(&mut books.ours[0].status);
    };
    assert!(found_in_chain(unpaid).0 > 0);
    let failed = |books: &mut Books, second: &mut Vec<OurOrder>| {
        books.truth[0].refunds.clear();
        "FAILUREREFUND".clone_into(&mut second[0].refunds[0].state);
        books.truth[0].more = json!({"stuck": {"S1": {"state": "CLOSED"}}});
    };
    assert!(found_in_chain(failed).0 > 0);
    // It waits for a person at the second one, and the first asks on.
    let waits = |books: &mut Books, second: &mut Vec<OurOrder>| {
        books.truth[0].refunds.clear();
        "PARKED".clone_into(&mut second[0].refunds[0].state);
        "WAITREFUND".clone_into(&mut books.ours[0].refunds[0].state);
    };
    assert_eq!(found_in_chain(waits).0, 0);
    let known = |books: &mut Books, second: &mut Vec<OurOrder>| {
        failed(books, second);
        "FAILUREREFUND".clone_into(&mut books.ours[0].refunds[0].state);
    };
    assert_eq!(found_in_chain(known).0, 0);
}
