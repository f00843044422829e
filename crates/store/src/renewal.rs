//! Connections that are given up together: those of a server that another one took
//! the place of, and those that failed in a way that may hold for what they do next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// When a pool's connections were last given up. Those made before are not used again.
#[derive(Clone, Debug, Default)]
pub(crate) struct Renewal(Arc<Mutex<Option<Instant>>>);

impl Renewal {
    /// Gives up all connections that are there.
    pub(crate) fn renew(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    /// Whether a connection of this age was given up.
    pub(crate) fn is_old(&self, age: Duration) -> bool {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| age > last.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_from_before_a_renewal_are_old() {
        let renewal = Renewal::default();
        assert!(!renewal.is_old(Duration::from_secs(3_600)));
        renewal.renew();
        assert!(renewal.is_old(Duration::from_secs(3_600)));
        assert!(!renewal.is_old(Duration::ZERO));
    }
}
