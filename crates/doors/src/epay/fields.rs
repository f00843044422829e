//! What was sent: one place of a signed call, query and body of another.

use super::Failure;
use super::sign::is_blank;
use payment::fields::Fields;

/// The value of a field that is there and not blank.
pub(super) fn given<'a>(fields: &'a Fields, name: &str) -> Option<&'a str> {
    fields.get(name).filter(|value| !is_blank(value))
}

/// The fields of an order: those of the query or those of the body, where the pid stands,
/// for the sign covers one of them.
///
/// # Errors
/// [`Failure::Nothing`] and [`Failure::NoPid`].
pub fn of_one(query: Fields, body: Fields) -> Result<Fields, Failure> {
    if query.iter().chain(body.iter()).next().is_none() {
        return Err(Failure::Nothing);
    }
    let mut both = [query, body].into_iter();
    let found = both.find(|fields| given(fields, "pid").is_some());
    found.ok_or(Failure::NoPid)
}
