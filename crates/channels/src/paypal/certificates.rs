//! The certificates that webhooks name, by their address: each is proved once, and
//! strangers who make addresses up cause two hundred requests a minute at most (docs/accounts.md,
//! PayPal).

use crate::flight::{Flight, Turn};
use crate::rsa::VerifyingKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Certificates that are remembered.
const CERTIFICATES_MAX: usize = 16;
/// Addresses that are fetched in a minute, each once: more than one stranger can make up
/// before he is refused (`forged_per_second`), so that he keeps no genuine one out.
const FLIGHTS_MAX: usize = 200;

/// What is known of the certificates, by their address.
#[derive(Default)]
pub(super) struct Certificates {
    /// Those that signed a webhook of ours.
    proved: Mutex<HashMap<String, Certificate>>,
    flights: Mutex<HashMap<String, Fetched>>,
}

/// The last flight to an address, and what it brought: that stays as long as the flight is
/// young, since strangers may name what is PayPal's too.
#[derive(Default)]
struct Fetched {
    flight: Flight,
    brought: Option<Certificate>,
}

/// A certificate that its chain proved.
#[derive(Clone)]
pub(super) struct Certificate {
    pub(super) key: VerifyingKey,
    /// When it holds.
    valid_s: RangeInclusive<i64>,
}

/// How the certificate of an address is to be had.
pub(super) enum Found {
    /// It is known.
    Key(VerifyingKey),
    /// It is to be fetched; who does drops this when he has.
    Fetch(watch::Sender<()>),
    /// Another fetches it, or just did.
    Awaited(watch::Receiver<()>),
    /// Too many other addresses were fetched a moment ago: not now.
    Refused,
}

impl Certificates {
    /// One that held at that time.
    pub(super) fn find(&self, address: &str, at_s: i64, now_ms: i64) -> Found {
        let is_valid = |one: &&Certificate| one.valid_s.contains(&at_s);
        if let Some(certificate) = self.proved().get(address).filter(is_valid) {
            return Found::Key(certificate.key.clone());
        }
        let mut flights = self.flights();
        flights.retain(|_, fetched| fetched.flight.is_young(now_ms));
        if flights.len() >= FLIGHTS_MAX && !flights.contains_key(address) {
            return Found::Refused;
        }
        let fetched = flights.entry(address.to_owned()).or_default();
        if let Some(certificate) = fetched.brought.as_ref().filter(is_valid) {
            return Found::Key(certificate.key.clone());
        }
        match fetched.flight.turn(now_ms) {
            Turn::Begin(landed) => Found::Fetch(landed),
            Turn::Last(landed) => Found::Awaited(landed),
        }
    }

    /// What a flight to an address brought.
    pub(super) fn bring(&self, address: &str, certificate: Certificate) {
        if let Some(fetched) = self.flights().get_mut(address) {
            fetched.brought = Some(certificate);
        }
    }

    /// A webhook of ours was signed by it: only PayPal can do that, so that no stranger
    /// takes another's place here.
    pub(super) fn keep(&self, address: &str) {
        let Some(certificate) = self
            .flights()
            .get(address)
            .and_then(|one| one.brought.clone())
        else {
            return;
        };
        let mut proved = self.proved();
        if proved.len() >= CERTIFICATES_MAX {
            proved.clear();
        }
        proved.insert(address.to_owned(), certificate);
    }

    fn flights(&self) -> MutexGuard<'_, HashMap<String, Fetched>> {
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn proved(&self) -> MutexGuard<'_, HashMap<String, Certificate>> {
        self.proved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a certificate proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unproved {
    #[error("no certificate in PEM")]
    Unreadable,
    #[error(transparent)]
    Chain(#[from] webpki::Error),
    #[error("for another than PayPal")]
    Name,
}

/// A certificate for PayPal, valid at that time, that leads to a root.
pub(super) fn proved(
    pem: &[u8],
    anchors: &[TrustAnchor<'_>],
    at_s: i64,
) -> Result<Certificate, Unproved> {
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| Unproved::Unreadable)?;
    let (leaf, intermediates) = chain.split_first().ok_or(Unproved::Unreadable)?;
    let end = EndEntityCert::try_from(leaf)?;
    let since = Duration::from_secs(at_s.max(0).unsigned_abs());
    end.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        intermediates,
        UnixTime::since_unix_epoch(since),
        KeyUsage::server_auth(),
        None,
        None,
    )?;
    let (_, read) = X509Certificate::from_der(leaf).map_err(|_| Unproved::Unreadable)?;
    let mut names = read.subject().iter_common_name();
    let name = names.next().and_then(|name| name.as_str().ok());
    if !name.is_some_and(|name| name == "paypal.com" || name.ends_with(".paypal.com")) {
        return Err(Unproved::Name);
    }
    Ok(Certificate {
        key: VerifyingKey::of_certificate(&read),
        valid_s: read.validity().not_before.timestamp()..=read.validity().not_after.timestamp(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
    };

    fn root() -> (String, Issuer<'static, KeyPair>) {
        let key = KeyPair::generate().unwrap();
        let mut root = CertificateParams::new(Vec::new()).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = root.self_signed(&key).unwrap().pem();
        (pem, Issuer::new(root, key))
    }

    fn leaf(name: &str, issuer: &Issuer<'_, KeyPair>) -> String {
        let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.not_before = date_time_ymd(2026, 1, 1);
        leaf.not_after = date_time_ymd(2027, 1, 1);
        let key = KeyPair::generate().unwrap();
        leaf.signed_by(&key, issuer).unwrap().pem()
    }

    #[test]
    fn only_paypals_valid_certificate_of_a_known_root_counts() {
        let ((pem, issuer), (_, stranger)) = (root(), root());
        let root = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
        let anchors = [webpki::anchor_from_trusted_cert(&root).unwrap()];
        let now_s = 1_790_000_000;
        let name = "messageverificationcerts.paypal.com";
        let good = leaf(name, &issuer);
        let judged = |pem: &str, at_s| proved(pem.as_bytes(), &anchors, at_s).map(|_| ());
        assert_eq!(judged(&good, now_s), Ok(()));
        for (what, pem, at_s) in [
            ("another root", leaf(name, &stranger), now_s),
            ("another name", leaf("paypal.com.evil.cn", &issuer), now_s),
            (
                "a name that ends alike",
                leaf("evilpaypal.com", &issuer),
                now_s,
            ),
            ("expired", good.clone(), now_s + 31_536_000),
            ("not yet valid", good.clone(), now_s - 31_536_000),
            ("nothing", String::new(), now_s),
        ] {
            assert!(judged(&pem, at_s).is_err(), "{what}");
        }
    }

    #[test]
    fn made_up_addresses_cause_so_many_requests_a_minute_and_hold_nobody_up() {
        let (_, issuer) = root();
        let pem = leaf("messageverificationcerts.paypal.com", &issuer);
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).unwrap();
        let (_, read) = X509Certificate::from_der(&pem.contents).unwrap();
        let certificate = Certificate {
            key: VerifyingKey::of_certificate(&read),
            valid_s: 0..=i64::MAX,
        };
        let known = Certificates::default();
        let Found::Fetch(_) = known.find("good", 0, -60_000) else {
            panic!("not fetched")
        };
        known.bring("good", certificate.clone());
        known.keep("good");
        let Found::Fetch(landed) = known.find("x", 0, 0) else {
            panic!("not fetched")
        };
        // While it is under way, and after it came to nothing.
        for _ in 0..2 {
            assert!(matches!(known.find("good", 0, 1), Found::Key(_)));
            assert!(matches!(known.find("x", 0, 1), Found::Awaited(_)));
        }
        for made_up in 2..FLIGHTS_MAX {
            assert!(matches!(
                known.find(&made_up.to_string(), 0, 2),
                Found::Fetch(_)
            ));
        }
        // A genuine one has its turn, and is fetched once.
        let Found::Fetch(_) = known.find("y", 0, 3) else {
            panic!("not fetched")
        };
        assert!(matches!(known.find("y", 0, 59_999), Found::Awaited(_)));
        assert!(matches!(known.find("more", 0, 59_999), Found::Refused));
        drop(landed);
        assert!(matches!(known.find("more", 0, 59_999), Found::Refused));
        assert!(matches!(known.find("more", 0, 60_000), Found::Fetch(_)));
        // What many wait for is there for all once it landed.
        let Found::Fetch(landed) = known.find("z", 0, 120_000) else {
            panic!("not fetched")
        };
        let Found::Awaited(waits) = known.find("z", 0, 120_001) else {
            panic!("not awaited")
        };
        known.bring("z", certificate);
        drop(landed);
        assert!(waits.has_changed().is_err(), "it landed");
        assert!(matches!(known.find("z", 0, 120_002), Found::Key(_)));
        // It signed nothing of ours: after its minute it is fetched anew.
        assert!(matches!(known.find("z", 0, 180_001), Found::Fetch(_)));
    }
}
