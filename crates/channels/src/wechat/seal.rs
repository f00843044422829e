//! AES-256-GCM under the APIv3 key (docs/reference/wechat.md, Encrypted resources).

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, Algorithm, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// A sealed text does not open; it says nothing of the key or content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sealed text does not open")]
pub struct SealError;

/// Opens a sealed text with a true APIv3 key of 32 bytes.
///
/// # Errors
/// [`SealError`] when key, nonce, associated data or text do not fit.
pub fn open(
    key: &[u8; 32],
    nonce: &str,
    aad: &str,
    ciphertext: &str,
) -> Result<Vec<u8>, SealError> {
    open_with(&AES_256_GCM, key, nonce, aad, ciphertext)
}

/// As [`open`], for published vectors whose keys have 16 bytes.
///
/// # Errors
/// [`SealError`], also for a key that has neither 16 nor 32 bytes.
#[doc(hidden)]
pub fn open_any_length(
    key: &[u8],
    nonce: &str,
    aad: &str,
    ciphertext: &str,
) -> Result<Vec<u8>, SealError> {
    let algorithm = if key.len() == 16 {
        &AES_128_GCM
    } else {
        &AES_256_GCM
    };
    open_with(algorithm, key, nonce, aad, ciphertext)
}

fn open_with(
    algorithm: &'static Algorithm,
    key: &[u8],
    nonce: &str,
    aad: &str,
    ciphertext: &str,
) -> Result<Vec<u8>, SealError> {
    let key = LessSafeKey::new(UnboundKey::new(algorithm, key).map_err(|_| SealError)?);
    let nonce = Nonce::try_assume_unique_for_key(nonce.as_bytes()).map_err(|_| SealError)?;
    let mut text = STANDARD.decode(ciphertext).map_err(|_| SealError)?;
    let opened = key.open_in_place(nonce, Aad::from(aad.as_bytes()), &mut text);
    let length = opened.map_err(|_| SealError)?.len();
    text.truncate(length);
    Ok(text)
}
