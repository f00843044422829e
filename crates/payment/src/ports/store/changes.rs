//! What others changed: other instances, commands, a person at the database.

use super::Answer;
use std::time::Duration;

/// Changes are told for so long.
pub const CHANGES_KEPT: Duration = Duration::from_secs(600);

/// What is to be read anew.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// A request, its attempts included.
    Request {
        /// Its business system.
        domain_code: String,
        /// Its key.
        request_key: String,
    },
    /// A business system: its rules, settings or secrets.
    Business(String),
    /// Everything: more was changed than is told one by one, or it can't be told what.
    All,
}

/// Tells an instance what was changed.
#[async_trait::async_trait]
pub trait Changes: Send + Sync {
    /// What was changed, and kept, since the last time that this was asked: each change
    /// once, whenever its transaction began and ended. The first time, and after any
    /// trouble, that is [`Change::All`].
    async fn changes(&self) -> Answer<Vec<Change>>;
    /// Forgets changes that are older than [`CHANGES_KEPT`].
    async fn forget_changes(&self) -> Answer<()>;
}
