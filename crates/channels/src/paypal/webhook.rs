//! Whether a webhook is PayPal's own: local verification over the raw bytes
//! (channels document, section 5.7).

use crate::config::{ConfigError, Setup};
use crate::rsa::VerifyingKey;
use crate::{Clock, http};
use payment::ports::{ChannelError, RawNotify};
use reqwest::{Client, Url};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;
use tokio::sync::Mutex;
use webpki::{EndEntityCert, KeyUsage};
use x509_parser::prelude::{FromDer, X509Certificate};

/// The longest certificate file.
const CERTIFICATE_BYTES_MAX: usize = 64 << 10;
/// Certificates that are remembered.
const CERTIFICATES_MAX: usize = 16;

/// What is signed: four values, the last the CRC-32 of the raw body.
#[must_use]
pub fn signed_text(id: &str, time: &str, webhook_id: &str, body: &[u8]) -> String {
    format!("{id}|{time}|{webhook_id}|{}", crc32fast::hash(body))
}

/// What proves a webhook of one account.
pub(super) struct Webhook {
    webhook_id: String,
    /// Beginnings of addresses that certificates may come from; none: PayPal's hosts.
    addresses: Vec<String>,
    anchors: Vec<TrustAnchor<'static>>,
    client: Client,
    clock: Clock,
    /// Held while one is fetched: one flight.
    certificates: Mutex<HashMap<String, Certificate>>,
}

/// A certificate that its chain proved.
#[derive(Clone)]
struct Certificate {
    key: VerifyingKey,
    not_after_s: i64,
}

impl Webhook {
    /// `ca`: a PEM file of the roots that certificates must lead to; without it
    /// the roots of the public web.
    pub(super) fn open(
        webhook_id: String,
        addresses: Vec<String>,
        ca: Option<&Path>,
        setup: &Setup<'_>,
    ) -> Result<Self, ConfigError> {
        if addresses.iter().any(|address| !address.ends_with('/')) {
            return Err(setup.invalid("certificate_urls are beginnings that end with a slash"));
        }
        let no_root = || setup.invalid("certificate_ca holds no certificate in PEM");
        let roots: Vec<CertificateDer<'static>> = match ca {
            Some(path) => CertificateDer::pem_slice_iter(&setup.read(path)?)
                .collect::<Result<_, _>>()
                .map_err(|_| no_root())?,
            None => webpki_root_certs::TLS_SERVER_ROOT_CERTS.to_vec(),
        };
        let anchor = |root| webpki::anchor_from_trusted_cert(root).map(|a| a.to_owned());
        let anchors: Vec<_> = roots.iter().flat_map(anchor).collect();
        if anchors.is_empty() {
            return Err(no_root());
        }
        Ok(Self {
            webhook_id,
            addresses,
            anchors,
            client: setup.client.clone(),
            clock: Clock::clone(&setup.clock),
            certificates: Mutex::default(),
        })
    }

    /// Refuses what PayPal did not send to this webhook of ours. Repeats keep
    /// their first time for days: an old one is genuine all the same.
    pub(super) async fn verify(&self, notify: &RawNotify) -> Result<(), ChannelError> {
        let unknown = |why: &str| ChannelError::Unknown(why.to_owned());
        let header = |name: &str| {
            let mut values = notify.headers.iter().filter(|(key, _)| key == name);
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Ok(value.as_str()),
                _ => Err(ChannelError::Unknown(format!("not one {name}"))),
            }
        };
        if header("paypal-auth-algo")? != "SHA256withRSA" {
            return Err(unknown("paypal-auth-algo is not SHA256withRSA"));
        }
        let text = signed_text(
            header("paypal-transmission-id")?,
            header("paypal-transmission-time")?,
            &self.webhook_id,
            &notify.body,
        );
        let signature = header("paypal-transmission-sig")?;
        let key = self.key(header("paypal-cert-url")?).await?;
        if !key.verifies(text.as_bytes(), signature) {
            return Err(unknown("the signature does not verify"));
        }
        Ok(())
    }

    async fn key(&self, address: &str) -> Result<VerifyingKey, ChannelError> {
        if !self.allows(address) {
            return Err(ChannelError::Unknown(
                "paypal-cert-url is not PayPal's".to_owned(),
            ));
        }
        let mut kept = self.certificates.lock().await;
        let now_s = (self.clock)() / 1000;
        if let Some(certificate) = kept.get(address).filter(|c| now_s <= c.not_after_s) {
            return Ok(certificate.key.clone());
        }
        let pem = self.fetch(address).await?;
        let certificate = proved(&pem, &self.anchors, now_s)
            .map_err(|why| ChannelError::Unknown(format!("the certificate: {why}")))?;
        if kept.len() >= CERTIFICATES_MAX {
            kept.clear();
        }
        kept.insert(address.to_owned(), certificate.clone());
        Ok(certificate.key)
    }

    /// The address comes from the sender.
    fn allows(&self, address: &str) -> bool {
        if !self.addresses.is_empty() {
            let plain = !address.contains("..") && !address.contains('\\');
            return plain && self.addresses.iter().any(|from| address.starts_with(from));
        }
        Url::parse(address).is_ok_and(|url| {
            let host = url.host_str().unwrap_or_default();
            url.scheme() == "https"
                && (host == "paypal.com" || host.ends_with(".paypal.com"))
                && url.port().is_none()
                && url.username().is_empty()
                && url.password().is_none()
        })
    }

    async fn fetch(&self, address: &str) -> Result<Vec<u8>, ChannelError> {
        let unknown = |error: reqwest::Error| ChannelError::Unknown(http::cause(&error));
        let answer = self.client.get(address).send().await.map_err(unknown)?;
        let status = answer.status();
        let body = http::read_body(answer).await.map_err(unknown)?;
        let body = body.filter(|body| status.is_success() && body.len() <= CERTIFICATE_BYTES_MAX);
        let none = || ChannelError::Unknown(format!("no certificate: HTTP {status}"));
        Ok(body.ok_or_else(none)?.to_vec())
    }
}

/// A certificate for PayPal, valid now, that leads to a root.
fn proved(pem: &[u8], anchors: &[TrustAnchor<'_>], now_s: i64) -> Result<Certificate, String> {
    let chain: Vec<CertificateDer<'_>> = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| "no PEM")?;
    let (leaf, intermediates) = chain.split_first().ok_or("none")?;
    let end = EndEntityCert::try_from(leaf).map_err(|error| error.to_string())?;
    let since = Duration::from_secs(u64::try_from(now_s).map_err(|_| "before 1970")?);
    end.verify_for_usage(
        webpki::ALL_VERIFICATION_ALGS,
        anchors,
        intermediates,
        UnixTime::since_unix_epoch(since),
        KeyUsage::server_auth(),
        None,
        None,
    )
    .map_err(|error| error.to_string())?;
    let (_, read) = X509Certificate::from_der(leaf).map_err(|_| "unreadable")?;
    let mut names = read.subject().iter_common_name();
    let name = names.next().and_then(|name| name.as_str().ok());
    if !name.is_some_and(|name| name == "paypal.com" || name.ends_with(".paypal.com")) {
        return Err("for another than PayPal".to_owned());
    }
    Ok(Certificate {
        key: VerifyingKey::of_certificate(&read),
        not_after_s: read.validity().not_after.timestamp(),
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
}
