//! Small pieces of text: HTML escaping, times, sums.

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

/// Ms since 1970 of an RFC 3339 text.
pub(crate) fn from_rfc3339(text: &str) -> Option<i64> {
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .map(|at| at.unix_timestamp() * 1000)
}

/// `¥12.34`.
pub(crate) fn yuan(fen: i64) -> String {
    format!("¥{}.{:02}", fen / 100, fen % 100)
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

const STYLE: &str = "body{margin:0;background:#f4f5f7;color:#1a1d21;font:1rem/1.6 system-ui,\
\"PingFang SC\",\"Microsoft YaHei\",\"Noto Sans CJK SC\",sans-serif}main{max-width:34rem;margin:0 auto;\
padding:1.25rem 1rem 3rem}h1{font-size:1.35rem}.card{background:#fff;border-radius:.8rem;\
padding:1rem 1.1rem;margin:0 0 .8rem;box-shadow:0 1px 3px #0002;overflow-wrap:anywhere}\
.amount{font-size:1.6rem;font-weight:650}.small{color:#5b6470;font-size:.875rem;margin:.2rem 0}\
button,.button{min-height:2.75rem;padding:.5rem 1rem;border:0;border-radius:.6rem;background:#0b6e4f;\
color:#fff;font:inherit;font-weight:600;cursor:pointer;text-decoration:none;display:inline-block}\
button.quiet{background:#e7eaee;color:#1a1d21}form{display:flex;gap:.5rem;flex-wrap:wrap;margin:.6rem 0 0}\
input{font:inherit;padding:.5rem .7rem;border:1px solid #8a929c;border-radius:.6rem;min-width:8rem;flex:1}\
a{color:#0b6e4f}.good{color:#0a6b3d}.bad{color:#a3261b}svg{max-width:100%;height:auto}";
