//! The order's story, and what a person has to look at.

use crate::harness::{act, attempt, begun, beside, callback, code, delivered, money};
use payment::channel::Channel;
use payment::order::{Attempt, Event};
use payment::ports::{Backlog, Honoured, NewAttempt, NotifyRow, RiskKind, Settled, Store, Told};
use payment::refund::UNTOLD;
use payment::signed::Signed;
use payment::status::PayStatus;
use payment::story::{Act, Broken, Chained, Checkpoint, Source, check, check_chain, digest};
use std::sync::Arc;

async fn paid(store: &dyn Store, order_sn: &str, refund_no: &str, act: Act) -> Settled {
    let (callback, beside) = (callback(), beside(refund_no));
    let payment = money(&callback, &beside);
    store.settle_paid(order_sn, &payment, act).await.unwrap()
}

async fn told(store: &dyn Store, order_sn: &str) -> Vec<String> {
    let story = store.story(order_sn).await.unwrap().unwrap();
    check(order_sn, &story.entries, story.length, &story.head).unwrap();
    let entries = story.entries.iter();
    entries
        .map(|entry| format!("{} {}", entry.what, entry.by))
        .collect()
}

pub(crate) async fn everything_that_happens_is_told_in_its_order(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let channel = Act {
        at_ms: 3,
        by: Source::Channel,
    };
    store
        .accept_attempt(&row.order_sn, &code("weixin://x"), channel)
        .await
        .unwrap();
    let notify = NotifyRow {
        channel: Channel::Wechat,
        account: "a".to_owned(),
        channel_order_no: None,
        body: b"raw \0 bytes".to_vec(),
        headers: String::new(),
        received_ms: 4,
    };
    let id = store
        .keep_notify(&notify, &notify.body, 50)
        .await
        .unwrap()
        .unwrap();
    let notified = Act {
        at_ms: 5,
        by: Source::Notify(id),
    };
    for _ in 0..2 {
        paid(&*store, &row.order_sn, "R", notified).await;
    }
    let due = store
        .take_due_callbacks(1_000, 9_000, 9, &[])
        .await
        .unwrap();
    store.callback_tried(due[0].id, &delivered()).await.unwrap();
    let expected = [
        "begun payer",
        "NOTPAY channel",
        "SUCCESSPAY notify",
        "callback written notify",
        "callback delivered business",
    ];
    assert_eq!(told(&*store, &row.order_sn).await, expected);
    let story = store.story(&row.order_sn).await.unwrap().unwrap();
    assert_eq!(story.entries[2].notify_id, Some(id));
    assert!(story.entries[2].detail.ends_with(&digest(&notify.body)));
    assert_eq!(store.notify_body(id).await.unwrap(), Some(notify.body));
    assert_eq!(store.callback_tries(due[0].id).await.unwrap().len(), 1);
    assert_eq!(store.story("none").await.unwrap(), None);
}

pub(crate) async fn a_golive_is_told_once(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let note = async || store.note_golive(&row.order_sn, act()).await.unwrap();
    assert!(note().await);
    assert!(!note().await, "it stands there");
    let told = told(&*store, &row.order_sn).await;
    let golives = told.iter().filter(|entry| entry.starts_with("golive "));
    assert_eq!(golives.count(), 1, "{told:?}");
    assert!(store.note_golive("none", act()).await.is_err());
}

pub(crate) async fn a_changed_or_missing_entry_shows(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    store
        .apply(&row.order_sn, Event::Closed, act())
        .await
        .unwrap();
    let story = store.story(&row.order_sn).await.unwrap().unwrap();
    let judged = |entries: &[_]| check(&row.order_sn, entries, story.length, &story.head);
    assert_eq!(judged(&story.entries), Ok(()));
    assert!(judged(&story.entries[..1]).is_err());
    let mut changed = story.entries.clone();
    changed[0].detail.push('0');
    assert!(judged(&changed).is_err());
}

pub(crate) async fn fifty_writers_at_once_make_one_chain(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let tasks: Vec<_> = (0..50)
        .map(|number| {
            let (store, order_sn) = (Arc::clone(&store), row.order_sn.clone());
            tokio::spawn(async move {
                store
                    .note_mismatch(&order_sn, &format!("amount {number}"), act())
                    .await
                    .unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(told(&*store, &row.order_sn).await.len(), 51);
}

pub(crate) async fn a_mismatch_is_kept_once_and_listed(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    for _ in 0..2 {
        store
            .note_mismatch(&row.order_sn, "amount", act())
            .await
            .unwrap();
    }
    assert_eq!(told(&*store, &row.order_sn).await.len(), 2);
    let kinds = async || {
        let risks = store.at_risk(0).await.unwrap();
        risks.iter().map(|risk| risk.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds().await, [RiskKind::Mismatch]);
    let kept = store.attempt(&row.order_sn).await.unwrap().unwrap();
    assert_eq!(kept.mismatch.as_deref(), Some("amount"));
    // The right sum came after all.
    paid(&*store, &row.order_sn, "R", act()).await;
    assert!(kinds().await.is_empty());
}

pub(crate) async fn late_money_is_honoured_where_its_refund_has_not_left(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let number = row.order_sn.as_str();
    let honour = async || store.honour(number, &callback(), act()).await.unwrap();
    assert_eq!(honour().await, Honoured::NotLate);
    store.apply(number, Event::Closed, act()).await.unwrap();
    store.close_request("shop", "k", None, act()).await.unwrap();
    let settled = paid(&*store, number, "R1", act()).await;
    assert_eq!(settled, Settled::Went(Attempt::PaidAfterClose));
    assert_eq!(
        store.at_risk(0).await.unwrap()[0].kind,
        RiskKind::Late,
        "until it is given back"
    );
    assert_eq!(honour().await, Honoured::Done);
    let kept = store.attempt(number).await.unwrap().unwrap();
    assert_eq!(
        (kept.status, kept.request_status),
        (Attempt::Paid, PayStatus::SuccessPay)
    );
    // Nothing goes back any more, and the business system is told.
    let due = store.take_due_refunds(i64::MAX, i64::MAX, 9).await.unwrap();
    assert!(due.is_empty());
    assert_eq!(store.callbacks(number).await.unwrap().len(), 1);
    assert!(store.at_risk(0).await.unwrap().is_empty());
    assert_eq!(honour().await, Honoured::NotLate);
    assert_eq!(
        crate::harness::contradictions(&*store).await,
        Vec::<String>::new()
    );
}

pub(crate) async fn a_sound_database_has_no_contradictions(store: Arc<dyn Store>) {
    let first = begun(&*store, &attempt("k", 1, 0)).await;
    let mut other = attempt("k", 2, 0);
    other.signed = Signed::parse("info=y").unwrap();
    let second = begun(&*store, &other).await;
    for row in [first, second] {
        paid(&*store, &row.order_sn, &format!("R{}", row.order_sn), act()).await;
    }
    assert_eq!(
        crate::harness::contradictions(&*store).await,
        Vec::<String>::new()
    );
    let risks = store.at_risk(0).await.unwrap();
    assert_eq!((risks.len(), risks[0].kind), (1, RiskKind::Duplicate));
    assert_eq!(store.order_numbers("", 1).await.unwrap().len(), 1);
    assert_eq!(store.order_numbers("", 9).await.unwrap().len(), 2);
    assert!(
        store.accounts_in_use().await.unwrap().len() == 1,
        "a refund waits"
    );
}

pub(crate) async fn accounts_are_in_use_while_an_order_of_theirs_may_be_paid(
    store: Arc<dyn Store>,
) {
    assert_eq!(store.accounts_in_use().await.unwrap(), []);
    let made = [
        (1, Channel::Wechat, "b"),
        (2, Channel::Alipay, "b"),
        (3, Channel::Wechat, "a"),
        (4, Channel::Wechat, "b"),
        (5, Channel::Paypal, "a"),
    ];
    for (number, channel, account) in made {
        let new = NewAttempt {
            channel,
            account: account.to_owned(),
            ..attempt(&format!("k{number}"), number, 0)
        };
        begun(&*store, &new).await;
    }
    let in_use = async || {
        let mut all = store.accounts_in_use().await.unwrap();
        all.sort_by_key(|(channel, account)| (channel.code(), account.clone()));
        let name = |(channel, account): &(Channel, String)| format!("{}/{account}", channel.code());
        all.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    let all = in_use().await;
    assert_eq!(all, "Alipay/b Paypal/a Wechat/a Wechat/b");
    for number in [1, 2, 3] {
        paid(&*store, &format!("{number:020}"), "R", act()).await;
    }
    assert_eq!(in_use().await, "Paypal/a Wechat/b");
}

pub(crate) async fn what_waits_is_counted(store: Arc<dyn Store>) {
    assert_eq!(store.backlog(0).await.unwrap(), Backlog::default());
    let row = begun(&*store, &attempt("k", 1, 0)).await;
    let waiting = store.backlog(5_000).await.unwrap();
    assert_eq!(waiting.queries, 1);
    paid(&*store, &row.order_sn, "R", act()).await;
    let waiting = store.backlog(5_000).await.unwrap();
    assert_eq!((waiting.queries, waiting.callbacks), (0, 1));
    // An order whose channel says nothing after its end.
    begun(&*store, &attempt("k2", 2, 0)).await;
    let risks = store.at_risk(900_000 + 600_001).await.unwrap();
    assert!(risks.iter().any(|risk| risk.kind == RiskKind::Unknown));
}

pub(crate) async fn each_kind_has_as_many_lines_as_are_counted(store: Arc<dyn Store>) {
    let now_ms = 2_000_000;
    let row = |number: u32| begun_as(&*store, number);
    // Not heard of again; held; and one that differs.
    row(1).await;
    store.hold(&row(2).await, "review", act()).await.unwrap();
    let differs = row(3).await;
    store
        .note_mismatch(&differs, "amount", act())
        .await
        .unwrap();
    // Given back at the channel, which does not say how much.
    let untold = row(4).await;
    paid(&*store, &untold, "R4", act()).await;
    let noted = store.note_mismatch(&untold, UNTOLD, act()).await;
    noted.unwrap();
    // Late money.
    let late = row(5).await;
    store.apply(&late, Event::Closed, act()).await.unwrap();
    let closed = store.close_request("shop", "k5", None, act()).await;
    closed.unwrap();
    paid(&*store, &late, "R5", act()).await;
    let lines = store.at_risk(now_ms).await.unwrap();
    for counted in store.risk_counts(now_ms).await.unwrap() {
        let lines = lines.iter().filter(|line| line.kind == counted.kind);
        assert_eq!(lines.count() as i64, counted.count, "{:?}", counted.kind);
    }
    for kind in [RiskKind::Unknown, RiskKind::Held, RiskKind::Mismatch] {
        assert!(lines.iter().any(|line| line.kind == kind), "{kind:?}");
    }
    for kind in [RiskKind::TakenBack, RiskKind::Late] {
        assert!(lines.iter().any(|line| line.kind == kind), "{kind:?}");
    }
}

async fn begun_as(store: &dyn Store, number: u32) -> String {
    let new = attempt(&format!("k{number}"), number, 0);
    begun(store, &new).await.order_sn
}

pub(crate) async fn what_was_told_is_found_and_sealed(store: Arc<dyn Store>) {
    let mut numbers = Vec::new();
    for (key, number) in [("k1", 1), ("k2", 2)] {
        numbers.push(begun(&*store, &attempt(key, number, 0)).await.order_sn);
    }
    numbers.sort();
    let late = Act {
        at_ms: 9_000,
        by: Source::Channel,
    };
    paid(&*store, &numbers[1], "R", late).await;
    let after = |at_ms| Told {
        at_ms,
        order_sn: String::new(),
    };
    let told = store.orders_told(&after(8_999), 9).await.unwrap();
    assert!(told.iter().all(|told| told.order_sn == numbers[1]) && !told.is_empty());
    let first = store.orders_told(&after(-1), 1).await.unwrap();
    assert_eq!(first.len(), 1);
    let rest = store.orders_told(&first[0], 99).await.unwrap();
    assert!(rest.iter().any(|told| told.order_sn == numbers[1]));
    assert_eq!(store.order_numbers("", 9).await.unwrap(), numbers);
    let stories = store.stories(&numbers).await.unwrap();
    let read: Vec<_> = stories.iter().map(|story| &story.order_sn).collect();
    assert_eq!(read, numbers.iter().collect::<Vec<_>>());
    let around = store.contradictions(Some(&numbers)).await.unwrap();
    assert_eq!(around, Vec::<String>::new());

    let mut checkpoint = Checkpoint {
        seq: 1,
        until_ms: 9_000,
        orders: 2,
        entries: 7,
        digest: digest(b"heads"),
        hash: String::new(),
    };
    checkpoint.hash = checkpoint.link("");
    assert!(store.seal(&checkpoint).await.unwrap());
    assert!(
        !store.seal(&checkpoint).await.unwrap(),
        "another was sealed"
    );
    let kept = store.checkpoints().await.unwrap();
    assert_eq!(check_chain(&kept), Ok(()));
    let mut changed = kept.clone();
    changed[0].until_ms += 1;
    assert_eq!(check_chain(&changed), Err(Broken::Changed(1)));
    assert_eq!(kept, [checkpoint]);
    store.unseal().await.unwrap();
    assert!(store.checkpoints().await.unwrap().is_empty());
}
