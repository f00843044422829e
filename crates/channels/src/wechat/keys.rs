//! The keys of the platform, under the serial or id that names them (docs/reference/wechat.md, Keys).

use crate::rsa::{KeyError, VerifyingKey};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Public keys are named by ids that begin so, certificates by their serials.
const PUBLIC_KEY: &str = "PUB_KEY_ID_";
/// A serial has 20 bytes at most.
const SERIAL_DIGITS_MAX: usize = 40;

/// A key of the platform.
#[derive(Clone)]
pub struct PlatformKey {
    /// The certificate's serial in upper-case hex without leading zeros, or the id of
    /// the public key.
    pub serial: String,
    key: VerifyingKey,
    /// When its certificate is valid, seconds since 1970.
    valid_s: Option<(i64, i64)>,
}

impl PlatformKey {
    /// The public key of public-key mode.
    ///
    /// # Errors
    /// [`KeyError::Public`].
    pub fn from_public_pem(id: &str, pem: &[u8]) -> Result<Self, KeyError> {
        Ok(Self {
            serial: id.to_owned(),
            key: VerifyingKey::from_text(pem)?,
            valid_s: None,
        })
    }

    /// The key of a platform certificate.
    ///
    /// # Errors
    /// [`KeyError::Certificate`].
    pub fn from_certificate_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let der = CertificateDer::from_pem_slice(pem).map_err(|_| KeyError::Certificate)?;
        let (_, certificate) =
            X509Certificate::from_der(&der).map_err(|_| KeyError::Certificate)?;
        let validity = certificate.validity();
        Ok(Self {
            serial: format!("{:X}", certificate.serial),
            key: VerifyingKey::of_certificate(&certificate),
            valid_s: Some((
                validity.not_before.timestamp(),
                validity.not_after.timestamp(),
            )),
        })
    }

    /// Whether `signature`, in Base64, is this key's over `text`.
    #[must_use]
    pub fn verifies(&self, text: &[u8], signature: &str) -> bool {
        self.key.verifies(text, signature)
    }

    /// Whether a `Wechatpay-Serial` names this key: an id as it stands, a serial as a
    /// number, whose leading zeros and case do not count.
    #[must_use]
    pub fn is_named(&self, serial: &str) -> bool {
        match self.valid_s {
            None => self.serial == serial,
            Some(_) => is_serial(serial) && number(&self.serial) == number(serial),
        }
    }

    /// Whether it may verify something at this time, ms since 1970.
    #[must_use]
    pub fn is_valid_at(&self, at_ms: i64) -> bool {
        let within = |(from, until)| (from..=until).contains(&at_ms.div_euclid(1000));
        self.valid_s.is_none_or(within)
    }
}

/// Whether a name can be a certificate's serial.
pub(super) fn is_serial(name: &str) -> bool {
    let hex = name.bytes().all(|byte| byte.is_ascii_hexdigit());
    hex && !name.is_empty() && name.trim_start_matches('0').len() <= SERIAL_DIGITS_MAX
}

/// Whether a name can be a public key's id.
pub(super) fn is_id(name: &str) -> bool {
    name.starts_with(PUBLIC_KEY)
}

/// A number's hex in one writing.
fn number(serial: &str) -> String {
    serial.trim_start_matches('0').to_ascii_uppercase()
}
