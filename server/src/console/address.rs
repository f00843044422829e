//! What the addresses of lists say.

use super::orders::DAY_MS;
use crate::zone;

/// A business system or an account has no longer name.
const NAME_MAX: usize = 64;
/// A number that somebody has is no longer.
const NUMBER_MAX: usize = 200;
const MINUTE_MS: i64 = 60_000;

/// The words of an address: those that say something.
pub(super) fn written(words: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in words.iter().filter(|(_, value)| !value.is_empty()) {
        query.append_pair(name, value);
    }
    query.finish()
}

/// The address of the same list from another place on.
pub(super) fn further(mut address: String, before: &str) -> String {
    if !address.ends_with('?') {
        address.push('&');
    }
    address + "before=" + before
}

/// What one field says, where it says anything; else what can't be read.
pub(super) fn read<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, &str> {
    match text {
        "" => Ok(None),
        text => read(text).map(Some).ok_or(text),
    }
}

/// What a business system or an account may be called.
pub(super) fn name(text: &str) -> Option<String> {
    let is_name = text.len() <= NAME_MAX && is_plain(text);
    is_name.then(|| text.to_owned())
}

/// When a day or a minute begins and ends: the last one is one of those that are wanted.
pub(super) fn span(text: &str) -> Option<(i64, i64)> {
    let day = zone::day_named(text).map(zone::start_of);
    let day = day.map(|begins| (begins, begins + DAY_MS));
    day.or_else(|| zone::minute_named(text).map(|begins| (begins, begins + MINUTE_MS)))
}

/// What may be a number of an order, or of anything that is of one.
pub(super) fn is_number(text: &str) -> bool {
    (1..=NUMBER_MAX).contains(&text.len()) && is_plain(text)
}

/// The same, or nothing.
pub(super) fn number(text: String) -> String {
    Some(text)
        .filter(|text| is_number(text))
        .unwrap_or_default()
}

/// Without what no number holds, and no database takes.
fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}
