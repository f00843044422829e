//! Small pieces of text that several channels need.

use time::{OffsetDateTime, UtcOffset};

/// The longest beginning of `text` that fits into `bytes_max` bytes.
pub(crate) fn shortened(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// A moment on Beijing's clocks.
pub(crate) fn beijing(at_ms: i64) -> OffsetDateTime {
    let offset = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .to_offset(offset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goods_are_cut_between_characters() {
        assert_eq!(shortened("耳机", 5), "耳");
        assert_eq!(shortened("耳机", 6), "耳机");
        assert_eq!(shortened("abc", 127), "abc");
    }
}
