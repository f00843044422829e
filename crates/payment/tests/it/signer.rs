//! A business system's signer, written from the document: it shares no code
//! with the crate.

use payment::pairs::Pairs;
use sha1::{Digest, Sha1};

/// The SHA-1 sign of these values under a secret.
pub(crate) fn sign(values: &[&str], secret: &str) -> String {
    let mut all: Vec<&str> = values.iter().copied().chain([secret]).collect();
    all.retain(|value| !value.is_empty());
    all.sort_by_key(|value| value.encode_utf16().collect::<Vec<_>>());
    let digest = Sha1::digest(all.concat().as_bytes());
    hex::encode(digest)
}

/// The sign of all these pairs.
pub(crate) fn sign_pairs(pairs: &[(&str, &str)], secret: &str) -> String {
    let values: Vec<&str> = pairs.iter().map(|(_, value)| *value).collect();
    sign(&values, secret)
}

/// These pairs under a sign.
pub(crate) fn under(pairs: &[(&str, &str)], sign: &str) -> Pairs {
    let last = [("sign", sign)];
    let all = pairs.iter().chain(&last);
    Pairs::from_stored(
        all.map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect(),
    )
}

/// These pairs, signed.
pub(crate) fn signed(pairs: &[(&str, &str)], secret: &str) -> Pairs {
    under(pairs, &sign_pairs(pairs, secret))
}

/// `base` with some values changed or added; an empty one leaves the pair out.
pub(crate) fn with<'a>(
    base: &[(&'a str, &'a str)],
    changes: &[(&'a str, &'a str)],
) -> Vec<(&'a str, &'a str)> {
    let mut pairs = base.to_vec();
    for (name, value) in changes {
        match pairs.iter_mut().find(|(other, _)| other == name) {
            Some(pair) => pair.1 = value,
            None => pairs.push((name, value)),
        }
    }
    pairs.retain(|(_, value)| !value.is_empty());
    pairs
}
