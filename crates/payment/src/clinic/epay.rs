//! The MD5 sign of epay (docs/epay.md, The sign), as it goes wrong.

use super::values::{Named, changed, joined, one_left_out};
use super::{Made, Search, secrets_as_pasted};
use crate::domain::Secret;
use crate::fields::Fields;
use crate::sign::equal;
use crate::slip::{Slip, Slips};

/// What no sign covers.
const SIGNS: [&str; 2] = ["sign", "sign_type"];

/// What news of an order tells.
const NEWS: [&str; 8] = [
    "pid",
    "trade_no",
    "out_trade_no",
    "type",
    "name",
    "money",
    "trade_status",
    "param",
];

/// The right one first, and those that are taken in its place.
const MADE: [Made; 3] = [Made::Md5, Made::Sha1, Made::Sha256];

/// The fields that a client may have forgotten to sign.
const NAMES: [&str; 14] = [
    "pid",
    "type",
    "out_trade_no",
    "notify_url",
    "return_url",
    "name",
    "money",
    "param",
    "clientip",
    "device",
    "sitename",
    "cid",
    "mid",
    "act",
];

/// The fields that a sign covers, by name: those that are not blank, and of news none that
/// stood in the receiver's address before.
pub(crate) fn signed(fields: &Fields) -> Named {
    let is_news = fields.get("trade_status").is_some();
    let mut named = fields.named();
    named.retain(|(name, value)| {
        let name = name.as_str();
        let is_ours = !is_news || NEWS.contains(&name);
        is_ours && !SIGNS.contains(&name) && !is_blank(value)
    });
    named.sort();
    named
}

/// Whether the sign is that of these fields, or, as old clients make it, of them without
/// backslashes.
pub(crate) fn holds(fields: &Fields, key: &Secret) -> bool {
    let sign = fields.get("sign").unwrap_or_default().to_ascii_lowercase();
    [fields, &fields.clone().unslashed()].iter().any(|fields| {
        let text = joined(&signed(fields), str::to_owned);
        let digest = Made::Md5.of(format!("{text}{}", key.expose()).as_bytes(), b"");
        equal(&hex::encode(digest), &sign)
    })
}

fn is_blank(value: &str) -> bool {
    value.trim_matches(' ').is_empty()
}

/// What was done otherwise, where the sign of these fields comes out so.
#[must_use]
pub fn examine_epay(fields: &Fields, key: &Secret) -> Option<Slips> {
    // Either case is right.
    let sign = fields.get("sign").unwrap_or_default().to_ascii_lowercase();
    let mut search = Search::new(&sign);
    let but = |names: &[&str]| -> Named {
        let all = fields.named().into_iter();
        all.filter(|(name, _)| !names.contains(&name.as_str()))
            .collect()
    };
    let filled = |named: &Named| -> Named {
        let there = named.iter();
        there
            .filter(|(_, value)| !is_blank(value))
            .cloned()
            .collect()
    };
    let bare = |value: &str| value.to_owned();
    let all = but(&SIGNS);
    let named = filled(&all);
    let text = joined(&named, bare);
    for (slip, pasted) in secrets_as_pasted(key) {
        search.text(slip.as_slice(), &format!("{text}{pasted}"), "", &MADE);
    }
    let key = key.expose();
    let keyed = [Made::Md5, Made::HmacMd5, Made::HmacSha1, Made::HmacSha256];
    search.text(&[Slip::NoSecret], &text, key, &keyed);
    for (slip, named) in changed(&named) {
        let text = joined(&named, bare);
        search.text(&[slip], &format!("{text}{key}"), "", &MADE[..1]);
    }
    let known = |name: &str| NAMES.into_iter().find(|known| *known == name);
    for (slip, named) in one_left_out(&named, known) {
        let text = joined(&named, bare);
        search.text(&[slip], &format!("{text}{key}"), "", &MADE[..1]);
    }
    let sent: Vec<_> = named
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let values: Vec<_> = named.iter().map(|(_, value)| value.as_str()).collect();
    for (slip, text) in [
        (None, text),
        (Some(Slip::EmptyToo), joined(&all, bare)),
        (
            Some(Slip::UnsignedToo("sign_type")),
            joined(&filled(&but(&["sign"])), bare),
        ),
        (Some(Slip::NotSorted), sent.join("&")),
        (Some(Slip::NoNames), values.concat()),
    ] {
        let also = |other: Slip| [slip.as_slice(), &[other]].concat();
        search.text(slip.as_slice(), &format!("{text}{key}"), "", &MADE);
        search.text(
            &also(Slip::SecretAsKey),
            &format!("{text}&key={key}"),
            "",
            &MADE,
        );
        search.text(&also(Slip::SecretFirst), &format!("{key}{text}"), "", &MADE);
    }
    search.found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_is_named_and_other_slips_are_told() {
        let key = Secret::new(1, "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i", None);
        let query = "pid=1001&trade_no=20160806151343349021&out_trade_no=20160806151343349\
            &type=alipay&name=VIP%E4%BC%9A%E5%91%98&money=1&trade_status=TRADE_SUCCESS&param=";
        let slips = |sign: &str| {
            let fields = Fields::from_query(&format!("{query}&sign={sign}&sign_type=MD5"));
            examine_epay(&fields.unwrap(), &key)
        };
        // The first is what some resellers' clients make, the second is right.
        let named = slips("a10bec87d8d87cf5aa61cb8eff769d47");
        assert_eq!(named, Some(vec![Slip::SecretAsKey]));
        assert_eq!(slips("d234c00c90982004526450b6a5e31089"), Some(vec![]));
        let text = "money=1&name=VIP会员&out_trade_no=20160806151343349&param=&pid=1001\
            &trade_no=20160806151343349021&trade_status=TRADE_SUCCESS&type=alipay";
        let md5 = |text: String| hex::encode(Made::Md5.of(text.as_bytes(), b""));
        let empty = md5(format!("{text}{}", key.expose()));
        assert_eq!(slips(&empty), Some(vec![Slip::EmptyToo]));
        let kind = text
            .replace("&param=", "")
            .replace("&trade_no", "&sign_type=MD5&trade_no");
        let typed = md5(format!("{kind}{}", key.expose()));
        assert_eq!(slips(&typed), Some(vec![Slip::UnsignedToo("sign_type")]));
        let first = md5(format!("{}{}", key.expose(), text.replace("&param=", "")));
        assert_eq!(slips(&first), Some(vec![Slip::SecretFirst]));
    }
}
