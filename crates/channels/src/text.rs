//! Small pieces of text that several channels need.

pub(crate) use payment::beijing::time as beijing_time;
use payment::money::Money;
use payment::pairs::FIELDS_MAX;
use payment::ports::{ChannelError, Doubt};
use std::collections::HashSet;
use time::format_description::well_known::Rfc3339;
use time::macros::{format_description, offset};
use time::{OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Beijing's clocks.
pub(crate) const BEIJING: UtcOffset = offset!(+8);

/// The longest beginning of `text` that fits into `bytes_max` bytes.
pub(crate) fn shortened(text: &str, bytes_max: usize) -> &str {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The pairs of a form that somebody sent us, decoded; each name once, and no more than
/// any channel has.
pub(crate) fn form_pairs(body: &[u8]) -> Result<Vec<(String, String)>, ChannelError> {
    let pairs: Vec<_> = form_urlencoded::parse(body)
        .into_owned()
        .take(FIELDS_MAX + 1)
        .collect();
    if pairs.len() > FIELDS_MAX {
        let cause = format!("more than {FIELDS_MAX} fields");
        return Err(ChannelError::unknown(Doubt::Nonsense, cause));
    }
    each_once(&pairs)?;
    Ok(pairs)
}

/// Refuses a name that comes twice.
pub(crate) fn each_once(pairs: &[(String, String)]) -> Result<(), ChannelError> {
    let mut seen = HashSet::new();
    if pairs.iter().all(|(name, _)| seen.insert(name)) {
        Ok(())
    } else {
        Err(ChannelError::unknown(
            Doubt::Nonsense,
            "a name that comes twice",
        ))
    }
}

/// `yyyyMMdd` on Beijing's clocks.
pub(crate) fn beijing_day(at_ms: i64) -> String {
    beijing_time(at_ms)[..10].replace('-', "")
}

/// Ms since 1970 of `yyyy-MM-dd HH:mm:ss` on Beijing's clocks.
pub(crate) fn beijing_time_ms(text: &str) -> Option<i64> {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second]");
    let at = PrimitiveDateTime::parse(text.get(..19)?, format).ok()?;
    Some(at.assume_offset(BEIJING).unix_timestamp() * 1000)
}

/// Ms since 1970 of an RFC 3339 text.
pub(crate) fn rfc3339_ms(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Some(at.unix_timestamp() * 1000)
}

/// Why a refund waits for a person whose number its channel has of another sum.
pub(crate) const ANOTHER_SUM: &str = "its number was used for another sum";

/// A sum in major units with two decimals: `123.45`.
pub(crate) fn major(money: Money) -> String {
    format!("{}.{:02}", money.minor() / 100, money.minor() % 100)
}

/// Minor units of `123.45`, `123.4` or `123`; nothing else.
pub(crate) fn minor(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 12 || decimals.len() > 2 {
        return None;
    }
    if !digits(whole) || !digits(decimals) {
        return None;
    }
    format!("{whole}{decimals:0<2}").parse().ok()
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

    #[test]
    fn a_form_has_each_name_once_and_no_more_than_any_channel() {
        let form = |count: usize| {
            let pairs: Vec<_> = (0..count).map(|at| format!("a{at}=1")).collect();
            form_pairs(pairs.join("&").as_bytes())
        };
        assert_eq!(form(64).map(|pairs| pairs.len()), Ok(64));
        let refused = form(60_000).map(|_| ()).unwrap_err();
        assert!(refused.to_string().contains("more than 64 fields"));
        assert!(form_pairs(b"a=1&b=2&a=3").is_err());
    }

    #[test]
    fn times_are_beijings_both_ways() {
        assert_eq!(beijing_time(1_465_955_306_000), "2016-06-15 09:48:26");
        let ms = beijing_time_ms("2016-06-15 09:48:26");
        assert_eq!(ms, Some(1_465_955_306_000));
        assert_eq!(beijing_time_ms("2016-06-15 09:48:26.123"), ms);
        assert_eq!(beijing_time_ms(""), None);
    }

    #[test]
    fn sums_are_exact_both_ways() {
        let money = Money::from_minor(12_345, payment::money::Currency::Cny).unwrap();
        assert_eq!(major(money), "123.45");
        assert_eq!(minor("123.45"), Some(12_345));
        assert_eq!(minor("0.1"), Some(10));
        assert_eq!(minor("7"), Some(700));
        for bad in ["", ".5", "1.234", "1e3", "-1", "1,000.00", "1.2.3"] {
            assert_eq!(minor(bad), None, "{bad}");
        }
    }
}
