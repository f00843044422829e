//! Secrets encrypted at rest (docs/secrets.md): AES-256-GCM by a data key of each secret's
//! own, which a key that is not in the database wraps; both are bound to their place.

use aws_lc_rs::aead::{AES_256_GCM, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use aws_lc_rs::rand;
use payment::ports::{Answer, StoreError};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

const KEY_LENGTH: usize = 32;
const NONCE_LENGTH: usize = 12;
/// What `--dev` on PostgreSQL keeps secrets by: no secret itself.
const DEVELOPMENT: [u8; KEY_LENGTH] = *b"tongfu development key, no secre";

/// What was given for keys holds none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "each key is 64 hexadecimal digits, as `openssl rand -hex 32` prints them; line {0} is not"
)]
pub struct NoKeys(usize);

/// The keys that wrap; what they are is neither shown nor kept.
#[derive(Clone, Default)]
pub struct Keys(Arc<[Key]>);

struct Key {
    /// Made of the key, and tells nothing of it.
    id: String,
    key: RandomizedNonceKey,
}

/// Where a secret stands: what was sealed for one place is opened for no other.
pub(crate) struct Place {
    pub(crate) table: &'static str,
    pub(crate) row: String,
    pub(crate) column: &'static str,
}

impl Keys {
    /// Reads keys, one a line, the first of which is the one to write by; a line that
    /// begins with `#` says nothing.
    ///
    /// # Errors
    /// When a line is none.
    pub fn parse(text: &str) -> Result<Self, NoKeys> {
        let lines = (1..).zip(text.lines().map(str::trim));
        let said = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let read = |(number, line): (usize, &str)| {
            let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
            hex::decode_to_slice(line, bytes.as_mut_slice()).map_err(|_| NoKeys(number))?;
            Key::new(&bytes).ok_or(NoKeys(number))
        };
        said.map(read).collect::<Result<_, _>>().map(Self)
    }

    /// The key of development databases on PostgreSQL: everybody has it.
    #[must_use]
    pub fn development() -> Self {
        Self(Key::new(&DEVELOPMENT).into_iter().collect())
    }

    /// A new key, as [`Keys::parse`] reads it.
    ///
    /// # Errors
    /// Without random numbers.
    pub fn made() -> Answer<Zeroizing<String>> {
        random().map(|bytes| Zeroizing::new(hex::encode(bytes.as_slice())))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them is known by this.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.ids().any(|known| known == id)
    }

    /// What each is known by, in their order.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.id.as_str())
    }

    /// Encrypts for a place, by a data key that this key wraps.
    pub(crate) fn seal(&self, id: &str, place: &Place, text: &str) -> Answer<String> {
        let data = random()?;
        let wrapped = self.wrap(id, place, data.as_slice())?;
        let data = aead(data.as_slice()).ok_or_else(no_numbers)?;
        let sealed = shut(&data, &place.of_text(), text.as_bytes())?;
        Ok(format!("{wrapped}.{sealed}"))
    }

    /// Decrypts what stands at a place.
    pub(crate) fn open(&self, id: &str, place: &Place, sealed: &str) -> Answer<Zeroizing<String>> {
        let (wrapped, sealed) = sealed.split_once('.').ok_or_else(|| place.broken())?;
        let data = self.unwrap(id, place, wrapped)?;
        let data = aead(&data).ok_or_else(|| place.broken())?;
        let mut bytes = opened(&data, &place.of_text(), sealed).ok_or_else(|| place.broken())?;
        let text = String::from_utf8(std::mem::take(&mut bytes));
        text.map(Zeroizing::new).map_err(|_| place.broken())
    }

    /// Wraps the data key of what stands at a place by another key.
    pub(crate) fn rewrap(
        &self,
        from: &str,
        to: &str,
        place: &Place,
        sealed: &str,
    ) -> Answer<String> {
        let (wrapped, rest) = sealed.split_once('.').ok_or_else(|| place.broken())?;
        let data = self.unwrap(from, place, wrapped)?;
        Ok(format!("{}.{rest}", self.wrap(to, place, &data)?))
    }

    fn wrap(&self, id: &str, place: &Place, data: &[u8]) -> Answer<String> {
        shut(&self.key(id)?.key, &place.of_key(id), data)
    }

    fn unwrap(&self, id: &str, place: &Place, wrapped: &str) -> Answer<Zeroizing<Vec<u8>>> {
        let opened = opened(&self.key(id)?.key, &place.of_key(id), wrapped);
        opened.ok_or_else(|| place.broken())
    }

    /// Whether a key is there.
    ///
    /// # Errors
    /// When it is not.
    pub(crate) fn check(&self, id: &str) -> Answer<()> {
        self.key(id).map(drop)
    }

    fn key(&self, id: &str) -> Answer<&Key> {
        let known = self.0.iter().find(|key| key.id == id);
        known.ok_or_else(|| {
            StoreError::Unavailable(format!(
                "secrets are kept by the key {id}, which is not given: see secrets_key_file"
            ))
        })
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.ids()).finish()
    }
}

impl Key {
    fn new(bytes: &[u8; KEY_LENGTH]) -> Option<Self> {
        let mac = hmac::Key::new(hmac::HMAC_SHA256, bytes);
        let id = hmac::sign(&mac, b"tongfu: the id of a key");
        Some(Self {
            id: hex::encode(&id.as_ref()[..8]),
            key: aead(bytes)?,
        })
    }
}

impl Place {
    fn of_text(&self) -> String {
        let Self { table, row, column } = self;
        format!("{table}\n{row}\n{column}")
    }

    fn of_key(&self, id: &str) -> String {
        format!("{}\n{id}", self.of_text())
    }

    /// What stands there was sealed by another key, for another place, or was changed.
    pub(crate) fn broken(&self) -> StoreError {
        let Self { table, row, .. } = self;
        StoreError::Corrupt(format!("{table} {row} is not what was sealed there"))
    }
}

/// 64 random hexadecimal digits: what stands where a clear text was.
pub(crate) fn filler() -> Answer<String> {
    random().map(|bytes| hex::encode(bytes.as_slice()))
}

fn random() -> Answer<Zeroizing<[u8; KEY_LENGTH]>> {
    let mut bytes = Zeroizing::new([0; KEY_LENGTH]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| no_numbers())?;
    Ok(bytes)
}

fn no_numbers() -> StoreError {
    StoreError::Unavailable("no random numbers".to_owned())
}

fn aead(bytes: &[u8]) -> Option<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, bytes).ok()
}

/// Nonce and ciphertext with its tag, in hexadecimal digits.
fn shut(key: &RandomizedNonceKey, place: &str, clear: &[u8]) -> Answer<String> {
    let mut bytes = Zeroizing::new(clear.to_vec());
    let nonce = key.seal_in_place_append_tag(Aad::from(place), &mut *bytes);
    let nonce = nonce.map_err(|_| no_numbers())?;
    Ok(hex::encode(nonce.as_ref()) + &hex::encode(&*bytes))
}

fn opened(key: &RandomizedNonceKey, place: &str, shut: &str) -> Option<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(hex::decode(shut).ok()?);
    let (nonce, sealed) = bytes.split_at_mut_checked(NONCE_LENGTH)?;
    let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
    let clear = key.open_in_place(nonce, Aad::from(place), sealed).ok()?;
    Some(Zeroizing::new(clear.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place {
        Place {
            table: "domain_secret",
            row: "demo 1 ".to_owned(),
            column: "secret",
        }
    }

    fn keys(text: &str) -> Keys {
        Keys::parse(text).unwrap()
    }

    fn two() -> (Keys, String, String) {
        let keys = keys(&format!(
            "# ours\n{}\n\n {} \n",
            "1".repeat(64),
            "ab".repeat(32)
        ));
        let ids: Vec<String> = keys.ids().map(str::to_owned).collect();
        (keys, ids[0].clone(), ids[1].clone())
    }

    #[test]
    fn a_secret_is_opened_at_its_place_alone() {
        let (keys, first, second) = two();
        let sealed = keys.seal(&first, &place(), "s3cret").unwrap();
        assert!(!sealed.contains("s3cret") && !sealed.contains(&hex::encode("s3cret")));
        assert_eq!(*keys.open(&first, &place(), &sealed).unwrap(), "s3cret");
        let row = "demo 2 ".to_owned();
        let (column, table) = ("other", "channel_key");
        for other in [
            Place { row, ..place() },
            Place { column, ..place() },
            Place { table, ..place() },
        ] {
            let refused = keys.open(&first, &other, &sealed);
            assert!(matches!(refused, Err(StoreError::Corrupt(_))));
        }
        assert!(
            keys.open(&second, &place(), &sealed).is_err(),
            "another key"
        );
    }

    #[test]
    fn no_digit_of_what_is_kept_can_be_changed() {
        let (keys, id, _) = two();
        let sealed = keys.seal(&id, &place(), "s").unwrap();
        for at in 0..sealed.len() {
            let mut digits = sealed.clone().into_bytes();
            digits[at] = if digits[at] == b'0' { b'1' } else { b'0' };
            let changed = String::from_utf8(digits).unwrap();
            assert!(keys.open(&id, &place(), &changed).is_err(), "{at}");
        }
        for broken in ["", ".", "ab.cd", "é.é", &sealed[..sealed.len() - 2]] {
            assert!(keys.open(&id, &place(), broken).is_err(), "{broken}");
        }
    }

    #[test]
    fn another_key_takes_a_secret_over() {
        let (keys, first, second) = two();
        let sealed = keys.seal(&first, &place(), "s3cret").unwrap();
        let wrapped = keys.rewrap(&first, &second, &place(), &sealed).unwrap();
        assert_eq!(*keys.open(&second, &place(), &wrapped).unwrap(), "s3cret");
        assert!(keys.open(&first, &place(), &wrapped).is_err());
    }

    #[test]
    fn a_key_is_known_by_what_tells_nothing_of_it() {
        let (keys, first, second) = two();
        assert!(first.len() == 16 && first != second);
        let shown = format!("{keys:?}");
        assert!(shown.contains(&first) && !shown.contains("1111"), "{shown}");
    }

    #[test]
    fn what_is_no_key_is_told_by_its_line() {
        let good = "0".repeat(64);
        for wrong in ["x", &good[1..], &format!("{good}0")] {
            let refused = Keys::parse(&format!("# two\n{good}\n{wrong}")).unwrap_err();
            assert_eq!(refused, NoKeys(3), "{wrong}");
            assert!(!refused.to_string().contains(&good));
        }
        assert!(keys("").is_empty());
        assert!(!keys(&Keys::made().unwrap()).is_empty());
        assert!(!Keys::development().is_empty());
    }
}
