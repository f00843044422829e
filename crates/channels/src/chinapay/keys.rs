//! ChinaPay's key files and its signature: RSA of 1024 bits over SHA-1, in hex
//! (docs/reference/chinapay.md, Signatures and keys). Both are weak; it is the channel's
//! rule, and nothing else here uses them.

use aws_lc_rs::signature::{RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockDecryptMut, KeyIvInit};
use rsa::pkcs1v15;
use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner, SignatureEncoding};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey};
use sha1_of_rsa::Sha1;

/// Bytes before the structure of a private and of a public key.
const PRIVATE_HEADER: usize = 40;
const PUBLIC_HEADER: usize = 24;
const MODULUS: usize = 128;
const PRIME: usize = 64;
/// The primes are wrapped with this, each on its own.
const DES_KEY: &[u8; 8] = b"SCUBEPGW";

/// A key file is not of its form; it says nothing of the key itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFileError {
    /// No line of this name, or not in hex, or too short.
    #[error("the key file has no {0} of the documented form")]
    Field(&'static str),
    /// The primes do not make the modulus.
    #[error("the private key's primes do not fit its modulus")]
    Contradiction,
}

/// A merchant's or ChinaPay's private key.
pub struct PrivateKey {
    key: pkcs1v15::SigningKey<Sha1>,
    /// `MERID`, where the file has it.
    pub merchant: Option<String>,
}

impl PrivateKey {
    /// Reads the text of `MerPrK_….key`.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn from_text(text: &str) -> Result<Self, KeyFileError> {
        let bytes = field(text, "prikeyS")?;
        let part = |at: usize, length: usize| {
            let part = bytes.get(PRIVATE_HEADER + at..PRIVATE_HEADER + at + length);
            part.ok_or(KeyFileError::Field("prikeyS"))
        };
        let modulus = BigUint::from_bytes_be(part(0, MODULUS)?);
        let exponent = BigUint::from_bytes_be(part(MODULUS, MODULUS)?);
        let [p, q] = [3 * MODULUS, 3 * MODULUS + PRIME].map(|at| unwrapped(part(at, PRIME)?));
        // The private exponent is not read: the primes and the public one make it.
        let key = RsaPrivateKey::from_p_q(p?, q?, exponent);
        let key = key.map_err(|_| KeyFileError::Contradiction)?;
        if *key.n() != modulus {
            return Err(KeyFileError::Contradiction);
        }
        Ok(Self {
            key: pkcs1v15::SigningKey::new(key),
            merchant: line(text, "MERID").map(str::to_owned),
        })
    }

    /// `ChkValue`: 256 upper-case hex digits. The signing is blinded.
    #[must_use]
    pub fn sign(&self, text: &str) -> String {
        let signature = self.key.sign_with_rng(&mut OsRng, text.as_bytes());
        hex::encode_upper(signature.to_bytes())
    }
}

/// ChinaPay's public key.
pub struct PublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl PublicKey {
    /// Reads the text of `PgPubk.key`.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn from_text(text: &str) -> Result<Self, KeyFileError> {
        let bytes = field(text, "pubkeyS")?;
        let structure = bytes.get(PUBLIC_HEADER..PUBLIC_HEADER + 2 * MODULUS);
        let structure = structure.ok_or(KeyFileError::Field("pubkeyS"))?;
        let (modulus, exponent) = structure.split_at(MODULUS);
        Ok(Self::from_parts(modulus, exponent))
    }

    /// A key of a modulus and an exponent, big-endian.
    #[must_use]
    pub fn from_parts(modulus: &[u8], exponent: &[u8]) -> Self {
        let bare = |bytes: &[u8]| bytes.iter().copied().skip_while(|b| *b == 0).collect();
        Self {
            modulus: bare(modulus),
            exponent: bare(exponent),
        }
    }

    /// Whether `signature`, hex in either case, is this key's signature of `text`.
    #[must_use]
    pub fn verifies(&self, text: &str, signature: &str) -> bool {
        let Ok(signature) = hex::decode(signature) else {
            return false;
        };
        let key = RsaPublicKeyComponents {
            n: &self.modulus[..],
            e: &self.exponent[..],
        };
        let rule = &RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY;
        key.verify(rule, text.as_bytes(), &signature).is_ok()
    }
}

fn unwrapped(wrapped: &[u8]) -> Result<BigUint, KeyFileError> {
    let des = cbc::Decryptor::<des::Des>::new(DES_KEY.into(), &[0; 8].into());
    let plain = des.decrypt_padded_vec_mut::<NoPadding>(wrapped);
    let plain = plain.map_err(|_| KeyFileError::Field("prikeyS"))?;
    Ok(BigUint::from_bytes_be(&plain))
}

fn line<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim())
}

fn field(text: &str, name: &'static str) -> Result<Vec<u8>, KeyFileError> {
    let digits = line(text, name).unwrap_or_default();
    hex::decode(digits).map_err(|_| KeyFileError::Field(name))
}
