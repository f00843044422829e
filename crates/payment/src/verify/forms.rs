//! In which form a sign holds (docs/signing.md, SHA-1): payTypeCode left out or included,
//! the four addresses decoded or as Java encodes them, any live secret.

use super::{is_hmac, known_param, value};
use crate::budget::Budget;
use crate::clinic;
use crate::domain::{Domain, Secret};
use crate::pairs::Pairs;
use crate::param::Param;
use crate::refusal::Refusal;
use crate::sign::{Purpose, equal, hmac_sign, java_url_encode, sha1_sign, sort_utf16};
use crate::slip::Slips;
use std::borrow::Cow;

/// More strange names than any browser appends are not looked at.
const STRANGE_MAX: usize = 8;

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
    pub(super) fn signed<'a>(&self, known: &[(Param, &'a str)]) -> Vec<(Param, Cow<'a, str>)> {
        let form = Form {
            pay_type: self.pay_type,
            encoded: self.encoded,
        };
        let text = |(param, value): &(Param, &'a str)| {
            let encode = self.encoded && Param::ADDRESSES.contains(param);
            let text = if encode {
                Cow::Owned(java_url_encode(value))
            } else {
                Cow::Borrowed(*value)
            };
            (*param, text)
        };
        let signed = known.iter().filter(|(param, _)| form.signs(*param));
        signed.map(text).collect()
    }

    /// What is kept of the known pairs: what the sign needs, and the sign.
    pub(super) fn kept(&self, known: &[(Param, &str)]) -> Pairs {
        let kept = known.iter().filter(|(param, _)| {
            !param.is_unsigned() && (self.pay_type || *param != Param::PayTypeCode)
        });
        Pairs::from_stored(
            kept.map(|(param, value)| (param.name().to_owned(), (*value).to_owned()))
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
    /// Its name in English and in Chinese.
    fn name(self) -> (&'static str, &'static str) {
        match (self.pay_type, self.encoded) {
            (false, false) => ("SHA-1, payTypeCode left out", "SHA-1，不签 payTypeCode"),
            (true, false) => ("SHA-1, payTypeCode included", "SHA-1，签 payTypeCode"),
            (false, true) => (
                "SHA-1, addresses URL-encoded, payTypeCode left out",
                "SHA-1，地址转义后签，不签 payTypeCode",
            ),
            (true, true) => (
                "SHA-1, addresses URL-encoded, payTypeCode included",
                "SHA-1，地址转义后签，签 payTypeCode",
            ),
        }
    }

    fn signs(self, param: Param) -> bool {
        match param {
            Param::Sign => false,
            Param::PayTypeCode => self.pay_type,
            param => !param.is_unsigned(),
        }
    }

    /// The values that this form signs, sorted.
    fn values<'v>(self, request: &'v Request<'_>, strange: &[&'v str]) -> Vec<&'v str> {
        let signed = request.known.iter().filter(|(param, _)| self.signs(*param));
        let value = |(param, value): &(Param, &'v str)| {
            if self.encoded {
                request.encoded(*param).unwrap_or(value)
            } else {
                value
            }
        };
        let mut values: Vec<&str> = signed.map(value).chain(strange.iter().copied()).collect();
        sort_utf16(&mut values);
        values
    }
}

/// What a request's sign may cover, its addresses encoded once.
struct Request<'a> {
    known: &'a [(Param, &'a str)],
    encoded: Vec<(Param, String)>,
}

impl<'a> Request<'a> {
    fn new(known: &'a [(Param, &'a str)]) -> Self {
        let addresses = known
            .iter()
            .filter(|(param, _)| Param::ADDRESSES.contains(param));
        let encoded = addresses.map(|(param, value)| (*param, java_url_encode(value)));
        Self {
            known,
            encoded: encoded.collect(),
        }
    }

    fn encoded(&self, param: Param) -> Option<&str> {
        let found = self.encoded.iter().find(|(address, _)| *address == param);
        found.map(|(_, text)| text.as_str())
    }

    /// The forms that sign different values here.
    fn forms(&self) -> impl Iterator<Item = Form> {
        let pay_type = !value(self.known, Param::PayTypeCode).is_empty();
        let encoded = !self.encoded.is_empty();
        FORMS
            .into_iter()
            .filter(move |form| (pay_type || !form.pay_type) && (encoded || !form.encoded))
    }
}

/// Looks for the form in which a sign holds, within one budget.
struct Search<'a> {
    request: Request<'a>,
    sign: &'a str,
    secrets: Vec<&'a Secret>,
    budget: Budget,
}

impl<'a> Search<'a> {
    fn new(secrets: impl Iterator<Item = &'a Secret>, known: &'a [(Param, &'a str)]) -> Self {
        Self {
            request: Request::new(known),
            sign: value(known, Param::Sign),
            secrets: secrets.collect(),
            budget: Budget::new(),
        }
    }

    /// The form and the secret by which the sign holds, these strange values signed too.
    fn find(&mut self, strange: &[&str]) -> Option<(Form, &'a Secret)> {
        for form in self.request.forms() {
            let values = form.values(&self.request, strange);
            let bytes: usize = values.iter().map(|value| value.len()).sum();
            for secret in &self.secrets {
                if !self.budget.spend(bytes + secret.expose().len()) {
                    return None;
                }
                if equal(&sha1_sign(values.iter().copied(), secret), self.sign) {
                    return Some((form, secret));
                }
            }
        }
        None
    }

    /// The strange parameter that was signed too: one of them, or all.
    fn signed_stranger<'s>(&mut self, strange: &[(&'s str, &'s str)]) -> Option<&'s str> {
        for (name, value) in strange {
            if self.find(&[value]).is_some() {
                return Some(name);
            }
        }
        let values: Vec<&str> = strange.iter().map(|(_, value)| *value).collect();
        let several = values.len() > 1;
        (several && self.find(&values).is_some()).then(|| strange[0].0)
    }
}

/// The form in which the sign of `known` holds.
///
/// # Errors
/// [`Refusal::BadSign`], or the name of a strange parameter that was signed.
pub(super) fn matching(
    domain: &Domain,
    pairs: &Pairs,
    known: &[(Param, &str)],
    purpose: Purpose,
    now_ms: i64,
) -> Result<Proof, Refusal> {
    if is_hmac(pairs) {
        let signed = hmac_signed(known);
        let proof = hmac_proof(domain, &signed, value(known, Param::Sign), purpose, now_ms);
        return proof.ok_or_else(|| {
            let stranger = hmac_stranger(domain, pairs, known, purpose, now_ms);
            stranger.unwrap_or_else(|| unmatched(domain, pairs, known, purpose, now_ms))
        });
    }
    let mut search = Search::new(domain.live_secrets(now_ms), known);
    if let Some((form, secret)) = search.find(&[]) {
        let sorted = form.values(&search.request, &[]).into_iter();
        return Ok(Proof {
            generation: secret.generation,
            pay_type: form.pay_type,
            encoded: form.encoded,
            sorted: sorted.map(str::to_owned).collect(),
        });
    }
    let stranger = stranger(&mut search, pairs, purpose);
    Err(stranger.unwrap_or_else(|| unmatched(domain, pairs, known, purpose, now_ms)))
}

/// No form holds: perhaps a parameter was signed that is not of the interface.
/// WeChat appends, a sender forgets: each is tried by itself, and all of them.
fn stranger(search: &mut Search<'_>, pairs: &Pairs, purpose: Purpose) -> Option<Refusal> {
    let strange: Vec<_> = pairs
        .iter()
        .filter(|(name, value)| !value.is_empty() && known_param(name, false, purpose).is_none())
        .take(STRANGE_MAX)
        .collect();
    search
        .signed_stranger(&strange)
        .map(Refusal::signed_stranger)
}

/// No form holds: what was to be signed, and for a development's domain what the clinic
/// finds. Nobody else is told more: a sign that is nearly right says something of a secret.
fn unmatched(
    domain: &Domain,
    pairs: &Pairs,
    known: &[(Param, &str)],
    purpose: Purpose,
    now_ms: i64,
) -> Refusal {
    let signed = known.iter().filter(|(param, _)| FORMS[0].signs(*param));
    let mut names: Vec<&str> = signed.map(|(param, _)| param.name()).collect();
    names.sort_unstable();
    let slips = domain
        .development
        .then(|| examine(domain, pairs, purpose, now_ms))
        .flatten();
    Refusal::BadSign {
        names: names.join(", "),
        slips: slips.unwrap_or_default(),
    }
}

/// What was done otherwise when the sign of these pairs was made, where the clinic knows
/// it (docs/signing.md, When a sign fails). It accepts nothing.
#[must_use]
pub fn examine(domain: &Domain, pairs: &Pairs, purpose: Purpose, now_ms: i64) -> Option<Slips> {
    let hmac = is_hmac(pairs);
    let sign = pairs.get(Param::Sign.name())?;
    let known = filled(pairs, hmac, purpose);
    let proves = |secret: &Secret| {
        if hmac {
            hmac_holds(&hmac_signed(&known), sign, purpose, secret)
        } else {
            let secret = std::iter::once(secret);
            Search::new(secret, &known).find(&[]).is_some()
        }
    };
    // The clinic encodes addresses by itself.
    let forms = if !hmac && !value(&known, Param::PayTypeCode).is_empty() {
        &FORMS[..2]
    } else {
        &FORMS[..1]
    };
    let examine = |secret: &Secret| -> Option<Slips> {
        forms.iter().find_map(|form| {
            let signed = known.iter().filter(|(param, _)| form.signs(*param));
            let signed: Vec<_> = signed
                .map(|(param, value)| (param.name(), *value))
                .collect();
            let found = if hmac {
                clinic::examine_hmac(pairs, &signed, sign, secret, purpose)
            } else {
                clinic::examine_sha1(pairs, &signed, sign, secret, purpose)
            };
            found.filter(|slips| !slips.is_empty())
        })
    };
    clinic::examined(domain, now_ms, proves, examine)
}

/// The known pairs that are not empty, in the order in which they were sent.
fn filled(pairs: &Pairs, hmac: bool, purpose: Purpose) -> Vec<(Param, &str)> {
    let known = pairs
        .iter()
        .filter_map(|(name, value)| Some((known_param(name, hmac, purpose)?, value)));
    known.filter(|(_, value)| !value.is_empty()).collect()
}

/// The known pairs that an HMAC covers, by name.
fn hmac_signed<'a>(known: &[(Param, &'a str)]) -> Vec<(&'static str, &'a str)> {
    let signed = known.iter().filter(|(param, _)| FORMS[0].signs(*param));
    signed
        .map(|(param, value)| (param.name(), *value))
        .collect()
}

fn hmac_proof(
    domain: &Domain,
    signed: &[(&str, &str)],
    sign: &str,
    purpose: Purpose,
    now_ms: i64,
) -> Option<Proof> {
    let mut live = domain.live_secrets(now_ms);
    let secret = live.find(|secret| hmac_holds(signed, sign, purpose, secret))?;
    Some(Proof {
        generation: secret.generation,
        pay_type: false,
        encoded: false,
        sorted: Vec::new(),
    })
}

fn hmac_holds(signed: &[(&str, &str)], sign: &str, purpose: Purpose, secret: &Secret) -> bool {
    equal(&hmac_sign(purpose, signed.iter().copied(), secret), sign)
}

/// Why an HMAC does not hold: perhaps it covers a parameter that is not of the
/// interface. Each is tried alone, and all of them together, within one budget.
fn hmac_stranger(
    domain: &Domain,
    pairs: &Pairs,
    known: &[(Param, &str)],
    purpose: Purpose,
    now_ms: i64,
) -> Option<Refusal> {
    let strange: Vec<_> = pairs
        .iter()
        .filter(|(name, value)| !value.is_empty() && known_param(name, true, purpose).is_none())
        .take(STRANGE_MAX)
        .collect();
    let all = (strange.len() > 1).then_some(strange.as_slice());
    let secrets = domain.live_secrets(now_ms).count();
    let sign = value(known, Param::Sign);
    let mut budget = Budget::new();
    for added in strange.chunks(1).chain(all) {
        let signed = [hmac_signed(known).as_slice(), added].concat();
        let bytes: usize = signed.iter().map(|(n, v)| n.len() + v.len()).sum();
        if !budget.spend(bytes * secrets) {
            break;
        }
        if hmac_proof(domain, &signed, sign, purpose, now_ms).is_some() {
            return Some(Refusal::signed_stranger(added[0].0));
        }
    }
    None
}

/// A form of a sign, with what it signs; `***` stands for the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// Its name in English and in Chinese.
    pub name: (&'static str, &'static str),
    /// Its values, or `name=value`, in the order in which they are joined.
    pub lines: Vec<String>,
    /// The whole text that is signed.
    pub text: String,
    /// Whether the sign holds in it.
    pub holds: bool,
}

/// What the clinic says of a request; it never holds the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Each form.
    pub forms: Vec<Explained>,
    /// Names that are not signed here.
    pub left_out: Vec<String>,
    /// What was done otherwise, where the clinic knows it.
    pub slips: Slips,
}

/// Says which values are signed, in which order, and which form matches.
#[must_use]
pub fn explain(domain: &Domain, pairs: &Pairs, purpose: Purpose, now_ms: i64) -> Explanation {
    let hmac = is_hmac(pairs);
    let param = |name: &str| known_param(name, hmac, purpose);
    let known = filled(pairs, hmac, purpose);
    let strangers = pairs.iter().filter(|(name, _)| param(name).is_none());
    let left_out = strangers.map(|(name, _)| name.to_owned()).collect();
    let slips = || examine(domain, pairs, purpose, now_ms).unwrap_or_default();
    if hmac {
        let signed = hmac_signed(&known);
        let sign = value(&known, Param::Sign);
        let held = hmac_proof(domain, &signed, sign, purpose, now_ms).is_some();
        let mut lines: Vec<_> = signed
            .iter()
            .map(|(name, value)| format!("{name}={}", crate::escape::escape(value)))
            .collect();
        lines.sort();
        let text = format!("{}\n{}", purpose.word(), lines.join("&"));
        lines.insert(0, purpose.word().to_owned());
        return Explanation {
            forms: vec![Explained {
                name: ("HMAC-SHA256", "HMAC-SHA256"),
                lines,
                text,
                holds: held,
            }],
            left_out,
            slips: if held { Slips::new() } else { slips() },
        };
    }
    let mut search = Search::new(domain.live_secrets(now_ms), &known);
    let (held, secret) = search.find(&[]).unzip();
    let secret = secret.unwrap_or(&domain.secrets()[0]);
    let request = &search.request;
    let explained = |form: Form| {
        let values = form.values(request, &[]).into_iter().map(str::to_owned);
        let lines = with_secret_place(secret, values.collect());
        Explained {
            name: form.name(),
            text: lines.concat(),
            lines,
            holds: held == Some(form),
        }
    };
    let forms = FORMS
        .into_iter()
        .filter(|form| !form.pay_type || !value(&known, Param::PayTypeCode).is_empty());
    let forms = forms.map(explained).collect();
    Explanation {
        forms,
        left_out,
        slips: if held.is_some() {
            Slips::new()
        } else {
            slips()
        },
    }
}

/// The sorted values with [`clinic::MASK`] where the secret is sorted in.
fn with_secret_place(secret: &Secret, values: Vec<String>) -> Vec<String> {
    let place = values
        .iter()
        .position(|value| value.encode_utf16().gt(secret.expose().encode_utf16()))
        .unwrap_or(values.len());
    let mut shown = values;
    shown.insert(place, clinic::MASK.to_owned());
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::count_of;

    /// A business system that the clinic tells nothing.
    fn domain() -> Domain {
        let mut domain = Domain::test();
        domain.development = false;
        domain
    }

    /// What is hashed for these pairs and a wrong sign.
    fn hashed(pairs: &[(&str, &str)]) -> usize {
        let signed = pairs.iter().chain(&[("sign", "wrong")]);
        let pairs = signed.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let pairs = Pairs::from_stored(pairs.collect());
        let known: Vec<_> = pairs
            .iter()
            .filter_map(|(name, value)| Some((known_param(name, false, Purpose::Pay)?, value)))
            .collect();
        let domain = domain();
        count_of(|| assert!(matching(&domain, &pairs, &known, Purpose::Pay, 0).is_err()))
    }

    #[test]
    fn a_form_that_signs_the_same_values_is_not_hashed_again() {
        let once = 10 + "test".len();
        assert_eq!(hashed(&[("info", "0123456789")]), once);
        let with_type = [("info", "0123456789"), ("payTypeCode", "Wechat")];
        assert_eq!(hashed(&with_type), 2 * once + "Wechat".len());
    }

    #[test]
    fn strange_values_are_tried_singly_and_all_together_and_no_more() {
        let once = 10 + "test".len();
        let strange = [("x", "0123456789")].repeat(8);
        let pairs = [vec![("info", "0123456789")], strange].concat();
        assert_eq!(hashed(&pairs), once + 8 * (once + 10) + (once + 80));
    }

    #[test]
    fn the_secrets_place_is_that_of_the_one_that_held() {
        let mut domain = domain();
        domain.rotate("a-newer-secret-0001", 1_000);
        let signed = |secret: &Secret| {
            let sent = [("domainCode", "test"), ("requestKey", "key")];
            let sign = sha1_sign(sent.iter().map(|(_, value)| *value), secret);
            let pairs = sent.iter().copied().chain([("sign", sign.as_str())]);
            let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
            Pairs::from_stored(pairs.collect())
        };
        let text = |secret: &Secret| {
            let told = explain(&domain, &signed(secret), Purpose::Query, 0);
            let held = told.forms.into_iter().find(|form| form.holds).unwrap();
            held.text
        };
        assert_eq!(text(&domain.secrets()[0]), "***keytest");
        assert_eq!(text(&domain.secrets()[1]), "keytest***");
    }

    #[test]
    fn no_request_is_hashed_over_more_than_its_budget() {
        let long = "y".repeat(31 << 10);
        let strange = [("x", long.as_str())].repeat(8);
        let known = vec![("info", long.as_str()), ("pageUrl", "http://a.cn")];
        let bytes = hashed(&[known, strange].concat());
        assert!(bytes <= 256 << 10, "{bytes}");
    }
}
