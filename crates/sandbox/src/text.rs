//! Small pieces of text: HTML escaping, times, sums.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// Text that is safe between tags and in quoted attributes.
pub(crate) fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// RFC 3339 in Beijing time, whole seconds.
pub(crate) fn rfc3339(at_ms: i64) -> String {
    let beijing = UtcOffset::from_hms(8, 0, 0).unwrap_or(UtcOffset::UTC);
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .ok()
        .and_then(|at| at.to_offset(beijing).format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// RFC 3339 in UTC, whole seconds.
pub(crate) fn utc_time(at_ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at_ms.div_euclid(1000))
        .ok()
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Ms since 1970 of an RFC 3339 text.
pub(crate) fn from_rfc3339(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(|at| at.unix_timestamp() * 1000)
}

/// `yyyy-MM-dd HH:mm:ss` on Beijing's clocks.
pub(crate) fn beijing_time(at_ms: i64) -> String {
    let text = rfc3339(at_ms);
    text.get(..19).unwrap_or_default().replace('T', " ")
}

/// Ms since 1970 of `yyyy-MM-dd HH:mm:ss` on Beijing's clocks.
pub(crate) fn from_beijing_time(text: &str) -> Option<i64> {
    let (day, time) = text.split_once(' ')?;
    from_rfc3339(&format!("{day}T{time}+08:00"))
}

/// Fen of `12.34`, `12.3` or `12`.
pub(crate) fn yuan_text(text: &str) -> Option<i64> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let good =
        (1..=9).contains(&whole.len()) && decimals.len() <= 2 && digits(whole) && digits(decimals);
    good.then(|| format!("{whole}{decimals:0<2}").parse().ok())?
}

/// A form's or query's pairs, decoded once.
pub(crate) fn pairs_of(raw: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(raw.as_bytes())
        .into_owned()
        .collect()
}

/// What RFC 3986 leaves unescaped.
pub(crate) const BARE: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Percent-encoding of all that is not bare.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, &BARE).to_string()
}

/// `12.34`.
pub(crate) fn plain_yuan(fen: i64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// `¥12.34`.
pub(crate) fn yuan(fen: i64) -> String {
    format!("¥{}", plain_yuan(fen))
}

/// A whole page; `body` is HTML.
pub(crate) fn page(title: &str, head: &str, body: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"zh-CN\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title>{head}<style>{STYLE}</style></head>\
         <body><main>{body}</main></body></html>"
    )
}

const STYLE: &str = ":root{color-scheme:light dark;--ink:#1a1d21;--soft:#5b6470;--paper:#fff;--ground:#f4f5f7;\
--line:#8a929c;--act:#0b6e4f;--on:#fff;--quiet:#e7eaee;--good:#0a6b3d;--bad:#a3261b}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e8ea;--soft:#a7aeb5;--paper:#1d2125;--ground:#121518;\
--line:#6b737c;--act:#6fcfa8;--on:#10211a;--quiet:#343a41;--good:#7bd3a0;--bad:#ff9a8f}}\
body{margin:0;background:var(--ground);color:var(--ink);font:1rem/1.6 system-ui,\
\"PingFang SC\",\"Microsoft YaHei\",\"Noto Sans CJK SC\",sans-serif}main{max-width:34rem;margin:0 auto;\
padding:1.25rem 1rem 3rem}h1{font-size:1.35rem}.card{background:var(--paper);border-radius:.8rem;\
padding:1rem 1.1rem;margin:0 0 .8rem;box-shadow:0 1px 3px #0002;overflow-wrap:anywhere}\
.amount{font-size:1.6rem;font-weight:650}.small{color:var(--soft);font-size:.875rem;margin:.2rem 0}\
button,.button{min-height:2.75rem;padding:.5rem 1rem;border:0;border-radius:.6rem;background:var(--act);\
color:var(--on);font:inherit;font-weight:600;cursor:pointer;text-decoration:none;display:inline-block}\
button.quiet{background:var(--quiet);color:var(--ink)}form{display:flex;gap:.5rem;flex-wrap:wrap;margin:.6rem 0 0}\
input{font:inherit;padding:.5rem .7rem;border:1px solid var(--line);border-radius:.6rem;min-width:8rem;flex:1;\
background:var(--paper);color:var(--ink)}\
a{color:var(--act)}.good{color:var(--good)}.bad{color:var(--bad)}svg{max-width:100%;height:auto}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_once() {
        let pairs = pairs_of("a=1+2&b=%E8%80%B3%2B&c=%25E8&d&e=%zz");
        let expected = [
            ("a", "1 2"),
            ("b", "耳+"),
            ("c", "%E8"),
            ("d", ""),
            ("e", "%zz"),
        ];
        assert!(
            pairs
                .iter()
                .map(|(k, v)| (k.as_str(), v.as_str()))
                .eq(expected)
        );
        assert_eq!(
            pairs_of(&format!("x={}", encode("耳 +&=%")))[0].1,
            "耳 +&=%"
        );
    }

    #[test]
    fn yuan_and_times_are_exact() {
        assert_eq!(yuan_text("123.45"), Some(12_345));
        assert_eq!(yuan_text("0.1"), Some(10));
        assert_eq!(yuan_text("1.234"), None);
        assert_eq!(
            from_beijing_time(&beijing_time(1_465_955_306_000)),
            Some(1_465_955_306_000)
        );
    }
}
