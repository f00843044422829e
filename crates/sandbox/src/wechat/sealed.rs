//! AES-256-GCM under the APIv3 key (docs/reference/wechat.md, Encrypted resources).

use crate::random::random_text;
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The sealed object of a notify or certificate.
pub(crate) fn seal(key: &str, original_type: &str, content: &str) -> Option<Value> {
    let nonce = random_text(12);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key.as_bytes()).ok()?);
    let unique = Nonce::try_assume_unique_for_key(nonce.as_bytes()).ok()?;
    let mut text = content.as_bytes().to_vec();
    key.seal_in_place_append_tag(unique, Aad::from(original_type.as_bytes()), &mut text)
        .ok()?;
    Some(json!({
        "original_type": original_type,
        "algorithm": "AEAD_AES_256_GCM",
        "ciphertext": STANDARD.encode(text),
        "associated_data": original_type,
        "nonce": nonce,
    }))
}
