//! The relay: copies of a business system's callbacks for its developer's own machine
//! (docs/protocol.md, The relay).

use std::fmt;

/// How far ahead a relay may end, ms: seven days.
pub const LONGEST_MS: i64 = 7 * 86_400_000;
/// How far the time of a call may be from ours, ms.
pub const WINDOW_MS: i64 = 300_000;
/// How many callbacks a cursor names one by one.
pub const SEEN_MAX: usize = 32;
/// How many callbacks one answer holds.
pub const GIVEN_MAX: usize = 16;

/// What a listener has seen: all callbacks up to a number, and some after it. Numbers are
/// given before transactions end, so a smaller one may come to be seen after a larger one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    all_to: i64,
    seen: Vec<i64>,
}

impl Cursor {
    /// All up to this number, and none after it.
    #[must_use]
    pub fn at(all_to: i64) -> Self {
        let seen = Vec::new();
        Self { all_to, seen }
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| {
            let plain = number.bytes().all(|byte| byte.is_ascii_digit());
            number.parse::<i64>().ok().filter(|_| plain)
        });
        let mut cursor = Self::at(numbers.next()??);
        for number in numbers {
            if cursor.seen.len() == SEEN_MAX {
                return None;
            }
            cursor.see(number?);
        }
        Some(cursor)
    }

    /// The number up to which all were seen.
    #[must_use]
    pub fn all_to(&self) -> i64 {
        self.all_to
    }

    /// The same, which counts all up to this number as seen.
    #[must_use]
    pub fn from(mut self, all_to: i64) -> Self {
        if all_to > self.all_to {
            self.all_to = all_to;
            self.seen.retain(|number| *number > all_to);
        }
        self
    }

    /// Whether a callback was seen.
    #[must_use]
    pub fn has(&self, number: i64) -> bool {
        number <= self.all_to || self.seen.contains(&number)
    }

    /// A callback is seen; of too many the first one counts for all before it.
    pub fn see(&mut self, number: i64) {
        if self.has(number) {
            return;
        }
        self.seen.push(number);
        self.seen.sort_unstable();
        if self.seen.len() > SEEN_MAX {
            self.all_to = self.seen.remove(0);
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.all_to)?;
        self.seen
            .iter()
            .try_for_each(|number| write!(f, ".{number}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_that_comes_late_is_seen_once_and_many_are_few_words() {
        let mut cursor = Cursor::at(7);
        for number in [12, 10] {
            cursor.see(number);
        }
        assert_eq!(cursor.to_string(), "7.10.12");
        assert_eq!(Cursor::parse("7.10.12"), Some(cursor.clone()));
        assert!(cursor.has(7) && cursor.has(12) && !cursor.has(11));
        for number in 20..20 + SEEN_MAX as i64 {
            cursor.see(number);
        }
        assert_eq!(cursor.all_to(), 12, "what is long ago is one number");
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
    }

    #[test]
    fn a_cursor_reaches_back_no_further_than_it_may() {
        let cursor = Cursor::parse("7.10.12").unwrap();
        assert_eq!(cursor.clone().from(5).to_string(), "7.10.12");
        assert_eq!(cursor.from(10).to_string(), "10.12");
    }

    #[test]
    fn what_is_no_cursor_is_none() {
        let long = ["1"; SEEN_MAX + 2].join(".");
        let many: Vec<_> = (1..=SEEN_MAX as i64 + 2).map(|n| n.to_string()).collect();
        for text in ["", "x", "-1", "+1", "1.", "1.x", ".1", &many.join(".")] {
            assert_eq!(Cursor::parse(text), None, "{text}");
        }
        assert_eq!(Cursor::parse(&long), Some(Cursor::at(1)), "the same again");
    }
}
