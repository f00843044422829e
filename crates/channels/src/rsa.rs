//! RSA keys of 2048 bits and more: signing and verifying with SHA-256.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{PrivateKeyDer, SubjectPublicKeyInfoDer};
use x509_parser::prelude::{FromDer, SubjectPublicKeyInfo, X509Certificate};

/// A key is not of its form; it says nothing of the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not an RSA private key.
    #[error("the private key is not an RSA key of at least 2048 bits, in PEM or Base64")]
    Private,
    /// Not a public key.
    #[error("the public key is not an RSA key, in PEM or Base64")]
    Public,
    /// Not a certificate.
    #[error("a certificate can't be read")]
    Certificate,
}

/// A private key.
pub struct SigningKey(RsaKeyPair);

impl SigningKey {
    /// Reads PEM or bare Base64, PKCS#8 or PKCS#1.
    ///
    /// # Errors
    /// [`KeyError::Private`].
    pub fn from_text(text: &[u8]) -> Result<Self, KeyError> {
        if let Ok(key) = PrivateKeyDer::from_pem_slice(text) {
            return Self::from_der(key.secret_der());
        }
        Self::from_der(&bare(text).ok_or(KeyError::Private)?)
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
        let random = SystemRandom::new();
        self.0
            .sign(&RSA_PKCS1_SHA256, &random, text, &mut signature)
            .map_err(|_| KeyError::Private)?;
        Ok(STANDARD.encode(signature))
    }
}

impl SigningKey {
    /// Its public half.
    #[must_use]
    pub fn public(&self) -> VerifyingKey {
        VerifyingKey(self.0.public_key().as_ref().to_vec())
    }
}

/// A public key.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifyingKey(Vec<u8>);

impl VerifyingKey {
    /// Reads a SubjectPublicKeyInfo, PEM or bare Base64.
    ///
    /// # Errors
    /// [`KeyError::Public`].
    pub fn from_text(text: &[u8]) -> Result<Self, KeyError> {
        let der = match SubjectPublicKeyInfoDer::from_pem_slice(text) {
            Ok(der) => der.to_vec(),
            Err(_) => bare(text).ok_or(KeyError::Public)?,
        };
        let (_, key) = SubjectPublicKeyInfo::from_der(&der).map_err(|_| KeyError::Public)?;
        Ok(Self(key.subject_public_key.data.to_vec()))
    }

    /// The key of a certificate that was read.
    #[must_use]
    pub fn of_certificate(certificate: &X509Certificate<'_>) -> Self {
        Self(certificate.public_key().subject_public_key.data.to_vec())
    }

    /// Whether `signature`, in Base64, is this key's over `text`.
    #[must_use]
    pub fn verifies(&self, text: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else {
            return false;
        };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0)
            .verify(text, &signature)
            .is_ok()
    }
}

/// Base64 without the lines of PEM.
fn bare(text: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    STANDARD.decode(text).ok()
}
