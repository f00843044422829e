//! Who is told of a business system is told of it once an hour.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A business system is told of once in this time.
const TELL_EACH: Duration = Duration::from_secs(3_600);

/// Business systems that were told of, and when.
#[derive(Default)]
pub(crate) struct Reminders(Mutex<HashMap<String, Instant>>);

impl Reminders {
    /// Whether this one is to be told of now.
    pub(crate) fn is_new(&self, name: &str) -> bool {
        self.is_new_at(name, Instant::now())
    }

    fn is_new_at(&self, name: &str, now: Instant) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|_, at| now.duration_since(*at) < TELL_EACH);
        let is_new = !told.contains_key(name);
        told.entry(name.to_owned()).or_insert(now);
        is_new
    }

    /// Those of these that are to be told of now; the others are forgotten.
    pub(crate) fn anew(&self, names: &[String], now: Instant) -> Vec<String> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.retain(|name, _| names.contains(name));
        drop(told);
        let anew = names.iter().filter(|name| self.is_new_at(name, now));
        anew.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_takes_no_callbacks_is_told_of_once_an_hour() {
        let (told, now) = (Reminders::default(), Instant::now());
        let names = ["a".to_owned(), "b".to_owned()];
        assert_eq!(told.anew(&names, now), names);
        assert!(told.anew(&names, now + TELL_EACH / 2).is_empty());
        assert_eq!(told.anew(&names[..1], now + TELL_EACH), names[..1]);
        assert_eq!(told.anew(&names, now + TELL_EACH), names[1..]);
    }
}
