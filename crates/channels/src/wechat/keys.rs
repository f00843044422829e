//! The merchant's signing key, and the platform's verifying keys (section 1.2).

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, SubjectPublicKeyInfoDer};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};

/// A key is not of its form; it says nothing of the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not a PEM file with an RSA private key.
    #[error("private_key is not a PEM file with an RSA key of at least 2048 bits")]
    Private,
    /// Not a PEM file with a public key.
    #[error("public_key is not a PEM file with a public key")]
    Public,
    /// Not a certificate.
    #[error("a platform certificate can't be read")]
    Certificate,
    /// Not 32 characters.
    #[error("api_v3_key must have exactly 32 ASCII characters")]
    ApiV3,
}

/// The merchant's private key.
pub struct MerchantKey(RsaKeyPair);

impl MerchantKey {
    /// Reads a PEM file, PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// [`KeyError::Private`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyError> {
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|_| KeyError::Private)?;
        Self::from_der(key.secret_der())
    }

    /// Reads DER, PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// [`KeyError::Private`].
    pub fn from_der(der: &[u8]) -> Result<Self, KeyError> {
        let key = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
        key.map(Self).map_err(|_| KeyError::Private)
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256, in Base64.
    ///
    /// # Errors
    /// [`KeyError::Private`] when the system gives no random numbers.
    pub fn sign(&self, text: &[u8]) -> Result<String, KeyError> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                text,
                &mut signature,
            )
            .map_err(|_| KeyError::Private)?;
        Ok(STANDARD.encode(signature))
    }
}

/// A key of the platform, under the serial or id that names it.
#[derive(Clone)]
pub struct PlatformKey {
    /// The certificate's serial in upper-case hex, or the id of the public key.
    pub serial: String,
    rsa_public_key: Vec<u8>,
}

impl PlatformKey {
    /// The public key of public-key mode.
    ///
    /// # Errors
    /// [`KeyError::Public`].
    pub fn from_public_pem(id: &str, pem: &[u8]) -> Result<Self, KeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| KeyError::Public)?;
        let (_, key) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| KeyError::Public)?;
        let rsa_public_key = key.subject_public_key.data.to_vec();
        Ok(Self {
            serial: id.to_owned(),
            rsa_public_key,
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
        Ok(Self {
            serial: format!("{:X}", certificate.serial),
            rsa_public_key: certificate.public_key().subject_public_key.data.to_vec(),
        })
    }

    /// Whether `signature`, in Base64, is this key's over `text`.
    #[must_use]
    pub fn verifies(&self, text: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else {
            return false;
        };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.rsa_public_key)
            .verify(text, &signature)
            .is_ok()
    }

    /// Whether a `Wechatpay-Serial` names this key; hex is compared without case.
    #[must_use]
    pub fn is_named(&self, serial: &str) -> bool {
        self.serial.eq_ignore_ascii_case(serial)
    }
}
