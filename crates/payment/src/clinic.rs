//! The sign clinic (docs/signing.md, When a sign fails): a sign that does not hold is
//! tried in the ways in which signs go wrong. What matches is named, and never accepted.

pub(crate) mod epay;
mod forecore;
mod hmac;
mod order;
mod sha1;
pub(crate) mod values;

pub use epay::examine_epay;
pub use forecore::examine_forecore;
pub(crate) use hmac::examine_hmac;
pub(crate) use sha1::examine_sha1;

use crate::budget::{Budget, hashed};
use crate::domain::{Domain, Secret};
use crate::sign::equal;
use crate::slip::{Slip, Slips};
use ::hmac::{Hmac, KeyInit, Mac};
use ::sha1::{Digest, Sha1};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use encoding_rs::GBK;
use md5::Md5;
use sha2::{Sha256, Sha512};

/// What stands for the secret in every text that is shown.
pub(crate) const MASK: &str = "***";

/// What was done otherwise, where the sign comes out so with one of a domain's secrets.
/// One that has ended is told; where it `proves` the sign, nothing else is wrong.
pub fn examined(
    domain: &Domain,
    now_ms: i64,
    proves: impl Fn(&Secret) -> bool,
    examine: impl Fn(&Secret) -> Option<Slips>,
) -> Option<Slips> {
    domain.secrets().iter().find_map(|secret| {
        let ended = (!secret.is_alive(now_ms)).then_some(Slip::EndedSecret);
        let slips = if ended.is_some() && proves(secret) {
            Slips::new()
        } else {
            examine(secret)?
        };
        let slips: Slips = ended.into_iter().chain(slips).collect();
        (!slips.is_empty()).then_some(slips)
    })
}

/// How a digest is made of a text and a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Made {
    Md5,
    Sha1,
    Sha256,
    Sha512,
    HmacMd5,
    HmacSha1,
    HmacSha256,
}

impl Made {
    fn of(self, text: &[u8], key: &[u8]) -> Vec<u8> {
        hashed(text.len() + key.len());
        match self {
            Self::Md5 => Md5::digest(text).to_vec(),
            Self::Sha1 => Sha1::digest(text).to_vec(),
            Self::Sha256 => Sha256::digest(text).to_vec(),
            Self::Sha512 => Sha512::digest(text).to_vec(),
            Self::HmacMd5 => keyed::<Hmac<Md5>>(text, key),
            Self::HmacSha1 => keyed::<Hmac<Sha1>>(text, key),
            Self::HmacSha256 => keyed::<Hmac<Sha256>>(text, key),
        }
    }

    /// What it is called where another one is right.
    fn slip(self) -> Slip {
        match self {
            Self::Md5 => Slip::Md5,
            Self::Sha1 => Slip::Sha1,
            Self::Sha256 => Slip::Sha256,
            Self::Sha512 => Slip::Sha512,
            Self::HmacMd5 => Slip::HmacMd5,
            Self::HmacSha1 => Slip::HmacSha1,
            Self::HmacSha256 => Slip::Hmac,
        }
    }
}

fn keyed<M: Mac + KeyInit>(text: &[u8], key: &[u8]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

/// One search: a sign, and what may be hashed until it is given up.
struct Search<'a> {
    sign: &'a str,
    lower: String,
    budget: Budget,
    found: Option<Slips>,
}

impl<'a> Search<'a> {
    fn new(sign: &'a str) -> Self {
        Self {
            sign,
            lower: sign.to_ascii_lowercase(),
            budget: Budget::new(),
            found: None,
        }
    }

    fn is_over(&self) -> bool {
        self.found.is_some()
    }

    /// Tries a text with each of `made`, the first of which is the right one; `slips` is
    /// what is wrong with the text. Texts of other scripts are tried in GBK too.
    fn text(&mut self, slips: &[Slip], text: &str, key: &str, made: &[Made]) {
        self.bytes(slips, text.as_bytes(), key, made);
        if !text.is_ascii() && !self.is_over() && self.budget.spend(text.len()) {
            let (gbk, _, failed) = GBK.encode(text);
            if !failed {
                let slips = [slips, &[Slip::Gbk]].concat();
                self.bytes(&slips, &gbk, key, made);
            }
        }
    }

    fn bytes(&mut self, slips: &[Slip], text: &[u8], key: &str, made: &[Made]) {
        let Some(right) = made.first() else {
            return;
        };
        for each in made {
            if self.is_over() || !self.budget.spend(text.len() + key.len()) {
                return;
            }
            let digest = each.of(text, key.as_bytes());
            let Some(written) = self.writes(&digest) else {
                continue;
            };
            let otherwise = (each != right).then(|| each.slip());
            let slips = slips.iter().copied().chain(otherwise).chain(written);
            self.found = Some(slips.collect());
        }
    }

    /// Whether the sign is this digest, and what is wrong with how it is written.
    fn writes(&self, digest: &[u8]) -> Option<Slips> {
        let hex = hex::encode(digest);
        if equal(&hex, self.sign) {
            return Some(Vec::new());
        }
        if equal(&hex, &self.lower) {
            return Some(vec![Slip::UpperCase]);
        }
        let base64 = equal(&STANDARD.encode(digest), self.sign);
        base64.then(|| vec![Slip::Base64])
    }
}

/// The secret, and what was put in its place: itself, or with blanks around it.
fn secrets_as_pasted(secret: &Secret) -> [(Option<Slip>, String); 4] {
    let secret = secret.expose();
    let blank = Some(Slip::SecretBlank);
    [
        (None, secret.to_owned()),
        (blank, format!("{secret}\n")),
        (blank, format!("{secret} ")),
        (blank, format!("{secret}\r\n")),
    ]
}

#[cfg(test)]
mod tests;
