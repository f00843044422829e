//! Programs of two versions beside each other: what a newer one adds to the tables
//! changes nothing for an older one that runs.

use crate::harness::{
    act, attempt, begun, beside, callback, code, money, postgres_address, temp_folder,
};
use payment::channel::Channel;
use payment::domain::{Domain, DomainSettings};
use payment::money::{Currency, Money};
use payment::order::Event;
use payment::partner::{Ordered, PartnerOrder};
use payment::ports::{
    CallbackTry, NewRefund, NotifyOutcome, NotifyRow, RefundStep, Refunded, Resend, Store,
    TryOutcome,
};
use payment::refund::{Cause, Refund};
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqlSafeStr, SqliteConnection};
use std::path::Path;

const TABLES: [&str; 14] = [
    "domain",
    "domain_secret",
    "payment_request",
    "attempt",
    "notify",
    "callback",
    "callback_try",
    "closed_request",
    "refund",
    "trip_key",
    "trip_state",
    "trip_address",
    "event",
    "partner_order",
];

/// A column more in every table, as a newer program would add it.
fn future_columns() -> String {
    let add = |table: &&str| format!("alter table {table} add column future text default 'x';");
    TABLES.iter().map(add).collect()
}

async fn a_payment(store: &dyn Store, number: u32) -> String {
    let new = attempt(&format!("k{number}"), number, 0);
    let row = begun(store, &new).await;
    let order = row.order_sn.clone();
    store
        .accept_attempt(&order, &code("weixin://x"), act())
        .await
        .unwrap();
    let (callback, beside) = (callback(), beside(&format!("B{number}")));
    store
        .settle_paid(&order, &money(&callback, &beside), act())
        .await
        .unwrap();
    let found = store
        .attempt_by_channel_no(Channel::Wechat, "a", &order)
        .await;
    assert_eq!(found.unwrap().unwrap().order_sn, order);
    assert!(store.attempt(&order).await.unwrap().is_some());
    assert!(store.attempt_by_token(&row.token).await.unwrap().is_some());
    let key = format!("k{number}");
    assert_eq!(store.attempts("shop", &key).await.unwrap().len(), 1);
    store.note_mismatch(&order, "money", act()).await.unwrap();
    order
}

async fn a_refund(store: &dyn Store, order: &str, number: u32) {
    let new = NewRefund {
        refund_no: format!("R{number}"),
        order_sn: order.to_owned(),
        refund_key: Some(format!("r{number}")),
        money: Money::from_minor(10, Currency::Cny).unwrap(),
        cause: Cause::Business,
        day_max: None,
        hands: None,
        reason: String::new(),
        created_ms: 10,
    };
    let begun = store.begin_refund(&new).await.unwrap();
    assert!(matches!(begun, Refunded::New(_)));
    let again = store.begin_refund(&new).await.unwrap();
    assert!(matches!(again, Refunded::Same(_)));
    assert_eq!(store.refunds(order).await.unwrap().len(), 1);
    assert_eq!(store.take_due_refunds(99, 999, 9).await.unwrap().len(), 1);
    let step = RefundStep {
        next: Refund::Done,
        note: "",
        reference: None,
        by_hand: None,
        next_ms: None,
        callback: None,
        act: act(),
    };
    let row = store.step_refund(&new.refund_no, &step).await.unwrap();
    assert_eq!(row.state, Refund::Done);
    assert!(store.refund(&new.refund_no).await.unwrap().is_some());
}

async fn a_callback(store: &dyn Store, order: &str) {
    let due = store.take_due_callbacks(5_000, 9_000, 99, &[]).await;
    let id = due.unwrap()[0].id;
    store.put_back_callback(id, 5_000).await.unwrap();
    let tried = CallbackTry {
        at_ms: 1,
        tries: 0,
        status: Some(200),
        location: None,
        answer: "faild".to_owned(),
        duration_ms: 2,
        outcome: TryOutcome::Parked,
    };
    store.callback_tried(id, &tried).await.unwrap();
    assert_eq!(store.callback_tries(id).await.unwrap().len(), 1);
    assert_eq!(store.callbacks(order).await.unwrap().len(), 1);
    assert_eq!(store.parked_callbacks().await.unwrap().len(), 1);
    let which = Resend::Order(order.to_owned());
    assert_eq!(store.resend_callbacks(&which, 9).await.unwrap(), 1);
    store
        .callback_tried(
            id,
            &CallbackTry {
                outcome: TryOutcome::Delivered,
                ..tried
            },
        )
        .await
        .unwrap();
}

async fn a_notify_and_a_trip(store: &dyn Store, number: u32) {
    let notify = NotifyRow {
        channel: Channel::Wechat,
        account: "a".to_owned(),
        channel_order_no: None,
        body: format!("{number}").into_bytes(),
        headers: String::new(),
        received_ms: 1,
    };
    let id = store
        .keep_notify(&notify, &notify.body, 2)
        .await
        .unwrap()
        .unwrap();
    let due = store.take_due_notifies(9, 99, 9).await.unwrap();
    assert_eq!(due[0].row.body, notify.body);
    store
        .mark_notify(id, NotifyOutcome::Settled, "", None)
        .await
        .unwrap();
    assert_eq!(store.notify_body(id).await.unwrap(), Some(notify.body));
    let nonce = format!("n{number}");
    assert!(store.use_trip(&nonce, 9, 1).await.unwrap());
    store
        .keep_trip_address(&nonce, "http://shop.cn", 9, 1)
        .await
        .unwrap();
    assert!(store.trip_address(&nonce).await.unwrap().is_some());
    assert_eq!(store.trip_key(b"k").await.unwrap(), b"k");
}

async fn a_partners_order(store: &dyn Store, number: u32) {
    let order = PartnerOrder {
        order_id: format!("O{number}"),
        domain_code: "apay.p001".to_owned(),
        order: Ordered {
            out_order_id: format!("P{number}"),
            money: Money::from_minor(10, Currency::Cny).unwrap(),
            cb_url: "http://p.cn/cb".to_owned(),
            return_url: "http://p.cn".to_owned(),
            user_id: "u".to_owned(),
            pay_type: None,
            goods: String::new(),
            passback: String::new(),
        },
        created_ms: 1,
    };
    let code = "apay.p001";
    assert!(store.begin_partner_order(&order).await.unwrap().is_some());
    let ours = store.partner_order(code, &order.order_id).await.unwrap();
    assert_eq!(ours.unwrap().order.out_order_id, order.order.out_order_id);
    let theirs = store.partner_order_of(code, &order.order.out_order_id);
    assert!(theirs.await.unwrap().is_some());
}

/// Everything that a program does with its tables.
async fn works(store: &dyn Store, number: u32) {
    store.ready().await.unwrap();
    store.takes_writes().await.unwrap();
    for domain in store.domains("", 9).await.unwrap() {
        store.set_domain(&domain, &domain).await.unwrap();
        assert!(store.domain(&domain.code).await.unwrap().is_some());
        store.other_readings(&domain.code).await.unwrap();
    }
    let order = a_payment(store, number).await;
    a_refund(store, &order, number).await;
    a_callback(store, &order).await;
    a_notify_and_a_trip(store, number).await;
    a_partners_order(store, number).await;
    let unpaid = begun(store, &attempt(&format!("u{number}"), 500 + number, 0)).await;
    let due = store.take_due_attempts(999_999, 999_999, 9).await.unwrap();
    assert!(due.iter().any(|row| row.order_sn == unpaid.order_sn));
    store.schedule_query(&unpaid, Some(1)).await.unwrap();
    store
        .apply(&unpaid.order_sn, Event::Closed, act())
        .await
        .unwrap();
    let key = format!("u{number}");
    store
        .close_request("shop", &key, None, act())
        .await
        .unwrap();
    assert!(store.story(&order).await.unwrap().is_some());
    assert!(!store.order_numbers("", 9).await.unwrap().is_empty());
    store.at_risk(9_999_999).await.unwrap();
    store.risk_counts(9_999_999).await.unwrap();
    store
        .attempt_by_trade_no(Channel::Wechat, "a", "t")
        .await
        .unwrap();
    store.backlog(9_999_999).await.unwrap();
    store.accounts_in_use().await.unwrap();
    assert_eq!(
        crate::harness::contradictions(store).await,
        Vec::<String>::new()
    );
}

async fn with_domains(store: &dyn Store) {
    let settings = DomainSettings::default();
    let partner = Domain::partner("apay", "p001", settings, "123456", true);
    for domain in [Domain::test(), partner.unwrap()] {
        store.add_domain(&domain).await.unwrap();
    }
}

#[tokio::test]
async fn columns_that_a_newer_program_adds_change_nothing_on_sqlite() {
    let address = format!("sqlite:{}", temp_folder().join("store.db").display());
    let store = store::migrate(&address).await.unwrap();
    with_domains(&*store).await;
    works(&*store, 1).await;
    let mut newer = SqliteConnection::connect(&address).await.unwrap();
    let add = AssertSqlSafe(future_columns());
    sqlx::raw_sql(add).execute(&mut newer).await.unwrap();
    works(&*store, 2).await;
}

#[tokio::test]
async fn columns_that_a_newer_program_adds_change_nothing_on_postgres() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let store = store::migrate(&address).await.unwrap();
    with_domains(&*store).await;
    works(&*store, 1).await;
    let mut newer = PgConnection::connect(&address).await.unwrap();
    let add = AssertSqlSafe(future_columns());
    sqlx::raw_sql(add).execute(&mut newer).await.unwrap();
    works(&*store, 2).await;
}

#[tokio::test]
async fn a_statement_whose_tables_changed_is_asked_anew() {
    let Some(address) = postgres_address().await else {
        return;
    };
    let store = store::migrate(&address).await.unwrap();
    let order = a_payment(&*store, 1).await;
    let mut newer = PgConnection::connect(&address).await.unwrap();
    for length in [100, 200] {
        // Of another type than the statement was prepared for.
        let change = format!("alter table attempt alter column mismatch type varchar({length})");
        let change = AssertSqlSafe(change);
        sqlx::query(change).execute(&mut newer).await.unwrap();
        for _ in 0..20 {
            assert!(store.attempt(&order).await.unwrap().is_some());
        }
    }
}

/// Our migrations and one of a newer program.
fn newer(migrator: &Migrator, name: &'static str) -> Migrator {
    let future = Migration::new(
        9_000,
        name.into(),
        MigrationType::Simple,
        AssertSqlSafe("alter table attempt add column future text".to_owned()).into_sql_str(),
        false,
    );
    let all = migrator.iter().cloned().chain([future]).collect();
    Migrator::with_migrations(all)
}

async fn ours(dialect: &str) -> Migrator {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    Migrator::new(folder.join(dialect)).await.unwrap()
}

/// What opening says where a newer program added `name`.
async fn beside_sqlite(name: &'static str) -> [Option<String>; 2] {
    let address = format!("sqlite:{}", temp_folder().join("new.db").display());
    drop(store::migrate(&address).await.unwrap());
    let mut connection = SqliteConnection::connect(&address).await.unwrap();
    let newer = newer(&ours("sqlite").await, name);
    newer
        .run_direct(None, &mut connection, false)
        .await
        .unwrap();
    [store::open(&address).await, store::migrate(&address).await]
        .map(|opened| opened.err().map(|error| error.to_string()))
}

#[tokio::test]
async fn compatible_tables_of_a_newer_program_are_taken_and_others_refused() {
    assert_eq!(beside_sqlite("compatible more").await, [None, None]);
    for refused in beside_sqlite("other meaning").await {
        let refused = refused.unwrap();
        assert!(refused.contains("9000, other meaning"), "{refused}");
    }
    let Some(address) = postgres_address().await else {
        return;
    };
    drop(store::migrate(&address).await.unwrap());
    let mut connection = PgConnection::connect(&address).await.unwrap();
    let newer = newer(&ours("postgres").await, "compatible more");
    newer
        .run_direct(None, &mut connection, false)
        .await
        .unwrap();
    let store = store::migrate(&address).await.unwrap();
    with_domains(&*store).await;
    works(&*store, 1).await;
    assert!(store::open(&address).await.is_ok());
}

#[tokio::test]
async fn only_who_migrates_makes_or_changes_tables() {
    let path = temp_folder().join("none.db");
    let address = format!("sqlite:{}", path.display());
    let refused = store::open(&address).await.err().unwrap().to_string();
    assert!(refused.contains("TONGFU_DATABASE_URL"), "{refused}");
    assert!(!path.exists());
    let mut old = SqliteConnection::connect(&format!("{address}?mode=rwc"))
        .await
        .unwrap();
    let refused = store::open(&address).await.err().unwrap().to_string();
    assert!(refused.contains("TONGFU_DATABASE_URL"), "{refused}");
    let first = Migrator::with_migrations(ours("sqlite").await.iter().take(1).cloned().collect());
    first.run_direct(None, &mut old, false).await.unwrap();
    let refused = store::open(&address).await.err().unwrap().to_string();
    assert!(refused.contains("tongfu migrate"), "{refused}");
    let tables = "select count(*) from sqlite_master where name = 'refund'";
    let count: i64 = sqlx::query_scalar(tables)
        .fetch_one(&mut old)
        .await
        .unwrap();
    assert_eq!(count, 0);
    drop(store::migrate(&address).await.unwrap());
    assert!(store::open(&address).await.is_ok());
}

/// Notifies of no order of ours that an older program marked: it knows no words.
#[tokio::test]
async fn what_an_older_program_notes_of_notifies_is_listed() {
    let address = format!("sqlite:{}", temp_folder().join("store.db").display());
    let store = store::migrate(&address).await.unwrap();
    a_notify_and_a_trip(&*store, 1).await;
    let mut older = SqliteConnection::connect(&address).await.unwrap();
    let listed = async || {
        let lines = store.at_risk(0).await.unwrap().len();
        let counts = store.risk_counts(0).await.unwrap();
        let counted: i64 = counts.iter().map(|risk| risk.count).sum();
        assert_eq!(lines as i64, counted);
        lines
    };
    for (outcome, word, lines) in [
        ("no such order", None, 1),
        ("mismatch: x", None, 1),
        ("settled", None, 0),
        ("no such order", Some("putoff"), 1),
        ("no such order", Some("known"), 0),
    ] {
        let note = sqlx::query("update notify set outcome = $1, outcome_word = $2");
        let noted = note.bind(outcome).bind(word).execute(&mut older).await;
        noted.unwrap();
        assert_eq!(listed().await, lines, "{outcome}");
    }
}

/// The text of each file of ours, with its name.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, std::fs::read_to_string(&path).unwrap()));
        }
    }
    found
}

#[test]
fn every_statement_names_its_columns_and_is_listed() {
    // What is no statement of the store's, or makes those that are.
    let beside = [
        "hosts.rs",
        "migrations.rs",
        "plans.rs",
        "line.rs",
        "sql.rs",
        "tests.rs",
    ];
    for (name, text) in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        for all in ["select *", "returning *", ".* from", ".*, "] {
            assert!(!text.contains(all), "{name} reads `{all}`");
        }
        for made in ["sqlx::query", "Sql {", "sql!"] {
            let is_listed = beside.contains(&name.as_str()) || !text.contains(made);
            assert!(is_listed, "{name} makes a statement by `{made}`");
        }
        // Words of states stand in `rows.rs`, whence statements have them.
        let is_state = |part: &&str| part.len() > 3 && part.bytes().all(|b| b.is_ascii_uppercase());
        let state = text.split('\'').find(is_state);
        assert!(name == "plans.rs" || state.is_none(), "{name}: {state:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_stays_as_it_is() {
    let folder = temp_folder();
    let path = folder.join("other.db");
    std::fs::write(&path, "").unwrap();
    let address = format!("sqlite:{}", path.display());
    let mut other = SqliteConnection::connect(&address).await.unwrap();
    for statement in [None, Some("create table shop (a)")] {
        if let Some(statement) = statement {
            let made = sqlx::raw_sql(statement).execute(&mut other);
            made.await.unwrap();
        }
        let before = std::fs::read(&path).unwrap();
        let refused = store::open(&address).await.err().unwrap();
        assert!(matches!(refused, store::OpenError::Missing), "{refused}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
        assert!(!folder.join("other.db-wal").exists());
    }
}
