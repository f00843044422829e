//! How long we go on asking about money that waits for a person, a bank or a
//! dispute: what they decide may come after months.

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// After so long nobody is asked any more; it stays listed for the operator.
const LAST_MS: i64 = 60 * DAY_MS;

/// In how many ms something that is `age_ms` old is asked about next: each hour for a
/// day, then each day for sixty; then never.
pub(crate) fn next_look_ms(age_ms: i64) -> Option<i64> {
    match age_ms {
        ..DAY_MS => Some(HOUR_MS),
        DAY_MS..LAST_MS => Some(DAY_MS),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_hourly_for_a_day_and_daily_for_sixty() {
        let (mut age_ms, mut looks) = (0, 0);
        while let Some(after_ms) = next_look_ms(age_ms) {
            age_ms += after_ms;
            looks += 1;
        }
        assert_eq!((looks, age_ms), (24 + 59, 60 * DAY_MS));
    }
}
