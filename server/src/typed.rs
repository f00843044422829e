//! What a person types or pastes where he is asked for a number.

use payment::ports::{Listed, Store, StoreError};
use payment::printable::is_invisible;

/// A number has so many bytes at the most.
const NUMBER_MAX: usize = 200;

/// What may be a number of an order, or of anything that is of one.
pub(crate) fn is_number(text: &str) -> bool {
    (1..=NUMBER_MAX).contains(&text.len()) && has_no_control(text)
}

/// Without what no number holds, and no database takes.
pub(crate) fn has_no_control(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

/// The orders of a number as it was typed, or else as it is meant.
///
/// # Errors
/// What the database says.
pub(crate) async fn orders(store: &dyn Store, typed: &str) -> Result<Vec<Listed>, StoreError> {
    let meant = meant(typed);
    for number in [typed, &meant] {
        if !is_number(number) {
            continue;
        }
        let found = store.named(number).await?;
        if !found.is_empty() || typed == meant {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// A number, a name or a code without the blanks in it, for numbers are read out and printed
/// in groups; without what nobody sees, which comes along where one is copied; and half as
/// wide, where it was typed in a full-width form.
pub(crate) fn meant(typed: &str) -> String {
    const AHEAD: u32 = '！' as u32 - '!' as u32;
    let seen = typed
        .chars()
        .filter(|letter| !letter.is_whitespace() && !is_invisible(*letter));
    let narrow = seen.map(|letter| match letter {
        '！'..='～' => char::from_u32(u32::from(letter) - AHEAD).unwrap_or(letter),
        _ => letter,
    });
    narrow.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_meant_as_it_looks() {
        for typed in [
            "20261130 D1-７",
            "\u{200b}20261130\u{feff}D1-7",
            "\u{202a}20261130D1-7\u{202c}",
            "２０２６１１３０Ｄ１－７\u{3000}",
        ] {
            assert_eq!(meant(typed), "20261130D1-7", "{typed:?}");
        }
        assert_eq!(meant("订单~！"), "订单~!");
    }
}
