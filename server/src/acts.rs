//! Which acts of operators somebody looks for, at the console and at the command line
//! (docs/operating.md, Who did what).

use payment::acts::{OperatorAct, Piece};
use payment::ports::{Store, StoreError};

/// The acts that somebody looks for: those that fit all that is said.
#[derive(Clone, Debug)]
pub(crate) struct Sought {
    /// At this time or later, ms since 1970.
    pub(crate) since_ms: i64,
    /// Before this time, ms since 1970.
    pub(crate) until_ms: i64,
    /// Whose they are; empty: anybody's.
    by: String,
    /// They hold one of these; none: anything.
    about: Vec<String>,
}

impl Sought {
    /// Those of a time and a person that hold a text. Of an order they are also those that
    /// grant or refuse what was asked for of it, which name that by a number of its own.
    ///
    /// # Errors
    /// [`StoreError`] when the database is in trouble.
    pub(crate) async fn new(
        store: &dyn Store,
        (since_ms, until_ms): (Option<i64>, Option<i64>),
        by: &str,
        about: &str,
    ) -> Result<Self, StoreError> {
        let mut held = Vec::new();
        if !about.is_empty() {
            held.push(about.to_owned());
        }
        if let Piece::Order(order_sn) = Piece::of(about) {
            let asked = store.refund_requests(order_sn).await?;
            held.extend(asked.into_iter().map(|request| request.request_no));
        }
        Ok(Self {
            since_ms: since_ms.unwrap_or(i64::MIN),
            until_ms: until_ms.unwrap_or(i64::MAX),
            by: by.to_owned(),
            about: held,
        })
    }

    /// Up to `limit` acts of its time, the newest first, of which those that fit are still
    /// to be found.
    ///
    /// # Errors
    /// [`StoreError`] when the database is in trouble.
    pub(crate) async fn page(
        &self,
        store: &dyn Store,
        before: i64,
        limit: i64,
    ) -> Result<Vec<OperatorAct>, StoreError> {
        let Self {
            since_ms, until_ms, ..
        } = *self;
        store.acts_within(since_ms, until_ms, before, limit).await
    }

    /// Those of some acts that fit. One that says the failing of another fits where that
    /// one does.
    ///
    /// # Errors
    /// [`StoreError`] when the database is in trouble.
    pub(crate) async fn fitting(
        &self,
        store: &dyn Store,
        mut acts: Vec<OperatorAct>,
    ) -> Result<Vec<OperatorAct>, StoreError> {
        acts.retain(|act| self.is_of_time(act) && (self.by.is_empty() || act.is_by(&self.by)));
        if self.about.is_empty() {
            return Ok(acts);
        }
        let mut fits = Vec::with_capacity(acts.len());
        for act in &acts {
            fits.push(match act.failed() {
                _ if self.is_held_by(act) => true,
                None => false,
                // Nearly always it stands right before.
                Some(seq) => match acts.iter().find(|one| one.seq == seq) {
                    Some(failed) => self.is_held_by(failed),
                    None => {
                        let failed = store.acts(seq - 1, 1).await?;
                        let failed = failed.first().filter(|one| one.seq == seq);
                        failed.is_some_and(|failed| self.is_held_by(failed))
                    }
                },
            });
        }
        let acts = acts.into_iter().zip(fits).filter(|(_, fits)| *fits);
        Ok(acts.map(|(act, _)| act).collect())
    }

    fn is_of_time(&self, act: &OperatorAct) -> bool {
        (self.since_ms..self.until_ms).contains(&act.at_ms)
    }

    fn is_held_by(&self, act: &OperatorAct) -> bool {
        let line = format!("{} {}", act.by, act.what);
        self.about.iter().any(|text| line.contains(text))
    }
}
