//! ChinaPay's key files, written from docs/reference/chinapay.md,
//! Signatures and keys.

use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockEncryptMut, KeyIvInit};
use rsa::rand_core::OsRng;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, RsaPrivateKey};

/// A key of 1024 bits: the text of its private and of its public file.
pub(crate) fn key_files(mer_id: &str) -> [String; 2] {
    let key = RsaPrivateKey::new(&mut OsRng, 1024).expect("a key");
    let public = [key.n(), key.e()].map(|number| hex(number, 128)).concat();
    let primes: String = key.primes()[..2].iter().map(wrapped).collect();
    // The private exponent, and what follows the primes, are not read.
    let private = format!("{}{public}{}{primes}", "00".repeat(40), "00".repeat(128));
    [
        format!("[NetPayClient]\r\nMERID={mer_id}\r\nprikeyS={private}\r\n"),
        format!("[NetPayClient]\r\npubkeyS={}{public}\r\n", "00".repeat(24)),
    ]
}

/// A prime under DES.
fn wrapped(prime: &BigUint) -> String {
    let des = cbc::Encryptor::<des::Des>::new(b"SCUBEPGW".into(), &[0; 8].into());
    let bytes = des.encrypt_padded_vec_mut::<NoPadding>(&filled(prime, 64));
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

fn hex(number: &BigUint, length: usize) -> String {
    let bytes = filled(number, length);
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Big-endian, filled up to `length` bytes from the left.
fn filled(number: &BigUint, length: usize) -> Vec<u8> {
    let bytes = number.to_bytes_be();
    let mut filled = vec![0; length - bytes.len()];
    filled.extend(bytes);
    filled
}
