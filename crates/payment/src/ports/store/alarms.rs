//! What operators are told of by message.

use super::Answer;

/// An alarm of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptAlarm {
    /// Its kind.
    pub kind: String,
    /// When it was first seen, ms since 1970.
    pub since_ms: i64,
    /// When it was last seen, ms since 1970.
    pub last_ms: i64,
    /// Whether somebody was told.
    pub told: bool,
}

/// Alarms that operators are told of, one of each kind, whichever instance sees it.
#[async_trait::async_trait]
pub trait Alarms: Send + Sync {
    /// That an alarm of this kind is seen.
    async fn see_alarm(&self, kind: &str, now_ms: i64) -> Answer<()>;
    /// Takes those that are due, and puts them to `again_ms`: one instance has each.
    async fn take_alarms(&self, now_ms: i64, again_ms: i64) -> Answer<Vec<KeptAlarm>>;
    /// That somebody was told of it.
    async fn tell_alarm(&self, kind: &str) -> Answer<()>;
    /// Forgets one that was not seen since `last_ms`; `false` where it was.
    async fn end_alarm(&self, kind: &str, last_ms: i64) -> Answer<bool>;
}
