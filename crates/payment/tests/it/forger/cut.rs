//! Cutting a signed text: consecutive pieces, in sorted order, each at a
//! parameter of its own. The secret stands where it stood, since nobody but the
//! business system can make another text that holds it.

use super::genuine::Random;
use payment::sign::java_url_encode;
use std::collections::HashSet;

/// Steps of the search for one text and form, at most.
const STEPS: usize = 20_000;
/// Whether a single value could stand at a parameter.
pub(crate) type Fits<'a> = &'a dyn Fn(&str, &str) -> bool;
/// Complete readings of one text and form that are looked at, at most.
const READINGS: usize = 40;
const NAMES: [&str; 13] = [
    "requestChannel",
    "money",
    "rate",
    "currencyType",
    "requestKey",
    "domainCode",
    "bgUrl",
    "info",
    "infoEn",
    "pageUrl",
    "dialogOkUrl",
    "payTypeCode",
    "strange",
];
/// Bits of those that no request lacks: money, currencyType, requestKey,
/// domainCode, bgUrl.
const REQUIRED: u16 = 0b111_1010;

/// A text read in some way.
#[derive(Clone)]
pub(crate) struct Reading {
    pub(crate) pairs: Vec<(&'static str, String)>,
    pub(crate) encoded: bool,
}

impl Reading {
    pub(crate) fn get(&self, name: &str) -> &str {
        let found = self.pairs.iter().find(|(key, _)| *key == name);
        found.map_or("", |(_, value)| value)
    }
}

/// The readings of a text whose pieces each fit their parameter, and that are
/// wanted: all of them, or as many as could be looked at.
pub(crate) fn readings(
    fits: Fits<'_>,
    wanted: &dyn Fn(&Reading) -> bool,
    (below, above): (&str, &str),
    secret: &str,
    random: &mut Random,
) -> Vec<Reading> {
    let mut found = Vec::new();
    for encoded in [false, true] {
        let text = format!("{below}{above}");
        let pieces = pieces(fits, &text, below.len(), secret, encoded);
        let mut search = Search {
            text: &text,
            pieces,
            random,
            encoded,
            steps: STEPS,
            dead: HashSet::new(),
            wanted,
            complete: 0,
            found: Vec::new(),
        };
        search.cut(0, 0, 0, &mut Vec::new());
        found.extend(search.found);
    }
    found
}

/// A piece of the text: where it ends, and which parameters it fits.
struct Piece {
    end: usize,
    fits: u16,
}

/// For each place of the text, the pieces that may begin there.
fn pieces(
    fits: Fits<'_>,
    text: &str,
    border: usize,
    secret: &str,
    encoded: bool,
) -> Vec<Vec<Piece>> {
    let less = |a: &str, b: &str| a.encode_utf16().lt(b.encode_utf16());
    let mut all: Vec<Vec<Piece>> = (0..=text.len()).map(|_| Vec::new()).collect();
    for (start, _) in text.char_indices() {
        let limit = if start < border { border } else { text.len() };
        let ends = text[start..limit].char_indices().skip(1);
        for end in ends.map(|(index, _)| start + index).chain([limit]) {
            let (piece, rest) = (&text[start..end], &text[end..limit]);
            let ordered = rest.is_empty() || !less(rest, piece);
            if !ordered || less(piece, secret) != (start < border) {
                continue;
            }
            let fitting = NAMES.iter().enumerate().filter(|(_, name)| {
                value(name, piece, encoded).is_some_and(|value| fits(name, &value))
            });
            let fits = fitting.fold(0, |bits, (index, _)| bits | 1 << index);
            if fits != 0 {
                all[start].push(Piece { end, fits });
            }
        }
    }
    all
}

struct Search<'a> {
    text: &'a str,
    pieces: Vec<Vec<Piece>>,
    random: &'a mut Random,
    encoded: bool,
    steps: usize,
    /// Places from which nothing can be completed: begin of the last piece, its
    /// end, and the parameters that are used.
    dead: HashSet<(usize, usize, u16)>,
    wanted: &'a dyn Fn(&Reading) -> bool,
    /// Complete readings, wanted or not.
    complete: usize,
    found: Vec<Reading>,
}

impl Search<'_> {
    /// Cuts what stands from `at` on; the piece before began at `last`.
    fn cut(&mut self, last: usize, at: usize, used: u16, path: &mut Vec<(usize, usize, usize)>) {
        if self.steps == 0 || self.complete >= READINGS || self.dead.contains(&(last, at, used)) {
            return;
        }
        self.steps -= 1;
        if at == self.text.len() {
            if used & REQUIRED == REQUIRED {
                self.keep(path);
            }
            return;
        }
        let before = self.complete;
        let count = self.pieces[at].len();
        // In another order each time: what is not reached once is reached later.
        let turn = self.random.below(count);
        for index in (0..count).map(|index| (index + turn) % count) {
            let Piece { end, fits } = self.pieces[at][index];
            if !self.follows(last, at, end) {
                continue;
            }
            for name in (0..NAMES.len()).filter(|name| fits & !used & (1 << name) != 0) {
                path.push((name, at, end));
                self.cut(at, end, used | 1 << name, path);
                path.pop();
            }
        }
        if self.complete == before && self.steps > 0 {
            self.dead.insert((last, at, used));
        }
    }

    /// Whether the piece keeps the sorted order.
    fn follows(&self, last: usize, at: usize, end: usize) -> bool {
        let (before, piece) = (&self.text[last..at], &self.text[at..end]);
        !piece.encode_utf16().lt(before.encode_utf16())
    }

    fn keep(&mut self, path: &[(usize, usize, usize)]) {
        let pair = |(name, start, end): &(usize, usize, usize)| {
            let name = NAMES[*name];
            let value = value(name, &self.text[*start..*end], self.encoded);
            (name, value.unwrap_or_default())
        };
        let reading = Reading {
            pairs: path.iter().map(pair).collect(),
            encoded: self.encoded,
        };
        self.complete += 1;
        if (self.wanted)(&reading) {
            self.found.push(reading);
        }
    }
}

/// The value that a piece stands for: itself, or the address that Java would
/// encode to it.
fn value(name: &str, piece: &str, encoded: bool) -> Option<String> {
    if !encoded || !name.ends_with("Url") {
        return Some(piece.to_owned());
    }
    let value = decoded(piece)?;
    (java_url_encode(&value) == piece).then_some(value)
}

fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            b'+' => b' ',
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}
