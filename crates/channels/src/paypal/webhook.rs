//! Whether a webhook is PayPal's own: local verification over the raw bytes
//! (docs/reference/paypal.md, Webhooks).

use super::certificates::{Certificates, Found, proved};
use crate::rsa::VerifyingKey;
use crate::setup::{ConfigError, Setup};
use crate::{Clock, http};
use payment::ports::{ChannelError, Doubt, RawNotify, Unknown};
use reqwest::{Client, Url};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, TrustAnchor};
use std::path::Path;
use std::sync::Arc;

/// The longest certificate file.
const CERTIFICATE_BYTES_MAX: usize = 64 << 10;

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
    clock: Clock,
    source: Arc<Source>,
}

/// Where certificates come from.
struct Source {
    anchors: Vec<TrustAnchor<'static>>,
    client: Client,
    certificates: Certificates,
}

impl Webhook {
    /// `ca`: a PEM file of the roots that certificates must lead to; without it
    /// the roots of the public web.
    pub(super) fn open(
        webhook_id: String,
        addresses: Vec<String>,
        ca: Option<&Path>,
        setup: &Setup,
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
            clock: Clock::clone(&setup.clock),
            source: Arc::new(Source {
                anchors,
                client: setup.client.clone(),
                certificates: Certificates::default(),
            }),
        })
    }

    /// Refuses what PayPal did not send to this webhook of ours. Repeats keep
    /// their first time for days: an old one is genuine all the same. Its certificate held
    /// when it came.
    pub(super) async fn verify(&self, notify: &RawNotify) -> Result<(), ChannelError> {
        let unknown = |why: String| ChannelError::unknown(Doubt::Signature, why);
        let header = |name: &str| {
            let mut values = notify.headers.iter().filter(|(key, _)| key == name);
            match (values.next(), values.next()) {
                (Some((_, value)), None) => Ok(value.as_str()),
                _ => Err(unknown(format!("not one {name}"))),
            }
        };
        if header("paypal-auth-algo")? != "SHA256withRSA" {
            return Err(unknown("paypal-auth-algo is not SHA256withRSA".to_owned()));
        }
        let text = signed_text(
            header("paypal-transmission-id")?,
            header("paypal-transmission-time")?,
            &self.webhook_id,
            &notify.body,
        );
        let signature = header("paypal-transmission-sig")?;
        let address = header("paypal-cert-url")?;
        let key = self.key(address, notify.received_ms / 1000).await?;
        if !key.verifies(text.as_bytes(), signature) {
            return Err(unknown("it does not verify".to_owned()));
        }
        self.source.certificates.keep(address);
        Ok(())
    }

    async fn key(&self, address: &str, at_s: i64) -> Result<VerifyingKey, ChannelError> {
        if !self.allows(address) {
            let why = "paypal-cert-url is not PayPal's";
            return Err(ChannelError::unknown(Doubt::Signature, why));
        }
        let now_ms = (self.clock)();
        let none = |why: Unknown| Err(why.within("the certificate").into());
        let mut landed = match self.source.certificates.find(address, at_s, now_ms) {
            Found::Key(key) => return Ok(key),
            Found::Fetch(landed) => {
                let waits = landed.subscribe();
                let (source, address) = (Arc::clone(&self.source), address.to_owned());
                // It goes on when its caller hangs up.
                tokio::spawn(async move {
                    if let Err(error) = source.fetch(&address, at_s).await {
                        tracing::warn!(cause = %error, "a webhook's certificate can't be had");
                    }
                    drop(landed);
                });
                waits
            }
            Found::Awaited(landed) => landed,
            Found::Refused => {
                return none(Unknown::new(Doubt::Unasked, "others were a moment ago"));
            }
        };
        // It ends when its sender is dropped, however the flight ended.
        let _ = landed.changed().await;
        match self.source.certificates.find(address, at_s, now_ms) {
            Found::Key(key) => Ok(key),
            _ => none(Unknown::new(Doubt::Signature, "it was not to be had")),
        }
    }

    /// The address comes from the sender.
    fn allows(&self, address: &str) -> bool {
        if !self.addresses.is_empty() {
            let plain = !address.contains("..") && !address.contains(['\\', '?', '#']);
            return plain && self.addresses.iter().any(|from| address.starts_with(from));
        }
        is_paypals(address)
    }
}

impl Source {
    /// Fetches the certificate of an address, and proves it.
    async fn fetch(&self, address: &str, at_s: i64) -> Result<(), ChannelError> {
        let (status, body) = http::answer(self.client.get(address)).await?;
        if !status.is_success() || body.len() > CERTIFICATE_BYTES_MAX {
            let what = format!("no certificate: HTTP {status}");
            return Err(ChannelError::unknown(Doubt::Signature, what));
        }
        let proved = proved(&body, &self.anchors, at_s);
        let certificate = proved.map_err(|why| Unknown::by(Doubt::Signature, why))?;
        self.certificates.bring(address, certificate);
        Ok(())
    }
}

/// Whether an address is one of PayPal's own, in its one spelling: another would be another
/// address for the same certificate.
fn is_paypals(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| {
        let host = url.host_str().unwrap_or_default();
        url.as_str() == address
            && url.scheme() == "https"
            && (host == "paypal.com" || host.ends_with(".paypal.com"))
            && url.port().is_none()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_has_one_address() {
        let genuine = "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594";
        assert!(is_paypals(genuine));
        for (part, other) in [
            ("https://", "http://"),
            ("https://", "HTTPS://"),
            ("https://", "https://a@"),
            ("api.paypal.com", "aPi.paypal.com"),
            ("api.paypal.com", "api.paypal.com:443"),
            ("api.paypal.com", "api.paypal.com.evil.cn"),
            ("/certs/", "/certs/../certs/"),
            ("/certs/", "/./certs/"),
            ("a594", "a594?x=1"),
            ("a594", "a594#x"),
            ("a594", "a594 "),
        ] {
            let spelled = genuine.replace(part, other);
            assert!(!is_paypals(&spelled), "{spelled}");
        }
    }
}
