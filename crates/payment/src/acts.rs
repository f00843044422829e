//! What operators do, each act under a name and chained to the one before by a hash, so
//! that a changed or missing one shows (docs/operating.md, Who did what).

use crate::story::{Broken, Chained, check_chain, sealed};

/// One act, as it is kept: written before it is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorAct {
    /// Its place: 1, 2, 3, ….
    pub seq: i64,
    /// ms since 1970.
    pub at_ms: i64,
    /// Who.
    pub by: String,
    /// What: the words of the command; or how the act of a place failed.
    pub what: String,
    /// SHA-256 in hex over the hash before and all of the above.
    pub hash: String,
}

impl OperatorAct {
    /// How far the acts have come with it.
    #[must_use]
    pub fn head(&self) -> Head {
        Head {
            seq: self.seq,
            hash: self.hash.clone(),
        }
    }
}

/// A piece of what an act says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// One of our order numbers.
    Order(&'a str),
    /// The number of a refund that was asked for, which another one grants.
    Asked(&'a str),
    /// Anything else.
    Text(&'a str),
}

impl<'a> Piece<'a> {
    /// What a word is.
    #[must_use]
    pub fn of(text: &'a str) -> Self {
        // Docs/reference/orders.md, Attempts: a Beijing second and six digits.
        let is_number =
            |text: &str| text.len() == 20 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.strip_prefix('Q') {
            _ if is_number(text) => Self::Order(text),
            Some(number) if is_number(number) => Self::Asked(text),
            _ => Self::Text(text),
        }
    }
}

impl OperatorAct {
    /// What it says, with the numbers in it told apart: all of them together are it.
    pub fn pieces(&self) -> impl Iterator<Item = Piece<'_>> {
        let is_word = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let mut rest = self.what.as_str();
        std::iter::from_fn(move || {
            let begins = is_word(rest.chars().next()?);
            let end = rest.find(|c| is_word(c) != begins).unwrap_or(rest.len());
            let (piece, after) = rest.split_at(end);
            rest = after;
            Some(Piece::of(piece))
        })
    }

    /// The place of the act that it says the failing of.
    #[must_use]
    pub fn failed(&self) -> Option<i64> {
        self.what.strip_suffix(" failed")?.parse().ok()
    }

    /// Whether this person did it: by the whole of who did it, by the name that was said,
    /// or by the system's in brackets after that.
    #[must_use]
    pub fn is_by(&self, name: &str) -> bool {
        let said = self.by.strip_suffix(')').and_then(|by| by.split_once(" ("));
        self.by == name || said.is_some_and(|(said, of_system)| [said, of_system].contains(&name))
    }
}

impl Chained for OperatorAct {
    fn seq(&self) -> i64 {
        self.seq
    }

    fn hash(&self) -> &str {
        &self.hash
    }

    fn link(&self, before: &str) -> String {
        let [seq, at_ms] = [self.seq, self.at_ms].map(|number| number.to_string());
        sealed(&[before, &seq, &at_ms, &self.by, &self.what])
    }
}

/// How far the acts have come, as it is sent out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many there are.
    pub seq: i64,
    /// The last one's hash.
    pub hash: String,
}

impl Head {
    /// Reads `seq hash`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (seq, hash) = text.trim().split_once(' ')?;
        let hash = hash.to_owned();
        let seq = seq.parse().ok()?;
        (hash.len() == 64).then_some(Self { seq, hash })
    }
}

/// Whether these are all acts, unchanged, and those that the heads were sent out of.
///
/// # Errors
/// [`Broken`] with the first place that does not fit.
pub fn check_acts(acts: &[OperatorAct], heads: &[Head]) -> Result<(), Broken> {
    check_chain(acts)?;
    for head in heads {
        let place = usize::try_from(head.seq - 1).unwrap_or(usize::MAX);
        match acts.get(place) {
            None => return Err(Broken::Missing(head.seq)),
            Some(act) if act.hash != head.hash => return Err(Broken::Changed(head.seq)),
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn acts() -> Vec<OperatorAct> {
        chained(&["domain add shop", "order refund 1 --yuan 2", "prune"])
    }

    fn chained(whats: &[&str]) -> Vec<OperatorAct> {
        let mut acts: Vec<OperatorAct> = Vec::new();
        for (what, seq) in whats.iter().zip(1..) {
            let mut act = OperatorAct {
                seq,
                at_ms: 1_000 + seq,
                by: "li".to_owned(),
                what: (*what).to_owned(),
                hash: String::new(),
            };
            act.hash = act.link(acts.last().map_or("", |last| &last.hash));
            acts.push(act);
        }
        acts
    }

    #[test]
    fn acts_as_they_were_written_are_whole() {
        let heads = [0, 2].map(|place: usize| acts()[place].head());
        assert_eq!(check_acts(&acts(), &heads), Ok(()));
        assert_eq!(check_acts(&[], &[]), Ok(()));
    }

    #[test]
    fn every_changed_field_shows() {
        let changes: [fn(&mut OperatorAct); 5] = [
            |act| act.seq += 1,
            |act| act.at_ms += 1,
            |act| act.by.push('x'),
            |act| act.what.push('x'),
            |act| act.hash.replace_range(0..1, "x"),
        ];
        for change in changes {
            let mut acts = acts();
            change(&mut acts[1]);
            assert!(check_acts(&acts, &[]).is_err());
        }
    }

    #[test]
    fn acts_written_anew_do_not_fit_a_head_that_was_sent_out() {
        let head = acts()[2].head();
        let anew = chained(&["domain add shop", "order refund 1 --yuan 9", "prune"]);
        assert_eq!(check_acts(&anew, &[]), Ok(()));
        let told = check_acts(&anew, std::slice::from_ref(&head));
        assert_eq!(told, Err(Broken::Changed(3)));
        let shorter = check_acts(&acts()[..2], &[head]);
        assert_eq!(shorter, Err(Broken::Missing(3)), "the end is gone");
    }

    #[test]
    fn the_numbers_in_an_act_are_told_apart() {
        let number = "20160615094750999999";
        let what = format!("order refund {number} --key \"{number}x\" Q{number} 中 Q1");
        let act = &chained(&[&what])[0];
        let pieces: Vec<_> = act.pieces().collect();
        let numbers: Vec<_> = pieces
            .iter()
            .filter(|piece| !matches!(piece, Piece::Text(_)))
            .collect();
        let asked = format!("Q{number}");
        assert_eq!(numbers, [&Piece::Order(number), &Piece::Asked(&asked)]);
        let all: String = pieces
            .iter()
            .map(|piece| match piece {
                Piece::Order(text) | Piece::Asked(text) | Piece::Text(text) => *text,
            })
            .collect();
        assert_eq!(all, what);
    }

    #[test]
    fn an_act_is_one_persons_and_may_be_anothers_failing() {
        let act = &chained(&["12 failed"])[0];
        assert_eq!(act.failed(), Some(12));
        assert_eq!(chained(&["sign-in from x failed"])[0].failed(), None);
        assert!(act.is_by("li") && !act.is_by("l") && !act.is_by("lin"));
        let at_a_shell = OperatorAct {
            by: "li (root)".to_owned(),
            ..act.clone()
        };
        assert!(at_a_shell.is_by("li") && at_a_shell.is_by("li (root)"));
        assert!(at_a_shell.is_by("root") && !at_a_shell.is_by("roo"));
    }

    #[test]
    fn a_head_is_read_as_it_is_sent() {
        let hash = "0".repeat(64);
        let head = Head::parse(&format!("12 {hash}\n")).unwrap();
        assert_eq!((head.seq, head.hash), (12, hash));
        for other in ["", "12", "x y", "1 2"] {
            assert_eq!(Head::parse(other), None, "{other}");
        }
    }
}
