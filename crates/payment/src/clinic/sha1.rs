//! The SHA-1 sign over values (docs/signing.md, SHA-1), as it goes wrong.

use super::order::{case_folded, php, sort_by, sorted_values};
use super::values::{Named, as_sent, named, variants};
use super::{Made, Search, secrets_as_pasted};
use crate::domain::Secret;
use crate::pairs::Pairs;
use crate::param::Param;
use crate::sign::{Purpose, sort_utf16};
use crate::slip::{Slip, Slips};

/// The right digest first, and those that are taken in its place.
const MADE: [Made; 3] = [Made::Sha1, Made::Md5, Made::Sha256];
/// What stands between values where something does.
const SEPARATORS: [&str; 6] = ["&", ",", "|", " ", "\n", "+"];
/// So many parameters may be missing.
const MISSING_MAX: usize = 8;

/// What was done otherwise, where the sign comes out so. `signed` are the names and
/// values that this sign covers, in the order in which they were sent.
pub(crate) fn examine_sha1(
    pairs: &Pairs,
    signed: &[(&str, &str)],
    sign: &str,
    secret: &Secret,
    purpose: Purpose,
) -> Option<Slips> {
    let mut search = Search::new(sign);
    let named = named(signed);
    right_text(&mut search, &named, secret);
    orders(&mut search, &[], &named, secret);
    for (slip, named) in variants(&named, pairs, &[Param::Openid, Param::Lang]) {
        sorted(&mut search, &[slip], &named, secret.expose());
        if slip == Slip::Escaped {
            orders(&mut search, &[slip], &named, secret);
        }
    }
    undefined(&mut search, &named, secret);
    as_hmac(&mut search, pairs, &named, secret, purpose);
    search.found
}

/// The text that is right, with what is done to it afterwards.
fn right_text(search: &mut Search<'_>, named: &Named, secret: &Secret) {
    for (slip, pasted) in secrets_as_pasted(secret) {
        sorted(search, slip.as_slice(), named, &pasted);
    }
    let text = sorted_values(named, Some(secret.expose()));
    search.text(&[], &text, "", &[Made::Sha1, Made::Sha512]);
    search.text(&[Slip::LineEnd], &format!("{text}\n"), "", &MADE);
    search.text(
        &[Slip::ByteOrderMark],
        &format!("\u{feff}{text}"),
        "",
        &MADE,
    );
    let without = sorted_values(named, None);
    search.text(&[Slip::NoSecret], &without, "", &MADE);
    let keyed = [Made::Sha1, Made::HmacSha1, Made::HmacSha256, Made::HmacMd5];
    search.text(&[], &text, secret.expose(), &keyed);
    search.text(&[], &without, secret.expose(), &keyed);
}

/// The values in other orders, and the secret in other places.
fn orders(search: &mut Search<'_>, slips: &[Slip], named: &Named, secret: &Secret) {
    let secret = secret.expose();
    let mut by_name = named.clone();
    by_name.sort();
    for (order, of) in [
        (None, sorted_values(named, None)),
        (Some(Slip::SortedByName), values(&by_name).concat()),
        (Some(Slip::NotSorted), values(named).concat()),
    ] {
        let also = |place: Slip| -> Vec<Slip> {
            slips.iter().copied().chain(order).chain([place]).collect()
        };
        search.text(&also(Slip::SecretLast), &format!("{of}{secret}"), "", &MADE);
        search.text(
            &also(Slip::SecretFirst),
            &format!("{secret}{of}"),
            "",
            &MADE,
        );
        let around = format!("{secret}{of}{secret}");
        search.text(&also(Slip::SecretFirst), &around, "", &MADE);
    }
    let also = |slip: Slip| [slips, &[slip]].concat();
    let all = [values(named), vec![secret.to_owned()]].concat();
    for (slip, compare) in [
        (Slip::CodePoint, str::cmp as fn(&str, &str) -> _),
        (Slip::PhpSort, php),
        (Slip::CaseFolded, case_folded),
        (Slip::Downwards, |a, b| {
            b.encode_utf16().cmp(a.encode_utf16())
        }),
    ] {
        let mut all = all.clone();
        sort_by(&mut all, compare);
        search.text(&also(slip), &all.concat(), "", &MADE);
    }
    let mut all: Vec<&str> = all.iter().map(String::as_str).collect();
    sort_utf16(&mut all);
    for separator in SEPARATORS {
        search.text(&also(Slip::Separated), &all.join(separator), "", &MADE);
    }
    all.dedup();
    search.text(&also(Slip::EqualOnce), &all.concat(), "", &MADE);
    names_too(search, slips, &by_name, secret);
}

/// `name=value`, as WeChat's and Alipay's old signs have it.
fn names_too(search: &mut Search<'_>, slips: &[Slip], by_name: &Named, secret: &str) {
    let bare = by_name
        .iter()
        .map(|(name, value)| format!("{name}={value}"));
    for pairs in [bare.collect(), as_sent(by_name)] {
        for between in ["&", ""] {
            let text = pairs.join(between);
            let also = |more: Slip| -> Vec<Slip> {
                slips.iter().copied().chain([Slip::Names, more]).collect()
            };
            let key = format!("{text}&key={secret}");
            search.text(&also(Slip::SecretAsKey), &key, "", &MADE);
            search.text(
                &also(Slip::SecretLast),
                &format!("{text}{secret}"),
                "",
                &MADE,
            );
            search.text(
                &also(Slip::SecretFirst),
                &format!("{secret}{text}"),
                "",
                &MADE,
            );
            search.text(&also(Slip::NoSecret), &text, "", &MADE);
        }
    }
}

/// What JavaScript and others make of parameters that are not there.
fn undefined(search: &mut Search<'_>, named: &Named, secret: &Secret) {
    for word in ["undefined", "null", "None"] {
        let mut all = named.clone();
        for _ in 0..MISSING_MAX {
            all.push((String::new(), word.to_owned()));
            let text = sorted_values(&all, Some(secret.expose()));
            search.text(&[Slip::Undefined], &text, "", &[Made::Sha1]);
        }
    }
}

/// An HMAC sign whose signType was forgotten.
fn as_hmac(
    search: &mut Search<'_>,
    pairs: &Pairs,
    named: &Named,
    secret: &Secret,
    purpose: Purpose,
) {
    if !pairs
        .get(Param::SignType.name())
        .unwrap_or_default()
        .is_empty()
    {
        return;
    }
    let signed = (Param::SignType.name().to_owned(), "HMAC-SHA256".to_owned());
    for named in [&[named.as_slice(), &[signed]].concat(), named] {
        let text = super::hmac::text(purpose.word(), named);
        let made = [Made::HmacSha256];
        search.text(&[Slip::SignTypeMissing], &text, secret.expose(), &made);
    }
}

fn sorted(search: &mut Search<'_>, slips: &[Slip], named: &Named, secret: &str) {
    search.text(slips, &sorted_values(named, Some(secret)), "", &MADE);
}

fn values(named: &Named) -> Vec<String> {
    named.iter().map(|(_, value)| value.clone()).collect()
}
