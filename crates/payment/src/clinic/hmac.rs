//! The HMAC sign over names and values (docs/signing.md, HMAC-SHA256), as it goes wrong.

use super::sha1::sorted_values;
use super::values::{Named, as_sent, joined, named, variants};
use super::{Made, Search, Slip, Slips, secrets_as_pasted};
use crate::domain::Secret;
use crate::pairs::{Pairs, escape, escape_keeping};
use crate::param::Param;
use crate::sign::{Purpose, java_url_encode};

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
    let lower = |value: &str| {
        // Only the escapes: what is bare keeps its case.
        let mut parts = value.split('%');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let (hex, rest) = part.split_at(2.min(part.len()));
            format!("{text}%{}{rest}", hex.to_lowercase())
        })
    };
    let java = |value: &str| escape_keeping(value, b"-._~ ").replace(' ', "+");
    for (slip, text) in [
        (Slip::NotEscaped, joined(named, str::to_owned)),
        (Slip::EscapedOtherwise, joined(named, java_url_encode)),
        (Slip::EscapedOtherwise, joined(named, java)),
        (
            Slip::EscapedOtherwise,
            joined(named, |value| escape_keeping(value, b"-._~!'()*")),
        ),
        (
            Slip::EscapedOtherwise,
            joined(named, |value| escape_keeping(value, b"-._~/")),
        ),
        (
            Slip::EscapedOtherwise,
            joined(named, |value| escape_keeping(value, b"-._")),
        ),
        (
            Slip::EscapedOtherwise,
            joined(named, |value| lower(&escape(value))),
        ),
    ] {
        search.text(&[slip], &format!("{word}\n{text}"), secret, made);
        search.text(&[slip, Slip::NoPurpose], &text, secret, made);
    }
    let mut by_value = as_sent(named);
    by_value.sort_by(|a, b| value_of(a).cmp(value_of(b)));
    let by_value = format!("{word}\n{}", by_value.join("&"));
    search.text(&[Slip::SortedByValue], &by_value, secret, made);
    for param in Param::ALL {
        let mut all = named.clone();
        if !all.iter().any(|(name, _)| name == param.name()) {
            all.push((param.name().to_owned(), String::new()));
            search.text(&[Slip::EmptyToo], &text(word, &all), secret, made);
        }
    }
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
