//! Values as they are changed on the way to a sign, by those who change them.

use crate::escape::{escape, escape_keeping};
use crate::money::two_decimals;
use crate::pairs::Pairs;
use crate::param::Param;
use crate::sign::java_url_encode;
use crate::slip::Slip;

/// Names and values, in the order in which they were sent.
pub(super) type Named = Vec<(String, String)>;

/// The parameters of the platform's, changed, one left out, or one of `more` signed too.
pub(super) fn variants(named: &Named, pairs: &Pairs, more: &[Param]) -> Vec<(Slip, Named)> {
    let known = |name: &str| Param::parse(name).map(Param::name);
    let left_out = one_left_out(named, known);
    [
        changed(named),
        in_yuan(named),
        left_out,
        one_more(named, pairs, more),
    ]
    .concat()
}

/// What each way makes of them; only those that change anything.
pub(super) fn changed(named: &Named) -> Vec<(Slip, Named)> {
    let each = |slip: Slip, change: &dyn Fn(&str, &str) -> String| {
        let pairs = named.iter();
        let pairs = pairs.map(|(name, value)| (name.clone(), change(name, value)));
        (slip, pairs.collect::<Named>())
    };
    let html = |_: &str, value: &str| {
        let amp = value.replace('&', "&amp;").replace('<', "&lt;");
        amp.replace('>', "&gt;").replace('"', "&quot;")
    };
    let decimals = |zeros: &'static str| {
        each(Slip::Decimals, &move |name, value| match fen(name, value) {
            Some(fen) => format!("{fen}.{zeros}"),
            None => value.to_owned(),
        })
    };
    let ways = [
        each(Slip::Escaped, &|_, value| escape(value)),
        each(Slip::Escaped, &|_, value| java_url_encode(value)),
        each(Slip::Escaped, &|_, value| {
            lower_escapes(&java_url_encode(value))
        }),
        each(Slip::Escaped, &|_, value| {
            escape_keeping(value, b"-._~!'()*")
        }),
        each(Slip::Escaped, &|_, value| {
            escape_keeping(value, b"-._~!'()*:/?#[]@$&+,;=")
        }),
        each(Slip::Escaped, &|_, value| {
            escape_keeping(value, b"-._~ ").replace(' ', "+")
        }),
        each(Slip::PlusSentBare, &|_, value| value.replace(' ', "+")),
        each(Slip::EncodedTwice, &|_, value| decoded(value)),
        each(Slip::Trimmed, &|_, value| value.trim().to_owned()),
        each(Slip::HtmlEscaped, &html),
        decimals("0"),
        decimals("00"),
    ];
    ways.into_iter()
        .filter(|(_, changed)| changed != named)
        .collect()
}

/// With the platform's sums, which are fen, in yuan. Partners' are yuan.
fn in_yuan(named: &Named) -> Vec<(Slip, Named)> {
    let with = |yuan: fn(i64) -> String| {
        let pairs = named.iter().map(|(name, value)| {
            let yuan = fen(name, value).map(yuan);
            (name.clone(), yuan.unwrap_or_else(|| value.clone()))
        });
        (Slip::Yuan, pairs.collect::<Named>())
    };
    let ways = [with(two_decimals), with(|fen| (fen / 100).to_string())];
    ways.into_iter()
        .filter(|(_, changed)| changed != named)
        .collect()
}

/// Without one of `known` each.
pub(super) fn one_left_out(
    named: &Named,
    known: impl Fn(&str) -> Option<&'static str>,
) -> Vec<(Slip, Named)> {
    let without = |place: usize| {
        let name = known(&named[place].0)?;
        let mut rest = named.clone();
        rest.remove(place);
        Some((Slip::LeftOut(name), rest))
    };
    (0..named.len()).filter_map(without).collect()
}

/// With one that no sign covers each.
fn one_more(named: &Named, pairs: &Pairs, more: &[Param]) -> Vec<(Slip, Named)> {
    let with = |param: &Param| {
        let value = pairs.get(param.name()).filter(|value| !value.is_empty())?;
        let mut all = named.clone();
        all.push((param.name().to_owned(), value.to_owned()));
        Some((Slip::UnsignedToo(param.name()), all))
    };
    more.iter().filter_map(with).collect()
}

/// `name=value`, sorted by name, joined by `&`.
pub(super) fn joined(named: &Named, escape: impl Fn(&str) -> String) -> String {
    let mut named: Vec<_> = named.iter().collect();
    named.sort();
    let pairs = named
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

/// The same as they were sent.
pub(crate) fn as_sent(named: &Named) -> Vec<String> {
    let pairs = named.iter();
    pairs
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect()
}

/// Owned, as they were sent.
pub(crate) fn named(pairs: &[(&str, &str)]) -> Named {
    let owned = pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    owned.collect()
}

/// Those that are not empty.
pub(super) fn filled(named: &Named) -> Named {
    let filled = named.iter().filter(|(_, value)| !value.is_empty());
    filled.cloned().collect()
}

/// Escaped text with its escapes in lower case: what is bare keeps its case.
pub(super) fn lower_escapes(escaped: &str) -> String {
    let mut parts = escaped.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (hex, rest) = part.split_at(2.min(part.len()));
        format!("{text}%{}{rest}", hex.to_lowercase())
    })
}

/// The whole number that a sum is.
fn fen(name: &str, value: &str) -> Option<i64> {
    let sums = [Param::Money, Param::RefundMoney];
    let is_sum = sums.iter().any(|param| param.name() == name);
    is_sum.then(|| value.parse().ok()).flatten()
}

/// A value that was encoded twice; as it is where it was not.
fn decoded(value: &str) -> String {
    let pair = format!("v={value}");
    let read = (!value.contains('&')).then(|| Pairs::from_query(&pair).ok());
    let read = read
        .flatten()
        .and_then(|pairs| pairs.get("v").map(str::to_owned));
    read.unwrap_or_else(|| value.to_owned())
}
