//! What a developer pastes, taken apart: the text that is signed, whether the sign holds,
//! and what was done otherwise. For `tongfu sign` and the page /sign of a development.

use crate::clinic::epay::{holds, signed};
use crate::clinic::values::{as_sent, named};
use crate::clinic::{MASK, examine_epay, examine_forecore, examine_sha1, examined};
use crate::domain::{Domain, Secret};
use crate::fields::Fields;
use crate::forecore::verifies;
use crate::pairs::Pairs;
use crate::param::Param;
use crate::refusal::Refusal;
use crate::sign::{Purpose, callback_sign2, equal, sha1_sign, sort_utf16};
use crate::slip::Slips;
use crate::verify::{
    Explained, Explanation, domain_code, explain, verify_close, verify_pay, verify_query,
    verify_refund,
};

/// The name under which partners prove themselves.
const PARTNER_ID: &str = "partnerId";
/// And epay's systems.
const PID: &str = "pid";
/// What no sign of a callback covers.
const SIGNS: [&str; 2] = ["sign", "sign2"];
/// What `sign` of a callback covers (docs/protocol.md, The callback).
const NINE: [&str; 9] = [
    "money",
    "requestKey",
    "payTime",
    "orderSn",
    "payTypeCode",
    "payTypeName",
    "currencyType",
    "payStatus",
    "domainCode",
];

/// What the pasted text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A call of a business system's, or its page's address.
    Call(Purpose),
    /// A callback of ours.
    Callback,
    /// A partner's call of /forecore.
    Partner,
    /// A call or an order's page of epay, or its news.
    Epay,
}

/// A text as it was pasted: an address, a query, a form or a JSON object.
#[derive(Clone, Debug)]
pub struct Pasted<'a>(&'a str);

impl<'a> Pasted<'a> {
    /// Without what stands around it.
    #[must_use]
    pub fn new(text: &'a str) -> Self {
        // A file's byte order mark is no blank.
        let around = |c: char| c.is_whitespace() || c == '\u{feff}';
        Self(text.trim_matches(around).trim_matches(['\'', '"']))
    }

    /// Its names and values.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn pairs(&self) -> Result<Pairs, Refusal> {
        if self.is_json() {
            Pairs::from_json(self.0.as_bytes())
        } else {
            Pairs::from_query(self.query())
        }
    }

    fn fields(&self) -> Result<Fields, Refusal> {
        if self.is_json() {
            Fields::from_json(self.0.as_bytes())
        } else {
            Fields::from_query(self.query())
        }
    }

    fn is_json(&self) -> bool {
        self.0.starts_with('{')
    }

    fn query(&self) -> &str {
        match self.0.split_once('?') {
            // A query without an address may hold one in a value.
            Some((address, query)) if !address.contains('=') => query,
            _ => self.0,
        }
    }
}

impl Kind {
    /// What these pairs look like. A query has requestKey alone, as a close has, which is
    /// sent as JSON.
    #[must_use]
    pub fn guess(pasted: &Pasted<'_>, pairs: &Pairs) -> Self {
        let has = |name: &str| pairs.get(name).is_some();
        match () {
            () if has(PARTNER_ID) => Self::Partner,
            () if has(PID) => Self::Epay,
            () if has("orderSn") && has("payStatus") => Self::Callback,
            () if has("refundKey") => Self::Call(Purpose::Refund),
            () if has("money") || has("bgUrl") => Self::Call(Purpose::Pay),
            () if pasted.is_json() => Self::Call(Purpose::Close),
            () => Self::Call(Purpose::Query),
        }
    }

    /// Whether all is judged that the interface would judge, and not the sign alone.
    #[must_use]
    pub fn is_judged_whole(self) -> bool {
        matches!(self, Self::Call(_))
    }

    /// The code of the business system that these pairs name.
    ///
    /// # Errors
    /// Where it is missing or malformed.
    pub fn domain_code(self, pairs: &Pairs) -> Result<String, Refusal> {
        let (door, name) = match self {
            Self::Call(_) | Self::Callback => return domain_code(pairs).map(str::to_owned),
            Self::Partner => ("apay", PARTNER_ID),
            Self::Epay => ("epay", PID),
        };
        let id = pairs.get(name).filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Refusal::missing(name))?;
        Ok(Domain::partner_code(door, id))
    }
}

/// Where the text that a developer signed leaves the one that is to be signed, in the form
/// that it is nearest to: the byte's place, from 0, what is right from there on and what he
/// has, each cut. Nothing where it is the right one. The secret, or [`MASK`], may stand in
/// his; neither is shown, and the mask is what is counted.
#[must_use]
pub fn difference(
    domain: &Domain,
    forms: &[Explained],
    theirs: &str,
) -> Option<(usize, String, String)> {
    let theirs = theirs.trim_end_matches(['\r', '\n']);
    let mask = |text: &str| {
        let secrets = domain.secrets().iter();
        secrets.fold(text.to_owned(), |text, secret| {
            text.replace(secret.expose(), MASK)
        })
    };
    // A value may be the secret's own text: it is masked in both, or in neither.
    let is_masked = theirs.contains(MASK);
    let shown = |text: &str| {
        if is_masked {
            text.to_owned()
        } else {
            mask(text)
        }
    };
    let theirs = shown(theirs);
    let nearest = forms.iter().map(|form| {
        let ours = shown(&form.text);
        let found = first_difference(&ours, &theirs);
        found.map(|(place, ours, theirs)| (place, ours.to_owned(), theirs.to_owned()))
    });
    // None, the right one, is more than any place.
    nearest
        .max_by_key(|found| found.as_ref().map_or(usize::MAX, |(place, ..)| *place))
        .flatten()
}

/// Takes a pasted text apart; with it why the interface would refuse it, of a callback and
/// a partner's call by its sign alone.
///
/// # Errors
/// Where it can't be read.
pub fn report(
    domain: &Domain,
    pasted: &Pasted<'_>,
    kind: Kind,
    now_ms: i64,
) -> Result<(Explanation, Option<Refusal>), Refusal> {
    let pairs = pasted.pairs()?;
    Ok(match kind {
        Kind::Call(purpose) => {
            let verdict = match purpose {
                Purpose::Pay => verify_pay(domain, &pairs, now_ms).map(drop),
                Purpose::Query => verify_query(domain, &pairs, now_ms).map(drop),
                Purpose::Refund => verify_refund(domain, &pairs, now_ms).map(drop),
                Purpose::Close => verify_close(domain, &pairs, now_ms).map(drop),
            };
            (explain(domain, &pairs, purpose, now_ms), verdict.err())
        }
        Kind::Callback => judged(callback(domain, &pairs)),
        Kind::Partner => judged(partner(domain, &pasted.fields()?, now_ms)),
        Kind::Epay => judged(epay(domain, &pasted.fields()?, now_ms)),
    })
}

/// Refused where one of its signs does not hold.
fn judged(explanation: Explanation) -> (Explanation, Option<Refusal>) {
    let holds = explanation.forms.iter().all(|form| form.holds);
    let refusal = (!holds).then(|| Refusal::bad_sign(Vec::new()));
    (explanation, refusal)
}

/// A callback was signed by us: which secret it was, the newest or an older one, its
/// receiver need not know.
fn callback(domain: &Domain, pairs: &Pairs) -> Explanation {
    let given = |name: &str| pairs.get(name).unwrap_or_default();
    let nine: Vec<_> = pairs
        .iter()
        .filter(|(name, _)| NINE.contains(name))
        .collect();
    let values = || nine.iter().map(|(_, value)| *value);
    let mut secrets = domain.secrets().iter();
    let first = secrets.find(|one| equal(&sha1_sign(values(), one), given("sign")));
    let mut lines: Vec<&str> = values().filter(|value| !value.is_empty()).collect();
    let used = first.unwrap_or(&domain.secrets()[0]);
    lines.push(used.expose());
    sort_utf16(&mut lines);
    let lines = masked(&lines, used);
    let mut forms = vec![Explained {
        name: ("sign: SHA-1 over the nine values", "sign：九个值的 SHA-1"),
        text: lines.concat(),
        lines,
        holds: first.is_some(),
    }];
    if pairs.get("sign2").is_some() {
        let sent = || pairs.iter().filter(|(name, _)| !SIGNS.contains(name));
        let mut secrets = domain.secrets().iter();
        let second = secrets.find(|one| equal(&callback_sign2(sent(), one), given("sign2")));
        let filled: Vec<_> = sent().filter(|(_, value)| !value.is_empty()).collect();
        let mut lines = as_sent(&named(&filled));
        lines.sort();
        forms.push(Explained {
            name: (
                "sign2: HMAC-SHA256 over all but the two signs",
                "sign2：除两个签名外全部的 HMAC-SHA256",
            ),
            text: format!("callback\n{}", lines.join("&")),
            lines,
            holds: second.is_some(),
        });
    }
    let slips = forms
        .iter()
        .any(|form| !form.holds)
        .then(|| examine_sha1(pairs, &nine, given("sign"), used, Purpose::Pay))
        .flatten();
    Explanation {
        forms,
        left_out: Vec::new(),
        slips: slips.unwrap_or_default(),
    }
}

fn partner(domain: &Domain, fields: &Fields, now_ms: i64) -> Explanation {
    let mut named = fields.named();
    named.retain(|(name, _)| name != Param::Sign.name());
    named.sort();
    let lines = as_sent(&named);
    let form = Explained {
        name: ("MD5 over key and fields", "密钥和字段的 MD5"),
        text: format!("{MASK}{}", lines.join("&")),
        lines,
        holds: false,
    };
    let proves = |key: &Secret| verifies(fields, key);
    let examine = |key: &Secret| examine_forecore(fields, key);
    one_form(domain, now_ms, form, proves, examine)
}

fn epay(domain: &Domain, fields: &Fields, now_ms: i64) -> Explanation {
    let named = signed(fields);
    let line = |(name, value): &(String, String)| format!("{name}={value}");
    let lines: Vec<_> = named.iter().map(line).collect();
    let form = Explained {
        name: ("MD5 over fields and key", "字段和密钥的 MD5"),
        text: format!("{}{MASK}", lines.join("&")),
        lines,
        holds: false,
    };
    let proves = |key: &Secret| holds(fields, key);
    let examine = |key: &Secret| examine_epay(fields, key);
    one_form(domain, now_ms, form, proves, examine)
}

/// The one form that a sign has, with whether it holds by one of the live secrets, and
/// else what was done otherwise.
fn one_form(
    domain: &Domain,
    now_ms: i64,
    form: Explained,
    proves: impl Fn(&Secret) -> bool,
    examine: impl Fn(&Secret) -> Option<Slips>,
) -> Explanation {
    let holds = domain.live_secrets(now_ms).any(&proves);
    let slips = match holds {
        true => None,
        false => examined(domain, now_ms, proves, examine),
    };
    Explanation {
        forms: vec![Explained { holds, ..form }],
        left_out: Vec::new(),
        slips: slips.unwrap_or_default(),
    }
}

/// The lines with the mask in the secret's place.
fn masked(lines: &[&str], secret: &Secret) -> Vec<String> {
    let place = lines.iter().position(|line| *line == secret.expose());
    let shown = lines.iter().enumerate();
    shown
        .map(|(at, line)| if Some(at) == place { MASK } else { line }.to_owned())
        .collect()
}

/// Where two texts begin to differ: the byte's place, from 0, and what stands there in
/// each, a little of it. Nothing where they are the same.
fn first_difference<'a>(ours: &'a str, theirs: &'a str) -> Option<(usize, &'a str, &'a str)> {
    const AROUND: usize = 16;
    if ours == theirs {
        return None;
    }
    let same = ours.bytes().zip(theirs.bytes());
    let mut place = same.take_while(|(one, other)| one == other).count();
    while !ours.is_char_boundary(place) || !theirs.is_char_boundary(place) {
        place -= 1;
    }
    let from = |text: &'a str| {
        let rest = &text[place..];
        let end = rest.char_indices().nth(AROUND);
        &rest[..end.map_or(rest.len(), |(end, _)| end)]
    };
    Some((place, from(ours), from(theirs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_found_between_whole_characters() {
        assert_eq!(first_difference("abc", "abc"), None);
        assert_eq!(first_difference("ab耳c", "ab机c"), Some((2, "耳c", "机c")));
        assert_eq!(first_difference("ab", "abc"), Some((2, "", "c")));
    }
}
