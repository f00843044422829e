//! Certificate mode: the numbers by which Alipay names certificates
//! (docs/reference/alipay.md, Certificate mode).

use crate::rsa::{KeyError, VerifyingKey};
use md5::{Digest, Md5};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Signature algorithms of RSA begin with this.
const RSA: &str = "1.2.840.113549.1.1.";

/// Names of a DN's parts, by their identifier.
const PARTS: [(&str, &str); 7] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("1.2.840.113549.1.9.1", "E"),
];

/// The number of the first certificate in `pem`.
///
/// # Errors
/// [`KeyError::Certificate`].
pub fn certificate_sn(pem: &[u8]) -> Result<String, KeyError> {
    let der = CertificateDer::from_pem_slice(pem).map_err(|_| KeyError::Certificate)?;
    let (_, certificate) = X509Certificate::from_der(&der).map_err(|_| KeyError::Certificate)?;
    sn(&certificate).ok_or(KeyError::Certificate)
}

/// The numbers of all root certificates that sign by RSA, joined by `_`; others,
/// and those that can't be read, do not count.
///
/// # Errors
/// [`KeyError::Certificate`] where none counts.
pub fn root_sn(pem: &[u8]) -> Result<String, KeyError> {
    let numbers: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .flatten()
        .filter_map(|der| {
            let (_, root) = X509Certificate::from_der(&der).ok()?;
            let algorithm = root.signature_algorithm.algorithm.to_id_string();
            algorithm.starts_with(RSA).then(|| sn(&root))?
        })
        .collect();
    if numbers.is_empty() {
        return Err(KeyError::Certificate);
    }
    Ok(numbers.join("_"))
}

/// MD5 of the issuer's name, from its end, and the serial in decimal.
fn sn(certificate: &X509Certificate<'_>) -> Option<String> {
    let mut parts = Vec::new();
    for part in certificate.issuer().iter_attributes() {
        let id = part.attr_type().to_id_string();
        let (_, name) = PARTS.iter().find(|(known, _)| *known == id)?;
        parts.push(format!("{name}={}", part.as_str().ok()?));
    }
    parts.reverse();
    let text = format!("{}{}", parts.join(","), certificate.serial);
    Some(hex::encode(Md5::digest(text.as_bytes())))
}

/// The keys that Alipay signs with: one, or those of its certificates.
pub(super) enum Keys {
    /// Public-key mode.
    Key(VerifyingKey),
    /// Certificate mode: each with its number; several while Alipay changes them.
    Certificates(Vec<(String, VerifyingKey)>),
}

impl Keys {
    /// The certificates in a PEM file.
    pub(super) fn from_certificates(pem: &[u8]) -> Result<Self, KeyError> {
        let mut keys = Vec::new();
        for der in CertificateDer::pem_slice_iter(pem) {
            let der = der.map_err(|_| KeyError::Certificate)?;
            let (_, read) = X509Certificate::from_der(&der).map_err(|_| KeyError::Certificate)?;
            let number = sn(&read).ok_or(KeyError::Certificate)?;
            keys.push((number, VerifyingKey::of_certificate(&read)));
        }
        if keys.is_empty() {
            return Err(KeyError::Certificate);
        }
        Ok(Self::Certificates(keys))
    }

    /// Whether `key` is taken for Alipay's.
    pub(super) fn holds(&self, key: &VerifyingKey) -> bool {
        match self {
            Self::Key(held) => held == key,
            Self::Certificates(held) => held.iter().any(|(_, held)| held == key),
        }
    }

    /// Why nothing that names this certificate verifies: it is none of those that are kept.
    /// `None` where it is one, or where none is named or kept. Whoever sent it, what it says
    /// is shown to nobody.
    pub(super) fn lacks(&self, named: Option<&str>) -> Option<&'static str> {
        let (Self::Certificates(keys), Some(named)) = (self, named) else {
            return None;
        };
        let is_kept = keys.iter().any(|(number, _)| number == named);
        (!is_kept).then_some(
            "of a certificate that alipay_certificate does not hold: download Alipay's newest one",
        )
    }

    /// Whether `sign` is Alipay's over `text`; `named` is the certificate that the
    /// message names, where it names one.
    pub(super) fn verifies(&self, text: &[u8], sign: &str, named: Option<&str>) -> bool {
        match self {
            Self::Key(key) => key.verifies(text, sign),
            Self::Certificates(keys) => keys
                .iter()
                .filter(|(number, _)| named.is_none_or(|named| named == number))
                .any(|(_, key)| key.verifies(text, sign)),
        }
    }
}
