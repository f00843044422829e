//! How much may be hashed to judge one request: a stranger chooses how long it is,
//! and a wrong sign must not cost more than a right one.

/// Bytes that are hashed in one search for the form in which a sign holds: for a request of
/// the platform's over all secrets, for a partner's call with each of his keys.
const HASHED_BYTES_MAX: usize = 256 << 10;

/// What is left of them.
#[derive(Debug)]
pub(crate) struct Budget {
    left: usize,
}

impl Budget {
    /// All of it.
    pub(crate) fn new() -> Self {
        Self {
            left: HASHED_BYTES_MAX,
        }
    }

    /// Whether so many bytes more may be hashed; once they may not, nothing may.
    pub(crate) fn spend(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

/// Counts what is really hashed, where a test wants to know.
#[cfg(not(test))]
pub(crate) fn hashed(_bytes: usize) {}

#[cfg(test)]
pub(crate) use count::{count_of, hashed};

#[cfg(test)]
mod count {
    use std::cell::Cell;

    thread_local! {
        static HASHED: Cell<usize> = const { Cell::new(0) };
    }

    pub(crate) fn hashed(bytes: usize) {
        HASHED.set(HASHED.get() + bytes);
    }

    /// The bytes that are hashed in this work.
    pub(crate) fn count_of(work: impl FnOnce()) -> usize {
        let before = HASHED.get();
        work();
        HASHED.get() - before
    }
}
