//! The keys of the platform, under the serial or id that names them (section 1.2).

use crate::rsa::{KeyError, VerifyingKey};

/// A key of the platform.
#[derive(Clone)]
pub struct PlatformKey {
    /// The certificate's serial in upper-case hex, or the id of the public key.
    pub serial: String,
    key: VerifyingKey,
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
        })
    }

    /// The key of a platform certificate.
    ///
    /// # Errors
    /// [`KeyError::Certificate`].
    pub fn from_certificate_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let (key, serial) = VerifyingKey::from_certificate_pem(pem)?;
        Ok(Self { serial, key })
    }

    /// Whether `signature`, in Base64, is this key's over `text`.
    #[must_use]
    pub fn verifies(&self, text: &[u8], signature: &str) -> bool {
        self.key.verifies(text, signature)
    }

    /// Whether a `Wechatpay-Serial` names this key; hex is compared without case.
    #[must_use]
    pub fn is_named(&self, serial: &str) -> bool {
        self.serial.eq_ignore_ascii_case(serial)
    }
}
