//! The orders in which values are joined: as Java sorts, and by those who sort otherwise.

use super::values::Named;
use crate::sign::sort_utf16;
use std::cmp::Ordering;

/// The values and the secret as the document joins them.
pub(super) fn sorted_values(named: &Named, secret: Option<&str>) -> String {
    let mut all: Vec<&str> = named.iter().map(|(_, value)| value.as_str()).collect();
    all.extend(secret);
    sort_utf16(&mut all);
    all.concat()
}

/// As PHP's `sort()` compares by default: what looks like numbers as numbers.
pub(super) fn php(a: &str, b: &str) -> Ordering {
    match number(a).zip(number(b)) {
        Some((a, b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        None => a.cmp(b),
    }
}

/// Without regard to case.
pub(super) fn case_folded(a: &str, b: &str) -> Ordering {
    a.to_lowercase().cmp(&b.to_lowercase())
}

/// Sorts by insertion, as PHP does for so few values: the order may be none (`10` < `9a`
/// < `9`), and then what comes out depends on how one sorts.
pub(super) fn sort_by(values: &mut [String], compare: fn(&str, &str) -> Ordering) {
    for end in 1..values.len() {
        let mut place = end;
        while place > 0 && compare(&values[place - 1], &values[place]) == Ordering::Greater {
            values.swap(place - 1, place);
            place -= 1;
        }
    }
}

/// What PHP takes for a number.
fn number(text: &str) -> Option<f64> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let is_digit = |byte: u8| byte.is_ascii_digit() || b".+-eE".contains(&byte);
    text.bytes().all(is_digit).then(|| text.parse().ok())?
}
