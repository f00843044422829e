//! What operators do (docs/operating.md, Who did what).

use super::Answer;
use crate::acts::OperatorAct;

/// Acts of operators, which are only ever added.
#[async_trait::async_trait]
pub trait Acts: Send + Sync {
    /// Adds one, before what it tells of is done.
    async fn record_act(&self, by: &str, what: &str, at_ms: i64) -> Answer<OperatorAct>;
    /// Up to `limit` after this place, the oldest first.
    async fn acts(&self, after: i64, limit: i64) -> Answer<Vec<OperatorAct>>;
    /// Up to `limit` of those from `since_ms` until `until_ms`, the newest first; those that
    /// come after the one at the place `before`, where there is one.
    async fn acts_within(
        &self,
        since_ms: i64,
        until_ms: i64,
        before: i64,
        limit: i64,
    ) -> Answer<Vec<OperatorAct>>;
    /// The last one.
    async fn last_act(&self) -> Answer<Option<OperatorAct>>;
}
