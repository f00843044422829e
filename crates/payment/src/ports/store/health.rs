//! Whether the database is there.

use super::Answer;

/// Whether the database is there.
#[async_trait::async_trait]
pub trait Health: Send + Sync {
    /// Whether the database answers at all.
    async fn answers(&self) -> Answer<()>;
    /// Whether the database answers and its migrations are done.
    async fn ready(&self) -> Answer<()>;
    /// Writes something that nobody reads: whether the database takes writes.
    async fn takes_writes(&self) -> Answer<()>;
}
