//! Figures of a time.

use crate::harness::{attempt, begun, postgres_address, settle};
use crate::refunds::{done, refund};
use payment::channel::Channel;
use payment::money::{Currency, Money};
use payment::ports::{
    AttemptRow, Buckets, CallbackTry, Delay, Extent, HourMark, HourState, NewAttempt, Store, Sums,
    Total, TryOutcome,
};
use sqlx::{Connection, Executor, PgConnection};
use std::sync::Arc;
use std::time::Duration;

/// A try that was sent then, and answered two ms later.
fn tried(at_ms: i64, outcome: TryOutcome) -> CallbackTry {
    CallbackTry {
        at_ms,
        tries: 0,
        status: Some(200),
        location: None,
        answer: "success".to_owned(),
        duration_ms: 2,
        outcome,
    }
}

const HOUR_MS: i64 = 3_600_000;
const HOURS: Buckets = Buckets {
    each_ms: HOUR_MS,
    ahead_ms: 0,
};

/// Sums of an hour of the suite's only kind, of nothing.
fn nothing(bucket: i64) -> Sums {
    Sums {
        bucket,
        channel: Channel::Wechat,
        account: "a".to_owned(),
        currency: Currency::Cny,
        channel_currency: Currency::Cny,
        made: 0,
        made_paid: 0,
        count: 0,
        paid: 0,
        refunded: 0,
        charged: 0,
        charge_refunded: 0,
    }
}

pub(crate) async fn what_became_of_a_time_is_told(store: Arc<dyn Store>) {
    let pay = async |key: &str, number: u32, made_ms: i64, paid_ms: i64| {
        let row = begun(&*store, &attempt(key, number, made_ms)).await;
        settle(&*store, &row, paid_ms).await;
        row.order_sn
    };
    let told = pay("told", 1, 1_000, 4_000).await;
    // Its channel's clock is behind.
    pay("untold", 2, 2_000, 1_500).await;
    begun(&*store, &attempt("open", 3, 3_000)).await;
    pay("later", 4, 9_000, 9_500).await;
    let callback = store.callbacks(&told).await.unwrap().remove(0);
    for outcome in [
        (5_000, TryOutcome::Again(6_000)),
        (6_000, TryOutcome::Delivered),
        // Sent again by hand.
        (8_000, TryOutcome::Delivered),
    ] {
        let tried = tried(outcome.0, outcome.1);
        store.callback_tried(callback.id, &tried).await.unwrap();
    }

    let extent = |made, paid| Extent { made, paid };
    for (at_most, expected) in [(9, extent(3, 2)), (2, extent(2, 2)), (1, extent(1, 1))] {
        let counted = store.extent(1_000, 9_000, at_most).await.unwrap();
        assert_eq!(counted, expected);
    }
    let channel = Channel::Wechat;
    let sums = store.sums(1_000, 9_000, HOURS).await.unwrap();
    let expected = Sums {
        made: 3,
        made_paid: 2,
        count: 2,
        paid: 200,
        charged: 200,
        ..nothing(0)
    };
    assert_eq!(sums, [expected]);
    assert_eq!(store.sums(10_000, 20_000, HOURS).await.unwrap(), []);

    let delay = |payment_ms, callback_ms| Delay {
        channel,
        payment_ms,
        callback_ms,
    };
    let delays = store.delays(1_000, 9_000, 9).await.unwrap();
    assert_eq!(delays, [delay(3_000, Some(2_002)), delay(0, None)]);
    let newest = store.delays(1_000, i64::MAX, 1).await.unwrap();
    assert_eq!(newest, [delay(500, None)]);
}

pub(crate) async fn what_was_paid_is_summed(store: Arc<dyn Store>) {
    let dollars = NewAttempt {
        channel_money: Money::from_minor(50, Currency::Usd).unwrap(),
        ..attempt("k", 1, 1_000)
    };
    let row = begun(&*store, &dollars).await;
    let paid_ms = 5 * HOUR_MS;
    settle(&*store, &row, paid_ms).await;
    gave_back(&*store, &row, "R1", 30).await;
    let ahead_ms = 20 * HOUR_MS;
    for (each_ms, bucket) in [(HOUR_MS, 25), (24 * HOUR_MS, 1)] {
        let by = Buckets { each_ms, ahead_ms };
        let sums = store.sums(paid_ms, paid_ms + 1, by).await.unwrap();
        let expected = Sums {
            channel_currency: Currency::Usd,
            count: 1,
            paid: 100,
            refunded: 30,
            charged: 50,
            charge_refunded: 15,
            ..nothing(bucket)
        };
        assert_eq!(sums, [expected]);
    }
    let total = Total {
        name: "shop".to_owned(),
        currency: Currency::Cny,
        count: 1,
        paid: 100,
        refunded: 30,
    };
    let of = async |since_ms| {
        store
            .totals_of_businesses(since_ms, i64::MAX)
            .await
            .unwrap()
    };
    assert_eq!(of(paid_ms).await, [total]);
    assert_eq!(of(paid_ms + 1).await, []);
}

async fn gave_back(store: &dyn Store, row: &AttemptRow, number: &str, fen: i64) {
    let new = refund(&row.order_sn, number, None, fen);
    store.begin_refund(&new).await.unwrap();
    done(store, number).await;
}

fn is_due(mark: &HourMark) -> bool {
    mark.state == HourState::Due
}

/// Has each hour of the first two days summed, and tells of their marks.
async fn summed(store: &dyn Store, now_ms: i64) -> Vec<HourMark> {
    store.mark_hours(0, 48, now_ms).await.unwrap();
    let is_over = |mark: &HourMark| mark.state != HourState::Waiting;
    let marks = async || store.hour_marks(0, 48).await.unwrap();
    until(async || marks().await.iter().all(is_over)).await;
    for mark in marks().await.into_iter().filter(is_due) {
        assert!(store.keep_hour(mark, &[]).await.unwrap());
    }
    marks().await
}

/// A day is kept by business system once its hours are, as long as what was paid in it stays;
/// what goes back of that is added to it.
pub(crate) async fn a_day_is_kept_until_its_payments_change(store: Arc<dyn Store>) {
    let first = begun(&*store, &attempt("k", 1, 1_000)).await;
    settle(&*store, &first, 7 * HOUR_MS).await;
    let other = begun(&*store, &attempt("l", 2, 1_000)).await;
    settle(&*store, &other, 30 * HOUR_MS).await;
    let late = begun(&*store, &attempt("m", 3, 1_000)).await;
    let read = async |first_hour: i64| {
        let since_ms = first_hour * HOUR_MS;
        let read = store.totals_of_businesses(since_ms, since_ms + 24 * HOUR_MS);
        read.await.unwrap()
    };
    let keep = async |marks: &[HourMark], first: usize| {
        let totals = read(marks[first].number).await;
        store.keep_day(&marks[first..first + 24], &totals).await
    };
    let kept = async |ahead_hours| store.kept_days(0, 48, ahead_hours).await.unwrap();
    let marks = summed(&*store, 7).await;
    assert_eq!(kept(0).await, (vec![], vec![]));
    for first in [0, 24, 8] {
        assert_eq!(keep(&marks, first).await, Ok(true), "{first}");
    }
    assert_eq!(keep(&marks, 0).await, Ok(true), "once more is no harm");
    assert_eq!(store.days(0, 48).await.unwrap(), [0, 8, 24]);
    let both = Total {
        name: "shop".to_owned(),
        currency: Currency::Cny,
        count: 2,
        paid: 200,
        refunded: 0,
    };
    let days = |first_hours: &[i64], totals: &[Total]| (first_hours.to_vec(), totals.to_vec());
    assert_eq!(kept(0).await, days(&[0, 24], std::slice::from_ref(&both)));
    let one = Total {
        count: 1,
        paid: 100,
        ..both
    };
    // Eight in the morning there is midnight here.
    assert_eq!(kept(16).await, days(&[8], std::slice::from_ref(&one)));
    let half = store.kept_days(1, 47, 0).await.unwrap();
    assert_eq!(half, (vec![], vec![]), "no day is whole");

    gave_back(&*store, &other, "R1", 30).await;
    let less = Total {
        refunded: 30,
        ..one
    };
    assert_eq!(kept(16).await, days(&[8], std::slice::from_ref(&less)));
    assert_eq!(read(24).await, [less]);
    assert_eq!(keep(&marks, 24).await, Ok(false), "an hour lost its mark");
    let marks = summed(&*store, 8).await;
    assert_eq!(keep(&marks, 24).await, Ok(true));
    assert_eq!(kept(0).await.1[0].refunded, 30);
    settle(&*store, &late, 31 * HOUR_MS).await;
    assert_eq!(store.days(0, 48).await.unwrap(), [0]);
    let marks = summed(&*store, 9).await;
    assert_eq!(keep(&marks, 24).await, Ok(true));
    assert_eq!(kept(0).await.1[0].paid, 300);

    store.mark_hours(24, 48, 10).await.unwrap();
    assert_eq!(
        store.days(0, 48).await.unwrap(),
        [24],
        "others are forgotten"
    );
}

/// Sums are kept of an hour that was marked and did not change since; whatever changes it
/// takes the mark away.
pub(crate) async fn an_hour_that_changes_is_read_anew(store: Arc<dyn Store>) {
    let row = begun(&*store, &attempt("k", 1, HOUR_MS)).await;
    let late = begun(&*store, &attempt("l", 2, 2 * HOUR_MS)).await;
    settle(&*store, &row, 3 * HOUR_MS).await;
    // Keeps the first five hours, after which `change` is done in the midst or later.
    let marked = async |now_ms| {
        store.mark_hours(0, 5, now_ms).await.unwrap();
        store.hour_marks(0, 5).await.unwrap()
    };
    let keep = async |marks: Vec<HourMark>| {
        let mut kept = Vec::new();
        for mark in marks {
            let begins = mark.number * HOUR_MS;
            let sums = store.sums(begins, begins + HOUR_MS, HOURS).await.unwrap();
            kept.push(store.keep_hour(mark, &sums).await.unwrap());
        }
        kept
    };
    let hours = async || store.kept_sums(0, 9, HOURS).await.unwrap().0;
    assert!(hours().await.is_empty());
    let marks = marked(7).await;
    assert_eq!(marks.len(), 5);
    assert_eq!((marks[0].number, marks[0].marked_ms), (0, 7));
    // Other tests' transactions are waited for, too.
    until(async || is_due(&store.hour_marks(0, 1).await.unwrap()[0])).await;
    assert!(
        hours().await.is_empty(),
        "they are marked, and not summed yet"
    );
    assert_eq!(keep(marks.clone()).await, [true; 5]);
    assert_eq!(keep(marks).await, [false; 5], "once is enough");
    assert_eq!(marked(8).await[0].marked_ms, 7, "a mark stays");
    let (kept, sums) = store.kept_sums(0, 9, HOURS).await.unwrap();
    assert_eq!(kept, [0, 1, 2, 3, 4]);
    let anew = store.sums(0, 5 * HOUR_MS, HOURS).await.unwrap();
    assert_eq!(sums, anew);
    let days = Buckets {
        each_ms: 24 * HOUR_MS,
        ahead_ms: 21 * HOUR_MS,
    };
    let (_, by_days) = store.kept_sums(1, 4, days).await.unwrap();
    let buckets: Vec<_> = by_days.iter().map(|one| (one.bucket, one.made)).collect();
    assert_eq!(buckets, [(0, 2), (1, 0)]);

    // What is paid later changes the hour in which it was made, too.
    settle(&*store, &late, 4 * HOUR_MS).await;
    assert_eq!(hours().await, [0, 1, 3]);
    keep(marked(9).await).await;
    gave_back(&*store, &row, "R1", 30).await;
    assert_eq!(hours().await, [0, 1, 2, 4]);
    keep(marked(10).await).await;
    begun(&*store, &attempt("m", 3, HOUR_MS + 1)).await;
    assert_eq!(hours().await, [0, 2, 3, 4]);

    // A change between the mark and the sums is as good as none of them.
    let marks = marked(11).await;
    begun(&*store, &attempt("n", 4, HOUR_MS + 2)).await;
    assert!(!keep(marks).await.contains(&true));
    keep(marked(12).await).await;
    let (kept, sums) = store.kept_sums(0, 9, HOURS).await.unwrap();
    assert_eq!(kept, [0, 1, 2, 3, 4]);
    assert_eq!(sums, store.sums(0, 5 * HOUR_MS, HOURS).await.unwrap());

    store.mark_hours(2, 5, 13).await.unwrap();
    assert_eq!(hours().await, [2, 3, 4], "others are forgotten");
    let marks = store.hour_marks(0, 9).await.unwrap();
    assert!(
        marks
            .iter()
            .all(|mark| mark.state == HourState::Summed && mark.number > 1)
    );
    let written = store.written().await.unwrap();
    assert_eq!(written, Some((HOUR_MS, 4 * HOUR_MS)));
}

/// Waits until it is so; whatever else is at work in the server's databases ends before.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waits = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(60), waits).await;
    waited.expect("it never is");
}

/// Who began before an hour was marked, and may not have seen that, is waited for; who takes
/// the mark away while its sums are kept, too.
#[tokio::test]
async fn an_hour_is_summed_once_nobody_writes_who_missed_its_mark() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let store = store::migrate(&address).await.unwrap();
    let row = begun(&*store, &attempt("k", 1, HOUR_MS)).await;
    settle(&*store, &row, HOUR_MS + 1).await;
    let mark = async || {
        store.mark_hours(1, 2, 7).await.unwrap();
        store.hour_marks(1, 2).await.unwrap().remove(0)
    };
    let sums = async || store.sums(0, 9 * HOUR_MS, HOURS).await.unwrap();
    let mut other = PgConnection::connect(&address).await.unwrap();
    let unpaid = "update attempt set status = 'DUPLICATE'";
    // It begins while the mark is being written, and has the higher number of the two.
    let mut marks = PgConnection::connect(&address).await.unwrap();
    marks.execute("begin").await.unwrap();
    let written = "insert into hour (number, marked_ms) values (1, 7)";
    marks.execute(written).await.unwrap();
    other.execute("begin").await.unwrap();
    other.execute(unpaid).await.unwrap();
    marks.execute("commit").await.unwrap();
    let seen = mark().await;
    assert_eq!(seen.state, HourState::Waiting);
    other.execute("commit").await.unwrap();
    until(async || is_due(&mark().await)).await;
    let seen = mark().await;
    let now = sums().await;
    assert_eq!((now[0].made, now[0].count), (1, 0));

    other.execute("begin").await.unwrap();
    other
        .execute("update attempt set status = 'SUCCESSPAY'")
        .await
        .unwrap();
    let (kept, _) = tokio::join!(store.keep_hour(seen, &now), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        other.execute("commit").await.unwrap();
    });
    assert_eq!(kept, Ok(false), "its mark is gone");
    let seen = mark().await;
    assert_eq!(store.keep_hour(seen, &sums().await).await, Ok(true));
    other.execute(unpaid).await.unwrap();
    let (kept, _) = store.kept_sums(0, 9, HOURS).await.unwrap();
    assert!(kept.is_empty());
}

/// What goes back of a day while that is kept is in its sums, or the day is not kept.
#[tokio::test]
async fn a_day_is_kept_with_what_goes_back_meanwhile() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let store = store::migrate(&address).await.unwrap();
    let row = begun(&*store, &attempt("k", 1, HOUR_MS)).await;
    settle(&*store, &row, HOUR_MS).await;
    let new = refund(&row.order_sn, "R1", None, 30);
    store.begin_refund(&new).await.unwrap();
    let marks = summed(&*store, 7).await;
    let day = &marks[..24];
    let totals = async || {
        let read = store.totals_of_businesses(0, 24 * HOUR_MS);
        read.await.unwrap()
    };
    let mut other = PgConnection::connect(&address).await.unwrap();
    let back = "update refund set state = 'SUCCESSREFUND'";
    let before = totals().await;
    other.execute("begin").await.unwrap();
    other.execute(back).await.unwrap();
    let (kept, _) = tokio::join!(store.keep_day(day, &before), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        other.execute("commit").await.unwrap();
    });
    assert_eq!(kept, Ok(false), "an hour of it changed");

    let marks = summed(&*store, 8).await;
    // Somebody keeps it, and the refund is undone before that is seen.
    let mut keeper = PgConnection::connect(&address).await.unwrap();
    for statement in [
        "begin",
        "select from hour where number < 24 order by number for update",
        "insert into day_total values (0, 'shop', 'CNY', 1, 100, 30)",
        "insert into day values (0)",
    ] {
        keeper.execute(statement).await.unwrap();
    }
    let undone = "update refund set state = 'FAILREFUND'";
    let (undone, _) = tokio::join!(other.execute(undone), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        keeper.execute("commit").await.unwrap();
    });
    undone.unwrap();
    let kept = store.kept_days(0, 24, 0).await.unwrap();
    assert_eq!(kept, (vec![0], totals().await));
    assert_eq!(store.keep_day(&marks[..24], &kept.1).await, Ok(false));
}
