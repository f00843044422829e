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
    /// How many there were then; 0 where they are not counted.
    pub seen: i64,
    /// Whether somebody was told.
    pub told: bool,
    /// Of how many; never more than were there since.
    pub told_of: i64,
}

/// Alarms that operators are told of, one of each kind, whichever instance sees it.
#[async_trait::async_trait]
pub trait Alarms: Send + Sync {
    /// That so many of a kind are seen; 0 where they are not counted, or are as many as
    /// before.
    async fn see_alarm(&self, kind: &str, count: i64, now_ms: i64) -> Answer<()>;
    /// Takes one that is due, and puts it to `again_ms`: one instance has it until then.
    async fn take_alarm(&self, now_ms: i64, again_ms: i64) -> Answer<Option<KeptAlarm>>;
    /// That somebody was told of so many.
    async fn tell_alarm(&self, kind: &str, count: i64) -> Answer<()>;
    /// When one is due again.
    async fn put_off_alarm(&self, kind: &str, next_ms: i64) -> Answer<()>;
    /// Forgets one that was not seen since `last_ms`; where it was, it is told anew.
    async fn end_alarm(&self, kind: &str, last_ms: i64) -> Answer<()>;
}
