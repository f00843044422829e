//! The MD5 sign of a partner (docs/forecore.md, The sign), as it goes wrong.

use super::values::{Named, as_sent, changed, filled, joined, lower_escapes, one_left_out};
use super::{Made, Search, secrets_as_pasted};
use crate::domain::Secret;
use crate::escape::{escape, escape_keeping};
use crate::fields::Fields;
use crate::sign::java_url_encode;
use crate::slip::{Slip, Slips};

/// The right one first, and those that are taken in its place.
const MADE: [Made; 3] = [Made::Md5, Made::Sha1, Made::Sha256];

/// The fields of its calls (docs/forecore.md).
const NAMES: [&str; 13] = [
    "partnerId",
    "outOrderId",
    "money",
    "currency",
    "cb_url",
    "return_url",
    "userId",
    "type",
    "payment",
    "time",
    "orderId",
    "out_refund_no",
    "status",
];

/// What was done otherwise, where the sign of these fields comes out so.
#[must_use]
pub fn examine_forecore(fields: &Fields, key: &Secret) -> Option<Slips> {
    let sign = fields.get("sign").unwrap_or_default();
    let mut search = Search::new(sign);
    let all = fields.named();
    let named: Named = all
        .iter()
        .filter(|(name, _)| name != "sign")
        .cloned()
        .collect();
    let text = joined(&named, escape);
    for (slip, pasted) in secrets_as_pasted(key) {
        search.text(slip.as_slice(), &format!("{pasted}{text}"), "", &MADE);
    }
    let key = key.expose();
    search.text(&[Slip::NoSecret], &text, "", &MADE);
    let keyed = [Made::Md5, Made::HmacMd5, Made::HmacSha1, Made::HmacSha256];
    search.text(&[], &text, key, &keyed);
    search.text(&[Slip::LineEnd], &format!("{key}{text}\n"), "", &MADE);
    for (slip, named) in changed(&named) {
        let slip = match slip {
            // They are escaped for this sign anyway.
            Slip::Escaped => Slip::EscapedTwice,
            slip => slip,
        };
        let text = format!("{key}{}", joined(&named, escape));
        search.text(&[slip], &text, "", &MADE[..1]);
    }
    let known = |name: &str| NAMES.into_iter().find(|known| *known == name);
    for (slip, named) in one_left_out(&named, known) {
        let text = format!("{key}{}", joined(&named, escape));
        search.text(&[slip], &text, "", &MADE[..1]);
    }
    let mut with_key = named.clone();
    with_key.push(("key".to_owned(), key.to_owned()));
    let with_key = joined(&with_key, escape);
    search.text(&[Slip::SecretAsKey], &with_key, "", &MADE);
    search.text(&[Slip::Separated], &format!("{key}&{text}"), "", &MADE);
    let as_sent = as_sent(&named);
    let values: Vec<&str> = named.iter().map(|(_, value)| value.as_str()).collect();
    let bare = |value: &str| value.to_owned();
    let filled = filled(&named);
    for (slips, text) in [
        (vec![], text),
        // Right too (docs/forecore.md, The sign), and wrong with the key elsewhere.
        (vec![], joined(&filled, escape)),
        (vec![Slip::NotEscaped], joined(&named, bare)),
        (vec![Slip::NotEscaped], joined(&filled, bare)),
        (
            vec![Slip::LowerEscapes],
            joined(&named, |value| lower_escapes(&escape(value))),
        ),
        (
            vec![Slip::LowerEscapes],
            joined(&named, |value| lower_escapes(&java_url_encode(value))),
        ),
        (
            vec![Slip::SlashBare],
            joined(&named, |value| escape_keeping(value, b"-._~/")),
        ),
        (
            vec![Slip::SlashBare],
            joined(&named, |value| escape_keeping(value, b"-._~:/")),
        ),
        (vec![Slip::SignToo], joined(&all, escape)),
        (vec![Slip::NotSorted], as_sent.join("&")),
        (vec![Slip::Separated], as_sent.concat()),
        (vec![Slip::NoNames], values.concat()),
    ] {
        let also = |slip: Slip| [slips.as_slice(), &[slip]].concat();
        search.text(&slips, &format!("{key}{text}"), "", &MADE);
        search.text(&also(Slip::SecretLast), &format!("{text}{key}"), "", &MADE);
        search.text(
            &also(Slip::SecretAsKey),
            &format!("{text}&key={key}"),
            "",
            &MADE,
        );
        search.text(&also(Slip::NoSecret), &text, "", &MADE);
    }
    search.found
}
