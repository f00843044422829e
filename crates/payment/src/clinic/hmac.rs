//! The HMAC sign over names and values (docs/signing.md, HMAC-SHA256), as it goes wrong.

use super::order::sorted_values;
use super::values::{Named, as_sent, joined, lower_escapes, named, variants};
use super::{Made, Search, secrets_as_pasted};
use crate::domain::Secret;
use crate::escape::{escape, escape_keeping};
use crate::pairs::Pairs;
use crate::param::Param;
use crate::sign::{Purpose, java_url_encode};
use crate::slip::{Slip, Slips};

/// The right one first, and those that are taken in its place.
const MADE: [Made; 6] = [
    Made::HmacSha256,
    Made::HmacSha1,
    Made::HmacMd5,
    Made::Sha256,
    Made::Sha1,
    Made::Md5,
];
const PURPOSES: [Purpose; 4] = [
    Purpose::Pay,
    Purpose::Query,
    Purpose::Refund,
    Purpose::Close,
];

/// What was done otherwise, where the sign comes out so. `signed` are the names and
/// values that this sign covers, in the order in which they were sent.
pub(crate) fn examine_hmac(
    pairs: &Pairs,
    signed: &[(&str, &str)],
    sign: &str,
    secret: &Secret,
    purpose: Purpose,
) -> Option<Slips> {
    let mut search = Search::new(sign);
    let named = named(signed);
    let right = text(purpose.word(), &named);
    for (slip, pasted) in secrets_as_pasted(secret) {
        search.text(slip.as_slice(), &right, &pasted, &MADE);
    }
    texts(&mut search, purpose, &named, secret.expose());
    let more = [Param::Openid, Param::Lang, Param::PayTypeCode];
    for (slip, named) in variants(&named, pairs, &more) {
        let slip = match slip {
            Slip::LeftOut("signType") => Slip::SignTypeNotSigned,
            // They are escaped for this sign anyway.
            Slip::Escaped => Slip::EscapedTwice,
            slip => slip,
        };
        search.text(
            &[slip],
            &text(purpose.word(), &named),
            secret.expose(),
            &MADE[..1],
        );
    }
    old_form(&mut search, &named, secret.expose());
    empties(&mut search, pairs, purpose, &named, secret.expose());
    search.found
}

/// The text that is signed.
pub(super) fn text(word: &str, named: &Named) -> String {
    format!("{word}\n{}", joined(named, escape))
}

/// Other texts of the same values.
fn texts(search: &mut Search<'_>, purpose: Purpose, named: &Named, secret: &str) {
    let made = &MADE[..1];
    let word = purpose.word();
    let right = joined(named, escape);
    search.text(&[Slip::NoPurpose], &right, secret, &MADE);
    search.text(&[Slip::NoPurpose], &format!("\n{right}"), secret, made);
    search.text(
        &[Slip::BackslashN],
        &format!("{word}\\n{right}"),
        secret,
        made,
    );
    search.text(
        &[Slip::CarriageReturn],
        &format!("{word}\r\n{right}"),
        secret,
        made,
    );
    search.text(
        &[Slip::LineEnd],
        &format!("{word}\n{right}\n"),
        secret,
        made,
    );
    for other in PURPOSES.into_iter().filter(|other| *other != purpose) {
        let slip = Slip::OtherPurpose(other);
        search.text(&[slip], &text(other.word(), named), secret, made);
    }
    let java = |value: &str| escape_keeping(value, b"-._~ ").replace(' ', "+");
    let otherwise = Slip::EscapedOtherwise;
    for (slips, text) in [
        (vec![Slip::NotEscaped], joined(named, str::to_owned)),
        (
            vec![Slip::LowerEscapes],
            joined(named, |value| lower_escapes(&escape(value))),
        ),
        (
            vec![Slip::SlashBare],
            joined(named, |value| escape_keeping(value, b"-._~/")),
        ),
        (vec![otherwise], joined(named, java_url_encode)),
        (vec![otherwise], joined(named, java)),
        (
            vec![otherwise],
            joined(named, |value| escape_keeping(value, b"-._~!'()*")),
        ),
        (
            vec![otherwise],
            joined(named, |value| escape_keeping(value, b"-._")),
        ),
        (
            vec![otherwise, Slip::LowerEscapes],
            joined(named, |value| lower_escapes(&java_url_encode(value))),
        ),
    ] {
        let bare = [slips.as_slice(), &[Slip::NoPurpose]].concat();
        search.text(&slips, &format!("{word}\n{text}"), secret, made);
        search.text(&bare, &text, secret, made);
    }
    let mut by_value = as_sent(named);
    by_value.sort_by(|a, b| value_of(a).cmp(value_of(b)));
    let by_value = format!("{word}\n{}", by_value.join("&"));
    search.text(&[Slip::SortedByValue], &by_value, secret, made);
    let as_sent = as_sent(named);
    let as_sent = format!("{word}\n{}", as_sent.join("&"));
    search.text(&[Slip::NotSorted], &as_sent, secret, made);
    for (slip, text) in [
        (Slip::SecretAsKey, format!("{right}&key={secret}")),
        (Slip::SecretLast, format!("{word}\n{right}{secret}")),
        (Slip::SecretFirst, format!("{secret}{word}\n{right}")),
    ] {
        search.text(&[slip], &text, secret, &MADE);
    }
    let values = sorted_values(named, None);
    search.text(&[Slip::NoNames], &values, secret, made);
    search.text(&[Slip::NoNames], &format!("{word}\n{values}"), secret, made);
}

/// Empty values that were signed: those that were sent, and those of parameters that were
/// not, one, two or all of them.
fn empties(search: &mut Search<'_>, pairs: &Pairs, purpose: Purpose, named: &Named, secret: &str) {
    let sent = pairs.iter().filter(|(_, value)| value.is_empty());
    let sent: Vec<&str> = sent.map(|(name, _)| name).collect();
    let absent = Param::ALL.map(Param::name).into_iter();
    let absent: Vec<&str> = absent
        .filter(|absent| !named.iter().any(|(name, _)| name == absent))
        .collect();
    let signed = |name: &&str| Param::parse(name).is_some_and(|param| !param.is_unsigned());
    let all: Vec<&str> = absent.iter().copied().filter(signed).collect();
    let ones = absent.iter().map(|one| vec![*one]);
    let twos = absent.iter().enumerate().flat_map(|(place, one)| {
        let others = absent[place + 1..].iter();
        others.map(|other| vec![*one, *other])
    });
    for empties in [sent, all].into_iter().chain(ones).chain(twos) {
        let empties = empties
            .into_iter()
            .map(|name| (name.to_owned(), String::new()));
        let signed: Named = named.iter().cloned().chain(empties).collect();
        let text = text(purpose.word(), &signed);
        search.text(&[Slip::EmptyToo], &text, secret, &MADE[..1]);
    }
}

/// What stands behind a pair's name.
fn value_of(pair: &str) -> &str {
    pair.split_once('=').map_or("", |(_, value)| value)
}

/// The SHA-1 sign under the name of this one: with signType's value, or without.
fn old_form(search: &mut Search<'_>, named: &Named, secret: &str) {
    for with_type in [true, false] {
        let signed = named
            .iter()
            .filter(|(name, _)| with_type || name != Param::SignType.name());
        let text = sorted_values(&signed.cloned().collect(), Some(secret));
        search.text(&[Slip::OldForm], &text, "", &[Made::Sha1]);
    }
}
