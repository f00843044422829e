//! The queries, the same for both databases. This file is compiled once under
//! `sqlite` and once under `postgres`; `super` says which database it speaks to,
//! and what its macros `locked!` and `skip_locked!` add to a query.

#[path = "repository/attempts.rs"]
mod attempts;
#[path = "repository/callbacks.rs"]
mod callbacks;
#[path = "repository/domains.rs"]
mod domains;
#[path = "repository/migrations.rs"]
mod migrations;
#[path = "repository/notifies.rs"]
mod notifies;
#[path = "repository/partners.rs"]
mod partners;
#[path = "repository/refunds.rs"]
mod refunds;
#[path = "repository/risk.rs"]
mod risk;
#[path = "repository/rows.rs"]
mod rows;
#[path = "repository/story.rs"]
mod story;
#[path = "repository/trips.rs"]
mod trips;

use super::{BEGIN, Db};
use crate::limited::Renewed;
use crate::renewal::Renewal;
use payment::channel::Channel;
use payment::domain::Domain;
use payment::order::Event;
use payment::partner::PartnerOrder;
use payment::ports::{
    AttemptRow, Backlog, Begun, CallbackRow, CallbackTry, ClosedRequest, Created, Honoured,
    KeptNotify, KeptTry, NewAttempt, NewCallback, NewRefund, NotifyRow, OtherReadings, Payment,
    RefundRow, RefundStep, Refunded, Resend, Risk, RiskCount, Settled, Store, StoreError, Story,
    TakenBack,
};
use payment::story::Act;
use rows::get;
use sqlx::{Database, Pool, Transaction};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

pub(super) use migrations::check as check_tables;

type DbRow = <Db as Database>::Row;
type Answer<T> = Result<T, StoreError>;

const TAKE_DUE_ATTEMPTS: &str = concat!(
    "update attempt set next_query_ms = $2 where order_sn in (",
    skip_locked!(
        "select order_sn from attempt where next_query_ms <= $1 order by next_query_ms limit $3"
    ),
    ") returning order_sn"
);

const TAKE_DUE_REFUNDS: &str = concat!(
    "update refund set next_ms = $2 where refund_no in (",
    skip_locked!("select refund_no from refund where next_ms <= $1 order by next_ms limit $3"),
    ") returning refund_no"
);

const TAKE_DUE_NOTIFIES: &str = concat!(
    "update notify set next_ms = $2 where id in (",
    skip_locked!("select id from notify where next_ms <= $1 order by next_ms limit $3"),
    ") returning id"
);

/// Anybody may ask whether we are ready: so long an answer about writing holds.
const PROBE_HOLDS: Duration = Duration::from_secs(2);

/// The store on one database: one pool that reads, one that writes.
pub(crate) struct Repository {
    read: Pool<Db>,
    write: Pool<Db>,
    renewal: Renewal,
    /// When a write was last tried for readiness' sake, and what came of it.
    probed: Mutex<Option<(Instant, Answer<()>)>>,
}

impl Repository {
    pub(super) fn new(read: Pool<Db>, write: Pool<Db>, renewal: Renewal) -> Self {
        Self {
            read,
            write,
            renewal,
            probed: Mutex::new(None),
        }
    }

    async fn begin(&self) -> Answer<Transaction<'static, Db>> {
        self.judged(self.write.begin_with(BEGIN).await)
    }

    async fn commit(&self, tx: Transaction<'static, Db>) -> Answer<()> {
        self.judged(tx.commit().await)
    }

    /// A connection that failed to begin or to commit is not trusted again.
    fn judged<T>(&self, done: Result<T, sqlx::Error>) -> Answer<T> {
        done.map_err(|error| {
            self.renew();
            unavailable(error)
        })
    }

    /// Writes something that nobody reads.
    async fn probe(&self) -> Answer<()> {
        let mut tx = self.begin().await?;
        let query = "insert into write_probe (id, writes) values (1, 1) \
            on conflict (id) do update set writes = write_probe.writes + 1";
        let written = sqlx::query(query).execute(&mut *tx).await;
        self.judged(written)?;
        self.commit(tx).await
    }

    /// What is due; nobody else takes it before `again_ms`.
    async fn take(
        &self,
        query: &'static str,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<DbRow>> {
        let query = sqlx::query(query).bind(now_ms).bind(again_ms).bind(limit);
        query.fetch_all(&self.write).await.map_err(unavailable)
    }
}

impl Renewed for Repository {
    fn renew(&self) {
        self.renewal.renew();
    }
}

#[async_trait::async_trait]
impl Store for Repository {
    async fn ready(&self) -> Answer<()> {
        domains::one(&self.read, "").await?;
        let mut probed = self.probed.lock().await;
        match &*probed {
            Some((at, answer)) if at.elapsed() < PROBE_HOLDS => answer.clone(),
            _ => {
                let answer = self.probe().await;
                *probed = Some((Instant::now(), answer.clone()));
                answer
            }
        }
    }

    async fn takes_writes(&self) -> Answer<()> {
        self.probe().await
    }

    async fn domain(&self, code: &str) -> Answer<Option<Domain>> {
        domains::one(&self.read, code).await
    }

    async fn domains(&self) -> Answer<Vec<Domain>> {
        domains::all(&self.read).await
    }

    async fn add_domain(&self, domain: &Domain) -> Answer<()> {
        let mut tx = self.begin().await?;
        domains::add(&mut tx, domain).await?;
        self.commit(tx).await
    }

    async fn set_domain(&self, domain: &Domain) -> Answer<()> {
        let mut tx = self.begin().await?;
        domains::set(&mut tx, domain).await?;
        self.commit(tx).await
    }

    async fn begin_attempt(&self, new: &NewAttempt) -> Answer<Begun> {
        let mut tx = self.begin().await?;
        let begun = attempts::begin(&mut tx, new).await?;
        if matches!(begun, Begun::New(_)) {
            self.commit(tx).await?;
        }
        Ok(begun)
    }

    async fn accept_attempt(&self, order_sn: &str, created: &Created, act: Act) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let settled = attempts::accept(&mut tx, order_sn, created, act).await?;
        self.commit(tx).await.map(|()| settled)
    }

    async fn apply(&self, order_sn: &str, event: Event, act: Act) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let settled = attempts::apply(&mut tx, order_sn, event, act).await?;
        self.commit(tx).await.map(|()| settled)
    }

    async fn hold(&self, order_sn: &str, reason: &str, act: Act) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let settled = attempts::hold(&mut tx, order_sn, reason, act).await?;
        self.commit(tx).await.map(|()| settled)
    }

    async fn settle_paid(
        &self,
        order_sn: &str,
        payment: &Payment<'_>,
        act: Act,
    ) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let settled = attempts::settle_paid(&mut tx, order_sn, payment, act).await?;
        self.commit(tx).await.map(|()| settled)
    }

    async fn note_mismatch(&self, order_sn: &str, difference: &str, act: Act) -> Answer<()> {
        let mut tx = self.begin().await?;
        attempts::note_mismatch(&mut tx, order_sn, difference, act).await?;
        self.commit(tx).await
    }

    async fn honour(&self, order_sn: &str, callback: &NewCallback, act: Act) -> Answer<Honoured> {
        let mut tx = self.begin().await?;
        let honoured = attempts::honour(&mut tx, order_sn, callback, act).await?;
        if honoured == Honoured::Done {
            self.commit(tx).await?;
        }
        Ok(honoured)
    }

    async fn close_request(
        &self,
        domain_code: &str,
        request_key: &str,
        told: Option<&(String, NewCallback)>,
        act: Act,
    ) -> Answer<ClosedRequest> {
        let mut tx = self.begin().await?;
        let closed = attempts::close_request(&mut tx, domain_code, request_key, told, act).await?;
        if closed != ClosedRequest::Paid {
            self.commit(tx).await?;
        }
        Ok(closed)
    }

    async fn begin_refund(&self, new: &NewRefund) -> Answer<Refunded> {
        let mut tx = self.begin().await?;
        let begun = refunds::begin(&mut tx, new).await?;
        if matches!(begun, Refunded::New(_)) {
            self.commit(tx).await?;
        }
        Ok(begun)
    }

    async fn step_refund(&self, refund_no: &str, step: &RefundStep<'_>) -> Answer<RefundRow> {
        let mut tx = self.begin().await?;
        let row = refunds::step(&mut tx, refund_no, step).await?;
        self.commit(tx).await.map(|()| row)
    }

    async fn claim_refund(&self, refund_no: &str, step: &RefundStep<'_>) -> Answer<bool> {
        let mut tx = self.begin().await?;
        let claimed = refunds::claim(&mut tx, refund_no, step).await?;
        self.commit(tx).await.map(|()| claimed)
    }

    async fn take_back(&self, new: &TakenBack<'_>) -> Answer<Option<RefundRow>> {
        let mut tx = self.begin().await?;
        let row = refunds::take_back(&mut tx, new).await?;
        self.commit(tx).await.map(|()| row)
    }

    async fn refund(&self, refund_no: &str) -> Answer<Option<RefundRow>> {
        refunds::one(&self.read, refund_no).await
    }

    async fn refunds(&self, order_sn: &str) -> Answer<Vec<RefundRow>> {
        refunds::of_order(&self.read, order_sn).await
    }

    async fn take_due_refunds(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<RefundRow>> {
        let taken = self.take(TAKE_DUE_REFUNDS, now_ms, again_ms, limit).await?;
        let mut rows = Vec::with_capacity(taken.len());
        for row in &taken {
            let number: String = get(row, "refund_no")?;
            rows.extend(readable(&number, refunds::one(&self.read, &number).await)?);
        }
        Ok(rows)
    }

    async fn trip_key(&self, offered: &[u8]) -> Answer<Vec<u8>> {
        let mut tx = self.begin().await?;
        let key = trips::key(&mut tx, offered).await?;
        self.commit(tx).await.map(|()| key)
    }

    async fn use_trip(&self, nonce: &str, until_ms: i64, now_ms: i64) -> Answer<bool> {
        let mut tx = self.begin().await?;
        let first = trips::use_state(&mut tx, nonce, until_ms, now_ms).await?;
        self.commit(tx).await.map(|()| first)
    }

    async fn keep_trip_address(
        &self,
        token: &str,
        address: &str,
        until_ms: i64,
        now_ms: i64,
    ) -> Answer<()> {
        let mut tx = self.begin().await?;
        trips::keep_address(&mut tx, token, address, until_ms, now_ms).await?;
        self.commit(tx).await
    }

    async fn trip_address(&self, token: &str) -> Answer<Option<String>> {
        trips::address(&self.read, token).await
    }

    async fn other_readings(&self, domain_code: &str) -> Answer<OtherReadings> {
        domains::other_readings(&self.read, domain_code).await
    }

    async fn attempt(&self, order_sn: &str) -> Answer<Option<AttemptRow>> {
        attempts::one(&self.read, order_sn).await
    }

    async fn attempt_by_token(&self, token: &str) -> Answer<Option<AttemptRow>> {
        attempts::by_token(&self.read, token).await
    }

    async fn attempt_by_channel_no(
        &self,
        channel: Channel,
        account: &str,
        channel_order_no: &str,
    ) -> Answer<Option<AttemptRow>> {
        attempts::by_channel_no(&self.read, channel, account, channel_order_no).await
    }

    async fn attempt_by_trade_no(
        &self,
        channel: Channel,
        account: &str,
        trade_no: &str,
    ) -> Answer<Option<AttemptRow>> {
        attempts::by_trade_no(&self.read, channel, account, trade_no).await
    }

    async fn is_closed(&self, domain_code: &str, request_key: &str) -> Answer<bool> {
        attempts::is_closed(&self.read, domain_code, request_key).await
    }

    async fn attempts(&self, domain_code: &str, request_key: &str) -> Answer<Vec<AttemptRow>> {
        attempts::of_request(&self.read, domain_code, request_key).await
    }

    async fn take_due_attempts(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<AttemptRow>> {
        let taken = self
            .take(TAKE_DUE_ATTEMPTS, now_ms, again_ms, limit)
            .await?;
        let mut rows = Vec::with_capacity(taken.len());
        for row in &taken {
            let number: String = get(row, "order_sn")?;
            rows.extend(readable(&number, attempts::one(&self.read, &number).await)?);
        }
        Ok(rows)
    }

    async fn schedule_query(&self, order_sn: &str, at_ms: Option<i64>) -> Answer<()> {
        sqlx::query("update attempt set next_query_ms = $2 where order_sn = $1")
            .bind(order_sn)
            .bind(at_ms)
            .execute(&self.write)
            .await
            .map(|_| ())
            .map_err(unavailable)
    }

    async fn keep_notify(&self, notify: &NotifyRow, again_ms: i64) -> Answer<Option<i64>> {
        notifies::keep(&self.write, notify, again_ms).await
    }

    async fn take_due_notifies(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
    ) -> Answer<Vec<KeptNotify>> {
        let taken = self
            .take(TAKE_DUE_NOTIFIES, now_ms, again_ms, limit)
            .await?;
        let mut rows = Vec::with_capacity(taken.len());
        for row in &taken {
            let id: i64 = get(row, "id")?;
            let found = notifies::one(&self.read, id).await;
            rows.extend(readable(&id.to_string(), found)?);
        }
        Ok(rows)
    }

    async fn mark_notify(&self, id: i64, outcome: &str, again_ms: Option<i64>) -> Answer<()> {
        notifies::mark(&self.write, id, outcome, again_ms).await
    }

    async fn take_due_callbacks(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
        busy: &[String],
    ) -> Answer<Vec<CallbackRow>> {
        callbacks::take_due(&self.write, now_ms, again_ms, limit, busy).await
    }

    async fn put_back_callback(&self, id: i64, at_ms: i64) -> Answer<()> {
        callbacks::put_back(&self.write, id, at_ms).await
    }

    async fn callback_tried(&self, id: i64, tried: &CallbackTry) -> Answer<()> {
        let mut tx = self.begin().await?;
        callbacks::tried(&mut tx, id, tried).await?;
        self.commit(tx).await
    }

    async fn callbacks(&self, order_sn: &str) -> Answer<Vec<CallbackRow>> {
        callbacks::of_order(&self.read, order_sn).await
    }

    async fn callback_tries(&self, id: i64) -> Answer<Vec<KeptTry>> {
        callbacks::tries(&self.read, id).await
    }

    async fn parked_callbacks(&self) -> Answer<Vec<CallbackRow>> {
        callbacks::parked(&self.read).await
    }

    async fn resend_callbacks(&self, which: &Resend, now_ms: i64) -> Answer<u64> {
        let numbers = callbacks::of_resend(&self.read, which).await?;
        for (id, order_sn) in &numbers {
            let mut tx = self.begin().await?;
            callbacks::send_again(&mut tx, *id, order_sn, now_ms).await?;
            self.commit(tx).await?;
        }
        Ok(numbers.len() as u64)
    }

    async fn story(&self, order_sn: &str) -> Answer<Option<Story>> {
        story::read(&self.read, order_sn).await
    }

    async fn notify_body(&self, id: i64) -> Answer<Option<Vec<u8>>> {
        let notify = notifies::one(&self.read, id).await?;
        Ok(notify.map(|notify| notify.row.body))
    }

    async fn orders(&self, after: &str, limit: i64) -> Answer<Vec<AttemptRow>> {
        attempts::page(&self.read, after, limit).await
    }

    async fn risk_counts(&self, now_ms: i64) -> Answer<Vec<RiskCount>> {
        risk::risk_counts(&self.read, now_ms).await
    }

    async fn at_risk(&self, now_ms: i64) -> Answer<Vec<Risk>> {
        risk::at_risk(&self.read, now_ms).await
    }

    async fn backlog(&self, now_ms: i64) -> Answer<Backlog> {
        risk::backlog(&self.read, now_ms).await
    }

    async fn begin_partner_order(&self, new: &PartnerOrder) -> Answer<Option<PartnerOrder>> {
        partners::begin(&self.write, new).await
    }

    async fn partner_order(
        &self,
        domain_code: &str,
        order_id: &str,
    ) -> Answer<Option<PartnerOrder>> {
        partners::by_order_id(&self.read, domain_code, order_id).await
    }

    async fn partner_order_of(
        &self,
        domain_code: &str,
        out_order_id: &str,
    ) -> Answer<Option<PartnerOrder>> {
        partners::by_out_order_id(&self.read, domain_code, out_order_id).await
    }

    async fn accounts_in_use(&self) -> Answer<Vec<(Channel, String)>> {
        risk::accounts_in_use(&self.read).await
    }

    async fn contradictions(&self) -> Answer<Vec<String>> {
        risk::contradictions(&self.read).await
    }
}

/// A row that can't be read is told, and keeps no other from its turn.
fn readable<T>(number: &str, found: Answer<Option<T>>) -> Answer<Option<T>> {
    match found {
        Err(StoreError::Corrupt(cause)) => {
            tracing::error!(number, cause, "an order or refund can't be read");
            Ok(None)
        }
        found => found,
    }
}

/// What PostgreSQL says of a statement that was prepared before its tables changed.
const PLAN_IS_OLD: &str = "0A000";

fn unavailable(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some(PLAN_IS_OLD) => StoreError::Outdated(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

fn taken(error: sqlx::Error, name: &str) -> StoreError {
    if is_unique_violation(&error) {
        return StoreError::Exists(name.to_owned());
    }
    unavailable(error)
}

fn is_unique_violation(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|database| database.is_unique_violation())
}
