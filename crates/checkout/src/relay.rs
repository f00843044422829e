//! The relay: who may listen to a business system's callbacks, and what he is given
//! (docs/protocol.md, The relay).

use crate::{Checkout, Failure};
use payment::domain::{Domain, Secret};
use payment::ports::CallbackRow;
use payment::refusal::Refusal;
use payment::relay::{Cursor, GIVEN_MAX, SEEN_MAX};
use payment::slip::Slips;

/// Callbacks that a listener who was away is given at most.
const REACH: i64 = 200;

impl Checkout {
    /// The business system that a listener proves himself of. One that there is not, one
    /// that is not relayed now and a wrong sign are one answer.
    ///
    /// # Errors
    /// [`Refusal::BadSign`], [`Failure::TooMany`], and [`Failure::Internal`] when the
    /// database is in trouble.
    pub async fn listener(
        &self,
        code: &str,
        proves: impl Fn(&Secret) -> bool,
    ) -> Result<Domain, Failure> {
        let refused = || Failure::from(Refusal::bad_sign(Slips::default()));
        let proves = |secret: &Secret| proves(secret).then_some(());
        match self.proved(code, None, proves, |_| None).await {
            Ok((domain, ..)) if domain.is_relayed(self.now_ms()) => Ok(domain),
            Ok(_) | Err(Failure::Refused(Refusal::UnknownDomain | Refusal::BadSign { .. })) => {
                Err(refused())
            }
            Err(failure) => Err(failure),
        }
    }

    /// Where a listener begins who wants the last `last` callbacks first. What is written
    /// by then and comes to be seen later is none that he has seen.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn listens_from(&self, domain_code: &str, last: usize) -> Result<Cursor, Failure> {
        let store = &self.parts.store;
        let limit = i64::try_from(SEEN_MAX).unwrap_or(i64::MAX);
        let before = store.last_callback(domain_code, limit).await?;
        let mut cursor = Cursor::at(before.unwrap_or_default());
        let rows = store
            .callbacks_after(domain_code, cursor.all_to(), limit)
            .await?;
        for row in &rows[..rows.len().saturating_sub(last)] {
            cursor.see(row.id);
        }
        Ok(cursor)
    }

    /// A cursor that reaches back no further than 200 callbacks: a relay is for what
    /// comes, and no way to all there ever was.
    ///
    /// # Errors
    /// [`Failure::Internal`] when the database is in trouble.
    pub async fn within_reach(&self, domain_code: &str, cursor: Cursor) -> Result<Cursor, Failure> {
        let store = &self.parts.store;
        let first = store.last_callback(domain_code, REACH).await?;
        Ok(cursor.from(first.unwrap_or_default()))
    }

    /// What was written since, the oldest first, as long as the business system is
    /// relayed; the cursor goes on. Nothing else changes: the delivery knows of no copy.
    ///
    /// # Errors
    /// [`Failure`] once it is not relayed any more, or when the database is in trouble.
    pub async fn copies(
        &self,
        domain_code: &str,
        cursor: &mut Cursor,
    ) -> Result<Vec<CallbackRow>, Failure> {
        let limit = i64::try_from(SEEN_MAX + GIVEN_MAX).unwrap_or(i64::MAX);
        let store = &self.parts.store;
        let mut rows = store
            .callbacks_after(domain_code, cursor.all_to(), limit)
            .await?;
        rows.retain(|row| !cursor.has(row.id));
        rows.truncate(GIVEN_MAX);
        if rows.is_empty() {
            return Ok(rows);
        }
        // It may have ended while its listener waited.
        let domain = self.domain_named(domain_code).await?;
        if !domain.is_relayed(self.now_ms()) {
            return Err(Refusal::bad_sign(Slips::default()).into());
        }
        for row in &rows {
            cursor.see(row.id);
        }
        Ok(rows)
    }
}
