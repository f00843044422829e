//! Taking away what was kept to look at, long after it was done.

use super::Answer;

/// A page of what was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pruned<T> {
    /// How many were pruned.
    pub count: u64,
    /// The last that was looked at; `None` where there are no more.
    pub last: Option<T>,
}

/// Taking away payloads. For ever stay requests, sums, states, numbers, refunds with their
/// keys, and the digests of notifies: what is asked or told again is known again.
#[async_trait::async_trait]
pub trait Pruning: Send + Sync {
    /// Of up to `limit` orders after this one: of those that were done before `before_ms`
    /// the openid, the code or form, the tries and addresses of callbacks, and the
    /// story, which one entry of `now_ms` takes the place of, with the old one's length
    /// and last hash.
    async fn prune_orders(
        &self,
        after: &str,
        limit: i64,
        before_ms: i64,
        now_ms: i64,
    ) -> Answer<Pruned<String>>;
    /// Of up to `limit` notifies after this one that came before `before_ms` and are
    /// worked on: headers and body. Those that fit no order stay for a person.
    async fn prune_notifies(&self, after: i64, limit: i64, before_ms: i64) -> Answer<Pruned<i64>>;
}
