//! The SHA-1 sign over values (docs/signing.md, SHA-1), as it goes wrong.

use super::order::{case_folded, php, sort_by};
use super::values::{Named, as_sent, changed, known, named, one_left_out, one_more};
use super::{Made, Search, Slip, Slips, secrets_as_pasted};
use crate::domain::Secret;
use crate::pairs::Pairs;
use crate::param::Param;
use crate::sign::{Purpose, sort_utf16};

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
    for (slip, named) in changed(&named)
        .into_iter()
        .chain(one_left_out(&named, known))
        .chain(one_more(&named, pairs, &[Param::Openid, Param::Lang]))
    {
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
    let text = joined(named, Some(secret.expose()));
    search.text(&[], &text, "", &[Made::Sha1, Made::Sha512]);
    search.text(&[Slip::LineEnd], &format!("{text}\n"), "", &MADE);
    search.text(
        &[Slip::ByteOrderMark],
        &format!("\u{feff}{text}"),
        "",
        &MADE,
    );
    let without = joined(named, None);
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
    let mut sorted = values(named);
    sorted.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    for (order, of) in [
        (None, sorted),
        (Some(Slip::SortedByName), values(&by_name)),
        (Some(Slip::NotSorted), values(named)),
    ] {
        let of = of.concat();
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
    for (slip, compare) in [
        (Slip::CodePoint, str::cmp as fn(&str, &str) -> _),
        (Slip::PhpSort, php),
        (Slip::CaseFolded, case_folded),
        (Slip::Downwards, |a, b| {
            b.encode_utf16().cmp(a.encode_utf16())
        }),
    ] {
        let mut all = values(named);
        all.push(secret.to_owned());
        sort_by(&mut all, compare);
        let slips: Vec<Slip> = slips.iter().copied().chain([slip]).collect();
        search.text(&slips, &all.concat(), "", &MADE);
    }
    let mut all = values(named);
    all.push(secret.to_owned());
    all.sort_by(|a, b| a.encode_utf16().cmp(b.encode_utf16()));
    let mut once = all.clone();
    once.dedup();
    let slips_of = |slip: Slip| -> Vec<Slip> { slips.iter().copied().chain([slip]).collect() };
    search.text(&slips_of(Slip::EqualOnce), &once.concat(), "", &MADE);
    for separator in SEPARATORS {
        search.text(&slips_of(Slip::Separated), &all.join(separator), "", &MADE);
    }
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
            let text = joined(&all, Some(secret.expose()));
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
    if search.is_over() {
        return;
    }
    let word = pairs.get(Param::SignType.name()).unwrap_or_default();
    let with = [
        named.as_slice(),
        &[("signType".into(), "HMAC-SHA256".into())],
    ]
    .concat();
    for named in [&with, named] {
        let text = super::hmac::text(purpose.word(), named);
        let made = [Made::HmacSha256];
        if word.is_empty() {
            search.text(&[Slip::SignTypeMissing], &text, secret.expose(), &made);
        }
    }
}

fn sorted(search: &mut Search<'_>, slips: &[Slip], named: &Named, secret: &str) {
    search.text(slips, &joined(named, Some(secret)), "", &MADE);
}

/// The values and the secret as the document joins them.
fn joined(named: &Named, secret: Option<&str>) -> String {
    let mut all: Vec<&str> = named.iter().map(|(_, value)| value.as_str()).collect();
    all.extend(secret);
    sort_utf16(&mut all);
    all.concat()
}

fn values(named: &Named) -> Vec<String> {
    named.iter().map(|(_, value)| value.clone()).collect()
}
