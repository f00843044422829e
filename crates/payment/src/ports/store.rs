//! What is kept, and the steps that are kept together. Each method is one
//! transaction; times are ms since 1970, money is minor units.

mod accounts;
mod acts;
mod alarms;
mod attempts;
mod audit;
mod businesses;
mod callbacks;
mod changes;
mod figures;
mod health;
mod listing;
mod marks;
mod notifies;
mod operators;
mod partners;
mod pruning;
mod refunds;
mod sealing;
mod settling;
mod timers;
mod trips;

pub use accounts::{AccountName, KeptAccount, KeptAccounts};
pub use acts::Acts;
pub use alarms::{Alarms, KeptAlarm};
pub use attempts::{AttemptRow, Attempts, Begun, NewAttempt};
pub use audit::{Audit, Backlog, RISKS_MAX, Risk, RiskCount, RiskKind, Story, Told};
pub use businesses::{Businesses, OtherReadings, SecretUse};
pub use callbacks::{
    CallbackRow, CallbackState, CallbackTry, Callbacks, KeptTry, NewCallback, Resend, TryOutcome,
};
pub use changes::{CHANGES_KEPT, Change, Changes};
pub use figures::{Buckets, Delay, Extent, Figures, HourMark, HourState, Sums, Total};
pub use health::Health;
pub use listing::{Listed, ListedRefund, Listing, Wanted, WantedRefunds};
pub use marks::{Acceptance, Mark, Marks};
pub use notifies::{Attached, KeptNotify, Notifies, NotifyOutcome, NotifyRow, SeenNotify};
pub use operators::Operators;
pub use partners::Partners;
pub use pruning::{Pruned, Pruning};
pub use refunds::{
    Asked, NewRefund, RefundRequests, RefundRow, RefundStep, Refunded, Refunds, TakenBack,
    WriteCallback,
};
pub use sealing::{Instance, NewSecrets, SealState, Sealing};
pub use settling::{BesideRefund, ClosedRequest, Honoured, Payment, Settled, Settling};
pub use timers::{Horizons, Late, Overdue, Timers, Untaken};
pub use trips::Trips;

/// The store could not do it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database can't be reached, is full, locked or too slow: try again.
    #[error("database unavailable: {0}")]
    Unavailable(String),
    /// The tables changed under a prepared statement, and nothing was done. A store
    /// asks once more by itself before it says so.
    #[error("the database's tables changed: {0}")]
    Outdated(String),
    /// A row that breaks the rules of this program.
    #[error("corrupt row: {0}")]
    Corrupt(String),
    /// The name is taken.
    #[error("exists already: {0}")]
    Exists(String),
    /// It is not any more what was read of it, and nothing was written.
    #[error("{0} was changed meanwhile: look again")]
    Changed(String),
}

/// What a store answers.
pub type Answer<T> = Result<T, StoreError>;

/// The database behind the use cases.
pub trait Store:
    Health
    + Businesses
    + Acts
    + Alarms
    + Attempts
    + Settling
    + Refunds
    + RefundRequests
    + Callbacks
    + Changes
    + Figures
    + Notifies
    + Operators
    + Partners
    + KeptAccounts
    + Listing
    + Marks
    + Pruning
    + Sealing
    + Timers
    + Trips
    + Audit
{
}

impl<T> Store for T where
    T: Health
        + Businesses
        + Acts
        + Alarms
        + Attempts
        + Settling
        + Refunds
        + RefundRequests
        + Callbacks
        + Changes
        + Figures
        + Notifies
        + Operators
        + Partners
        + KeptAccounts
        + Listing
        + Marks
        + Pruning
        + Sealing
        + Timers
        + Trips
        + Audit
{
}
