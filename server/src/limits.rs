//! What one caller may ask of us: token buckets for the rate, counts for what lasts.
//! Before a proof only the peer is charged; the business system and its request after
//! their sign held; a notify only when it did not verify.

pub(crate) mod buckets;
mod counts;
mod proxies;

pub(crate) use buckets::{Buckets, Rate, Wait};
pub(crate) use counts::{Counts, Slot};
pub(crate) use proxies::{Network, Proxies, UNLISTED};

use checkout::Toll;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// Whose limits a request counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Peer(IpAddr);

impl Peer {
    /// An IPv6 caller has a whole network (/64) for himself: that is one peer.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V6(v6) => Self(IpAddr::from((v6.to_bits() >> 64 << 64).to_be_bytes())),
            v4 => Self(v4),
        }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who calls, beside each request: nobody where it is a listed proxy that names no one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller(pub(crate) Option<Peer>);

/// How fast each may ask; `0` a second is without limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Any request of one peer.
    pub(crate) peer: Rate,
    /// What one business system signed.
    pub(crate) business: Rate,
    /// What was signed for one payment request.
    pub(crate) request: Rate,
    /// Notifies of one peer that do not verify.
    pub(crate) forged: Rate,
    /// Codes of one peer that WeChat does not know.
    pub(crate) junk: Rate,
}

/// All limits of this instance.
pub(crate) struct Limits {
    pub(crate) proxies: Proxies,
    peer: Buckets,
    business: Buckets,
    request: Buckets,
    forged: Buckets,
    junk: Buckets,
}

impl Limits {
    pub(crate) fn new(rates: Rates, proxies: Proxies) -> Self {
        Self {
            proxies,
            peer: Buckets::new(rates.peer),
            business: Buckets::new(rates.business),
            request: Buckets::new(rates.request),
            forged: Buckets::new(rates.forged),
            junk: Buckets::new(rates.junk),
        }
    }

    /// Charges a peer for a request.
    ///
    /// # Errors
    /// How long he has to wait.
    pub(crate) fn peer(&self, Caller(caller): Caller) -> Result<(), Wait> {
        caller.map_or(Ok(()), |peer| self.peer.charge(&peer))
    }

    /// Charges a request where one is named, and then its business system: its sign held.
    /// Who has one signed address, as every payer has, spends no more of the business
    /// system's than that request may.
    ///
    /// # Errors
    /// How long they have to wait.
    pub(crate) fn signed(&self, business: &str, request: Option<&str>) -> Result<(), Wait> {
        request.map_or(Ok(()), |key| self.request.charge(&(business, key)))?;
        self.business.charge(&business)
    }

    /// Charges a peer for a notify that did not verify.
    pub(crate) fn forged(&self, Caller(caller): Caller) {
        if let Some(peer) = caller {
            self.forged.blame(&peer);
        }
    }

    /// Whether a notify of this peer is looked at.
    ///
    /// # Errors
    /// How long he has to wait: too many of his did not verify.
    pub(crate) fn may_notify(&self, Caller(caller): Caller) -> Result<(), Wait> {
        caller.map_or(Ok(()), |peer| self.forged.check(&peer))
    }

    /// Charges a peer for a code that WeChat did not know.
    pub(crate) fn junk(&self, Caller(caller): Caller) {
        if let Some(peer) = caller {
            self.junk.blame(&peer);
        }
    }

    /// Whether WeChat is asked about a code of this peer.
    ///
    /// # Errors
    /// How long he has to wait: too many of his were not known.
    pub(crate) fn may_exchange(&self, Caller(caller): Caller) -> Result<(), Wait> {
        caller.map_or(Ok(()), |peer| self.junk.check(&peer))
    }

    /// What the use cases charge by.
    pub(crate) fn toll(self: &Arc<Self>) -> Toll {
        let limits = Arc::clone(self);
        Arc::new(move |business, request| limits.signed(business, request).map_err(Wait::seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_signed_address_does_not_spend_what_its_business_system_has() {
        let none = Rate {
            per_second: 0,
            burst: 1,
        };
        let slow = |burst| Rate {
            per_second: 1,
            burst,
        };
        let rates = Rates {
            peer: none,
            business: slow(100),
            request: slow(10),
            forged: none,
            junk: none,
        };
        let limits = Limits::new(rates, Proxies::new(&[]));
        let passed = (0..1000).filter(|_| limits.signed("shop", Some("k")).is_ok());
        assert!((10..=11).contains(&passed.count()));
        let others = (0..80).all(|key| limits.signed("shop", Some(&key.to_string())).is_ok());
        assert!(others);
    }
}
