//! Beijing's clocks, by which the channels and the order numbers go.

use time::{OffsetDateTime, UtcOffset};

/// `yyyy-MM-dd HH:mm:ss` on Beijing's clocks, of ms since 1970.
#[must_use]
pub fn time(at_ms: i64) -> String {
    let beijing = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    let at = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
        .to_offset(beijing);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_of_beijing() {
        assert_eq!(time(1_465_955_270_999), "2016-06-15 09:47:50");
        assert_eq!(time(0), "1970-01-01 08:00:00");
    }
}
