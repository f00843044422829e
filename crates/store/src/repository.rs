//! The queries, the same for both databases. This file is compiled once under
//! `sqlite` and once under `postgres`; `super` says which database it speaks to,
//! and what its macros `locked!` and `skip_locked!` add to a query.

#[path = "repository/attempts.rs"]
mod attempts;
#[path = "repository/callbacks.rs"]
mod callbacks;
#[path = "repository/domains.rs"]
mod domains;
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
use payment::channel::Channel;
use payment::domain::Domain;
use payment::forecore::PartnerOrder;
use payment::order::Event;
use payment::ports::{
    AttemptRow, Backlog, Begun, CallbackRow, CallbackTry, ClosedRequest, Created, Honoured,
    KeptNotify, KeptTry, NewAttempt, NewCallback, NewRefund, NotifyRow, Payment, RefundRow,
    RefundStep, Refunded, Resend, Risk, RiskCount, Settled, Store, StoreError, Story,
};
use payment::story::Act;
use rows::get;
use sqlx::{Database, Pool, Transaction};

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

/// The store on one database: one pool that reads, one that writes.
pub(crate) struct Repository {
    read: Pool<Db>,
    write: Pool<Db>,
}

impl Repository {
    pub(super) fn new(read: Pool<Db>, write: Pool<Db>) -> Self {
        Self { read, write }
    }

    async fn begin(&self) -> Answer<Transaction<'static, Db>> {
        self.write.begin_with(BEGIN).await.map_err(unavailable)
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

async fn commit(tx: Transaction<'static, Db>) -> Answer<()> {
    tx.commit().await.map_err(unavailable)
}

#[async_trait::async_trait]
impl Store for Repository {
    async fn ready(&self) -> Answer<()> {
        domains::one(&self.read, "").await.map(|_| ())
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
        commit(tx).await
    }

    async fn set_domain(&self, domain: &Domain) -> Answer<()> {
        let mut tx = self.begin().await?;
        domains::set(&mut tx, domain).await?;
        commit(tx).await
    }

    async fn begin_attempt(&self, new: &NewAttempt) -> Answer<Begun> {
        let mut tx = self.begin().await?;
        let begun = attempts::begin(&mut tx, new).await?;
        if matches!(begun, Begun::New(_)) {
            commit(tx).await?;
        }
        Ok(begun)
    }

    async fn accept_attempt(&self, order_sn: &str, created: &Created, act: Act) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let settled = attempts::accept(&mut tx, order_sn, created, act).await?;
        commit(tx).await.map(|()| settled)
    }

    async fn apply(&self, order_sn: &str, event: Event, act: Act) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let settled = attempts::apply(&mut tx, order_sn, event, act).await?;
        commit(tx).await.map(|()| settled)
    }

    async fn settle_paid(
        &self,
        order_sn: &str,
        payment: &Payment<'_>,
        act: Act,
    ) -> Answer<Settled> {
        let mut tx = self.begin().await?;
        let settled = attempts::settle_paid(&mut tx, order_sn, payment, act).await?;
        commit(tx).await.map(|()| settled)
    }

    async fn note_mismatch(&self, order_sn: &str, difference: &str, act: Act) -> Answer<()> {
        let mut tx = self.begin().await?;
        attempts::note_mismatch(&mut tx, order_sn, difference, act).await?;
        commit(tx).await
    }

    async fn honour(&self, order_sn: &str, callback: &NewCallback, act: Act) -> Answer<Honoured> {
        let mut tx = self.begin().await?;
        let honoured = attempts::honour(&mut tx, order_sn, callback, act).await?;
        if honoured == Honoured::Done {
            commit(tx).await?;
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
            commit(tx).await?;
        }
        Ok(closed)
    }

    async fn begin_refund(&self, new: &NewRefund) -> Answer<Refunded> {
        let mut tx = self.begin().await?;
        let begun = refunds::begin(&mut tx, new).await?;
        if matches!(begun, Refunded::New(_)) {
            commit(tx).await?;
        }
        Ok(begun)
    }

    async fn step_refund(&self, refund_no: &str, step: &RefundStep<'_>) -> Answer<RefundRow> {
        let mut tx = self.begin().await?;
        let row = refunds::step(&mut tx, refund_no, step).await?;
        commit(tx).await.map(|()| row)
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
        commit(tx).await.map(|()| key)
    }

    async fn use_trip(&self, nonce: &str, until_ms: i64, now_ms: i64) -> Answer<bool> {
        let mut tx = self.begin().await?;
        let first = trips::use_state(&mut tx, nonce, until_ms, now_ms).await?;
        commit(tx).await.map(|()| first)
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
        commit(tx).await
    }

    async fn trip_address(&self, token: &str) -> Answer<Option<String>> {
        trips::address(&self.read, token).await
    }

    async fn other_key_requests(&self, domain_code: &str) -> Answer<i64> {
        domains::other_key_requests(&self.read, domain_code).await
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

    async fn keep_notify(&self, notify: &NotifyRow, again_ms: i64) -> Answer<i64> {
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
        commit(tx).await
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
            commit(tx).await?;
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

fn unavailable(error: sqlx::Error) -> StoreError {
    StoreError::Unavailable(error.to_string())
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
