//! Requests, attempts and money.

use crate::harness::{act, attempt, begun, beside, callback, changed, code, money};
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::order::{Attempt, Event};
use payment::ports::{Begun, ClosedRequest, RiskKind, Settled, Store};
use payment::signed::Signed;
use payment::status::PayStatus;
use std::sync::Arc;

pub(crate) async fn a_new_request_gets_an_attempt(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    assert_eq!(row.status, Attempt::Creating);
    assert_eq!(row.request_status, PayStatus::NotPay);
    assert_eq!(store.attempt(&row.order_sn).await.unwrap(), Some(row));
}

pub(crate) async fn the_same_values_give_the_same_open_attempt(store: Arc<dyn Store>) {
    let first = begun(&*store, &attempt("k", 1, 0)).await;
    let Begun::Same(same) = store.begin_attempt(&attempt("k", 2, 10)).await.unwrap() else {
        panic!("another attempt")
    };
    assert_eq!(same.order_sn, first.order_sn);
    // Once its time is over the same values begin another one.
    begun(&*store, &attempt("k", 3, 900_000)).await;
}

pub(crate) async fn other_values_end_the_open_attempt(store: Arc<dyn Store>) {
    let first = begun(&*store, &attempt("k", 1, 0)).await;
    let mut other = attempt("k", 2, 10);
    other.signed = Signed::parse("info=y").unwrap();
    begun(&*store, &other).await;
    let ended = store.attempt(&first.order_sn).await.unwrap().unwrap();
    assert_eq!(ended.expires_ms, 10);
    let due = store.take_due_attempts(10, 60_000, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].order_sn, first.order_sn);
    let all = store.attempts("shop", "k").await.unwrap();
    assert_eq!(
        all.iter().map(|row| row.created_ms).collect::<Vec<_>>(),
        [0, 10]
    );
}

/// Many requests are read as one alone is: each attempt in its turn, and the closed keys.
pub(crate) async fn many_requests_are_read_at_once(store: Arc<dyn Store>) {
    begun(&*store, &attempt("k", 1, 0)).await;
    let mut again = attempt("k", 2, 10);
    again.signed = Signed::parse("info=y").unwrap();
    begun(&*store, &again).await;
    begun(&*store, &attempt("\"引号\"", 3, 5)).await;
    begun(&*store, &attempt("unasked", 4, 5)).await;
    let mut elsewhere = attempt("k", 5, 5);
    elsewhere.domain_code = "other".to_owned();
    begun(&*store, &elsewhere).await;
    for code in ["shop", "other"] {
        let closed = store.close_request(code, "closed", None, act()).await;
        assert_eq!(closed.unwrap(), ClosedRequest::Closed);
    }

    let named = |key: &str| ("shop".to_owned(), key.to_owned());
    let keys = ["k", "\"引号\"", "closed", "nothing"].map(named);
    let mut each = Vec::new();
    for (code, key) in &keys {
        each.extend(store.attempts(code, key).await.unwrap());
    }
    let mut all = store.attempts_of(&keys).await.unwrap();
    let of_one = all.extract_if(.., |one| one.request_key == "k");
    let of_one: Vec<_> = of_one.collect();
    assert_eq!(of_one, each[..2], "oldest first");
    assert_eq!(all, each[2..]);
    assert_eq!(store.closed_among(&keys).await.unwrap(), [named("closed")]);
    assert!(store.attempts_of(&[]).await.unwrap().is_empty());
}

pub(crate) async fn a_request_key_takes_no_other_sum(store: Arc<dyn Store>) {
    begun(&*store, &attempt("k", 1, 0)).await;
    for (minor, currency) in [(101, Currency::Cny), (100, Currency::Usd)] {
        let mut other = attempt("k", 2, 0);
        other.money = Money::from_minor(minor, currency).unwrap();
        assert!(matches!(
            store.begin_attempt(&other).await.unwrap(),
            Begun::KeyReused
        ));
    }
    let mut elsewhere = attempt("k", 3, 0);
    elsewhere.domain_code = "other".to_owned();
    elsewhere.money = Money::from_minor(7, Currency::Usd).unwrap();
    begun(&*store, &elsewhere).await;
}

pub(crate) async fn a_taken_number_is_told(store: Arc<dyn Store>) {
    begun(&*store, &attempt("k", 1, 0)).await;
    let same_number = attempt("other", 1, 0);
    assert!(matches!(
        store.begin_attempt(&same_number).await.unwrap(),
        Begun::NumberTaken
    ));
    let mut same_token = attempt("other", 2, 0);
    same_token.token = attempt("k", 1, 0).token;
    assert!(matches!(
        store.begin_attempt(&same_token).await.unwrap(),
        Begun::NumberTaken
    ));
    // Nothing of the refused tries is left.
    assert!(store.attempts("shop", "other").await.unwrap().is_empty());
}

pub(crate) async fn twenty_at_once_begin_one_attempt(store: Arc<dyn Store>) {
    let tasks = (0..20).map(|number| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.begin_attempt(&attempt("k", number, 0)).await.unwrap() })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut new = 0;
    for task in tasks {
        match task.await.unwrap() {
            Begun::New(_) => new += 1,
            Begun::Same(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(new, 1);
    assert_eq!(store.attempts("shop", "k").await.unwrap().len(), 1);
}

pub(crate) async fn an_attempt_is_found_by_token_and_by_channel_number(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    assert_eq!(
        store.attempt_by_token(&row.token).await.unwrap(),
        Some(row.clone())
    );
    assert_eq!(store.attempt_by_token(&row.order_sn).await.unwrap(), None);
    let number = &row.channel_order_no;
    let find = async |channel, account| store.attempt_by_channel_no(channel, account, number).await;
    assert_eq!(find(Channel::Wechat, "a").await.unwrap(), Some(row.clone()));
    assert_eq!(find(Channel::Wechat, "b").await.unwrap(), None);
    assert_eq!(find(Channel::Alipay, "a").await.unwrap(), None);
}

pub(crate) async fn the_code_is_kept_once_the_channel_took_the_order(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let settled = store
        .accept_attempt(&row.order_sn, &code("weixin://x"), act())
        .await
        .unwrap();
    assert_eq!(settled, Settled::Went(Attempt::Open));
    let kept = store.attempt(&row.order_sn).await.unwrap().unwrap();
    assert_eq!(
        (kept.status, kept.obj),
        (Attempt::Open, Some(code("weixin://x").obj))
    );
    // The money may be faster than the channel's answer.
    let row = begun(&*store, &attempt("k2", 2, 0)).await;
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    let settled = store
        .accept_attempt(&row.order_sn, &code("weixin://y"), act())
        .await
        .unwrap();
    assert_eq!(settled, Settled::Stayed(Attempt::Paid));
}

pub(crate) async fn another_sum_of_the_channels_is_kept_until_it_is_paid(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let accept = async |fen| {
        let created = changed(fen);
        let accepted = store.accept_attempt(&row.order_sn, &created, act()).await;
        accepted.unwrap();
        let kept = store.attempt(&row.order_sn).await.unwrap().unwrap();
        let asked = kept.asked_money.map(Money::minor);
        (kept.channel_money.minor(), asked, kept.money.minor())
    };
    assert_eq!(accept(103).await, (103, Some(100), 100));
    // The same again is told once, and another one later still has the first beside.
    assert_eq!(accept(103).await, (103, Some(100), 100));
    assert_eq!(accept(104).await, (104, Some(100), 100));
    let paid = store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await;
    assert_eq!(paid.unwrap(), Settled::Went(Attempt::Paid));
    assert_eq!(accept(105).await, (104, Some(100), 100));
    let story = store.story(&row.order_sn).await.unwrap().unwrap();
    let told = story
        .entries
        .iter()
        .filter(|entry| entry.what == "sum changed");
    let told: Vec<_> = told.map(|entry| entry.detail.as_str()).collect();
    assert_eq!(told, ["to ¥1.03", "to ¥1.04"]);
    let kept = store.attempt(&row.order_sn).await.unwrap().unwrap();
    assert_eq!(kept.channel_money.minor(), 104);
}

pub(crate) async fn money_settles_once_among_fifty(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let tasks = (0..50).map(|_| {
        let (store, order_sn) = (Arc::clone(&store), row.order_sn.clone());
        tokio::spawn(async move {
            store
                .settle_paid(&order_sn, &money(&callback(), &beside("R")), act())
                .await
                .unwrap()
        })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut won = 0;
    for task in tasks {
        won += usize::from(task.await.unwrap() == Settled::Went(Attempt::Paid));
    }
    assert_eq!(won, 1);
    let kept = store.attempt(&row.order_sn).await.unwrap().unwrap();
    assert_eq!(kept.request_status, PayStatus::SuccessPay);
    assert_eq!(
        (kept.trade_no.as_deref(), kept.paid_ms),
        (Some("t"), Some(5))
    );
    assert_eq!(
        store
            .take_due_callbacks(2_000, 9_000, 99, &[])
            .await
            .unwrap()
            .len(),
        1
    );
}

pub(crate) async fn two_paid_attempts_have_one_winner(store: Arc<dyn Store>) {
    let first = begun(&*store, &attempt("k", 1, 0)).await;
    let mut other = attempt("k", 2, 10);
    other.signed = Signed::parse("info=y").unwrap();
    let second = begun(&*store, &other).await;
    let pay = |order_sn: String| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            store
                .settle_paid(&order_sn, &money(&callback(), &beside("R")), act())
                .await
        })
    };
    let (one, two) = (pay(first.order_sn), pay(second.order_sn));
    let states = [one.await.unwrap().unwrap(), two.await.unwrap().unwrap()];
    assert!(states.contains(&Settled::Went(Attempt::Paid)), "{states:?}");
    assert!(
        states.contains(&Settled::Went(Attempt::Duplicate)),
        "{states:?}"
    );
    assert_eq!(
        store
            .take_due_callbacks(2_000, 9_000, 99, &[])
            .await
            .unwrap()
            .len(),
        1
    );
}

pub(crate) async fn money_after_the_end_still_pays(store: Arc<dyn Store>) {
    for (number, event) in [(1, Event::Declined), (2, Event::Closed)] {
        let row = begun(&*store, &attempt(&format!("k{number}"), number, 0)).await;
        store.apply(&row.order_sn, event, act()).await.unwrap();
        let settled = store
            .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
            .await
            .unwrap();
        assert_eq!(settled, Settled::Went(Attempt::Paid), "{event:?}");
    }
}

pub(crate) async fn a_paid_attempt_is_never_closed(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    let settled = store
        .apply(&row.order_sn, Event::Closed, act())
        .await
        .unwrap();
    assert_eq!(settled, Settled::Contradicts(Attempt::Paid));
    assert_eq!(
        store.attempt(&row.order_sn).await.unwrap().unwrap().status,
        Attempt::Paid
    );
}

pub(crate) async fn a_paid_request_begins_no_attempt(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    store
        .settle_paid(&row.order_sn, &money(&callback(), &beside("R")), act())
        .await
        .unwrap();
    let again = store.begin_attempt(&attempt("k", 2, 0)).await.unwrap();
    assert!(matches!(again, Begun::AlreadyPaid));
}

pub(crate) async fn a_due_query_is_taken_by_one(store: Arc<dyn Store>) {
    for number in 0..10 {
        begun(&*store, &attempt(&format!("k{number}"), number, 0)).await;
    }
    assert!(
        store
            .take_due_attempts(4_999, 60_000, 99)
            .await
            .unwrap()
            .is_empty()
    );
    let take = || {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.take_due_attempts(5_000, 60_000, 99).await.unwrap() })
    };
    let (one, two) = (take(), take());
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!(one.len() + two.len(), 10);
    let taken = one.first().or(two.first()).unwrap();
    store.schedule_query(taken, None).await.unwrap();
    assert_eq!(
        store
            .take_due_attempts(60_000, 90_000, 99)
            .await
            .unwrap()
            .len(),
        9
    );
}

/// A worker that read an attempt before another one took its place does not undo its end.
pub(crate) async fn an_ended_attempt_keeps_its_next_query(store: Arc<dyn Store>) {
    let first = begun(&*store, &attempt("k", 1, 0)).await;
    let mut other = attempt("k", 2, 10);
    other.signed = Signed::parse("info=y").unwrap();
    begun(&*store, &other).await;
    store.schedule_query(&first, Some(60_000)).await.unwrap();
    let due = store.take_due_attempts(10, 60_000, 10).await.unwrap();
    assert_eq!(due.len(), 1);
    assert_eq!(due[0].order_sn, first.order_sn);
    let ended = store.attempt(&first.order_sn).await.unwrap().unwrap();
    store.schedule_query(&ended, None).await.unwrap();
    let due = store.take_due_attempts(4_999_999, 0, 10).await.unwrap();
    assert!(due.iter().all(|one| one.order_sn != first.order_sn));
}

pub(crate) async fn an_attempt_s_time_is_ended(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    store.end_attempt(&row.order_sn, 7).await.unwrap();
    let ended = store.attempt(&row.order_sn).await.unwrap().unwrap();
    assert_eq!(ended.expires_ms, 7);
    let due = store.take_due_attempts(7, 60_000, 10).await.unwrap();
    assert_eq!(due.len(), 1);
}

/// Money that its channel holds is asked about, also where nobody was to ask any more.
pub(crate) async fn held_money_is_asked_about_again(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    store
        .apply(&row.order_sn, Event::Closed, act())
        .await
        .unwrap();
    store.schedule_query(&row, None).await.unwrap();
    let held = store.hold(&row.order_sn, "ECHECK", act()).await.unwrap();
    assert_eq!(held, Settled::Went(Attempt::Held));
    let soon = store.take_due_attempts(3_600_006, 0, 10).await.unwrap();
    assert!(soon.is_empty());
    let due = store.take_due_attempts(3_600_007, 0, 10).await.unwrap();
    assert_eq!(due.len(), 1);
}

/// An order that was not made in time is another one's where its channel repeats none.
pub(crate) async fn an_attempt_without_an_order_is_left_behind(store: Arc<dyn Store>) {
    let first = begun(&*store, &attempt("k", 1, 0)).await;
    let mut again = attempt("k", 2, 30_000);
    again.made_since_ms = 0;
    let same = store.begin_attempt(&again).await.unwrap();
    assert!(matches!(same, Begun::Same(_)), "it may still be made");
    again.made_since_ms = 1;
    let new = begun(&*store, &again).await;
    assert_ne!(new.order_sn, first.order_sn);
    let order = code("weixin://x");
    let made = store.accept_attempt(&new.order_sn, &order, act());
    made.await.unwrap();
    let mut third = attempt("k", 3, 40_000);
    third.made_since_ms = 40_000;
    let same = store.begin_attempt(&third).await.unwrap();
    assert!(matches!(same, Begun::Same(_)), "it has its order");
}

/// Who closes and who begins at the same moment see each other: never is one told that
/// nobody can pay, and the other that he can.
pub(crate) async fn a_request_is_closed_or_begun(store: Arc<dyn Store>) {
    for number in 0..100 {
        let key = format!("k{number}");
        let new = attempt(&key, number, 0);
        let (closed, begun) = tokio::join!(
            store.close_request("shop", &key, None, act()),
            store.begin_attempt(&new)
        );
        match (closed.unwrap(), begun.unwrap()) {
            (ClosedRequest::Closed, Begun::Closed) | (ClosedRequest::Open, Begun::New(_)) => {}
            both => panic!("{both:?}"),
        }
    }
    // Nothing is left of a look at who begins.
    store
        .close_request("shop", "nobody", None, act())
        .await
        .unwrap();
    let later = store
        .begin_attempt(&attempt("nobody", 999, 0))
        .await
        .unwrap();
    assert!(matches!(later, Begun::Closed));
    assert!(store.attempts("shop", "nobody").await.unwrap().is_empty());
}

pub(crate) async fn an_attempt_is_found_by_its_payment(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let find = async |channel, account, number| {
        let found = store.attempt_by_trade_no(channel, account, number).await;
        found.unwrap().map(|row| row.order_sn)
    };
    assert_eq!(find(Channel::Wechat, "a", "t").await, None, "unpaid");
    let (callback, beside) = (callback(), beside("R"));
    let paid = money(&callback, &beside);
    let settled = store.settle_paid(&row.order_sn, &paid, act()).await;
    assert_eq!(settled.unwrap(), Settled::Went(Attempt::Paid));
    let found = find(Channel::Wechat, "a", "t").await;
    assert_eq!(found, Some(row.order_sn));
    assert_eq!(find(Channel::Wechat, "b", "t").await, None);
    assert_eq!(find(Channel::Alipay, "a", "t").await, None);
    assert_eq!(find(Channel::Wechat, "a", "u").await, None);
}

pub(crate) async fn money_that_its_channel_holds_keeps_others_away(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let held = store.hold(&row.order_sn, "review", act()).await;
    assert_eq!(held.unwrap(), Settled::Went(Attempt::Held));
    let kept = store.attempt(&row.order_sn).await.unwrap().unwrap();
    assert_eq!(
        (kept.status, kept.held.as_deref()),
        (Attempt::Held, Some("review"))
    );
    let risks = store.at_risk(0).await.unwrap();
    assert_eq!((risks.len(), risks[0].kind), (1, RiskKind::Held));
    assert!(risks[0].detail.ends_with("review"), "{risks:?}");
    let other = store.begin_attempt(&attempt("k", 2, 0)).await.unwrap();
    assert!(matches!(other, Begun::Held));
    let closed = store.close_request("shop", "k", None, act()).await;
    assert_eq!(closed.unwrap(), ClosedRequest::Open);
}
