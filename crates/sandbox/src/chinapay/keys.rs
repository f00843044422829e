//! The keys of ChinaPay and of its merchant, as key files
//! (docs/reference/chinapay.md, Signatures and keys).

use crate::keys::{digits, kept, write_private};
use anyhow::{Context, Result};
use cbc::cipher::block_padding::NoPadding;
use cbc::cipher::{BlockEncryptMut, KeyIvInit};
use rsa::rand_core::OsRng;
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey};
use serde::{Deserialize, Serialize};
use sha1_of_rsa::{Digest, Sha1};
use std::fs;
use std::path::Path;

/// The same order is asked about no more often than this, seconds. The true one
/// has 30; a person who develops has not.
pub(super) const QUERY_GAP_S: i64 = 3;
const PGID: &str = "999999999999999";

/// A key of 1024 bits.
pub(crate) struct Key(RsaPrivateKey);

impl Key {
    pub(super) fn sign(&self, text: &str) -> String {
        let scheme = Pkcs1v15Sign::new::<Sha1>();
        let signed = self
            .0
            .sign_with_rng(&mut OsRng, scheme, &Sha1::digest(text));
        padded(&signed.unwrap_or_default(), 128)
    }

    pub(super) fn verifies(&self, text: &str, signature: &str) -> bool {
        let scheme = Pkcs1v15Sign::new::<Sha1>();
        let verified = hex::decode(signature).map(|bytes| {
            self.0
                .to_public_key()
                .verify(scheme, &Sha1::digest(text), &bytes)
        });
        matches!(verified, Ok(Ok(())))
    }
}

/// What ChinaPay knows of its merchant, and signs with.
pub(crate) struct Keys {
    pub(crate) name: String,
    pub(crate) mer_id: String,
    pub(crate) merchant: Key,
    pub(crate) gateway: Key,
}

#[derive(Serialize, Deserialize)]
struct KeysFile {
    name: String,
    mer_id: String,
    merchant: [String; 2],
    gateway: [String; 2],
}

/// Opens the keys in `data`, making them where they are missing; gives the
/// entry of the accounts file for a gateway at `base` as well.
pub(crate) fn open(base: &str, data: &Path) -> Result<(Keys, String)> {
    let file = kept(data, "chinapay/keys.json", || {
        Ok(KeysFile {
            name: "sandbox-chinapay".to_owned(),
            mer_id: format!("808080{}", digits(9)),
            merchant: make()?,
            gateway: make()?,
        })
    })?;
    let keys = Keys {
        merchant: read(&file.merchant)?,
        gateway: read(&file.gateway)?,
        name: file.name,
        mer_id: file.mer_id,
    };
    write_private(
        &data.join("chinapay/MerPrK.key"),
        private_file(&keys).as_bytes(),
    )?;
    fs::write(data.join("chinapay/PgPubk.key"), public_file(&keys))?;
    let account = format!(
        "[[account]]\nchannel = \"ChinapayOld\"\nname = \"{}\"\nmer_id = \"{}\"\n\
         pay_url = \"{base}/chinapay/pay/TransGet\"\n\
         query_url = \"{base}/chinapay/QueryWeb/processQuery.jsp\"\n\
         refund_url = \"{base}/chinapay/refund/SingleRefund.jsp\"\n\
         private_key = \"chinapay/MerPrK.key\"\npublic_key = \"chinapay/PgPubk.key\"\n\
         query_gap_s = {QUERY_GAP_S}\n\n",
        keys.name, keys.mer_id
    );
    Ok((keys, account))
}

/// Two primes, hex.
fn make() -> Result<[String; 2]> {
    let key = RsaPrivateKey::new(&mut OsRng, 1024)?;
    let prime = |index: usize| padded(&key.primes()[index].to_bytes_be(), 64);
    Ok([prime(0), prime(1)])
}

fn read(primes: &[String; 2]) -> Result<Key> {
    let prime = |text: &String| BigUint::parse_bytes(text.as_bytes(), 16).context("no prime");
    let exponent = BigUint::from(65_537_u32);
    let key = RsaPrivateKey::from_p_q(prime(&primes[0])?, prime(&primes[1])?, exponent)?;
    Ok(Key(key))
}

/// `[NetPayClient]`: 40 bytes, the public part, and five numbers under DES each.
fn private_file(keys: &Keys) -> String {
    let key = &keys.merchant.0;
    let mut text = "00".repeat(40);
    for public in [key.n(), key.e(), &BigUint::from(0_u32)] {
        text.push_str(&padded(&public.to_bytes_be(), 128));
    }
    let [p, q] = [&key.primes()[0], &key.primes()[1]];
    let one = BigUint::from(1_u32);
    // By Fermat, the inverse of q modulo the prime p.
    let inverse = q.modpow(&(p - BigUint::from(2_u32)), p);
    let secret = [
        p.clone(),
        q.clone(),
        key.d() % (p - &one),
        key.d() % (q - &one),
        inverse,
    ];
    for number in secret {
        let bytes = hex::decode(padded(&number.to_bytes_be(), 64)).unwrap_or_default();
        let des = cbc::Encryptor::<des::Des>::new(b"SCUBEPGW".into(), &[0; 8].into());
        text.push_str(&padded(
            &des.encrypt_padded_vec_mut::<NoPadding>(&bytes),
            64,
        ));
    }
    text.push_str(&"00".repeat(8));
    format!(
        "[NetPayClient]\r\nMERID={}\r\nprikeyS={text}\r\nprikeyE={text}\r\n",
        keys.mer_id
    )
}

fn public_file(keys: &Keys) -> String {
    let key = &keys.gateway.0;
    let mut text = "00".repeat(24);
    for public in [key.n(), key.e()] {
        text.push_str(&padded(&public.to_bytes_be(), 128));
    }
    format!("[NetPayClient]\r\nPGID={PGID}\r\npubkeyS={text}\r\npubkeyE={text}\r\n")
}

/// Upper-case hex, filled up to `length` bytes from the left.
fn padded(bytes: &[u8], length: usize) -> String {
    let digits = hex::encode_upper(bytes);
    format!("{digits:0>width$}", width = 2 * length)
}
