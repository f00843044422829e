//! Why nobody knows what became of a channel call (docs/reference/orders.md, What is
//! unknown).

use crate::printable::printable;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// What keeps us from a channel's certain word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// No connection, or one that broke.
    Network,
    /// No answer in time.
    TimeOut,
    /// Nothing proves that the channel said it, and lately.
    Signature,
    /// The channel said it, and our key does not open what.
    Sealed,
    /// Not the documented answer, or one that does not fit the question.
    Nonsense,
    /// A 5xx, or a refusal that proves nothing or may be lifted.
    Undecided,
    /// The call was not made.
    Unasked,
}

impl Doubt {
    /// The word for it in logs and for the operator.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::TimeOut => "time-out",
            Self::Signature => "signature",
            Self::Sealed => "sealed by another key",
            Self::Nonsense => "unreadable answer",
            Self::Undecided => "undecided",
            Self::Unasked => "not asked",
        }
    }
}

/// A call whose outcome is unknown. Whatever the doubt, it is never a failure.
#[derive(Clone, Debug)]
pub struct Unknown {
    /// Of what kind it is.
    pub doubt: Doubt,
    /// What happened, for the log.
    pub what: String,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl Unknown {
    /// One that no other error caused.
    #[must_use]
    pub fn new(doubt: Doubt, what: impl Into<String>) -> Self {
        Self {
            doubt,
            what: what.into(),
            cause: None,
        }
    }

    /// One with its cause, whose deepest source says what happened. A cause that shows
    /// an address must be stripped of it, since its query may hold a key.
    #[must_use]
    pub fn by(doubt: Doubt, cause: impl Error + Send + Sync + 'static) -> Self {
        let mut deepest: &dyn Error = &cause;
        while let Some(deeper) = deepest.source() {
            deepest = deeper;
        }
        Self {
            doubt,
            what: deepest.to_string(),
            cause: Some(Arc::new(cause)),
        }
    }

    /// The same, with words on where it happened before it.
    #[must_use]
    pub fn within(mut self, place: impl fmt::Display) -> Self {
        self.what = format!("{place}: {}", self.what);
        self
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.doubt.word(), printable(&self.what))
    }
}

impl Error for Unknown {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause.as_deref();
        cause.map(|cause| cause as &(dyn Error + 'static))
    }
}

/// Causes can't be compared: what they say is.
impl PartialEq for Unknown {
    fn eq(&self, other: &Self) -> bool {
        (self.doubt, &self.what) == (other.doubt, &other.what)
    }
}

impl Eq for Unknown {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_told_and_the_cause_kept() {
        let cause = std::io::Error::other(std::fmt::Error);
        let unknown = Unknown::by(Doubt::Nonsense, cause).within("HTTP 200");
        let deepest = std::fmt::Error.to_string();
        assert_eq!(
            unknown.to_string(),
            format!("unreadable answer: HTTP 200: {deepest}")
        );
        let source = unknown.source().unwrap();
        assert!(source.is::<std::io::Error>());
        assert!(Unknown::new(Doubt::TimeOut, "late").source().is_none());
    }
}
