//! A fresh database for each scenario.

use payment::channel::Channel;
use payment::domain::LateMoney;
use payment::money::{Currency, Money};
use payment::obj::Obj;
use payment::ports::{
    AttemptRow, Begun, BesideRefund, CallbackTry, Created, Kind, NewAttempt, NewCallback, Payment,
    Store, TryOutcome,
};
use payment::signed::Signed;
use payment::story::{Act, Source};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use store::{Address, Keys};
use tempfile::TempDir;

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// Makes two tests of each scenario.
macro_rules! on_both {
    ($($module:ident::$scenario:ident),+ $(,)?) => {
        /// How many tests there are.
        pub(crate) const SCENARIOS: usize = 2 * [$(stringify!($scenario)),+].len();

        mod sqlite {
            $(#[tokio::test]
            async fn $scenario() {
                crate::reach::on_sqlite(crate::$module::$scenario).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $scenario() {
                crate::reach::on_postgres(crate::$module::$scenario).await;
            })+
        }
    };
}
pub(crate) use on_both;

thread_local! {
    /// Each test has a thread, and its folders end with it.
    static FOLDERS: RefCell<Vec<TempDir>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn temp_folder() -> PathBuf {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    FOLDERS.with_borrow_mut(|folders| folders.push(folder));
    path
}

pub(crate) async fn sqlite() -> Arc<dyn Store> {
    let address = format!("sqlite:{}", temp_folder().join("store.db").display());
    fresh(&address).await
}

pub(crate) async fn postgres() -> Option<Arc<dyn Store>> {
    let address = postgres_address().await?;
    Some(fresh(&address).await)
}

/// Keys of this number each.
pub(crate) fn keys(numbers: &[u8]) -> Keys {
    let line = |number: &u8| format!("{number:02x}").repeat(32);
    let lines: Vec<String> = numbers.iter().map(line).collect();
    Keys::parse(&lines.join("\n")).unwrap()
}

/// New tables whose secrets the first key keeps, opened with a second one to change to,
/// and with a mark of its own.
async fn fresh(address: &str) -> Arc<dyn Store> {
    let address = Address::from(address);
    let first = address.clone().sealed_by(keys(&[1]));
    drop(store::migrate(first).await.unwrap());
    let marked = address.marked_in(temp_folder().join("mark"));
    store::open(marked.sealed_by(keys(&[2, 1]))).await.unwrap()
}

/// A fresh database; `None`, said aloud, where no PostgreSQL is given.
pub(crate) async fn postgres_address() -> Option<String> {
    let Ok(server) = std::env::var("TONGFU_TEST_POSTGRES") else {
        eprintln!("SKIPPED on PostgreSQL: TONGFU_TEST_POSTGRES is not set");
        return None;
    };
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = format!("store_{}_{number}", std::process::id());
    let admin = format!("{server}/postgres");
    let mut connection = <sqlx::PgConnection as sqlx::Connection>::connect(&admin)
        .await
        .unwrap();
    let create = sqlx::AssertSqlSafe(format!("create database {name}"));
    sqlx::query(create).execute(&mut connection).await.unwrap();
    Some(format!("{server}/{name}"))
}

/// An attempt of request `key`, the `number`th, begun at `now_ms`.
pub(crate) fn attempt(key: &str, number: u32, now_ms: i64) -> NewAttempt {
    NewAttempt {
        domain_code: "shop".to_owned(),
        request_key: key.to_owned(),
        money: Money::from_minor(100, Currency::Cny).unwrap(),
        order_sn: format!("{number:020}"),
        channel_order_no: format!("{number:020}"),
        token: format!("{number:032x}"),
        channel: Channel::Wechat,
        account: "a".to_owned(),
        kind: Kind::Native,
        channel_money: Money::from_minor(100, Currency::Cny).unwrap(),
        rate: None,
        openid: None,
        signed: Signed::parse("info=x").expect("a query"),
        secret_generation: 1,
        created_ms: now_ms,
        expires_ms: now_ms + 900_000,
        next_query_ms: now_ms + 5_000,
        fits_another_key: false,
        could_be_recut: false,
        deadline_after_ms: None,
        fresh_since_ms: i64::MIN,
        made_since_ms: i64::MIN,
        attempts_an_hour: 20,
    }
}

/// Begins it and expects that it is new.
pub(crate) async fn begun(store: &dyn Store, new: &NewAttempt) -> AttemptRow {
    match store.begin_attempt(new).await.unwrap() {
        Begun::New(row) => row,
        other => panic!("not new: {other:?}"),
    }
}

pub(crate) fn callback() -> NewCallback {
    NewCallback {
        url: "http://shop.cn/cb?sign=x".to_owned(),
        receiver: "http://shop.cn".to_owned(),
        body: None,
        created_ms: 1_000,
    }
}

/// Verified money of trade `t`, paid at 5 ms.
pub(crate) fn money<'a>(callback: &'a NewCallback, beside: &'a BesideRefund) -> Payment<'a> {
    Payment {
        trade_no: "t",
        paid_ms: 5,
        callback,
        beside,
    }
}

/// Settles it by a trade of its order's number, paid then.
pub(crate) async fn settle(store: &dyn Store, row: &AttemptRow, paid_ms: i64) {
    let (callback, beside) = (callback(), beside(&format!("B{}", row.order_sn)));
    let payment = Payment {
        trade_no: &row.order_sn,
        paid_ms,
        ..money(&callback, &beside)
    };
    let settled = store.settle_paid(&row.order_sn, &payment, act());
    settled.await.unwrap();
}

/// Something that our timer brings about.
pub(crate) fn act() -> Act {
    Act {
        at_ms: 7,
        by: Source::Timer,
    }
}

/// A try that its receiver took.
pub(crate) fn delivered() -> CallbackTry {
    CallbackTry {
        at_ms: 9,
        tries: 0,
        status: Some(200),
        location: None,
        answer: "success".to_owned(),
        duration_ms: 1,
        outcome: TryOutcome::Delivered,
    }
}

/// What becomes of money beside the request: refunded under this number.
pub(crate) fn beside(refund_no: &str) -> BesideRefund {
    BesideRefund {
        refund_no: refund_no.to_owned(),
        after_close: LateMoney::Refund,
    }
}

/// A channel that took an order and wants this sum for it.
pub(crate) fn changed(fen: i64) -> Created {
    Created {
        changed: Money::from_minor(fen, Currency::Cny),
        ..code("weixin://x")
    }
}

/// A channel that took an order and shows this code.
pub(crate) fn code(text: &str) -> Created {
    Created {
        obj: Obj::Code(text.to_owned()),
        reference: None,
        changed: None,
    }
}

/// What contradicts itself in a small book, with orders and without.
pub(crate) async fn contradictions(store: &dyn Store) -> Vec<String> {
    let all = store.order_numbers("", 999).await.unwrap();
    let mut found = store.contradictions(Some(&all)).await.unwrap();
    found.extend(store.contradictions(None).await.unwrap());
    found
}
