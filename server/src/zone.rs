//! The one zone in which times are told to operators: commands and log lines. It always
//! stands with them.

use serde::{Deserialize, Deserializer};
use std::sync::OnceLock;
use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

static ZONE: OnceLock<Zone> = OnceLock::new();

/// A zone by its hours and minutes ahead of UTC, such as `+08:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Zone(UtcOffset);

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let form = format_description!("[offset_hour sign:mandatory]:[offset_minute]");
        let refused = |_| format!("{text} is no zone such as +08:00");
        let offset = UtcOffset::parse(&text, form);
        offset
            .map(Self)
            .map_err(|error| serde::de::Error::custom(refused(error)))
    }
}

impl Zone {
    /// The zone that holds for this process; the first one that was set stays.
    pub(crate) fn set(self) {
        let _ = ZONE.set(self);
    }

    fn now_set() -> UtcOffset {
        ZONE.get().map_or(UtcOffset::UTC, |zone| zone.0)
    }

    /// What log lines begin with.
    pub(crate) fn timer() -> tracing_subscriber::fmt::time::OffsetTime<Rfc3339> {
        tracing_subscriber::fmt::time::OffsetTime::new(Self::now_set(), Rfc3339)
    }
}

/// How far the zone is ahead of UTC, ms.
pub(crate) fn ahead_ms() -> i64 {
    i64::from(Zone::now_set().whole_seconds()) * 1000
}

/// The day that a time lies in.
pub(crate) fn day(at_ms: i64) -> String {
    time(at_ms).chars().take(10).collect()
}

/// A day such as 2026-11-28.
pub(crate) fn day_named(text: &str) -> Option<Date> {
    let form = format_description!("[year]-[month]-[day]");
    Date::parse(text, form).ok()
}

/// When a day begins in the zone, ms since 1970.
pub(crate) fn start_of(day: Date) -> i64 {
    let begins = day.midnight().assume_offset(Zone::now_set());
    begins.unix_timestamp().saturating_mul(1000)
}

/// When a time such as 2026-11-28T09:47 is in the zone, ms since 1970.
pub(crate) fn minute_named(text: &str) -> Option<i64> {
    let form = format_description!("[year]-[month]-[day]T[hour]:[minute]");
    let at = PrimitiveDateTime::parse(text, form).ok()?;
    let at = at.assume_offset(Zone::now_set());
    Some(at.unix_timestamp().saturating_mul(1000))
}

/// A time to the second with its zone, of ms since 1970.
pub(crate) fn time(at_ms: i64) -> String {
    in_zone(at_ms, Zone::now_set())
}

fn in_zone(at_ms: i64, zone: UtcOffset) -> String {
    let form = format_description!(
        "[year]-[month]-[day] [hour]:[minute]:[second]\
         [offset_hour sign:mandatory]:[offset_minute]"
    );
    let at = OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000));
    let at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH).to_offset(zone);
    at.format(form).unwrap_or_else(|_| format!("{at_ms} ms"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(text: &str) -> Result<Zone, toml::de::Error> {
        let table: toml::Table = format!("zone = {text:?}").parse()?;
        table["zone"].clone().try_into()
    }

    #[test]
    fn a_time_says_its_zone() {
        let Zone(beijing) = zone("+08:00").unwrap();
        let at = in_zone(1_465_955_270_999, beijing);
        assert_eq!(at, "2016-06-15 09:47:50+08:00");
        let Zone(other) = zone("-03:30").unwrap();
        assert_eq!(in_zone(0, other), "1969-12-31 20:30:00-03:30");
    }

    #[test]
    fn a_name_is_no_zone() {
        for other in ["", "Asia/Shanghai", "8", "+08", "+99:00", "CST"] {
            let error = zone(other).unwrap_err().to_string();
            assert!(error.contains("no zone such as +08:00"), "{other}: {error}");
        }
    }
}
