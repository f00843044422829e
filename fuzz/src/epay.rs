//! Epay's fields: one sign is read in one way.

use doors::epay::{OrderCall, as_signed, md5_sign, one_meaning, verifies};
use payment::domain::Secret;
use payment::fields::Fields;
use payment::pairs::Pairs;

/// Two queries, one a line: the first is signed, and both are sent under its sign.
///
/// # Panics
/// When both are taken and read otherwise.
pub fn fields(data: &[u8]) {
    let Some((genuine, sent)) = str::from_utf8(data)
        .ok()
        .and_then(|text| text.split_once('\n'))
    else {
        return;
    };
    let (Some(genuine), Some(sent)) = (unsigned(genuine), unsigned(sent)) else {
        return;
    };
    let key = Secret::new(1, "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8i", None);
    let pairs = genuine
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    let sign = md5_sign(pairs, &key);
    let other = Secret::new(1, "89unJUB8HZ54Hj7x4nUj56HN4nUzUJ8j", None);
    let Some(fields) = with_sign(genuine.clone(), &sign) else {
        return;
    };
    assert!(verifies(&fields, &key), "signed and not taken: {genuine:?}");
    assert!(
        !verifies(&fields, &other),
        "taken by another key: {genuine:?}"
    );
    if let (Some(right), Some(forged)) = (read(genuine, &sign, &key), read(sent, &sign, &key)) {
        assert_eq!(right, forged);
    }
}

type Named = Vec<(String, String)>;

fn unsigned(query: &str) -> Option<Named> {
    Fields::from_query(query).ok()?;
    let pairs = Pairs::from_query(query).ok()?;
    let unsigned = pairs.iter().filter(|(name, _)| *name != "sign");
    Some(
        unsigned
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

/// Nothing where that is one field too many.
fn with_sign(mut named: Named, sign: &str) -> Option<Fields> {
    named.push(("sign".to_owned(), sign.to_owned()));
    let query = Pairs::from_stored(named).to_query();
    Fields::from_query(&query).ok()
}

/// What is read of an order that is taken, less what is blank.
fn read(named: Named, sign: &str, key: &Secret) -> Option<Named> {
    let fields = with_sign(named, sign)?;
    fields
        .get("pid")
        .filter(|pid| !pid.trim_matches(' ').is_empty())?;
    if !verifies(&fields, key) {
        return None;
    }
    let fields = as_signed(fields, key);
    one_meaning(&fields).ok()?;
    OrderCall::read(&fields).ok()?;
    let unsigned = ["sign", "sign_type"];
    let mut read: Named = fields
        .iter()
        .filter(|(name, value)| !unsigned.contains(name) && !value.trim_matches(' ').is_empty())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    read.sort();
    Some(read)
}
