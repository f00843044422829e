//! Payers on the way to WeChat and back.

use super::Answer;

/// Payers on the way to WeChat and back.
#[async_trait::async_trait]
pub trait Trips: Send + Sync {
    /// The key that signs the states of trips to WeChat: the one that is kept, else
    /// `offered` from now on.
    async fn trip_key(&self, offered: &[u8]) -> Answer<Vec<u8>>;
    /// Whether a state comes back for the first time; it is remembered until
    /// `until_ms`, when it ends by itself.
    async fn use_trip(&self, nonce: &str, until_ms: i64, now_ms: i64) -> Answer<bool>;
    /// Keeps an address under a token until `until_ms`; the same again is kept once.
    async fn keep_trip_address(
        &self,
        token: &str,
        address: &str,
        until_ms: i64,
        now_ms: i64,
    ) -> Answer<()>;
    /// The address that a token stands for.
    async fn trip_address(&self, token: &str) -> Answer<Option<String>>;
}
