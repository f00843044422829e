//! Rings for the pages that wait for a request, once this instance changes it.
//!
//! A ring says "ask now" and no more. Another instance rings none of ours: a page
//! polls all the same.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use tokio::sync::watch;

/// Bells that nobody hears are taken down when there are this many.
const CLEAR_AT: usize = 1_024;

/// Business system and requestKey.
type Request = (String, String);

/// A bell for each request that a page waits for.
#[derive(Default)]
pub(crate) struct Bells(Mutex<Hung>);

#[derive(Default)]
struct Hung {
    bells: HashMap<Request, watch::Sender<()>>,
    clear_at: usize,
}

/// What a waiting page hears.
pub struct Bell(watch::Receiver<()>);

impl Bell {
    /// Waits for the next ring.
    pub async fn rung(&mut self) {
        if self.0.changed().await.is_err() {
            // Taken down: it never rings again.
            std::future::pending::<()>().await;
        }
    }
}

impl Bells {
    /// The bell of a request.
    pub(crate) fn hear(&self, domain_code: &str, request_key: &str) -> Bell {
        let mut hung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hung.bells.len() >= hung.clear_at.max(CLEAR_AT) {
            hung.bells.retain(|_, bell| bell.receiver_count() > 0);
            hung.clear_at = 2 * hung.bells.len();
        }
        let request = (domain_code.to_owned(), request_key.to_owned());
        let bell = hung.bells.entry(request);
        Bell(bell.or_insert_with(|| watch::Sender::new(())).subscribe())
    }

    /// Rings it, where anybody hears.
    pub(crate) fn ring(&self, domain_code: &str, request_key: &str) {
        let mut hung = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let request = (domain_code.to_owned(), request_key.to_owned());
        if let Some(bell) = hung.bells.get(&request)
            && bell.send(()).is_err()
        {
            hung.bells.remove(&request);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_page_of_a_request_hears_its_bell_and_no_other() {
        let bells = Bells::default();
        let (mut one, mut two) = (bells.hear("a", "1"), bells.hear("a", "1"));
        let other = bells.hear("a", "2");
        bells.ring("a", "1");
        one.rung().await;
        two.rung().await;
        assert!(!other.0.has_changed().unwrap());
    }

    #[test]
    fn bells_that_nobody_hears_are_taken_down() {
        let bells = Bells::default();
        let kept = bells.hear("a", "kept");
        for key in 0..3 * CLEAR_AT {
            drop(bells.hear("a", &key.to_string()));
        }
        assert!(bells.0.lock().unwrap().bells.len() <= CLEAR_AT + 1);
        bells.ring("a", "kept");
        assert!(kept.0.has_changed().unwrap());
    }
}
