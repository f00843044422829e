//! RSA keys and random texts, made once and kept.

use crate::random::random_text;
use anyhow::{Context, Result};
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair, UnparsedPublicKey,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// A key that signs and verifies.
pub(crate) struct Key(RsaKeyPair);

impl Key {
    pub(crate) fn sign(&self, text: &[u8]) -> String {
        let mut signature = vec![0; self.0.public_modulus_len()];
        let signed = self.0.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            text,
            &mut signature,
        );
        signed
            .map(|()| STANDARD.encode(signature))
            .unwrap_or_default()
    }

    pub(crate) fn verifies(&self, text: &[u8], signature: &str) -> bool {
        let Ok(signature) = STANDARD.decode(signature) else {
            return false;
        };
        let public = self.0.public_key().as_ref();
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public)
            .verify(text, &signature)
            .is_ok()
    }
}

/// Writes a file that its owner alone can read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> Result<()> {
    let mut open = fs::OpenOptions::new();
    let mut file = open
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    // One of an older sandbox could be read by others.
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file.write_all(content)?)
}

/// What is kept in a file, made at the first time.
pub(crate) fn kept<T: Serialize + DeserializeOwned>(
    data: &Path,
    name: &str,
    make: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let path = data.join(name);
    if !path.exists() {
        fs::create_dir_all(path.parent().unwrap_or(data))?;
        let made = make().with_context(|| format!("making {name}"))?;
        write_private(&path, &serde_json::to_vec_pretty(&made)?)?;
    }
    serde_json::from_slice(&fs::read(&path)?).with_context(|| format!("reading {name}"))
}

/// A fresh RSA key: its public and its private part, PEM.
pub(crate) fn make_pair() -> Result<(String, String)> {
    let key = KeyPair::generate(KeySize::Rsa2048).context("no RSA key")?;
    let private: Pkcs8V1Der<'_> = key.as_der().context("no PKCS#8")?;
    let public = aws_lc_rs::signature::KeyPair::public_key(&key);
    let public = AsDer::<PublicKeyX509Der<'_>>::as_der(public).context("no public key")?;
    Ok((
        pem("PUBLIC KEY", public.as_ref()),
        pem("PRIVATE KEY", private.as_ref()),
    ))
}

/// Reads a PKCS#8 PEM.
pub(crate) fn read_key(pem: &str) -> Result<Key> {
    let text: String = pem
        .lines()
        .filter(|line| !line.starts_with("-----"))
        .collect();
    let der = STANDARD.decode(text)?;
    let key = RsaKeyPair::from_pkcs8(&der).context("not an RSA key")?;
    Ok(Key(key))
}

/// DER as PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}

/// Random digits.
pub(crate) fn digits(count: usize) -> String {
    random_text(count)
        .bytes()
        .map(|byte| char::from(b'0' + byte % 10))
        .collect()
}

/// Random upper-case letters and digits.
pub(crate) fn upper(count: usize) -> String {
    random_text(count).to_uppercase()
}

/// Random hex digits.
pub(crate) fn hex(count: usize) -> String {
    random_text(count)
        .bytes()
        .map(|byte| char::from(b"0123456789abcdef"[usize::from(byte % 16)]))
        .collect()
}
