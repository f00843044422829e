//! Addresses: their shapes, which of them a request may name, and which
//! addresses of the network are public (design 4a).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// No address in a request is longer, in characters.
const LENGTH_MAX: usize = 2048;

/// Whether `text` is an address with its scheme: it begins byte for byte with
/// `http://` or `https://`, holds no blank, and is at most 2048 characters long.
#[must_use]
pub fn has_scheme(text: &str) -> bool {
    (text.starts_with("http://") || text.starts_with("https://"))
        && text.chars().count() <= LENGTH_MAX
        && !text.contains(char::is_whitespace)
        && !host_of(text).is_empty()
}

/// Whether `text` is a bare host as legacy domains may send it: labels of
/// letters, digits and `-`, the last of letters alone; then nothing, `:port`,
/// `/…` or `?…`.
#[must_use]
pub fn is_bare_host(text: &str) -> bool {
    if text.chars().count() > LENGTH_MAX || text.contains(char::is_whitespace) {
        return false;
    }
    let end = text.find([':', '/', '?']).unwrap_or(text.len());
    let (host, rest) = text.split_at(end);
    let rest = match rest.strip_prefix(':') {
        Some(port) => {
            let end = port.find(['/', '?']).unwrap_or(port.len());
            let digits = &port[..end];
            if digits.is_empty() || digits.len() > 5 || !digits.bytes().all(|b| b.is_ascii_digit())
            {
                return false;
            }
            &port[end..]
        }
        None => rest,
    };
    let labels: Vec<_> = host.split('.').collect();
    let label = |label: &&str| {
        !label.is_empty()
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = labels.last().copied().unwrap_or_default();
    labels.len() >= 2
        && labels.iter().all(label)
        && last.len() >= 2
        && last.bytes().all(|byte| byte.is_ascii_alphabetic())
        && (rest.is_empty() || rest.starts_with(['/', '?']))
}

/// Whether `text` may be a bgUrl: with its scheme, without `?`, `#`, user-info
/// or backslash, and with `://` once.
#[must_use]
pub fn is_callback(text: &str) -> bool {
    has_scheme(text) && !text.contains(['?', '#', '@', '\\']) && text.matches("://").count() == 1
}

/// An address as a browser can follow it: `http://` is meant where none stands.
#[must_use]
pub fn with_scheme(text: &str) -> String {
    if text.starts_with("http://") || text.starts_with("https://") {
        text.to_owned()
    } else {
        format!("http://{text}")
    }
}

/// The parts of an address that are compared with a prefix.
#[derive(Debug, PartialEq, Eq)]
struct Parts<'a> {
    scheme: &'a str,
    host: String,
    port: u16,
    path: &'a str,
}

fn parts(url: &str) -> Option<Parts<'_>> {
    let (scheme, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let default = if scheme == "https" { 443 } else { 80 };
    let (host, port) = split_port(authority);
    let port = match port {
        Some(port) => port.parse().ok()?,
        None => default,
    };
    Some(Parts {
        scheme,
        host: host.to_ascii_lowercase(),
        port,
        path,
    })
}

/// Whether `url` lies under `prefix`: scheme, host and port equal, the path at a
/// segment boundary, without a way back up.
#[must_use]
pub fn lies_under(url: &str, prefix: &str) -> bool {
    let (Some(url), Some(prefix)) = (parts(url), parts(prefix)) else {
        return false;
    };
    let base = prefix.path.trim_end_matches('/');
    let under = url
        .path
        .strip_prefix(base)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (url.scheme, &url.host, url.port) == (prefix.scheme, &prefix.host, prefix.port)
        && under
        && !url.path.split('/').any(climbs)
}

/// `.` and `..`, escaped or not, and escaped slashes.
fn climbs(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".." || plain.contains("%2f") || plain.contains("%5c")
}

/// The host of an address, without user-info, port and brackets.
#[must_use]
pub fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let authority = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    split_port(authority)
        .0
        .trim_start_matches('[')
        .trim_end_matches(']')
}

/// Host and port; a bracketed IPv6 address keeps its colons.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after_bracket = authority.rfind(']').unwrap_or(0);
    match authority[after_bracket..].find(':') {
        Some(colon) => {
            let colon = after_bracket + colon;
            (&authority[..colon], Some(&authority[colon + 1..]))
        }
        None => (authority, None),
    }
}

/// The network address that a host is by itself, without asking DNS: every
/// spelling that an HTTP client takes (decimal, octal, hex, short IPv4; IPv6),
/// and `localhost`.
#[must_use]
pub fn literal(host: &str) -> Option<IpAddr> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return Some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    if let Ok(ip) = host.parse::<Ipv6Addr>() {
        return Some(IpAddr::V6(ip));
    }
    loose_ipv4(&host).map(IpAddr::V4)
}

/// One to four numbers, each decimal, octal (`0…`) or hex (`0x…`); the last one
/// fills what is left (the rule of the WHATWG URL standard).
fn loose_ipv4(host: &str) -> Option<Ipv4Addr> {
    let numbers: Vec<u64> = host.split('.').map(loose_number).collect::<Option<_>>()?;
    let (last, leading) = numbers.split_last()?;
    if leading.len() > 3 || leading.iter().any(|number| *number > 255) {
        return None;
    }
    let room = 4 - leading.len();
    if *last >= 1 << (8 * room) {
        return None;
    }
    let mut address = *last;
    for (index, number) in leading.iter().enumerate() {
        address |= number << (8 * (3 - index));
    }
    u32::try_from(address).ok().map(Ipv4Addr::from)
}

fn loose_number(text: &str) -> Option<u64> {
    if let Some(hex) = text.strip_prefix("0x") {
        return if hex.is_empty() {
            Some(0)
        } else {
            u64::from_str_radix(hex, 16).ok()
        };
    }
    match text.strip_prefix('0') {
        Some("") => Some(0),
        Some(octal) => u64::from_str_radix(octal, 8).ok(),
        None => text
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| text.parse().ok())?,
    }
}

/// Whether an address belongs to the public network: not loopback, private,
/// link-local (metadata services), shared, documentation, multicast or reserved.
#[must_use]
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(ip),
        IpAddr::V6(ip) => {
            if let Some(mapped) = embedded_v4(ip) {
                return is_public_v4(mapped);
            }
            let first = ip.segments()[0];
            let documentation = first == 0x2001 && ip.segments()[1] == 0x0db8;
            // Global unicast is 2000::/3; all else is local, multicast or reserved.
            (0x2000..0x4000).contains(&first) && !documentation
        }
    }
}

/// The IPv4 address inside a mapped, compatible, NAT64 or 6to4 address.
fn embedded_v4(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = ip.segments();
    let joined = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match s {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => Some(joined(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => Some(joined(high, low)),
        [0x2002, high, low, ..] => Some(joined(high, low)),
        _ => None,
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let shared = a == 100 && (64..128).contains(&b);
    let protocol = (a, b, c) == (192, 0, 0);
    let benchmark = a == 198 && (b == 18 || b == 19);
    !(ip.is_private()
        || ip.is_loopback()
        || ip.is_link_local()
        || ip.is_documentation()
        || ip.is_multicast()
        || a == 0
        || a >= 240
        || shared
        || protocol
        || benchmark)
}

/// Scheme, host and port of an address, where they are of a form that a header can carry.
#[must_use]
pub fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    // What follows the last colon is a port, unless it is the end of an IPv6 address.
    let port = host.rsplit_once(':').map(|(_, port)| port);
    let port_fits = port.is_none_or(|port| port.ends_with(']') || port.parse::<u16>().is_ok());
    let fits = !host.is_empty() && host.bytes().all(plain) && port_fits;
    fits.then(|| format!("{scheme}://{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_ends_before_the_path() {
        for (address, expected) in [
            ("http://a.cn:8080/pay/cb", "http://a.cn:8080"),
            ("https://a.cn", "https://a.cn"),
            ("http://a.cn?x=/", "http://a.cn"),
        ] {
            assert_eq!(origin(address).as_deref(), Some(expected));
        }
        assert_eq!(
            origin("http://[::1]:80/").as_deref(),
            Some("http://[::1]:80")
        );
        assert_eq!(origin("http://[::1]/").as_deref(), Some("http://[::1]"));
        assert_eq!(origin("http://a.cn:99999/"), None);
    }

    #[test]
    fn addresses_need_their_scheme_in_small_letters_and_no_blank() {
        assert!(has_scheme("http://www.sina.com"));
        assert!(has_scheme("https://a.b/中?x=1#y"));
        for bad in [
            "HTTP://a.com",
            " http://a.com",
            "http://a.com/ x",
            "javascript:alert(1)",
            "//a.com",
            "http://",
            "ftp://a.com",
        ] {
            assert!(!has_scheme(bad), "{bad}");
        }
        assert!(!has_scheme(&format!("http://a.com/{}", "x".repeat(2048))));
    }

    #[test]
    fn bare_hosts_follow_the_pattern() {
        for good in ["www.10020.cn", "a-b.com:8080/x?y", "a.co?x", "a.com/"] {
            assert!(is_bare_host(good), "{good}");
        }
        for bad in [
            "",
            "localhost",
            "a.c",
            "a..com",
            "1.2.3.4",
            "a.com:",
            "a.com:x",
            "a.com#x",
            "javascript:a.com",
            "http://a.com",
            "a b.com",
            "a.com@b",
        ] {
            assert!(!is_bare_host(bad), "{bad}");
        }
    }

    #[test]
    fn callbacks_hold_nothing_but_a_path() {
        assert!(is_callback(
            "http://192.168.108.171:30030/gateway/acceptpay"
        ));
        for bad in [
            "http://a.com?x",
            "http://a.com#x",
            "http://u@a.com",
            "http://a.com/http://b.com",
            "http://a.com\\b",
            "a.com",
        ] {
            assert!(!is_callback(bad), "{bad}");
        }
    }

    #[test]
    fn prefixes_are_compared_part_by_part() {
        let prefix = "https://shop.cn/pay";
        for good in [
            "https://shop.cn/pay",
            "https://SHOP.cn:443/pay/a",
            "https://shop.cn/pay/",
        ] {
            assert!(lies_under(good, prefix), "{good}");
        }
        for bad in [
            "http://shop.cn/pay",
            "https://shop.cn.evil/pay",
            "https://shop.cn:444/pay",
            "https://shop.cn/payment",
            "https://shop.cn/pay/../x",
            "https://shop.cn/pay/%2E%2e/x",
            "https://shop.cn/pay/..%2fx",
        ] {
            assert!(!lies_under(bad, prefix), "{bad}");
        }
        assert!(lies_under("http://a.com/x", "http://a.com"));
    }

    #[test]
    fn every_spelling_of_a_private_address_is_seen() {
        for host in [
            "10.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.1",
            "0177.0.0.1",
            "169.254.169.254",
            "0xa9fea9fe",
            "localhost",
            "LOCALHOST.",
            "::1",
            "::ffff:10.0.0.1",
            "fe80::1",
            "fd00::1",
            "100.64.0.1",
            "0.0.0.0",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "192.168.108.171",
            "172.16.0.1",
            "0",
            "ff02::1",
        ] {
            let ip = literal(host).unwrap_or_else(|| panic!("{host}"));
            assert!(!is_public(ip), "{host}");
        }
        for host in ["1.1.1.1", "134744072", "2606:4700::1", "::ffff:8.8.8.8"] {
            assert!(is_public(literal(host).unwrap()), "{host}");
        }
        for host in ["www.sina.com", "1.2.3.4.5", "256.1.1.1", "a.1"] {
            assert_eq!(literal(host), None, "{host}");
        }
    }

    #[test]
    fn the_host_is_found_behind_user_info_and_brackets() {
        assert_eq!(host_of("http://u:p@a.com:80/x"), "a.com");
        assert_eq!(host_of("http://[::1]:80/x"), "::1");
        assert_eq!(host_of("http://a.com?x"), "a.com");
    }
}
