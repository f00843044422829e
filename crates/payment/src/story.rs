//! The order's story: what happened to it, when and from whom, in the order in
//! which it was written, each entry chained to the one before by a hash, so that
//! a changed or missing one shows.

use sha2::{Digest, Sha256};

/// Who brought something about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The payer, on our page or at its calls.
    Payer,
    /// The business system, by a signed call or at its receiver.
    Business,
    /// The channel, by its answer to our call.
    Channel,
    /// The channel, by the notify of this number.
    Notify(i64),
    /// The channel, asked because a page watches.
    Page,
    /// The channel, asked by our own timer.
    Timer,
    /// The operator.
    Operator,
}

impl Source {
    /// The word under which the store keeps it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Payer => "payer",
            Self::Business => "business",
            Self::Channel => "channel",
            Self::Notify(_) => "notify",
            Self::Page => "page",
            Self::Timer => "timer",
            Self::Operator => "operator",
        }
    }

    /// The notify whose raw bytes stand behind it.
    #[must_use]
    pub fn notify_id(self) -> Option<i64> {
        match self {
            Self::Notify(id) => Some(id),
            _ => None,
        }
    }
}

/// When something is done, and by whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Act {
    /// ms since 1970.
    pub at_ms: i64,
    /// Who brings it about.
    pub by: Source,
}

/// One entry of a story, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place: 1, 2, 3, ….
    pub seq: i64,
    /// When, ms since 1970.
    pub at_ms: i64,
    /// From whom: [`Source::word`].
    pub by: String,
    /// What: one word, such as `begun`, `paid`, `callback`.
    pub what: String,
    /// The figures that belong to it.
    pub detail: String,
    /// The notify whose raw bytes stand behind it.
    pub notify_id: Option<i64>,
    /// SHA-256 in hex over the hash before and all of the above.
    pub hash: String,
}

/// Where a story and what is kept of it part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// An entry is missing, or one too many stands there.
    #[error("entry {0} is missing or out of place")]
    Missing(i64),
    /// An entry is not what was written.
    #[error("entry {0} was changed")]
    Changed(i64),
}

impl Entry {
    /// The hash that belongs to this entry of this order, after `before` (empty for
    /// the first). Each field goes in with its length, so that none can borrow
    /// from its neighbour.
    #[must_use]
    pub fn link(&self, order_sn: &str, before: &str) -> String {
        let [seq, at_ms] = [self.seq, self.at_ms].map(|number| number.to_string());
        let notify_id = self.notify_id.map_or(String::new(), |id| id.to_string());
        let fields = [
            before,
            order_sn,
            &seq,
            &at_ms,
            &self.by,
            &self.what,
            &self.detail,
            &notify_id,
        ];
        sealed(&fields)
    }
}

/// SHA-256 in hex over fields, each with its length.
pub(crate) fn sealed(fields: &[&str]) -> String {
    let mut hash = Sha256::new();
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field);
    }
    hex::encode(hash.finalize())
}

/// Whether a story is whole: `length` entries whose last hash is `head`.
///
/// # Errors
/// [`Broken`] with the first place that does not fit.
pub fn check(order_sn: &str, entries: &[Entry], length: i64, head: &str) -> Result<(), Broken> {
    let mut before = "";
    for (entry, place) in entries.iter().zip(1..) {
        if entry.seq != place {
            return Err(Broken::Missing(place));
        }
        if entry.hash != entry.link(order_sn, before) {
            return Err(Broken::Changed(place));
        }
        before = &entry.hash;
    }
    let count = i64::try_from(entries.len()).unwrap_or(i64::MAX);
    if count != length {
        return Err(Broken::Missing(count.min(length) + 1));
    }
    if before != head {
        return Err(Broken::Changed(length));
    }
    Ok(())
}

/// What was looked over and found sound: the stories that were written to until a time,
/// sealed by a chain of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its place: 1, 2, 3, ….
    pub seq: i64,
    /// Entries that were written before this time are looked over, ms since 1970.
    pub until_ms: i64,
    /// How many orders were read.
    pub orders: i64,
    /// How many entries their stories had.
    pub entries: i64,
    /// SHA-256 in hex, order by order, over the one before, its number and its last hash.
    pub digest: String,
    /// SHA-256 in hex over the hash before and all of the above.
    pub hash: String,
}

/// One of a chain that has one of each place, each bound to the one before.
pub trait Chained {
    /// Its place: 1, 2, 3, ….
    fn seq(&self) -> i64;
    /// The hash that is kept with it.
    fn hash(&self) -> &str;
    /// The hash that belongs to it, after `before` (empty for the first).
    fn link(&self, before: &str) -> String;
}

impl Chained for Checkpoint {
    fn seq(&self) -> i64 {
        self.seq
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn link(&self, before: &str) -> String {
        let numbers = [self.seq, self.until_ms, self.orders, self.entries];
        let [seq, until_ms, orders, entries] = numbers.map(|number| number.to_string());
        sealed(&[before, &seq, &until_ms, &orders, &entries, &self.digest])
    }
}

/// Whether these are the first ones that were kept, unchanged, with none left out.
///
/// # Errors
/// [`Broken`] with the first that does not fit.
pub fn check_chain<L: Chained>(links: &[L]) -> Result<(), Broken> {
    let mut before = "";
    for (link, place) in links.iter().zip(1..) {
        if link.seq() != place {
            return Err(Broken::Missing(place));
        }
        if link.hash() != link.link(before) {
            return Err(Broken::Changed(place));
        }
        before = link.hash();
    }
    Ok(())
}

/// What an entry keeps of raw bytes that stand elsewhere: their SHA-256 in hex.
#[must_use]
pub fn digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story() -> Vec<Entry> {
        let mut entries: Vec<Entry> = Vec::new();
        for (seq, what) in (1..).zip(["begun", "accepted", "paid"]) {
            let mut entry = Entry {
                seq,
                at_ms: 1_000 + seq,
                by: "payer".to_owned(),
                what: what.to_owned(),
                detail: "x".to_owned(),
                notify_id: (seq == 3).then_some(7),
                hash: String::new(),
            };
            let before = entries.last().map_or("", |last| &last.hash);
            entry.hash = entry.link("1", before);
            entries.push(entry);
        }
        entries
    }

    fn judged(entries: &[Entry]) -> Result<(), Broken> {
        check("1", entries, 3, &story()[2].hash)
    }

    #[test]
    fn a_story_as_it_was_written_is_whole() {
        assert_eq!(judged(&story()), Ok(()));
        assert_eq!(check("1", &[], 0, ""), Ok(()));
    }

    #[test]
    fn every_changed_field_shows() {
        let changes: [fn(&mut Entry); 6] = [
            |entry| entry.at_ms += 1,
            |entry| entry.by = "operator".to_owned(),
            |entry| entry.what.push('x'),
            |entry| entry.detail.clear(),
            |entry| entry.notify_id = Some(8),
            |entry| entry.hash.replace_range(0..1, "x"),
        ];
        for change in changes {
            let mut entries = story();
            change(&mut entries[1]);
            assert_eq!(judged(&entries), Err(Broken::Changed(2)));
        }
        assert!(check("2", &story(), 3, &story()[2].hash).is_err());
    }

    #[test]
    fn a_missing_entry_shows_also_at_the_end() {
        let whole = story();
        assert_eq!(judged(&whole[1..]), Err(Broken::Missing(1)));
        let cut = [whole[0].clone(), whole[2].clone()];
        assert_eq!(judged(&cut), Err(Broken::Missing(2)));
        assert_eq!(judged(&whole[..2]), Err(Broken::Missing(3)));
        assert_eq!(judged(&[]), Err(Broken::Missing(1)));
    }

    #[test]
    fn a_story_written_anew_to_its_end_does_not_fit_the_order() {
        let mut entries = story();
        entries[2].detail = "y".to_owned();
        entries[2].hash = entries[2].link("1", &entries[1].hash);
        assert_eq!(judged(&entries), Err(Broken::Changed(3)));
    }

    #[test]
    fn a_field_can_not_borrow_from_its_neighbour() {
        let mut one = story().remove(0);
        let mut other = one.clone();
        (one.what, one.detail) = ("ab".to_owned(), "c".to_owned());
        (other.what, other.detail) = ("a".to_owned(), "bc".to_owned());
        assert_ne!(one.link("1", ""), other.link("1", ""));
    }
}
