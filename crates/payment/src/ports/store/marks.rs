//! How far the books have come, seen from outside them.

use super::Answer;
use std::fmt;

/// How far the books had come when somebody looked. An instance keeps the last one that
/// it saw outside the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Which books: a name that no others have.
    pub book: String,
    /// How often a person has accepted books that had gone back.
    pub era: i64,
    /// Rises while anything is written.
    pub sequence: i64,
    /// The server that keeps them, and how often another one took its place: PostgreSQL's
    /// system identifier and timeline; `-` and 0 where there are none.
    pub system: String,
    /// See `system`.
    pub timeline: i64,
}

impl Mark {
    /// Why books that stand at `now` are others than those that this was seen of, or lack
    /// what was in them; `None` where they go on from it.
    #[must_use]
    pub fn lost_at(&self, now: &Self) -> Option<String> {
        if now.book != self.book {
            return Some("these are not the books that were worked on before".to_owned());
        }
        if now.era > self.era {
            // A person has looked at it.
            return None;
        }
        let back = |what: &str, was: i64, is: i64| {
            Some(format!(
                "the books went back: {what} {is}, and it was {was} before"
            ))
        };
        if now.era < self.era {
            return back("their era is", self.era, now.era);
        }
        if now.system == self.system && now.timeline < self.timeline {
            let older = back("the server's timeline is", self.timeline, now.timeline);
            // To take them here would throw the others away.
            return older.map(|why| {
                format!("{why}; another server of database_url may hold the newer books")
            });
        }
        if now.sequence < self.sequence {
            return back("their sequence is", self.sequence, now.sequence);
        }
        None
    }

    /// Reads what [`Mark`]'s `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [book, era, sequence, system, timeline] = words.as_slice() else {
            return None;
        };
        Some(Self {
            book: (*book).to_owned(),
            era: era.parse().ok()?,
            sequence: sequence.parse().ok()?,
            system: (*system).to_owned(),
            timeline: timeline.parse().ok()?,
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            book,
            era,
            sequence,
            system,
            timeline,
        } = self;
        write!(f, "{book} {era} {sequence} {system} {timeline}")
    }
}

/// Who accepts books that have gone back, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acceptance {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// What an instance had seen before.
    pub seen: Option<Mark>,
}

/// How far the books have come.
#[async_trait::async_trait]
pub trait Marks: Send + Sync {
    /// Compares the books with the mark of this instance, and keeps how far they are now.
    /// Where they have gone back, everything else is refused as if the database were away,
    /// until a person accepts them. Gives `false` where no mark is kept, and so nothing is
    /// noticed.
    async fn keep_mark(&self) -> Answer<bool>;
    /// How far they have come.
    async fn mark(&self) -> Answer<Mark>;
    /// Accepts them as they are, in a new era that every instance takes; gives how they
    /// are marked then.
    async fn accept(&self, acceptance: &Acceptance) -> Answer<Mark>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(text: &str) -> Mark {
        Mark::parse(text).unwrap()
    }

    #[test]
    fn books_that_go_on_are_taken() {
        let seen = mark("b 1 7 s 2");
        for on in ["b 1 7 s 2", "b 1 8 s 2", "b 1 7 s 3", "b 1 7 t 1"] {
            assert_eq!(seen.lost_at(&mark(on)), None, "{on}");
        }
    }

    #[test]
    fn books_that_went_back_are_told_from_others() {
        let seen = mark("b 1 7 s 2");
        for (back, why) in [
            ("b 1 6 s 2", "sequence is 6, and it was 7"),
            ("b 1 9 s 1", "timeline is 1, and it was 2"),
            ("b 0 9 s 2", "era is 0, and it was 1"),
            ("c 1 9 s 2", "not the books"),
        ] {
            let lost = seen.lost_at(&mark(back)).unwrap();
            assert!(lost.contains(why), "{back}: {lost}");
        }
    }

    #[test]
    fn what_a_person_accepted_is_taken() {
        let seen = mark("b 1 7 s 2");
        assert_eq!(seen.lost_at(&mark("b 2 0 s 0")), None);
        assert!(seen.lost_at(&mark("c 2 0 s 0")).is_some(), "of other books");
    }

    #[test]
    fn a_mark_is_read_as_it_is_written() {
        let seen = mark("b 1 7 s 2");
        assert_eq!(Mark::parse(&seen.to_string()), Some(seen));
        for other in ["", "b 1 7 s", "b x 7 s 2", "b 1 7 s 2 3"] {
            assert_eq!(Mark::parse(other), None, "{other}");
        }
    }
}
