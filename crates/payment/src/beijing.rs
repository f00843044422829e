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

/// The last midnight on Beijing's clocks, ms since 1970.
#[must_use]
pub fn midnight_before(at_ms: i64) -> i64 {
    const DAY_MS: i64 = 86_400_000;
    const AHEAD_MS: i64 = 8 * 3_600_000;
    at_ms - (at_ms + AHEAD_MS).rem_euclid(DAY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_begin_at_beijings_midnight() {
        let day = midnight_before(1_465_955_270_999);
        assert_eq!(time(day), "2016-06-15 00:00:00");
        assert_eq!(midnight_before(day), day);
        assert_eq!(time(midnight_before(day - 1)), "2016-06-14 00:00:00");
    }

    #[test]
    fn a_second_of_beijing() {
        assert_eq!(time(1_465_955_270_999), "2016-06-15 09:47:50");
        assert_eq!(time(0), "1970-01-01 08:00:00");
    }
}
