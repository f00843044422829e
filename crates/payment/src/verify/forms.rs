//! In which form a sign holds (wire-facts A1): payTypeCode left out or included,
//! the four addresses decoded or as Java encodes them, any live secret.

use super::{is_hmac, is_known, value};
use crate::domain::{Domain, Secret};
use crate::pairs::Pairs;
use crate::refusal::Refusal;
use crate::request::{ADDRESS_NAMES, UNSIGNED_NAMES};
use crate::sign::{Purpose, equal, hmac_sign, java_url_encode, sha1_sign, sort_utf16};
use std::borrow::Cow;

/// More strange names than any browser appends are not searched through.
const STRANGE_MAX: usize = 8;
/// Nor are more bytes than this hashed in each form: a long request with a wrong
/// sign must not cost more than a short one.
const SEARCHED_BYTES_MAX: usize = 1 << 20;

/// How a sign was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proof {
    pub(super) generation: i64,
    /// Whether payTypeCode was signed too.
    pub(super) pay_type: bool,
    /// Whether the four addresses were signed as Java encodes them.
    encoded: bool,
    /// The signed values, sorted, without the secret.
    pub(super) sorted: Vec<String>,
}

impl Proof {
    /// The known values as this proof's SHA-1 form signs them, by name.
    pub(super) fn signed<'a>(&self, known: &[(&'a str, &'a str)]) -> Vec<(&'a str, Cow<'a, str>)> {
        let form = Form {
            pay_type: self.pay_type,
            encoded: self.encoded,
        };
        form.signed(known)
    }

    /// What is kept of the known pairs: what the sign needs, and the sign.
    pub(super) fn kept(&self, known: &[(&str, &str)]) -> Pairs {
        let kept = known.iter().filter(|(name, _)| {
            !UNSIGNED_NAMES.contains(name) && (self.pay_type || *name != "payTypeCode")
        });
        Pairs::from_stored(
            kept.map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }
}

/// One form of the SHA-1 sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Form {
    pay_type: bool,
    encoded: bool,
}

const FORMS: [Form; 4] = [
    Form {
        pay_type: false,
        encoded: false,
    },
    Form {
        pay_type: true,
        encoded: false,
    },
    Form {
        pay_type: false,
        encoded: true,
    },
    Form {
        pay_type: true,
        encoded: true,
    },
];

impl Form {
    fn name(self) -> &'static str {
        match (self.pay_type, self.encoded) {
            (false, false) => "SHA-1, payTypeCode left out",
            (true, false) => "SHA-1, payTypeCode included",
            (false, true) => "SHA-1, addresses URL-encoded, payTypeCode left out",
            (true, true) => "SHA-1, addresses URL-encoded, payTypeCode included",
        }
    }

    /// The values that this form signs, by name.
    fn signed<'a>(self, known: &[(&'a str, &'a str)]) -> Vec<(&'a str, Cow<'a, str>)> {
        let signed = known.iter().filter(|(name, _)| {
            *name != "sign"
                && !UNSIGNED_NAMES.contains(name)
                && (self.pay_type || *name != "payTypeCode")
        });
        let text = |(name, value): &(&'a str, &'a str)| {
            let encode = self.encoded && ADDRESS_NAMES.contains(name);
            let text = if encode {
                Cow::Owned(java_url_encode(value))
            } else {
                Cow::Borrowed(*value)
            };
            (*name, text)
        };
        signed.map(text).collect()
    }

    /// The values that this form signs, sorted.
    fn values(self, known: &[(&str, &str)]) -> Vec<String> {
        let values = self.signed(known);
        let mut sorted: Vec<&str> = values.iter().map(|(_, text)| &**text).collect();
        sort_utf16(&mut sorted);
        sorted.into_iter().map(str::to_owned).collect()
    }

    fn holds(self, known: &[(&str, &str)], sign: &str, secret: &Secret) -> bool {
        let values = self.values(known);
        equal(&sha1_sign(values.iter().map(String::as_str), secret), sign)
    }
}

/// The form in which the sign of `known` holds.
///
/// # Errors
/// [`Refusal::BadSign`], or the name of a strange parameter that was signed.
pub(super) fn matching(
    domain: &Domain,
    pairs: &Pairs,
    known: &[(&str, &str)],
    purpose: Purpose,
    now_ms: i64,
) -> Result<Proof, Refusal> {
    let sign = value(known, "sign");
    if is_hmac(pairs) {
        let proof = hmac_proof(domain, known, purpose, now_ms);
        return proof.map_err(|_| hmac_stranger(domain, pairs, known, purpose, now_ms));
    }
    for secret in domain.live_secrets(now_ms) {
        if let Some(form) = FORMS
            .into_iter()
            .find(|form| form.holds(known, sign, secret))
        {
            return Ok(Proof {
                generation: secret.generation,
                pay_type: form.pay_type,
                encoded: form.encoded,
                sorted: form.values(known),
            });
        }
    }
    Err(signed_stranger(domain, pairs, known, purpose, now_ms))
}

fn hmac_proof(
    domain: &Domain,
    known: &[(&str, &str)],
    purpose: Purpose,
    now_ms: i64,
) -> Result<Proof, Refusal> {
    let sign = value(known, "sign");
    let left_out = ["sign", "payTypeCode", "openid", "lang"];
    let holds = |secret: &&Secret| {
        let signed = known
            .iter()
            .copied()
            .filter(|(name, _)| !left_out.contains(name));
        equal(&hmac_sign(purpose, signed, secret), sign)
    };
    let secret = domain
        .live_secrets(now_ms)
        .find(holds)
        .ok_or(Refusal::BadSign)?;
    Ok(Proof {
        generation: secret.generation,
        pay_type: false,
        encoded: false,
        sorted: Vec::new(),
    })
}

/// Why an HMAC does not hold: perhaps it covers a parameter that is not of the
/// interface. Each is tried alone, and all of them together.
fn hmac_stranger(
    domain: &Domain,
    pairs: &Pairs,
    known: &[(&str, &str)],
    purpose: Purpose,
    now_ms: i64,
) -> Refusal {
    let strange: Vec<_> = pairs
        .iter()
        .filter(|(name, value)| !value.is_empty() && !is_known(name, true, purpose))
        .take(STRANGE_MAX)
        .collect();
    let alone = strange.chunks(1);
    let tried = alone
        .chain([strange.as_slice()])
        .filter(|added| !added.is_empty());
    for added in tried {
        let all: Vec<_> = known.iter().chain(added).copied().collect();
        if hmac_proof(domain, &all, purpose, now_ms).is_ok() {
            return Refusal::signed_stranger(added[0].0);
        }
    }
    Refusal::BadSign
}

/// Why no form holds: perhaps a parameter was signed that is not of the interface.
fn signed_stranger(
    domain: &Domain,
    pairs: &Pairs,
    known: &[(&str, &str)],
    purpose: Purpose,
    now_ms: i64,
) -> Refusal {
    let mut strange: Vec<_> = pairs
        .iter()
        .filter(|(name, value)| !value.is_empty() && !is_known(name, false, purpose))
        .take(STRANGE_MAX)
        .collect();
    let bytes: usize = pairs.iter().map(|(_, value)| value.len()).sum();
    while bytes << strange.len() > SEARCHED_BYTES_MAX && !strange.is_empty() {
        strange.pop();
    }
    let sign = value(known, "sign");
    let holds_with = |added: &[(&str, &str)]| {
        let all: Vec<_> = known.iter().chain(added).copied().collect();
        domain
            .live_secrets(now_ms)
            .any(|s| FORMS.iter().any(|form| form.holds(&all, sign, s)))
    };
    // Each subset: WeChat appends, a sender forgets; few are strange.
    for subset in 1_usize..1 << strange.len() {
        let chosen: Vec<_> = (0..strange.len())
            .filter(|bit| subset >> bit & 1 == 1)
            .collect();
        let added: Vec<_> = chosen.iter().map(|index| strange[*index]).collect();
        if holds_with(&added) {
            return Refusal::signed_stranger(added[0].0);
        }
    }
    Refusal::BadSign
}

/// What the sign doctor says of a request; it never holds the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Each form: its name, its values in the order in which they are joined
    /// (`***` stands for the secret), and whether the sign holds in it.
    pub forms: Vec<(String, Vec<String>, bool)>,
    /// Names that are not signed here.
    pub left_out: Vec<String>,
}

/// Says which values are signed, in which order, and which form matches.
#[must_use]
pub fn explain(domain: &Domain, pairs: &Pairs, purpose: Purpose, now_ms: i64) -> Explanation {
    let hmac = is_hmac(pairs);
    let known: Vec<_> = pairs
        .iter()
        .filter(|(name, value)| is_known(name, hmac, purpose) && !value.is_empty())
        .collect();
    let strangers = pairs
        .iter()
        .filter(|(name, _)| !is_known(name, hmac, purpose));
    let left_out = strangers.map(|(name, _)| name.to_owned()).collect();
    if hmac {
        let held = hmac_proof(domain, &known, purpose, now_ms).is_ok();
        let left_out_names = ["sign", "payTypeCode", "openid", "lang"];
        let mut lines: Vec<_> = known
            .iter()
            .filter(|(name, _)| !left_out_names.contains(name))
            .map(|(name, value)| format!("{name}={}", crate::pairs::escape(value)))
            .collect();
        lines.sort();
        lines.insert(0, purpose.word().to_owned());
        return Explanation {
            forms: vec![("HMAC-SHA256".to_owned(), lines, held)],
            left_out,
        };
    }
    let sign = value(&known, "sign");
    let forms = FORMS
        .into_iter()
        .filter(|form| !form.pay_type || !value(&known, "payTypeCode").is_empty());
    let forms = forms
        .map(|form| {
            let held = domain
                .live_secrets(now_ms)
                .any(|secret| form.holds(&known, sign, secret));
            (
                form.name().to_owned(),
                with_secret_place(domain, form.values(&known)),
                held,
            )
        })
        .collect();
    Explanation { forms, left_out }
}

/// The sorted values with `***` where the newest secret is sorted in.
fn with_secret_place(domain: &Domain, values: Vec<String>) -> Vec<String> {
    let secret = domain.secrets()[0].expose().to_owned();
    let place = values
        .iter()
        .position(|value| value.encode_utf16().gt(secret.encode_utf16()))
        .unwrap_or(values.len());
    let mut shown = values;
    shown.insert(place, "***".to_owned());
    shown
}
