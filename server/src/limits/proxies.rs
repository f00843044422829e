//! The operator's own proxies: what they say of whom they speak for is believed, and
//! nobody else's word is.

use super::{Caller, Peer};
use axum::http::{HeaderMap, HeaderValue};
use ipnet::IpNet;
use metrics::gauge;
use serde::{Deserialize, Deserializer};
use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

const FORWARDED_FOR: &str = "x-forwarded-for";
/// So many senders of that header who are not listed are told; more are no news.
const UNLISTED_TOLD: usize = 16;
/// The gauge that tells them, with the label `peer`.
pub(crate) const UNLISTED: &str = "tongfu_unlisted_proxy";

/// An address, or a network (CIDR).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network(IpNet);

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let single = text.parse::<IpAddr>().map(IpNet::from);
        let network = single.or_else(|_| text.parse());
        let refused = |_| format!("{text} is neither an address nor a network such as 10.0.0.0/8");
        network
            .map(Self)
            .map_err(|error| serde::de::Error::custom(refused(error)))
    }
}

/// The proxies that the operator lists.
#[derive(Default)]
pub(crate) struct Proxies {
    listed: Vec<IpNet>,
    unlisted: Mutex<HashSet<IpAddr>>,
}

impl Proxies {
    pub(crate) fn new(listed: &[Network]) -> Self {
        Self {
            listed: listed.iter().map(|Network(net)| *net).collect(),
            unlisted: Mutex::default(),
        }
    }

    /// Whether it is one of ours.
    pub(crate) fn is_listed(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.listed.iter().any(|net| net.contains(&address))
    }

    /// Who calls: the connection's other side; behind a listed proxy the last address
    /// of `X-Forwarded-For` that is not listed itself.
    pub(crate) fn caller(&self, peer: IpAddr, headers: &HeaderMap) -> Caller {
        let forwarded = headers.get_all(FORWARDED_FOR);
        if !self.is_listed(peer) {
            if forwarded.iter().next().is_some() {
                self.tell_unlisted(peer.to_canonical());
            }
            return Caller(Some(Peer::of(peer)));
        }
        // What a stranger wrote before the proxy's own word may be any bytes.
        let texts = forwarded.iter().map(HeaderValue::as_bytes);
        let named: Vec<&[u8]> = texts
            .flat_map(|text| text.split(|byte| *byte == b','))
            .collect();
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let addresses = named.iter().rev().map(|part| address(text(part)?.trim()));
        // What a proxy could not name is nobody; what lies before it, anybody wrote.
        let known = addresses.take_while(Option::is_some).flatten();
        let outside = known.into_iter().find(|address| !self.is_listed(*address));
        Caller(outside.map(Peer::of))
    }

    /// Once each: in the log, and in a gauge that `tongfu doctor` reads.
    fn tell_unlisted(&self, peer: IpAddr) {
        let mut told = self.unlisted.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() >= UNLISTED_TOLD || !told.insert(peer) {
            return;
        }
        gauge!(UNLISTED, "peer" => peer.to_string()).set(1);
        tracing::warn!(
            %peer,
            "X-Forwarded-For from a peer that trusted_proxies does not list: it is not believed"
        );
    }
}

/// An address as proxies write it, with a port or without.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    let with_port = || text.parse::<std::net::SocketAddr>().map(|both| both.ip());
    bare.parse().or_else(|_| with_port()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies() -> Proxies {
        let listed = ["10.0.0.0/8", "192.0.2.7"].map(|text| {
            serde_json::from_value::<Network>(text.into()).unwrap_or_else(|e| panic!("{e}"))
        });
        Proxies::new(&listed)
    }

    fn caller(peer: &str, forwarded: &[&str]) -> Option<Peer> {
        let forwarded: Vec<_> = forwarded.iter().map(|text| text.as_bytes()).collect();
        caller_by(peer, &forwarded)
    }

    fn caller_by(peer: &str, forwarded: &[&[u8]]) -> Option<Peer> {
        let mut headers = HeaderMap::new();
        for text in forwarded {
            let value = HeaderValue::from_bytes(text).unwrap_or_else(|e| panic!("{e}"));
            headers.append(FORWARDED_FOR, value);
        }
        proxies().caller(peer.parse().unwrap(), &headers).0
    }

    fn peer(text: &str) -> Option<Peer> {
        Some(Peer::of(text.parse().unwrap()))
    }

    #[test]
    fn a_strangers_word_for_whom_he_speaks_is_not_believed() {
        assert_eq!(
            caller("203.0.113.1", &["198.51.100.1"]),
            peer("203.0.113.1")
        );
        assert_eq!(caller("203.0.113.1", &[]), peer("203.0.113.1"));
    }

    #[test]
    fn what_no_text_is_hides_nobody() {
        let named = caller_by("10.1.2.3", &[b"\xff, 198.51.100.1"]);
        assert_eq!(named, peer("198.51.100.1"));
        let twice = caller_by("10.1.2.3", &[b"\xff\xfe", b"198.51.100.1"]);
        assert_eq!(twice, peer("198.51.100.1"));
    }

    #[test]
    fn a_listed_proxy_names_the_last_who_is_not_listed() {
        let client = peer("198.51.100.1");
        assert_eq!(caller("10.1.2.3", &["198.51.100.1"]), client);
        assert_eq!(caller("10.1.2.3", &["1.1.1.1, 198.51.100.1"]), client);
        assert_eq!(caller("10.1.2.3", &["198.51.100.1, 10.9.9.9"]), client);
        assert_eq!(
            caller("::ffff:192.0.2.7", &["x", "198.51.100.1:80"]),
            client
        );
        assert_eq!(caller("10.1.2.3", &["198.51.100.1, unknown"]), None);
        assert_eq!(caller("10.1.2.3", &[]), None);
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        assert_eq!(peer("2001:db8::1"), peer("2001:db8::ffff:2"));
        assert_ne!(peer("2001:db8::1"), peer("2001:db8:0:1::1"));
        assert_eq!(peer("::ffff:192.0.2.1"), peer("192.0.2.1"));
    }

    #[test]
    fn unlisted_ones_are_told_once_and_not_without_end() {
        let proxies = proxies();
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, "1.1.1.1".parse().unwrap());
        for last in 0..=255 {
            proxies.caller(IpAddr::from([203, 0, 113, last]), &headers);
            proxies.caller(IpAddr::from([203, 0, 113, last]), &headers);
        }
        assert_eq!(proxies.unlisted.lock().unwrap().len(), 16);
    }

    #[test]
    fn what_is_no_network_is_refused_by_its_text() {
        let refused = serde_json::from_value::<Network>("10.0.0.0/99".into());
        assert!(refused.is_err_and(|error| error.to_string().contains("10.0.0.0/99")));
    }
}
