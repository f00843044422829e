//! Addresses: their shapes, which of them a request may name, and which
//! addresses of the network are public (docs/signing.md).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use url::{Host, Url};

/// No address in a request is longer, in characters.
const LENGTH_MAX: usize = 2048;
/// No name of a host, and no label of it, is longer (RFC 1035).
const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

/// An address that two readers understand alike: our pattern, which looks at its
/// bytes, and the crate that calls it. Only such a one is listed, framed, followed
/// and called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    text: String,
    url: Url,
}

/// The rule that an address breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// The scheme.
    #[error("an address that begins with http:// or https://")]
    Scheme,
    /// Its length.
    #[error("an address of at most 2048 characters")]
    Long,
    /// A blank.
    #[error("an address without blanks")]
    Blank,
    /// A host that can't be called.
    #[error(
        "an address whose host is a network address, or a name of letters, digits, - and ., with \
         1 to 63 characters between the points and 253 in all"
    )]
    Host,
    /// A port that can't be called.
    #[error("an address whose port is 1 to 65535")]
    Port,
    /// The pattern of a bare host.
    #[error("an address that begins with http:// or https://, or a bare host such as www.shop.cn")]
    Bare,
    /// Something that this address may not hold.
    #[error("an address without {0}")]
    Holds(&'static str),
    /// A second scheme.
    #[error("an address with :// once")]
    SecondScheme,
}

impl AddressError {
    /// The rule in Chinese.
    pub(crate) fn zh(self) -> String {
        let rule = match self {
            Self::Scheme => "以 http:// 或 https:// 开头的地址",
            Self::Long => "至多 2048 个字符的地址",
            Self::Blank => "没有空格的地址",
            Self::Host => {
                "主机是网络地址，或字母、数字、- 和 . 组成的名字（点之间 1 到 63 个字符，共 253 个以内）"
            }
            Self::Port => "端口在 1 到 65535 之间的地址",
            Self::Bare => "以 http:// 或 https:// 开头的地址，或 www.shop.cn 这样的主机",
            Self::Holds(what) => return format!("不含 {what} 的地址"),
            Self::SecondScheme => "只有一个 :// 的地址",
        };
        rule.to_owned()
    }
}

impl Address {
    /// Reads an address with its scheme: it begins byte for byte with `http://` or
    /// `https://`, holds no blank, and is at most 2048 characters long.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        after_scheme(text)?;
        check_length(text)?;
        Self::called(text)
    }

    /// Reads an address that is called: one that was taken, and behind it what we tell,
    /// which makes it as long as it is.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn called(text: &str) -> Result<Self, AddressError> {
        let rest = after_scheme(text)?;
        check_blanks(text)?;
        let (host, port) = host_and_port(authority(rest))?;
        let url = Url::parse(text).map_err(|_| AddressError::Host)?;
        if url.port_or_known_default() != port.or(default_port(text)) {
            return Err(AddressError::Port);
        }
        if !same_host(host, &url) {
            return Err(AddressError::Host);
        }
        Ok(Self {
            text: text.to_owned(),
            url,
        })
    }

    /// Reads the address of a page: legacy domains may leave the scheme out, and
    /// http is meant.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn page(text: &str, legacy: bool) -> Result<Self, AddressError> {
        match Self::parse(text) {
            Err(AddressError::Scheme) if legacy => {
                check_length(text)?;
                check_blanks(text)?;
                if !is_bare_host(text) {
                    return Err(AddressError::Bare);
                }
                Self::parse(&format!("http://{text}"))
            }
            read => read,
        }
    }

    /// Reads a bgUrl: without `?`, `#`, user-info or backslash, and with `://` once.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn callback(text: &str) -> Result<Self, AddressError> {
        let address = Self::parse(text)?;
        for held in ["?", "#", "@", "\\"] {
            if text.contains(held) {
                return Err(AddressError::Holds(held));
            }
        }
        match text.matches("://").count() {
            1 => Ok(address),
            _ => Err(AddressError::SecondScheme),
        }
    }

    /// The text as it was read, with its scheme.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The address as it is called.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// The host in small letters; of an IPv6 address without the brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        let host = self.url.host_str().unwrap_or_default();
        host.trim_start_matches('[').trim_end_matches(']')
    }

    /// The network address that the host is by itself, without asking DNS.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        literal(self.host())
    }

    /// Scheme, host, and port where one stands: as a header carries it.
    #[must_use]
    pub fn origin(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let port = host_and_port(authority(rest))
            .ok()
            .and_then(|(_, port)| port);
        let port = port.map_or(String::new(), |port| format!(":{port}"));
        format!("{}://{host}{port}", self.url.scheme())
    }

    /// The path as it was written.
    fn path(&self) -> &str {
        let rest = self.text.split_once("://").map_or("", |(_, rest)| rest);
        let path = &rest[authority(rest).len()..];
        path.split(['?', '#']).next().unwrap_or_default()
    }

    /// Whether it lies under `prefix`: scheme, host and port equal, the path at a
    /// segment boundary, without a way back up.
    #[must_use]
    pub fn lies_under(&self, prefix: &Self) -> bool {
        let place = |address: &Self| {
            let url = &address.url;
            (
                url.scheme().to_owned(),
                address.host().to_owned(),
                url.port_or_known_default(),
            )
        };
        let base = prefix.path().trim_end_matches('/');
        let under = self
            .path()
            .strip_prefix(base)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        place(self) == place(prefix) && under && !self.path().split('/').any(climbs)
    }
}

fn after_scheme(text: &str) -> Result<&str, AddressError> {
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"));
    rest.ok_or(AddressError::Scheme)
}

fn check_length(text: &str) -> Result<(), AddressError> {
    match text.chars().count() {
        0..=LENGTH_MAX => Ok(()),
        _ => Err(AddressError::Long),
    }
}

fn check_blanks(text: &str) -> Result<(), AddressError> {
    match text.contains(char::is_whitespace) {
        true => Err(AddressError::Blank),
        false => Ok(()),
    }
}

/// What stands before the path, the query and the fragment.
fn authority(rest: &str) -> &str {
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    &rest[..end]
}

/// Host and port of an authority, by its bytes alone; user-info is passed over.
fn host_and_port(authority: &str) -> Result<(&str, Option<u16>), AddressError> {
    let (_, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let after_bracket = place.rfind(']').map_or(0, |at| at + 1);
    let (host, port) = match place[after_bracket..].find(':') {
        Some(colon) => {
            let (host, port) = place.split_at(after_bracket + colon);
            (host, Some(&port[1..]))
        }
        None => (place, None),
    };
    let port = port.map(read_port).transpose()?;
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let plain = host.bytes().all(named) && has_labels(host);
    if plain || bracketed(host).is_some() {
        Ok((host, port))
    } else {
        Err(AddressError::Host)
    }
}

/// Whether a name server can know a name: its labels, the point at its end left out.
fn has_labels(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    let mut labels = host.split('.');
    host.len() <= NAME_MAX && labels.all(|label| (1..=LABEL_MAX).contains(&label.len()))
}

fn read_port(text: &str) -> Result<u16, AddressError> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    // Nothing listens at 0.
    let port = text.parse().ok().filter(|port| digits && *port != 0);
    port.ok_or(AddressError::Port)
}

fn default_port(text: &str) -> Option<u16> {
    Some(if text.starts_with("https:") { 443 } else { 80 })
}

fn bracketed(host: &str) -> Option<Ipv6Addr> {
    host.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Whether the crate reads the host that we read: the same name, or the same network
/// address in one of its spellings.
fn same_host(ours: &str, url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case(ours),
        Some(Host::Ipv4(ip)) => loose_ipv4(&ours.to_ascii_lowercase()) == Some(ip),
        Some(Host::Ipv6(ip)) => bracketed(ours) == Some(ip),
        None => false,
    }
}

/// Whether `text` is a bare host as legacy domains may send it: labels of
/// letters, digits and `-`, the last of letters alone; then nothing, `:port`,
/// `/…` or `?…`.
fn is_bare_host(text: &str) -> bool {
    let end = text.find([':', '/', '?']).unwrap_or(text.len());
    let (host, rest) = text.split_at(end);
    let rest = match rest.strip_prefix(':') {
        Some(port) => {
            let end = port.find(['/', '?']).unwrap_or(port.len());
            if read_port(&port[..end]).is_err() {
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

/// Whether `text` is a host alone, as lists of hosts hold it: in small letters, as
/// [`Address::host`] gives it.
#[must_use]
pub fn is_host(text: &str) -> bool {
    let text = match text.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{text}]"),
        Err(_) => text.to_owned(),
    };
    let read = Address::parse(&format!("http://{text}"));
    let plain = host_and_port(&text).is_ok_and(|(host, _)| host == text);
    read.is_ok_and(|address| address.url.host_str() == Some(&text)) && plain
}

/// `.` and `..`, escaped or not, and escaped slashes.
fn climbs(segment: &str) -> bool {
    let plain = segment.to_ascii_lowercase().replace("%2e", ".");
    plain == "." || plain == ".." || plain.contains("%2f") || plain.contains("%5c")
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

/// Scheme, host and port of an address, as a header carries it.
#[must_use]
pub fn origin(url: &str) -> Option<String> {
    Address::parse(url).ok().map(|address| address.origin())
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
        assert_eq!(origin("http://u@A.cn/"), Some("http://a.cn".to_owned()));
    }

    #[test]
    fn addresses_need_their_scheme_in_small_letters_and_no_blank() {
        let rule = |text: &str| Address::parse(text).err();
        for good in [
            "http://www.sina.com",
            "https://a.b/中?x=1#y",
            "http://127.1/",
            "http://0xa9fea9fe/",
            "http://[::1]:80/",
            "http://a_b.cn.:0080/",
            "http://localhost:3002/callback",
        ] {
            assert_eq!(rule(good), None, "{good}");
        }
        for bad in [
            "HTTP://a.com",
            " http://a.com",
            "javascript:alert(1)",
            "//a.com",
            "ftp://a.com",
        ] {
            assert_eq!(rule(bad), Some(AddressError::Scheme), "{bad}");
        }
        assert_eq!(rule("http://a.com/ x"), Some(AddressError::Blank));
        let long = format!("http://a.com/{}", "x".repeat(2048));
        assert_eq!(rule(&long), Some(AddressError::Long));
    }

    #[test]
    fn what_two_readers_read_differently_or_nobody_can_call_is_refused() {
        for bad in [
            "http://",
            "http:///a.cn",
            "http://[fe80::1%25lo]/",
            "http://ａ.cn/",
            "http://中文.cn/",
            "http://a%2ecn/",
            "http://a;b/",
            "http://a\u{ad}b.cn/",
            "http://1.2.3.4.5/",
            "http://256.1.1.1/",
            "http://a.cn@/",
        ] {
            assert_eq!(Address::parse(bad).err(), Some(AddressError::Host), "{bad}");
        }
        for bad in ["http://a.cn:99999/", "http://a.cn:/", "http://a.cn:8o/"] {
            assert_eq!(Address::parse(bad).err(), Some(AddressError::Port), "{bad}");
        }
    }

    #[test]
    fn what_no_name_server_knows_and_no_port_listens_at_is_refused() {
        let label = "a".repeat(63);
        let long = [label.as_str(); 4].join(".");
        for good in [
            format!("http://{label}.cn/"),
            format!("http://{}/", &long[2..]),
        ] {
            assert_eq!(Address::parse(&good).err(), None, "{good}");
        }
        for bad in [
            "http://a..cn/".to_owned(),
            "http://.cn/".to_owned(),
            "http://a.cn../".to_owned(),
            "http://./".to_owned(),
            format!("http://{label}a.cn/"),
            format!("http://{long}/"),
        ] {
            assert_eq!(
                Address::parse(&bad).err(),
                Some(AddressError::Host),
                "{bad}"
            );
        }
        assert!(!is_host("a..cn"));
        for bad in ["http://a.cn:0/", "https://[::1]:000/"] {
            assert_eq!(Address::parse(bad).err(), Some(AddressError::Port), "{bad}");
        }
        assert_eq!(Address::page("a.cn:0", true), Err(AddressError::Bare));
    }

    #[test]
    fn a_host_is_what_stands_before_the_path() {
        let host = |text: &str| Address::page(text, true).unwrap().host().to_owned();
        assert_eq!(host("evil.com/x://a.cn/"), "evil.com");
        assert_eq!(host("evil.com?x://a.cn/"), "evil.com");
        assert_eq!(host("http://u:p@A.com:80/x"), "a.com");
        assert_eq!(host("http://a.com\\@b.com/"), "a.com");
        assert_eq!(host("http://[::1]:80/x"), "::1");
        assert_eq!(host("http://a.com?x@b.cn"), "a.com");
        assert_eq!(host("http://127.1/"), "127.0.0.1");
    }

    #[test]
    fn bare_hosts_follow_the_pattern() {
        let rule = |text: &str| Address::page(text, true).err();
        for good in ["www.10020.cn", "a-b.com:8080/x?y", "a.co?x", "a.com/"] {
            assert_eq!(rule(good), None, "{good}");
            assert_eq!(
                Address::page(good, false).err(),
                Some(AddressError::Scheme),
                "{good}"
            );
        }
        for bad in [
            "",
            "localhost",
            "a.c",
            "a..com",
            "1.2.3.4",
            "a.com:",
            "a.com:x",
            "a.com:99999",
            "a.com#x",
            "javascript:a.com",
            "a.com@b",
        ] {
            assert_eq!(rule(bad), Some(AddressError::Bare), "{bad}");
        }
        assert_eq!(rule("a b.com"), Some(AddressError::Blank));
    }

    #[test]
    fn callbacks_hold_nothing_but_a_path() {
        let rule = |text: &str| Address::callback(text).err();
        assert_eq!(rule("http://192.168.108.171:30030/gateway/acceptpay"), None);
        for (bad, broken) in [
            ("http://a.com?x", AddressError::Holds("?")),
            ("http://a.com#x", AddressError::Holds("#")),
            ("http://u@a.com", AddressError::Holds("@")),
            ("http://a.com\\b", AddressError::Holds("\\")),
            ("http://a.com/http://b.com", AddressError::SecondScheme),
            ("a.com", AddressError::Scheme),
        ] {
            assert_eq!(rule(bad), Some(broken), "{bad}");
        }
    }

    #[test]
    fn lists_hold_hosts_alone() {
        for good in ["a.cn", "192.168.108.171", "::1", "localhost"] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            "A.cn",
            "a.cn:80",
            "http://a.cn",
            "a.cn/",
            "u@a.cn",
            "127.1",
            "*.a.cn",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn prefixes_are_compared_part_by_part() {
        let lies_under = |url: &str, prefix: &str| {
            let read = |text: &str| Address::parse(text).unwrap();
            read(url).lies_under(&read(prefix))
        };
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
}
