//! The outbox of callbacks.

use super::Answer;

/// A callback to be written with the state that it tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCallback {
    /// The complete address, sign included; the same in every try.
    pub url: String,
    /// Who is called ([`News::receiver`](super::super::News::receiver)). Callbacks to one
    /// receiver share a lane.
    pub receiver: String,
    /// A body, which is posted; none: a plain GET.
    pub body: Option<String>,
    /// When it was decided.
    pub created_ms: i64,
}

/// A callback in the outbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackRow {
    /// Its number.
    pub id: i64,
    /// The business system.
    pub domain_code: String,
    /// The order that it tells of.
    pub order_sn: String,
    /// The complete address.
    pub url: String,
    /// Who is called.
    pub receiver: String,
    /// A body, which is posted; none: a plain GET.
    pub body: Option<String>,
    /// Where it stands.
    pub state: CallbackState,
    /// How often it was tried.
    pub tries: i64,
    /// When it was written, ms since 1970.
    pub created_ms: i64,
}

/// Where a callback stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackState {
    /// To be tried.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// The schedule is used up.
    Parked,
    /// What it tells is not so any more, and nobody had taken it: it is not sent again.
    Overtaken,
}

impl CallbackState {
    /// The word under which the store keeps it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::Delivered => "DELIVERED",
            Self::Parked => "PARKED",
            Self::Overtaken => "OVERTAKEN",
        }
    }

    /// Reads the store's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        const ALL: [CallbackState; 4] = [
            CallbackState::Waiting,
            CallbackState::Delivered,
            CallbackState::Parked,
            CallbackState::Overtaken,
        ];
        ALL.into_iter().find(|state| state.word() == word)
    }
}

/// One try of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackTry {
    /// When it was sent.
    pub at_ms: i64,
    /// How many tries there were before it, in this run of the schedule.
    pub tries: i64,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// Where a redirect leads, without its query.
    pub location: Option<String>,
    /// The first 2 KB of the answer, or the cause.
    pub answer: String,
    /// How long it took, ms.
    pub duration_ms: i64,
    /// What follows.
    pub outcome: TryOutcome,
}

/// What follows a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryOutcome {
    /// The receiver took it.
    Delivered,
    /// To be tried again then.
    Again(i64),
    /// The schedule is at its end: kept and listed.
    Parked,
}

/// A try as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptTry {
    /// When it was sent.
    pub at_ms: i64,
    /// The HTTP status, where there was one.
    pub status: Option<u16>,
    /// Where a redirect leads, without its query.
    pub location: Option<String>,
    /// The first 2 KB of the answer, or the cause.
    pub answer: String,
    /// How long it took, ms.
    pub duration_ms: i64,
    /// What followed; none of a try that an older program kept.
    pub outcome: Option<TryOutcome>,
}

impl KeptTry {
    /// Whether it was answered well but for the body, which does not take a callback.
    #[must_use]
    pub fn is_body_refused(&self) -> bool {
        let is_fine = self
            .status
            .is_some_and(|status| (200..300).contains(&status));
        is_fine
            && self
                .outcome
                .is_some_and(|outcome| outcome != TryOutcome::Delivered)
    }
}

/// Which callbacks are sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resend {
    /// All of an order, delivered ones too.
    Order(String),
    /// All that wait and were tried before.
    Waiting,
    /// All that are parked.
    Since {
        /// Written at this time or later, ms since 1970.
        created_ms: i64,
        /// Delivered ones too: a receiver has lost them.
        delivered: bool,
    },
}

/// The outbox of callbacks.
#[async_trait::async_trait]
pub trait Callbacks: Send + Sync {
    /// Takes up to `limit` callbacks that are due, and puts them to `again_ms`
    /// so that nobody else takes them before; none for the receivers in `busy`.
    async fn take_due_callbacks(
        &self,
        now_ms: i64,
        again_ms: i64,
        limit: i64,
        busy: &[String],
    ) -> Answer<Vec<CallbackRow>>;
    /// Gives a taken callback back untried: it is due at `at_ms`.
    async fn put_back_callback(&self, id: i64, at_ms: i64) -> Answer<()>;
    /// Keeps a try and what follows it.
    async fn callback_tried(&self, id: i64, attempt: &CallbackTry) -> Answer<()>;
    /// All callbacks of an order, oldest first.
    async fn callbacks(&self, order_sn: &str) -> Answer<Vec<CallbackRow>>;
    /// The tries of a callback, oldest first.
    async fn callback_tries(&self, id: i64) -> Answer<Vec<KeptTry>>;
    /// Up to `limit` callbacks of a business system whose numbers are larger than `id`, the
    /// smallest first; none whose address was taken away.
    async fn callbacks_after(
        &self,
        domain_code: &str,
        id: i64,
        limit: i64,
    ) -> Answer<Vec<CallbackRow>>;
    /// The number of the last callback of a business system but so many; none where there
    /// are no more.
    async fn last_callback(&self, domain_code: &str, but: i64) -> Answer<Option<i64>>;
    /// Callbacks whose schedule is used up, the oldest first.
    async fn parked_callbacks(&self) -> Answer<Vec<CallbackRow>>;
    /// Up to `limit` callbacks that nobody took so far, waiting or parked, the oldest
    /// first.
    async fn untaken_callbacks(&self, limit: i64) -> Answer<Vec<CallbackRow>>;
    /// Sends callbacks again, from the beginning of the schedule and with the same
    /// values; gives how many.
    async fn resend_callbacks(&self, which: &Resend, now_ms: i64) -> Answer<u64>;
}
